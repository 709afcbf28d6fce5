"""Record what somebody said about purposes: consent given, refused, withdrawn or renewed.

One purpose, company and channel is one consent and one event.  A yes is held to what makes it
count and carries what it lacks; a no is never refused for want of anything.

Law: GDPR Art. 4(11), Art. 7, Art. 8; ISO/IEC TS 27560.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from troth.errors import ConflictError, KeyDestroyedError, NotAllowedError, NotFoundError
from troth.law.age import consent_age
from troth.ledger import append, read, subjects, suppression
from troth.ledger.suppression import Suppression
from troth.policy.notice_text import sha256
from troth.policy.promise import Purpose
from troth.rules import consent, consent_form, purpose_scope
from troth.rules.consent import CHANNELS, EVERY
from troth.rules.event import Draft, Event, Fact
from troth.work import record_form
from troth.work.establishment import establishment
from troth.work.project import Project

Identifiers = Sequence[tuple[str, str]]
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
YEAR_MIN = 1990
_CODE = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was said about one purpose; without a channel, of every channel."""

    purpose: str
    said: Literal["given", "refused", "withdrawn", "renewed"]
    channel: str = EVERY
    controller: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """How it was asked and answered.

    `form` is the hash of what was shown (`troth consent form`), `texts` the hash of the exact
    wording by purpose where no form says it; `evidence` and `guardian` are personal data and go
    to the vault.  `age` in whole years, in `country`, decides whether a guardian had to join in.
    """

    method: str
    language: str
    form: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    at: datetime | None = None
    age: int | None = None
    country: str = ""
    guardian: str = field(default="", repr=False)
    evidence: str = field(default="", repr=False)
    signal: str | None = None


def record_consent(
    project: Project,
    identifiers: Identifiers,
    choices: Sequence[Choice],
    asked: Asked,
    *,
    subject: str | None = None,
    once: str | None = None,
    actor: str = "subject",
) -> tuple[Event, ...]:
    """Record choices of whom the identifiers name (or of a known `subject`); the same `once` records nothing more.

    Raises NotAllowedError for a purpose, channel or company the policy does not have, and for
    a yes of a child without the guardian who must join in.
    """
    if once is not None and (said := read.said(project.ledger, once)):
        return said
    checked(project, choices, asked)
    found = subject or subject_of(project, identifiers)
    stated = [one.purpose for one in choices if one.said in {"given", "renewed"}]
    state_purposes(project, stated)
    drafts = [draft(project, found, one, asked, actor=actor) for one in choices]
    written = append.append(project.ledger, drafts, once=once)
    for choice, event in zip(choices, written, strict=True):
        reopen(project, identifiers, choice, event)
    return written


def checked(project: Project, choices: Sequence[Choice], asked: Asked) -> None:
    """See that choices are ones the policy knows; raises NotAllowedError with everything that is wrong."""
    wrong = [sentence for one in choices for sentence in _wrong(project, one)]
    if not choices:
        wrong.append("Nothing was chosen: name at least one purpose.")
    if asked.method not in consent_form.METHODS:
        wrong.append(
            f"There is no method {asked.method[:20]!r}. There are: {', '.join(consent_form.METHODS)}."
        )
    if any(not _SHA256.fullmatch(one) for one in (asked.form, *asked.texts.values()) if one):
        wrong.append("A hash is not 64 hexadecimal digits.")
    if asked.source and not _CODE.fullmatch(asked.source):
        wrong.append("A source is a short code, such as `shop checkout`, and names nobody.")
    wrong += wrong_moment(project, asked.at)
    if asked.age is not None and not 0 <= asked.age <= 130:
        wrong.append("The age is not one of a person.")
    yes = any(one.said in {"given", "renewed"} for one in choices)
    if yes and asked.language and asked.language not in project.policy.documents:
        wrong.append(f"The policy is not published in {asked.language[:10]!r}.")
    if not wrong and yes and asked.age is not None and age_class(project, asked) == "minor":
        limit = _age_limit(project, asked)
        wrong.append(
            f"At {asked.age} nobody consents alone there: a parent or guardian joins in below {limit} "
            "(GDPR Art. 8(1)). Name them as guardian, or record no yes."
        )
    if wrong:
        raise NotAllowedError(" ".join(dict.fromkeys(wrong)))


def wrong_moment(project: Project, at: datetime | None) -> Iterable[str]:
    """Say what is wrong with the moment at which something was said; a clock may be fast by some minutes."""
    if at is None:
        return
    if at.tzinfo is None or at > project.clock() + timedelta(minutes=5):
        yield "The moment has no offset from UTC, or is still to come."
    elif at.year < YEAR_MIN:
        yield f"Nothing was said before {YEAR_MIN} that Troth keeps: give the day it was said."


def not_to_come(project: Project, at: datetime | None) -> datetime | None:
    """Return when something was said: by a clock that is fast, no later than it is recorded, or no answer counted."""
    return min(at, project.clock()) if at else None


def _wrong(project: Project, choice: Choice) -> Iterable[str]:
    purpose = project.policy.purposes.get(choice.purpose)
    if purpose is None:
        known = ", ".join(name for name, one in project.policy.purposes.items() if one.public)
        yield f"The policy has no purpose {choice.purpose[:40]!r}. It has: {known}."
        return
    if choice.said not in consent.SAID:
        yield f"{choice.said[:20]!r} is nothing that can be said. There is: given, refused, withdrawn, renewed."
    if choice.channel not in {EVERY, *CHANNELS}:
        yield f"There is no channel {choice.channel[:20]!r}. There are: {', '.join(CHANNELS)}."
    if choice.controller and choice.controller != EVERY:
        if choice.controller not in purpose_scope.entities(project.policy):
            yield f"The policy has no company {choice.controller[:40]!r}."
        elif purpose.entities and choice.controller not in purpose.entities:
            yield f"{choice.controller} is not among the companies that do {choice.purpose}."
    if choice.said in {"given", "renewed"}:
        if choice.controller == EVERY:
            yield "A yes is to one company: name it, or let the main one stand."
        if not takes_consent(purpose):
            yield (
                f"The purpose {choice.purpose} rests on no consent (clause {purpose.clause}): asking for one would "
                "promise a choice that there is not (GDPR Art. 7; EDPB guidelines 05/2020)."
            )


def takes_consent(purpose: Purpose) -> bool:
    """Say whether a consent may be asked for a purpose: it rests on one, or is marketing, which may need one."""
    return "consent" in {purpose.legal_basis, purpose.other_basis} or purpose.marketing


def subject_of(project: Project, identifiers: Identifiers) -> str:
    """Return the subject whom identifiers name, opened where nobody knows them; all of them name the same one."""
    if not identifiers:
        raise NotAllowedError("A choice is somebody's: give an identifier, such as email=ada@example.org.")
    found = {subjects.find_subject(project.ledger, kind, value) for kind, value in identifiers} - {None}
    if len(found) > 1:
        raise NotAllowedError("These identifiers name two people. Record the choice of each apart.")
    subject = next(iter(found)) or "" if found else ""
    for kind, value in identifiers:
        if subject:
            subjects.add_identifier(project.ledger, subject, kind, value)
        else:
            subject = subjects.subject_for(project.ledger, kind, value)
    return subject


def addresses(project: Project, subject: str) -> Identifiers:
    """Return the identifiers of a subject who is named by id alone; of whom was forgotten there are none."""
    try:
        return subjects.identifiers(project.ledger, subject)
    except KeyDestroyedError:
        return ()


def state_purposes(project: Project, names: Iterable[str]) -> None:
    """Keep what these purposes cover today, each scope once."""
    for name in dict.fromkeys(names):
        now = purpose_scope.scope(project.policy, name)
        state = read.state(project.ledger, f"{purpose_scope.FAMILY}/{name}")
        if state is None or now.imprint not in state.body["scopes"]:
            facts: dict[str, Fact] = {"purpose": name, "imprint": now.imprint, "scope": now.facts()}
            promise = project.policy.purposes[name].id
            stated = Draft("purpose_stated", f"{purpose_scope.FAMILY}/{name}", facts, promise=promise,
                           policy=project.policy.version or None)  # fmt: skip
            with suppress(ConflictError):  # another process says the same at this moment: it is there by now
                append.append(project.ledger, [stated], once=f"scope {name} {now.imprint}")


def age_class(project: Project, asked: Asked) -> str:
    """Say whether somebody consents alone, with a guardian, is too young for it, or of unknown age."""
    if asked.age is None:
        return "guardian" if asked.guardian else "unknown"
    if asked.age >= _age_limit(project, asked):
        return "alone"
    return "guardian" if asked.guardian else "minor"


def _age_limit(project: Project, asked: Asked) -> int:
    """Return the age of the country, or that of the policy where it promises a higher one."""
    promised = project.policy.consent.minimum_age if project.policy.consent else None
    place = asked.country or establishment(project).place
    try:
        law = consent_age(place, project.clock().date()).years
    except NotFoundError:
        law = 16
    return max(law, promised or 0)


def draft(project: Project, subject: str, choice: Choice, asked: Asked, *, actor: str) -> Draft:
    """Make the event of one choice."""
    purpose = project.policy.purposes[choice.purpose]
    yes = choice.said in {"given", "renewed"}
    controller = choice.controller or (establishment(project).entity if yes else EVERY) or EVERY
    form = record_form.form(project, asked.form) if asked.form else None
    at = not_to_come(project, asked.at)
    language = asked.language if asked.language in project.policy.documents else project.policy.language
    text = asked.texts.get(choice.purpose) or (form["texts"].get(choice.purpose, "") if form else "")
    facts: dict[str, Fact] = {
        "purpose": choice.purpose, "purpose_version": project.policy.version, "given": choice.said,
        "method": asked.method, "notice_sha256": sha256(project.policy, language), "language": language,
        "controller": controller, "channel": choice.channel or EVERY,
    }  # fmt: skip
    more: dict[str, Fact] = {
        "interface_sha256": asked.form or None, "text_sha256": text or None, "source": asked.source or None,
        "country": asked.country or None, "signal": asked.signal,
        "chosen_at": at.astimezone(UTC).isoformat() if at else None,
    }  # fmt: skip
    facts |= {name: value for name, value in more.items() if value is not None}
    if yes:
        age = age_class(project, asked)
        lacks = list(consent_form.unproven(
            asked.method, form, choice.purpose, text_sha256=text, evidence=bool(asked.evidence), age=age
        ))  # fmt: skip
        until = valid_until(project, at or project.clock())
        facts |= {"age_class": age, "proven": not lacks, "lacks": lacks, "scope": purpose_scope.scope(
            project.policy, choice.purpose).imprint}  # fmt: skip
        facts |= {"valid_until": until.isoformat()} if until else {}
    payload = {name: value for name in ("evidence", "guardian") if (value := getattr(asked, name))}
    return Draft(
        "consent_recorded", consent.stream(subject), facts, entity=controller if controller != EVERY else "",
        actor=actor, subject=subject, policy=project.policy.version or None, promise=purpose.id,
        payload=payload or None, file=consent_file(choice, project.clock().date()) if payload else None,
    )  # fmt: skip


def consent_file(choice: Choice, on: date) -> str:
    """Name the file whose key locks the evidence of a consent: each day's apart, as one may be destroyed before."""
    return f"consent/{choice.purpose}/{on.isoformat()}"


def valid_until(project: Project, at: datetime) -> date | None:
    """Return the day on which a consent given at a moment ends, where the policy lets it end."""
    period = project.policy.consent.valid_for if project.policy.consent else None
    return period.after(at.date()) if period is not None else None


def reopen(project: Project, identifiers: Identifiers, choice: Choice, event: Event) -> None:
    """Let a proven yes to marketing open again what an objection of the same address closed, for itself alone."""
    purpose = project.policy.purposes[choice.purpose]
    if choice.said not in {"given", "renewed"} or not purpose.marketing or not event.facts.get("proven"):
        return
    for kind, value in identifiers:
        if suppression.is_suppressed(project.ledger, kind, value):
            told = Suppression(str(event.facts["controller"]), choice.purpose, choice.channel, consent.said_at(event),
                               "", resumed=True)  # fmt: skip
            suppression.suppress(project.ledger, kind, value, told)


def second_after(at: datetime) -> str:
    """Return the next whole second, as suppressions hold it: too coarse to be joined with an event."""
    whole = at.astimezone(UTC).replace(microsecond=0) + timedelta(
        seconds=math.ceil(at.microsecond / 1_000_000)
    )
    return whole.isoformat(timespec="microseconds")


def expire(project: Project) -> int:
    """Record that consents ended whose day has come; saying it again does no more. Return how many."""
    today = project.clock().date().isoformat()
    count = 0
    for found in read.states(project.ledger, consent.FAMILY, due_before=f"{today}~"):
        count += end(project, found, today)
    return count


def end(project: Project, found: read.State, today: str) -> int:
    """Record which of a subject's consents ended, unless something was said meanwhile, such as a renewal."""
    subject = found.stream.partition("/")[2]
    ended = [
        (key, one) for key, one in sorted(found.body["consents"].items())
        if one["said"] == "given" and one["until"] and one["until"] <= today
    ]  # fmt: skip
    drafts = [_expired(project, subject, key, one) for key, one in ended]
    if not drafts:
        return 0
    try:
        return len(append.append(project.ledger, drafts, expect={found.stream: found.version}))
    except ConflictError:
        return 0  # the next round looks again


def _expired(project: Project, subject: str, key: str, one: Mapping[str, Any]) -> Draft:
    purpose, controller, channel = key.split("|")
    language = project.policy.language
    facts: dict[str, Fact] = {
        "purpose": purpose, "purpose_version": project.policy.version, "given": "expired", "method": "clock",
        "notice_sha256": sha256(project.policy, language), "language": language, "controller": controller,
        "channel": channel, "valid_until": one["until"],
    }  # fmt: skip
    return Draft("consent_recorded", consent.stream(subject), facts, subject=subject,
                 entity=controller if controller != EVERY else "", policy=project.policy.version or None)  # fmt: skip


def fresh_name() -> str:
    """Draw a name for what has none of its own, such as the stream of an objection without a subject."""
    return secrets.token_hex(8)
