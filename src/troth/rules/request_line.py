"""A request as one line of a list: what lists pick, sort and count by, and nothing that names anybody outside staff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from troth.rules.request import OPEN
from troth.rules.request_wait import Step, waits

COLUMNS = (
    "number", "subject", "entity", "status", "rights", "received", "safe_due", "legal_due", "ended_on", "answer_days",
    "waits", "kept_back_by",
)  # fmt: skip


def line(state: Mapping[str, Any]) -> dict[str, str | int | None]:
    """Return the line of a request: its columns, `rights` and `waits` as words with a space around each.

    `ended_on` is the day it was answered or ended otherwise, `answer_days` how many days an answer took,
    `kept_back_by` the holds by which something of it is still to be erased.
    """
    answered = state.get("answered_on")
    days = (date.fromisoformat(answered) - date.fromisoformat(state["received"])).days if answered else None
    ended = None if state["status"] in OPEN else answered or state.get("ended_on")
    return {
        "number": str(state["id"]),
        "subject": state.get("subject"),
        "entity": str(state["entity"] or ""),
        "status": str(state["status"]),
        "rights": words(str(one["right"]) for one in state["claims"].values()),
        "received": str(state["received"]),
        "safe_due": state.get("safe_due"),
        "legal_due": state.get("legal_due"),
        "ended_on": ended,
        "answer_days": days,
        "waits": words(waiting(one.step, one.but) for one in waits(state)),
        "kept_back_by": words(held(name) for one in _kept_back(state) for name in one),
    }


def _kept_back(state: Mapping[str, Any]) -> Iterator[Iterable[str]]:
    """Yield the holds that keep something back, of each store of each claim."""
    for claim in state["claims"].values():
        for store in claim["stores"].values():
            yield store.get("deferred") or ()


def words(found: Iterable[str]) -> str:
    """Write words so that each is found whole, between spaces.

    >>> words(["erase", "access", "erase"])
    ' erase access '
    """
    each = dict.fromkeys(found)
    return f" {' '.join(each)} " if each else ""


def waiting(step: Step, but: str = "") -> str:
    """Write a step as a word of a line: with whoever may not do it.

    >>> waiting("review", "Marie C."), waiting("decide")
    ('review:Marie%20C.', 'decide:')
    """
    return f"{step}:{quote(but, safe='')}"


def held(name: str) -> str:
    """Write the name of a hold as a word of a line.

    >>> held("Dupont 2026")
    'Dupont%202026'
    """
    return quote(name, safe="")
