"""What a page shows of a request: words and dates, from its state and its events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from troth.errors import KeyDestroyedError
from troth.faces.words import Words
from troth.ledger import read, vault
from troth.rules import request, request_guard
from troth.rules.event import Event
from troth.work import build_package, request_file, show_document
from troth.work.establishment import day_here
from troth.work.project import Project

PUBLIC: Mapping[str, str] = {
    "received": "in_progress",
    "waiting": "in_progress",
    "decided": "in_progress",
    "executing": "in_progress",
    "refused": "responded",
    "not_identifiable": "responded",
    "forwarded": "responded",
    "closed": "responded",
}
"""What is shown of a state before the code: how it went could tell whether the person is known."""
GOOD, WARN = frozenset({"responded", "closed"}), frozenset({"waiting", "refused", "not_identifiable"})
SHOWN_ONCE = frozenset({"act_ended", "restriction_moved"})


def seen(project: Project, number: str, words: Words, *, private: bool) -> dict[str, Any]:
    """Return what the page shows; without `private` only where the request stands."""
    state = request_file.load(project, number).state
    until = request.answer_until(state)
    ready = build_package.ready(state)
    fetchable = bool(ready) and bool(state["answered"]) and (until is None or day_here(project) <= until)
    status = str(state["status"])
    status = status if private else PUBLIC.get(status, status)
    events = read.stream(project.ledger, f"request/{number}")
    return {
        "number": number,
        "proven": private,
        "open": request.is_open(state),
        "state": words(f"state.{status}"),
        "mood": "good" if status in GOOD else "warn" if status in WARN else "",
        "received": words.day(date.fromisoformat(state["received"])),
        "due": _due(state if private else as_received(state), words),
        "extended": words.day(date.fromisoformat(state["extension"]["on"]))
        if private and state["extension"]
        else "",
        "claims": [
            {
                **_claim(state, claim, words, private=private),
                "name": name,
                "droppable": _droppable(state, name),
            }
            for name, claim in state["claims"].items()
        ],
        "document": private and show_document.awaited(project, number),
        "answers": [_answer(state, name, words) for name in ready] if fetchable and private else [],
        "answer_until": words.day(until) if until else "",
        "letters": list(_letters(project, events, words, state["tz"])) if private else [],
        "story": list(_story(events, words, state, private=private)),
    }


def as_received(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state without what was asked, extended or decided since."""
    claims = {name: {**claim, "outcome": None} for name, claim in state["claims"].items()}
    return {**state, "asks": {}, "extension": None, "claims": claims}


def _due(state: Mapping[str, Any], words: Words) -> str:
    due = request.deadline(state).legal_due if request.is_open(state) else None
    return words.day(due)


def _claim(
    state: Mapping[str, Any], claim: Mapping[str, Any], words: Words, *, private: bool
) -> dict[str, str]:
    right = f"right.{claim['right']}"
    if private and claim["outcome"]:
        outcome = claim["outcome"]
    elif request.is_open(state):
        outcome = "open"
    else:
        outcome = "ended" if private else "hidden"
    return {"right": words(right) if words.has(right) else claim["right"], "state": words(f"claim.{outcome}")}


def _droppable(state: Mapping[str, Any], claim: str) -> bool:
    """Tell whether the person may let one claim go."""
    return not any(request_guard.why_not_drop(state, claim))


def _answer(state: Mapping[str, Any], name: str, words: Words) -> dict[str, str]:
    return {"claim": name, "right": words(f"right.{state['claims'][name]['right']}")}


def _letters(
    project: Project, events: tuple[Event, ...], words: Words, zone: str
) -> Iterator[dict[str, object]]:
    for event in events:
        if event.kind != "letter_sent" or event.facts["kind"] == "code" or event.facts["outcome"] != "sent":
            continue
        try:
            letter = vault.payload(project.ledger, event)
        except KeyDestroyedError:
            continue
        paragraphs = [part.strip() for part in str(letter.get("text", "")).split("\n\n")]
        yield {
            "subject": letter.get("subject", ""),
            "on": words.day(_local(event.at, zone)),
            "lines": [re.sub(r"\n(?!\s*- )\s*", " ", part) for part in paragraphs if part],
        }


def _story(
    events: tuple[Event, ...], words: Words, state: Mapping[str, Any], *, private: bool
) -> Iterator[dict[str, str]]:
    told: set[str] = set()
    for event in events:
        key = f"story.{event.kind}"
        if not words.has(key) or event.kind in told or (not private and event.kind != "request_received"):
            continue
        if event.kind in SHOWN_ONCE:
            told.add(event.kind)
        to = ""
        if event.kind == "request_moved":
            moved = f"state.{event.facts['to']}"
            if not words.has(moved):
                continue
            to = words(moved)
        if event.kind == "letter_sent" and event.facts["outcome"] != "sent":
            continue
        if event.kind == "letter_sent" and words.has(f"story.letter.{event.facts['kind']}"):
            key = f"story.letter.{event.facts['kind']}"
        right = ""
        if event.kind == "claim_decided":
            right = _claim(state, state["claims"][event.facts["claim"]], words, private=private)["right"]
        at = _local(event.at, state["tz"])
        yield {
            "at": at.isoformat(timespec="seconds"),
            "on": words.day(at),
            "text": words(key, to=to, right=right),
        }


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))
