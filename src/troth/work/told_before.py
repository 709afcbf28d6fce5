"""Which recipients were told already of what a choice stops, so that nobody is told the same twice.

What counts are the choices of the person since their last yes, with a request or without, that reach
at least as far.

Law: GDPR Arts. 5(2), 28(3)(e).
"""

from __future__ import annotations

from troth.ledger import read
from troth.rules import consent, telling
from troth.rules.event import Event
from troth.rules.telling import Reach
from troth.work.project import Project

_TOLD = frozenset({"told"})
_COMING = frozenset({"owed", "failed", "task", "not_told", "excuse_proposed"})


def of_choice(project: Project, choice: Event, wanted: Reach, recipient: str) -> str:
    """Return the earlier choice or request with which a recipient is told of what this one stops; empty if none is.

    It may still be on the way: who is told there is not told here too.
    """
    assert choice.subject is not None
    covering, with_ = _covering(
        project, choice.subject, wanted, recipient, but=choice.id, outcomes=_TOLD | _COMING
    )
    return with_ if covering else ""


def of_request(project: Project, subject: str, number: str, wanted: Reach, recipient: str) -> bool:
    """Say whether a recipient has been told, apart from this request, of what a claim of it stops."""
    return _covering(project, subject, wanted, recipient, but=number, outcomes=_TOLD)[0]


def _covering(
    project: Project, subject: str, wanted: Reach, recipient: str, *, but: str, outcomes: frozenset[str]
) -> tuple[bool, str]:
    """Say whether earlier choices together cover what is stopped now, and name the last of them."""
    told = read.stream(project.ledger, consent.stream(subject))
    left, with_ = set(wanted.purposes), ""
    for event, shared in telling.since_yes(project.policy, told, but, wanted):
        if event.request != but and _outcome(project, event, recipient) in outcomes:
            left -= shared
            with_ = event.request or event.id
    return not left, with_


def _outcome(project: Project, event: Event, recipient: str) -> str | None:
    """Return what became of a recipient with a choice; None where it was not to be told of it."""
    if event.request is None:
        found = read.state(project.ledger, telling.stream(event.id))
        return (
            str(found.body["recipients"][recipient])
            if found and recipient in found.body["recipients"]
            else None
        )
    request = read.state(project.ledger, f"request/{event.request}")
    claims = request.body["claims"].values() if request else ()
    for claim in claims:
        if event.facts["purpose"] in claim["purposes"] and recipient in claim["recipients"]:
            return str(claim["recipients"][recipient])
    return None
