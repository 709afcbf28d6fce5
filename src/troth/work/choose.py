"""Carry a person's choice out: an objection, or a consent taken back.

What leaves no room for a decision takes effect with the receipt, for the address itself and
whoever holds it; nobody proves who they are to be left in peace.  The choice is recorded for
the person, purpose by purpose, and stops what `may` would allow.

Law: GDPR Art. 7(3), Art. 21(1) to (3); law.md section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from troth.ledger import append, subjects, suppression
from troth.ledger.lease import Lease
from troth.ledger.suppression import Suppression
from troth.policy.notice_text import sha256
from troth.rules import claim as claim_rules
from troth.rules import representation, request, request_guard
from troth.rules.consent import EVERY
from troth.rules.event import Draft, Fact
from troth.work import read_disclosures, request_file, tell_recipients
from troth.work.project import Project
from troth.work.record_consent import second_after

STAFF = "troth"
"""Who decides what the law has decided already."""
_LAW = {"object_marketing": "GDPR Art. 21(3)", "withdraw": "GDPR Art. 7(3)"}


def on_receipt(project: Project, number: str) -> None:
    """Let take effect what takes effect on receipt; saying it again does no more.

    A withdrawal that names no purpose, where several rest on consent, waits for a person to
    read what is meant.
    """
    found = request_file.load(project, number)
    for name, told in found.state["claims"].items():
        right = str(told["right"])
        if right not in claim_rules.AT_ONCE or told["outcome"] is not None:
            continue
        if not representation.stands(found.state, right, request_file.today(project, found)):
            continue
        named = tuple(told["purposes"])
        fitting = claim_rules.presumed(
            project.policy, right, str(found.state["jurisdiction"]), request_file.today(project, found)
        )
        if right == "withdraw" and not named and len(fitting) != 1:
            continue
        chosen = named or fitting
        if not chosen:
            continue
        facts: dict[str, Fact] = {
            "claim": name, "outcome": "grant", "ground": None, "article": _LAW[right], "exemptions": [],
            "purposes": list(chosen), "staff": STAFF,
        }  # fmt: skip
        decided = Draft("claim_decided", found.stream, facts, **request_file.about(found), actor=STAFF)
        _suppress(project, found, right, named)
        drafts = [decided, *_choices(project, found, right, chosen)]
        append.append(project.ledger, drafts, once=f"chosen {number} {name}")


def choose(project: Project, number: str, claim: str, *, lease: Lease | None = None) -> None:
    """Record the choice of a claim that a person granted; saying it again does no more."""
    found = request_file.load(project, number)
    told = found.claim(claim)
    if told["done"]:
        return
    right = str(told["right"])
    request_file.refuse_unless(why_not(found, claim))
    _suppress(project, found, right, tuple(told["purposes"]))
    if told["decided_by"] != STAFF:  # what took effect on receipt is recorded already
        drafts = _choices(project, found, right, tuple(told["purposes"]))
        if drafts:
            append.append(project.ledger, drafts, once=f"chosen {number} {claim}", lease=lease)
    if not found.state.get("instruction"):
        # Who holds the data may be known from the stores alone; two readings of one row are one.
        read_disclosures.of_subject(project, request_file.who(project, found))
    tell_recipients.tell_recipients(project, number, claim, lease=lease)
    if not tell_recipients.all_told(project, number, claim):
        return  # they are told later, and the claim is done then
    request_file.move(project, number, "claim_done", claim)


def why_not(found: request_file.RequestFile, claim: str) -> Iterable[str]:
    """Reasons not to record the choice of a claim."""
    told = found.claim(claim)
    if claim_rules.WAYS[told["right"]] != "choice":
        yield f"Claim {claim} asks for {told['right']}, which is no choice about a purpose."
    if not request.is_open(found.state):
        yield "The request has ended."
    if told["outcome"] not in {"grant", "part"}:
        yield f"Claim {claim} is not granted."
    elif request_guard.needs_review(told):
        yield f"The decision on claim {claim} was not reviewed by a second person."


def _suppress(
    project: Project, found: request_file.RequestFile, right: str, purposes: tuple[str, ...]
) -> None:
    """Keep keyed hashes of the addresses, which outlive the person's data: nothing is sent there again.

    An objection that names no purpose closes all marketing.
    Until the address is proven only that address suppresses itself.
    """
    if right != "object_marketing":
        return
    asked = request_file.requester(project, found.number)
    given = str((asked.get("for") or asked).get("email") or "")
    known = subjects.identifiers(project.ledger, str(found.state["subject"])) if found.state["proven"] else ()
    # Of the moment it was received, however often it is carried on: a yes since then is not undone.
    received = datetime.fromisoformat(str(found.state["received_at"]))
    for kind, value in dict.fromkeys([*([("email", given)] if given else []), *known]):
        for purpose in purposes or (EVERY,):
            told = Suppression(EVERY, purpose, EVERY, second_after(received), "")
            suppression.suppress(project.ledger, kind, value, told)


def _choices(
    project: Project, found: request_file.RequestFile, right: str, purposes: Iterable[str]
) -> list[Draft]:
    about, state = request_file.about(found), found.state
    stream = f"choices/{state['subject']}"
    if right == "withdraw":
        language = str(state["language"])
        known = language if language in project.policy.documents else project.policy.language
        told: dict[str, Fact] = {
            "purpose_version": project.policy.version, "given": "withdrawn", "method": state["channel"],
            "notice_sha256": sha256(project.policy, known), "language": known, "controller": EVERY, "channel": EVERY,
        }  # fmt: skip
        return [Draft("consent_recorded", stream, {"purpose": one, **told}, **about) for one in purposes]
    scope = "marketing" if right == "object_marketing" else "purpose"
    return [
        Draft(
            "objection_recorded",
            stream,
            {
                "scope": scope,
                "purpose": one,
                "channel": EVERY,
                "controller": EVERY,
                "method": state["channel"],
            },
            **about,
        )
        for one in purposes
    ]
