"""Prove that whoever asks reads the address they gave: a code of eight digits, by mail.

It controls delivery alone: the clock runs from receipt, and the code is no proof of
identity.  Codes are derived, not stored; only the last one sent is good, for a quarter of
an hour and five tries.

Law: GDPR Art. 12(6), which this is not; Art. 32 (the answer reaches nobody else).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from troth.errors import NotAllowedError
from troth.ledger import append, keys, read, tries
from troth.rules import representation
from troth.rules.event import Draft
from troth.work import request_file, send_letter
from troth.work.project import Project

DIGITS = 8
MINUTES = 15
TRIES_MAX = 5
CODES_PER_HOUR = 5


def send_code(project: Project, number: str, *, after: int | None = None) -> None:
    """Send a new code, which makes older ones worthless; raises NotAllowedError after too many.

    `after` says how many had gone when it was asked for: where there are more, it was asked for twice, and none goes.
    """
    found = request_file.load(project, number)
    if after is not None and sent_so_far(found.state) > after:
        return
    if not request_file.reached(project, number).get("email"):
        raise NotAllowedError("This request has no e-mail address, so there is nowhere to send a code.")
    if tries.count(project.ledger, f"codes/{number}", 3600) > CODES_PER_HOUR:
        raise NotAllowedError("Too many codes were asked for. Wait an hour, then ask again.")
    sent = sent_so_far(found.state)
    tries.forget(project.ledger, f"code/{number}")
    fields = letter_fields(_code(project, number, sent + 1))
    send_letter.send_letter(project, number, "code", fields, letter_id=f"code-{sent + 1}")


def sent_so_far(state: Mapping[str, Any]) -> int:
    """Return how many codes went out for a request."""
    return sum(told["kind"] == "code" for told in state["letters"])


def letter_fields(code: str = "•" * DIGITS) -> dict[str, object]:
    """Return what the letter with a code says; without the code for whoever looks at it before it goes."""
    return {"code": code, "minutes": MINUTES}


def take_code(project: Project, number: str, given: str) -> bool:
    """Say whether a code is the right one, and record the proof when it is.

    A wrong one, a late one and one too many are told apart by nobody.
    """
    found = request_file.load(project, number)
    codes = [told for told in found.state["letters"] if told["kind"] == "code"]
    if tries.count(project.ledger, f"code/{number}", MINUTES * 60) > TRIES_MAX or not codes:
        return False
    sent_at = read.event(project.ledger, codes[-1]["event"]).at
    right = hmac.compare_digest(_code(project, number, len(codes)).encode(), _digits(given).encode())
    if not right or project.clock() > sent_at + timedelta(minutes=MINUTES):
        return False
    if not found.state["proven"]:
        asked = request_file.reached(project, number)
        draft = Draft(
            "address_proven",
            found.stream,
            {"request": number, "method": "code"},
            entity=found.state["entity"],
            subject=found.state["subject"],
            request=number,
            payload={"email": asked.get("email")},
        )
        append.append(
            project.ledger, [draft], once=f"proven {number} {representation.to_the_subject(found.state)}"
        )
    tries.forget(project.ledger, f"code/{number}")
    return True


def _code(project: Project, number: str, ordinal: int) -> str:
    _, secret = keys.own_key(project.ledger, "codes")
    mac = hmac.digest(secret, f"{number}/{ordinal}".encode(), "sha256")
    return f"{int.from_bytes(mac[:8]) % 10**DIGITS:0{DIGITS}}"


def _digits(given: str) -> str:
    return "".join(character for character in given if character.isdigit() and character.isascii())[
        : DIGITS + 1
    ]
