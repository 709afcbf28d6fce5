"""The rest of the world: mail, documents, archives, the clock.

Invariant: nothing here decides; it carries.
"""
