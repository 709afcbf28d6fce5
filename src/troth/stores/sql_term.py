"""What the statements of a plan are made of: names, keys, values compared, links and conditions.

Identifiers are bound and never patterns.  Names come from the catalogue and are quoted;
constants come from the map and are escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from troth.rules import name_form
from troth.rules.catalogue import Column
from troth.rules.graph import PLAIN, At, Hop, Named
from troth.rules.map import Conditions, InDocument, InList, Part, Parts, Value, Values
from troth.rules.plan import Plan
from troth.stores.sql_dialect import Dialect, as_bytes, collation, mariadb_base, mariadb_key, quoted
from troth.stores.sql_inside import Elements, told
from troth.stores.sql_text import Bind, Spot, Statement, Way

# ruff: noqa: S608


class SqlTerms:
    """The parts from which the statements of one plan are written, in one dialect."""

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
            case name_form.FOLDED:
                return self.dialect.folded(expression)
            case _:
                return expression

    def written_apart(self, kind: str, table: str, column: str) -> bool:
        """Tell whether one identifier may stand there in several writings."""
        return (
            kind in ("email", "phone", "iban", "card", "national_id", name_form.FOLDED)
            and self._family(table, column) in ("text", "any")
        )  # fmt: skip

    def _looked(self, kind: str, table: str, alias: str, column: str, at: At = PLAIN) -> Spot:
        """Write the place that is looked through: bare where that is the same, for its index."""
        if at.inside is not None:
            return self._valued(kind, table, alias, column, at, "el")
        bare = f"{alias}.{quoted(column)}"
        if self._spelt(table, column) and self.written_apart(kind, table, column):
            bare = self._exact(kind, bare)
        return Spot(bare, self._family(table, column))

    def _valued(
        self, kind: str, table: str, alias: str, column: str, at: At = PLAIN, element: str = "ev"
    ) -> Spot:
        """Write an identifier or a link taken from a row."""
        bare = f"{alias}.{quoted(column)}"
        match at.inside:
            case None:
                if self.written_apart(kind, table, column):
                    return Spot(self._exact(kind, bare), "text")
                return Spot(bare, self._family(table, column), None, self._type(table, column))
            case InDocument(path):
                return Spot(self._exact(kind, self.dialect.insides.read(bare, path)), "text")
            case InList() as inside:
                elements = self._elements(table, bare, column, inside, element)
                value = self._exact(kind, elements.value)
                of = self._type(table, column).removesuffix("[]") if value == elements.value else ""
                return Spot(value, "text", elements, of, bare)

    def _type(self, table: str, column: str) -> str:
        found = self.graph.table(table).column(column)
        return found.type if found is not None and self.dialect.name == "postgresql" else ""

    def _elements(self, table: str, bare: str, column: str, inside: InList, alias: str) -> Elements:
        found = self.graph.table(table).column(column)
        assert found is not None
        return self.dialect.insides.elements(bare, found, inside, alias)

    def _same(self, looked: Spot, value: Spot, somebody: str) -> str:
        """Write that what is looked for is one of the values, whichever side holds a list."""
        if looked.type and looked.type == value.type and looked.array and value.elements is None:
            return f"{looked.array} @> ARRAY[{value.text}]{' AND ' + somebody if somebody else ''}"
        if looked.elements is not None:
            inner = self._same(Spot(looked.text, looked.family), value, somebody)
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
            elif self.dialect.name == "sqlite" and family == "any":
                bare = f"CAST({bare} AS TEXT)"
                written = (int(value) if isinstance(value, bool) else value for value in each.values)
                listed = ", ".join(self.literal(str(value)) for value in written)
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
        if self.dialect.name == "sqlite" and "any" in (looked_family, family):
            return (
                f"CAST({looked} AS TEXT)",
                f"CAST({value} AS TEXT)",
            )  # one may hold numbers, the other texts
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
        same = self._same(looked, Spot("v.x", "text", None, "text"), self._somebody(named, "v.x", "text"))
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

    def _once(self, key: tuple[object, ...], write: Callable[[], Statement | None]) -> Statement | None:
        if key not in self._written:
            self._written[key] = write()
        return self._written[key]


def _typed(value: Value, column: Column, family: str) -> bool:
    """Tell whether a constant is of its column's own type."""
    if isinstance(value, bool):
        return column.type == "boolean"
    return isinstance(value, int) and family in ("int", "numeric")


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
