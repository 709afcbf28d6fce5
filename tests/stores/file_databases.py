"""A lake that tests look at and change as if it were a database: its files are read into SQLite and written back."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from stores.conftest import Database
from troth.rules.map import Map

TYPES = {"integer": pa.int64(), "date": pa.date32()}


class FileDatabase(Database):
    """Tables of files in a folder, with a file for every two rows where the format has files."""

    kind = "lake"

    def __init__(self, root: Path) -> None:
        super().__init__(f"lake://{root}")
        self.root = root

    def map(self, written: str) -> Map:
        versions = "" if self.kind == "lake" else "versions_expire: 30 days\n"
        return super().map(versions + written)

    def run(self, *statements: str) -> None:
        with closing(self._read()) as connection:
            for statement in statements:
                connection.execute(statement)
            for table, types in self._types(connection).items():
                rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
                self.write(table, types, rows)
            (self.root.parent / "schema.json").write_text(json.dumps(self._types(connection)))

    def query(self, statement: str) -> list[tuple]:
        with closing(self._read()) as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def write(self, table: str, types: dict[str, str], rows: list[dict[str, object]]) -> None:
        """Write a table anew."""
        raise NotImplementedError

    def read(self, table: str) -> list[dict[str, object]]:
        """Read a table."""
        raise NotImplementedError

    def _types(self, connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: {row["name"]: row["type"] for row in connection.execute(f"PRAGMA table_info({name})")}
            for (name,) in names
        }

    def _read(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.row_factory = sqlite3.Row
        schema = self.root.parent / "schema.json"
        for table, types in (json.loads(schema.read_text()) if schema.exists() else {}).items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {t}' for n, t in types.items())})")
            gaps = ", ".join("?" * len(types))
            for row in self.read(table):
                values = [
                    value.isoformat() if isinstance(value := row.get(name) or None, date) else row.get(name)
                    for name in types
                ]
                connection.execute(f"INSERT INTO {table} VALUES ({gaps})", values)
        return connection


def arrow(types: dict[str, str], rows: list[dict[str, object]]) -> pa.Table:
    """Return rows with the types that a database would give them."""
    schema = pa.schema([pa.field(name, TYPES.get(kind.lower(), pa.string())) for name, kind in types.items()])
    typed = [
        {
            name: date.fromisoformat(str(row[name])) if kind.lower() == "date" and row[name] else row[name]
            for name, kind in types.items()
        }
        for row in rows
    ]
    return pa.Table.from_pylist(typed, schema)


def pairs(rows: list[dict[str, object]]) -> list[list[dict[str, object]]]:
    return [rows[at : at + 2] for at in range(0, len(rows), 2)] or [[]]


class Parquet(FileDatabase):
    def write(self, table, types, rows):
        folder = self.root / table
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for number, some in enumerate(pairs(rows)):
            pq.write_table(arrow(types, some), folder / f"part-{number}.parquet")

    def read(self, table):
        return [row for path in sorted((self.root / table).glob("*.parquet"))
                for row in pq.read_table(path).to_pylist()]  # fmt: skip


class Lines(FileDatabase):
    def write(self, table, types, rows):
        folder = self.root / table
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for number, some in enumerate(pairs(rows)):
            lines = "".join(json.dumps(row) + "\n" for row in some)
            (folder / f"part-{number}.jsonl").write_text(lines)

    def read(self, table):
        return [json.loads(line) for path in sorted((self.root / table).glob("*.jsonl"))
                for line in path.read_text().splitlines()]  # fmt: skip


class Commas(FileDatabase):
    def write(self, table, types, rows):
        folder = self.root / table
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for number, some in enumerate(pairs(rows)):
            with (folder / f"part-{number}.csv").open("w", newline="") as written:
                sheet = csv.DictWriter(written, list(types))
                sheet.writeheader()
                sheet.writerows(some)

    def read(self, table):
        found = []
        for path in sorted((self.root / table).glob("*.csv")):
            with path.open(newline="") as written:
                found += [{name: value or None for name, value in row.items()}
                          for row in csv.DictReader(written)]  # fmt: skip
        return found


class Delta(FileDatabase):
    kind = "delta"

    def write(self, table, types, rows):
        write_deltalake(self.root / table, arrow(types, rows), mode="overwrite", schema_mode="overwrite")

    def read(self, table):
        return DeltaTable(self.root / table).to_pyarrow_table().to_pylist()


class Iceberg(FileDatabase):
    kind = "iceberg"

    def __init__(self, root: Path) -> None:
        from stores.test_lake_iceberg import catalogue, url

        super().__init__(root)
        self.url = url(root)
        self.catalogue = catalogue(root)
        self.catalogue.create_namespace("shop")

    def write(self, table, types, rows):
        made = arrow(types, rows)
        if self.catalogue.table_exists(f"shop.{table}"):
            self.catalogue.drop_table(f"shop.{table}")
        self.catalogue.create_table(f"shop.{table}", schema=made.schema).append(made)

    def read(self, table):
        return self.catalogue.load_table(f"shop.{table}").scan().to_arrow().to_pylist()
