"""Rules of the group `age`."""
