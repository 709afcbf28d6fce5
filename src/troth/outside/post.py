"""Send bytes to an address on the web, or fetch what is there, once: no redirects, bounded time and bounded answer.

Encrypted, but for this machine itself.  Addresses, bodies and answers are in no error.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from troth.errors import NotAllowedError
from troth.outside.trusted import trusted

SECONDS_MAX = 20
BYTES_MAX = 64 * 1024
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server answered; status 0 where it did not."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS_MAX) -> Answered:
    """Send a body by POST; never raises for what a server or a network does.

    Raises NotAllowedError where the address is none, or not encrypted and elsewhere.
    """
    return _asked("POST", url, body, headers, seconds)


def get(url: str, headers: Mapping[str, str], *, seconds: float = SECONDS_MAX) -> Answered:
    """Fetch what is at an address, under the rules of `post`."""
    return _asked("GET", url, None, headers, seconds)


def _asked(method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float) -> Answered:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:  # no number, or none that a port can have
        host, port = "", None
    if parts.scheme not in {"http", "https"} or not host or parts.username:
        raise NotAllowedError(
            "That is no address to send to. Write it as https://processor.example/requests."
        )
    if parts.scheme == "http" and host not in _HERE:
        raise NotAllowedError("Messages about people leave encrypted only: write the address with https://.")
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    connection = (
        http.client.HTTPSConnection(host, port, timeout=seconds, context=trusted())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=seconds)
    )
    # A server may send a letter now and then for ever: the whole is bounded, not each letter.
    late = threading.Event()
    cut = threading.Timer(seconds, _cut, (connection, late))
    cut.daemon = True
    cut.start()
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        read = answer.read(BYTES_MAX)
        return Answered(0) if late.is_set() else Answered(answer.status, dict(answer.getheaders()), read)
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return Answered(0)
    finally:
        cut.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """End a connection that another thread waits for."""
    late.set()
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
