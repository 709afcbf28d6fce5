"""The pages of the portal: they turn a form into a call, and its result into a page."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException, PermissionDeniedException, TooManyRequestsException
from litestar.params import Body, FromPath
from litestar.response import Redirect, Stream

from troth.errors import NotAllowedError
from troth.faces.attachment import attachment
from troth.faces.in_turn import in_turn
from troth.faces.portal import session
from troth.faces.portal.limits import Limit
from troth.faces.portal.seen import seen
from troth.faces.web import Look, carried, parts_of
from troth.faces.words import Words
from troth.law import right as law_right
from troth.outside.mail import DAMAGED, is_address
from troth.rules import representation, set_aside
from troth.work import (
    build_package,
    close_request,
    due_calendar,
    open_request,
    prove_address,
    request_file,
    say_more,
)
from troth.work.establishment import day_here, establishment
from troth.work.project import Project

Asked = Request[Any, Any, Any]
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
FORM_BYTES_MAX = 64 * 1024
OFFERED = (
    "access", "erase", "object_marketing", "rectify", "complete", "restrict", "port", "object", "withdraw",
    "list_recipients", "review_decision", "post_mortem", "complain",
)  # fmt: skip
"""The rights in the order of the form: what most people ask for comes first."""
_KEPT = ("email", "name", "wording", "because", "acting", "for_name", "for_email")
FIELD_MAX = {
    "email": 254,
    "name": 200,
    "for_email": 254,
    "for_name": 200,
    "wording": open_request.WORDING_MAX,
    "code": 40,
    "once": 64,
}


def pages(project: Project, look: Look, *, asks: Limit, codes: Limit) -> list[Any]:
    """Return the routes of the portal over one project."""
    secure = project.settings.is_encrypted
    offered = open_request.rights(project)

    def within(request: Asked) -> str:
        answer = project.policy.answer
        return look.words_for(request).period(str(answer.within)) if answer else ""

    @get("/", sync_to_thread=True)
    def home(request: Asked) -> Response[str]:
        """GET /: what can be done here."""
        words = look.words_for(request)
        return look.page(
            request,
            "home.html",
            words("home.title"),
            within=within(request),
            contacts=_contacts(project, words),
            quick=[one for one in OFFERED[:3] if one in offered],
        )

    @get("/ask", sync_to_thread=True)
    def ask(request: Asked) -> Response[str]:
        """GET /ask: the form; ?right=erase ticks a right."""
        named = request.query_params.getall("right", [])
        return form(request, {"rights": [one for one in named if one in offered]}, {}, 200)

    def form(request: Asked, given: dict[str, Any], wrong: dict[str, str], status: int) -> Response[str]:
        words = look.words_for(request)
        kept = {
            "rights": given.get("rights", []),
            **{name: given.get(name, "") for name in _KEPT},
        }
        return look.page(
            request, "ask.html", words("form.error", title=words("ask.title")) if wrong else words("ask.title"),
            status, path="/ask", within=within(request), given=kept, wrong=wrong,
            rights=[one for one in OFFERED if one in offered], how={one: _how(project, one, words) for one in offered},
            once=secrets.token_urlsafe(18),
            kinds=["", *(one for one in representation.OFFERED if one != "heir" or "post_mortem" in offered)],
        )  # fmt: skip

    @post("/asked", sync_to_thread=True, status_code=303, page="/ask")
    def asked(request: Asked, data: Form) -> Response[Any]:
        """POST /asked: take a request in, send the code, lead to its page."""
        same_site(request, project)
        limited(request, asks)
        given = _fields(data, offered)
        if given["website"]:  # only a program fills what nobody sees
            return Redirect(f"/{carried(request)}", status_code=303)
        wrong = _wrong(given, look.words_for(request), offered)
        if wrong:
            return form(request, given, wrong, 422)
        once = _once(given)
        with in_turn(project, once):
            opened = open_request.open_request(
                project, given["rights"], given["email"], name=given["name"], wording=given["wording"],
                language=look.words_for(request).language, channel="portal", once=once,
                because=given["because"] if "restrict" in given["rights"] else "", acting=_acting(given),
            )  # fmt: skip
            sent = _send_code(opened.number, 0)
        told = "follow.new" if sent == "prove.sent" else sent
        query = carried(request, f"told={told}")
        return Redirect(f"/follow/{request_file.token(project, opened.number)}{query}", status_code=303)

    def _send_code(number: str, after: int | None) -> str:
        """Send a code, and return what to say of it; that a mailbox refused it is said to nobody."""
        try:
            with in_turn(project, f"request/{number}"):
                prove_address.send_code(project, number, after=after)
        except NotAllowedError:
            return "prove.wait"
        last = request_file.load(project, number).state["letters"][-1]
        return "prove.away" if last["outcome"] == "failed" else "prove.sent"

    @get("/follow/{token:str}", sync_to_thread=True)
    def follow(request: Asked, token: FromPath[str]) -> Response[str]:
        """GET /follow/TOKEN: where a request stands; its letters only after the code."""
        number = request_file.by_token(project, token)
        return shown(request, token, number, str(request.query_params.get("told", "")))

    def shown(
        request: Asked, token: str, number: str, told: str, status: int = 200, *,
        typed: str = "", entered: bool = False,
    ) -> Response[str]:  # fmt: skip
        """Draw the page of a request; `typed` is what they were adding, `entered` that the code was given just now."""
        words = look.words_for(request)
        private = entered or session.holds(project, number, request.cookies.get(session.NAME))
        state = request_file.load(project, number).state
        told = (
            told
            if re.fullmatch(r"(prove|follow|withdraw|narrow|say|document)\.[a-z]+", told) and words.has(told)
            else ""
        )
        kind = (
            "bad"
            if told in {"prove.wrong", "prove.wait", "prove.away", "say.wrong", "say.ended", "document.wrong"}
            else "good"
        )
        return look.page(
            request, "follow.html", _follow_title(words, number, kind), status, path=f"/follow/{token}",
            link=token, once=secrets.token_urlsafe(18), told_kind=kind, session_minutes=session.MINUTES,
            sent=prove_address.sent_so_far(state), said=state.get("said_more", 0), typed=typed,
            told=words(told) if told else "", request=seen(project, number, words, private=private),
        )  # fmt: skip

    @post("/follow/{token:str}/code", status_code=303)
    async def code(request: Asked, token: FromPath[str]) -> Response[Any]:
        """POST /follow/TOKEN/code: send a new code; pressed twice it sends one."""
        same_site(request, project)
        limited(request, codes)
        return await asyncio.to_thread(send_code, request, token, dict(await request.form()))

    def send_code(request: Asked, token: str, data: dict[str, Any]) -> Response[Any]:
        number = request_file.by_token(project, token)
        told, typed = _send_code(number, _count(data, "sent")), _text(data, "wording")
        if typed:
            return shown(request, token, number, told, typed=typed)
        return Redirect(f"/follow/{token}{carried(request, f'told={told}')}", status_code=303)

    @post("/follow/{token:str}/prove", sync_to_thread=True, status_code=303)
    def prove(request: Asked, token: FromPath[str], data: Form) -> Response[Any]:
        """POST /follow/TOKEN/prove: take the code; this browser may read the answers from now on."""
        same_site(request, project)
        number = request_file.by_token(project, token)
        if not prove_address.take_code(project, number, _text(data, "code")):
            return shown(request, token, number, "prove.wrong", 422, typed=_text(data, "wording"))
        cookie = Cookie(
            session.NAME, path="/follow", value=session.issue(project, number), max_age=session.MINUTES * 60,
            httponly=True, samesite="strict", secure=secure,
        )  # fmt: skip
        typed = _text(data, "wording")
        if typed:  # what they were adding when the time was over stands in its form again
            page = shown(request, token, number, "prove.done", typed=typed, entered=True)
            page.set_cookie(cookie)
            return page
        return Redirect(
            f"/follow/{token}{carried(request, 'told=prove.done')}", status_code=303, cookies=[cookie]
        )

    @post("/follow/{token:str}/answer", sync_to_thread=True, status_code=200)
    def answer(request: Asked, token: FromPath[str], data: Form) -> Stream:
        """POST /follow/TOKEN/answer: an answer, as often as needed for its time."""
        number = opened(request, project, token)
        claim = _text(data, "claim") or None
        chunks: Iterator[bytes] = build_package.take_answer(project, number, claim)
        several = len(build_package.ready(request_file.load(project, number).state)) > 1
        name = f"answer-{number}-{claim}" if several else f"answer-{number}"
        headers = {
            "Content-Disposition": attachment(f"{name}.zip"),
            "Cache-Control": "no-store",
        }
        return Stream(chunks, media_type="application/zip", headers=headers)

    @post("/follow/{token:str}/say", sync_to_thread=True, status_code=303, page="/follow/{token}")
    def say(request: Asked, token: FromPath[str], data: Form) -> Response[Any]:
        """POST /follow/TOKEN/say: add something to the request."""
        typed = _text(data, "wording")
        try:
            number = opened(request, project, token)
        except PermissionDeniedException:
            same_site(request, project)
            return shown(request, token, request_file.by_token(project, token), "say.ended", 403, typed=typed)
        try:
            say_more.say_more(project, number, typed, after=_count(data, "said"))
        except NotAllowedError:
            return shown(request, token, number, "say.wrong", 422, typed=typed)
        return Redirect(f"/follow/{token}{carried(request, 'told=say.done')}", status_code=303)

    @post("/follow/{token:str}/withdraw", sync_to_thread=True, status_code=303)
    def withdraw(request: Asked, token: FromPath[str]) -> Response[Any]:
        """POST /follow/TOKEN/withdraw: stop."""
        number = opened(request, project, token)
        close_request.withdraw(project, number)
        return Redirect(f"/follow/{token}{carried(request, 'told=withdraw.done')}", status_code=303)

    @post("/follow/{token:str}/narrow", sync_to_thread=True, status_code=303)
    def narrow(request: Asked, token: FromPath[str], data: Form) -> Response[Any]:
        """POST /follow/TOKEN/narrow: let one claim go."""
        number = opened(request, project, token)
        close_request.narrow(project, number, _text(data, "claim"))
        return Redirect(f"/follow/{token}{carried(request, 'told=narrow.done')}", status_code=303)

    @get("/calendar/{name:str}", sync_to_thread=True)
    def calendar(request: Asked, name: FromPath[str]) -> Response[bytes]:
        """GET /calendar/SECRET.ics: the due dates, for whoever knows the address."""
        if not name.endswith(".ics") or not due_calendar.is_token(project, name.removesuffix(".ics")):
            raise NotFoundException
        drawn = due_calendar.due_calendar(project, look.words_for(request).language)
        return Response(
            drawn, media_type="text/calendar; charset=utf-8", headers={"Cache-Control": "no-store"}
        )

    @get("/health", media_type="text/plain", sync_to_thread=False)
    def health() -> str:
        """GET /health: that the server answers."""
        return "ok\n"

    return [
        home,
        ask,
        asked,
        follow,
        code,
        prove,
        answer,
        say,
        withdraw,
        narrow,
        calendar,
        health,
    ]


def _how(project: Project, right: str, words: Words) -> str:
    """Say how long a right takes: what the policy promises of it, else what the law says of its pace."""
    promised = project.policy.rights.get(right)
    if right == "complain":
        return words("how.complain")
    if promised is not None and promised.within is not None:
        return words("how.within", within=words.period(str(promised.within)))
    place = establishment(project).place
    pace = law_right.right(right, place, day_here(project)).pace
    if pace == "at once" or (promised is not None and promised.takes_effect == "at_once"):
        return words("how.at_once")
    answer = project.policy.answer
    return words("how.answer", within=words.period(str(answer.within))) if answer else ""


def _follow_title(words: Any, number: str, kind: str) -> str:
    title = words("follow.title", number=number)
    return str(words("form.error", title=title) if kind == "bad" else title)


def _contacts(project: Project, words: Any) -> list[tuple[str, str]]:
    group, security = project.policy.group, project.policy.security
    found = (
        ("contact.requests", group.requests if group else None),
        ("contact.dpo", group.dpo if group else None),
        ("contact.incident", security.incident_contact if security else None),
    )
    return [
        (words(name), ", ".join(str(way) for way in (one.email, one.phone, one.address) if way))
        for name, one in found
        if one is not None
    ]


def same_site(request: Asked, project: Project) -> None:
    """Refuse a form that another site sent: browsers say where a form comes from."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        if fetched not in {"same-origin", "none"}:
            raise PermissionDeniedException
        return
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    ours = {host, urlsplit(project.settings.public_url).netloc}
    if origin is not None and parts_of(origin).netloc not in ours - {""}:
        raise PermissionDeniedException


def opened(request: Asked, project: Project, token: str) -> str:
    """Return the number of a private page, where this browser entered its code; refuse everybody else."""
    same_site(request, project)
    number = request_file.by_token(project, token)
    if not session.holds(project, number, request.cookies.get(session.NAME)):
        raise PermissionDeniedException
    return number


def limited(request: Asked, limit: Limit) -> None:
    """Refuse a visitor who asks too often."""
    if not limit.allows(request.client.host if request.client else "?"):
        raise TooManyRequestsException


def _fields(data: dict[str, Any], offered: Sequence[str]) -> dict[str, Any]:
    rights = data.get("right", [])
    chosen = rights if isinstance(rights, list) else [rights]
    return {
        "rights": [right for right in chosen if right in offered],
        **{name: _text(data, name) for name in ("email", "name", "wording", "website", "once")},
        "acting": acting if (acting := _text(data, "acting")) in representation.OFFERED else "",
        **{name: _text(data, name) for name in ("for_name", "for_email")},
        "because": because if (because := _text(data, "because")) in set_aside.GROUNDS else "",
    }


def _once(given: dict[str, Any]) -> str:
    """Name this very form, so that sending it twice opens one request and changing it opens another."""
    drawn = (
        given["once"] if re.fullmatch(r"[\w-]{20,64}", given["once"], re.ASCII) else secrets.token_urlsafe(18)
    )
    said = "\0".join([drawn, *given["rights"], *(given[name] for name in _KEPT)])
    return f"form {hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()}"


def _text(data: dict[str, Any], name: str) -> str:
    found = data.get(name, "")
    found = found[0] if isinstance(found, list) and found else found
    return str(found).strip()[: FIELD_MAX.get(name, 1000) + 1] if isinstance(found, str | int | float) else ""


def _count(data: dict[str, Any], name: str) -> int | None:
    """Return a number that the page wrote into its form; None where there is none."""
    written = _text(data, name)
    return int(written) if re.fullmatch(r"[0-9]{1,6}", written) else None


def _acting(given: dict[str, Any]) -> open_request.Acting | None:
    if not given["acting"]:
        return None
    return open_request.Acting(given["acting"], given["for_name"], given["for_email"])


def _wrong(given: dict[str, Any], words: Any, offered: Sequence[str]) -> dict[str, str]:
    wrong = {}
    if not given["rights"]:
        wrong["right"] = words("form.right")
    if not is_address(given["email"]):
        wrong["email"] = words(_address_wrong(given["email"], "form.email"))
    if given["acting"] and not is_address(given["for_email"]):
        wrong["for_email"] = words(_address_wrong(given["for_email"], "form.for_email"))
    if given["acting"] and list(representation.lacking(given["acting"], given["rights"], offered)):
        wrong["acting"] = words("form.acting")
    if given["for_email"] and not given["acting"]:
        wrong["acting"] = words("form.as_what")
    for name in ("name", "for_name", "wording"):
        if len(given[name]) > FIELD_MAX[name]:
            wrong[name] = words("form.long", most=FIELD_MAX[name])
    return wrong


def _address_wrong(written: str, else_: str) -> str:
    """Return the key of what is said of an address that is none: that it came damaged, where it did."""
    return "form.damaged" if DAMAGED in written else else_
