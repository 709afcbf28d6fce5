"""Sort a mail that came in: it opens a request, belongs to one, or is none, for a reason.

Law: GDPR Art. 12(2), (3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from troth.errors import NotAllowedError
from troth.ledger import append, read
from troth.rules import mail as rules
from troth.rules import request
from troth.work import open_request, request_file, take_mail
from troth.work.project import Project


def open_from(
    project: Project, ident: str, rights: Sequence[str], staff: str, *, email: str = "", language: str = "en"
) -> str:
    """Open a request from a mail, received when our server took the mail; return its number.

    `email` is where answers go, when it is not the sender's own address.
    """
    _refuse_sorted(project, ident)
    mail, _ = take_mail.opened(project, ident, staff)
    received = read.stream(project.ledger, f"mail/{ident}")[0]
    opened = open_request.open_request(
        project, rights, email or mail.sender, name=mail.name, channel="email", language=language,
        wording=rules.said(mail.text)[: open_request.WORDING_MAX],
        received_at=datetime.fromisoformat(str(received.facts["arrived_at"])), once=f"mail {ident} opens",
    )  # fmt: skip
    draft = take_mail.sorting(ident, "request", "it asks for a right", staff, opened.number)
    append.append(project.ledger, [draft], once=f"sorted {ident}")
    return opened.number


def attach(project: Project, ident: str, number: str, staff: str) -> None:
    """Let a mail belong to an open request it did not name."""
    _refuse_sorted(project, ident)
    found = request_file.load(project, number)
    if not request.is_open(found.state):
        raise NotAllowedError(f"Request {number} has ended. Open a new one from the mail.")
    mail, _ = take_mail.opened(project, ident, staff)
    drafts = take_mail.reply(project, ident, mail, number, staff=staff)
    append.append(project.ledger, drafts, once=f"sorted {ident}")


def put_aside(project: Project, ident: str, staff: str, reason: str) -> None:
    """Record that a mail is not a request, and why; it stays where it is kept."""
    rules.check_reason(reason)
    _refuse_sorted(project, ident)
    draft = take_mail.sorting(ident, "not_a_request", "staff say so", staff, note=reason.strip())
    append.append(project.ledger, [draft], once=f"sorted {ident}")


def _refuse_sorted(project: Project, ident: str) -> None:
    state = read.state(project.ledger, f"mail/{ident}")
    if state is None or state.body["status"] not in {"waiting", "automatic"}:
        was = str(state.body["status"]).replace("_", " ") if state else "unknown"
        raise NotAllowedError(f"The mail {ident[:8]} is sorted already: {was}.")
