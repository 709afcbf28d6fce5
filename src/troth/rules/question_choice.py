"""What a regulator asks about consent, objection and marketing.

Law: GDPR Arts. 7(1), 7(3), 21(3), 21(4).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from troth.rules import consent
from troth.rules.consent_form import words as lacking
from troth.rules.control_consent import EASE
from troth.rules.event import Event
from troth.rules.question import Answer, Asked, Row

NOS = frozenset({"refused", "withdrawn"})
Evidence = Literal["kept", "gone", "differs"]


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that went out for marketing: a message or a disclosure, and the no that stood, if one did."""

    event: str
    what: Literal["message", "disclosure"]
    entity: str
    on: str
    purpose: str
    no: str


def marketing_after_no(sent: Iterable[Sent], nos: Iterable[Event], asked: Asked) -> Answer:
    """Answer what went out against a no of that moment.

    A note says how long a no took to be written down, for from then on it counts everywhere.
    """
    found = [one for one in sent if asked.within(one.on) and asked.of(one.entity)]
    rows: list[Row] = [
        {"event": one.event, "what": asked.word(one.what), "on": one.on, "purpose": one.purpose, "no": one.no}
        for one in found
        if one.no
    ]
    seconds = sorted(
        max(0.0, (event.at - datetime.fromisoformat(consent.said_at(event))).total_seconds())
        for event in nos
        if asked.within(event.at.isoformat())
        and asked.of(event.entity)
        and (event.kind == "objection_recorded" or event.facts["given"] in NOS)
    )
    notes: tuple[str, ...] = ()
    if seconds and len(seconds) >= asked.least:
        middle, p95 = seconds[len(seconds) // 2], seconds[-(-len(seconds) * 95 // 100) - 1]
        told = {"median": f"{middle:g}", "p95": f"{p95:g}", "most": f"{seconds[-1]:g}", "count": len(seconds)}
        notes = (asked.say("lag", **told),)
    notes += asked.of_group(one.entity for one in found)
    return Answer(
        tuple(rows), len(found), len(rows), notes=notes, evidence=tuple(str(row["event"]) for row in rows)
    )


def proof_of_consent(
    events: Sequence[Event],
    forms: Mapping[str, Mapping[str, Any]],
    evidence: Mapping[str, Evidence],
    marketing: Collection[str],
    asked: Asked,
) -> Answer:
    """Answer what somebody said until the end of the period, and what shows it; the last of each topic stood then.

    `forms` are the forms by the hash of what was shown, `evidence` whether what was shown can be shown again;
    `marketing` are the purposes that an objection to all of it closes.
    """
    day = asked.day.isoformat()
    until = sorted((event for event in events if consent.said_at(event)[:10] <= day), key=consent.said_at)
    state: Mapping[str, Any] | None = None
    for event in until:
        state = consent.fold(dict(state) if state else None, event)
    standing = consent.standing(state)
    rows = [
        _proof(event, _stands(event, standing, marketing) and _lasts(event, asked), forms, evidence, asked)
        for event in until
        if event.kind == "consent_recorded"
        if asked.since is None or consent.said_at(event)[:10] >= asked.since.isoformat()
    ]
    return Answer(tuple(rows), len(rows))


def _stands(event: Event, standing: consent.Standing, marketing: Collection[str]) -> bool:
    """Say whether a yes is what was said last about its purpose, its controller and its channel."""
    purpose, controller = str(event.facts["purpose"]), str(event.facts.get("controller") or consent.EVERY)
    channel = str(event.facts.get("channel") or consent.EVERY)
    last = next(iter(consent.about(standing, purpose, controller, channel)), None)
    if last is None or last[1].event != event.id or last[1].said != "given":
        return False
    names = (purpose, consent.EVERY) if purpose in marketing else (purpose,)
    said = last[1].at
    return not any(one.at >= said for _, one in consent.objected(standing, names, controller, channel))


def _lasts(event: Event, asked: Asked) -> bool:
    until = event.facts.get("valid_until")
    return not until or str(until) >= asked.day.isoformat()


def _proof(
    event: Event,
    stands: bool,
    forms: Mapping[str, Mapping[str, Any]],
    evidence: Mapping[str, Evidence],
    asked: Asked,
) -> Row:
    facts: Mapping[str, Any] = event.facts
    interface = str(facts.get("interface_sha256") or "")
    form = forms.get(interface)
    return {
        "event": event.id,
        "at": consent.said_at(event)[:19],
        "purpose": facts["purpose"],
        "said_word": facts["given"],
        "stands": stands,
        "method": facts["method"],
        "form": str((form or {}).get("form") or ""),
        "language": facts["language"],
        "policy_version": facts["purpose_version"],
        "notice_sha256": facts["notice_sha256"],
        "interface_sha256": interface,
        "text_sha256": str(facts.get("text_sha256") or ""),
        "evidence": asked.word(f"{evidence[interface]}_evidence") if interface in evidence else "",
        "valid_until": str(facts.get("valid_until") or ""),
        "proven": bool(facts.get("proven")),
        "lacks": lacking(list(facts.get("lacks") or ())),
    }


def consents(events: Iterable[Event], forms: Iterable[Mapping[str, Any]], asked: Asked) -> Answer:
    """Answer how many consents were given and taken back, by purpose and version; choices about cookies too."""
    counted: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    companies = []
    for event in events:
        if not asked.within(consent.said_at(event)) or not asked.of(event.entity):
            continue
        companies.append(event.entity)
        key = (str(event.facts["purpose"]), str(event.facts["purpose_version"]))
        counted[key][str(event.facts["given"])] += 1
        counted[key]["proven"] += bool(event.facts.get("proven"))
    harder: defaultdict[str, set[str]] = defaultdict(set)
    tested = set()
    for form in forms:
        for purpose in form["texts"]:
            tested.add(purpose)
            harder[purpose] |= EASE & set(form["lacks"])
    rows: list[Row] = []
    for (purpose, version), found in sorted(counted.items()):
        ease = lacking(sorted(harder[purpose])) or asked.word(
            "easy" if purpose in tested else "not_shown_form"
        )
        words = {word: found[word] for word in ("given", "renewed", "refused", "withdrawn", "expired")}
        rows.append(
            {
                "purpose": purpose,
                "policy_version": version,
                "said_total": sum(words.values()),
                **words,
                "proven": found["proven"],
                "ease": ease,
            }
        )
    looked = sum(int(str(row["said_total"])) for row in rows)
    return Answer(tuple(rows), looked, notes=asked.of_group(companies))


def first_communications(events: Iterable[Event], asked: Asked) -> Answer:
    """Answer which first messages lacked the separate notice of a right to object."""
    found = [event for event in events if asked.within(_day_of(event)) and asked.of(event.entity)]
    rows: list[Row] = [
        {
            "event": event.id,
            "on": _day_of(event),
            "purpose": str(event.facts["purpose"]),
            "channel": str(event.facts["channel"]),
            "lacks": tuple(map(str, lacks)),
        }
        for event in found
        if (lacks := event.facts.get("lacks")) and isinstance(lacks, Sequence)
    ]
    return Answer(
        tuple(rows), len(found), len(rows), notes=asked.of_group(event.entity for event in found),
        evidence=tuple(str(row["event"]) for row in rows),
    )  # fmt: skip


def _day_of(event: Event) -> str:
    return str(event.facts.get("on") or event.at.date().isoformat())
