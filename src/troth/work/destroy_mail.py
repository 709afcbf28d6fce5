"""Destroy mails that came in once they have served: with the file of their request, or when they were none.

Danger: this cannot be undone.  A mail that waits to be sorted is never touched, and the words of
one that belongs to a request are in the request's own file by then.

Law: GDPR Art. 5(1)(c) and (e), Art. 12(6).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from troth.errors import KeyDestroyedError, NotFoundError
from troth.law import clock
from troth.ledger import append, destroy, read, vault
from troth.rules import mail as rules
from troth.work import take_mail
from troth.work.establishment import establishment
from troth.work.project import Project


def of_request(project: Project, number: str) -> None:
    """Destroy the mails of a request whose file is destroyed."""
    for found in read.states(project.ledger, "mail"):
        if found.body["request"] == number and found.body["status"] != "destroyed":
            _destroy(project, str(found.body["id"]), "the file of its request is destroyed")


def old(project: Project, today: date) -> None:
    """Destroy the mails that were no request, a year after they came (our own default)."""
    tomorrow = (today + timedelta(days=1)).isoformat()
    for status in sorted(rules.NONE):
        for found in read.states(project.ledger, "mail", status=status, due_before=tomorrow):
            _destroy(project, str(found.body["id"]), "the time of a mail that was no request is over")


def that_showed(project: Project, number: str, since: str) -> None:
    """Destroy what hung on mails of a request since something was asked: who somebody is was shown by it.

    A mail on which nothing hung stays.
    """
    for found in read.states(project.ledger, "mail"):
        told = found.body
        if told["request"] != number or told["status"] != "reply" or _day(project, told) < since:
            continue
        received = read.stream(project.ledger, f"mail/{told['id']}")[0]
        try:
            raw = b"".join(vault.get_chunks(project.ledger, str(received.facts["kept_under"])))
        except (KeyDestroyedError, NotFoundError):
            continue
        if rules.read(raw).attachments:
            _destroy(project, str(told["id"]), "what hung on it was checked")


def _day(project: Project, told: Mapping[str, Any]) -> str:
    """Return the day a mail came, where the controller is established, as asks are dated."""
    at = datetime.fromisoformat(str(told["arrived_at"]))
    return clock.receipt_day(at, establishment(project).time_zone).isoformat()


def _destroy(project: Project, ident: str, reason: str) -> None:
    stream = f"mail/{ident}"
    destroy.destroy(project.ledger, stream, "mail", reason)
    received = read.stream(project.ledger, stream)[0]
    vault.drop(project.ledger, str(received.facts["kept_under"]))
    sorted_ = read.state(project.ledger, stream)
    number = sorted_.body["request"] if sorted_ else None
    draft = take_mail.sorting(ident, "destroyed", reason, "troth", number)
    append.append(project.ledger, [draft], once=f"mail {ident} destroyed")
