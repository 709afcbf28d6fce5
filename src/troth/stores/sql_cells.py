"""Reading and changing single values in SQL stores, exactly.

A value travels as a text that says it exactly; `sql_coding` has how each engine writes it.

Danger: this overwrites values.  What prevents loss: an UPDATE names the coded value that it
replaces, and every row is read again afterwards; whatever is not as it must be undoes all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from troth.errors import ConflictError, NotAllowedError
from troth.rules.graph import Hop
from troth.rules.map import Copy
from troth.stores.amend import (
    Amended,
    Amendment,
    Cell,
    Coded,
    Columns,
    Conflict,
    OnConflict,
    Reason,
    Standing,
    Tally,
)
from troth.stores.contract import SideEffect, Who
from troth.stores.sql import Sql
from troth.stores.sql_coding import coding_of, typed
from troth.stores.sql_dialect import quoted
from troth.stores.sql_selection import Call, Selection, Session

# Names come from the catalogue and are quoted; values are bound.
# ruff: noqa: S608

ROWS_AMENDED_MAX = 200_000
ROWS_AT_ONCE = 500


# Statements


@dataclass(frozen=True, slots=True)
class Telling:
    """How the rows of one table are told: by these expressions, with a gap for the alias."""

    table: str
    keys: tuple[tuple[str, str], ...]  # and their types
    lasting: bool  # found again by it on another day


def telling(sql: Sql, table: str) -> Telling:
    """Say how a row is told from others; raises NotAllowedError where it cannot be."""
    found = sql.graph.table(table)
    if found.key:
        names = tuple((quoted(name).replace("{", "{{").replace("}", "}}"), name) for name in found.key)
        keys = tuple((f"{{0}}.{escaped}", typed(sql, table, name)) for escaped, name in names)
        return Telling(table, keys, lasting=True)
    if sql.keyless(table):
        raise NotAllowedError(
            f"The table `{table}` of the store `{sql.plan.store}` has no key, so a row of it cannot be told from "
            "others while it changes. Give it a primary key, or take it out of what is corrected."
        )
    return Telling(table, sql.keys(table), lasting=False)


def witnesses(sql: Sql, table: str, changed: Columns) -> Columns:
    """Return the columns that show a row to be still the same one: its links to owners, else its identifiers."""
    mapped = sql.graph.mapped(table)
    links = [name for edge in mapped.edges if edge.kind == "belongs_to" for name in edge.columns]
    if not links and mapped.subject is not None:
        links = [each.column for each in mapped.subject.identifiers if each.via is None]
    return tuple(name for name in dict.fromkeys(links) if name not in changed)


class Cells:
    """The statements that read and change single values of one store."""

    def __init__(self, sql: Sql, session: Session) -> None:
        self.sql = sql
        self.session = session
        self.coding = coding_of(sql)

    def begin(self) -> None:
        """Let texts lose nothing in this transaction."""
        self.session.many([(setting, []) for setting in self.coding.exact])

    def column(self, alias: str, table: str, name: str) -> str:
        """Write the coded value of a column."""
        return self.coding.read(f"{alias}.{quoted(name)}", typed(self.sql, table, name))

    def keys(self, told: Telling, alias: str) -> list[str]:
        """Write the coded key of a row."""
        return [self.coding.read(key.format(alias), declared) for key, declared in told.keys]

    def parameter(self, number: int) -> str:
        """Write the parameter of a number, from 1."""
        return self.sql.dialect.parameter.format(number)

    def by_key(self, told: Telling, first: int) -> str:
        """Write that a row has the key bound from parameter `first`."""
        return " AND ".join(
            self.coding.found(key.format("t"), self.parameter(first + number), declared)
            for number, (key, declared) in enumerate(told.keys)
        )

    def looked(self, told: Telling, columns: Columns, key: Sequence[Coded]) -> Call:
        """Read columns of one row."""
        listed = ", ".join(self.column("t", told.table, name) for name in columns)
        return f"SELECT {listed} FROM {self.sql.name(told.table)} AS t WHERE {self.by_key(told, 1)}", list(
            key
        )

    def changed(self, told: Telling, amendment: Amendment) -> Call:
        """Change one row where every column still holds what it held."""
        bound: list[Coded] = []
        sets, same = [], []
        for cell in amendment.cells:
            bound.append(cell.after)
            value = self.coding.write(self.parameter(len(bound)), typed(self.sql, told.table, cell.column))
            sets.append(f"{quoted(cell.column)} = {value}")
        where = self.by_key(told, len(bound) + 1)
        bound.extend(amendment.key)
        for cell in amendment.cells:
            bound.append(cell.before)
            held = self.column("t", told.table, cell.column)
            same.append(self.coding.same.format(held, self.parameter(len(bound))))
        text = f"UPDATE {self.sql.name(told.table)} AS t SET {', '.join(sets)} WHERE {' AND '.join([where, *same])}"
        return text, bound


# Finding


def standing(
    sql: Sql, session: Session, who: Sequence[Who], wanted: Mapping[str, Columns], *, copies: bool
) -> tuple[Standing, ...]:
    """Read columns in every row of some subjects, and in rows that hold copies of them."""
    cells = Cells(sql, session)
    cells.begin()
    selection = Selection(sql, session)
    if not selection.give(who):
        return ()
    selection.reach()
    selection.share()
    found: list[Standing] = []
    for table, columns in wanted.items():
        if selection.counts.get(("reach", table), 0):
            found.extend(_standing(cells, selection, table, columns))
            for column in columns if copies else ():
                for hop, copied in copying(sql, table, column):
                    found.extend(_copied(cells, selection, table, column, hop, copied))
    return tuple(found)


def _standing(cells: Cells, selection: Selection, table: str, columns: Columns) -> Iterator[Standing]:
    rows = selection.counts["reach", table]
    if rows > ROWS_AMENDED_MAX:
        raise NotAllowedError(
            f"{rows:,} rows of `{table}` would be changed one by one, and {ROWS_AMENDED_MAX:,} is the most. "
            "Use a flag there, or fewer rows."
        )
    told = telling(cells.sql, table)
    seen = witnesses(cells.sql, table, columns)
    expressions = [*cells.keys(told, "t"), *(cells.column("t", table, name) for name in (*columns, *seen))]
    asked = [selection.bound(cells.sql.reading("reach", table, expressions))]
    shared = selection.held(table) > 0
    if shared:
        asked.append(selection.bound(cells.sql.reading("released", table, cells.keys(told, "t"))))
    answers = cells.session.many(asked)
    own = {_coded(row) for row in answers[1].rows} if shared else set()
    width = len(told.keys)
    for row in answers[0].rows:
        key, values = _coded(row[:width]), _coded(row[width:])
        yield Standing(
            table,
            key,
            dict(zip(columns, values[: len(columns)], strict=True)),
            tuple(zip(seen, values[len(columns) :], strict=True)),
            shared=shared and key not in own,
        )


def _copied(
    cells: Cells, selection: Selection, source: str, original: str, hop: Hop, copied: tuple[str, str]
) -> Iterator[Standing]:
    """Read the rows that hold a copy of a column of the rows found."""
    table, column = copied
    told, told_source = telling(cells.sql, table), telling(cells.sql, source)
    here, there = ("t", "s") if hop.to == table and hop.source == source else ("s", "t")
    seen = witnesses(cells.sql, table, (column,))
    expressions = [
        *cells.keys(told_source, there),
        *cells.keys(told, here),
        *(cells.column(here, table, name) for name in (column, *seen)),
    ]
    statement = cells.sql.reading_linked("reach", source, hop, expressions)
    first, second = len(told_source.keys), len(told_source.keys) + len(told.keys)
    for row in cells.session.many([selection.bound(statement)])[0].rows:
        coded = _coded(row)
        yield Standing(
            table,
            coded[first:second],
            {column: coded[second]},
            tuple(zip(seen, coded[second + 1 :], strict=True)),
            source=(source, original, coded[:first]),
        )


def copying(sql: Sql, table: str, column: str) -> Iterator[tuple[Hop, tuple[str, str]]]:
    """Yield where copies of a column are: what `copies` says, and links that go by its value."""
    for name, mapped in sql.graph.map.tables.items():
        for copy in mapped.copies:
            if (copy.source_table, copy.source_column) == (table, column):
                yield _hop_of(sql, name, copy), (name, copy.column)
    for hop in sql.graph.hops:
        edge = hop.edge
        if edge is None or edge.target != table or edge.target_columns != (column,):
            continue
        if edge.inside is not None:
            raise NotAllowedError(
                f"`{edge.table}` refers to `{table}.{column}` from inside a document, which a correction does not "
                "reach. Correct it there by hand."
            )
        yield hop, (edge.table, edge.columns[0])


def _hop_of(sql: Sql, table: str, copy: Copy) -> Hop:
    for hop in sql.graph.hops:
        edge = hop.edge
        if (
            edge is not None
            and edge.table == table
            and edge.target == copy.source_table
            and copy.via in edge.columns
        ):
            return hop
    raise NotAllowedError(
        f"The copy `{table}.{copy.column}` comes via `{copy.via}`, and no link of `{table}` to "
        f"`{copy.source_table}` has that column. Mend `copies` in the map."
    )


def _coded(row: Sequence[object]) -> tuple[Coded, ...]:
    return tuple(None if value is None else str(value) for value in row)


# Changing


def try_out(
    sql: Sql,
    session: Session,
    amendments: Sequence[Amendment],
    on_conflict: OnConflict,
    refused: Callable[[Exception], bool],
    *,
    left_out: Collection[int] = (),
) -> tuple[tuple[Amendment, ...], Amended]:
    """Change and look, in a transaction that is to be undone."""
    work = _worked(sql, session, amendments, on_conflict, refused, left_out)
    now = work.values()
    settled = tuple(
        replace(
            each,
            cells=tuple(
                Cell(cell.column, cell.before, after)
                for cell, after in zip(each.cells, now[number], strict=True)
            ),
        )
        for number, each in enumerate(amendments)
        if number in now
    )
    return settled, work.told("tried", session)


def amend(
    sql: Sql,
    session: Session,
    step: str,
    amendments: Sequence[Amendment],
    on_conflict: OnConflict,
    refused: Callable[[Exception], bool],
    *,
    left_out: Collection[int] = (),
) -> Amended:
    """Change what still holds what it held; check every value afterwards."""
    work = _worked(sql, session, amendments, on_conflict, refused, left_out)
    work.check()
    return work.told(step, session)


def _worked(
    sql: Sql,
    session: Session,
    amendments: Sequence[Amendment],
    on_conflict: OnConflict,
    refused: Callable[[Exception], bool],
    left_out: Collection[int],
) -> _Work:
    cells = Cells(sql, session)
    cells.begin()
    work = _Work(cells, amendments)
    work.look(on_conflict)
    session.watch([])
    if on_conflict == "leave":
        work.change_where_allowed(refused, left_out)
    else:
        work.change()
    return work


class RowRefused(Exception):  # noqa: N818
    """The database refuses a row, and its transaction is over: begin anew without it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Work:
    """One transaction's changes: which rows are left to do, and which values are in conflict."""

    def __init__(self, cells: Cells, amendments: Sequence[Amendment]) -> None:
        self.cells = cells
        self.all = amendments
        self.doing: dict[int, Amendment] = {}  # by number: what is really to be changed
        self.done: dict[int, Amendment] = {}
        self.conflicts: Counter[tuple[str, str, Reason]] = Counter()
        self.tellings = {table: telling(cells.sql, table) for table in {each.table for each in amendments}}

    def _many(self, calls: Sequence[Call]) -> Iterator[Sequence[tuple[object, ...]]]:
        for start in range(0, len(calls), ROWS_AT_ONCE):
            for answer in self.cells.session.many(calls[start : start + ROWS_AT_ONCE]):
                yield answer.rows

    def look(self, on_conflict: OnConflict) -> None:
        """Compare every row with what it held; keep what is to be changed."""
        calls = []
        for each in self.all:
            columns = tuple(cell.column for cell in each.cells) + tuple(name for name, _ in each.witness)
            calls.append(self.cells.looked(self.tellings[each.table], columns, each.key))
        for number, (each, rows) in enumerate(zip(self.all, self._many(calls), strict=True)):
            if not rows or not _same_row(each, _coded(rows[0])):
                self._conflict(
                    each, each.cells, "gone", on_conflict, lasting=self.tellings[each.table].lasting
                )
                continue
            now = _coded(rows[0])[: len(each.cells)]
            changed = tuple(
                cell
                for cell, value in zip(each.cells, now, strict=True)
                if value not in (cell.before, cell.after)
            )
            if changed:
                self._conflict(each, changed, "changed", on_conflict)
            due = tuple(
                cell
                for cell, value in zip(each.cells, now, strict=True)
                if value == cell.before and cell.before != cell.after
            )
            if due:
                self.doing[number] = replace(each, cells=due)

    def _conflict(
        self,
        each: Amendment,
        cells: Sequence[Cell],
        reason: Reason,
        on_conflict: OnConflict,
        *,
        lasting: bool = True,
    ) -> None:
        if on_conflict == "stop" and (reason != "gone" or not lasting):
            raise ConflictError(
                f"In the store `{self.cells.sql.plan.store}`, values of `{each.table}.{cells[0].column}` changed since "
                "they were read. Nothing was changed. Look again."
            )
        for cell in cells:
            self.conflicts[each.table, cell.column, reason] += 1

    def change(self) -> None:
        """Change every row that is left; raises NotAllowedError when one did not change."""
        numbers = list(self.doing)
        for start in range(0, len(numbers), ROWS_AT_ONCE):
            some = numbers[start : start + ROWS_AT_ONCE]
            calls = [self.cells.changed(self.tellings[self.all[n].table], self.doing[n]) for n in some]
            for number, answer in zip(some, self.cells.session.many(calls), strict=True):
                if answer.changed != 1:
                    raise NotAllowedError(self._other(self.all[number].table))
                self.done[number] = self.doing[number]
        self.cells.session.settle()

    def change_where_allowed(self, refused: Callable[[Exception], bool], left_out: Collection[int]) -> None:
        """Change every row that the store lets change; the others are conflicts."""
        for number in left_out:
            if number in self.doing:
                each = self.doing.pop(number)
                self.conflicts.update((each.table, cell.column, "refused") for cell in each.cells)
        if not self.cells.coding.savepoints:
            self._change_or_name(refused)
            return
        run = self.cells.session.many
        run([("SAVEPOINT troth_all", [])])
        try:
            self.change()
        except Exception as error:
            if not refused(error):
                raise
            run([("ROLLBACK TO SAVEPOINT troth_all", [])])
            self.done.clear()
        else:
            return
        waiting, self.doing = self.doing, {}
        for number, each in waiting.items():
            run([("SAVEPOINT troth_row", [])])
            self.doing = {number: each}
            try:
                self.change()
            except Exception as error:
                if not refused(error):
                    raise
                run([("ROLLBACK TO SAVEPOINT troth_row", [])])
                self.done.pop(number, None)
                for cell in each.cells:
                    self.conflicts[each.table, cell.column, "refused"] += 1
        self.doing = waiting

    def _change_or_name(self, refused: Callable[[Exception], bool]) -> None:
        """Change row by row; raises RowRefused at the first that cannot be, with which the transaction is over."""
        waiting = self.doing
        for number, each in waiting.items():
            self.doing = {number: each}
            try:
                self.change()
            except Exception as error:
                if not refused(error):
                    raise
                raise RowRefused(number) from None
        self.doing = waiting

    def values(self) -> dict[int, tuple[Coded, ...]]:
        """Read again what stands in every row of the amendments that is there."""
        calls = [
            self.cells.looked(self.tellings[each.table], tuple(cell.column for cell in each.cells), each.key)
            for each in self.all
        ]
        return {number: _coded(rows[0]) for number, rows in enumerate(self._many(calls)) if rows}

    def check(self) -> None:
        """Read again what was changed; raises NotAllowedError when something else stands there."""
        calls = [
            self.cells.looked(self.tellings[each.table], tuple(cell.column for cell in each.cells), each.key)
            for each in self.done.values()
        ]
        for each, rows in zip(self.done.values(), self._many(calls), strict=True):
            if not rows or _coded(rows[0]) != tuple(cell.after for cell in each.cells):
                raise NotAllowedError(self._other(each.table))

    def _other(self, table: str) -> str:
        return (
            f"In the store `{self.cells.sql.plan.store}`, rows of `{table}` do not hold their new values after the "
            "change; a trigger may have put others there. Nothing was changed."
        )

    def told(self, step: str, session: Session) -> Amended:
        """Count what was done."""
        counts: Counter[tuple[str, str]] = Counter()
        ours: Counter[str] = Counter()
        for each in self.done.values():
            ours[each.table] += 1
            for cell in each.cells:
                counts[each.table, cell.column] += 1
        mine = {(table, "update"): rows for table, rows in ours.items()}
        effects = tuple(
            SideEffect(table, verb, rows - (ours[table] if verb == "update" else 0))
            for (table, verb), rows in sorted(session.seen(mine).items())
            if rows > (ours[table] if verb == "update" else 0)
        )
        return Amended(
            self.cells.sql.plan.store,
            step,
            tuple(Tally(table, column, rows) for (table, column), rows in sorted(counts.items())),
            tuple(Conflict(*at, rows) for at, rows in sorted(self.conflicts.items())),
            effects,
        )


def _same_row(each: Amendment, now: tuple[Coded, ...]) -> bool:
    """Tell whether a row is the one that was read: one of its witnesses is as it was, or it never had any."""
    before = [value for _, value in each.witness]
    after = now[len(each.cells) :]
    if not any(value is not None for value in before):
        return True
    return any(old is not None and old == new for old, new in zip(before, after, strict=True))


# Remembering


def to_rows(done: Amended) -> str:
    """Write what a step did, as the store remembers it: names and numbers only."""
    return json.dumps(
        {
            "amended": [[each.table, each.column, each.rows] for each in done.counts],
            "conflicts": [[each.table, each.column, each.reason, each.rows] for each in done.conflicts],
            "side_effects": [[each.table, each.verb, each.rows] for each in done.side_effects],
            "certainty": done.certainty,
        },
        sort_keys=True,
    )


def is_amended(rows: str) -> bool:
    """Tell whether a remembered step changed single values, and was no erasure."""
    return "amended" in json.loads(rows)


def from_rows(store: str, step: str, rows: str) -> Amended:
    """Read what a step did."""
    read = json.loads(rows)
    return Amended(
        store,
        step,
        tuple(Tally(*each) for each in read["amended"]),
        tuple(Conflict(*each) for each in read["conflicts"]),
        tuple(SideEffect(*each) for each in read["side_effects"]),
        read["certainty"],
        resumed=True,
    )
