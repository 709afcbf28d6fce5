"""The routes of the banner: its script, what visitors chose, their receipts, and what we say of signals.

Served below one path of the site itself (`/choices/`, and `/.well-known/gpc.json`), through the
reverse proxy in front of it, so that nothing is a third party's.
"""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath

from troth.errors import NotAllowedError, TrothError
from troth.faces.banner.catalogue import own_sentences
from troth.faces.banner.script import Script, build, known_table, languages
from troth.faces.middleware.asgi import enforced
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import limited, same_site
from troth.ledger import receipt
from troth.policy.policy import Policy
from troth.rules.set_cookie import Gate
from troth.work import record_choice
from troth.work.project import Project

LOG = logging.getLogger("troth.banner")
BYTES_MAX = 4096
Asked = Request[Any, Any, Any]


class Chosen(msgspec.Struct, forbid_unknown_fields=True):
    """What the script reports."""

    how: str
    language: str
    build: str
    table: str
    at: int
    yes: str
    proof: str
    was: str
    gpc: bool


def gpc(policy: Policy) -> dict[str, object]:
    """Return what `/.well-known/gpc.json` says: whether the signal is honoured, and since when that stands."""
    cookies = policy.cookies
    said: dict[str, object] = {"gpc": cookies is not None and "gpc" in cookies.signals}
    if policy.updated is not None:
        said["lastUpdate"] = policy.updated.isoformat()
    return said


def banner_routes(project: Project, limit: Limit) -> list[Any]:
    """Return the routes; none where the policy does not ask by a banner."""
    policy = project.policy
    if policy.cookies is None or policy.cookies.asked_by != "banner" or not policy.cookies.table:
        return []
    known, own = known_table(policy), own_sentences(project.settings.folder / "locale")
    scripts: dict[str, Script] = {
        language: build(
            policy, language, notice=f"{project.settings.public_url}/notice/{{language}}",
            own=own.get(language),
        )
        for language in languages(policy, own)
    }  # fmt: skip
    by_build = {script.build: script for script in scripts.values()}
    files = {f"banner.{language}.js": script for language, script in scripts.items()}
    gated: Any = partial(enforced, gate=Gate(known), now=lambda: int(project.clock().timestamp()))
    errors: dict[Any, Any] = {TrothError: _ours, HTTPException: _http}

    @get("/choices/{name:str}", sync_to_thread=False)
    def script(request: Asked, name: FromPath[str]) -> Response[bytes]:
        """GET /choices/banner.LANGUAGE.js: the script; /choices/banner.json: its hashes."""
        if name == "banner.json":
            told = {file: hashes(one) for file, one in files.items()}
            return Response(json.dumps(told, indent=2).encode(), media_type="application/json")
        found = files.get(name)
        if found is None:
            raise NotFoundException
        tag = f'"{found.build}"'
        headers = {"ETag": tag, "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
        if request.headers.get("if-none-match") == tag:
            return Response(b"", status_code=304, headers=headers)
        return Response(found.written, media_type="text/javascript; charset=utf-8", headers=headers)

    @post(
        "/choices/record", status_code=201, exception_handlers=errors,
        middleware=[gated],
    )  # fmt: skip
    async def record(request: Asked) -> Response[bytes]:
        """POST /choices/record: keep what a visitor chose, and delete what they refused and no script reaches."""
        same_site(request, project)
        limited(request, limit)
        body = await request.body()
        if len(body) > BYTES_MAX:
            raise NotAllowedError("This is too long for a choice.")
        try:
            chosen = msgspec.json.decode(body, type=Chosen)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotAllowedError("This is no choice: the script of the banner sends another form.") from None
        told = record_choice.Told(
            chosen.how, chosen.yes, chosen.was, chosen.proof,
            chosen.language if chosen.language in scripts else policy.language,
            chosen.table, chosen.at, chosen.gpc,
        )  # fmt: skip
        shown = by_build.get(chosen.build)
        event = await asyncio.to_thread(
            record_choice.record_choice, project, known, told,
            interface_sha256=shown.sha256 if shown else None, text_sha256=shown.text_sha256 if shown else None,
        )  # fmt: skip
        return _json({"receipt": f"/choices/receipt/{event.id}"}, 201)

    @get("/choices/receipt/{event:str}", sync_to_thread=True)
    def given(event: FromPath[str]) -> Response[bytes]:
        """GET /choices/receipt/NAME: the receipt of a choice, for whoever holds its name or that of the consent."""
        found = record_choice.last_of(project, event)
        headers = {
            "Content-Disposition": 'attachment; filename="choice-receipt.json"',
            "Cache-Control": "no-store",
        }
        return Response(
            receipt.receipt(project.ledger, found), media_type="application/json", headers=headers
        )

    @get("/.well-known/gpc.json", sync_to_thread=False)
    def signal() -> Response[bytes]:
        """GET /.well-known/gpc.json: that the signal is honoured."""
        return Response(json.dumps(gpc(policy)).encode(), media_type="application/json")

    return [script, record, given, signal]


def hashes(script: Script) -> dict[str, str]:
    """Return what names a script: for a page, for a proof, and for its own reports."""
    return {
        "integrity": script.integrity, "sha256": script.sha256, "text_sha256": script.text_sha256,
        "table_sha256": script.table_sha256, "build": script.build,
    }  # fmt: skip


def _json(value: object, status: int) -> Response[bytes]:
    return Response(
        json.dumps(value).encode(), status_code=status, media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )  # fmt: skip


def _ours(_: Asked, error: TrothError) -> Response[bytes]:
    if isinstance(error, NotAllowedError):
        return _json({"title": str(error)}, 422)
    LOG.error("%s at /choices/record", type(error).__name__)
    return _json({"title": "The choice was not recorded; the browser sends it again."}, 503)


def _http(_: Asked, error: HTTPException) -> Response[bytes]:
    return _json({"title": "Refused."}, error.status_code)
