"""The way out of a scan's browser leads to no private address unasked."""

import asyncio
import socket

import pytest

from servers import free_port
from troth.outside.guard import Guard

REFUSED, UNREACHABLE = 2, 4


def through(guard_for, host, port, said=b"hello"):
    """Connect to a host through a guard; return its answer's code, and what came back."""

    async def going():
        guard = Guard(guard_for)
        await guard.start()
        at, _, number = guard.url.removeprefix("socks5://").rpartition(":")
        reader, writer = await asyncio.open_connection(at, int(number))
        name = host.encode()
        writer.write(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        answer = await reader.readexactly(12)
        back = b""
        if answer[3] == 0:
            writer.write(said)
            writer.write_eof()
            back = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await guard.stop()
        return answer[3], back, guard.refused

    return asyncio.run(going())


@pytest.fixture
def echo():
    """A server on this machine that says back what it hears."""
    import threading

    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                with server.accept()[0] as connection:
                    connection.sendall(connection.recv(100).upper())
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433"])
def test_a_private_address_is_refused_however_it_is_written(echo, host):
    code, _, refused = through((), host, echo)
    assert (code, refused) == (REFUSED, {host})


def test_a_host_that_was_named_is_reached(echo):
    assert through(("LOCALHOST.",), "localhost", echo)[:2] == (0, b"HELLO")


def test_naming_a_host_names_its_addresses_and_no_others():
    async def going():
        guard = Guard(("localhost",))
        before = await guard.addresses("127.0.0.1", 80)
        await guard.addresses("localhost", 80)
        return before, await guard.addresses("127.0.0.1", 80), await guard.addresses("127.0.0.2", 80)

    before, after, other = asyncio.run(going())
    assert before is None
    assert [one.at for one in after] == ["127.0.0.1"]
    assert other is None


def test_what_does_not_answer_or_has_no_address_is_said_to_be_out_of_reach():
    assert through(("127.0.0.1",), "127.0.0.1", free_port())[0] == UNREACHABLE
    assert through((), "nowhere.invalid", 80)[0] == UNREACHABLE
