"""One request whole, for whoever has to judge it: a regulator, a court, the person.

What happened and when, what was decided and why, every letter as it was sent, the clock
explained, and for each event a receipt that anybody verifies without network or database.
What was erased since is said to be, and the receipts still hold.

Law: GDPR Art. 5(2), Art. 24(1); law.md section 12, question 8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError, TamperedError
from troth.law.sentence import cite
from troth.ledger import read, receipt, vault
from troth.ledger.note import Verifier
from troth.outside.pdf import typeset
from troth.rules import request
from troth.rules.cell import written
from troth.rules.event import Event
from troth.rules.letter import phrase
from troth.rules.package import plain
from troth.work import request_file, send_letter
from troth.work.project import Project

FORMAT = "troth dossier 1"


def dossier(
    project: Project, number: str, staff: str, *, redacted: bool = False, language: str = "en"
) -> dict[str, Any]:
    """Gather a request whole; that `staff` read it is recorded first.

    `redacted` leaves out everything that was said by and to people, and keeps what happened.
    """
    record_reading(project, number, staff)
    return gathered(project, number, redacted=redacted, language=language)


def record_reading(project: Project, number: str, staff: str) -> None:
    """Record that somebody of the staff reads a request whole; raises NotFoundError where there is none."""
    request_file.load(project, number)
    request_file.record_reading(project, number, staff, "dossier")


def gathered(
    project: Project, number: str, *, redacted: bool = False, language: str = "en"
) -> dict[str, Any]:
    """Gather a request whole, for whoever has recorded who reads it."""
    found = request_file.load(project, number)
    events = read.stream(project.ledger, found.stream)
    return {
        "format": FORMAT,
        "request": number,
        "organisation": send_letter.organisation(project, language),
        "made": project.clock().isoformat(timespec="seconds"),
        "policy": project.policy.version,
        "redacted": redacted,
        "language": language,
        "state": found.state,
        "imported": _imported(found.state, language),
        "clock": request.deadline(found.state, request_file.today(project, found)).record(language),
        "events": [_told(project, event, redacted=redacted) for event in events],
        "receipts": [json.loads(receipt.receipt(project.ledger, event.id)) for event in events],
    }


def _imported(state: Mapping[str, Any], language: str) -> dict[str, Any] | None:
    """Say of a request that came from another tool since when anything of it is proven; None for our own."""
    told = state.get("imported")
    if not told:
        return None
    says = phrase(
        "imported_says", language, on=send_letter.day(told["on"], language), staff=told["by"], row=told["row"]
    )
    return {"from": told["on"], "by": told["by"], "import": told["import"], "row": told["row"], "says": says}


def _told(project: Project, event: Event, *, redacted: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": event.id,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "actor": event.actor,
        "facts": plain(event.facts),
    }
    if event.key is None or redacted:
        return told
    try:
        return {**told, "said": plain(vault.payload(project.ledger, event))}
    except (KeyDestroyedError, NotFoundError):
        return {**told, "erased": True}


def as_json(told: Mapping[str, Any]) -> bytes:
    """Write a dossier as JSON, which `troth verify` verifies."""
    return json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n"


def as_pdf(project: Project, told: Mapping[str, Any]) -> bytes:
    """Write a dossier for paper."""
    template = (files("troth.work") / "dossier.typ").read_text(encoding="utf-8")
    return typeset(template, {**told, "paper": _for_paper(told)}, project.clock())


def _for_paper(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people read first, in their language: days as they write them, and words for codes."""
    state, clock, language = told["state"], told["clock"], str(told["language"])

    def cell(code: str, value: Any) -> str:
        return written(code, value, language)

    claims = []
    for name, one in state["claims"].items():
        why = [cell("ground", one["ground"]), cell("article", one["article"])]
        why += [*map(str, one["exemptions"]), *map(str, one["purposes"])]
        by = [str(one[role] or "") for role in ("decided_by", "reviewed_by")]
        decision = [cell("right", one["right"]), cell("outcome", one["outcome"])]
        claims.append([name, *decision, ", ".join(filter(None, why)), *by])
    return {
        "received": cell("received", state["received"]), "made": cell("made", told["made"]),
        "channel": cell("channel", state["channel"]), "status": cell("status", state["status"]), "claims": claims,
        "legal_due": cell("legal_due", clock["legal_due"]) or "–",
        "safe_due": cell("safe_due", clock["safe_due"]) or "–",
        "explanation": [
            [cell("day", one["day"]), str(one["sentence"]), cite(str(one["law"]), "fr" if language == "fr" else "en")]
            for one in clock["explanation"]
        ],
    }  # fmt: skip


def is_dossier(told: object) -> bool:
    """Say whether something read from JSON says that it is a dossier."""
    return isinstance(told, Mapping) and told.get("format") == FORMAT


def verify(told: Mapping[str, Any], *trusted: Verifier) -> int:
    """Verify a dossier: every event is genuine, none is missing, and every letter is the one sent.

    Returns how many events are sealed.  Raises TamperedError where anything does not fit.
    """
    listed, receipts = told.get("events"), told.get("receipts")
    if not isinstance(listed, list) or not isinstance(receipts, list) or not listed:
        raise NotAllowedError("This dossier lacks its events or its receipts.")
    if len(listed) != len(receipts):
        raise TamperedError(f"This dossier has {len(listed)} events and {len(receipts)} receipts.")
    sealed = 0
    for place, (shown, proof) in enumerate(zip(listed, receipts, strict=True), 1):
        received = receipt.verify(json.dumps(proof).encode(), *trusted)
        event = received.event
        sealed += received.sealed
        if (event.stream, event.version) != (f"request/{told.get('request')}", place):
            raise TamperedError(f"Event {place} of this dossier is missing, or was put elsewhere.")
        genuine = {
            "id": event.id,
            "at": event.at.isoformat(),
            "kind": event.kind,
            "actor": event.actor,
            "facts": plain(event.facts),
        }
        if any(shown.get(name) != value for name, value in genuine.items()):
            raise TamperedError(f"Event {place} ({event.id}) is shown otherwise than it was written.")
        said = shown.get("said")
        if event.kind == "letter_sent" and isinstance(said, Mapping) and "text" in said:
            text = f"{said.get('subject')}\n{said['text']}"
            if sha256(text.encode()).hexdigest() != event.facts["sha256"]:
                raise TamperedError(f"The letter {event.facts['letter']} is not the one that was sent.")
    return sealed
