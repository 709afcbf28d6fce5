"""Locks, roles, servers that go away, workers that are killed: nothing is done by half."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import duckdb
import psycopg
import pymysql
import pytest

from stores import shop
from stores.shop import who
from stores.test_engine import ENFORCING
from troth.errors import NotAllowedError, UnreachableError
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.sql_store import SqlStore
from troth.stores.sqlite import LIMITS, Sqlite

TODAY = date(2026, 11, 23)
ADA, BEN = "ada@shop.example", "ben@shop.example"


@pytest.fixture
def built(database):
    database.run(*shop.TABLES, *shop.ROWS)
    return database


# Several at once, and killed ones


def test_of_two_workers_one_acts_and_the_other_gets_the_same(built):
    stores = [built.open(shop.MAP) for _ in range(4)]
    approved = stores[0].measure(who(ADA), TODAY)
    ready, results = threading.Barrier(4), []

    def work(store):
        ready.wait()
        results.append(store.act("one", who(ADA), TODAY, approved))

    workers = [threading.Thread(target=work, args=(store,)) for store in stores]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(done.resumed for done in results) == [False, True, True, True]
    assert len({done.counts for done in results}) == 1
    assert results[0].counts == approved.counts


WORKERS = """
import os, signal, sys, traceback
from datetime import date
from pathlib import Path
from troth.stores import mariadb, postgresql, sql_run, sqlite
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.map_file import read

file, url = sys.argv[1:]
map_, problems = read(Path(file).read_text(encoding="utf-8"), "shop.yaml")

def work(at):
    store = connect(map_, {"find": url, "change": url})
    subjects = [Who("ada", (("email", "ada@shop.example"),))]
    approved = store.measure(subjects, date(2026, 11, 23))
    session = type(store._engine.session(store._borrow("change"), store.catalogue()))
    calls = 0

    def deadly(call):
        def called(self, *given):
            nonlocal calls
            calls += 1
            if calls == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(self, *given)
        return called

    for name in ("many", "settle", "watch", "seen"):
        setattr(session, name, deadly(getattr(session, name)))
    engine = type(store._engine)
    engine.keep = deadly(engine.keep)
    engine.commit = deadly(engine.commit)
    store.act("one", subjects, date(2026, 11, 23), approved)

for line in sys.stdin:  # each worker is a process of its own, which has everything loaded
    worker = os.fork()
    if not worker:
        try:
            work(int(line))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_worker_killed_anywhere_leaves_all_or_nothing_and_the_next_one_ends_it(database, tmp_path):
    """Kill -9 before each statement of the transaction in turn, then carry on with a new worker."""
    database.run(*shop.TABLES, *shop.ROWS)
    before = database.everything(*shop.NAMES)
    map_file = tmp_path / "shop.yaml"
    from stores.conftest import HEAD

    map_file.write_text(HEAD.format(kind=database.kind) + shop.MAP, encoding="utf-8")
    killed = 0
    command = [sys.executable, "-c", WORKERS, str(map_file), database.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as workers:
        for at in range(1, 40):
            print(at, file=workers.stdin, flush=True)
            ended = int(workers.stdout.readline())
            if ended == 0:
                break
            assert ended == -signal.SIGKILL
            killed += 1
            assert _settled(database, before) == before, f"killed at {at}"
        else:
            raise AssertionError("The worker never came to its end.")
    assert killed >= 6
    after = database.everything(*shop.NAMES)
    store = database.open(shop.MAP)
    again = store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert again.resumed
    assert database.everything(*shop.NAMES) == after
    assert store.gone(who(ADA), TODAY) == 0


def _settled(database, wanted):
    """Return everything once the server has noticed that its client is dead."""
    for _ in range(100):
        found = database.everything(*shop.NAMES)
        if found == wanted:
            break
        time.sleep(0.02)
    return found


# Locks and servers


@pytest.mark.postgresql
@pytest.mark.slow
def test_rows_that_are_locked_are_not_waited_for_long(postgresql_database):
    built = postgresql_database
    built.run(*shop.TABLES, *shop.ROWS)
    store = built.open(shop.MAP)
    approved = store.measure(who(ADA), TODAY)
    before = built.everything(*shop.NAMES)
    with psycopg.connect(built.url) as other:
        other.execute("SELECT * FROM customer WHERE id = 1 FOR UPDATE")
        start = time.monotonic()
        with pytest.raises(UnreachableError, match="are locked by somebody else for more than 2 seconds"):
            store.act("one", who(ADA), TODAY, approved)
        assert time.monotonic() - start < 5
        other.rollback()
    assert built.everything(*shop.NAMES) == before
    assert not store.act("one", who(ADA), TODAY, approved).resumed


def test_a_file_that_somebody_writes_to_is_not_waited_for_for_ever(sqlite_database):
    sqlite_database.run(*shop.TABLES, *shop.ROWS)
    urls = {"find": sqlite_database.url, "change": sqlite_database.url}
    store = SqlStore(sqlite_database.map(shop.MAP), urls, Sqlite(wait_seconds=0.1), LIMITS)
    other = sqlite3.connect(sqlite_database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnreachableError, match="is being written to by somebody else"):
        store.measure(who(ADA), TODAY)
    other.execute("ROLLBACK")
    other.close()
    assert store.measure(who(ADA), TODAY).counts
    store.close()


def test_a_server_that_is_away_is_said_in_a_sentence_without_its_password(postgresql_database):
    url = "postgresql://ada:hunter2@127.0.0.1:9/nowhere"
    store = postgresql_database.open(shop.MAP, find=url, change=url)
    with pytest.raises(UnreachableError) as raised:
        list(store.find(who(ADA)))
    assert str(raised.value).startswith("The store `shop` does not answer.")
    assert "hunter2" not in repr(raised.value) + repr(raised.value.__context__)


@pytest.mark.parametrize("lie", ["nothing", "folder", "text"])
def test_a_file_that_is_not_there_is_not_made(sqlite_database, tmp_path, lie):
    place = tmp_path / "other.db"
    if lie == "folder":
        place.mkdir()
    if lie == "text":
        place.write_text("not a database, but long enough to be looked at " * 40)
    url = f"sqlite:///{place}"
    store = sqlite_database.open(shop.MAP, find=url, change=url)
    with pytest.raises(UnreachableError, match="The store `shop` does not answer"):
        store.measure(who(ADA), TODAY)
    assert place.exists() == (lie != "nothing")


def test_a_server_that_goes_away_and_comes_back_is_found_again(postgresql_database):
    postgresql_database.run(*shop.TABLES, *shop.ROWS)
    store = postgresql_database.open(shop.MAP)
    approved = store.measure(who(ADA), TODAY)
    postgresql_database.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'troth' "
        "AND datname = current_database()"
    )
    with pytest.raises(UnreachableError, match="does not answer"):
        store.act("one", who(ADA), TODAY, approved)
    assert not store.act("one", who(ADA), TODAY, approved).resumed


# Roles


def test_finding_needs_no_right_to_change(postgresql_database):
    postgresql_database.run(
        *shop.TABLES,
        *shop.ROWS,
        "DROP ROLE IF EXISTS finder_only",
        "CREATE ROLE finder_only LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO finder_only",
    )
    # a database without temporary tables for anybody
    (name,) = postgresql_database.query("SELECT current_database()")[0]
    postgresql_database.run(f"REVOKE TEMP ON DATABASE {name} FROM PUBLIC")
    finder = postgresql_database.url.replace("troth@", "finder_only@")
    store = postgresql_database.open(shop.MAP, find=finder)
    assert {row.table for row in store.find(who(ADA))} >= {"customer", "orders", "address"}
    assert store.gone(who(ADA), TODAY) > 0
    with pytest.raises(NotAllowedError, match="lacks a right"):
        postgresql_database.open(shop.MAP, find=finder, change=finder).measure(who(ADA), TODAY)
    postgresql_database.run("DROP OWNED BY finder_only", "DROP ROLE finder_only")


def test_without_credentials_to_change_nothing_can_be_measured(sqlite_database):
    sqlite_database.run(*shop.TABLES, *shop.ROWS)
    store = connect(sqlite_database.map(shop.MAP), {"find": sqlite_database.url})
    with pytest.raises(NotAllowedError, match="has no credentials to change rows with"):
        store.measure(who(ADA), TODAY)
    assert list(store.find(who(ADA)))
    store.close()


def test_who_finds_cannot_change_anything(database):
    database.run(*shop.TABLES, *shop.ROWS)
    store = database.open(shop.MAP)
    connection = store._borrow("find")
    with pytest.raises(
        (
            sqlite3.OperationalError,
            psycopg.errors.ReadOnlySqlTransaction,
            pymysql.err.OperationalError,
            duckdb.InvalidInputException,
        )
    ):
        connection.execute("DELETE FROM customer")


def test_where_no_step_can_be_remembered_it_is_at_least_once(postgresql_database):
    postgresql_database.run(
        *shop.TABLES,
        *shop.ROWS,
        "DROP ROLE IF EXISTS eraser_only",
        "CREATE ROLE eraser_only LOGIN",
        "GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO eraser_only",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    )
    eraser = postgresql_database.url.replace("troth@", "eraser_only@")
    store = postgresql_database.open(shop.MAP, find=eraser, change=eraser)
    done = store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert (done.certainty, done.resumed) == ("at_least_once", False)
    assert store.gone(who(ADA), TODAY) == 0
    again = store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert (again.counts, again.resumed) == ((), False)
    postgresql_database.run("DROP OWNED BY eraser_only", "DROP ROLE eraser_only")


# Only PostgreSQL


def test_a_row_that_changed_hands_meanwhile_is_left_to_its_new_owner(postgresql_database):
    """Between finding and deleting somebody gives the order to Ben: it must not go with Ada."""
    postgresql_database.run(*shop.TABLES, *shop.ROWS)
    store = postgresql_database.open(shop.MAP)
    approved = store.measure(who(ADA), TODAY)
    other = psycopg.connect(postgresql_database.url)
    other.execute("UPDATE orders SET customer_id = 2 WHERE id = 'ord-c'")
    results = []
    worker = threading.Thread(target=lambda: results.append(store.act("one", who(ADA), TODAY, approved)))
    worker.start()  # it finds the order as Ada's, and waits for its lock
    time.sleep(0.6)
    other.commit()
    other.close()
    worker.join()
    assert len(results) == 1
    assert postgresql_database.query("SELECT id, customer_id FROM orders ORDER BY id") == [
        ("ord-b", 2),
        ("ord-c", 2),
        ("ord-e", 3),
    ]


def test_tables_of_several_schemas_are_told_apart(postgresql_database):
    postgresql_database.run(
        "CREATE SCHEMA other",
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        "CREATE TABLE other.customer (id integer PRIMARY KEY, email text, name text)",
        'CREATE TABLE other."Odd.Name" (id integer PRIMARY KEY, customer_id integer)',
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')",
        f"INSERT INTO other.customer VALUES (1, '{ADA}', 'an old Ada'), (2, 'x@x.example', 'X')",
        'INSERT INTO other."Odd.Name" VALUES (1, 1), (2, 2)',
    )
    store = postgresql_database.open("""
tables:
  other.customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
  other.Odd.Name:
    belongs_to: [{customer_id: other.customer.id}]
    columns: {id: key, customer_id: link}
    erase: {do: delete, by: dpo, because: a test}
  customer: {impersonal: not looked at in this test}
""")
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    query = postgresql_database.query
    assert query("SELECT id FROM customer ORDER BY id") == [(1,), (2,)]
    assert query("SELECT id FROM other.customer") == [(2,)]
    assert query('SELECT id FROM other."Odd.Name"') == [(2,)]


def test_partitions_are_one_table(postgresql_database):
    postgresql_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')",
        "CREATE TABLE visit (customer_id integer, day date) PARTITION BY RANGE (day)",
        "CREATE TABLE visit_a PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
        "CREATE TABLE visit_b PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO visit VALUES (1, '2025-05-05'), (1, '2026-05-05'), (2, '2025-05-05'), (2, '2026-05-05')",
    )
    store = postgresql_database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
  visit:
    belongs_to: [{customer_id: customer.id}]
    columns: {customer_id: link, day: usage}
    erase: {do: delete, by: dpo, because: a test}
""")
    measured = store.measure(who(ADA), TODAY)
    assert measured.side_effects == ()
    store.act("one", who(ADA), TODAY, measured)
    assert postgresql_database.query("SELECT customer_id FROM visit") == [(2,), (2,)]


def test_dates_no_calendar_of_ours_knows_are_read_as_text(postgresql_database):
    postgresql_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, born date, seen timestamptz)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada', '0044-03-15 BC', 'infinity')",
    )
    store = postgresql_database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, born: identity, seen: usage}
    erase: {do: delete, by: dpo, because: a test}
""")
    (row,) = store.find(who(ADA))
    assert (row.values["born"], row.values["seen"]) == ("0044-03-15 BC", "infinity")


@pytest.mark.slow
def test_in_a_large_table_a_new_way_of_writing_is_noticed(postgresql_database):
    """Large columns that hold exact forms only are looked up by their index, while that is so."""
    postgresql_database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        "INSERT INTO customer SELECT i, 'someone-' || i || '@shop.example', 'x' FROM generate_series(1, 20000) i",
        "CREATE INDEX ON customer (email)",
        "ANALYZE customer",
    )
    store = postgresql_database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
""")

    def found():
        return sorted(row.values["id"] for row in store.find(who("Someone-7@shop.example")))

    assert found() == [7]
    assert list(store._known.written) == [frozenset(), frozenset({("customer", "email")})]
    postgresql_database.run("INSERT INTO customer VALUES (0, ' SOMEONE-7@shop.example', 'y')")
    for _ in range(150):  # the server counts rows inserted when the one who did so leaves, or a little later
        if found() == [0, 7]:
            break
        time.sleep(0.1)
    assert found() == [0, 7]


# Only SQLite


def test_tables_without_row_ids_and_columns_that_are_called_so(sqlite_database):
    sqlite_database.run(
        "CREATE TABLE customer (rowid text, oid text, _rowid_ integer, email text, id integer PRIMARY KEY)",
        "CREATE TABLE visit (email text, day text, PRIMARY KEY (email, day)) WITHOUT ROWID",
        "CREATE TABLE pin (code text PRIMARY KEY, customer_id integer) WITHOUT ROWID",
        f"INSERT INTO customer VALUES ('a', 'b', 7, '{ADA}', 1), ('a', 'b', 7, '{BEN}', 2)",
        f"INSERT INTO visit VALUES ('{ADA}', '1'), ('{ADA}', '2'), ('{BEN}', '1')",
        "INSERT INTO pin VALUES ('x''y', 1), ('z', 2)",
    )
    store = sqlite_database.open("""
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, rowid: usage, oid: usage, _rowid_: usage}
    erase: {do: delete, by: dpo, because: a test}
  visit:
    belongs_to: [{email: customer.email}]
    columns: {email: contact, day: usage}
    erase: {do: delete, by: dpo, because: a test}
  pin:
    belongs_to: [{customer_id: customer.id}]
    columns: {code: key, customer_id: link}
    erase: {do: delete, by: dpo, because: a test}
""")
    assert len(list(store.find(who(ADA)))) == 4
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert sqlite_database.everything("customer", "visit", "pin") == {
        "customer": [("a", "b", 7, BEN, 2)],
        "visit": [(BEN, "1")],
        "pin": [("z", 2)],
    }


def test_what_is_deleted_is_overwritten_in_the_file(sqlite_database):
    sqlite_database.run(*shop.TABLES, *shop.ROWS)
    assert b"Old Street" in Path(sqlite_database.path).read_bytes()
    store = sqlite_database.open(shop.MAP)
    store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    store.close()
    left = Path(sqlite_database.path).read_bytes()
    for trace in (b"Old Street", b"Ada One", b"ada@shop.example", b"ada.alt"):
        assert trace not in left


def test_text_that_is_not_utf_8_does_not_stop_an_answer(sqlite_database):
    sqlite_database.run(*shop.TABLES, *shop.ROWS)
    with sqlite3.connect(sqlite_database.path) as connection:
        connection.execute("UPDATE customer SET name = CAST(x'41ff42' AS TEXT) WHERE id = 1")
    connection.close()
    (row,) = (row for row in sqlite_database.open(shop.MAP).find(who(ADA)) if row.table == "customer")
    assert row.values["name"] == "A\ufffdB"


# Many rows


@pytest.mark.slow
def test_a_subject_of_a_hundred_thousand_rows_is_streamed_and_erased(database):
    series = (
        "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 100000) SELECT i FROM s"
        if database.kind == "sqlite"
        else "SELECT seq AS i FROM seq_1_to_100000"
        if database.kind == "mariadb"
        else "SELECT i FROM generate_series(1, 100000) AS s(i)"
    )
    database.run(
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)",
        f"INSERT INTO customer VALUES (1, '{ADA}', 'Ada'), (2, '{BEN}', 'Ben')",
        "CREATE TABLE login (id integer PRIMARY KEY, customer_id integer, agent text)",
        f"INSERT INTO login SELECT i, 1, 'a browser whose name is rather long, as they are' FROM ({series}) AS x",
        "INSERT INTO login VALUES (200000, 2, 'x')",
        "CREATE INDEX login_customer ON login (customer_id)",
    )
    map_text = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
  login:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, agent: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
    store = database.open(map_text)
    import tracemalloc

    list(store.find(who(BEN)))
    tracemalloc.start()
    rows = sum(1 for _ in store.find(who(ADA)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 100_001
    assert most < 8_000_000  # the rows themselves are ten times that
    measured = store.measure(who(ADA), TODAY)
    assert measured.how == "counted"
    assert {(c.table, c.verb): c.rows for c in measured.counts} == {
        ("customer", "delete"): 1,
        ("login", "delete"): 100_000,
    }
    done = store.act("one", who(ADA), TODAY, measured)
    assert (done.counts, done.keys_checked) == (measured.counts, 100_001)
    assert database.query("SELECT id FROM login") == [(200_000,)]
    assert store.gone([Who("ada", (("email", ADA),))], TODAY) == 0
