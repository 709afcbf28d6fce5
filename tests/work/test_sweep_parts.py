"""A sweep drops the partitions of which every row has outlived its retention, and looks at the rows of the others."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest

from shop_project import opened
from troth.errors import TrothError
from troth.ledger import read
from troth.work import sweep
from troth.work.sweep import Marked

NAME = "visits.visit.visits"
PROMISE = """
```promise
retention:
  visits: {categories: [contact], period: 1 year, trigger: {en: the visit}, grace: 0 days}
```
"""
MAP = """
store: visits
kind: postgresql
credentials: {find: env:VISITS, change: env:VISITS}
controller: main-entity
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  visit:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, came: key}
    retention: [{promise: retention/visits, trigger: came}]
    erase: {do: delete, by: dpo, because: a test}
"""
TABLES = (
    "CREATE TABLE customer (id integer PRIMARY KEY, email text)",
    "INSERT INTO customer VALUES (1, 'ada@example.org')",
    "CREATE TABLE visit (id integer, customer_id integer, came date, PRIMARY KEY (id, came)) PARTITION BY RANGE (came)",
    "CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "CREATE TABLE visit_2025 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "CREATE TABLE visit_2022 PARTITION OF visit FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')",
    "CREATE TABLE visit_2023 PARTITION OF visit FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
    "INSERT INTO visit SELECT n + 1000, 1, date '2023-03-01' + n FROM generate_series(1, 20) AS n",
    "INSERT INTO visit SELECT n, 1, date '2024-01-05' + n FROM generate_series(1, 700) AS n",
)


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("boundary", ["", "batch 1", "batch 1 recorded", "batch 2"])
def test_a_partition_goes_as_one_batch_and_is_counted_once(folder, clock, postgresql, monkeypatch, boundary):
    monkeypatch.setenv("VISITS", postgresql)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        marked = _marked(folder, clock, connection)
        if boundary:
            _killed(folder, clock, boundary)
        again = _after(folder, clock)
        (done,) = [one for one in sweep.act(again, [NAME], batch_rows=100) if not isinstance(one, TrothError)]
        assert (done.rows, done.held) == (marked.rows, 0)
        gone = connection.execute("SELECT to_regclass('visit_2023'), to_regclass('visit_2024')").fetchone()
        assert gone == (None, None)
        left = connection.execute("SELECT count(*), min(came)::text FROM visit").fetchone()
        assert left == (720 - marked.rows, "2025-11-24")
        acting = [e for e in read.stream(again.ledger, f"sweep/{NAME}") if e.facts["state"] == "acting"]
        assert sum(int(event.facts["rows"]) for event in acting) == marked.rows
        assert [int(event.facts["rows"]) for event in acting if event.facts.get("part")] in (
            [20, 361],
            [361],
            [20],
        )
        assert [int(event.facts["rows"]) for event in acting][:2] == [20, 361]
        again.close()


@pytest.mark.slow
@pytest.mark.postgresql
def test_an_empty_partition_is_no_batch_that_ends_a_run(folder, clock, postgresql, monkeypatch):
    monkeypatch.setenv("VISITS", postgresql)
    with psycopg.connect(postgresql, autocommit=True) as connection:
        only_one = (
            "DROP TABLE visit_2022",
            "DROP TABLE visit_2023",
            "DELETE FROM visit WHERE came < '2025-01-01'",
        )
        marked = _marked(folder, clock, connection, *only_one)
        _killed(folder, clock, "batch 1")
        again = _after(folder, clock)
        (done,) = [one for one in sweep.act(again, [NAME], batch_rows=100) if not isinstance(one, TrothError)]
        assert (done.rows, connection.execute("SELECT min(came)::text FROM visit").fetchone()) == (
            marked.rows,
            ("2025-11-24",),
        )
        again.close()


def _marked(folder, clock, connection, *more):
    for statement in (*TABLES, *more):
        connection.execute(statement)
    policy = folder / "policy.md"
    policy.write_text(policy.read_text("utf-8") + PROMISE, "utf-8")
    (folder / "stores" / "visits.yaml").write_text(MAP, "utf-8")
    project = opened(folder, clock)
    (marked,) = [
        one for one in sweep.mark(project, [NAME], staff="marie", confirmed=True) if isinstance(one, Marked)
    ]
    project.close()
    return marked


def _killed(folder, clock, boundary):
    child = os.fork()
    if child == 0:

        def passed(name):
            if name == boundary:
                os.kill(os.getpid(), signal.SIGKILL)

        list(sweep.act(opened(folder, clock), [NAME], batch_rows=100, stop_at=passed))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def _after(folder, clock):
    from sqlalchemy import text

    again = opened(folder, clock)
    with again.ledger.writing() as connection:
        connection.execute(text("UPDATE leases SET until = 0"))
    return again
