"""A real database of each kind, to build in and to look at behind the store's back."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import duckdb
import psycopg
import pymysql
import pymysql.cursors
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from troth.rules.map import Map
from troth.stores.connect import connect
from troth.stores.contract import Store
from troth.stores.map_file import read

HEAD = """
store: shop
kind: {kind}
credentials: {{find: env:FIND, change: env:CHANGE}}
controller: main-entity
"""

KINDS = [
    "sqlite",
    "duckdb",
    pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow]),
    pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
]
"""Every kind of database, for tests that make their own tables in it."""


class Database:
    """A database with nothing in it yet."""

    kind = ""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: list[Store] = []

    def run(self, *statements: str) -> None:
        """Run statements, each on its own."""
        raise NotImplementedError

    def query(self, statement: str) -> list[tuple]:
        """Return the rows of a statement."""
        raise NotImplementedError

    def map(self, written: str) -> Map:
        """Read a map of which only what comes after the head is written."""
        found, problems = read(HEAD.format(kind=self.kind) + written, "stores/shop.yaml")
        assert found is not None, [str(problem) for problem in problems]
        return found

    def open(self, map_: Map | str, **urls: str) -> Store:
        """Open the store of a map."""
        found = self.map(map_) if isinstance(map_, str) else replace(map_, kind=self.kind)
        store = connect(found, {"find": self.url, "change": self.url, **urls})
        self.opened.append(store)
        return store

    def close(self) -> None:
        for store in self.opened:
            store.close()

    def everything(self, *tables: str) -> dict[str, list[tuple]]:
        """Return every row of these tables, sorted."""
        return {table: sorted(self.query(f"SELECT * FROM {table}"), key=repr) for table in tables}


class SqliteDatabase(Database):
    kind = "sqlite"

    @property
    def path(self) -> str:
        return self.url.removeprefix("sqlite:///")

    def run(self, *statements: str) -> None:
        with sqlite3.connect(self.path, isolation_level=None) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            for statement in statements:
                connection.executescript(statement)
        connection.close()

    def query(self, statement: str) -> list[tuple]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


class PostgresqlDatabase(Database):
    kind = "postgresql"

    def run(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, statement: str) -> list[tuple]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute(statement).fetchall()


_FOREIGN_KEY = re.compile(
    r"""(,\s*FOREIGN\ KEY\s*\([^)]*\))?\s*REFERENCES\s+("(?:[^"]|"")+"|\w+)\s*(\([^)]*\))?
        (\s+ON\ DELETE\ (CASCADE|RESTRICT|SET\ NULL|NO\ ACTION))?""",
    re.VERBOSE,
)


class DuckdbDatabase(Database):
    kind = "duckdb"

    def connect(self):
        return duckdb.connect(self.url.removeprefix("duckdb:///"))

    def run(self, *statements: str) -> None:
        """Run statements without their foreign keys, of which test_duckdb.py says what becomes."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(_FOREIGN_KEY.sub("", statement))

    def query(self, statement: str) -> list[tuple]:
        with self.connect() as connection:
            return connection.execute(statement).fetchall()


class MariadbDatabase(Database):
    kind = "mariadb"

    def connect(self, **more):
        """Open a connection that quotes names as the others do."""
        port, name = self.url.rsplit(":", 1)[1].split("/")
        connection = pymysql.connect(
            host="127.0.0.1",
            port=int(port),
            user="root",
            database=name,
            autocommit=True,
            charset="utf8mb4",
            ssl_disabled=True,  # or each connection reads every certificate of this machine first
            **more,
        )
        connection.cursor().execute(
            "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
        )
        return connection

    @cached_property
    def behind(self):
        """One connection for all that is done behind the store's back."""
        return self.connect()

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.behind.cursor().execute(mariadb_ddl(statement))

    def query(self, statement: str) -> list[tuple]:
        cursor = self.behind.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())

    def close(self) -> None:
        super().close()
        self.behind.close()


def mariadb_ddl(statement: str) -> str:
    """Say a statement of these tests as MariaDB needs it: keys of bounded length, links that are enforced."""
    if not re.match(r"\s*CREATE TABLE", statement):
        return statement
    keyed = set(re.findall(r"PRIMARY KEY \(([^)]*)\)", statement)) | set(
        re.findall(r"FOREIGN KEY \(([^)]*)\)", statement)
    )
    keyed |= set(re.findall(r"(\w+) text (?:PRIMARY KEY|UNIQUE)", statement))
    for name in {part.strip().strip('"') for each in keyed for part in each.split(",")}:
        statement = re.sub(rf'(?<![\w"])("?{name}"?) text\b', r"\1 varchar(190)", statement)
    return re.sub(r"\btimestamp\b", "datetime", statement)


@pytest.fixture
def sqlite_database(tmp_path):
    path = tmp_path / "store.db"
    sqlite3.connect(path).close()
    found = SqliteDatabase(f"sqlite:///{path}")
    yield found
    found.close()


@pytest.fixture
def postgresql_database(postgresql):
    found = PostgresqlDatabase(postgresql)
    yield found
    found.close()


@pytest.fixture
def duckdb_database(tmp_path):
    path = tmp_path / "store.duckdb"
    duckdb.connect(str(path)).close()
    found = DuckdbDatabase(f"duckdb:///{path}")
    yield found
    found.close()


@pytest.fixture
def mariadb_database(mariadb):
    found = MariadbDatabase(mariadb)
    yield found
    found.close()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("duckdb", marks=[pytest.mark.slow]),
        pytest.param("mariadb", marks=[pytest.mark.mariadb, pytest.mark.slow]),
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.slow]),
    ]
)
def database(request) -> Database:
    """An empty database of each kind in turn."""
    return request.getfixturevalue(f"{request.param}_database")


class TestedWorld:
    """What `troth.testing` wants to see of a database."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database, self.store = database, store

    def rows(self, table: str) -> Sequence[Mapping[str, object]]:
        if self.database.kind == "sqlite":
            connection = sqlite3.connect(self.database.url.removeprefix("sqlite:///"))
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY id")]
            connection.close()
            return found
        if self.database.kind == "duckdb":
            with self.database.connect() as connection:
                found = connection.execute(f"SELECT * FROM {table} ORDER BY id")
                names = [name for name, *_ in found.description]
                return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        if self.database.kind == "mariadb":
            cursor = self.database.behind.cursor(pymysql.cursors.DictCursor)
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            return list(cursor.fetchall())
        with psycopg.connect(self.database.url, row_factory=dict_row) as connection:
            return connection.execute(
                sql.SQL("SELECT * FROM {} ORDER BY id").format(sql.Identifier(table))
            ).fetchall()

    def add(self, table: str, row: Mapping[str, object]) -> None:
        columns = ", ".join(row)
        if self.database.kind == "sqlite":
            with sqlite3.connect(self.database.url.removeprefix("sqlite:///")) as connection:
                gaps = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({gaps})", list(row.values()))
            connection.close()
            return
        if self.database.kind == "duckdb":
            with self.database.connect() as connection:
                gaps = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({gaps})", list(row.values()))
            return
        if self.database.kind == "mariadb":
            gaps = ", ".join(["%s"] * len(row))
            self.database.behind.cursor().execute(
                f"INSERT INTO {table} ({columns}) VALUES ({gaps})", list(row.values())
            )
            return
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            gaps = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({gaps})", list(row.values()))


def literal(value: object) -> str:
    """Write a value into a statement."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


@pytest.fixture
def tested_world():
    """Build the tables and rows of `troth.testing` in a database."""
    from troth.testing import COLUMNS, ROWS, map_of

    def built(database: Database) -> TestedWorld:
        made = []
        for table, columns in COLUMNS.items():
            written = ", ".join(
                f"{name} {kind}{' PRIMARY KEY' if name == 'id' else ''}" for name, kind in columns.items()
            )
            made.append(f"CREATE TABLE {table} ({written})")
        for table, rows in ROWS.items():
            for row in rows:
                values = ", ".join(map(literal, row.values()))
                made.append(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})")
        database.run(*made)
        return TestedWorld(database, database.open(map_of(database.kind)))

    return built


def _files(form: str):
    """Make a fixture of a lake of one form, which is read and changed as a database is."""

    @pytest.fixture
    def made(tmp_path):
        from stores import file_databases

        (tmp_path / "lake").mkdir()
        found = getattr(file_databases, form)(tmp_path / "lake")
        yield found
        found.close()

    return made


parquet_database = _files("Parquet")
lines_database = _files("Lines")
commas_database = _files("Commas")
delta_database = _files("Delta")
iceberg_database = _files("Iceberg")
LAKES = [
    "parquet",
    "lines",
    pytest.param("commas", marks=pytest.mark.slow),
    pytest.param("delta", marks=pytest.mark.slow),
    pytest.param("iceberg", marks=pytest.mark.slow),
]
"""A lake of each form of file and each table format."""
