"""Which requests press, and how much: marks before the safe date, and what is overdue.

Marks stand ten, five and two working days before the safe date; halfway through the first
month whoever has neither decided nor extended is asked to do one of them.  What nobody has
seen to for two working days waits for a first look, and what was answered late for the reason.
Overdue is said on the legal date only.  Everything is worked out from the request's events
and today.

Law: GDPR Art. 12(3); the marks are our own defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from troth.law.deadline import ALERT_WORKING_DAYS
from troth.law.working_day import working_days_after, working_days_before
from troth.rules import request

Stage = Literal[
    "overdue", "late", "due_2", "due_5", "due_10", "extend_or_decide", "look_at", "explain"
]  # fmt: skip
STAGES: tuple[Stage, ...] = (
    "overdue", "late", "due_2", "due_5", "due_10", "extend_or_decide", "look_at", "explain",
)  # fmt: skip
"""From the most pressing to the least."""
LOOK_WITHIN_WORKING_DAYS = 2
"""By when somebody has looked at a request that came; our own default."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One request that presses: since when it stands at this stage, and its two dates."""

    number: str
    stage: Stage
    since: date
    rights: tuple[str, ...]
    safe_due: date
    legal_due: date


def alerts(states: Iterable[Mapping[str, Any]], today: date) -> tuple[Alert, ...]:
    """Return an alert for every open request that presses today, the most pressing first."""
    found = [alert for state in states if (alert := _alert(state, today)) is not None]
    return tuple(sorted(found, key=lambda one: (STAGES.index(one.stage), one.safe_due, one.number)))


def _alert(state: Mapping[str, Any], today: date) -> Alert | None:
    if not state.get("safe_due") or not state.get("legal_due"):
        return None  # an ask that is not answered stops the clock
    safe, legal = date.fromisoformat(state["safe_due"]), date.fromisoformat(state["legal_due"])
    stage = _stage(state, safe, legal, today) if request.is_open(state) else _unexplained(state)
    if stage is None:
        return None
    rights = tuple(dict.fromkeys(claim["right"] for claim in state["claims"].values()))
    return Alert(str(state["id"]), stage[0], stage[1], rights, safe, legal)


def _stage(state: Mapping[str, Any], safe: date, legal: date, today: date) -> tuple[Stage, date] | None:
    if today > legal:
        return "overdue", legal
    if today > safe:
        return "late", safe
    stages: dict[int, Stage] = {2: "due_2", 5: "due_5", 10: "due_10"}
    for days in sorted(ALERT_WORKING_DAYS):
        mark = working_days_before(safe, days, str(state["jurisdiction"]))
        if today >= mark:
            return stages[days], mark
    half = date.fromisoformat(state["received"])
    half += (safe - half) / 2
    undecided = any(claim["outcome"] is None for claim in state["claims"].values())
    if undecided and not state["extension"] and today >= half:
        return "extend_or_decide", half
    look = working_days_after(
        date.fromisoformat(state["received"]), LOOK_WITHIN_WORKING_DAYS, str(state["jurisdiction"])
    )
    if undecided and not state.get("handled") and today > look:
        return "look_at", look
    return None


def _unexplained(state: Mapping[str, Any]) -> tuple[Stage, date] | None:
    """Return since when a request that was answered late waits for the reason to be recorded."""
    if state["status"] not in {"responded", "refused"} or state.get("late_explained"):
        return None
    return ("explain", date.fromisoformat(state["answered_on"])) if request.answered_late(state) else None
