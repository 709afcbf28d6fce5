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
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from troth.errors import TrothError
from troth.law.prospecting import Addressee
from troth.ledger import keys
from troth.ledger.prekeyed import prekeyed
from troth.ledger.replica import WRITTEN_OUT, Replica, address_key
from troth.ledger.suppression import DOMAIN, Suppression, since
from troth.rules import consent, identifier, purpose_scope
from troth.rules import may as rules
from troth.rules.consent import NOBODY, Standing
from troth.rules.may import Answer, Question, Reason
from troth.work.establishment import day_here, establishment
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
    """What all subjects of one shape are answered to one question."""

    gate: Gate
    question: Question
    allowed: bool
    code: str


class Told:
    """An answer: true or false by itself, and with its reason when that is asked for."""

    __slots__ = ("_at", "_shared")

    def __init__(self, at: int | None, shared: Shared) -> None:
        self._at = at
        self._shared = shared

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
        return self._shared.gate.explain(self._at, self._shared.question).reason


@dataclass(frozen=True, slots=True)
class Doubt:
    """An answer given while the ledger was not read for too long."""

    allowed: bool
    code: str
    reason: Reason

    def __bool__(self) -> bool:
        """Say whether it may be done."""
        return self.allowed


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer worked out for one address alone."""

    allowed: bool
    code: str
    reason: Reason

    def __bool__(self) -> bool:
        """Say whether it may be done."""
        return self.allowed


@dataclass(slots=True)
class Secrets:
    """The keys by which identifiers are found again, ready to be used many times."""

    names: list[Any] = field(default_factory=list, repr=False)
    closed: list[Any] = field(default_factory=list, repr=False)


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
        self._main = establishment(project).entity
        self.secrets = Secrets()
        self._answers: dict[Any, dict[bytes, Shared]] = {}
        self._hash = self.replica.hash
        self.answered: list[tuple[bool, str]] = []
        self._numbers: dict[tuple[bool, str], int] = {}
        self._read_at = 0.0
        self._days: dict[str, date] = {}
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
        known = self._following.known
        count = self._following.look()
        if count:
            self._moved = True
        companies = (self._main, *purpose_scope.entities(self.project.policy))
        days = {one: day_here(self.project, one or None) for one in companies}
        if (
            days != self._days
            or known is not self._following.known
            or sum(map(len, self._answers.values())) > SHAPES_MAX
        ):
            self._days, self._answers = days, {}
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
    ) -> Told | Doubt:
        """Answer for a subject by their id; a name nobody has is somebody of whom nothing is known."""
        if _now() - self._read_at > self._allowed:
            return self._in_doubt(purpose)
        replica = self.replica
        table = replica.subjects
        # As Table.get and Replica.record_at: written out, since half of the time went into the calls.
        key = self._hash(subject.encode()) or 1
        keys, values, mask = table.view
        slot = key & mask
        while (found := keys[slot]) != key and found:
            slot = (slot + 1) & mask
        asked = (purpose, channel, entity, addressee, other_basis)
        if not found:
            return self._told(None, asked)
        at = values[slot]
        heap = replica.heap.bytes
        answers = self._answers.get(asked)
        if answers is not None and not heap[at]:
            shared = answers.get(heap[at + 2 : at + 2 + 8 * heap[at + 1]])
            if shared is not None:
                return Told(at, shared)
        return self._told(at, asked)

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
    ) -> Told | Doubt | Explained:
        """Answer for whoever an identifier names, and for the address itself; it leaves this process nowhere."""
        if time.monotonic() - self._read_at > self._allowed:
            return self._in_doubt(purpose)
        return self.told_address(kind, value, (purpose, channel, entity, addressee, other_basis))

    def told_address(self, kind: str, value: str, asked: tuple[Any, ...]) -> Told | Explained:
        """Answer as of the last look at the ledger, however long ago: a list is filtered as of one moment."""
        at = self.find(kind, value)
        stopped = self._closed(kind, value, asked)
        if stopped is None:
            return self._told(at, asked)
        answer = rules.may(
            self._following.known, self._standing(at), self._question(asked), suppressed=stopped
        )
        return Explained(answer.allowed, answer.reason.code, answer.reason)

    def find(self, kind: str, value: str) -> int | None:
        """Return where the record of whoever an identifier names is."""
        message = f"{kind}\x00{identifier.exact(kind, value)}".encode()
        for secret in self.secrets.names:
            subject = self.replica.addresses.get(address_key(secret(message), "name"))
            if subject is not None:
                return self.replica.subjects.get(subject)
        return None

    def _closed(self, kind: str, value: str, asked: tuple[Any, ...]) -> str | None:
        """Return since when an address is closed to what is asked."""
        known: list[Suppression] = []
        for form, written in (
            ("wide", identifier.wide(kind, value)),
            ("exact", identifier.exact(kind, value)),
        ):
            message = f"{kind}\x00{written}".encode()
            for secret in self.secrets.closed:
                known += self.closed_at(address_key(secret(message), form))
        if not known:
            return None
        question = self._question(asked)
        names = (question.purpose, *purpose_scope.broader(self.project.policy, question.purpose))
        found = since(known, names, question.entity, question.channel)
        return found.at if found else None

    def closed_at(self, key: int) -> list[Suppression]:
        """Return what is known of an address by its key."""
        found = []
        for number, resumed, at in self.replica.closed(key):
            controller, purpose, channel = self.replica.closings.texts[number].split("|")
            found.append(Suppression(controller, purpose, channel, at, "", resumed))
        return found

    def _told(self, at: int | None, asked: tuple[Any, ...]) -> Told:
        if at is None:
            shape, sort = b"", 0
        else:
            shape, sort = self.replica.record_at(at)
        answers = self._answers.setdefault(asked, {})
        found = answers.get(shape) if sort != WRITTEN_OUT else None
        if found is None:
            question = self._question(asked)
            answer = self.explain(at, question)
            found = Shared(self, question, answer.allowed, answer.reason.code)
            if sort != WRITTEN_OUT:
                answers[shape] = found
        return Told(at, found)

    def number(self, at: int | None, asked: tuple[Any, ...]) -> int:
        """Return the number of the answer for the record at a place, for whoever asks of millions."""
        told = self._told(at, asked)
        return self.number_of(told.allowed, told.code)

    def number_of(self, allowed: bool, code: str) -> int:
        """Return the number of an answer; `answered` leads back."""
        key = (allowed, code)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.answered)
            self.answered.append(key)
        return found

    def _question(self, asked: tuple[Any, ...]) -> Question:
        purpose, channel, entity, addressee, other_basis = asked
        company = establishment(self.project, entity).entity if entity else self._main
        return Question(purpose, company, self._days[company], channel, addressee, "", other_basis)

    def _standing(self, at: int | None) -> Standing:
        return NOBODY if at is None else consent.special_standing(self.replica.read(at))

    def explain(self, at: int | None, question: Question) -> Answer:
        """Answer in full, with the reason."""
        return rules.may(self._following.known, self._standing(at), question)

    def _in_doubt(self, purpose: str) -> Doubt:
        answer = rules.in_doubt(self.project.policy, purpose, int(self.fresh_seconds))
        if answer.allowed:
            LOG.warning(
                "Allowed in doubt: %s, the ledger was last read %d seconds ago.", purpose, self.fresh_seconds
            )
        return Doubt(answer.allowed, answer.reason.code, answer.reason)


def _secrets(project: Project) -> Secrets:
    def of(domain: str) -> list[Any]:
        return [prekeyed(secret) for _, secret in keys.versions(project.ledger, f"fingerprint/{domain}")]

    return Secrets(of("requests"), of(DOMAIN))
