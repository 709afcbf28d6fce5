"""A plan as SQL: the statements by which rows are found, held back, changed and checked.

Everything is set-based.  A set of rows travels as the engine itself wrote it down (an array
on PostgreSQL, JSON on SQLite), bound as one parameter a key column and never looked into, so
a read-only connection that may not make temporary tables can use it, and forty thousand
rows cost no more than a long text.  Identifiers are bound and never patterns.  Names come
from the catalogue and are quoted; constants come from the map and are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from troth.rules.catalogue import Column
from troth.rules.graph import PLAIN, At, Hop, Named
from troth.rules.map import (
    Blank,
    Columns,
    Conditions,
    Delete,
    InDocument,
    InList,
    Part,
    Parts,
    ReplaceOwner,
    Retain,
    Value,
    Values,
)
from troth.rules.plan import Change, Detach, Leave, Plan, Rehome, Remove, Unlist, Untie, Write, action
from troth.stores.sql_dialect import Dialect, as_bytes, collation, mariadb_base, mariadb_key, quoted
from troth.stores.sql_inside import Elements, by_column, rewritten, told

# ruff: noqa: S608

CONTROLLER = "\0controller"
"""The kind under which the controllers are bound whose rows are looked for."""

Bind = tuple[str, str]
"""What stands for a parameter: the name of a set, and its table (or kind of identifier)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A text with numbered parameters, and what is bound to them in order."""

    text: str
    binds: tuple[Bind, ...]


# Writing


@dataclass(frozen=True, slots=True)
class Way:
    """One way to rows: its path, what it conceals, the set it starts from, and how it is written.

    It leads nowhere new once `spare` is known: another way then finds the same rows.
    """

    path: tuple[str, ...]
    conceals: Columns
    start: Bind
    write: Callable[[_Text, str], str]
    spare: Bind | None = None

    def leads(self, known: frozenset[Bind]) -> bool:
        """Tell whether it can find a row, when these sets are not empty."""
        return self.start in known and self.spare not in known


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a value is read or looked for: an expression and its family, or that of each of some elements."""

    text: str
    family: str
    elements: Elements | None = None
    type: str = ""  # as declared, of what stands there unchanged
    array: str = ""  # the whole array, whose index knows its elements


@dataclass(slots=True)
class _Text:
    """A statement being written: which sets it has asked for, and under which number."""

    sql: Sql
    binds: list[Bind] = field(default_factory=list)
    numbers: dict[Bind, int] = field(default_factory=dict)
    used: int = 0

    def place(self, bind: Bind, slots: int) -> list[str]:
        """Return the parameters of a set, the same ones however often it is asked for."""
        if bind not in self.numbers:
            self.numbers[bind] = self.used
            self.used += slots
            self.binds.append(bind)
        first = self.numbers[bind]
        return [self.sql.dialect.parameter.format(first + slot + 1) for slot in range(slots)]

    def rows(self, set_: str, table: str) -> str:
        """Write a select of the keys in a set, as k1, k2 …"""
        keys = self.sql.keys(table)
        if self.sql.dialect.name == "mariadb":
            (parameter,) = self.place((set_, table), 1)
            return _json_table(parameter, [kind for _, kind in keys])
        if self.sql.dialect.name == "duckdb":
            (parameter,) = self.place((set_, table), 1)
            return _unnested(parameter, [kind for _, kind in keys])
        if self.sql.dialect.name == "sqlite":
            (parameter,) = self.place((set_, table), 1)
            if len(keys) == 1:
                return f"(SELECT value AS k1 FROM json_each({parameter}))"
            parts = ", ".join(
                f"json_extract(value, '$[{number}]') AS k{number + 1}" for number in range(len(keys))
            )
            return f"(SELECT {parts} FROM json_each({parameter}))"
        parameters = self.place((set_, table), len(keys))
        arrays = ", ".join(f"{p}::{kind}[]" for p, (_, kind) in zip(parameters, keys, strict=True))
        names = ", ".join(f"k{number + 1}" for number in range(len(keys)))
        return f"(SELECT {names} FROM unnest({arrays}) AS u({names}))"

    def given(self, kind: str) -> str:
        """Write a select of the given identifiers of a kind, as x."""
        (parameter,) = self.place(("given", kind), 1)
        if self.sql.dialect.name == "mariadb":
            typed = "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            return f"(SELECT x FROM JSON_TABLE({parameter}, '$[*]' COLUMNS (x {typed} PATH '$')) AS j)"
        if self.sql.dialect.name == "duckdb":
            return f"(SELECT unnest(from_json({parameter}, '[\"VARCHAR\"]')) AS x)"
        if self.sql.dialect.name == "sqlite":
            return f"(SELECT value AS x FROM json_each({parameter}))"
        return f"(SELECT x FROM unnest({parameter}::text[]) AS u(x))"

    def within(self, alias: str, set_: str, table: str) -> str:
        """Write that a row is in a set."""
        keys = self.sql.keys(table)
        own = ", ".join(key.format(alias) for key, _ in keys)
        return (
            f"({own}) IN {self.rows(set_, table)}" if len(keys) > 1 else f"{own} IN {self.rows(set_, table)}"
        )

    def done(self, text: str) -> Statement:
        """Finish the statement."""
        return Statement(text, tuple(self.binds))


class Sql:
    """The statements of one plan in one dialect, each written when first asked for."""

    def __init__(
        self,
        plan: Plan,
        dialect: Dialect,
        rowids: Mapping[str, str] | None = None,
        normal: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.plan = plan
        self.graph = plan.graph
        self.dialect = dialect
        self.rowids = rowids or {}  # on SQLite: the name of the row id, where a table has one
        self.normal = normal  # columns known to hold every identifier in its exact form
        self._written: dict[tuple[object, ...], Statement | None] = {}
        self._keys: dict[str, tuple[tuple[str, str], ...]] = {}
        self._table_ways: dict[str, tuple[Way, ...]] = {}

    # Names

    def keys(self, table: str) -> tuple[tuple[str, str], ...]:
        """Return what tells a row: expressions with a gap for the alias, and their types."""
        if table not in self._keys:
            found = self.graph.table(table)
            if table in self.rowids:
                own: tuple[tuple[str, str], ...] = ((f"{{0}}.{self.rowids[table]}", "bigint"),)
            elif found.key:
                own = tuple(
                    (f"{{0}}.{_escaped(name)}", column.type)
                    for name in found.key
                    if (column := found.column(name)) is not None
                )
            else:
                own = (("{0}.tableoid", "oid"), ("{0}.ctid", "tid"))
            self._keys[table] = own
        return self._keys[table]

    def slots(self, bind: Bind) -> int:
        """Return how many parameters a set takes."""
        return 1 if bind[0] == "given" or self.dialect.one_set else len(self.keys(bind[1]))

    def keyless(self, table: str) -> bool:
        """Tell whether rows are told by their place, which moves when they are changed."""
        return self.dialect.name in ("postgresql", "duckdb") and not self.graph.table(table).key

    def name(self, table: str) -> str:
        """Write a table's name."""
        found = self.graph.table(table)
        return ".".join(quoted(part) for part in (found.parts or (found.name,)))

    def literal(self, value: Value) -> str:
        """Write a constant of the map."""
        match value:
            case None:
                return "NULL"
            case bool():
                return self.dialect.true if value else self.dialect.false
            case int():
                return str(value)
            case str():
                return "'" + value.replace("'", "''") + "'"

    # Conditions

    def _key_equal(self, table: str, alias: str, other: str) -> str:
        return " AND ".join(
            f"{key.format(alias)} = {other}.k{number + 1}" for number, (key, _) in enumerate(self.keys(table))
        )

    def _key_list(self, table: str, alias: str) -> str:
        return ", ".join(
            f"{key.format(alias)} AS k{number + 1}" for number, (key, _) in enumerate(self.keys(table))
        )

    def _gathered(self, table: str, alias: str = "x") -> str:
        numbers = range(1, len(self.keys(table)) + 1)
        if self.dialect.name == "mariadb":
            kinds = [kind for _, kind in self.keys(table)]
            parts = [mariadb_key(kind)[0].format(f"{alias}.k{n}") for n, kind in enumerate(kinds, 1)]
            inner = parts[0] if len(parts) == 1 else f"json_array({', '.join(parts)})"
            return f"json_arrayagg({inner}), count(*)"
        if self.dialect.name == "duckdb":
            parts = [f"{alias}.k{number}::text" for number in numbers]
            inner = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
            return f"to_json(list({inner}))::text, count(*)"
        if self.dialect.name == "sqlite":
            one = ", ".join(f"{alias}.k{number}" for number in numbers)
            inner = one if len(numbers) == 1 else f"json_array({one})"
            return f"json_group_array({inner}), count(*)"
        return ", ".join(f"array_agg({alias}.k{number})::text" for number in numbers) + ", count(*)"

    def _family(self, table: str, column: str) -> str:
        found = self.graph.table(table).column(column)
        return self.dialect.family(found.type if found is not None else "")

    def _exact(self, kind: str, expression: str) -> str:
        match kind:
            case "email":
                return self.dialect.email.format(expression)
            case "phone":
                return self.dialect.phone.format(expression)
            case "iban" | "card" | "national_id":
                return self.dialect.number.format(expression)
            case _:
                return expression

    def written_apart(self, kind: str, table: str, column: str) -> bool:
        """Tell whether one identifier may stand there in several writings."""
        return (
            kind in ("email", "phone", "iban", "card", "national_id")
            and self._family(table, column) in ("text", "any")
        )  # fmt: skip

    def _looked(self, kind: str, table: str, alias: str, column: str, at: At = PLAIN) -> _Spot:
        """Write the place that is looked through: bare where that is the same, for its index."""
        if at.inside is not None:
            return self._valued(kind, table, alias, column, at, "el")
        bare = f"{alias}.{quoted(column)}"
        if self._spelt(table, column) and self.written_apart(kind, table, column):
            bare = self._exact(kind, bare)
        return _Spot(bare, self._family(table, column))

    def _valued(
        self, kind: str, table: str, alias: str, column: str, at: At = PLAIN, element: str = "ev"
    ) -> _Spot:
        """Write an identifier or a link taken from a row."""
        bare = f"{alias}.{quoted(column)}"
        match at.inside:
            case None:
                if self.written_apart(kind, table, column):
                    return _Spot(self._exact(kind, bare), "text")
                return _Spot(bare, self._family(table, column), None, self._type(table, column))
            case InDocument(path):
                return _Spot(self._exact(kind, self.dialect.insides.read(bare, path)), "text")
            case InList() as inside:
                elements = self._elements(table, bare, column, inside, element)
                value = self._exact(kind, elements.value)
                of = self._type(table, column).removesuffix("[]") if value == elements.value else ""
                return _Spot(value, "text", elements, of, bare)

    def _type(self, table: str, column: str) -> str:
        found = self.graph.table(table).column(column)
        return found.type if found is not None and self.dialect.name == "postgresql" else ""

    def _elements(self, table: str, bare: str, column: str, inside: InList, alias: str) -> Elements:
        found = self.graph.table(table).column(column)
        assert found is not None
        return self.dialect.insides.elements(bare, found, inside, alias)

    def _same(self, looked: _Spot, value: _Spot, somebody: str) -> str:
        """Write that what is looked for is one of the values, whichever side holds a list."""
        if looked.type and looked.type == value.type and looked.array and value.elements is None:
            return f"{looked.array} @> ARRAY[{value.text}]{' AND ' + somebody if somebody else ''}"
        if looked.elements is not None:
            inner = self._same(_Spot(looked.text, looked.family), value, somebody)
            return f"EXISTS (SELECT 1 FROM {looked.elements.source} WHERE {inner})"
        own, other = self._alike(looked.text, looked.family, value.text, value.family)
        if value.elements is None:
            return f"{own} = {other}{' AND ' + somebody if somebody else ''}"
        some = f" WHERE {somebody}" if somebody else ""
        return self.dialect.among.format(own, f"SELECT {other} FROM {value.elements.source}{some}")

    def _when(self, table: str, alias: str, conditions: Conditions) -> list[str]:
        """Write that columns hold the values under which a link is there."""
        found = []
        for each in conditions:
            if self.dialect.name == "mariadb":
                same = " OR ".join(
                    self._same_constant(table, alias, each.column, value) for value in each.values
                )
                found.append(f"({same}) IS TRUE")
                continue
            bare, family = f"{alias}.{quoted(each.column)}", self._family(table, each.column)
            column = self.graph.table(table).column(each.column)
            if family == "text":
                listed = ", ".join(self.literal(str(value)) for value in each.values)
            elif self.dialect.name == "sqlite" or (
                column is not None and all(_typed(value, column, family) for value in each.values)
            ):
                listed = ", ".join(map(self.literal, each.values))
            else:
                bare = f"{bare}::text"
                listed = ", ".join(self.literal(told(value)) for value in each.values)
            found.append(f"{bare} IN ({listed})")
        return found

    def _alike(self, looked: str, looked_family: str, value: str, family: str) -> tuple[str, str]:
        """Write two values so that they are equal when they are the same, by the index of the first.

        A number and a text are the same when the text is how the number is written.
        """
        if self.dialect.name == "mariadb":
            return _mariadb_alike(looked, looked_family, value, family)
        if self.dialect.name == "duckdb" and looked_family == family == "text":
            return f"encode({looked})", f"encode({value})"  # whatever their collations
        if looked_family == family or "any" in (looked_family, family):
            return looked, value
        if self.dialect.name == "sqlite":
            if looked_family == "text":
                return looked, f"CAST({value} AS TEXT)"
            if family == "text":
                number = f"CAST({value} AS {'INTEGER' if looked_family == 'int' else 'NUMERIC'})"
                return looked, f"CASE WHEN CAST({number} AS TEXT) = {value} THEN {number} END"
            return looked, value
        match looked_family, family:
            case "text", _:
                return looked, f"{value}::text"
            case "int", "text":
                whole = f"CASE WHEN {value} ~ '^(0|-?[1-9][0-9]{{0,17}})$' THEN {value}::bigint END"
                return looked, whole
            case "int", "numeric":
                whole = f"{value} = trunc({value}) AND abs({value}) < 1e18"
                return looked, f"CASE WHEN {whole} THEN {value}::bigint END"
            case "numeric", "int":
                return looked, value
            case "uuid", "text":
                hexed = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
                return looked, f"CASE WHEN {value} ~ '{hexed}' THEN {value}::uuid END"
            case _:
                return f"{looked}::text", f"{value}::text"

    def _linked(self, hop: Hop, source: str, to: str, *, looked: str) -> str:
        """Write that two rows, by these aliases, are linked by a hop; one of them is looked up by the other."""
        parts = []
        kind = hop.named.kind if hop.named is not None else ""
        enforced = self._enforced(hop)
        for theirs, own in zip(hop.source_columns, hop.to_columns, strict=True):
            source_end = (kind, hop.source, source, theirs, hop.source_at)
            to_end = (kind, hop.to, to, own, hop.to_at)
            first, other = (source_end, to_end) if looked == source else (to_end, source_end)
            value = self._valued(*other)
            if enforced:
                parts.append(f"{first[2]}.{quoted(first[3])} = {value.text}")
                continue
            if value.elements is None:
                parts.append(self._loosely(*first, value.text))
            somebody = self._somebody(hop.named, value.text, value.family) if hop.named is not None else ""
            parts.append(self._same(self._looked(*first), value, somebody))
        parts += self._when(hop.source, source, hop.source_at.when)
        parts += self._when(hop.to, to, hop.to_at.when)
        return " AND ".join(part for part in parts if part)

    def _spelt(self, table: str, column: str) -> bool:
        """Tell whether a column must be compared in the exact form, whatever else helps to find it."""
        return (table, column) not in self.normal or self.dialect.name == "mariadb"

    def _enforced(self, hop: Hop) -> bool:
        """Tell whether a foreign key of MariaDB links two tables: then they are linked as it compares."""
        if self.dialect.name != "mariadb" or hop.named is not None:
            return False
        one, other = (hop.source, hop.source_columns), (hop.to, hop.to_columns)
        return (hop.source_at, hop.to_at) == (PLAIN, PLAIN) and any(
            (key.columns, key.target, key.target_columns) == (own[1], *target)
            for own, target in ((one, other), (other, one))
            for key in self.graph.table(own[0]).foreign_keys
        )

    def _loosely(self, kind: str, table: str, alias: str, column: str, at: At, value: str) -> str:
        """Write for MariaDB what an index on the column can do of a comparison, never more than it."""
        if self.dialect.name != "mariadb" or at.inside is not None:
            return ""
        found = self.graph.table(table).column(column)
        charset = collation(found.type) if found is not None else None
        if charset is None or (
            self.written_apart(kind, table, column) and (table, column) not in self.normal
        ):
            return ""
        if mariadb_base(found.type if found is not None else "") in ("enum", "set"):
            return ""
        return f"{alias}.{quoted(column)} = CONVERT({value} USING {charset[0]}) COLLATE {charset[1]}"

    def _constant(self, table: str, alias: str, name: str, value: Value) -> str:
        """Write that a column holds a constant; never by what an engine makes of another type."""
        if self.dialect.name != "mariadb" or value is None:
            return f"{alias}.{quoted(name)} = {self.literal(value)}"
        return f"({self._same_constant(table, alias, name, value)}) IS TRUE"

    def _same_constant(self, table: str, alias: str, name: str, value: Value) -> str:
        """Write that a column of MariaDB and a constant are the same, null counting as a value."""
        column, family = f"{alias}.{quoted(name)}", self._family(table, name)
        if value is None:
            return f"{column} IS NULL"
        if family == "text":
            text = value if isinstance(value, str) else str(int(value))
            return f"{as_bytes(column)} <=> {as_bytes(self.literal(text))}"
        if family in ("int", "numeric") and isinstance(value, str):
            return f"CAST({column} AS CHAR) <=> CAST({self.literal(value)} AS CHAR)"
        return f"{column} <=> {self.literal(value)}"

    def _somebody(self, named: Named, expression: str, family: str) -> str:
        """Write that an identifier names somebody: it is not empty, nor what an erasure leaves."""
        if family not in ("text", "any"):
            nobody = [value for value in named.nobody if isinstance(value, int)]
            return f"{expression} NOT IN ({', '.join(map(self.literal, nobody))})" if nobody else ""
        texts = ["''", *(self._exact(named.kind, self.literal(str(value))) for value in named.nobody)]
        if self.dialect.name == "mariadb":
            expression, texts = as_bytes(expression), [as_bytes(text) for text in texts]
        if self.dialect.name == "duckdb":
            expression, texts = f"encode({expression})", [f"encode({text})" for text in texts]
        return f"{expression} NOT IN ({', '.join(texts)})"

    def _given_match(self, named: Named, table: str, alias: str, column: str, at: At) -> str:
        """Write that a place holds one of the given identifiers (v.x) and names somebody."""
        looked = self._looked(named.kind, table, alias, column, at)
        same = self._same(looked, _Spot("v.x", "text", None, "text"), self._somebody(named, "v.x", "text"))
        loosely = self._loosely(named.kind, table, alias, column, at, "v.x")
        return " AND ".join([*filter(None, [loosely]), same, *self._when(table, alias, at.when)])

    def _tied(self, hop: Hop, alias: str) -> str:
        """Write that a row has a link by a hop, to whomever."""
        parts = []
        for name in hop.to_columns:
            bare = f"{alias}.{quoted(name)}"
            match hop.to_at.inside:
                case InDocument(path):
                    bare = self.dialect.insides.read(bare, path)
                case InList() as inside:
                    elements = self._elements(hop.to, bare, name, inside, "et")
                    parts.append(
                        f"EXISTS (SELECT 1 FROM {elements.source} WHERE {elements.value} IS NOT NULL)"
                    )
                    continue
                case None:
                    pass
            parts.append(f"{bare} IS NOT NULL")
        return " AND ".join([*parts, *self._when(hop.to, alias, hop.to_at.when)])

    def _no_placeholder(self, table: str, alias: str) -> str:
        """Write that a row is not the one that stands in for those who left."""
        marks = self.graph.placeholder(table)
        if not marks:
            return ""
        same = " AND ".join(self._constant(table, alias, name, value) for name, value in marks)
        return f" AND ({same}) IS NOT TRUE"

    def _differs(self, table: str, alias: str, values: Values, inner: Parts = ()) -> str:
        """Write that at least one of these columns, or parts of columns, holds something else."""
        parts = [self._part_differs(table, alias, part) for part in inner]
        for name, value in values:
            column, found = f"{alias}.{quoted(name)}", self.graph.table(table).column(name)
            if value is None:
                parts.append(f"{column} IS NOT NULL")
            elif self.dialect.name == "mariadb":
                parts.append(f"NOT ({self._same_constant(table, alias, name, value)})")
            elif self.dialect.name in ("postgresql", "duckdb") and found is not None:
                new = f"CAST({self.literal(value)} AS {found.type})"
                parts.append(self.dialect.differs.format(f"{column}::text", f"({new})::text"))
            else:
                parts.append(self.dialect.differs.format(column, self.literal(value)))
        return f"({' OR '.join(parts)})"

    def _part_differs(self, table: str, alias: str, part: Part) -> str:
        """Write that there is something else in a part; a part that is not there differs from nothing."""
        bare = f"{alias}.{quoted(part.column)}"
        match part.inside:
            case InDocument(path):
                return self._other(self.dialect.insides.read(bare, path), part.value)
            case InList() as inside:
                elements = self._elements(table, bare, part.column, inside, "ed")
                return f"EXISTS (SELECT 1 FROM {elements.source} WHERE {self._other(elements.value, part.value)})"

    def _other(self, expression: str, value: Value) -> str:
        if value is None:
            return f"{expression} IS NOT NULL"
        new = self.literal(told(value))
        return f"coalesce({expression} <> {new}, {self.dialect.false})"

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

    def _going(self, text: _Text, table: str, alias: str) -> str:
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

    def _seed(self, named: Named, text: _Text, extra: str) -> str:
        table = named.table
        return (
            f"SELECT {self._key_list(table, 't')}{extra} FROM {text.given(named.kind)} AS v "
            f"CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._given_match(named, table, 't', named.column, named.at)}{self._no_placeholder(table, 't')}"
            f"{self._ours(text, table, 't', by_name=True)}"
        )

    def _direct(self, hop: Hop, text: _Text, extra: str) -> str:
        """Write how rows linked by an identifier are found even where their owner's row is gone."""
        assert hop.named is not None
        return (
            f"SELECT {self._key_list(hop.to, 't')}{extra} FROM {text.given(hop.named.kind)} AS v "
            f"CROSS JOIN {self.name(hop.to)} AS t "
            f"WHERE {self._given_match(hop.named, hop.to, 't', hop.to_columns[0], hop.to_at)}"
            f"{self._no_placeholder(hop.to, 't')}{self._ours(text, hop.to, 't', by_name=True)}"
        )

    def _hop(self, hop: Hop, set_: str, text: _Text, extra: str) -> str:
        match = self._linked(hop, "s", "t", looked="t")
        return (
            f"SELECT {self._key_list(hop.to, 't')}{extra} FROM {text.rows(set_, hop.source)} AS n "
            f"CROSS JOIN {self.name(hop.source)} AS s CROSS JOIN {self.name(hop.to)} AS t "
            f"WHERE {self._key_equal(hop.source, 's', 'n')} AND {match}{self._no_placeholder(hop.to, 't')}"
            f"{self._ours(text, hop.to, 't', by_name=hop.named is not None or hop.kind == 'same')}"
        )

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

    def _ours(self, text: _Text, table: str, alias: str, *, by_name: bool) -> str:
        """Write that a row is of a controller who is looked for.

        A row that names none is its owner's controller's; where only a name leads to it, it is ours.
        """
        if self.graph.map.controllers is None:
            return ""
        own = self._controller(table, alias)
        if own is None and not by_name:
            return ""
        return f" AND {self._among(text, own or chr(39) * 2)}"

    def _among(self, text: _Text, own: str) -> str:
        first, other = self._alike(own, "text", "cv.x", "text")
        return f"EXISTS (SELECT 1 FROM {text.given(CONTROLLER)} AS cv WHERE {first} = {other})"

    def elsewhere(self) -> Statement | None:
        """Read which other controllers' rows the identifiers given lead to."""
        return self._once(("elsewhere",), self._elsewhere)

    def _elsewhere(self) -> Statement | None:
        text, found = _Text(self), []
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
        text = _Text(self)
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
                ways.append(Way((), (), (set_, hop.source), partial(self._hop, hop, set_)))
        return self._reaching("again", table, ways, known)

    def _reaching(
        self, what: str, table: str, ways: Sequence[Way], known: frozenset[Bind]
    ) -> Statement | None:
        live = tuple(way for way in ways if way.leads(known))
        if not live:
            return None

        def written() -> Statement:
            text = _Text(self)
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

    def only_of(self, select: str, set_: str, table: str) -> Statement:
        """Narrow a select over a table, called t there, to the rows of a set."""
        text = _Text(self)
        return text.done(f"{select} WHERE {text.within('t', set_, table)}")

    def _no_newer(self, text: _Text, table: str) -> str:
        """Write that a row is not dated between two days that are bound."""
        first, last = text.place(("newer", table), 2)
        day = self.dated(table)
        return (
            f"NOT EXISTS (SELECT 1 FROM {self.name(table)} AS t WHERE {self._key_equal(table, 't', 'x')} "
            f"AND {day} > {first} AND {day} <= {last})"
        )

    def _spare(self, hop: Hop) -> Bind | None:
        """Return the set that makes a hop spare: where all that names its rows was given, `_direct` finds as much."""
        one = hop.named is not None and hop.named.one_person and hop.kind != "points_to"
        return ("all given", hop.source) if one else None

    def names_one(self, table: str) -> bool:
        """Tell whether a row of the table names its subject for sure."""
        return any(named.one_person for named in self.graph.names(table))

    def _unknown(self, text: _Text, table: str) -> str:
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
            text = _Text(self)
            keys = ", ".join(f"x.k{number + 1}" for number in range(len(self.keys(table))))
            columns = ", ".join(f"t.{quoted(column.name)}" for column in self.readable(table))
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

    def readable(self, table: str) -> tuple[Column, ...]:
        """Return the columns this connection may read."""
        found = self.graph.table(table)
        return tuple(column for column in found.columns if column.name not in found.unreadable)

    # Deciding

    def fresh(self, table: str) -> Statement | None:
        """Find the rows whose retention has not ended: keys, count."""
        return self._once(("fresh", table), lambda: self._fresh(table))

    def _fresh(self, table: str) -> Statement | None:
        text = _Text(self)
        (cutoff,) = text.place(("cutoff", table), 1)
        kept = f"coalesce({self._day(table)} >= {cutoff}, {self.dialect.true})"
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows('reach', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')} AND {kept}) AS x"
        )

    def _day(self, table: str) -> str:
        done = action(self.graph.mapped(table))
        assert isinstance(done, Retain)
        column = self.graph.table(table).column(done.trigger)
        assert column is not None
        return self.dialect.day(column, f"t.{quoted(done.trigger)}")

    def kept(self, table: str) -> Statement | None:
        """Find the rows whose retention has ended, and to which a retained row belongs: keys, count."""
        hops = [
            hop
            for hop in self.graph.hops
            if hop.kind == "belongs_to" and hop.source == table and hop.to in self.plan.retained()
        ]
        return self._once(("kept", table), lambda: self._kept(table, hops)) if hops else None

    def _kept(self, table: str, hops: Sequence[Hop]) -> Statement | None:
        text = _Text(self)
        kept = []
        for hop in hops:
            match = self._linked(hop, "t", "c", looked="c")
            inside = f"{text.within('c', 'released', hop.to)} AND {text.within('c', 'fresh', hop.to)}"
            kept.append(f"EXISTS (SELECT 1 FROM {self.name(hop.to)} AS c WHERE {match} AND {inside})")
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows('released', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')} AND NOT ({text.within('t', 'fresh', table)}) "
            f"AND ({' OR '.join(kept)})) AS x"
        )

    def released(self, table: str) -> Statement | None:
        """Find which rows nobody who stays owns or points to."""
        return self._once(("released", table), lambda: self._released(table))

    def _released(self, table: str) -> Statement | None:
        text = _Text(self)
        free = []
        for hop in self.graph.owners(table):
            match = self._linked(hop, "o", "t", looked="o")
            stays = self._stays(text, hop.source, "o", points=False)
            free.append(f"NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match}{stays})")
        for hop in self.graph.pointers(table):
            match = self._linked(hop, "p", "t", looked="p")
            stays = self._stays(text, hop.source, "p", points=True)
            free.append(f"NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS p WHERE {match}{stays})")
        own = [
            f"EXISTS (SELECT 1 FROM {text.given(named.kind)} AS v "
            f"WHERE {self._given_match(named, table, 't', named.column, named.at)})"
            for named in self.graph.names(table)
        ]
        own += [
            f"EXISTS ({self._named_by(named, table, 't', 'a')} AND EXISTS (SELECT 1 FROM "
            f"{text.given(named.kind)} AS v "
            f"WHERE {self._given_match(named, named.table, 'a', named.column, named.at)}))"
            for named in self.graph.naming(table)
        ]
        condition = " OR ".join([*own, f"({' AND '.join(free)})"])
        return text.done(
            f"SELECT {self._gathered(table)} FROM (SELECT {self._key_list(table, 't')} "
            f"FROM {text.rows('released', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')} AND ({condition})) AS x"
        )

    def _stays(self, text: _Text, table: str, alias: str, *, points: bool) -> str:
        """Write that an owner or a pointer stays: not released, or retained and pointing."""
        condition = self._live(table, alias)
        if table not in self.graph.reached():
            return condition
        stays = f"NOT ({text.within(alias, 'released', table)})"
        if points and table in self.plan.retained():
            stays = f"({stays} OR {text.within(alias, 'fresh', table)})"
        return f"{condition} AND {stays}"

    def retained(self, table: str) -> Statement | None:
        """Count the rows that are retained, and find the last day that started a retention."""
        return self._once(("retained", table), lambda: self._retained(table))

    def _retained(self, table: str) -> Statement | None:
        text = _Text(self)
        return text.done(
            f"SELECT count(*), max({self._day(table)}) FROM {self.name(table)} AS t "
            f"WHERE {text.within('t', 'released', table)} AND {text.within('t', 'fresh', table)}"
        )

    def retained_keys(self, table: str) -> Statement:
        """Read the keys of the rows that are retained, as text."""
        found = self._once(("keys", table), lambda: self._retained_keys(table))
        assert found is not None
        return found

    def _retained_keys(self, table: str) -> Statement:
        text = _Text(self)
        keys = ", ".join(
            f"CAST(t.{quoted(name)} AS {self.dialect.text})" for name in self.graph.table(table).key
        )
        return text.done(
            f"SELECT {keys} FROM {self.name(table)} AS t "
            f"WHERE {text.within('t', 'released', table)} AND {text.within('t', 'fresh', table)}"
        )

    # Changing

    def chosen(self, number: int) -> Statement:
        """Find the rows that a Leave or a Detach changes: keys, count."""
        found = self._once(("chosen", number), lambda: self._chosen(number))
        assert found is not None
        return found

    def _chosen(self, number: int) -> Statement | None:
        text, change = _Text(self), self.plan.changes[number]
        match change:
            case Leave(hop):
                found = self._leaving(text, change, hop)
            case Unlist(hop):
                found = (
                    f"SELECT {self._key_list(hop.to, 't')} FROM {text.rows('reach', hop.to)} AS n "
                    f"CROSS JOIN {self.name(hop.to)} AS t WHERE {self._key_equal(hop.to, 't', 'n')} "
                    f"AND NOT ({text.within('t', 'released', hop.to)}) AND {self._listing(text, hop)}"
                )
            case Detach():
                found = self._detaching(text, change)
            case _:
                return None
        return text.done(f"SELECT {self._gathered(change.table)} FROM ({found}) AS x")

    def _detaching(self, text: _Text, change: Detach) -> str:
        """Write which rows stay and refer to rows that go, and get no other owner instead."""
        table, key = change.table, change.key
        equal = " AND ".join(
            f"c.{quoted(own)} = t.{quoted(other)}"
            for own, other in zip(key.columns, key.target_columns, strict=True)
        )
        stays = f"NOT ({self._going(text, table, 'c')})"
        for number, other in enumerate(self.plan.changes):
            if isinstance(other, Leave) and other.table == table:
                if change.column in dict(other.values):
                    stays += f" AND NOT ({text.within('c', f'chosen{number}', table)})"
            elif isinstance(other, Rehome) and other.table == table and change.column in dict(other.values):
                given = f"{text.within('c', 'released', table)} AND {self._tied(other.hop, 'c')}"
                stays += f" AND ({given}) IS NOT TRUE"
        return (
            f"SELECT DISTINCT {self._key_list(table, 'c')} FROM {text.rows('released', key.target)} AS n "
            f"CROSS JOIN {self.name(key.target)} AS t CROSS JOIN {self.name(table)} AS c "
            f"WHERE {self._key_equal(key.target, 't', 'n')} AND {self._going(text, key.target, 't')} "
            f"AND {equal} AND c.{quoted(change.column)} IS NOT NULL AND {stays}"
        )

    def _leaving(self, text: _Text, change: Leave, hop: Hop) -> str:
        """Write which rows stay with somebody while their owner by this hop leaves, and no other by it stays."""
        match = self._linked(hop, "o", "t", looked="o")
        leaves = f"EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match} AND "
        leaves += f"{text.within('o', 'released', hop.source)})"
        if hop.named is not None:
            given = self._given_match(hop.named, hop.to, "t", hop.to_columns[0], hop.to_at)
            leaves = f"({leaves} OR EXISTS (SELECT 1 FROM {text.given(hop.named.kind)} AS v WHERE {given}))"
        stays = self._stays(text, hop.source, "o", points=False)
        differs = self._differs(hop.to, "t", change.values, change.parts)
        match action(self.graph.mapped(hop.to)):
            case Blank(values) | Retain(blank=values):
                blanked = dict(values)
            case _:
                blanked = {}
        if (
            change.values
            and not change.parts
            and not change.replaces
            and set(dict(change.values)) <= set(blanked)
        ):
            # what an erasure has emptied already is not written over with other words
            emptied = tuple((name, blanked[name]) for name, _ in change.values)
            differs += f" AND {self._differs(hop.to, 't', emptied)}"
        return (
            f"SELECT {self._key_list(hop.to, 't')} FROM {text.rows('reach', hop.to)} AS n "
            f"CROSS JOIN {self.name(hop.to)} AS t WHERE {self._key_equal(hop.to, 't', 'n')} "
            f"AND NOT ({text.within('t', 'released', hop.to)}) AND {leaves} "
            f"AND NOT EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {match}{stays}) "
            f"AND {differs}"
        )

    def _who_leaves(self, text: _Text, hop: Hop, element: Elements) -> str:
        """Write that an element of a list links to somebody who leaves."""
        kind = hop.named.kind if hop.named is not None else ""
        value = _Spot(self._exact(kind, element.value), "text")
        somebody = self._somebody(hop.named, value.text, "text") if hop.named is not None else ""
        owner = self._same(
            self._looked(kind, hop.source, "o", hop.source_columns[0], hop.source_at), value, somebody
        )
        conditions = [owner, *self._when(hop.source, "o", hop.source_at.when)]
        leaves = (
            f"EXISTS (SELECT 1 FROM {self.name(hop.source)} AS o WHERE {' AND '.join(conditions)} "
            f"AND {text.within('o', 'released', hop.source)})"
        )
        if hop.named is None:
            return leaves
        return (
            f"({leaves} OR {somebody} AND EXISTS (SELECT 1 FROM {text.given(hop.named.kind)} AS v "
            f"WHERE v.x = {value.text}))"
        )

    def _listed(self, hop: Hop, alias: str) -> tuple[Elements, InList]:
        inside = hop.to_at.inside
        assert isinstance(inside, InList)
        bare = f"t.{quoted(hop.to_columns[0])}"
        return self._elements(hop.to, bare, hop.to_columns[0], inside, alias), inside

    def _listing(self, text: _Text, hop: Hop) -> str:
        """Write that a row lists somebody who leaves."""
        elements, _ = self._listed(hop, "eu")
        some = f"EXISTS (SELECT 1 FROM {elements.source} WHERE {self._who_leaves(text, hop, elements)})"
        return " AND ".join([some, *self._when(hop.to, "t", hop.to_at.when)])

    def _unlisted(self, text: _Text, hop: Hop) -> str:
        """Write the list without those who leave."""
        elements, inside = self._listed(hop, "eu")
        column = self.graph.table(hop.to).column(hop.to_columns[0])
        assert column is not None
        leaves = self._who_leaves(text, hop, elements)
        bare = f"t.{quoted(column.name)}"
        return self.dialect.insides.without(bare, column, inside, elements, "eu", leaves)

    def still_listed(self, number: int) -> Statement | None:
        """Count the rows that list somebody who leaves, after an Unlist and before anybody is gone."""
        return self._once(("listed", number), lambda: self._still_listed(number))

    def _still_listed(self, number: int) -> Statement | None:
        text, change = _Text(self), self.plan.changes[number]
        if not isinstance(change, Unlist):
            return None
        where = f"{text.within('t', f'chosen{number}', change.table)} AND {self._listing(text, change.hop)}"
        return text.done(f"SELECT count(*) FROM {self.name(change.table)} AS t WHERE {where}")

    def _assigned(self, text: _Text, change: Change, of: str = "") -> str:
        """Write what is set."""
        match change:
            case Unlist(hop):
                return f"{of}{quoted(hop.to_columns[0])} = {self._unlisted(text, hop)}"
            case Detach(column=column) | Untie(column=column):
                return f"{of}{quoted(column)} = NULL"
            case Leave() | Write() | Rehome():
                written = [f"{of}{quoted(name)} = {self.literal(value)}" for name, value in change.values]
                for name, parts in by_column(change.parts):
                    column_ = self.graph.table(change.table).column(name)
                    assert column_ is not None
                    new = rewritten(self.dialect.insides, f"t.{quoted(name)}", column_, parts)
                    written.append(f"{of}{quoted(name)} = {new}")
                return ", ".join(written)
            case Remove():
                return ""

    def change(self, number: int) -> Statement:
        """Make a change."""
        found = self._once(("change", number), lambda: self._change(number))
        assert found is not None
        return found

    def _change(self, number: int) -> Statement:
        text, change = _Text(self), self.plan.changes[number]
        if self.dialect.name == "mariadb":
            return text.done(self._mariadb_change(text, number, change))
        if isinstance(change, Remove) and self.dialect.name == "postgresql":
            # joined rather than compared with IN: the keys of a set differ, and the server need not see to that
            released = text.rows("released", change.table)
            going = self._key_equal(change.table, "t", "n")
            if change.table in self.plan.retained():
                going += f" AND NOT ({text.within('t', 'fresh', change.table)})"
            return text.done(
                f"DELETE FROM {self.name(change.table)} AS t USING {released} AS n WHERE {going}"
            )
        if isinstance(change, Remove):
            going = self._going(text, change.table, "t")
            return text.done(f"DELETE FROM {self.name(change.table)} AS t WHERE {going}")
        written = self._assigned(text, change)
        where = self.where(text, number, change)
        return text.done(f"UPDATE {self.name(change.table)} AS t SET {written} WHERE {where}")

    def _mariadb_change(self, text: _Text, number: int, change: Change) -> str:
        """Write a change as a join with its set: what follows IN would be read anew for each row."""
        table, others, values = change.table, "", ""
        set_ = f"chosen{number}" if isinstance(change, Leave | Unlist | Detach) else "released"
        kept = table in self.plan.retained()
        match change:
            case Write(_, written, parts):
                values = f" AND {self._differs(table, 't', written, parts)}"
                others = " IN " if kept else ""
            case Rehome(hop, written, parts):
                values = f" AND {self._tied(hop, 't')} AND {self._differs(table, 't', written, parts)}"
            case Untie(_, column):
                values, others = f" AND t.{quoted(column)} IS NOT NULL", " NOT IN " if kept else ""
            case Remove():
                others = " NOT IN " if kept else ""
            case _:
                pass
        rows = text.rows(set_, table)
        if others:
            own = ", ".join(f"r.k{number}" for number in range(1, len(self.keys(table)) + 1))
            rows = (
                f"(SELECT DISTINCT {own} FROM {rows} AS r WHERE ({own}){others}{text.rows('fresh', table)})"
            )
        joined = f"{rows} AS n STRAIGHT_JOIN {self.name(table)} AS t"
        where = f"{self._key_equal(table, 't', 'n')}{values}"
        if isinstance(change, Remove):
            return f"DELETE t FROM {joined} WHERE {where}"
        return f"UPDATE {joined} SET {self._assigned(text, change, 't.')} WHERE {where}"

    def where(self, text: _Text, number: int, change: Change) -> str:
        """Write which rows a change is made to."""
        match change:
            case Leave() | Unlist() | Detach():
                return text.within("t", f"chosen{number}", change.table)
            case Write(table, values, parts):
                rows = text.within("t", "released", table)
                if table in self.plan.retained():
                    rows += f" AND {text.within('t', 'fresh', table)}"
                return f"{rows} AND {self._differs(table, 't', values, parts)}"
            case Rehome(hop, values, parts):
                rows = text.within("t", "released", hop.to)
                return f"{rows} AND {self._tied(hop, 't')} AND {self._differs(hop.to, 't', values, parts)}"
            case Untie(table, column):
                return f"{self._going(text, table, 't')} AND t.{quoted(column)} IS NOT NULL"
            case Remove(table):
                return self._going(text, table, "t")

    def pending(self, number: int) -> Statement:
        """Count the rows to which a change is still to be made."""
        found = self._once(("pending", number), lambda: self._pending(number))
        assert found is not None
        return found

    def _pending(self, number: int) -> Statement:
        text, change = _Text(self), self.plan.changes[number]
        where = self.where(text, number, change)
        return text.done(f"SELECT count(*) FROM {self.name(change.table)} AS t WHERE {where}")

    def wrong(self, number: int) -> Statement | None:
        """Count the rows that a change was made to and that do not hold its values."""
        return self._once(("wrong", number), lambda: self._wrong(number))

    def _wrong(self, number: int) -> Statement | None:
        text, change = _Text(self), self.plan.changes[number]
        if isinstance(change, Untie | Unlist | Remove) or self.keyless(change.table):
            return None
        where = self.where(text, number, change)
        if isinstance(change, Leave):
            where += f" AND {self._differs(change.table, 't', change.values, change.parts)}"
        if isinstance(change, Detach):
            where += f" AND t.{quoted(change.column)} IS NOT NULL"
        return text.done(f"SELECT count(*) FROM {self.name(change.table)} AS t WHERE {where}")

    def there(self, tables: Sequence[str]) -> Statement:
        """Count which of the rows reached are there, for each of these tables."""
        found = self._once(("there", *tables), lambda: self._there(tables))
        assert found is not None
        return found

    def _there(self, tables: Sequence[str]) -> Statement:
        text = _Text(self)
        counts = [
            f"(SELECT count(*) FROM {text.rows('reach', table)} AS n CROSS JOIN {self.name(table)} AS t "
            f"WHERE {self._key_equal(table, 't', 'n')})"
            for table in tables
        ]
        return text.done(f"SELECT {', '.join(counts)}")

    def standing(self, table: str) -> Statement | None:
        """Count the placeholder's rows of a table; there must be one."""
        marks = self.graph.placeholder(table)
        if not marks:
            return None
        same = " AND ".join(self._constant(table, "t", name, value) for name, value in marks)
        return Statement(f"SELECT count(*) FROM {self.name(table)} AS t WHERE {same}", ())

    def reading(self, set_: str, table: str, expressions: Sequence[str]) -> Statement:
        """Read expressions over the rows (`t`) of a set."""
        text = _Text(self)
        return text.done(
            f"SELECT {', '.join(expressions)} FROM {text.rows(set_, table)} AS n "
            f"CROSS JOIN {self.name(table)} AS t WHERE {self._key_equal(table, 't', 'n')}"
        )

    def reading_linked(self, set_: str, table: str, hop: Hop, expressions: Sequence[str]) -> Statement:
        """Read expressions over the rows of a set and those a hop links to them: from `s`, to `t`."""
        text = _Text(self)
        own, looked = ("s", "t") if hop.source == table else ("t", "s")
        return text.done(
            f"SELECT DISTINCT {', '.join(expressions)} FROM {text.rows(set_, table)} AS n "
            f"CROSS JOIN {self.name(hop.source)} AS s CROSS JOIN {self.name(hop.to)} AS t "
            f"WHERE {self._key_equal(table, own, 'n')} AND {self._linked(hop, 's', 't', looked=looked)}"
        )

    def loose_writings(self) -> tuple[tuple[str, str, str], ...]:
        """Return the columns looked through in which an identifier may stand in several writings."""
        found: dict[tuple[str, str, str], None] = {}
        for named in self.graph.named:
            if named.at.inside is None:
                found[named.table, named.column, named.kind] = None
        for hop in self.graph.hops:
            if hop.named is not None and hop.to_at.inside is None:
                found[hop.to, hop.to_columns[0], hop.named.kind] = None
        return tuple(each for each in found if self.written_apart(each[2], each[0], each[1]))

    def strays(self, table: str, column: str, kind: str) -> Statement:
        """Tell whether a column holds an identifier that is not in its exact form."""
        bare = f"t.{quoted(column)}"
        found = self.graph.table(table).column(column)
        charset = collation(found.type) if found is not None else None
        if self.dialect.name == "mariadb" and charset is not None:
            exact = f"CONVERT({self._exact(kind, bare)} USING {charset[0]}) COLLATE {charset[1]}"
            return Statement(
                f"SELECT EXISTS (SELECT 1 FROM {self.name(table)} AS t WHERE {bare} <> {exact})", ()
            )
        return Statement(
            f"SELECT EXISTS (SELECT 1 FROM {self.name(table)} AS t WHERE {bare} <> {self._exact(kind, bare)})",
            (),
        )

    def looked_up(self, table: str, column: str, kind: str) -> Statement:
        """Look one identifier up in its exact form, for the engine to say how it would."""
        exact = self._exact(kind, f"t.{quoted(column)}")
        return Statement(f"SELECT 1 FROM {self.name(table)} AS t WHERE {exact} = 'x'", ())

    def _once(self, key: tuple[object, ...], write: Callable[[], Statement | None]) -> Statement | None:
        if key not in self._written:
            self._written[key] = write()
        return self._written[key]


def _typed(value: Value, column: Column, family: str) -> bool:
    """Tell whether a constant is of its column's own type."""
    if isinstance(value, bool):
        return column.type == "boolean"
    return isinstance(value, int) and family in ("int", "numeric")


def _unnested(parameter: str, kinds: Sequence[str]) -> str:
    """Write for DuckDB a select of the keys in a set, which holds their texts."""
    typed = [re.sub(r" COLLATE \w+$", "", kind) for kind in kinds]
    if len(typed) == 1:
        return f"(SELECT r::{typed[0]} AS k1 FROM (SELECT unnest(from_json({parameter}, '[\"VARCHAR\"]')) AS r) AS u)"
    read = ", ".join(f"r[{number}]::{kind} AS k{number}" for number, kind in enumerate(typed, 1))
    return f"(SELECT {read} FROM (SELECT unnest(from_json({parameter}, '[[\"VARCHAR\"]]')) AS r) AS u)"


def _json_table(parameter: str, kinds: Sequence[str]) -> str:
    """Write for MariaDB a select of the keys in a set, each of the very type of its column."""
    keys = [mariadb_key(kind) for kind in kinds]
    paths = ["$"] if len(keys) == 1 else [f"$[{number}]" for number in range(len(keys))]
    columns = ", ".join(
        f"k{number} {typed} PATH '{path}' ERROR ON EMPTY ERROR ON ERROR"
        for number, ((_, typed, _), path) in enumerate(zip(keys, paths, strict=True), 1)
    )
    read = ", ".join(
        f"{decoded.format(f'j.k{number}')} AS k{number}" for number, (_, _, decoded) in enumerate(keys, 1)
    )
    return f"(SELECT {read} FROM JSON_TABLE({parameter}, '$[*]' COLUMNS ({columns})) AS j)"


def _mariadb_alike(looked: str, looked_family: str, value: str, family: str) -> tuple[str, str]:
    """Write two values of MariaDB so that they are equal when they are the same, letter by letter."""
    match looked_family, family:
        case "text", "text":
            return as_bytes(looked), as_bytes(value)
        case "text", _:
            return as_bytes(looked), as_bytes(f"CAST({value} AS CHAR)")
        case "int", "text":
            whole = f"{value} REGEXP '^(0|-?[1-9][0-9]{{0,17}})\\z'"
            return looked, f"CASE WHEN {whole} THEN CAST({value} AS SIGNED) END"
        case "bytes", "text":
            return looked, as_bytes(value)
        case _, _ if looked_family == family or {looked_family, family} == {"int", "numeric"}:
            return looked, value
        case _:
            return as_bytes(f"CAST({looked} AS CHAR)"), as_bytes(f"CAST({value} AS CHAR)")


def _escaped(name: str) -> str:
    """Write a name into a text with a gap."""
    return quoted(name).replace("{", "{{").replace("}", "}}")
