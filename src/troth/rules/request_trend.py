"""How requests went month by month: how many came, how many were open at its end, how long answers took.

Law: GDPR Art. 12(3), Art. 5(2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Month:
    """One month (2026-11): requests that came, those open at its end, and the days answers took that went out in it.

    The days are None where no answer went out.
    """

    month: str
    came: int
    open: int
    days_median: float | None
    days_p90: int | None


def begins(today: date) -> str:
    """Return the first day of the twelve months, as ISO 8601.

    >>> begins(date(2026, 11, 23))
    '2025-12-01'
    """
    return f"{next(_last(today))}-01"


def months(
    open_now: int, came: Iterable[tuple[str, int]], ended: Iterable[tuple[str, int | None, int]], today: date
) -> tuple[Month, ...]:
    """Return the last twelve months, the oldest first, from those that have not ended and what was since they begin.

    `came` are (day, how many), `ended` (day, the days the answer took or None where there was none, how many).

    >>> last = months(2, [("2026-10-30", 2), ("2026-11-02", 1)], [("2026-11-06", 4, 1)], date(2026, 11, 23))[-2:]
    >>> [(one.came, one.open, one.days_median, one.days_p90) for one in last]
    [(2, 2, None, None), (1, 2, 4.0, 4)]
    """
    arrived, went = Counter[str](), Counter[str]()
    days: dict[str, Counter[int]] = {}
    for day, rows in came:
        arrived[day[:7]] += rows
    for day, taken, rows in ended:
        went[day[:7]] += rows
        if taken is not None:
            days.setdefault(day[:7], Counter())[taken] += rows
    found = []
    for month in _last(today):
        since = sum(rows for name, rows in went.items() if name > month)
        since -= sum(rows for name, rows in arrived.items() if name > month)
        told = days.get(month, Counter())
        found.append(Month(month, arrived[month], open_now + since, _median(told), _within(told, 90)))
    return tuple(found)


def _last(today: date) -> Iterator[str]:
    first = today.year * 12 + today.month - MONTHS
    for one in range(first, first + MONTHS):
        yield f"{one // 12:04}-{one % 12 + 1:02}"


def _median(told: Counter[int]) -> float | None:
    every = sorted(told.elements())
    if not every:
        return None
    middle = len(every) // 2
    return float(every[middle]) if len(every) % 2 else (every[middle - 1] + every[middle]) / 2


def _within(told: Counter[int], percent: int) -> int | None:
    """Return in how many days so many of a hundred were answered."""
    every = sorted(told.elements())
    return every[-(-len(every) * percent // 100) - 1] if every else None
