"""Two workers on one PostgreSQL ledger; one is killed in the middle, and nothing is lost or done twice.

Run as a program, this file is a worker.
"""

import email
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from sqlalchemy import text

import story
from shop_project import make, opened
from troth.ledger import read, seal
from troth.ledger.verify import verify
from troth.work import carry_on, open_request

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
REQUESTS = int(os.environ.get("TROTH_REQUESTS", "20"))  # a thousand are tried by hand: they take minutes
SECONDS_MAX = 30 + REQUESTS * 2


def at_now():
    return NOW


def mailing(folder, ledger_urls, port):
    """Open the project of a folder with another way for its letters."""
    project = opened(Path(folder), at_now, ledger_urls)
    return replace(project, settings=replace(project.settings, mail_to=f"smtp://127.0.0.1:{port}"))


class Taking:
    """Take letters; kill a process before it hears that its n-th was taken."""

    def __init__(self):
        self.came, self.texts, self.kill, self.at = [], [], None, None

    async def handle_DATA(self, server, session, envelope):
        self.came.append(envelope.rcpt_tos[0])
        self.texts.append(
            " ".join(
                email.message_from_bytes(envelope.content, policy=policy.default)
                .get_body(("plain",))
                .get_content()
                .split()
            )
        )
        if len(self.came) == self.at:
            os.kill(self.kill.pid, signal.SIGKILL)
            self.kill.wait()
        return "250 taken"


@pytest.fixture
def mail_servers():
    """Two mail servers, one for each worker."""
    from aiosmtpd.controller import Controller

    from servers import free_port

    started = [Controller(Taking(), hostname="127.0.0.1", port=free_port()) for _ in range(2)]
    for controller in started:
        controller.start()
    yield started
    for controller in started:
        controller.stop()


@pytest.fixture
def ledger_urls(postgresql, postgresql_cluster):
    """A ledger and its keys, in two databases of one server."""
    import psycopg

    name = postgresql.partition("?")[0].rsplit("/", 1)[1] + "_keys"
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield postgresql, postgresql.replace(name.removesuffix("_keys"), name)
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _with_people(folder):
    make(folder)
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        for person in range(10, 10 + REQUESTS):
            connection.execute(
                "INSERT INTO customer VALUES (?, ?, ?, 'Lyon')",
                (person, f"p{person}@example.org", f"P{person}"),
            )
            connection.execute("INSERT INTO message VALUES (?, ?, 'Carl', 'hello')", (person, person))
    with closing(sqlite3.connect(folder / "news.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO subscriber VALUES (?, '2025-01-01')",
            [(f"p{person}@example.org",) for person in range(10, 10 + REQUESTS)],
        )


def _worker(folder, ledger_urls, server):
    order = json.dumps({"folder": str(folder), "urls": ledger_urls, "port": server.port})
    return subprocess.Popen([sys.executable, __file__, order], stdin=subprocess.PIPE)


def test_one_of_two_workers_is_killed_and_every_request_ends_once(tmp_path, ledger_urls, mail_servers):
    _with_people(tmp_path)
    project = opened(tmp_path, at_now, ledger_urls)
    numbers = []
    for person in range(10, 10 + REQUESTS):
        numbers.append(open_request.open_request(project, ["erase"], f"p{person}@example.org").number)
        story.grant_erasure(project, numbers[-1])
    doomed, survivor = (_worker(tmp_path, ledger_urls, server) for server in mail_servers)
    mail_servers[0].handler.kill, mail_servers[0].handler.at = doomed, 5
    try:
        assert doomed.wait(timeout=SECONDS_MAX) == -signal.SIGKILL
        begun = {
            found.stream for found in read.states(project.ledger, "request") if found.status == "responded"
        }
        assert len(begun) < REQUESTS, "it was killed while there was work"
        stuck = _held_by_the_dead(project, survivor)
        _let_run_out(project, stuck)
        _until(lambda: all(found.status == "responded" for found in read.states(project.ledger, "request")))
    finally:
        for process in (doomed, survivor):
            process.stdin.close()
        survivor_ended = survivor.wait(timeout=20)
    assert survivor_ended == 0
    for number in numbers:
        events = read.stream(project.ledger, f"request/{number}")
        said = Counter(
            (event.kind, event.facts.get("store"), event.facts.get("recipient")) for event in events
        )
        for kind in ("act_begun", "act_ended", "verified", "residue_searched"):
            assert (said[kind, "shop", None], said[kind, "news", None]) == (1, 1), (number, kind)
        assert said["recipient_notified", None, "tax-office"] == 1
        answers = [e for e in events if e.kind == "letter_sent" and e.facts["kind"] == "done"]
        assert len(answers) == 1
        assert [event.version for event in events] == list(range(1, len(events) + 1))
        assert story.state(project, number)["claims"]["c1"]["done"]
    came = Counter(mail_servers[0].handler.came + mail_servers[1].handler.came)
    people = {f"p{person}@example.org" for person in range(10, 10 + REQUESTS)}
    assert set(came) == people | {"tax@company.example"}
    assert came.total() == 2 * REQUESTS + 1, "only the letter in the hands of the killed one went twice"
    assert mail_servers[0].handler.came
    assert mail_servers[1].handler.came
    answers = [told for server in mail_servers for told in server.handler.texts if "was erased" in told]
    assert len(answers) in {REQUESTS, REQUESTS + 1}
    for told in answers:
        assert re.search(r"1 record in shop was erased on .{5,30} \(gone; backups expire later\)", told)
        assert re.search(r"1 record in shop stays, since .{5,30} without anything that names you", told)
        assert "Copies in the backups of shop expire by 28 December 2026" in told
        assert "backups of news" not in told
    assert _left(tmp_path) == (0, 0, 2, 2)
    seal.seal_all(project.ledger)
    assert verify(project.ledger).whole
    project.close()
    project.ledger.close()


def _held_by_the_dead(project, survivor):
    """Name the lease that nobody works under: it stays, while the survivor's come and go.

    None, where there was so much to do that it ran out meanwhile and the survivor took over.
    """
    held = text("SELECT name FROM leases WHERE until > extract(epoch FROM clock_timestamp())")
    seen = None

    def one_stays():
        nonlocal seen
        with project.ledger.reading() as connection:
            now = set(connection.execute(held).scalars())
        seen = now if seen is None else seen & now
        return len(seen) <= 1 and _idle(project, seen)

    _until(one_stays)
    assert survivor.poll() is None
    return seen


def _idle(project, stuck):
    """Say whether everything else is done."""
    return all(
        found.status == "responded" or found.stream in stuck
        for found in read.states(project.ledger, "request")
    )


def _let_run_out(project, names):
    with project.ledger.writing() as connection:
        for name in names:
            connection.execute(text("UPDATE leases SET until = 0 WHERE name = :name"), {"name": name})


def _until(what):
    end = time.monotonic() + SECONDS_MAX
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1 + REQUESTS / 400)  # looking costs the others time


def _left(folder):
    with (
        closing(sqlite3.connect(folder / "shop.db")) as shop,
        closing(sqlite3.connect(folder / "news.db")) as news,
    ):
        return (
            shop.execute("SELECT count(*) FROM customer WHERE id >= 10 AND email IS NOT NULL").fetchone()[0],
            shop.execute("SELECT count(*) FROM message WHERE id >= 10").fetchone()[0],
            shop.execute("SELECT count(*) FROM customer WHERE email IS NOT NULL").fetchone()[0],
            news.execute("SELECT count(*) FROM subscriber").fetchone()[0],
        )


def work_until_told(order):
    """Work as `troth worker` does, until the other end of standard input is closed."""
    import select

    told = json.loads(order)
    project = mailing(told["folder"], tuple(told["urls"]), told["port"])
    carry_on.work(project, lambda: not select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    work_until_told(sys.argv[1])
