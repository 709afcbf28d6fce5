"""A worker is killed at every boundary of its work, and the next one ends where the first would have.

Workers are processes of their own, forked from one that has loaded everything; they die by
SIGKILL, which nothing can catch.  Run as a program, this file is that process.
"""

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from sqlalchemy import text

import story
from shop_project import load_for_children, make, opened
from troth.ledger import read, seal
from troth.ledger.verify import verify
from troth.work import build_package, carry_on, decide
from troth.work.verify_proof import verify_proof

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MANY = 20_000
ALIVE = "went on to the end"


def at_now():
    return NOW


def work_in(folder, number, kill):
    """Carry a request on, and die where it is said."""
    project = opened(Path(folder), at_now)

    def passed(name):
        if name == kill.get("boundary"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == f"begun {kill.get('during')}":
            threading.Thread(target=die_while_it_writes, args=(project, kill), daemon=True).start()

    if "after" in kill:
        threading.Thread(target=die_after, args=(kill["after"],), daemon=True).start()
    carry_on.carry_on(project, number, stop_at=passed)


def die_while_it_writes(project, kill):
    """Die when SQLite's journal says that so many bytes are changed and not committed."""
    journal = project.settings.folder / f"{kill['during']}.db-journal"
    while not (journal.exists() and journal.stat().st_size >= kill["bytes"]):
        time.sleep(0.0005)
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(seconds):
    """Die whatever is being done then."""
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def give_birth():
    """Fork one worker for each line of orders, and say what became of it."""
    from troth.outside import mail  # noqa: F401
    from troth.policy import policy  # noqa: F401
    from troth.stores import connect, sqlite  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        load_for_children(order["folder"], at_now)
        child = os.fork()
        if child == 0:
            try:
                work_in(order["folder"], order["number"], order["kill"])
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


@pytest.fixture(scope="module")
def worker():
    """Run a worker over a folder; return how it ended."""
    nursery = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(folder, number, born=lambda _: None, **kill):
        nursery.stdin.write(json.dumps({"folder": str(folder), "number": number, "kill": kill}) + "\n")
        nursery.stdin.flush()
        born(int(nursery.stdout.readline()))
        code = int(nursery.stdout.readline())
        return {0: ALIVE, -signal.SIGKILL: "killed"}.get(code, code)

    yield run
    nursery.stdin.close()
    assert nursery.wait(timeout=10) == 0


class Place:
    """A folder with a project and a request in it, looked at from outside while nobody works there."""

    def __init__(self, folder, number):
        self.folder, self.number = folder, number

    def copied(self, to):
        shutil.copytree(self.folder, to)
        return Place(to, self.number)

    def with_project(self, do):
        project = opened(self.folder, at_now)
        try:
            return do(project)
        finally:
            project.close()
            project.ledger.close()

    def let_the_lease_run_out(self):
        with closing(sqlite3.connect(self.folder / ".troth" / "ledger.db")) as connection, connection:
            connection.execute("UPDATE leases SET until = 0")

    def rows(self, store):
        """Every row of every table of a store, with the steps it remembers."""
        with closing(sqlite3.connect(self.folder / f"{store}.db")) as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            return {
                name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
                for (name,) in tables
            }

    def letters(self):
        return len(list((self.folder / ".troth" / "outbox").glob("*.eml")))

    def end(self):
        """What it all came to: stores, state without random ids, and each event's kind and facts."""

        def looked(project):
            state = json.loads(json.dumps(story.state(project, self.number)))
            for letter in state["letters"]:
                del letter["event"]
            for claim in state["claims"].values():
                for varies in ("kept_under", "sha256", "bytes"):  # its receipts hold what was sealed by then
                    (claim["package"] or {}).pop(varies, None)
            events = read.stream(project.ledger, f"request/{self.number}")
            seal.seal_all(project.ledger)
            assert verify(project.ledger).whole
            told = [
                (
                    event.kind,
                    event.facts.get("store"),
                    event.facts.get("recipient"),
                    event.facts.get("letter"),
                )
                for event in events
            ]
            return {"state": state, "events": told, "marks": _marks(project)}

        return {**self.with_project(looked), "stores": {name: self.rows(name) for name in ("shop", "news")}}


def _marks(project):
    """What is remembered for a restored backup: how many marks each replay has, and what waits."""
    with project.ledger.reading() as connection:
        marks = connection.execute(text("SELECT count(*) FROM replay_marks GROUP BY replay")).scalars().all()
        waiting = connection.execute(text("SELECT count(*) FROM replay_pending")).scalar()
    return sorted(marks), waiting


def _erasure(project, code):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    return number


def _bundle_before_its_copy(project, code):
    number = story.ask(project, "access", "erase")
    decide.decide(project, number, "c1", "grant", "marie")
    story.grant_erasure(project, number, "c2")
    return number


def _bundle(project, code):
    number = story.ask(project, "access", "erase")
    story.grant_access(project, number)
    story.grant_erasure(project, number, "c2")
    return number


def _made(folder, begin, rows=0):
    folder.mkdir()
    make(folder)
    if rows:
        with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
            connection.executemany(
                "INSERT INTO message VALUES (?, 1, 'Carl', ?)",
                ((number, f"message {number} " * 5) for number in range(10, 10 + rows)),
            )
    return Place(folder, Place(folder, "").with_project(lambda project: begin(project, None)))


def _boundaries(place):
    """Carry a request on in one go; return the names of the boundaries it passed."""
    passed = []
    place.with_project(lambda project: carry_on.carry_on(project, place.number, stop_at=passed.append))
    return passed


@pytest.mark.parametrize(
    ("begin", "known"),
    [
        pytest.param(
            _erasure,
            {
                "begun shop",
                "acted shop",
                "ended shop",
                "verified news",
                "searched shop",
                "claim done",
                "answered",
            },
            id="erasure",
        ),
        pytest.param(
            _bundle, {"begun news", "acted shop", "told tax-office", "claim done", "answered"}, id="bundle"
        ),
        pytest.param(_bundle_before_its_copy, {"package built"}, id="bundle before its copy"),
    ],
)
def test_wherever_a_worker_is_killed_the_next_ends_where_it_would_have(tmp_path, worker, begin, known):
    start = _made(tmp_path / "start", begin)
    whole = start.copied(tmp_path / "whole")
    boundaries = _boundaries(whole)
    assert len(set(boundaries)) == len(boundaries)
    assert known <= set(boundaries)
    wanted = whole.end()
    assert wanted["marks"] == ([2] if "acted shop" in known else [], 0)
    for number, boundary in enumerate(boundaries):
        place = start.copied(tmp_path / f"killed {number}")
        assert worker(place.folder, place.number, boundary=boundary) == "killed", boundary
        place.let_the_lease_run_out()
        assert worker(place.folder, place.number) == ALIVE, boundary
        assert place.end() == wanted, boundary
        assert place.letters() >= whole.letters(), boundary


def test_a_worker_killed_twice_is_followed_by_a_third(tmp_path, worker):
    start = _made(tmp_path / "start", _erasure)
    whole = start.copied(tmp_path / "whole")
    _boundaries(whole)
    place = start.copied(tmp_path / "killed")
    for boundary in ("acted shop", "told tax-office", "answered"):
        assert worker(place.folder, place.number, boundary=boundary) == "killed"
        place.let_the_lease_run_out()
    assert worker(place.folder, place.number) == ALIVE
    assert place.end() == whole.end()


def test_nobody_takes_over_while_the_lease_of_the_killed_one_runs(tmp_path, worker):
    place = _made(tmp_path / "start", _erasure)
    assert worker(place.folder, place.number, boundary="begun shop") == "killed"
    before = place.rows("shop")
    assert not place.with_project(lambda project: carry_on.carry_on(project, place.number))
    assert place.rows("shop") == before
    place.let_the_lease_run_out()
    assert place.with_project(lambda project: carry_on.carry_on(project, place.number))


def test_a_worker_killed_inside_a_transaction_leaves_the_store_as_it_was(tmp_path, worker):
    start = _made(tmp_path / "start", _erasure, rows=MANY)
    untouched = start.rows("shop")
    whole = start.copied(tmp_path / "whole")
    _boundaries(whole)
    wanted = whole.end()
    assert len(wanted["stores"]["shop"]["message"]) == 1
    for size in (20_000, 200_000, 1_000_000):
        for attempt in range(5):  # on a busy machine the transaction may be over before anybody looks
            place = start.copied(tmp_path / f"killed at {size}, {attempt}")
            if worker(place.folder, place.number, during="shop", bytes=size) == "killed":
                break
        else:
            raise AssertionError("The worker was never caught inside its transaction.")
        journal = place.folder / "shop.db-journal"
        assert journal.stat().st_size >= size, "it was killed while it wrote"
        left = place.rows("shop")
        assert {name: rows for name, rows in left.items() if name in untouched} == untouched
        place.let_the_lease_run_out()
        assert worker(place.folder, place.number) == ALIVE
        assert place.end() == wanted


def test_a_worker_killed_while_the_mail_server_has_its_letter_sends_it_again(tmp_path, worker):
    from aiosmtpd.controller import Controller

    from servers import free_port

    start = _made(tmp_path / "start", _erasure)
    whole = start.copied(tmp_path / "whole")
    _boundaries(whole)
    wanted = whole.end()
    born, came = [], []

    class Deadly:
        """Take a letter; the worker that brought it is dead before it hears so, once per address."""

        async def handle_DATA(self, server, session, envelope):
            to = envelope.rcpt_tos[0]
            came.append(to)
            if came.count(to) == 1:
                os.kill(born[-1], signal.SIGKILL)
            return "250 taken"

    server = Controller(Deadly(), hostname="127.0.0.1", port=free_port())
    server.start()
    try:
        place = start.copied(tmp_path / "killed")
        told = place.folder / "troth.toml"
        lines = [line for line in told.read_text().splitlines() if not line.startswith("to =")]
        place_of_mail = lines.index("[mail]") + 1
        lines.insert(place_of_mail, f'to = "smtp://127.0.0.1:{server.port}"')
        told.write_text("\n".join(lines))
        ends = []
        while ALIVE not in ends and len(ends) < 6:
            ends.append(worker(place.folder, place.number, born=born.append))
            place.let_the_lease_run_out()
    finally:
        server.stop()
    assert ends == ["killed", "killed", ALIVE]
    assert sorted(came) == ["ada@example.org"] * 2 + ["tax@company.example"] * 2
    assert place.end() == wanted


def test_an_answer_half_built_is_built_anew_and_whole(tmp_path, worker):
    start = _made(tmp_path / "start", _bundle_before_its_copy, rows=2000)
    whole = start.copied(tmp_path / "whole")
    _boundaries(whole)
    wanted = whole.end()
    ends = []
    for number, seconds in enumerate((0.02, 0.05, 0.1, 0.2)):
        place = start.copied(tmp_path / f"killed {number}")
        ends.append(worker(place.folder, place.number, after=seconds))
        place.let_the_lease_run_out()
        assert worker(place.folder, place.number) == ALIVE
        assert place.end() == wanted
        assert place.with_project(lambda project, n=place.number: _answer(project, n)) == whole.with_project(
            lambda project: _answer(project, whole.number)
        )
    assert "killed" in ends


def _answer(project, number):
    """The files of the answer to the first claim, as a handler opens them, but for its receipts."""
    data = b"".join(build_package.open_package(project, number, "c1", "marie"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    opening = verify_proof(held["receipts/01-received.json"])
    assert (opening.event.kind, opening.event.request) == ("request_received", number)
    page, _, _ = held["index.html"].partition(b'<section aria-labelledby="receipts">')
    return {name: one for name, one in held.items() if not name.startswith("receipts/")} | {
        "index.html": page
    }


if __name__ == "__main__":
    give_birth()
