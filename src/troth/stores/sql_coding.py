"""How each SQL engine says a single value as text, exactly, and takes it back.

On PostgreSQL and DuckDB the server's own writing says everything once a few settings are
made.  On SQLite a column holds any class of value, so its class comes before it.  On
MariaDB `t` comes before a text and `b` before bytes in hexadecimal.  What an engine cannot
say exactly is refused, not guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from troth.errors import NotAllowedError
from troth.stores.sql import Sql
from troth.stores.sql_dialect import collation, mariadb_base, mariadb_bytes, mariadb_integer


@dataclass(frozen=True, slots=True)
class Coding:
    """How an engine reads, compares and writes coded values; a type is as the catalogue has it."""

    read: Callable[[str, str], str]  # of an expression and its type
    write: Callable[[str, str], str]  # of a parameter and the type it is to have
    found: Callable[[str, str, str], str]  # a key column, a parameter, the type: by the index
    same: str  # a coded expression, and a parameter
    exact: tuple[str, ...]  # settings under which texts lose nothing
    code: Callable[[str | int | bool], str]
    show: Callable[[str], str]
    lossy: Callable[[str], bool] = lambda _: False  # a type whose values cannot be said exactly
    savepoints: bool = True  # a change that is refused can be undone alone


# SQLite


def sqlite_coded(class_: str, value: object) -> str | None:
    """Code a value of SQLite: its storage class, and itself without loss.

    >>> sqlite_coded("integer", 5), sqlite_coded("text", b"5"), sqlite_coded("null", None)
    ('i5', 't35', None)
    """
    match value:
        case bytes():
            return f"{'t' if class_ == 'text' else 'b'}{value.hex()}"
        case int():
            return f"i{value}"
        case float():
            return f"r{value!r}"
        case _:
            return None


def sqlite_uncoded(coded: str | None) -> int | float | bytes | str | None:
    """Return the value that a coded text says; a text comes as its bytes.

    >>> sqlite_uncoded("i5"), sqlite_uncoded("r5.0"), sqlite_uncoded("t35"), sqlite_uncoded("gfive")
    (5, 5.0, b'5', 'five')
    """
    if coded is None:
        return None
    class_, rest = coded[0], coded[1:]
    match class_:
        case "i":
            return int(rest)
        case "r":
            return float(rest)
        case "g":
            return rest
        case _:
            return bytes.fromhex(rest)


def _sqlite_read(expression: str, _: str) -> str:
    as_bytes = f"CASE typeof({expression}) WHEN 'text' THEN CAST({expression} AS BLOB) ELSE {expression} END"
    return f"troth_coded(typeof({expression}), {as_bytes})"


def _sqlite_write(parameter: str, _: str) -> str:
    value = f"troth_uncoded({parameter})"
    return f"CASE substr({parameter}, 1, 1) WHEN 't' THEN CAST({value} AS TEXT) ELSE {value} END"


def _sqlite_code(value: str | int | bool) -> str:
    return f"g{value}" if isinstance(value, str) else f"i{int(value)}"


def _sqlite_shown(coded: str) -> str:
    class_, rest = coded[0], coded[1:]
    match class_:
        case "t":
            return bytes.fromhex(rest).decode("utf-8", "replace")
        case "b":
            return f"{len(rest) // 2} bytes"
        case _:
            return rest


SQLITE = Coding(
    read=_sqlite_read,
    write=_sqlite_write,
    found=lambda key, parameter, declared: f"{key} IS {_sqlite_write(parameter, declared)}",
    same="{0} IS {1}",
    exact=(),
    code=_sqlite_code,
    show=_sqlite_shown,
)


# PostgreSQL


POSTGRESQL = Coding(
    read=lambda expression, _: f'({expression})::text COLLATE "C"',
    write=lambda parameter, _: parameter,
    found=lambda key, parameter, _: f"{key} = {parameter}",
    same="{0} IS NOT DISTINCT FROM {1}::text",
    exact=(
        "SET LOCAL TimeZone = 'UTC'",
        "SET LOCAL DateStyle = 'ISO, YMD'",
        "SET LOCAL IntervalStyle = 'postgres'",
        "SET LOCAL extra_float_digits = 1",
        "SET LOCAL bytea_output = 'hex'",
        "SET LOCAL lc_monetary = 'C'",
    ),
    code=lambda value: str(value).lower() if isinstance(value, bool) else str(value),
    show=str,
)


# MariaDB


_EXACT_CHARSETS = ("utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "ucs2", "utf16", "utf16le", "utf32")
"""In these, every text comes back from Unicode as the same bytes."""
_SPATIAL = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "vector",
)  # fmt: skip


def _is_bytes(declared: str) -> bool:
    base = mariadb_base(declared)
    return mariadb_bytes(declared) or base in _SPATIAL


def _mariadb_read(expression: str, declared: str) -> str:
    base = mariadb_base(declared)
    if _is_bytes(declared):
        coded = f"concat('b', HEX({expression}))"
    elif base == "bit":
        coded = f"concat('t', CAST({expression} + 0 AS CHAR CHARACTER SET utf8mb4))"
    elif base == "float":  # of itself it is written with six digits
        coded = f"concat('t', CAST(CAST({expression} AS DOUBLE) AS CHAR CHARACTER SET utf8mb4))"
    elif collation(declared) is not None:
        coded = f"concat('t', CONVERT({expression} USING utf8mb4))"
    else:
        coded = f"concat('t', CAST({expression} AS CHAR CHARACTER SET utf8mb4))"
    return f"({coded} COLLATE utf8mb4_nopad_bin)"


def _mariadb_write(parameter: str, declared: str) -> str:
    rest = f"SUBSTR({parameter}, 2)"
    if _is_bytes(declared):
        return f"CASE LEFT({parameter}, 1) WHEN 'b' THEN UNHEX({rest}) ELSE CAST({rest} AS BINARY) END"
    return f"CAST({rest} AS UNSIGNED)" if mariadb_base(declared) == "bit" else rest


def _mariadb_found(key: str, parameter: str, declared: str) -> str:
    """Compare in the type of the key: a number and a text would be compared as floating point."""
    base, charset, rest = mariadb_base(declared), collation(declared), f"SUBSTR({parameter}, 2)"
    if charset is not None:
        return f"{key} = CONVERT({rest} USING {charset[0]}) COLLATE {charset[1]}"
    if mariadb_integer(declared):
        unsigned = "unsigned" in declared or base in ("bit", "year")
        return f"{key} = CAST({rest} AS {'UNSIGNED' if unsigned else 'SIGNED'})"
    if base == "decimal":
        bare = declared.replace(" unsigned", "").replace(" zerofill", "")
        return f"{key} = CAST({rest} AS {bare})"
    return f"{key} = {_mariadb_write(parameter, declared)}"


def _mariadb_lossy(declared: str) -> bool:
    charset = collation(declared)
    return charset is not None and charset[0] not in _EXACT_CHARSETS


MARIADB = Coding(
    read=_mariadb_read,
    write=_mariadb_write,
    found=_mariadb_found,
    same="{0} <=> (CONVERT({1} USING utf8mb4) COLLATE utf8mb4_nopad_bin)",
    exact=(),  # a connection's settings are exact from its beginning
    code=lambda value: f"t{int(value) if isinstance(value, bool) else value}",
    show=lambda coded: f"{(len(coded) - 1) // 2} bytes" if coded[0] == "b" else coded[1:],
    lossy=_mariadb_lossy,
)


# DuckDB


DUCKDB = Coding(
    read=lambda expression, _: f"({expression})::VARCHAR",
    write=lambda parameter, declared: f"CAST({parameter} AS {declared})",
    found=lambda key, parameter, declared: f"{key} = CAST({parameter} AS {declared})",
    same="{0} IS NOT DISTINCT FROM {1}::VARCHAR",
    exact=(),  # a connection's settings are exact from its beginning
    code=lambda value: str(int(value) if isinstance(value, bool) else value),
    show=str,
    lossy=lambda declared: "VARIANT" in declared,
    savepoints=False,
)


CODINGS: Mapping[str, Coding] = {
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "mariadb": MARIADB,
    "duckdb": DUCKDB,
}


def coding_of(sql: Sql) -> Coding:
    """Return how this engine codes values."""
    return CODINGS[sql.dialect.name]


def typed(sql: Sql, table: str, name: str) -> str:
    """Return a column's type; raises NotAllowedError where its values cannot be said exactly."""
    column = sql.graph.table(table).column(name)
    declared = column.type if column is not None else ""
    if coding_of(sql).lossy(declared):
        raise NotAllowedError(
            f"In the store `{sql.plan.store}`, values of `{table}.{name}` can be neither corrected nor set aside: "
            f"in its type (`{declared}`) two values may be written alike, so what was there might not come back. "
            "Change it there by hand, and record that it was done."
        )
    return declared
