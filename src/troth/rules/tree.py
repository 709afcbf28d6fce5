"""The hash tree of sealed events: leaves, roots, and the proofs that need no database.

Source: RFC 6962 section 2.1 (Merkle hash trees, audit paths, consistency proofs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
Node = Callable[[int, int], bytes]  # (level, number) -> hash of a complete subtree


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf.

    >>> leaf_hash(b"").hex()[:8]
    '6e340b9c'
    """
    return sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def added(size: int, leaf: bytes, node: Node) -> Iterator[tuple[int, int, bytes]]:
    """Yield the complete subtrees that a leaf at place `size` completes, as (level, number, hash)."""
    level, number, current = 0, size, leaf
    yield level, number, current
    while number % 2:
        current = node_hash(node(level, number - 1), current)
        level, number = level + 1, number // 2
        yield level, number, current


def peaks(size: int) -> list[tuple[int, int]]:
    """Return the complete subtrees a tree of `size` leaves is made of, the largest first.

    >>> peaks(7)
    [(2, 0), (1, 2), (0, 6)]
    """
    found, start = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size & (1 << level):
            found.append((level, start >> level))
            start += 1 << level
    return found


def root(size: int, node: Node) -> bytes:
    """Return the root hash of the first `size` leaves."""
    if size == 0:
        return EMPTY_ROOT
    hashes = [node(level, number) for level, number in peaks(size)]
    return _joined(hashes)


def _joined(hashes: Sequence[bytes]) -> bytes:
    current = hashes[-1]
    for left in reversed(hashes[:-1]):
        current = node_hash(left, current)
    return current


def _range(start: int, end: int, node: Node) -> bytes:
    """Return the hash of the subtree over leaves `start` to `end`, which starts on a boundary of its size."""
    return _joined([node(level, (start >> level) + number) for level, number in peaks(end - start)])


def inclusion(place: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of the leaf at `place` in a tree of `size` leaves (RFC 6962, 2.1.1)."""

    def path(start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        split = start + _split(end - start)
        if place < split:
            return [*path(start, split), _range(split, end, node)]
        return [*path(split, end), _range(start, split, node)]

    return path(0, size)


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that the first `old` leaves of a tree are the tree it was then (RFC 6962, 2.1.2)."""

    def proof(start: int, end: int, complete: bool) -> list[bytes]:
        if old == end:
            return [] if complete else [_range(start, end, node)]
        split = start + _split(end - start)
        if old <= split:
            return [*proof(start, split, complete), _range(split, end, node)]
        return [*proof(split, end, False), _range(start, split, node)]

    return [] if old in {0, size} else proof(0, size, True)


def _split(count: int) -> int:
    """Return the largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def included(leaf: bytes, place: int, size: int, path: Sequence[bytes], claimed: bytes) -> bool:
    """Say whether a path leads from a leaf to the claimed root."""
    if not 0 <= place < size:
        return False
    current, at, last = leaf, place, size - 1
    for sibling in path:
        if last == 0:
            return False
        if at % 2 or at == last:
            current = node_hash(sibling, current)
            while at and not at % 2:
                at, last = at // 2, last // 2
        else:
            current = node_hash(current, sibling)
        at, last = at // 2, last // 2
    return last == 0 and current == claimed


def consistent(old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows the old tree to be the beginning of the new one."""
    if old > size:
        return False
    if old in {0, size}:
        return not proof and (old == 0 or old_root == new_root)
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    at, last = old - 1, size - 1
    while at % 2:
        at, last = at // 2, last // 2
    first = second = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while at and not at % 2:
                at, last = at // 2, last // 2
        else:
            second = node_hash(second, sibling)
        at, last = at // 2, last // 2
    return last == 0 and first == old_root and second == new_root


class Growing:
    """A tree that grows leaf by leaf and knows its root, in memory of its logarithm."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf."""
        at, current = self.size, leaf
        while at % 2:
            current = node_hash(self._peaks.pop(), current)
            at //= 2
        self._peaks.append(current)
        self.size += 1

    def add_all(self, leaves: Sequence[bytes]) -> None:
        """Add many leaves: those that make whole subtrees are hashed level by level."""
        at = 0
        while at < len(leaves):
            size = min(self.size & -self.size or 1 << 62, 1 << (len(leaves) - at).bit_length() - 1)
            level = leaves[at : at + size]
            while len(level) > 1:
                pairs = iter(level)
                level = [
                    sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)
                ]
            at += size
            self._put(level[0], size)

    def _put(self, current: bytes, size: int) -> None:
        """Add the hash of a whole subtree at a place where one of its size may begin."""
        place = self.size // size
        while place % 2:
            current = node_hash(self._peaks.pop(), current)
            place //= 2
        self._peaks.append(current)
        self.size += size

    def root(self) -> bytes:
        """Return the root hash now."""
        return _joined(self._peaks) if self._peaks else EMPTY_ROOT


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root hash over leaf hashes."""
    tree = Growing()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
