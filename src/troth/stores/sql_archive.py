"""Moving rows to their archive and back, as SQL: which rows may go, how they are written and removed.

A row moves once no row in use belongs to it, points to it or mentions it: what is kept apart
leaves nothing behind that leads nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from troth.errors import NotAllowedError
from troth.rules.map import Archive
from troth.stores.sql_dialect import as_bytes, quoted
from troth.stores.sql_owners import SqlOwners
from troth.stores.sql_text import Statement, Text

# ruff: noqa: S608


def parts_of_key(written: str, columns: int) -> tuple[str, ...]:
    """Return the parts of a primary key as somebody wrote it: with a blank between, or as a list in JSON.

    Raises NotAllowedError where it is not clear where a part ends.

    >>> parts_of_key("7 2", 2), parts_of_key('["Le Mans", 2]', 2), parts_of_key("Le Mans", 1)
    (('7', '2'), ('Le Mans', '2'), ('Le Mans',))
    """
    if columns == 1:
        return (written,)
    parts = _listed(written) or tuple(written.split(" "))
    if len(parts) != columns:
        raise NotAllowedError(
            f"A key was given that does not have {columns} parts with a blank between. Nothing was changed. Where a "
            'part has a blank itself, write the key as a list: ["Le Mans", "2"].'
        )
    return parts


def _listed(written: str) -> tuple[str, ...]:
    try:
        found = json.loads(written, parse_int=str, parse_float=str)
    except ValueError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


_EXACTLY = {"sqlite": " COLLATE BINARY", "postgresql": ' COLLATE "C"'}


class SqlArchive(SqlOwners):
    """The statements by which rows are moved, each written when first asked for."""

    def movable(self, table: str, sets: tuple[str, ...]) -> Statement:
        """Find which rows of a table, in all of these sets, nothing in use needs any more: keys, count."""
        found = self._once(("movable", table, sets), lambda: self._movable(table, sets))
        assert found is not None
        return found

    def _movable(self, table: str, sets: tuple[str, ...]) -> Statement:
        text = Text(self)
        first, *others = sets
        where = [self._key_equal(table, "t", "n"), *(text.within("t", each, table) for each in others)]
        where += self._unneeded(table)
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows(first, table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {' AND '.join(where)}) AS x"
        )

    def _unneeded(self, table: str) -> Iterator[str]:
        for hop in self.graph.hops:
            if hop.kind in ("belongs_to", "mentions") and hop.source == table:
                other, match = hop.to, self._linked(hop, "t", "c", looked="c")
            elif hop.kind == "points_to" and hop.to == table:
                other, match = hop.source, self._linked(hop, "c", "t", looked="c")
            else:
                continue
            if not self.graph.mapped(other).archive_of:
                yield f"NOT EXISTS (SELECT 1 FROM {self.name(other)} AS c WHERE {match})"

    def returnable(self, archive: str, step: str, keys: Sequence[str]) -> Statement:
        """Find the rows that one step put into an archive (of these keys, where some are given): keys, count.

        A row whose owner is in an archive itself is left there: it would belong to nobody in use.
        """
        text, told = Text(self), self.graph.map.archive_of(archive)
        assert told is not None
        where = [f"t.{quoted(told.step)} = {self.literal(step)}"]
        if keys:
            where.append(f"({' OR '.join(self._keyed(archive, key) for key in keys)})")
        for hop in self.graph.owners(archive):
            if hop.edge is not None and hop.edge.twin:
                match = self._linked(hop, "o", "t", looked="o")
                where.append(f"NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match})")
        return text.done(
            f"SELECT {self._gathered(archive)} FROM (SELECT {self._key_list(archive, 't')} "
            f"FROM {self.name(archive)} AS t WHERE {' AND '.join(where)}) AS x"
        )

    def _keyed(self, archive: str, written: str) -> str:
        """Write that a row has this primary key, letter by letter whatever the collation of its columns."""
        names = self.graph.table(archive).key
        found = []
        for name, part in zip(names, parts_of_key(written, len(names)), strict=True):
            if self.dialect.name == "mariadb":
                own, given = as_bytes(f"CAST(t.{quoted(name)} AS CHAR)"), as_bytes(self.literal(part))
            else:
                own, given = f"CAST(t.{quoted(name)} AS TEXT)", self.literal(part)
            found.append(f"{own}{_EXACTLY.get(self.dialect.name, '')} = {given}")
        return f"({' AND '.join(found)})"

    def put_by(self, archive: str, step: str) -> Statement:
        """Count the rows that one step put into an archive."""
        told = self.graph.map.archive_of(archive)
        assert told is not None
        where = f"t.{quoted(told.step)} = {self.literal(step)}"
        return Statement(f"SELECT count(*) FROM {self.name(archive)} AS t WHERE {where}", ())

    def copied(self, source: str, target: str, set_: str, step: str, day: str) -> Statement:
        """Write the rows of a set into another table with the same columns; an archive says by what, and when."""
        text, told = Text(self), self.graph.map.archive_of(target)
        names = [quoted(name) for name in self._carried(target)]
        values = [f"t.{name}" for name in names]
        own = " OVERRIDING SYSTEM VALUE" if self.dialect.name == "postgresql" else ""
        if told is not None:
            names, values = self._marked(told, names, values, step, day)
        return text.done(
            f"INSERT INTO {self.name(target)} ({', '.join(names)}){own} SELECT {', '.join(values)} "
            f"FROM {text.rows(set_, source)} AS n CROSS JOIN {self.name(source)} AS t "
            f"WHERE {self._key_equal(source, 't', 'n')}"
        )

    def _carried(self, target: str) -> list[str]:
        """Name the columns that go along: all of the table but what the target computes itself."""
        of, there = self.graph.map.tables[target].archive_of or target, self.graph.table(target)
        names = []
        for column in self.graph.table(of).columns:
            same = there.column(column.name)
            kept = same is not None and same.type == column.type and not same.computed
            if not column.computed or kept:
                names.append(column.name)
        return names

    def _marked(
        self, told: Archive, names: list[str], values: list[str], step: str, day: str
    ) -> tuple[list[str], list[str]]:
        names, values = [*names, quoted(told.step)], [*values, self.literal(step)]
        return ([*names, quoted(told.on)], [*values, self.literal(day)]) if told.on else (names, values)

    def arrived(self, source: str, target: str, set_: str) -> Statement:
        """Count which rows of a set stand in the other table, by the primary key of both and value by value."""
        text = Text(self)
        same = [f"a.{quoted(k)} = t.{quoted(k)}" for k in self.graph.table(source).key]
        for name in self._carried(target):
            differs = self.dialect.differs.format(self._bare("a", name), self._bare("t", name))
            same.append(f"NOT ({differs})")
        return text.done(
            f"SELECT count(*) FROM {text.rows(set_, source)} AS n CROSS JOIN {self.name(source)} AS t "
            f"CROSS JOIN {self.name(target)} AS a WHERE {self._key_equal(source, 't', 'n')} AND {' AND '.join(same)}"
        )

    def _bare(self, alias: str, column: str) -> str:
        """Write a value so that no collation has a say in what is equal to it, whatever its type."""
        value = f"{alias}.{quoted(column)}"
        match self.dialect.name:
            case "mariadb":
                return f"CAST({value} AS BINARY)"
            case "postgresql":
                return f'CAST({value} AS TEXT) COLLATE "C"'  # not every type knows what is equal
            case "sqlite":
                return f"({value} COLLATE BINARY)"
            case _:
                return value

    def taken_out(self, table: str, set_: str) -> Statement:
        """Remove the rows of a set."""
        text = Text(self)
        rows, equal = text.rows(set_, table), self._key_equal(table, "t", "n")
        match self.dialect.name:
            case "mariadb":
                return text.done(
                    f"DELETE t FROM {rows} AS n STRAIGHT_JOIN {self.name(table)} AS t WHERE {equal}"
                )
            case "postgresql":
                return text.done(f"DELETE FROM {self.name(table)} AS t USING {rows} AS n WHERE {equal}")
            case _:
                return text.done(f"DELETE FROM {self.name(table)} AS t WHERE {text.within('t', set_, table)}")

    def still(self, table: str, set_: str) -> Statement:
        """Count which rows of a set are there."""
        text = Text(self)
        return text.done(
            f"SELECT count(*) FROM {text.rows(set_, table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')}"
        )
