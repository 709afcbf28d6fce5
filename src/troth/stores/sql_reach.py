"""Who reaches which rows: the statements by which a plan finds them.

Everything is set-based: forty thousand rows cost no more than a long text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from troth.rules.catalogue import Column
from troth.rules.change import action
from troth.rules.graph import PLAIN, At, Hop, Named
from troth.rules.map import Blank, Delete, InDocument, ReplaceOwner, Retain
from troth.stores.sql_dialect import quoted
from troth.stores.sql_term import SqlTerms
from troth.stores.sql_text import BY_DUE, CONTROLLER, Bind, Statement, Text, Way

# ruff: noqa: S608


class SqlReach(SqlTerms):
    """The statements that find rows, each written when first asked for."""

    def _live(self, table: str, alias: str, depth: int = 0) -> str:
        """Write that a row is somebody's still: neither a placeholder nor what an erasure left."""
        conditions = self._no_placeholder(table, alias)
        done = action(self.graph.mapped(table))
        named = {name.column for name in self.graph.names(table)}
        if isinstance(done, Blank) and named and named <= {name for name, _ in done.values}:
            conditions += f" AND {self._differs(table, alias, done.values, done.parts)}"
        elif isinstance(done, Blank | ReplaceOwner) and depth < 2:
            left = self._left(table, alias, done, depth)
            conditions += f" AND ({left}) IS NOT TRUE" if left else ""
        return conditions

    def _left(self, table: str, alias: str, done: Blank | ReplaceOwner, depth: int) -> str:
        """Write that an erasure has been here: the values are its own, and nobody live is left."""
        owners, pointers = self.graph.owners(table), self.graph.pointers(table)
        naming = self.graph.naming(table)
        if not owners and not pointers and not naming:
            return ""
        other = f"{alias}l"
        some = [self._tied(hop, alias) for hop in owners]
        none = []
        for hop in (*owners, *pointers):
            match = self._linked(hop, other, alias, looked=other)
            holds = f"EXISTS (SELECT 1 FROM {self.name(hop.source)} AS {other} WHERE {match}"
            none.append(f"NOT {holds}{self._live(hop.source, other, depth + 1)})")
            if hop.kind == "points_to":
                some.append(f"{holds})")
        for named in naming:
            none.append(f"NOT EXISTS ({self._named_by(named, table, alias, other)})")
            some = ["1 = 1"]
        values = (
            [f"NOT {self._differs(table, alias, done.values, done.parts)}"] if isinstance(done, Blank) else []
        )
        return " AND ".join([f"({' OR '.join(some)})", *values, *none])

    def _named_by(self, named: Named, table: str, alias: str, other: str) -> str:
        """Write a select of the attributes of a row that name somebody."""
        linked = " AND ".join(
            self._same(self._looked("", named.table, other, own), self._valued("", table, alias, key), "")
            for own, key in zip(named.link, named.key, strict=True)
        )
        value = self._valued(named.kind, named.table, other, named.column, named.at)
        some = self._somebody(named, value.text, value.family) or f"{value.text} IS NOT NULL"
        if value.elements is not None:
            some = f"EXISTS (SELECT 1 FROM {value.elements.source} WHERE {some})"
        conditions = [linked, some, *self._when(named.table, other, named.at.when)]
        return f"SELECT 1 FROM {self.name(named.table)} AS {other} WHERE {' AND '.join(conditions)}"

    def _going(self, text: Text, table: str, alias: str) -> str:
        """Write that a row is about to be removed."""
        if table not in self.graph.reached():
            return "1 = 0"
        match action(self.graph.mapped(table)):
            case Delete():
                return text.within(alias, "released", table)
            case Retain():
                fresh = text.within(alias, "fresh", table)
                return f"{text.within(alias, 'released', table)} AND NOT ({fresh})"
            case _:
                return "1 = 0"

    # Finding

    def _seed(self, named: Named, text: Text, extra: str) -> str:
        table = named.table
        return (
            f"SELECT {self._key_list(table, 't')}{extra} FROM {text.given(named.kind)} AS v "
            f"CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._given_match(named, table, 't', named.column, named.at)}{self._no_placeholder(table, 't')}"
            f"{self._ours(text, table, 't', by_name=True)}"
        )

    def _direct(self, hop: Hop, text: Text, extra: str) -> str:
        """Write how rows linked by an identifier are found even where their owner's row is gone."""
        assert hop.named is not None
        return (
            f"SELECT {self._key_list(hop.to, 't')}{extra} FROM {text.given(hop.named.kind)} AS v "
            f"CROSS JOIN {self.name(hop.to)} AS t "
            f"WHERE {self._given_match(hop.named, hop.to, 't', hop.to_columns[0], hop.to_at)}"
            f"{self._no_placeholder(hop.to, 't')}{self._ours(text, hop.to, 't', by_name=True)}"
        )

    def _due_rows(self, table: str, text: Text, extra: str) -> str:
        """Write the rows that are looked for because their retention has ended."""
        return (
            f"SELECT {self._key_list(table, 't')}{extra} FROM {text.rows('due', table)} AS n "
            f"CROSS JOIN {self.name(table)} AS t WHERE {self._key_equal(table, 't', 'n')}"
        )

    def _hop(self, hop: Hop, set_: str, text: Text, extra: str) -> str:
        match = self._linked(hop, "s", "t", looked="t")
        if self._told_by_key(hop):
            source, whose = self._as_rows(text, set_, hop.source), ""
        else:
            source = f"{text.rows(set_, hop.source)} AS n CROSS JOIN {self.name(hop.source)} AS s"
            whose = f"{self._key_equal(hop.source, 's', 'n')} AND "
        if hop.kind == "same" and hop.source == hop.to:  # a row leads to others of its name, not to itself
            match += f" AND NOT ({self._key_equal(hop.to, 't', 'n')})"
        return (
            f"SELECT {self._key_list(hop.to, 't')}{extra} FROM {source} CROSS JOIN {self.name(hop.to)} AS t "
            f"WHERE {whose}{match}{self._no_placeholder(hop.to, 't')}"
            f"{self._ours(text, hop.to, 't', by_name=hop.named is not None or hop.kind == 'same')}"
        )

    def _told_by_key(self, hop: Hop) -> bool:
        """Tell whether the keys of a set already say all that a hop links by: their rows need not be read again.

        Not where a text is compared, which the column's own collation has a say in.
        """
        key = self.graph.table(hop.source).key
        return (
            self.dialect.name == "postgresql"
            and hop.named is None
            and hop.source_at == PLAIN
            and set(hop.source_columns) <= set(key)
            and all(self._family(hop.source, column) in ("int", "uuid") for column in hop.source_columns)
        )

    def _as_rows(self, text: Text, set_: str, table: str) -> str:
        """Write the keys of a set as rows `s` of their table, of which nothing else is known."""
        key = self.graph.table(table).key
        named = ", ".join(f"n.k{number} AS {quoted(name)}" for number, name in enumerate(key, 1))
        return f"(SELECT {named} FROM {text.rows(set_, table)} AS n) AS s"

    def _controller(self, table: str, alias: str) -> str | None:
        """Write the text of a row's controller, empty where it names none; None where no row of the table can."""
        by_row = self.graph.map.controllers
        if by_row is None or self.graph.table(table).column(by_row.column) is None:
            return None
        kind = "CHAR" if self.dialect.name == "mariadb" else "TEXT"
        own = f"{alias}.{quoted(by_row.column)}"
        if by_row.table:
            of = f"{self.name(by_row.table)} AS ct WHERE ct.{quoted(by_row.key)} = {own}"
            own = f"(SELECT max(CAST(ct.{quoted(by_row.name)} AS {kind})) FROM {of})"
            return f"coalesce({own}, '')"
        return f"coalesce(CAST({own} AS {kind}), '')"

    def _ours(self, text: Text, table: str, alias: str, *, by_name: bool) -> str:
        """Write that a row is of a controller who is looked for.

        A row that names none is its owner's controller's; where only a name leads to it, it is ours.
        """
        if self.graph.map.controllers is None:
            return ""
        own = self._controller(table, alias)
        if own is None and not by_name:
            return ""
        return f" AND {self._among(text, own or chr(39) * 2)}"

    def _among(self, text: Text, own: str) -> str:
        first, other = self._alike(own, "text", "cv.x", "text")
        return f"EXISTS (SELECT 1 FROM {text.given(CONTROLLER)} AS cv WHERE {first} = {other})"

    def elsewhere(self) -> Statement | None:
        """Read which other controllers' rows the identifiers given lead to."""
        return self._once(("elsewhere",), self._elsewhere)

    def _elsewhere(self) -> Statement | None:
        text, found = Text(self), []
        ends = [(name.table, name.kind, name, name.column, name.at) for name in self.graph.named]
        ends += [
            (hop.to, hop.named.kind, hop.named, hop.to_columns[0], hop.to_at)
            for hop in self.graph.hops
            if hop.kind == "belongs_to" and hop.named is not None
        ]
        for table, kind, named, column, at in ends:
            own = self._controller(table, "t")
            if own is not None:
                found.append(
                    f"SELECT {own} AS c FROM {text.given(kind)} AS v CROSS JOIN {self.name(table)} AS t "
                    f"WHERE {self._given_match(named, table, 't', column, at)} AND NOT ({self._among(text, own)})"
                )
        return text.done(f"SELECT DISTINCT c FROM ({' UNION '.join(found)}) AS x") if found else None

    def reached_keys(self, table: str) -> Statement:
        """Read the keys of the rows reached, as text."""
        found = self._once(("reached keys", table), lambda: self._reached_keys(table))
        assert found is not None
        return found

    def _reached_keys(self, table: str) -> Statement:
        text = Text(self)
        kind = "CHAR" if self.dialect.name == "mariadb" else "TEXT"
        keys = ", ".join(f"CAST(t.{quoted(name)} AS {kind})" for name in self.graph.table(table).key)
        return text.done(
            f"SELECT {keys} FROM {text.rows('reach', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')}"
        )

    def stage_of(self, table: str) -> int:
        """Return the number of a table's stage; a stage that loops is all one."""
        for number, stage in enumerate(self.graph.stages):
            if table in stage.tables:
                return number
        return -1

    def circling(self, hop: Hop) -> bool:
        """Tell whether a hop stays inside its stage, which then loops."""
        return self.stage_of(hop.source) == self.stage_of(hop.to)

    def enter(self, table: str, known: frozenset[Bind]) -> Statement | None:
        """Find the rows of a table from the identifiers and from earlier stages: keys, count, unknown.

        `known` are the sets that are not empty; ways from others are left out.  It has ("all
        given", table) for a table whose rows found so far name nobody but by what was given.
        """
        ways = [
            Way((), (), ("given", named.kind), partial(self._seed, named))
            for named in self.graph.names(table)
        ]
        ways.append(Way((), (), ("due", table), partial(self._due_rows, table)))
        for hop in self.graph.into(table, "belongs_to", "points_to", "names"):
            if hop.kind == "belongs_to" and hop.named is not None:
                ways.append(Way((), (), ("given", hop.named.kind), partial(self._direct, hop)))
            if not self.circling(hop):
                write = partial(self._hop, hop, "reach")
                ways.append(Way((), (), ("reach", hop.source), write, self._spare(hop)))
        return self._reaching("enter", table, ways, known)

    def again(self, table: str, known: frozenset[Bind]) -> Statement | None:
        """Find further rows of a table from rows just found in its own stage."""
        ways = []
        for hop in self.graph.into(table, "belongs_to", "points_to", "same", "names"):
            if self.circling(hop):
                set_ = "unknown" if hop.kind == "same" else "new"
                spare = BY_DUE if hop.kind in ("same", "names") else None
                ways.append(Way((), (), (set_, hop.source), partial(self._hop, hop, set_), spare))
        return self._reaching("again", table, ways, known)

    def _reaching(
        self, what: str, table: str, ways: Sequence[Way], known: frozenset[Bind]
    ) -> Statement | None:
        live = tuple(way for way in ways if way.leads(known))
        if not live:
            return None

        def written() -> Statement:
            text = Text(self)
            extra = self._unknown(text, table)
            inner = " UNION ".join(way.write(text, extra) for way in live)
            if len(live) == 1:
                inner = f"SELECT DISTINCT * FROM ({inner}) AS y"
            if self.dialect.name == "postgresql":  # in the order of the key, its index is walked once
                numbers = range(1, len(self.keys(table)) + 1)
                inner += f" ORDER BY {', '.join(f'k{number}' for number in numbers)}"
            unknown = ", coalesce(sum(x.unknown), 0)" if self.names_one(table) else ", 0"
            own = ", ".join(f"x.k{number + 1}" for number in range(len(self.keys(table))))
            wanted = [f"({own}) NOT IN {text.rows('reach', table)}"] if what == "again" else []
            if ("spared", table) in known:
                wanted.append(f"({own}) NOT IN {text.rows('spared', table)}")
            if ("newer", table) in known:
                wanted.append(self._no_newer(text, table))
            where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
            return text.done(f"SELECT {self._gathered(table)}{unknown} FROM ({inner}) AS x{where}")

        sparing = (("spared", table) in known, ("newer", table) in known)
        return self._once((what, table, sparing, *(way.start for way in live)), written)

    def dated(self, table: str, alias: str = "t") -> str | None:
        """Write the day that starts a row's retention, as text; None where the map names no such column."""
        described, found = self.graph.mapped(table), self.graph.table(table)
        done = action(described)
        names = [retention.trigger for retention in described.retention]
        names += [done.trigger] if isinstance(done, Retain) else []
        for name in names:
            column = found.column(name)
            if column is not None and column.name not in found.unreadable:
                return self.dialect.day(column, f"{alias}.{quoted(name)}")
        return None

    def named_in(self, table: str, alias: str, column: str, at: At) -> str:
        """Write what stands in a place that names somebody, as it stands there; null where its condition fails."""
        value = f"{alias}.{quoted(column)}"
        if isinstance(at.inside, InDocument):
            value = self.dialect.insides.read(value, at.inside.path)
        conditions = self._when(table, alias, at.when)
        return f"CASE WHEN {' AND '.join(conditions)} THEN {value} END" if conditions else value

    def only_of(self, select: str, set_: str, table: str) -> Statement:
        """Narrow a select over a table, called t there, to the rows of a set."""
        text = Text(self)
        return text.done(f"{select} WHERE {text.within('t', set_, table)}")

    def _no_newer(self, text: Text, table: str) -> str:
        """Write that a row is not dated between two days that are bound."""
        first, last = text.place(("newer", table), 2)
        day = self.dated(table)
        return (
            f"NOT EXISTS (SELECT 1 FROM {self.name(table)} AS t WHERE {self._key_equal(table, 't', 'x')} "
            f"AND {day} > {first} AND {day} <= {last})"
        )

    def _spare(self, hop: Hop) -> Bind | None:
        """Return the set that makes a hop spare: where all that names its rows was given, `_direct` finds as much."""
        if hop.kind == "names":
            return BY_DUE
        one = hop.named is not None and hop.named.one_person and hop.kind != "points_to"
        return ("all given", hop.source) if one else None

    def names_one(self, table: str) -> bool:
        """Tell whether a row of the table names its subject for sure."""
        return any(named.one_person for named in self.graph.names(table))

    def _unknown(self, text: Text, table: str) -> str:
        """Write whether a row names its subject by an identifier that was not given."""
        parts = []
        for named in self.graph.names(table):
            if named.one_person:
                value = self._valued(named.kind, table, "t", named.column, named.at)
                known = " = ".join(self._alike("v.x", "text", value.text, value.family))
                some = self._somebody(named, value.text, value.family)
                found = f"t.{quoted(named.column)}" if named.at == PLAIN else value.text
                other = (
                    f"{found} IS NOT NULL{' AND ' + some if some else ''} AND NOT EXISTS "
                    f"(SELECT 1 FROM {text.given(named.kind)} AS v WHERE {known})"
                )
                if value.elements is not None:
                    other = f"EXISTS (SELECT 1 FROM {value.elements.source} WHERE {other})"
                parts.append(f"({' AND '.join([other, *self._when(table, 't', named.at.when)])})")
        return f", CASE WHEN {' OR '.join(parts)} THEN 1 ELSE 0 END AS unknown" if parts else ""

    def rows(self, table: str, limit: int | None, known: frozenset[Bind]) -> Statement | None:
        """Read the rows of a table, each once, after the sum of the ways that lead to it."""
        live = [(2**number, way) for number, way in enumerate(self.ways(table)) if way.leads(known)]
        if not live:
            return None

        def written() -> Statement:
            text = Text(self)
            keys = ", ".join(f"x.k{number + 1}" for number in range(len(self.keys(table))))
            columns = ", ".join(self.handed(column, "t") for column in self.readable(table))
            inner = " UNION ALL ".join(way.write(text, f", {weight} AS way") for weight, way in live)
            found = (
                f"SELECT w.ways, {columns} FROM (SELECT {keys}, sum(DISTINCT x.way) AS ways "
                f"FROM ({inner}) AS x GROUP BY {keys}) AS w CROSS JOIN {self.name(table)} AS t "
                f"WHERE {self._key_equal(table, 't', 'w')}"
            )
            return text.done(found + (f" LIMIT {limit}" if limit is not None else ""))

        return self._once(("rows", table, limit, *(weight for weight, _ in live)), written)

    def ways(self, table: str) -> tuple[Way, ...]:
        """Return each way to rows of a table."""
        if table not in self._table_ways:
            self._table_ways[table] = tuple(self._ways(table))
        return self._table_ways[table]

    def _ways(self, table: str) -> Iterable[Way]:
        for named in self.graph.names(table):
            label = f"identifier {table}.{named.column}"
            yield Way((label,), (), ("given", named.kind), partial(self._seed, named))
        for hop in self.graph.into(table, "same"):
            yield Way(self.graph.path(hop), (), ("named", hop.source), partial(self._hop, hop, "named"))
        for hop in self.graph.into(table, "belongs_to", "points_to", "mentions", "names"):
            conceals = hop.edge.conceals if hop.edge is not None else ()
            if hop.source in self.graph.reached():
                start = ("reach", hop.source)
                write = partial(self._hop, hop, "reach")
                yield Way(self.graph.path(hop), conceals, start, write, self._spare(hop))
            if hop.named is not None and hop.kind != "points_to":
                yield Way((hop.label,), conceals, ("given", hop.named.kind), partial(self._direct, hop))

    def handed(self, column: Column, alias: str) -> str:
        """Write a column as the driver can hand it over."""
        bare = f"{alias}.{quoted(column.name)}"
        as_text = any(each in column.type for each in self.dialect.as_text)
        return f"{bare}::text" if as_text else bare

    def readable(self, table: str) -> tuple[Column, ...]:
        """Return the columns this connection may read."""
        found = self.graph.table(table)
        return tuple(column for column in found.columns if column.name not in found.unreadable)
