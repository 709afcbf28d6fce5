"""A letter on paper: as it was written, with the address it goes to.

Law: GDPR Art. 12(1).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from troth.errors import KeyDestroyedError, NotFoundError
from troth.law import clock
from troth.ledger import read, vault
from troth.outside.pdf import typeset
from troth.rules.letter import Written, phrase
from troth.rules.receipted import is_letter
from troth.work import request_file, send_letter
from troth.work.project import Project


def find(project: Project, number: str, ident: str) -> tuple[Written, str]:
    """Return a letter of a request and whom it goes to; raises NotFoundError where there is none."""
    found = request_file.load(project, number)
    told = [one for one in found.state["letters"] if one["letter"] == ident]
    if not told:
        known = ", ".join(dict.fromkeys(one["letter"] for one in found.state["letters"]))
        raise NotFoundError(f"Request {number} has no letter {ident[:40]!r}. It has: {known or 'none'}.")
    try:
        payload: Any = vault.payload(project.ledger, read.event(project.ledger, told[-1]["event"]))
    except KeyDestroyedError:
        raise NotFoundError(f"The letter {ident[:40]!r} was erased with its request.") from None
    if "data" in payload:
        raise NotFoundError(
            f"The letter {ident[:40]!r} came as a file ({PurePath(str(payload['name'])).suffix}): write it under that."
        )
    if told[-1]["outcome"] == "sent" and not payload:
        raise NotFoundError(f"The letter {ident[:40]!r} was imported without its text.")
    if "text" not in payload:
        raise NotFoundError("A code is not kept: it was good for minutes.")
    return Written(str(payload["subject"]), str(payload["text"])), str(payload.get("to") or "")


def as_it_came(project: Project, number: str, ident: str, ending: str) -> bytes | None:
    """Return a letter that was imported as a file, where its name ends so; None for any other letter."""
    state = request_file.load(project, number).state
    told = [one for one in state["letters"] if one["letter"] == ident]
    if not told or not state.get("imported"):
        return None
    payload: Any = vault.payload(project.ledger, read.event(project.ledger, told[-1]["event"]))
    if "data" not in payload or PurePath(str(payload["name"])).suffix.lower() != ending.lower():
        return None
    return base64.b64decode(str(payload["data"]))


def as_sent(project: Project, number: str, event_id: str) -> tuple[str, date, bytes]:
    """Return a letter that reached the person as it went: how its file ends, the day it went, and its bytes.

    That is its subject and its text, whose hash is in the receipt of the letter; one that went by post is on paper, and
    one that was imported as a file is that file.  Raises NotFoundError where there is no such letter of this request.
    """
    found = request_file.load(project, number)
    events = read.stream(project.ledger, found.stream)
    event = next((one for one in events if one.id == event_id and is_letter(one)), None)
    try:
        payload: Any = vault.payload(project.ledger, event) if event is not None and event.key else {}
    except KeyDestroyedError:
        payload = {}
    if event is None or not keeps_letter(payload):
        raise NotFoundError("There is no such page.")
    written_on = event.facts.get("on")  # of a letter that went before its request was imported
    on = (
        date.fromisoformat(str(written_on))
        if written_on
        else clock.receipt_day(event.at, str(found.state["tz"]))
    )
    if "data" in payload:
        return PurePath(str(payload["name"])).suffix.lower(), on, base64.b64decode(str(payload["data"]))
    written = Written(str(payload["subject"]), str(payload["text"]))
    if event.facts["channel"] == "post":
        return ".pdf", on, pdf(project, number, written, str(payload.get("to") or ""), on=on)
    return ".txt", on, f"{written.subject}\n{written.text}".encode()


def keeps_letter(payload: Mapping[str, Any]) -> bool:
    """Say whether a letter is kept with its event: an import may know of one without having it."""
    return "data" in payload or "text" in payload


def is_receipt(project: Project, number: str, ident: str) -> bool:
    """Say whether a letter is the receipt that somebody at the desk takes with them, dated and signed."""
    state = request_file.load(project, number).state
    return ident == "acknowledgement" and state["channel"] == "desk"


def pdf(
    project: Project, number: str, written: Written, to: str, *, receipt: bool = False, on: date | None = None
) -> bytes:
    """Set a letter on paper (PDF/UA-1), of today or of the day it went `on`; a `receipt` has a line to sign."""
    state = request_file.load(project, number).state
    language = str(state["language"])
    name = str(request_file.reached(project, number).get("name") or "")
    lines = (
        [part.strip() for part in to.replace(", ", "\n").splitlines() if part.strip()]
        if "@" not in to
        else [to]
    )
    data = {
        "language": language,
        "number": number,
        "organisation": send_letter.organisation(project, language),
        "to": [line for line in dict.fromkeys([name, *lines]) if line],
        "on": send_letter.day(
            (on or request_file.today(project, request_file.load(project, number))).isoformat(), language
        ),
        "subject": written.subject,
        "text": written.text,
        "sign": phrase("signature", language) if receipt else "",
    }
    template = (files("troth.work") / "letter.typ").read_text(encoding="utf-8")
    return typeset(template, data, project.clock())
