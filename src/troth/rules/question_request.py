"""What a regulator asks about requests: how soon, why later, why not, and by whom it was decided.

Everything is worked out from the folded requests and their events; days are those of the place
where each request is answered.

Law: GDPR Arts. 8, 12(3) to (6), 38(6); law.md sections 2, 3.4, 3.5, 12.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any

from troth.law.authority import authority
from troth.law.jurisdiction import lineage
from troth.rules import request, statistics
from troth.rules.event import Event
from troth.rules.question import Answer, Asked, Row

State = Mapping[str, Any]
_COURT = re.compile(
    r"\bcourts?\b|\bjudicial\b|\btribun|\bjuridictionnel|\bjuges?\b|\ben justice\b", re.IGNORECASE
)
_AUTHORITY = re.compile(r"\bsupervisory authority\b|\bautorité de contrôle\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """A refusal as it was sent: of which request, when, and its words (None once they were erased)."""

    number: str
    event: str
    on: str
    words: str | None


def overdue(
    states: Iterable[State], reasons: Mapping[str, str], digests: Sequence[str], asked: Asked
) -> Answer:
    """Answer which requests are overdue or were answered late.

    `reasons` are the explanations by request; `digests` the days on which the officer was
    written to of what presses, in order.
    """
    rows: list[Row] = []
    looked = 0
    for state in _chosen(states, asked, "legal_due"):
        legal, today = str(state["legal_due"]), asked.today.isoformat()
        looked += 1
        answered = state.get("answered_on")
        if not (request.answered_late(state) or (not answered and request.is_open(state) and today > legal)):
            continue
        until = str(answered or today)
        rows.append(
            {
                "request": state["id"],
                "entity": state["entity"],
                "rights": _rights(state),
                "received": state["received"],
                "legal_due": legal,
                "answered": answered or "",
                "days_late": (date.fromisoformat(until) - date.fromisoformat(legal)).days,
                "reason": reasons.get(str(state["id"]), ""),
                "escalated": next((day for day in digests if legal < day <= until), ""),
                "status": _status(state, asked),
            }
        )
    return Answer(tuple(sorted(rows, key=lambda row: str(row["legal_due"]))), looked, late=len(rows))


def _status(state: State, asked: Asked) -> str:
    """Return where a request stands; of one that ended elsewhere, that it was imported and since when."""
    if not request.is_claimed(state):
        return str(state["status"])
    return f"{state['status']}, {asked.say('imported', on=state['imported']['on'])}"


def times(states: Iterable[State], asked: Asked) -> Answer:
    """Answer how many claims came by company, right and month, and how soon they were answered."""
    claims = list(statistics.tuples(_chosen(states, asked)))
    small = asked.say("small")
    rows: list[Row] = []
    for cell in statistics.cells(claims, least=asked.least):
        shown: dict[str, Any] = {"entity": cell.entity, "right": cell.right, "month": cell.month}
        for name in (
            "claims",
            "answered",
            "days_median",
            "days_p95",
            "in_time",
            "refused",
            "extended",
            "imported",
        ):
            shown[name] = getattr(cell, name)
        both = cell.in_time is not None and cell.answered
        shown["in_time_percent"] = round(100 * (cell.in_time or 0) / cell.answered, 1) if both else None  # type: ignore[operator]
        if asked.least > 1:
            shown |= {name: small for name, value in shown.items() if value is None}
        rows.append(shown)
    return Answer(tuple(rows), len(claims))


def extensions(states: Iterable[State], asked: Asked) -> Answer:
    """Answer which clocks were extended, and whether the notice went out in time; a late one has no effect."""
    rows: list[Row] = []
    looked = 0
    for state in _chosen(states, asked):
        looked += 1
        if not state["extension"]:
            continue
        due, told = request.deadline(state), str(state["extension"]["on"])
        limit = due.extension_notice_latest.isoformat() if due.extension_notice_latest else ""
        rows.append(
            {
                "request": state["id"],
                "entity": state["entity"],
                "reason_code": state["extension"]["reason"],
                "told_on": told,
                "limit": limit,
                "in_time": not limit or told <= limit,
                "standing": asked.word("void" if due.flagged("extension_void") else "valid"),
                "legal_due": state["legal_due"],
            }
        )
    return Answer(tuple(rows), looked)


def refusals(
    states: Iterable[State],
    decisions: Mapping[tuple[str, str], Mapping[str, Any]],
    advice: Mapping[tuple[str, str], str],
    asked: Asked,
) -> Answer:
    """Answer what was refused, in whole or part, or charged for, with what proves it and who had a hand in it.

    `decisions` are the words of the last decision (and under no claim the record of a fee), `advice` those of
    the officer, by request and claim.
    """
    rows: list[Row] = []
    looked = 0
    for state in _chosen(states, asked):
        number = str(state["id"])
        for name, claim in state["claims"].items():
            looked += claim["outcome"] is not None
            if claim["outcome"] in {"refuse", "part"}:
                said, told = decisions.get((number, name), {}), advice.get((number, name), "")
                rows.append(_decided(state, name, claim, said, told))
        if state.get("fee"):
            looked += 1
            rows.append(_charged(state, decisions.get((number, ""), {})))
    return Answer(tuple(rows), looked)


def _decided(state: State, name: str, claim: State, said: Mapping[str, Any], advice: str) -> Row:
    return {
        "request": state["id"],
        "entity": state["entity"],
        "claim": name,
        "right": claim["right"],
        "outcome": claim["outcome"],
        "article": claim["article"] or "",
        "ground": claim["ground"] or "",
        "exemptions": tuple(map(str, claim["exemptions"])),
        "proof": bool(said.get("proof")),
        "reason": str(said.get("reason") or ""),
        "decided_on": claim.get("decided_on") or "",
        "decided_by": claim["decided_by"] or "",
        "reviewed_by": claim["reviewed_by"] or "",
        "advised_by": claim["advised_by"] or "",
        "advice": advice,
    }


def _charged(state: State, said: Mapping[str, Any]) -> Row:
    fee = state["fee"]
    return {
        "request": state["id"],
        "entity": state["entity"],
        "claim": "",
        "right": _rights(state),
        "outcome": f"fee {fee['state']}: {fee['amount']} {fee['currency']}",
        "article": "GDPR Art. 12(5)(a)",
        "ground": str(said.get("kind") or ""),
        "exemptions": (),
        "proof": bool(said),
        "reason": str(said.get("facts") or ""),
        "decided_on": fee.get("asked_on") or "",
        "decided_by": fee.get("by") or "",
        "reviewed_by": fee.get("confirmed_by") or "",
        "advised_by": "",
        "advice": "",
    }


def remedies(states: Iterable[State], letters: Iterable[Letter], asked: Asked) -> Answer:
    """Answer which refusals that were sent do not say both that one may complain and go to court.

    Letters whose words were erased are counted apart: nobody can say any more what they said.
    """
    known = {str(state["id"]): state for state in states}
    rows: list[Row] = []
    looked = erased = 0
    for one in letters:
        state = known.get(one.number)
        if state is None or not asked.of(state["entity"], state["jurisdiction"]) or not asked.within(one.on):
            continue
        if one.words is None:
            erased += 1
            continue
        looked += 1
        lacks = tuple(asked.word(code) for code in _unsaid(one, str(state["jurisdiction"])))
        if lacks:
            rows.append(
                {
                    "request": one.number,
                    "entity": state["entity"],
                    "letter": one.event,
                    "on": one.on,
                    "lacks": lacks,
                }
            )
    notes = (asked.say("unreadable", count=erased),) if erased else ()
    return Answer(
        tuple(rows), looked, len(rows), notes=notes, evidence=tuple(str(row["letter"]) for row in rows)
    )


def _unsaid(letter: Letter, jurisdiction: str) -> Iterator[str]:
    """Yield which of the two a refusal does not say: where to complain, and that there is a court."""
    flat = " ".join((letter.words or "").split())
    known = authority(lineage(jurisdiction)[0].code, date.fromisoformat(letter.on))
    web = known.web.partition("://")[2].removeprefix("www.").rstrip("/")
    if not (known.called in flat or (web and web in flat) or _AUTHORITY.search(flat)):
        yield "complaint"
    if not _COURT.search(flat):
        yield "remedy"


def late_refusals(states: Iterable[State], letters: Iterable[Letter], asked: Asked) -> Answer:
    """Answer which refusals went out after the last day for them, which no extension moves in the EU."""
    known = {str(state["id"]): state for state in states}
    rows: list[Row] = []
    looked = 0
    for one in letters:
        state = known.get(one.number)
        if state is None or not asked.of(state["entity"], state["jurisdiction"]) or not asked.within(one.on):
            continue
        looked += 1
        limit = request.deadline(state).refusal_latest
        if limit is not None and one.on > limit.isoformat():
            rows.append(
                {
                    "request": one.number,
                    "entity": state["entity"],
                    "on": one.on,
                    "limit": limit.isoformat(),
                    "days_late": (date.fromisoformat(one.on) - limit).days,
                    "extended": state["extension"] is not None,
                }
            )
    return Answer(tuple(rows), looked, late=len(rows))


def identity(
    states: Iterable[State], copies: Mapping[str, Sequence[tuple[datetime, datetime | None]]], asked: Asked
) -> Answer:
    """Answer how often more was asked about identity, by company and month.

    `copies` says when each copy of a paper came, and when it was gone, by request.
    """
    grouped: defaultdict[tuple[str, str], list[State]] = defaultdict(list)
    for state in _chosen(states, asked):
        grouped[str(state["entity"]), str(state["received"])[:7]].append(state)
    rows: list[Row] = []
    for (entity, month), found in sorted(grouped.items()):
        asks = [[one for one in state["asks"].values() if one["what"] == "identity"] for state in found]
        doubts = Counter(str(one["reason"] or "?") for each in asks for one in each)
        papers = [one for state in found for one in copies.get(str(state["id"]), ())]
        hours = [(gone - came).total_seconds() / 3600 for came, gone in papers if gone is not None]
        number = sum(bool(each) for each in asks)
        rows.append(
            {
                "entity": entity,
                "month": month,
                "requests": len(found),
                "asked": number,
                "share_percent": round(100 * number / len(found), 1),
                "reasons": tuple(
                    f"{doubt}: {count if count >= asked.least else asked.say('small')}"
                    for doubt, count in sorted(doubts.items())
                ),
                "documents": sum(bool(copies.get(str(state["id"]))) for state in found),
                "gone": sum(
                    bool(mine) and all(gone is not None for _, gone in mine)
                    for mine in (copies.get(str(state["id"]), ()) for state in found)
                ),
                "hours_median": round(median(hours), 1) if hours else None,
            }
        )
    return Answer(tuple(rows), sum(map(len, grouped.values())))


def staff_access(events: Iterable[Event], asked: Asked) -> Answer:
    """Answer who opened which request file, and which decisions were made by hands that may not make them.

    Whoever decides does not review, and whoever advises as data protection officer does neither.
    """
    rows: list[Row] = []
    companies = []
    breaches = 0
    decided: dict[tuple[str, str], str] = {}
    had_a_hand: defaultdict[str, set[str]] = defaultdict(set)
    advised: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        number, staff = (
            event.request or event.stream.partition("/")[2],
            str(event.facts.get("staff") or event.actor),
        )
        inside, broken = asked.within(event.at.isoformat()) and asked.by(event.entity), ""
        if inside:
            companies.append(event.entity)
        claim = (number, str(event.facts.get("claim") or ""))
        match event.kind:
            case "staff_read":
                if inside:
                    reason = str(event.facts.get("reason") or "")
                    rows.append(
                        _hand(event, asked.word("reading"), staff, number, str(event.facts["screen"]), reason)
                    )
                continue
            case "claim_decided":
                decided[claim] = staff
                had_a_hand[number].add(staff)
            case "decision_reviewed":
                broken = "same_hands" if decided.get(claim) == staff else ""
                had_a_hand[number].add(staff)
            case "dpo_advised":
                advised[number].add(staff)
        if staff in advised[number] & had_a_hand[number]:
            broken = broken or "dpo_decides"
        if broken and inside:
            breaches += 1
            rows.append(_hand(event, asked.word(broken), staff, number, event.kind, claim[1]))
    notes = (asked.say("duties", count=breaches),) if breaches else ()
    return Answer(tuple(rows), len(companies), breaches, notes=notes + asked.of_group(companies))


def _hand(event: Event, what: str, staff: str, number: str, screen: str, reason: str) -> Row:
    at = event.at.isoformat(timespec="seconds")
    return {
        "at": at,
        "what": what,
        "staff": staff,
        "request": number,
        "screen": screen,
        "reason_code": reason,
    }


def minors_and_agents(states: Iterable[State], consents: Iterable[Event], asked: Asked) -> Answer:
    """Answer how requests made for somebody else were verified and ended, and which consents are minors'."""
    rows: list[Row] = []
    companies = []
    for state in _chosen(states, asked):
        acting = state["acting"]
        if not acting:
            continue
        checked = acting["checked"]
        outcomes = tuple(
            f"{claim['right']}: {claim['outcome'] or state['ended'] or 'open'}"
            for claim in state["claims"].values()
        )
        rows.append(
            {
                "what": asked.word("request"),
                "reference": state["id"],
                "on": state["received"],
                "acting": acting["kind"],
                "verified": checked is not None,
                "rights": tuple(map(str, checked["rights"])) if checked else _rights(state),
                "outcome": outcomes,
            }
        )
    for event in consents:
        age = str(event.facts.get("age_class") or "")
        at = event.at.isoformat()
        if age not in {"guardian", "minor"} or not asked.within(at) or not asked.of(event.entity):
            continue
        companies.append(event.entity)
        rows.append(
            {
                "what": asked.word("consent"),
                "reference": event.id,
                "on": at[:10],
                "acting": age,
                "verified": age == "guardian",
                "rights": (str(event.facts["purpose"]),),
                "outcome": (str(event.facts["given"]),),
            }
        )
    return Answer(tuple(rows), len(rows), notes=asked.of_group(companies))


def _chosen(states: Iterable[State], asked: Asked, by: str = "received") -> Iterator[State]:
    """Yield the requests of the company, the law and the period; by default of the day they were received."""
    for state in states:
        day = state.get(by)
        if day and asked.within(day) and asked.of(state["entity"], state["jurisdiction"]):
            yield state


def _rights(state: State) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(claim["right"]) for claim in state["claims"].values()))
