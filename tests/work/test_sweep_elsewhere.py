"""Rows of a lake and behind an interface go by the same promise, in one batch, and what cannot be swept is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from commanding import troth
from shop_project import opened, with_another_company
from troth.ledger import read
from troth.work import hold, sweep
from troth.work.audit import audit
from troth.work.sweep import Done

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
