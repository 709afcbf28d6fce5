"""Destroy the proof of a consent once the time is over for which the policy retains it after the consent ended.

Danger: this cannot be undone.  It is done to a person's files of one purpose when no yes to it stands any
more, the last ended longer ago than `proof_retained` says, no legal hold is about the person, and no
request of theirs is open.  What remains are the events: that somebody chose, when and how, in codes.
What was written to recipients about a choice goes with it, and the addresses nobody waits for any more.

Law: GDPR Art. 5(1)(e), Art. 7(1), Art. 17(3)(e).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from troth.ledger import append, destroy, keys, read
from troth.rules import consent, purpose_scope, telling
from troth.rules.event import Draft
from troth.work import hold, keep_waiting
from troth.work.establishment import day_here
from troth.work.project import Project

FILE = "consent"
REASON = "proof of consent: its time is over"
PAGE = 1000
MONTH_ENDS = timedelta(days=3)
"""How much later than a period before a day something may have happened of which the period ends that day."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """How many keys went: of proofs of consents, of what recipients were told, of addresses that waited."""

    proofs: int
    tellings: int
    waiting: int


def destroy_due(project: Project, stop_at: Callable[[str], object] = lambda _: None) -> Destroyed:
    """Destroy every proof whose day has come; saying it again, or after it was stopped, does the rest."""
    today = day_here(project)
    waiting = keep_waiting.destroy_old(project, today)
    retained = project.policy.consent.proof_retained if project.policy.consent else None
    if retained is None:
        return Destroyed(0, 0, waiting)
    kept = Kept(project)
    proofs = 0
    for owner, file in keys.living(project.ledger, f"{FILE}/", PAGE):
        ended = _ended(project, owner, file.split("/")[1], today)
        if ended is not None and retained.after(ended) <= today and not kept.about_by_now(owner):
            proofs += destroy.destroy(project.ledger, owner, file, REASON) is not None
            stop_at("destroyed")
    tellings = 0
    latest = f"{retained.before(today) + MONTH_ENDS}~"
    for found in read.due_states(project.ledger, telling.FAMILY, status="done", due_before=latest):
        over = retained.after(date.fromisoformat(str(found.due)[:10])) <= today
        if over and not kept.about_by_now(read.event(project.ledger, found.body["choice"]).subject or ""):
            tellings += _forget_telling(project, found)
            stop_at("destroyed")
    return Destroyed(proofs, tellings, waiting)


class Kept:
    """Whose proofs stay although their time is over: holds and open requests, as they stood when it was made."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._holds = hold.in_force(project)
        self._asking = {
            str(one.body["subject"]) for one in read.states(project.ledger, "request", other_than="closed")
        }

    def about(self, subject: str) -> bool:
        """Say whether the proofs of a subject stay."""
        return subject in self._asking or any(one.about(subject) for one in self._holds)

    def about_by_now(self, subject: str) -> bool:
        """Say whether the proofs of a subject stay, looking again: a hold may have been placed meanwhile."""
        return self.about(subject) or Kept(self._project).about(subject)


def _ended(project: Project, subject: str, purpose: str, today: date) -> date | None:
    """Return the day on which the last consent to a purpose ended; None while one stands."""
    found = read.state(project.ledger, consent.stream(subject))
    known = purpose in project.policy.purposes
    marketing = known and purpose_scope.is_marketing(project.policy, purpose)
    return consent.ended_on(
        consent.standing(found.body if found else None), purpose, today, marketing=marketing
    )


def _forget_telling(project: Project, found: read.State) -> bool:
    """Destroy what was written to recipients about one choice; the events stay."""
    subject = read.event(project.ledger, found.body["choice"]).subject
    gone = destroy.destroy(project.ledger, subject or found.stream, found.stream, REASON)
    draft = Draft("file_destroyed", found.stream, {"reason": "retention"}, subject=subject)
    append.append(project.ledger, [draft], once=f"destroyed {found.stream}")
    return gone is not None
