"""Group commit: many writers, one transaction, one wait for the disk.

Whoever hands in drafts is answered once they are committed, as with `append`; what is
handed in while a transaction runs goes together into the next one.  The bytes, the
folding and the rules are those of `append`; only the statements are made for many rows.

A draft that does not fit is answered by its error and holds up nobody else.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from troth.errors import NotFoundError, TrothError, UnreachableError
from troth.ledger import append, keys, vault
from troth.ledger.schema import Ledger
from troth.rules.event import Draft, Event, Fact, Kind, check, encode_with
from troth.rules.fold import fold

TOGETHER_MAX = 2000
WAITING_MAX = 100_000
_FACTS_MAX = 10_000

_SQLITE = {
    "said": "SELECT key, events FROM once WHERE key IN (SELECT value FROM json_each(?))",
    "say": "INSERT INTO once VALUES (?, ?)",
    "there": "SELECT stream FROM heads WHERE stream IN (SELECT value FROM json_each(?))",
    "heads": "INSERT INTO heads SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + excluded.version RETURNING stream, version",
    "states": "SELECT stream, body FROM state WHERE stream IN (SELECT value FROM json_each(?))",
    "events": "INSERT INTO events (id, at_us, kind, stream, version, subject, request, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "unsealed": "INSERT INTO unsealed VALUES (?, ?, ?)",
    "state": "INSERT INTO state VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (stream) DO UPDATE SET "
    "version = excluded.version, status = excluded.status, due = excluded.due, body = excluded.body",
}
_POSTGRESQL = {
    "said": "SELECT key, events FROM once WHERE key = ANY(%s)",
    "say": "INSERT INTO once SELECT * FROM unnest(%s::text[], %s::text[])",
    "there": "SELECT stream FROM heads WHERE stream = ANY(%s)",
    "heads": "INSERT INTO heads SELECT * FROM unnest(%s::text[], %s::bigint[]) "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + excluded.version RETURNING stream, version",
    "states": "SELECT stream, body FROM state WHERE stream = ANY(%s)",
    "numbers": "SELECT nextval('events_seq') FROM generate_series(1, %s)",
    "events": "INSERT INTO events (seq, id, at_us, kind, stream, version, subject, request, body) SELECT * FROM "
    "unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], "
    "%s::bytea[])",
    "unsealed": "INSERT INTO unsealed SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[])",
    "state": "INSERT INTO state SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], "
    "%s::text[]) ON CONFLICT (stream) DO UPDATE SET version = excluded.version, status = excluded.status, "
    "due = excluded.due, body = excluded.body",
}


@dataclass(slots=True)
class _Handed:
    """What one writer handed in, and who waits for it."""

    drafts: Sequence[Draft]
    once: str | None
    needs: str | None
    future: Any
    loop: asyncio.AbstractEventLoop | None
    kinds: list[Kind] = field(default_factory=list)
    locks: list[tuple[str, bytes] | None] = field(default_factory=list)
    result: tuple[Event, ...] | Exception | None = None


class Ingest:
    """Takes drafts from any thread or event loop, and answers when they are on the disk."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._queue: deque[_Handed] = deque()
        self._wake = threading.Event()
        self._ended = False
        self._facts: dict[int, tuple[Mapping[str, Fact], bytes]] = {}
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what was handed in, and end."""
        self._ended = True
        self._wake.set()
        self._thread.join(timeout=60)

    def write(
        self, drafts: Sequence[Draft], once: str | None = None, needs: str | None = None
    ) -> tuple[Event, ...]:
        """Hand drafts in and wait for the disk; `needs` names a stream that must be there (NotFoundError)."""
        future: Future[tuple[Event, ...]] = Future()
        self._hand(_Handed(drafts, once, needs, future, None))
        return future.result()

    def hand(
        self, drafts: Sequence[Draft], once: str | None = None, needs: str | None = None
    ) -> asyncio.Future[tuple[Event, ...]]:
        """Hand drafts in from an event loop; the future is done once they are on the disk."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Event, ...]] = loop.create_future()
        self._hand(_Handed(drafts, once, needs, future, loop))
        return future

    def _hand(self, handed: _Handed) -> None:
        if len(self._queue) > WAITING_MAX:
            raise UnreachableError("More is handed in than the disk takes. Send it again in a moment.")
        if self._ended:
            raise UnreachableError("This server is about to end. Send it again.")
        handed.kinds = [check(draft) for draft in handed.drafts]
        self._queue.append(handed)
        self._wake.set()

    def _run(self) -> None:
        while True:
            if not self._queue:
                if self._ended:
                    return
                self._wake.wait(1.0)
            self._wake.clear()
            together: list[_Handed] = []
            count = 0
            while self._queue and count < TOGETHER_MAX:
                together.append(self._queue.popleft())
                count += len(together[-1].drafts)
            if together:
                self._commit(together)
                _answer(together)

    def _commit(self, together: list[_Handed]) -> None:
        driver: Any = self.ledger.engine.dialect.loaded_dbapi  # the one in use: the other is not loaded
        try:
            for handed in together:
                pairs = zip(handed.drafts, handed.kinds, strict=True)
                handed.locks = [self._lock(draft, kind) for draft, kind in pairs]
            with self.ledger.writing() as connection:
                _Batch(self, connection, together).write()
        except (UnreachableError, driver.OperationalError) as error:
            for handed in together:
                handed.result = UnreachableError(
                    f"The database of the ledger did not answer ({type(error).__name__}). Send it again."
                )
        except TrothError as error:
            self._alone(together, error)
        except Exception as error:  # a driver's error may quote values: none of it goes further
            self._alone(
                together, UnreachableError(f"The ledger refused a statement ({type(error).__name__}).")
            )

    def _alone(self, together: list[_Handed], error: Exception) -> None:
        """Try each by itself, so that only what does not fit is refused."""
        if len(together) == 1:
            together[0].result = error
            return
        for handed in together:
            handed.result = None
            self._commit([handed])

    def _lock(self, draft: Draft, kind: Kind) -> tuple[str, bytes] | None:
        if draft.payload is None:
            return None
        return keys.key_for(self.ledger, draft.subject or draft.stream, append.file_of(draft, kind))

    def facts(self, facts: Mapping[str, Fact]) -> bytes:
        """Write facts as JSON, once for the same mapping handed in again and again."""
        known = self._facts.get(id(facts))
        if known is not None and known[0] is facts:
            return known[1]
        written = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        if len(self._facts) > _FACTS_MAX:
            self._facts.clear()
        self._facts[id(facts)] = (facts, written)
        return written


def _answer(together: list[_Handed]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Handed]] = {}
    for handed in together:
        if handed.loop is not None:
            by_loop.setdefault(handed.loop, []).append(handed)
        else:
            _settle([handed])
    for loop, theirs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(together: list[_Handed]) -> None:
    for handed in together:
        if handed.future.done():
            continue
        if isinstance(handed.result, Exception):
            handed.future.set_exception(handed.result)
        else:
            handed.future.set_result(handed.result)


class _Batch:
    """One transaction over the drafts of many writers."""

    def __init__(self, ingest: Ingest, connection: Connection, together: Sequence[_Handed]) -> None:
        self._ingest, self._ledger = ingest, ingest.ledger
        self._connection = connection
        raw: Any = connection.connection.driver_connection
        self._cursor = raw.cursor()
        self._sqlite = self._ledger.dialect == "sqlite"
        self._sql = _SQLITE if self._sqlite else _POSTGRESQL
        self._together = together

    def write(self) -> None:
        """Write everything; what was said before is answered with what was written then."""
        fresh = self._fresh()
        streams: dict[str, int] = {}
        for handed in fresh:
            for draft in handed.drafts:
                streams[draft.stream] = streams.get(draft.stream, 0) + 1
        if not streams:
            return
        versions = self._heads(dict(sorted(streams.items())))
        states = self._states([stream for stream, version in versions.items() if version])
        at = self._ledger.clock()
        at_us = append.microseconds(at)
        rows: list[tuple[Any, ...]] = []
        payloads: list[dict[str, object]] = []
        for handed in fresh:
            written = []
            for draft, kind, lock in zip(handed.drafts, handed.kinds, handed.locks, strict=True):
                versions[draft.stream] += 1
                event, payload = _made(at, draft, kind, versions[draft.stream], lock)
                payloads += [payload] if payload else []
                body = encode_with(event, self._ingest.facts(draft.facts))
                rows.append(
                    (
                        event.id,
                        at_us,
                        event.kind,
                        event.stream,
                        event.version,
                        event.subject,
                        event.request,
                        body,
                    )
                )
                states[draft.stream] = fold(states.get(draft.stream), event)
                written.append(event)
            handed.result = tuple(written)
        vault.store_all(self._connection, payloads)
        self._store(rows)
        made = [append.state_row(stream, states[stream], versions[stream]) for stream in streams]
        self._many("state", [tuple(row.values()) for row in made])
        said = [(one.once, json.dumps([event.id for event in one.result])) for one in fresh
                if one.once is not None and isinstance(one.result, tuple)]  # fmt: skip
        self._many("say", said)
        self._again()

    def _fresh(self) -> list[_Handed]:
        """Return what is to be written: not what was said before, nor what needs something that is not there."""
        keys_ = [one.once for one in self._together if one.once is not None]
        said: dict[str, str] = dict(self._read("said", keys_)) if keys_ else {}
        needs = [one.needs for one in self._together if one.needs is not None]
        there = {row[0] for row in self._read("there", list(dict.fromkeys(needs)))} if needs else set()
        fresh, self._later = [], []
        first: dict[str, _Handed] = {}
        for one in self._together:
            if one.once is not None and one.once in said:
                one.result = tuple(
                    append.again(self._connection, event) for event in json.loads(said[one.once])
                )
            elif one.once is not None and one.once in first:
                self._later.append((one, first[one.once]))
            elif one.needs is not None and one.needs not in there:
                one.result = NotFoundError(f"There is no {one.needs.partition('/')[0]} of this id.")
            else:
                fresh.append(one)
                if one.once is not None:
                    first[one.once] = one
        return fresh

    def _again(self) -> None:
        for one, earlier in self._later:
            one.result = earlier.result

    def _read(self, name: str, values: list[Any]) -> list[Any]:
        bound = (json.dumps(values),) if self._sqlite else (values,)
        return list(self._cursor.execute(self._sql[name], bound).fetchall())

    def _heads(self, added: dict[str, int]) -> dict[str, int]:
        """Take the heads of all streams in one order; return the version each had before."""
        bound = (json.dumps(list(added.items())),) if self._sqlite else (list(added), list(added.values()))
        found = self._cursor.execute(self._sql["heads"], bound).fetchall()
        return {stream: int(version) - added[stream] for stream, version in found}

    def _states(self, streams: list[str]) -> dict[str, Any]:
        return {stream: json.loads(body) for stream, body in self._read("states", streams)} if streams else {}

    def _store(self, rows: list[tuple[Any, ...]]) -> None:
        if self._sqlite:
            self._cursor.executemany(self._sql["events"], rows)
            last = int(self._cursor.execute("SELECT max(seq) FROM events").fetchone()[0])
            first = last - len(rows) + 1  # one writer, one transaction: the numbers follow each other
            self._cursor.executemany(
                self._sql["unsealed"], [(seq, row[0], row[1]) for seq, row in enumerate(rows, first)]
            )
            return
        numbers = [row[0] for row in self._cursor.execute(self._sql["numbers"], (len(rows),)).fetchall()]
        columns = [list(column) for column in zip(*rows, strict=True)]
        self._cursor.execute(self._sql["events"], (numbers, *columns))
        self._cursor.execute(self._sql["unsealed"], (numbers, columns[0], columns[1]))

    def _many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        if self._sqlite:
            self._cursor.executemany(self._sql[name], rows)
        else:
            self._cursor.execute(self._sql[name], [list(column) for column in zip(*rows, strict=True)])


def _made(
    at: Any, draft: Draft, kind: Kind, version: int, lock: tuple[str, bytes] | None
) -> tuple[Event, dict[str, object] | None]:
    event_id, sealed, row = append.new_id(at), None, None
    if lock is not None:
        payload = json.dumps(draft.payload, ensure_ascii=False, separators=(",", ":")).encode()
        sealed = vault.lock(lock[1], event_id, payload)
        owner = draft.subject or draft.stream
        row = vault.row(event_id, owner, append.file_of(draft, kind), "payload", lock[0], sealed)
    event = Event(
        event_id, at, draft.kind, kind.version, draft.stream, version, draft.entity, draft.actor, draft.facts,
        draft.subject, draft.request, draft.policy, draft.promise,
        sha256(sealed).hexdigest() if sealed is not None else None, lock[0] if lock is not None else None,
    )  # fmt: skip
    return event, row
