"""Signing in elsewhere: to the provider, back from it, and out of it again.

A form of ours may lead to ourselves alone (`form-action`), so every way out is a link.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from troth.errors import TrothError
from troth.faces.console.desk import ROOT, Asked, Desk, inside, read_form
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import limited, same_site
from troth.outside.openid import OpenId
from troth.work import sign_in, sign_in_outside

COOKIE = "troth_outside"
PATH = f"{ROOT}/sign-in/outside"


def outside_door(desk: Desk, limit: Limit) -> list[Any]:
    """Return the routes of signing in elsewhere; none where troth.toml names no provider."""
    project = desk.project
    told = project.settings.sign_in
    if told is None:
        return []
    opened: list[OpenId] = []

    def openid() -> OpenId:
        if not opened:
            found = sign_in_outside.provider(project)
            if found is None:
                raise NotFoundException
            opened.append(found)
        return opened[0]

    def went(request: Asked, to: str, token: str = "") -> Response[Any]:
        try:
            if token:
                sign_in.invitation(project, token)  # what is worth nothing leads nowhere
            begun = sign_in_outside.begin(project, openid(), to, token=token)
        except TrothError as error:
            return desk.refused(request, desk.words_for(request), error)
        return Redirect(begun.address, status_code=303, cookies=[bound_by(begun)])

    def bound_by(begun: sign_in_outside.Begun) -> Cookie:
        secure = project.settings.is_encrypted
        return Cookie(
            COOKIE, path=PATH, value=begun.cookie, max_age=sign_in_outside.SECONDS, httponly=True, samesite="lax",
            secure=secure,
        )  # fmt: skip

    @get(PATH)
    async def there(request: Asked) -> Response[Any]:
        """GET /console/sign-in/outside: to the provider."""
        limited(request, limit)
        to = inside(str(request.query_params.get("to", ROOT)))
        return await asyncio.to_thread(went, request, to)

    @get(f"{ROOT}/join/{{token:str}}/outside")
    async def joining(request: Asked, token: FromPath[str]) -> Response[Any]:
        """GET /console/join/TOKEN/outside: take an invitation up by an account at the provider."""
        limited(request, limit)
        return await asyncio.to_thread(went, request, ROOT, token)

    @post(f"{ROOT}/account/outside", status_code=200)
    async def binding(request: Asked) -> Response[Any]:
        """POST /console/account/outside: bind one's own account, after password and code were shown once more."""
        same_site(request, project)
        limited(request, limit)
        return await asyncio.to_thread(bind, request, await read_form(request))

    def bind(request: Asked, given: dict[str, list[Any]]) -> Response[Any]:
        who, words = desk.signed_in(request), desk.words_for(request)
        if who is None:
            return Redirect(f"{ROOT}/sign-in", status_code=303)
        old, code = (str(given.get(name, [""])[0])[:1000] for name in ("old", "code"))
        try:
            sign_in.show_again(project, who.handle, old, code)
            begun = sign_in_outside.begin(project, openid(), f"{ROOT}/account", handle=who.handle)
        except TrothError as error:
            return desk.refused(request, words, error, who)
        page = desk.draw(
            request, words, "account_outside.html", words("account.bind", provider=told.name), staff=who,
            provider=told.name, address=begun.address,
        )  # fmt: skip
        page.set_cookie(bound_by(begun))
        return page

    @get(f"{PATH}/back")
    async def back(request: Asked) -> Response[Any]:
        """GET /console/sign-in/outside/back: what the provider answers."""
        limited(request, limit)
        answered = await asyncio.to_thread(enter, request)
        answered.delete_cookie(COOKIE, path=PATH)
        return answered

    def enter(request: Asked) -> Response[Any]:
        answer = {name: str(value)[:4000] for name, value in request.query_params.items()}
        who = desk.signed_in(request)
        try:
            entered = sign_in_outside.finish(
                project, openid(), request.cookies.get(COOKIE, ""), answer, who.handle if who else ""
            )
        except TrothError as error:
            return desk.refused(request, desk.words_for(request), error)
        if not entered.session:
            return Redirect(f"{ROOT}/account?told=told.account.bound", status_code=303)
        cookies = [desk.session_cookie(entered.session)]
        return Redirect(inside(entered.to), status_code=303, cookies=cookies)

    @get(f"{ROOT}/sign-out/outside")
    async def out(request: Asked) -> Response[Any]:
        """GET /console/sign-out/outside: sign out at the provider, too."""
        limited(request, limit)
        return await asyncio.to_thread(leave, request)

    def leave(request: Asked) -> Response[Any]:
        try:
            away = openid().logout(f"{project.settings.public_url}{ROOT}/sign-in")
        except TrothError as error:
            return desk.refused(request, desk.words_for(request), error)
        return Redirect(away or f"{ROOT}/sign-in", status_code=303)

    return [there, joining, binding, back, out]
