"""Verifying the seals alone, quickly: that no byte of a sealed event was changed, none is missing, none put in between.

It reads events and leaves side by side, in the order they were sealed, and hashes level by
level.  What `verify` finds besides (states, payloads, versions, what is not sealed) it does
not look at.

Source: RFC 6962, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, islice
from typing import Any

from sqlalchemy import text

from troth.errors import TamperedError
from troth.ledger import seal
from troth.ledger.note import Checkpoint
from troth.ledger.schema import Ledger
from troth.ledger.verify import FINDINGS_MAX, Verification, Wrong
from troth.rules import tree

TOGETHER = 4096
"""How many leaves are hashed into one subtree at a time: a power of two."""
_EVENTS = "SELECT body FROM events ORDER BY seq"
_ID = slice(7, 33)
"""Where the id stands in the bytes of an event: after `{"id":"`."""
_LAST = text("SELECT coalesce(max(number), -1) FROM leaves")
_LEAVES = text("SELECT id, hash FROM leaves WHERE number >= :start AND number < :end ORDER BY number")
# Ids and hashes one after the other, so that thousands of leaves are one row and two comparisons.
_SQLITE_LEAVES = (
    "SELECT count(*), group_concat(id), CAST(group_concat(CAST(hash AS text), '') AS blob) FROM "
    "(SELECT id, hash FROM leaves WHERE number >= :start AND number < :end ORDER BY number)"
)
_POSTGRESQL_LEAVES = (
    "SELECT count(*), string_agg(id, ',' ORDER BY number), string_agg(hash, ''::bytea ORDER BY number) "
    "FROM leaves WHERE number >= :start AND number < :end"
)
_BODY = text("SELECT body FROM events WHERE id = :id ORDER BY seq LIMIT 1")


def verify_seals(ledger: Ledger, told: Callable[[int], object] = lambda _: None) -> Verification:
    """Hash every sealed event anew, and compare with each checkpoint; memory does not grow with the ledger."""
    trusted, wrong = seal.verifiers(ledger), list[Wrong]()
    with ledger.reading() as connection:
        notes = connection.execute(text("SELECT size, note FROM checkpoints ORDER BY size")).all()
        wanted: dict[int, Checkpoint] = {}
        for row in notes:
            try:
                checkpoint = Checkpoint.read(row.note, *trusted)
            except TamperedError as error:
                wrong.append(Wrong(f"The checkpoint of {row.size} events: {error}"))
                continue
            wanted[checkpoint.size] = checkpoint
        sizes = sorted(wanted)
        growing = tree.Growing()
        for hashed in _hashed(connection, wrong):
            _grow(growing, hashed, sizes, wanted, wrong)
            told(len(hashed))
            if len(wrong) > FINDINGS_MAX:
                break
        for size in sizes:
            if size > growing.size:
                wrong.append(
                    Wrong(f"The checkpoint covers {size} events, and {size - growing.size} are not here.")
                )
    return Verification(growing.size, 0, 0.0, len(wanted), growing.root(), tuple(wrong))


def _grow(
    growing: tree.Growing,
    hashed: Sequence[bytes],
    sizes: list[int],
    wanted: dict[int, Checkpoint],
    wrong: list[Wrong],
) -> None:
    """Add leaves, as whole subtrees between two checkpoints, and compare each root on the way."""
    start, end = growing.size, growing.size + len(hashed)
    places = [size for size in sizes if start < size <= end]
    for place in [*places, end] if not places or places[-1] != end else places:
        growing.add_all(hashed[growing.size - start : place - start])
        if place in wanted and wanted[place].root != growing.root():
            wrong.append(
                Wrong(f"The checkpoint of {place} events does not fit the events: some were changed.")
            )


def _hashed(connection: Any, wrong: list[Wrong]) -> Iterator[list[bytes]]:
    """Yield the hashes of the sealed events, in their order; name those that are not what was sealed."""
    events = iter(_events(connection))
    together = text(_SQLITE_LEAVES if connection.dialect.name == "sqlite" else _POSTGRESQL_LEAVES)
    last: int = connection.execute(_LAST).scalar_one()
    aside: dict[str, bytes] = {}
    for start in range(0, last + 1, TOGETHER):
        bound = {"start": start, "end": start + TOGETHER}
        count, names, hashes = connection.execute(together, bound).one()
        bodies = list(chain.from_iterable(islice(events, count)))
        hashed = [sha256(b"\x00" + body).digest() for body in bodies]
        ids = b",".join([body[_ID] for body in bodies])
        if ids != (names or "").encode() or b"".join(hashed) != hashes:
            aside |= {body[_ID].decode("utf-8", "replace"): body for body in bodies}
            leaves = connection.execute(_LEAVES, bound).all()
            hashed = [_one(connection, aside, row, wrong) for row in leaves]
        yield hashed


def _one(connection: Any, aside: dict[str, bytes], leaf: Any, wrong: list[Wrong]) -> bytes:
    """Hash the event of a leaf, wherever it stands: it may have been sealed in another order than it was numbered."""
    name, sealed = str(leaf[0]), bytes(leaf[1])
    body = aside.pop(name, None)
    if body is None:
        found = connection.execute(_BODY, {"id": name}).scalar()
        body = None if found is None else bytes(found)
    if body is None:
        wrong.append(Wrong("The event is missing: its leaf is there.", name))
        return sealed
    hashed = tree.leaf_hash(body)
    if hashed != sealed:
        wrong.append(Wrong("Its bytes are not those that were sealed.", name))
    return hashed


def _events(connection: Any) -> Any:
    """Read events straight from the driver, a portion at a time."""
    raw = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        return raw.cursor().execute(_EVENTS)
    cursor = raw.cursor(name="seals", binary=True)
    cursor.itersize = TOGETHER
    return cursor.execute(_EVENTS)
