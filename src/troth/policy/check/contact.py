"""Rules of the group `contact`."""
