"""The calls there are, each a value that knows its answer's type."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

Answer = TypeVar("Answer", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Call(Generic[Answer]):
    """One call: where it goes, what it says, and what is answered; `once` names it, so that it may be sent again."""

    method: Literal["GET", "POST"]
    path: str
    answer: type[Answer]
    body: Mapping[str, Any] | None = None
    once: str = ""


class MayAnswer(msgspec.Struct, frozen=True):
    """May it be done, why, and how long ago the ledger was read."""

    allowed: bool = msgspec.field(name="may")
    code: str
    fresh_seconds: float
    why: str = ""
    clause: str = ""
    promise: str = ""
    event: str | None = None
    at: str | None = None


class ChoiceTaken(msgspec.Struct, frozen=True):
    """One choice as it was recorded; a yes that is not `proven` does not count."""

    event: str
    proven: bool


class ChoicesTaken(msgspec.Struct, frozen=True):
    """Choices as they were recorded; `subject` names the person quickest next time."""

    subject: str
    at: str
    choices: tuple[ChoiceTaken, ...]


class Notice(msgspec.Struct, frozen=True):
    """The separate notice about the right to object: set it apart from everything else, and hand its token back."""

    rights: tuple[str, ...]
    language: str
    text: str
    html: str
    token: str


class Message(msgspec.Struct, frozen=True):
    """One message: whether it may go, why, and what it carries; or what is `wrong` with the recipient."""

    email: str
    allowed: bool
    code: str = ""
    why: str = ""
    first: bool = False
    notice: Notice | None = None
    inform_first: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    unsubscribe: str = ""
    preferences: str = ""
    picture: str = ""
    links: dict[str, str] = {}
    wrong: str = ""


class Messages(msgspec.Struct, frozen=True):
    """Messages, in the order they were asked about."""

    messages: tuple[Message, ...]


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong with one of many, by its place from 0."""

    at: int
    detail: str


class Recorded(msgspec.Struct, frozen=True):
    """How many first messages were recorded, how many told nothing new, and what was wrong."""

    recorded: int
    known: int
    wrong: tuple[Wrong, ...] = ()


class Preference(msgspec.Struct, frozen=True):
    """How somebody stands to one purpose: `said` is yes, unless, objected, refused, ended or never."""

    purpose: str
    said: str
    on: str
    may_stop: bool
    may_give: bool


class Preferences(msgspec.Struct, frozen=True):
    """How somebody stands to each purpose, and the address of their own page."""

    preferences: tuple[Preference, ...]
    page: str


class Opened(msgspec.Struct, frozen=True):
    """Where a request stands; `page` is the person's own, for nobody else."""

    id: str
    number: str
    page: str
    state: str
    received: str
    due: str | None
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said about one purpose: given, refused, withdrawn, renewed or objected."""

    said: Literal["given", "refused", "withdrawn", "renewed", "objected"]
    purpose: str = ""
    channel: str = "*"
    controller: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a message: the page it leads to, and the address that measures who follows it."""

    to: str
    by: str


def may(
    purpose: str,
    *,
    email: str = "",
    subject: str = "",
    channel: str | None = None,
    entity: str | None = None,
    addressee: Literal["consumer", "customer", "professional"] = "consumer",
    language: str = "en",
    why: bool = True,
) -> Call[MayAnswer]:
    """Ask whether something may be done with somebody, named by an address or by the subject's id."""
    body = {"purpose": purpose, "channel": channel, "entity": entity, "addressee": addressee, "language": language,
            "why": why, **_who(email, subject)}  # fmt: skip
    return Call("POST", "/api/may", MayAnswer, body)


def choices(
    said: Sequence[Said],
    method: str,
    *,
    email: str = "",
    subject: str = "",
    form: str = "",
    language: str = "",
    at: datetime | None = None,
    once: str = "",
    **more: Any,
) -> Call[ChoicesTaken]:
    """Report what somebody said; `form` is the hash of what was shown, `more` what docs/consent.md lists besides.

    Without `once` a name is drawn, so that sending it again records it once.
    """
    told = [
        {
            name: value
            for name in ("said", "purpose", "channel", "controller")
            if (value := getattr(one, name))
        }
        for one in said
    ]
    body = {
        "choices": told,
        "method": method,
        "form": form,
        "language": language,
        **_who(email, subject),
        **more,
    }
    if at is not None:
        body["at"] = at.isoformat()
    return Call("POST", "/api/choices", ChoicesTaken, body, once or secrets.token_hex(16))


def prepare(
    purpose: str,
    to: Sequence[str] | Mapping[str, str],
    *,
    channel: str = "email",
    measured_for: str = "",
    picture: str = "",
    links: Mapping[str, Link] | None = None,
) -> Call[Messages]:
    """Ask before a message goes out to some addresses, or to addresses with the language of each; 500 at most.

    With `measured_for`, a purpose of its own, the picture and the links are measured where people consent.
    """
    whom = dict.fromkeys(to, "") if not isinstance(to, Mapping) else to
    body: dict[str, Any] = {
        "purpose": purpose, "channel": channel,
        "to": [{"email": email, "language": language} for email, language in whom.items()],
    }  # fmt: skip
    if measured_for:
        told = {name: {"to": one.to, "by": one.by} for name, one in (links or {}).items()}
        body["measured"] = {"purpose": measured_for, "picture": picture, "links": told}
    return Call("POST", "/api/messages/prepare", Messages, body)


def sent(
    purpose: str, notices: Mapping[str, str], *, channel: str = "email", on: date | None = None
) -> Call[Recorded]:
    """Record messages that were sent: by address, the token of the notice each carried (or an empty one)."""
    day = {"on": on.isoformat()} if on else {}
    told = [{"email": email, "notice": token, **day} for email, token in notices.items()]
    return Call(
        "POST", "/api/messages/sent", Recorded, {"purpose": purpose, "channel": channel, "sent": told}
    )


def preferences(email: str) -> Call[Preferences]:
    """Ask how somebody stands to each purpose they decide about."""
    return Call("POST", "/api/preferences", Preferences, {"email": email})


def open_request(rights: Sequence[str], email: str, *, once: str = "", **more: Any) -> Call[Opened]:
    """Hand a request on; `more` is what docs/portal.md lists besides.  Without `once` a name is drawn."""
    body = {"rights": list(rights), "email": email, **more}
    return Call("POST", "/api/requests", Opened, body, once or secrets.token_hex(16))


def request_of(ident: str) -> Call[Opened]:
    """Ask where a request stands, by the id it was answered with."""
    if not ident.replace("-", "").isalnum():
        raise ValueError("That is no id of a request.")
    return Call("GET", f"/api/requests/{ident}", Opened)


def _who(email: str, subject: str) -> dict[str, Any]:
    if bool(email) == bool(subject):
        raise ValueError("Name one person: by `email` or by `subject`.")
    return {"subject": subject} if subject else {"who": {"email": email}}
