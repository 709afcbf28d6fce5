"""Reading what a DuckDB file really holds.

Nothing is written and no value of any row is read.  What DuckDB does not say of a column
(whether it is computed, how it is collated) is read from the statement that made its table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from troth.rules.catalogue import Catalogue, Column, ForeignKey, Shape
from troth.stores.catalogue import NOT_CODE, NULL_MINDED, STEP_TABLE, Found, assembled, mentioned

if TYPE_CHECKING:
    from troth.stores.duckdb import Open

_TABLES = """
    SELECT schema_name, table_name, sql, estimated_size FROM duckdb_tables()
    WHERE NOT internal AND NOT temporary AND database_name = current_database() ORDER BY ALL
"""
_COLUMNS = """
    SELECT schema_name, table_name, column_name, data_type, is_nullable FROM duckdb_columns()
    WHERE NOT internal AND database_name = current_database() ORDER BY schema_name, table_name, column_index
"""
_CONSTRAINTS = """
    SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table,
           referenced_column_names, constraint_text
    FROM duckdb_constraints() WHERE database_name = current_database() ORDER BY ALL
"""
_INDEXES = """
    SELECT schema_name, table_name, is_unique, expressions::text FROM duckdb_indexes()
    WHERE database_name = current_database() ORDER BY ALL
"""
_INEXACT = ("FLOAT", "REAL")
_NUMBERS = re.compile(r"(TINY|SMALL|BIG|HUGE|U\w*)?INT(EGER)?$|BIGNUM$|DECIMAL|DOUBLE$|FLOAT$")


def read_duckdb(connection: Open, store: str) -> Catalogue:
    """Read the catalogue of the file that the connection has open."""
    ask = connection.rows
    found: dict[tuple[str, str], Found] = {}
    said: dict[tuple[str, str], str] = {}
    for schema, name, sql, rows in ask(_TABLES):
        if name == STEP_TABLE:
            continue
        at = str(schema), str(name)
        shown = at[1] if at[0] == "main" else f"{at[0]}.{at[1]}"
        found[at] = Found(shown, at, rows_about=int(str(rows or 0)))
        said[at] = NOT_CODE.sub("''", str(sql or ""))
    for schema, name, column, declared, nullable in ask(_COLUMNS):
        at = str(schema), str(name)
        if at in found:
            found[at].columns[str(column)] = _column(
                said[at], str(column), str(declared), nullable=bool(nullable)
            )
    _read_constraints(ask(_CONSTRAINTS), found)
    for schema, name, unique, expressions in ask(_INDEXES):
        at = str(schema), str(name)
        if at not in found:
            continue
        columns = tuple(_listed(str(expressions)))
        if set(columns) <= set(found[at].columns):
            found[at].indexed[columns] = None
            if unique:
                found[at].unique[columns] = None
    return assembled(store, "duckdb", found.values())


def structure(connection: Open) -> object:
    """Return a hash of what the file says of every table."""
    told = [connection.rows(asked) for asked in (_COLUMNS, _CONSTRAINTS, _INDEXES)]
    told.append(connection.rows(_TABLES.replace(", estimated_size", "")))
    return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).digest()


def _column(sql: str, name: str, declared: str, *, nullable: bool) -> Column:
    own = re.escape('"' + name.replace('"', '""') + '"') + (
        f"|{re.escape(name)}" if name.isidentifier() else ""
    )
    head = rf"[(,]\s*(?:{own})\s+{re.escape(declared)}"
    collated = re.search(head + r"\s+COLLATE\s+(\w+)", sql, re.IGNORECASE)
    return Column(
        name=name,
        type=f"{declared} COLLATE {collated[1]}" if collated is not None else declared,
        shape=_shape(declared),
        nullable=nullable,
        generated=re.search(head + r"\s+GENERATED\s+ALWAYS\s+AS", sql, re.IGNORECASE) is not None,
    )


def _shape(declared: str) -> Shape:
    if declared.endswith("]"):
        return "array"
    if declared.startswith("ENUM") or declared == "VARCHAR":
        return "text"
    if _NUMBERS.match(declared):
        return "number"
    if declared.startswith("TIMESTAMP"):
        return "moment"
    known: Mapping[str, Shape] = {"JSON": "json", "BLOB": "bytes", "DATE": "date", "BOOLEAN": "boolean"}
    return known.get(declared, "other")


def _read_constraints(rows: Sequence[tuple[object, ...]], found: Mapping[tuple[str, str], Found]) -> None:
    for schema, name, kind, columns_, target, target_columns, text in rows:
        table = found.get((str(schema), str(name)))
        if table is None:
            continue
        columns = tuple(map(str, columns_)) if isinstance(columns_, list) else ()
        match kind:
            case "PRIMARY KEY" | "UNIQUE":
                table.unique[columns] = None
                table.indexed[columns] = None
                if kind == "PRIMARY KEY" and not any(table.columns[c].type in _INEXACT for c in columns):
                    table.primary = columns
            case "FOREIGN KEY":
                other = found.get((str(schema), str(target)))
                own = tuple(map(str, target_columns)) if isinstance(target_columns, list) else ()
                if other is not None:
                    table.foreign_keys[ForeignKey(columns, other.name, own, "RESTRICT")] = None
            case "CHECK":
                clause = NOT_CODE.sub("''", str(text))
                read = mentioned(clause, table.columns)
                if read:
                    table.checks[read] = None
                    if NULL_MINDED.search(clause):
                        table.null_refused.update(read)
            case _:
                pass


def _listed(expressions: str) -> list[str]:
    """Read the columns of an index, as DuckDB writes them: [name, "odd name"].

    >>> _listed('[n, "odd name"]')
    ['n', 'odd name']
    """
    parts = re.findall(r'"(?:[^"]|"")+"|[^,\[\]]+', expressions)
    return [part.strip().strip("'").removeprefix('"').removesuffix('"').replace('""', '"') for part in parts]
