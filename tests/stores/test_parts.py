"""A partition of which every row has outlived its retention goes as a whole; one with a row that stays does not."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from troth.errors import ConflictError, TrothError, UnreachableError
from troth.stores.contract import Expiry, Parted, Who

TODAY = date(2026, 11, 23)
VISITS = Expiry("visit", "came", date(2025, 11, 24))
ADA, BEN = "ada@shop.example", "ben@shop.example"
TABLES = (
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(80))",
    """CREATE TABLE visit (id integer, customer_id integer, came {kind} NOT NULL, held boolean DEFAULT false,
       PRIMARY KEY (id, came)) PARTITION BY RANGE (came)""",
    "CREATE TABLE visit_2023 PARTITION OF visit FOR VALUES FROM (MINVALUE) TO ('2024-01-01')",
    "CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    "CREATE TABLE visit_2025 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
    "CREATE TABLE visit_other PARTITION OF visit DEFAULT",
    f"INSERT INTO customer VALUES (1, '{ADA}'), (2, '{BEN}')",
    """INSERT INTO visit VALUES (1, 1, '2023-05-01'), (2, 1, '2023-06-01'), (3, 1, '2024-05-01'), (4, 2, '2024-06-01'),
       (5, 1, '2025-03-01'), (6, 1, '2025-12-01'), (7, 1, '2026-05-01')""",
)
MAP = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  visit:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, came: key, held: flag}
    restriction: {flag: held, active: true, lifted: false}
    retention: [{promise: retention/visits, trigger: came}]
    erase: {do: delete, by: dpo, because: a test}
"""
pytestmark = [pytest.mark.postgresql, pytest.mark.slow]


@pytest.fixture(params=["date", "timestamp with time zone"])
def database(request, postgresql_database):
    postgresql_database.run(*(statement.replace("{kind}", request.param) for statement in TABLES))
    return postgresql_database


def outlived(store, but_for=()):
    assert isinstance(store, Parted)
    return {one.name.rpartition(".")[2].strip('"'): one for one in store.outlived(VISITS, but_for, TODAY)}


def test_only_whole_partitions_are_told_and_one_goes_once(database):
    store = database.open(MAP)
    found = outlived(store)
    assert {name: one.rows for name, one in found.items()} == {"visit_2023": 2, "visit_2024": 2}
    ben = [Who("b", (("email", BEN),))]
    assert set(outlived(store, ben)) == {"visit_2023"}
    done = store.drop("s/1", VISITS, found["visit_2023"], (), TODAY)
    assert [(count.table, count.verb, count.rows) for count in done.counts] == [("visit", "delete", 2)]
    again = store.drop("s/1", VISITS, found["visit_2023"], (), TODAY)
    assert (again.resumed, again.counts) == (True, done.counts)
    assert database.query("SELECT id FROM visit ORDER BY id") == [(3,), (4,), (5,), (6,), (7,)]
    assert database.query("SELECT to_regclass('visit_2023')") == [(None,)]
    assert set(outlived(store)) == {"visit_2024"}
    assert store.overdue(VISITS, (), TODAY).rows == 3


def test_a_row_that_must_stay_keeps_its_partition(database):
    store = database.open(MAP)
    part = outlived(store)["visit_2024"]
    database.run("UPDATE visit SET held = true WHERE id = 4")
    assert set(outlived(store)) == {"visit_2023"}
    with pytest.raises(ConflictError, match="holds rows that stay by now"):
        store.drop("s/1", VISITS, part, (), TODAY)
    database.run("UPDATE visit SET held = false", "INSERT INTO visit VALUES (9, 1, '2024-07-01')")
    with pytest.raises(ConflictError):  # one more than was counted
        store.drop("s/1", VISITS, part, (), TODAY)
    assert database.query("SELECT count(*) FROM visit_2024") == [(3,)]


def test_nobody_writes_into_a_partition_while_it_is_looked_at(database):
    store = database.open(MAP)
    part = outlived(store)["visit_2024"]
    with psycopg.connect(database.url) as other:
        other.execute("INSERT INTO visit VALUES (9, 1, '2024-07-01')")  # not committed yet
        with pytest.raises(UnreachableError, match="locked by somebody else"):
            store.drop("s/1", VISITS, part, (), TODAY)
        other.commit()
    with pytest.raises(ConflictError):
        store.drop("s/1", VISITS, part, (), TODAY)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE click (id integer PRIMARY KEY, visit_id integer, came timestamptz)",
        """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';
           CREATE TRIGGER t BEFORE DELETE ON visit FOR EACH ROW EXECUTE FUNCTION f()""",
    ],
    ids=["something belongs to it", "a trigger fires"],
)
def test_where_something_would_go_with_it_rows_are_looked_at(database, statement):
    database.run(statement)
    more = (
        "  click:\n    belongs_to: [{visit_id: visit.id}]\n    columns: {id: key, visit_id: link, came: usage}\n"
        "    erase: {do: delete, by: dpo, because: a test}\n"
    )
    assert outlived(database.open(MAP + (more if "click" in statement else ""))) == {}


def test_a_role_that_owns_no_table_drops_none(database):
    name = f"changer_{database.url.rpartition('/')[2].lower()}"
    database.run(
        f'CREATE ROLE "{name}" LOGIN; GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA public TO "{name}"'
    )
    try:
        store = database.open(MAP)
        part = outlived(store)["visit_2024"]
        user = psycopg.conninfo.make_conninfo(database.url, user=name)
        with pytest.raises(TrothError):
            database.open(MAP, change=user).drop("s/1", VISITS, part, (), TODAY)
        assert database.query("SELECT count(*) FROM visit_2024") == [(2,)]
    finally:
        database.run(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')
