"""Tell the recipients who hold somebody's data of an objection or a withdrawal that came without a request.

A choice takes effect here at once, however it comes; here those are told who hold the data for the
purposes that it stops, marketing recipients first, by the means the policy names for each.  The
ledger is followed in the order of its seals: a process that was stopped goes on where it was, and what
was sent and not yet recorded is sent once more, under the same name.

Danger: letters leave here.  None goes out twice for the same choice, nor for another that stops no
more than the recipient was told of since the person's last yes.

Law: GDPR Arts. 5(2), 7(3), 21, 24, 28(3)(e); Case C-129/21.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from troth.errors import ConflictError, NotAllowedError, NotFoundError, TrothError
from troth.ledger import append, delivery, keys, lease, read, suppression
from troth.policy.promise import Recipient
from troth.rules import consent, telling
from troth.rules.consent import EVERY
from troth.rules.event import Event, Fact
from troth.rules.identifier import exact
from troth.rules.telling import Reach
from troth.stores.contract import Who
from troth.work import (
    disclose,
    keep_waiting,
    read_disclosures,
    send_word,
    tell_recipients,
    telling_file,
    told_before,
)
from troth.work.project import Project
from troth.work.record_consent import Identifiers
from troth.work.telling_file import TellingFile

LOG = logging.getLogger("troth.telling")
PLACE = "troth/choices"
"""What the place is called up to which choices were looked at, among the receivers of messages."""
LEASE_SECONDS = 120.0
PAGE = 5_000
ROUND_MAX = 200
TOGETHER_MAX = 100
"""How many people one letter names at most."""
RECORD_TRIES = 5
IDLE_SECONDS = 0.5
SAVE_SECONDS = 60.0
STORES_WAIT = timedelta(hours=4)
"""How long a choice waits for a store that records disclosures and does not answer."""


@dataclass(slots=True)
class Round:
    """What one round did: choices looked into, and recipients told, not reached, and left to staff."""

    begun: int = 0
    told: int = 0
    failed: int = 0
    staff: int = 0


class Following:
    """Follows the ledger for choices; remembers how far it is, and holds the work while it lasts."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._at: int | None = None
        self._held: lease.Lease | None = None
        self._away: dict[str, datetime] = {}
        self._saved = self._renewed = time.monotonic()

    def close(self) -> None:
        """Let another process go on."""
        if self._held is not None:
            with suppress(TrothError):
                lease.release(self._project.ledger, self._held)
            self._held = None

    def one_round(self, stop_at: Callable[[str], object] = lambda _: None) -> Round:
        """Look into what was chosen since, and tell whom it is time to tell; nothing while another process does."""
        done = Round()
        held = self._hold()
        if held is not None:
            self._look(held, done, stop_at)
            _tell(self._project, held, done, stop_at, self._away)
        return done

    def _hold(self) -> lease.Lease | None:
        ledger, now = self._project.ledger, time.monotonic()
        if self._held is not None and now - self._renewed < LEASE_SECONDS / 4:
            return self._held
        if self._held is None or not lease.renew(ledger, self._held, LEASE_SECONDS):
            self._held, self._at = lease.claim(ledger, "telling", LEASE_SECONDS), None
        self._renewed = now
        return self._held

    def _look(self, held: lease.Lease, done: Round, stop_at: Callable[[str], object]) -> None:
        ledger = self._project.ledger
        if self._at is None:
            self._at = delivery.of(ledger, PLACE, from_first=True).next
        end, began = delivery.sealed(ledger), self._at
        try:
            while self._at < end:
                until = min(self._at + PAGE, end)
                for number, event in delivery.stopping(ledger, self._at, until):
                    done.begun += begin(self._project, event, held)
                    self._at = number + 1
                    stop_at(f"begun {event.id}")
                self._at = until
        except ConflictError:
            raise
        except TrothError as error:  # a store does not answer: what was begun before goes on meanwhile
            LOG.warning("Whom to tell of a choice is not known yet: %s", error)
        if self._at > began and (done.begun or time.monotonic() - self._saved > SAVE_SECONDS or not began):
            delivery.move(ledger, delivery.Delivery(PLACE, self._at))
            self._saved = time.monotonic()


def one_round(project: Project, stop_at: Callable[[str], object] = lambda _: None) -> Round:
    """Do one round, as a process that ends after it."""
    following = Following(project)
    try:
        return following.one_round(stop_at)
    finally:
        following.close()


def go_on(project: Project, going: Callable[[], bool]) -> None:
    """Tell round after round while `going` says so; what fails is logged without what was sent."""
    following = Following(project)
    while going():
        try:
            following.one_round()
        except TrothError as error:
            LOG.error("%s", error)
        except Exception as error:  # a round that failed must not end all rounds after it
            LOG.error("A round of telling recipients failed: %s", type(error).__name__)
        time.sleep(IDLE_SECONDS)
    following.close()


def overlooked(project: Project, before: datetime) -> tuple[Event, ...]:
    """Return the choices from before a moment that nobody has looked into yet, as no worker has come by."""
    ledger = project.ledger
    at = delivery.of(ledger, PLACE, from_first=True).next
    sealed = (event for _, event in delivery.stopping(ledger, at, delivery.sealed(ledger)))
    waiting = chain(sealed, delivery.stopping_unsealed(ledger))
    return tuple(
        one
        for one in waiting
        if one.at < before and one.request is None and telling.stops(one)
        and read.state(ledger, telling.stream(one.id)) is None and _ends_something(project, one)
    )  # fmt: skip


def begin(project: Project, choice: Event, held: lease.Lease | None = None) -> bool:
    """Record who is owed word of a choice; say whether anybody is.  Saying it again does no more.

    Raises UnreachableError where a store that records disclosures does not answer.
    """
    if choice.request is not None or not telling.stops(choice):
        return False  # those are told with the request
    if read.state(project.ledger, telling.stream(choice.id)) is not None:
        return True  # whoever was stopped after it goes on from there
    if not _ends_something(project, choice):
        return False
    wanted = telling.reach(project.policy, choice)
    known = telling_file.identifiers(project, choice) if wanted.purposes else ()
    if not known:
        return False
    _read_stores(project, choice, known)
    stranger = choice.subject is None
    holders = tell_recipients.holding(project, wanted.purposes, known, roles=_roles(choice))
    drafts, marks = [], []
    for one in holders:
        name = str(one.key)
        own = _marks(project, name, known, wanted) if stranger else ()
        before = _marked(project, own) if own else told_before.of_choice(project, choice, wanted, name)
        outcome = "covered" if before else "owed"
        drafts.append(telling_file.notified(choice, wanted, name, outcome, before))
        marks += [mark for mark, *_ in own]
    for name, called in _beyond(project, known, wanted).items():
        drafts.append(
            telling_file.notified(
                choice, wanted, name, "task", "not in the policy", payload={"names": called}
            )
        )
    if not drafts:
        if stranger:
            keep_waiting.let_go(project, choice.stream)
        return False
    append.append(
        project.ledger, drafts, once=f"telling {choice.id}", lease=held,
        also=lambda connection: append.name_within(connection, marks, choice.id),
    )  # fmt: skip
    if stranger and all(draft.facts["outcome"] == "covered" for draft in drafts):
        keep_waiting.let_go(project, choice.stream)
    return True


def _ends_something(project: Project, choice: Event) -> bool:
    """Say whether there is anything to tell of a choice: a no of somebody who never said yes ends nothing."""
    if choice.subject is None or choice.facts.get("given") != "refused":
        return True
    said = read.stream(project.ledger, consent.stream(choice.subject))
    return telling.takes_back(project.policy, said, choice)


def _roles(choice: Event) -> frozenset[str]:
    """Return the roles of those who are told because the policy names them, with or without a disclosure on record.

    The address of somebody nobody here knows goes to no other controller who may never have had it, and of a
    list of refusals to nobody.
    """
    if choice.subject is not None:
        return tell_recipients.ROLES
    return frozenset() if choice.facts.get("method") == "import" else frozenset({"processor"})


def _read_stores(project: Project, choice: Event, known: Identifiers) -> None:
    """Take over what the stores say was disclosed about somebody, before it is looked up who holds it."""
    if not any(read_disclosures.disclosing(one) for one in project.maps.values()):
        return
    try:
        read_disclosures.of_subject(project, Who(choice.subject or choice.id, tuple(known)))
    except TrothError as error:
        if project.clock() < choice.at + STORES_WAIT:
            raise
        LOG.error("Recipients that only a store knows of are not told of choice %s: %s", choice.id, error)


def _beyond(project: Project, known: Identifiers, wanted: Reach) -> dict[str, list[str]]:
    """Return who holds the data and is not, or no longer, in the policy: names by key."""
    found: dict[str, list[str]] = {}
    for key, name, purpose in disclose.outside(project, known):
        if purpose in wanted.purposes and name not in found.setdefault(key, []):
            found[key].append(name)
    return found


def _marks(
    project: Project, recipient: str, known: Identifiers, wanted: Reach
) -> tuple[tuple[str, ...], ...]:
    """Name what a recipient is told of an address, purpose by purpose, by keyed hashes: its own, then broader ones.

    A yes of the address since opens them anew.
    """
    _, secret = keys.own_key(project.ledger, "idempotency")
    closed = [one for kind, value in known for one in suppression.of(project.ledger, kind, value)]
    since = max((one.at for one in closed if one.resumed), default="")
    who = sorted(f"{kind}={exact(kind, value)}" for kind, value in known)

    def mark(purpose: str, channel: str, controller: str) -> str:
        said = [recipient, purpose, channel, controller, since, *who]
        return f"told {hmac.digest(secret, chr(0).join(said).encode(), 'sha256').hex()}"

    reaches = dict.fromkeys(
        (channel, controller)
        for channel in (wanted.channel, EVERY)
        for controller in (wanted.controller, EVERY)
    )
    return tuple(tuple(mark(purpose, *one) for one in reaches) for purpose in wanted.purposes)


def _marked(project: Project, marks: tuple[tuple[str, ...], ...]) -> str:
    """Return the last choice with which all of this was told; empty where some of it was not."""
    found = [
        next((told[0].id for one in each if (told := read.said(project.ledger, one))), "") for each in marks
    ]
    return found[-1] if all(found) else ""


def _tell(
    project: Project,
    held: lease.Lease,
    done: Round,
    stop_at: Callable[[str], object],
    away: dict[str, datetime],
) -> None:
    """Tell whom it is time to tell, marketing recipients first.

    `away` says until when those are passed by who could not be told, so that they hold nobody else up.
    """
    for recipient, files in _together(project, _due(project, away)):
        now = project.clock()
        if away.get(recipient, now) > now or not lease.renew(project.ledger, held, LEASE_SECONDS):
            continue
        outcome = _tell_one(project, recipient, files, held, done)
        stop_at(f"told {recipient}")
        away.pop(recipient, None)
        if outcome == "failed":
            away[recipient] = telling.again_at(project.clock(), 1)


def _due(project: Project, away: Mapping[str, datetime]) -> Iterator[tuple[str, TellingFile]]:
    now, count = project.clock(), 0
    before = f"{telling.moment(now)}~"
    for found in read.due_states(project.ledger, telling.FAMILY, status="open", due_before=before):
        names = [name for name in telling.due(found.body, now) if away.get(name, now) <= now]
        if not names:
            continue
        file = TellingFile(found.version, found.body, read.event(project.ledger, str(found.body["choice"])))
        yield from ((name, file) for name in names)
        count += 1
        if count == ROUND_MAX:
            return


def _together(
    project: Project, pairs: Iterator[tuple[str, TellingFile]]
) -> Iterator[tuple[str, list[TellingFile]]]:
    """Put together what goes in one letter: choices of one day that stop the same."""
    groups: dict[tuple[object, ...], list[TellingFile]] = {}
    for name, file in pairs:
        one = project.policy.recipients.get(name)
        state = file.state
        said = telling_file.word(file, ()).received.date()
        like = (name, state["action"], *state["purposes"], state["channel"], state["controller"], said)
        groups.setdefault(like if one and send_word.by_letter(one) else (name, file.name), []).append(file)
    first = [key for key in groups if _is_marketing(project, str(key[0]))]
    for key in [*first, *(one for one in groups if one not in first)]:
        files = groups[key]
        for start in range(0, len(files), TOGETHER_MAX):
            yield str(key[0]), files[start : start + TOGETHER_MAX]


def _is_marketing(project: Project, name: str) -> bool:
    found = project.policy.recipients.get(name)
    return found is not None and found.class_ == "marketing"


def _tell_one(project: Project, name: str, files: list[TellingFile], held: lease.Lease, done: Round) -> str:
    """Tell a recipient of one choice, or by one letter of several, and record what became of each."""
    recipient = project.policy.recipients.get(name)
    # What was recorded since, of another recipient of the same choice or by staff, is read again.
    files = [found for one in files if _waits(found := telling_file.load(project, one.name), name)]
    words = [(one, telling_file.word(one, telling_file.identifiers(project, one.choice))) for one in files]
    known = [(one, word) for one, word in words if word.identifiers]
    for one, word in words:
        if not word.identifiers:
            _record(project, one, name, ("not_told", "nobody knows any more who it was"), held)
    if not known:
        return "not_told"
    for (one, _), (outcome, reason, payload) in zip(known, _send(project, recipient, known), strict=True):
        became = (outcome, reason)
        if outcome == "failed" and int(one.state["tries"].get(name, 0)) + 1 >= telling.TRIES_MAX:
            became = ("task", "could not be told")
        message = (payload or {}).get("message")
        once = f"message {message}" if message else None
        _record(project, one, name, became, held, payload, once)
        done.told += became[0] == "told"
        done.failed += became[0] == "failed"
        done.staff += became[0] == "task"
    return outcome


def _waits(file: TellingFile, recipient: str) -> bool:
    return file.state["recipients"].get(recipient) in telling.WAITING


def _record(
    project: Project,
    file: TellingFile,
    recipient: str,
    became: tuple[str, str],
    held: lease.Lease,
    payload: Mapping[str, Fact] | None = None,
    once: str | None = None,
) -> None:
    """Record what became of a recipient, also where something else was recorded of the same choice meanwhile.

    Word went out: were it not recorded, it would go out again.  Where it did not, what staff said meanwhile stands.
    """
    for tries in range(1, RECORD_TRIES + 1):
        try:
            telling_file.record(project, file, recipient, became, payload, lease=held, once=once)
        except ConflictError:
            if tries == RECORD_TRIES or not lease.renew(project.ledger, held, LEASE_SECONDS):
                raise
            file = telling_file.load(project, file.name)
            if became[0] != "told" and not _waits(file, recipient):
                return
        else:
            return


def _send(
    project: Project, recipient: Recipient | None, known: list[tuple[TellingFile, telling.Word]]
) -> list[send_word.Went]:
    words = [word for _, word in known]
    if recipient is None:
        return [("task", "not in the policy", None) for _ in words]
    try:
        if len(words) > 1:
            return send_word.write_together(project, recipient, words)
        return [send_word.send(project, recipient, words[0])]
    except (
        NotAllowedError,
        NotFoundError,
    ) as error:  # an address, a certificate or a template of the project's
        LOG.error("%s could not be told of choices: %s", recipient.key, error)
        return [("failed", "it could not be sent", None) for _ in words]
