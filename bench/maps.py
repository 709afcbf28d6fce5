"""Drafting the map of 200 tables, beside reading the same catalogue and the same rows and judging nothing."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Line, in_turns
from troth.stores.draft import draft_map
from troth.stores.sample import open_sampler

PART = "maps"
TABLES = 200
ROWS = 200
ROUNDS = 3

_COLUMNS = "customer_id INT, email TEXT, title TEXT, phone TEXT, ip TEXT, note TEXT, status TEXT"
_VALUES = (
    "n, 'p' || n || '@shop.example', 'Some Thing', '+3314268' || (1000 + n), '192.0.2.' || n, "
    "'a b c d e f g', 'open'"
)
_NUMBERS = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})"


def run() -> list[Line]:
    """Measure a draft of a shop of 200 tables without foreign keys."""
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        path = Path(folder) / "shop.db"
        _build(path)
        url = f"sqlite:///{path}"
        today = datetime.now(UTC).date()

        def ours() -> None:
            found = draft_map(url, "shop", find="env:FIND", change="env:CHANGE", today=today)
            if len(found.draft.tables) != TABLES or not found.draft.tables[1].edges:
                raise SystemExit("The draft does not hold the tables and edges that are there.")

        def floor() -> None:
            with open_sampler(url, "shop") as sampler:
                for table in sampler.catalogue().tables:
                    sampler.values(table)

        ours()  # loads the libraries that judge values
        taken, read = in_turns([ours] * ROUNDS, [floor] * ROUNDS)
    what = f"a draft of {TABLES} tables with {ROWS} rows each (floor: reading them)"
    return [Line(PART, what, taken, "ms", read, None, 10_000)]


def _build(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT)")
        connection.execute(
            f"{_NUMBERS} INSERT INTO customer SELECT n, 'p' || n || '@shop.example', 'Ada' FROM n"
        )
        for number in range(TABLES - 1):
            connection.execute(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY, {_COLUMNS})")
            connection.execute(f"{_NUMBERS} INSERT INTO t{number} SELECT n, {_VALUES} FROM n")
        connection.commit()
