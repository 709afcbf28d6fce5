"""HMAC-SHA-256 with one key many times over: what depends on the key alone is done once.

Source: RFC 2104, section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

BLOCK = 64


def prekeyed(secret: bytes) -> Callable[[bytes], bytes]:
    """Return what computes the keyed hash of a message.

    >>> import hmac
    >>> prekeyed(b"k" * 32)(b"message") == hmac.digest(b"k" * 32, b"message", "sha256")
    True
    """
    padded = (secret if len(secret) <= BLOCK else sha256(secret).digest()).ljust(BLOCK, b"\x00")
    inner = sha256(bytes(byte ^ 0x36 for byte in padded)).copy
    outer = sha256(bytes(byte ^ 0x5C for byte in padded)).copy

    def mac(message: bytes) -> bytes:
        first = inner()
        first.update(message)
        second = outer()
        second.update(first.digest())
        return second.digest()

    return mac
