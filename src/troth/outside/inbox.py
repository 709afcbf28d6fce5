"""Where mail comes in: a folder of `.eml` files, or a mailbox on an IMAP server.

A mail is taken from its place only after it was kept: whoever is killed between the two finds
it again, and it is recognised.

Danger: a taken mail leaves the inbox (it is moved, never deleted).  Source: RFC 3501 (IMAP),
RFC 6851 (MOVE), RFC 7628 (OAuth 2 bearer tokens).
"""

from __future__ import annotations

import contextlib
import imaplib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from troth.errors import NotAllowedError, UnreachableError
from troth.outside.access_token import AccessToken
from troth.outside.trusted import trusted

BYTES_MAX = 50 << 20
MAILS_MAX = 200  # in one go
SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Item:
    """A mail as it lies in its inbox: its bytes, and when the server took it where that is known."""

    raw: bytes = field(repr=False)
    arrived_at: datetime | None
    done: Callable[[], None] = field(repr=False)


class Inbox(Protocol):
    """A place where mail comes in."""

    def items(self) -> Iterator[Item]:
        """Yield what lies there, the oldest first; raises UnreachableError when it does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder into which mails are dropped, one file each; what is taken moves into `taken/`."""

    folder: Path

    def items(self) -> Iterator[Item]:
        """Yield the mails in the folder, by name."""
        if not self.folder.is_dir():
            raise UnreachableError(
                f"The folder {self.folder.name!r} for incoming mail is not there. Make it."
            )
        for file in sorted(self.folder.glob("*.eml"))[:MAILS_MAX]:
            if file.is_file() and file.stat().st_size <= BYTES_MAX:
                yield Item(file.read_bytes(), None, lambda file=file: self._take(file))  # type: ignore[misc]

    def _take(self, file: Path) -> None:
        taken = self.folder / "taken"
        taken.mkdir(mode=0o700, exist_ok=True)
        to, number = taken / file.name, 0
        while to.exists():
            number += 1
            to = taken / f"{file.stem}-{number}{file.suffix}"
        file.rename(to)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox on an IMAP server; what is taken moves into the mailbox `taken`."""

    host: str
    port: int
    login: str
    secret: Callable[[], str] = field(repr=False)  # looked up each time: tokens end, and files change
    mailbox: str = "INBOX"
    taken: str = "Troth"
    encrypted: bool = True
    bearer: bool = False  # the secret is an OAuth 2 token
    seconds: float = SECONDS_MAX

    def items(self) -> Iterator[Item]:
        """Yield the mails of the mailbox, the oldest first."""
        try:
            with self._open() as server:
                _ok(server.select(_quoted(self.mailbox)), f"There is no mailbox {self.mailbox!r}")
                found = _ok(server.uid("search", "UNDELETED"), "The mailbox cannot be searched")
                for uid in (found[0] or b"").split()[:MAILS_MAX]:
                    yield from self._item(server, uid.decode())
        except (OSError, imaplib.IMAP4.error) as error:
            raise UnreachableError(
                f"The mailbox at {self.host} did not answer ({type(error).__name__}). See that it runs, that the "
                "login is right, and try again."
            ) from None

    def _item(self, server: imaplib.IMAP4, uid: str) -> Iterator[Item]:
        sized = _ok(server.uid("fetch", uid, "(RFC822.SIZE INTERNALDATE)"), "A mail cannot be looked at")
        line = b" ".join(part if isinstance(part, bytes) else part[0] for part in sized if part)
        size = re.search(rb"RFC822\.SIZE (\d+)", line)
        if size is None or int(size[1]) > BYTES_MAX:
            return
        body = _ok(server.uid("fetch", uid, "(BODY.PEEK[])"), "A mail cannot be fetched")
        raw = next((part[1] for part in body if isinstance(part, tuple)), None)
        if raw is not None:
            yield Item(raw, _moment(line), lambda: self._take(server, uid))

    def _take(self, server: imaplib.IMAP4, uid: str) -> None:
        server.create(_quoted(self.taken))  # says no when it is there already
        if "MOVE" in server.capabilities:
            _ok(server.uid("move", uid, _quoted(self.taken)), "A mail cannot be moved")
            return
        _ok(server.uid("copy", uid, _quoted(self.taken)), "A mail cannot be copied")
        _ok(server.uid("store", uid, "+FLAGS", r"(\Deleted)"), "A mail cannot be marked")
        server.expunge()

    @contextlib.contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        server: imaplib.IMAP4
        if self.encrypted:
            server = imaplib.IMAP4_SSL(self.host, self.port, ssl_context=trusted(), timeout=self.seconds)
        else:
            server = imaplib.IMAP4(self.host, self.port, timeout=self.seconds)
            if "STARTTLS" in server.capabilities:
                server.starttls(trusted())
        try:
            if self.bearer:
                self._show(server)
            else:
                server.login(self.login, self.secret())
            capable = server.capability()[1]
            server.capabilities = tuple((capable[0] or b"").decode().upper().split()) if capable else ()
            yield server
        finally:
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                server.logout()

    def _show(self, server: imaplib.IMAP4) -> None:
        """Open the mailbox by a token; one that is refused is not used again."""
        told = f"user={self.login}\x01auth=Bearer {self.secret()}\x01\x01"
        try:
            # A server that says no sends its reason first, which is answered with nothing.
            sent = iter((told.encode(),))
            server.authenticate("XOAUTH2", lambda _: next(sent, b""))
        except imaplib.IMAP4.error:
            if isinstance(self.secret, AccessToken):
                self.secret.forget()
            raise


def inbox(where: str, secret: Callable[[], str] | None, folder: Path, *, bearer: bool = False) -> Inbox:
    """Make an inbox from its setting: `folder:PATH`, `imaps://USER@HOST:PORT/MAILBOX` or `imap://…` here.

    `imap://` is not encrypted, and is for this machine only.
    """
    if where.startswith("folder:"):
        return Folder(folder / where.removeprefix("folder:"))
    parts = urlsplit(where)
    try:
        port = parts.port
    except ValueError:
        port = None
    wrong = parts.scheme not in {"imap", "imaps"} or not parts.hostname or not parts.username
    if wrong or parts.password is not None:
        raise NotAllowedError(
            "[mail] inbox is folder:PATH or imaps://USER@HOST:PORT/MAILBOX; its password stands in inbox_secret."
        )
    if parts.scheme == "imap" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise NotAllowedError(
            "[mail] inbox: imap:// is not encrypted. Use imaps://, but for this machine itself."
        )
    if secret is None:
        raise NotAllowedError(
            "[mail] inbox needs its password or token: set inbox_secret to env:NAME or file:PATH."
        )
    encrypted = parts.scheme == "imaps"
    return Mailbox(
        str(parts.hostname), port or (993 if encrypted else 143), unquote(str(parts.username)), secret,
        unquote(parts.path.strip("/")) or "INBOX", encrypted=encrypted, bearer=bearer,
    )  # fmt: skip


def _ok(said: tuple[str, list[Any]], otherwise: str) -> list[Any]:
    status, data = said
    if status != "OK":
        raise UnreachableError(f"{otherwise}: the mail server said {status}.")
    return data


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _moment(line: bytes) -> datetime | None:
    found = re.search(rb'INTERNALDATE "([^"]+)"', line)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None
