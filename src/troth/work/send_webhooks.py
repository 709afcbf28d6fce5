"""Tell other systems of consents, withdrawals and objections, by signed messages that are sent until they are taken.

Each receiver is told in order, at least once, by one process at a time; what it does not take is sent
again after longer and longer waits, and set aside after days so that it holds up nothing else.
A process that is stopped goes on where it was: what was sent and not yet noted is sent once more.

Source: Standard Webhooks specification 1.0.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from troth.errors import ConflictError, KeyDestroyedError, NotAllowedError, NotFoundError, TrothError
from troth.ledger import delivery, lease, subjects
from troth.ledger.append import microseconds
from troth.ledger.delivery import Delivery
from troth.outside.post import post
from troth.rules import webhook
from troth.rules.event import Event
from troth.work.project import Project, Webhook

LOG = logging.getLogger("troth.webhooks")
LEASE_SECONDS = 60
ROUND_MAX = 50
IDLE_SECONDS = 0.5
TESTED = "webhook.tested"


@dataclass(slots=True)
class Told:
    """What one round did: messages taken, messages that were not, and events put aside."""

    taken: int = 0
    failed: int = 0
    aside: int = 0


def one_round(project: Project) -> Told:
    """Tell every receiver what it is due, a bounded number of messages each."""
    done = Told()
    for name, receiver in project.settings.webhooks.items():
        held = lease.claim(project.ledger, f"webhook/{name}", LEASE_SECONDS)
        if held is None:
            continue
        try:
            _tell(project, name, receiver, done, held)
        except TrothError as error:  # what is wrong with one receiver holds up no other
            done.failed += 1
            LOG.error("%s: %s", name, error)
        except Exception as error:
            done.failed += 1
            LOG.error("%s could not be told: %s", name, type(error).__name__)
        finally:
            with suppress(TrothError):
                lease.release(project.ledger, held)
    return done


def go_on(project: Project, going: Callable[[], bool]) -> None:
    """Tell round after round while `going` says so; what fails is told without what was sent."""
    while going():
        try:
            done = one_round(project)
        except TrothError as error:
            LOG.error("%s", error)
            done = Told()
        except Exception as error:  # a round that failed must not end all rounds after it
            LOG.error("A round of messages failed: %s", type(error).__name__)
            done = Told()
        if done.taken < ROUND_MAX:
            time.sleep(IDLE_SECONDS)


def _tell(project: Project, name: str, receiver: Webhook, done: Told, held: lease.Lease) -> None:
    at = delivery.of(project.ledger, name)
    sent = 0
    while at.status != "gone" and microseconds(project.clock()) >= at.due_us:
        page = delivery.following(project.ledger, at.next)
        if not page:
            return
        for number, event in page:
            kind = webhook.kind_of(event)
            if kind is None or kind[0] not in receiver.events:
                at = replace(at, next=number + 1, attempts=0)
                continue
            if sent >= ROUND_MAX or not lease.renew(project.ledger, held, LEASE_SECONDS):
                delivery.move(project.ledger, at)
                return
            at = replace(at, next=number)
            sent += 1
            status = _send(project, receiver, event, kind[1])
            if status.startswith("2"):
                done.taken += 1
                at = Delivery(name, number + 1)
                delivery.move(project.ledger, at)
                continue
            done.failed += 1
            at = _failed(project, at, status, done)
            break
        else:
            delivery.move(project.ledger, at)  # what nobody wants to know is passed by once


def _failed(project: Project, at: Delivery, status: str, done: Told) -> Delivery:
    """Note a failed try: later again, aside after too many, or never where the receiver is gone."""
    if status == str(webhook.GONE):
        gone = replace(at, status="gone")
        delivery.move(project.ledger, gone)
        LOG.warning("%s says that it is gone. `troth webhook resume %s` goes on.", at.name, at.name)
        return gone
    attempts = at.attempts + 1
    if attempts >= webhook.ATTEMPTS_MAX:
        delivery.set_aside(project.ledger, at, status)
        done.aside += 1
        LOG.warning("%s did not take a message in %s tries: it is put aside.", at.name, attempts)
        return Delivery(at.name, at.next + 1, status=status)
    due = microseconds(project.clock() + webhook.again_after(attempts))
    later = replace(at, attempts=attempts, due_us=due, status=status)
    delivery.move(project.ledger, later)
    return later


def _send(project: Project, receiver: Webhook, event: Event, type_: str) -> str:
    """Send one message; return the status, or a word where there was none."""
    known: tuple[tuple[str, str], ...] = ()
    if receiver.identifiers and event.subject:
        with suppress(KeyDestroyedError, NotFoundError):  # whoever was erased is named by nobody any more
            known = subjects.identifiers(project.ledger, event.subject)
    return _post(project, receiver, event.id, webhook.message(event, type_, known))


def _post(project: Project, receiver: Webhook, ident: str, body: bytes) -> str:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "troth",
        **webhook.signed(receiver.secret(), ident, project.clock(), body),
    }
    answered = post(receiver.url, body, headers, seconds=receiver.seconds)
    return str(answered.status) if answered.status else "no answer"


def receiver_of(project: Project, name: str) -> Webhook:
    """Return a receiver by its name; raises NotFoundError where the settings have none."""
    found = project.settings.webhooks.get(name)
    if found is None:
        known = ", ".join(project.settings.webhooks) or "none: write [webhook.NAME] in troth.toml"
        raise NotFoundError(f"There is no receiver {name[:40]!r}. There are: {known}.")
    return found


def test(project: Project, name: str) -> str:
    """Send a message that says nothing, and return what was answered."""
    receiver = receiver_of(project, name)
    at = project.clock().isoformat(timespec="microseconds")
    body = f'{{"type":"{TESTED}","timestamp":"{at}","data":{{}}}}'.encode()
    return _post(project, receiver, f"test-{microseconds(project.clock())}", body)


def retry(project: Project, name: str) -> tuple[int, int]:
    """Send what was put aside for a receiver once more; return how many it took and how many not."""
    receiver = receiver_of(project, name)
    took = left = 0
    for number, _ in list(delivery.put_aside(project.ledger, name)):
        event = delivery.event(project.ledger, number)
        kind = webhook.kind_of(event)
        if kind is not None and not _send(project, receiver, event, kind[1]).startswith("2"):
            left += 1
            continue
        delivery.taken(project.ledger, name, number)
        took += 1
    return took, left


def resume(project: Project, name: str, *, since: datetime | None = None) -> int:
    """Let a receiver be told again at once; `since` goes back to what happened from then on. Return its number."""
    receiver_of(project, name)
    held = lease.claim(project.ledger, f"webhook/{name}", LEASE_SECONDS)
    if held is None:
        raise ConflictError(f"{name} is being told at this moment. Say it again in a minute.")
    try:
        return _resume(project, name, since)
    finally:
        lease.release(project.ledger, held)


def _resume(project: Project, name: str, since: datetime | None) -> int:
    at = delivery.of(project.ledger, name)
    number = at.next
    if since is not None:
        if since > project.clock():
            raise NotAllowedError("Nothing has happened from that moment on yet.")
        found = delivery.since(project.ledger, microseconds(since))
        number = at.next if found is None else found
    delivery.move(project.ledger, Delivery(name, number))
    return number
