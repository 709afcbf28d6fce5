"""What follows from law, promises and events: decisions, plans and verdicts.

Invariant: pure functions on frozen values; today is an argument, and a decision
carries its reason.
"""
