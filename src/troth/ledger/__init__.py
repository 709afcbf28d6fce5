"""What happened: the one memory.

Invariant: events are appended, never changed; state is folded from events only and
holds no personal data; whatever can be erased is ciphertext under a destroyable key.
"""
