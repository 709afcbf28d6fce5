"""One request as work sees it: its state, its requester, its private link, who is meant.

The private link carries a keyed hash of the number, so it can be neither guessed nor
counted through; it shows where a request stands, and no answer: that takes a code.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.law import clock
from troth.ledger import append, keys, read, subjects, vault
from troth.rules import representation
from troth.rules.event import Draft
from troth.stores.contract import Who
from troth.work.project import Project

LINK_BYTES = 15


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A request's state and the version of its stream it was read at."""

    number: str
    version: int
    state: Mapping[str, Any]

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return f"request/{self.number}"

    def claim(self, name: str) -> Mapping[str, Any]:
        """Return a claim; raises NotFoundError where there is none of that name."""
        try:
            found: Mapping[str, Any] = self.state["claims"][name]
        except KeyError:
            known = ", ".join(self.state["claims"])
            raise NotFoundError(
                f"Request {self.number} has no claim {name[:20]!r}. It has: {known}."
            ) from None
        return found


def load(project: Project, number: str) -> RequestFile:
    """Read a request; raises NotFoundError where there is none of that number."""
    found = read.state(project.ledger, f"request/{number}")
    if found is None:
        raise NotFoundError(
            f"There is no request {number[:30]!r}. {_meant(project, number)}`troth request list` shows them all."
        )
    return RequestFile(number, found.version, found.body)


def _meant(project: Project, number: str) -> str:
    """Suggest the number that was meant: without its zeros, or its dash."""
    parts = re.fullmatch(r"\s*(20[0-9]{2})\D?0*([0-9]{1,9})\s*", number, re.ASCII)
    near = f"{parts[1]}-{int(parts[2]):04}" if parts else ""
    known = near and near != number and read.version(project.ledger, f"request/{near}")
    return f"Did you mean {near}? " if known else ""


def today(project: Project, found: RequestFile) -> date:
    """Return the day it is where the controller is established: the law counts in its days."""
    return clock.receipt_day(project.clock(), str(found.state["tz"]))


def why_without_authority(project: Project, found: RequestFile, *claims: str) -> list[str]:
    """Say why nothing of these claims is given out today: whoever asked for somebody else may not any more."""
    reasons: dict[str, None] = {}
    for name in claims:
        right = str(found.claim(name)["right"])
        reasons |= dict.fromkeys(representation.why_not(found.state, right, today(project, found)))
    return list(reasons)


def refuse_unless(reasons: Iterable[str]) -> None:
    """Raise NotAllowedError with every reason there is; none means it may go on."""
    told = list(reasons)
    if told:
        raise NotAllowedError(" ".join(told))


def record_reading(project: Project, number: str, staff: str, screen: str) -> None:
    """Record that a member of staff reads what was said by or to a person, before they do (Case C-579/21)."""
    found = load(project, number)
    draft = Draft("staff_read", found.stream, {"staff": staff, "screen": screen}, **about(found), actor=staff)
    append.append(project.ledger, [draft])


def requester(project: Project, number: str) -> Mapping[str, Any]:
    """Return who asked and what they wrote; empty once that was erased."""
    received = read.stream(project.ledger, f"request/{number}")[0]
    try:
        return vault.payload(project.ledger, received)
    except KeyDestroyedError:
        return {}


def who(project: Project, found: RequestFile) -> Who:
    """Return the subject of a request with every identifier known of them."""
    subject = str(found.state["subject"])
    controller = str((found.state.get("instruction") or {}).get("rows", ""))
    return Who(subject, subjects.identifiers(project.ledger, subject), controller)


def stores(project: Project, found: RequestFile) -> tuple[str, ...]:
    """Return the stores a request is about: on a controller's instruction, those that have rows of its own."""
    instructed = (found.state.get("instruction") or {}).get("rows")
    return tuple(
        name
        for name, map_ in sorted(project.maps.items())
        if not instructed or map_.controllers is not None or map_.processor_for == instructed
    )


def link(project: Project, number: str) -> str:
    """Return the private address of a request's page."""
    return f"{project.settings.public_url}/follow/{token(project, number)}"


def token(project: Project, number: str) -> str:
    """Return the part of the private address that nobody can guess."""
    _, secret = keys.own_key(project.ledger, "links")
    mac = hmac.digest(secret, number.encode(), "sha256")[:LINK_BYTES]
    return f"{number}-{base64.b32encode(mac).decode().lower()}"


def reached(project: Project, number: str) -> Mapping[str, Any]:
    """Return how letters and answers reach whoever they go to: `email`, `address`, `name`.

    That is whoever asked, or the person they asked for where their authority does not cover
    receiving the answer.
    """
    asked = requester(project, number)
    if not representation.to_the_subject(load(project, number).state):
        return asked
    found: Mapping[str, Any] = asked.get("for") or {}
    return found


def by_token(project: Project, given: str) -> str:
    """Return the number a private address is for; raises NotFoundError when it is not one."""
    number, _, _ = given.rpartition("-")
    if not number or not hmac.compare_digest(token(project, number).encode(), given.encode()):
        raise NotFoundError("There is no such page.")
    load(project, number)
    return number


def thread(project: Project, number: str) -> str:
    """Return what the ids of our letters in a request begin with, so that replies find it again.

    It cannot be made up, and does not open the request's page.
    """
    _, secret = keys.own_key(project.ledger, "links")
    mac = hmac.digest(secret, f"thread {number}".encode(), "sha256")[:LINK_BYTES]
    return f"{number}.{base64.b32encode(mac).decode().lower()}"


def by_thread(project: Project, ident: str) -> str | None:
    """Return the number of the request whose letter has this id; None where it is not one of ours."""
    number, _, rest = ident.partition("@")[0].partition(".")
    given = f"{number}.{rest.partition('.')[0]}"
    if not number or not hmac.compare_digest(thread(project, number).encode(), given.encode()):
        return None
    return number if read.version(project.ledger, f"request/{number}") else None


def about(found: RequestFile) -> dict[str, Any]:
    """Return what every event of a request says of it."""
    return {"entity": found.state["entity"], "subject": found.state["subject"], "request": found.number}


def move(
    project: Project,
    number: str,
    to: str,
    reason: str,
    *,
    staff: str = "troth",
    note: str = "",
    expect: int | None = None,
    again: bool = False,
) -> None:
    """Record that a request moved; saying it twice does no more, but where it may be said `again`.

    `expect` is the version at which it was seen that it may; raises ConflictError at another.
    """
    found = load(project, number)
    draft = Draft(
        "request_moved",
        found.stream,
        {"to": to, "reason": reason},
        **about(found),
        actor=staff,
        payload={"note": note},
    )
    once = None if again else f"moved {number} {to} {reason}"
    versions = None if expect is None else {found.stream: expect}
    append.append(project.ledger, [draft], expect=versions, once=once)
