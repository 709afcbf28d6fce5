"""What many tests stand on: a clock that is set, real servers, and other people's samples."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from servers import mariadb_server, postgresql_server, s3_server
from shop_project import make, opened

if TYPE_CHECKING:
    from pymysql.connections import Connection
    from pymysql.cursors import Cursor

# What was collected stays until the end: looking through all of it again and again took a fifth of the time.
gc.set_threshold(700, 10, 60)


def pytest_collection_finish() -> None:
    """Let what was loaded so far be looked through no more."""
    gc.collect()
    gc.freeze()


ROOT = Path(__file__).resolve().parent.parent

# The same cases each time, so that a change fails for what it changed; others are drawn with
# `HYPOTHESIS_PROFILE=explore make test`.
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


class SetClock:
    """A clock that says what it was set to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Let this much time pass."""
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of texts and databases from elsewhere; these tests skip without it."""
    folder = Path(os.environ.get("TROTH_SAMPLES", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"There is no folder of samples; name one in TROTH_SAMPLES (looked in {folder.name!r}).")
    return folder


@contextmanager
def own_folder(name: str) -> Iterator[Path]:
    """A folder for a server that runs as somebody else: another run of the tests closes pytest's own to it."""
    with tempfile.TemporaryDirectory(prefix=f"troth-{name}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[str]:
    """The URL of a PostgreSQL server of this session's own, started here and stopped after."""
    with own_folder("postgresql") as folder, postgresql_server(folder) as url:
        yield url


@pytest.fixture
def postgresql(postgresql_cluster: str) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    import psycopg

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    base, _, query = postgresql_cluster.partition("?")
    yield f"{base.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def mariadb_cluster() -> Iterator[str]:
    """The URL of a MariaDB server of this session's own, started here and stopped after."""
    with own_folder("mariadb") as folder, mariadb_server(folder) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_root(mariadb_cluster: str) -> Iterator[Connection[Cursor]]:
    """A connection to the MariaDB server, by which databases are made and dropped."""
    import pymysql

    port = int(mariadb_cluster.rsplit(":", 1)[1].split("/")[0])
    with pymysql.connect(
        host="127.0.0.1", port=port, user="root", autocommit=True, ssl_disabled=True
    ) as connection:
        yield connection


@pytest.fixture
def mariadb(mariadb_cluster: str, mariadb_root: Connection[Cursor]) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    mariadb_root.cursor().execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield f"{mariadb_cluster.rsplit('/', 1)[0]}/{name}"
    mariadb_root.cursor().execute(f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an S3 server of this session's own, with a bucket `lake`."""
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A real Chromium, headless, without network of its own; skips where there is none."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        pytest.skip("There is no Chromium here; as root, `make setup` installs it.")
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@pytest.fixture
def folder(tmp_path):
    make(tmp_path)
    return tmp_path


@pytest.fixture
def project(folder, clock):
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def mail_server():
    """A real mail server on a free port of this machine; `.handler` says how it answers."""
    from mail_servers import answering

    with answering() as started:
        yield started


@pytest.fixture
def letters(folder):
    """Read the letters that were sent so far, the oldest first, as (to, subject, text in one line)."""

    def read():
        import email
        import email.policy

        found = []
        for file in sorted((folder / ".troth" / "outbox").glob("*.eml")):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            text = " ".join(message.get_body(("plain",)).get_content().split())
            found.append((message["To"], message["Subject"], text))
        return found

    return read


@pytest.fixture
def code(letters):
    """Return the last code that was sent."""

    import re

    def last():
        return [
            re.search(r"\b(\d{8})\b", text)[1] for _, _, text in letters() if re.search(r"\b\d{8}\b", text)
        ][-1]

    return last


@pytest.fixture
def rows(folder):
    """Read a store directly."""

    def read(store, statement):
        with sqlite3.connect(folder / f"{store}.db") as connection:
            return connection.execute(statement).fetchall()

    return read
