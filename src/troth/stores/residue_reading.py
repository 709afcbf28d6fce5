"""Reading whole tables as raw bytes, fast and in bounded memory, for the residue search.

A batch is the fields of some whole rows, with one separator byte after each; a match
therefore lies in one field, and the lengths of the fields say in which.  Values longer than
`VALUE_MAX` are read afterwards in slices that overlap, each slice as a row of its own.
"""

from __future__ import annotations

import re
import select
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from troth.rules.catalogue import CatalogueTable, Column

if TYPE_CHECKING:
    import psycopg

# Names come from the catalogue, never from a visitor, and are quoted; values are bound.
# ruff: noqa: S608

VALUE_MAX = 262_144
BATCH_MIN = 1_048_576
ROWS_AT_ONCE = 64
CONTEXT = 12
"""How many bytes beside a match decide whether it stands alone."""

_LONG = b"\x01troth: longer than a slice\x01"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some whole rows.  `columns` are searched; after them, in each row, stand `beside` fields:
    the key, and in a batch of slices also which value it is, whether this is its first slice
    and whether its last.
    """

    columns: tuple[Column, ...]
    beside: int
    buffer: bytes
    fields: Callable[[], Sequence[bytes]]
    clean: Callable[[Column | None, bytes], bytes]
    sliced: bool = False

    @property
    def width(self) -> int:
        """How many fields a row has."""
        return len(self.columns) + self.beside


@dataclass(slots=True)
class Table:
    """A table being read; `unread` fills up with the columns that could not be."""

    table: CatalogueTable
    columns: tuple[Column, ...]
    slice_overlap: int
    unread: list[str]


# SQLite: any column may hold anything, so all are read, whatever their declared type.


def sqlite_batches(connection: sqlite3.Connection, table: Table) -> Iterator[Batch]:
    """Yield a table of SQLite in batches."""
    cursor = connection.cursor()
    cursor.row_factory = None
    name = _name(table.table)
    key = tuple(f"coalesce(CAST({_quoted(part)} AS BLOB), x'')" for part in table.table.key)
    long: set[str] = set()
    values = [
        f"coalesce(CASE WHEN length({_quoted(column.name)}) > {VALUE_MAX} THEN x'{_LONG.hex()}' "
        f"ELSE CAST({_quoted(column.name)} AS BLOB) END, x'')"
        for column in table.columns
    ]
    try:
        cursor.execute(f"SELECT {', '.join((*values, *key))} FROM {name}")
        for rows in _gathered(cursor):
            batch = _sqlite_batch(table.columns, len(key), rows)
            if _LONG in batch.buffer:
                long |= _long_columns(batch)
            yield batch
        for column in table.columns:
            if column.name in long:
                yield from _sqlite_slices(cursor, table, column, key)
    except sqlite3.OperationalError as error:
        if "interrupt" in str(error) or "lock" in str(error):
            raise
        table.unread.extend(column.name for column in table.columns)


def _sqlite_slices(
    cursor: sqlite3.Cursor, table: Table, column: Column, key: Sequence[str]
) -> Iterator[Batch]:
    value, name = f"CAST({_quoted(column.name)} AS BLOB)", _name(table.table)
    identity = "||'/'||".join(key) if _without_rowid(cursor, table.table) else "_rowid_"
    cursor.execute(
        f"""
        WITH RECURSIVE long AS MATERIALIZED (
            SELECT CAST({identity} AS BLOB) AS identity, {value} AS value, length({value}) AS size
                   {"".join(f", {part} AS key_{number}" for number, part in enumerate(key))}
            FROM {name}
            WHERE length({_quoted(column.name)}) > {VALUE_MAX}
        ),
        starts(start) AS (
            SELECT 0 UNION ALL SELECT start + :step FROM starts
            WHERE start + :step < (SELECT max(size) FROM long)
        )
        SELECT substr(value, start + 1, :size), identity, CAST(start = 0 AS BLOB),
               CAST(start + :size >= size AS BLOB){"".join(f", key_{number}" for number in range(len(key)))}
        FROM long JOIN starts ON start < size
        ORDER BY identity, start
        """,
        {"step": VALUE_MAX - table.slice_overlap, "size": VALUE_MAX},
    )
    for rows in _gathered(cursor):
        yield _sqlite_batch((column,), 3 + len(key), rows, sliced=True)


def _without_rowid(cursor: sqlite3.Cursor, table: CatalogueTable) -> bool:
    try:
        cursor.execute(f"SELECT _rowid_ FROM {_name(table)} LIMIT 0")
    except sqlite3.OperationalError:
        return True
    return False


def _gathered(cursor: sqlite3.Cursor) -> Iterator[list[bytes]]:
    """Yield the fields of many rows, one after the other, up to a batch at a time."""
    fields: list[bytes] = []
    size = 0
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        before = len(fields)
        fields.extend(chain.from_iterable(rows))
        size += sum(map(len, fields[before:]))
        if size >= BATCH_MIN:
            yield fields
            fields, size = [], 0
    if fields:
        yield fields


def _sqlite_batch(
    columns: tuple[Column, ...], beside: int, fields: list[bytes], *, sliced: bool = False
) -> Batch:
    return Batch(columns, beside, b"\x1f".join(fields), lambda: fields, lambda _, value: value, sliced)


# MariaDB: what a column holds is text in UTF-8, or bytes as they are.


def mariadb_batches(connection: Any, table: Table) -> Iterator[Batch]:
    """Yield a table of MariaDB in batches; a table that may not be read is noted, not raised."""
    import pymysql
    from pymysql.cursors import Cursor, SSCursor

    name = _name(table.table)
    columns = {column.name: column for column in table.table.columns}
    key = tuple(_mariadb_bytes(columns[part]) for part in table.table.key)
    long: set[str] = set()
    values = [
        f"CASE WHEN length({_quoted(column.name)}) > {VALUE_MAX} THEN x'{_LONG.hex()}' "
        f"ELSE {_mariadb_bytes(column)} END"
        if column.length_max is None and column.shape in ("text", "json", "bytes")
        else _mariadb_bytes(column)
        for column in table.columns
    ]
    left = {column.name for column in table.columns}
    try:
        with connection.cursor(SSCursor) as cursor:
            cursor.execute(f"SELECT {', '.join((*values, *key))} FROM {name}")
            for rows in _gathered(cursor):
                batch = _sqlite_batch(table.columns, len(key), rows)
                if _LONG in batch.buffer:
                    long |= _long_columns(batch)
                yield batch
        left = set(long)
        for column in table.columns:
            if column.name in long:
                with connection.cursor(Cursor) as cursor:
                    yield from _mariadb_slices(cursor, table, column, key)
                left.discard(column.name)
    except pymysql.OperationalError as error:
        if not error.args or error.args[0] not in (1142, 1143, 1356):
            raise
        table.unread.extend(column.name for column in table.columns if column.name in left)


def _mariadb_slices(cursor: Any, table: Table, column: Column, key: Sequence[str]) -> Iterator[Batch]:
    """Yield long values in slices, one at a time: a row is told by its key, or by the hash of its value."""
    name, value = _name(table.table), _mariadb_bytes(column)
    identity = (
        f"CONCAT_WS('/', {', '.join(f'HEX({part})' for part in key)})"
        if key
        else f"CAST(sha2({value}, 256) AS BINARY)"
    )
    size = f"length({value})"
    step, start = VALUE_MAX - table.slice_overlap, 0
    while True:
        cursor.execute(
            f"SELECT substr({value}, {start + 1}, {VALUE_MAX}), CAST({identity} AS BINARY), "
            f"x'{b'1'.hex() if start == 0 else b'0'.hex()}', "
            f"CASE WHEN {start + VALUE_MAX} >= {size} THEN x'31' ELSE x'30' END"
            f"{''.join(f', {part}' for part in key)} FROM {name} "
            f"WHERE length({_quoted(column.name)}) > {VALUE_MAX} AND {size} > {start}"
        )
        rows = 0
        for fields in _gathered(cursor):
            rows += 1
            yield _sqlite_batch((column,), 3 + len(key), fields, sliced=True)
        if not rows:
            return
        start += step


def _mariadb_bytes(column: Column) -> str:
    name = _quoted(column.name)
    match column.shape:
        case "bytes":
            written = f"CAST({name} AS BINARY)"
        case "text" | "json":
            written = f"CAST(CONVERT({name} USING utf8mb4) AS BINARY)"
        case _:
            written = f"CAST(CONVERT(CAST({name} AS CHAR) USING utf8mb4) AS BINARY)"
    return f"coalesce({written}, x'')"


# DuckDB: values of every type as bytes; what is nested as JSON, whose escapes are looked for.


def duckdb_batches(connection: Any, table: Table) -> Iterator[Batch]:
    """Yield a table of DuckDB in batches; whole values, however long."""
    columns = {column.name: column for column in table.table.columns}
    key = [_duckdb_bytes(columns[part]) for part in table.table.key]
    values = [_duckdb_bytes(column) for column in table.columns]
    cursor = connection.execute(f"SELECT {', '.join((*values, *key))} FROM {_name(table.table)}")
    for rows in _gathered(cursor):
        yield _sqlite_batch(table.columns, len(key), rows)


def _duckdb_bytes(column: Column) -> str:
    name = _quoted(column.name)
    match column.shape:
        case "bytes":
            written = name
        case "array" | "other":
            written = f"encode(coalesce(try(to_json({name})::text), {name}::text))"
        case _:
            written = f"encode({name}::text)"
    return f"coalesce({written}, ''::blob)"


# PostgreSQL: COPY in text, which escapes tabs and line ends, so that rows and fields are plain to see.


def postgresql_batches(connection: psycopg.Connection[Any], table: Table) -> Iterator[Batch]:
    """Yield a table of PostgreSQL in batches; a table that may not be read is noted, not raised."""
    import psycopg

    name = _name(table.table)
    key = tuple(f"{_quoted(part)}::text" for part in table.table.key)
    long: set[str] = set()
    values = [
        f"CASE WHEN {_is_long(column)} THEN E'{_LONG.decode()}' ELSE {_as_text(column)} END"
        if _is_long(column)
        else _as_text(column)
        for column in table.columns
    ]
    left = {column.name for column in table.columns}
    try:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL client_encoding TO 'UTF8'")
            for buffer in _copied(cursor, f"SELECT {', '.join((*values, *key))} FROM {name}"):
                batch = _postgresql_batch(table.columns, len(key), buffer)
                if _LONG in buffer:
                    long |= _long_columns(batch)
                yield batch
            left = set(long)
            for column in table.columns:
                if column.name in long:
                    slices = _postgresql_slices(name, column, key, table.slice_overlap)
                    for buffer in _copied(cursor, slices):
                        yield _postgresql_batch((column,), 3 + len(key), buffer, sliced=True)
                    left.discard(column.name)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.FdwError, psycopg.errors.UndefinedColumn):
        table.unread.extend(column.name for column in table.columns if column.name in left)


def _postgresql_slices(name: str, column: Column, key: Sequence[str], overlap: int) -> str:
    step = VALUE_MAX - overlap
    return f"""
        SELECT substr(value, start, {VALUE_MAX}), identity, (start = 1)::int,
               (start + {VALUE_MAX} > size)::int{"".join(f", key_{n}" for n in range(len(key)))}
        FROM (SELECT tableoid::text || ctid::text AS identity, {_as_text(column)} AS value,
                     length({_as_text(column)}) AS size
                     {"".join(f", {part} AS key_{n}" for n, part in enumerate(key))}
              FROM {name} WHERE {_is_long(column)} OFFSET 0) AS long,
             generate_series(1, size, {step}) AS start
    """


def _copied(cursor: psycopg.Cursor[Any], query: str) -> Iterator[bytes]:
    """Yield what COPY gives, by libpq itself: the driver takes longer over a row than the server does."""
    import psycopg

    connection, encoding = cursor.connection.pgconn, cursor.connection.info.encoding
    result: psycopg.pq.abc.PGresult | None = connection.exec_(f"COPY ({query}) TO STDOUT".encode())
    if result is None or result.status != psycopg.pq.ExecStatus.COPY_OUT:
        raise psycopg.errors.error_from_result(result, encoding) if result else psycopg.OperationalError()
    buffer, done, failed = bytearray(), False, None
    try:
        while not done:
            size, row = connection.get_copy_data(1)
            if size > 0:
                buffer += row
            elif size == 0:
                _await(connection)
            done = size < 0
            if len(buffer) >= BATCH_MIN or (done and buffer):
                yield bytes(buffer)
                buffer.clear()
    finally:
        with suppress(psycopg.Error):
            if not done:  # whoever asked has gone: the server is to stop, and what is on its way is read
                cursor.connection.cancel_safe()
                while connection.get_copy_data(0)[0] > 0:
                    pass
            while (result := connection.get_result()) is not None:
                failed = result if result.status == psycopg.pq.ExecStatus.FATAL_ERROR else failed
    if connection.status == psycopg.pq.ConnStatus.BAD:
        raise psycopg.OperationalError("the connection is lost")
    if failed is not None:
        raise psycopg.errors.error_from_result(failed, encoding)


def _await(connection: psycopg.pq.abc.PGconn) -> None:
    """Wait until the server has sent something."""
    select.select([connection.socket], [], [])
    connection.consume_input()


def _postgresql_batch(
    columns: tuple[Column, ...], beside: int, buffer: bytes, *, sliced: bool = False
) -> Batch:
    split: list[list[bytes]] = []

    def fields() -> Sequence[bytes]:
        if not split:
            split.append(buffer[:-1].replace(b"\n", b"\t").split(b"\t"))
        return split[0]

    return Batch(columns, beside, buffer, fields, _clean, sliced)


def _as_text(column: Column) -> str:
    if column.shape == "bytes":
        return f"encode({_quoted(column.name)}, 'escape')"
    return f"{_quoted(column.name)}::text"


def _is_long(column: Column) -> str:
    """Write the condition that a value is too long for one batch; empty where it cannot be."""
    name = _quoted(column.name)
    match column.shape:
        case "text":
            return f"octet_length({name}::text) > {VALUE_MAX}" if column.length_max is None else ""
        case "bytes":
            return f"octet_length({name}) > {VALUE_MAX}"
        case "json" | "array" | "other":  # stored compressed: an eighth of its text, at the very least
            return f"pg_column_size({name}) > {VALUE_MAX // 8}"
        case _:
            return ""


_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}
_COPY_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_BYTES_ESCAPE = re.compile(rb"\\(\\|[0-7]{3})")


def _clean(column: Column | None, field: bytes) -> bytes:
    """Undo what COPY, and for bytes `encode`, did to a value."""
    if field == b"\\N":
        return b""
    if b"\\" in field:
        field = _COPY_ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), field)
        if column is not None and column.shape == "bytes":
            field = _BYTES_ESCAPE.sub(
                lambda match: b"\\" if match[1] == b"\\" else bytes([int(match[1], 8)]), field
            )
    return field


def written_in(dialect: str, pattern: bytes, *, with_bytes: bool) -> tuple[bytes, ...]:
    r"""Return how a pattern looks in the batches of this dialect.

    >>> written_in("postgresql", b"a\\b", with_bytes=False) == (b"a\\\\b",)
    True
    """
    if dialect != "postgresql":
        return (pattern,)
    written = [_copy_escaped(pattern)] if _may_be_text(pattern) else []
    if with_bytes:
        escaped = b"".join(
            b"\\\\" if byte == 0x5C else b"\\%03o" % byte if byte == 0 or byte > 0x7F else bytes([byte])
            for byte in pattern
        )
        written.append(_copy_escaped(escaped))
    return tuple(dict.fromkeys(written))


def _may_be_text(pattern: bytes) -> bool:
    try:
        return "\0" not in pattern.decode()
    except UnicodeDecodeError:
        return False


def _copy_escaped(pattern: bytes) -> bytes:
    return _TO_ESCAPE.sub(lambda match: b"\\" + _LETTERS[match[0]], pattern)


_LETTERS = {character: letter for letter, character in _ESCAPES.items()}
_TO_ESCAPE = re.compile(rb"[\x08\x0c\n\r\t\x0b\\]")


# Both


def _long_columns(batch: Batch) -> set[str]:
    fields = batch.fields()
    return {
        column.name
        for at, column in enumerate(batch.columns)
        if any(fields[place] == _LONG for place in range(at, len(fields), batch.width))
    }


def _name(table: CatalogueTable) -> str:
    return ".".join(map(_quoted, table.parts or (table.name,)))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
