"""One page of a scan's browser: it goes somewhere, lets the page do all it would do, and tells what it did.

A page's clock is made to run: a minute of its timers passes in the time its network needs, so
that what is written late is seen without waiting.  Nothing a page does takes longer than the
bounds below: dialogs are answered, downloads refused, and what hangs is closed.

Source: Chrome DevTools Protocol (Network, Runtime, Emulation.setVirtualTimePolicy).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from troth.outside.chromium import Chromium, GoneError
from troth.outside.tab_record import Record, numbers
from troth.rules.trace import PLACE_MAX, Kind, State, Trace, host_of, name_of, party_of, place_of

GO_SECONDS = 15.0
STALLED_SECONDS = 1.0
SETTLE_SECONDS = 6.0
EVALUATE_SECONDS = 8.0
CLOSE_SECONDS = 4.0
PRESSES_MAX = 3
LATER_MS = 60_000
THUMBNAIL_PIXELS = 320
"""How much of a page's own time passes at each visit: what it writes a minute late is seen."""
EVENTS_MAX = 4000
FRAMES_MAX = 30
WORLD = "troth"


@dataclass(frozen=True, slots=True)
class Context:
    """A browser of a visitor of its own: cookies, storage and cache apart from all others."""

    id: str
    signal: bool
    binding: str


@cache
def _finder() -> str:
    here = files("troth.outside")
    words = tomllib.loads((here / "consent_words.toml").read_text(encoding="utf-8"))
    source = (here / "page_finder.js").read_text(encoding="utf-8")
    return source.replace("WORDS,", json.dumps(words, ensure_ascii=False) + ",", 1)


def _hooks(context: Context) -> str:
    source = (files("troth.outside") / "page_hooks.js").read_text(encoding="utf-8")
    return source.replace("BINDING", context.binding).replace(
        '"SIGNAL"', json.dumps(str(context.signal).lower())
    )


class Tab:
    """A page in a context; `state` is what its visitor has chosen so far, and is set by whoever drives it."""

    def __init__(self, browser: Chromium, context: Context, version: str, language: str) -> None:
        self._browser, self._context = browser, context
        self._version, self._language = version, language
        self._target = self._session = ""
        self.record = Record()
        self._worlds: dict[int, str] = {}
        self._children: list[str] = []
        self._expired = asyncio.Event()
        self._events = 0
        self.crashed = False

    async def open(self) -> None:
        """Open an empty page, ready to be watched."""
        send = self._browser.send
        told = await send("Target.createTarget", {"url": "about:blank", "browserContextId": self._context.id})
        self._target = told["targetId"]
        told = await send("Target.attachToTarget", {"targetId": self._target, "flatten": True})
        self._session = told["sessionId"]
        self._browser.on(self._session, self._hear)
        major = self._version.partition(".")[0]
        agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0"
        agent += " Safari/537.36"
        brands = [{"brand": "Chromium", "version": major}, {"brand": "Not)A;Brand", "version": "24"}]
        metadata = {
            "brands": brands, "platform": "Linux", "platformVersion": "", "architecture": "x86", "model": "",
            "mobile": False,
        }  # fmt: skip
        wanted: list[tuple[str, dict[str, Any]]] = [
            ("Page.enable", {}), ("Network.enable", {"maxTotalBufferSize": 1_000_000, "maxPostDataSize": 0}),
            ("Runtime.enable", {}), ("Runtime.addBinding", {"name": self._context.binding}),
            ("Page.addScriptToEvaluateOnNewDocument", {"source": _hooks(self._context)}),
            ("Page.addScriptToEvaluateOnNewDocument", {"source": _finder(), "worldName": WORLD}),
            ("Emulation.setUserAgentOverride", {
                "userAgent": agent, "acceptLanguage": self._language, "userAgentMetadata": metadata,
            }),
            ("Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}),
        ]  # fmt: skip
        if self._context.signal:
            wanted.append(("Network.setExtraHTTPHeaders", {"headers": {"Sec-GPC": "1"}}))
        for method, params in wanted:
            self._tell(method, params)
        tree = await self._send("Page.getFrameTree", seconds=GO_SECONDS)
        self.record.main = tree["frameTree"]["frame"]["id"]

    def _tell(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        self._browser.tell(method, params, self._session)

    async def _send(
        self, method: str, params: Mapping[str, Any] | None = None, seconds: float = EVALUATE_SECONDS
    ) -> dict[str, Any]:
        return await self._browser.send(method, params, self._session, seconds=seconds)

    async def go(self, url: str) -> str:
        """Go to a URL; return why it could not be, or nothing."""
        try:
            told = await self._send("Page.navigate", {"url": url}, GO_SECONDS)
        except GoneError as error:
            return str(error)
        if told.get("isDownload"):
            return "it is a download"
        return str(told.get("errorText", ""))

    async def settle(self) -> None:
        """Let the page do what it does within a minute of its own time, in a few seconds of ours."""
        ends = time.monotonic() + SETTLE_SECONDS
        later, policy = LATER_MS, "pauseIfNetworkFetchesPending"
        for _ in range(4):
            self._expired.clear()
            self.record.active = time.monotonic()
            await self._send(
                "Emulation.setVirtualTimePolicy",
                {"policy": policy, "budget": later, "maxVirtualTimeTaskStarvationCount": 5000},
            )
            expired = await self._until_expired(ends)
            if time.monotonic() >= ends or self.crashed:
                return
            if expired and not self.record.loading():
                return
            later = 5_000 if expired else LATER_MS
            policy = "pauseIfNetworkFetchesPending" if expired else "advance"

    async def _until_expired(self, ends: float) -> bool:
        while time.monotonic() < ends and not self.crashed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._expired.wait(), 0.1)
                return True
            if time.monotonic() - self.record.active > STALLED_SECONDS:
                return False
        return False

    async def run_on(self) -> None:
        """Let the page's clock run freely, as it must while it is asked something."""
        await self._send("Emulation.setVirtualTimePolicy", {"policy": "advance"})

    async def ask(self, expression: str) -> list[Any]:
        """Ask the finder in every frame, the page itself first; what does not answer is left out."""
        return [value for _, value in await self._told(expression)]

    async def _told(self, expression: str) -> list[tuple[int, Any]]:
        """Ask the finder in every frame; return the world of each with what it says."""
        worlds = self._ordered()
        wanted = [
            self._browser.tell("Runtime.evaluate", {**_asking(expression), "contextId": world}, self._session)
            for world in worlds
        ]
        if not wanted:
            return []
        done, _ = await asyncio.wait(wanted, timeout=EVALUATE_SECONDS)
        return [
            (world, (one.result().get("result") or {}).get("value"))
            for world, one in zip(worlds, wanted, strict=True)
            if one in done and not one.exception()
        ]

    def _ordered(self) -> list[int]:
        """Return the worlds of the finder, that of the page itself first."""
        ordered = sorted(self._worlds.items(), key=lambda one: (one[1] != self.record.main, one[0]))
        return [world for world, _ in ordered][:FRAMES_MAX]

    async def dialog(self) -> Mapping[str, Any] | None:
        """Return what is known of the dialog that asks about cookies, or None where there is none."""
        found = [one for one in await self.ask("troth.find()") if isinstance(one, dict)]
        return max(found, key=lambda one: one.get("points", 0), default=None)

    async def press(self, what: str) -> str | None:
        """Press a button of the dialog by its meaning; return what it says, or None where it is not there."""
        for _ in range(PRESSES_MAX):
            found = [
                (one.get("points", 0), world)
                for world, one in await self._told("troth.find()")
                if isinstance(one, dict) and what in one.get("has", {})
            ]
            if not found:
                return None
            pressed = await self._in_world(max(found)[1], f"troth.press({json.dumps(what)})")
            if pressed is not None:
                return pressed
        return None

    async def untick(self) -> int:
        """Take back every tick in the dialog; return how many there were."""
        return sum(one for one in await self.ask("troth.untick()") if isinstance(one, int))

    async def reopen(self) -> str | None:
        """Press the way back to the choices; return what it says, or None where there is none."""
        for world in self._ordered():
            pressed = await self._in_world(world, "troth.reopen()")
            if pressed:
                return pressed
        return None

    async def _in_world(self, world: int, expression: str) -> str | None:
        """Press something in one frame; None where nothing was pressed, or the frame has gone meanwhile."""
        try:
            told = await self._send("Runtime.evaluate", {**_asking(expression), "contextId": world})
        except GoneError as error:
            gone = "Cannot find context" in str(error)
            return None if gone else "?"  # what was pressed led the page away
        value = (told.get("result") or {}).get("value")
        return str(value)[:80] if value else None

    async def links(self) -> list[str]:
        """Return the addresses that the page leads to."""
        told = (await self.ask("troth.links()"))[:1]
        return [link for some in told if isinstance(some, list) for link in some if isinstance(link, str)]

    async def stored(self, site: str, *, databases: bool = True) -> list[Trace]:
        """Return what stands in the storages of the page's frames.

        A database whose deletion was asked for goes only when the page that holds it open is closed:
        right after a withdrawal nothing is said of databases.
        """
        found: list[Trace] = []
        for one in await self.ask("troth.keys()"):
            if not isinstance(one, dict):
                continue
            kinds: tuple[Kind, ...] = ("local_storage", "session_storage")
            for kind in kinds:
                found += [
                    self._found(kind, str(name), str(one.get("origin", "")), site)
                    for name in one.get(kind, ())
                ]
        frames = list(dict.fromkeys(self._worlds.values()))[:FRAMES_MAX] if databases else []
        for some in await asyncio.gather(*(self._databases(frame, site) for frame in frames)):
            found += some
        return found

    async def _databases(self, frame: str, site: str) -> list[Trace]:
        try:
            key = (await self._send("Storage.getStorageKeyForFrame", {"frameId": frame}))["storageKey"]
            databases, caches = await asyncio.gather(
                self._send("IndexedDB.requestDatabaseNames", {"storageKey": key}),
                self._send("CacheStorage.requestCacheNames", {"storageKey": key}),
            )
        except GoneError:
            return []
        origin = key.partition("^")[0]
        names: list[tuple[Kind, str]] = [("indexed_db", name) for name in databases.get("databaseNames", ())]
        names += [("other", one["cacheName"]) for one in caches.get("caches", ())]
        return [self._found(kind, name, origin, site) for kind, name in names]

    def _found(self, kind: Kind, name: str, origin: str, site: str) -> Trace:
        host, page = host_of(origin), place_of(self.record.url)
        party = party_of(host, site)
        return Trace(kind, name_of(name), host, party, self.record.state, "device", page, order=next(numbers))

    async def picture(self) -> bytes:
        """Take a picture of what a visitor sees, as JPEG; empty where none can be taken."""
        return await self._captured()

    async def thumbnail(self) -> bytes:
        """Take the same picture as small as a list of pictures shows it; empty where none can be taken."""
        try:
            seen = (await self._send("Page.getLayoutMetrics"))["cssVisualViewport"]
        except GoneError:
            return b""
        width, height = seen["clientWidth"], seen["clientHeight"]
        if not width:
            return b""
        corner = {"x": seen["pageX"], "y": seen["pageY"]}
        clip = {**corner, "width": width, "height": height, "scale": THUMBNAIL_PIXELS / width}
        return await self._captured(clip=clip)

    async def _captured(self, **more: object) -> bytes:
        try:
            told = await self._send("Page.captureScreenshot", {"format": "jpeg", "quality": 50, **more})
        except GoneError:
            return b""
        return base64.b64decode(told.get("data", ""))

    async def fetch(self, url: str, bytes_max: int) -> bytes | None:
        """Fetch a text apart from the page, without cookies; None where there is none."""
        options = {"disableCache": True, "includeCredentials": False}
        try:
            wanted = {"frameId": self.record.main, "url": url, "options": options}
            told = await self._send("Network.loadNetworkResource", wanted, GO_SECONDS)
            resource = told["resource"]
            if (
                not resource.get("success")
                or resource.get("httpStatusCode") != 200
                or "stream" not in resource
            ):
                return None
            read = bytearray()
            while len(read) < bytes_max:
                part = await self._send("IO.read", {"handle": resource["stream"], "size": 262_144})
                data = part.get("data", "")
                read += base64.b64decode(data) if part.get("base64Encoded") else data.encode()
                if part.get("eof"):
                    break
            self._tell("IO.close", {"handle": resource["stream"]})
        except (GoneError, KeyError):
            return None
        return bytes(read[:bytes_max])

    async def close(self) -> bool:
        """Close the page; False where it would not be closed."""
        self._browser.on(self._session, None)
        for child in self._children:
            self._browser.on(child, None)
        try:
            await self._browser.send("Target.closeTarget", {"targetId": self._target}, seconds=CLOSE_SECONDS)
        except GoneError:
            return False
        return True

    # What the page tells.

    def _hear(self, method: str, params: Mapping[str, Any]) -> None:
        recorded, handler = _RECORDED.get(method), _HEARD.get(method)
        if recorded is None and handler is None:
            return
        self._events += 1
        if self._events > EVENTS_MAX and method not in _ALWAYS:
            return
        if recorded is not None:
            recorded(self.record, params)
        elif handler is not None:
            handler(self, params)

    def _bound(self, params: Mapping[str, Any]) -> None:
        if params.get("name") == self._context.binding:
            self.record.told(params)

    def _world(self, params: Mapping[str, Any]) -> None:
        context = params["context"]
        if context.get("name") == WORLD:
            self._worlds[context["id"]] = context.get("auxData", {}).get("frameId", "")

    def _no_world(self, params: Mapping[str, Any]) -> None:
        self._worlds.pop(params.get("executionContextId", 0), None)

    def _no_worlds(self, _: Mapping[str, Any]) -> None:
        self._worlds.clear()

    def _navigated(self, params: Mapping[str, Any]) -> None:
        frame = params["frame"]
        if "parentId" not in frame:
            self.record.url, self.record.main = frame.get("url", ""), frame["id"]

    def _asked(self, params: Mapping[str, Any]) -> None:
        self._tell("Page.handleJavaScriptDialog", {"accept": params.get("type") == "beforeunload"})

    def _attached(self, params: Mapping[str, Any]) -> None:
        child = params["sessionId"]
        self._children.append(child)
        self._browser.on(child, self._hear_child)
        for method in ("Network.enable", "Runtime.runIfWaitingForDebugger"):
            self._browser.tell(method, {}, child)

    def _hear_child(self, method: str, params: Mapping[str, Any]) -> None:
        if method.startswith("Network."):
            self._hear(method, params)

    def _expire(self, _: Mapping[str, Any]) -> None:
        self._expired.set()

    def _crash(self, _: Mapping[str, Any]) -> None:
        self.crashed = True
        self._expired.set()


_ALWAYS = frozenset(
    {
        "Emulation.virtualTimeBudgetExpired", "Page.javascriptDialogOpening", "Runtime.executionContextCreated",
        "Runtime.executionContextDestroyed", "Runtime.executionContextsCleared", "Page.frameNavigated",
        "Inspector.targetCrashed", "Target.attachedToTarget", "Network.loadingFinished", "Network.loadingFailed",
    }
)  # fmt: skip
_RECORDED: Mapping[str, Callable[[Record, Mapping[str, Any]], None]] = {
    "Network.requestWillBeSent": Record.requested,
    "Network.responseReceivedExtraInfo": Record.answered,
    "Network.responseReceived": Record.received,
    "Network.dataReceived": Record.data,
    "Network.loadingFinished": Record.done,
    "Network.loadingFailed": Record.done,
    "Network.webSocketCreated": Record.opened_socket,
    "Network.webSocketHandshakeResponseReceived": Record.shook_hands,
}
_HEARD: Mapping[str, Callable[[Tab, Mapping[str, Any]], None]] = {
    "Runtime.bindingCalled": Tab._bound,
    "Runtime.executionContextCreated": Tab._world,
    "Runtime.executionContextDestroyed": Tab._no_world,
    "Runtime.executionContextsCleared": Tab._no_worlds,
    "Page.frameNavigated": Tab._navigated,
    "Page.javascriptDialogOpening": Tab._asked,
    "Target.attachedToTarget": Tab._attached,
    "Emulation.virtualTimeBudgetExpired": Tab._expire,
    "Inspector.targetCrashed": Tab._crash,
}


def _asking(expression: str) -> dict[str, Any]:
    return {"expression": expression, "returnByValue": True, "timeout": 5000}


async def open_context(browser: Chromium, *, signal: bool, binding: str) -> Context:
    """Make a visitor of its own, who sends Global Privacy Control or does not."""
    told = await browser.send("Target.createBrowserContext", {"disposeOnDetach": True})
    name = told["browserContextId"]
    await browser.send("Browser.setDownloadBehavior", {"behavior": "deny", "browserContextId": name})
    return Context(name, signal, binding)


async def jar(browser: Chromium, context: Context, site: str, state: State, page: str) -> list[Trace]:
    """Return the cookies that a visitor's browser holds."""
    told = await browser.send("Storage.getCookies", {"browserContextId": context.id})
    now, found = time.time(), []
    for one in told.get("cookies", ()):
        host = str(one.get("domain", "")).lower().strip(".")
        until = float(one.get("expires", -1))
        found.append(
            Trace(
                "cookie", name_of(one.get("name", "")), host, party_of(host, site), state, "device", place_of(page),
                seconds=None if until < 0 else max(until - now, 0.0), asked_at=now, order=next(numbers),
                path=str(one.get("path", "/"))[:PLACE_MAX], partitioned="partitionKey" in one,
            )
        )  # fmt: skip
    return found


async def close_context(browser: Chromium, context: Context) -> None:
    """Forget a visitor with all that was stored."""
    with suppress(GoneError):
        await browser.send("Target.disposeBrowserContext", {"browserContextId": context.id})
