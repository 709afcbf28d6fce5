"""Folding all state anew from the events, which is all it was ever made of.

It needs no key: state holds no personal data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import text

from troth.ledger import listed
from troth.ledger.append import state_row
from troth.ledger.read import PAGE
from troth.ledger.schema import Ledger
from troth.rules.event import decode
from troth.rules.fold import fold

_STREAMS = text(
    "SELECT stream, version, body FROM events WHERE stream > :stream OR (stream = :stream AND version > :version) "
    "ORDER BY stream, version LIMIT :page"
)


def refolded(ledger: Ledger, told: Callable[[int], object] = lambda _: None) -> Iterator[dict[str, object]]:
    """Yield the state row of every stream, folded from its events, in the order of their names."""
    at: dict[str, object] = {"stream": "", "version": -1, "page": PAGE}
    current: tuple[str, dict[str, Any] | None, int] | None = None
    while True:
        with ledger.reading() as connection:
            page = connection.execute(_STREAMS, at).all()
        for row in page:
            if current is not None and current[0] != row.stream:
                yield state_row(current[0], current[1] or {}, current[2])
                current = None
            state = current[1] if current is not None else None
            current = (row.stream, fold(state, decode(bytes(row.body))), row.version)
        told(len(page))
        if len(page) < PAGE:
            break
        at |= {"stream": page[-1].stream, "version": page[-1].version}
    if current is not None:
        yield state_row(current[0], current[1] or {}, current[2])


def rebuild(ledger: Ledger, told: Callable[[int], object] = lambda _: None) -> int:
    """Replace all state by what the events say; return how many streams there are.

    Nobody may write meanwhile: on PostgreSQL the tables are locked, on SQLite the file is.
    """
    rows = list(refolded(ledger, told))
    with ledger.writing() as connection:
        if ledger.dialect == "postgresql":
            connection.execute(text("LOCK TABLE heads, state IN EXCLUSIVE MODE"))
        heads: dict[str, int] = {
            row.stream: row.version
            for row in connection.execute(text("SELECT stream, version FROM heads WHERE version > 0"))
        }
        connection.execute(text("DELETE FROM state"))
        current = [row for row in rows if heads.get(str(row["stream"])) == row["version"]]
        # Streams that were written, or begun, between reading and locking; and those that lack their head.
        behind = ({*heads} | {str(row["stream"]) for row in rows}) - {str(row["stream"]) for row in current}
        late = [_one(connection, stream) for stream in sorted(behind)]
        current += [row for row in late if row["version"]]
        if current:
            connection.execute(
                text("INSERT INTO state VALUES (:stream, :family, :version, :status, :due, :body)"), current
            )
        listed.clear(connection)
        listed.fill(connection)
    return len(current)


def _one(connection: Any, stream: str) -> dict[str, object]:
    state, version = None, 0
    for row in connection.execute(
        text("SELECT version, body FROM events WHERE stream = :s ORDER BY version"), {"s": stream}
    ):
        state, version = fold(state, decode(bytes(row.body))), row.version
    return state_row(stream, state or {}, version)
