"""What other systems may call, described for their programs: OpenAPI 3.1 with an example of each body.

The description is made from the very types that bodies are read with, so that it cannot say something else.

Source: OpenAPI Specification 3.1.1, RFC 9457.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Response, get

from troth.faces.hot import Ask
from troth.faces.portal import message_api as messages
from troth.faces.portal.api import New
from troth.faces.portal.disclosure_api import Disclosed, DisclosureAnswer
from troth.faces.portal.guarded import Guard
from troth.faces.portal.incident_api import IncidentAnswer, Reported
from troth.faces.portal.pages import Asked
from troth.work.project import Project
from troth.work.take_choices import Told

PLACE = "#/components/schemas/{name}"


class Opened(msgspec.Struct):
    """Where a request stands: what its page says to whoever has not entered the code."""

    id: str
    number: str
    page: str
    state: str
    received: str
    due: str | None
    rights: list[str]


class MayAnswer(msgspec.Struct, rename={"allowed": "may"}):
    """May it be done, why, and how long ago the ledger was read."""

    allowed: bool
    code: str
    fresh_seconds: float
    why: str = ""
    clause: str = ""
    promise: str = ""
    event: str | None = None
    at: str | None = None


class ChoiceTaken(msgspec.Struct):
    """One choice as it was recorded."""

    event: str
    proven: bool


class ChoicesTaken(msgspec.Struct):
    """Choices as they were recorded."""

    subject: str
    at: str
    choices: list[ChoiceTaken]


class Problem(msgspec.Struct):
    """What was refused and why (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: its place, the scope it needs, what goes in and what comes back, each with an example."""

    method: str
    path: str
    name: str
    scope: str
    summary: str
    takes: type[msgspec.Struct] | None
    example: Mapping[str, Any]
    gives: type[msgspec.Struct]
    given: Mapping[str, Any]
    status: int = 200
    once: str = ""  # required, allowed, or empty
    refuses: Sequence[int] = field(default=(400, 401, 403, 413, 422, 429, 503))


_REQUEST = {
    "id": "2026-0001-mzxw6ytboi", "number": "2026-0001", "page": "https://privacy.example/follow/2026-0001-mzxw6ytboi",
    "state": "in_progress", "received": "2026-11-23", "due": "2026-12-23", "rights": ["access"],
}  # fmt: skip
OPERATIONS = (
    Operation(
        "post", "/api/requests", "openRequest", "open", "Take a request in.", New,
        {"rights": ["access"], "email": "ada@example.org", "wording": "All of it, please."}, Opened, _REQUEST, 201,
        "required", (400, 401, 403, 409, 413, 422, 429, 503),
    ),
    Operation(
        "get", "/api/requests/{id}", "followRequest", "follow", "Say where a request stands.", None, {}, Opened,
        _REQUEST, refuses=(401, 403, 404, 429, 503),
    ),
    Operation(
        "post", "/api/choices", "recordChoices", "choices",
        "Report what somebody said: consents, withdrawals, objections.", Told,
        {"who": {"email": "ada@example.org"}, "method": "web", "form": "0" * 64, "language": "en",
         "choices": [{"said": "given", "purpose": "newsletter", "channel": "email"}]},
        ChoicesTaken,
        {"subject": "810dc90a5bb4efed3c11", "at": "2026-11-23T09:00:00+00:00",
         "choices": [{"event": "01KC5Q8Z3V0000000000000000", "proven": True}]},
        201, "allowed", (401, 403, 404, 409, 413, 422, 429, 503),
    ),
    Operation(
        "post", "/api/may", "may", "may", "Ask whether something may be done with somebody, and why.", Ask,
        {"who": {"email": "ada@example.org"}, "purpose": "newsletter", "channel": "email"}, MayAnswer,
        {"may": False, "code": "withdrawn", "why": "No: they withdrew their consent on 2026-11-23 (GDPR Art. 7(3), "
         "clause 5).", "clause": "5", "promise": "5/purpose/newsletter", "event": "01KC5Q8Z3V0000000000000000",
         "at": "2026-11-23T09:00:00.000000+00:00", "fresh_seconds": 0.11},
        refuses=(401, 403, 413, 422, 429, 503),
    ),
    Operation(
        "post", "/api/messages/prepare", "prepareMessages", "messages",
        "Ask before messages go out: may they, and what must each carry. Nothing is recorded.", messages.Preparing,
        {"purpose": "newsletter", "to": [{"email": "ada@example.org", "language": "fr"}],
         "measured": {"purpose": "audience", "picture": "https://track.example/o/42.gif",
                      "links": {"offer": {"to": "https://shop.example/offer", "by": "https://track.example/c/42"}}}},
        messages.ReadyAll,
        {"messages": [{
            "email": "ada@example.org", "allowed": True, "code": "consented",
            "why": "Yes: they consented on 2026-11-23.",
            "first": True, "notice": {
                "rights": ["object_marketing"], "language": "fr", "text": "Vous pouvez vous opposer …",
                "html": "<p lang=\"fr\"><strong>Vous pouvez vous opposer …</strong></p>", "token": "WyIz…"},
            "headers": {"List-Unsubscribe": "<https://privacy.example/unsubscribe/AX…>",
                        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
            "unsubscribe": "https://privacy.example/unsubscribe/AX…",
            "preferences": "https://privacy.example/preferences/AX…",
            "picture": "https://privacy.example/m/AY….gif", "links": {"offer": "https://privacy.example/m/AZ…"}}]},
    ),
    Operation(
        "post", "/api/messages/sent", "recordSent", "messages",
        "Record first messages, each with the token of the notice it carried; said again, nothing more is recorded.",
        messages.Sent, {"purpose": "newsletter", "sent": [{"email": "ada@example.org", "notice": "WyIz…"}]},
        messages.Recorded, {"recorded": 1, "known": 0, "wrong": []},
    ),
    Operation(
        "post", "/api/preferences", "preferences", "preferences",
        "Say how somebody stands to each purpose they decide about. A choice is reported to /api/choices.",
        messages.Whose, {"email": "ada@example.org"}, messages.Preferences,
        {"preferences": [{"purpose": "newsletter", "said": "yes", "on": "2026-11-23", "may_stop": True,
                          "may_give": False}],
         "page": "https://privacy.example/preferences/AX…"},
    ),
    Operation(
        "post", "/api/disclosures", "recordDisclosure", "disclosures",
        "Record what goes to a recipient; refused with every reason where the policy does not allow it. With `ask` "
        "nothing is recorded, with `happened` also what lacked something.",
        Disclosed, {"identifier": "ada@example.org", "recipient": "tax-office", "categories": ["order"],
                    "purpose": "accounts", "evidence": {"legal_reference": "LPF Art. L81"}},
        DisclosureAnswer, {"may": True, "event": "01M8RT38MA90MF5WAVB7Z6D4KN", "lacks": [], "why": []},
        once="allowed",
    ),
    Operation(
        "post", "/api/incidents", "reportIncident", "incidents",
        "Report an incident for triage, once under its Idempotency-Key. It is no breach yet: no hours run.",
        Reported, {"what": "Many accounts were opened from one address last night.", "contact": "help desk, 4711"},
        IncidentAnswer, {"number": "I-2026-001", "status": "reported"},
        once="required",
    ),
)  # fmt: skip
"""Every call there is; a test holds the routes to it."""
REASONS = {
    400: "It was no HTTP request that can be read.", 401: "No key that is known was shown.",
    403: "The key has not this scope.", 404: "There is none of this name.",
    409: "The Idempotency-Key was used for something else.", 413: "The body is too large.",
    422: "It says something that cannot be; the detail says what.", 429: "The key was used too often; see Retry-After.",
    503: "A part did not answer: send it again.",
}  # fmt: skip


def document(server: str = "") -> dict[str, Any]:
    """Return the description of every call."""
    kinds: list[Any] = [one for each in OPERATIONS for one in (each.takes, each.gives) if one is not None]
    _, schemas = msgspec.json.schema_components([*dict.fromkeys(kinds), Problem], ref_template=PLACE)
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _described(each)
    told: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Troth", "version": version("troth"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "summary": "What other systems of an organisation ask of its privacy policy, and tell it.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer",
                "description": "A key of [api.NAME] in troth.toml, with the scope that each call names.",
            }},
        },
    }  # fmt: skip
    return {**told, "servers": [{"url": server}]} if server else told


def _described(each: Operation) -> dict[str, Any]:
    given = {"application/json": {"schema": _place(each.gives), "example": each.given}}
    answers: dict[str, Any] = {str(each.status): {"description": "Done.", "content": given}}
    wrong = {"application/problem+json": {"schema": _place(Problem)}}
    answers |= {str(code): {"description": REASONS[code], "content": wrong} for code in each.refuses}
    told: dict[str, Any] = {
        "operationId": each.name, "summary": each.summary, "description": f"Needs the scope `{each.scope}`.",
        "security": [{"key": []}], "responses": answers,
    }  # fmt: skip
    if each.takes is not None:
        body = {"application/json": {"schema": _place(each.takes), "example": each.example}}
        told["requestBody"] = {"required": True, "content": body}
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": each.given["id"]}
    ] if "{id}" in each.path else []  # fmt: skip
    if each.once:
        parameters.append({
            "name": "Idempotency-Key", "in": "header", "required": each.once == "required", "example": "ticket-4711",
            "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[\\x21-\\x7e]+$"},
            "description": "A name for this call; sent again under the same one, it is done once.",
        })  # fmt: skip
    return {**told, "parameters": parameters} if parameters else told


def _place(kind: type) -> dict[str, str]:
    return {"$ref": PLACE.format(name=kind.__name__)}


def openapi(project: Project, guard: Guard) -> list[Any]:
    """Return the route of the description, or none where no key is set."""

    @get("/api/openapi.json", sync_to_thread=False)
    def described(request: Asked) -> Response[bytes]:  # noqa: ARG001
        """GET /api/openapi.json: what other systems may call."""
        body = json.dumps(document(project.settings.public_url), ensure_ascii=False, indent=2).encode()
        return Response(body, media_type="application/json", headers={"Cache-Control": "public, max-age=300"})

    return [described] if guard.known else []
