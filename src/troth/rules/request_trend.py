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


def months(
    counts: Iterable[tuple[str, str, int]], answers: Iterable[tuple[str, int, int]], today: date
) -> tuple[Month, ...]:
    """Return the last twelve months, the oldest first.

    `counts` are (month it came, month it ended or "", how many), `answers` (month it went out, days, how many).

    >>> last = months([("2026-10", "", 2), ("2026-11", "2026-11", 1)], [("2026-11", 4, 1)], date(2026, 11, 23))[-1]
    >>> (last.came, last.open, last.days_median, last.days_p90)
    (1, 2, 4.0, 4)
    """
    came, went = Counter[str](), Counter[str]()
    for received, ended, rows in counts:
        came[received] += rows
        went[ended] += rows
    del went[""]
    days: dict[str, Counter[int]] = {}
    for month, taken, rows in answers:
        days.setdefault(month, Counter())[taken] += rows
    found = []
    for month in _last(today):
        still = sum(rows for name, rows in came.items() if name <= month)
        still -= sum(rows for name, rows in went.items() if name <= month)
        told = days.get(month, Counter())
        found.append(Month(month, came[month], still, _median(told), _within(told, 90)))
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
