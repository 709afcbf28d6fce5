"""What is served while consent is measured: Troth's two hot routes, and the bare floor beside them.

`python -m bench.consent_server ours PORT FOLDER LEDGER KEYS` or `… floor PORT DATABASE`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEY = "k" * 40
ANSWER = b'{"may":true,"code":"consented","fresh_seconds":0.1}'
EXPLAINED = (
    b'{"may":true,"code":"consented","why":"Yes: they consented on 2026-12-01, until 2028-12-01 (GDPR Art. 6(1)(a), '
    b'clause 4).","clause":"4","promise":"newsletter","event":"01M83Y90JY0000000000000000",'
    b'"at":"2026-12-01T10:00:00.000000+00:00","fresh_seconds":0.1}'
)


def _settle(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)


class Floor:
    """Bare ASGI: a POST to /may is answered at once, any other once its body is in a table, by group commit."""

    def __init__(self, url: str) -> None:
        self._queue: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._wake = threading.Event()
        self._url = url
        threading.Thread(target=self._run, daemon=True).start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a message."""
        body = (await receive()).get("body", b"")
        answer = EXPLAINED if b'"why":true' in body else ANSWER
        if scope["path"] != "/api/may":
            future = asyncio.get_running_loop().create_future()
            self._queue.append((body, future))
            self._wake.set()
            await future
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _run(self) -> None:
        write = self._sqlite() if self._url.startswith("sqlite:///") else self._postgresql()
        while True:
            self._wake.wait()
            self._wake.clear()
            together = []
            while self._queue and len(together) < 2000:
                together.append(self._queue.popleft())
            if together:
                write([body for body, _ in together])
                loop = together[0][1].get_loop()
                loop.call_soon_threadsafe(_settle, [future for _, future in together])

    def _sqlite(self) -> Any:
        connection = sqlite3.connect(
            self._url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS floor (seq integer PRIMARY KEY, body blob)")

        def write(bodies: list[bytes]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO floor (body) VALUES (?)", [(body,) for body in bodies])
            connection.execute("COMMIT")

        return write

    def _postgresql(self) -> Any:
        import psycopg

        connection = psycopg.connect(self._url.replace("postgresql+psycopg://", "postgresql://"))
        connection.execute("CREATE TABLE IF NOT EXISTS floor (seq bigserial PRIMARY KEY, body bytea)")
        connection.commit()

        def write(bodies: list[bytes]) -> None:
            connection.execute("INSERT INTO floor (body) SELECT * FROM unnest(%s::bytea[])", [bodies])
            connection.commit()

        return write


def ours(folder: str, ledger: str, keys: str) -> Any:
    """Build Troth's routes over a project, without the pages."""
    from dataclasses import replace

    from troth.faces.front import Front
    from troth.wiring import open_project
    from troth.work.project import ApiKey, Project

    made = open_project(Path(folder))
    settings = replace(
        made.settings, ledger_url=ledger, keys_url=keys, api={"b": ApiKey(lambda: KEY, ("choices", "may"))}
    )
    project = Project(
        settings, lambda: datetime.now(UTC), made.open_policy, made.open_ledger, made.open_maps, made.open_store,
        made.open_mailer,
    )  # fmt: skip

    async def nothing(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    front = Front(project, nothing)
    front.wait(60)
    return front


def main() -> None:
    """Serve until killed."""
    import uvicorn

    from troth.faces.cli.serve_commands import settle_memory

    kind, port, *rest = sys.argv[1:]
    app = Floor(rest[0]) if kind == "floor" else ours(*rest)
    settle_memory()  # as `troth serve` does, of either
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
