"""What an erasure must leave, told a second time: row by row in Python, without SQL or sets of keys.

Small and slow on purpose, and written from the rules alone: it shares no code with the
planner or the statements, only the map's own types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date

from troth.rules.map import Blank, BlankLink, Delete, Edge, Map, ReplaceOwner, Retain

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


class Oracle:
    """One state of a store, and what becomes of it."""

    def __init__(self, map_: Map, data: Data, links: Iterable[Link], today: date) -> None:
        self.map, self.data, self.links, self.today = map_, data, tuple(links), today

    # Words

    def act(self, table: str) -> object:
        erase = self.map.tables[table].erase
        return erase.do if erase is not None else None

    def identifiers(self, table: str) -> list[str]:
        subject = self.map.tables[table].subject
        return [identifier.column for identifier in subject.identifiers] if subject else []

    def rows(self, table: str) -> Iterable[tuple[int, Row]]:
        return self.data[table].items()

    def placeholder(self, table: str, row: Row) -> bool:
        marks = {
            n.rpartition(".")[2]: v for n, v in self.map.placeholder.items() if n.rpartition(".")[0] == table
        }
        return bool(marks) and all(row[column] == value for column, value in marks.items())

    def names(self, table: str, column: str, value: object) -> str | None:
        """Return whom a value names, or None: nobody is named by blanks or by what an erasure writes."""
        if value is None:
            return None
        if column not in self.identifiers(table):
            return f"={value}"
        written = str(value).strip(" \t\r\n").lower()
        act = self.act(table)
        values = (
            dict(act.values) if isinstance(act, Blank) else dict(act.blank) if isinstance(act, Retain) else {}
        )
        constant = values.get(column)
        if not written or (constant is not None and written == str(constant).lower()):
            return None
        return f"={written}"

    def linked(self, edge: Edge, row: Row, target: Row) -> bool:
        theirs = self.names(edge.target, edge.target_columns[0], target[edge.target_columns[0]])
        own = self.names(edge.target, edge.target_columns[0], row[edge.columns[0]])
        return own is not None and own == theirs

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
        names = self.identifiers(table)
        if isinstance(act, Blank) and names and set(names) <= {column for column, _ in act.values}:
            return any(row[column] != value for column, value in act.values)
        own = [edge for edge in self.edges("belongs_to") if edge.table == table]
        if isinstance(act, Blank | ReplaceOwner) and depth < 2:
            owners = [owner for _, owner in self.owners(place)]
            pointers = list(self.pointers(place))
            some = any(row[edge.columns[0]] is not None for edge in own) or pointers
            blanked = not isinstance(act, Blank) or all(row[column] == value for column, value in act.values)
            alone = not any(self.live(holder, depth + 1) for holder in (*owners, *pointers))
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
            for id_, row in self.rows(table):
                for column in self.identifiers(table):
                    if self.names(table, column, row[column]) in given:
                        add(table, id_)
                        roots.add((table, id_))
        for edge in self.edges("belongs_to"):
            column = edge.target_columns[0]
            if column in self.identifiers(edge.target):
                for id_, row in self.rows(edge.table):
                    if self.names(edge.target, column, row[edge.columns[0]]) in given:
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
            for column in self.identifiers(table):
                name = self.names(table, column, row[column])
                for other_table in self.map.tables:
                    for other_column in self.identifiers(other_table):
                        for other, other_row in self.rows(other_table):
                            if name is not None and name == self.names(
                                other_table, other_column, other_row[other_column]
                            ):
                                add(other_table, other)
        return found, {place for place in roots if place in found}

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
        after = deepcopy(self.data)
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
            case Blank(values) | Retain(blank=values):
                row.update(values)
            case ReplaceOwner():
                for edge in self.edges("belongs_to"):
                    if edge.table == table and row[edge.columns[0]] is not None:
                        row[edge.columns[0]] = self.stand_in(edge)
            case _:
                pass

    def stand_in(self, edge: Edge) -> object:
        return self.map.placeholder[f"{edge.target}.{edge.target_columns[0]}"]

    def _leave(self, after: Data, reached: set[Place], free: set[Place], emails: list[str]) -> None:
        """Apply `leaving` to rows that stay with somebody while one of their owners leaves."""
        given = {f"={email.strip().lower()}" for email in emails if email.strip()}
        for place in reached - free:
            table, id_ = place
            for edge in self.edges("belongs_to"):
                if edge.table != table or edge.leaving is None:
                    continue
                by_edge = [owner for each, owner in self.owners(place) if each == edge]
                column = edge.target_columns[0]
                leaves = any(owner in free for owner in by_edge) or (
                    column in self.identifiers(edge.target)
                    and self.names(edge.target, column, self.data[table][id_][edge.columns[0]]) in given
                )
                if leaves and not any(owner not in free and self.live(owner) for owner in by_edge):
                    values: Mapping[str, object] = (
                        dict(edge.leaving.values)
                        if isinstance(edge.leaving, BlankLink)
                        else {edge.columns[0]: self.stand_in(edge)}
                    )
                    match self.act(table):
                        case Blank(written) | Retain(blank=written):
                            blanked = dict(written)
                        case _:
                            blanked = {}
                    emptied = {name: blanked.get(name, "never") for name in values}
                    if not isinstance(edge.leaving, BlankLink) or any(
                        self.data[table][id_][name] != value for name, value in emptied.items()
                    ):
                        after[table][id_].update(values)
