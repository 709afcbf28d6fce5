"""Take choices in as other systems report them, many a second, each answered once it is on the disk.

Law: GDPR Art. 7(1), (3); Art. 21(2), (3).
"""

from __future__ import annotations

import asyncio
import hmac
import re
import threading
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

import msgspec

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.ledger import keys, read, subjects
from troth.ledger.ingest import Ingest
from troth.policy.policy import Policy
from troth.rules import consent
from troth.rules.event import Draft, Event
from troth.rules.identifier import exact
from troth.work import record_form
from troth.work.project import Project
from troth.work.record_consent import (
    Asked,
    Choice,
    checked,
    draft,
    reopen,
    state_purposes,
    subject_of,
)
from troth.work.record_objection import record_objection

PREPARED_MAX = 5_000
_SAYS_NO_VALUE = re.compile(
    r"(Expected `[^`]*`(, got `[a-z]+`)?|Object missing required field `[a-z_]+`|Invalid RFC3339 encoded datetime)"
    r"( - at `\$[^`]*`)?|JSON is malformed: [a-z ]+ \(byte \d+\)|Input data was truncated"
)
_PLACE = re.compile(r" - at `\$[a-z0-9_.\[\]]*`\Z")


_ANOTHER = "Another report was sent under this Idempotency-Key before. Draw a new one for each."


class One(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What was said about one purpose."""

    said: Literal["given", "refused", "withdrawn", "renewed", "objected"]
    purpose: str = ""
    channel: str = "*"
    controller: str = ""


class Told(msgspec.Struct, forbid_unknown_fields=True):
    """Choices as another system reports them."""

    choices: tuple[One, ...]
    method: str
    language: str = ""
    subject: str = ""
    who: dict[str, str] = {}
    form: str = ""
    texts: dict[str, str] = {}
    source: str = ""
    at: datetime | None = None
    age: int | None = None
    country: str = ""
    guardian: str = ""
    evidence: str = ""
    signal: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was recorded: for whom, when, and each event with whether its yes is proven."""

    subject: str
    at: str
    events: tuple[tuple[str, bool], ...]


class Taking:
    """Turns reports into drafts and hands them to the one writer."""

    def __init__(self, project: Project, ingest: Ingest) -> None:
        self._project, self._ingest = project, ingest
        self._read = msgspec.json.Decoder(Told)
        self._prepared: dict[tuple[object, ...], tuple[Draft, ...]] = {}
        self._preparing = threading.Lock()
        self._when: tuple[date, Policy | None] = (date.min, None)

    async def take(self, body: bytes, once: str | None) -> Taken:
        """Record what a body in JSON says; raises NotAllowedError for one that does not say it."""
        try:
            told = self._read.decode(body)
        except msgspec.DecodeError as error:
            raise NotAllowedError(f"The body reports no choices in JSON: {mistake(error)}.") from None
        except UnicodeDecodeError:
            raise NotAllowedError("The body reports no choices in JSON: it is not UTF-8.") from None
        if told.subject and not told.who and not any(one.said == "objected" for one in told.choices):
            stream = consent.stream(told.subject)
            made = self._known(told)
            if made is None:
                made = await asyncio.to_thread(self._drafts, told)
            drafts = [replace(one, subject=told.subject, stream=stream) for one in made]
            written = await self._ingest.hand(drafts, once, f"subject/{told.subject}")
            if once is not None:
                _same(written, drafts)
            return _taken(told.subject, written)
        return await asyncio.to_thread(self._slowly, told, once)

    def _known(self, told: Told) -> tuple[Draft, ...] | None:
        """Return the drafts of a report where the same was reported of another subject under today's policy.

        Consents end by days of UTC, and a version takes effect at midnight of where the company is.
        """
        (day, before), today, policy = self._when, self._project.clock().date(), self._project.policy
        if today != day or policy is not before or len(self._prepared) > PREPARED_MAX:
            self._prepared, self._when = {}, (today, policy)  # in this order: the drafts of before go first
        return self._prepared.get(_alike(told))

    def _drafts(self, told: Told) -> tuple[Draft, ...]:
        """Make the drafts of a report, once for all that say the same but for the subject."""
        with self._preparing:  # of many at once that say the same, the first makes them
            return self._made(told)

    def _made(self, told: Told) -> tuple[Draft, ...]:
        known = self._known(told)
        if known is None:
            prepared = self._prepared  # what is made while a day or version turns is not kept for the next
            choices, asked = _choices(told), _asked(told)
            checked(self._project, choices, asked)
            state_purposes(
                self._project, [one.purpose for one in choices if one.said in {"given", "renewed"}]
            )
            known = tuple(draft(self._project, "", one, asked, actor="subject") for one in choices)
            form_known = not told.form or record_form.form(self._project, told.form) is not None
            if form_known and not told.guardian and not told.evidence and told.at is None:
                prepared[_alike(told)] = known
        return known

    def _slowly(self, told: Told, once: str | None) -> Taken:
        """Record for whom an identifier names, opened where nobody knows it; and objections."""
        identifiers = tuple(told.who.items())
        self._same_subject(told)
        choices, asked = _choices(told), _asked(told)
        objections = [one for one in told.choices if one.said == "objected"]
        if choices:
            checked(self._project, choices, asked)
        events: list[Event] = []
        name = f"{once} objection {self._whose(told)}" if once else ""
        for number, one in enumerate(objections):
            events.append(
                self._objected(
                    one,
                    identifiers,
                    told,
                    once=f"{name} {number}" if once else None,
                )
            )
        subject = told.subject
        if choices:
            subject = subject or subject_of(self._project, identifiers)
            drafts = [
                replace(one, subject=subject, stream=consent.stream(subject))
                for one in self._drafts(_without(told, choices))
            ]
            written = self._ingest.write(drafts, once, f"subject/{subject}")
            if once is not None:
                _same(written, drafts)
            for choice, event in zip(choices, written, strict=True):
                reopen(self._project, identifiers, choice, event)
            events += written
        if not events:
            raise NotAllowedError("Nothing was chosen: name at least one purpose.")
        return _taken(subject, tuple(events))

    def _objected(
        self, one: One, identifiers: tuple[tuple[str, str], ...], told: Told, *, once: str | None
    ) -> Event:
        written = record_objection(
            self._project, identifiers, scope=self._scope(one), purpose=one.purpose, channel=one.channel,
            controller=one.controller or "*", method="api", signal=told.signal, source=told.source, said_at=told.at,
            subject=told.subject or None, once=once,
        )  # fmt: skip
        wanted = (one.purpose or None, one.channel or "*", one.controller or "*")
        if tuple(written.facts[name] for name in ("purpose", "channel", "controller")) != wanted:
            raise ConflictError(_ANOTHER)
        return written

    def _same_subject(self, told: Told) -> None:
        """See that a subject that is named exists and is whom the identifiers name: an id is written in clear."""
        if not told.subject:
            return
        if not read.version(self._project.ledger, f"subject/{told.subject}"):
            raise NotFoundError("There is no subject of this id.")
        found = {subjects.find_subject(self._project.ledger, kind, value) for kind, value in told.who.items()}
        if found - {told.subject}:
            raise NotAllowedError("`who` does not name this subject. Name one person, by either.")

    def _whose(self, told: Told) -> str:
        """Name whom a report is about by a keyed hash, so that a key used again for another is another's."""
        _, secret = keys.own_key(self._project.ledger, "idempotency")
        who = [told.subject, *sorted(f"{kind}={exact(kind, value)}" for kind, value in told.who.items())]
        return hmac.digest(secret, "\x00".join(who).encode(), "sha256").hex()[:32]

    def _scope(self, one: One) -> Literal["marketing", "purpose"]:
        purpose = self._project.policy.purposes.get(one.purpose)
        return "marketing" if not one.purpose or (purpose and purpose.marketing) else "purpose"


def mistake(error: msgspec.DecodeError) -> str:
    """Say what is wrong with a body: by fields and kinds, and by no value or name of the sender's.

    >>> mistake(msgspec.ValidationError("Invalid enum value 'ada' - at `$.choices[0].said`"))
    'a value that there is not - at `$.choices[0].said`'
    """
    said = str(error)
    if _SAYS_NO_VALUE.fullmatch(said):
        return said
    place = _PLACE.search(said)
    what = "a field that there is not" if said.startswith("Object contains") else "a value that there is not"
    return f"{what}{place[0] if place else ''}"


def _alike(told: Told) -> tuple[object, ...]:
    return (told.choices, told.method, told.language, told.form, tuple(told.texts.items()), told.source, told.at,
            told.age, told.country, told.guardian, told.evidence, told.signal)  # fmt: skip


def _without(told: Told, choices: list[Choice]) -> Told:
    kept = tuple(one for one in told.choices if one.said != "objected")
    return msgspec.structs.replace(told, choices=kept) if len(choices) != len(told.choices) else told


def _choices(told: Told) -> list[Choice]:
    return [
        Choice(one.purpose, one.said, one.channel, one.controller)
        for one in told.choices
        if one.said != "objected"
    ]


def _asked(told: Told) -> Asked:
    return Asked(
        told.method, told.language, told.form, told.texts, told.source, told.at, told.age, told.country, told.guardian,
        told.evidence, told.signal,
    )  # fmt: skip


def _same(written: tuple[Event, ...], drafts: list[Draft]) -> None:
    """See that what was written under an idempotency key is what is reported now."""
    named = ("purpose", "given", "channel")
    ours = [(one.subject, *(one.facts.get(name) for name in named)) for one in drafts]
    theirs = [(one.subject, *(one.facts.get(name) for name in named)) for one in written]
    if ours != theirs:
        raise ConflictError(_ANOTHER)


def _taken(subject: str, written: tuple[Event, ...]) -> Taken:
    if not written:
        raise NotFoundError("Nothing was recorded.")
    return Taken(
        subject,
        written[0].at.isoformat(),
        tuple((one.id, bool(one.facts.get("proven", False))) for one in written),
    )
