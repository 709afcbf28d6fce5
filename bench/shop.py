"""The shop that is measured: its rows, and what a person would write by hand against it."""

from __future__ import annotations

from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent
HEAVY = ("someone-heavy@shop.example", "someone-big@shop.example", "someone-large@shop.example")


def build(url: str, customers: int) -> int:
    """Create the shop; return how many rows it has."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((FOLDER / "shop.sql").read_text(encoding="utf-8"))
        rows = (FOLDER / "rows.sql").read_text(encoding="utf-8").format(n=customers)
        for statement in rows.split(";\n"):
            connection.execute(statement)
        tables = connection.execute("SELECT sum(n_live_tup) FROM pg_stat_user_tables").fetchone()
    return int(tables[0]) if tables else 0


ACCESS = (
    "SELECT * FROM customer WHERE email = %(email)s",
    "SELECT a.* FROM address a WHERE a.id IN (SELECT address_id FROM customer WHERE id = %(id)s"
    " UNION SELECT billing_address_id FROM payment_card WHERE customer_id = %(id)s"
    " UNION SELECT shipping_address_id FROM orders WHERE customer_id = %(id)s)",
    "SELECT * FROM payment_card WHERE customer_id = %(id)s",
    "SELECT * FROM orders WHERE customer_id = %(id)s",
    "SELECT i.* FROM order_item i JOIN orders o ON o.id = i.order_id WHERE o.customer_id = %(id)s",
    "SELECT * FROM visit WHERE email = %(email)s",
    "SELECT * FROM login WHERE customer_id = %(id)s",
    "SELECT * FROM service_request WHERE email = %(email)s",
)
ERASE = (
    "SELECT id, address_id FROM customer WHERE email = ANY(%(emails)s) FOR UPDATE",
    "DELETE FROM order_item WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ANY(%(ids)s))",
    "DELETE FROM orders WHERE customer_id = ANY(%(ids)s)",
    "DELETE FROM payment_card WHERE customer_id = ANY(%(ids)s)",
    "DELETE FROM visit WHERE email = ANY(%(emails)s)",
    "DELETE FROM login WHERE customer_id = ANY(%(ids)s)",
    "DELETE FROM service_request WHERE email = ANY(%(emails)s)",
    "DELETE FROM customer WHERE id = ANY(%(ids)s)",
    "DELETE FROM address a WHERE a.id = ANY(%(addresses)s)"
    " AND NOT EXISTS (SELECT FROM customer c WHERE c.address_id = a.id)"
    " AND NOT EXISTS (SELECT FROM employee e WHERE e.address_id = a.id)"
    " AND NOT EXISTS (SELECT FROM payment_card p WHERE p.billing_address_id = a.id)"
    " AND NOT EXISTS (SELECT FROM orders o WHERE o.shipping_address_id = a.id)",
)


COUNT = (
    "SELECT count(*) FROM order_item WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ANY(%(ids)s))",
    "SELECT count(*) FROM orders WHERE customer_id = ANY(%(ids)s)",
    "SELECT count(*) FROM payment_card WHERE customer_id = ANY(%(ids)s)",
    "SELECT count(*) FROM visit WHERE email = ANY(%(emails)s)",
    "SELECT count(*) FROM login WHERE customer_id = ANY(%(ids)s)",
    "SELECT count(*) FROM service_request WHERE email = ANY(%(emails)s)",
    "SELECT count(*) FROM address a WHERE a.id = ANY(%(addresses)s)"
    " AND NOT EXISTS (SELECT FROM customer c WHERE c.address_id = a.id AND c.id <> ALL(%(ids)s))"
    " AND NOT EXISTS (SELECT FROM employee e WHERE e.address_id = a.id)"
    " AND NOT EXISTS (SELECT FROM payment_card p WHERE p.billing_address_id = a.id AND p.customer_id <> ALL(%(ids)s))"
    " AND NOT EXISTS (SELECT FROM orders o WHERE o.shipping_address_id = a.id AND o.customer_id <> ALL(%(ids)s))",
)


def access_by_hand(connection: psycopg.Connection, email: str) -> int:
    """Read one subject's rows with eight statements; return how many rows."""
    first = connection.execute(ACCESS[0], {"email": email}).fetchall()
    bound = {"email": email, "id": first[0][0]}
    rows = len(first) + sum(len(connection.execute(statement, bound).fetchall()) for statement in ACCESS[1:])
    connection.commit()
    return rows


def count_by_hand(connection: psycopg.Connection, emails: list[str]) -> int:
    """Count what an erasure of these subjects would remove, as somebody careful does before and after."""
    bound = _bound(connection, emails)
    found = [connection.execute(statement, bound).fetchone() for statement in COUNT]
    connection.commit()
    return len(bound["ids"]) + sum(int(row[0]) for row in found if row)


def _bound(connection: psycopg.Connection, emails: list[str]) -> dict[str, list[object]]:
    found = connection.execute(ERASE[0], {"emails": emails}).fetchall()
    return {
        "emails": list(emails),
        "ids": [row[0] for row in found],
        "addresses": [row[1] for row in found if row[1]],
    }


def erase_by_hand(connection: psycopg.Connection, emails: list[str]) -> int:
    """Erase these subjects in one transaction, set-based; return how many rows."""
    bound = _bound(connection, emails)
    rows = sum(connection.execute(statement, bound).rowcount for statement in ERASE[1:])
    connection.commit()
    return rows
