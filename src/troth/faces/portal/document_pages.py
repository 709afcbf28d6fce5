"""Where somebody hands in the document by which they show who they are, on the page of their request.

Nothing of a body is read before the code was entered, and what comes is never written to a disk
in clear.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import post
from litestar.exceptions import PermissionDeniedException
from litestar.params import FromPath
from litestar.response import Redirect

from troth.errors import ConflictError, NotAllowedError
from troth.faces.portal import session
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, same_site
from troth.faces.portal.task_pages import read_form
from troth.faces.sent_once import sent_once
from troth.faces.web import carried
from troth.work import request_file, show_document
from troth.work.project import Project

BODY_BYTES_MAX = show_document.BYTES_MAX + 64 * 1024


def document_pages(project: Project, limit: Limit) -> list[Any]:
    """Return the route by which documents come over one project."""

    @post(
        "/follow/{token:str}/document",
        request_max_body_size=BODY_BYTES_MAX,
        status_code=303,
        page="/follow/{token}",
    )
    async def document(request: Asked, token: FromPath[str]) -> Redirect:
        """POST /follow/TOKEN/document: hand a document in, once; it is destroyed once it was looked at."""
        same_site(request, project)
        limited(request, limit)
        number = await asyncio.to_thread(request_file.by_token, project, token)
        if not session.holds(project, number, request.cookies.get(session.NAME)):
            raise PermissionDeniedException
        sent = read_form(request.headers.get("content-type", ""), await request.body())
        files, word = [each.data for each in sent.files], sent.fields.get("once", "")
        told = await asyncio.to_thread(
            sent_once, project, f"document {number}", word, lambda: _take(number, files)
        )
        return Redirect(f"/follow/{token}{carried(request, f'told={told}')}", status_code=303)

    def _take(number: str, files: list[bytes]) -> str:
        if not files:
            return "document.wrong"
        try:
            for each in files:
                show_document.take(project, number, each)
        except (NotAllowedError, ConflictError):
            return "document.wrong"
        return "document.done"

    return [document]
