"""HMAC-SHA-256 with one key many times over: what depends on the key alone is done once.

Source: RFC 2104, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import TypeAlias

BLOCK = 64
Mac: TypeAlias = Callable[[bytes], bytes]
Macs: TypeAlias = Callable[[bytes, Iterable[bytes]], bytes]


def prekeyed(secret: bytes) -> Mac:
    """Return what computes the keyed hash of a message.

    >>> import hmac
    >>> prekeyed(b"k" * 32)(b"message") == hmac.digest(b"k" * 32, b"message", "sha256")
    True
    """
    many = prekeyed_many(secret)
    return lambda message: many(b"", (message,))


def prekeyed_many(secret: bytes) -> Macs:
    """Return what computes the keyed hashes of many messages with one start, one hash after the other.

    >>> prekeyed_many(b"k" * 32)(b"a", [b"b", b"c"]) == b"".join(map(prekeyed(b"k" * 32), [b"ab", b"ac"]))
    True
    """
    padded = (secret if len(secret) <= BLOCK else sha256(secret).digest()).ljust(BLOCK, b"\x00")
    inner = sha256(bytes(byte ^ 0x36 for byte in padded))
    outer = sha256(bytes(byte ^ 0x5C for byte in padded)).copy

    def macs(start: bytes, messages: Iterable[bytes]) -> bytes:
        started, made = inner.copy(), []
        started.update(start)
        begin = started.copy
        for (
            message
        ) in messages:  # a loop without calls of functions in Python: half of the time would go into them
            first = begin()
            first.update(message)
            second = outer()
            second.update(first.digest())
            made.append(second.digest())
        return b"".join(made)

    return macs
