"""An erasure in a store without transactions or memory: cut short at each call, gone on with, and counted once.

Processes are forked from one that has loaded everything and die by SIGKILL, in the midst of a call
that was made.  Run as a program, this file is that process.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections import Counter
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from sqlalchemy import text

import story
from api_server import api_server
from commanding import troth
from shop_project import load_for_children, opened
from troth.errors import ConflictError, UnreachableError
from troth.ledger import read
from troth.work import answer, carry_on, erase, hold, plan_erasure, release, replay

pytestmark = pytest.mark.slow
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BEFORE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ROWS = {
    "customer": [
        {"id": 1, "email": "ada@example.org", "name": "Ada Example"},
        {"id": 2, "email": "bob@example.org", "name": "Bob"},
    ],
    "orders": [
        {"id": 1, "customer_id": 1, "placed": "2026-01-05", "note": "for my birthday"},
        {"id": 2, "customer_id": 2, "placed": "2026-01-06", "note": None},
    ],
    "message": [{"id": n, "customer_id": 1 + (n > 3), "body": f"hello {n}"} for n in range(1, 6)],
}
MAP = """
store: shop
kind: http
credentials: {find: "URL/api", change: "URL/api"}
controller: main-entity
backups_expire: 35 days
http: {hosts: ["HOST"], sign_in: none, tries: 1}
tables:
  customer:
    http: {list: "GET /customer", rows: rows, look_up: {id: "GET /customer/{id}"}, update: "PATCH /customer/{id}"}
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: blank, set: {email: null, name: null}, by: dpo, because: orders point here}
  orders:
    http: {key: id, list: "GET /orders?size=9", rows: rows, look_up: {id: "GET /orders/{id}"},
           erase: "DELETE /orders/{id}", update: "PATCH /orders/{id}"}
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, placed: order, note: order}
    erase: {do: retain, until: {period: 10 years, trigger: placed}, legal: C. com. L123-22, blank: {note: null},
            by: counsel, because: accounts}
  message:
    http: {key: id, list: "GET /message?size=9", rows: rows, look_up: {id: "GET /message/{id}"},
           erase: "DELETE /message/{id}"}
    belongs_to: [{customer_id: customer.id}]
    columns: {id: key, customer_id: link, body: contact}
    erase: {do: delete, by: dpo, because: no longer needed}
"""
CALLS = 5
WHOLE = Counter({("customer", "blank"): 1, ("message", "delete"): 3, ("orders", "blank"): 1})


def at_now():
    return NOW


def give_birth():
    """Fork one process for each line of orders, and say what became of it."""
    from troth.stores import connect, http_api  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        load_for_children(order["folder"], at_now)
        child = os.fork()
        if child == 0:
            try:
                Path(order["folder"], "pid").write_text(str(os.getpid()))
                project = opened(Path(order["folder"]), at_now)
                if order["number"] == "replay":
                    replay.repeat(project, replay.plan(project, "shop", BEFORE))
                elif order["number"]:
                    erase.erase(project, order["number"], "c1")
                else:
                    release.release(project)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


@pytest.fixture(scope="module")
def process():
    """Erase in another process, or release what holds kept back where no request is named; return how it ended."""
    nursery = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(folder, number):
        nursery.stdin.write(json.dumps({"folder": str(folder), "number": number}) + "\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline())

    yield run
    nursery.stdin.close()
    assert nursery.wait(timeout=10) == 0


@pytest.fixture(scope="module")
def api():
    with api_server() as found:
        yield found


@pytest.fixture
def shop(api, folder):
    """A project whose shop is behind an API, with an erasure approved."""
    api.tables, api.behave = deepcopy(ROWS), {"victim": folder / "pid"}
    written = MAP.replace("URL", api.url).replace("HOST", api.url.rpartition("/")[2])
    (folder / "stores" / "shop.yaml").write_text(written)
    (folder / "stores" / "news.yaml").unlink()
    project = opened(folder, at_now)
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    yield project, number
    project.close()
    project.ledger.close()


def told(project, number):
    store = story.state(project, number)["claims"]["c1"]["stores"]["shop"]
    rows = Counter()
    for table, verb, count, *_ in store["rows"]:
        rows[table, verb] += 0 if verb == "retain" else count
    return +rows, store["certainty"]


def erased(api):
    assert api.tables["customer"][0] == {"id": 1, "email": None, "name": None}
    assert [row["id"] for row in api.tables["message"]] == [4, 5]
    assert [row["note"] for row in api.tables["orders"]] == [None, None]
    assert api.tables["customer"][1] == ROWS["customer"][1]


@pytest.mark.parametrize("calls", range(1, CALLS + 1))
def test_killed_after_any_call_the_next_goes_on_and_counts_every_row_once(api, shop, folder, process, calls):
    project, number = shop
    api.behave["kills after"] = calls
    assert process(folder, number) == -signal.SIGKILL
    del api.behave["kills after"]
    erase.erase(project, number, "c1")
    erased(api)
    assert told(project, number) == (WHOLE, "at_least_once")
    assert story.state(project, number)["claims"]["c1"]["done"]
    assert [event.facts["outcome"] for event in ended(project, number)] == ["committed"]


def ended(project, number):
    return [event for event in read.stream(project.ledger, f"request/{number}") if event.kind == "act_ended"]


@pytest.mark.parametrize("calls", range(1, CALLS))
def test_where_the_service_goes_away_what_went_is_recorded_and_the_rest_follows_by_itself(api, shop, calls):
    project, number = shop
    api.behave["down after"] = calls
    with pytest.raises(UnreachableError, match="What was done before stays done"):
        erase.erase(project, number, "c1")
    assert told(project, number)[0].total() == calls
    del api.behave["down after"]
    erase.erase(project, number, "c1")
    erased(api)
    assert told(project, number) == (WHOLE, "at_least_once")
    assert [event.facts["outcome"] for event in ended(project, number)] == ["cut_short", "committed"]


def test_killed_and_then_without_service_and_killed_again_still_counts_every_row_once(
    api, shop, folder, process
):
    project, number = shop
    api.behave["kills after"] = 1
    assert process(folder, number) == -signal.SIGKILL
    del api.behave["kills after"]
    api.behave["down after"] = 1
    with pytest.raises(UnreachableError):
        erase.erase(project, number, "c1")
    assert told(project, number)[0].total() == 2
    del api.behave["down after"]
    api.behave["kills after"] = 1
    assert process(folder, number) == -signal.SIGKILL
    del api.behave["kills after"]
    erase.erase(project, number, "c1")
    erased(api)
    assert told(project, number) == (WHOLE, "at_least_once")


def test_a_row_that_changed_meanwhile_is_measured_and_approved_again_and_what_went_stays_told(api, shop):
    project, number = shop
    api.behave["changes meanwhile"] = ("customer", "1")
    with pytest.raises(ConflictError, match="rows changed since they were read"):
        erase.erase(project, number, "c1")
    assert told(project, number)[0] == WHOLE - Counter({("customer", "blank"): 1})
    claim = story.state(project, number)["claims"]["c1"]
    assert (claim["plan"], claim["approved"], claim["done"]) == (None, None, False)
    del api.behave["changes meanwhile"]
    plan = plan_erasure.measure(project, number, "c1", staff="marie")
    plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
    carry_on.carry_on(project, number)
    erased(api)
    assert told(project, number) == (WHOLE, "at_least_once")
    assert "shop keeps no note of what we did there" in repr(answer.said(project, number))


def test_what_a_step_intends_is_recorded_again_once_it_was_rolled_back(api, shop, folder, process):
    project, number = shop
    api.tables |= {"orders": [], "message": []}
    api.behave["changes meanwhile"] = ("customer", "1")
    with pytest.raises(ConflictError):
        erase.erase(project, number, "c1")
    assert [event.facts["outcome"] for event in ended(project, number)] == ["rolled_back"]
    api.tables, api.behave = deepcopy(ROWS), {"victim": folder / "pid", "kills after": 1}
    plan = plan_erasure.measure(project, number, "c1", staff="marie")
    plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
    assert process(folder, number) == -signal.SIGKILL
    del api.behave["kills after"]
    erase.erase(project, number, "c1")
    erased(api)
    assert told(project, number) == (WHOLE, "at_least_once")


def test_what_a_hold_kept_back_is_counted_once_though_a_process_was_killed_in_the_midst(
    api, shop, folder, process
):
    project, number = shop
    placed = hold.place(project, "a matter", "our defence", date(2027, 3, 1), "marie", what=["shop.message"])
    name = placed.state["name"]
    plan = plan_erasure.measure(project, number, "c1", staff="marie")
    plan_erasure.approve(project, number, "c1", plan.facts["plan_sha256"], "paul")
    erase.erase(project, number, "c1")
    assert told(project, number)[0]["message", "delete"] == 0
    hold.end(project, name, "over", "paul")
    api.behave["kills after"] = 1
    assert process(folder, "") == -signal.SIGKILL
    del api.behave["kills after"]
    with project.ledger.writing() as connection:
        connection.execute(text("UPDATE leases SET until = 0"))  # the dead one's lease has run out
    assert release.release(project) == 1
    assert [row["id"] for row in api.tables["message"]] == [4, 5]
    assert told(project, number)[0]["message", "delete"] == 3


def test_the_command_shows_what_went_where_the_service_goes_away(api, shop, folder):
    plan = json.loads(troth(folder, "plan", "shop", "--email", "ada@example.org", "--json").out)
    api.behave["down after"] = 2
    words = ("act", "shop", "--email", "ada@example.org", "--approve", plan["plan_sha256"], "--yes")
    said = troth(folder, *words)
    assert said.code == 3
    assert "What was done before stays done" in said.err
    assert "message" in said.err
    del api.behave["down after"]
    assert troth(folder, *words).code == 0
    erased(api)


@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_repetition_that_is_killed_at_any_call_is_gone_on_with_and_counted_once(api, shop, process, call):
    project, number = shop
    erase.erase(project, number, "c1")
    api.tables = deepcopy(ROWS)  # the backup
    api.behave["kills after"] = call
    assert process(project.settings.folder, "replay") == -signal.SIGKILL
    del api.behave["kills after"]
    done = replay.repeat(project, replay.plan(project, "shop", BEFORE))
    assert (
        Counter({(one.table, one.verb): one.rows for one in done.counts if one.verb != "retain"})
    ) == WHOLE
    assert replay.plan(project, "shop", BEFORE).again == ()
    told = Counter()
    for event in read.stream(project.ledger, "replay/shop"):
        if event.kind == "act_ended":
            assert event.facts["certainty"] == "at_least_once"
            for table, verb, rows, *_ in event.facts["rows"]:
                told[table, verb] += rows * (verb != "retain")
    assert +told == WHOLE


if __name__ == "__main__":
    give_birth()
