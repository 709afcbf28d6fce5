"""How a promise stands over time: its last verdict, since which day, and what it was before.

Law: GDPR Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from troth.rules.event import Event

State = dict[str, Any]
FAMILY = "promise"
QUESTIONS = "question"
"""What must be none, and is asked for every night, stands so over time too."""


@dataclass(frozen=True, slots=True)
class Turned:
    """A promise whose verdict changed, and on which day."""

    promise: str
    was: str
    becomes: str
    figure: str
    on: date


@dataclass(frozen=True, slots=True)
class Day:
    """How many promises stood how at the end of a day on which controls ran."""

    on: date
    kept: int
    broken: int
    unproven: int

    @property
    def total(self) -> int:
        """How many promises were judged by then."""
        return self.kept + self.broken + self.unproven


@dataclass(frozen=True, slots=True)
class Run:
    """How many promises stood how when the controls had run, and when they had."""

    at: datetime
    kept: int
    broken: int
    unproven: int


def fold(state: State | None, event: Event) -> State:
    """Return how a promise stands after its control ran."""
    if event.kind != "control_ran":
        raise ValueError(event.kind)
    facts, on = event.facts, event.at.date().isoformat()
    before = state or {"status": None, "since": on, "was": None, "runs": 0}
    same = before["status"] == facts["verdict"]
    return {
        "promise": facts["promise"], "status": facts["verdict"], "figure": facts["figure"],
        "since": before["since"] if same else on, "was": before["was"] if same else before["status"],
        "on": on, "runs": before["runs"] + 1,
    }  # fmt: skip


def turned(states: Iterable[Mapping[str, Any]], since: date) -> tuple[Turned, ...]:
    """Return what changed on a day or after it, what broke first; a first verdict is no change."""
    found = [
        Turned(one["promise"], one["was"], one["status"], one["figure"], date.fromisoformat(one["since"]))
        for one in states
        if one["was"] is not None and date.fromisoformat(one["since"]) >= since
    ]
    return tuple(sorted(found, key=lambda one: (one.becomes != "broken", one.promise)))


def trend(runs: Sequence[tuple[date, str, str]]) -> tuple[Day, ...]:
    """Count the verdicts of each day on which controls ran, from (day, promise, verdict) in order.

    >>> trend([(date(2026, 11, 1), "a", "kept"), (date(2026, 11, 2), "a", "broken")])[-1].broken
    1
    """
    now: dict[str, str] = {}
    days: dict[date, Day] = {}
    for on, promise, verdict in runs:
        now[promise] = verdict
        words = list(now.values())
        days[on] = Day(on, words.count("kept"), words.count("broken"), words.count("unproven"))
    return tuple(days.values())


def runs(judged: Iterable[tuple[datetime, str, str]]) -> tuple[Run, ...]:
    """Count the verdicts at the end of each run, from (moment, promise, verdict) in order.

    A run is over where a promise is judged again, or the day is.

    >>> day = datetime(2026, 11, 1)
    >>> [one.broken for one in runs([(day, "a", "kept"), (day, "b", "broken"), (day, "b", "kept")])]
    [1, 0]
    """
    now: dict[str, str] = {}
    seen: set[str] = set()
    found: list[Run] = []
    for at, promise, verdict in judged:
        if found and promise not in seen and found[-1].at.date() == at.date():
            found.pop()
        else:
            seen.clear()
        seen.add(promise)
        now[promise] = verdict
        words = list(now.values())
        found.append(Run(at, words.count("kept"), words.count("broken"), words.count("unproven")))
    return tuple(found)
