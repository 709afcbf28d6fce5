"""People are written to of a change by the worker, on the day that was set, once each, killed or not."""

import logging
import os
import re
import signal
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commanding import troth
from shop_project import NEWS_MAP, opened
from troth.errors import NotAllowedError
from troth.ledger import append, read
from troth.ledger.rebuild import rebuild
from troth.rules.event import Draft
from troth.work import announce_change, announce_due
from troth.work.audit import audit
from versions import SHORTER, pending, publish, write_next

ADDRESSES = ["ada@example.org", "bob@example.org", "eve@example.org"]


@pytest.fixture
def coming(folder, clock):
    """A first version, and one that takes effect on 5 January: people must know by 6 December."""
    made = pending(folder, clock, SHORTER)
    yield made
    made.close()
    made.ledger.close()


def write(project, **more):
    return announce_due.write_due(project, wait=lambda _: None, **more)


def status(project):
    found = read.state(project.ledger, "announcement/0.2.0")
    return (found.status, found.due)


def to(letters):
    return sorted(one for one, _, _ in letters())


def test_nobody_is_written_to_before_the_day_and_everybody_on_it(coming, letters, clock):
    announce_due.schedule(coming, date(2026, 11, 26), staff="marie")
    assert status(coming) == ("scheduled", "2026-11-26")
    assert (write(coming), to(letters)) == (0, [])
    clock.forward(days=3)
    assert (write(coming), to(letters)) == (3, ADDRESSES)
    assert status(coming) == ("announced", None)
    assert read.state(coming.ledger, "announcement/0.2.0").body["ways"]["email"] == "2026-11-26"
    assert (write(coming), len(letters())) == (0, 3)
    before = status(coming)
    rebuild(coming.ledger)
    assert status(coming) == before


@pytest.mark.parametrize("boundary", ["sent", "recorded"])
def test_a_worker_that_was_killed_is_followed_by_another(coming, letters, folder, clock, boundary):
    announce_due.schedule(coming, clock.now.date(), staff="marie")
    child = os.fork()
    if child == 0:
        own, times = opened(folder, clock), []

        def die(name):
            times.append(name)
            if name == boundary and len(times) > 2:
                os.kill(os.getpid(), signal.SIGKILL)

        write(own, stop_at=die, lease_seconds=0)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert len(letters()) == 2
    write(coming)
    assert sorted(set(to(letters))) == ADDRESSES
    assert len(letters()) == (4 if boundary == "sent" else 3), "at most the letter in hand goes twice"
    assert status(coming) == ("announced", None)


def test_a_server_that_is_away_is_tried_again(coming, folder, letters, caplog):
    announce_due.schedule(coming, coming.clock().date(), staff="marie")
    outbox = folder / ".troth" / "outbox"
    outbox.parent.mkdir(exist_ok=True)
    outbox.write_text("a file where the folder should be", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert write(coming) == 0
    assert status(coming)[0] == "scheduled"
    outbox.unlink()
    assert (write(coming), to(letters)) == (3, ADDRESSES)
    assert "@" not in caplog.text


def test_a_version_that_was_replaced_is_not_written_of(coming, folder, letters, clock):
    announce_due.schedule(coming, date(2026, 11, 26), staff="marie")
    write_next(folder, "0.3.0", "2026-12-30")
    again = opened(folder, clock)
    publish(again)
    clock.forward(days=3)
    assert (write(again), letters()) == (0, [])
    again.close()
    again.ledger.close()


@pytest.mark.parametrize(
    ("day", "more", "why"),
    [
        (date(2026, 11, 1), {}, "is past"),
        (date(2026, 12, 7), {}, "too late: by 2026-12-06"),
        (date(2026, 12, 1), {"per_minute": 0}, "At least one letter"),
    ],
)
def test_a_day_that_would_break_the_promise_is_refused(coming, day, more, why):
    with pytest.raises(NotAllowedError, match=why):
        announce_due.schedule(coming, day, staff="marie", **more)


def test_it_is_said_at_publishing_or_later_and_the_worker_of_a_command_writes(folder):
    here = datetime.now(ZoneInfo("Europe/Paris")).date()
    today, effective = here.isoformat(), (here + timedelta(days=60)).isoformat()
    assert troth(folder, "publish").code == 0
    write_next(folder, "0.2.0", effective, SHORTER)
    said = troth(folder, "publish", "--yes", "--announce", today)
    assert (said.code, said.err) == (0, "")
    assert f"The worker writes to people of it from {today} on." in said.out
    again = troth(folder, "policy", "announce", "--schedule", today)
    assert again.code == 0, again.err
    assert troth(folder, "policy", "announce", "--by", "post", "--schedule", today).code == 2
    assert troth(folder, "worker", "--once").code == 0
    assert len(list((folder / ".troth" / "outbox").glob("*.eml"))) == 3
    announced = troth(folder, "policy", "announced")
    assert announced.code == 0
    waits = re.findall(r"version 0\.2\.0: not announced by \w+", announced.out)
    assert len(waits) == len(set(waits)) == 1


def test_the_audit_counts_it_as_announced(coming, clock):
    announce_due.schedule(coming, clock.now.date(), staff="marie")
    write(coming)
    change = next(one for one in audit(coming, record=False) if one.promise == "10/change")
    assert "not announced by email" not in " ".join(change.broken_by)


def test_what_was_announced_is_not_scheduled_again(coming, clock):
    announce_change.write_to_all(coming, wait=lambda _: None)
    with pytest.raises(NotAllowedError, match=r"Everybody was written to of version 0\.2\.0"):
        announce_due.schedule(coming, clock.now.date(), staff="marie")


def test_a_version_alike_that_was_announced_ends_the_schedule(coming, folder, letters, clock):
    write_next(folder, "0.3.0", "2027-01-05")
    again = opened(folder, clock)
    with closing(again):
        publish(again)
        announce_due.schedule(again, clock.now.date(), staff="marie", version="0.3.0")
        announce_change.write_to_all(again, "0.2.0", wait=lambda _: None)
        assert (write(again), len(letters())) == (0, 3)
        found = read.state(again.ledger, "announcement/0.3.0")
        assert (found.status, found.due) == ("ended", None)
        rebuild(again.ledger)
        assert read.state(again.ledger, "announcement/0.3.0") == found
        again.ledger.close()


def test_where_there_is_nobody_to_write_to_it_ends_and_is_not_called_announced(
    coming, folder, letters, clock
):
    announce_due.schedule(coming, clock.now.date(), staff="marie")
    for name, table in (("shop", "customer"), ("news", "subscriber")):
        with closing(sqlite3.connect(folder / f"{name}.db")) as rows, rows:
            rows.execute(f"UPDATE {table} SET email = 'none ' || rowid")
    assert (write(coming), letters()) == (0, [])
    assert status(coming) == ("ended", None)
    assert read.state(coming.ledger, "announcement/0.2.0").body["ways"] == {}
    announce_due.schedule(coming, clock.now.date(), staff="marie")
    assert status(coming)[0] == "scheduled", "it can be said anew"


def test_what_could_not_be_ended_is_tried_ever_later(coming, folder, letters, clock):
    announce_due.schedule(coming, clock.now.date(), staff="marie")
    outbox, waits = folder / ".troth" / "outbox", announce_due.Waits()
    outbox.parent.mkdir(exist_ok=True)
    outbox.write_text("a file where the folder should be", encoding="utf-8")

    def tried():
        write(coming, waits=waits)
        return read.state(coming.ledger, "announcement/0.2.0").body["letters"]["failed"]

    assert (tried(), tried()) == (3, 3), "not at once"
    clock.forward(minutes=2)
    assert (tried(), tried()) == (6, 6)
    clock.forward(minutes=2)
    assert tried() == 6, "twice as long the second time"
    outbox.unlink()
    clock.forward(minutes=2)
    assert (write(coming, waits=waits), to(letters)) == (3, ADDRESSES)
    assert status(coming)[0] == "announced"


def test_a_store_that_was_mapped_since_is_written_to_and_one_that_went_holds_nobody_up(
    coming, folder, letters, clock
):
    assert set(coming.maps) == {"shop", "news"}, "the worker has read them"
    (folder / "stores" / "late.yaml").write_text(
        NEWS_MAP.replace("store: news", "store: late").replace("news.db", "late.db"), "utf-8"
    )
    with closing(sqlite3.connect(folder / "late.db")) as rows, rows:
        rows.execute("CREATE TABLE subscriber (email text PRIMARY KEY, since date)")
        rows.execute("INSERT INTO subscriber VALUES ('zoe@example.org', '2026-01-01')")
    draft = announce_due.schedule(coming, clock.now.date(), staff="marie")
    told = {**draft.facts, "left_out": ["gone", "news"]}  # stores that could not be read on that day
    append.append(coming.ledger, [Draft(draft.kind, draft.stream, told, actor="marie", policy="0.2.0")])
    assert (write(coming), to(letters)) == (4, [*ADDRESSES, "zoe@example.org"])
    assert status(coming)[0] == "announced"
