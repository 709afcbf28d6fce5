"""The only way out of a scan's browser: a SOCKS5 proxy that goes to no private address unasked.

A page may lead a browser anywhere: by a redirect, a picture, a name that resolves to
something else the second time.  Every connection of the browser comes through here; a name is
resolved once, each of its addresses is looked at, and the connection goes to the address that
was looked at.  Loopback, link-local, private and other addresses that are not of the public
Internet are refused, but for those of the hosts that whoever runs the scan has named.

Source: RFC 1928 (SOCKS5); RFC 6890 (special addresses); RFC 6052 (IPv4 inside IPv6).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

CONNECT_SECONDS = 10.0
BYTES_MAX = 64 * 1024 * 1024
"""How much one connection may bring; a page that wants more has had enough."""
CONNECTIONS_MAX = 256
_CHUNK = 65_536
_REFUSED, _UNREACHABLE = 2, 4
_INSIDE = ipaddress.ip_network("64:ff9b::/96")


class Address(NamedTuple):
    """An address that a name resolved to and that may be connected to."""

    family: int
    at: str


def is_public(address: str) -> bool:
    """Say whether an address is of the public Internet, whatever it is wrapped in.

    >>> is_public("93.184.216.34"), is_public("127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    >>> is_public("::ffff:10.0.0.1"), is_public("64:ff9b::7f00:1"), is_public("2002:7f00:1::")
    (False, False, False)
    """
    read = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(read, ipaddress.IPv6Address):
        inside = [read.ipv4_mapped, read.sixtofour, *(read.teredo or ())]
        if read in _INSIDE:
            inside.append(ipaddress.IPv4Address(int(read) & 0xFFFFFFFF))
        if int(read) >> 32 == 0 and int(read) > 1:
            inside.append(ipaddress.IPv4Address(int(read)))
        if any(one is not None and not is_public(str(one)) for one in inside):
            return False
    return read.is_global and not read.is_multicast


def plain_host(host: str) -> str:
    """Write a host as it is compared.

    >>> plain_host("[::1]"), plain_host("Shop.Example.")
    ('::1', 'shop.example')
    """
    return host.strip("[]").lower().rstrip(".")


class Guard:
    """A proxy on a free port of the loopback interface; `refused` are the hosts nobody was let to."""

    def __init__(self, private: Iterable[str] = ()) -> None:
        self._private = frozenset(plain_host(host) for host in private)
        self._named: set[str] = set()
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.refused: set[str] = set()
        self.url = ""

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_CHUNK)
        self.url = f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close every connection, and listen no more."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def addresses(self, host: str, port: int) -> list[Address] | None:
        """Resolve a host once; None where one of its addresses is private, and neither host nor address was named."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [Address(family, str(where[0])) for family, _, _, _, where in found]
        if plain_host(host) in self._private:
            self._named |= {one.at for one in addresses}
        elif not all(is_public(one.at) or one.at in self._named for one in addresses):
            self.refused.add(plain_host(host)[:253])
            return None
        return addresses

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._open.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, UnicodeError):
                await self._connect(reader, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        _, command, _, kind = await reader.readexactly(4)
        if kind == 1:
            host = socket.inet_ntop(socket.AF_INET, await reader.readexactly(4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, await reader.readexactly(16))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode("ascii")
        port = int.from_bytes(await reader.readexactly(2), "big")
        if command != 1:
            _answer(writer, 7)
            return
        try:
            addresses = await asyncio.wait_for(self.addresses(host, port), CONNECT_SECONDS)
        except (OSError, TimeoutError, UnicodeError):
            _answer(writer, _UNREACHABLE)
            return
        if addresses is None:
            _answer(writer, _REFUSED)
            return
        for address in addresses:
            with suppress(OSError, TimeoutError):
                there = await asyncio.wait_for(
                    asyncio.open_connection(address.at, port, family=address.family, limit=_CHUNK),
                    CONNECT_SECONDS,
                )
                break
        else:
            _answer(writer, _UNREACHABLE)
            return
        _answer(writer, 0)
        try:
            await _both(reader, writer, *there)
        finally:
            there[1].close()


def _answer(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0]))


async def _both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there_reader: asyncio.StreamReader,
    there_writer: asyncio.StreamWriter,
) -> None:
    """Carry bytes both ways until either side has no more to say."""
    ways = [
        asyncio.ensure_future(_carry(reader, there_writer)),
        asyncio.ensure_future(_carry(there_reader, writer)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(ways, timeout=CONNECT_SECONDS)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    carried = 0
    while carried < BYTES_MAX and (chunk := await reader.read(_CHUNK)):
        carried += len(chunk)
        writer.write(chunk)
        await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()
