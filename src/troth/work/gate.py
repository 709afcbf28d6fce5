"""The gate: what may be done with somebody, answered in this process from a local copy.

The copy follows the ledger four times a second and says how fresh it is.  When the ledger was
not read for longer than is allowed, what rests on consent, is marketing, profiles people or
goes to others is answered no; what the policy lets go on in doubt (`on_doubt: allow`) is
answered yes, and each such answer is logged.

Law: GDPR Art. 7(3), Art. 21(3), Art. 25.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from troth.errors import TrothError
from troth.law import clock
from troth.law.prospecting import Addressee
from troth.ledger import keys
from troth.ledger.prekeyed import Macs, prekeyed_many
from troth.ledger.replica import (
    BEFORE_ALL,
    EMPTY,
    PLACE,
    PLACE_BITS,
    UNNUMBERED,
    Replica,
    address_key,
    outlined_at,
)
from troth.ledger.suppression import DOMAIN, Suppression, since
from troth.policy.policy import Policy
from troth.rules import consent, identifier, purpose_scope
from troth.rules import may as rules
from troth.rules.consent import NOBODY
from troth.rules.may import Answer, Question, Reason
from troth.work.establishment import established
from troth.work.follow_standings import Following
from troth.work.project import Project

LOG = logging.getLogger("troth.gate")
POLL_SECONDS = 0.25
ALLOWED_SECONDS = 5.0
SAVE_SECONDS = 5.0
SHAPES_MAX = 200_000
_now = time.monotonic


@dataclass(frozen=True, slots=True)
class Shared:
    """What all subjects of one shape are answered to one question.

    Where an entry of their records is why, its event and moment are each one's own; `reason` has
    those of the shape's outline in their place.
    """

    replica: Replica
    allowed: bool
    code: str
    reason: Reason
    entry: int | None = None
    sentences: dict[str, str] = field(default_factory=dict)

    def said(self, place: int, language: str) -> tuple[str | None, str | None, str]:
        """Return the event and the moment of whose record is at a place, and the sentence with its day."""
        spoken = rules.spoken(language)
        said = self.sentences.get(spoken)
        if said is None:
            said = self.sentences[spoken] = rules.sentence(self.reason, spoken)
        outlined = self.reason.at
        if self.entry is None or outlined is None:
            return self.reason.event, outlined, said
        at, event = self.replica.proof(place, self.entry)
        return event, at, said.replace(outlined[:10], at[:10])

    def why(self, place: int, language: str) -> tuple[Reason, str]:
        """Return the reason of whose record is at a place, and its sentence."""
        event, at, said = self.said(place, language)
        reason = self.reason
        if at is None or reason.at is None or at == reason.at:
            return reason, said
        outlined, day = reason.at[:10], at[:10]
        told = {name: day if value == outlined else value for name, value in reason.told.items()}
        return Reason(reason.code, reason.clause, reason.promise, reason.law, event, at, told), said


class Told(msgspec.Struct, frozen=True, gc=False):
    """An answer: true or false by itself, and with its reason when that is asked for."""

    _place: int
    _shared: Shared

    def __bool__(self) -> bool:
        """Say whether it may be done."""
        return self._shared.allowed

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return self._shared.allowed

    @property
    def code(self) -> str:
        """The code of the reason."""
        return self._shared.code

    @property
    def reason(self) -> Reason:
        """Why: with the clause, the event and the day."""
        return self.why("en")[0]

    @property
    def shared(self) -> Reason:
        """The reason as everybody of this shape has it: its event and its moment may stand for others."""
        return self._shared.reason

    def said(self, language: str) -> tuple[str | None, str | None, str]:
        """Return the event and the moment of the reason, and its sentence in a language."""
        return self._shared.said(self._place, language)

    def why(self, language: str) -> tuple[Reason, str]:
        """Return the reason, and its sentence in a language."""
        return self._shared.why(self._place, language)


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer worked out for one question alone: about an address that is closed, or in doubt."""

    reason: Reason
    allowed: bool

    def __bool__(self) -> bool:
        """Say whether it may be done."""
        return self.allowed

    @property
    def code(self) -> str:
        """The code of the reason."""
        return self.reason.code

    @property
    def shared(self) -> Reason:
        """The reason, which is of this question alone."""
        return self.reason

    def said(self, language: str) -> tuple[str | None, str | None, str]:
        """Return the event and the moment of the reason, and its sentence in a language."""
        return self.reason.event, self.reason.at, rules.sentence(self.reason, language)

    def why(self, language: str) -> tuple[Reason, str]:
        """Return the reason, and its sentence in a language."""
        return self.reason, rules.sentence(self.reason, language)


@dataclass(slots=True)
class Secrets:
    """The keys by which identifiers are found again, ready to be used many times."""

    names: list[Macs] = field(default_factory=list, repr=False)
    closed: list[Macs] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class Today:
    """What answers rest on until a day turns: the policy in force, its main company, and the day at each company.

    Taken together and held, so that an answer reads no ledger and mixes no two versions.
    """

    policy: Policy
    main: str
    days: Mapping[str, date]

    def same(self, other: Today) -> bool:
        """Say whether no version took effect and no day turned between two looks."""
        return self.policy is other.policy and self.days == other.days


class Gate:
    """What may be done with somebody, from a local copy that follows the ledger.

    `folder` holds the copy and belongs to this process alone.  Close the gate when done, or
    use it in a `with` block.
    """

    def __init__(
        self,
        project: Project,
        folder: Path,
        *,
        allowed_seconds: float = ALLOWED_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        follow: bool = True,
    ) -> None:
        self.project, self._allowed, self._poll = project, allowed_seconds, poll_seconds
        self.replica = Replica(folder, project.ledger.origin)
        self._following = Following(project, self.replica)
        self.secrets = Secrets()
        self._answers: dict[Any, dict[int | tuple[int, int], Shared]] = {}
        self._hash = self.replica.hash
        self._read_at = 0.0
        self._today = _today(project)
        self._ended = threading.Event()
        self._saved_at = time.monotonic()
        self._moved = False
        self.refresh()
        self._following.save()
        self._thread = threading.Thread(target=self._follow, name="gate", daemon=True) if follow else None
        if self._thread:
            self._thread.start()

    def __enter__(self) -> Gate:
        """Return itself; it is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop following, and write down how far."""
        self._ended.set()
        if self._thread:
            self._thread.join(timeout=10)
        self._following.save(closed=True)
        self.replica.close()

    @property
    def fresh_seconds(self) -> float:
        """How long ago the ledger was read."""
        return time.monotonic() - self._read_at

    def refresh(self) -> int:
        """Read the ledger now; return how many rows were new. Raises UnreachableError where it does not answer."""
        began = time.monotonic()
        known, today = self._following.known, _today(self.project)
        if not today.same(self._today):  # also where the ledger does not answer below
            self._today, self._answers = today, {}
        count = self._following.look()
        if count:
            self._moved = True
        if known is not self._following.known or sum(map(len, self._answers.values())) > SHAPES_MAX:
            self._answers = {}
        if count or not self.secrets.names:
            self.secrets = _secrets(self.project)
        self._read_at = began
        return count

    def _follow(self) -> None:
        while not self._ended.wait(self._poll):
            try:
                self.refresh()
                if self._moved and time.monotonic() - self._saved_at > SAVE_SECONDS:
                    self._following.save()
                    self._moved, self._saved_at = False, time.monotonic()
            except TrothError as error:
                LOG.warning("The ledger was not read: %s", error)
            except Exception as error:  # a look that failed must not end all looks after it
                LOG.error("The ledger was not read: %s", type(error).__name__)

    def may(
        self,
        subject: str,
        purpose: str,
        channel: str | None = None,
        entity: str | None = None,
        *,
        addressee: Addressee = "consumer",
        other_basis: bool = False,
    ) -> Told | Explained:
        """Answer for a subject by their id; a name nobody has is somebody of whom nothing is known."""
        if _now() - self._read_at > self._allowed:
            return self._in_doubt(purpose)
        # As Table.get: written out, since half of the time went into the calls.
        keys, values, mask = self.replica.subjects.view
        key = self._hash(subject.encode()) or 1
        slot = key & mask
        while (found := keys[slot]) != key and found:
            slot = (slot + 1) & mask
        asked = (purpose, channel, entity, addressee, other_basis)
        if not found:
            return self._told(None, asked)
        value = values[slot]
        answers = self._answers.get(asked)
        if answers is not None:
            shared = answers.get(value >> PLACE_BITS)
            if shared is not None:
                return Told(value & PLACE, shared)
        return self._told(value, asked)

    def may_address(
        self,
        kind: str,
        value: str,
        purpose: str,
        channel: str | None = None,
        entity: str | None = None,
        *,
        addressee: Addressee = "consumer",
        other_basis: bool = False,
    ) -> Told | Explained:
        """Answer for whoever an identifier names, and for the address itself; it leaves this process nowhere."""
        if time.monotonic() - self._read_at > self._allowed:
            return self._in_doubt(purpose)
        return self.told_address(kind, value, (purpose, channel, entity, addressee, other_basis))

    def told_address(self, kind: str, value: str, asked: tuple[Any, ...]) -> Told | Explained:
        """Answer as of the last look at the ledger, however long ago: a list is filtered as of one moment."""
        found = self.find(kind, value)
        stopped = self.closed_since(kind, value, asked)
        if stopped is None:
            return self._told(found, asked)
        standing = NOBODY if found is None else consent.special_standing(self.replica.read(found & PLACE))
        answer = rules.may(self._following.known, standing, self._question(asked), suppressed=stopped)
        return Explained(answer.reason, answer.allowed)

    def find(self, kind: str, value: str) -> int | None:
        """Return what the copy holds of whoever an identifier names: the number of a shape, and a place."""
        message = f"{kind}\x00{identifier.exact(kind, value)}".encode()
        for macs in self.secrets.names:
            subject = self.replica.addresses.get(address_key(macs(b"", (message,)), "name"))
            if subject is not None:
                return self.replica.subjects.get(subject)
        return None

    def closed_since(self, kind: str, value: str, asked: tuple[Any, ...]) -> str | None:
        """Return since when an address is closed to what is asked."""
        known: list[Suppression] = []
        for form, written in (
            ("wide", identifier.wide(kind, value)),
            ("exact", identifier.exact(kind, value)),
        ):
            message = f"{kind}\x00{written}".encode()
            for macs in self.secrets.closed:
                known += self.closed_at(address_key(macs(b"", (message,)), form))
        found = since(known, *self.closings(asked)) if known else None
        return found.at if found else None

    def closings(self, asked: tuple[Any, ...]) -> tuple[tuple[str, ...], str, str | None]:
        """Return what an address is looked up for: the purpose and those above it, the company, the channel."""
        question = self._question(asked)
        names = (question.purpose, *purpose_scope.broader(self._today.policy, question.purpose))
        return names, question.entity, question.channel

    def closed_at(self, key: int) -> list[Suppression]:
        """Return what is known of an address by its key."""
        found = []
        for number, resumed, at in self.replica.closed(key):
            controller, purpose, channel = self.replica.closings.texts[number].split("|")
            found.append(Suppression(controller, purpose, channel, at, "", resumed))
        return found

    def _told(self, found: int | None, asked: tuple[Any, ...]) -> Told:
        known = found if found is not None else EMPTY << PLACE_BITS
        return Told(known & PLACE, self.shared_of(known, asked))

    def shared_of(self, found: int, asked: tuple[Any, ...]) -> Shared:
        """Return the answer for whoever the copy holds so: once for all of a shape, or for a record alone."""
        number = found >> PLACE_BITS
        answers = self._answers.setdefault(asked, {})
        shared = answers.get(number)
        if shared is not None:
            return shared
        question = self._question(asked)
        if number == UNNUMBERED:
            answer = self.explain(self.replica.read(found & PLACE), question)
            return Shared(self.replica, answer.allowed, answer.reason.code, answer.reason)
        answer = self.explain(self.replica.outline(number), question)
        event = answer.reason.event
        entry = None if event is None else int(event)  # in an outline, an event is the number of its entry
        shared = answers[number] = Shared(
            self.replica, answer.allowed, answer.reason.code, answer.reason, entry
        )
        return shared

    def shared_closed(self, found: int, since: str, asked: tuple[Any, ...]) -> Shared:
        """Return the answer about an address that is closed since a moment, for whoever the copy holds so.

        It is worked out once for all of a shape who had said as much of it by then.
        """
        number, place = found >> PLACE_BITS, found & PLACE
        if number == UNNUMBERED:
            return self._closed(self.replica.read(place), since, asked)
        before = self.replica.said_until(place, since) if number != EMPTY else 0
        answers = self._answers.setdefault(asked, {})
        shared = answers.get((number, before))
        if shared is None:
            then = outlined_at(before - 1) if before else BEFORE_ALL
            shared = answers[number, before] = self._closed(self.replica.outline(number), then, asked)
        return shared

    def _closed(self, told: Mapping[str, Any], since: str, asked: tuple[Any, ...]) -> Shared:
        standing, question = consent.special_standing(told), self._question(asked)
        answer = rules.may(self._following.known, standing, question, suppressed=since)
        return Shared(self.replica, answer.allowed, answer.reason.code, answer.reason)

    def _question(self, asked: tuple[Any, ...]) -> Question:
        purpose, channel, entity, addressee, other_basis = asked
        today = self._today
        company = established(today.policy, entity).entity if entity else today.main
        return Question(purpose, company, today.days[company], channel, addressee, "", other_basis)

    def explain(self, told: Mapping[str, Any], question: Question) -> Answer:
        """Answer in full for who stands as is told."""
        return rules.may(self._following.known, consent.special_standing(told), question)

    def _in_doubt(self, purpose: str) -> Explained:
        answer = rules.in_doubt(self._today.policy, purpose, int(self.fresh_seconds))
        if answer.allowed:
            LOG.warning(
                "Allowed in doubt: %s, the ledger was last read %d seconds ago.", purpose, self.fresh_seconds
            )
        return Explained(answer.reason, answer.allowed)


def _today(project: Project) -> Today:
    policy, at = project.policy, project.clock()
    main = established(policy).entity
    companies = (main, *purpose_scope.entities(policy))
    days = {one: clock.receipt_day(at, established(policy, one or None).time_zone) for one in companies}
    return Today(policy, main, days)


def _secrets(project: Project) -> Secrets:
    def of(domain: str) -> list[Macs]:
        return [prekeyed_many(secret) for _, secret in keys.versions(project.ledger, f"fingerprint/{domain}")]

    return Secrets(of("requests"), of(DOMAIN))
