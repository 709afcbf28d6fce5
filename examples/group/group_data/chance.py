"""Chance that is the same on every machine and in every version of Python.

Only `Random.random()` is used: of everything in `random` it alone is promised not to change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

One = TypeVar("One")

TODAY = date(2026, 11, 23)
"""The day on which the story is told; every date below lies before it."""


class Chance:
    """Draws from a seed, one stream for each purpose, so that one part can grow alone."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311  (invented data, not a secret)

    def below(self, number: int) -> int:
        """Return a number from 0 up to, and without, `number`."""
        return int(self.random.random() * number)

    def often(self, share: float) -> bool:
        """Say yes in this share of cases."""
        return self.random.random() < share

    def pick(self, things: Sequence[One]) -> One:
        """Return one of them."""
        return things[self.below(len(things))]

    def day(self, newest_days: int, oldest_days: int) -> date:
        """Return a day between so many days ago and so many days ago."""
        return TODAY - timedelta(days=newest_days + self.below(oldest_days - newest_days + 1))

    def moment(self, newest_days: int, oldest_days: int) -> str:
        """Return a moment of a working day, as databases write it."""
        day = self.day(newest_days, oldest_days)
        return f"{day} {8 + self.below(10):02d}:{self.below(60):02d}:{self.below(60):02d}"
