"""Which requests press today, worked out from their events alone."""

from datetime import UTC, date, datetime

import pytest

from troth.rules import request
from troth.rules.alert import alerts
from troth.rules.event import Event


def received(day="2026-11-23", number="2026-0001", place="FR", rights=("access",)):
    facts = {
        "request": number, "channel": "email", "language": "en", "jurisdiction": place, "tz": "Europe/Paris",
        "received_at": f"{day}T09:00:00+00:00", "date": day,
        "claims": [[f"c{n}", right] for n, right in enumerate(rights, 1)],
    }  # fmt: skip
    at = datetime.fromisoformat(f"{day}T09:00:00").replace(tzinfo=UTC)
    return request.fold(None, Event("e1", at, "request_received", 1, f"request/{number}", 1, "", "t", facts))


def then(state, kind, day="2026-11-24", **facts):
    at = datetime.fromisoformat(f"{day}T09:00:00").replace(tzinfo=UTC)
    return request.fold(state, Event("e2", at, kind, 1, "request/2026-0001", 2, "", "t", facts))


def stage(state, today):
    found = alerts([state], date.fromisoformat(today))
    return found[0].stage if found else None


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        ("2026-11-24", None),
        ("2026-11-25", None),
        ("2026-11-26", "look_at"),  # two working days are over, and nobody has seen to it
        ("2026-12-07", "look_at"),
        ("2026-12-08", "extend_or_decide"),  # half of the way to 23 December
        ("2026-12-09", "due_10"),  # ten working days before the safe date, Wednesday 23 December
        ("2026-12-15", "due_10"),
        ("2026-12-16", "due_5"),
        ("2026-12-20", "due_5"),
        ("2026-12-21", "due_2"),
        ("2026-12-23", "due_2"),
        ("2026-12-24", "overdue"),
    ],
)
def test_a_request_presses_more_as_its_date_comes(today, expected):
    assert stage(received(), today) == expected


def test_past_the_safe_date_and_before_the_legal_one_it_is_late_and_not_overdue():
    state = received("2026-03-05")  # Easter: safe on Friday 3 April, legal on Tuesday 7 April
    assert stage(state, "2026-04-03") == "due_2"
    assert stage(state, "2026-04-04") == "late"
    assert stage(state, "2026-04-07") == "late"
    assert stage(state, "2026-04-08") == "overdue"


def test_a_decided_or_extended_request_is_not_asked_to_decide():
    decided = then(
        received(), "claim_decided", claim="c1", outcome="grant", ground=None, staff="marie"
    )  # fmt: skip
    assert stage(decided, "2026-12-08") is None
    extended = then(received(), "clock_extended", reason="complexity", letter="l")
    assert stage(extended, "2026-12-20") is None


def test_what_somebody_has_seen_to_waits_for_no_first_look():
    advised = then(received(), "dpo_advised", claim="c1", outcome="advised", staff="dana")
    assert advised["handled"]
    assert stage(advised, "2026-12-07") is None
    weekend = received("2026-11-27")  # a Friday
    assert stage(weekend, "2026-12-01") is None
    assert stage(weekend, "2026-12-02") == "look_at"


def test_an_unanswered_ask_stops_the_pressing_where_it_stops_the_clock():
    asked = then(received(), "asked", ask="a1", what="identity", reason="doubt")
    assert stage(asked, "2027-03-01") is None


def test_what_has_ended_presses_nobody():
    ended = then(received(), "request_moved", to="withdrawn", reason="requester")
    assert stage(ended, "2027-03-01") is None


def test_the_most_pressing_comes_first():
    states = [
        received(day, f"2026-000{n}") for n, day in enumerate(("2026-11-23", "2026-11-02", "2026-11-16"), 1)
    ]
    assert [one.number for one in alerts(states, date(2026, 12, 9))] == [
        "2026-0002",
        "2026-0003",
        "2026-0001",
    ]
