"""What will be done in one store for some subjects, in order, and what cannot be planned.

A plan is compiled from the map and the live catalogue, before anybody is looked for.  It
says which rows are *held* by somebody else, which are *released*, and the changes that
follow, links first and children before parents.  What the catalogue would refuse is a
Problem here rather than a discovery halfway.

Danger: these are the orders for destroying data.  A row is released only when nobody who
stays owns it or points to it; a retained row keeps its owner's row and what it points to.

Law: GDPR Art. 17(1) (what goes), Art. 17(3) (what is retained), Art. 15(4) (others' rights).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from functools import cached_property

from troth.errors import Problem
from troth.law.period import Period
from troth.policy.yaml_text import plain
from troth.rules import archive
from troth.rules import catalogue as catalogues
from troth.rules.catalogue import Catalogue
from troth.rules.change import Change, Detach, Leave, Rehome, Remove, Unlist, Untie, Write, action
from troth.rules.foreign_key import AT_ONCE, can_wait, goes, loose, must_detach
from troth.rules.graph import Graph, Hop, components, draw
from troth.rules.map import (
    Blank,
    BlankLink,
    Map,
    MapTable,
    Part,
    Parts,
    RemoveElement,
    ReplaceOwner,
    Retain,
    Values,
    written_link,
)
from troth.rules.plan_problem import listed, missing_from, problem_at, problems_of


@dataclass(frozen=True)
class Plan:
    """The changes in order; `deferred` when foreign keys are to be checked at the end only."""

    graph: Graph
    changes: tuple[Change, ...]
    deferred: bool = False

    @property
    def store(self) -> str:
        """The store's name."""
        return self.graph.map.store

    @cached_property
    def sha256(self) -> str:
        """Hash the map, the catalogue and the changes: what an approval is given to."""
        map_ = _described(
            self.graph.map, {"file", "places", "credentials", "reviewed", "written", "finds_only"}
        )
        map_["tables"] = {
            name: _described(table, {"line"}) for name, table in self.graph.map.tables.items()
        }  # where it stands in the file says nothing
        written = json.dumps(
            [map_, catalogues.sha256(self.graph.catalogue), [_said(change) for change in self.changes]],
            sort_keys=True,
            ensure_ascii=False,
            default=_plainly,
        )
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def in_rounds(self) -> bool:
        """Tell whether one round of changes may leave more to do, found only once it is made.

        A retained row keeps an owner whose period is over until it gets another one; and a row that
        stays may have an owner that was reached by a pointer alone, which goes.
        """
        edges = self.graph.map.edges()
        pointed = {edge.target for edge in edges if edge.kind == "points_to"}
        for name, table in self.graph.map.tables.items():
            owners = {edge.target for edge in edges if edge.kind == "belongs_to" and edge.table == name}
            ways = sum(
                (edge.kind, edge.table) == ("belongs_to", name)
                or (edge.kind, edge.target) == ("points_to", name)
                for edge in edges
                if not edge.twin
            )
            match action(table):
                case Retain() if ways > 1:
                    return True
                case Blank() | ReplaceOwner() | Retain() if len(owners) > 1 and owners & pointed:
                    return True
                case _:
                    pass
        return False

    def retained(self) -> tuple[str, ...]:
        """Return the tables whose rows are retained for a while."""
        return tuple(t for t in self.graph.reached() if isinstance(action(self.graph.mapped(t)), Retain))

    @cached_property
    def archives(self) -> tuple[tuple[str, str], ...]:
        """Return each table with its archive, those whose rows belong to others before these."""
        return archive.in_order(self.graph.map)

    def removed(self) -> tuple[str, ...]:
        """Return the tables from which rows may go, in the order in which they go."""
        return tuple(change.table for change in self.changes if isinstance(change, Remove))


def _described(said: Map | MapTable, left_out: set[str]) -> dict[str, object]:
    """Return every field of a map or of a table of it, but these; its own words as plain values, where it has any."""
    found = {one.name: getattr(said, one.name) for one in fields(said) if one.name not in left_out | {"own"}}
    return found if said.own is None else {**found, "own": plain(said.own)}


def _plainly(value: object) -> object:
    """Return what JSON writes for a value that it does not know."""
    if is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return str(value)


def first_kept_day(period: Period, today: date) -> date:
    """Return the earliest trigger day whose period has not ended on `today`.

    >>> first_kept_day(Period(1, "months"), date(2026, 2, 28))
    datetime.date(2026, 2, 1)
    """
    day = _in_days(period).before(today) - timedelta(days=4)
    while end_of(period, day) <= today:
        day += timedelta(days=1)
    return day


def end_of(period: Period, trigger: date) -> date:
    """Return the day on which a retention that `trigger` started ends; hours count as whole days."""
    return _in_days(period).after(trigger)


def archived_until(table: MapTable, values: Mapping[str, object]) -> date | None:
    """Return the day on which a row of an archive must go; None where its day is not known, or the table is none."""
    done = action(table)
    if not table.archive_of or not isinstance(done, Retain):
        return None
    try:
        return end_of(done.period, date.fromisoformat(str(values.get(done.trigger))[:10]))
    except ValueError:
        return None


def copies_end(map_: Map, on: date) -> date | None:
    """Return the day on which nothing older than an erasure is left: old versions, then backups of them.

    None where the map says of neither that there are any.
    """
    day = on
    for period in (map_.versions_expire, map_.backups_expire):
        day = day if period is None else end_of(period, day)
    return None if map_.versions_expire is None and map_.backups_expire is None else day


def _in_days(period: Period) -> Period:
    return Period(-(-period.number // 24), "days") if period.unit == "hours" else period


def compile_plan(map_: Map, catalogue: Catalogue) -> tuple[Plan | None, tuple[Problem, ...]]:
    """Compile a plan; None when there is any Problem, and all of them.

    A map that only finds needs what it names to be there, and its plan changes nothing.
    """
    missing = (*missing_from(map_, catalogue), *archive.missing(map_, catalogue))
    if missing:
        return None, tuple(sorted(missing))
    graph = draw(map_, catalogue)
    if map_.finds_only:
        return Plan(graph, ()), ()
    problems = [*problems_of(graph), *archive.unfit(graph)]
    removals, untied, deferred, knots = _removals(graph)
    problems += knots
    if problems:
        return None, tuple(sorted(set(problems)))
    return Plan(graph, (*_links(graph), *_writes(graph), *untied, *removals), deferred), ()


# Changes


def _links(graph: Graph) -> Iterator[Leave | Unlist | Detach]:
    for each in graph.reached():
        for hop in graph.owners(each) if each in graph.shared else ():
            match hop.edge.leaving if hop.edge is not None else None:
                case BlankLink(values, parts):
                    yield Leave(hop, values, replaces=False, parts=parts)
                case ReplaceOwner():
                    values, parts = _new_owner(graph, hop)
                    yield Leave(hop, values, replaces=True, parts=parts)
                case RemoveElement():
                    yield Unlist(hop)
                case None:
                    pass
    for name, table in graph.map.tables.items():
        if table.impersonal is None and graph.catalogue.table(name) is not None:
            for key in graph.table(name).foreign_keys:
                column = loose(graph.table(name), key)
                if column is not None and must_detach(graph, name, key):
                    yield Detach(name, column, key)


def _writes(graph: Graph) -> Iterator[Write | Rehome]:
    for table in graph.reached():
        match action(graph.mapped(table)):
            case Blank(values, parts):
                yield Write(table, values, parts)
            case Retain(blank=values, parts=parts) if values or parts:
                yield Write(table, values, parts)
            case ReplaceOwner():
                for hop in graph.owners(table):
                    yield Rehome(hop, *_new_owner(graph, hop))
            case _:
                pass


def _new_owner(graph: Graph, hop: Hop) -> tuple[Values, Parts]:
    known = dict(graph.placeholder(hop.source))
    values = tuple(
        (own, known[target])
        for own, target in zip(hop.to_columns, hop.source_columns, strict=True)
        if target in known
    )
    inside = hop.to_at.inside
    if inside is None:
        return values, ()
    return (), tuple(Part(own, inside, value) for own, value in values)


def _removals(graph: Graph) -> tuple[list[Remove], list[Untie], bool, list[Problem]]:
    """Order the removals, children first; loosen or defer what goes round in circles."""
    going = [table for table in graph.reached() if goes(graph, table)]
    refers = [(name, key) for name in going for key in graph.table(name).foreign_keys if key.target in going]
    untied: list[Untie] = []
    problems: list[Problem] = []
    deferred = False
    for group in components(going, [(name, key.target) for name, key in refers]):
        inside = [(name, key) for name, key in refers if name in group and key.target in group]
        if len(group) == 1 and graph.catalogue.dialect not in AT_ONCE:
            inside = [(name, key) for name, key in inside if key.on_delete == "RESTRICT"]
        for name, key in inside:
            column = loose(graph.table(name), key)
            if column is not None:
                untied.append(Untie(name, column))
            elif len(group) > 1 and can_wait(graph.catalogue, key):
                deferred = True
    tied = [
        (name, key.target)
        for name, key in refers
        if name != key.target and Untie(name, loose(graph.table(name), key) or "") not in untied
        and not (deferred and can_wait(graph.catalogue, key))
    ]  # fmt: skip
    order = components(going, tied)
    for group in order:
        if len(group) > 1:
            what = f"Rows of {listed(group)} refer to one another in a circle that nothing loosens."
            remedy = "Make one of these foreign keys nullable or deferrable, or blank one of the tables."
            problems.append(problem_at(graph.map, group[0], ("erase",), what, remedy))
    for name, key in refers:
        if (
            name == key.target
            and key.on_delete == "RESTRICT"
            and graph.catalogue.dialect in ("sqlite", *AT_ONCE)
            and loose(graph.table(name), key) is None
        ):
            what = f"Rows of `{name}` restrict the removal of one another, and that link cannot be null."
            problems.append(
                problem_at(graph.map, name, ("erase",), what, "Make it nullable, or blank the rows.")
            )
    return (
        [Remove(table) for group in order for table in group],
        list(dict.fromkeys(untied)),
        deferred,
        problems,
    )


def _said(change: Change) -> list[object]:
    match change:
        case Leave(hop, values, parts=parts) | Rehome(hop, values, parts):
            return [type(change).__name__, hop.label, values, *_told(parts)]
        case Unlist(hop):
            return ["Unlist", hop.label]
        case Detach(table, column, key):
            return ["Detach", table, column, key.target]
        case Write(table, values, parts):
            return ["Write", table, values, *_told(parts)]
        case Untie(table, column):
            return ["Untie", table, column]
        case Remove(table):
            return ["Remove", table]


def _told(parts: Parts) -> Iterator[list[object]]:
    for part in parts:
        yield [written_link((part.column,), part.inside), part.value]
