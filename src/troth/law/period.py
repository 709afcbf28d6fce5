"""A length of time as people and laws write it: "1 month", "390 days", "72 hours".

Months and years are calendar months: they clamp to the end of a shorter month, so
31 January and one month is 28 (or 29) February.

Law: Regulation (EEC, Euratom) 1182/71 Art. 3(2)(c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from math import ceil
from typing import Literal, TypeVar

from dateutil.relativedelta import relativedelta

Unit = Literal["hours", "days", "weeks", "months", "years"]
Moment = TypeVar("Moment", date, datetime)

_WRITTEN = re.compile(r"(?P<number>\d{1,5})\s+(?P<unit>hour|day|week|month|year)s?", re.ASCII)
# Beyond a thousand years nothing is a promise, and no calendar can count it.
_LONGEST = {"hours": 99_999, "days": 99_999, "weeks": 52_000, "months": 12_000, "years": 1_000}
_DAYS: dict[str, tuple[float, float]] = {"hours": (1 / 24, 1 / 24), "days": (1, 1), "weeks": (7, 7)}


@dataclass(frozen=True, slots=True)
class Period:
    """So many hours, days, weeks, months or years; never negative."""

    number: int
    unit: Unit

    @classmethod
    def parse(cls, written: str) -> Period | None:
        """Read a period as a policy writes it; None when it is not one, or longer than a thousand years.

        >>> Period.parse("13 months")
        Period(number=13, unit='months')
        >>> Period.parse("13") is None
        True
        """
        match = _WRITTEN.fullmatch(written.strip())
        if match is None:
            return None
        number, unit = int(match["number"]), match["unit"] + "s"
        return cls(number, unit) if number <= _LONGEST[unit] else None  # type: ignore[arg-type]

    def after(self, start: Moment) -> Moment:
        """Return the day (or moment) this long after `start`, clamped to the month's end.

        Hours after a day, which has none, are counted as whole days begun.

        >>> Period(1, "months").after(date(2026, 1, 31))
        datetime.date(2026, 2, 28)
        """
        return start + self._step(start)

    def before(self, end: Moment) -> Moment:
        """Return the day (or moment) this long before `end`.

        >>> Period(3, "years").before(date(2027, 2, 28))
        datetime.date(2024, 2, 28)
        """
        return end - self._step(end)

    def _step(self, moment: date) -> relativedelta:
        if self.unit == "hours" and not isinstance(moment, datetime):
            return relativedelta(days=ceil(self.number / 24))
        return relativedelta(**{self.unit: self.number})  # type: ignore[arg-type]

    def days(self) -> tuple[float, float]:
        """Return the fewest and the most days this can be, within this century.

        >>> Period(13, "months").days()
        (393, 397)
        >>> Period(390, "days").days()
        (390, 390)
        """
        if self.unit in _DAYS:
            low, high = _DAYS[self.unit]
            return low * self.number, high * self.number
        return _days_of_months(self.number * (12 if self.unit == "years" else 1))

    def __str__(self) -> str:
        """Write it as a policy does.

        >>> str(Period(1, "months")), str(Period(390, "days"))
        ('1 month', '390 days')
        """
        return f"{self.number} {self.unit[:-1] if self.number == 1 else self.unit}"


# A leap cycle of starting days: every month, its first and its last days.
_STARTS = [(year, month, day) for year in range(2024, 2028) for month in range(1, 13) for day in (1, 15, 28)]


@cache
def _days_of_months(months: int) -> tuple[int, int]:
    """Return the fewest and the most days that so many months can be."""
    starts = [date(year, month, day) for year, month, day in _STARTS]
    lengths = [(start + relativedelta(months=months) - start) // timedelta(days=1) for start in starts]
    return min(lengths), max(lengths)
