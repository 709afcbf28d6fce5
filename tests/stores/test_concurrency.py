"""What changes while an erasure is measured, approved and carried out, by people who know nothing of it."""

from __future__ import annotations

import threading
import time
from datetime import date

import psycopg
import pytest

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores.contract import Who

pytestmark = [pytest.mark.slow, pytest.mark.postgresql]

TODAY = date(2026, 11, 23)
MAP = """
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, address_id: link}
    points_to: [{address_id: address.id}]
    erase: {do: delete, by: dpo, because: a test}
  address:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
  orders:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link}
    erase: {do: delete, by: dpo, because: a test}
  message:
    belongs_to:
      - {sender_id: customer.id, leaving: {blank: {sender_id: null}}}
      - {recipient_id: customer.id, leaving: {blank: {recipient_id: null}}}
    columns: {id: key, sender_id: link, recipient_id: link}
    erase: {do: delete, by: dpo, because: a test}
"""
PAIRS = 30


@pytest.fixture
def shop(postgresql_database):
    postgresql_database.run(
        "CREATE TABLE address (id integer PRIMARY KEY, street text)",
        "CREATE TABLE customer (id integer PRIMARY KEY, email text, address_id integer)",
        """CREATE TABLE orders (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                                customer_id integer NOT NULL REFERENCES customer (id))""",
        "CREATE TABLE message (id integer PRIMARY KEY, sender_id integer, recipient_id integer)",
        f"INSERT INTO address SELECT n, 'x' FROM generate_series(0, {PAIRS}) AS n",
        f"""INSERT INTO customer SELECT 2 * n + half, n || '-' || half || '@shop.example', n
            FROM generate_series(0, {PAIRS}) AS n, generate_series(0, 1) AS half""",
        # two pairs of three share an address and nothing that both would write to
        f"INSERT INTO message SELECT n, 2 * n, 2 * n + 1 FROM generate_series(0, {PAIRS}) AS n WHERE n % 3 = 0",
    )
    return postgresql_database


def who(number: int, half: int) -> list[Who]:
    return [Who(f"{number}-{half}", (("email", f"{number}-{half}@shop.example"),))]


def erase(store, subject, step):
    """Measure and act until nobody is in between; return what was done and how often it was asked again."""
    for again in range(400):
        try:
            return store.act(step, subject, TODAY, store.measure(subject, TODAY)), again
        except (ConflictError, UnreachableError, NotAllowedError):  # the last: an order came in between
            continue
    raise AssertionError("It never came to its end.")


def together(*calls):
    """Run these at the same time; what goes wrong in one is raised."""
    wrong: list[BaseException] = []

    def run(call):
        try:
            call()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert not any(thread.is_alive() for thread in threads)
    if wrong:
        raise wrong[0]


def test_while_orders_come_in_an_erasure_takes_all_of_one_and_none_of_another(shop):
    ended = threading.Event()
    written = {0: 0, 1: 0}

    def buying():
        with psycopg.connect(shop.url, autocommit=True) as connection:
            for number in range(4_000):
                if ended.is_set() and number >= 40:
                    break
                customer = number % 2
                try:
                    connection.execute("INSERT INTO orders (customer_id) VALUES (%s)", (customer,))
                except psycopg.errors.ForeignKeyViolation:
                    continue  # who is gone buys nothing
                written[customer] += 1
                time.sleep(0.02)

    def erasing():
        store = shop.open(MAP)
        try:
            done.append(erase(store, who(0, 0), "one"))
        finally:
            ended.set()

    done = []
    together(buying, erasing)
    ((acted, _),) = done
    rows = {(count.table, count.verb): count.rows for count in acted.counts}
    assert rows.get(("orders", "delete"), 0) == written[0]
    assert shop.query("SELECT customer_id, count(*) FROM orders GROUP BY 1") == [(1, written[1])]
    assert shop.query("SELECT count(*) FROM customer WHERE id = 0") == [(0,)]
    assert shop.query("SELECT count(*) FROM troth_step") == [(1,)]


def test_what_came_after_the_approval_stops_it_and_within_the_tolerance_does_not(shop):
    store = shop.open(MAP)
    shop.run("INSERT INTO orders (customer_id) VALUES (0), (1)")
    approved = store.measure(who(0, 0), TODAY)
    shop.run("INSERT INTO orders (customer_id) VALUES (0), (0), (1)")
    before = shop.everything("customer", "orders", "message", "address")
    with pytest.raises(ConflictError, match="has 2 rows more than were approved, and 1 were tolerated"):
        store.act("one", who(0, 0), TODAY, approved, 1)
    assert shop.everything("customer", "orders", "message", "address") == before
    store.act("one", who(0, 0), TODAY, approved, 2)
    assert shop.query("SELECT customer_id, count(*) FROM orders GROUP BY 1") == [(1, 2)]


def test_two_who_share_rows_and_are_erased_at_the_same_time_leave_nothing_shared_behind(shop):
    stores = [shop.open(MAP), shop.open(MAP)]
    for number in range(PAIRS):
        ready = threading.Barrier(2)

        def erasing(half, number=number, ready=ready):
            approved = stores[half].measure(who(number, half), TODAY)
            ready.wait(timeout=30)
            try:
                stores[half].act(f"{number}-{half}", who(number, half), TODAY, approved)
            except (ConflictError, UnreachableError):
                erase(stores[half], who(number, half), f"{number}-{half}")

        together(lambda: erasing(0), lambda: erasing(1))
    last = PAIRS
    assert shop.query("SELECT id FROM customer ORDER BY id") == [(2 * last,), (2 * last + 1,)]
    assert shop.query("SELECT id FROM message") == [(last,)]
    assert shop.query("SELECT id FROM address") == [(last,)]
