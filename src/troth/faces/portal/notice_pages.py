"""The privacy notice as people read it here: within the portal, and alone where a site shows it at its own address.

Law: GDPR Arts. 12(1), 13, 14.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, TypeAlias

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from markupsafe import Markup

from troth.faces.portal.pages import Asked
from troth.faces.web import HEADERS, Look
from troth.policy.policy import Policy
from troth.work.project import Project


def notice_pages(project: Project, look: Look) -> list[Any]:
    """Return the routes of the notice over one project."""
    shown = Shown(look)

    @get("/notice", sync_to_thread=True)
    def notice(request: Asked) -> Response[str]:
        """GET /notice: the privacy notice, in the visitor's language."""
        return noticed(request, look.words_for(request).language)

    @get("/notice/{language:str}", sync_to_thread=True)
    def notice_in(request: Asked, language: FromPath[str]) -> Response[str]:
        """GET /notice/LANGUAGE: the privacy notice in one language."""
        if language not in project.policy.documents:
            raise NotFoundException
        return noticed(request, language)

    def noticed(request: Asked, language: str) -> Response[str]:
        policy = project.policy
        known = language if language in policy.documents else policy.language
        site, host = project.settings.site, request.headers.get("host", "").partition(":")[0]
        if known not in look.words or (site is not None and host.lower() == site.host.lower()):
            return shown.alone(policy, known)
        return shown.framed(request, policy, known, path="/notice")

    return [notice, notice_in]


_From: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


def _drawn_from(policy: Policy, language: str) -> _From:
    """Tell what a notice is drawn from: the language and the files, also where two texts name one version."""
    return language, tuple(policy.files.items())


class Shown:
    """Draws notices; each text in each language is written once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._alone: dict[_From, Response[str]] = {}
        self._texts: dict[_From, tuple[Markup, str]] = {}

    def framed(
        self, request: Asked, policy: Policy, language: str, *, path: str, held: str = ""
    ) -> Response[str]:
        """Draw the notice within the portal's own frame."""
        from troth.policy.notice_page import fragment
        from troth.policy.notice_text import sha256

        known = _drawn_from(policy, language)
        if known not in self._texts:
            drawn = Markup(fragment(policy, language))  # noqa: S704  (everything in it is escaped)
            self._texts[known] = drawn, sha256(policy, language)
        text, digest = self._texts[known]
        return self._look.page(
            request, "notice.html", policy.documents[language].title, spoken=language, path=path,
            text=text, version=policy.version, sha256=digest, held=held,
        )  # fmt: skip

    def alone(self, policy: Policy, language: str) -> Response[str]:
        """Draw the notice as a page of its own, for a site's own address or a language the portal does not speak."""
        known = _drawn_from(policy, language)
        if known not in self._alone:
            self._alone[known] = notice_page(policy, language)
        return self._alone[known]


def notice_page(policy: Policy, language: str) -> Response[str]:
    """Return the notice of a policy in one of its languages, as a page of its own."""
    from troth.policy.notice import render

    drawn = render(policy, language, "html")
    headers = {
        **HEADERS, "Content-Security-Policy": _policy_for(drawn), "Content-Language": language,
        "Vary": "Accept-Language",
    }  # fmt: skip
    return Response(drawn, media_type="text/html", headers=headers)


def _policy_for(drawn: str) -> str:
    """Allow the notice's own style sheet by its hash, and nothing else inline."""
    hashes = [
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in re.findall(r"<style>(.*?)</style>", drawn, re.DOTALL)
    ]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
