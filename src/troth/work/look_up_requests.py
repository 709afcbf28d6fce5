"""Look up what is asked about requests: from their folded states, their letters and who had a hand in them.

Law: GDPR Arts. 12(3) to (6), 38(6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from troth.ledger import listed, read
from troth.rules import question_request as questions
from troth.rules.package import plain
from troth.rules.plural import several
from troth.rules.question import Answer, Row
from troth.work import dossier
from troth.work.look_up import Look, in_order

_ENDS = frozenset({"refusal", "unidentified"})


def overdue(look: Look) -> Answer:
    """Which requests are late, with the reason that was recorded and when the officer was written to."""
    found = _perhaps_late(look)
    if found is None:
        states, moved = look.requests(), look.past.events("request_moved")
    else:
        states = sorted(found, key=in_order)
        moved = (one for state in states for one in look.past.stream(f"request/{state['id']}"))
    reasons = {
        str(event.request or ""): str(look.past.said(event).get("note") or "")
        for event in moved
        if event.kind == "request_moved"
        and (event.facts["reason"] == "late" or event.facts["to"] == "late_explained")
    }
    answer = questions.overdue(states, reasons, sorted(_digests(look)), look.asked)
    return answer if found is None else replace(answer, looked=_with_legal_date(look))


def _perhaps_late(look: Look) -> list[Mapping[str, Any]] | None:
    """Return the requests that may be late, by their list; None where every request is to be read.

    The list says nothing of what was as a checkpoint covered it, nor under which law a request is.
    """
    if look.past.size is not None or look.asked.jurisdiction:
        return None
    ledger = look.project.ledger
    numbers = listed.perhaps_late(ledger, *_listed(look), look.asked.today.isoformat())
    found = (read.state(ledger, f"request/{number}") for number in numbers)
    return [state.body for state in found if state is not None]


def _with_legal_date(look: Look) -> int:
    return listed.with_legal_date(look.project.ledger, *_listed(look))


def _listed(look: Look) -> tuple[tuple[str, ...] | None, str, str]:
    """Return how the list is narrowed: to the company with what is of the whole group, and to the period."""
    asked = look.asked
    entities = (asked.entity, "") if asked.entity else None
    return (
        entities,
        asked.since.isoformat() if asked.since else "",
        asked.until.isoformat() if asked.until else "",
    )


def _digests(look: Look) -> Iterator[str]:
    """Yield the days on which the officer was written to of what presses."""
    if look.past.size is None:
        streams = [found.stream for found in read.states(look.project.ledger, "digest")]
        sent = (event for stream in streams for event in look.past.stream(stream))
    else:
        sent = (one for one in look.past.events("letter_sent") if one.stream.startswith("digest/"))
    for event in sent:
        if event.kind == "letter_sent" and event.facts["outcome"] == "sent":
            yield event.stream.partition("/")[2]


def times(look: Look) -> Answer:
    """How many claims, and how soon."""
    return questions.times(look.requests(), look.asked)


def extensions(look: Look) -> Answer:
    """Which clocks were extended."""
    return questions.extensions(look.requests(), look.asked)


def refusals(look: Look) -> Answer:
    """What was refused or charged for."""
    decisions: dict[tuple[str, str], Any] = {}
    advice: dict[tuple[str, str], str] = {}
    for event in look.past.events("claim_decided", "dpo_advised", "fee_moved"):
        number = str(event.request or "")
        if event.kind == "claim_decided":
            decisions[number, str(event.facts["claim"])] = look.past.said(event)
        elif event.kind == "dpo_advised":
            advice[number, str(event.facts["claim"])] = str(look.past.said(event).get("note") or "")
        elif event.facts["state"] == "proposed":
            decisions[number, ""] = look.past.said(event)
    return questions.refusals(look.requests(), decisions, advice, look.asked)


def remedies(look: Look) -> Answer:
    """Which refusals do not say where to complain, or that there is a court."""
    return questions.remedies(look.requests(), _letters(look), look.asked)


def late_refusals(look: Look) -> Answer:
    """Which refusals came too late."""
    return questions.late_refusals(look.requests(), _letters(look), look.asked)


def _letters(look: Look) -> Iterator[questions.Letter]:
    """Yield the letters by which something was refused: refusals, and answers in which a part was."""
    refused = {
        str(state["id"])
        for state in look.requests()
        if any(claim["outcome"] in {"refuse", "part"} for claim in state["claims"].values())
    }
    on = {one["event"]: str(one["on"]) for state in look.requests() for one in state["letters"]}
    for event in look.past.events("letter_sent"):
        number, kind = str(event.request or ""), event.facts["kind"]
        if event.facts["outcome"] == "sent" and (kind in _ENDS or (kind == "done" and number in refused)):
            said = look.past.said(event)
            words = f"{said.get('subject', '')}\n{said['text']}" if "text" in said else None
            yield questions.Letter(number, event.id, on.get(event.id, event.at.date().isoformat()), words)


def identity(look: Look) -> Answer:
    """How often more was asked about identity."""
    came: dict[tuple[str, str], datetime] = {}
    gone: dict[tuple[str, str], datetime] = {}
    for event in look.past.events("document_shown", "document_gone"):
        key = (event.stream.partition("/")[2], str(event.facts["document"]))
        (came if event.kind == "document_shown" else gone)[key] = event.at
    copies: defaultdict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for key, at in came.items():
        copies[key[0]].append((at, gone.get(key)))
    return questions.identity(look.requests(), copies, look.asked)


def request(look: Look) -> Answer:
    """One request end to end, each of its records verified."""
    told = dossier.gathered(look.project, look.number, language=look.asked.language)
    sealed = dossier.verify(told)
    known = {event.id for event in look.past.stream(f"request/{look.number}")}
    rows: list[Row] = [
        {
            "at": one["at"][:19],
            "kind": one["kind"],
            "actor": one["actor"],
            "facts": tuple(
                f"{name}: {_flat(value, look.asked.language)}"
                for name, value in one["facts"].items()
                if name not in {"staff", "by"} and value not in (None, [], "")
            ),
            "said": _flat(one.get("said", ""), look.asked.language),
            "genuine": True,
        }
        for one in told["events"]
        if look.past.size is None or one["id"] in known
    ]
    clock = look.asked.say("clock", legal=told["clock"]["legal_due"] or "–", sealed=sealed, count=len(rows))
    return Answer(tuple(rows), len(rows), notes=(clock,))


def _flat(value: Any, language: str) -> str:
    match plain(value):
        case dict() as told:
            kept = {name: one for name, one in told.items() if one not in (None, "", [], {})}
            return several((f"{name}: {_flat(one, language)}" for name, one in kept.items()), language)
        case list() as told:
            return ", ".join(_flat(one, language) for one in told)
        case told:
            return str(told)


def staff_access(look: Look) -> Answer:
    """Who opened request files, and whose hands were where they may not be."""
    events = (
        event
        for event in look.past.events("staff_read", "claim_decided", "decision_reviewed", "dpo_advised")
        if event.stream.startswith("request/")
    )
    return questions.staff_access(events, look.asked)


def minors_and_agents(look: Look) -> Answer:
    """How requests for somebody else, and consents of minors, were verified."""
    return questions.minors_and_agents(look.requests(), look.past.events("consent_recorded"), look.asked)
