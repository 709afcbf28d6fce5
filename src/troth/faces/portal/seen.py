"""What a page shows of a request: words and dates, from its state and its events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from troth.errors import KeyDestroyedError
from troth.faces.words import Words
from troth.law.sentence import cite
from troth.ledger import read, vault
from troth.ledger.receipt import sealed
from troth.rules import representation, request, request_guard
from troth.rules.event import Event
from troth.rules.receipted import is_letter, is_receipted
from troth.work import build_package, letter_paper, request_file, show_document
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
        "thread": list(_thread(project, events, words, state)) if private else [],
        "documents": list(_documents(events, state, words)) if private else [],
        "story": list(_story(project, events, words, state, private=private)),
    }


def as_received(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a state without what was asked, extended or decided since."""
    claims = {name: {**claim, "outcome": None} for name, claim in state["claims"].items()}
    return {**state, "asks": {}, "extension": None, "claims": claims}


def _due(state: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return by when somebody hears from us, why, and how the day is reckoned; empty once it ended."""
    if not request.is_open(state):
        return {}
    reckoned = request.deadline(state)
    steps: list[str] = []
    for step in reckoned.explanation:
        steps.append(f"{step.sentence.say(words.language)} ({cite(step.law, words.language)})")
        if step.sentence.key == "legal_due":  # what follows is advice to those who answer
            break
    if reckoned.legal_due is None:
        return {"day": "", "why": words("due.still"), "steps": steps}
    why = words("due.extended" if reckoned.extended else "due.why")
    return {"day": words.day(reckoned.legal_due), "why": why, "steps": steps}


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


def _thread(
    project: Project, events: tuple[Event, ...], words: Words, state: Mapping[str, Any]
) -> Iterator[dict[str, object]]:
    """Yield what was written in both directions; another who gets the answer sees letters only."""
    theirs = not representation.to_the_subject(state)
    for event in events:
        try:
            if is_letter(event):
                letter = vault.payload(project.ledger, event)
                yield {
                    "file": event.id if letter_paper.keeps_letter(letter) else "",
                    "ours": True, "subject": letter.get("subject", ""), "on": words.day(_local(event.at, state["tz"])),
                    "lines": _paragraphs(str(letter.get("text", ""))),
                }  # fmt: skip
            elif (
                theirs
                and event.kind in {"request_received", "said_more"}
                and event.facts.get("same_address", True)
            ):
                said = vault.payload(project.ledger, event)
                lines = _paragraphs(str(said.get("wording") or said.get("text") or ""))
                asked = words.has(f"thread.{event.kind}") and words(f"thread.{event.kind}")
                if lines or event.kind == "request_received":
                    yield {"ours": False, "subject": asked, "on": words.day(_local(event.at, state["tz"])),
                           "lines": lines}  # fmt: skip
        except KeyDestroyedError:
            continue


def _paragraphs(text: str) -> list[str]:
    parts = [part.strip() for part in text.split("\n\n")]
    return [re.sub(r"\n(?!\s*- )\s*", " ", part) for part in parts if part]


def _documents(events: tuple[Event, ...], state: Mapping[str, Any], words: Words) -> Iterator[dict[str, str]]:
    """Yield what was handed in: its kind and size, when, and what became of it; never what it says."""
    known = state.get("documents") or {}
    for event in events:
        if event.kind == "document_shown":
            facts = event.facts
            gone = known.get(str(facts["document"]), {}).get("gone")
            yield {
                "kind": str(facts["type"]).upper(), "kilobytes": str(max(1, int(str(facts["bytes"])) // 1024)),
                "on": words.day(_local(event.at, state["tz"])),
                "state": words("documents.gone" if gone else "documents.here"),
            }  # fmt: skip


def _story(
    project: Project, events: tuple[Event, ...], words: Words, state: Mapping[str, Any], *, private: bool
) -> Iterator[dict[str, object]]:
    """Yield the steps, each with the name of its receipt where this person gets one, and whether it is sealed."""
    told: set[str] = set()
    receipted = [event.id for event in events if private and is_receipted(event)]
    proven = sealed(project.ledger, receipted)
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
            "receipt": event.id if event.id in receipted else "",
            "sealed": event.id in proven,
        }


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))
