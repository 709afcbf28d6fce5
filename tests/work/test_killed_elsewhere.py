"""A process is killed after each unit it changes, a key or a file, and the next one ends where it would have.

Processes are forked from one that has loaded everything and die by SIGKILL.  Run as a program, this file
is that process.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest

import story
from shop_project import load_for_children, opened
from troth.ledger import read
from troth.work import erase, restrict
from work.test_elsewhere import ROWS, in_redis, lake

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
in_a_lake = lake("parquet")


def at_now():
    return NOW


def dying(owner, name, after):
    """Let this process die once it has done something so many times."""
    real, left = getattr(owner, name), [after]

    def counted(*given, **more):
        done = real(*given, **more)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, name, counted)


def do(folder, what, name):
    project = opened(Path(folder), at_now)
    try:
        if what == "erase":
            erase.erase(project, name, "c1")
        else:
            restrict.restrict(project, name)
    finally:
        project.close()
        project.ledger.close()


def give_birth():
    import redis

    from troth.stores.lake_place import Folder

    for line in sys.stdin:
        order = json.loads(line)
        load_for_children(order["folder"], at_now)
        child = os.fork()
        if child == 0:
            try:
                dying(redis.Redis, "eval", order["after"])
                dying(Folder, "swap", order["after"])
                do(order["folder"], order["what"], order["name"])
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


@pytest.fixture(scope="module")
def process():
    nursery = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(**order):
        nursery.stdin.write(json.dumps(order) + "\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline())

    yield run
    nursery.stdin.close()
    assert nursery.wait(timeout=10) == 0


@pytest.mark.parametrize("unit", [1, 2, 3])
@pytest.mark.parametrize("kind", [in_redis, in_a_lake])
def test_an_erasure_and_a_restriction_killed_after_any_unit_end_as_if_they_were_not(
    folder, process, kind, unit
):
    with kind(folder) as found:
        found.put(ROWS)
        (folder / "stores" / "shop.yaml").write_text(found.map)
        (folder / "stores" / "news.yaml").unlink()
        project = opened(folder, at_now)
        made = restrict.measure(project, [("email", "bob@example.org")], "accuracy")
        restrict.approve(project, made.name, made.state["plan"]["sha256"], "marie")
        if unit < 3:  # a name and a flag
            done = process(folder=str(folder), what="restrict", name=made.name, after=unit)
            assert done == -signal.SIGKILL
        restrict.restrict(project, made.name)
        rows = found.sorted()
        assert [row.get("name") for row in rows["customer"]] == ["Ada", None]
        assert [row["held"] for row in rows["ticket"]] == ["0", "1"]
        number = story.ask(project, "erase")
        story.grant_erasure(project, number)
        assert process(folder=str(folder), what="erase", name=number, after=unit) == -signal.SIGKILL
        erase.erase(project, number, "c1")
        assert found.ids() == {"customer": ["2"], "visit": ["2"], "ticket": ["t2"]}
        store = story.state(project, number)["claims"]["c1"]["stores"]["shop"]
        assert sorted(tuple(each[:3]) for each in store["rows"]) == [
            ("customer", "delete", 1), ("ticket", "delete", 1), ("visit", "delete", 1)
        ]  # fmt: skip
        assert store["certainty"] == "exactly_once"
        ended = [
            e.facts["outcome"]
            for e in read.stream(project.ledger, f"request/{number}")
            if e.kind == "act_ended"
        ]
        assert ended == ["committed"]
        project.close()
        project.ledger.close()


if __name__ == "__main__":
    give_birth()
