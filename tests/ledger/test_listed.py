"""The list of requests says what their states say, and is picked, sorted and counted by the database."""

from datetime import timedelta

import pytest
from sqlalchemy import text

import story
from troth.ledger import listed, read, rebuild, verify
from troth.ledger.listed import Wanted
from troth.ledger.schema import open_ledger
from troth.rules.request_line import COLUMNS, line
from troth.work import decide

ALL = Wanted(None, statuses=())


@pytest.fixture
def numbers(project, clock):
    made = []
    for right, email in (
        ("access", "ada@example.org"),
        ("erase", "bob@example.org"),
        ("erase", "eve@example.org"),
    ):
        made.append(story.ask(project, right, email=email))
        clock.forward(days=1)
    return made


def lines(project):
    with project.ledger.looking() as connection:
        return {row.number: dict(row._mapping) for row in connection.execute(text("SELECT * FROM requests"))}


def test_each_line_is_what_the_state_says(project, numbers):
    decide.decide(project, numbers[1], "c1", "grant", "marie", ground="a")
    said = {
        str(one.body["id"]): line(one.body) | {"version": one.version}
        for one in read.states(project.ledger, "request")
    }
    assert lines(project) == said
    assert said[numbers[1]]["waits"] == " review:marie "


def test_rebuilding_and_opening_make_the_list_anew(project, numbers):
    before, ledger = lines(project), project.ledger
    with ledger.writing() as connection:
        connection.execute(text("UPDATE requests SET status = 'closed'"))
    rebuild.rebuild(ledger)
    assert lines(project) == before
    with ledger.writing() as connection:
        listed.clear(connection)
    settings = project.settings
    open_ledger(settings.ledger_url, settings.keys_url, ledger.master, ledger.clock).close()
    assert lines(project) == before


def reopened(project):
    settings, ledger = project.settings, project.ledger
    open_ledger(settings.ledger_url, settings.keys_url, ledger.master, ledger.clock).close()


def test_what_an_older_troth_wrote_beside_is_seen_and_mended(project, numbers):
    before, ledger = lines(project), project.ledger
    with ledger.writing() as connection:  # it took a request in, and knows no list
        connection.execute(text("DELETE FROM requests WHERE number = :n"), {"n": numbers[0]})
    assert listed.wrong(ledger) == 1
    reopened(project)
    assert lines(project) == before
    with ledger.writing() as connection:  # it decided one, and knows no list
        connection.execute(text("UPDATE requests SET version = version - 1, status = 'closed'"))
        copied = ", ".join(name for name in COLUMNS if name != "number")
        connection.execute(
            text(f"INSERT INTO requests (number, {copied}) SELECT 'R-none', {copied} FROM requests LIMIT 1")
        )
    (found,) = verify.verify(ledger).wrong
    assert "not what the states of 4 of them say" in found.what
    rebuild.rebuild(ledger)
    assert (lines(project), listed.wrong(ledger)) == (before, 0)
    assert verify.verify(ledger).wrong == ()


@pytest.mark.parametrize("lacking", [("version", "kept_back_by"), ("kept_back_by",)])
def test_the_list_of_an_older_ledger_gets_the_columns_that_it_lacks(project, numbers, lacking):
    before = lines(project)
    with project.ledger.writing() as connection:
        connection.execute(text("DROP INDEX requests_kept_back"))
        for name in lacking:
            connection.execute(text(f"ALTER TABLE requests DROP COLUMN {name}"))
    reopened(project)
    assert lines(project) == before


def test_a_line_is_never_taken_back_to_an_older_state(project, numbers):
    before = lines(project)
    with project.ledger.writing() as connection:
        states = [
            (dict(one.body, status="closed"), one.version - 1)
            for one in read.states(project.ledger, "request")
        ]
        listed.write(connection, states)
    assert lines(project) == before


def test_a_list_is_picked_by_right_number_due_day_and_person(project, numbers, clock):
    ledger = project.ledger
    found = listed.page(ledger, ALL, order="oldest")
    assert [one.number for one in found] == numbers
    assert [
        one.number for one in listed.page(ledger, Wanted(None, right="erase"), order="oldest")
    ] == numbers[1:]
    assert listed.count(ledger, Wanted(None, right="eras")) == 0
    assert listed.count(ledger, Wanted(None, number=numbers[0][-3:])) == 1
    assert listed.count(ledger, Wanted(None, number="%")) == 0
    assert listed.count(ledger, Wanted(None, subject=found[0].subject)) == 1
    assert (
        listed.count(ledger, Wanted(None, due_before=(clock() + timedelta(days=400)).date().isoformat())) == 3
    )
    assert listed.count(ledger, Wanted(None, due_before=clock().date().isoformat())) == 0
    assert [one.number for one in listed.page(ledger, ALL, order="oldest", skip=1, rows=1)] == numbers[1:2]


def test_other_entities_are_not_in_the_list(project, numbers):
    assert listed.count(project.ledger, Wanted(frozenset({"elsewhere"}))) == 0
    assert listed.count(project.ledger, Wanted(frozenset())) == 0
    entity = listed.page(project.ledger, ALL)[0].entity
    assert listed.count(project.ledger, Wanted(frozenset({entity}))) == 3


def test_what_nobody_looked_at_waits_for_a_first_look(project, numbers):
    assert listed.count(project.ledger, Wanted(None, waits="look_at", by="paul")) == 3
    decide.decide(project, numbers[1], "c1", "grant", "marie", ground="a")
    assert listed.count(project.ledger, Wanted(None, waits="look_at")) == 2


def test_whoever_decided_does_not_wait_to_review(project, numbers):
    decide.decide(project, numbers[1], "c1", "grant", "marie", ground="a")
    ledger = project.ledger
    assert listed.count(ledger, Wanted(None, waits="review")) == 1
    assert listed.count(ledger, Wanted(None, waits="review", by="paul")) == 1
    assert listed.count(ledger, Wanted(None, waits="review", by="marie")) == 0


def test_months_count_what_came_and_what_ended(project, numbers):
    days = [one.received for one in listed.page(project.ledger, ALL, order="oldest")]
    assert listed.came(project.ledger, None, days[1]) == [(days[1], 1), (days[2], 1)]
    assert (listed.not_ended(project.ledger, None), listed.ended(project.ledger, None, "2026-01-01")) == (
        3,
        [],
    )
    with project.ledger.writing() as connection:
        connection.execute(text("UPDATE requests SET ended_on = received, answer_days = 0 WHERE number = :n"),
                           {"n": numbers[1]})  # fmt: skip
    assert listed.not_ended(project.ledger, None) == 2
    assert listed.ended(project.ledger, None, days[1]) == [(days[1], 0, 1)]
    assert listed.ended(project.ledger, None, days[2]) == listed.ended(project.ledger, [], days[1]) == []
