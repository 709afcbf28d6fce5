"""Sweeps on the command line: what is due, what is marked, what went."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from commanding import troth
from shop_project import opened
from troth.ledger import lease
from troth.work import hold, sweep


@pytest.fixture
def shop(folder):
    path = folder / "stores" / "news.yaml"
    path.write_text(
        path.read_text("utf-8").replace(
            "    erase:", "    retention: [{promise: retention/customers, trigger: since}]\n    erase:"
        ),
        "utf-8",
    )
    policy = folder / "policy.md"
    trigger = "    trigger: {en: your last order"
    policy.write_text(policy.read_text("utf-8").replace(trigger, f"    grace: 0 days\n{trigger}", 1), "utf-8")
    with closing(sqlite3.connect(folder / "news.db")) as connection:
        connection.execute("UPDATE subscriber SET since = '2019-01-01' WHERE email LIKE 'eve%'")
        connection.commit()
    return folder


def test_what_a_hold_is_about_is_not_said_to_be_nothing(shop):
    project = opened(shop, lambda: datetime.now(UTC))
    review = project.clock().date() + timedelta(days=90)
    hold.place(project, "A dispute", "Open.", review, "basile", what=["news"])
    said = troth(shop, "sweep", "mark", "--staff", "marie")
    assert "news.subscriber.customers: the legal hold h" in said.err
    assert "Nothing else is due that is not marked already." in said.out


def test_from_counting_to_going(shop):
    said = troth(shop, "sweep")
    assert (said.code, "to be marked" in said.out) == (1, True), said.err
    assert "eve@" not in said.out
    marked = troth(shop, "sweep", "mark", "--staff", "marie")
    assert "1 row is marked (1 delete in subscriber)" in marked.out
    assert troth(shop, "sweep").code == 0
    assert "nothing to do" not in marked.out
    project = opened(shop, lambda: datetime.now(UTC))
    stream = sweep.named(project, "news.subscriber.customers").stream
    taken = lease.claim(project.ledger, stream, 300.0)
    waits = troth(shop, "sweep", "act", "--staff", "marie")
    assert (waits.code, waits.out) == (1, "")
    assert "news.subscriber.customers: another worker has it in hand" in waits.err
    lease.release(project.ledger, taken)
    done = json.loads(troth(shop, "sweep", "act", "--staff", "marie", "--json").out)
    assert [(one["sweep"], one["rows"], one["held"]) for one in done["done"]] == [
        ("news.subscriber.customers", 1, 0)
    ]
    with closing(sqlite3.connect(shop / "news.db")) as connection:
        assert connection.execute("SELECT email FROM subscriber").fetchall() == [("ada@example.org",)]
    assert "No marked sweep has its grace over today." in troth(shop, "sweep", "act", "--staff", "m").out
    assert "Nothing is due" in troth(shop, "sweep", "mark", "--staff", "m").out
    listed = json.loads(troth(shop, "sweep", "look", "--json").out)
    assert [(one["rows"], one["state"], one["why_not"]) for one in listed] == [(0, "idle", None)]


def test_a_mark_is_taken_back(shop):
    troth(shop, "sweep", "mark", "--staff", "marie")
    name = "news.subscriber.customers"
    said = troth(shop, "sweep", "stop", name, "--reason", "not yet", "--staff", "paul")
    assert (said.code, "is stopped; 0 rows had gone" in said.out) == (0, True), said.err
    again = troth(shop, "sweep", "stop", name, "--reason", "not yet", "--staff", "paul")
    assert (again.code, "nothing to stop" in again.err) == (2, True)
    assert troth(shop, "sweep", "look", "moon").code == 2


def test_without_a_bound_table_it_says_how_to_bind_one(folder):
    said = troth(folder, "sweep")
    assert (said.code, "Write `retention:` on its tables." in said.out) == (0, True)
