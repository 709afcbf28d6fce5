"""Rules of the group `terms`."""
