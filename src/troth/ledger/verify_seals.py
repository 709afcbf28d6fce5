"""Verifying the seals alone, quickly: that no byte of a sealed event was changed, none is missing, none put in between.

It reads events and leaves side by side, in the order they were sealed, and hashes level by
level.  What `verify` finds besides (states, payloads, versions, what is not sealed) it does
not look at.

Source: RFC 6962, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
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
_EVENTS = "SELECT id, body FROM events ORDER BY seq"
_LEAVES = "SELECT id, hash FROM leaves ORDER BY number"
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
    events = iter(_rows(connection, _EVENTS))
    leaves = iter(_rows(connection, _LEAVES))
    aside: dict[str, bytes] = {}
    while some := list(islice(leaves, TOGETHER)):
        beside = list(islice(events, len(some)))
        if [row[0] for row in some] == [row[0] for row in beside]:
            hashed = [sha256(b"\x00" + row[1]).digest() for row in beside]
        else:  # sealed in another order than they were numbered, or something is missing: one by one
            aside |= {str(row[0]): bytes(row[1]) for row in beside}
            hashed = [_one(connection, aside, row, wrong) for row in some]
        if hashed != [bytes(row[1]) for row in some]:
            for found, row in zip(hashed, some, strict=True):
                if found != bytes(row[1]):
                    wrong.append(Wrong("Its bytes are not those that were sealed.", str(row[0])))
        yield hashed


def _one(connection: Any, aside: dict[str, bytes], row: Any, wrong: list[Wrong]) -> bytes:
    body = aside.pop(str(row[0]), None)
    if body is None:
        found = connection.execute(_BODY, {"id": row[0]}).scalar()
        body = None if found is None else bytes(found)
    if body is None:
        wrong.append(Wrong("The event is missing: its leaf is there.", str(row[0])))
        return bytes(row[1])
    return tree.leaf_hash(body)


def _rows(connection: Any, statement: str) -> Any:
    """Read rows straight from the driver, a portion at a time."""
    raw = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        cursor = raw.cursor()
        cursor.arraysize = TOGETHER
        return cursor.execute(statement)
    cursor = raw.cursor(name=f"seals_{abs(hash(statement))}", binary=True)
    cursor.itersize = TOGETHER
    return cursor.execute(statement)
