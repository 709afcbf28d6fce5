"""The check of a map says which rows would wait for ever to be archived, and which keys are given again."""

import sqlite3

import pytest

from troth.rules.map_check import findings
from troth.stores.catalogue import read_sqlite
from troth.stores.map_file import read

BOTH = "customer_id INTEGER NOT NULL REFERENCES customer, closed DATE"
SCHEMA = f"""
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
CREATE TABLE bill (id INTEGER PRIMARY KEY, {BOTH});
CREATE TABLE old_bill (id INTEGER PRIMARY KEY, {BOTH}, put_by TEXT);
CREATE TABLE note (id INTEGER PRIMARY KEY, bill_id INTEGER NOT NULL REFERENCES bill, on_day DATE NOT NULL, body TEXT);
"""
MAP = """\
store: shop
kind: sqlite
credentials: {find: "sqlite:///shop.db"}
controller: us
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact}
    erase: {do: blank, set: {email: null}, by: dpo, because: accounts}
  bill:
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, closed: usage}
    retention: [{promise: retention/bills, trigger: closed}]
    archive: {table: old_bill, readers: [accounts], step: put_by}
    erase: {do: retain, until: {period: 10 years, trigger: closed}, legal: a law, by: dpo, because: accounts}
  note:
    belongs_to: [{bill_id: bill.id}]
    columns: {id: key, bill_id: link, on_day: usage, body: free_text}
    erase: {do: delete, by: dpo, because: nothing is owed}
"""


def remarked(rule, schema=SCHEMA, text=MAP):
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema)
    mapped, problems = read(text, "stores/shop.yaml")
    assert problems == ()
    return [one for one in findings(mapped, read_sqlite(connection, "shop")) if one.rule == rule]


def test_rows_that_are_never_let_go_hold_back_what_they_refer_to():
    (found,) = remarked("waits")
    assert found.level == "remark"
    assert "A row of `bill` waits while rows of `note` refer to it" in found.problem.what
    assert (
        found.problem.line
        == MAP.splitlines().index("    archive: {table: old_bill, readers: [accounts], step: put_by}") + 1
    )


@pytest.mark.parametrize(
    "more",
    ["    retention: [{promise: retention/notes, trigger: on_day}]\n", "    impersonal: what\n"],
)
def test_rows_with_a_retention_of_their_own_hold_nothing_back_for_ever(more):
    if "impersonal" in more:
        text = MAP[: MAP.index("  note:")] + "  note: {impersonal: what the clerk wrote}\n"
    else:
        text = MAP.replace("    erase: {do: delete, by", f"{more}    erase: {{do: delete, by")
    assert remarked("waits", text=text) == []


def test_a_number_that_is_given_again_is_told_unless_sqlite_counts_on():
    (found,) = remarked("given_again")
    assert "gives the number of its last row again" in found.problem.what
    assert "AUTOINCREMENT" in found.problem.remedy
    counted = SCHEMA.replace(
        "TABLE bill (id INTEGER PRIMARY KEY,", "TABLE bill (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    )
    assert remarked("given_again", schema=counted) == []


def test_sqlite_does_what_the_remark_says():
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO customer VALUES (1, 'a')")
    connection.execute("INSERT INTO bill (customer_id) VALUES (1)")
    (first,) = connection.execute("SELECT id FROM bill").fetchone()
    connection.execute("DELETE FROM bill")
    connection.execute("INSERT INTO bill (customer_id) VALUES (1)")
    assert connection.execute("SELECT id FROM bill").fetchone() == (first,)
