"""What somebody said about purposes, folded into how they stand now.

One stream holds it, named after the subject: consents given, refused, withdrawn, expired and
renewed, and objections, each for a purpose, a controller and a channel.  What was said last
counts, by when it was said and not by when it was written down; where two are of the same
moment, the no counts.  A yes that is not proven undoes no no, whenever it was said.

Law: GDPR Art. 4(11), Art. 7, Art. 21; ISO/IEC TS 27560 for what a record holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from troth.rules.event import Event, written_at

FAMILY = "choices"
EVERY = "*"
"""Stands for every channel, or every company of the group."""
Word: TypeAlias = Literal["given", "refused", "withdrawn", "expired"]
SAID: tuple[str, ...] = ("given", "renewed", "refused", "withdrawn", "expired")
CHANNELS = ("email", "sms", "phone", "post", "banner", "app")
AGES = ("alone", "guardian", "minor", "unknown")
Topic: TypeAlias = tuple[str, str, str]
"""A purpose, a controller and a channel; each of the last two may be `*`."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What was last said about consent to one topic."""

    said: Word
    at: str
    event: str
    scope: str | None = None
    policy_version: str = ""
    until: date | None = None
    proven: bool = False
    age: str = "unknown"

    @property
    def counts(self) -> bool:
        """Whether it is more than a yes that nobody can prove."""
        return self.said != "given" or self.proven


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection to one topic; its purpose is `*` where all direct marketing was meant."""

    marketing: bool
    at: str
    event: str


@dataclass(frozen=True, slots=True)
class Restriction:
    """A restriction that stands (GDPR Art. 18): of these purposes, or of all where there are none."""

    name: str
    ground: str
    on: str
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands to what may be done with their data."""

    consents: Mapping[Topic, Consent]
    objections: Mapping[Topic, Objection]
    restrictions: tuple[Restriction, ...] = ()
    erased_on: str | None = None


NOBODY = Standing({}, {})
"""The standing of whom nothing is known."""


def stream(subject: str) -> str:
    """Name the stream of a subject's choices."""
    return f"{FAMILY}/{subject}"


def topic(purpose: str, controller: str = EVERY, channel: str = EVERY) -> str:
    """Write a topic as the state's key.

    >>> topic("news", channel="email")
    'news|*|email'
    """
    return f"{purpose}|{controller or EVERY}|{channel or EVERY}"


def fold(state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
    """Fold one event into the choices of a subject."""
    state = state or {"consents": {}, "objections": {}, "due": None, "last": event.kind}
    state = {**state, "last": event.kind}
    match event.kind:
        case "consent_recorded":
            _consent(state, event)
        case "objection_recorded":
            _objection(state, event)
        case _:
            raise ValueError(event.kind)
    ends = [one["until"] for one in state["consents"].values() if one["said"] == "given" and one.get("until")]
    return {**state, "due": min(ends, default=None)}


def said_at(event: Event) -> str:
    """Return the moment at which it was said, as UTC with microseconds: comparable as text."""
    told = event.facts.get("chosen_at") or event.facts.get("said_at")
    return written_at(datetime.fromisoformat(str(told)) if told else event.at)


def _consent(state: dict[str, Any], event: Event) -> None:
    facts = event.facts
    said = str(facts["given"])
    no = said in {"refused", "withdrawn"}
    controller = str(facts.get("controller") or (EVERY if no else event.entity or EVERY))
    key = topic(str(facts["purpose"]), controller, str(facts.get("channel") or EVERY))
    now = {
        "said": "given" if said == "renewed" else said, "at": said_at(event), "event": event.id,
        "scope": facts.get("scope"), "version": facts.get("purpose_version") or "",
        "until": facts.get("valid_until"), "proven": bool(facts.get("proven", False)),
        "age": facts.get("age_class") or "unknown",
    }  # fmt: skip
    _put(state, "consents", key, now, no=no)


def _objection(state: dict[str, Any], event: Event) -> None:
    facts = event.facts
    purpose = str(facts["purpose"] or EVERY)
    key = topic(purpose, str(facts.get("controller") or EVERY), str(facts.get("channel") or EVERY))
    now = {"marketing": facts["scope"] == "marketing", "at": said_at(event), "event": event.id}
    _put(state, "objections", key, now, no=True)


def _put(state: dict[str, Any], part: str, key: str, now: dict[str, Any], *, no: bool) -> None:
    before = state[part].get(key)
    was_no = before is not None and before.get("said") not in {"given", "expired"}
    if was_no and _unproven(now):
        return
    if no and before is not None and _unproven(before):
        state[part] = {**state[part], key: now}
        return
    if before is None or now["at"] > before["at"] or (now["at"] == before["at"] and (no or not was_no)):
        state[part] = {**state[part], key: now}


def _unproven(one: Mapping[str, Any]) -> bool:
    return one.get("said") == "given" and not one["proven"]


def standing(
    state: Mapping[str, Any] | None,
    restrictions: Iterable[Restriction] = (),
    erased_on: str | None = None,
) -> Standing:
    """Read a standing from the state of a subject's choices."""
    told = state or {"consents": {}, "objections": {}}
    consents = {_topic(key): _read(one) for key, one in told["consents"].items()}
    objections = {
        _topic(key): Objection(one["marketing"], one["at"], one["event"])
        for key, one in told["objections"].items()
    }
    return Standing(consents, objections, tuple(restrictions), erased_on)


def _topic(key: str) -> Topic:
    purpose, controller, channel = key.split("|")
    return purpose, controller, channel


def _read(one: Mapping[str, Any]) -> Consent:
    return Consent(
        said=one["said"], at=one["at"], event=one["event"], scope=one["scope"], policy_version=one["version"],
        until=date.fromisoformat(one["until"]) if one["until"] else None, proven=one["proven"], age=one["age"],
    )  # fmt: skip


def special(restrictions: Iterable[Restriction], erased_on: str | None) -> dict[str, Any]:
    """Write what is special about a standing as values that JSON holds; nothing where nothing is."""
    told: dict[str, Any] = {}
    if found := [[one.name, one.ground, one.on, list(one.purposes)] for one in restrictions]:
        told["restrictions"] = found
    if erased_on:
        told["erased_on"] = erased_on
    return told


def special_standing(told: Mapping[str, Any]) -> Standing:
    """Read a standing with what is special about it."""
    restrictions = [
        Restriction(name, ground, on, tuple(of)) for name, ground, on, of in told.get("restrictions", ())
    ]
    return standing(told["state"], restrictions, told.get("erased_on"))


def about(
    found: Standing, purpose: str, controller: str, channel: str | None
) -> Iterator[tuple[Topic, Consent]]:
    """Yield what was said about consent that bears on a question, what was said last first.

    Where the question names no channel, only what was said of all channels is a yes to it;
    a no to one channel is no answer either.  A yes that is not proven comes after all else.
    """
    controllers, channels = (controller, EVERY), (channel or EVERY, EVERY)
    met = dict.fromkeys((purpose, one, other) for one in controllers for other in channels)
    known = [(key, found.consents[key]) for key in met if key in found.consents]
    yield from sorted(known, key=lambda one: (one[1].counts, one[1].at, one[1].said != "given"), reverse=True)


def ended_on(found: Standing, purpose: str, today: date, *, marketing: bool) -> date | None:
    """Return the day on which the last yes to a purpose ended, or a no was said; None while a yes stands.

    A yes ends on its own day, with a no to the same or to all, and with an objection to the purpose or,
    where it is marketing, to all of it.
    """
    named = {purpose, EVERY} if marketing else {purpose}
    ends: list[date] = []
    for (consented, controller, channel), one in found.consents.items():
        if consented != purpose:
            continue
        if one.said != "given":
            ends.append(one.until if one.said == "expired" and one.until else _day(one.at))
            continue
        topics = {(controller, channel), (EVERY, channel), (controller, EVERY), (EVERY, EVERY)}
        nos = [
            _day(other.at)
            for topic, other in found.consents.items()
            if topic[0] == purpose and topic[1:] in topics
            if other.at >= one.at and other.said in {"refused", "withdrawn"}
        ]
        nos += [
            _day(other.at)
            for topic, other in found.objections.items()
            if topic[0] in named and topic[1:] in topics and other.at >= one.at
        ]
        if one.until is not None and one.until <= today:
            nos.append(one.until)
        if not nos:
            return None
        ends.append(min(nos))
    return max(ends, default=None)


def _day(at: str) -> date:
    return date.fromisoformat(at[:10])


def objected(
    found: Standing, purposes: Iterable[str], controller: str, channel: str | None
) -> Iterator[tuple[Topic, Objection]]:
    """Yield the objections to any of these purposes that bear on a question.

    Where the question names no channel, an objection to any one of them counts.
    """
    wanted = set(purposes)
    for key, one in found.objections.items():
        purpose, theirs, closed = key
        if (
            purpose in wanted
            and theirs in {controller, EVERY}
            and (channel is None or closed in {channel, EVERY})
        ):
            yield key, one
