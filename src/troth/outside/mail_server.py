"""A mail server that takes mail for a few addresses and hands each on before it says that it has it.

It relays nothing, signs nobody in, and answers for no address but those it was given.  What
is not kept is refused for now (451), so that whoever sent it tries again: a server killed in
the middle has acknowledged nothing that is lost.

Source: RFC 5321 sections 4.2.5 and 6.1 (responsibility begins with the 250), RFC 3207 (STARTTLS).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from troth.errors import NotAllowedError
from troth.outside.mail import is_address

LOG = logging.getLogger("troth.mail")
BYTES_MAX = 50 * 1024 * 1024
RECIPIENTS_MAX = 20
SECONDS_IDLE = 120

Take = Callable[[bytes, datetime], object]


class _Handler:
    """What is done with each mail; one is never acknowledged before `take` has come back."""

    def __init__(self, take: Take, addresses: Collection[str], clock: Callable[[], datetime]) -> None:
        self._take = take
        self._addresses = frozenset(address.casefold() for address in addresses)
        self._clock = clock

    async def handle_RCPT(  # noqa: N802
        self,
        server: Any,  # noqa: ARG002
        session: Any,  # noqa: ARG002
        envelope: Any,
        address: str,
        options: list[str],  # noqa: ARG002
    ) -> str:
        """Answer for our addresses alone."""
        if address.casefold() not in self._addresses:
            return "550 5.1.1 No mail is taken for that address here"
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        """Hand the mail on, and acknowledge it only then."""
        try:
            await asyncio.to_thread(self._take, bytes(envelope.original_content), self._clock())
        except Exception as error:
            LOG.error("A mail could not be kept, and was refused for now: %s", type(error).__name__)
            return "451 4.3.0 It could not be kept; please try again"
        return "250 2.0.0 Kept"


class MailServer:
    """A running server; `port` is where it listens."""

    def __init__(
        self,
        take: Take,
        addresses: Collection[str],
        clock: Callable[[], datetime],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """Start to listen; raises NotAllowedError with what is missing or wrong."""
        try:
            from aiosmtpd.smtp import SMTP
        except ImportError:
            raise NotAllowedError(
                "A mail server needs aiosmtpd, which is not installed. Install it (`pip install 'troth[smtp]'`)."
            ) from None
        wrong = [address for address in addresses if not is_address(address)]
        if wrong or not addresses:
            raise NotAllowedError("Name the addresses whose mail is taken, such as privacy@example.org.")
        logging.getLogger("mail.log").addFilter(_nothing)  # the library's own: it names who writes to whom
        context = _context(certificate, key)
        handler = _Handler(take, addresses, clock)

        def made() -> Any:
            return SMTP(
                handler, data_size_limit=BYTES_MAX, enable_SMTPUTF8=True, hostname=None, ident="Troth",
                tls_context=context, timeout=SECONDS_IDLE, auth_required=False, loop=self._loop,
            )  # fmt: skip

        self._made = made
        try:
            self._socket = socket.create_server((host, port), backlog=64)
        except OSError as error:
            raise NotAllowedError(
                f"Nothing can listen at {host}:{port}: {error.strerror or 'it is refused'}. Name another port."
            ) from None
        self.port = int(self._socket.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    def run(self) -> None:
        """Take mail until `stop`; in a thread of its own, or the main one."""
        try:
            self._loop.run_until_complete(self._served())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    async def _served(self) -> None:
        server = await self._loop.create_server(self._made, sock=self._socket)
        await self._ended.wait()
        server.close()

    def stop(self) -> None:
        """Let what is being taken finish, and end; from any thread or signal."""
        self._loop.call_soon_threadsafe(self._ended.set)


def _context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError):
        raise NotAllowedError(
            "The certificate and its key cannot be read as PEM, or do not belong together."
        ) from None
    return context


def _nothing(_: logging.LogRecord) -> bool:
    """Let no line of a log through."""
    return False
