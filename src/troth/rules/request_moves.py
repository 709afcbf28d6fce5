"""What becomes of a request besides its claims: it ends, is taken up again, is marked, is explained.

Each move is named by the code it goes to; a code that is not known here ends the request.

Law: GDPR Art. 5(2), Art. 12(2) and (3), Art. 17(3)(e); law.md section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from troth.rules.event import Event, local_day

State = dict[str, Any]

REMIND_AFTER_DAYS = 30
"""When whoever was asked for something, and is silent, is written to once more; our own default."""
SILENT_AFTER_DAYS = 60
"""When it is no longer awaited; our own default."""
MARKS: Mapping[str, str] = MappingProxyType(
    {
        "sa_complaint": "a complaint about it lies with a supervisory authority (GDPR Art. 77)",
        "litigation": "it is before a court, or soon will be (GDPR Arts. 79, 82; 17(3)(e))",
    }
)
"""What a request may be marked with; its file is kept for as long as a mark stands."""
REOPENED_FOR: Mapping[str, str] = MappingProxyType(
    {
        "error": "we made a mistake",
        "complaint": "the person disagrees",
        "authority": "a supervisory authority asks for it",
        "court": "a court orders it",
        "new_fact": "something new came to light",
    }
)
"""Why a request that ended is taken up again."""


def moved(state: State, event: Event) -> None:
    """Apply one move to a state."""
    to, reason = str(event.facts["to"]), str(event.facts["reason"])
    act = _MOVES.get(to)
    if act is not None:
        act(state, event, reason)
        return
    state["ended"] = to
    state["ended_on"] = event.facts.get("on") or _on(state, event)
    if event.facts.get("imported"):
        state["imported"] = {**state["imported"], "ended": True}


def taken_over(event: Event) -> State:
    """Return where a request came from: the import, the row, and the day from which anything of it is proven."""
    told: Any = event.facts["imported"]
    return {"import": told["import"], "row": told["row"], "by": event.actor, "event": event.id,
            "on": local_day(event, str(event.facts["tz"])), "ended": False}  # fmt: skip


def reminder_due(ask: Mapping[str, Any]) -> date:
    """Return the day from which whoever is silent is reminded of an ask."""
    return date.fromisoformat(ask["sent"]) + timedelta(days=REMIND_AFTER_DAYS)


def silent_from(ask: Mapping[str, Any]) -> date:
    """Return the day from which an ask that was not answered is no longer awaited."""
    return date.fromisoformat(ask["sent"]) + timedelta(days=SILENT_AFTER_DAYS)


def _on(state: State, event: Event) -> str:
    return local_day(event, str(state["tz"]))


def _residue_accepted(state: State, _: Event, claim: str) -> None:
    state["claims"][claim]["copies_accepted"] = True


def _claim_done(state: State, event: Event, claim: str) -> None:
    facts = event.facts
    by = {"by": facts["by"], "changed": facts["changed"]} if facts.get("by") else {}
    state["claims"][claim] |= {"done": True, **by}


def _answer_dropped(state: State, _: Event, __: str) -> None:
    for claim in state["claims"].values():
        claim["package"] = None


def _claim_dropped(state: State, event: Event, claim: str) -> None:
    told = state["claims"].pop(claim)
    state["dropped"] = {**state.get("dropped", {}), claim: told["right"]}
    if told.get("restriction"):
        until = {**told["restriction"], "until": _on(state, event)}
        state["unrestricted"] = {**state.get("unrestricted", {}), claim: until}


def _answer_words(_: State, __: Event, ___: str) -> None:
    """Words for the answer are read from the event when it is written."""


def _file_destroyed(state: State, _: Event, __: str) -> None:
    state["file_destroyed"] = True


def _reopened(state: State, event: Event, reason: str) -> None:
    told = {"as": event.facts["as"], "because": reason, "on": _on(state, event)}
    state["reopened"] = [*(state.get("reopened") or ()), told]


def _marked(state: State, event: Event, mark: str) -> None:
    state["marks"] = {**(state.get("marks") or {}), mark: _on(state, event)}


def _unmarked(state: State, _: Event, mark: str) -> None:
    state["marks"] = {name: on for name, on in state["marks"].items() if name != mark}


def _late_explained(state: State, event: Event, __: str) -> None:
    state["late_explained"] = _on(state, event)


def _extension_proposed(state: State, event: Event, reason: str) -> None:
    state["extension_proposed"] = {"reason": reason, "by": event.actor, "event": event.id}


def _unidentified_proposed(state: State, event: Event, ask: str) -> None:
    state["unidentified"] = {"ask": ask, "by": event.actor, "event": event.id}


_MOVES: Mapping[str, Callable[[State, Event, str], None]] = MappingProxyType(
    {
        "residue_accepted": _residue_accepted,
        "claim_done": _claim_done,
        "answer_dropped": _answer_dropped,
        "claim_dropped": _claim_dropped,
        "answer_words": _answer_words,
        "file_destroyed": _file_destroyed,
        "reopened": _reopened,
        "marked": _marked,
        "unmarked": _unmarked,
        "late_explained": _late_explained,
        "extension_proposed": _extension_proposed,
        "unidentified_proposed": _unidentified_proposed,
    }
)
