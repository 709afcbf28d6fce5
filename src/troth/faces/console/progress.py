"""Long work of the console: begun by a form, one of a name at a time, and followed live by whoever looks.

`Works` runs it on a thread of its own, so it goes on when the page is closed and is found again when the
page is loaded; what it achieves is in the ledger, what is kept here is only how far it is.  `live` tells
a page how far, as server-sent events: `step` with `{"done", "of", "said"}`, and `end`, at which the page
is loaded anew.  A stream ends by itself after some minutes, and the browser asks again.

    works = Works(desk.project)

    @desk.act("/sites/{name:str}/scan", "scan")
    def begin(visit): works.begin(f"scan/{name}", lambda tell: scan_named(…, on_visit=tell)); return visit.to(…)

    @desk.page("/sites/{name:str}/live", "read_cookies")
    def follow(visit): return live(visit, lambda: works.step(f"scan/{name}", say))
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from litestar.response import Stream

from troth.errors import ConflictError, TrothError
from troth.faces.console.desk import Visit
from troth.faces.web import HEADERS
from troth.ledger import lease
from troth.work.project import Project

LOG = logging.getLogger("troth.console")
EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LIVE_SECONDS = 300.0
LEASE_SECONDS = 60.0
RENEWALS_MAX = 2_160  # twelve hours
RUNS_MAX = 200
AT_ONCE_SECONDS = 2.0
"""How long a page waits for work to end before it shows how far it is instead."""
STREAMS_MAX = 5
"""How many streams of one of the staff go on at once; a browser asks again later for more."""
ADMITTED_SECONDS = 5.0
"""How often a stream asks whether whoever looks is still signed in with the same roles."""
_STREAMS: Counter[str] = Counter()
_COUNTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Step:
    """How far a piece of work is: `done` of `of` (0 where nobody knows), and what to say of it."""

    done: int
    of: int
    said: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run of long work: by whom, since when, how far, and how it ended; `failed` is a sentence."""

    name: str
    staff: str
    begun: datetime
    done: int = 0
    of: int = 0
    at: str = ""  # a word for what it is at now, which a page translates
    ended: datetime | None = None
    failed: str = ""
    result: Any = None  # what the work returned


Tell: TypeAlias = "Callable[[int, int, str], None]"


@dataclass(slots=True)
class Works:
    """The long work of a part that this server began, by name: what goes on, and how the last of each ended.

    A lease in the ledger keeps another server from doing the same at once.
    """

    project: Project
    _runs: dict[str, Run] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _threads: dict[str, threading.Thread] = field(default_factory=dict, repr=False)

    def begin(
        self, name: str, staff: str, work: Callable[[Tell], object], *, leased: str | None = "", of: int = 0
    ) -> Run:
        """Begin a piece of work unless it goes on: then ConflictError.

        `work` is given what to call with (done, of, what it is at).  `leased` names the lease to hold meanwhile,
        where that is not the name; None is for what changes nothing and every server may do.
        """
        with self._lock:
            if self.going(name):
                raise ConflictError("This goes on already. Look at how far it is, and begin it again after.")
            taken = None
            if leased is not None:
                taken = lease.claim(self.project.ledger, leased or f"console/{name}", LEASE_SECONDS)
            if leased is not None and taken is None:
                raise ConflictError(
                    "This goes on already, elsewhere on the same ledger. Try again when it has ended."
                )
            run = Run(name, staff, self.project.clock(), of=of)
            self._runs.pop(name, None)
            ended = [one for one, last in self._runs.items() if last.ended is not None]
            for old in ended[: max(0, len(self._runs) + 1 - RUNS_MAX)]:
                del self._runs[old]
                self._threads.pop(old, None)
            self._runs[name] = run
            thread = threading.Thread(
                target=self._carry, args=(name, work, taken), name=f"console {name}", daemon=True
            )
            self._threads[name] = thread
            thread.start()
        return run

    def last(self, name: str) -> Run | None:
        """Return the run that goes on, or the last that ended; None where this server began none."""
        return self._runs.get(name)

    def going(self, name: str) -> bool:
        """Say whether a run goes on."""
        run = self._runs.get(name)
        return run is not None and run.ended is None

    def let_go(self, start: str, most: int, older: timedelta) -> None:
        """Forget the ended runs whose name starts so and that are older, and of the others all but the last `most`."""
        with self._lock:
            ended = [
                one for one, run in self._runs.items() if one.startswith(start) and run.ended is not None
            ]
            for number, name in enumerate(reversed(ended)):
                run = self._runs[name]
                if number >= most or (run.ended is not None and self.project.clock() - run.ended > older):
                    del self._runs[name]
                    self._threads.pop(name, None)

    def step(self, name: str, say: Callable[[Run], str]) -> Step | None:
        """Return how far a run is, in the words of whoever looks; None once it has ended."""
        run = self._runs.get(name)
        return None if run is None or run.ended is not None else Step(run.done, run.of, say(run))

    def wait(self, name: str, seconds: float | None = None) -> None:
        """Wait until a run has ended, at most so long; as long as a page may where nothing is said."""
        thread = self._threads.get(name)
        if thread is not None:
            thread.join(AT_ONCE_SECONDS if seconds is None else seconds)

    def _carry(self, name: str, work: Callable[[Tell], object], taken: lease.Lease | None) -> None:
        over = threading.Event()
        if taken is not None:
            threading.Thread(
                target=self._renew, args=(taken, over), name="console lease", daemon=True
            ).start()
        failed, result = "", None
        try:
            result = work(lambda done, of, at: self._told(name, done=done, of=of, at=at))
        except TrothError as error:
            failed = str(error)
        except Exception as error:  # its text may hold what is in a store
            LOG.error("%s failed: %s", name, type(error).__name__)
            failed = (
                f"It ended with an error of kind {type(error).__name__}, which the log of the server names."
            )
        finally:
            over.set()
            if taken is not None:
                with suppress(TrothError):
                    lease.release(self.project.ledger, taken)
            self._told(name, ended=self.project.clock(), failed=failed, result=result)

    def _renew(self, taken: lease.Lease, over: threading.Event) -> None:
        for _ in range(RENEWALS_MAX):
            if over.wait(LEASE_SECONDS / 3):
                return
            with suppress(TrothError):
                lease.renew(self.project.ledger, taken, LEASE_SECONDS)

    def _told(self, name: str, **more: Any) -> None:
        self._runs[name] = replace(self._runs[name], **more)


def live(visit: Visit, poll: Callable[[], Step | None], *, seconds: float = LIVE_SECONDS) -> Stream:
    """Answer with how far something is, as often as it changes, until `poll` returns None.

    `poll` runs on a thread, twice a second, while the client listens and for `seconds` at most.  It ends too when
    whoever looks signs out or has other roles than when they began; and of one person so many go on at once.
    """
    headers = {**HEADERS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_counted(visit, poll, seconds), media_type="text/event-stream", headers=headers)


async def _counted(visit: Visit, poll: Callable[[], Step | None], seconds: float) -> AsyncIterator[bytes]:
    handle = visit.staff.handle
    with _COUNTING:
        full = _STREAMS[handle] >= STREAMS_MAX
        _STREAMS[handle] += not full
    if full:
        yield b"retry: 10000\n\n"
        return
    try:
        async for line in _lines(visit, poll, seconds):
            yield line
    finally:
        with _COUNTING:
            _STREAMS[handle] -= 1
            if not _STREAMS[handle]:
                del _STREAMS[handle]


async def _lines(visit: Visit, poll: Callable[[], Step | None], seconds: float) -> AsyncIterator[bytes]:
    began = spoke = admitted = time.monotonic()
    before: Step | None = None
    yield b"retry: 2000\n\n"
    while time.monotonic() - began < seconds:
        if time.monotonic() - admitted >= ADMITTED_SECONDS:
            if await asyncio.to_thread(visit.desk.signed_in, visit.request) != visit.staff:
                yield b"event: end\ndata: {}\n\n"
                return
            admitted = time.monotonic()
        step = await asyncio.to_thread(poll)
        if step is None:
            yield b"event: end\ndata: {}\n\n"
            return
        if step != before:
            said = json.dumps({"done": step.done, "of": step.of, "said": step.said})
            yield f"event: step\ndata: {said}\n\n".encode()
            before, spoke = step, time.monotonic()
        elif time.monotonic() - spoke > HEARTBEAT_SECONDS:
            yield b": still here\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(EVERY_SECONDS)
