"""Rows by which a subject is entered, so that an erasure can be recognised in a restored backup.

An *entry* is a row that names somebody by itself: a row of a subject table, or one linked by
an identifier.  Everything else is reached from one.  Here entries are read: those of some
subjects before their erasure, and all of them, as a stream, after a backup was restored.
What is newer than an erasure is *spared*: it is neither changed nor walked through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from troth.rules.catalogue import CatalogueTable
from troth.rules.graph import PLAIN, At, Named
from troth.rules.map import InList
from troth.stores.contract import Entry, Spared, Who
from troth.stores.sql import Sql
from troth.stores.sql_dialect import mariadb_key
from troth.stores.sql_selection import Call, Selection, Session

ROWS_AT_ONCE = 2_000  # of the entries of some subjects; more are streamed

# Names come from the catalogue and are quoted; values are bound.
# ruff: noqa: S608


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the entries of one table are read: in this order, key, place, identifiers, day."""

    table: str
    key: tuple[str, ...]
    places: int
    named: tuple[Named, ...]
    text: str
    given_again: bool
    only_named: bool  # rows that name nobody there are none: what stands in others may be anything


Place = tuple[str, At]


def entry_tables(sql: Sql) -> Mapping[str, Mapping[Place, Named]]:
    """Return the tables with entries, each with the places that name one person and what names them.

    A place is a column, or a path into a document, perhaps under a condition; not a list, which names several.
    """
    found: dict[str, dict[Place, Named]] = {}
    for named in sql.graph.named:
        if named.one_person:
            found.setdefault(named.table, {})[named.column, named.at] = named
    for hop in sql.graph.hops:
        if hop.kind == "belongs_to" and hop.named is not None and hop.named.one_person:
            found.setdefault(hop.to, {})[hop.to_columns[0], hop.to_at] = hop.named
    return {
        table: readable
        for table, places in found.items()
        if (
            readable := {
                (column, at): named
                for (column, at), named in places.items()
                if column not in sql.graph.table(table).unreadable and not isinstance(at.inside, InList)
            }
        )
    }


def _reading(sql: Sql, table: str, named: Mapping[Place, Named]) -> _Reading:
    found = sql.graph.table(table)
    key = () if set(found.key) & set(found.unreadable) else found.key
    if {column for column, _ in named} & set(key):
        key = ()  # an identifier in the key says who it is, and not that it is the same row
    places = [expression.format("t") for expression, _ in sql.keys(table)]
    if sql.dialect.name in ("postgresql", "duckdb"):
        places = [f"{place}::text" for place in places]
    if sql.dialect.name == "mariadb":
        places = [
            mariadb_key(kind)[0].format(place)
            for place, (_, kind) in zip(places, sql.keys(table), strict=True)
        ]
    day = sql.dated(table) or "NULL"
    wanted = [sql.handed(column, "t") for name in key if (column := found.column(name)) is not None] + places
    wanted += [sql.named_in(table, "t", column, at) for column, at in named] + [day]
    text = f"SELECT {', '.join(wanted)} FROM {sql.name(table)} AS t"
    only_named = all(at != PLAIN for _, at in named)
    return _Reading(
        table, key, len(places), tuple(named.values()), text, _given_again(sql, found), only_named
    )


def _given_again(sql: Sql, table: CatalogueTable) -> bool:
    """Tell whether the engine may give the key of a row that went to another row."""
    if sql.dialect.name == "postgresql":
        return False
    shapes = {column.shape for name in table.key if (column := table.column(name)) is not None}
    return shapes == {"number"}


def entries(sql: Sql, session: Session, who: Sequence[Who] | None) -> Iterator[Entry]:
    """Yield every entry, or only those of some subjects, in bounded memory."""
    selection = Selection(sql, session)
    if who is not None:
        if not selection.give(who):
            return
        selection.reach()
    at_once: list[tuple[_Reading, Call]] = []
    for table, named in entry_tables(sql).items():
        reading = _reading(sql, table, named)
        if who is None:
            yield from _streamed(reading, session.stream((reading.text, ())))
        elif ("reach", table) in selection.sets:
            call = selection.bound(sql.only_of(reading.text, "reach", table))
            if selection.counts["reach", table] <= ROWS_AT_ONCE:
                at_once.append((reading, call))
            else:
                yield from _streamed(reading, session.stream(call))
    answers = session.many([call for _, call in at_once])
    for (reading, _), answer in zip(at_once, answers, strict=True):
        yield from _streamed(reading, iter(answer.rows))


def _streamed(reading: _Reading, rows: Iterator[tuple[object, ...]]) -> Iterator[Entry]:
    keys, places = len(reading.key), len(reading.key) + reading.places
    for row in rows:
        named = tuple(
            (one.kind, str(value))
            for one, value in zip(reading.named, row[places:-1], strict=True)
            if value is not None and str(value).strip() and str(value) not in map(str, one.nobody)
        )
        if reading.only_named and not named:
            continue
        yield Entry(
            table=reading.table,
            key=tuple(map(str, row[:keys])),
            place=row[keys:places],
            identifiers=named,
            day=_day(row[-1]),
            key_given_again=reading.given_again,
        )


def _day(value: object) -> date | None:
    try:
        return None if value is None else date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def left(sql: Sql, session: Session, who: Sequence[Who], spared: Spared) -> Mapping[str, int]:
    """Count, by table, the rows that these identifiers lead to and that are spared."""
    every, some = Selection(sql, session), Selection(sql, session)
    if not every.give(who):
        return {}
    some.give(who)
    some.spare(spared)
    every.reach()
    some.reach()
    return {
        table: rows
        for table in sql.graph.reached()
        if (rows := every.counts.get(("reach", table), 0) - some.counts.get(("reach", table), 0)) > 0
    }
