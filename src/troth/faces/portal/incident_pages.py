"""Where somebody says that their account was hacked, or that data got out: a report for triage.

Nothing is asked but what happened; how to reach them is theirs to say.

Law: GDPR Art. 33(1), Art. 12(2).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, same_site
from troth.faces.web import Look, carried
from troth.work import incident
from troth.work.project import Project

WHAT_MAX, CONTACT_MAX = 10_000, 254
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


def incident_pages(project: Project, look: Look, limit: Limit) -> list[Any]:
    """Return the routes by which visitors report an incident."""

    def form(request: Asked, wrong: str, given: Mapping[str, str]) -> Response[str]:
        words = look.words_for(request)
        title = words("report.title")
        return look.page(
            request, "report.html", words("form.error", title=title) if wrong else title,
            422 if wrong else 200, path="/report", wrong=wrong, given=given,
            once=given.get("once") or secrets.token_hex(16),
        )  # fmt: skip

    @get("/report", sync_to_thread=False)
    def asked(request: Asked) -> Response[str]:
        """GET /report: the form."""
        return form(request, "", {})

    @post("/report", status_code=200, page="/report")
    async def told(request: Asked, data: Form) -> Response[str]:
        """POST /report: open an incident for triage; the same form twice opens one."""
        same_site(request, project)
        limited(request, limit)
        words = look.words_for(request)
        given = {name: str(data.get(name, "")).strip() for name in ("what", "contact", "once")}
        if not given["what"] or len(given["what"]) > WHAT_MAX or len(given["contact"]) > CONTACT_MAX:
            return form(request, words("report.wrong"), given)
        await asyncio.to_thread(
            incident.report, project, given["what"], "visitor", channel="portal", contact=given["contact"],
            once=given["once"][:64],
        )  # fmt: skip
        return look.page(
            request, "said.html", words("report.thanks"), 200, heading=words("report.thanks"),
            lines=[words("report.thanks.text")], back=f"/{carried(request)}", path="/",
        )  # fmt: skip

    return [asked, told]
