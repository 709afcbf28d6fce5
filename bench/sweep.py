"""Letting go of ten million rows by a sweep, beside the DELETE in chunks that a person would write for it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg

from bench import processors
from bench.measure import Line, milliseconds
from troth import wiring
from troth.policy.starting import project_files
from troth.work import sweep
from troth.work.project import Project
from troth.work.sweep import Done, Marked

PART = "sweep: rows that have outlived their retention, on PostgreSQL"
URL = "BENCH_SWEEP"
CHUNK = 50_000
STAYING = 0.1
"""How many rows, of those that go, are too young to."""
PROMISE = """
```promise
retention:
  visits:
    categories: [contact]
    period: 1 year
    trigger: {en: the visit}
    grace: 0 days
```
"""
MAP = f"""
store: shop
kind: postgresql
credentials: {{find: env:{URL}, change: env:{URL}}}
controller: main-entity
tables:
  customer:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact}}
    erase: {{do: delete, by: dpo, because: a measurement}}
  visit:
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link, came: contact, page: contact}}
    retention: [{{promise: retention/visits, trigger: came}}]
    erase: {{do: delete, by: dpo, because: a measurement}}
  by_hand: {{impersonal: the same rows for the other side}}
"""
BUILD = (
    "CREATE TABLE customer (id bigint PRIMARY KEY, email text)",
    """CREATE TABLE visit (id bigint PRIMARY KEY, customer_id bigint NOT NULL, came date NOT NULL, page text)
       WITH (autovacuum_enabled = off)""",
    "CREATE TABLE by_hand (LIKE visit INCLUDING ALL) WITH (autovacuum_enabled = off)",
    "INSERT INTO customer SELECT n, 'someone-' || n || '@shop.example' FROM generate_series(1, {customers}) AS n",
    """INSERT INTO visit SELECT n, 1 + n % {customers}, CASE WHEN n <= {going} THEN date '2019-01-01' + (n % 1800)::int
       ELSE current_date END, '/page/' || n % 9973 FROM generate_series(1, {rows}) AS n""",
    "INSERT INTO by_hand SELECT * FROM visit ORDER BY id",
    "CREATE INDEX ON visit (customer_id)",
    "CREATE INDEX ON by_hand (customer_id)",
    "VACUUM ANALYZE",
)


def run(url: str, going: int) -> list[Line]:
    """Let so many rows go by each side, once: it takes minutes."""
    rows = going + int(going * STAYING)
    with psycopg.connect(url, autocommit=True) as connection, project(url) as made:
        for statement in BUILD:
            connection.execute(statement.format(customers=max(1, going // 100), going=going, rows=rows))
        before = processors.worked(connection)
        counted = milliseconds(lambda: _mark(made, going)) / 1000
        marked = processors.worked(connection) - before
        before = processors.worked(connection)
        ours = milliseconds(lambda: _act(made, going)) / 1000
        ours_worked = processors.worked(connection) - before
        before = processors.worked(connection)
        floor = milliseconds(lambda: _by_hand(connection, going)) / 1000
        floor_worked = processors.worked(connection) - before
        left = connection.execute(
            "SELECT (SELECT count(*) FROM visit), (SELECT count(*) FROM by_hand)"
        ).fetchone()
    if left != (rows - going, rows - going):
        raise SystemExit(f"The two sides left {left} rows: the measurement means nothing.")
    what = f"{going:,} rows in batches of {CHUNK:,}"
    return [
        Line(PART, f"{what}, all rows checked, recorded", ours, "s", floor, 1.2),
        Line(PART, "  the same by the time that processors worked", ours_worked, "s", floor_worked, 1.2),
        Line(PART, "  counting and marking them", counted, "s"),
        Line(PART, "  the same by the time that processors worked", marked, "s"),
    ]


@contextmanager
def project(url: str) -> Iterator[Project]:
    """Make a project whose one store is this one."""
    os.environ[URL] = url
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as place:
        folder = Path(place)
        files = project_files("shop", date(2026, 11, 23)) | {"stores/shop.yaml": MAP}
        files["policy.md"] += PROMISE
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made = wiring.open_project(folder)
        yield made
        made.close()
        made.ledger.close()


def _mark(made: Project, going: int) -> None:
    (marked,) = sweep.mark(made, staff="bench", confirmed=True)
    if not isinstance(marked, Marked) or marked.rows != going:
        raise SystemExit("Other rows are due than were put there: the measurement means nothing.")


def _act(made: Project, going: int) -> None:
    (done,) = sweep.act(made, staff="bench", batch_rows=CHUNK)
    if not isinstance(done, Done) or done.rows != going:
        raise SystemExit(f"The sweep did not go to its end ({done}): the measurement means nothing.")


def _by_hand(connection: psycopg.Connection, going: int) -> None:
    """Delete in chunks, each in a transaction of its own, by ranges of the key from where the last ended."""
    gone = last = 0
    while True:
        found = connection.execute(
            """SELECT max(id) FROM (SELECT id FROM by_hand WHERE id > %s AND came < current_date - interval '1 year'
               ORDER BY id LIMIT %s) AS chunk""",
            (last, CHUNK),
        ).fetchone()
        if found is None or found[0] is None:
            break
        deleted = connection.execute(
            "DELETE FROM by_hand WHERE id > %s AND id <= %s AND came < current_date - interval '1 year'",
            (last, found[0]),
        )
        gone, last = gone + deleted.rowcount, found[0]
    if gone != going:
        raise SystemExit(f"By hand {gone} rows went: the measurement means nothing.")
