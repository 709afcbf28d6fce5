"""Where personal data lives: finding it, changing it, proving it gone.

Invariant: identifiers are bound, never patterns; whatever changes a store is measured
first, atomic per store, and safe to say twice.
"""
