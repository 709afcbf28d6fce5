"""Remind whoever answers for a legal hold that it is to be looked at again, a week before and once for each review.

Who has no address (`[owner.NAME]` in `troth.toml`, the officer of the policy, an account of the console) is named to
the officer each day once the review is overdue.  Sending comes first and recording second: a letter may go out twice
where the process is killed between the two, and none is lost.

Law: GDPR Art. 17(3)(e), Art. 5(1)(c) and (e), Art. 24(1).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from troth.errors import TrothError
from troth.ledger import accounts, append, lease, read
from troth.outside.mail import Letter
from troth.rules import hold as rules
from troth.rules import letter
from troth.rules.event import Draft, Fact
from troth.work import send_letter, tell_owners
from troth.work.establishment import day_here
from troth.work.project import Project

LOG = logging.getLogger("troth.holds")
FAMILY = "hold_owner"
KIND = "hold_owner"
LEASE_SECONDS = 300.0


def remind_hold_owners(project: Project) -> int:
    """Write to whom a review comes near; return how many letters went out. Nothing while another process does it."""
    until = (day_here(project) + rules.REMINDED_BEFORE).isoformat()
    near = [
        found.body
        for found in read.states(project.ledger, rules.FAMILY, status="placed")
        if found.body.get("owner") and found.body["review_on"] <= until
    ]
    if not any(_is_due(project, one) for one in near):
        return 0
    taken = lease.claim(project.ledger, FAMILY, LEASE_SECONDS)
    if taken is None:
        return 0
    try:
        return sum(_reminded(project, one, taken) for one in near)
    finally:
        lease.release(project.ledger, taken)


def address(project: Project, owner: str) -> str:
    """Return the address of whoever answers for a hold; empty where none is known."""
    account = accounts.read(project.ledger, owner)
    return tell_owners.address(project, owner) or (account.email if account else "")


def _reminded(project: Project, state: Mapping[str, Any], taken: lease.Lease) -> int:
    """Write one letter, where it is still due; one that cannot be written holds up no other."""
    try:
        return _remind(project, state, taken) if _is_due(project, state) else 0
    except Exception as error:  # logged without its owner, and tried again
        LOG.error(
            "Whoever answers for the hold %s could not be written to: %s", state["name"],
            error if isinstance(error, TrothError) else type(error).__name__,
        )  # fmt: skip
        return 0


def _remind(project: Project, state: Mapping[str, Any], taken: lease.Lease) -> int:
    to, language = address(project, str(state["owner"])), project.policy.language
    fields: dict[str, object] = {
        "owner": state["owner"], "hold": state["name"], "on": send_letter.day(state["review_on"], language),
        "dpo": send_letter.dpo(project, language), "organisation": send_letter.organisation(project, language),
    }  # fmt: skip
    written = letter.write(KIND, language, fields, send_letter.own_template(project, KIND, language))
    sent = project.mailer.send(Letter(to, written.subject, written.text, language))
    facts: dict[str, Fact] = {
        "letter": _mark(state), "kind": KIND, "sha256": sha256(written.text.encode()).hexdigest(), "channel": "email",
        "attempt": len(_tried(project, state)) + 1, "outcome": sent.outcome, "language": language,
    }  # fmt: skip
    append.append(project.ledger, [Draft("letter_sent", _stream(state), facts)], lease=taken)
    return int(sent.outcome == "sent")


def _is_due(project: Project, state: Mapping[str, Any]) -> bool:
    if not address(project, str(state["owner"])):
        return False
    tried = _tried(project, state)
    if not tried:
        return True
    if tried[-1].facts["outcome"] != "failed" or len(tried) >= send_letter.ATTEMPTS_MAX:
        return False
    return project.clock() >= send_letter.again_at(tried[-1].at, len(tried))


def _tried(project: Project, state: Mapping[str, Any]) -> list[Any]:
    return [one for one in read.stream(project.ledger, _stream(state)) if one.facts["letter"] == _mark(state)]


def _stream(state: Mapping[str, Any]) -> str:
    return f"{FAMILY}/{state['name']}"


def _mark(state: Mapping[str, Any]) -> str:
    """Name the letter of one review to one owner, by nobody's name."""
    return f"review-{state['review_on']}-{sha256(str(state['owner']).encode()).hexdigest()[:16]}"
