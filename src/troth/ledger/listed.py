"""The list of requests: one narrow row for each, so that a list of a hundred thousand is picked, sorted and counted.

It is written in the transaction that writes the state, and made from the states where lines are missing; nothing in
it says more than they do.  Each line names the version of the state that it was made of: an older Troth that still
writes beside this one writes states alone, or lines without their version, and that is seen.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, text

from troth.ledger.schema import Ledger
from troth.rules.request import OPEN
from troth.rules.request_line import COLUMNS, held, line, waiting
from troth.rules.request_wait import Step

FAMILY = "request"
PAGE = 1000
_WRITTEN = (*COLUMNS, "version")
_SET = text(
    f"INSERT INTO requests ({', '.join(_WRITTEN)}) VALUES ({', '.join(f':{name}' for name in _WRITTEN)}) "  # noqa: S608
    f"ON CONFLICT (number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _WRITTEN[1:])} "
    "WHERE excluded.version >= requests.version"
)
_OTHER_COUNT = text(
    "SELECT (SELECT count(*) FROM requests) <> (SELECT count(*) FROM state WHERE family = 'request')"
)
_BEHIND = (
    "FROM state s WHERE s.family = 'request' AND NOT EXISTS "
    "(SELECT 1 FROM requests r WHERE r.number = substr(s.stream, 9) AND r.version = s.version)"
)
_BESIDE = (
    "FROM requests WHERE NOT EXISTS "
    "(SELECT 1 FROM state s WHERE s.family = 'request' AND s.stream = 'request/' || requests.number)"
)
_STATES = text(
    f"SELECT s.stream, s.version, s.body {_BEHIND} AND s.stream > :after ORDER BY s.stream LIMIT :page"
)
_WRONG = text(f"SELECT (SELECT count(*) {_BEHIND}) + (SELECT count(*) {_BESIDE})")
_LATER: Mapping[str, str] = {
    "version": "bigint NOT NULL DEFAULT 0", "kept_back_by": "text NOT NULL DEFAULT ''",
}  # fmt: skip
"""What the list of an older ledger may lack."""
_BY_HOLDS = text(
    "CREATE INDEX IF NOT EXISTS requests_kept_back ON requests (number, kept_back_by) WHERE kept_back_by <> ''"
)
_KEPT_BACK = text(
    "SELECT number FROM requests WHERE kept_back_by <> '' AND kept_back_by LIKE :held ESCAPE '!' ORDER BY number"
)
_COLUMNS = {
    "sqlite": text("SELECT name FROM pragma_table_info('requests')"),
    "postgresql": text(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('requests') AND attnum > 0 AND NOT attisdropped"
    ),
}
ORDERS: Mapping[str, str] = {
    "due": "safe_due IS NULL, safe_due, number",
    "legal": "legal_due IS NULL, legal_due, number",
    "received": "received DESC, number DESC",
    "oldest": "received, number",
}
"""By what a list is sorted; each is said with its last word, the number, so that pages never overlap."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One request of a list."""

    number: str
    subject: str
    entity: str
    status: str
    rights: tuple[str, ...]
    received: str
    safe_due: str | None
    legal_due: str | None
    ended_on: str | None
    waits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests: an empty word leaves none out; `entities` None are all, and no entity is nothing.

    `waits` is a step, `by` who would do it: what they may not do, because they did the step before, is left out.
    """

    entities: Collection[str] | None
    statuses: Sequence[str] = OPEN
    entity: str = ""
    right: str = ""
    number: str = ""
    due_before: str = ""
    subject: str = ""
    waits: Step | Literal[""] = ""
    by: str = ""


def lists(stream: str) -> bool:
    """Say whether a stream is a request's, which stands in the list."""
    return stream.startswith(f"{FAMILY}/")


def write(connection: Connection, states: Iterable[tuple[Mapping[str, Any], int]]) -> None:
    """Write the lines of requests, in the transaction that writes their states: each state with its version."""
    rows = [line(state) | {"version": version} for state, version in states]
    if rows:
        connection.execute(_SET, rows[0] if len(rows) == 1 else rows)


def fill(connection: Connection) -> None:
    """Make the lines that are missing or of another version than their states, where there are not as many as those.

    That is so for a ledger that has no list yet, and where an older Troth took requests in meanwhile.
    """
    if not connection.execute(_OTHER_COUNT).scalar():
        return
    connection.execute(text(f"DELETE {_BESIDE}"))
    after = ""
    while page := connection.execute(_STATES, {"after": after, "page": PAGE}).all():
        write(connection, ((json.loads(row.body), row.version) for row in page))
        after = page[-1].stream


def with_columns(connection: Connection) -> None:
    """Give the list of an older ledger the columns that it lacks: each line is then made anew."""
    there = set(connection.execute(_COLUMNS[connection.dialect.name]).scalars())
    if lacking := [name for name in _LATER if name not in there]:
        for name in lacking:
            connection.execute(text(f"ALTER TABLE requests ADD COLUMN {name} {_LATER[name]}"))
        clear(connection)
    connection.execute(_BY_HOLDS)


def wrong(ledger: Ledger) -> int:
    """Count the requests whose line is missing or of another version than their state, and the lines of none."""
    with ledger.looking() as connection:
        return int(connection.execute(_WRONG).scalar_one())


def clear(connection: Connection) -> None:
    """Empty the list, before it is made anew."""
    connection.execute(text("DELETE FROM requests"))


def page(
    ledger: Ledger, wanted: Wanted, *, order: str = "due", skip: int = 0, rows: int = 50
) -> list[Listed]:
    """Return a page of the requests that are wanted; one row more than `rows` is asked for by whoever pages."""
    rest = f"ORDER BY {ORDERS[order]} LIMIT :rows OFFSET :skip"
    return [_read(row) for row in _rows(ledger, wanted, ", ".join(COLUMNS), rest, rows=rows, skip=skip)]


def count(ledger: Ledger, wanted: Wanted) -> int:
    """Count the requests that are wanted."""
    return int(_rows(ledger, wanted, "count(*)")[0][0])


def waiting_alike(ledger: Ledger) -> list[tuple[str, str, tuple[str, ...], int]]:
    """Count the requests that wait for something, those alike together: (status, entity, what they wait for, rows)."""
    statement = text(
        "SELECT status, entity, waits, count(*) AS rows FROM requests WHERE waits <> '' GROUP BY status, entity, waits"
    )
    with ledger.looking() as connection:
        return [
            (row.status, row.entity, tuple(row.waits.split()), int(row.rows))
            for row in connection.execute(statement)
        ]


def kept_back(ledger: Ledger, name: str = "") -> list[str]:
    """Return the numbers of the requests of which holds, or the one of that name, keep something back."""
    sought = f"% {_plain(held(name))} %" if name else "%"
    with ledger.looking() as connection:
        return [str(row.number) for row in connection.execute(_KEPT_BACK, {"held": sought})]


def overdue(ledger: Ledger, entities: Collection[str] | None, today: str) -> int:
    """Count the open requests whose legal date is before a day (ISO 8601)."""
    rest = "AND ended_on IS NULL AND legal_due < :today"
    return int(_rows(ledger, Wanted(entities), "count(*)", rest, today=today)[0][0])


def with_legal_date(ledger: Ledger, entities: Collection[str] | None, since: str, until: str) -> int:
    """Count the requests whose legal date is in a period (ISO 8601; empty is without end)."""
    return int(_of_period(ledger, entities, "count(*)", since, until)[0][0])


def perhaps_late(
    ledger: Ledger, entities: Collection[str] | None, since: str, until: str, today: str
) -> list[str]:
    """Return the numbers of the requests whose legal date, in a period, came before they ended or is here now.

    Every late one is among them; whether each is, its state says.
    """
    rest = "AND (ended_on > legal_due OR (ended_on IS NULL AND legal_due <= :today))"
    return [
        str(row.number) for row in _of_period(ledger, entities, "number", since, until, rest, today=today)
    ]


def not_ended(ledger: Ledger, entities: Collection[str] | None) -> int:
    """Count the requests that have not ended."""
    return int(_rows(ledger, Wanted(entities, statuses=()), "count(*)", "AND ended_on IS NULL")[0][0])


def came(ledger: Ledger, entities: Collection[str] | None, since: str) -> list[tuple[str, int]]:
    """Count the requests that came since a day (ISO 8601), by day."""
    rest = "AND received >= :since GROUP BY received"
    found = _rows(ledger, Wanted(entities, statuses=()), "received, count(*) AS rows", rest, since=since)
    return [(row.received, int(row.rows)) for row in found]


def ended(ledger: Ledger, entities: Collection[str] | None, since: str) -> list[tuple[str, int | None, int]]:
    """Count the requests that ended since a day (ISO 8601), by day and by the days the answer took, if it was one."""
    what, rest = (
        "ended_on, answer_days, count(*) AS rows",
        "AND ended_on >= :since GROUP BY ended_on, answer_days",
    )
    found = _rows(ledger, Wanted(entities, statuses=()), what, rest, since=since)
    return [(row.ended_on, row.answer_days, int(row.rows)) for row in found]


def _of_period(
    ledger: Ledger,
    entities: Collection[str] | None,
    what: str,
    since: str,
    until: str,
    rest: str = "",
    **more: Any,
) -> Sequence[Any]:
    """Select `what` of the requests whose legal date is in a period, ended or not."""
    bound = {"since": since, "until": until or "9999-12-31", **more}
    period = "AND legal_due <> '' AND legal_due >= :since AND legal_due <= :until"
    return _rows(ledger, Wanted(entities, statuses=()), what, f"{period} {rest}", **bound)


def _rows(ledger: Ledger, wanted: Wanted, what: str, rest: str = "", **more: Any) -> Sequence[Any]:
    """Select `what` of the requests that are wanted; `rest` follows their conditions, and `more` is bound in it."""
    where, bound = _where(wanted)
    lists = [name for name, value in bound.items() if isinstance(value, list)]
    statement = text(f"SELECT {what} FROM requests WHERE {where} {rest}")  # noqa: S608
    with ledger.looking() as connection:
        return connection.execute(
            statement.bindparams(*(bindparam(name, expanding=True) for name in lists)), bound | more
        ).all()


def _where(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    conditions = ["1 = 1"]
    bound: dict[str, Any] = {}
    if wanted.entities is not None:
        conditions.append("entity IN :entities")
        bound["entities"] = sorted(wanted.entities) or ["\0"]
    if wanted.statuses:
        conditions.append("status IN :statuses")
        bound["statuses"] = list(wanted.statuses)
    for column in ("entity", "subject"):
        if value := getattr(wanted, column):
            conditions.append(f"{column} = :{column}")
            bound[column] = value
    if wanted.right:
        conditions.append("rights LIKE :right ESCAPE '!'")
        bound["right"] = f"% {_plain(wanted.right)} %"
    if wanted.number:
        conditions.append("number LIKE :number ESCAPE '!'")
        bound["number"] = f"%{_plain(wanted.number)}%"
    if wanted.due_before:
        conditions.append("safe_due <= :due_before")
        bound["due_before"] = wanted.due_before
    if wanted.waits:
        left = "replace(waits, :but, ' ')" if wanted.by else "waits"
        conditions.append(f"{left} LIKE :waits ESCAPE '!'")
        bound["waits"] = f"% {_plain(wanted.waits)}:%"
        bound |= {"but": f" {waiting(wanted.waits, wanted.by)} "} if wanted.by else {}
    return " AND ".join(conditions), bound


def _plain(written: str) -> str:
    """Write what somebody typed so that no letter of it is a pattern."""
    for letter in "!%_":
        written = written.replace(letter, f"!{letter}")
    return written


def _read(row: Any) -> Listed:
    return Listed(
        row.number, row.subject or "", row.entity, row.status, tuple(row.rights.split()), row.received, row.safe_due,
        row.legal_due, row.ended_on, tuple(row.waits.split()),
    )  # fmt: skip
