"""Handle an incident: report, certainty, risk, the authority, the people, the controllers, the end.

What is recorded is never edited: what turns out otherwise later is said by a later event.
Narratives are encrypted under the incident's own key; codes, counts and moments are clear.

Law: GDPR Art. 33(1) to (5), Art. 34; Art. 4(12).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.law.breach import BreachDue, breach_due
from troth.ledger import append, keys, read, vault
from troth.outside.mail import Letter, is_address
from troth.rules import incident as rules
from troth.rules import letter
from troth.rules.event import Draft, Event, Fact
from troth.rules.incident import FAMILY
from troth.work import send_letter
from troth.work.establishment import day_here, establishment
from troth.work.numbered import Numbered
from troth.work.project import Project

TOLD = (
    "nature", "occurred", "cause", "subjects", "consequences", "measures", "measures_before", "elsewhere", "lessons",
)  # fmt: skip
"""What an assessment says in words; the last that was said counts."""
OWED = ("nature", "consequences", "measures", "advice")
"""What people are told in plain words (Art. 34(2))."""


@dataclass(frozen=True, slots=True)
class Incident(Numbered):
    """One incident as it stands."""

    family: ClassVar[str] = FAMILY
    letter: ClassVar[str] = "I"


@dataclass(frozen=True, slots=True)
class Told:
    """How many people were written to now, knew already, or could not be reached."""

    sent: int
    known: int
    failed: int
    unreadable: int


def report(
    project: Project,
    what: str,
    staff: str,
    *,
    channel: str = "staff",
    entity: str = "",
    contact: str = "",
    once: str = "",
) -> Incident:
    """Open an incident for triage; no hours run yet, for nobody has looked.

    `contact` is how whoever told it is reached; saying it again under `once` opens no second
    one.  Raises NotAllowedError with what is missing.
    """
    wrong = [] if what.strip() else ["Say what happened, in words."]
    if channel not in rules.CHANNELS:
        wrong.append(f"There is no channel {channel[:20]!r}. There are: {', '.join(rules.CHANNELS)}.")
    _refuse(wrong)
    if once and (before := read.said(project.ledger, f"report {once}")):
        return load(project, str(before[0].facts["number"]))
    company = establishment(project, entity or None)
    year = day_here(project, entity or None).year
    payload: dict[str, Fact] = {"what": what.strip(), "contact": contact.strip()}

    def drafts(number: str) -> list[Draft]:
        facts: dict[str, Fact] = {"stage": "reported", "number": number, "channel": channel}
        return [Draft("incident_moved", f"{FAMILY}/{number}", facts, entity=company.entity, actor=staff,
                      payload=payload)]  # fmt: skip

    event = Incident.begin(project, year, drafts, once=f"report {once}" if once else None)
    return load(project, str(event.facts["number"]))


def load(project: Project, number: str) -> Incident:
    """Read an incident; raises NotFoundError where there is none of that number."""
    return Incident.load(project, number, "troth incident list --all")


def every(project: Project) -> tuple[Mapping[str, Any], ...]:
    """Return every incident, the one whose hours end first before the others."""
    return tuple(found.body for found in read.states(project.ledger, FAMILY))


def certain(project: Project, number: str, by: str, at: datetime, facts: str, staff: str) -> Incident:
    """Record since when a named person is reasonably certain of a breach, and by what; the hours run from then."""
    found, now = load(project, number), project.clock()
    wrong = list(why_no_more(found))
    if found.state["aware_at"] is not None:
        wrong.append(f"It is certain since {found.state['aware_at']}; that moment is never edited.")
    if at.tzinfo is None:
        wrong.append("The moment has no offset from UTC. Write it as 2026-11-23T14:05+01:00.")
    elif at > now:
        wrong.append("Nobody is certain in the future. Check the moment.")
    wrong += [] if by.strip() else ["Name the person who is reasonably certain."]
    wrong += [] if facts.strip() else ["Say by which facts it is certain, in words."]
    _refuse(wrong)
    end = breach_due(at, establishment(project, found.state["entity"] or None).place)
    more: dict[str, Fact] = {
        "aware_at": at.isoformat(timespec="seconds"),
        "due": end.due.astimezone(UTC).isoformat(timespec="seconds"),
    }
    return _moved(project, found, "certain", more, staff, {"by": by.strip(), "facts": facts.strip()})


def hours(project: Project, state: Mapping[str, Any]) -> BreachDue | None:
    """Return when the authority must know of a breach; None while nobody is certain."""
    if state["aware_at"] is None:
        return None
    place = establishment(project, state["entity"] or None).place
    return breach_due(datetime.fromisoformat(state["aware_at"]), place)


def countdown(project: Project, state: Mapping[str, Any]) -> rules.Countdown:
    """Return where the hours of an incident stand now, their end in the time of its company."""
    end = hours(project, state)
    return rules.countdown(state, end.due if end else None, project.clock())


def dismiss(project: Project, number: str, reason: str, staff: str) -> Incident:
    """End an incident that was no breach of personal data, with the reason."""
    found = load(project, number)
    wrong = list(why_no_more(found))
    if found.state["aware_at"] is not None:
        wrong.append(
            "It is recorded as a breach; a breach is closed, and stays in the register (Art. 33(5))."
        )
    wrong += [] if reason.strip() else ["Say why it was no breach of personal data, in words."]
    _refuse(wrong)
    return _moved(project, found, "dismissed", {}, staff, {"reason": reason.strip()})


def assess(
    project: Project,
    number: str,
    risk: str,
    why: str,
    staff: str,
    *,
    types: Sequence[str] = (),
    categories: Sequence[str] = (),
    people: int | None = None,
    records: int | None = None,
    told: Mapping[str, str] | None = None,
) -> Incident:
    """Record the risk to people with its reasons; said again, the last counts and the others stay on record.

    `told` may say in words what `TOLD` names: `subjects` are the kinds of people, `elsewhere` the other countries.
    """
    found = load(project, number)
    said = {name: text.strip() for name, text in (told or {}).items() if text.strip()}
    wrong = list(why_no_more(found))
    if found.state["aware_at"] is None:
        wrong.append("Say first since when it is certain that it was a breach.")
    if risk not in rules.RISKS:
        wrong.append(f"The risk is one of: {', '.join(rules.RISKS)}.")
    wrong += [
        f"A breach is of {', '.join(rules.TYPES)}, not {one[:20]!r}."
        for one in types
        if one not in rules.TYPES
    ]
    wrong += [] if types else [f"Say of what it was a breach: {', '.join(rules.TYPES)}."]
    wrong += [
        f"The policy has no category {one[:40]!r}."
        for one in categories
        if one not in project.policy.categories
    ]
    wrong += [] if why.strip() else ["Say why the risk is that, in words (Art. 33(5))."]
    wrong += [f"There is nothing called {one[:20]!r} to say." for one in said if one not in TOLD]
    if any(number is not None and number < 0 for number in (people, records)):
        wrong.append("Numbers of people and of records are not negative.")
    _refuse(wrong)
    facts: dict[str, Fact] = {
        "risk": risk,
        "types": list(dict.fromkeys(types)),
        "categories": list(dict.fromkeys(categories or found.state["categories"])),
        "counts": {
            "people": found.state["people"] if people is None else people,
            "records": found.state["records"] if records is None else records,
        },
    }
    return _moved(project, found, "assessed", facts, staff, {"why": why.strip(), **said})


def told_authority(
    project: Project, number: str, at: datetime, reference: str, staff: str, *, because: str = ""
) -> Incident:
    """Record that the authority was told, when, and under which reference; a late first notice needs its reasons."""
    found = load(project, number)
    end = hours(project, found.state)
    wrong = list(why_no_more(found))
    if end is None:
        wrong.append("Say first since when it is certain that it was a breach.")
    wrong += _why_not_told_at(project, found, at)
    wrong += (
        []
        if reference.strip()
        else ["Give the reference that the authority gave, or what proves the sending."]
    )
    late = bool(end and at.tzinfo and at > end.due and not found.state["authority"])
    if late and not because.strip():
        wrong.append(
            f"It came after {end.due.isoformat() if end else ''}: say the reasons for the delay (Art. 33(1))."
        )
    _refuse(wrong)
    phase = "complementary" if found.state["authority"] else "initial"
    facts: dict[str, Fact] = {"at": at.isoformat(timespec="seconds"), "phase": phase, "late": late}
    payload: dict[str, Fact] = {"reference": reference.strip(), "because": because.strip()}
    return _moved(project, found, "authority_told", facts, staff, payload)


def tell_people(
    project: Project,
    number: str,
    addresses: Iterable[str],
    said: Mapping[str, str],
    staff: str,
    *,
    language: str = "",
    advance: Callable[[], object] = lambda: None,
) -> Told:
    """Write to everybody at these addresses, each once however often it is said; killed, it goes on where it stopped.

    Raises NotAllowedError where what Art. 34(2) asks for is not said.
    """
    found = load(project, number)
    written = letter_to_people(project, found, said, language)
    language = language or project.policy.language
    digest = sha256(f"{written.subject}\n{written.text}".encode()).hexdigest()
    sent = known = failed = unreadable = 0
    for address in addresses:
        advance()
        if not is_address(address.strip()):
            unreadable += 1
            continue
        mark = _mark(project, number, address)
        if read.said(project.ledger, f"breach {number} {mark}"):
            known += 1
            continue
        went = project.mailer.send(Letter(address.strip(), written.subject, written.text, language))
        facts: dict[str, Fact] = {"stage": "person_told", "outcome": went.outcome, "letter_sha256": digest}
        draft = Draft("incident_moved", found.stream, facts, entity=found.state["entity"], actor=staff)
        append.append(
            project.ledger, [draft], once=f"breach {number} {mark}" if went.outcome == "sent" else None
        )
        sent, failed = sent + (went.outcome == "sent"), failed + (went.outcome != "sent")
    return Told(sent, known, failed, unreadable)


def letter_to_people(
    project: Project, found: Incident, said: Mapping[str, str], language: str = ""
) -> letter.Written:
    """Return the letter that people get; raises NotAllowedError where what Art. 34(2) asks for is not said."""
    language = language or project.policy.language
    lacking = [name for name in OWED if not said.get(name, "").strip()]
    wrong = list(why_no_more(found))
    if found.state["aware_at"] is None:
        wrong.append("Say first since when it is certain that it was a breach.")
    if lacking:
        wrong.append(f"People are told in plain words: {', '.join(lacking)} is missing (Art. 34(2)).")
    _refuse(wrong)
    fields: dict[str, object] = {
        **{name: said[name].strip() for name in OWED},
        "number": found.number,
        "organisation": send_letter.organisation(project, language),
        "dpo": send_letter.dpo(project, language),
    }
    return letter.write("breach", language, fields, send_letter.own_template(project, "breach", language))


def exempt(project: Project, number: str, ground: str, reason: str, staff: str) -> Incident:
    """Record why people are not each written to though the risk is high."""
    found = load(project, number)
    wrong = list(why_no_more(found))
    if ground not in rules.EXEMPT:
        wrong.append(
            f"The ground is one of: {', '.join(f'{name} ({law})' for name, law in rules.EXEMPT.items())}."
        )
    wrong += (
        []
        if reason.strip()
        else ["Say what was done, in words: which encryption, which measure, which notice."]
    )
    _refuse(wrong)
    return _moved(project, found, "people_exempt", {"reason": ground}, staff, {"why": reason.strip()})


def told_controller(
    project: Project, number: str, controller: str, proof: str, staff: str, *, at: datetime | None = None
) -> Incident:
    """Record that we, as processor, told a controller of the breach, when (now), and by what that is proven."""
    found, at = load(project, number), at or project.clock()
    wrong = [*why_no_more(found), *_why_not_told_at(project, found, at)]
    wrong += [] if controller.strip() else ["Name the controller."]
    wrong += [] if proof.strip() else ["Say by what it was told, such as our mail of 3 December."]
    _refuse(wrong)
    return _moved(
        project,
        found,
        "controller_told",
        {"at": at.isoformat(timespec="seconds")},
        staff,
        {"controller": controller.strip(), "proof": proof.strip()},
    )


def close(project: Project, number: str, lessons: str, staff: str) -> Incident:
    """Close a breach once all that is owed was done; it stays in the register."""
    found = load(project, number)
    wrong = [*why_no_more(found), *rules.why_not_close(found.state)]
    wrong += [] if lessons.strip() else ["Say what was learnt from it, in words."]
    _refuse(wrong)
    return _moved(project, found, "closed", {}, staff, {"lessons": lessons.strip()})


def words(project: Project, number: str) -> dict[str, str]:
    """Return what was said of an incident in words, the last of each; nothing once that was erased.

    The reasons for a delay are those of the first notice, and why the risk is what it is was said with it: what
    later phases and an exemption say under the same names is theirs alone.
    """
    said: dict[str, str] = {}
    for event in course(project, number):
        spoken = spoken_in(project, event)
        if event.facts["stage"] == "people_exempt" or event.facts.get("phase") == "complementary":
            spoken = {name: text for name, text in spoken.items() if name not in {"why", "because"}}
        said |= spoken
    return said


def spoken_in(project: Project, event: Event) -> dict[str, str]:
    """Return what one event of an incident says in words; nothing once that was erased."""
    if event.key is None:
        return {}
    try:
        payload = vault.payload(project.ledger, event)
    except KeyDestroyedError:
        return {}
    return {name: str(value) for name, value in payload.items() if value}


def course(project: Project, number: str) -> tuple[Event, ...]:
    """Return what happened with an incident, in order, but the single letters to people: they are counted."""
    return read.stream_without(project.ledger, f"{FAMILY}/{number}", "person_told")


def _mark(project: Project, number: str, address: str) -> str:
    """Name an address so that it is written to once, by a keyed hash."""
    _, secret = keys.own_key(project.ledger, "fingerprint/disclosure")
    return hmac.digest(secret, f"{number}\0{address.strip().casefold()}".encode(), "sha256").hex()


def why_no_more(found: Incident) -> list[str]:
    """Say that an incident ended, where it did: nothing more is recorded of it."""
    return [f"It ended on {found.state['ended_on']}."] if found.state["ended_on"] else []


def _why_not_told_at(project: Project, found: Incident, at: datetime) -> list[str]:
    """Say why nobody can have been told of a breach at that moment."""
    if at.tzinfo is None:
        return ["The moment has no offset from UTC. Write it as 2026-11-23T14:05+01:00."]
    if at > project.clock():
        return ["That moment lies in the future."]
    aware = found.state["aware_at"]
    if aware is not None and at < datetime.fromisoformat(aware):
        return [
            f"It is certain since {aware}, and nobody is told of a breach before it is certain. Check the moment."
        ]
    return []


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        raise NotAllowedError(" ".join(wrong))


def _moved(
    project: Project,
    found: Incident,
    stage: str,
    facts: Mapping[str, Fact],
    staff: str,
    payload: Mapping[str, Fact],
) -> Incident:
    draft = Draft(
        "incident_moved", found.stream, {"stage": stage, **facts}, entity=found.state["entity"],
        actor=staff, payload=dict(payload),
    )  # fmt: skip
    append.append(project.ledger, [draft], expect={found.stream: found.version})
    return load(project, found.number)
