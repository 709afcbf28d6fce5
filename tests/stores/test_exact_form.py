"""One address in many writings: found in large tables too, with an index on its exact form or without."""

import psycopg
import pytest

from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.map_file import read

MAP = """
store: shop
kind: postgresql
credentials: {find: env:SHOP, change: env:SHOP}
controller: shop
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
"""
EXACT = "CREATE INDEX exact ON customer (lower(btrim(email, E' \\t\\n\\r')))"


@pytest.fixture
def shop(postgresql):
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE TABLE customer (id int PRIMARY KEY, email text, name text)")
        connection.execute(
            "INSERT INTO customer SELECT i, 'c' || i || '@shop.example', repeat('x', 60) "
            "FROM generate_series(1, 20000) i"
        )
        connection.execute("CREATE INDEX bare ON customer (email)")
        connection.execute("ANALYZE customer")
        yield connection


@pytest.fixture
def store(postgresql):
    found, problems = read(MAP, "shop.yaml")
    assert not problems
    made = connect(found, {"find": postgresql, "change": postgresql})
    yield made
    made.close()


def found(store, email):
    return sorted(row.values["id"] for row in store.find([Who("one", (("email", email),))]))


def plan_of(shop, store):
    """Return what is asked of the server to look an address up: on the column itself or on its exact form."""
    connection = store._borrow("find")
    try:
        written = store._sql(connection)
    finally:
        store._settle(connection, "find")
    return "bare" if ("customer", "email") in written.normal else "exact"


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_column_in_exact_form_is_looked_up_bare_until_another_writing_comes(shop, store):
    assert found(store, "C7@Shop.example") == [7]
    assert plan_of(shop, store) == "bare"
    shop.execute("UPDATE customer SET email = ' C7@shop.example' WHERE id = 8")
    shop.execute("SELECT pg_stat_force_next_flush()")
    shop.execute("SELECT 1")
    assert found(store, "c7@shop.example") == [7, 8]
    assert plan_of(shop, store) == "exact"


@pytest.mark.slow
@pytest.mark.postgresql
def test_with_an_index_on_the_exact_form_nothing_is_read_to_know(shop, store):
    shop.execute(EXACT)
    shop.execute("ANALYZE customer")
    assert found(store, "C7@Shop.example") == [7]
    assert plan_of(shop, store) == "exact"
    shop.execute("UPDATE customer SET email = 'C7@SHOP.example' WHERE id = 8")
    assert found(store, "c7@shop.example") == [7, 8]  # at once, whether or not the server has counted it
    shop.execute("SELECT pg_stat_force_next_flush()")
    before = shop.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'customer'").fetchone()
    for number in range(20, 40):
        assert found(store, f"c{number}@shop.example") == [number]
    shop.execute("SELECT pg_stat_force_next_flush()")
    after = shop.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'customer'").fetchone()
    assert before == after


@pytest.mark.slow
@pytest.mark.postgresql
def test_an_index_that_is_made_or_dropped_meanwhile_is_noticed(shop, store):
    assert found(store, "c7@shop.example") == [7]
    shop.execute(EXACT)
    shop.execute("ANALYZE customer")
    assert (found(store, "c7@shop.example"), plan_of(shop, store)) == ([7], "exact")
    shop.execute("DROP INDEX exact")
    assert (found(store, "c7@shop.example"), plan_of(shop, store)) == ([7], "bare")
