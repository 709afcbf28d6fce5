"""Scan a site: visit its pages as several visitors would, and say what its cookie table does not.

One visitor never chooses, one accepts, comes again and then withdraws, one refuses, one sends
Global Privacy Control.  Each has a browser of their own inside one Chromium.  A scan always
ends: every visit, and the whole, has an end in time.

Law: Directive 2002/58/EC Art. 5(3); GDPR Art. 7(3), Art. 24(1).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from troth.errors import NotAllowedError, UnreachableError
from troth.outside.chromium import Chromium, GoneError
from troth.outside.guard import CONNECT_SECONDS, Guard
from troth.outside.tab import Context, Tab, close_context, jar, open_context
from troth.rules import scan as rules
from troth.rules.scan import Expected
from troth.rules.scan_report import Note, Reached, Report
from troth.rules.trace import State, Trace, gathered, host_of, party_of, place_of
from troth.work import choose_cookies
from troth.work.choose_cookies import Pressed
from troth.work.crawl import (
    SITEMAPS_MAX,
    TEXT_BYTES_MAX,
    Robots,
    is_address,
    locations,
    of_site,
    page_url,
    spread,
)

VISIT_SECONDS = 30.0
APART_SECONDS = 2.5
SECOND_MAX = 8
DIALOG_TRIES = 3
PICTURES_MAX = 60
Result = TypeVar("Result")
Act = Callable[[Tab], Awaitable[Pressed]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What whoever starts a scan wants: where, how far, how fast, and which private hosts are theirs."""

    url: str
    pages: int = 20
    rate: float = 8.0  # pages begun in a second, at most
    minutes: float = 15.0
    private: tuple[str, ...] = ()
    language: str = "en"
    ignore_robots: bool = False
    pictures: bool = False
    jobs: int = 3


@dataclass(slots=True)
class Visited:
    """What one visit brought."""

    url: str = ""
    links: list[str] = field(default_factory=list)
    pressed: Pressed | None = None
    failed: str = ""
    asks: bool = False
    traces: list[Trace] = field(default_factory=list)
    picture: str = ""


def scan(
    wish: Wish,
    expected: Expected | None = None,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_visit: Callable[[State, str], object] = lambda *_: None,
) -> Report:
    """Scan a site; raises UnreachableError where it cannot be reached, NotAllowedError where it may not be.

    `on_visit` is told of each visit as it ends.
    """
    _check(wish)
    return _apart(_Scan(wish, expected, clock(), on_visit).run())


def _check(wish: Wish) -> None:
    try:
        read = urlsplit(wish.url)
        host, _ = read.hostname, read.port
    except ValueError:
        host, read = None, urlsplit("")
    if read.scheme not in {"http", "https"} or not host:
        raise NotAllowedError(
            f"{place_of(wish.url) or wish.url[:80]!r} is no address of a site. Write https://… ."
        )
    if read.username or read.password:
        raise NotAllowedError(
            "The address holds a name or a password. Write it without: a report would show it."
        )


def _apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end in a thread of its own, whatever loop this one has."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work)
    ended = threading.Event()  # a thread that was joined when Ctrl-C came cannot be joined again
    thread = threading.Thread(target=_to_the_end, args=(loop, task, ended), name="scan", daemon=True)
    thread.start()
    try:
        while not ended.wait(0.2):
            pass
    except BaseException:
        loop.call_soon_threadsafe(task.cancel)
        ended.wait(20)
        raise
    return task.result()


def _to_the_end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], ended: threading.Event) -> None:
    with suppress(BaseException):
        loop.run_until_complete(task)
    with suppress(Exception):
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    ended.set()


class _Scan:
    """One scan while it goes on: what it has visited and seen so far."""

    def __init__(
        self, wish: Wish, expected: Expected | None, at: datetime, on_visit: Callable[[State, str], object]
    ) -> None:
        self.wish, self.expected, self.at, self.on_visit = wish, expected, at, on_visit
        self.guard = Guard(wish.private)
        self.browser = Chromium("", wish.language)
        self.version = ""
        self.site = ""
        self.robots = Robots(None)
        self.slots = asyncio.Semaphore(max(1, wish.jobs))
        self.next_at = 0.0
        self.traces: list[Trace] = []
        self.states: dict[State, Reached] = {}
        self.pages: list[str] = []
        self.in_sitemap: list[str] = []
        self.linked: list[str] = []
        self.left_out: set[str] = set()
        self.more = 0
        self.visits = 0
        self.failed: dict[str, int] = {}
        self.again: set[State] = set()
        self.notes: list[Note] = []
        self.pictures: dict[str, bytes] = {}
        self.thumbnails: dict[str, bytes] = {}
        self.pictured: set[tuple[str, str, str, State]] = set()

    async def run(self) -> Report:
        """Scan, and return the report."""
        begun = time.monotonic()
        await self._may_be_asked()
        await self.guard.start()
        self.browser = Chromium(self.guard.url, self.wish.language)
        try:
            self.version = await self.browser.start()
            self.browser.on("", self._hear)
            await self.browser.send("Target.setDiscoverTargets", {"discover": True})
            async with asyncio.timeout(self.wish.minutes * 60):
                await self._all_states()
        except TimeoutError:
            self.notes.append(Note("out_of_time", {"minutes": f"{self.wish.minutes:g}"}))
            self._cut()
        except GoneError:
            if not self.visits:
                raise
            self.notes.append(Note("browser_ended"))
            self._cut()
        finally:
            await asyncio.shield(self._end())
        return self._report(time.monotonic() - begun)

    async def _end(self) -> None:
        await self.browser.stop()
        await self.guard.stop()

    def _cut(self) -> None:
        for state in ("before", "accepted", "second", "withdrawn", "refused", "gpc"):
            self.states.setdefault(state, Reached("cut"))

    def _hear(self, method: str, params: Mapping[str, Any]) -> None:
        """Close windows that a page opens."""
        told = params.get("targetInfo", {})
        if method == "Target.targetCreated" and told.get("type") == "page" and told.get("openerId"):
            self.browser.tell("Target.closeTarget", {"targetId": told["targetId"]})

    async def _may_be_asked(self) -> None:
        """Refuse a private address that nobody named before a browser is started for it."""
        read = urlsplit(self.wish.url)
        with suppress(OSError, TimeoutError, UnicodeError):
            port = read.port or (443 if read.scheme == "https" else 80)
            found = await asyncio.wait_for(self.guard.addresses(read.hostname or "", port), CONNECT_SECONDS)
            if found is None:
                raise UnreachableError(self._why_not(self.wish.url, ""))

    async def _all_states(self) -> None:
        nobody = await self._visitor()
        await self._begin(nobody)
        await self._crawl(nobody)
        await self._jar(nobody, "before")
        self.states["before"] = Reached("reached", len(self.pages))
        await close_context(self.browser, nobody)
        chains = [self._yes(), self._no(), self._signal()]
        await asyncio.gather(*chains)

    async def _visitor(self, *, signal: bool = False) -> Context:
        binding = "_" + secrets.token_hex(8)
        return await open_context(self.browser, signal=signal, binding=binding)

    # Where to go.

    async def _begin(self, nobody: Context) -> None:
        """Ask robots.txt, and visit the first page: from it the site is known."""
        start = page_url(self.wish.url) or self.wish.url
        await self._read_robots(nobody, start)
        if not self.robots.allows(start):
            raise NotAllowedError(
                f"robots.txt of {host_of(start)} does not allow {place_of(start)} to be visited. "
                "If the site is yours, say --ignore-robots."
            )
        first = await self._visit(nobody, start, "before")
        if first.failed:
            raise UnreachableError(self._why_not(start, first.failed))
        arrived = page_url(first.url) or start
        if urlsplit(arrived).netloc != urlsplit(start).netloc:
            await self._read_robots(nobody, arrived)
        self.pages = [arrived]
        self.linked = first.links

    def _why_not(self, url: str, failed: str) -> str:
        host = host_of(url)
        if host in self.guard.refused:
            return (
                f"{host} has a private address, and none is visited unless it is named: --allow-private {host}. "
                "Nothing was scanned."
            )
        return f"{place_of(url)} could not be reached ({failed}). Nothing was scanned."

    async def _read_robots(self, nobody: Context, url: str) -> None:
        tab = Tab(self.browser, nobody, self.version, self.wish.language)
        await tab.open()
        try:
            text = await tab.fetch(urljoin(url, "/robots.txt"), TEXT_BYTES_MAX)
            self.robots = Robots(text, ignored=self.wish.ignore_robots)
            waiting = [*self.robots.sitemaps, urljoin(url, "/sitemap.xml")]
            found: list[str] = []
            asked: set[str] = set()
            while waiting and len(asked) < SITEMAPS_MAX:
                one = waiting.pop(0)
                if one in asked or not is_address(one):
                    continue
                asked.add(one)
                read = await tab.fetch(one, TEXT_BYTES_MAX)
                here, are_sitemaps = locations(read) if read else ([], False)
                if are_sitemaps:
                    waiting += here
                else:
                    found += here
            self.in_sitemap = found
        finally:
            await tab.close()

    async def _crawl(self, nobody: Context) -> None:
        """Visit pages as somebody who never chooses, and find more of them on the way."""
        first = self.pages[0]
        known = {first}
        waiting = [*spread(of_site(self.in_sitemap, self.site)), *of_site(self.linked, self.site, first)]
        while waiting and len(self.pages) < self.wish.pages:
            wave: list[str] = []
            while waiting and len(wave) < self.wish.jobs and len(self.pages) + len(wave) < self.wish.pages:
                page = waiting.pop(0)
                if page in known:
                    continue
                known.add(page)
                if self.robots.allows(page):
                    wave.append(page)
                else:
                    self.left_out.add(page)
            for page, visited in zip(wave, await self._visits(nobody, wave, "before"), strict=True):
                if not visited.failed:
                    self.pages.append(page)
                    waiting += of_site(visited.links, self.site, page)
        self.more = len({page for page in waiting if page not in known and self.robots.allows(page)})

    # The visitors who choose.

    async def _yes(self) -> None:
        visitor = await self._visitor()
        pressed, here, left = await self._choose(visitor, choose_cookies.accept)
        if pressed.outcome != "reached":
            for state in ("accepted", "second", "withdrawn"):
                self.states[state] = Reached(pressed.outcome)
            await close_context(self.browser, visitor)
            return
        visited = await self._visits(visitor, left, "accepted")
        since = time.monotonic()  # the page that came last must be as far from its second visit as the first
        await self._jar(visitor, "accepted")
        self.states["accepted"] = _reached([*here, *visited], pressed.label)
        self.again |= {"accepted" for one in visited if one.asks}
        await asyncio.sleep(max(0.0, APART_SECONDS - (time.monotonic() - since)))
        pages = [self.pages[0], *_lasting(self.traces, self.pages[1:])][:SECOND_MAX]
        visited = await self._visits(visitor, pages, "second")
        self.again |= {"second" for one in visited if one.asks}
        await self._jar(visitor, "second")
        self.states["second"] = _reached(visited)
        pressed, here, _ = await self._choose(visitor, choose_cookies.withdraw)
        self.states["withdrawn"] = Reached(pressed.outcome, 0, pressed.label)
        if pressed.outcome == "reached":
            visited = await self._visits(visitor, self.pages, "withdrawn")
            await self._jar(visitor, "withdrawn")
            self.states["withdrawn"] = _reached(visited, pressed.label, after=here)
        await close_context(self.browser, visitor)

    async def _no(self) -> None:
        visitor = await self._visitor()
        pressed, here, left = await self._choose(visitor, choose_cookies.refuse)
        self.states["refused"] = Reached(pressed.outcome, 0, pressed.label)
        if pressed.outcome == "reached":
            if pressed.clicks > 1:
                self.notes.append(Note("second_layer"))
            visited = await self._visits(visitor, [self.pages[0], *left], "refused")
            self.again |= {"refused" for one in visited if one.asks}
            await self._jar(visitor, "refused")
            self.states["refused"] = _reached(visited, pressed.label, after=here)
        await close_context(self.browser, visitor)

    async def _signal(self) -> None:
        visitor = await self._visitor(signal=True)
        visited = await self._visits(visitor, self.pages, "gpc")
        await self._jar(visitor, "gpc")
        self.states["gpc"] = _reached(visited)
        await close_context(self.browser, visitor)

    async def _choose(self, visitor: Context, act: Act) -> tuple[Pressed, list[Visited], list[str]]:
        """Go from page to page until one lets a choice be made; return it, that visit, and the pages left.

        Where a page did not come and no other had a dialog, nothing is known of the dialog: it is cut.
        """
        state: State = "second" if act is choose_cookies.withdraw else "before"
        pressed, failed = Pressed("no_dialog"), False
        for at, page in enumerate(self.pages[:DIALOG_TRIES]):
            visited = await self._visit(visitor, page, state, act)
            pressed = visited.pressed or pressed
            if pressed.outcome not in {"no_dialog", "no_way_back"}:
                return pressed, [visited], self.pages[:at] + self.pages[at + 1 :]
            failed = failed or bool(visited.failed)
        return (Pressed("cut") if failed else pressed), [], self.pages

    # One visit.

    async def _visits(self, visitor: Context, pages: Iterable[str], state: State) -> list[Visited]:
        return await asyncio.gather(*(self._visit(visitor, page, state) for page in pages))

    async def _visit(self, visitor: Context, url: str, state: State, act: Act | None = None) -> Visited:
        async with self.slots:
            await self._pace()
            if self.browser.gone.is_set():
                raise GoneError("Chromium ended.")
            visited = Visited(url)
            tab = Tab(self.browser, visitor, self.version, self.wish.language)
            tab.record.state = state
            try:
                async with asyncio.timeout(VISIT_SECONDS):
                    await self._look(tab, url, visited, act)
            except (TimeoutError, GoneError) as error:
                visited.failed = visited.failed or f"it did not come to an end: {error}"
                self._failed("stopped")
            self.visits += 1
            site = self.site or tab.record.site or host_of(url)
            visited.traces += tab.record.traces(site)
            await self._close(tab)
        shown = visited.picture
        self.traces += [replace(one, picture=shown) for one in visited.traces] if shown else visited.traces
        self.on_visit(state, place_of(url))
        return visited

    async def _look(self, tab: Tab, url: str, visited: Visited, act: Act | None) -> None:
        await tab.open()
        why = await tab.go(url)
        if why:
            visited.failed = why
            self._failed("unreached")
            return
        await tab.settle()
        visited.url = tab.record.url
        if not self.site:
            self.site = tab.record.site or host_of(tab.record.url) or host_of(url)
        if tab.crashed:
            visited.failed = "the page crashed"
            self._failed("stopped")
            return
        if not host_of(tab.record.url) or party_of(host_of(tab.record.url), self.site) == "third":
            visited.failed = "it leads to another site"
            self._failed("left_site")
            return
        if tab.record.status >= 400:
            visited.failed = f"it answers {tab.record.status}"
            self._failed("unreached")
            return
        await tab.run_on()
        if tab.record.state == "before":
            visited.links = await tab.links()
        if act is not None:
            visited.pressed = await act(tab)
        elif tab.record.state in {"accepted", "refused", "second"}:
            visited.asks = await tab.dialog() is not None
        taken_back = act is not None and tab.record.state in {"refused", "withdrawn"}
        visited.traces += await tab.stored(self.site, databases=not taken_back)
        if self.wish.pictures and len(self.pictures) < PICTURES_MAX and self._new(visited, tab):
            name = f"{tab.record.state}-{len(self.pictures) + 1}.jpg"
            taken = await tab.picture()
            if taken:
                self.pictures[name], visited.picture = taken, name
                self.thumbnails[name] = await tab.thumbnail()

    def _new(self, visited: Visited, tab: Tab) -> bool:
        """Say whether a visit saw something that no picture in this state shows yet."""
        keys = {
            (one.kind, one.name, one.host, one.state)
            for one in [*visited.traces, *tab.record.traces(self.site)]
        }
        fresh = keys - self.pictured
        self.pictured |= keys
        return bool(fresh)

    async def _close(self, tab: Tab) -> None:
        if not await tab.close() and not self.browser.gone.is_set():
            self._failed("stopped")

    async def _pace(self) -> None:
        """Wait for one's turn: so many pages in a second and no more."""
        apart = max(1.0 / self.wish.rate, self.robots.delay)
        now = time.monotonic()
        self.next_at = max(self.next_at, now) + apart
        await asyncio.sleep(max(0.0, self.next_at - apart - now))

    async def _jar(self, visitor: Context, state: State) -> None:
        self.traces += await jar(self.browser, visitor, self.site, state, self.pages[0])

    def _failed(self, how: str) -> None:
        self.failed[how] = self.failed.get(how, 0) + 1

    # The report.

    def _report(self, seconds: float) -> Report:
        requests = [one for one in self.traces if one.how == "request"]
        seen = gathered(one for one in self.traces if one.how != "request")
        report = Report(
            url=place_of(self.wish.url), site=self.site, at=self.at, states=self._needed(),
            notes=tuple(self._all_notes()), pages=tuple(place_of(page) for page in self.pages), seen=seen,
            requests=tuple(requests), visits=self.visits, seconds=seconds, pictures=self.pictures,
            thumbnails=self.thumbnails,
        )  # fmt: skip
        if self.expected is None:
            return report
        return replace(
            report,
            findings=rules.judge(self.expected, seen, requests),
            declared=rules.declared(self.expected.table, seen),
            table_sha256=self.expected.table.sha256,
        )

    def _needed(self) -> dict[State, Reached]:
        """Return how far each state went; none need be chosen where the table asks for no consent."""
        if self.expected is None or self.expected.table.categories:
            return self.states
        return {
            state: replace(one, outcome="not_needed") if one.outcome == "no_dialog" else one
            for state, one in self.states.items()
        }

    def _all_notes(self) -> list[Note]:
        outcomes = {one.outcome for one in self._needed().values()}
        notes = [
            Note(code) for code in ("no_dialog", "no_accept", "no_refuse", "no_way_back") if code in outcomes
        ]
        notes += self.notes
        if self.again:
            notes.append(Note("asked_again", {"states": ",".join(sorted(self.again))}))
        if self.guard.refused:
            notes.append(Note("private", {"hosts": ", ".join(sorted(self.guard.refused)[:10])}))
        if self.left_out:
            notes.append(Note("robots", {"number": str(len(self.left_out))}))
        if self.more:
            notes.append(Note("more_pages", {"number": str(len(self.pages) + self.more)}))
        notes += [Note(code, {"number": str(number)}) for code, number in sorted(self.failed.items())]
        if not self.browser.sandboxed:
            notes.append(Note("no_sandbox"))
        return notes


def _reached(visited: Sequence[Visited], pressed: str = "", *, after: Iterable[Visited] = ()) -> Reached:
    """Say how far a state went: where a page of it, or the one it was entered on, did not come, it was cut."""
    came = sum(not one.failed for one in visited)
    whole = came == len(visited) and not any(one.failed for one in after)
    return Reached("reached" if whole else "cut", came, pressed)


def _lasting(traces: Iterable[Trace], pages: Iterable[str]) -> list[str]:
    """Return the pages on which something was asked to last: those a renewal would show on."""
    there = {
        one.page
        for one in traces
        if one.state == "accepted" and one.seconds and one.how in {"header", "script"}
    }
    return [page for page in pages if place_of(page) in there]
