"""Other systems record what they disclose, or ask first whether it may go: one call, with the conditions of the policy.

Law: GDPR Arts. 5(2), 19; law.md C6-1 to C6-9.
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import msgspec
from litestar import Response, post

from troth.errors import NotAllowedError
from troth.faces.portal.guarded import ERRORS, ONCE, Guard, answer, body_of
from troth.faces.portal.pages import Asked
from troth.rules.disclosure import Disclosure
from troth.work.disclose import disclose, why_not
from troth.work.establishment import day_here
from troth.work.project import Project


class Disclosed(msgspec.Struct, forbid_unknown_fields=True):
    """What goes, or went, to whom about whom; `ask` records nothing, `happened` also what lacked something."""

    identifier: str
    recipient: str
    categories: list[str]
    purpose: str
    kind: str = "email"
    on: date | None = None
    document: str = ""
    party: str = ""
    evidence: dict[str, str] = msgspec.field(default_factory=dict)
    approved_by: list[str] = msgspec.field(default_factory=list)
    happened: bool = False
    ask: bool = False


class DisclosureAnswer(msgspec.Struct):
    """Whether it may go, or its event where it was recorded, and what it lacked, as codes."""

    may: bool
    event: str | None
    lacks: list[str]
    why: list[str]


def disclosure_api(project: Project, guard: Guard) -> list[Any]:
    """Return the route, or none where no key is set."""

    @post("/api/disclosures", status_code=200, exception_handlers=ERRORS)
    async def take(request: Asked) -> Response[Any]:
        """POST /api/disclosures: record a disclosure, once, or ask whether it may be made."""
        key = guard.allowed(request, "disclosures")
        told = await body_of(request, Disclosed, "a disclosure")
        once = request.headers.get("idempotency-key", "")
        if not told.ask and not ONCE.fullmatch(once):
            raise NotAllowedError(
                "Name this disclosure by a header Idempotency-Key of 8 to 128 visible letters, and send the same one "
                "when you try again."
            )
        found = await asyncio.to_thread(_taken, project, told, key, once)
        return answer(msgspec.to_builtins(found))

    return [take] if guard.known else []


def _taken(project: Project, told: Disclosed, key: str, once: str) -> DisclosureAnswer:
    who = [(told.kind, told.identifier)]
    made = Disclosure(
        told.recipient, tuple(told.categories), told.purpose, told.on or day_here(project), dict(told.evidence),
        tuple(told.approved_by), told.party, told.document,
    )  # fmt: skip
    if not told.identifier.strip() or not told.categories:
        raise NotAllowedError("A disclosure is about somebody and something: give identifier and categories.")
    if told.ask:
        lacks = why_not(project, who, made)
        return DisclosureAnswer(
            not lacks, None, [code for code, _ in lacks], [sentence for _, sentence in lacks]
        )
    name = f"disclosure {key} {once}"
    event = disclose(project, who, made, staff=f"api/{key}", happened=told.happened, once=name)
    lacked = event.facts["lacks"]
    codes = [str(code) for code in lacked] if isinstance(lacked, list | tuple) else []
    return DisclosureAnswer(not codes, event.id, codes, [])
