"""A small shop without foreign keys, in our own words: shared addresses, e-mail-only tables, staff."""

from __future__ import annotations

from troth.stores.contract import Who

TABLES = (
    "CREATE TABLE product (id integer PRIMARY KEY, name text, price numeric)",
    "CREATE TABLE address (id integer PRIMARY KEY, house integer, street text, city text, zip text)",
    "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text, created timestamp, address_id bigint)",
    "CREATE TABLE employee (id integer PRIMARY KEY, email text, name text, address_id bigint)",
    """CREATE TABLE payment_card (id text PRIMARY KEY, name text, ccn bigint, code smallint,
                                  customer_id integer, billing_address_id bigint)""",
    """CREATE TABLE orders (id text PRIMARY KEY, customer_id integer, shipping_address_id bigint,
                            payment_card_id text)""",
    """CREATE TABLE order_item (order_id text, item_no smallint, product_id integer, quantity smallint,
                                PRIMARY KEY (order_id, item_no))""",
    "CREATE TABLE visit (email text, last_visit timestamp, PRIMARY KEY (email, last_visit))",
    'CREATE TABLE login (id integer PRIMARY KEY, customer_id integer, "time" timestamp)',
    """CREATE TABLE service_request (id text PRIMARY KEY, email text, alt_email text, opened date, closed date,
                                     employee_id integer)""",
)
NAMES = tuple(statement.split()[2] for statement in TABLES)
ROWS = (
    "INSERT INTO product VALUES (1, 'kettle', 20), (2, 'teapot', 30)",
    """INSERT INTO address VALUES (1, 12, 'Mill Road', 'Ashford', '11111'), (2, 4, 'Oak Lane', 'Ashford', '11112'),
       (3, 5, 'Office Square', 'Ashford', '11113'), (4, 6, 'Hill Place', 'Bexley', '22222'),
       (5, 7, 'Old Street', 'Carlow', '33333')""",
    """INSERT INTO customer VALUES (1, 'ada@shop.example', 'Ada One', '2020-04-01 11:47:42', 1),
       (2, 'ben@shop.example', 'Ben Two', '2020-04-01 11:47:42', 2),
       (3, 'cleo@shop.example', 'Cleo Three', '2020-04-01 11:47:42', 4)""",
    "INSERT INTO employee VALUES (1, 'eve@staff.example', 'Eve Staff', 3), (2, 'fay@staff.example', 'Fay Staff', 3)",
    """INSERT INTO payment_card VALUES ('card-a', 'Card A', 4111, 321, 1, 5), ('card-b', 'Card B', 4222, 123, 2, 1),
       ('card-c', 'Card C', 4333, 222, 3, 4)""",
    """INSERT INTO orders VALUES ('ord-a', 1, 2, 'card-a'), ('ord-b', 2, 1, 'card-b'), ('ord-c', 1, 1, 'card-a'),
       ('ord-d', 1, 5, 'card-b'), ('ord-e', 3, 4, 'card-c')""",
    """INSERT INTO order_item VALUES ('ord-a', 1, 1, 1), ('ord-b', 1, 1, 1), ('ord-c', 1, 1, 1), ('ord-c', 2, 2, 1),
       ('ord-d', 1, 1, 1), ('ord-zzz', 3, 2, 3)""",
    """INSERT INTO visit VALUES ('ada@shop.example', '2021-01-06 01:00:00'),
       ('Ada@Shop.example', '2021-01-07 01:00:00'),
       ('ben@shop.example', '2021-01-06 01:00:00')""",
    """INSERT INTO login VALUES (1, 1, '2021-01-01 01:00:00'), (2, 1, '2021-01-02 01:00:00'),
       (3, 2, '2021-01-06 01:00:00'), (4, 3, '2021-01-06 01:00:00')""",
    """INSERT INTO service_request VALUES
       ('ser-a', 'ada@shop.example', 'ada.alt@mail.example', '2021-01-01', '2021-01-03', 1),
       ('ser-b', 'ben@shop.example', NULL, '2021-01-04', NULL, 1),
       ('ser-c', 'stranger@mail.example', 'friend@mail.example', '2021-01-05', '2021-01-07', 1),
       ('ser-d', 'stranger@mail.example', NULL, '2021-05-05', '2021-05-08', 2)""",
)
MAP = """
placeholder: {customer.id: 0}
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, created: usage, address_id: link}
    points_to: [{address_id: address.id}]
    erase: {do: delete, by: dpo, because: nothing is owed}
  employee:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, address_id: link}
    points_to: [{address_id: address.id}]
    erase: {do: blank, set: {email: null, name: former employee}, by: hr, because: threads survive}
  address:
    columns: {id: key, house: address, street: address, city: address, zip: address}
    erase: {do: delete, by: dpo, because: nobody lives there any more}
  payment_card:
    belongs_to: [{customer_id: customer.id}]
    points_to: [{billing_address_id: address.id}]
    columns: {id: key, name: identity, ccn: payment, code: credential, customer_id: link, billing_address_id: link}
    erase: {do: delete, by: dpo, because: nothing is owed}
  orders:
    belongs_to: [{customer_id: customer.id}]
    points_to: [{shipping_address_id: address.id}]
    columns: {id: key, customer_id: link, shipping_address_id: link, payment_card_id: link}
    erase: {do: delete, by: dpo, because: nothing is owed}
  order_item:
    belongs_to: [{order_id: orders.id}]
    columns: {order_id: key, item_no: key, product_id: link, quantity: usage}
    erase: {do: delete, by: dpo, because: goes with its order}
  visit:
    belongs_to: [{email: customer.email}]
    columns: {email: contact, last_visit: usage}
    erase: {do: delete, by: dpo, because: nothing is owed}
  login:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, time: usage}
    erase: {do: delete, by: dpo, because: nothing is owed}
  service_request:
    belongs_to: [{email: customer.email}]
    mentions: [{employee_id: employee.id, conceals: [email, alt_email]}]
    columns: {id: key, email: contact, alt_email: contact, opened: usage, closed: usage, employee_id: link}
    erase: {do: delete, by: support, because: the case is closed}
  product: {impersonal: a catalogue of goods}
"""


def who(*emails: str) -> list[Who]:
    """Name subjects by their e-mail addresses."""
    return [Who(email.partition("@")[0], (("email", email),)) for email in emails]
