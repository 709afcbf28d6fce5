"""Other systems report an incident for triage: a monitor, a help desk, a tool that watches accounts.

A report is no breach yet: the 72 hours begin when a named person says since when it is certain.

Law: GDPR Art. 33(1).
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, post

from troth.errors import NotAllowedError
from troth.faces.portal.guarded import ERRORS, ONCE, Guard, answer, body_of
from troth.faces.portal.incident_pages import CONTACT_MAX, WHAT_MAX
from troth.faces.portal.pages import Asked
from troth.work.incident import report
from troth.work.project import Project


class Reported(msgspec.Struct, forbid_unknown_fields=True):
    """What happened, how whoever knows more is reached, and which company it is about."""

    what: str
    contact: str = ""
    entity: str = ""


class IncidentAnswer(msgspec.Struct):
    """The number under which it waits for triage."""

    number: str
    status: str


def incident_api(project: Project, guard: Guard) -> list[Any]:
    """Return the route, or none where no key is set."""

    @post("/api/incidents", status_code=200, exception_handlers=ERRORS)
    async def take(request: Asked) -> Response[Any]:
        """POST /api/incidents: open an incident for triage, once under its name."""
        key = guard.allowed(request, "incidents")
        told = await body_of(request, Reported, "a report")
        once = request.headers.get("idempotency-key", "")
        if not ONCE.fullmatch(once):
            raise NotAllowedError(
                "Name this report by a header Idempotency-Key of 8 to 128 visible letters, and send the same one when "
                "you try again."
            )
        if len(told.what) > WHAT_MAX or len(told.contact) > CONTACT_MAX:
            raise NotAllowedError(
                f"Say what happened in {WHAT_MAX} letters at most, a contact in {CONTACT_MAX}."
            )
        found = await asyncio.to_thread(
            report, project, told.what, f"api/{key}", channel="api", entity=told.entity, contact=told.contact,
            once=f"{key} {once}",
        )  # fmt: skip
        return answer(msgspec.to_builtins(IncidentAnswer(found.number, str(found.state["status"]))))

    return [take] if guard.known else []
