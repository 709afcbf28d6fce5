"""What every page of the console stands on: who is signed in, what they may do, and how a page is drawn.

A page is a function of a `Visit`, registered with the duty that it needs; nothing of it runs, and
no body is read, before somebody who has that duty is found to be signed in:

    @desk.page("/requests/{number:str}", "read_requests")
    def one(visit: Visit) -> Response: …

    @desk.act("/requests/{number:str}/decide", "decide")
    def decide(visit: Visit) -> Response: …

Both work on a thread of their own.  What work refuses (NotAllowedError, ConflictError …) becomes a page
that says so in the words of the error, in the language of the page (`troth.rules.french`): the page the form stood on,
with what was typed (`troth.faces.console.typed`), where there is one.

Each form is done once: its page draws a word into it, and whoever sends it twice is led to where it led the first time
(`troth.ledger.forms`).  A form of a thing to which somebody else did something since is refused, and both are shown
(`troth.faces.console.meanwhile`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import Cookie, UploadFile
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.response import Redirect

from troth import errors
from troth.errors import TrothError
from troth.faces.console import carried, meanwhile, typed
from troth.faces.console.heard import Heard
from troth.faces.console.saved import Cut, csv_file
from troth.faces.console.table import Tables
from troth.faces.in_turn import in_turn
from troth.faces.portal.pages import same_site
from troth.faces.web import CONSOLE, HEADERS, STATUS, Look, megabytes, parts_of, said_of
from troth.faces.words import NAMES, Words, preferred
from troth.ledger import accounts, forms, read
from troth.policy.called import Called
from troth.rules import purpose_scope
from troth.rules.event import Event
from troth.rules.staff import Duty, Staff
from troth.work import admit, sign_in
from troth.work.project import Project

LOG = logging.getLogger("troth.console")
SESSION = "troth_console"
LANGUAGE = "troth_language"
ROOT = CONSOLE
BODY_BYTES_MAX = 1024 * 1024
FILES_BYTES_MAX = 64 * 1024 * 1024
ROWS_PER_PAGE = 50
FILE_ROWS_MAX = 100_000
"""More rows than a page's own file holds: what may be longer has an address that streams it."""
ADDRESS_MAX = 1_000
"""A longer address is not gone back to after signing in: it stands in a cookie, and those hold 4 KB."""

_FORM = re.compile(r'<form\b(?=[^>]*\smethod="post")[^>]*>')
"""Where a form begins that does something."""

Asked = Request[Any, Any, Any]
Page: TypeAlias = "Callable[[Visit], Response[Any]]"

CONSOLE_HEADERS: Mapping[str, str] = {
    **HEADERS,
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; connect-src 'self'",
    "Cache-Control": "no-store",
}

PAGES: tuple[tuple[str, str, Duty], ...] = (
    ("requests", "/requests", "read_requests"),
    ("people", "/people", "find_people"),
    ("incidents", "/incidents", "read_incidents"),
    ("consents", "/consents", "read_consents"),
    ("recipients", "/recipients", "read_recipients"),
    ("sweeps", "/sweeps", "read_sweeps"),
    ("cookies", "/cookies", "read_cookies"),
    ("stores", "/stores", "read_stores"),
    ("registers", "/registers", "read_registers"),
    ("policy", "/policy", "read_policy"),
    ("audit", "/audit", "read_audit"),
    ("ledger", "/ledger", "verify_ledger"),
    ("settings", "/settings", "settings"),
)
"""The parts of the console as the navigation shows them: name, address below `/console`, duty needed to read."""
KEYS: Mapping[str, str] = {
    "today": "t", "requests": "r", "people": "p", "incidents": "i", "consents": "c", "recipients": "n", "sweeps": "w",
    "cookies": "k", "stores": "s", "registers": "g", "policy": "o", "audit": "a", "ledger": "l", "settings": "e",
}  # fmt: skip
"""The letter that leads to each part after `g`, the same in every language."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of somebody who is signed in: what they asked, and what they may do."""

    desk: Desk = field(repr=False)
    request: Asked = field(repr=False)
    staff: Staff
    words: Words = field(repr=False)
    form: Mapping[str, Sequence[Any]] = field(default_factory=dict, repr=False)

    @property
    def project(self) -> Project:
        """The project."""
        return self.desk.project

    @property
    def path(self) -> Mapping[str, Any]:
        """What the address names: `visit.path["number"]`; raises NotFoundError for NUL, which names nothing."""
        found: Mapping[str, Any] = self.request.path_params
        if any("\0" in one for one in found.values() if isinstance(one, str)):
            raise errors.NotFoundError("There is nothing of this name.")
        return found

    def asked(self, name: str, default: str = "") -> str:
        """Return one value of the query."""
        return clean(str(self.request.query_params.get(name, default)))[:1000]

    def given(self, name: str) -> str:
        """Return one field of the form, without the spaces around it."""
        found = next((one for one in self.form.get(name, ()) if isinstance(one, str)), "")
        return found.replace("\r\n", "\n").strip()

    def every(self, name: str) -> list[str]:
        """Return every value of one field of the form, such as of boxes that are ticked."""
        return [one for one in self.form.get(name, ()) if isinstance(one, str)]

    def file(self, name: str) -> tuple[str, bytes] | None:
        """Return the name and the bytes of a file that came with the form, or None."""
        return next((one for one in self.form.get(name, ()) if isinstance(one, tuple) and one[1]), None)

    @property
    def once(self) -> str | None:
        """Name this very form by the word its page drew and what was typed: sent twice it is the same, mended not."""
        drawn = self.given("once")
        if not drawn:
            return None
        told = json.dumps([self.request.url.path, *([name, self._sent(name)] for name in sorted(self.form))])
        return f"form {self.staff.handle} {hashlib.sha256(told.encode()).hexdigest()}"

    def _sent(self, name: str) -> list[str]:
        """Return every value of a field, of a file its name and what it hashes to."""
        return [
            one if isinstance(one, str) else f"{one[0]} {hashlib.sha256(one[1]).hexdigest()}"
            for one in self.form.get(name, ())
        ]

    def may(self, duty: Duty, entity: str | None = None) -> bool:
        """Say whether whoever is signed in has a duty, for an entity or for any."""
        return self.staff.may(duty, entity)

    def must(self, duty: Duty, entity: str | None = None) -> None:
        """Refuse whoever has not a duty for an entity."""
        if not self.staff.may(duty, entity):
            raise PermissionDeniedException

    @property
    def sees_figures(self) -> bool:
        """Say whether whoever is signed in sees the figure of a verdict, which is about all companies together."""
        return self.may("read_audit", "") or len(purpose_scope.entities(self.project.policy)) <= 1

    def none(self, key: str, duty: Duty | None = None) -> str:
        """Say that a list is empty: that there is nothing, or nothing of theirs, where only some is theirs to see.

        Without a duty whoever sees the list sees all of it.  What the command line does about it is said to whoever
        administers the whole group.
        """
        words, of_all = self.words, len(purpose_scope.entities(self.project.policy)) <= 1
        if duty is not None and not of_all and self.staff.entities(duty) is not None:
            return words(f"{key}.yours" if words.has(f"{key}.yours") else "none.yours")
        if words.has(f"{key}.advice") and self.may("settings", ""):
            return f"{words(key)} {words(f'{key}.advice')}"
        return words(key)

    @property
    def called(self) -> Called:
        """What people call what the policy names by a key, in the language of the page."""
        return Called(self.project.policy, self.words.language)

    def holds_said(self, name: str) -> str:
        """Say what a column holds: a category of the policy, or a word of the map; another name stays."""
        key = f"stores.holds.{name}"
        return self.words(key) if self.words.has(key) else self.called.category(name)

    def screen(self, name: str) -> str:
        """Say on which screen somebody looked at what is locked, with the store if it was one; another name stays."""
        first, _, rest = name.removeprefix("console/").partition("/")
        key = next((one for one in (f"ledger.screen.{first}", f"act.{first}") if self.words.has(one)), "")
        if not key:
            return name
        return f"{self.words(key)} · {rest}" if rest and first in _OF_A_STORE else self.words(key)

    def companies(self, duty: Duty) -> list[tuple[str, str]]:
        """Return the companies for which whoever is signed in has a duty: key and name, as the policy orders them."""
        group = self.project.policy.group
        named = [(str(one.key), str(one.name)) for one in group.entities] if group else []
        return [one for one in named if self.may(duty, one[0])]

    def companies_or_all(self, duty: Duty) -> list[tuple[str, str]]:
        """Return the same, all together first for whoever has the duty for the whole group."""
        theirs = self.companies(duty)
        return [("", self.words("registers.every")), *theirs] if self.may(duty, "") else theirs

    def page_of(self, rows: int) -> tuple[int, int]:
        """Return which page of so many rows is asked for, and how many there are; both count from 1."""
        pages = max(1, -(-rows // ROWS_PER_PAGE))
        asked = self.asked("page", "1")
        return max(1, min(int(asked) if asked.isdecimal() and len(asked) < 8 else 1, pages)), pages

    def most(self, rows: int) -> int:
        """Return how many rows of a list are read: so many for the page, far more for a file of one of its tables."""
        return self.desk.file_rows_max if self.asked("csv") else rows

    def cut(self, rows: int) -> Cut:
        """Return what the file of a list says that goes on beyond so many rows."""
        return Cut(rows, self.words("file.cut", rows=rows))

    def before(self) -> int | None:
        """Return before which number of a list is asked for; None from its newest."""
        asked = self.asked("before")
        return int(asked) if asked.isdecimal() and len(asked) < 18 else None

    def day(self, written: object) -> str:
        """Write a day or moment (ISO 8601) of a state as people do; a dash where there is none."""
        return self.words.day(date.fromisoformat(str(written)[:10])) if written else "–"

    def show(
        self, template: str, title: str, status: int = 200, *, cut: Mapping[str, Cut] = MappingProxyType({}),
        **values: object,
    ) -> Response[str]:  # fmt: skip
        """Draw a page of the console."""
        return self.desk.draw(
            self.request,
            self.words,
            template,
            title,
            status,
            staff=self.staff,
            cut=cut,
            visit=self,
            called=self.called,
            holds_said=self.holds_said,
            **values,
        )

    def to(self, path: str, told: str = "", **query: str) -> Redirect:
        """Go to another page of the console; `told` is the key of a sentence to say there."""
        named = {**query, **({"told": told} if told else {})}
        return Redirect(f"{ROOT}{path}{'?' + urlencode(named) if named else ''}", status_code=303)


_OF_A_STORE = frozenset({"find", "rows", "task"})
"""Screens that show one store, or a table of one."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The console of one project: its look, and the routes registered so far."""

    project: Project
    look: Look
    file_rows_max: int = FILE_ROWS_MAX
    heard: Heard = field(default_factory=Heard, repr=False)
    routes: list[Any] = field(default_factory=list, repr=False)
    pages: dict[str, tuple[Duty | None, Page]] = field(default_factory=dict, repr=False)
    """What is drawn at each address below `/console`, as its route is written."""
    needed: dict[tuple[str, str], Duty | None] = field(default_factory=dict, repr=False)
    """Which duty each page and form needs, by its method and its address: what the tests of every role go by."""

    def page(self, path: str, duty: Duty | None) -> Callable[[Page], Page]:
        """Register a page below `/console`, for whoever has the duty; without one, for whoever is signed in."""

        def registered(shown: Page) -> Page:
            async def answer(request: Asked) -> Response[Any]:
                return await asyncio.to_thread(self._answer, request, duty, shown, {})

            answer.__doc__ = shown.__doc__
            self.needed["GET", f"{ROOT}{path}"] = duty
            self.pages[f"{ROOT}{path}"] = (duty, shown)
            self.routes.append(
                get(f"{ROOT}{path}", name=f"console {shown.__module__}.{shown.__name__}")(answer)
            )
            return shown

        return registered

    def act(self, path: str, duty: Duty | None, *, files: bool = False) -> Callable[[Page], Page]:
        """Register what a form does, for whoever has the duty; with `files`, the form may carry some."""

        def registered(done: Page) -> Page:
            async def answer(request: Asked) -> Response[Any]:
                same_site(request, self.project)
                if await asyncio.to_thread(self._admitted, request, duty) is None:
                    small = carried.is_small(request.headers.get("content-length", ""))
                    lost = await read_form(request) if small else None
                    return await asyncio.to_thread(self._to_sign_in, request, lost)
                form = await read_form(request)  # which may take long: who may is asked again after it
                return await asyncio.to_thread(self._answer, request, duty, done, form)

            answer.__doc__ = done.__doc__
            self.needed["POST", f"{ROOT}{path}"] = duty
            self.routes.append(
                post(
                    f"{ROOT}{path}",
                    name=f"console {done.__module__}.{done.__name__}",
                    status_code=200,
                    request_max_body_size=FILES_BYTES_MAX if files else BODY_BYTES_MAX,
                )(answer)
            )
            return done

        return registered

    def signed_in(self, request: Asked) -> Staff | None:
        """Return who is signed in as they may act today, or None."""
        token = request.cookies.get(SESSION)
        handle = sign_in.who(self.project, token) if token else None
        return None if handle is None else admit.acting(self.project, handle)

    def _admitted(self, request: Asked, duty: Duty | None) -> Staff | None:
        """Return who is signed in, or None; refuse whoever has not the duty."""
        who = self.signed_in(request)
        if who is not None and duty is not None and not who.may(duty):
            raise PermissionDeniedException
        return who

    def _answer(
        self, request: Asked, duty: Duty | None, shown: Page, form: Mapping[str, Sequence[Any]]
    ) -> Response[Any]:
        who = self._admitted(request, duty)
        if who is None:
            return self._to_sign_in(request, form)
        visit = Visit(self, request, who, self.words_for(request), form)
        try:
            return self._done_once(visit, shown) if form else shown(visit)
        except (errors.NotAllowedError, errors.ConflictError) as error:
            again = self._as_typed(visit, error) if form else None
            return again or self.refused(request, visit.words, error, who)
        except TrothError as error:
            return self.refused(request, visit.words, error, who)

    def _done_once(self, visit: Visit, done: Page) -> Response[Any]:
        """Do what a form asks; one that was sent before leads to where it led, as long as it led to a page."""
        key, ledger = visit.once, self.project.ledger
        if key is None:
            return self._done_now(visit, done)
        with in_turn(self.project, key):
            led_to = forms.sent(ledger, key)
            if led_to:
                return Redirect(led_to, status_code=303)
            if led_to is not None:
                forms.forget(ledger, key)
                raise errors.ConflictError(
                    "This form was sent before, and cut short. Look at what it did; send it again if that is not done."
                )
            with forms.doing(ledger, key):
                response = self._done_now(visit, done)
            if isinstance(response, Redirect):
                forms.led(ledger, key, response.url)
            else:
                forms.forget(ledger, key)
            return response

    def _done_now(self, visit: Visit, done: Page) -> Response[Any]:
        """Do what a form asks, unless somebody else did something to the same thing since its page was drawn."""
        stream = meanwhile.stream_of(visit.request.url.path.removeprefix(ROOT))
        stood = visit.given(meanwhile.FIELD)
        if not stream or not stood:
            return done(visit)
        with in_turn(self.project, stream):
            last = meanwhile.moved(self.project.ledger, stream, stood, visit.staff.handle)
            return done(visit) if last is None else self._moved(visit, last)

    def _moved(self, visit: Visit, last: Event) -> Response[Any]:
        """Show what somebody else did meanwhile, on the page as it is now, and what was typed in its form."""
        words = visit.words
        told = words("meanwhile", who=last.actor, what=meanwhile.said(last, words))
        note = ("bad", "alert", escape(told), escape(words("meanwhile.form")))
        page = self.filled(visit, visit.request.url.path, note, 409)
        return page or self.draw(
            visit.request, words, "refused.html", words("refused.409"), 409, staff=visit.staff, text=told,
            back=_referred(visit.request), typed=_words_of(visit.form),
        )  # fmt: skip

    def _as_typed(self, visit: Visit, error: TrothError) -> Response[Any] | None:
        """Draw the page again that a refused form stood on, with what was typed; None where it is not to be had."""
        said, there = escape(visit.words.said(str(error))), escape(visit.words("refused.form"))
        status = 409 if isinstance(error, errors.ConflictError) else 422
        return self.filled(visit, visit.request.url.path, ("bad", "alert", said, there), status)

    def filled(
        self, visit: Visit, action: str, note: tuple[str, str, str, str], status: int
    ) -> Response[Any] | None:
        """Draw the page on which the form of an action stood, with what was typed; None where it is not to be had.

        The note above it is its kind, its role, what it says, and the words of the link to the form.
        """
        request, words = visit.request, visit.words
        came, _, asked = (visit.given(typed.CAME_FROM) or _came_from(request)).partition("?")
        route = self._route(came)
        duty, shown = self.pages.get(route, (None, None))
        named = _names(route, came)
        if shown is None or named is None or (duty is not None and not visit.staff.may(duty)):
            return None
        kept = [one for one in parse_qsl(asked) if one[0] not in {"csv", "format", "told"}]
        if visit.given("claim") and "claim" not in dict(
            kept
        ):  # the letter was looked at: its address names no claim
            kept.append(("claim", visit.given("claim")))
        query = urlencode(kept)
        looked = Request[Any, Any, Any](
            {**request.scope, "method": "GET", "path": came, "raw_path": quote(came).encode(),
             "query_string": query.encode(), "path_params": named, "state": {}}
        )  # fmt: skip
        try:
            page = shown(Visit(self, looked, visit.staff, words))
        except (TrothError, HTTPException):
            return None
        if not isinstance(getattr(page, "content", None), str) or page.status_code != 200:
            return None
        kind, role, said, there = note
        above = f'<div class="note {kind}" role="{role}"><p>{said} <a href="#{typed.ANCHOR}">{there}</a></p></div>'
        drawn = typed.kept(page.content, action, visit.form, above, f"{came}{'?' + query if query else ''}")
        if drawn is None:
            return None
        page.content, page.status_code = drawn, status
        return page

    def _route(self, address: str) -> str:
        """Return the route of the page that has an address; empty where none has."""
        by_gaps = sorted(self.pages, key=lambda one: one.count("{"))
        return next((one for one in by_gaps if _names(one, address) is not None), "")

    def _to_sign_in(self, request: Asked, form: Mapping[str, Sequence[Any]] | None) -> Response[Any]:
        """Lead to the door; where a form was sent (None: one too large to be read), its page carries what was typed."""
        if request.method == "GET":
            query = f"?{request.url.query}" if request.url.query else ""
            return Redirect(f"{ROOT}/sign-in?{urlencode({'to': request.url.path + query})}", status_code=303)
        named = next((one for one in (form or {}).get(typed.CAME_FROM, ()) if isinstance(one, str)), "")
        came = inside(named or _came_from(request))
        came = came if self._route(came.partition("?")[0]) else ROOT
        told = carried.fields(form or {}, request.url.path, came)
        if told:
            return self.door(request, self.words_for(request), 403, to=came, carried=told)
        lost = {"told": "told.bad.too_much"} if form is None else {}
        return Redirect(f"{ROOT}/sign-in?{urlencode({'to': came, **lost})}", status_code=303)

    def door(
        self, request: Asked, words: Words, status: int = 200, *, to: str, wrong: str = "", handle: str = "",
        left: bool = False, carried: Sequence[tuple[str, str]] = (),
    ) -> Response[str]:  # fmt: skip
        """Draw the form to sign in, which leads to an address; it carries the hidden fields of a form that was lost."""
        told = self.project.settings.sign_in
        return self.draw(
            request, words, "sign_in.html", words("door.title"), status, wrong=wrong, handle=handle, to=to, left=left,
            outside=told.name if told else "", empty=not accounts.exist(self.project.ledger), carried=carried,
        )  # fmt: skip

    def refused(
        self, request: Asked, words: Words, error: TrothError, staff: Staff | None = None
    ) -> Response[str]:
        """Draw what was refused, in the words of the error, with a way back."""
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
        if status >= 500:
            LOG.error("%s at %s", type(error).__name__, request.scope.get("path_template", "?"))
        name = f"refused.{status}" if words.has(f"refused.{status}") else "refused.500"
        known = status in {404, 409, 422, 503}
        text = words.said(str(error)) if known else words("refused.500.text")
        if isinstance(error, errors.KeyDestroyedError):
            text = words("refused.erased")
        return self.draw(
            request,
            words,
            "refused.html",
            words(name),
            status,
            staff=staff,
            text=text,
            back=_referred(request),
        )

    def said(self, request: Asked, status: int) -> Response[str]:
        """Draw the page of an error."""
        words = self.words_for(request)
        name = said_of(request, words, status)
        title, text = words(f"{name}.title"), words(f"{name}.text", size=megabytes(request))
        return self.draw(request, words, "refused.html", title, status, text=text, back=_referred(request))

    def words_for(self, request: Asked) -> Words:
        """Choose the language: asked for in the address, chosen before, or preferred by the browser."""
        asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE)
        return self.look.words[preferred(request.headers.get("accept-language", ""), asked)]

    def draw(
        self, request: Asked, words: Words, template: str, title: str, status: int = 200, *,
        staff: Staff | None = None, cut: Mapping[str, Cut] = MappingProxyType({}), **values: object,
    ) -> Response[Any]:  # fmt: skip
        """Draw a page in a language, or give away the table of it that is asked for as a file.

        Without `staff` it is a page for whoever is not signed in; `cut` names the tables that go on beyond their file.
        """
        told = str(request.query_params.get("told", ""))
        sheets = _sheets(request)
        drawn = self.look.templates.get_template(template).render(
            t=words,
            title=title,
            language=words.language,
            languages=tuple(NAMES.items()),
            organisation=self.look.organisation.said(words.language),
            hashes=self.look.hashes,
            path=request.url.path,
            in_language=_in_language(request, staff),
            keys=KEYS,
            parts=[one for one in PAGES if staff is not None and staff.may(one[2])],
            staff=staff,
            root=ROOT,
            told=words(told) if told.startswith("told.") and words.has(told) else "",
            told_bad=told.startswith("told.bad."),
            sheets=sheets,
            **values,
        )
        rows = sheets.rows()
        if rows:
            return csv_file(sheets.named(sheets.asked), rows[0], rows[1:], cut.get(sheets.asked))
        if sheets.asked and status == 200:
            raise errors.NotFoundError("This page has no table of this name.")
        if staff is not None:
            drawn = self._marked(request, drawn)
        headers = {**CONSOLE_HEADERS, "Content-Language": words.language, "Vary": "Accept-Language, Cookie"}
        response = Response(drawn, media_type=MediaType.HTML, status_code=status, headers=headers)
        asked = request.query_params.get("lang")
        if asked in NAMES:
            response.set_cookie(
                Cookie(
                    LANGUAGE, path=ROOT, value=asked, max_age=180 * 24 * 3600, samesite="lax", httponly=True
                )
            )
        return response

    def _marked(self, request: Asked, drawn: str) -> str:
        """Draw into each form that does something its own word, and how what it is about stands."""
        marks = f'<input type="hidden" name="once" value="{secrets.token_urlsafe(18)}">'
        stream = meanwhile.stream_of(request.url.path.removeprefix(ROOT))
        stood = read.version(self.project.ledger, stream) if stream else 0
        if stood:
            marks += f'<input type="hidden" name="{meanwhile.FIELD}" value="{stood}">'
        return _FORM.sub(lambda found: found[0] + marks, drawn)

    def session_cookie(self, token: str) -> Cookie:
        """Return the cookie of a session; it ends with the browser."""
        secure = self.project.settings.is_encrypted
        return Cookie(SESSION, path=ROOT, value=token, httponly=True, samesite="lax", secure=secure)

    def left(self) -> Redirect:
        """Go to the door, without a session."""
        gone = Redirect(f"{ROOT}/sign-in?told=told.out", status_code=303)
        gone.delete_cookie(SESSION, path=ROOT)
        return gone


def _in_language(request: Asked, staff: Staff | None) -> str:
    """Return the address of this page up to the language: with its query, and for what a form did its page.

    At the door nothing is kept but where somebody was going: what a provider sent is for nobody to see again.
    """
    if request.method != "GET":
        return f"{_referred(request)}?lang="
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if (name not in {"lang", "told"} if staff is not None else name == "to")
    ]
    return f"{request.url.path}?{urlencode([*kept, ('lang', '')])}"


def _sheets(request: Asked) -> Tables:
    """Return the tables of a page before it is drawn: each is given away below the page's own address."""
    page = (
        request.url.path.removeprefix(f"{ROOT}/").replace("/", "-") if request.url.path != ROOT else "today"
    )
    if request.method != "GET":
        return Tables(page, None)
    kept = [
        (name, value) for name, value in request.query_params.multi_items() if name not in {"csv", "told"}
    ]
    asked = clean(str(request.query_params.get("csv", "")))
    return Tables(page, f"{request.url.path}?{urlencode([*kept, ('csv', '')])}", asked)


def _referred(request: Asked) -> str:
    """Return the page somebody came from, if it is one of ours."""
    came = parts_of(request.headers.get("referer", ""))
    ours = came.netloc == request.headers.get("host", "") and came.path.startswith(f"{ROOT}/")
    return quote(came.path) if ours and came.path != request.url.path else ROOT


def _came_from(request: Asked) -> str:
    """Return the page somebody came from with its query, if it is one of ours; empty else."""
    came = parts_of(request.headers.get("referer", ""))
    query = f"?{came.query}" if came.query else ""
    return f"{unquote(came.path)}{query}" if came.netloc == request.headers.get("host", "") else ""


def _words_of(form: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return what somebody wrote in a form that is not to be drawn again, but for what they chose or is secret."""
    kept = (one for name, values in form.items() if name in _WRITTEN for one in values)
    return [one.strip() for one in kept if isinstance(one, str) and one.strip()]


_WRITTEN = frozenset(
    {"reason", "note", "why", "text", "because", "facts", "by", "lessons", "proof", "says", "name"}
)
"""The fields of forms that people write sentences in."""


def _names(route: str, path: str) -> dict[str, str] | None:
    """Return what an address names in a route of ours, such as the number of a request; None where it is another.

    >>> _names("/console/requests/{number:str}", "/console/requests/2026-0001")
    {'number': '2026-0001'}
    """
    ours, theirs = route.split("/"), path.split("/")
    if len(ours) != len(theirs):
        return None
    found = {}
    for one, part in zip(ours, theirs, strict=True):
        if one.startswith("{") and part:
            found[one[1:].partition(":")[0]] = part
        elif one != part:
            return None
    return found


def inside(path: str) -> str:
    """Return an address below the console, or the console's own where it leads elsewhere.

    >>> inside("/console/requests?open=1"), inside("//evil.example/console"), inside("/console/../x")
    ('/console/requests?open=1', '/console', '/console')
    """
    ours = len(path) <= ADDRESS_MAX and (path == ROOT or path.startswith((f"{ROOT}/", f"{ROOT}?")))
    return path if ours and ".." not in path and "\\" not in path and path.isprintable() else ROOT


def clean(text: str) -> str:
    """Return a text without NUL, which nobody types and PostgreSQL keeps in no column."""
    return text.replace("\0", "")


async def read_form(request: Asked) -> dict[str, list[Any]]:
    """Read a form: texts as they are but for NUL, files as (name, bytes)."""
    form: dict[str, list[Any]] = {}
    for name, value in (await request.form()).multi_items():
        taken = (value.filename, await value.read()) if isinstance(value, UploadFile) else clean(str(value))
        form.setdefault(name, []).append(taken)
    return form
