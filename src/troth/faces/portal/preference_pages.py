"""The page of somebody's preferences: what they agreed to and objected to, each changed by one click.

Whoever holds the link of a message sees it for a while and stops anything; to say yes, they prove by a code that
the address is theirs, because a message may have been passed on.

Law: GDPR Art. 7(3): taking back is as easy as giving; Art. 21(2).
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.params import Body, FromPath
from litestar.response import Redirect

from troth.errors import NotAllowedError
from troth.faces.in_turn import in_turn
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, same_site
from troth.faces.portal.reading_pages import cookie_choice
from troth.faces.portal.receipt_pages import receipt_file
from troth.faces.sent_once import WORD_MAX
from troth.faces.web import Look, carried
from troth.faces.words import Words
from troth.ledger import read
from troth.ledger.receipt import sealed
from troth.policy.promise import Purpose
from troth.work import message_link, preferences, stop_messages
from troth.work.establishment import day_here
from troth.work.project import Project

COOKIE = "troth_preferences"
MOODS = {"yes": "good", "unless": "good"}
TOLD = frozenset({"prefs.told.stopped", "prefs.told.given", "prefs.told.ended", "prefs.told.old"})
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


def preference_pages(project: Project, look: Look, limit: Limit) -> list[Any]:
    """Return the routes; `limit` counts the codes asked for by a visitor."""
    secure = project.settings.is_encrypted

    def who(request: Asked) -> preferences.Proven | None:
        return preferences.proven(project, request.cookies.get(COOKIE))

    @get("/preferences", sync_to_thread=True)
    def show(request: Asked) -> Response[str]:
        """GET /preferences: the page, for whoever entered a code here; else where to send one."""
        known = who(request)
        if known is None:
            return asking(request, told=_told(request))
        return shown(request, known.email, "/preferences/say", proven=True)

    @get("/preferences/{token:str}", sync_to_thread=True)
    def linked(request: Asked, token: FromPath[str]) -> Response[Any]:
        """GET /preferences/TOKEN: the page, for whoever holds the link of a message that is not too old."""
        found = message_link.stop_of(project, message_link.token_of(token))
        if day_here(project) > found.shows_until:
            return Redirect(f"/preferences{carried(request, 'told=prefs.told.old')}", status_code=303)
        return shown(request, found.email, f"/preferences/{token}/say", proven=False)

    def shown(request: Asked, email: str, action: str, *, proven: bool) -> Response[str]:
        words = look.words_for(request)
        stands = {one.purpose: one for one in preferences.of(project, email)}
        proofs = [event for one in stands.values() for event in one.events] if proven else []
        done = sealed(project.ledger, proofs)
        cards = []
        for purpose in preferences.choices(project):
            one = stands[str(purpose.key)]
            on = words.day(day_here(project).fromisoformat(one.on)) if one.on else ""
            form = card(purpose, words, request) if proven and one.may_give else ""
            cards.append({
                "purpose": one.purpose, "does": _capital(purpose.does.said(words.language)),
                "state": words(f"prefs.state.{one.said}", on=on), "mood": MOODS.get(one.said, ""),
                "said": one.said, "may_stop": one.may_stop, "may_give": one.may_give, "form": form,
                "receipts": [receipt_line(event, words, proven=event in done) for event in one.events if proven],
            })  # fmt: skip
        path = "/preferences" if proven else action.removesuffix("/say")
        return look.page(request, "preferences.html", words("prefs.title"), path=path, action=action, choices=cards,
                         told=_said(request, words), proven=proven, once=secrets.token_urlsafe(18),
                         choice=cookie_choice(project.policy, request))  # fmt: skip

    def receipt_line(event: str, words: Words, *, proven: bool) -> dict[str, object]:
        channel = f"channel.{read.event(project.ledger, event).facts.get('channel')}"
        text = (
            words("prefs.receipt.by", channel=words(channel))
            if words.has(channel)
            else words("prefs.receipt")
        )
        return {"event": event, "text": text, "sealed": proven}

    @get("/preferences/receipts/{event:str}", sync_to_thread=True)
    def receipt(request: Asked, event: FromPath[str]) -> Response[bytes]:
        """GET /preferences/receipts/EVENT: the receipt of a choice that is shown, for whoever entered a code here."""
        same_site(request, project)
        known = who(request)
        if known is None:
            raise PermissionDeniedException
        return receipt_file(f"receipt-{event}", preferences.receipt_of(project, known.email, event))

    def card(purpose: Purpose, words: Words, request: Asked) -> str:
        """Draw what somebody says yes to: the same for everybody, so that it proves what was shown."""
        drawn = look.templates.get_template("preference.html")
        text = _text(purpose, words, look.organisation.said(words.language))
        return str(drawn.render(t=words, purpose=str(purpose.key), text=text, q=carried(request)))

    def asking(
        request: Asked, told: str = "", *, asked: str = "", bad: bool = False, status: int = 200
    ) -> Response[str]:
        words = look.words_for(request)
        title = words("prefs.title")
        return look.page(
            request, "preference_code.html", words("form.error", title=title) if bad else title, status,
            path="/preferences", asked=asked, once=secrets.token_urlsafe(18), told=words(told) if told else "",
            told_kind="bad" if bad else "good", choice=cookie_choice(project.policy, request),
        )  # fmt: skip

    @post("/preferences/code", sync_to_thread=True, status_code=200)
    def code(request: Asked, data: Form) -> Response[str]:
        """POST /preferences/code: send a code, one for one form; the same is said of every address, known or not."""
        same_site(request, project)
        limited(request, limit)
        email = str(data.get("email", "")).strip()[:255]
        try:
            with in_turn(project, f"preference code {_once(data) or secrets.token_hex(8)}"):
                asked = preferences.send_code(
                    project, email, look.words_for(request).language, once=_once(data)
                )
        except NotAllowedError as error:
            told = "prefs.code.email" if "no e-mail" in str(error) else "prefs.code.many"
            return asking(request, told, bad=True, status=422)
        return asking(request, asked=asked)

    @post("/preferences/enter", sync_to_thread=True, status_code=303)
    def enter(request: Asked, data: Form) -> Response[Any]:
        """POST /preferences/enter: take the code; this browser sees the page for a while."""
        same_site(request, project)
        asked = str(data.get("asked", ""))[:2000]
        session = preferences.take_code(project, asked, str(data.get("code", ""))[:40])
        if session is None:
            return asking(request, "prefs.code.wrong", asked=asked, bad=True, status=422)
        cookie = Cookie(
            COOKIE, path="/preferences", value=session, max_age=preferences.SESSION_MINUTES * 60, httponly=True,
            samesite="strict", secure=secure,
        )  # fmt: skip
        return Redirect(f"/preferences{carried(request)}", status_code=303, cookies=[cookie])

    @post("/preferences/say", sync_to_thread=True, status_code=303)
    def say(request: Asked, data: Form) -> Response[Any]:
        """POST /preferences/say: stop or allow something, for whoever entered a code here."""
        same_site(request, project)
        known = who(request)
        if known is None:
            raise PermissionDeniedException
        with in_turn(project, f"preferences {known.name}"):
            return said_now(request, data, known)

    def said_now(request: Asked, data: dict[str, Any], known: preferences.Proven) -> Response[Any]:
        if str(data.get("say", "")) == "give":
            purpose = chosen(data)
            if purpose.key in {
                one.purpose for one in preferences.of(project, known.email) if not one.may_give
            }:
                return Redirect(f"/preferences{carried(request, 'told=prefs.told.given')}", status_code=303)
            words = look.words_for(request)
            preferences.give(
                project, known.email, str(purpose.key), language=_published(project, words.language),
                text=_text(purpose, words, look.organisation.said(words.language)),
                shown=card(purpose, words, request).encode(),
                name=f"{known.name} {project.clock().isoformat(timespec='seconds')}",
            )  # fmt: skip
            return Redirect(f"/preferences{carried(request, 'told=prefs.told.given')}", status_code=303)
        stop(
            data,
            known.email,
            "preferences",
            f"session {known.name} {_once(data) or project.clock().isoformat(timespec='seconds')}",
        )
        return Redirect(f"/preferences{carried(request, 'told=prefs.told.stopped')}", status_code=303)

    @post("/preferences/{token:str}/say", sync_to_thread=True, status_code=303)
    def say_by_link(request: Asked, token: FromPath[str], data: Form) -> Response[Any]:
        """POST /preferences/TOKEN/say: stop something, for whoever holds the link, however old."""
        found = message_link.stop_of(project, message_link.token_of(token))
        stop(data, found.email, "link", f"page {token[:40]}")
        where = f"/preferences/{token}" if day_here(project) <= found.shows_until else "/preferences"
        return Redirect(f"{where}{carried(request, 'told=prefs.told.stopped')}", status_code=303)

    def stop(data: dict[str, Any], email: str, method: str, name: str) -> None:
        match str(data.get("say", "")):
            case "stop_all":
                stop_messages.stop(project, email, "", method=method, name=name)
            case "stop":
                stop_messages.stop(project, email, str(chosen(data).key), method=method, name=name)
            case _:
                raise NotFoundException

    def chosen(data: dict[str, Any]) -> Purpose:
        named = str(data.get("purpose", ""))
        for one in preferences.choices(project):
            if str(one.key) == named:
                return one
        raise NotFoundException

    @post("/preferences/end", sync_to_thread=True, status_code=303)
    def end(request: Asked) -> Response[Any]:
        """POST /preferences/end: forget the code in this browser."""
        same_site(request, project)
        gone = Cookie(
            COOKIE, path="/preferences", value="", max_age=0, httponly=True, samesite="strict", secure=secure
        )
        return Redirect(
            f"/preferences{carried(request, 'told=prefs.told.ended')}", status_code=303, cookies=[gone]
        )

    return [show, linked, receipt, code, enter, say, say_by_link, end]


def _once(data: dict[str, Any]) -> str:
    """Return the word of the form, which makes that sending it twice does a thing once."""
    return str(data.get("once", ""))[:WORD_MAX]


def _told(request: Asked) -> str:
    told = str(request.query_params.get("told", ""))
    return told if told in TOLD else ""


def _said(request: Asked, words: Words) -> str:
    told = _told(request)
    return words(told) if told else ""


def _text(purpose: Purpose, words: Words, organisation: str) -> str:
    """Say what a yes would allow, by which channels, and that it can be taken back."""
    by = ", ".join(words(f"channel.{one}") for one in purpose.channels)
    does = purpose.does.said(words.language)
    asked = words("prefs.may.by", organisation=organisation, does=does, channels=by) if by else words(
        "prefs.may", organisation=organisation, does=does
    )  # fmt: skip
    return f"{asked} {words('prefs.back')}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _published(project: Project, language: str) -> str:
    return language if language in project.policy.documents else project.policy.language
