"""What triggers and cascades do beside a sweep is measured, shown at marking, and stops it where it is more."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from commanding import troth
from shop_project import opened, with_old_messages
from troth.errors import ConflictError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.stores.contract import SideEffect
from troth.work import sweep

NAME = "shop.message.customers"
TRAIL = """CREATE TRIGGER trail AFTER DELETE ON message BEGIN
  INSERT INTO log (line) VALUES ('a message went'); END"""
TWICE = TRAIL.replace("TRIGGER trail", "TRIGGER again")
NOTES = """CREATE TRIGGER notes AFTER DELETE ON message BEGIN
  UPDATE orders SET note = NULL WHERE customer_id = old.customer_id; END"""


def run(folder, *statements):
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def count(folder, table):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.fixture
def shop(folder, clock):
    """Ten messages that have outlived their retention, and a trigger that writes a line for each that goes."""
    with_old_messages(folder)
    run(folder, TRAIL)
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def test_what_was_measured_beside_it_is_shown_and_may_happen(shop, folder, clock):
    (marked,) = sweep.mark(shop, [NAME], staff="marie")
    assert marked.side_effects == (SideEffect("log", "insert", 10),)
    assert count(folder, "log") == 0
    clock.forward(days=8)
    (done,) = sweep.act(shop, batch_rows=3)
    assert (done.rows, count(folder, "log")) == (10, 10)
    state = read.state(shop.ledger, f"sweep/{NAME}").body
    assert (state["beside"], state["happened"]) == (["log:insert:10"], {"log:insert": 10})
    rebuild(shop.ledger)
    assert read.state(shop.ledger, f"sweep/{NAME}").body == state


@pytest.mark.parametrize("trigger", [NOTES, TWICE])
def test_what_was_not_measured_or_happens_more_often_stops_it(shop, folder, clock, trigger):
    sweep.mark(shop, [NAME], staff="marie")
    run(folder, trigger)
    clock.forward(days=8)
    (error,) = sweep.act(shop)
    assert isinstance(error, ConflictError)
    assert "which was not measured. Nothing of this batch was changed." in str(error)
    assert (count(folder, "message"), count(folder, "log")) == (12, 0)
    state = read.state(shop.ledger, f"sweep/{NAME}").body
    assert (state["status"], state["reason"]) == ("stopped", "other_rows")


def test_a_trigger_that_acts_in_later_batches_only_is_within_the_cap_of_the_whole_run(shop, folder, clock):
    sweep.mark(shop, [NAME], staff="marie")
    clock.forward(days=8)

    def meanwhile(at):
        if at == "batch 2 recorded":
            run(folder, TWICE, TRAIL.replace("TRIGGER trail", "TRIGGER more"))

    (error,) = sweep.act(shop, batch_rows=3, stop_at=meanwhile)
    assert isinstance(error, ConflictError)
    assert (count(folder, "message"), count(folder, "log")) == (12 - 6, 6)


def test_the_command_shows_it(shop, folder):
    shop.close()
    shop.ledger.close()
    said = troth(folder, "sweep", "mark", NAME, "--staff", "marie")
    assert "besides, by triggers or cascades: 10 insert in log" in " ".join(said.out.split())
