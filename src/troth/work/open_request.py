"""Take a request in: number it, start its clock, acknowledge it.

The clock starts with the receipt, on the day it is where the controller is established,
whichever way it came and whether or not anything is confirmed.  Nothing here tells whether
the person is known.

Law: GDPR Art. 12(2), (3); Regulation 1182/71 Art. 3(1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from troth.errors import ConflictError, NotAllowedError
from troth.law import clock
from troth.ledger import append, read, subjects
from troth.outside.mail import is_address
from troth.rules import claim as claim_rules
from troth.rules import representation, set_aside
from troth.rules.event import Draft, Fact
from troth.rules.letter import LANGUAGES, has_phrase, phrase
from troth.work import answer, choose, request_file, restrict_at_once, send_letter
from troth.work.establishment import day_here, establishment
from troth.work.project import Project

CHANNELS = ("portal", "email", "post", "phone", "desk", "api", "controller")
ORAL = ("phone", "desk")
WORDING_MAX = 10_000
TRIES = 50


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that was taken in."""

    number: str
    link: str


@dataclass(frozen=True, slots=True)
class Acting:
    """As what somebody asks for somebody else, and how that person is named and reached."""

    kind: str
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Instructed:
    """Which controller told us so, whose rows are meant, its id of the message and where it is called back."""

    by: str
    rows: str
    message: str
    callbacks: tuple[str, ...] = field(default=(), repr=False)


def open_request(
    project: Project,
    rights: Sequence[str],
    email: str,
    *,
    name: str = "",
    address: str = "",
    wording: str = "",
    language: str = "en",
    channel: str = "portal",
    received_at: datetime | None = None,
    entity: str | None = None,
    identifiers: Sequence[tuple[str, str]] = (),
    purposes: Mapping[str, Sequence[str]] | None = None,
    because: str = "",
    acting: Acting | None = None,
    read_back: bool | None = None,
    instructed: Instructed | None = None,
    reopens: tuple[str, str] | None = None,
    once: str | None = None,
) -> Opened:
    """Open a request and send its acknowledgement; saying it again under `once` opens no second one.

    Raises NotAllowedError with what is missing or wrong.  `received_at` is the moment it
    reached the organisation, now if absent; `address` is a postal address, for somebody who
    gave no e-mail address; `purposes` names, by right, the purposes of the
    policy it is about; `because` is the ground on which a restriction is asked for: accuracy,
    unlawful, claims or objection.  With `acting` whoever gave `email` asks for somebody else:
    `identifiers` are then that person's.  What was said by word of mouth is `read_back`, or is
    recorded not to have been.  What we are `instructed` to by a controller whose processor we are
    is about its rows alone.  `reopens` is the request that ended and is taken up again, and why.
    """
    at = received_at or project.clock()
    if at > project.clock():
        raise NotAllowedError("A request cannot be received in the future. Check the day.")
    company = establishment(project, entity)
    place, received = company.place, clock.receipt_day(at, company.time_zone)
    _check(rights, claim_rules.rights_at(place, received), wording, channel, language)
    if channel in ORAL and (not wording.strip() or read_back is None):
        raise NotAllowedError(
            "What is asked for by word of mouth is written down and read back: give what was said, and whether it was "
            "read back and confirmed (--wording, --read-back or --no-read-back)."
        )
    if email or not address.strip():
        _check_email(email)
    if because and (because not in set_aside.GROUNDS or "restrict" not in rights):
        raise NotAllowedError(
            "A ground goes with a request for restriction, and is one of: "
            f"{', '.join(f'{name} ({law})' for name, law in set_aside.GROUNDS.items())}."
        )
    about = {right: list(_purposes(project, purposes or {}, right, place, received)) for right in rights}
    known = _known(email, address, identifiers, acting)
    if acting is not None:
        wrong = list(representation.lacking(acting.kind, rights, claim_rules.rights_at(place, received)))
        if (acting.kind == "controller") is (instructed is None):
            wrong.append("A controller instructs us by its own messages, and says nothing else to us there.")
        request_file.refuse_unless(wrong)
    if once is not None and (before := read.said(project.ledger, once)):
        number = str(before[0].facts["request"])
        return Opened(number, request_file.link(project, number))
    subject = _subject(project, known, instructed)
    facts: dict[str, Fact] = {
        "channel": channel,
        "language": language if language in LANGUAGES else "en",
        "jurisdiction": place,
        "received_at": at.isoformat(),
        "date": received.isoformat(),
        "tz": company.time_zone,
        "claims": [
            [f"c{number}", right, *([about[right]] if about[right] else [])]
            for number, right in enumerate(dict.fromkeys(rights), 1)
        ],
    }
    if because:
        numbered = list(dict.fromkeys(rights))
        facts["because"] = {f"c{numbered.index('restrict') + 1}": because}
    if channel in ORAL:
        facts["read_back"] = bool(read_back)
    if reopens is not None:
        facts["reopens"] = {"request": reopens[0], "because": reopens[1]}
    payload: dict[str, Fact] = {"email": email.strip(), "name": name.strip(), "wording": wording.strip()}
    if address.strip():
        payload["address"] = address.strip()
    if acting is not None:
        facts["acting"] = acting.kind
        payload["for"] = {"name": acting.name.strip(), "email": acting.email.strip(),
                          "address": acting.address.strip()}  # fmt: skip
    if instructed is not None:
        facts["instruction"] = {"by": instructed.by, "rows": instructed.rows, "message": instructed.message}
        payload["callbacks"] = list(instructed.callbacks)
    number = _write(project, facts, payload, subject, company.entity, once)
    choose.on_receipt(project, number)
    acknowledge(project, number)
    restrict_at_once.restrict_at_once(project, number)
    return Opened(number, request_file.link(project, number))


def _subject(project: Project, known: Sequence[tuple[str, str]], instructed: Instructed | None) -> str:
    """Return who is meant; whom another controller names to its processor is nobody we know."""
    if instructed is not None:
        return subjects.unlisted(project.ledger, known)
    subject = subjects.subject_for(project.ledger, *known[0])
    for kind, value in known[1:]:
        subjects.add_identifier(project.ledger, subject, kind, value)
    return subject


def _known(
    email: str, address: str, identifiers: Sequence[tuple[str, str]], acting: Acting | None
) -> list[tuple[str, str]]:
    """Return what names the person a request is about; whoever asks for them is not that person."""
    own = (email, address) if acting is None else (acting.email, acting.address)
    if acting is not None and acting.email:
        _check_email(acting.email)
    known = [("email", own[0].strip())] if own[0].strip() else []
    known += identifiers
    if not own[0].strip() and own[1].strip():
        known.append(("postal", " ".join(own[1].split())))
    if not known:
        raise NotAllowedError(
            "Somebody is asked for whom nothing names. Give their e-mail address, their postal address or another "
            "identifier."
        )
    return known


def rights(project: Project, entity: str | None = None) -> tuple[str, ...]:
    """Return the rights that can be used against one of the companies, by code."""
    return claim_rules.rights_at(establishment(project, entity).place, day_here(project, entity))


def _purposes(
    project: Project, given: Mapping[str, Sequence[str]], right: str, place: str, on: date
) -> Sequence[str]:
    named = given.get(right, ())
    fitting = claim_rules.purposes(project.policy, right, place, on)
    unknown = [name for name in named if name not in fitting]
    if unknown:
        raise NotAllowedError(
            f"The right {right!r} does not apply to a purpose {unknown[0][:40]!r}. "
            f"It applies to: {', '.join(fitting) or 'none'}."
        )
    return named


def _check_email(email: str) -> None:
    if not is_address(email.strip()):
        raise NotAllowedError(
            "That is no e-mail address a letter can be sent to. Write it as name@example.org."
        )


def _check(rights: Sequence[str], known: Sequence[str], wording: str, channel: str, language: str) -> None:
    if not rights:
        raise NotAllowedError(f"A request asks for something. You can ask for: {', '.join(known)}.")
    wrong = [right for right in rights if right not in known]
    if wrong:
        raise NotAllowedError(
            f"There is no right called {wrong[0][:30]!r} here. You can ask for: {', '.join(known)}."
        )
    if channel not in CHANNELS:
        raise NotAllowedError(f"There is no channel {channel[:20]!r}. There are: {', '.join(CHANNELS)}.")
    if language not in LANGUAGES:
        raise NotAllowedError(f"Letters are written in {' or '.join(LANGUAGES)}, not {language[:10]!r}.")
    if len(wording) > WORDING_MAX:
        raise NotAllowedError(f"The text is too long: {WORDING_MAX} characters at most.")


def _write(
    project: Project,
    facts: dict[str, Fact],
    payload: dict[str, Fact],
    subject: str,
    entity: str,
    once: str | None,
) -> str:
    """Give the request the year's next number; whoever is second to take one takes the next."""
    year = str(facts["date"])[:4]
    for _ in range(TRIES):
        number = f"{year}-{read.last_number(project.ledger, f'request/{year}-') + 1:04}"
        draft = Draft(
            "request_received",
            f"request/{number}",
            {**facts, "request": number},
            entity=entity,
            subject=subject,
            request=number,
            payload=payload,
        )
        try:
            (event,) = append.append(project.ledger, [draft], expect={draft.stream: 0}, once=once)
        except ConflictError:
            continue
        return str(event.facts["request"])
    raise ConflictError("Too many requests arrived at the same moment. Send it again.")


def acknowledge(project: Project, number: str) -> None:
    """Send the letter that says what was understood and by when an answer comes."""
    state = request_file.load(project, number).state
    language = state["language"]
    claims = [claimed(claim, language) for claim in state["claims"].values()]
    effects = [
        line
        for claim in state["claims"].values()
        if _took_effect(claim)
        for line in answer.choice_lines(project, claim, language, number)
    ]
    due = state["legal_due"] or state["received"]
    again = state.get("reopens")
    fields = {
        "claims": claims,
        "effects": effects,
        "due": send_letter.day(due, language),
        "again": again["request"] if again else "",
    }
    send_letter.send_letter(project, number, "acknowledgement", fields, letter_id="acknowledgement")


def claimed(claim: Mapping[str, object], language: str) -> str:
    """Say what is asked for, and that it is done already where it took effect on receipt."""
    right = str(claim["right"])
    said = phrase(right, language) if has_phrase(right) else phrase("other", language, right=right)
    return phrase("at_once", language, right=said) if _took_effect(claim) else said


def _took_effect(claim: Mapping[str, object]) -> bool:
    return claim["right"] in claim_rules.AT_ONCE and claim["outcome"] == "grant"
