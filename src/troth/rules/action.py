"""Actions: what somebody mends, by when, and what shows that it is mended.

An action is about one thing that was found: a promise that is broken or unproven, a finding of
`check`, of a scan or of the check of a map, a question whose answer must be none and is not, or a
legal hold that nobody looked at again in time.  It is closed by evidence and by its control, which
then finds nothing any more; whatever was promised or said in between closes nothing.

Law: GDPR Arts. 5(2), 24(1), 32(1)(d), 39(1)(b).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args

from troth.rules.event import Event

State = dict[str, Any]
FAMILY = "action"
Source = Literal["promise", "check", "scan", "map", "question", "hold"]
SOURCES: tuple[Source, ...] = get_args(Source)
OWNER_MAX = 100


@dataclass(frozen=True, slots=True)
class About:
    """What an action is about: by which control it is seen, and its name there."""

    source: Source
    name: str

    def __str__(self) -> str:
        """Return it as it stands in the ledger.

        >>> str(About("promise", "9.5/cookies"))
        'promise:9.5/cookies'
        """
        return f"{self.source}:{self.name}"


def about(written: str) -> About:
    """Read what an action is about, as the ledger has it; raises ValueError where it is none.

    >>> about("scan:shop.example/undeclared/_ga").name
    'shop.example/undeclared/_ga'
    """
    source, _, name = written.partition(":")
    found = next((one for one in SOURCES if one == source), None)
    if found is None or not name:
        raise ValueError(written)
    return About(found, name)


def fold(state: State | None, event: Event) -> State:
    """Return the state of an action after an event."""
    facts, on = event.facts, event.at.date().isoformat()
    step = facts["state"]
    if step == "opened" and state is None:
        return {
            "number": facts["action"], "about": facts["about"], "status": "open", "owner": facts["owner"],
            "due_on": facts["due"], "due": facts["due"], "opened_on": on, "opened_by": event.actor,
            "verdict": facts["verdict"], "figure": facts["figure"], "tries": 0, "reopened": 0,
            "closed_on": None, "evidence": [], "control": None,
        }  # fmt: skip
    if state is None:
        raise ValueError(step)
    is_open = state["status"] == "open"
    match step:
        case "reassigned" if is_open:
            day = facts.get("due") or state["due_on"]
            return {**state, "owner": facts["owner"], "due_on": day, "due": day}
        case "tried" if is_open:
            return {
                **state,
                "tries": state["tries"] + 1,
                "verdict": facts["verdict"],
                "figure": facts["figure"],
            }
        case "closed" if is_open:
            return {
                **state, "status": "closed", "due": None, "closed_on": on, "evidence": facts["evidence"],
                "control": facts.get("control"), "verdict": facts["verdict"], "figure": facts["figure"],
            }  # fmt: skip
        case "reopened" if not is_open:
            return {
                **state, "status": "open", "owner": facts["owner"], "due_on": facts["due"], "due": facts["due"],
                "verdict": facts["verdict"], "figure": facts["figure"], "closed_on": None, "evidence": [],
                "control": None, "reopened": state["reopened"] + 1,
            }  # fmt: skip
        case _:
            raise ValueError(step)


def is_overdue(state: Mapping[str, Any], today: date) -> bool:
    """Say whether an action should have been closed before today."""
    return state["status"] == "open" and bool(state["due_on"] < today.isoformat())


def said(state: Mapping[str, Any], today: date) -> str:
    """Say an open action in a few words, beside the verdict it is about."""
    late = " (overdue)" if is_overdue(state, today) else ""
    return f"action {state['number']}: {state['owner']}, by {state['due_on']}{late}"


def overdue(states: Iterable[Mapping[str, Any]], today: date) -> tuple[Mapping[str, Any], ...]:
    """Return the actions that should have been closed before today, the oldest first."""
    late = [one for one in states if is_overdue(one, today)]
    return tuple(sorted(late, key=lambda one: (one["due_on"], one["number"])))


def lacking(owner: str, due: date, today: date) -> Iterator[str]:
    """Say what an action still lacks, as sentences."""
    if not owner.strip() or len(owner) > OWNER_MAX or "@" in owner:
        yield (
            "Name who mends it as staff are named in the record, or by function: it stands there in clear, so no "
            f"e-mail address, and {OWNER_MAX} characters at most."
        )
    if due < today:
        yield f"The day by which it is mended ({due}) is past. Name one from {today} on."
