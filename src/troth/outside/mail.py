"""Mail: how letters leave, and what is known of their arrival.

Two ways: a mail server (SMTP), and a folder where letters are dropped as `.eml` files, for
trying things out.  What a server answered is returned as a code; addresses and texts are in
no error.
"""

from __future__ import annotations

import secrets
import smtplib
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from troth.errors import NotAllowedError
from troth.outside.clock import now
from troth.outside.trusted import trusted

SECONDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it leaves: to whom, in which language, and what it says."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    language: str = "en"
    thread: str = field(default="", repr=False)  # what its id begins with, so that replies find their way
    html: str = field(default="", repr=False)  # the same as a page
    attachments: tuple[tuple[str, str, bytes], ...] = field(default=(), repr=False)  # name, media type, bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a letter: `sent`, `failed` (try again) or `refused` (do not); and the proof or the code."""

    outcome: str
    proof: str = ""


class Mailer(Protocol):
    """A way letters leave."""

    def send(self, letter: Letter) -> Sent:
        """Send a letter; never raises for what a server or a network does."""
        ...


@dataclass(frozen=True, slots=True)
class Dropped:
    """Letters dropped into a folder, one file each."""

    folder: Path
    sender: str

    def send(self, letter: Letter) -> Sent:
        """Write the letter to a file that only its owner reads."""
        message, ident = _message(letter, self.sender)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self.folder / f"{now():%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.eml"
            file.touch(mode=0o600)
            file.write_bytes(message.as_bytes(policy=SMTP))
        except OSError as error:
            return Sent("failed", type(error).__name__)
        return Sent("sent", ident)


@dataclass(frozen=True, slots=True)
class Server:
    """Letters given to a mail server."""

    host: str
    port: int
    sender: str
    encrypted: bool = False
    login: str = ""
    password: str = field(default="", repr=False)
    seconds: float = SECONDS_MAX  # how long the server may keep silent

    def send(self, letter: Letter) -> Sent:
        """Give the letter to the server, and return its word on it."""
        message, ident = _message(letter, self.sender)
        try:
            with self._connected() as server:
                if self.login:
                    server.login(self.login, self.password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return Sent(
                "failed" if all(400 <= code < 500 for code in codes) else "refused", f"smtp {codes[0]}"
            )
        except smtplib.SMTPResponseException as error:
            return Sent("failed" if 400 <= error.smtp_code < 500 else "refused", f"smtp {error.smtp_code}")
        except (OSError, smtplib.SMTPException) as error:
            return Sent("failed", type(error).__name__)
        return Sent("sent", ident)

    def _connected(self) -> smtplib.SMTP:
        if self.encrypted:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.seconds, context=trusted())
        server = smtplib.SMTP(self.host, self.port, timeout=self.seconds)
        if server.ehlo()[0] == 250 and server.has_extn("starttls"):
            server.starttls(context=trusted())
            server.ehlo()
        return server


def mailer(to: str, sender: str, folder: Path) -> Mailer:
    """Make the way letters leave from its setting: `smtp://…`, `smtps://…` or `folder:PATH`."""
    if to.startswith("folder:"):
        return Dropped(folder / to.removeprefix("folder:"), sender)
    parts = urlsplit(to)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise NotAllowedError("[mail] to is smtp://HOST:PORT, smtps://HOST:PORT or folder:PATH.")
    encrypted = parts.scheme == "smtps"
    port = parts.port or (465 if encrypted else 25)
    return Server(
        parts.hostname, port, sender, encrypted, unquote(parts.username or ""), unquote(parts.password or "")
    )


DAMAGED = "\ufffd"
"""What stands in a text for bytes that were no letters: an address that holds it was never somebody's."""


def is_address(written: str) -> bool:
    r"""Say whether a letter can be sent to this address.

    >>> is_address("ada@example.org"), is_address("ada"), is_address("a@b\nBcc: c@d"), is_address("\ufffd@x.org")
    (True, False, False, False)
    """
    local, at, domain = written.rpartition("@")
    if not at or not local or "." not in domain or len(written) > 254:
        return False
    if not written.isprintable() or " " in written or DAMAGED in written:  # a line may also end in U+2028
        return False
    try:
        Address(addr_spec=written.encode("ascii", "replace").decode().replace("?", "x"))
    except (ValueError, IndexError, MessageError):  # a parse error of email is no ValueError
        return False
    return all(part and not part.startswith("-") for part in domain.split(".")) and "," not in written


def _message(letter: Letter, sender: str) -> tuple[EmailMessage, str]:
    message = EmailMessage(policy=SMTP)
    ident = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2] or "localhost")
    if letter.thread:
        ident = f"<{letter.thread}.{ident.removeprefix('<')}"
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Date"], message["Message-ID"] = format_datetime(now()), ident
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    for name, media, data in letter.attachments:
        main, _, sub = media.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    message["Content-Language"] = letter.language  # last: setting the content removes what is said of it
    return message, ident
