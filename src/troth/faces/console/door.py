"""The console's door: the one-time link, signing in and out.  These pages are for whoever is not signed in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from troth.errors import NotAllowedError, NotFoundError, TrothError
from troth.faces.console import carried, square_code
from troth.faces.console.desk import ROOT, SESSION, Asked, Desk, Visit, inside, read_form
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import limited, same_site
from troth.ledger import accounts
from troth.rules.staff import Staff
from troth.work import admit, sign_in


def door(desk: Desk, limit: Limit) -> list[Any]:
    """Return the routes of the door."""
    project = desk.project
    outside = project.settings.sign_in.name if project.settings.sign_in else ""

    def form(
        request: Asked, status: int = 200, wrong: str = "", handle: str = "", to: str = "",
        told: Sequence[tuple[str, str]] = (),
    ) -> Response[str]:  # fmt: skip
        return desk.door(
            request, desk.words_for(request), status, to=inside(to or str(request.query_params.get("to", ROOT))),
            wrong=wrong, handle=handle, carried=told,
            left=bool(outside) and request.query_params.get("told") == "told.out",
        )  # fmt: skip

    # Async, each: Litestar wraps a function twice that is to run on a thread where GET and POST share an address.

    @get(f"{ROOT}/sign-in")
    async def asked(request: Asked) -> Response[Any]:
        """GET /console/sign-in: the form."""
        if await asyncio.to_thread(desk.signed_in, request) is not None:
            return Redirect(inside(str(request.query_params.get("to", ROOT))), status_code=303)
        return await asyncio.to_thread(form, request)

    @post(f"{ROOT}/sign-in", status_code=303, request_max_body_size=carried.SIGN_IN_BYTES_MAX)
    async def signed(request: Asked) -> Response[Any]:
        """POST /console/sign-in: handle, password and code, all at once."""
        same_site(request, project)
        limited(request, limit)
        return await asyncio.to_thread(enter, request, await read_form(request))

    def enter(request: Asked, given: dict[str, list[Any]]) -> Response[Any]:
        handle, password, code, to = (_text(given, name) for name in ("handle", "password", "code", "to"))
        words = desk.words_for(request)
        if _text(given, "already"):  # signed in meanwhile, in another tab
            who = desk.signed_in(request)
            if who is not None:
                return onward(request, given, who)
            return form(request, 422, words("door.not_yet"), handle[:40], to, carried.again(given))
        try:
            address = request.client.host if request.client else ""
            token = sign_in.sign_in(project, handle.strip().lower(), password, code, address)
        except NotAllowedError as error:
            often = isinstance(error, sign_in.TooManyTriesError)
            wrong = words("door.wait" if often else "door.wrong", minutes=sign_in.LOCKED_SECONDS // 60)
            return form(request, 422, wrong, handle[:40], to, carried.again(given))
        except TrothError as error:
            return desk.refused(request, words, error)
        answer = onward(request, given, admit.acting(project, handle.strip().lower()))
        answer.set_cookie(desk.session_cookie(token))
        return answer

    def onward(request: Asked, given: dict[str, list[Any]], who: Staff | None) -> Response[Any]:
        """Lead where somebody was going, or draw the form again that the session ended in, for them to send."""
        to, words = inside(_text(given, "to") or ROOT), desk.words_for(request)
        action, told = carried.form(given)
        if not action or who is None:
            return Redirect(to, status_code=303)
        note = ("warn", "status", escape(words("door.carried")), escape(words("refused.form")))
        filled = desk.filled(Visit(desk, request, who, words, told), action, note, 200)
        lost = urlencode({"told": "told.bad.lost"})
        return filled or Redirect(f"{to}{'&' if '?' in to else '?'}{lost}", status_code=303)

    @post(f"{ROOT}/sign-out", status_code=303, sync_to_thread=True)
    def out(request: Asked) -> Response[Any]:
        """POST /console/sign-out: end the session."""
        same_site(request, project)
        sign_in.sign_out(project, request.cookies.get(SESSION, ""))
        return desk.left()

    @get(f"{ROOT}/join/{{token:str}}")
    async def invited(request: Asked, token: FromPath[str]) -> Response[str]:
        """GET /console/join/TOKEN: choose a password and bind a telephone."""
        limited(request, limit)
        return await asyncio.to_thread(join_form, request, token, 200, "", {})

    def join_form(
        request: Asked, token: str, status: int, wrong: str, given: dict[str, list[Any]]
    ) -> Response[str]:
        words = desk.words_for(request)
        try:
            whom = sign_in.invitation(project, token)
        except NotFoundError:
            return gone(request)
        account = accounts.read(project.ledger, whom.handle)
        secret = _secret(given) or sign_in.new_secret()
        name = _text(given, "name") or (account.name if account else "")
        email = _text(given, "email") or (account.email if account else "")
        handle = _text(given, "handle") or ("" if whom.role else whom.handle)
        return desk.draw(
            request, words, "join.html", words("join.title"), status, wrong=wrong, token=token, name=name,
            email=email, handle=handle, chosen=bool(whom.role), secret=sign_in.written(secret),
            address=(address := sign_in.code_address(project, handle or whom.handle, secret)), outside=outside,
            picture=square_code.path(address), least=sign_in.PASSWORD_MIN,
        )  # fmt: skip

    @post(f"{ROOT}/join/{{token:str}}", status_code=303)
    async def joined(request: Asked, token: FromPath[str]) -> Response[Any]:
        """POST /console/join/TOKEN: take the invitation up."""
        same_site(request, project)
        limited(request, limit)
        return await asyncio.to_thread(join, request, token, await read_form(request))

    def join(request: Asked, token: str, given: dict[str, list[Any]]) -> Response[Any]:
        secret = _secret(given)
        if secret is None:
            return join_form(request, token, 422, desk.words_for(request)("join.again"), {})
        try:
            session = sign_in.join(
                project, token, _text(given, "handle").strip().lower(), _text(given, "name"), _text(given, "email"),
                _text(given, "password"), secret, _text(given, "code"),
            )  # fmt: skip
        except NotAllowedError as error:
            return join_form(request, token, 422, str(error), given)
        except TrothError as error:
            return desk.refused(request, desk.words_for(request), error)
        return Redirect(f"{ROOT}?told=told.joined", status_code=303, cookies=[desk.session_cookie(session)])

    @get(f"{ROOT}/enter/{{token:str}}")
    async def entering(request: Asked, token: FromPath[str]) -> Response[str]:
        """GET /console/enter/TOKEN: ask first, so that a program that follows links uses up nothing."""
        limited(request, limit)
        return await asyncio.to_thread(ask_to_enter, request, token)

    def ask_to_enter(request: Asked, token: str) -> Response[str]:
        words = desk.words_for(request)
        try:
            handle = sign_in.enters(project, token)
        except NotFoundError:
            return gone(request)
        return desk.draw(request, words, "enter.html", words("enter.title"), token=token, handle=handle)

    @post(f"{ROOT}/enter/{{token:str}}", status_code=303)
    async def entered(request: Asked, token: FromPath[str]) -> Response[Any]:
        """POST /console/enter/TOKEN: use the link up."""
        same_site(request, project)
        limited(request, limit)
        return await asyncio.to_thread(let_in, request, token)

    def let_in(request: Asked, token: str) -> Response[Any]:
        try:
            session = sign_in.enter(project, token)
        except NotFoundError:
            return gone(request)
        return Redirect(ROOT, status_code=303, cookies=[desk.session_cookie(session)])

    def gone(request: Asked) -> Response[str]:
        words = desk.words_for(request)
        return desk.draw(request, words, "refused.html", words("join.gone.title"), 404,
                         text=words("join.gone.text"), back=f"{ROOT}/sign-in")  # fmt: skip

    return [asked, signed, out, invited, joined, entering, entered]


def _text(given: dict[str, list[Any]], name: str) -> str:
    return next((one[:1000] for one in given.get(name, ()) if isinstance(one, str)), "")


def _secret(given: dict[str, list[Any]]) -> bytes | None:
    """Return the secret that the form carried back: it is the telephone's own, and nothing until it is bound."""
    return sign_in.read_secret(_text(given, "secret"))
