"""Requests that another system of the organisation takes in: a small interface in JSON.

A system needs a key with the scope for what it does, and learns no more than a page shows
before the code was entered: what was answered is between the organisation and the person.

Law: GDPR Art. 12(2), (3).  Source: RFC 9457 (problem details), RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from troth.errors import ConflictError, KeyDestroyedError, NotAllowedError
from troth.faces.portal.guarded import ERRORS, ONCE, Guard, answer, body_of
from troth.faces.portal.pages import Asked
from troth.faces.portal.seen import PUBLIC, as_received
from troth.rules import request as rules
from troth.work import open_request, request_file
from troth.work.project import Project


class For(msgspec.Struct, forbid_unknown_fields=True):
    """As what somebody asks for whom."""

    acting: str
    email: str = ""
    name: str = ""
    address: str = ""


class New(msgspec.Struct, forbid_unknown_fields=True):
    """A request as another system hands it on."""

    rights: list[str]
    email: str
    name: str = ""
    wording: str = ""
    language: str = "en"
    received_at: datetime | None = None
    because: str = ""
    entity: str = ""
    on_behalf_of: For | None = None


def api(project: Project, guard: Guard) -> list[Any]:
    """Return the routes, or none where no key is set."""

    @post("/api/requests", status_code=201, exception_handlers=ERRORS)
    async def take(request: Asked) -> Response[Any]:
        """POST /api/requests: take a request in; the same `Idempotency-Key` opens no second one."""
        key, once = guard.allowed(request, "open"), request.headers.get("idempotency-key", "")
        if not ONCE.fullmatch(once):
            raise NotAllowedError(
                "Name this request by a header Idempotency-Key of 8 to 128 visible letters, and send the same one when "
                "you try again."
            )
        given = await body_of(request, New, "a request")
        opened = await asyncio.to_thread(_open, project, given, f"api {key} {once}")
        where = f"/api/requests/{request_file.token(project, opened.number)}"
        return answer(await asyncio.to_thread(_told, project, opened.number), 201, Location=where)

    @get("/api/requests/{token:str}", sync_to_thread=True, exception_handlers=ERRORS)
    def follow(request: Asked, token: FromPath[str]) -> Response[Any]:
        """GET /api/requests/ID: where a request stands."""
        guard.allowed(request, "follow")
        return answer(_told(project, request_file.by_token(project, token)), 200)

    return [take, follow] if guard.known else []


def _open(project: Project, given: New, once: str) -> open_request.Opened:
    """Open it, and see that what was opened under this name is what is asked for now."""
    if given.received_at is not None and given.received_at.tzinfo is None:
        raise NotAllowedError("`received_at` says no offset from UTC. Write it as 2026-03-05T14:30:00+01:00.")
    other = given.on_behalf_of
    opened = open_request.open_request(
        project, given.rights, given.email, name=given.name, wording=given.wording, language=given.language,
        channel="api", received_at=given.received_at, because=given.because, entity=given.entity or None, once=once,
        acting=open_request.Acting(other.acting, other.name, other.email, other.address) if other else None,
    )  # fmt: skip
    state = request_file.load(project, opened.number).state
    try:
        kept = request_file.requester(project, opened.number)
    except KeyDestroyedError:
        kept = {}
    facts = {"language": given.language, "because": given.because, "entity": given.entity or state["entity"]}
    noted = {
        **state,
        "because": next((c["because"] for c in state["claims"].values() if c.get("because")), ""),
    }
    same = {name: getattr(given, name).strip() for name in ("email", "name", "wording")}
    asked = sorted(claim["right"] for claim in state["claims"].values())
    acting = (state.get("acting") or {}).get("kind", "")
    whom = {name: getattr(other, name).strip() for name in ("name", "email", "address")} if other else None
    if (
        any(kept.get(name) != value for name, value in same.items())
        or asked != sorted(set(given.rights))
        or any(noted[name] != value for name, value in facts.items())
        or (
            given.received_at is not None
            and datetime.fromisoformat(state["received_at"]) != given.received_at
        )
        or (acting, kept.get("for")) != (other.acting if other else "", whom)
    ):
        raise ConflictError(
            "Another request was sent under this Idempotency-Key before. Draw a new one for each request."
        )
    return opened


def _told(project: Project, number: str) -> dict[str, Any]:
    """Say of a request what its page says to whoever has not entered the code."""
    state = request_file.load(project, number).state
    due = rules.deadline(as_received(state)).legal_due if rules.is_open(state) else None
    return {
        "id": request_file.token(project, number),
        "number": number,
        "page": request_file.link(project, number),
        "state": PUBLIC.get(str(state["status"]), str(state["status"])),
        "received": state["received"],
        "due": due.isoformat() if due else None,
        "rights": [claim["right"] for claim in state["claims"].values()],
    }
