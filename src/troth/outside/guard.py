"""The only way out of a scan's browser: a SOCKS5 proxy that goes to no private address unasked.

A page may lead a browser anywhere: by a redirect, a picture, a name that resolves to
something else the second time.  Every connection of the browser comes through here; a name is
resolved once in a scan, each of its addresses is looked at, and every connection goes to an
address that was looked at then.  Loopback, link-local, private and other addresses that are not
of the public Internet are refused, but for those of the hosts that whoever runs the scan has
named; a name that has public addresses too is never followed to its private ones.  Another name
may lead to where a named host was connected to: that address, and that port of it.

Chromium cannot sign in to a SOCKS5 proxy, so whoever connects is known by the system: it must be
a process of the user who runs the scan (Linux says whose a connection is; elsewhere anybody on
this machine may come).

Source: RFC 1928 (SOCKS5); RFC 6890 (special addresses); RFC 6052 (IPv4 inside IPv6); proc(5), net/tcp.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CONNECT_SECONDS = 10.0
BYTES_MAX = 64 * 1024 * 1024
"""How much one connection may bring; a page that wants more has had enough."""
CONNECTIONS_MAX = 256
NAMES_MAX = 5000
"""How many names one scan may ask for; a page that wants more has had enough."""
_CHUNK = 65_536
_CONNECTIONS = Path("/proc/net/tcp")
_REFUSED, _UNREACHABLE = 2, 4
_INSIDE = ipaddress.ip_network("64:ff9b::/96")


class Address(NamedTuple):
    """An address that a name resolved to and that may be connected to."""

    family: int
    at: str


Resolve = Callable[[str, int], Awaitable[list[Address]]]


async def resolved(host: str, port: int) -> list[Address]:
    """Return the addresses of a host; raises OSError where it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [Address(family, str(where[0])) for family, _, _, _, where in found]


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


def owner_of(connections: str, theirs: int, ours: int) -> int | None:
    """Return whose a connection between two ports of 127.0.0.1 is, by its own end of it; None where it is not there."""
    for line in connections.splitlines()[1:]:
        _, local, remote, _, _, _, _, owner, *_ = line.split()
        if (local, remote) == (f"0100007F:{theirs:04X}", f"0100007F:{ours:04X}"):
            return int(owner)
    return None


class Guard:
    """A proxy on a free port of the loopback interface; `refused` are the hosts nobody was let to."""

    def __init__(self, private: Iterable[str] = (), resolve: Resolve = resolved) -> None:
        self._private = frozenset(plain_host(host) for host in private)
        self._resolve = resolve
        self._pinned: dict[str, list[Address]] = {}
        self._named: set[tuple[str, int]] = set()
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
        """Return where a host is; None where one of its addresses is private, and neither host nor address was named.

        What a name resolved to the first time holds for the whole scan.
        """
        name = plain_host(host)
        found = self._pinned.get(name)
        if found is None:
            if len(self._pinned) >= NAMES_MAX:
                raise OSError("too many names")
            found = await self._resolve(host, port)
            found = self._pinned.setdefault(name, found)
        if name not in self._private and not all(self._may_go(one, port) for one in found):
            self.refused.add(name[:253])
            return None
        found = [one for one in found if is_public(one.at)] or found
        if name in self._private:
            self._named |= {(one.at, port) for one in found}
        return found

    def _may_go(self, address: Address, port: int) -> bool:
        return is_public(address.at) or (address.at, port) in self._named

    async def _is_ours(self, writer: asyncio.StreamWriter) -> bool:
        """Say whether a process of this user connected."""
        theirs, ours = writer.get_extra_info("peername")[1], writer.get_extra_info("sockname")[1]
        try:
            connections = await asyncio.to_thread(_CONNECTIONS.read_text, "ascii")
        except FileNotFoundError:
            return True
        return owner_of(connections, theirs, ours) == os.geteuid()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._open.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, UnicodeError):
                if await self._is_ours(writer):
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
