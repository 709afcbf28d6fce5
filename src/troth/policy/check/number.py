"""Rules of the group `number`."""
