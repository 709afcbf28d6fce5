"""Working days are those of the place, and doubtful days count as such."""

import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import NotAllowedError
from troth.law import working_day
from troth.law.jurisdiction import jurisdictions


def day(written):
    return date.fromisoformat(written)


@pytest.mark.parametrize(
    ("code", "written", "name"),
    [
        ("FR", "2026-07-14", "National Day"),
        ("FR-57", "2027-03-26", "Good Friday"),
        ("FR-57", "2026-12-26", "Saint Stephen's Day"),
        ("IT", "2026-10-04", "Saint Francis of Assisi"),
        ("IT", "2027-10-04", "Saint Francis of Assisi"),
        ("NL", "2026-05-05", "Liberation Day"),
        ("NL", "2026-04-03", "Good Friday"),
        ("LU", "2019-05-09", "Europe Day"),
        ("IE", "2023-02-06", "Saint Brigid's Day"),
        ("DK", "2023-05-05", "Great Prayer Day"),
        ("GB", "2026-12-28", "Boxing Day (observed)"),
        ("GB", "2026-08-31", "Late Summer Bank Holiday"),
        ("GB", "2026-04-06", "Easter Monday"),
        ("GB-SCT", "2026-11-30", "Saint Andrew's Day"),
        ("PL", "2025-12-24", "Christmas Eve"),
    ],
)
def test_public_holidays_are_known_by_name(code, written, name):
    found = working_day.holiday(day(written), code)
    assert (found.en, bool(found.fr), bool(found.source)) == (name, True, True)


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("FR", "2027-03-26"),  # Good Friday is a holiday in Alsace-Moselle only
        ("FR", "2026-12-28"),  # no holiday moves to Monday in France
        ("FR", "2026-05-15"),  # the Friday after Ascension
        ("IT", "2025-10-04"),  # a Saturday, and not yet a holiday
        ("DK", "2024-04-26"),  # Great Prayer Day, ended with 2023
        ("LU", "2018-05-09"),
        ("IE", "2022-02-07"),
        ("HU", "2026-01-02"),  # a rest day moved by decree
        ("LV", "2026-01-02"),
        ("BG", "2026-01-02"),
        ("SK", "2026-11-17"),  # a state holiday on which work is done
        ("EU", "2026-12-25"),  # no country named
    ],
)
def test_other_days_are_no_public_holidays(code, written):
    assert working_day.holiday(day(written), code) is None


def test_names_are_french_where_the_calendar_knows_french():
    assert working_day.holiday(day("2026-11-01"), "FR").fr == "Toussaint"
    assert working_day.holiday(day("2026-04-03"), "DE").fr == "Karfreitag"


def test_whit_monday_is_a_holiday_in_france_whatever_the_employer_does():
    assert not working_day.is_working_day(day("2026-05-25"), "FR")


@pytest.mark.parametrize("code", [place.code for place in jurisdictions()])
def test_every_place_has_a_calendar(code):
    for year in (2019, 2026, 2027):
        assert working_day.first_working_day(date(year, 1, 1), code).year == year
    assert not working_day.is_working_day(day("2026-11-22"), code)


@given(st.dates(day("2019-01-01"), day("2035-12-31")), st.integers(0, 15))
def test_as_many_days_back_as_forth(start, number):
    start = working_day.first_working_day(start, "FR")
    back = working_day.working_days_before(start, number, "FR")
    assert working_day.working_days_after(back, number, "FR") == start
    counted = sum(
        working_day.is_working_day(date.fromordinal(ordinal), "FR")
        for ordinal in range(back.toordinal(), start.toordinal())
    )
    assert counted == number


def test_a_negative_number_of_days_is_refused():
    with pytest.raises(NotAllowedError, match="not -1"):
        working_day.working_days_before(day("2026-03-05"), -1, "FR")


def test_beyond_every_calendar_it_says_so():
    with pytest.raises(NotAllowedError, match="beyond 2100"):
        working_day.holiday(date(2101, 1, 1), "FR")


def test_holidays_are_loaded_only_when_days_are_counted():
    program = (
        "import sys, datetime\n"
        "from troth.law import authority, clock, erasure, retention, right, transfer\n"
        "right.applies('port', 'contract', on=datetime.date(2026, 11, 23))\n"
        "print('holidays' in sys.modules)\n"
        "clock.deadline(datetime.date(2026, 3, 5), 'FR')\n"
        "print('holidays' in sys.modules)\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
