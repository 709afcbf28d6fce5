"""Reading what a MariaDB or MySQL database really holds.

Nothing is written and no value of any row is read.  Only the database that the URL names is
read, and of it what the role may see.  A foreign key that would refuse a removal does so row
by row there, and not when a statement has ended: it is read as RESTRICT.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from troth.rules.catalogue import Catalogue, Column, ForeignKey, OnDelete, Shape, Trigger
from troth.stores.catalogue import CALL, NOT_CODE, NULL_MINDED, STEP_TABLE, Found, assembled, mentioned
from troth.stores.reach import through
from troth.stores.sql_dialect import mariadb_base

if TYPE_CHECKING:
    from troth.stores.mariadb import Open

_TABLES = """
    SELECT t.TABLE_NAME, t.ENGINE, coalesce(t.TABLE_ROWS, 0), e.TRANSACTIONS, t.TABLE_TYPE
    FROM information_schema.TABLES AS t LEFT JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE
    WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
"""
COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, EXTRA, CHARACTER_MAXIMUM_LENGTH,
           CHARACTER_SET_NAME, COLLATION_NAME, PRIVILEGES
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION
"""
INDEXES = """
    SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, INDEX_TYPE
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
    ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX
"""
FOREIGN_KEYS = """
    SELECT u.TABLE_NAME, u.CONSTRAINT_NAME, u.COLUMN_NAME, u.REFERENCED_TABLE_NAME, u.REFERENCED_COLUMN_NAME,
           r.DELETE_RULE
    FROM information_schema.KEY_COLUMN_USAGE AS u
    JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r
      ON r.CONSTRAINT_SCHEMA = u.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = u.CONSTRAINT_NAME
         AND r.TABLE_NAME = u.TABLE_NAME
    WHERE u.TABLE_SCHEMA = DATABASE() AND u.REFERENCED_TABLE_SCHEMA = DATABASE()
    ORDER BY u.TABLE_NAME, u.CONSTRAINT_NAME, u.ORDINAL_POSITION
"""
CHECKS = """
    SELECT TABLE_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE()
"""
TRIGGERS = """
    SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT
    FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY 1, 2
"""
_ROUTINES = """
    SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES
    WHERE ROUTINE_SCHEMA = DATABASE()
"""
_BUILTIN = """
    SELECT lower(FUNCTION) FROM information_schema.SQL_FUNCTIONS
    UNION SELECT lower(WORD) FROM information_schema.KEYWORDS
"""
_JSON_CHECK = re.compile(r'json_valid\((?:"((?:[^"]|"")+)"|`((?:[^`]|``)+)`)\)', re.IGNORECASE)
_KEYS_REFUSED = frozenset({"float", "double"})
"""A number that is not exact is not found again by what was read of it."""

_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"), "text"),
    **dict.fromkeys(
        ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double"), "number"
    ),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "bytes"),
    "year": "number",
    "json": "json",
    "date": "date",
    "datetime": "moment",
    "timestamp": "moment",
}


def read_mariadb(connection: Open, store: str) -> Catalogue:
    """Read the catalogue of the database that the connection is in."""
    ask = connection.rows
    found: dict[str, Found] = {}
    engines: dict[str, str] = {}
    for name, engine, rows, transactional, kind in ask(_TABLES):
        if name == STEP_TABLE:
            continue
        table = found[str(name)] = Found(str(name), (str(name),), rows_about=int(str(rows)))
        engines[str(name)] = str(engine)
        if kind == "SYSTEM VERSIONED":
            table.lasting = "the database keeps every former row (WITH SYSTEM VERSIONING)"
        elif transactional != "YES":
            table.lasting = f"the engine {engine} knows no transactions"
    _read_columns(ask(COLUMNS), ask(CHECKS), found)
    _read_indexes(ask(INDEXES), found)
    _read_foreign_keys(ask(FOREIGN_KEYS), found)
    _read_triggers(connection, found)
    return assembled(store, "mariadb", found.values())


_Rows = Sequence[tuple[object, ...]]


def _read_columns(columns: _Rows, checks: _Rows, found: Mapping[str, Found]) -> None:
    json = set()
    clauses: list[tuple[str, str]] = []
    for table, clause in checks:
        match = _JSON_CHECK.fullmatch(str(clause).strip())
        if match is not None:
            json.add((str(table), (match[1] or match[2] or "").replace('""', '"').replace("``", "`")))
        else:
            clauses.append((str(table), str(clause)))
    for table_, name_, declared, nullable, extra, length, charset, collated, rights in columns:
        table, name = str(table_), str(name_)
        if table not in found:
            continue
        type_ = str(declared) + (f" CHARACTER SET {charset} COLLATE {collated}" if charset else "")
        base = mariadb_base(type_)
        found[table].columns[name] = Column(
            name=name,
            type=type_,
            shape="json" if (table, name) in json else _SHAPES.get(base, "other"),
            nullable=nullable == "YES",
            generated=bool(
                re.search(r"\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b", str(extra), re.IGNORECASE)
            ),
            length_max=int(str(length)) if base in ("char", "varchar") and length is not None else None,
        )
        if "select" not in str(rights).lower():
            found[table].unreadable.append(name)
    for table, clause in clauses:
        if table not in found:
            continue
        read = mentioned(NOT_CODE.sub("''", clause), found[table].columns)
        if read:
            found[table].checks[read] = None
            if NULL_MINDED.search(clause):
                found[table].null_refused.update(read)


def _read_indexes(indexes: _Rows, found: Mapping[str, Found]) -> None:
    parts: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    unique: set[tuple[str, str]] = set()
    for table, index, loose, column, kind in indexes:
        if kind not in ("BTREE", "HASH", "RTREE"):
            continue
        parts[str(table), str(index)].append(str(column) if column is not None else None)
        if not int(str(loose)):
            unique.add((str(table), str(index)))
    for (name, index), columns in parts.items():
        plain = tuple(column for column in columns if column is not None)
        if name not in found or len(plain) < len(columns) or not set(plain) <= set(found[name].columns):
            continue
        table = found[name]
        table.indexed[plain] = None
        inexact = any(mariadb_base(table.columns[column].type) in _KEYS_REFUSED for column in plain)
        if (name, index) in unique and not inexact:
            table.unique[plain] = None
            if index == "PRIMARY":
                table.primary = plain


def _read_foreign_keys(rows: _Rows, found: Mapping[str, Found]) -> None:
    keys: dict[tuple[str, str], list[tuple[str, str, str, str]]] = defaultdict(list)
    for table, name, column, target, target_column, rule in rows:
        keys[str(table), str(name)].append((str(column), str(target), str(target_column), str(rule)))
    for (table_name, _), parts in keys.items():
        if table_name not in found or parts[0][1] not in found:
            continue
        rule_ = parts[0][3]
        on_delete: OnDelete = "RESTRICT"
        if rule_ in ("CASCADE", "SET NULL"):
            on_delete = rule_  # type: ignore[assignment]
        key = ForeignKey(
            tuple(part[0] for part in parts), parts[0][1], tuple(part[2] for part in parts), on_delete
        )
        found[table_name].foreign_keys[key] = None


def _read_triggers(connection: Open, found: Mapping[str, Found]) -> None:
    triggers = connection.rows(TRIGGERS)
    if not triggers:
        return
    routines = {str(name).lower(): str(body or "") for name, body in connection.rows(_ROUTINES)}
    known = {str(word) for (word,) in connection.rows(_BUILTIN)} | {name.lower() for name in found}
    known |= set(routines) | _NOT_LISTED
    lasting = {name.lower() for name, table in found.items() if table.lasting}
    read: dict[str, list[tuple[Trigger, str]]] = {}
    for table, name, timing, event, body in triggers:
        if str(table) not in found:
            continue
        code = whole_code(str(body), routines)
        called = {match.strip('"`').lower() for match in CALL.findall(code)}
        written = {match.lower() for match in WRITES.findall(code)}
        kept = [f"the table {each}, where nothing is undone" for each in sorted(written & lasting)]
        how = ", ".join([*sorted(called - known), *kept])
        trigger = Trigger(str(name), f"{timing} {event}", calls_out=bool(how), how=how)
        read.setdefault(str(table), []).append((trigger, code))
    for table, here in through(read).items():
        found[table].triggers.update(dict.fromkeys(here))


WRITES = re.compile(
    r"\b(?:INSERT(?:\s+IGNORE)?(?:\s+INTO)?|REPLACE(?:\s+INTO)?|UPDATE|DELETE\s+FROM)\s+[`\"]?(\w+)",
    re.IGNORECASE,
)
_NOT_LISTED = frozenset({"values", "if", "in", "exists", "key", "count", "value", "now"})


def whole_code(body: str, routines: Mapping[str, str]) -> str:
    """Return what a trigger says, and what every routine it may call says."""
    code, seen = NOT_CODE.sub(" ", body), set[str]()
    while True:
        words = {word.lower() for word in re.findall(r"\w+", code)}
        fresh = [name for name in routines if name in words and name not in seen]
        if not fresh:
            return code
        seen.update(fresh)
        code += " ".join(" ; " + NOT_CODE.sub(" ", routines[name]) for name in fresh)
