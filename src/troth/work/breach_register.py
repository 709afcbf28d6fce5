"""Draw the register of breaches: a line each, also of those that nobody was told of.

A line has the first notice to the authority beside the last one, every phase of it, and each controller
that was told, with its moment.

Law: GDPR Art. 33(2), (4), (5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from troth.rules import incident as rules
from troth.rules.event import Event
from troth.rules.plural import several
from troth.work.incident import course, every, spoken_in, words
from troth.work.project import Project


def register(project: Project) -> Iterator[dict[str, Any]]:
    """Yield a line for every breach; `authority_phases` and `controllers` are lists of their own."""
    for state in every(project):
        if state["aware_at"] is None:
            continue
        said, phases = words(project, state["number"]), notices(project, state["number"])
        first, last = (phases[0], phases[-1]) if phases else ({}, {})
        yield {
            "number": state["number"],
            "company": state["entity"],
            "reported_at": state["reported_at"],
            "aware_at": state["aware_at"],
            "certain_by": said.get("by", ""),
            "occurred": said.get("occurred", ""),
            "types": " ".join(state["types"]),
            "nature": said.get("nature") or said.get("what", ""),
            "cause": said.get("cause", ""),
            "subjects": said.get("subjects", ""),
            "categories": " ".join(state["categories"]),
            "people": state["people"],
            "records": state["records"],
            "consequences": said.get("consequences", ""),
            "risk": state["risk"] or "",
            "why": said.get("why", ""),
            "measures": said.get("measures", ""),
            "authority_told_at": first.get("at", ""),
            "authority_reference": first.get("reference", ""),
            "late": first.get("late", ""),
            "late_because": first.get("because", ""),
            "authority_last_told_at": last.get("at", ""),
            "authority_last_reference": last.get("reference", ""),
            "authority_phases": phases,
            "people_told": state["people_told"],
            "people_not_told_because": rules.EXEMPT.get(str(state["exempt"]), ""),
            "controllers_told": state["controllers"],
            "controllers": controllers(project, state["number"]),
            "lessons": said.get("lessons", ""),
            "status": state["status"],
            "ended_on": state["ended_on"] or "",
            "imported": (state.get("imported") or {}).get("on", ""),
        }


def notices(project: Project, number: str) -> list[dict[str, Any]]:
    """Return each notice to the authority in order: its moment, phase, reference, and the reasons where it was late."""
    found = []
    for event in _of(project, number, "authority_told"):
        said = spoken_in(project, event)
        found.append(
            {
                "at": event.facts["at"],
                "phase": event.facts["phase"],
                "reference": said.get("reference", ""),
                "late": event.facts["late"],
                "because": said.get("because", ""),
            }
        )
    return found


def controllers(project: Project, number: str) -> list[dict[str, Any]]:
    """Return each controller that was told, in order, with the proof; when: as recorded, where nobody said it."""
    found = []
    for event in _of(project, number, "controller_told"):
        said = spoken_in(project, event)
        at = event.facts.get("at") or event.at.isoformat(timespec="seconds")
        found.append({"at": at, "controller": said.get("controller", ""), "proof": said.get("proof", "")})
    return found


def cell(value: object, language: str = "en") -> object:
    """Write a value of a line for one cell of a table: a list one part after the other.

    >>> cell([{"at": "2026-11-23T14:05+01:00", "phase": "initial", "late": True}, {"at": "2026-11-25", "late": False}])
    '2026-11-23T14:05+01:00, initial, late; 2026-11-25'
    """
    if not isinstance(value, list):
        return value
    return several((", ".join(_parts(one)) for one in value), language)


def _parts(one: Mapping[str, object]) -> Iterator[str]:
    for name, said in one.items():
        if isinstance(said, bool):
            yield from [name] if said else []
        elif said:
            yield str(said)


def _of(project: Project, number: str, stage: str) -> list[Event]:
    return [event for event in course(project, number) if event.facts["stage"] == stage]
