"""Web sites of our own on free loopback ports, for whoever looks at sites: scans, and what is measured beside them.

A site is a table of paths and answers.  What stands in braces in a text, such as `{first}` and
`{third}`, is replaced by the addresses of the sites that are served together.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCRIPT, IMAGE, PLAIN = "text/javascript; charset=utf-8", "image/gif", "text/plain; charset=utf-8"
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")


@dataclass(frozen=True)
class Asked:
    """What a visitor asked for: the path without its query, and the cookies that came with it."""

    path: str
    query: str
    cookies: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a site answers; each of `cookies` is one Set-Cookie line."""

    body: str | bytes = ""
    kind: str = "text/html; charset=utf-8"
    cookies: tuple[str, ...] = ()
    status: int = 200
    to: str = ""


Route = Answer | Callable[[Asked], Answer]


@dataclass
class Site:
    """A site that is served at `url`; `asked` is what was asked for so far, the oldest first."""

    url: str
    routes: Mapping[str, Route]
    asked: list[Asked] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]


@contextmanager
def serving(**routes: Mapping[str, Route]) -> Iterator[dict[str, Site]]:
    """Serve sites until the block ends: `third` at 127.0.0.1, all others at localhost, which is another site."""
    with ExitStack() as stack:
        sites: dict[str, Site] = {}
        for name, table in routes.items():
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(name, sites))
            server.daemon_threads = True
            host = "127.0.0.1" if name == "third" else "localhost"
            sites[name] = Site(f"http://{host}:{server.server_port}", table)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            stack.callback(_stop, server, thread)
        yield sites


def _stop(server: ThreadingHTTPServer, thread: threading.Thread) -> None:
    server.shutdown()
    server.server_close()
    thread.join(timeout=20)


def _handler(name: str, sites: Mapping[str, Site]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            asked = Asked(path, query, _cookies(self.headers.get("Cookie", "")))
            sites[name].asked.append(asked)
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            route = sites[name].routes.get(path, Answer("Not here.", PLAIN, status=404))
            given = route(asked) if callable(route) else route
            body = _placed(given.body, sites) if isinstance(given.body, str) else given.body
            self.send_response(given.status)
            self.send_header("Content-Type", given.kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
            self.send_header("Access-Control-Allow-Credentials", "true")
            if given.to:
                self.send_header("Location", _placed(given.to, sites).decode())
            for cookie in given.cookies:
                self.send_header("Set-Cookie", cookie)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            return

    return Handler


def _cookies(header: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in header.split(";") if "=" in part)


def _placed(text: str, sites: Mapping[str, Site]) -> bytes:
    return re.sub(
        r"\{([a-z_]+)\}", lambda found: sites[found[1]].url if found[1] in sites else found[0], text
    ).encode()
