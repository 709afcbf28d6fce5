"""What has outlived its retention goes once it was marked and its grace is over, and whoever is killed is followed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest

import story
from killed_sweep import after, killed
from shop_project import opened, with_old_messages
from troth.errors import ConflictError, NotAllowedError, NotFoundError, TrothError
from troth.law.period import Period
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.policy.promise import Archive, RetentionRule
from troth.policy.shape import Text
from troth.rules import sweep as rules
from troth.rules.sweep import first_kept
from troth.work import carry_on, hold, mark, sweep
from troth.work.audit import audit
from troth.work.remind import remind
from troth.work.sweep import Done, Marked

NAME = "shop.message.customers"


@pytest.fixture
def shop(folder, clock):
    """A shop of which ten messages are six years old and two are new, bound to a promise of three years."""
    with_old_messages(folder)
    return opened(folder, clock)


def there(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM message ORDER BY id")]


def state(project):
    return read.state(project.ledger, f"sweep/{NAME}").body


def told(project):
    found = {one.promise: one for one in audit(project, record=False)}
    return next(one for name, one in found.items() if name.endswith("retention/customers"))


def marked(project, **more):
    (one,) = [one for one in sweep.mark(project, [NAME], staff="marie", **more) if isinstance(one, Marked)]
    return one


def test_it_is_counted_marked_waited_for_and_only_then_gone(shop, folder, clock):
    assert told(shop).word == "unproven"
    (found,) = sweep.look(shop, [NAME])
    assert (found.overdue.rows, found.overdue.oldest, found.before) == (
        10,
        date(2020, 1, 1),
        date(2023, 11, 24),
    )
    assert (told(shop).word, told(shop).broken_by) == (
        "broken", (f"shop.message: 10 rows, the oldest of 2020-01-01: troth sweep mark {NAME}",)
    )  # fmt: skip
    one = marked(shop)
    assert (one.rows, one.grace_ends) == (10, date(2026, 11, 30))
    assert told(shop).word == "kept"
    clock.forward(days=6)
    assert list(sweep.act(shop)) == []
    assert len(there(folder)) == 12
    clock.forward(days=1)
    (done,) = sweep.act(shop)
    assert isinstance(done, Done)
    assert (done.rows, done.held) == (10, 0)
    assert there(folder) == [1, 2]
    assert told(shop).figure == "nothing overdue in 1 table; 10 rows went with the last sweep"
    assert list(sweep.act(shop)) == []
    before = state(shop)
    rebuild(shop.ledger)
    assert state(shop) == before


def test_the_worker_acts_by_itself_on_what_was_marked(shop, folder, clock):
    marked(shop)
    clock.forward(days=8)
    carry_on.one_round(shop)
    assert there(folder) == [1, 2]


def test_nothing_goes_that_was_not_due_when_it_was_marked(shop, folder, clock):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("INSERT INTO message (id, customer_id, sent) VALUES (30, 2, '2023-11-25')")
        connection.commit()
    marked(shop)
    clock.forward(days=8)  # by now the one of 25 November is due too
    list(sweep.act(shop))
    assert there(folder) == [1, 2, 30]


def test_rows_that_came_since_are_not_taken_beyond_what_was_marked(shop, folder, clock):
    marked(shop)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        rows = [(number, 2, "2019-01-01") for number in range(100, 120)]
        connection.executemany("INSERT INTO message (id, customer_id, sent) VALUES (?, ?, ?)", rows)
        connection.commit()
    clock.forward(days=8)
    (done,) = sweep.act(shop)
    assert (done.rows, done.held) == (10, 0)
    assert len(there(folder)) == 22
    assert (told(shop).word, told(shop).broken_by[0].split(",")[0]) == ("broken", "shop.message: 20 rows")


def test_somebody_stops_a_run_that_is_under_way_and_no_count_is_lost(shop, folder, clock):
    marked(shop)
    clock.forward(days=8)

    def passed(name):
        if name == "batch 2":
            sweep.stop(opened(folder, clock), NAME, "not now", "paul")

    (error,) = sweep.act(shop, batch_rows=3, stop_at=passed)
    assert isinstance(error, NotAllowedError)
    assert "was stopped" in str(error)
    assert len(there(folder)) == 6
    assert (state(shop)["status"], state(shop)["swept"]) == ("stopped", 6)


def test_a_hold_that_comes_up_stops_a_run_before_its_next_batch(shop, folder, clock):
    marked(shop)
    clock.forward(days=8)

    def passed(name):
        if name == "batch 1 recorded":
            other = opened(folder, clock)
            hold.place(other, "Tribunal", "our defence", date(2027, 3, 1), "marie", what=["shop.message"])

    (error,) = sweep.act(shop, batch_rows=3, stop_at=passed)
    assert isinstance(error, NotAllowedError)
    assert (len(there(folder)), state(shop)["status"]) == (9, "acting")


def test_what_is_marked_and_does_not_go_breaks_the_promise_in_the_end(shop, clock):
    marked(shop)
    clock.forward(days=14)
    sweep.look(shop, [NAME])
    assert told(shop).word == "kept"
    clock.forward(days=1)
    assert told(shop).broken_by == ("shop.message: 10 rows are marked since 2026-11-23 and have not gone",)


def test_who_asks_for_their_data_keeps_it_until_the_answer(shop, folder, clock):
    story.ask(shop, "access", email="bob@example.org")
    assert sweep.look(shop, [NAME])[0].overdue.rows == 0
    assert [one for one in sweep.mark(shop, [NAME], staff="marie") if isinstance(one, Marked)] == []
    assert len(there(folder)) == 12


def test_what_an_authority_or_a_court_looks_at_stays_until_that_is_over(shop, folder, clock):
    number = story.ask(shop, "erase", email="bob@example.org")
    assert sweep.look(shop, [NAME])[0].overdue.rows == 10
    mark.mark(shop, number, "sa_complaint", "marie", note="CNIL 26-17")
    assert sweep.look(shop, [NAME])[0].overdue.rows == 0
    mark.mark(shop, number, "sa_complaint", "marie", note="closed", over=True)
    assert sweep.look(shop, [NAME])[0].overdue.rows == 10


def test_a_store_is_no_sweep_to_be_stopped(shop):
    marked(shop)
    with pytest.raises(NotFoundError, match="There is no sweep 'shop'"):
        sweep.stop(shop, "shop", "why", "paul")


def test_a_request_that_comes_during_the_grace_is_minded_too(shop, folder, clock):
    marked(shop)
    story.ask(shop, "access", email="bob@example.org")
    clock.forward(days=8)
    (done,) = sweep.act(shop)
    assert (done.rows, len(there(folder))) == (0, 12)


def test_a_hold_stops_it_and_what_is_marked_waits(shop, folder, clock):
    marked(shop)
    hold.place(shop, "Tribunal 26/0417", "our defence", date(2027, 3, 1), "marie", what=["shop.message"])
    clock.forward(days=8)
    (error,) = sweep.act(shop)
    assert isinstance(error, NotAllowedError)
    assert "the legal hold" in str(error)
    assert len(there(folder)) == 12
    assert "the legal hold" in sweep.look(shop, [NAME])[0].why_not


def test_somebody_stops_it_and_may_mark_it_again(shop, folder, clock):
    marked(shop)
    after = sweep.stop(shop, NAME, "Mrs Example's campaign", "paul")
    assert after["status"] == "stopped"
    assert "Example" not in repr([dict(event.facts) for event in read.events(shop.ledger)])
    clock.forward(days=8)
    assert list(sweep.act(shop)) == []
    with pytest.raises(NotAllowedError, match="nothing to stop"):
        sweep.stop(shop, NAME, "again", "paul")
    assert marked(shop).rows == 10


def test_far_more_than_the_last_time_asks_first(shop, folder, clock):
    marked(shop)
    clock.forward(days=8)
    list(sweep.act(shop))
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        rows = [(number, 2, "2020-01-01") for number in range(1000, 2001)]
        connection.executemany("INSERT INTO message (id, customer_id, sent) VALUES (?, ?, ?)", rows)
        connection.commit()
    (found,) = sweep.mark(shop, [NAME], staff="marie")
    assert found.why_not == "it would take 1001 rows, and the last took 10: look, then add --confirm"
    assert marked(shop, confirmed=True).rows == 1001


def test_the_first_one_asks_where_it_would_take_many(shop, folder, clock):
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        rows = [(number, 2, "2020-01-01") for number in range(1000, 1091)]
        connection.executemany("INSERT INTO message (id, customer_id, sent) VALUES (?, ?, ?)", rows)
    (found,) = sweep.mark(shop, [NAME], staff="marie")
    assert found.why_not == (
        "it would take 101 rows, and nothing went by this promise as it stands: look, then add --confirm"
    )
    assert read.state(shop.ledger, found.bound.stream) is None
    marked(shop, confirmed=True)
    clock.forward(days=8)
    (done,) = sweep.act(shop)
    assert done.rows == 101
    state = read.state(shop.ledger, found.bound.stream).body
    assert rules.last_rows(found.bound, sweep.version_of(found.bound), state) == 101
    assert rules.last_rows(found.bound, "another", state) is None
    assert rules.last_rows(replace(found.bound, trigger="seen"), sweep.version_of(found.bound), state) is None


def test_another_table_that_would_change_stops_it(shop, folder, clock):
    marked(shop)
    with_replies(folder)
    clock.forward(days=8)
    again = opened(folder, clock)
    (error,) = sweep.act(again)
    assert isinstance(error, ConflictError)
    assert "now changes rows of `reply` too" in str(error)
    assert (len(there(folder)), state(again)["status"]) == (12, "stopped")


def test_the_officer_reads_of_what_is_marked(shop, folder, clock, letters):
    marked(shop)
    clock.forward(days=1)
    assert remind(shop)
    (said,) = [body for to, subject, body in letters() if "press" in subject]
    assert "10 rows of shop.message have outlived" in said


def test_a_promise_that_was_changed_since_it_was_marked_is_not_carried_out(shop, folder, clock):
    marked(shop)
    policy = folder / "policy.md"
    before, found, after = policy.read_text("utf-8").partition("  customers:")
    assert found
    assert "3 years" in after
    policy.write_text(before + found + after.replace("3 years", "10 years", 1), "utf-8")
    clock.forward(days=8)
    again = opened(folder, clock)
    (error,) = sweep.act(again, [NAME])
    assert isinstance(error, NotAllowedError)
    assert "says something else than when it was marked" in str(error)
    assert (len(there(folder)), state(again)["status"], state(again)["reason"]) == (
        12, "stopped", "promise_changed",
    )  # fmt: skip
    assert sweep.look(again, [NAME])[0].overdue.rows == 0


def test_a_hold_on_what_goes_along_stops_it_too(shop, folder, clock):
    with_replies(folder)
    again = opened(folder, clock)
    assert {count.table for count in marked(again).counts} == {"message", "reply"}
    clock.forward(days=8)
    name = hold.place(again, "a matter", "our defence", date(2027, 3, 1), "marie", what=["order"]).state[
        "name"
    ]
    (error,) = sweep.act(again, [NAME])
    assert isinstance(error, NotAllowedError)
    assert f"the legal hold {name} is about it or what goes with it" in str(error)
    assert len(there(folder)) == 12
    sweep.stop(again, NAME, "a hold", "paul")
    (found,) = sweep.mark(again, [NAME], staff="marie")
    assert found.why_not == f"the legal hold {name} is about what goes with it"
    hold.end(again, name, "over", "paul")
    assert marked(again).rows == 10


def with_replies(folder):
    """Let a reply, of another category, belong to a message that is due."""
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("CREATE TABLE reply (id integer PRIMARY KEY, message_id integer, author text)")
        connection.execute("INSERT INTO reply VALUES (1, 10, 'Carl')")
        connection.commit()
    path = folder / "stores" / "shop.yaml"
    path.write_text(path.read_text("utf-8") + """  reply:
    belongs_to: [{message_id: message.id}]
    columns: {id: key, message_id: link, author: order}
    erase: {do: delete, by: dpo, because: a test}
""", "utf-8")  # fmt: skip


@pytest.mark.parametrize(
    "boundary", ["batch 1", "batch 1 recorded", "batch 2", "batch 3 recorded", "batch 4"]
)
def test_killed_at_any_boundary_it_takes_no_row_twice_and_loses_no_count(shop, folder, clock, boundary):
    marked(shop)
    clock.forward(days=8)
    killed(folder, clock, boundary)
    gone = 12 - len(there(folder))
    assert 0 < gone <= 10
    again = after(folder, clock)
    done = [one for one in sweep.act(again, batch_rows=3) if not isinstance(one, TrothError)]
    assert [(one.rows, one.held) for one in done] == [(10, 0)]
    assert there(folder) == [1, 2]


def test_killed_once_everything_is_gone_it_takes_nothing_that_came_since(shop, folder, clock):
    marked(shop)
    clock.forward(days=8)
    killed(folder, clock, "batch 4 recorded")
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("INSERT INTO message (id, customer_id, sent) VALUES (50, 2, '2019-01-01')")
        connection.commit()
    (done,) = sweep.act(after(folder, clock), batch_rows=3)
    assert (done.rows, there(folder)) == (10, [1, 2, 50])


def test_names_that_are_none_and_promises_that_cannot_be_counted_are_told(shop, folder):
    with pytest.raises(NotFoundError, match="There is no sweep 'moon'"):
        sweep.look(shop, ["moon"])
    path = folder / "stores" / "shop.yaml"
    path.write_text(path.read_text("utf-8").replace("retention/customers", "retention/prospects"), "utf-8")
    policy = folder / "policy.md"
    assert "  prospects:" in policy.read_text("utf-8")


@pytest.mark.parametrize(
    ("archive", "today", "kept"),
    [
        (None, date(2027, 2, 28), date(2024, 3, 1)),
        (None, date(2027, 2, 27), date(2024, 2, 28)),
        (Period(5, "years"), date(2032, 2, 28), date(2024, 3, 1)),
    ],
    ids=["leap day clamps", "the day before", "the archive begins at the end"],
)
def test_what_is_due_is_counted_to_the_day(archive, today, kept):
    rule = RetentionRule(
        id="r", clause="8", file="policy.md", line=1, key="r", period=Period(3, "years"),
        trigger=Text((("en", "last contact"),)),
        archive=Archive(period=archive, legal=Text((("en", "a law"),))) if archive else None,
    )  # fmt: skip
    assert first_kept(rule, today) == kept
