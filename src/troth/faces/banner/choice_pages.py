"""The page where a visitor sees and changes what a site may store in their browser: one click each, no JavaScript.

It stands below `/choices/`, so that it is at the address of the site itself, whose cookies it reads; the gate deletes
in the same answer what was refused.  A yes and a no take one click each.

Law: GDPR Art. 7(1), (3); Directive 2002/58/EC Art. 5(3); CNIL 2020-092.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.exceptions import NotFoundException
from litestar.params import Body
from litestar.response import Redirect

from troth.faces.banner.catalogue import catalogue
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import Asked, limited, same_site
from troth.faces.portal.reading_pages import cookie_groups
from troth.faces.web import Look, carried, served
from troth.faces.words import Words
from troth.policy.policy import Policy
from troth.rules import cookie
from troth.rules.set_cookie import brought
from troth.work import record_choice
from troth.work.project import Project

if TYPE_CHECKING:
    from troth.faces.banner.routes import Banner, Banners

MINE = "/choices/mine"
TOLD = frozenset({"stopped", "refused", "given"})
_LETTERS_OF_A_NAME = "0123456789abcdefghijklmnopqrstuvwxyz"
Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


def choice_pages(project: Project, banners: Banners, look: Look, gated: Any, limit: Limit) -> list[Any]:
    """Return the routes; `gated` is the middleware that holds their answers to the table."""

    def now() -> int:
        return int(project.clock().timestamp())

    def chosen(request: Asked, banner: Banner) -> cookie.Choice | None:
        header = request.headers.get("cookie", "").encode("latin-1", "replace")
        return banner.gate.chosen(brought([header]), now())[0]

    @get(MINE, sync_to_thread=True, middleware=[cast("Any", gated)])
    def mine(request: Asked) -> Response[str]:
        """GET /choices/mine: what was chosen in this browser, each changed by one click."""
        banner = banners.now()
        words, choice = look.words_for(request), chosen(request, banner)
        told = str(request.query_params.get("told", ""))
        return look.page(
            request, "choice.html", words("choice.title"), path=MINE, site=_host(request), assets="/choices/page",
            root="" if _is_ours(request, project) else project.settings.public_url,
            kinds=kinds(banner, words.language, choice), state=_state(banner, choice, now(), words, request),
            told=words(f"choice.told.{told}") if told in TOLD else "", proof=choice.proof if choice else "",
            free=[one for one in cookie_groups(banner.policy, words.language) if one["exempt"]],
        )  # fmt: skip

    def kinds(banner: Banner, language: str, choice: cookie.Choice | None) -> list[dict[str, Any]]:
        """Return what is asked for, kind by kind, and whether it is allowed now."""
        said = catalogue(language)
        allowed = cookie.accepted(banner.known, choice, now())
        groups = {one["kind"]: one for one in cookie_groups(banner.policy, language)}
        return [
            {
                "kind": one, "title": said.title(one), "text": said[one], "allowed": one in allowed,
                "said": choice is not None, "group": groups[one],
            }
            for one in banner.known.categories
        ]  # fmt: skip

    @post("/choices/say", sync_to_thread=True, status_code=303)
    def say(request: Asked, data: Form) -> Response[Any]:
        """POST /choices/say: give or take back one kind, or all of them."""
        same_site(request, project)
        limited(request, limit)
        banner, words = banners.now(), look.words_for(request)
        before = chosen(request, banner)
        had = cookie.accepted(banner.known, before, now())
        what, _, kind = str(data.get("say", "")).partition(" ")
        every = frozenset(banner.known.categories)
        if (what, kind) not in {("give", one) for one in (*every, "all")} | {
            ("stop", one) for one in (*every, "all")
        }:
            raise NotFoundException
        meant = every if kind == "all" else frozenset({kind})
        wanted = had | meant if what == "give" else had - meant
        proof = (before.proof if before else "") or "".join(
            secrets.choice(_LETTERS_OF_A_NAME) for _ in range(16)
        )
        made = cookie.accept(banner.known, wanted, now(), before, proof)
        shown = _asked(banner.policy, words.language)
        record_choice.record_choice(
            project, banner.policy, banner.known, _told(banner, made, before, words.language),
            interface_sha256=shown, text_sha256=shown,
        )  # fmt: skip
        answer = "given" if what == "give" else "stopped" if had & meant else "refused"
        sent: Redirect = Redirect(f"{MINE}{carried(request, f'told={answer}')}", status_code=303)
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        sent.cookies.extend(_written(banner, made, _host(request), now(), secure=secure))
        return sent

    return [mine, say, served("/choices/page", look)]


def _host(request: Asked) -> str:
    return request.headers.get("host", "").partition(":")[0].lower()


def _is_ours(request: Asked, project: Project) -> bool:
    """Tell whether a page is read at the portal's own address, and not at that of a site."""
    host, cookies = _host(request), project.policy.cookies
    sites = {one.lower() for one in cookies.sites} if cookies else set()
    if project.settings.site is not None:
        sites.add(project.settings.site.host.lower())
    return host not in sites or host == (urlsplit(project.settings.public_url).hostname or "")


def _state(banner: Banner, choice: cookie.Choice | None, now: int, words: Words, request: Asked) -> str:
    """Say in a sentence how the visitor stands."""
    if choice is None:
        signal = request.headers.get("sec-gpc") == "1" and "gpc" in banner.known.signals
        return words("choice.signal" if signal else "choice.never")
    until = cookie.holds(banner.known, choice)[1]
    if now >= until or (choice.accepted and not cookie.accepted(banner.known, choice, now)):
        return words("choice.ended")
    if not choice.accepted:
        return words("choice.no")
    on, end = (words.day(datetime.fromtimestamp(one, UTC)) for one in (choice.at, until))
    return words("choice.yes", on=on, until=end)


def _asked(policy: Policy, language: str) -> str:
    """Return the hash of what the page says of every cookie: with the version it can be drawn again."""
    groups = [
        [one["kind"], one["title"], one["heads"], one["rows"]] for one in cookie_groups(policy, language)
    ]
    return hashlib.sha256(json.dumps(groups, ensure_ascii=False).encode()).hexdigest()


def _told(
    banner: Banner, made: cookie.Choice, before: cookie.Choice | None, language: str
) -> record_choice.Told:
    def letters(one: cookie.Choice | None) -> str:
        return "".join(
            cookie.LETTERS[kind] for kind in banner.known.categories if one and kind in one.accepted
        )

    return record_choice.Told(
        how=record_choice.PAGE, yes=letters(made), was=letters(before),
        proof=made.proof or (before.proof if before else ""),
        language=language if language in banner.scripts else banner.policy.language,
        table=banner.known.sha256, at=made.at, signal=False,
    )  # fmt: skip


def _written(banner: Banner, made: cookie.Choice, host: str, now: int, *, secure: bool) -> Iterator[Cookie]:
    """Yield the cookie that remembers the choice: for this host, and for each declared site that it lies under."""
    seconds = cookie.holds(banner.known, made)[1] - now
    above = [one for one in banner.known.sites if host != one.lower() and cookie.same_or_under(host, one)]
    for domain in (None, *above):
        yield Cookie(
            banner.known.choice_in, path="/", value=cookie.write_choice(made), max_age=seconds, domain=domain,
            samesite="lax", secure=secure,
        )  # fmt: skip
