"""Rules of the group `missing`."""
