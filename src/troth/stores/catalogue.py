"""Reading what a database really holds: tables, keys, foreign keys, triggers, rights.

One query per aspect for all tables at once, so that two hundred tables take tens of
milliseconds.  Nothing is written and no value of any row is read.

A partitioned table is one table: foreign keys and triggers of its partitions count as
its own, whether they are declared partitions or the older kind, tables that inherit every
column and add none (a key of the parent is then only unique by custom, and whoever deletes
by it counts what went).  A table outside the default schema is called `schema.table`.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from troth.rules.catalogue import Catalogue, CatalogueTable, Column, ForeignKey, OnDelete, Shape, Trigger
from troth.stores.reach import Function, Reach, reach_of, reaches, through, whole_code

if TYPE_CHECKING:
    import psycopg

# Schema names come from the database itself, and are quoted; values are bound.
# ruff: noqa: S608

STEP_TABLE = "troth_step"


@dataclass(slots=True)
class Found:
    """A table while it is being read."""

    name: str
    parts: tuple[str, ...]
    derived: bool = False
    columns: dict[str, Column] = field(default_factory=dict)
    primary: tuple[str, ...] = ()
    foreign_keys: dict[ForeignKey, None] = field(default_factory=dict)
    unique: dict[tuple[str, ...], None] = field(default_factory=dict)
    checks: dict[tuple[str, ...], None] = field(default_factory=dict)
    indexed: dict[tuple[str, ...], None] = field(default_factory=dict)
    triggers: dict[Trigger, None] = field(default_factory=dict)
    row_security: bool = False
    rows_about: int = 0
    null_refused: set[str] = field(default_factory=set)
    unreadable: list[str] = field(default_factory=list)
    lasting: str = ""

    def table(self) -> CatalogueTable:
        """Return what was read."""
        unique = tuple(sorted(self.unique, key=lambda columns: (len(columns), columns)))
        return CatalogueTable(
            name=self.name,
            columns=tuple(self.columns.values()),
            key=self.primary or next(filter(self._never_null, unique), ()),
            foreign_keys=tuple(sorted(self.foreign_keys, key=lambda key: (key.columns, key.target))),
            unique=unique,
            checks=tuple(sorted(self.checks)),
            indexed=tuple(sorted(self.indexed)),
            triggers=tuple(sorted(self.triggers, key=lambda trigger: trigger.name)),
            row_security=self.row_security,
            rows_about=self.rows_about,
            parts=self.parts,
            null_refused=tuple(name for name in self.columns if name in self.null_refused),
            unreadable=tuple(self.unreadable),
            lasting=self.lasting,
        )

    def _never_null(self, columns: tuple[str, ...]) -> bool:
        return all(not self.columns[name].nullable for name in columns)


def assembled(store: str, dialect: str, found: Iterable[Found]) -> Catalogue:
    """Put the tables in order."""
    tables: list[CatalogueTable] = []
    derived: list[CatalogueTable] = []
    for each in found:
        (derived if each.derived else tables).append(each.table())
    tables.sort(key=lambda table: table.name)
    derived.sort(key=lambda table: table.name)
    return Catalogue(store, dialect, tuple(tables), tuple(derived))


def _names(schemas: Sequence[tuple[str, str]], default: str) -> Mapping[tuple[str, str], str]:
    """Call each (schema, table): by its own name in the default schema, unless two would be one."""
    named = {
        (schema, table): table if schema == default else f"{schema}.{table}" for schema, table in schemas
    }
    times: dict[str, int] = defaultdict(int)
    for name in named.values():
        times[name] += 1
    return {
        (schema, table): f"{schema}.{table}" if schema == default and times[name] > 1 else name
        for (schema, table), name in named.items()
    }


# SQLite


_SQLITE_SHAPES: tuple[tuple[str, Shape], ...] = (
    ("JSON", "json"),
    ("BOOL", "boolean"),
    ("DATETIME", "moment"),
    ("TIMESTAMP", "moment"),
    ("DATE", "date"),
    ("INT", "number"),
    ("CHAR", "text"),
    ("CLOB", "text"),
    ("TEXT", "text"),
    ("BLOB", "bytes"),
    ("REAL", "number"),
    ("FLOA", "number"),
    ("DOUB", "number"),
    ("NUM", "number"),
    ("DEC", "number"),
    ("MONEY", "number"),
)
_SQLITE_KEYWORDS = frozenset(
    """
    all and any as asc between by case cast check coalesce collate conflict cross current default delete
    desc distinct do else end escape except exists filter first following for from group having ignore in
    inner insert intersect into is isnull key last left like limit match materialized natural not notnull
    null nulls of offset on or order outer over partition preceding raise range references returning right
    row rows select set then to union unique update using values when where window with
    """.split()  # noqa: SIM905
)
_CHECK = re.compile(r"\bCHECK\s*\(", re.IGNORECASE)
CALL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*|"(?:[^"]|"")+")\s*\(')
_WORD = re.compile(r'"((?:[^"]|"")+)"|`((?:[^`]|``)+)`|\[([^\]]+)\]|(\w+)')
NULL_MINDED = re.compile(
    r"\bIS\s+NOT\s+NULL\b|\bIS\s+NULL\b|\bNOTNULL\b|\bISNULL\b|\bCOALESCE\b|\bIFNULL\b|\bnum_n(?:on)?nulls\b|"
    r"\bIS\s+(?:NOT\s+)?(?:DISTINCT|TRUE|FALSE)\b|\bCASE\b",
    re.IGNORECASE,
)
NOT_CODE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


def read_sqlite(connection: sqlite3.Connection, store: str) -> Catalogue:
    """Read the catalogue of a SQLite database and of those attached to it."""
    cursor = connection.cursor()
    cursor.row_factory = None
    kinds = {
        (str(schema), str(name)): (str(kind), bool(without_rowid))
        for schema, name, kind, _, without_rowid, *_ in cursor.execute("PRAGMA table_list")
        if schema != "temp" and kind != "view" and not name.startswith("sqlite_") and name != STEP_TABLE
    }
    names = _names(list(kinds), "main")
    found = {
        at: Found(names[at], at if at[0] != "main" else (at[1],), derived=kind == "shadow")
        for at, (kind, _) in kinds.items()
    }
    for schema in dict.fromkeys(schema for schema, _ in kinds):
        here = {name: each for (of, name), each in found.items() if of == schema}
        without_rowid = {name for (of, name), (_, without) in kinds.items() if of == schema and without}
        _read_sqlite_schema(cursor, schema, here, without_rowid)
    return assembled(store, "sqlite", found.values())


def _read_sqlite_schema(
    cursor: sqlite3.Cursor,
    schema: str,
    tables: Mapping[str, Found],
    without_rowid: set[str],
) -> None:
    master = f"{_quoted(schema)}.sqlite_schema"
    from_each = f"FROM {master} AS t, pragma_{{}}(t.name, {_text(schema)}) AS x WHERE t.type = 'table'"
    statements = dict(cursor.execute(f"SELECT name, sql FROM {master} WHERE type = 'table'").fetchall())
    keys: dict[str, dict[int, str]] = defaultdict(dict)
    for table, name, declared, required, position, hidden in cursor.execute(
        f'SELECT t.name, x.name, x.type, x."notnull", x.pk, x.hidden {from_each.format("table_xinfo")}'
    ):
        if table not in tables or hidden == 1:
            continue
        tables[table].columns[name] = Column(
            name=name,
            type=declared,
            shape=_sqlite_shape(declared),
            nullable=not required and not (position and table in without_rowid),
            generated=hidden in (2, 3),
        )
        if position:
            keys[table][position] = name
    for table, positions in keys.items():
        found = tables[table]
        found.primary = tuple(name for _, name in sorted(positions.items()))
        if len(found.primary) == 1:
            only = found.columns[found.primary[0]]
            if only.type.upper() == "INTEGER":  # an alias of the row id, which is never null
                again = (
                    table not in without_rowid and "AUTOINCREMENT" not in (statements[table] or "").upper()
                )
                found.columns[only.name] = Column(
                    only.name, only.type, only.shape, nullable=False, reused=again
                )
        found.unique[found.primary] = None
    _read_sqlite_foreign_keys(cursor, from_each, tables, statements)
    _read_sqlite_indexes(cursor, schema, from_each, tables)
    for table, found in tables.items():
        for condition in _conditions(statements.get(table) or ""):
            columns = mentioned(condition, found.columns)
            if columns:
                found.checks[columns] = None
                if NULL_MINDED.search(condition):
                    found.null_refused.update(columns)
        if table not in without_rowid and not (statements.get(table) or "").upper().startswith(
            "CREATE VIRTUAL"
        ):
            highest = cursor.execute(
                f"SELECT max(_rowid_) FROM {_quoted(schema)}.{_quoted(table)}"
            ).fetchone()
            found.rows_about = max(0, highest[0] or 0)
    written = cursor.execute(f"SELECT name, tbl_name, sql FROM {master} WHERE type = 'trigger'").fetchall()
    if not written:
        return
    known = _sqlite_functions(cursor)
    known |= {str(name).lower() for (name,) in cursor.execute(f"SELECT name FROM {master}")}
    triggers: dict[str, list[tuple[Trigger, str]]] = defaultdict(list)
    for name, table, statement in written:
        on = _same(table, tables)
        if on is not None:
            triggers[on].append((_sqlite_trigger(name, statement or "", known), statement or ""))
    for on, found_here in through(triggers).items():
        tables[on].triggers.update(dict.fromkeys(found_here))


def _read_sqlite_foreign_keys(
    cursor: sqlite3.Cursor, from_each: str, tables: Mapping[str, Found], statements: Mapping[str, str]
) -> None:
    keys: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    for table, number, *rest in cursor.execute(
        f'SELECT t.name, x.id, x.seq, x."table", x."from", x."to", x.on_delete '
        f"{from_each.format('foreign_key_list')} ORDER BY t.name, x.id, x.seq"
    ):
        if table in tables:
            keys[table, number].append(tuple(rest))
    for (table, _), parts in keys.items():
        found, target = tables[table], _same(parts[0][1], tables) or str(parts[0][1])
        known = tables.get(target)
        columns = tuple(_same(part[2], found.columns) or str(part[2]) for part in parts)
        if parts[0][3] is None:
            target_columns = known.primary if known is not None else ()
        else:
            target_columns = tuple(
                (_same(part[3], known.columns) if known is not None else None) or str(part[3])
                for part in parts
            )
        deferred = re.search(r"\bDEFERRABLE\s+INITIALLY\s+DEFERRED\b", statements[table] or "", re.IGNORECASE)
        key = ForeignKey(
            columns,
            known.name if known is not None else target,
            target_columns,
            _sqlite_on_delete(str(parts[0][4])),
            deferrable=deferred is not None,
        )
        found.foreign_keys[key] = None


def _read_sqlite_indexes(
    cursor: sqlite3.Cursor, schema: str, from_each: str, tables: Mapping[str, Found]
) -> None:
    each_index = from_each.replace(" WHERE", f", pragma_index_info(x.name, {_text(schema)}) AS i WHERE")
    indexes: dict[tuple[str, str, bool], list[str | None]] = defaultdict(list)
    for table, index, unique, partial, name in cursor.execute(
        f'SELECT t.name, x.name, x."unique", x.partial, i.name {each_index.format("index_list")} '
        "ORDER BY t.name, x.name, i.seqno"
    ):
        if table in tables:
            indexes[table, index, bool(unique) and not partial].append(name)
    for (table, _, unique), columns in indexes.items():
        plain = tuple(column for column in columns if column is not None)
        if len(plain) < len(columns):
            continue  # on an expression
        tables[table].indexed[plain] = None
        if unique:
            tables[table].unique[plain] = None


def _sqlite_shape(declared: str) -> Shape:
    upper = declared.upper()
    if not upper:
        return "other"
    for mark, shape in _SQLITE_SHAPES:
        if mark in upper:
            return shape
    return "number"  # what SQLite calls NUMERIC affinity


def _sqlite_on_delete(written: str) -> OnDelete:
    match written.upper():
        case "CASCADE" | "RESTRICT" | "SET NULL" | "SET DEFAULT" as known:
            return known
        case _:
            return "NO ACTION"


def _sqlite_functions(cursor: sqlite3.Cursor) -> frozenset[str]:
    listed = cursor.execute("SELECT name FROM pragma_function_list WHERE builtin")
    return frozenset(str(name).lower() for (name,) in listed)


def _sqlite_trigger(name: str, statement: str, builtin: frozenset[str]) -> Trigger:
    """Read when a trigger fires, and whether it calls a function that the engine does not bring."""
    code = NOT_CODE.sub(" ", statement)
    head = re.search(
        r"\b(BEFORE|AFTER|INSTEAD\s+OF)?\s*\b(DELETE|INSERT|UPDATE)\b(?:\s+OF\b.*?)?\s+ON\b",
        code,
        re.IGNORECASE | re.DOTALL,
    )
    event = f"{(head[1] or 'BEFORE').upper()} {head[2].upper()}" if head is not None else ""
    known = builtin | _SQLITE_KEYWORDS
    known |= {
        match.lower() for match in re.findall(r"\bWITH\s+(?:RECURSIVE\s+)?(\w+)\s*\(", code, re.IGNORECASE)
    }
    called = {match.strip('"').lower() for match in CALL.findall(code)}
    foreign = sorted(called - known | called & {"load_extension"})
    return Trigger(name, event, calls_out=bool(foreign), how=", ".join(foreign))


def _conditions(statement: str) -> Iterator[str]:
    """Yield the condition of each CHECK in a CREATE TABLE."""
    code = NOT_CODE.sub("''", statement)
    for match in _CHECK.finditer(code):
        depth, start = 1, match.end()
        for position in range(start, len(code)):
            depth += {"(": 1, ")": -1}.get(code[position], 0)
            if depth == 0:
                yield code[start:position]
                break


def mentioned(condition: str, columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns whose names stand in a condition."""
    words = set()
    for match in _WORD.finditer(condition):
        word = next(group for group in match.groups() if group is not None)
        words.add(word.replace('""', '"').replace("``", "`").lower())
    return tuple(sorted(name for name in columns if name.lower() in words))


def _same(name: object, known: Iterable[str]) -> str | None:
    """Find a name as it is spelt in the table list: SQLite ignores the case of references."""
    known = list(known)
    if name in known:
        return str(name)
    return next((each for each in known if each.lower() == str(name).lower()), None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# PostgreSQL


_OURS = """
    n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname !~ '^pg_(toast|temp)' AND c.relname <> 'troth_step'
"""

_TABLES = f"""
    SELECT c.oid, n.nspname, c.relname, c.relkind::text, c.relispartition,
           c.reltuples, row_security_active(c.oid),
           coalesce(n.nspname = current_schema(), false),
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
           EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                   AND d.deptype = 'e')
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'm') AND {_OURS}
    ORDER BY n.nspname, c.relname
"""

_COLUMNS = """
    SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
           t.typcategory::text,
           CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, NULL) ELSE t.typname END,
           a.attnotnull OR t.typnotnull, a.attgenerated <> '' OR a.attidentity = 'a', a.attidentity = 'a',
           CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
           EXISTS (SELECT FROM pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c')
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY(%s)
    ORDER BY a.attrelid, a.attnum
"""

_PARENTS = """
    SELECT i.inhrelid, i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = ANY(%s) ORDER BY i.inhseqno
"""

_READABLE = """
    SELECT a.attrelid, a.attname
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = ANY(%s)
          AND has_schema_privilege(c.relnamespace, 'USAGE')
          AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
"""

_CONSTRAINTS = """
    SELECT k.conrelid, k.contype::text, k.conkey, k.confrelid, k.confkey, k.confdeltype::text,
           k.condeferrable,
           CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) ELSE '' END
    FROM pg_constraint AS k
    WHERE k.contype IN ('p', 'f', 'c') AND k.conrelid = ANY(%s)
          AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'
    ORDER BY k.conrelid, k.conname
"""

_INDEXES = """
    SELECT i.indrelid, (i.indkey::int2[])[0:i.indnkeyatts - 1],
           i.indisunique AND i.indpred IS NULL AND i.indisvalid,
           coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
    FROM pg_index AS i
    WHERE i.indrelid = ANY(%s) AND i.indexprs IS NULL
"""

_TRIGGERS = """
    SELECT g.tgrelid, g.tgname, g.tgtype::int, p.oid, ''
    FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid
    WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgrelid = ANY(%s)
    UNION ALL
    SELECT r.ev_class, r.rulename, -(r.ev_type::text::int), NULL, pg_get_ruledef(r.oid)
    FROM pg_rewrite AS r WHERE r.ev_type IN ('2', '4') AND r.ev_enabled <> 'D' AND r.ev_class = ANY(%s)
"""

_FUNCTIONS = """
    SELECT p.oid, p.proname, l.lanname, l.lanpltrusted, coalesce(p.prosrc, '') || {}, coalesce(e.extname, ''),
           coalesce((SELECT v.trusted FROM pg_available_extension_versions AS v
                     WHERE v.name = e.extname AND v.version = e.extversion), false)
    FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
                      JOIN pg_namespace AS n ON n.oid = p.pronamespace
                      LEFT JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                                                  AND d.deptype = 'e'
                      LEFT JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') OR p.oid = ANY(%s)
"""

_DELETE_RULES: Mapping[str, OnDelete] = {
    "a": "NO ACTION",
    "r": "RESTRICT",
    "c": "CASCADE",
    "n": "SET NULL",
    "d": "SET DEFAULT",
}
_POSTGRESQL_SHAPES: Mapping[str, Shape] = {"S": "text", "N": "number", "B": "boolean", "A": "array"}
_LENGTHS = frozenset({"varchar", "bpchar", "character varying", "character"})


def read_postgresql(connection: psycopg.Connection[Any], store: str) -> Catalogue:
    """Read the catalogue of a PostgreSQL database, all schemas, as this connection may see it."""
    from psycopg.rows import tuple_row

    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(_TABLES).fetchall()
        oids = [row[0] for row in rows]
        columns, domain_checks = _read_postgresql_columns(cursor, oids)
        roots = _roots(cursor, {row[0]: row[4] for row in rows}, columns)
        shown = [row for row in rows if roots[row[0]] == row[0]]
        default = next((row[1] for row in rows if row[7]), "")
        names = _names([(row[1], row[2]) for row in shown], default)
        found: dict[int, Found] = {}
        shut: list[int] = []
        for oid, schema, name, kind, _, _, secured, _, readable, extension in shown:
            found[oid] = Found(names[schema, name], (schema, name), derived=kind == "m" or extension)
            found[oid].columns = {column.name: column for column in columns[oid].values()}
            found[oid].checks = {(name,): None for name in domain_checks.get(oid, ())}
            found[oid].row_security = secured
            if not readable:
                shut.append(oid)
        for oid, _, _, kind, _, rows_about, *_ in rows:
            if roots[oid] in found and kind != "p":  # a partitioned table counts its partitions
                found[roots[oid]].rows_about += max(0, int(rows_about))
        _read_postgresql_rights(cursor, shut, found)
        _read_postgresql_constraints(cursor, roots, found, columns)
        _read_postgresql_indexes(cursor, found, columns)
        elsewhere = [name for _, _, name, kind, *_ in rows if kind == "f"]
        _read_postgresql_triggers(cursor, roots, found, elsewhere)
    return assembled(store, "postgresql", found.values())


_ByNumber = Mapping[int, Mapping[int, Column]]


def _read_postgresql_columns(
    cursor: psycopg.Cursor[Any], oids: list[int]
) -> tuple[_ByNumber, Mapping[int, Sequence[str]]]:
    """Return each table's columns by their number, and those whose domain has a CHECK."""
    columns: dict[int, dict[int, Column]] = {oid: {} for oid in oids}
    checked: dict[int, list[str]] = defaultdict(list)
    for oid, number, name, declared, category, base, required, generated, identity, modifier, domain_check in (
        cursor.execute(_COLUMNS, (oids,))
    ):  # fmt: skip
        columns[oid][number] = Column(
            name=name,
            type=declared,
            shape=_postgresql_shape(category, base),
            nullable=not required,
            generated=generated,
            length_max=modifier - 4 if base in _LENGTHS and modifier > 4 else None,
            identity=identity,
        )
        if domain_check:
            checked[oid].append(name)
    return columns, checked


def _roots(
    cursor: psycopg.Cursor[Any], partitions: Mapping[int, bool], columns: _ByNumber
) -> Mapping[int, int]:
    """Return the table each table is a part of: itself, or the one it is a partition of."""
    parents: dict[int, int] = {}
    for child, parent in cursor.execute(_PARENTS, (list(partitions),)):
        names = ({column.name for column in columns.get(oid, {}).values()} for oid in (child, parent))
        if partitions[child] or (child not in parents and next(names) == next(names)):
            parents[child] = parent
    roots = {}
    for oid in partitions:
        root = oid
        while root in parents:
            root = parents[root]
        roots[oid] = root
    return roots


def _read_postgresql_rights(cursor: psycopg.Cursor[Any], oids: list[int], found: Mapping[int, Found]) -> None:
    if not oids:
        return
    readable = set(cursor.execute(_READABLE, (oids,)).fetchall())
    for oid in oids:
        found[oid].unreadable = [name for name in found[oid].columns if (oid, name) not in readable]


def _read_postgresql_constraints(
    cursor: psycopg.Cursor[Any],
    roots: Mapping[int, int],
    found: Mapping[int, Found],
    columns_of: _ByNumber,
) -> None:
    for oid, kind, own, target, target_own, on_delete, deferrable, condition in cursor.execute(
        _CONSTRAINTS, (list(roots),)
    ):
        table = found.get(roots[oid])
        if table is None:
            continue
        columns = tuple(columns_of[oid][number].name for number in own or ())
        if kind == "f":
            other = found.get(roots.get(target, target))
            if other is not None:
                key = ForeignKey(
                    columns,
                    other.name,
                    tuple(columns_of[target][number].name for number in target_own),
                    _DELETE_RULES[on_delete],
                    deferrable,
                )
                table.foreign_keys[key] = None
        elif kind == "c" and columns:
            table.checks[tuple(sorted(columns))] = None
            if NULL_MINDED.search(condition):
                table.null_refused.update(columns)
        elif kind == "p" and oid in found:
            table.primary = columns


def _read_postgresql_indexes(
    cursor: psycopg.Cursor[Any], found: Mapping[int, Found], columns_of: _ByNumber
) -> None:
    for oid, own, unique, nulls_equal in cursor.execute(_INDEXES, (list(found),)):
        columns = tuple(columns_of[oid][number].name for number in own)
        found[oid].indexed[columns] = None
        if unique:
            found[oid].unique[columns] = None
            if nulls_equal:
                found[oid].null_refused.update(columns)


def _read_postgresql_triggers(
    cursor: psycopg.Cursor[Any], roots: Mapping[int, int], found: Mapping[int, Found], elsewhere: list[str]
) -> None:
    rows = cursor.execute(_TRIGGERS, (list(roots), list(roots))).fetchall()
    if not rows:
        return
    oids = sorted({function for *_, function, _ in rows if function is not None})
    modern = cursor.connection.info.server_version >= 140000
    bodies = _FUNCTIONS.format("coalesce(pg_get_function_sqlbody(p.oid), '')" if modern else "''")
    functions = [Function(*row) for row in cursor.execute(bodies, (oids,)).fetchall()]
    reach, code = reaches(functions), whole_code(functions, set(oids))
    triggers: dict[str, list[tuple[Trigger, str]]] = defaultdict(list)
    tables: dict[str, Found] = {}
    for oid, name, bits, function, rule in rows:
        table = found.get(roots[oid])
        if table is not None:
            its = reach.get(function, Reach()) if function is not None else reach_of(rule)
            trigger = Trigger(name, _postgresql_event(bits), bool(its.how), its.how, its.notifies)
            triggers[table.name].append((trigger, code.get(function, rule)))
            tables[table.name] = table
    for name, here in through(triggers, elsewhere).items():
        tables[name].triggers.update(dict.fromkeys(here))


def _postgresql_event(bits: int) -> str:
    if bits < 0:
        return f"RULE {'DELETE' if bits == -4 else 'UPDATE'}"
    timing = "BEFORE" if bits & 2 else "INSTEAD OF" if bits & 64 else "AFTER"
    events = [
        name for bit, name in ((8, "DELETE"), (4, "INSERT"), (32, "TRUNCATE"), (16, "UPDATE")) if bits & bit
    ]
    return f"{timing} {' OR '.join(events)}"


def _postgresql_shape(category: str, base: str) -> Shape:
    match base:
        case "json" | "jsonb":
            return "json"
        case "bytea":
            return "bytes"
        case "date":
            return "date"
    if base.startswith("timestamp"):
        return "moment"
    return _POSTGRESQL_SHAPES.get(category, "other")
