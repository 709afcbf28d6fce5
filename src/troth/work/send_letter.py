"""Write a letter to the person who asked, send it, and record what became of it.

Sending comes first and recording second, so a letter may go out twice when the process is
killed between the two, and never goes unrecorded for long.  A letter that failed is sent
again by the worker; its text is in the vault, its hash in the event.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from troth.errors import NotAllowedError
from troth.law import authority
from troth.law.jurisdiction import lineage
from troth.ledger import append, read, vault
from troth.outside.mail import Letter
from troth.policy.promise import Contact
from troth.policy.words import words
from troth.rules import letter, representation
from troth.rules.event import Draft, Event, Fact
from troth.rules.letter import phrase
from troth.work import request_file
from troth.work.establishment import day_here
from troth.work.project import Project

ATTEMPTS_MAX = 16
WAIT_MAX = timedelta(days=1)
_BY_STAFF = ("code", "identity", "clarification", "mandate", "fee", "extension", "unidentified")
"""Letters that the worker does not send again: they count from the moment they went out."""


def common(project: Project, number: str, language: str) -> dict[str, object]:
    """Return the fields that most letters share."""
    state = request_file.load(project, number).state
    return {
        "number": number,
        "organisation": organisation(project, language),
        "link": request_file.link(project, number),
        "received": day(state["received"], language),
        "dpo": dpo(project, language),
        "authority": complaint(state["jurisdiction"], day_here(project)),
        "note": "",
        "whose": whose(state, language),
    }


def whose(state: Mapping[str, Any], language: str) -> str:
    """Say to whoever asked for somebody else whose data is meant; empty where a letter goes to the person."""
    if not state.get("acting") or representation.to_the_subject(state):
        return ""
    return phrase("whose_rows" if state.get("instruction") else "whose_data", language)


def send_letter(
    project: Project,
    number: str,
    kind: str,
    fields: Mapping[str, object],
    *,
    letter_id: str | None = None,
    posted: str = "",
    staff: str = "troth",
) -> Event:
    """Write, send and record a letter; returns its event, whose outcome may be `failed`.

    Raises NotAllowedError when a required field is missing.  `letter_id` names a letter that
    must not be written twice: if it was sent already, nothing happens.  Where the person gave
    no e-mail address it is `to_post`, until somebody says it was: `posted` is the proof.
    """
    found = request_file.load(project, number)
    ident = letter_id or secrets.token_hex(6)
    tried = [told for told in found.state["letters"] if told["letter"] == ident]
    done = {"sent", "refused"} if posted else {"sent", "refused", "to_post"}
    if any(told["outcome"] in done for told in tried):
        return read.event(project.ledger, tried[-1]["event"])
    language = str(found.state["language"])
    asked = request_file.reached(project, number)
    written = write(project, number, kind, fields)
    to = str(asked.get("email") or "")
    if posted:
        outcome, proof, channel = "sent", posted, "post"
    elif to:
        sent = project.mailer.send(_mailed(project, number, to, written, language))
        outcome, proof, channel = sent.outcome, sent.proof, "email"
    else:
        outcome, proof, channel = "to_post", "", "post"
    return _record(
        project,
        number,
        kind,
        ident,
        (written.subject, written.text),
        (outcome, proof, channel),
        len(tried) + 1,
        staff=staff,
    )


def write(project: Project, number: str, kind: str, fields: Mapping[str, object]) -> letter.Written:
    """Write a letter of a request as it would be sent, and send nothing."""
    language = str(request_file.load(project, number).state["language"])
    own = own_template(project, kind, language)
    return letter.write(kind, language, {**common(project, number, language), **fields}, own)


def _mailed(project: Project, number: str, to: str, written: letter.Written, language: str) -> Letter:
    html = letter.as_html(written, language)
    return Letter(to, written.subject, written.text, language, request_file.thread(project, number), html)


def posted(project: Project, number: str, ident: str, staff: str, proof: str) -> Event:
    """Record that a letter went by post, with its proof (a register number, a date stamp)."""
    found = request_file.load(project, number)
    told = [one for one in found.state["letters"] if one["letter"] == ident]
    if not told or told[-1]["outcome"] != "to_post":
        waiting = [one["letter"] for one in to_post(found.state)]
        raise NotAllowedError(
            f"No letter {ident[:40]!r} waits to be posted in {number}. Waiting: {', '.join(waiting) or 'none'}."
        )
    if not proof.strip():
        raise NotAllowedError("Posting is proven: give the register number, or the date on the stamp.")
    payload = vault.payload(project.ledger, read.event(project.ledger, told[-1]["event"]))
    parts = (str(payload["subject"]), str(payload["text"]))
    went = ("sent", proof.strip(), "post")
    return _record(project, number, told[-1]["kind"], ident, parts, went, len(told) + 1, staff=staff)


def to_post(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the letters of a request that wait to be posted."""
    last = {told["letter"]: told for told in state["letters"]}
    return [told for told in last.values() if told["outcome"] == "to_post"]


def send_again(project: Project, number: str) -> int:
    """Send the letters of a request that failed so far once more; return how many went out.

    Each waits twice as long as before, a day at most: a mail server may be away for days, and
    every try is an event.
    """
    found = request_file.load(project, number)
    last: dict[str, Mapping[str, Any]] = {told["letter"]: told for told in found.state["letters"]}
    out = 0
    for ident, told in last.items():
        attempts = sum(other["letter"] == ident for other in found.state["letters"])
        if told["outcome"] != "failed" or attempts >= ATTEMPTS_MAX or told["kind"] in _BY_STAFF:
            continue
        failed = read.event(project.ledger, told["event"])
        if project.clock() < again_at(failed.at, attempts):
            continue
        payload = vault.payload(project.ledger, failed)
        if not payload.get("to"):
            continue
        written = letter.Written(payload["subject"], payload["text"])
        sent = project.mailer.send(
            _mailed(project, number, payload["to"], written, str(found.state["language"]))
        )
        parts = (payload["subject"], payload["text"])
        _record(
            project, number, told["kind"], ident, parts, (sent.outcome, sent.proof, "email"), attempts + 1
        )
        out += sent.outcome == "sent"
    return out


def again_at(failed_at: datetime, attempts: int) -> datetime:
    """Return when a letter is sent again that failed so many times, the last time then."""
    return failed_at + min(timedelta(minutes=2**attempts), WAIT_MAX)


def _record(
    project: Project,
    number: str,
    kind: str,
    ident: str,
    text: tuple[str, str],
    went: tuple[str, str, str],
    attempt: int,
    *,
    staff: str = "troth",
) -> Event:
    found = request_file.load(project, number)
    subject, body = text
    outcome, proof, channel = went
    facts: dict[str, Fact] = {
        "letter": ident,
        "kind": kind,
        "sha256": sha256(f"{subject}\n{body}".encode()).hexdigest(),
        "channel": channel,
        "attempt": attempt,
        "outcome": outcome,
        "language": str(found.state["language"]),
    }
    asked = request_file.reached(project, number)
    # A code is not kept: it is good for minutes, and the letter says nothing else.
    kept = {
        "to": asked.get("email") or asked.get("address"),
        "subject": subject,
        "text": body,
        "proof": proof,
    }
    payload = {"proof": proof} if kind == "code" else kept
    about = {"entity": found.state["entity"], "subject": found.state["subject"], "request": number}
    drafts = [Draft("letter_sent", found.stream, facts, actor=staff, payload=payload, **about)]
    if outcome == "sent" and kind in {"done", "refusal"}:
        proven = {"letter": ident, "proof": channel}
        drafts.append(Draft("letter_delivered", found.stream, proven, payload={"proof": proof}, **about))
    return append.append(project.ledger, drafts, once=f"letter {number} {ident} {attempt}")[0]


def own_template(project: Project, kind: str, language: str) -> str | None:
    """Return the project's own template of a letter, if it has one."""
    file = project.settings.folder / "templates" / "letters" / f"{kind}.{language}.txt"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def organisation(project: Project, language: str) -> str:
    """Return what the organisation is called."""
    group = project.policy.group
    return group.title.said(language) if group else project.settings.name


def dpo(project: Project, language: str) -> str:
    """Return how the data protection officer is reached, or whoever sends the mail where there is none."""
    officer = project.policy.group.dpo if project.policy.group else None
    return contact(officer, language) or project.settings.mail_from


def contact(given: Contact | None, language: str) -> str:
    """Return one line by which somebody can be reached."""
    if given is None:
        return ""
    ways = (
        given.name.said(language) if given.name else None,
        given.email,
        given.form,
        given.phone,
        given.address,
    )
    return ", ".join(str(way) for way in ways if way)


def complaint(jurisdiction: str, on: date) -> str:
    """Return the authority people may complain to, with its address on the web."""
    found = authority.authority(lineage(jurisdiction)[0].code, on)
    return f"{found.called}, {found.web}"


def day(written: str, language: str) -> str:
    """Write a day (ISO 8601) as people do."""
    return words(language).date(date.fromisoformat(written))
