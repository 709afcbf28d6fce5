"""What a page shows of a request: words and dates, from its state and its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from troth.errors import KeyDestroyedError
from troth.faces.words import Words
from troth.ledger import read, vault
from troth.rules import request
from troth.rules.event import Event
from troth.work import request_file
from troth.work.project import Project

GOOD, WARN = frozenset({"responded", "closed"}), frozenset({"waiting", "refused", "not_identifiable"})
SHOWN_ONCE = frozenset({"act_ended"})


def seen(project: Project, number: str, words: Words, *, private: bool) -> dict[str, Any]:
    """Return what the page shows; without `private` only where the request stands."""
    state = request_file.load(project, number).state
    until = request.answer_until(state)
    ready = any(
        claim["right"] == "access" and claim["done"] and claim["package"]
        for claim in state["claims"].values()
    )
    fetchable = ready and bool(state["answered"]) and (until is None or project.clock().date() <= until)
    events = read.stream(project.ledger, f"request/{number}")
    return {
        "number": number,
        "proven": private,
        "open": request.is_open(state),
        "state": words(f"state.{state['status']}"),
        "mood": "good" if state["status"] in GOOD else "warn" if state["status"] in WARN else "",
        "received": words.day(date.fromisoformat(state["received"])),
        "due": _due(state, words),
        "extended": words.day(date.fromisoformat(state["extension"]["on"])) if state["extension"] else "",
        "claims": [_claim(claim, words, private=private) for claim in state["claims"].values()],
        "answer": fetchable and private,
        "answer_until": words.day(until) if until else "",
        "letters": list(_letters(project, events, words, state["tz"])) if private else [],
        "story": list(_story(events, words, state["tz"], private=private)),
    }


def _due(state: Mapping[str, Any], words: Words) -> str:
    if not request.is_open(state) or not state["legal_due"]:
        return ""
    return words.day(date.fromisoformat(state["legal_due"]))


def _claim(claim: Mapping[str, Any], words: Words, *, private: bool) -> dict[str, str]:
    right = f"right.{claim['right']}"
    outcome = claim["outcome"] if private and claim["outcome"] else "open"
    return {"right": words(right) if words.has(right) else claim["right"], "state": words(f"claim.{outcome}")}


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
            "lines": [part for part in paragraphs if part],
        }


def _story(events: tuple[Event, ...], words: Words, zone: str, *, private: bool) -> Iterator[dict[str, str]]:
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
        at = _local(event.at, zone)
        yield {"at": at.isoformat(timespec="seconds"), "on": words.day(at), "text": words(key, to=to)}


def _local(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone))
