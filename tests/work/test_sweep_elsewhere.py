"""Rows of a lake and behind an interface go by the same promise, in one batch, and what cannot be swept is said."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from api_server import api_server
from commanding import troth
from killed_sweep import after, killed
from shop_project import opened, with_another_company, with_old_messages
from troth.errors import NotAllowedError, UnreachableError
from troth.ledger import read
from troth.work import hold, sweep, tell_owners
from troth.work.audit import audit
from troth.work.sweep import Done, Found, Marked

NAME = "visits.visit.customers"
LAKE = """
store: visits
kind: lake
credentials: {{find: "lake://{root}", change: "lake://{root}"}}
controller: main-entity
backups_expire: 35 days
tables:
  visit:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact, came: usage}}
    retention: [{{promise: retention/customers, trigger: came}}]
    erase: {{do: delete, by: dpo, because: no longer needed}}
"""
API = """
store: tickets
kind: http
credentials: {find: "http://127.0.0.1:9", change: "http://127.0.0.1:9"}
controller: main-entity
http: {hosts: ["127.0.0.1:9"]}
tables:
  ticket:
    http:
      key: id
      look_up: {email: "GET /ticket?email={email}"}
      rows: rows
      erase: "DELETE /ticket/{id}"
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, closed: usage}
    retention: [{promise: retention/customers, trigger: closed}]
    erase: {do: delete, by: dpo, because: no longer needed}
"""


@pytest.fixture
def lake(folder):
    """Two files of visits, of which all but two are six years old."""
    root = folder / "lake" / "visit"
    root.mkdir(parents=True)
    for part, numbers in enumerate((range(100), range(100, 130))):
        rows = [
            {"id": n, "email": "ada@example.org" if n == 5 else f"v{n}@example.org",
             "came": "2026-01-01" if n >= 128 else f"2020-01-{n % 28 + 1:02}"}
            for n in numbers
        ]  # fmt: skip
        (root / f"part-{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "stores" / "visits.yaml").write_text(LAKE.format(root=folder / "lake"), "utf-8")
    return root


def left(root):
    return [json.loads(line)["id"] for path in sorted(root.glob("*.jsonl")) for line in path.open()]


def verdict(project):
    return next(one for one in audit(project, record=False) if one.promise.endswith("retention/customers"))


def test_a_lake_is_counted_marked_and_swept_in_one_batch_past_whom_a_hold_is_about(folder, clock, lake):
    project = opened(folder, clock)
    (found,) = sweep.look(project, [NAME])
    assert (found.overdue.rows, found.why_not) == (128, "")
    (asked,) = sweep.mark(project, [NAME], staff="marie")
    assert "it would take 128 rows" in asked.why_not
    sweep.mark(project, [NAME], staff="marie", confirmed=True)
    review = clock().date() + timedelta(days=90)
    hold.place(project, "A dispute", "Open.", review, "basile", about=[("email", "ada@example.org")])
    clock.forward(days=8)
    (done,) = sweep.act(project, batch_rows=10)
    assert isinstance(done, Done)
    assert (done.rows, left(lake)) == (127, [5, 128, 129])
    acting = [
        one for one in read.events(project.ledger, kind="sweep_moved") if one.facts["state"] == "acting"
    ]
    assert [one.facts["rows"] for one in acting] == [127], "each file was written once"
    (found,) = sweep.look(project, [NAME])
    assert found.overdue.rows == 0


def test_a_step_that_its_lake_remembers_and_the_ledger_does_not_is_recorded_first(folder, clock, lake):
    class Killed(BaseException):
        pass

    def passed(name):
        if name == "batch 1":
            raise Killed

    project = opened(folder, clock)
    sweep.mark(project, [NAME], staff="marie", confirmed=True)
    clock.forward(days=8)
    with pytest.raises(Killed):
        list(sweep.act(project, stop_at=passed))
    assert left(lake) == [128, 129]
    (done,) = sweep.act(project)
    assert (done.rows, left(lake)) == (128, [128, 129])


def test_a_store_that_companies_share_has_the_day_of_whose_midnight_comes_last(folder, clock, lake):
    path = folder / "policy.md"
    with_another_company(folder)
    path.write_text(path.read_text("utf-8").replace("name: Other SARL, country: FR", "name: Other SARL, country: FR, "
                    "timezone: Pacific/Honolulu"), "utf-8")  # fmt: skip
    visits = folder / "stores" / "visits.yaml"
    written = visits.read_text("utf-8")

    def due(controller):
        visits.write_text(written.replace("controller: main-entity", f"controller: {controller}"), "utf-8")
        project = opened(folder, clock)
        clock.now = datetime(
            2026, 11, 24, 6, tzinfo=UTC
        )  # seven in Paris, and the day before at eight in Honolulu
        return sweep.today_of(project, sweep.named(project, NAME)).day

    assert due("main-entity") == 24
    assert due("other-company") == 23
    assert due("{column: email, ours: [main-entity, other-company]}") == 23
    assert due("{column: email, ours: [main-entity]}") == 24
    assert due("{column: email, ours: [7]}") == 23


@pytest.mark.parametrize("joined", [False, True])
def test_rows_of_a_store_that_companies_share_go_by_the_day_of_their_own(folder, clock, joined):
    with_another_company(folder)
    path = folder / "policy.md"
    path.write_text(path.read_text("utf-8").replace("name: Other SARL, country: FR", "name: Other SARL, country: FR, "
                    "timezone: Pacific/Honolulu"), "utf-8")  # fmt: skip
    with_old_messages(folder)
    shop = folder / "stores" / "shop.yaml"
    ours = "of: tenant.id, name: slug, ours" if joined else "ours"
    company = f"controller: {{column: company, {ours}: [main-entity, other-company]}}"
    written = shop.read_text("utf-8").replace("controller: main-entity", company)
    written = written.replace("sent: usage}", "sent: usage, company: link}")
    tenant = "  tenant: {impersonal: the companies of the group}\n" if joined else ""
    shop.write_text(written.replace("tables:\n", "tables:\n" + tenant), "utf-8")
    names = ("main-entity", "other-company", "", None)
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE tenant (id integer PRIMARY KEY, slug text)")
        connection.executemany("INSERT INTO tenant VALUES (?, ?)", enumerate(names[:3]))
        connection.execute("ALTER TABLE message ADD company text")
        connection.execute("DELETE FROM message WHERE sent < '2026-01-01'")
        for number, name in enumerate(names, 30):
            there = number - 30 if joined and name is not None else name
            for at, sent in enumerate(("2023-11-23", "2023-11-24", "2023-11-25")):
                row = (number * 10 + at, sent, there)
                connection.execute(
                    "INSERT INTO message (id, customer_id, sent, company) VALUES (?, 2, ?, ?)", row
                )
    clock.now = datetime(2026, 11, 24, 6, tzinfo=UTC)  # in Honolulu it is the day before
    project = opened(folder, clock)
    (found,) = sweep.look(project, ["shop.message.customers"])
    (marked,) = sweep.mark(project, ["shop.message.customers"], staff="marie")
    clock.forward(days=9)
    (done,) = sweep.act(project)
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        left = [one for (one,) in connection.execute("SELECT id FROM message WHERE id >= 300 ORDER BY id")]
    assert left == [302, 311, 312, 321, 322, 331, 332], "whose row names nobody waits for the last midnight"
    assert (found.overdue.rows, marked.rows, done.rows) == (5, 5, 5)


def test_a_store_that_is_away_holds_up_the_counting_of_no_other(folder, clock, lake):
    away = LAKE.format(root=folder / "nowhere").replace("store: visits", "store: away")
    (folder / "stores" / "away.yaml").write_text(away, "utf-8")
    project = opened(folder, clock)
    found = {one.bound.store: one for one in sweep.look(project)}
    assert found["visits"].overdue.rows == 128
    assert found["away"].uncounted
    assert "away" in found["away"].why_not
    assert [one.facts["store"] for one in read.events(project.ledger, kind="sweep_moved")] == ["visits"]
    said = troth(folder, "sweep")
    assert said.code == 1
    marked = troth(folder, "sweep", "mark", "--confirm", "--staff", "marie")
    assert (marked.code, "128 rows are marked" in marked.out) == (1, True)
    assert "away.visit.customers: " in marked.err


def test_rows_that_cannot_be_listed_are_unproven_with_the_remedy(folder, clock):
    (folder / "stores" / "tickets.yaml").write_text(API, "utf-8")
    project = opened(folder, clock)
    (found,) = sweep.look(project, ["tickets"])
    assert found.why_not == "the rows of `ticket` cannot be listed: let its map say how they are"
    said = verdict(project)
    assert said.word == "unproven"
    assert f"tickets.ticket: {found.why_not}" in said.broken_by
    assert said.remedy == "troth map --check"


TICKETS = "tickets.ticket.customers"
LISTED = """
store: tickets
kind: http
credentials: {find: "URL/api", change: "URL/api"}
controller: main-entity
backups_expire: 35 days
http: {hosts: ["HOST"], sign_in: none, tries: 1}
tables:
  ticket:
    http: {list: "GET /ticket?size=1000", rows: rows, LOOKED_UP erase: "DELETE /ticket/{id}"}
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, closed: usage}
    retention: [{promise: retention/customers, trigger: closed}]
    erase: {do: delete, by: dpo, because: no longer needed}
"""


@pytest.fixture
def api(folder):
    """An interface with five tickets, closed six years ago."""
    with api_server() as served:
        served.tables["ticket"] = tickets(5)
        put(folder, served)
        yield served


def tickets(number):
    return [
        {"id": n, "email": f"t{n}@example.org", "name": "A name", "closed": "2020-01-05"}
        for n in range(1, number + 1)
    ]


def put(folder, served, looked_up='look_up: {id: "GET /ticket/{id}"},'):
    host = served.url.rpartition("/")[2]
    written = LISTED.replace("URL", served.url).replace("HOST", host).replace("LOOKED_UP", looked_up)
    (folder / "stores" / "tickets.yaml").write_text(written, "utf-8")


def due(folder, clock):
    """Mark the tickets, and wait until they may go."""
    project = opened(folder, clock)
    (marked,) = sweep.mark(project, [TICKETS], staff="marie", confirmed=True)
    assert isinstance(marked, Marked)
    clock.forward(days=8)
    return project


def moves(project, *states):
    return [
        (one.facts["state"], one.facts["rows"], one.facts.get("unknown", 0))
        for one in sweep.course(project, sweep.named(project, TICKETS))
        if one.facts["state"] in states
    ]


def test_rows_that_cannot_be_read_again_by_their_key_are_never_swept_blindly(folder, clock, api):
    put(folder, api, "")
    project = opened(folder, clock)
    (found,) = sweep.mark(project, [TICKETS], staff="marie", confirmed=True)
    assert found.why_not == (
        "a row of `ticket` cannot be read again by its key before it goes: let its map say how it is looked up"
    )
    assert (len(api.tables["ticket"]), "DELETE" in api.methods()) == (5, False)


def test_a_row_that_is_written_after_it_was_listed_stays_and_the_sweep_goes_on_later(folder, clock, api):
    project = due(folder, clock)
    api.behave["changes meanwhile"] = ("ticket", "5")
    (refused,) = sweep.act(project)
    assert isinstance(refused, UnreachableError)
    assert "Nothing of it went" in str(refused)
    assert (len(api.tables["ticket"]), moves(project, "stopped")) == (5, [])
    del api.behave["changes meanwhile"]
    (done,) = sweep.act(project)
    assert (done.rows, done.unknown, api.tables["ticket"]) == (5, 0, [])


@pytest.mark.parametrize(
    ("point", "left", "earlier"),
    [("batch 1 begun", 5, 0), ("row 1.1", 4, 1), ("row 1.3", 2, 3), ("batch 1", 2, 3)],
)
def test_a_batch_that_was_killed_between_two_calls_is_gone_on_with_and_loses_no_count(
    folder, clock, api, point, left, earlier
):
    project = due(folder, clock)
    killed(folder, clock, point)
    after(folder, clock)
    assert len(api.tables["ticket"]) == left
    assert in_hand(project), "what the batch has in hand is written down"
    (done,) = sweep.act(project, batch_rows=3)
    assert (done.rows, done.unknown, api.tables["ticket"], in_hand(project)) == (5, 0, [], [])
    assert moves(project, "begun", "acting", "acted")[:2] == [("begun", 3, 0), ("acting", earlier, 0)]
    assert moves(project, "acted") == [("acted", 5, 0)]


def in_hand(project):
    with project.ledger.reading() as connection:
        return connection.execute(text("SELECT rows, made FROM rows_in_hand ORDER BY number")).all()


def test_a_call_that_is_made_again_after_its_process_was_killed_is_known_by_its_key(folder, clock, api):
    path = folder / "stores" / "tickets.yaml"
    path.write_text(
        path.read_text("utf-8").replace("tries: 1}", "tries: 1, idempotency: Idempotency-Key}"), "utf-8"
    )
    project = due(folder, clock)
    killed(folder, clock, "row 1.1")
    after(folder, clock)
    api.tables["ticket"].append(
        tickets(5)[2]
    )  # as if the interface had taken the call on, and not done it yet
    (done,) = sweep.act(project, batch_rows=3)
    assert (done.rows, api.tables["ticket"]) == (5, [])
    keys = [(path, key) for path, key in keys_of(api) if path.endswith("/3")]
    assert (len(keys), len(set(keys))) == (2, 1)


def keys_of(api):
    return [(path, headers["Idempotency-Key"]) for method, path, headers in api.asked if method == "DELETE"]


def test_a_sweep_that_is_stopped_after_a_killed_batch_tells_what_went(folder, clock, api):
    project = due(folder, clock)
    killed(folder, clock, "row 1.2")
    after(folder, clock)
    state = sweep.stop(project, TICKETS, "A mistake.", "marie")
    assert (state["status"], state["swept"], state["unknown"]) == ("stopped", 2, 0)
    assert moves(project, "acting", "stopped") == [("acting", 2, 0), ("stopped", 2, 0)]


def test_a_sweep_that_is_stopped_while_its_store_is_away_tells_of_one_row_that_nobody_knows_of_it(
    folder, clock, api
):
    project = due(folder, clock)
    killed(folder, clock, "row 1.2")
    after(folder, clock)
    api.behave["fails"] = 9
    state = sweep.stop(project, TICKETS, "A mistake.", "marie")
    assert (state["status"], state["swept"], state["unknown"]) == ("stopped", 1, 1)


def test_no_more_go_than_were_marked_also_after_a_killed_batch(folder, clock, api):
    project = due(folder, clock)
    killed(folder, clock, "batch 1")
    after(folder, clock)
    api.tables["ticket"] += [{**one, "id": one["id"] + 100} for one in tickets(4)]
    (done,) = sweep.act(project)
    assert (done.rows, done.unknown, len(api.tables["ticket"])) == (5, 0, 4)


def test_of_an_interface_that_goes_away_in_a_batch_is_seen_later_what_went(folder, clock, api):
    project = due(folder, clock)
    api.behave["down after"] = 2
    (away,) = sweep.act(project)
    assert isinstance(away, UnreachableError)
    del api.behave["down after"]
    (done,) = sweep.act(project)
    assert (done.rows, done.unknown, api.tables["ticket"]) == (5, 0, [])


def test_rows_that_go_one_by_one_go_in_small_batches_each_past_the_holds_of_its_moment(folder, clock, api):
    api.tables["ticket"] = tickets(450)
    project = due(folder, clock)
    review = clock().date() + timedelta(days=90)

    def passed(point):
        if point == "batch 1 recorded":
            about = [("email", "t440@example.org")]
            hold.place(project, "A dispute", "Open.", review, "basile", about=about)

    api.asked.clear()
    (done,) = sweep.act(project, stop_at=passed)
    listings = [path for _, path, _ in api.asked if path.startswith("/api/ticket?")]
    assert len(listings) == 2, "all rows are asked for once to sweep them, and once to see what is left"
    assert [rows for _, rows, _ in moves(project, "acting")][:2] == [200, 200]
    assert (done.rows, [row["id"] for row in api.tables["ticket"]]) == (449, [440])


def test_who_lost_a_sweep_to_another_worker_takes_no_more_of_it(folder, clock, api):
    project = due(folder, clock)

    def passed(point):
        if point == "batch 1 recorded":
            with project.ledger.writing() as connection:
                connection.execute(text("UPDATE leases SET lease = lease + 1"))

    (refused,) = sweep.act(project, batch_rows=2, stop_at=passed)
    assert isinstance(refused, NotAllowedError)
    assert "Another worker has" in str(refused)
    assert len(api.tables["ticket"]) == 3


def test_a_store_that_counts_and_cannot_be_measured_holds_up_the_marking_of_no_other(folder, clock, lake):
    database = folder / "aged.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, email TEXT, came TEXT)")
        connection.execute("INSERT INTO visit VALUES (1, 'old@example.org', '2020-01-05')")
    aged = LAKE.replace("store: visits", "store: aged").replace("kind: lake", "kind: sqlite")
    aged = aged.replace("lake://{root}", f"sqlite:///{database}", 1).replace(
        "lake://{root}", f"sqlite:///{folder}/nowhere/aged.db"
    )
    (folder / "stores" / "aged.yaml").write_text(aged.replace("{{", "{").replace("}}", "}"), "utf-8")
    project = opened(folder, clock)
    said = {
        one.bound.store: one for one in sweep.mark(project, ["aged", "visits"], staff="marie", confirmed=True)
    }
    assert isinstance(said["aged"], Found)
    assert (said["aged"].overdue.rows, said["aged"].uncounted) == (1, True)
    assert isinstance(said["visits"], Marked)
    assert [(one.of, one.outcome) for one in tell_owners.owners(project)] == [(NAME, "sent")]
