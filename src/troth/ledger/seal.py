"""Sealing: committed events become leaves of the hash tree, and a signed checkpoint says so.

One sealer at a time, whichever process it is in.  Leaves are only ever inserted; a
checkpoint, once it has left the machine, makes any later change of an event show.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from troth.ledger import keys, note
from troth.ledger.append import microseconds
from troth.ledger.note import Checkpoint, Verifier
from troth.ledger.schema import Ledger
from troth.rules import tree

PURPOSE = "seal"
BATCH = 5000
_LOCK = text("SELECT pg_advisory_xact_lock(7210032)")
_SIZE = text("SELECT coalesce(max(number), -1) + 1 FROM leaves")
_PENDING = text(
    "SELECT u.seq, u.id, e.body FROM unsealed u JOIN events e ON e.seq = u.seq AND e.at_us = u.at_us "
    "ORDER BY u.seq LIMIT :batch"
)
_LEAF = text("INSERT INTO leaves VALUES (:number, :id, :hash)")
_NODE = text("INSERT INTO nodes VALUES (:level, :number, :hash)")
_FIND_NODE = text("SELECT hash FROM nodes WHERE level = :level AND number = :number")
_SEALED = text("DELETE FROM unsealed WHERE seq = :seq")
_LAST = text("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
_AT = text("SELECT note FROM checkpoints WHERE size >= :size ORDER BY size LIMIT 1")
_OLDER = text(
    "SELECT size, at_us, note FROM checkpoints WHERE size < :before ORDER BY size DESC LIMIT :limit"
)
_EXACTLY = text("SELECT note FROM checkpoints WHERE size = :size")
_CHECKPOINT = text("INSERT INTO checkpoints VALUES (:size, :at_us, :note)")


def verifiers(ledger: Ledger) -> tuple[Verifier, ...]:
    """Return every public key this ledger ever signed with, the newest first."""
    found = [note.verifier(ledger.origin, secret) for _, secret in keys.versions(ledger, PURPOSE)]
    return tuple(reversed(found))


def seal(ledger: Ledger) -> Checkpoint | None:
    """Seal what is not sealed yet, at most a batch, and sign; None when there is nothing to seal."""
    _, secret = keys.own_key(ledger, PURPOSE)
    with ledger.writing() as connection:
        if ledger.dialect == "postgresql":
            connection.execute(_LOCK)
        pending = connection.execute(_PENDING, {"batch": BATCH}).all()
        if not pending:
            return None
        size = int(connection.execute(_SIZE).scalar_one())
        fresh: dict[tuple[int, int], bytes] = {}

        def node(level: int, number: int) -> bytes:
            return (
                fresh[level, number] if (level, number) in fresh else stored_node(connection, level, number)
            )

        leaves = []
        for place, row in enumerate(pending, size):
            leaf = tree.leaf_hash(bytes(row.body))
            leaves.append({"number": place, "id": row.id, "hash": leaf})
            for level, number, hashed in tree.added(place, leaf, node):
                fresh[level, number] = hashed
        connection.execute(_LEAF, leaves)
        inner = [{"level": level, "number": n, "hash": h} for (level, n), h in fresh.items() if level]
        if inner:
            connection.execute(_NODE, inner)
        connection.execute(_SEALED, [{"seq": row.seq} for row in pending])
        size += len(pending)
        unsigned = Checkpoint(ledger.origin, size, tree.root(size, node))
        checkpoint = replace(unsigned, note=note.signed(unsigned.text(), ledger.origin, secret))
        bound = {"size": size, "at_us": microseconds(ledger.clock()), "note": checkpoint.note}
        connection.execute(_CHECKPOINT, bound)
    return checkpoint


def seal_all(ledger: Ledger) -> Checkpoint | None:
    """Seal everything; return the newest checkpoint, or None where there never was an event."""
    while seal(ledger) is not None:
        pass
    return checkpoint(ledger)


def checkpoint(ledger: Ledger, *, covering: int | None = None) -> Checkpoint | None:
    """Return the newest checkpoint, or the first that covers so many events; None where there is none."""
    with ledger.reading() as connection:
        if covering is None:
            written = connection.execute(_LAST).scalar()
        else:
            written = connection.execute(_AT, {"size": covering}).scalar()
    return None if written is None else Checkpoint.read(written, *verifiers(ledger))


def checkpoints(
    ledger: Ledger, *, limit: int, before: int | None = None
) -> tuple[tuple[Checkpoint, datetime], ...]:
    """Return checkpoints with when each was signed, the newest first: at most `limit`, smaller than `before`."""
    with ledger.looking() as connection:
        rows = connection.execute(_OLDER, {"before": before or 2**62, "limit": limit}).all()
    trusted = verifiers(ledger)
    return tuple(
        (Checkpoint.read(row.note, *trusted), datetime.fromtimestamp(row.at_us / 1_000_000, UTC))
        for row in rows
    )


def checkpoint_of(ledger: Ledger, size: int) -> Checkpoint | None:
    """Return the checkpoint that covers exactly so many events; None where none does."""
    with ledger.looking() as connection:
        written = connection.execute(_EXACTLY, {"size": size}).scalar()
    return None if written is None else Checkpoint.read(written, *verifiers(ledger))


def stored_node(connection: Connection, level: int, number: int) -> bytes:
    """Return the hash of a complete subtree; level 0 are the leaves."""
    if level == 0:
        found = connection.execute(
            text("SELECT hash FROM leaves WHERE number = :n"), {"n": number}
        ).scalar_one()
    else:
        found = connection.execute(_FIND_NODE, {"level": level, "number": number}).scalar_one()
    return bytes(found)
