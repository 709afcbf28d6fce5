"""Writing the sealed ledger to a file that anyone can verify without Troth's database.

JSON lines: whose ledger it is, one event a line in the order of the tree, the checkpoint,
and the ids of destroyed keys, so that a restored backup can be told to destroy them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import text

from troth.ledger import read, seal
from troth.ledger.schema import Ledger

FORMAT = "troth ledger 1"
PAGE = 1000


def export(ledger: Ledger) -> Iterator[bytes]:
    """Yield the lines of the export: everything that the newest checkpoint covers."""
    checkpoint = seal.checkpoint(ledger)
    size = 0 if checkpoint is None else checkpoint.size
    trusted = [str(one) for one in seal.verifiers(ledger)]
    yield _line({"format": FORMAT, "origin": ledger.origin, "keys": trusted, "events": size})
    statement = text(
        "SELECT l.number, e.body FROM leaves l JOIN events e ON e.id = l.id "
        "WHERE l.number > :after AND l.number < :size ORDER BY l.number LIMIT :page"
    )
    after = -1
    while after < size - 1:
        with ledger.reading() as connection:
            page = connection.execute(statement, {"after": after, "size": size, "page": PAGE}).all()
        if not page:
            break
        for row in page:
            yield _line({"event": bytes(row.body).decode()})
        after = page[-1].number
    if checkpoint is not None:
        yield _line({"checkpoint": checkpoint.note})
    destroyed = [event.facts["key"] for event in read.events(ledger, kind="key_destroyed")]
    yield _line({"destroyed_keys": destroyed})


def _line(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
