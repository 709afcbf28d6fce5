"""Working days: neither Saturday, Sunday, nor a public holiday of the place.

Public holidays come from the `holidays` library, one country and year at a time, and
from dated corrections in `data/holidays.toml`.  A day that is doubtful is taken for a
working day, because that makes a deadline earlier and never later.

Law: Regulation (EEC, Euratom) 1182/71 Art. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from troth.errors import NotAllowedError
from troth.law.jurisdiction import Jurisdiction, jurisdiction
from troth.law.table import in_force, read

YEAR_MAX = 2100  # holidays further off are nobody's to know
_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday of a place: its name in English and in French, and the law it is in."""

    day: date
    en: str
    fr: str
    source: str


def holiday(day: date, code: str) -> Holiday | None:
    """Return the public holiday a day is, if it is one.

    >>> holiday(date(2026, 7, 14), "FR").en
    'National Day'
    >>> holiday(date(2027, 3, 26), "FR") is None  # Good Friday
    True
    """
    return _year(jurisdiction(code), day.year).get(day)


def is_working_day(day: date, code: str) -> bool:
    """Say whether work is done on a day.

    >>> is_working_day(date(2026, 5, 15), "FR")  # the Friday between Ascension and the weekend
    True
    """
    return day.weekday() < _SATURDAY and holiday(day, code) is None


def first_working_day(day: date, code: str) -> date:
    """Return the day itself, or the next working day after it.

    >>> first_working_day(date(2026, 4, 5), "FR")  # Easter Sunday
    datetime.date(2026, 4, 7)
    """
    while not is_working_day(day, code):
        day += _DAY
    return day


def last_working_day(day: date, code: str) -> date:
    """Return the day itself, or the last working day before it.

    >>> last_working_day(date(2026, 4, 5), "FR")
    datetime.date(2026, 4, 3)
    """
    while not is_working_day(day, code):
        day -= _DAY
    return day


def working_days_before(day: date, number: int, code: str) -> date:
    """Return the day that lies so many working days before another.

    >>> working_days_before(date(2026, 4, 7), 2, "FR")
    datetime.date(2026, 4, 2)
    """
    return _step(day, number, -_DAY, code)


def working_days_after(day: date, number: int, code: str) -> date:
    """Return the day that lies so many working days after another.

    >>> working_days_after(date(2026, 4, 2), 2, "FR")
    datetime.date(2026, 4, 7)
    """
    return _step(day, number, _DAY, code)


def _step(day: date, number: int, step: timedelta, code: str) -> date:
    if number < 0:
        raise NotAllowedError(f"A number of working days is 0 or more, not {number}.")
    while number:
        day += step
        number -= is_working_day(day, code)
    return day


@lru_cache(maxsize=512)
def _year(place: Jurisdiction, year: int) -> dict[date, Holiday]:
    """The public holidays of a place in one year."""
    if year > YEAR_MAX:
        raise NotAllowedError(
            f"No holiday calendar reaches beyond {YEAR_MAX}; give an earlier day than {year}."
        )
    if place.calendar == "weekends":
        return {}
    corrections = read("holidays.toml")
    dropped = [row for row in corrections["drop"] if row.says["country"] == place.calendar]
    found = {}
    for day, (english, french) in _library(place.calendar, place.part, year).items():
        closing = any(english.startswith(row.text("named")) for row in in_force(dropped, day))
        if not closing:
            found[day] = Holiday(day, english, french, place.holidays_source)
    for row in corrections["add"]:
        month, number = (int(part) for part in row.text("every").split("-"))
        day = date(year, month, number)
        if row.says["country"] == place.calendar and row.counts(day):
            found[day] = Holiday(day, row.text("en"), row.text("fr"), row.source)
    return found


def _library(country: str, part: str | None, year: int) -> dict[date, tuple[str, str]]:
    """The library's holidays of one year, with their names in English and in French (else as at home)."""
    import holidays  # 0.1 s, and only whoever counts days needs it

    english = holidays.country_holidays(country, subdiv=part, years=year, language="en_US", expand=False)
    other = "fr" if "fr" in english.supported_languages else english.default_language
    french = holidays.country_holidays(country, subdiv=part, years=year, language=other, expand=False)
    return {day: (name, str(french.get(day, name))) for day, name in english.items()}
