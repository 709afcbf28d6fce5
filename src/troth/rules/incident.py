"""An incident from its report to its end: what was a personal data breach, who was told, and in time.

The hours run from the moment a named person is reasonably certain that personal data was
breached.  That moment is recorded once, with its facts, and never edited.

Law: GDPR Art. 33(1) to (5), Art. 34(1) to (3); EDPB Guidelines 9/2022 v2.0, para. 31 to 34, 44.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from troth.rules.event import Event

State = dict[str, Any]
FAMILY = "incident"
TYPES = ("confidentiality", "integrity", "availability")
RISKS = ("unlikely", "risk", "high")
"""Unlikely: the register only; a risk: the authority too; a high one: the people as well (Arts. 33(1), 34(1))."""
EXEMPT: Mapping[str, str] = MappingProxyType(
    {
        "unintelligible": "GDPR Art. 34(3)(a)",
        "averted": "GDPR Art. 34(3)(b)",
        "made_public": "GDPR Art. 34(3)(c)",
    }
)
"""Why people are not each written to though the risk is high."""
CHANNELS = ("staff", "portal", "phone", "email", "processor", "api")


def fold(state: State | None, event: Event) -> State:
    """Return the state of an incident after an event."""
    facts, on = event.facts, event.at.isoformat()
    stage = facts["stage"]
    if stage == "reported" and state is None:
        return {
            "number": facts["number"], "entity": event.entity, "channel": facts["channel"], "status": "reported",
            "reported_at": facts.get("at", on), "reported_by": event.actor, "aware_at": None, "due": None,
            "certain_by": None, "risk": None, "types": [], "categories": [], "people": None, "records": None,
            "authority": [], "people_told": 0, "people_failed": 0, "exempt": None, "controllers": 0, "ended_on": None,
            **({"imported": _taken_over(event)} if facts.get("imported") else {}),
        }  # fmt: skip
    if state is None or state["ended_on"]:
        raise ValueError(stage)
    match stage:
        case "certain" if state["aware_at"] is None:
            return {**state, "status": "breach", "aware_at": facts["aware_at"], "due": facts["due"],
                    "certain_by": event.actor}  # fmt: skip
        case "assessed":
            told: Any = facts["counts"]
            return {**state, "risk": facts["risk"], "types": facts["types"], "categories": facts["categories"],
                    "people": told["people"], "records": told["records"]}  # fmt: skip
        case "authority_told":
            once = {"at": facts["at"], "phase": facts["phase"], "late": facts["late"]}
            return {**state, "authority": [*state["authority"], once], "due": None}
        case "person_told":
            sent = facts["outcome"] == "sent"
            return {**state, "people_told": state["people_told"] + sent,
                    "people_failed": state["people_failed"] + (not sent)}  # fmt: skip
        case "people_counted":  # imported: how many were told, by what the other register says
            counted: Any = facts["counts"]
            return {**state, "people_told": state["people_told"] + counted["people"]}
        case "people_exempt":
            return {**state, "exempt": facts["reason"]}
        case "controller_told":
            return {**state, "controllers": state["controllers"] + 1}
        case "dismissed" | "closed":
            ended = {**state, "status": stage, "due": None, "ended_on": str(facts.get("at", on))[:10]}
            return (
                {**ended, "imported": {**state["imported"], "ended": True}}
                if facts.get("imported")
                else ended
            )
        case _:
            raise ValueError(stage)


def _taken_over(event: Event) -> State:
    told: Any = event.facts["imported"]
    return {"import": told["import"], "row": told["row"], "by": event.actor, "event": event.id,
            "on": event.at.date().isoformat(), "ended": False}  # fmt: skip


def is_claimed(state: Mapping[str, Any]) -> bool:
    """Say whether an incident ended before it was imported: nothing of its course is vouched for by the seals."""
    return bool((state.get("imported") or {}).get("ended"))


def is_late(state: Mapping[str, Any], hours_end: datetime | None, now: datetime) -> bool:
    """Say whether the authority was told too late, or is not told and should have been."""
    if state["risk"] == "unlikely" or hours_end is None:
        return False
    if state["authority"]:
        return bool(state["authority"][0]["late"])
    return now > hours_end and state["status"] != "dismissed"


@dataclass(frozen=True, slots=True)
class Countdown:
    """Where the hours stand: a word, when they end, and how long until then; less than nothing once they are over."""

    word: Literal["uncertain", "no_breach", "not_owed", "running", "overdue", "told", "told_late"]
    ends: datetime | None = None
    left: timedelta = timedelta()

    @property
    def hours(self) -> int:
        """Whole hours of what is left, or of how late it is."""
        return int(abs(self.left).total_seconds() // 3600)

    @property
    def minutes(self) -> int:
        """The minutes beside the whole hours."""
        return int(abs(self.left).total_seconds() % 3600 // 60)


def countdown(state: Mapping[str, Any], ends: datetime | None, now: datetime) -> Countdown:
    """Say where the hours stand now, or stood when the authority was told."""
    if state["authority"]:
        first = state["authority"][0]
        left = ends - datetime.fromisoformat(first["at"]) if ends else timedelta()
        return Countdown("told_late" if first["late"] else "told", ends, left)
    if state["status"] == "dismissed":
        return Countdown("no_breach")
    if ends is None:
        return Countdown("uncertain")
    if state["risk"] == "unlikely":
        return Countdown("not_owed", ends)
    return Countdown("running" if now <= ends else "overdue", ends, ends - now)


CLOSING: Mapping[str, str] = MappingProxyType(
    {
        "certain": "Nobody has said yet whether it was a breach. Record it as certain, or dismiss it with the reason.",
        "risk": "Its risk to people was not assessed.",
        "authority": "The authority was not told, and the risk asks for it (GDPR Art. 33(1)).",
        "people": "The people it is about were not told, and the risk is high (GDPR Art. 34(1)). Write to them, or "
        "record why it is not owed (Art. 34(3)).",
    }
)
"""What may still be owed before an incident is closed, by a word that never changes."""


def owed(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is still owed before an incident can be closed, as words of `CLOSING`."""
    if state["aware_at"] is None:
        yield "certain"
        return
    if state["risk"] is None:
        yield "risk"
    elif state["risk"] != "unlikely" and not state["authority"]:
        yield "authority"
    if state["risk"] == "high" and not state["people_told"] and not state["exempt"]:
        yield "people"


def why_not_close(state: Mapping[str, Any]) -> Iterator[str]:
    """Say why an incident cannot be closed yet."""
    return (CLOSING[word] for word in owed(state))


def open_ones(state: Mapping[str, Any]) -> bool:
    """Say whether it still goes on."""
    return not state["ended_on"]


NOTIFIED = (
    "address", "late_because", "nature", "subjects", "people", "categories_of_data", "records", "consequences",
    "measures",
)  # fmt: skip
"""What Art. 33(1) and (3) ask a notice to say, by field; the address of the controller is ours to know."""


def missing_in_notice(told: Mapping[str, Any]) -> list[str]:
    """Return, by field, what a notice must say and nobody has said yet: it follows in a later phase (Art. 33(4))."""
    wanted = [name for name in NOTIFIED if name != "late_because" or told["late"]]
    return [name for name in wanted if told[name] in (None, "", [], 0)]
