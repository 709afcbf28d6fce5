"""A bounded sample of a live database, and whether values are found elsewhere in it.

Danger: values are read here.  What prevents their leaving: they go to `detect` and to one
question, "how many of these are there?", and counts come back; columns that look like
credentials are never asked for; no message repeats what a database said.
Bounds: rows of a table, bytes of a value, seconds of a statement.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from troth.errors import NotAllowedError, NotFoundError
from troth.rules.catalogue import Catalogue, CatalogueTable, Column
from troth.rules.column_name import is_credential
from troth.rules.signs import Inclusion
from troth.stores.sql_engine import unreachable

if TYPE_CHECKING:
    from troth.stores.duckdb import Open as OpenDuckdb
    from troth.stores.mariadb import Open as OpenMariadb
    from troth.stores.postgresql import Open

# Names come from the catalogue, never from a visitor, and are quoted; values are bound.
# ruff: noqa: S608

ROWS_MAX = 200
LENGTH_MAX = 400
BYTES_MAX = 65_536
SECONDS_MAX = 2.0
ASKED_MAX = 100

Values = Mapping[str, tuple[str | None, ...]]


class Sampler(Protocol):
    """An open database from which samples are taken."""

    kind: str

    def catalogue(self) -> Catalogue:
        """Read what is really there."""
        ...

    def values(self, table: CatalogueTable) -> Values:
        """Return the first and the last rows of a table by column; nothing when it does not answer in time."""
        ...

    def included(self, table: CatalogueTable, column: Column, values: Sequence[str]) -> Inclusion | None:
        """Count how many of these values are in a column; None when it cannot be said."""
        ...


@contextmanager
def open_sampler(url: str, store: str) -> Iterator[Sampler]:
    """Open a database to draw samples from; no message repeats the URL."""
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme == "sqlite":
        with _sqlite(url, store) as sampler:
            yield sampler
    elif scheme in ("postgresql", "postgres"):
        with _postgresql(url, store) as sampler:
            yield sampler
    elif scheme in ("mariadb", "mysql"):
        with _mariadb(url, store) as sampler:
            yield sampler
    elif scheme == "duckdb":
        with _duckdb(url, store) as sampler:
            yield sampler
    else:
        raise NotAllowedError(
            "A map is drafted from a URL that begins with `sqlite:///`, `duckdb:///`, `postgresql://` or "
            "`mariadb://`. "
            "For another kind of store, write the map by hand: see the page about maps."
        )


def sampled(table: CatalogueTable) -> tuple[Column, ...]:
    """Return the columns of which values may be asked."""
    return tuple(
        column
        for column in table.columns
        if column.shape != "bytes"
        and column.name not in table.unreadable
        and not is_credential(table.name, column.name)
    )


# SQLite


@contextmanager
def _sqlite(url: str, store: str) -> Iterator[Sampler]:
    from troth.stores.sqlite import Sqlite

    try:
        connection = Sqlite().connect(url, "find")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        raise unreachable(store) from None
    except sqlite3.DatabaseError:
        raise NotFoundError("What this URL leads to is not a database of SQLite.") from None
    try:
        yield _Sqlite(connection, store)
    finally:
        connection.close()


class _Sqlite:
    kind = "sqlite"

    def __init__(self, connection: sqlite3.Connection, store: str) -> None:
        self.connection, self.store = connection, store

    def catalogue(self) -> Catalogue:
        from troth.stores.catalogue import read_sqlite

        return read_sqlite(self.connection, self.store)

    def values(self, table: CatalogueTable) -> Values:
        columns = sampled(table)
        read = ", ".join(
            f"CASE WHEN typeof({_quoted(c.name)}) = 'blob' THEN NULL "
            f"ELSE substr({_quoted(c.name)}, 1, {LENGTH_MAX}) END"
            for c in columns
        )
        return _both_ends(table, columns, lambda end: self._rows(f"SELECT {read} FROM {_name(table)} {end}"))

    def included(self, table: CatalogueTable, column: Column, values: Sequence[str]) -> Inclusion | None:
        asked = list(dict.fromkeys(values))[:ASKED_MAX]
        name = _quoted(column.name)
        compared = f"{name} COLLATE NOCASE" if column.shape == "text" else name
        gaps = ", ".join("CAST(? AS NUMERIC)" if column.shape == "number" else "?" for _ in asked)
        rows = self._rows(
            f"SELECT count(DISTINCT {compared}) FROM {_name(table)} WHERE {compared} IN ({gaps})", asked
        )
        return Inclusion(len(asked), min(len(asked), int(rows[0][0]))) if rows and asked else None

    def _rows(self, statement: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        until = time.monotonic() + SECONDS_MAX
        self.connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        try:
            return self.connection.execute(statement, values).fetchall()
        except sqlite3.Error:
            return []
        finally:
            self.connection.set_progress_handler(None, 0)


# PostgreSQL


@contextmanager
def _postgresql(url: str, store: str) -> Iterator[Sampler]:
    import psycopg

    from troth.stores.postgresql import Postgresql

    dialect = Postgresql()
    try:
        connection = dialect.connect(url, "find")
        connection.execute(f"SET statement_timeout = {int(SECONDS_MAX * 1000)}")
        connection.execute("SET synchronize_seqscans = off")
    except psycopg.Error:
        raise unreachable(store) from None
    try:
        with dialect.plainly(connection):
            yield _Postgresql(connection, store)
    finally:
        connection.close()


class _Postgresql:
    kind = "postgresql"

    def __init__(self, connection: Open, store: str) -> None:
        self.connection, self.store = connection, store

    def catalogue(self) -> Catalogue:
        import psycopg

        from troth.stores.catalogue import read_postgresql

        try:
            return read_postgresql(self.connection, self.store)
        except psycopg.Error:
            raise unreachable(self.store) from None

    def values(self, table: CatalogueTable) -> Values:
        columns = sampled(table)
        read = ", ".join(
            f"CASE WHEN pg_column_size({_quoted(c.name)}) <= {BYTES_MAX} "
            f"THEN left({_quoted(c.name)}::text, {LENGTH_MAX}) END"
            for c in columns
        )
        return _both_ends(table, columns, lambda end: self._rows(f"SELECT {read} FROM {_name(table)} {end}"))

    def included(self, table: CatalogueTable, column: Column, values: Sequence[str]) -> Inclusion | None:
        asked = list(dict.fromkeys(values))[:ASKED_MAX]
        name = _quoted(column.name).replace("%", "%%")
        rows = self._rows(
            f"SELECT count(DISTINCT {name}) FROM {_name(table).replace('%', '%%')} "
            f"WHERE {name} = ANY(%s::text[]::{column.type.replace('%', '%%')}[])",
            (asked,),
        )
        return Inclusion(len(asked), min(len(asked), int(rows[0][0]))) if rows and asked else None

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        import psycopg

        try:
            if values:
                return self.connection.execute(statement.encode(), values).fetchall()
            return self.connection.execute(statement.encode()).fetchall()
        except psycopg.Error:
            return []


# MariaDB


@contextmanager
def _mariadb(url: str, store: str) -> Iterator[Sampler]:
    try:
        import pymysql

        from troth.stores.mariadb import Mariadb
    except ImportError:
        raise NotFoundError(
            "MariaDB is read by PyMySQL, which is not installed. Install it with: pip install 'troth[mysql]'."
        ) from None
    engine = Mariadb()
    try:
        connection = engine.connect(url, "find")
        connection.execute(f"SET SESSION max_statement_time = {SECONDS_MAX}")
    except pymysql.Error:
        raise unreachable(store) from None
    try:
        yield _Mariadb(connection, store)
    finally:
        engine.close(connection)


class _Mariadb:
    kind = "mariadb"

    def __init__(self, connection: OpenMariadb, store: str) -> None:
        self.connection, self.store = connection, store

    def catalogue(self) -> Catalogue:
        import pymysql

        from troth.stores.catalogue_mariadb import read_mariadb

        try:
            return read_mariadb(self.connection, self.store)
        except pymysql.Error:
            raise unreachable(self.store) from None

    def values(self, table: CatalogueTable) -> Values:
        columns = sampled(table)
        read = ", ".join(
            f"CASE WHEN length({_quoted(c.name)}) <= {BYTES_MAX} "
            f"THEN left(CAST({_quoted(c.name)} AS CHAR), {LENGTH_MAX}) END"
            for c in columns
        )
        return _both_ends(table, columns, lambda end: self._rows(f"SELECT {read} FROM {_name(table)} {end}"))

    def included(self, table: CatalogueTable, column: Column, values: Sequence[str]) -> Inclusion | None:
        asked = list(dict.fromkeys(values))[:ASKED_MAX]
        name, number = _quoted(column.name), column.shape == "number"
        some = [value for value in asked if not number or _NUMBER.fullmatch(value)]
        if not some:
            return Inclusion(len(asked), 0) if asked else None
        listed = ", ".join(value if number else self.connection.raw.escape(value) for value in some)
        rows = self._rows(f"SELECT count(DISTINCT {name}) FROM {_name(table)} WHERE {name} IN ({listed})")
        return Inclusion(len(asked), min(len(asked), int(rows[0][0]))) if rows else None

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        import pymysql

        try:
            return list(self.connection.rows(statement))
        except pymysql.Error:
            return []


# DuckDB


@contextmanager
def _duckdb(url: str, store: str) -> Iterator[Sampler]:
    try:
        import duckdb

        from troth.stores.duckdb import Duckdb
    except ImportError:
        raise NotFoundError(
            "DuckDB is read by its own package, which is not installed. Install it with: "
            "pip install 'troth[duckdb]'."
        ) from None
    engine = Duckdb()
    try:
        connection = engine.connect(url, "find")
    except duckdb.Error as error:
        raise engine.said(error, store) or unreachable(store) from None
    try:
        yield _Duckdb(connection, store)
    finally:
        engine.close(connection)


class _Duckdb:
    kind = "duckdb"

    def __init__(self, connection: OpenDuckdb, store: str) -> None:
        self.connection, self.store = connection, store

    def catalogue(self) -> Catalogue:
        from troth.stores.catalogue_duckdb import read_duckdb

        return read_duckdb(self.connection, self.store)

    def values(self, table: CatalogueTable) -> Values:
        columns = sampled(table)
        read = ", ".join(f"left({_quoted(c.name)}::text, {LENGTH_MAX})" for c in columns)
        return _both_ends(table, columns, lambda end: self._rows(f"SELECT {read} FROM {_name(table)} {end}"))

    def included(self, table: CatalogueTable, column: Column, values: Sequence[str]) -> Inclusion | None:
        asked = list(dict.fromkeys(values))[:ASKED_MAX]
        name = _quoted(column.name)
        gaps = ", ".join(f"${number}" for number in range(1, len(asked) + 1))
        statement = f"SELECT count(DISTINCT {name}) FROM {_name(table)} WHERE {name}::text IN ({gaps})"
        rows = self._rows(statement, asked) if asked else []
        return Inclusion(len(asked), min(len(asked), int(rows[0][0]))) if rows else None

    def _rows(self, statement: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        import duckdb

        waiting = threading.Timer(SECONDS_MAX, self.connection.raw.interrupt)
        waiting.start()
        try:
            return list(self.connection.rows(statement, values))
        except duckdb.Error:
            return []
        finally:
            waiting.cancel()


_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


# All


def _both_ends(table: CatalogueTable, columns: Sequence[Column], rows: Any) -> Values:
    if not columns:
        return {}
    half = ROWS_MAX // 2
    if table.key:
        up, down = (", ".join(_quoted(name) + way for name in table.key) for way in ("", " DESC"))
        found = rows(f"ORDER BY {up} LIMIT {half}")
        if len(found) == half and {column.name for column in columns} >= set(table.key):
            found = list(dict.fromkeys([*found, *rows(f"ORDER BY {down} LIMIT {half}")]))
    else:
        found = rows(f"LIMIT {ROWS_MAX}")
    texts = [[None if value is None else str(value) for value in row] for row in found]
    if not texts:
        return {column.name: () for column in columns}
    return {
        column.name: tuple(values) for column, values in zip(columns, zip(*texts, strict=True), strict=True)
    }


def _name(table: CatalogueTable) -> str:
    return ".".join(map(_quoted, table.parts or (table.name,)))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
