"""Rules of the group `conflict`."""
