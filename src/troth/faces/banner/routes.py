"""The routes of the banner: its script, what visitors chose, their receipts, and what we say of signals.

Served below one path of the site itself (`/choices/`, and `/.well-known/gpc.json`), through the
reverse proxy in front of it, so that nothing is a third party's.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath

from troth.errors import NotAllowedError, TrothError
from troth.faces.attachment import attachment
from troth.faces.banner.catalogue import own_sentences
from troth.faces.banner.choice_pages import choice_pages
from troth.faces.banner.script import Script, build, known_table, languages
from troth.faces.middleware.asgi import App, Receive, Scope, Send, enforced
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import limited, same_site
from troth.faces.web import Look
from troth.ledger import receipt
from troth.policy.policy import Policy
from troth.rules.cookie import Table
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


@dataclass(frozen=True, slots=True, eq=False)
class Banner:
    """The banner of one version of the policy: its table and its script in each language."""

    policy: Policy
    known: Table
    gate: Gate
    scripts: dict[str, Script]


class Banners:
    """The banner of the policy in force, and those of versions that were or will be while this process runs.

    That of the version to come is built at once, so that its mistakes are told before anything is served; one
    whose day is over is kept, since browsers still report what was chosen in it.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._own = own_sentences(project.settings.folder / "locale")
        self._built: list[Banner] = []
        self._served: list[Banner] = []
        for policy in (project.policy, project.written):
            self._of(policy)

    @property
    def any(self) -> bool:
        """Whether the policy in force or the one to come asks by a banner."""
        return bool(self._built)

    def now(self) -> Banner:
        """Return the banner of the policy in force; raises NotFoundException where it does not ask by one."""
        found = self._of(self._project.policy)
        if found is None:
            raise NotFoundException
        if found not in self._served:
            self._served.append(found)
        return found

    def shown(self, build_: str) -> tuple[Banner, Script | None]:
        """Return the banner and script that call themselves so; of a build nobody knows, today's banner alone."""
        now = self.now()
        for banner in (now, *self._served):
            for script in banner.scripts.values():
                if script.build == build_:
                    return banner, script
        return now, None

    def _of(self, policy: Policy) -> Banner | None:
        for banner in self._built:
            if banner.policy is policy:
                return banner
        if policy.cookies is None or policy.cookies.asked_by != "banner" or not policy.cookies.table:
            return None
        notice = f"{self._project.settings.public_url}/notice/{{language}}"
        scripts = {
            language: build(policy, language, notice=notice, own=self._own.get(language))
            for language in languages(policy, self._own)
        }
        known = known_table(policy)
        made = Banner(policy, known, Gate(known), scripts)
        self._built.append(made)
        return made


def banner_routes(project: Project, limit: Limit, look: Look) -> list[Any]:
    """Return the routes; none where neither the policy in force nor the one to come asks by a banner."""
    banners = Banners(project)
    if not banners.any:
        return []

    def gated(app: App) -> App:
        async def through(scope: Scope, receive: Receive, send: Send) -> None:
            gate = banners.now().gate
            await enforced(app, gate=gate, now=lambda: int(project.clock().timestamp()))(scope, receive, send)

        return through

    errors: dict[Any, Any] = {TrothError: _ours, HTTPException: _http}

    @get("/choices/{name:str}", sync_to_thread=False)
    def script(request: Asked, name: FromPath[str]) -> Response[bytes]:
        """GET /choices/banner.LANGUAGE.js: the script; /choices/banner.json: its hashes."""
        files = {f"banner.{language}.js": one for language, one in banners.now().scripts.items()}
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
        middleware=[cast("Any", gated)],
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
        if chosen.how == record_choice.PAGE:
            raise NotAllowedError("The page of choices records what is said on it by itself.")
        banner, shown = banners.shown(chosen.build)
        told = record_choice.Told(
            chosen.how, chosen.yes, chosen.was, chosen.proof,
            chosen.language if chosen.language in banner.scripts else banner.policy.language,
            chosen.table, chosen.at, chosen.gpc,
        )  # fmt: skip
        event = await asyncio.to_thread(
            record_choice.record_choice, project, banner.policy, banner.known, told,
            interface_sha256=shown.sha256 if shown else None, text_sha256=shown.text_sha256 if shown else None,
        )  # fmt: skip
        return _json({"receipt": f"/choices/receipt/{event.id}"}, 201)

    @get("/choices/receipt/{event:str}", sync_to_thread=True)
    def given(event: FromPath[str]) -> Response[bytes]:
        """GET /choices/receipt/NAME: the receipt of a choice, for whoever holds its name or that of the consent."""
        found = record_choice.last_of(project, event)
        headers = {
            "Content-Disposition": attachment("choice-receipt.json"),
            "Cache-Control": "no-store",
        }
        return Response(
            receipt.receipt(project.ledger, found), media_type="application/json", headers=headers
        )

    @get("/.well-known/gpc.json", sync_to_thread=False)
    def signal() -> Response[bytes]:
        """GET /.well-known/gpc.json: that the signal is honoured."""
        return Response(json.dumps(gpc(project.policy)).encode(), media_type="application/json")

    return [script, record, given, signal, *choice_pages(project, banners, look, gated, limit)]


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
