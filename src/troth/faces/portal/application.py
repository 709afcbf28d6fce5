"""The web application: routes, headers, limits and errors put together."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import Any

from litestar import Litestar, Request, asgi
from litestar.exceptions import HTTPException, NotFoundException
from litestar.types import Receive, Scope, Send

from troth.faces.banner.routes import banner_routes
from troth.faces.brand import drawn
from troth.faces.head import Application
from troth.faces.portal.api import api
from troth.faces.portal.controller_pages import controller_pages
from troth.faces.portal.disclosure_api import disclosure_api
from troth.faces.portal.document_pages import document_pages
from troth.faces.portal.guarded import Guard, refused
from troth.faces.portal.incident_api import incident_api
from troth.faces.portal.incident_pages import incident_pages
from troth.faces.portal.limits import Limit
from troth.faces.portal.message_api import message_api
from troth.faces.portal.message_pages import message_pages
from troth.faces.portal.notice_pages import notice_pages
from troth.faces.portal.pages import FORM_BYTES_MAX, pages
from troth.faces.portal.preference_pages import preference_pages
from troth.faces.portal.reading_pages import reading_pages
from troth.faces.portal.receipt_pages import receipt_pages
from troth.faces.portal.recipient_pages import recipient_pages
from troth.faces.portal.task_pages import task_pages
from troth.faces.portal.verify_pages import verify_pages
from troth.faces.portal.version_pages import coming, version_pages
from troth.faces.routes import Routes
from troth.faces.web import CONSOLE, Look, explain, look, served, with_headers
from troth.faces.words import catalogues
from troth.policy.shape import Text
from troth.work.project import Project


def application(project: Project, *, asks: Limit | None = None, codes: Limit | None = None) -> Litestar:
    """Build the application over one project."""
    group = project.policy.group
    folder = project.settings.folder
    shown = look(
        group.title if group else Text(((project.policy.language, project.settings.name),)),
        catalogues(folder / "locale"),
        folder / "templates" / "portal",
        coming(project),
        drawn(project.settings.brand, folder),
    )
    routes: list[Any] = pages(project, shown, asks=asks or Limit(20, 3600), codes=codes or Limit(20, 3600))
    routes += notice_pages(project, shown)
    routes += version_pages(project, shown)
    routes += reading_pages(project, shown)
    routes += verify_pages(project, shown, Limit(120, 3600))
    routes += task_pages(project, shown, Limit(60, 3600))
    routes += document_pages(project, Limit(60, 3600))
    routes += receipt_pages(project, Limit(600, 3600))
    routes += incident_pages(project, shown, Limit(10, 3600))
    routes += message_pages(project, shown)
    routes += preference_pages(project, shown, codes or Limit(20, 3600))
    routes += recipient_pages(project, Limit(600, 3600))
    routes += controller_pages(project, Limit(6000, 3600))
    guard = Guard(project, Limit(6000, 3600))
    routes += api(project, guard)
    routes += message_api(project, guard)
    routes += disclosure_api(project, guard)
    routes += incident_api(project, guard)
    if guard.known:  # described from every kind of body there is, which nobody without a key needs
        from troth.faces.portal.openapi import openapi

        routes += openapi(project, guard)
    routes += banner_routes(project, Limit(600, 3600), shown)
    return Application(
        [Routes([*routes, served("/static", shown), _console(project)])],
        exception_handlers=_told(shown),
        after_request=with_headers,
        request_max_body_size=FORM_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )


def _console(project: Project) -> Any:
    """Return the route of the console: an application of its own, which is made when the first of the staff comes."""
    made: list[Litestar] = []
    making = Lock()

    def ready() -> Litestar:
        with making:
            if not made:
                from troth.faces.console.application import console_application

                made.append(console_application(project))
        return made[0]

    @asgi(CONSOLE, is_mount=True, copy_scope=True)
    async def console(scope: Scope, receive: Receive, send: Send) -> None:
        """Everything below /console."""
        if not scope["path"].startswith("/"):  # an address that only begins with the same letters
            raise NotFoundException
        there = made[0] if made else await asyncio.to_thread(ready)
        scope["path"] = f"{CONSOLE}{scope['path']}".rstrip("/")  # a mount takes its own address off
        await there(scope, receive, send)

    return console


def _told(shown: Look) -> dict[Any, Any]:
    """Answer errors with pages, and below `/api/` with problems: a program reads those."""
    pages_ = explain(shown)

    def chosen(kind: Any) -> Any:
        def told(request: Request[Any, Any, Any], error: Any) -> Any:
            if kind is HTTPException and request.url.path.startswith("/api/"):
                return refused(request, error)
            return pages_[kind](request, error)

        return told

    return {kind: chosen(kind) for kind in pages_}
