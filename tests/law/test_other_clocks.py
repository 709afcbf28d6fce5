"""Breaches, indirect collection and complaints have clocks of their own."""

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import NotAllowedError, NotFoundError
from troth.law.breach import breach_due
from troth.law.complaint import acknowledge_by
from troth.law.indirect import indirect_due
from troth.law.period import Period

CASES = tomllib.loads((Path(__file__).parent / "vectors.toml").read_text(encoding="utf-8"))


def day(written):
    return date.fromisoformat(written)


@pytest.mark.parametrize("case", CASES["breach"], ids=lambda case: case["id"])
def test_each_breach_is_told_in_72_hours(case):
    due = breach_due(case["aware"], "FR")
    assert due.due.isoformat() == case["due"].isoformat()
    assert due.hour_rule.until.isoformat() == case["hour_rule"].isoformat()
    assert (due.hours, due.law) == (72, "GDPR Art. 33(1)")


def test_two_working_days_are_an_argument_and_no_deadline():
    due = breach_due(datetime.fromisoformat("2026-12-24T16:00:00+01:00"), "FR")
    assert due.due.isoformat() == "2026-12-27T16:00:00+01:00"  # a Sunday: no roll-over
    assert due.two_working_days.until.isoformat() == "2026-12-30T00:00:00+01:00"


@given(st.datetimes(datetime(2019, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC)))
def test_72_hours_pass_whatever_the_clocks_do(aware):
    due = breach_due(aware, "FR")
    assert due.due - aware == timedelta(hours=72)
    assert timedelta(0) < due.hour_rule.until - due.due <= timedelta(hours=1)
    assert due.two_working_days.until >= due.hour_rule.until


def test_a_proposed_law_changes_nothing_until_it_is_assumed():
    aware = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
    assert breach_due(aware, "FR").hours == 72
    assert breach_due(aware, "FR", assume=["digital-omnibus"]).hours == 96


def test_a_breach_needs_a_zone_and_a_law():
    with pytest.raises(NotAllowedError, match="no time zone"):
        breach_due(datetime(2026, 11, 20, 8, 15), "FR")
    with pytest.raises(NotFoundError, match="for Switzerland"):
        breach_due(datetime(2026, 11, 20, tzinfo=UTC), "CH")


@pytest.mark.parametrize(
    ("obtained", "events", "legal", "safe"),
    [
        ("2026-03-02", {}, "2026-04-02", "2026-04-02"),
        ("2026-03-02", {"first_communication": "2026-03-10"}, "2026-03-10", "2026-03-10"),
        (
            "2026-03-02",
            {"first_communication": "2026-03-10", "first_disclosure": "2026-03-05"},
            "2026-03-05",
            "2026-03-05",
        ),
        ("2026-01-31", {}, "2026-03-02", "2026-02-27"),
        ("2026-03-02", {"first_communication": "2026-06-01"}, "2026-04-02", "2026-04-02"),
    ],
    ids=["VA1", "VA2", "VA3", "VA4", "VA5"],
)
def test_people_are_told_of_data_from_elsewhere(obtained, events, legal, safe):
    due = indirect_due(day(obtained), "FR", **{name: day(written) for name, written in events.items()})
    assert (due.legal_due, due.safe_due) == (day(legal), day(safe))
    assert due.explanation[-1].day == due.legal_due


def test_a_disclosure_before_the_data_came_is_refused():
    with pytest.raises(NotAllowedError, match="before the data were obtained"):
        indirect_due(day("2026-03-02"), "FR", first_disclosure=day("2026-03-01"))


def test_where_no_such_period_is_recorded_it_says_so():
    with pytest.raises(NotFoundError, match="for Brazil"):
        indirect_due(day("2026-03-02"), "BR")


def test_a_british_complaint_is_acknowledged_in_thirty_days_the_first_included():
    assert acknowledge_by(day("2026-07-01"), "GB") == day("2026-07-30")
    assert acknowledge_by(day("2026-07-01"), "GB-SCT") == day("2026-07-30")


@pytest.mark.parametrize(("code", "received"), [("GB", "2026-06-18"), ("FR", "2026-07-01")])
def test_elsewhere_and_before_there_is_no_such_period(code, received):
    with pytest.raises(NotFoundError, match="set no period"):
        acknowledge_by(day(received), code)


@pytest.mark.parametrize("case", CASES["cookie"], ids=lambda case: case["set_on"].isoformat())
def test_lifetimes_of_cookies_are_counted_by_the_calendar(case):
    start = case["set_on"]
    assert Period(13, "months").after(start) == case["plus_13_months"]
    assert (case["plus_13_months"] - start).days == case["days_13m"]
    assert Period(390, "days").after(start) == case["plus_390d"]
    assert Period(50, "months").after(start) == case["plus_50_months"]
    assert Period(25, "months").after(start) == case["plus_25_months"]
    assert Period(400, "days").after(start) == case["plus_400d"]
    least, most = Period(13, "months").days()
    assert least <= case["days_13m"] <= most
