"""Writing made-up rows into SQLite or PostgreSQL, with foreign keys enforced from the first row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Sequence[object]
Tables = Mapping[str, tuple[tuple[str, ...], Sequence[Row]]]
"""For each table, in the order of writing: its columns, and its rows."""

SCHEMA = Path(__file__).resolve().parent.parent / "schema"

# The circle of company and contact closes at the end of the transaction on both engines;
# PostgreSQL can only declare it once both tables are there.
_CIRCLE = "REFERENCES contact (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED"
_CLOSE_CIRCLE = (
    "ALTER TABLE company ADD CONSTRAINT company_primary_contact FOREIGN KEY (primary_contact_id) "
    "REFERENCES contact (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED"
)


def to_sqlite(file: Path, schema: str, tables: Tables) -> str:
    """Make a SQLite database and return its URL; raises FileExistsError rather than overwrite one."""
    with file.open("xb"):
        pass
    ddl = (SCHEMA / schema).read_text(encoding="utf-8").replace("{primary_contact}", _CIRCLE)
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(ddl)
        connection.execute("BEGIN")
        for name, (columns, rows) in tables.items():
            gaps = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({gaps})"  # noqa: S608  (our names)
            connection.executemany(statement, rows)
        connection.execute("COMMIT")
    finally:
        connection.close()
    return f"sqlite:///{file.resolve()}"


def to_postgresql(url: str, schema: str, tables: Tables) -> str:
    """Fill an empty PostgreSQL database and return its URL; raises FileExistsError where it is not empty."""
    import psycopg
    from psycopg import sql

    ddl = (SCHEMA / schema).read_text(encoding="utf-8").replace("{primary_contact}", "")
    with psycopg.connect(url) as connection:
        there = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(%s)",
            [list(tables)],
        ).fetchone()
        if there is not None and there[0]:
            raise FileExistsError("That PostgreSQL database already has tables of these names.")
        connection.execute(ddl.encode())
        connection.execute(_CLOSE_CIRCLE)
        for name, (columns, rows) in tables.items():
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            with connection.cursor().copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        connection.commit()
    return url


def table(columns: str, rows: Iterable[Row]) -> tuple[tuple[str, ...], list[Any]]:
    """Put columns, written as words, and rows together."""
    return tuple(columns.split()), list(rows)
