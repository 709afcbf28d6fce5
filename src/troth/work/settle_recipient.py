"""What staff say of a recipient that Troth could not tell itself: told, cannot be told, has confirmed.

That telling one is impossible, or takes disproportionate effort, is said by one person with
the reason and confirmed by another, and only where the policy allows for it.

Law: GDPR Art. 19; Art. 5(2).
"""

from __future__ import annotations

from typing import Literal

from troth.ledger import append, read, vault
from troth.rules.event import Draft, Event, Fact
from troth.work import request_file, tell_recipients
from troth.work.project import Project

Excuse = Literal["impossible", "disproportionate_effort"]
PROOF_MAX = 2_000


def told(project: Project, number: str, claim: str, recipient: str, staff: str, proof: str) -> Event:
    """Record that staff told a recipient, by what proof (a register number, a mail)."""
    found, wrong = _open(project, number, claim, recipient, proof)
    if found.claim(claim)["recipients"].get(recipient) == "told":
        wrong.append(f"`{recipient}` was told already.")
    if not proof.strip():
        wrong.append("Say by what they were told: a register number, a mail, a call with whom.")
    request_file.refuse_unless(wrong)
    return _record(project, found, claim, recipient, staff, ("told", "by staff"), {"proof": proof.strip()})


def excuse(
    project: Project, number: str, claim: str, recipient: str, staff: str, why: Excuse, reason: str
) -> Event:
    """Propose that a recipient is not told, with the reason; said by a second person it is so."""
    found, wrong = _open(project, number, claim, recipient, reason)
    promised = project.policy.notify_recipients
    if promised is not None and why not in promised.unless:
        known = ", ".join(promised.unless) or "none"
        wrong.append(
            f"The policy does not allow for {why.replace('_', ' ')}. It allows for: {known} (GDPR Art. 19)."
        )
    outcome = found.claim(claim)["recipients"].get(recipient)
    if outcome in {"told", "not_told"}:
        wrong.append(f"What became of `{recipient}` is settled already: {outcome.replace('_', ' ')}.")
    proposed = _proposal(project, number, claim, recipient) if outcome == "excuse_proposed" else None
    if proposed is None and not reason.strip():
        wrong.append("Say why it is so, with the facts: who looked, and what it would take (GDPR Art. 19).")
    if proposed is not None and proposed.actor == staff:
        wrong.append(f"{staff} proposed this. Somebody else confirms it.")
    if proposed is not None and proposed.facts["reason"] != why:
        wrong.append(f"What was proposed is that it is {str(proposed.facts['reason']).replace('_', ' ')}.")
    request_file.refuse_unless(wrong)
    if proposed is None:
        return _record(
            project, found, claim, recipient, staff, ("excuse_proposed", why), {"reason": reason.strip()}
        )
    said = str(vault.payload(project.ledger, proposed).get("reason", ""))
    return _record(project, found, claim, recipient, staff, ("not_told", why), {"reason": said})


def confirmed(project: Project, number: str, claim: str, recipient: str, staff: str, proof: str) -> Event:
    """Record that a recipient confirmed having done the same."""
    found, wrong = _open(project, number, claim, recipient, proof)
    if found.claim(claim)["recipients"].get(recipient) != "told":
        wrong.append(f"`{recipient}` was not told yet, so there is nothing to confirm.")
    if not proof.strip():
        wrong.append("Say by what they confirmed it, such as their mail of 3 December.")
    request_file.refuse_unless(wrong)
    facts: dict[str, Fact] = {"recipient": recipient, "claim": claim, "status": "completed"}
    draft = Draft(
        "recipient_confirmed", found.stream, facts, **request_file.about(found), actor=staff,
        payload={"proof": proof.strip()},
    )  # fmt: skip
    return append.append(project.ledger, [draft], once=f"confirmed {number} {claim} {recipient}")[0]


def _open(
    project: Project, number: str, claim: str, recipient: str, said: str
) -> tuple[request_file.RequestFile, list[str]]:
    found = request_file.load(project, number)
    known = found.claim(claim)["recipients"]
    wrong = []
    if recipient not in known:
        listed = ", ".join(f"{name} ({how})" for name, how in known.items()) or "none"
        wrong.append(f"Claim {claim} has no recipient {recipient[:40]!r} to be told. There are: {listed}.")
    if len(said) > PROOF_MAX:
        wrong.append(f"That is too long: {PROOF_MAX} characters at most.")
    return found, wrong


def _proposal(project: Project, number: str, claim: str, recipient: str) -> Event | None:
    return next(
        (
            event
            for event in reversed(read.stream(project.ledger, f"request/{number}"))
            if event.kind == "recipient_notified"
            and (event.facts.get("claim"), event.facts["recipient"]) == (claim, recipient)
            and event.facts["outcome"] == "excuse_proposed"
        ),
        None,
    )


def _record(
    project: Project,
    found: request_file.RequestFile,
    claim: str,
    recipient: str,
    staff: str,
    became: tuple[str, str],
    payload: dict[str, Fact],
) -> Event:
    outcome, reason = became
    facts: dict[str, Fact] = {
        "recipient": recipient,
        "action": tell_recipients.ACTIONS[str(found.claim(claim)["right"])],
        "attempt": found.version,
        "outcome": outcome,
        "reason": reason,
        "claim": claim,
    }
    draft = Draft(
        "recipient_notified", found.stream, facts, **request_file.about(found), actor=staff, payload=payload
    )
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]
