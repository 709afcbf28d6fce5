"""What an erasure must leave, told a second time: row by row in Python, without SQL or sets of keys.

Small and slow on purpose, and written from the rules alone: it shares no code with the
planner or the statements, only the map's own types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from troth.rules.map import (
    Blank,
    Conditions,
    Delete,
    Edge,
    Identifier,
    InDocument,
    InList,
    Inside,
    Map,
    Part,
    RemoveElement,
    ReplaceOwner,
    Retain,
)

Row = dict[str, object]
Data = dict[str, dict[int, Row]]
Place = tuple[str, int]


@dataclass(frozen=True)
class Link:
    """A foreign key the database enforces: from one column to the id of a table."""

    table: str
    column: str
    target: str
    on_delete: str


def copied(value: Any) -> Any:
    """Return a copy that shares no dictionary and no list, which are all that changes here."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value


def text(value: object) -> str | None:
    """Return how a value is written; a document or a list is something, and nobody's number."""
    if value is None:
        return None
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def below(value: object, path: Iterable[str]) -> object:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def values_at(value: object, inside: Inside | None) -> list[str]:
    """Return the texts that stand in a place."""
    match inside:
        case None:
            found = [value]
        case InDocument(path):
            found = [below(value, path)]
        case InList(path, further):
            listed = below(value, path)
            found = [below(each, further) for each in listed] if isinstance(listed, list) else []
    return [written for each in found if (written := text(each)) is not None]


def differs(row: Row, values: Mapping[str, object], parts: Iterable[Part]) -> bool:
    """Tell whether anything is written there that is not there yet."""
    return any(row[column] != value for column, value in values.items()) or any(
        _part_there(row[part.column], part.inside) for part in parts
    )


def _part_there(value: object, inside: Inside) -> bool:
    """Tell whether something stands in a place that is to become null."""
    match inside:
        case InDocument(path):
            return below(value, path) is not None
        case InList(path, further):
            listed = below(value, path)
            return isinstance(listed, list) and any(below(each, further) is not None for each in listed)


def put(value: object, path: tuple[str, ...], new: object) -> object:
    """Return a document with one place replaced, where it is there."""
    if not path:
        return new
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: put(value[path[0]], path[1:], new)}


def write(row: Row, values: Mapping[str, object], parts: Iterable[Part]) -> None:
    row.update(values)
    for part in parts:
        match part.inside:
            case InDocument(path):
                row[part.column] = put(row[part.column], path, part.value)
            case InList(path, further):
                listed = below(row[part.column], path)
                if isinstance(listed, list):
                    new = [put(each, further, part.value) for each in listed]
                    row[part.column] = put(row[part.column], path, new)


def holds(conditions: Conditions, row: Row) -> bool:
    return all(
        row[each.column] is not None and str(row[each.column]) in set(map(str, each.values))
        for each in conditions
    )


class Oracle:
    """One state of a store, and what becomes of it."""

    def __init__(self, map_: Map, data: Data, links: Iterable[Link], today: date) -> None:
        self.map, self.data, self.links, self.today = map_, data, tuple(links), today

    # Words

    def act(self, table: str) -> object:
        erase = self.map.tables[table].erase
        return erase.do if erase is not None else None

    def identifiers(self, table: str) -> list[Identifier]:
        """Return the identifiers that stand in a table, whosever."""
        return [
            identifier
            for name, each in self.map.tables.items()
            for identifier in (each.subject.identifiers if each.subject else ())
            if table == (identifier.via.table if identifier.via else name)
        ]

    def attributes(self, table: str) -> list[Identifier]:
        """Return the identifiers in other tables that name rows of this one."""
        subject = self.map.tables[table].subject
        return [each for each in subject.identifiers if each.via is not None] if subject else []

    def rows(self, table: str) -> Iterable[tuple[int, Row]]:
        return self.data[table].items()

    def placeholder(self, table: str, row: Row) -> bool:
        marks = {
            n.rpartition(".")[2]: v for n, v in self.map.placeholder.items() if n.rpartition(".")[0] == table
        }
        return bool(marks) and all(row[column] == value for column, value in marks.items())

    def name(self, table: str, identifier: Identifier, written: str) -> str | None:
        """Return whom a value names, or None: nobody is named by blanks or by what an erasure writes."""
        written = written.strip(" \t\r\n").lower()
        act = self.act(table)
        values = (
            dict(act.values) if isinstance(act, Blank) else dict(act.blank) if isinstance(act, Retain) else {}
        )
        constant = values.get(identifier.column) if identifier.inside is None else None
        if not written or (constant is not None and written == str(constant).lower()):
            return None
        return f"={written}"

    def named(self, place: Place) -> set[str]:
        """Return everybody whom a row names by an identifier of its own."""
        table, id_ = place
        row = self.data[table][id_]
        return {
            name
            for identifier in self.identifiers(table)
            if holds(identifier.when, row)
            for written in values_at(row[identifier.column], identifier.inside)
            if (name := self.name(table, identifier, written)) is not None
        }

    def by_identifier(self, edge: Edge) -> Identifier | None:
        return next(
            (
                each
                for each in self.identifiers(edge.target)
                if each.column == edge.target_columns[0] and each.inside is None
            ),
            None,
        )

    def leads_to(self, edge: Edge, row: Row) -> list[str]:
        """Return what a row links to by an edge, element by element."""
        if not holds(edge.when, row):
            return []
        return [
            each
            for written in values_at(row[edge.columns[0]], edge.inside)
            if (each := self.link(edge, written)) is not None
        ]

    def link(self, edge: Edge, written: str) -> str | None:
        identifier = self.by_identifier(edge)
        return self.name(edge.target, identifier, written) if identifier is not None else f"={written}"

    def linked(self, edge: Edge, row: Row, target: Row) -> bool:
        theirs = text(target[edge.target_columns[0]])
        identifier = self.by_identifier(edge)
        if identifier is not None and not holds(identifier.when, target):
            return False
        return theirs is not None and self.link(edge, theirs) in self.leads_to(edge, row)

    def subject_of(self, place: Place) -> Iterable[Place]:
        """Return the row that an attribute names."""
        table, id_ = place
        row = self.data[table][id_]
        for name, each in self.map.tables.items():
            for identifier in each.subject.identifiers if each.subject else ():
                if (
                    identifier.via is not None
                    and identifier.via.table == table
                    and holds(identifier.when, row)
                ):
                    for other, target in self.rows(name):
                        if text(target["id"]) == text(row[identifier.via.columns[0]]):
                            yield name, other

    def naming(self, place: Place) -> list[Place]:
        """Return the attributes that name a row."""
        table, _ = place
        tables = {each.via.table for each in self.attributes(table) if each.via is not None}
        return [
            (other, id_)
            for other in tables
            for id_, _ in self.rows(other)
            if place in self.subject_of((other, id_)) and self.named((other, id_))
        ]

    def edges(self, kind: str) -> list[Edge]:
        return [edge for edge in self.map.edges() if edge.kind == kind]

    def owners(self, place: Place) -> Iterable[tuple[Edge, Place]]:
        table, id_ = place
        for edge in self.edges("belongs_to"):
            if edge.table == table:
                for other, target in self.rows(edge.target):
                    if self.linked(edge, self.data[table][id_], target):
                        yield edge, (edge.target, other)

    def pointers(self, place: Place) -> Iterable[Place]:
        table, id_ = place
        for edge in self.edges("points_to"):
            if edge.target == table:
                for other, row in self.rows(edge.table):
                    if self.linked(edge, row, self.data[table][id_]):
                        yield edge.table, other

    # Whose it is

    def live(self, place: Place, depth: int = 0) -> bool:
        table, id_ = place
        row, act = self.data[table][id_], self.act(table)
        if self.placeholder(table, row):
            return False
        names = {identifier.column for identifier in self.identifiers(table)}
        if isinstance(act, Blank) and names and names <= {column for column, _ in act.values}:
            return differs(row, dict(act.values), act.parts)
        own = [edge for edge in self.edges("belongs_to") if edge.table == table]
        if isinstance(act, Blank | ReplaceOwner) and depth < 2:
            owners = [owner for _, owner in self.owners(place)]
            pointers = list(self.pointers(place))
            some = any(holds(edge.when, row) and values_at(row[edge.columns[0]], edge.inside) for edge in own)
            some = some or bool(pointers) or bool(self.attributes(table))
            blanked = not isinstance(act, Blank) or not differs(row, dict(act.values), act.parts)
            alone = not any(self.live(holder, depth + 1) for holder in (*owners, *pointers))
            alone = alone and not self.naming(place)
            return not (some and blanked and alone)
        return True

    # The rules

    def reach(self, emails: Iterable[str]) -> tuple[set[Place], set[Place]]:
        """Return every row the identifiers lead to, and those they name themselves."""
        given = {f"={email.strip().lower()}" for email in emails if email.strip()}
        found: set[Place] = set()
        waiting: list[Place] = []

        def add(table: str, id_: int) -> None:
            if (table, id_) not in found and not self.placeholder(table, self.data[table][id_]):
                found.add((table, id_))
                waiting.append((table, id_))

        roots = set()
        for table in self.map.tables:
            for id_, _ in self.rows(table):
                if self.named((table, id_)) & given:
                    add(table, id_)
                    roots.add((table, id_))
        for table in self.map.tables:
            for id_, _ in self.rows(table):
                if any(self.named(place) & given for place in self.naming((table, id_))):
                    add(table, id_)
                    roots.add((table, id_))
        for edge in self.edges("belongs_to"):
            if self.by_identifier(edge) is not None:
                for id_, row in self.rows(edge.table):
                    if set(self.leads_to(edge, row)) & given:
                        add(edge.table, id_)
        while waiting:
            table, id_ = waiting.pop()
            row = self.data[table][id_]
            for edge in self.edges("belongs_to"):
                if edge.target == table:
                    for other, child in self.rows(edge.table):
                        if self.linked(edge, child, row):
                            add(edge.table, other)
            for edge in self.edges("points_to"):
                if edge.table == table:
                    for other, target in self.rows(edge.target):
                        if self.linked(edge, row, target):
                            add(edge.target, other)
            for subject in self.subject_of((table, id_)):
                add(*subject)
            names = self.named((table, id_))
            for other_table in self.map.tables:
                for other, _ in self.rows(other_table):
                    if names & self.named((other_table, other)):
                        add(other_table, other)
        return found, {place for place in roots if place in found}

    def concealed(self, emails: Iterable[str]) -> dict[Place, set[str]]:
        """Return what is masked in each row reached: what every way to it conceals."""
        given = {f"={email.strip().lower()}" for email in emails if email.strip()}
        reached, _ = self.reach(emails)
        found = {}
        for place in reached:
            ways = list(self._ways(place, reached, given))
            found[place] = set.intersection(*(set(conceals) for conceals in ways))
        return found

    def _ways(self, place: Place, reached: set[Place], given: set[str]) -> Iterable[tuple[str, ...]]:
        table, id_ = place
        row, names = self.data[table][id_], self.named(place)
        if names & given or any(names & self.named(other) for other in reached - {place}):
            yield ()
        if any(place in self.subject_of(other) for other in reached):
            yield ()
        for edge in self.map.edges():
            at, here = (edge.target, edge.table) if edge.kind != "points_to" else (edge.table, edge.target)
            if here != table:
                continue
            for other in reached:
                if other[0] == at:
                    holder = self.data[at][other[1]]
                    ends = (row, holder) if edge.kind != "points_to" else (holder, row)
                    if self.linked(edge, *ends):
                        yield edge.conceals
            if (
                edge.kind != "points_to"
                and self.by_identifier(edge)
                and set(self.leads_to(edge, row)) & given
            ):
                yield edge.conceals

    def fresh(self, reached: set[Place]) -> set[Place]:
        """Return the rows reached whose retention is not over."""
        kept = set()
        for table, id_ in reached:
            act = self.act(table)
            if isinstance(act, Retain):
                day = self.data[table][id_][act.trigger]
                if day is None or act.period.after(date.fromisoformat(str(day)[:10])) > self.today:
                    kept.add((table, id_))
        return kept

    def released(self, reached: set[Place], roots: set[Place], fresh: set[Place]) -> set[Place]:
        """Return the rows that nobody who stays holds; `fresh` grows by the owners of retained rows."""
        free = self._free(reached, roots, fresh)
        while True:
            kept = {
                owner
                for place in free & fresh
                for _, owner in self.owners(place)
                if owner in free - fresh and isinstance(self.act(owner[0]), Retain)
            }
            if not kept:
                return free
            fresh |= kept
            free = self._free(free, roots, fresh)

    def _free(self, reached: set[Place], roots: set[Place], fresh: set[Place]) -> set[Place]:
        free = set(reached)
        while True:
            held = set()
            for place in free - roots:
                owned = any(owner not in free and self.live(owner) for _, owner in self.owners(place))
                pointed = any(
                    (pointer not in free or (pointer in fresh and isinstance(self.act(pointer[0]), Retain)))
                    and self.live(pointer)
                    for pointer in self.pointers(place)
                )
                if owned or pointed:
                    held.add(place)
            if not held:
                return free
            free -= held

    def erase(self, emails: Iterable[str]) -> tuple[Data, set[Place]]:
        """Return the state after erasing these subjects, and the rows that may differ."""
        emails = list(emails)
        reached, roots = self.reach(emails)
        fresh = self.fresh(reached)
        free = self.released(reached, roots, fresh)
        after = copied(self.data)
        gone = {
            place
            for place in free
            if isinstance(self.act(place[0]), Delete)
            or (isinstance(self.act(place[0]), Retain) and place not in fresh)
        }
        self._leave(after, reached, free, emails)
        for table, id_ in free - gone:
            self._write(after[table][id_], table, act=self.act(table))
        for table, id_ in gone:
            del after[table][id_]
        for link in self.links:
            for row in after[link.table].values():
                if (link.target, row[link.column]) in gone:
                    row[link.column] = None
        return after, reached

    def _write(self, row: Row, table: str, act: object) -> None:
        match act:
            case Blank(values, parts) | Retain(blank=values, parts=parts):
                if differs(row, dict(values), parts):
                    write(row, dict(values), parts)
            case ReplaceOwner():
                before = dict(row)
                for edge in self.edges("belongs_to"):
                    if edge.table == table and self.leads_to(edge, before):
                        self._give(row, edge)
            case _:
                pass

    def _give(self, row: Row, edge: Edge) -> None:
        """Give a row to nobody."""
        stand_in = self.map.placeholder[f"{edge.target}.{edge.target_columns[0]}"]
        if edge.inside is not None:
            write(row, {}, [Part(edge.columns[0], edge.inside, stand_in)])
        elif isinstance(row[edge.columns[0]], str):
            row[edge.columns[0]] = str(stand_in)
        else:
            row[edge.columns[0]] = stand_in

    def _leave(self, after: Data, reached: set[Place], free: set[Place], emails: list[str]) -> None:
        """Apply `leaving` to rows that stay with somebody while one of their owners leaves."""
        given = {f"={email.strip().lower()}" for email in emails if email.strip()}
        for place in reached - free:
            table, id_ = place
            row = self.data[table][id_]
            for edge in self.edges("belongs_to"):
                if edge.table != table or edge.leaving is None:
                    continue
                by_edge = [owner for each, owner in self.owners(place) if each == edge]
                if isinstance(edge.leaving, RemoveElement):
                    self._unlist(after[table][id_], edge, [owner for owner in by_edge if owner in free])
                    continue
                leaves = any(owner in free for owner in by_edge) or (
                    self.by_identifier(edge) is not None and bool(set(self.leads_to(edge, row)) & given)
                )
                if not leaves or any(owner not in free and self.live(owner) for owner in by_edge):
                    continue
                if isinstance(edge.leaving, ReplaceOwner):
                    self._give(after[table][id_], edge)
                    continue
                values = dict(edge.leaving.values)
                match self.act(table):
                    case Blank(written) | Retain(blank=written):
                        blanked = dict(written)
                    case _:
                        blanked = {}
                emptied = {name: blanked.get(name, "never") for name in values}
                parts = edge.leaving.parts
                new = parts or any(row[name] != value for name, value in emptied.items())
                if new and differs(row, values, parts):
                    write(after[table][id_], values, parts)

    def _unlist(self, row: Row, edge: Edge, leaving: list[Place]) -> None:
        """Take out of a row's list those who leave."""
        assert isinstance(edge.inside, InList)
        listed = below(row[edge.columns[0]], edge.inside.path)
        gone = {text(self.data[table][id_][edge.target_columns[0]]) for table, id_ in leaving}
        if not isinstance(listed, list) or not gone:
            return
        kept = [each for each in listed if text(below(each, edge.inside.below)) not in gone - {None}]
        row[edge.columns[0]] = put(row[edge.columns[0]], edge.inside.path, kept)
