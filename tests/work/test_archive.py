"""Rows that a law keeps are archived, not merely left: moved, found by an access answer, and brought back if wrong."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import zipfile
from contextlib import closing
from datetime import date
from io import BytesIO

import pytest

import story
from shop_project import opened, with_archived_orders
from troth.errors import NotAllowedError, NotFoundError, TrothError
from troth.ledger import lease, read
from troth.ledger.rebuild import rebuild
from troth.work import hold, sweep, unarchive
from troth.work.audit import audit
from troth.work.sweep import Done, Marked

NAME = "shop.orders.orders"
ARCHIVE = "shop.archived_orders.orders"


@pytest.fixture
def shop(folder, clock):
    """A shop with an archive of its orders: two of January 2026, six of 2020, one of 2014."""
    with_archived_orders(folder)
    return opened(folder, clock)


def there(folder, table="orders"):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        return [row[0] for row in connection.execute(f"SELECT id FROM {table} ORDER BY id")]


def judged(project):
    return next(one for one in audit(project, record=False) if one.promise.endswith("retention/orders"))


def archived(project, **more):
    (one,) = [one for one in sweep.mark(project, [NAME], staff="marie") if isinstance(one, Marked)]
    done = list(sweep.act(project, [NAME], **more))
    return one, done


def test_rows_leave_daily_use_and_then_the_archive(shop, folder, clock):
    found = {one.bound.name: one for one in sweep.look(shop, ["shop"])}
    assert (found[NAME].overdue.rows, found[NAME].before, found[ARCHIVE].overdue.rows) == (
        7,
        date(2025, 11, 24),
        0,
    )
    assert judged(shop).broken_by[0] == (
        f"shop.orders: 7 rows to be archived, the oldest of 2014-01-01: troth sweep mark {NAME}"
    )
    marked, (done,) = archived(shop, batch_rows=4)
    assert [(count.table, count.verb, count.rows) for count in marked.counts] == [("orders", "archive", 7)]
    assert isinstance(done, Done)
    assert (done.rows, done.held, there(folder)) == (7, 0, [1, 2])
    assert there(folder, "archived_orders") == [9, 10, 11, 12, 13, 14, 15]
    before = read.state(shop.ledger, f"sweep/{NAME}").body
    rebuild(shop.ledger)
    assert read.state(shop.ledger, f"sweep/{NAME}").body == before
    # what has outlived both goes from the archive, and only that
    (marked,) = [one for one in sweep.mark(shop, [ARCHIVE], staff="marie") if isinstance(one, Marked)]
    assert [done.rows for done in sweep.act(shop, [ARCHIVE])] == [1]
    assert there(folder, "archived_orders") == [10, 11, 12, 13, 14, 15]
    # SQLite has no roles, so nobody can show that few people read it
    assert (judged(shop).word, judged(shop).figure) == (
        "unproven", "shop.archived_orders: the store does not tell who can read this archive"
    )  # fmt: skip


def test_an_access_answer_still_has_them_and_says_until_when(shop, folder):
    archived(shop)
    number = story.ask(shop, "access", email="ada@example.org")
    with zipfile.ZipFile(BytesIO(story.grant_access(shop, number))) as answer:
        rows = json.loads(answer.read("data/shop/archived_orders.json"))
        page = answer.read("index.html").decode()
    assert [(row["id"], row["archived_until"]) for row in rows] == [(n, "2030-03-01") for n in range(10, 16)]
    said = page.split("Archived until")[1].split("<")[0]
    assert (
        " ".join(said.split())
        == "1 March 2030 at the latest, because of C. com. L123-22: kept apart, for few people, and no longer used."
    )


def test_an_erasure_archives_what_it_retains_and_the_letter_says_until_when(shop, folder):
    number = story.ask(shop, "erase", email="ada@example.org")
    story.grant_erasure(shop, number)
    from troth.work import carry_on

    carry_on.carry_on(shop, number)
    assert (there(folder), there(folder, "archived_orders")) == ([2, 9], [1, 10, 11, 12, 13, 14, 15])
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        assert connection.execute("SELECT DISTINCT note FROM archived_orders").fetchall() == [(None,)]
    told = story.state(shop, number)["claims"]["c1"]["stores"]["shop"]
    assert told["grade"] == "archived"


def test_who_asks_meanwhile_is_passed_by_and_a_hold_stops_it(shop, folder):
    story.ask(shop, "access", email="ada@example.org")
    _, (done,) = archived(shop)
    assert (done.rows, there(folder, "archived_orders")) == (1, [9])
    hold.place(shop, "Tribunal", "our defence", date(2027, 3, 1), "marie", what=["shop.orders"])
    found = {one.bound.name: one.why_not for one in sweep.look(shop, ["shop"])}
    assert "the legal hold" in found[NAME]
    assert "the legal hold" in found[ARCHIVE]


def test_what_was_archived_wrongly_comes_back(shop, folder):
    with pytest.raises(NotFoundError, match="no run"):
        unarchive.count(shop, NAME)
    marked, _ = archived(shop, batch_rows=3)
    assert unarchive.count(shop, NAME).left == 7
    with pytest.raises(NotAllowedError, match="Say why"):
        unarchive.unarchive(shop, NAME, " ", "marie")
    one = unarchive.unarchive(shop, NAME, "the wrong day", "marie", keys=["12"])
    assert (one.run, one.rows, one.left, there(folder)) == (marked.run, 1, 6, [1, 2, 12])
    every = unarchive.unarchive(shop, NAME, "the wrong days", "marie")
    assert (every.rows, every.left, there(folder, "archived_orders")) == (6, 0, [])
    assert len(there(folder)) == 9
    assert read.state(shop.ledger, f"sweep/{NAME}").body["returned"]["rows"] == 6
    with pytest.raises(NotAllowedError, match="archives nothing"):
        unarchive.unarchive(shop, ARCHIVE, "why", "marie")


@pytest.mark.parametrize(("boundary", "moved"), [("batch 1", 3), ("batch 2", 6)])
def test_a_batch_that_moved_and_was_never_recorded_comes_back_once_its_run_is_stopped(
    shop, folder, clock, boundary, moved
):
    sweep.mark(shop, [NAME], staff="marie")
    _killed(lambda stop: list(sweep.act(opened(folder, clock), [NAME], batch_rows=3, stop_at=stop)), boundary)
    again = _after(folder, clock)
    with pytest.raises(NotAllowedError, match="under way"):
        unarchive.unarchive(again, NAME, "why", "m")
    assert len(there(folder)) == 9 - moved
    sweep.stop(again, NAME, "the wrong day", "m")
    assert unarchive.count(again, NAME).left == moved
    assert (unarchive.unarchive(again, NAME, "why", "m").rows, len(there(folder))) == (moved, 9)


def test_while_a_worker_has_a_batch_in_hand_nothing_comes_back(shop, folder):
    archived(shop)
    assert lease.claim(shop.ledger, f"sweep/{NAME}", 60.0) is not None
    with pytest.raises(NotAllowedError, match="in hand"):
        unarchive.unarchive(shop, NAME, "why", "m")
    assert there(folder) == [1, 2]


def test_killed_and_said_again_with_another_key_it_brings_back_that_row_too(shop, folder, clock):
    archived(shop)

    def twelve(stop):
        unarchive.unarchive(opened(folder, clock), NAME, "why", "m", keys=["12"], stop_at=stop)

    _killed(twelve, "batch 1")
    assert there(folder) == [1, 2, 12]
    assert unarchive.unarchive(_after(folder, clock), NAME, "why", "m", keys=["13"]).rows == 1
    assert there(folder) == [1, 2, 12, 13]


@pytest.mark.parametrize("boundary", ["batch 1", "batch 1 recorded", "batch 3"])
def test_killed_at_any_boundary_every_row_is_in_one_of_the_two(shop, folder, clock, boundary):
    sweep.mark(shop, [NAME], staff="marie")
    _killed(lambda stop: list(sweep.act(opened(folder, clock), [NAME], batch_rows=3, stop_at=stop)), boundary)
    both = [*there(folder), *there(folder, "archived_orders")]
    assert sorted(both) == [1, 2, 9, 10, 11, 12, 13, 14, 15]
    again = _after(folder, clock)
    done = [one for one in sweep.act(again, batch_rows=3) if not isinstance(one, TrothError)]
    assert [(one.rows, one.held) for one in done] == [(7, 0)]
    # and the way back, killed after its first batch
    _killed(
        lambda stop: unarchive.unarchive(opened(folder, clock), NAME, "why", "m", stop_at=stop), "batch 1"
    )
    assert unarchive.unarchive(_after(folder, clock), NAME, "why", "m").rows == 7
    assert there(folder) == [1, 2, 9, 10, 11, 12, 13, 14, 15]


def test_a_policy_that_archives_where_the_map_has_no_archive_is_not_taken_for_kept(shop, folder, clock):
    path = folder / "stores" / "shop.yaml"
    written = path.read_text("utf-8")
    path.write_text(
        written.replace("    archive: {table: archived_orders, readers: [accounts], step: put_by}", ""),
        "utf-8",
    )
    path.write_text(path.read_text("utf-8") + "  archived_orders: {impersonal: not used yet}\n", "utf-8")
    project = opened(folder, clock)
    for one in sweep.mark(project, [NAME], staff="marie"):
        assert isinstance(one, Marked)
    list(sweep.act(project, [NAME]))
    sweep.look(project, [NAME])
    assert judged(project).word == "unproven"
    assert "the map names no `archive`" in judged(project).figure


def _killed(work, boundary):
    child = os.fork()
    if child == 0:

        def passed(name):
            if name == boundary:
                os.kill(os.getpid(), signal.SIGKILL)

        work(passed)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


def _after(folder, clock):
    """Open the project once the dead one's lease has run out."""
    from sqlalchemy import text

    again = opened(folder, clock)
    with again.ledger.writing() as connection:
        connection.execute(text("UPDATE leases SET until = 0"))
    return again
