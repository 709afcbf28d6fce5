"""Rows of which we are only processor: told apart, and touched on their controller's instruction alone."""

from __future__ import annotations

from datetime import date

import pytest

from stores.conftest import HEAD
from troth.errors import NotAllowedError
from troth.stores.contract import Processed, Who
from troth.stores.map_file import read

TODAY = date(2026, 11, 23)
ADA = "ada@shop.example"
TABLES = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, tenant_id: not_personal, address_id: link}
    points_to: [{address_id: address.id}]
    erase: {do: delete, by: dpo, because: a test}
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link}
    erase: {do: delete, by: dpo, because: a test}
  visit:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: a test}
  ticket:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact, tenant_id: not_personal}
    erase: {do: delete, by: dpo, because: a test}
  tenant: {impersonal: the firms we work for}
"""
BY_COLUMN = "{column: tenant_id, ours: [1]}"
BY_JOIN = "{column: tenant_id, of: tenant.id, name: slug, ours: us}"


@pytest.fixture(params=["column", "join"])
def tenants(request, database):
    """A shop of three firms, ours being the first; the names of the others, and the head of the map."""
    database.run(
        "CREATE TABLE tenant (id integer PRIMARY KEY, slug text)",
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, tenant_id integer, address_id integer)",
        "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer)",
        "CREATE TABLE visit (id integer PRIMARY KEY, email text)",
        "CREATE TABLE ticket (id integer PRIMARY KEY, email text, tenant_id integer)",
        "INSERT INTO tenant VALUES (1, 'us'), (2, 'acme'), (3, 'zenith')",
        "INSERT INTO address VALUES (1, 'shared'), (2, 'of ours'), (3, 'of acme')",
        f"""INSERT INTO customer VALUES (1, '{ADA}', 1, 1), (2, '{ADA}', 2, 1), (3, '{ADA}', NULL, 2),
            (4, 'ben@shop.example', 2, NULL), (5, '{ADA}', 2, 3)""",
        "INSERT INTO orders VALUES (1, 1), (2, 2), (3, 4), (4, 3)",
        f"INSERT INTO visit VALUES (1, '{ADA}')",
        f"INSERT INTO ticket VALUES (1, '{ADA}', 1), (2, '{ADA}', 2), (3, '{ADA}', 3), (4, '{ADA}', NULL)",
    )
    by_join = request.param == "join"
    return (
        database,
        opened(database, BY_JOIN if by_join else BY_COLUMN),
        ("acme", "zenith") if by_join else ("2", "3"),
    )


def opened(database, controller, tables=TABLES):
    head = HEAD.format(kind=database.kind).replace("controller: main-entity", f"controller: {controller}")
    found, problems = read(head + tables, "stores/shop.yaml")
    assert problems == ()
    return database.open(found)


def places(store, controller=""):
    who = [Who("ada", (("email", ADA),), controller)]
    return sorted((row.table, row.values["id"]) for row in store.find(who))


def ids(database, table):
    return [row[0] for row in database.query(f"SELECT id FROM {table} ORDER BY id")]


def test_only_our_rows_are_found_and_those_that_name_no_controller(tenants):
    _, store, (acme, zenith) = tenants
    assert places(store) == [
        ("address", 1), ("address", 2), ("customer", 1), ("customer", 3), ("orders", 1), ("orders", 4),
        ("ticket", 1), ("ticket", 4), ("visit", 1),
    ]  # fmt: skip
    # what only her address leads to, and names no controller, is nobody else's to have erased
    assert places(store, acme) == [
        ("address", 1), ("address", 3), ("customer", 2), ("customer", 5), ("orders", 2), ("ticket", 2),
    ]  # fmt: skip
    assert places(store, zenith) == [("ticket", 3)]
    assert places(store, "nobody") == []


def test_only_the_people_of_our_rows_are_told_of_a_breach(tenants):
    _, store, _ = tenants
    assert list(store.addresses("orders")) == [ADA, ADA]  # two rows of hers are ours, and Ben's is not
    assert set(store.addresses("customer")) == {ADA}


def test_an_erasure_tells_whose_other_rows_there_are_and_leaves_them(tenants):
    database, store, (acme, zenith) = tenants
    who = [Who("ada", (("email", ADA),))]
    measured = store.measure(who, TODAY)
    assert measured.processed == (Processed(acme, 6), Processed(zenith, 1))
    store.act("ours", who, TODAY, measured)
    assert store.gone(who, TODAY) == 0
    assert ids(database, "customer") == [2, 4, 5]
    assert ids(database, "orders") == [2, 3]
    assert ids(database, "ticket") == [2, 3]
    assert ids(database, "visit") == []
    assert ids(database, "address") == [1, 3]  # the first is pointed to by acme's row too
    hits = store.scan(who, TODAY).hits
    assert {(hit.table, hit.column, hit.verdict) for hit in hits} == {
        ("customer", "email", "expected"),
        ("ticket", "email", "expected"),
    }


def test_a_controllers_instruction_acts_on_its_rows_only(tenants):
    database, store, (acme, _) = tenants
    who = [Who("ada", (("email", ADA),), acme)]
    measured = store.measure(who, TODAY)
    assert measured.processed == ()
    store.act("theirs", who, TODAY, measured)
    assert store.gone(who, TODAY) == 0
    assert ids(database, "customer") == [1, 3, 4]
    assert ids(database, "orders") == [1, 3, 4]
    assert ids(database, "ticket") == [1, 3, 4]
    assert ids(database, "visit") == [1]
    assert ids(database, "address") == [1, 2]


def test_instructions_of_two_controllers_are_not_carried_out_together(tenants):
    _, store, (acme, zenith) = tenants
    who = [Who("ada", (("email", ADA),), acme), Who("ben", (("email", "ben@shop.example"),), zenith)]
    with pytest.raises(NotAllowedError, match="Each controller's instruction is carried out by itself"):
        store.measure(who, TODAY)


def test_a_store_that_is_all_somebody_elses_is_touched_on_their_instruction_alone(tenants):
    database, _, _ = tenants
    store = opened(database, "{processor_for: acme}")
    assert places(store) == []
    measured = store.measure([Who("ada", (("email", ADA),))], TODAY)
    assert (measured.counts, measured.processed) == ((), (Processed("acme", 15),))
    assert len(places(store, "acme")) == 15
    assert places(store, "zenith") == []
