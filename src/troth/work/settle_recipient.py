"""What staff say of a recipient that Troth could not tell itself: told, cannot be told, has confirmed.

It was owed word of a claim of a request, or (where the claim is empty) of a choice that came
without one.  That telling one is impossible, or takes disproportionate effort, is said by one person
with the reason and confirmed by another, and only where the policy allows for it.

Law: GDPR Art. 19; Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from troth.ledger import append, read, vault
from troth.rules.event import Draft, Event, Fact
from troth.work import request_file, tell_recipients, telling_file
from troth.work.project import Project
from troth.work.telling_file import TellingFile

Excuse = Literal["impossible", "disproportionate_effort"]
PROOF_MAX = 2_000


@dataclass(frozen=True, slots=True)
class OfClaim:
    """Where recipients are told of a claim of a request."""

    file: request_file.RequestFile
    claim: str

    @property
    def stream(self) -> str:
        """The name of the request's stream."""
        return self.file.stream

    @property
    def recipients(self) -> Mapping[str, Any]:
        """What became of each recipient so far."""
        told: Mapping[str, Any] = self.file.claim(self.claim)["recipients"]
        return told


@dataclass(frozen=True, slots=True)
class OfChoice:
    """Where recipients are told of a choice that came without a request."""

    file: TellingFile

    @property
    def stream(self) -> str:
        """The name of the telling's stream."""
        return self.file.stream

    @property
    def recipients(self) -> Mapping[str, Any]:
        """What became of each recipient so far."""
        told: Mapping[str, Any] = self.file.state["recipients"]
        return told


Place: TypeAlias = OfClaim | OfChoice


def told(project: Project, number: str, claim: str, recipient: str, staff: str, proof: str) -> Event:
    """Record that staff told a recipient, by what proof (a register number, a mail)."""
    place, wrong = _open(project, number, claim, recipient, proof)
    if place.recipients.get(recipient) == "told":
        wrong.append(f"`{recipient}` was told already.")
    if not proof.strip():
        wrong.append("Say by what they were told: a register number, a mail, a call with whom.")
    request_file.refuse_unless(wrong)
    return _record(project, place, recipient, staff, ("told", "by staff"), {"proof": proof.strip()})


def excuse(
    project: Project, number: str, claim: str, recipient: str, staff: str, why: Excuse, reason: str
) -> Event:
    """Propose that a recipient is not told, with the reason; said by a second person it is so."""
    place, wrong = _open(project, number, claim, recipient, reason)
    promised = project.policy.notify_recipients
    if promised is not None and why not in promised.unless:
        known = ", ".join(promised.unless) or "none"
        wrong.append(
            f"The policy does not allow for {why.replace('_', ' ')}. It allows for: {known} (GDPR Art. 19)."
        )
    outcome = place.recipients.get(recipient)
    if outcome in {"told", "not_told"}:
        wrong.append(f"What became of `{recipient}` is settled already: {outcome.replace('_', ' ')}.")
    proposed = _proposal(project, place, recipient) if outcome == "excuse_proposed" else None
    if proposed is None and not reason.strip():
        wrong.append("Say why it is so, with the facts: who looked, and what it would take (GDPR Art. 19).")
    if proposed is not None and proposed.actor == staff:
        wrong.append(f"{staff} proposed this. Somebody else confirms it.")
    if proposed is not None and proposed.facts["reason"] != why:
        wrong.append(f"What was proposed is that it is {str(proposed.facts['reason']).replace('_', ' ')}.")
    request_file.refuse_unless(wrong)
    if proposed is None:
        return _record(project, place, recipient, staff, ("excuse_proposed", why), {"reason": reason.strip()})
    said = str(vault.payload(project.ledger, proposed).get("reason", ""))
    return _record(project, place, recipient, staff, ("not_told", why), {"reason": said})


def confirmed(project: Project, number: str, claim: str, recipient: str, staff: str, proof: str) -> Event:
    """Record that a recipient confirmed having done the same."""
    place, wrong = _open(project, number, claim, recipient, proof)
    if place.recipients.get(recipient) != "told":
        wrong.append(f"`{recipient}` was not told yet, so there is nothing to confirm.")
    if not proof.strip():
        wrong.append("Say by what they confirmed it, such as their mail of 3 December.")
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {"recipient": recipient, "claim": claim, "status": "completed"}
    about: dict[str, Any] = (
        request_file.about(place.file)
        if isinstance(place, OfClaim)
        else {"subject": place.file.choice.subject, "file": place.stream}
    )
    draft = Draft(
        "recipient_confirmed", place.stream, facts, **about, actor=staff, payload={"proof": proof.strip()}
    )
    return append.append(project.ledger, [draft], once=f"confirmed {number} {claim} {recipient}")[0]


def _open(project: Project, number: str, claim: str, recipient: str, said: str) -> tuple[Place, list[str]]:
    place: Place = (
        OfClaim(request_file.load(project, number), claim)
        if claim
        else OfChoice(telling_file.load(project, number))
    )
    wrong = []
    if recipient not in place.recipients:
        listed = ", ".join(f"{name} ({how})" for name, how in place.recipients.items()) or "none"
        of = f"Claim {claim}" if claim else f"The choice {number}"
        wrong.append(f"{of} has no recipient {recipient[:40]!r} to be told. There are: {listed}.")
    if len(said) > PROOF_MAX:
        wrong.append(f"That is too long: {PROOF_MAX} characters at most.")
    return place, wrong


def _proposal(project: Project, place: Place, recipient: str) -> Event | None:
    claim = place.claim if isinstance(place, OfClaim) else None
    return next(
        (
            event
            for event in reversed(read.stream(project.ledger, place.stream))
            if event.kind == "recipient_notified"
            and (event.facts.get("claim"), event.facts["recipient"]) == (claim, recipient)
            and event.facts["outcome"] == "excuse_proposed"
        ),
        None,
    )


def _record(
    project: Project,
    place: Place,
    recipient: str,
    staff: str,
    became: tuple[str, str],
    payload: dict[str, Fact],
) -> Event:
    if isinstance(place, OfChoice):
        return telling_file.record(project, place.file, recipient, became, payload, actor=staff)
    found, (outcome, reason) = place.file, became
    facts: dict[str, Fact] = {
        "recipient": recipient,
        "action": tell_recipients.ACTIONS[str(found.claim(place.claim)["right"])],
        "attempt": found.version,
        "outcome": outcome,
        "reason": reason,
        "claim": place.claim,
    }
    draft = Draft(
        "recipient_notified", found.stream, facts, **request_file.about(found), actor=staff, payload=payload
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
