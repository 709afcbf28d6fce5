"""Places inside a column, said in SQL: values in JSON documents, elements of lists.

Rule: what is read is the text of a value, so that a number and a text are compared as they
are written; a document that is none, and a place that is not there, hold nothing.  What is
written replaces a value that is there and leaves the rest of the document as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby

from troth.errors import NotAllowedError
from troth.rules.catalogue import Column
from troth.rules.map import Columns, InDocument, InList, Inside, Parts, Value

# Keys come from the map and are quoted; no value of a row is written into a statement.
# ruff: noqa: S608


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of a list, as the source of a select: `value` is the text of one."""

    source: str
    value: str


@dataclass(frozen=True, slots=True)
class Insides:
    """How an engine reads and writes places inside a column.

    `read` takes an expression and a path and gives the text of the value there.  `elements`
    takes an expression, its column, the list and an alias.  `without` gives the column with
    those elements left out for which a condition holds.  `write` gives it with one part written.
    """

    read: Callable[[str, Columns], str]
    elements: Callable[[str, Column, InList, str], Elements]
    without: Callable[[str, Column, InList, Elements, str, str], str]
    write: Callable[[str, Column, Inside, Value], str]


def rewritten(insides: Insides, expression: str, column: Column, parts: Parts) -> str:
    """Write the column with all these parts of it replaced."""
    return reduce(
        lambda before, part: insides.write(before, column, part.inside, part.value), parts, expression
    )


def by_column(parts: Parts) -> Sequence[tuple[str, Parts]]:
    """Put the parts of each column together."""
    ordered = sorted(parts, key=lambda part: part.column)
    return [(name, tuple(each)) for name, each in groupby(ordered, key=lambda part: part.column)]


def told(value: str | int | bool) -> str:
    """Return the text of a constant, as `read` gives it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# SQLite


def _sqlite_path(path: Columns) -> str:
    """Write a path; a quote in a key cannot be written, so that such a key is not there."""
    return _text("$" + "".join(f'."{key}"' for key in path))


def _sqlite_read(expression: str, path: Columns) -> str:
    at = _sqlite_path(path)
    text = _sqlite_scalar(f"json_type({expression}, {at})", f"json_extract({expression}, {at})")
    return f"CASE WHEN json_valid({expression}) THEN {text} END"


def _sqlite_scalar(kind: str, value: str) -> str:
    """Write a value as text; what is true is no number."""
    return f"CASE {kind} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST({value} AS TEXT) END"


def _sqlite_elements(expression: str, _column: Column, inside: InList, alias: str) -> Elements:
    at = _sqlite_path(inside.path)
    there = f"json_valid({expression}) AND json_type({expression}, {at}) = 'array'"
    source = f"json_each(CASE WHEN {there} THEN {expression} ELSE '[]' END, {at}) AS {alias}"
    if inside.below:
        inner = _sqlite_read(f"{alias}.value", inside.below)
        return Elements(source, f"CASE WHEN {alias}.type = 'object' THEN {inner} END")
    return Elements(source, _sqlite_scalar(f"{alias}.type", f"{alias}.value"))


def _sqlite_whole(alias: str) -> str:
    """Write an element as JSON, of the type it is."""
    return (
        f"json(CASE {alias}.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN 'null' "
        f"WHEN 'object' THEN {alias}.value WHEN 'array' THEN {alias}.value ELSE json_quote({alias}.value) END)"
    )


def _sqlite_put(expression: str, path: Columns, value: str) -> str:
    return f"json_replace({expression}, {_sqlite_path(path)}, {value})" if path else value


def _sqlite_without(
    expression: str, _column: Column, inside: InList, elements: Elements, alias: str, condition: str
) -> str:
    kept = (
        f"json((SELECT json_group_array({_sqlite_whole(alias)}) FROM (SELECT * FROM {elements.source} "
        f"ORDER BY {alias}.key) AS {alias} WHERE ({condition}) IS NOT TRUE))"
    )
    return _sqlite_put(expression, inside.path, kept)


def _sqlite_value(value: Value) -> str:
    match value:
        case None:
            return "json('null')"
        case bool():
            return "json('true')" if value else "json('false')"
        case int():
            return str(value)
        case str():
            return _text(value)


def _sqlite_write(expression: str, column: Column, inside: Inside, value: Value) -> str:
    new = _sqlite_value(value)
    valid = f"CASE WHEN json_valid({expression}) THEN {{}} ELSE {expression} END"
    if isinstance(inside, InDocument):
        return valid.format(f"json_replace({expression}, {_sqlite_path(inside.path)}, {new})")
    source = _sqlite_elements(expression, column, inside, "ew").source
    changed = (
        "json((SELECT json_group_array(CASE WHEN ew.type = 'object' "
        f"THEN json_replace(ew.value, {_sqlite_path(inside.below)}, {new}) ELSE {_sqlite_whole('ew')} END) "
        f"FROM (SELECT * FROM {source} ORDER BY ew.key) AS ew))"
    )
    is_list = f"json_type({expression}, {_sqlite_path(inside.path)}) = 'array'"
    put = _sqlite_put(expression, inside.path, changed)
    return valid.format(f"CASE WHEN {is_list} THEN {put} ELSE {expression} END")


SQLITE = Insides(_sqlite_read, _sqlite_elements, _sqlite_without, _sqlite_write)


# PostgreSQL


def _postgresql_path(path: Columns) -> str:
    return f"ARRAY[{', '.join(map(_text, path))}]::text[]"


def _document(expression: str, column: Column) -> str:
    return expression if column.type == "jsonb" else f"{expression}::jsonb"


def _postgresql_read(expression: str, path: Columns) -> str:
    return f"({expression} #>> {_postgresql_path(path)})"


def _postgresql_elements(expression: str, column: Column, inside: InList, alias: str) -> Elements:
    if column.shape == "array":
        return Elements(f"unnest({expression}) WITH ORDINALITY AS {alias}(x, n)", f"{alias}.x::text")
    list_ = f"({_document(expression, column)} #> {_postgresql_path(inside.path)})"
    there = f"CASE WHEN jsonb_typeof({list_}) = 'array' THEN {list_} ELSE '[]'::jsonb END"
    source = f"jsonb_array_elements({there}) WITH ORDINALITY AS {alias}(x, n)"
    return Elements(source, f"({alias}.x #>> {_postgresql_path(inside.below)})")


def _postgresql_put(document: str, path: Columns, value: str) -> str:
    """Replace what is there; to lead by a key into a list would be an error of the engine's."""
    if not path:
        return value
    there = f"({document} #> {_postgresql_path(path)}) IS NOT NULL"
    put = f"jsonb_set({document}, {_postgresql_path(path)}, {value}, false)"
    return f"CASE WHEN {there} THEN {put} ELSE {document} END"


def _postgresql_without(
    expression: str, column: Column, inside: InList, elements: Elements, alias: str, condition: str
) -> str:
    kept = f"FROM {elements.source} WHERE ({condition}) IS NOT TRUE"
    if column.shape == "array":
        return f"ARRAY(SELECT {alias}.x {kept} ORDER BY {alias}.n)::{column.type}"
    list_ = f"coalesce((SELECT jsonb_agg({alias}.x ORDER BY {alias}.n) {kept}), '[]'::jsonb)"
    put = _postgresql_put(_document(expression, column), inside.path, list_)
    return f"({put})::{column.type}"


def _postgresql_value(value: Value) -> str:
    match value:
        case None:
            return "'null'::jsonb"
        case bool():
            return "'true'::jsonb" if value else "'false'::jsonb"
        case int():
            return f"'{value}'::jsonb"
        case str():
            return f"to_jsonb({_text(value)}::text)"


def _postgresql_write(expression: str, column: Column, inside: Inside, value: Value) -> str:
    new, document = _postgresql_value(value), f"({expression})::jsonb"
    if isinstance(inside, InDocument):
        return f"({_postgresql_put(document, inside.path, new)})::{column.type}"
    elements = _postgresql_elements(f"({expression})", column, inside, "ew")
    changed = f"(SELECT jsonb_agg({_postgresql_put('ew.x', inside.below, new)} ORDER BY ew.n) FROM {elements.source})"
    list_ = f"coalesce({changed}, {document} #> {_postgresql_path(inside.path)})"
    is_list = f"jsonb_typeof({document} #> {_postgresql_path(inside.path)}) = 'array'"
    put = _postgresql_put(document, inside.path, list_)
    return f"(CASE WHEN {is_list} THEN {put} ELSE {document} END)::{column.type}"


POSTGRESQL = Insides(_postgresql_read, _postgresql_elements, _postgresql_without, _postgresql_write)


# MariaDB and DuckDB: documents only; the plan refuses lists before anything is asked.


def _mariadb_read(expression: str, path: Columns) -> str:
    at = f"JSON_EXTRACT({expression}, {_sqlite_path(path)})"
    return f"CASE WHEN JSON_VALID({expression}) AND JSON_TYPE({at}) <> 'NULL' THEN JSON_UNQUOTE({at}) END"


def _no_elements(_expression: str, column: Column, _inside: InList, _alias: str) -> Elements:
    raise NotAllowedError(
        f"`{column.name}` is a list, and on this kind of store the elements of lists are not looked into."
    )


def _no_without(
    expression: str, column: Column, inside: InList, _elements: Elements, alias: str, _condition: str
) -> str:
    return _no_elements(expression, column, inside, alias).source


def _mariadb_value(value: Value) -> str:
    match value:
        case None:
            return "JSON_EXTRACT('null', '$')"
        case bool():
            return f"JSON_EXTRACT('{str(value).lower()}', '$')"
        case int():
            return str(value)
        case str():
            return _text(value)


def _mariadb_write(expression: str, column: Column, inside: Inside, value: Value) -> str:
    if isinstance(inside, InList):
        return _no_elements(expression, column, inside, "").source
    put = f"JSON_REPLACE({expression}, {_sqlite_path(inside.path)}, {_mariadb_value(value)})"
    return f"CASE WHEN JSON_VALID({expression}) THEN {put} ELSE {expression} END"


def _duckdb_read(expression: str, path: Columns) -> str:
    valid = f"json_valid({expression}::text)"
    return f"CASE WHEN {valid} THEN json_extract_string({expression}::text, {_sqlite_path(path)}) END"


def _duckdb_write(_expression: str, column: Column, _inside: Inside, _value: Value) -> str:
    raise NotAllowedError(
        f"`{column.name}` is a document, and DuckDB has nothing to write into one with. Blank it whole."
    )


DUCKDB = Insides(_duckdb_read, _no_elements, _no_without, _duckdb_write)
MARIADB = Insides(_mariadb_read, _no_elements, _no_without, _mariadb_write)
