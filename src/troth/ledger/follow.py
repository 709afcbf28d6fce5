"""Following the ledger: what was written since, with nothing missed that commits late.

Numbers of rows are drawn before their transaction commits, so on PostgreSQL a smaller number
may appear after a larger one.  A number is *settled* when every transaction that ran when it
was seen has ended; from the last settled number on, everything is read again at each look.
Whoever follows must not mind being told twice.

Source: PostgreSQL manual, functions of snapshots (pg_snapshot_xmin, pg_snapshot_xmax).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, text

from troth.ledger.schema import Ledger

PAGE = 20_000
Take: TypeAlias = Callable[[Sequence[Any]], object]
_SNAPSHOT = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)
_EVENTS = text(
    "SELECT seq, kind, stream, subject FROM events WHERE kind IN :kinds AND seq > :after ORDER BY seq LIMIT :page"
).bindparams(bindparam("kinds", expanding=True))
_NAMED = text(
    "SELECT number, key_version, mac, subject FROM fingerprints WHERE number > :after AND domain = 'requests' "
    "ORDER BY number LIMIT :page"
)
_CLOSED = text(
    "SELECT number, key_version, mac, form, controller, purpose, channel, state, at FROM suppressions "
    "WHERE number > :after AND (form = 'wide' OR state = 'resumed') ORDER BY number LIMIT :page"
)


@dataclass(slots=True)
class Cursor:
    """How far one table was read: everything up to `settled` for good."""

    settled: int = 0
    seen: int = 0
    waiting: deque[tuple[int, int]] = field(default_factory=deque)

    def saw(self, last: int, snapshot: tuple[int, int] | None) -> None:
        """Note that everything visible up to a number was read, under a snapshot (none where one writer writes)."""
        if snapshot is None:
            self.settled = max(self.settled, last)
            return
        xmin, xmax = snapshot
        if last > self.seen:
            self.waiting.append((last, xmax))
            self.seen = last
        while self.waiting and self.waiting[0][1] <= xmin:
            self.settled = max(self.settled, self.waiting.popleft()[0])


class Follower:
    """Reads what was written since the last look, on either engine."""

    def __init__(
        self, ledger: Ledger, kinds: Sequence[str], settled: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        self.ledger = ledger
        self.kinds = list(kinds)
        self.events, self.names, self.closed = (Cursor(at, at) for at in settled)

    @property
    def settled(self) -> tuple[int, int, int]:
        """From where to go on after a restart."""
        return self.events.settled, self.names.settled, self.closed.settled

    def look(self, named: Take, closed: Take, happened: Take) -> int:
        """Hand over what is new, page by page: names of subjects, closed addresses, events; return how many rows."""
        with self.ledger.reading() as connection:
            snapshot = None
            if self.ledger.dialect == "postgresql":
                row = connection.execute(_SNAPSHOT).one()
                snapshot = (int(row[0]), int(row[1]))
            return (
                _pages(connection, _NAMED, self.names, snapshot, named)
                + _pages(connection, _CLOSED, self.closed, snapshot, closed)
                + _pages(connection, _EVENTS, self.events, snapshot, happened, kinds=self.kinds)
            )


def _pages(
    connection: Connection,
    statement: Any,
    cursor: Cursor,
    snapshot: tuple[int, int] | None,
    take: Take,
    **more: object,
) -> int:
    after, count = cursor.settled, 0
    while True:
        rows = connection.execute(statement, {"after": after, "page": PAGE, **more}).all()
        if rows:
            take(rows)
            after, count = int(rows[-1][0]), count + len(rows)
        if len(rows) < PAGE:
            break
    cursor.saw(after, snapshot)
    return count
