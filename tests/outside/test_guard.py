"""The way out of a scan's browser leads to no private address unasked."""

import asyncio
import os
import socket
import threading

import pytest

from servers import free_port
from troth.outside.guard import Address, Guard, owner_of

REFUSED, UNREACHABLE = 2, 4


def run(going):
    """Run to the end in a thread of its own: another test's browser may hold the loop of this one."""
    done = []
    thread = threading.Thread(target=lambda: done.append(asyncio.run(going())))
    thread.start()
    thread.join(60)
    return done[0]


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

    return run(going)


@pytest.fixture
def echo():
    """A server on this machine that says back what it hears."""
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


def test_naming_a_host_names_where_it_was_connected_to_and_nothing_else():
    async def going():
        guard = Guard(("localhost",))
        before = await guard.addresses("127.0.0.1", 80)
        await guard.addresses("localhost", 80)
        others = [await guard.addresses(*one) for one in (("127.0.0.2", 80), ("127.0.0.1", 5432))]
        return before, await guard.addresses("127.0.0.1", 80), others

    before, after, others = run(going)
    assert before is None
    assert [one.at for one in after] == ["127.0.0.1"]
    assert others == [None, None]


def to(*addresses):
    return [Address(socket.AF_INET, one) for one in addresses]


@pytest.mark.parametrize("named", [(), ("shop.example",)])
def test_a_name_that_resolves_otherwise_the_second_time_leads_where_it_led_first(named):
    answers = [to("93.184.216.34"), to("127.0.0.1"), to("10.0.0.1")]

    async def going():
        async def resolve(*_):
            return answers.pop(0)

        guard = Guard(named, resolve)
        return [await guard.addresses(host, 80) for host in ("shop.example", "Shop.Example.", "shop.example")]

    assert run(going) == [to("93.184.216.34")] * 3


def test_a_name_with_public_and_private_addresses_is_followed_to_no_private_one():
    async def going():
        async def resolve(*_):
            return to("127.0.0.1", "93.184.216.34")

        return [await Guard(named, resolve).addresses("shop.example", 80) for named in (["shop.example"], [])]

    assert run(going) == [to("93.184.216.34"), None]


def test_whose_a_connection_is_stands_beside_its_own_end():
    table = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0
"""
    assert owner_of(table, 50_000, 8080) == 1000
    assert owner_of(table, 50_001, 8080) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root can come as somebody else.")
def test_nobody_else_on_this_machine_is_let_through(echo):
    async def going():
        guard = Guard(("localhost",))
        await guard.start()
        at, _, number = guard.url.removeprefix("socks5://").rpartition(":")
        os.seteuid(65_534)
        try:
            stranger = socket.socket()
        finally:
            os.seteuid(0)
        stranger.setblocking(False)
        await asyncio.get_running_loop().sock_connect(stranger, (at, int(number)))
        reader, writer = await asyncio.open_connection(sock=stranger)
        writer.write(b"\x05\x01\x00")
        try:
            return await asyncio.wait_for(reader.read(), 10)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()
            await guard.stop()

    assert run(going) == b""


def test_what_does_not_answer_or_has_no_address_is_said_to_be_out_of_reach():
    assert through(("127.0.0.1",), "127.0.0.1", free_port())[0] == UNREACHABLE
    assert through((), "nowhere.invalid", 80)[0] == UNREACHABLE
