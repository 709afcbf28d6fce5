"""The addresses that stand in messages: to stop them by one click, and to measure only whom one may.

Programs that fetch every link in a mail change nothing: a page is shown on GET, and POST does.  What cannot
be read as a token of ours is not found, whatever is wrong with it.  Nobody's way is written down here; where
measuring is refused, the picture is blank and the link leads straight to where it was sealed to lead.

Law: GDPR Art. 7(3), Art. 21(3); Directive 2002/58/EC Art. 5(3); CNIL, délibération 2026-042.
Source: RFC 8058.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from troth.errors import TrothError
from troth.faces.head import is_head
from troth.faces.portal.pages import Asked
from troth.faces.web import HEADERS, Look, carried
from troth.work import message_link, stop_messages
from troth.work.may import may
from troth.work.project import Project

LOG = logging.getLogger("troth.portal")
BLANK = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A picture of one clear point."""
UNWRITTEN = {
    **HEADERS, "Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "cross-origin",
}  # fmt: skip


def message_pages(project: Project, look: Look) -> list[Any]:
    """Return the routes; nobody is counted: mail programs stop messages of many people from one address."""

    @get("/unsubscribe/{token:str}")
    async def show(request: Asked, token: FromPath[str]) -> Response[str]:
        """GET /unsubscribe/TOKEN: what one click would stop; nothing is stopped by looking."""
        found = await asyncio.to_thread(message_link.stop_of, project, message_link.token_of(token))
        words = look.words_for(request)
        purpose = project.policy.purposes.get(found.purpose)
        if purpose is None or purpose.marketing:
            lead = words("stop.marketing")
        else:
            lead = words("stop.purpose", does=purpose.does.said(words.language))
        title = words("stop.title", organisation=look.organisation.said(words.language))
        return look.page(
            request, "unsubscribe.html", title, path=f"/unsubscribe/{token}", heading=title, lead=lead, link=token,
            button=words("stop.go"),
        )  # fmt: skip

    @post("/unsubscribe/{token:str}", sync_to_thread=True, status_code=200)
    def stop(request: Asked, token: FromPath[str]) -> Response[str]:
        """POST /unsubscribe/TOKEN: stop, by one click of a person or of their mail program (RFC 8058)."""
        known = message_link.token_of(token)
        stop_messages.stop_by_link(project, known, message_link.stop_of(project, known))
        words = look.words_for(request)
        return look.page(
            request, "said.html", words("stop.done.title"), path=f"/unsubscribe/{token}",
            heading=words("stop.done.title"), lines=[words("stop.done.text")], back=f"/{carried(request)}",
        )  # fmt: skip

    @get("/m/{token:str}")
    async def follow(request: Asked, token: FromPath[str]) -> Response[bytes]:
        """GET /m/TOKEN (/m/TOKEN.gif): lead on, by way of the measuring only with consent of this very moment."""
        known = message_link.token_of(token.removesuffix(".gif"))
        found = await asyncio.to_thread(message_link.followed_of, project, known)
        measured = not is_head(request) and await asyncio.to_thread(_agreed, project, found)
        to = found.measured if measured else found.target
        if not to:
            return Response(BLANK, media_type="image/gif", headers=UNWRITTEN)
        return Response(b"", status_code=302, media_type="text/plain", headers={**UNWRITTEN, "Location": to})

    return [show, stop, follow]


def _agreed(project: Project, found: message_link.Followed) -> bool:
    """Say whether somebody consents to being measured now; in doubt not."""
    try:
        return may(project, [("email", found.email)], found.purpose).allowed
    except TrothError as error:
        LOG.error("%s at /m", type(error).__name__)
        return False
