"""End a request: withdrawn by the person, or closed once its answer arrived.

Its file is kept for the time its own retention says; then its key is destroyed, and what
remains are ids, dates and codes.

Law: GDPR Art. 12(3), Art. 17(3)(e); our own retention of request files.
"""

from __future__ import annotations

from troth.ledger import replay, vault
from troth.rules import request, request_guard
from troth.work import request_file
from troth.work.establishment import day_here
from troth.work.project import Project


def withdraw(project: Project, number: str, *, staff: str = "requester", note: str = "") -> None:
    """Stop working on a request because its maker wishes so."""
    found = request_file.load(project, number)
    request_file.refuse_unless(request_guard.why_not_withdraw(found.state))
    request_file.move(project, number, "withdrawn", "requester", staff=staff, note=note, expect=found.version)


def narrow(project: Project, number: str, claim: str, *, staff: str = "requester", note: str = "") -> None:
    """Let one claim of a request go because its maker no longer asks for it; the others go on."""
    found = request_file.load(project, number)
    request_file.refuse_unless(request_guard.why_not_drop(found.state, claim))
    package = found.claim(claim)["package"]
    request_file.move(project, number, "claim_dropped", claim, staff=staff, note=note, expect=found.version)
    if package:
        vault.drop(project.ledger, package["kept_under"])


def close(project: Project, number: str, *, staff: str = "troth") -> None:
    """Close a request that ended, and drop the answers that nobody can fetch any more."""
    found = request_file.load(project, number)
    request_file.refuse_unless(request_guard.why_not_close(found.state))
    request_file.move(project, number, "closed", str(found.state["status"]), staff=staff)
    replay.drop_waiting(project.ledger, number)
    drop_answer(project, number)


def drop_answer(project: Project, number: str) -> None:
    """Drop the answers of a closed request once their time is over; saying it twice does no more."""
    state = request_file.load(project, number).state
    until = request.answer_until(state)
    if not request.has_answer(state) or (until is not None and day_here(project) <= until):
        return
    for claim in state["claims"].values():
        if claim["package"]:
            vault.drop(project.ledger, claim["package"]["kept_under"])
    request_file.move(project, number, "answer_dropped", "its time is over")
