"""A mail that came in, as it can be read: whatever is broken in it, something is understood.

Nothing here decides what a mail is: a person sorts it.  The rights its words seem to ask for
are a guess to start from.

Source: RFC 5322 (mail), RFC 3834 (automatic answers), RFC 3464 (delivery reports).
"""

from __future__ import annotations

import email
import email.policy
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

from troth.errors import NotAllowedError
from troth.law.period import Period
from troth.rules.event import Event

TEXT_MAX = 200_000
IDS_MAX = 50
NONE = frozenset({"not_a_request", "automatic"})
"""What became of mails that were no request."""
KEPT = Period(1, "years")
"""How long a mail is kept that was no request; our own default."""
_ID = re.compile(r"<([^<>\s]{1,300})>")
_QUOTED = re.compile(r"^\s*(>|On .{5,200} wrote:\s*$|Le .{5,200} a écrit\s*:\s*$)")


def fold(state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
    """Return the state of a mail after an event: whether it still waits for somebody to sort it."""
    if event.kind == "mail_received":
        facts = event.facts
        return {
            "id": facts["mail"], "arrived_at": facts["arrived_at"], "guess": facts["guess"], "status": "waiting",
            "due": str(facts["arrived_at"])[:10], "request": None,
        }  # fmt: skip
    if state is None:
        raise ValueError("a mail begins with its receipt")
    if event.kind == "mail_sorted":
        to = str(event.facts["to"])
        due = kept_until(state).isoformat() if to in NONE else None
        return {**state, "status": to, "request": event.request or state["request"], "due": due}
    return state


def kept_until(state: Mapping[str, Any]) -> date:
    """Return the day on which a mail that was no request is destroyed."""
    return KEPT.after(date.fromisoformat(str(state["arrived_at"])[:10]))


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as read: who, to which mails it answers, what it says, what hangs on it."""

    sender: str = field(repr=False)
    name: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    ids: tuple[str, ...] = field(repr=False)  # what it answers, without the angle brackets
    arrived_at: datetime | None = None  # as our own server wrote on top
    automatic: bool = False
    attachments: tuple[tuple[str, int], ...] = field(default=(), repr=False)  # name, bytes


def read(raw: bytes) -> Mail:
    """Read a mail; what cannot be read is left empty, and nothing is raised."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
    except Exception:  # the parser is not total; the mail itself is kept whole
        return Mail("", "", "", raw[:TEXT_MAX].decode("utf-8", "replace"), ())
    name, sender = parseaddr(_header(message, "From"))
    return Mail(
        sender=sender.strip(),
        name=" ".join(name.split())[:200],
        subject=" ".join(_header(message, "Subject").split())[:500],
        text=_text(message)[:TEXT_MAX],
        ids=tuple(_ID.findall(f"{_header(message, 'In-Reply-To')} {_header(message, 'References')}"))[
            -IDS_MAX:
        ],
        arrived_at=_arrived(message),
        automatic=_automatic(message),
        attachments=tuple(_attachments(message)),
    )


def said(text: str) -> str:
    r"""Return what a reply says of its own, without the mail it quotes.

    >>> said("Yes, all of it.\n\nOn Monday you wrote:\n> What exactly?")
    'Yes, all of it.'
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _QUOTED.match(line):
            own = "\n".join(lines[:number]).strip()
            if own:
                return own
            break
    return text.strip()


@lru_cache(maxsize=1)
def _words() -> Mapping[str, re.Pattern[str]]:
    told = tomllib.loads((files("troth.rules") / "mail.toml").read_text(encoding="utf-8"))["asks"]
    return {right: re.compile("|".join(patterns), re.IGNORECASE) for right, patterns in told.items()}


def guess(mail: Mail) -> tuple[str, ...]:
    """Guess which rights a mail asks for, from its words; none when it does not look like a request."""
    text = f"{mail.subject}\n{said(mail.text)}"[:20_000]
    return tuple(right for right, pattern in _words().items() if pattern.search(text))


def check_reason(reason: str) -> None:
    """Raise NotAllowedError where a mail is put aside without a reason."""
    if not reason.strip():
        raise NotAllowedError("A mail that is not a request needs the reason why not: write it down.")


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name) or "")
    except Exception:  # some broken headers raise when they are looked at
        return ""


def _arrived(message: EmailMessage) -> datetime | None:
    """Return when our own server took it: the topmost trace; the sender's own date proves nothing."""
    written = _header(message, "Received").rpartition(";")[2].strip()
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _automatic(message: EmailMessage) -> bool:
    submitted = _header(message, "Auto-Submitted").lower()
    return (
        (submitted not in {"", "no"})
        or _header(message, "Precedence").lower() in {"bulk", "junk", "list"}
        or message.get_content_type() == "multipart/report"
        or _header(message, "Return-Path").strip() == "<>"
    )


def _text(message: EmailMessage) -> str:
    plain: list[str] = []
    marked: list[str] = []
    for part in message.walk():
        if part.is_multipart() or part.get_content_disposition() == "attachment":
            continue
        kind = part.get_content_type()
        if kind in {"text/plain", "text/html"}:
            (plain if kind == "text/plain" else marked).append(_content(part))
    return "\n\n".join(plain) or "\n\n".join(_bare(each) for each in marked)


def _content(part: EmailMessage) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        return data.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


class _Bare(HTMLParser):
    """Collects the words of a page, and no script or style."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self._hidden += tag in {"script", "style"}
        if tag in {"p", "br", "div", "li", "tr"}:
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _bare(marked: str) -> str:
    reader = _Bare()
    reader.feed(marked)
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _attachments(message: EmailMessage) -> Iterator[tuple[str, int]]:
    for part in message.walk():
        if part.is_multipart() or part.get_content_disposition() != "attachment":
            continue
        data = part.get_payload(decode=True)
        try:
            name = str(part.get_filename() or "")
        except Exception:  # a name that cannot be decoded is no name
            name = ""
        yield name[:200], len(data) if isinstance(data, bytes) else 0
