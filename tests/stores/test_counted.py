"""Above its threshold a plan is counted by reading; what is done is the same, and is checked as well."""

from dataclasses import replace

import pytest

from stores import test_rounds
from stores.shop import who
from stores.test_engine import ADA, BEN, CUSTOMER, CUSTOMERS, ENFORCING, KEEPING, PEOPLE, TODAY, trigger
from troth.errors import ConflictError, NotAllowedError
from troth.stores import duckdb, mariadb, postgresql, sqlite
from troth.stores.sql_store import SqlStore

ORDERS = (
    CUSTOMER,
    CUSTOMERS,
    "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer)",
    "INSERT INTO orders VALUES (1, 1), (2, 1), (3, 2)",
)
MAP = f"""{PEOPLE}
  orders:
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link}}
    erase: {{do: delete, by: dpo, because: a test}}
"""


def opened(database, written, rows_measured_max=0):
    """Open a store whose plans are counted from the first row on."""
    map_ = replace(database.map(written), kind=database.kind)
    urls = {"find": database.url, "change": database.url}
    match database.kind:
        case "sqlite":
            store = SqlStore(map_, urls, sqlite.Sqlite(), few(sqlite.LIMITS, rows_measured_max))
        case "postgresql":
            store = SqlStore(map_, urls, postgresql.Postgresql(), few(postgresql.LIMITS, rows_measured_max))
        case "mariadb":
            store = SqlStore(map_, urls, mariadb.Mariadb(), few(mariadb.LIMITS, rows_measured_max))
        case _:
            store = duckdb.DuckdbStore(map_, urls, duckdb.Duckdb(), few(duckdb.LIMITS, rows_measured_max))
    database.opened.append(store)
    return store


def few(limits, rows_measured_max):
    return replace(limits, rows_measured_max=rows_measured_max)


def test_what_was_counted_is_what_is_done(database):
    database.run(*ORDERS)
    store = opened(database, MAP)
    approved = store.measure(who(ADA), TODAY)
    assert approved.how == "counted"
    assert [(count.table, count.verb, count.rows) for count in approved.counts] == [
        ("customer", "delete", 1),
        ("orders", "delete", 2),
    ]
    acted = store.act("one", who(ADA), TODAY, approved)
    assert (acted.counts, acted.keys_checked) == (approved.counts, 3)
    assert database.query("SELECT id FROM orders") == [(3,)]
    assert store.act("one", who(ADA), TODAY, approved).resumed
    assert opened(database, MAP, rows_measured_max=3).measure(who(BEN), TODAY).how == "measured"


def test_more_rows_than_were_counted_stop_it(database):
    database.run(*ORDERS)
    store = opened(database, MAP)
    approved = store.measure(who(ADA), TODAY)
    database.run("INSERT INTO orders VALUES (4, 1)")
    with pytest.raises(ConflictError, match="1 rows more than were approved"):
        store.act("one", who(ADA), TODAY, approved)
    assert len(database.query("SELECT id FROM orders")) == 4
    assert store.act("one", who(ADA), TODAY, approved, tolerance=1).counts[1].rows == 3


@pytest.mark.parametrize("database", KEEPING, indirect=True)
def test_a_row_that_a_trigger_keeps_is_found_out_by_its_number(database):
    database.run(*ORDERS)
    trigger(
        database, "kept", "orders", "BEFORE DELETE", "SELECT RAISE(IGNORE) WHERE OLD.id = 2",
        "IF OLD.id = 2 THEN RETURN NULL; END IF; RETURN OLD",
    )  # fmt: skip
    store = opened(database, MAP)
    before = database.everything("customer", "orders")
    with pytest.raises(NotAllowedError, match="rows of `orders` are still there after their removal"):
        store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert database.everything("customer", "orders") == before


@pytest.mark.parametrize("database", KEEPING, indirect=True)
def test_a_row_that_a_trigger_puts_back_is_found_out_by_its_key(database):
    database.run(*ORDERS)
    back = "INSERT INTO orders VALUES (OLD.id, OLD.customer_id)"
    trigger(database, "back", "orders", "AFTER DELETE", back, f"{back}; RETURN NULL")
    store = opened(database, MAP)
    before = database.everything("customer", "orders")
    with pytest.raises(NotAllowedError, match="rows of `orders` are still there after their removal"):
        store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert database.everything("customer", "orders") == before


@pytest.mark.parametrize("database", ENFORCING, indirect=True)
def test_a_row_that_was_to_stay_and_goes_with_others_is_found_out(database):
    database.run(
        *ORDERS,
        "CREATE TABLE note (id integer PRIMARY KEY, customer_id integer, body varchar(9))",
        "INSERT INTO note VALUES (1, 1, 'x'), (2, 2, 'y')",
    )
    gone = "DELETE FROM note WHERE customer_id = OLD.customer_id"
    trigger(database, "swept", "orders", "AFTER DELETE", gone, f"{gone}; RETURN NULL")
    store = opened(
        database,
        f"""{MAP}
  note:
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link, body: free_text}}
    erase: {{do: blank, set: {{body: null}}, by: dpo, because: a test}}
""",
    )
    before = database.everything("customer", "orders", "note")
    with pytest.raises(NotAllowedError, match="rows of `note` that were to stay went with other rows"):
        store.act("one", who(ADA), TODAY, store.measure(who(ADA), TODAY))
    assert database.everything("customer", "orders", "note") == before


def test_what_may_take_several_rounds_is_measured_whatever_its_size(database):
    """Reading does not see what a further round finds, and nobody could have approved it."""
    database.run(*test_rounds.TABLES)
    store = opened(database, test_rounds.MAP)
    measured = store.measure(who(ADA), TODAY)
    assert measured.how == "measured"
    assert {(count.table, count.verb): count.rows for count in measured.counts}["remark", "blank"] == 2
    assert store.act("one", who(ADA), TODAY, measured).counts == measured.counts
    assert store.gone(who(ADA), TODAY) == 0
