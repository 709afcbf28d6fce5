"""Tell a recipient by a signed message to its API, and hear from it when it is done.

A recipient has been told when it proved, by its signature, that it has our message; that it
is done it says later, by a message of its own.  Whatever the format has no word for is a
task for staff.

Law: GDPR Art. 19, Art. 28(3)(e).  Source: OpenDSR specification 1.0.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from troth.errors import NotAllowedError, NotFoundError, TamperedError
from troth.ledger import append, keys, read
from troth.outside.post import post
from troth.policy.promise import Recipient
from troth.rules import opendsr
from troth.rules.event import Draft, Event, Fact
from troth.rules.telling import Word
from troth.work import request_file
from troth.work.project import Peer, Project

CALLBACK = "/opendsr/callbacks"


def tell(project: Project, recipient: Recipient, word: Word) -> tuple[str, str, dict[str, Fact] | None]:
    """Send one message; returns the outcome (told, failed, task), its reason code and what goes to the vault."""
    assert recipient.notify is not None
    peer = project.settings.peers.get(recipient.key)
    if peer is None or not recipient.notify.address:
        return "task", "no certificate is agreed", None
    message = message_of(project, word.name, word.claim, recipient.key)
    body = opendsr.request(
        message, word.action, word.identifiers, word.received, callback_url(project), agreed=peer.types,
        extensions=_extensions(peer, word),
    )  # fmt: skip
    if body is None:
        return "task", "the format has no word for it", None
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    token = peer.token()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    answered = post(recipient.notify.address, body, headers, seconds=peer.seconds)
    if not answered.status:
        return "failed", "it did not answer", None
    try:
        expected = opendsr.accepted(
            body, answered.status, answered.headers, answered.body, peer.certificate()
        )
    except TamperedError:
        return "failed", "its answer was not proven", None
    except NotAllowedError:
        return "task", f"refused with HTTP {answered.status}", None
    return "told", "by message", {"message": message, "expected": expected}


def _extensions(peer: Peer, word: Word) -> Mapping[str, object]:
    """Say what a choice stops, under the recipient's domain as the format wants it."""
    if word.stops is None:
        return {}
    stops = word.stops
    told = {"purposes": list(stops.purposes), "channel": stops.channel, "controller": stops.controller}
    return dict.fromkeys(sorted(opendsr.domains(peer.certificate()))[:1], told)


def heard(project: Project, headers: Mapping[str, str], body: bytes) -> Event:
    """Take what a recipient says of a message; saying it again records no more.

    Raises TamperedError where it is not proven to be from a recipient, NotFoundError where it is
    about no message of ours to that recipient, NotAllowedError where it says nothing that is known.
    """
    name, certificate = _by_domain(project, opendsr.domain(headers))
    told = opendsr.callback(headers, body, certificate)
    if told.url != callback_url(project):
        raise TamperedError("The message was meant for another address.")
    of_choice = read.said(project.ledger, f"message {told.message}")
    if of_choice and of_choice[0].facts["recipient"] == name:
        return _confirmed(project, of_choice[0], told, {})
    sent = next(
        (
            event
            for event in read.events(project.ledger, kind="recipient_notified")
            if event.facts["recipient"] == name
            and event.request
            and message_of(project, event.request, str(event.facts.get("claim")), name) == told.message
        ),
        None,
    )
    if sent is None:
        raise NotFoundError("There is no such message to this recipient.")
    return _confirmed(project, sent, told, request_file.about(request_file.load(project, str(sent.request))))


def _confirmed(project: Project, sent: Event, told: opendsr.Callback, about: Mapping[str, Any]) -> Event:
    name = str(sent.facts["recipient"])
    facts: dict[str, Fact] = {
        "recipient": name, "claim": str(sent.facts.get("claim") or ""), "status": told.status,
    }  # fmt: skip
    draft = Draft("recipient_confirmed", sent.stream, facts, **{"subject": sent.subject, **about}, actor=name)
    return append.append(project.ledger, [draft], once=f"heard {told.message} {told.status}")[0]


def message_of(project: Project, number: str, claim: str, recipient: str) -> str:
    """Return the id of the message about a claim to a recipient: the same each time, and nobody else's to make."""
    _, secret = keys.own_key(project.ledger, "messages")
    return opendsr.message_id(hmac.digest(secret, f"{number}\0{claim}\0{recipient}".encode(), "sha256"))


def callback_url(project: Project) -> str:
    """Return where recipients say how far they are."""
    return f"{project.settings.public_url}{CALLBACK}"


def _by_domain(project: Project, domain: str) -> tuple[str, bytes]:
    for name, peer in project.settings.peers.items():
        certificate = _certificate(peer)
        if certificate is not None and domain and domain in opendsr.domains(certificate):
            return name, certificate
    raise TamperedError("The message is from nobody with whom a certificate is agreed.")


def _certificate(peer: Peer) -> bytes | None:
    try:
        return peer.certificate()
    except NotFoundError:
        return None
