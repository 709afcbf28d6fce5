"""A Chromium of this machine, driven through a pipe: no port is opened, and it ends when we do.

It runs on a profile of its own that is thrown away, allows third-party cookies (Chromium
without a window blocks them by default, and would hide what a site does), shows no sign of
being driven, and reaches the network only through the guard (`outside.guard`).

Source: Chrome DevTools Protocol; `--remote-debugging-pipe` reads from descriptor 3 and writes to 4.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from troth.errors import NotFoundError, UnreachableError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ANSWER_SECONDS = 10.0
START_SECONDS = 60.0
MESSAGE_BYTES_MAX = 256 * 1024 * 1024
_PREFERENCES = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
_ARGUMENTS = (
    "--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--no-default-browser-check",
    "--mute-audio", "--hide-scrollbars", "--window-size=1280,900", "--force-device-scale-factor=1",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--disable-client-side-phishing-detection", "--metrics-recording-only",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows", "--disable-dev-shm-usage",
    "--password-store=basic", "--use-mock-keychain", "--disable-breakpad", "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # Frames of other sites in the process of their page: one clock for all of them.  Each scan has a
    # browser of its own, which holds nothing that one site could take from another.
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process,SpareRendererForSitePerProcess,HttpsUpgrades,Translate,OptimizationHints,MediaRouter",
    "--disable-blink-features=AutomationControlled",
)  # fmt: skip
_NAMES = frozenset(
    {"PATH", "HOME", "TMPDIR", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "CHROME_DEVEL_SANDBOX"}
)
_PREFIXES = ("LC_", "FONTCONFIG_", "XDG_")

Handler = Callable[[str, Mapping[str, Any]], None]


class GoneError(UnreachableError):
    """The browser, or a page of it, did not answer."""


def program() -> str:
    """Return the path of a Chromium of this machine: Debian's, else Playwright's; raises NotFoundError."""
    found = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if found is not None:
        return found
    with suppress(ImportError):
        return _of_playwright()
    raise NotFoundError(
        "There is no Chromium here. Install Debian's (`apt install chromium`), or Playwright's "
        "(`pip install 'troth[scan]'`, then `playwright install chromium`)."
    )


def _of_playwright() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).is_file():
        raise NotFoundError(
            "There is no Chromium here, and Playwright has not brought its own yet: `playwright install chromium`."
        )
    return path


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a browser needs of an environment: no secret that stands there is handed to it.

    >>> surroundings({"PATH": "/bin", "LC_ALL": "C", "TROTH_KEY": "secret", "https_proxy": "http://a:b@c"})
    {'PATH': '/bin', 'LC_ALL': 'C'}
    """
    return {
        name: value for name, value in environment.items() if name.startswith(_PREFIXES) or name in _NAMES
    }


def sandboxes() -> tuple[bool, ...]:
    """Return how a browser is to be started, the best way first: as root Chromium has no sandbox.

    Others have one where user namespaces, or a helper of Chromium's own, are allowed to them.
    """
    return (True, False) if os.geteuid() else (False,)


class Chromium:
    """A running browser: `send` asks it, `on` hears what one of its sessions tells."""

    def __init__(self, proxy: str, language: str) -> None:
        self._proxy, self._language = proxy, language
        self._profile: tempfile.TemporaryDirectory[str] | None = None
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._heard: dict[str, Handler] = {}
        self._last = 0
        self._process = 0
        self._writer: asyncio.WriteTransport | None = None
        self._reader: asyncio.ReadTransport | None = None
        self.gone = asyncio.Event()
        self.sandboxed = sandboxes()[0]

    async def start(self) -> str:
        """Start it and return its version, such as 156.0.8078.114; raises GoneError where it does not start."""
        path = await asyncio.to_thread(program)
        for sandboxed in sandboxes():
            self.sandboxed = sandboxed
            await self._spawn(path)
            try:
                told = await self.send("Browser.getVersion", seconds=START_SECONDS)
            except GoneError:
                await self.stop(keep=True)
                continue
            return str(told["product"]).rpartition("/")[2]
        self._remove()
        raise GoneError("Chromium did not start. Start it by hand to see what it lacks.")

    async def _spawn(self, path: str) -> None:
        if self._profile is None:
            self._profile = tempfile.TemporaryDirectory(prefix="troth-scan-", ignore_cleanup_errors=True)
        folder = Path(self._profile.name)
        (folder / "Default").mkdir(exist_ok=True)
        (folder / "Default" / "Preferences").write_text(json.dumps(_PREFERENCES), encoding="utf-8")
        arguments = [
            path, *_ARGUMENTS, f"--lang={self._language}", f"--user-data-dir={folder}",
            f"--proxy-server={self._proxy}", "--proxy-bypass-list=<-loopback>",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # names are resolved by the guard alone
            *([] if self.sandboxed else ["--no-sandbox"]), "about:blank",
        ]  # fmt: skip
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        high_in, high_out = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 20) for one in (theirs_in, theirs_out))
        try:
            self._process = os.posix_spawn(
                path, arguments, {**surroundings(os.environ), "LANGUAGE": self._language},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, high_in, 3), (os.POSIX_SPAWN_DUP2, high_out, 4),
                    *((os.POSIX_SPAWN_OPEN, one, os.devnull, os.O_RDWR, 0) for one in (0, 1, 2)),
                ],
                setpgroup=0,
            )  # fmt: skip
        finally:
            for one in (theirs_in, theirs_out, high_in, high_out):
                os.close(one)
        self.gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._reader, _ = await loop.connect_read_pipe(
            lambda: _Reader(self._hear, self._end), os.fdopen(ours_in, "rb")
        )
        writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(ours_out, "wb"))
        self._writer = writer

    def on(self, session: str, handler: Handler | None) -> None:
        """Hear what a session tells from now on, by `handler(method, params)`; None stops it."""
        if handler is None:
            self._heard.pop(session, None)
        else:
            self._heard[session] = handler

    def tell(
        self, method: str, params: Mapping[str, Any] | None = None, session: str = ""
    ) -> asyncio.Future[Any]:
        """Send a command without waiting; whoever wants its answer awaits what is returned."""
        self._last += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_looked_at)
        if self.gone.is_set() or self._writer is None:
            answer.set_exception(GoneError("Chromium ended."))
            return answer
        self._asked[self._last] = answer
        message: dict[str, Any] = {"id": self._last, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        self._writer.write(json.dumps(message).encode() + b"\0")
        return answer

    async def send(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        session: str = "",
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> dict[str, Any]:
        """Send a command and return its answer; raises GoneError where none comes, or an error does."""
        try:
            answered: dict[str, Any] = await asyncio.wait_for(self.tell(method, params, session), seconds)
        except TimeoutError:
            raise GoneError(f"Chromium did not answer {method} in time.") from None
        return answered

    def _hear(self, written: bytes) -> None:
        message = json.loads(written)
        if "id" in message:
            answer = self._asked.pop(message["id"], None)
            if answer is None or answer.done():
                return
            if "error" in message:
                answer.set_exception(
                    GoneError(f"Chromium refused: {message['error'].get('message', '')[:200]}")
                )
            else:
                answer.set_result(message.get("result", {}))
            return
        handler = self._heard.get(message.get("sessionId", ""))
        if handler is not None:
            handler(message["method"], message.get("params", {}))

    def _end(self) -> None:
        self.gone.set()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(GoneError("Chromium ended."))
        self._asked.clear()

    async def stop(self, *, keep: bool = False) -> None:
        """End it, whatever it is doing, and remove its profile."""
        for transport in (self._writer, self._reader):
            if transport is not None:
                transport.close()
        self._end()
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process, signal.SIGKILL)
            with suppress(ChildProcessError):
                await asyncio.to_thread(os.waitpid, self._process, 0)
            self._process = 0
        if not keep:
            self._remove()

    def _remove(self) -> None:
        if self._profile is not None:
            self._profile.cleanup()
            self._profile = None


def _looked_at(answer: asyncio.Future[Any]) -> None:
    """An answer that nobody waited for is none to complain about."""
    if not answer.cancelled():
        answer.exception()


class _Reader(asyncio.Protocol):
    """Cuts what Chromium writes into messages, which end with a zero byte."""

    def __init__(self, hear: Callable[[bytes], None], end: Callable[[], None]) -> None:
        self._hear, self._end = hear, end
        self._begun = bytearray()

    def data_received(self, data: bytes) -> None:
        """Take what came, and hand on each whole message."""
        *whole, rest = data.split(b"\0")
        for part in whole:
            message = bytes(self._begun) + part
            self._begun.clear()
            self._hear(message)
        self._begun += rest
        if len(self._begun) > MESSAGE_BYTES_MAX:  # a page that says too much ends its browser
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Say that it has ended."""
        self._end()
