"""Destroy the file of a request whose time is over: what was said by and to people, and who they are.

Danger: this cannot be undone.  It is done only to a closed request, on the day its file's own
retention ends, by destroying its key; the person's identifiers go with the last of their
requests, unless a consent stands that must be found by them.  What remains are ids, dates and
codes, of which statistics are made.

Law: GDPR Art. 5(1)(e), Art. 17(3)(e); law.md section 11, point 4.
"""

from __future__ import annotations

from datetime import date

from troth.ledger import append, destroy, read, subjects
from troth.rules import consent, request
from troth.rules.event import Draft, Fact
from troth.work import destroy_mail, hold, request_file
from troth.work.project import Project

REASON = "the time of the file is over"


def destroy_file(project: Project, number: str, today: date) -> bool:
    """Destroy the file of a closed request when it is time; say whether it was."""
    found = request_file.load(project, number)
    until = request.file_until(found.state)
    if until is None or today < until or request.has_answer(found.state):
        return False
    subject = str(found.state["subject"])
    if any(one.about(subject) for one in hold.in_force(project)) or hold.keeps_back(found.state):
        return False  # the file is evidence, or says what is still to be erased
    if found.state.get("marks") or _goes_on(project, found):
        return False  # an authority or a court is at it, or it was taken up again
    destroy_mail.of_request(project, number)
    destroy.destroy(project.ledger, subject, f"request/{number}", REASON)
    if not _others(project, subject, number) and not _consented(project, subject):
        destroy.destroy(project.ledger, subject, "identifiers", REASON)
        subjects.forget_identifiers(project.ledger, subject)
    moved: dict[str, Fact] = {"to": "file_destroyed", "reason": "retention"}
    draft = Draft("request_moved", found.stream, moved, **request_file.about(found))
    append.append(project.ledger, [draft], once=f"moved {number} file_destroyed retention")
    return True


def _goes_on(project: Project, found: request_file.RequestFile) -> bool:
    """Tell whether a request that took this one up again still has its file."""
    later = [str(one["as"]) for one in found.state.get("reopened") or ()]
    return any(not request_file.load(project, one).state.get("file_destroyed") for one in later)


def _others(project: Project, subject: str, number: str) -> bool:
    """Tell whether the person has another request whose file is still kept."""
    return any(
        state.body["subject"] == subject
        and state.stream != f"request/{number}"
        and not state.body.get("file_destroyed")
        for state in read.states(project.ledger, "request")
    )


def _consented(project: Project, subject: str) -> bool:
    """Tell whether a consent of the person stands: it must be found, and be taken back, by who they are."""
    found = read.state(project.ledger, consent.stream(subject))
    standing = consent.standing(found.body if found else None)
    return any(
        one.said == "given" and next(consent.about(standing, *topic))[1].said == "given"
        for topic, one in standing.consents.items()
    )
