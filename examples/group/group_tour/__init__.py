"""What the tour of the example company stands on."""
