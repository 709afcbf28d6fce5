"""Read from the stores what was disclosed: rows that say, by their map, what went to whom and when.

Each row is recorded once, as something that happened: whatever it lacks is a finding of the
audit.  It is read for somebody before an erasure takes the rows, and whenever their recipients
are looked up; and for everybody by `troth disclosure read`.

Law: GDPR Arts. 5(2), 19; Case C-154/21.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import keys, read
from troth.rules import portable
from troth.rules.disclosure import Disclosure
from troth.rules.map import Discloses, Map, MapTable
from troth.stores.contract import Replays, Row, Who
from troth.work import disclose
from troth.work.establishment import day_here
from troth.work.project import Project

AT_ONCE = 200
STAFF = "troth"


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read of one store: new disclosures, those known already, those that lacked something."""

    store: str
    new: int
    known: int
    lacking: int
    undated: int


def disclosing(map_: Map) -> Mapping[str, MapTable]:
    """Return the tables of a store whose rows are disclosures."""
    return {name: table for name, table in map_.tables.items() if table.discloses is not None}


def of_subject(project: Project, who: Who) -> int:
    """Record what the stores say was disclosed about somebody; return how many were new."""
    new = 0
    for name, map_ in sorted(project.maps.items()):
        tables = disclosing(map_)
        for row in project.stores[name].find([who]) if tables else ():
            new += _taken(project, name, tables, row, who).new
    return new


def of_everybody(project: Project, store: str, advance: Callable[[], object] = lambda: None) -> Taken:
    """Record what a store says was disclosed about whomever it names; killed, it goes on where it stopped.

    Raises NotFoundError where there is no such store, NotAllowedError where its map tells of
    no disclosures or its kind cannot be read whole.
    """
    if store not in project.maps:
        raise NotFoundError(f"There is no store called {store[:40]!r}. There are: {', '.join(project.maps)}.")
    tables, opened = disclosing(project.maps[store]), project.stores[store]
    if not tables:
        raise NotAllowedError(f"No table of `{store}` records disclosures: its map has no `discloses:`.")
    if not isinstance(opened, Replays):
        kind = project.maps[store].kind
        raise NotAllowedError(f"A store of kind {kind} cannot be read whole. Import a file instead.")
    done = Taken(store, 0, 0, 0, 0)
    named: Iterator[Who] = (
        Who(f"{number}", entry.identifiers)
        for number, entry in enumerate(opened.entries())
        if entry.identifiers
    )
    while portion := list(islice(named, AT_ONCE)):
        by_subject = {who.subject: who for who in portion}
        for row in opened.find(portion):
            done = _sum(done, _taken(project, store, tables, row, by_subject[row.subject]))
            advance()
    return done


def _taken(project: Project, store: str, tables: Mapping[str, MapTable], row: Row, who: Who) -> Taken:
    """Record one row, where it is a disclosure about this subject."""
    table = tables.get(row.table)
    if table is None or table.discloses is None or portable.is_mention(row.path):
        return Taken(store, 0, 0, 0, 0)
    on = _day(row.values.get(table.discloses.on))
    made = _made(table.discloses, row.values, on or day_here(project))
    once = f"disclosure row {_mark(project, store, table, row.values)}"
    if read.said(project.ledger, once):
        return Taken(store, 0, 1, 0, 0)
    event = disclose.disclose(project, who.identifiers, made, staff=STAFF, happened=True, once=once)
    return Taken(store, 1, 0, bool(event.facts["lacks"]), on is None)


def _made(told: Discloses, values: Mapping[str, object], on: date) -> Disclosure:
    evidence = {name: said for name, each in told.evidence.items() if (said := each.of(values))}
    return Disclosure(
        told.to.of(values), told.categories, told.purpose.of(values), on, evidence,
        document=told.document.of(values),
    )  # fmt: skip


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _mark(project: Project, store: str, table: MapTable, values: Mapping[str, object]) -> str:
    """Name a row so that it is recorded once, by a keyed hash: the name shows nothing of it."""
    _, secret = keys.own_key(project.ledger, "fingerprint/disclosure")
    key = [column for column, category in table.columns.items() if category == "key"] or list(values)
    said = json.dumps([store, table.name, *(str(values.get(column)) for column in key)], ensure_ascii=False)
    return hmac.digest(secret, said.encode(), "sha256").hex()


def _sum(one: Taken, other: Taken) -> Taken:
    return Taken(
        one.store, one.new + other.new, one.known + other.known, one.lacking + other.lacking,
        one.undated + other.undated,
    )  # fmt: skip
