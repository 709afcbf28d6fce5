"""A PostgreSQL server of the measurement's own, started and stopped with it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def running(*, fsync: bool = False) -> Iterator[str]:
    """Run the server that the tests use, on a free port; its commits wait for the disk only where `fsync` says so."""
    sys.path.insert(0, str(ROOT / "tests"))
    from servers import postgresql_server

    with (
        tempfile.TemporaryDirectory(prefix="troth-bench-") as folder,
        postgresql_server(Path(folder), fsync=fsync) as url,
    ):
        yield url


def database(url: str, name: str) -> str:
    """Create a database on a server; return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.rpartition("/")[0] + f"/{name}"
