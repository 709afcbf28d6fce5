"""A process that rectifies, restricts or lifts is killed at every boundary, and the next ends where it would have.

Processes are forked from one that has loaded everything and die by SIGKILL.  Run as a
program, this file is that process.
"""

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
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest

from shop_project import load_for_children, make, opened
from troth.ledger import read
from troth.rules.rectification import Correction
from troth.work import lift, rectify, restrict

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADA = [("email", "ada@example.org")]
MANY = 2_500
TRIES_MAX = 10


def at_now():
    return NOW


def do(folder, what, name, stop_at):
    project = opened(Path(folder), at_now)
    try:
        match what:
            case "rectify":
                rectify.rectify(project, name, stop_at=stop_at)
            case "restrict":
                restrict.restrict(project, name, stop_at=stop_at)
            case "lift":
                lift.lift(project, name, date(2026, 11, 13), "marie", stop_at=stop_at)
    finally:
        project.close()
        project.ledger.close()


def work_in(folder, what, name, kill):
    def passed(boundary):
        if boundary == kill.get("boundary"):
            os.kill(os.getpid(), signal.SIGKILL)
        if boundary == kill.get("from"):
            threading.Thread(target=die_while_it_writes, args=(folder, kill["bytes"]), daemon=True).start()

    do(folder, what, name, passed)


def die_while_it_writes(folder, size):
    """Die when SQLite's journal says that so many bytes are changed and not committed."""
    journal = Path(folder) / "shop.db-journal"
    while not (journal.exists() and journal.stat().st_size >= size):
        time.sleep(0.0005)
    os.kill(os.getpid(), signal.SIGKILL)


def give_birth():
    """Fork one process for each line of orders, and say what became of it."""
    from troth.stores import connect, sqlite  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        load_for_children(order["folder"], at_now)
        child = os.fork()
        if child == 0:
            try:
                work_in(**order)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


@pytest.fixture(scope="module")
def process():
    """Do something in a folder; return how the process ended."""
    nursery = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(folder, what, name, **kill):
        order = {"folder": str(folder), "what": what, "name": name, "kill": kill}
        nursery.stdin.write(json.dumps(order) + "\n")
        nursery.stdin.flush()
        return {0: "done", -signal.SIGKILL: "killed"}.get(int(nursery.stdout.readline()), "failed")

    yield run
    nursery.stdin.close()
    assert nursery.wait(timeout=10) == 0


def rows(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        found = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'troth_step' ORDER BY name"
        ).fetchall()
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for (name,) in found}


def end(folder, what, name):
    """What it all came to: rows, and the state without random names of steps and events."""
    project = opened(folder, at_now)
    family = "rectification" if what == "rectify" else "restriction"
    state = read.state(project.ledger, f"{family}/{name}").body
    stores = {
        store: (told["done"], told["remaining"], told["back"]) for store, told in state["stores"].items()
    }
    events = [event.kind for event in read.stream(project.ledger, f"{family}/{name}")]
    once = [kind for kind in events if kind not in ("values_set_aside", "act_begun")]
    project.close()
    project.ledger.close()
    return rows(folder), state["status"], stores, once


def measured(folder, what):
    project = opened(folder, at_now)
    if what == "rectify":
        found = rectify.measure(project, "shop", ADA, [Correction("customer", "name", "Ada Lovelace")])
        rectify.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    else:
        found = restrict.measure(project, ADA, "accuracy")
        restrict.approve(project, found.name, found.state["plan"]["sha256"], "marie")
        if what == "lift":
            restrict.restrict(project, found.name)
    project.close()
    project.ledger.close()
    return found.name


def begun(folder, what, many=0):
    make(folder)
    shop = folder / "stores" / "shop.yaml"
    belongs = "    belongs_to: [{customer_id: customer.id, conceals: [author]}]\n"
    written = shop.read_text(encoding="utf-8").replace(
        belongs,
        f"{belongs}    copies: {{author: customer.name via customer_id}}\n"
        "    restriction: {set_aside: [author, body]}\n",
    )
    shop.write_text(written, encoding="utf-8")
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO message VALUES (?, 1, 'Carl', ?)",
            ((number, f"message {number} " * 20) for number in range(10, 10 + many)),
        )
    return measured(folder, what)


@pytest.mark.parametrize("what", ["rectify", "restrict", "lift"])
def test_wherever_it_is_killed_the_next_ends_where_it_would_have(tmp_path, process, what):
    (tmp_path / "start").mkdir()
    name = begun(tmp_path / "start", what)
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "start", whole)
    boundaries = []
    do(whole, what, name, boundaries.append)
    assert {"rectify": "changed shop", "restrict": "saved shop", "lift": "put back shop"}[what] in boundaries
    wanted = end(whole, what, name)
    assert wanted[0] != rows(tmp_path / "start")
    for number, boundary in enumerate(boundaries):
        place = tmp_path / f"killed {number}"
        shutil.copytree(tmp_path / "start", place)
        assert process(place, what, name, boundary=boundary) == "killed", boundary
        assert process(place, what, name) == "done", boundary
        assert end(place, what, name) == wanted, boundary


@pytest.mark.parametrize(
    ("what", "before"), [("rectify", "saved shop"), ("restrict", "saved shop"), ("lift", "lifting shop")]
)
def test_killed_inside_the_transaction_it_leaves_the_store_as_it_was(tmp_path, process, what, before):
    start = tmp_path / "start"
    start.mkdir()
    name = begun(start, what, MANY)
    untouched = rows(start)
    whole, place = tmp_path / "whole", tmp_path / "killed"
    shutil.copytree(start, whole)
    do(whole, what, name, lambda _: None)
    for _ in range(TRIES_MAX):  # on a busy machine it may be done before its killer had a turn
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(start, place)
        ended = process(place, what, name, **{"from": before, "bytes": 200_000})
        if ended == "killed":
            break
    assert ended == "killed"
    assert (place / "shop.db-journal").stat().st_size >= 200_000, "it was killed while it wrote"
    assert rows(place) == untouched
    assert process(place, what, name) == "done"
    assert end(place, what, name) == end(whole, what, name)


if __name__ == "__main__":
    give_birth()
