"""Periods are what policies write, and months are calendar months."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.law.period import Period

UNITS = ["hours", "days", "weeks", "months", "years"]
PERIODS = st.builds(Period, st.integers(0, 1000), st.sampled_from(UNITS))


@given(PERIODS)
def test_what_is_written_is_read_again(period):
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    "written",
    [
        "",
        "13",
        "months",
        "1 fortnight",
        "-1 days",
        "1.5 years",
        "1 month and 2 days",
        "1 000 days",
        "١ day",
        "1001 years",
    ],
)
def test_what_is_no_period_is_not_one(written):
    assert Period.parse(written) is None


@pytest.mark.parametrize(
    "written", ["1000 years", "12000 months", "52000 weeks", "99999 days", "99999 hours"]
)
def test_the_longest_periods_can_be_counted(written):
    period = Period.parse(written)
    assert period.days()[0] <= period.days()[1]
    assert period.after(date(2026, 1, 1)) > date(2026, 1, 1)


@pytest.mark.parametrize(
    ("start", "written", "end"),
    [
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2028-01-31", "1 month", "2028-02-29"),
        ("2024-02-29", "3 years", "2027-02-28"),
        ("2024-02-29", "4 years", "2028-02-29"),
        ("2026-08-31", "13 months", "2027-09-30"),
        ("2026-12-30", "2 weeks", "2027-01-13"),
    ],
)
def test_a_day_that_a_month_has_not_is_its_last(start, written, end):
    assert Period.parse(written).after(date.fromisoformat(start)) == date.fromisoformat(end)


@given(
    st.dates(date(2001, 1, 1), date(2049, 12, 31)),
    st.builds(Period, st.integers(0, 50), st.sampled_from(["days", "weeks", "months", "years"])),
)
def test_how_long_it_was_lies_between_the_fewest_and_the_most_days(start, period):
    least, most = period.days()
    assert least <= (period.after(start) - start).days <= most


@pytest.mark.parametrize(
    ("hours", "end"), [(72, "2026-01-04"), (73, "2026-01-05"), (1, "2026-01-02"), (0, "2026-01-01")]
)
def test_hours_from_a_day_are_whole_days_begun(hours, end):
    assert Period(hours, "hours").after(date(2026, 1, 1)) == date.fromisoformat(end)
    assert Period(hours, "hours").before(date.fromisoformat(end)) == date(2026, 1, 1)


@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(0, 500), st.sampled_from(["days", "weeks"])
)
def test_days_and_weeks_can_be_taken_back(start, number, unit):
    period = Period(number, unit)
    assert period.before(period.after(start)) == start


def test_hours_are_added_to_moments():
    assert Period(72, "hours").after(datetime(2026, 11, 20, 8, tzinfo=UTC)) == datetime(
        2026, 11, 23, 8, tzinfo=UTC
    )
