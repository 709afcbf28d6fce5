"""The web server's shell: headers, errors, static files and limits, for every page.

A browser is told to load nothing from elsewhere and to run no inline code; an error is
said in its own words, in the visitor's language, without a trace of what was sent.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import SplitResult, quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import MediaType, Request, Response, get
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from troth import errors
from troth.faces.brand import PLAIN, Drawn
from troth.faces.words import NAMES, Words, preferred
from troth.policy.shape import Text

if TYPE_CHECKING:
    from pathlib import Path

LOG = logging.getLogger("troth.web")

CONSOLE = "/console"
"""Below which address the console stands."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer: with it a browser says "Origin: null" of our own forms, which are then refused.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STATUS: Mapping[type[errors.TrothError], int] = {
    errors.NotFoundError: 404,
    errors.KeyDestroyedError: 404,
    errors.NotAllowedError: 422,
    errors.ConflictError: 409,
    errors.UnreachableError: 503,
}


@lru_cache(maxsize=16)
def mark(body: bytes) -> str:
    """Return what tells an asset from its next version, for its address; empty where there is no asset."""
    return hashlib.sha256(body).hexdigest()[:12] if body else ""


@dataclass(frozen=True, slots=True)
class Look:
    """What every page is drawn with: the words, the templates, the organisation's name."""

    organisation: Text
    words: Mapping[str, Words]
    templates: Environment
    loaded: Mapping[str, tuple[bytes, str]]  # what pages load: by name, its body and media type
    coming: Callable[[Words], Mapping[str, Any] | None] = lambda _: None  # a version that is announced

    @property
    def hashes(self) -> Mapping[str, str]:
        """Return what stands in the address of each thing that pages load, so that the next version is another one."""
        return {name: mark(body) for name, (body, _) in self.loaded.items()}

    def page(
        self,
        visit: Request[Any, Any, Any],
        template: str,
        title: str,
        status: int = 200,
        *,
        spoken: str | None = None,
        **values: object,
    ) -> Response[str]:
        """Draw a page in the visitor's language, or one that is spoken here; it is never stored on the way."""
        words = self.words_for(visit) if spoken is None else self.words[spoken]
        drawn = self.templates.get_template(template).render(
            t=words,
            title=title,
            language=words.language,
            languages=tuple(NAMES.items()),
            organisation=self.organisation.said(words.language),
            q=carried(visit),
            hashes=self.hashes,
            **{
                "path": visit.url.path,
                "coming": self.coming(words),
                "root": "",
                "assets": "/static",
                **values,
            },
        )
        headers = {
            **HEADERS, "Cache-Control": "no-store", "Content-Language": words.language, "Vary": "Accept-Language",
        }  # fmt: skip
        return Response(drawn, media_type=MediaType.HTML, status_code=status, headers=headers)

    def words_for(self, request: Request[Any, Any, Any]) -> Words:
        """Choose the visitor's language: asked for in the address, or preferred by the browser."""
        asked = request.query_params.get("lang")
        return self.words[preferred(request.headers.get("accept-language", ""), asked)]

    def said(self, request: Request[Any, Any, Any], status: int) -> Response[str]:
        """Draw the page of an error."""
        words = self.words_for(request)
        name = said_of(request, words, status)
        heading, lines = words(f"{name}.title"), [words(f"{name}.text", size=megabytes(request))]
        back = f"{_form_page(request) if status == 413 else '/'}{carried(request)}"
        return self.page(request, "said.html", heading, status, heading=heading, lines=lines, back=back)


def look(
    organisation: Text,
    words: Mapping[str, Words],
    own: Path | None = None,
    coming: Callable[[Words], Mapping[str, Any] | None] = lambda _: None,
    brand: Drawn = PLAIN,
    face: str = "portal",
) -> Look:
    """Gather what the pages of a face are drawn with; templates of the project's own come first."""
    ours = str(files(f"troth.faces.{face}").joinpath("templates"))
    folders = [str(own), ours] if own is not None and own.is_dir() else [ours]
    folder = files(f"troth.faces.{face}").joinpath("static")
    loaded = {
        f"{face}.css": (folder.joinpath(f"{face}.css").read_bytes(), "text/css"),
        f"{face}.js": (folder.joinpath(f"{face}.js").read_bytes(), "text/javascript"),
        "notice.css": (files("troth.policy").joinpath("templates", "notice.css").read_bytes(), "text/css"),
        "look.css": (brand.style, "text/css"),
        "logo": (brand.logo, brand.logo_type),
    }
    return Look(organisation, words, _templates(*folders), loaded, coming)


@lru_cache(maxsize=8)
def _templates(*folders: str) -> Environment:
    """Read templates from these folders, the first that has one; each is compiled once, and again when it changes."""
    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def parts_of(address: str) -> SplitResult:
    """Return the parts of an address that a visitor's program sent; all are empty where it is none.

    >>> parts_of("http://[x/y").netloc, parts_of("https://troth.example/y").netloc
    ('', 'troth.example')
    """
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def carried(visit: Request[Any, Any, Any], more: str = "") -> str:
    """Return the query that keeps the language somebody asked for, with `more` before it."""
    asked = visit.query_params.get("lang")
    parts = [part for part in (more, f"lang={asked}" if asked in NAMES else "") if part]
    return f"?{'&'.join(parts)}" if parts else ""


def served(below: str, shown: Look) -> Any:
    """Return the route of what the pages of a face load below an address, by name; what is empty is not there.

    An address with the hash of what it holds never holds anything else, and is kept for a year.
    """

    @get(f"{below}/{{name:str}}", sync_to_thread=False)
    def one(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        body, kind = shown.loaded.get(name, (b"", ""))
        if not body:
            raise NotFoundException
        kept = "max-age=31536000, immutable" if request.url.query == mark(body) else "max-age=86400"
        return Response(body, media_type=kind, headers={"Cache-Control": f"public, {kept}"})

    return one


def megabytes(request: Request[Any, Any, Any]) -> int:
    """Return how many megabytes a route takes at once; 0 where it takes less than one, or nothing is there."""
    route = request.scope.get("route_handler")
    most = route.resolve_request_max_body_size() if isinstance(route, HTTPRouteHandler) else None
    return (most or 0) // 2**20


def said_of(request: Request[Any, Any, Any], words: Words, status: int) -> str:
    """Return the key of what is said of a status here: of too much, whether words or files are taken."""
    return "error.413.file" if status == 413 and megabytes(request) else error_key(words, status)


def _form_page(request: Request[Any, Any, Any]) -> str:
    """Return the page whose form a route takes, as the route says itself (`page=`); the first page else."""
    said = str(request.route_handler.opt.get("page", "/"))
    return said.format_map({name: quote(str(one), safe="") for name, one in request.path_params.items()})


def error_key(words: Words, status: int) -> str:
    """Return the key of what is said of a status: one of its own, or that of the kind it is of.

    >>> words = Words("en", {"error.404.title": "There is nothing here"})
    >>> error_key(words, 404), error_key(words, 418), error_key(words, 502)
    ('error.404', 'error.400', 'error.500')
    """
    if words.has(f"error.{status}.title"):
        return f"error.{status}"
    return "error.400" if 400 <= status < 500 else "error.500"


class Saying(Protocol):
    """A face that says in a page of its own what went wrong."""

    def said(self, request: Request[Any, Any, Any], status: int) -> Response[str]:
        """Draw the page of an error."""


def with_headers(response: Any) -> Any:
    """Give an answer the headers that it lacks."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def explain(shown: Saying) -> Mapping[Any, Callable[[Request[Any, Any, Any], Any], Response[str]]]:
    """Answer errors with pages; only the kind of an unforeseen one is logged, never its text."""

    def ours(request: Request[Any, Any, Any], error: errors.TrothError) -> Response[str]:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
        if status >= 500:
            LOG.error("%s at %s", type(error).__name__, request.scope.get("path_template", "?"))
        return shown.said(request, status)

    def http(request: Request[Any, Any, Any], error: HTTPException) -> Response[str]:
        if error.status_code >= 500:
            LOG.error("%s at %s", type(error).__name__, request.scope.get("path_template", "?"))
        answer = shown.said(request, 404 if isinstance(error, NotFoundException) else error.status_code)
        answer.headers.update(error.headers or {})  # Allow, Retry-After
        return answer

    def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "?" if place is None else f"{place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}"
        LOG.error("%s in %s", type(error).__name__, where)
        return shown.said(request, 500)

    return {errors.TrothError: ours, HTTPException: http, Exception: unforeseen}
