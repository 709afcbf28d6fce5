"""Messages that another system of the organisation sends: asked about before, recorded after; and preferences.

Law: GDPR Arts. 7(3), 14(3)(b), 21(2) to (4).
"""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import msgspec
from litestar import Response, post

from troth.errors import ConflictError, NotAllowedError
from troth.faces.portal.guarded import ERRORS, Guard, answer, body_of
from troth.faces.portal.pages import Asked
from troth.work import communicate, preferences
from troth.work.message_link import preferences_url, stop_token
from troth.work.prepare_message import Measured, Prepared, check_measured, prepare
from troth.work.project import Project

MANY_MAX = 500
BODY_BYTES_MAX = 1 << 20
"""A full call of them is longer than a page's form."""


class To(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody to whom a message goes, and the language it is in (by default what is known of them)."""

    email: str
    language: str = ""


class Link(msgspec.Struct, forbid_unknown_fields=True):
    """A link of a message: the page it leads to, and the address that measures who follows it."""

    to: str
    by: str


class Measuring(msgspec.Struct, forbid_unknown_fields=True):
    """What is measured with a consent of its own: the purpose, a picture's address, links by a name of your own."""

    purpose: str
    picture: str = ""
    links: dict[str, Link] = {}


class Preparing(msgspec.Struct, forbid_unknown_fields=True):
    """A message that is about to be sent to some people."""

    purpose: str
    to: list[To]
    channel: str = "email"
    measured: Measuring | None = None


class ObjectionNotice(msgspec.Struct):
    """The separate notice about the right to object: set it apart from everything else, and keep its token."""

    rights: list[str]
    language: str
    text: str
    html: str
    token: str


class Ready(msgspec.Struct):
    """One message: whether it may go, why, and what it carries; or what is `wrong` with the recipient."""

    email: str
    allowed: bool
    code: str = ""
    why: str = ""
    first: bool = False
    notice: ObjectionNotice | None = None
    inform_first: list[str] = []
    headers: dict[str, str] = {}
    unsubscribe: str = ""
    preferences: str = ""
    picture: str = ""
    links: dict[str, str] = {}
    wrong: str = ""


class ReadyAll(msgspec.Struct):
    """The messages, in the order they were asked about."""

    messages: list[Ready]


class Went(msgspec.Struct, forbid_unknown_fields=True):
    """A message that was sent: to whom, with which notice by its token, on which day (today if left out)."""

    email: str
    notice: str = ""
    on: date | None = None


class Sent(msgspec.Struct, forbid_unknown_fields=True):
    """Messages that were sent."""

    purpose: str
    sent: list[Went]
    channel: str = "email"


class Wrong(msgspec.Struct):
    """What is wrong with one of many, by its place from 0."""

    at: int
    detail: str


class Recorded(msgspec.Struct):
    """How many first messages were recorded, how many told nothing new, and what was wrong."""

    recorded: int
    known: int
    wrong: list[Wrong]


class Whose(msgspec.Struct, forbid_unknown_fields=True):
    """Whose preferences are asked for."""

    email: str


class Stands(msgspec.Struct):
    """How somebody stands to one purpose: `said` is yes, unless, objected, refused, ended or never."""

    purpose: str
    said: str
    on: str
    may_stop: bool
    may_give: bool


class Preferences(msgspec.Struct):
    """How somebody stands to each purpose, and the address of their own page, good for 30 days."""

    preferences: list[Stands]
    page: str


def message_api(project: Project, guard: Guard) -> list[Any]:
    """Return the routes, or none where no key is set."""

    @post(
        "/api/messages/prepare",
        status_code=200,
        exception_handlers=ERRORS,
        request_max_body_size=BODY_BYTES_MAX,
    )
    async def prepared(request: Asked) -> Response[Any]:
        """POST /api/messages/prepare: may they be sent, and what must each carry; nothing is recorded."""
        guard.allowed(request, "messages")
        told = await body_of(request, Preparing, "a message to prepare")
        _few(told.to)
        found = await asyncio.to_thread(_prepare, project, told)
        return answer({"messages": [msgspec.to_builtins(one) for one in found]})

    @post(
        "/api/messages/sent",
        status_code=200,
        exception_handlers=ERRORS,
        request_max_body_size=BODY_BYTES_MAX,
    )
    async def sent(request: Asked) -> Response[Any]:
        """POST /api/messages/sent: record first messages; saying it again records no more."""
        key = guard.allowed(request, "messages")
        told = await body_of(request, Sent, "a list of messages sent")
        _few(told.sent)
        return answer(msgspec.to_builtins(await asyncio.to_thread(_record, project, told, key)))

    @post("/api/preferences", status_code=200, exception_handlers=ERRORS)
    async def stands(request: Asked) -> Response[Any]:
        """POST /api/preferences: how somebody stands to what they decide about; a choice goes to /api/choices."""
        guard.allowed(request, "preferences")
        told = await body_of(request, Whose, "a question about preferences")
        return answer(await asyncio.to_thread(_preferences, project, told.email))

    return [prepared, sent, stands] if guard.known else []


def _few(many: list[Any]) -> None:
    if not 0 < len(many) <= MANY_MAX:
        raise NotAllowedError(f"Name one person at least and {MANY_MAX} at most in one call.")


def _prepare(project: Project, told: Preparing) -> list[Ready]:
    """Prepare each message; what is wrong with one recipient is told beside the others."""
    _known(project, told.purpose, told.channel)
    measured = None
    if told.measured is not None:
        links = {name: (link.to, link.by) for name, link in told.measured.links.items()}
        measured = Measured(told.measured.purpose, told.measured.picture, links)
        check_measured(project, told.purpose, measured)
    ready = []
    for one in told.to:
        try:
            ready.append(_ready(one.email, prepare(
                project, one.email, told.purpose, channel=told.channel, language=one.language, measured=measured
            )))  # fmt: skip
        except NotAllowedError as error:
            ready.append(Ready(one.email, allowed=False, wrong=str(error)))
    return ready


def _known(project: Project, purpose: str, channel: str) -> None:
    """Refuse a purpose or a channel that there is not, before anybody is looked at."""
    wrong = []
    if purpose not in project.policy.purposes:
        wrong.append(
            f"The policy has no purpose {purpose[:40]!r}. It has: {', '.join(project.policy.purposes)}."
        )
    if channel not in communicate.CHANNELS:
        wrong.append(f"There is no channel {channel[:20]!r}. There are: {', '.join(communicate.CHANNELS)}.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))


def _ready(email: str, found: Prepared) -> Ready:
    told = found.due.notice
    notice = (
        ObjectionNotice(list(told.rights), told.language, told.text, told.html, told.token) if told else None
    )
    return Ready(
        email, found.allowed, found.code, found.why, found.due.first, notice, list(found.due.owed),
        dict(found.headers), found.unsubscribe, found.preferences, found.picture, dict(found.links),
    )  # fmt: skip


def _record(project: Project, told: Sent, key: str) -> Recorded:
    _known(project, told.purpose, told.channel)
    done = Recorded(0, 0, [])
    for at, one in enumerate(told.sent):
        try:
            event = communicate.sent(
                project,
                one.email,
                told.purpose,
                channel=told.channel,
                token=one.notice,
                on=one.on,
                actor=f"api/{key}",
            )
        except (ConflictError, NotAllowedError) as error:
            done.wrong.append(Wrong(at, str(error)))
        else:
            done.recorded += event is not None
            done.known += event is None
    return done


def _preferences(project: Project, email: str) -> dict[str, Any]:
    found = [
        {name: getattr(one, name) for name in ("purpose", "said", "on", "may_stop", "may_give")}
        for one in preferences.of(project, email)
    ]
    stoppable = next((one["purpose"] for one in found), None)
    page = preferences_url(project, stop_token(project, email, stoppable)) if stoppable else ""
    return {"preferences": found, "page": page}
