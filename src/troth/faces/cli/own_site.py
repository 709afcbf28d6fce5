"""Scanning the project's own site: it is served for that on a port of its own, and mended first if asked."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from troth.errors import NotAllowedError, UnreachableError
from troth.faces.cli.console import err
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.work.project import Project

READY_SECONDS_MAX = 60


def mended(opened: Project) -> Project:
    """Mend what needs nobody's decision, say what was, and return the project as it is then."""
    from troth.work import mend_cookies

    folder = opened.settings.folder
    for _ in opened.written.cookies.table if opened.written.cookies else ():
        found = mend_cookies.mend_table(opened)
        if found is None:
            break
        err().print(
            f"policy.md: {found[0]} is now {found[1]}. Raise the version, then troth publish.", markup=False
        )
        opened = project()
    for said in mend_cookies.mend_gate(opened):
        err().print(f"troth.toml: {said}. A server that runs acts so once it is started anew.", markup=False)
    assert opened.settings.folder == folder
    return project()


@contextmanager
def served(opened: Project) -> Iterator[str]:
    """Serve the project while the block runs, and yield the address of its site.

    Raises NotAllowedError where the project has no site, UnreachableError where it does not answer.
    """
    site = opened.settings.site
    if site is None:
        raise NotAllowedError("Name the site to scan: the project serves none itself ([site] in troth.toml).")
    port = _free_port()
    command = [sys.executable, "-m", "troth", "--project", str(opened.settings.folder)]
    server = subprocess.Popen(  # noqa: S603  (our own program, and never a shell)
        [*command, "serve", "--no-worker", "--host", "127.0.0.1", "--port", str(port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port, server)
        yield f"http://{site.host}:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(timeout=READY_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY_SECONDS_MAX
    while server.poll() is None and time.monotonic() < until:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            asked.request("GET", "/health")
            asked.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        else:
            return
        finally:
            asked.close()
    raise UnreachableError("The site could not be served: start `troth serve` by hand to see why.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
