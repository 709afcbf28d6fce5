"""Where recipients say, by signed messages, how far they are with what we told them.

Nothing tells a caller whether a request is known: what is not proven is refused before it is read.

Source: OpenDSR specification 1.0, sections 8.6 to 8.8.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, post

from troth.errors import NotAllowedError, NotFoundError, TamperedError
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited
from troth.work import tell_by_api
from troth.work.project import Project


def recipient_pages(project: Project, limit: Limit) -> list[Any]:
    """Return the routes of recipients over one project."""

    @post(tell_by_api.CALLBACK, status_code=202)
    async def callbacks(request: Asked) -> Response[Any]:
        """POST /opendsr/callbacks: take what a recipient says; 202, or 403 where it is not proven."""
        limited(request, limit)
        body = await request.body()
        try:
            await asyncio.to_thread(tell_by_api.heard, project, dict(request.headers), body)
        except TamperedError as error:
            return _refused(403, str(error))
        except NotFoundError as error:
            return _refused(404, str(error))
        except NotAllowedError as error:
            return _refused(400, str(error))
        return Response({}, status_code=202)

    return [callbacks]


def _refused(status: int, sentence: str) -> Response[Any]:
    return Response({"error": {"code": status, "message": sentence}}, status_code=status)
