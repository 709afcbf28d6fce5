"""The dates of open requests as a calendar: safe dates, legal dates, last days to extend.

Numbers, rights and dates, and nothing of who asked; its address cannot be guessed.

Law: GDPR Art. 12(3).
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator

from troth.ledger import keys, read
from troth.outside.calendar import Entry, written
from troth.rules import request
from troth.rules.letter import has_phrase, phrase
from troth.work import send_letter
from troth.work.project import Project

SECRET_BYTES = 15


def due_calendar(project: Project, language: str = "en") -> bytes:
    """Write the calendar of every open request."""
    name = phrase("calendar", language, organisation=send_letter.organisation(project, language))
    return written(name, _entries(project, language), project.clock())


def address(project: Project) -> str:
    """Return the address to subscribe to."""
    return f"{project.settings.public_url}/calendar/{token(project)}.ics"


def token(project: Project) -> str:
    """Return the part of the address that nobody can guess."""
    _, secret = keys.own_key(project.ledger, "links")
    mac = hmac.digest(secret, b"calendar of due dates", "sha256")[:SECRET_BYTES]
    return base64.b32encode(mac).decode().lower()


def is_token(project: Project, given: str) -> bool:
    """Say whether somebody knows the address."""
    return hmac.compare_digest(token(project).encode(), given.encode())


def _entries(project: Project, language: str) -> Iterator[Entry]:
    for found in read.states(project.ledger, "request", other_than="closed"):
        state = found.body
        if not request.is_open(state):
            continue
        due = request.deadline(state)
        names = [claim["right"] for claim in state["claims"].values()]
        rights = ", ".join(
            phrase(name, language) if has_phrase(name) else name for name in dict.fromkeys(names)
        )
        days = {"safe": due.safe_due, "legal": due.legal_due}
        if not state["extension"]:
            days["extend"] = due.extension_notice_safe
        for what, day in days.items():
            if day is not None:
                title = phrase(f"calendar_{what}", language, number=state["id"])
                yield Entry(
                    f"{state['id']}-{what}@{project.ledger.origin.replace('/', '.')}", day, title, rights
                )
