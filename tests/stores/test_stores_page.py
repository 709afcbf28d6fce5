"""What docs/stores.md says of stores: the kinds, the roles to create, the indexes that help."""

import re
import sqlite3
from datetime import date
from pathlib import Path

import psycopg
import pytest

from troth.rules.identifier import exact
from troth.stores.connect import BUILT_IN, connect, limits
from troth.stores.contract import Who
from troth.stores.map_file import read
from troth.stores.postgresql import LOCK_SECONDS
from troth.stores.sqlite import WAIT_SECONDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "stores.md").read_text(encoding="utf-8")
TODAY = date(2026, 11, 23)
ADA = [Who("one", (("email", "ada@shop.example"),))]
MAP = """
store: shop
kind: {kind}
credentials: {{find: env:FIND, change: env:CHANGE}}
controller: shop
tables:
  customer:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact, name: identity}}
    erase: {{do: delete, by: dpo, because: a test}}
"""
CUSTOMER = "CREATE TABLE customer (id integer PRIMARY KEY, email text, name text)"


def opened(kind, find, change):
    found, problems = read(MAP.format(kind=kind), "shop.yaml")
    assert not problems
    return connect(found, {"find": find, "change": change})


def statements(starting):
    block = next(block for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) if starting in block)
    return [statement.strip() for statement in block.split(";") if statement.strip()]


@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_page_tells_the_limits_of_each_kind(kind):
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{kind}` "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    told = limits(BUILT_IN[kind])
    yes = {True: "yes", False: "no"}
    assert cells[2:] == [
        yes[told.atomic],
        yes[told.measured_by_rollback],
        f"{told.rows_measured_max:,}",
        yes[told.amends],
        yes[told.replays],
    ]


def test_the_page_tells_how_long_a_lock_is_waited_for():
    assert f"| waits for a lock | {LOCK_SECONDS} seconds" in PAGE
    assert f"| {WAIT_SECONDS:.0f} seconds |" in PAGE


def test_the_index_for_sqlite_is_the_one_that_is_used(tmp_path):
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute(CUSTOMER)
        connection.execute("INSERT INTO customer VALUES (1, ' Ada@Shop.example', 'Ada')")
        connection.execute(statements("-- SQLite")[1].partition("\n")[2])
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT 1 FROM customer AS t "
            "WHERE lower(trim(t.email, ' ' || char(9) || char(10) || char(13))) = ?",
            (exact("email", "ADA@shop.example"),),
        ).fetchall()
    assert "customer_email" in str(plan)
    store = opened("sqlite", f"sqlite:///{file}", f"sqlite:///{file}")
    assert [row.values["id"] for row in store.find(ADA)] == [1]
    store.close()


@pytest.mark.slow
@pytest.mark.postgresql
def test_the_roles_of_the_page_are_enough_and_one_cannot_change(postgresql):
    roles = ("troth_find", "troth_change")
    with psycopg.connect(postgresql, autocommit=True) as owner:
        for statement in (
            CUSTOMER,
            "CREATE TABLE address (id int)",
            "CREATE TABLE orders (id int)",
            "CREATE TABLE message (id int)",
            "INSERT INTO customer VALUES (1, 'ADA@shop.example', 'Ada'), (2, 'ben@shop.example', 'Ben')",
            *statements("CREATE ROLE"),
        ):
            owner.execute(statement)
        try:
            find, change = (postgresql.replace("troth@", f"{role}@") for role in roles)
            store = opened("postgresql", find, change)
            assert [row.values["id"] for row in store.find(ADA)] == [1]
            acted = store.act("one", ADA, TODAY, store.measure(ADA, TODAY))
            assert (acted.certainty, acted.grade) == ("exactly_once", "deleted")
            assert store.act("one", ADA, TODAY, store.measure(ADA, TODAY)).resumed
            assert store.gone(ADA, TODAY) == 0
            assert store.scan(ADA, TODAY).unread == ()
            store.close()
            assert owner.execute("SELECT id FROM customer").fetchall() == [(2,)]
            with (
                psycopg.connect(find, autocommit=True) as reader,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                reader.execute("DELETE FROM customer")
        finally:
            for role in roles:  # roles belong to the whole server
                owner.execute(f"DROP OWNED BY {role}")
                owner.execute(f"DROP ROLE {role}")
