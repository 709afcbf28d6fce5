"""Stop what somebody does not want any more: the purpose of a message, or all direct marketing.

A word is enough, from whoever holds the link: no reason, no proof, no sign-in.  It works for people
nobody here knows and for those whose data was erased, and tells none of them apart.

Law: GDPR Art. 7(3), Art. 21(2), (3).  Source: RFC 8058.
"""

from __future__ import annotations

from hashlib import sha256

from troth.ledger import read, subjects
from troth.rules import consent
from troth.rules.first_communication import BASES
from troth.work.message_link import Stop
from troth.work.project import Project
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_objection import record_objection

YES = frozenset({"given", "renewed"})


def stop_by_link(project: Project, token: str, found: Stop) -> None:
    """Stop what a link is for; said twice on one day it is recorded once, unless a yes came in between."""
    purpose = project.policy.purposes.get(found.purpose)
    marketing = purpose is None or purpose.marketing  # of what the policy no longer names, all is meant
    name = f"link {sha256(token.encode()).hexdigest()[:32]}"
    stop(project, found.email, "" if marketing else found.purpose, method="link", name=name)
    if purpose is not None and marketing:
        _withdraw(project, found.email, found.purpose, "link", name)


def stop(project: Project, email: str, purpose: str, *, method: str, name: str) -> None:
    """Stop one purpose, or all direct marketing where none is named; `name` tells this saying from others.

    What rests on consent is withdrawn, what may be objected to is objected to.
    """
    once = f"{name} {project.clock().date()} {_last_yes(project, email)}"
    who = [("email", email)]
    if not purpose:
        record_objection(project, who, scope="marketing", method=method, once=f"stop {once}")
        return
    found = project.policy.purposes[purpose]
    bases = {found.legal_basis, found.other_basis}
    if found.marketing:
        record_objection(
            project, who, scope="marketing", purpose=purpose, method=method, once=f"stop {once} {purpose}"
        )
    elif not bases & {*BASES, "consent"}:  # it rests on something else by now: at least nothing is advertised
        record_objection(project, who, scope="marketing", method=method, once=f"stop {once}")
    elif bases & BASES:
        record_objection(
            project, who, scope="purpose", purpose=purpose, method=method, once=f"stop {once} {purpose}"
        )
    _withdraw(project, email, purpose, method, name)


def _last_yes(project: Project, email: str) -> str:
    """Return the event of the last yes of whoever has this address: a stop after it is another stop."""
    subject = subjects.find_subject(project.ledger, "email", email)
    told = read.stream(project.ledger, consent.stream(subject)) if subject else ()
    given = (one for one in reversed(told) if one.kind == "consent_recorded" and one.facts["given"] in YES)
    return next((one.id for one in given), "")


def _withdraw(project: Project, email: str, purpose: str, method: str, name: str) -> None:
    """Take back a consent of whoever is known; nobody is opened to record that they never gave one."""
    found = project.policy.purposes[purpose]
    subject = subjects.find_subject(project.ledger, "email", email)
    if subject is None or "consent" not in {found.legal_basis, found.other_basis}:
        return
    once = f"withdraw {name} {project.clock().date()} {_last_yes(project, email)} {purpose}"
    said = [Choice(purpose, "withdrawn")]
    asked = Asked(method, project.policy.language)
    record_consent(project, [("email", email)], said, asked, subject=subject, once=once)
