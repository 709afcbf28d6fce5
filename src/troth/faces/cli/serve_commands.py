"""`troth serve`: the portal and the notice, with a worker inside."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import typer

from troth.errors import TrothError, UnreachableError
from troth.faces.cli.console import out
from troth.faces.cli.context import project
from troth.work.project import Project

if TYPE_CHECKING:
    from troth.faces.middleware.asgi import App

LOG = logging.getLogger("troth.serve")
LEASE_SECONDS = 10
ENDING_SECONDS = 20
GARBAGE_OBJECTS = 20_000


def serve(
    host: str = typer.Option("", help="The address to listen on; by default as troth.toml says."),
    port: int | None = typer.Option(
        None, help="The port to listen on, 0 for any that is free; by default as troth.toml says."
    ),
    worker: bool = typer.Option(True, help="Also carry requests on and seal the ledger."),
    proxy: str = typer.Option(
        "", help="The address of the reverse proxy in front, whose X-Forwarded-For says who visits."
    ),
) -> None:
    """Serve the portal and the notice until Ctrl-C, and the site of [site]; with a worker inside.

    Example: troth serve --port 8080
    """
    opened = project()
    chosen = opened.settings.web_port if port is None else port
    run(opened, host or opened.settings.web_host, chosen, worker=worker, proxy=proxy)


def run(opened: Project, host: str, port: int, *, worker: bool = True, proxy: str = "") -> None:
    """Serve a project until it is told to end; raises UnreachableError when the port is taken."""
    import uvicorn

    from troth.faces.front import front
    from troth.faces.site import beside
    from troth.work.admit import first_link

    listening = _listen(host, port)
    port = listening.getsockname()[1]  # of port 0, the one that was free
    _ = opened.ledger, opened.policy  # their mistakes are told before anything is served
    site, in_front = opened.settings.site, front(opened)
    served = cast("App", in_front)
    config = uvicorn.Config(
        served if site is None else beside(served, opened, site),
        log_level="warning", access_log=False, server_header=False, date_header=True,
        timeout_graceful_shutdown=10, lifespan="off", proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
    )  # fmt: skip
    shown = f"[{host}]" if ":" in host else host
    out().print(f"Serving {opened.settings.name} at http://{shown}:{port}/ – Ctrl-C ends it.", markup=False)
    out().print(f"Its console is at http://{shown}:{port}/console.", markup=False)
    local = opened.settings.public_url.startswith(("http://127.0.0.1", "http://localhost"))
    link = first_link(opened, f"http://{shown}:{port}" if local else "")
    if link is not None:
        out().print(f"Nobody has an account there yet. The first administrator joins, once, at {link}",
                    markup=False, soft_wrap=True)  # fmt: skip
    if site is not None:
        out().print(f"Its site is at http://{site.host}:{port}/, the gate: {site.gate}.", markup=False)
    settle_memory()
    with _working(opened) if worker else _nothing(), _ending_quietly():
        try:
            uvicorn.Server(config).run(sockets=[listening])
        finally:
            in_front.close()


def settle_memory() -> None:
    """Look no more through what stands until the end, and for rings among what messages leave less often.

    Python looks for them after each 700 new objects and now and then through all there are; a
    choice makes some hundred.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 10, 10)


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)  # now, so that of two servers the second is told
    except (OSError, OverflowError):
        listening.close()
        raise UnreachableError(
            f"Nothing can listen at {host}:{port}: another program does, or it is not allowed. Choose another --port."
        ) from None
    return listening


@contextmanager
def _ending_quietly() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the serving and not the process: the worker still lets go of its work.

    uvicorn raises again, once it has shut down, the signal that told it to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _ended) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(*_: object) -> None:
    """Do nothing more: the server has shut down already."""


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _working(opened: Project) -> Iterator[None]:
    """Run the worker beside the server; on one ledger one such worker at a time does the work."""
    from troth.ledger import lease
    from troth.work.carry_on import IDLE_SECONDS, one_round
    from troth.work.keep_time import KeepTime

    stop = threading.Event()
    timed = KeepTime(opened)

    def rounds() -> None:
        held: lease.Lease | None = None
        while not stop.is_set():
            try:
                if held is None or not lease.renew(opened.ledger, held, LEASE_SECONDS):
                    held = lease.claim(opened.ledger, "worker/embedded", LEASE_SECONDS)
                if held is not None:
                    one_round(opened)
                    timed.look()
            except TrothError as error:
                LOG.error("%s", error)
                held = None
            except Exception as error:  # a round that failed must not end all rounds after it
                LOG.error("A round of the worker failed: %s", type(error).__name__)
                held = None
            stop.wait(IDLE_SECONDS)
        if held is not None:
            with suppress(TrothError):
                lease.release(opened.ledger, held)

    from troth.work import announce_due, send_webhooks, tell_of_choices

    args = (
        opened,
        lambda: not stop.is_set(),
    )  # each apart, so that a receiver that hangs holds up no request
    threads = [threading.Thread(target=rounds, name="worker", daemon=True)]
    threads.append(threading.Thread(target=tell_of_choices.go_on, args=args, name="recipients", daemon=True))
    threads.append(threading.Thread(target=announce_due.go_on, args=args, name="announcements", daemon=True))
    if opened.settings.webhooks:
        threads.append(threading.Thread(target=send_webhooks.go_on, args=args, name="webhooks", daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=ENDING_SECONDS)
