"""What is served while consent is measured: Troth's two hot routes, and two bare floors beside them.

`python -m bench.consent_server ours PORT FOLDER LEDGER KEYS`, `… floor PORT DATABASE` or `… rows PORT LEDGER`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import sys
import threading
import time
from collections import Counter, deque
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


class Rows(Floor):
    """Bare ASGI with the same group commit: the rows that a choice is in the ledger, made by templates.

    It asks for no key, looks at nothing that was said, and does no more in Python than the rows need: the
    statements are those of `troth.ledger.ingest`, which work on a whole group at once.
    """

    def _sqlite(self) -> Any:
        from troth.ledger.schema import WAL_PAGES

        connection = sqlite3.connect(
            self._url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        cursor = connection.cursor()

        def write(bodies: list[bytes]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            _write_rows(cursor, bodies, sqlite=True)
            connection.execute("COMMIT")

        return write

    def _postgresql(self) -> Any:
        import psycopg

        connection = psycopg.connect(self._url.replace("postgresql+psycopg://", "postgresql://"))
        cursor = connection.cursor()

        def write(bodies: list[bytes]) -> None:
            _write_rows(cursor, bodies, sqlite=False)
            connection.commit()

        return write


_EVENT = (
    '{"id":"%s","at":"%s","kind":"consent_recorded","kind_version":1,"stream":"%s","version":%d,'
    '"entity":"main-entity","actor":"subject","facts":{"purpose":"newsletter","purpose_version":"0.1.0","given":"given",'
    '"method":"web","notice_sha256":"%s","language":"en","controller":"main-entity","channel":"email",'
    '"interface_sha256":"%s","text_sha256":"%s","age_class":"unknown","proven":true,"lacks":[],"scope":"%s",'
    '"valid_until":"2028-12-01"},"subject":"%s","policy":"0.1.0","promise":"4/purpose/newsletter"}'
)
_HASHES = ("c" * 64, "a" * 64, "b" * 64, "d" * 16)


def _write_rows(cursor: Any, bodies: list[bytes], *, sqlite: bool) -> None:
    """Write the rows of a group of choices, each of a newsletter, as the ledger holds them."""
    import msgspec

    from troth.ledger.ingest import _POSTGRESQL, _SQLITE

    sql, written = _SQLITE if sqlite else _POSTGRESQL, msgspec.json.encode
    streams = [f"choices/{msgspec.json.decode(body)['subject']}" for body in bodies]
    added = dict(sorted(Counter(streams).items()))
    cursor.execute(sql["take"], (written(list(added.items())).decode(),))
    found = cursor.execute(sql["standing"], (written(list(added)).decode(),)).fetchall()
    stood = json.loads(found[0][0]) if sqlite else found
    versions = {stream: int(version) - added[stream] for stream, version, _ in stood}
    states = {stream: msgspec.json.decode(state) if state else None for stream, _, state in stood}
    at_us, at = time.time_ns() // 1000, datetime.now(UTC).isoformat(timespec="microseconds")
    events = []
    for stream in streams:
        version = versions[stream] = versions[stream] + 1
        name, subject = f"01M83Y{secrets.token_hex(10).upper()}", stream[8:]
        body = _EVENT % (name, at, stream, version, *_HASHES, subject)
        events.append((name, at_us, "consent_recorded", stream, version, subject, None, body))
        state = states[stream] or {"consents": {}, "due": "2028-12-01", "last": "", "objections": {}}
        state["consents"]["newsletter|main-entity|email"] = {
            "age": "unknown", "at": at, "event": name, "proven": True, "said": "given", "scope": "d" * 16,
            "until": "2028-12-01", "version": "0.1.0",
        }  # fmt: skip
        states[stream] = state
    last = cursor.execute(sql["last"]).fetchone() if sqlite else None
    cursor.execute(sql["events"], (written(events).decode(),))
    if last is not None:
        cursor.execute(sql["unsealed"], last)
    rows = [(stream, "choices", versions[stream], None, "2028-12-01", written(state).decode())
            for stream, state in states.items()]  # fmt: skip
    cursor.execute(sql["state"], (written(rows).decode(),))


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
    app = {"floor": Floor, "rows": Rows, "ours": ours}[kind](*rest)
    settle_memory()  # as `troth serve` does, of either
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
