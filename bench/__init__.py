"""Measurements: ours beside what a person would write by hand, in the same process."""
