"""The rows of any table lead to the people they belong to, in every kind of database, and to nobody else."""

from __future__ import annotations

from datetime import date

import pytest

from troth.errors import NotAllowedError, NotFoundError
from troth.stores.contract import Between, Owned

ADA, BEN, EVE, FAY, GUS, HAL = (f"{name}@shop.example" for name in ("ada", "ben", "eve", "fay", "gus", "hal"))
MARCH = date(2026, 3, 1), date(2026, 3, 31)
TABLES = (
    "CREATE TABLE place (id integer PRIMARY KEY, street varchar(80))",
    "CREATE TABLE customer (id integer PRIMARY KEY, email varchar(80), place_id integer)",
    "CREATE TABLE contact (id integer PRIMARY KEY, customer_id integer, kind varchar(20), value varchar(80))",
    "CREATE TABLE orders (id integer PRIMARY KEY, buyer_id integer, payer_id integer)",
    """CREATE TABLE invoice (id integer PRIMARY KEY, order_id integer, issued date, sent timestamp NULL,
        written varchar(20), "odd ""day" varchar(20))""",
    "CREATE TABLE ticket (id integer PRIMARY KEY, email varchar(80), about_id integer)",
    "CREATE TABLE stock (id integer PRIMARY KEY, product varchar(20))",
    "INSERT INTO place VALUES (1, 'a'), (2, 'b')",
    f"""INSERT INTO customer VALUES (0, 'gone@shop.example', NULL), (1, '{ADA}', 1), (2, '{BEN}', 1), (3, '{EVE}', 2),
        (4, '', NULL), (5, NULL, NULL), (6, '{HAL}', NULL)""",
    f"INSERT INTO contact VALUES (1, 1, 'mail', '{FAY}'), (2, 1, 'phone', '0123'), (3, 3, 'mail', '{EVE.upper()}')",
    "INSERT INTO orders VALUES (1, 1, 2), (2, 1, 1), (3, 3, NULL), (4, 0, 4), (5, 5, NULL)",
    """INSERT INTO invoice VALUES (1, 1, '2026-03-01', '2026-03-31 23:59:59', '2026-03-02', '2026-03-01'),
        (2, 2, '2026-02-28', NULL, '2026-02-28', '2026-01-01'), (3, 3, '2026-03-31', NULL, 'spring', '2026-01-01'),
        (4, 4, '2026-03-05', NULL, '2026-03-05', '2026-01-01'), (5, 5, NULL, NULL, '2026-03-05', NULL)""",
    f"INSERT INTO ticket VALUES (1, '{GUS}', 3), (2, '{BEN}', NULL)",
)
MAP = """
placeholder: {customer.id: 0}
tables:
  place:
    columns: {id: key, street: address}
    erase: {do: delete, by: dpo, because: a test}
  customer:
    subject:
      key: id
      identifiers:
        email: {kind: email, one_person: true}
        contact.value: {via: customer_id, kind: email, one_person: true, when: {kind: mail}}
    points_to: [{place_id: place.id}]
    columns: {id: key, email: contact, place_id: link}
    erase: {do: delete, by: dpo, because: a test}
  contact:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, kind: usage, value: contact}
    erase: {do: delete, by: dpo, because: a test}
  orders:
    belongs_to:
      - {buyer_id: customer.id, leaving: {blank: {buyer_id: null}}}
      - {payer_id: customer.id, leaving: {blank: {payer_id: null}}}
    columns: {id: key, buyer_id: link, payer_id: link}
    erase: {do: delete, by: dpo, because: a test}
  invoice:
    belongs_to: [{order_id: orders.id}]
    columns: {id: key, order_id: link, issued: order, sent: order, written: order, 'odd "day': order}
    erase: {do: delete, by: dpo, because: a test}
  ticket:
    belongs_to: [{email: customer.email}]
    mentions: [{about_id: customer.id}]
    columns: {id: key, email: contact, about_id: link}
    erase: {do: delete, by: dpo, because: a test}
  stock: {impersonal: what is on the shelves}
"""


@pytest.fixture
def shop(database):
    database.run(*TABLES)
    before = database.everything("customer", "invoice")
    store = database.open(MAP)
    assert isinstance(store, Owned)
    yield store
    assert database.everything("customer", "invoice") == before


def people(store, table, *between):
    return sorted({one.casefold() for one in store.addresses(table, Between(*between) if between else None)})


def test_rows_lead_over_every_edge_to_each_of_their_people(shop):
    assert people(shop, "customer") == [ADA, BEN, EVE, FAY, HAL]
    assert people(shop, "orders") == [ADA, BEN, EVE, FAY]  # neither the placeholder nor who has no address
    assert people(shop, "invoice") == [ADA, BEN, EVE, FAY]
    assert people(shop, "place") == [ADA, BEN, EVE, FAY]  # what points to it
    assert people(shop, "ticket") == [BEN, EVE, GUS]  # the one it mentions too, and one who is no customer
    assert (
        len(list(shop.addresses("orders"))) == len({*shop.addresses("orders")}) + 2
    )  # Ada and her other, by two


def test_days_narrow_the_rows_with_both_ends_in(shop):
    assert people(shop, "invoice", "issued", *MARCH) == [ADA, BEN, EVE, FAY]
    assert people(shop, "invoice", "issued", date(2026, 3, 2)) == [EVE]
    assert people(shop, "invoice", "issued", None, date(2026, 2, 28)) == [ADA, FAY]
    assert people(shop, "invoice", "sent", *MARCH) == [ADA, BEN, FAY]  # the last second of the last day
    assert people(shop, "invoice", 'odd "day', *MARCH) == [ADA, BEN, FAY]
    assert people(shop, "invoice", "issued", date(2030, 1, 1)) == []


def test_what_cannot_be_told_is_said(shop):
    with pytest.raises(NotAllowedError, match="no way leads from `stock` to people"):
        people(shop, "stock")
    with pytest.raises(NotFoundError, match="has no table 'nothing'"):
        people(shop, "nothing")
    with pytest.raises(
        NotFoundError, match=r"no column 'issued\) OR \(1=1'\. Its columns of days are: issued, sent"
    ):
        people(shop, "invoice", "issued) OR (1=1", *MARCH)
    with pytest.raises(NotAllowedError, match="`id` of `invoice` of the store `shop` holds no days"):
        people(shop, "invoice", "id", *MARCH)
    with pytest.raises(NotAllowedError, match="1 of 5 values cannot be read as a day"):
        people(shop, "invoice", "written", *MARCH)
