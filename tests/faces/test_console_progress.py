"""Long work of the console: one at a time, followed live, found again after the page was closed."""

import asyncio
import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from shop_project import make, opened
from troth.errors import ConflictError, NotAllowedError
from troth.faces.console import progress
from troth.faces.console.progress import Step, Works, live


class Looking:
    """Somebody who looks at a stream, and is signed in with what `now` says."""

    class Anne:
        handle = "anne"

    def __init__(self):
        self.staff = self.now = self.Anne()
        self.desk, self.request = self, None

    def signed_in(self, _):
        return self.now


VISIT = Looking()


@pytest.fixture
def project(tmp_path):
    make(tmp_path)
    made = opened(tmp_path, lambda: datetime(2026, 12, 1, 9, tzinfo=UTC))
    yield made
    made.ledger.close()


def run(coroutine):
    """Run it in a thread of its own: a browser of other tests may have a loop going in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result(timeout=60)


def lines_of(stream):
    async def read():
        return [chunk async for chunk in stream.iterator]

    return b"".join(run(read())).decode()


def events(text):
    told = [block.split("\n") for block in text.split("\n\n") if block.startswith("event:")]
    return [(kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for kind, data in told]


def test_work_is_followed_step_by_step_to_its_end(project, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    works, go_on, told = Works(project), threading.Event(), threading.Event()

    def work(tell):
        tell(1, 2, "first")
        told.set()
        go_on.wait(5)
        tell(2, 2, "second")

    works.begin("count", "anne", work)
    told.wait(5)

    def say(run):
        go_on.set()
        return f"at {run.at}"

    seen = events(lines_of(live(VISIT, lambda: works.step("count", say))))
    assert seen[0] == ("step", {"done": 1, "of": 2, "said": "at first"})
    assert seen[-1] == ("end", {})
    assert works.last("count").staff == "anne"
    assert works.last("count").failed == ""


def test_one_of_a_name_goes_on_at_a_time_also_of_two_servers(project):
    works, other, go_on = Works(project), Works(project), threading.Event()
    works.begin("count", "anne", lambda _: go_on.wait(5))
    for one in (works, other):
        with pytest.raises(ConflictError, match="goes on already"):
            one.begin("count", "bob", lambda _: None)
    go_on.set()
    works.wait("count", 5)
    other.begin("count", "bob", lambda _: None)
    other.wait("count", 5)
    assert other.last("count").ended is not None


def test_what_was_refused_is_kept_and_an_unforeseen_error_tells_its_kind_alone(project, caplog):
    works = Works(project)

    def refused(_):
        raise NotAllowedError("The store is closed.")

    def broken(_):
        raise ZeroDivisionError("ada@example.org")

    for name, work in (("a", refused), ("b", broken)):
        works.begin(name, "anne", work)
        works.wait(name, 5)
    assert works.last("a").failed == "The store is closed."
    assert "ZeroDivisionError" in works.last("b").failed
    assert "ada@" not in works.last("b").failed + caplog.text


def test_a_stream_ends_by_itself_and_says_now_and_then_that_it_is_there(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.03)
    text = lines_of(live(VISIT, lambda: Step(0, 0, "waiting"), seconds=0.2))
    assert text.count("event: step") == 1
    assert ": still here" in text
    assert "event: end" not in text


def test_a_stream_asks_no_more_once_its_client_is_gone(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    asked = []

    async def look():
        stream = live(VISIT, lambda: asked.append(1) or Step(len(asked), 0, ""))
        async for _ in stream.iterator:
            if len(asked) >= 2:
                break
        await stream.iterator.aclose()
        before = len(asked)
        await asyncio.sleep(0.1)
        return before

    assert run(look()) == len(asked)


@pytest.mark.parametrize("now", [None, object()])
def test_a_stream_ends_for_whoever_signs_out_or_has_other_roles(monkeypatch, now):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(progress, "ADMITTED_SECONDS", 0.0)
    visit = Looking()

    def poll():
        visit.now = now
        return Step(1, 2, "told once")

    assert [kind for kind, _ in events(lines_of(live(visit, poll, seconds=5)))] == ["step", "end"]


def test_of_one_person_few_streams_go_on_at_once(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)

    async def look():
        step = Step(0, 0, "waiting")
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(progress.STREAMS_MAX):
                stream = live(VISIT, lambda: step).iterator
                stack.push_async_callback(stream.aclose)
                await anext(stream)
            refused = [line async for line in live(VISIT, lambda: step).iterator]
        return refused, await anext(live(VISIT, lambda: step).iterator)

    refused, after = run(look())
    assert refused == [b"retry: 10000\n\n"]
    assert after == b"retry: 2000\n\n"


def test_a_run_that_goes_on_is_kept_whatever_else_is_begun(project, monkeypatch):
    monkeypatch.setattr(progress, "RUNS_MAX", 2)
    works, go_on = Works(project), threading.Event()
    works.begin("long", "anne", lambda _: go_on.wait(5))
    for name in ("a", "b", "c"):
        works.begin(name, "anne", lambda _: None)
        works.wait(name, 5)
    assert works.going("long")
    assert works.last("a") is None
    assert works.last("c").ended
    go_on.set()
    works.wait("long", 5)
    assert works.last("long").ended
    assert works.last("long").failed == ""
