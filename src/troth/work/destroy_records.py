"""Destroy Troth's own records whose time is over: incidents, inspections, holds, actions, replies, and what else
`rules/own_record.py` lists.

Danger: this cannot be undone.  It is done to a record that ended, or was written, five years ago, which no legal
hold is about and no open request of its person may need.  What remains are the events: ids, dates and codes.

Law: GDPR Art. 5(1)(e), Art. 17(3)(e).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from troth.errors import KeyDestroyedError, NotFoundError
from troth.ledger import destroy, keys, read, subjects
from troth.rules import own_record
from troth.work import admit, hold
from troth.work.destroy_proof import PAGE, Kept
from troth.work.establishment import day_here
from troth.work.project import Project

REASON = "the time of the record is over"
Key = tuple[str, str]
"""A key, by its owner and its file."""


def destroy_due(project: Project, stop_at: Callable[[str], object] = lambda _: None) -> int:
    """Destroy the keys of every record whose day has come; saying it again, or after it was stopped, does the rest.

    Returns how many keys went.
    """
    today, kept = day_here(project), Kept(project)
    gone = 0
    for found in (_ended(project, today), _dated(project, today)):
        for owner, file in found:
            if not kept.about_by_now(owner):
                gone += destroy.destroy(project.ledger, owner, file, REASON) is not None
                stop_at("destroyed")
    return gone


def _ended(project: Project, today: date) -> Iterator[Key]:
    """Yield the keys of what ended long enough ago."""
    for family in own_record.ENDING:
        for found in read.states(project.ledger, family):
            ended = own_record.ended_on(family, found.body)
            if ended is None or not own_record.is_over(ended, today):
                continue
            subject = found.body.get("subject")
            owner, file = (str(subject), found.stream) if subject else (found.stream, family)
            yield from ((owner, one) for one in keys.files_of(project.ledger, owner, file))


def _dated(project: Project, today: date) -> Iterator[Key]:
    """Yield the keys of what was written long enough ago, those apart that still stand."""
    in_force = admit.derogates(project)
    asked = _disclosures_kept(project)
    for kind, one in own_record.KEPT.items():
        if one.way != "day" or (kind == "office" and in_force):
            continue
        for owner, file in keys.living(project.ledger, f"{kind}/", PAGE):
            on = own_record.day_of(file)
            if on is None or not own_record.is_over(on, today) or owner in asked:
                continue
            if kind in own_record.LAST_STAYS and file == max(
                keys.files_of(project.ledger, owner, f"{kind}/")
            ):
                continue
            yield owner, file


def _disclosures_kept(project: Project) -> frozenset[str]:
    """Return the disclosures, whose owner is no subject, of whoever asks just now or is in a hold."""
    people = {str(one.body["subject"]) for one in read.states(project.ledger, "request", other_than="closed")}
    people |= {subject for one in hold.in_force(project) for subject in one.subjects}
    found = set()
    for subject in people:
        try:
            known = subjects.identifiers(project.ledger, subject)
        except (KeyDestroyedError, NotFoundError):
            continue
        found.add(subjects.disclosure_stream(project.ledger, known) if known else None)
    return frozenset(filter(None, found))
