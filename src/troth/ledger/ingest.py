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
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection

from troth.errors import NotFoundError, TrothError, UnreachableError
from troth.ledger import append, keys, listed, vault
from troth.ledger.schema import Ledger
from troth.rules.event import Draft, Event, Fact, Kind, check, encode_with
from troth.rules.fold import fold

TOGETHER_MAX = 2000
WAITING_MAX = 100_000
_FACTS_MAX = 10_000

# Each statement takes one parameter, a JSON array, and works on all of it at once: while a database works,
# other threads do; between two rows they would wait for each other.
_SQLITE = {
    "said": "SELECT json_group_array(json_array(key, events)) FROM once WHERE key IN (SELECT value FROM json_each(?))",
    "say": "INSERT INTO once SELECT value ->> 0, value ->> 1 FROM json_each(?)",
    "there": "SELECT json_group_array(json_array(stream)) FROM heads "
    "WHERE stream IN (SELECT value FROM json_each(?))",
    "take": "INSERT INTO heads SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + excluded.version",
    "standing": "SELECT json_group_array(json_array(h.stream, h.version, s.body)) FROM heads h "
    "LEFT JOIN state s ON s.stream = h.stream WHERE h.stream IN (SELECT value FROM json_each(?))",
    "events": "INSERT INTO events (id, at_us, kind, stream, version, subject, request, body) "
    "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, "
    "CAST(value ->> 7 AS blob) FROM json_each(?)",
    "last": "SELECT coalesce(max(seq), 0) FROM events",
    "unsealed": "INSERT INTO unsealed SELECT seq, id, at_us FROM events WHERE seq > ?",
    "state": "INSERT INTO state SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 "
    "FROM json_each(?) WHERE true ON CONFLICT (stream) DO UPDATE SET "
    "version = excluded.version, status = excluded.status, due = excluded.due, body = excluded.body",
}
# ruff: noqa: S608 - what is put together is written here, and values are bound
_EACH = "json_array_elements(%s::json)"
_POSTGRESQL = {
    "said": "SELECT key, events FROM once WHERE key IN (SELECT json_array_elements_text(%s::json))",
    "say": f"INSERT INTO once SELECT value ->> 0, value ->> 1 FROM {_EACH}",
    "there": "SELECT stream FROM heads WHERE stream IN (SELECT json_array_elements_text(%s::json))",
    "take": f"INSERT INTO heads SELECT value ->> 0, (value ->> 1)::bigint FROM {_EACH} "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + excluded.version",
    "standing": "SELECT h.stream, h.version, s.body FROM heads h LEFT JOIN state s ON s.stream = h.stream "
    "WHERE h.stream IN (SELECT json_array_elements_text(%s::json))",
    "events": "WITH made AS (INSERT INTO events (id, at_us, kind, stream, version, subject, request, body) "
    "SELECT value ->> 0, (value ->> 1)::bigint, value ->> 2, value ->> 3, (value ->> 4)::bigint, value ->> 5, "
    f"value ->> 6, convert_to(value ->> 7, 'UTF8') FROM {_EACH} RETURNING seq, id, at_us) "
    "INSERT INTO unsealed SELECT seq, id, at_us FROM made",
    "state": "INSERT INTO state SELECT value ->> 0, value ->> 1, (value ->> 2)::bigint, value ->> 3, value ->> 4, "
    f"value ->> 5 FROM {_EACH} ON CONFLICT (stream) DO UPDATE SET version = excluded.version, "
    "status = excluded.status, due = excluded.due, body = excluded.body",
}
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class _Checked:
    """Facts of a kind that were looked at and written as JSON, once for all drafts that hold the same mapping."""

    facts: Mapping[str, Fact]
    kind: Kind
    written: bytes


@dataclass(slots=True)
class _Handed:
    """What one writer handed in, and who waits for it."""

    drafts: Sequence[Draft]
    once: str | None
    needs: str | None
    future: Any
    loop: asyncio.AbstractEventLoop | None
    checked: list[_Checked] = field(default_factory=list)
    locks: list[tuple[str, bytes] | None] = field(default_factory=list)
    result: tuple[Event, ...] | Exception | None = None


class Ingest:
    """Takes drafts from any thread or event loop, and answers when they are on the disk."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._queue: deque[_Handed] = deque()
        self._wake = threading.Event()
        self._ended = False
        self._facts: dict[int, _Checked] = {}
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
        handed.checked = [self._check(draft) for draft in handed.drafts]
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
                pairs = zip(handed.drafts, handed.checked, strict=True)
                handed.locks = [self._lock(draft, checked.kind) for draft, checked in pairs]
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

    def _check(self, draft: Draft) -> _Checked:
        """See that a draft can be written; one that holds the same facts as another before has been looked at."""
        known = self._facts.get(id(draft.facts))
        same = known is not None and known.facts is draft.facts and known.kind.name == draft.kind
        if known is not None and same and draft.payload is None:
            return known
        kind = check(draft)
        written = json.dumps(draft.facts, ensure_ascii=False, separators=(",", ":")).encode()
        if len(self._facts) > _FACTS_MAX:
            self._facts.clear()
        self._facts[id(draft.facts)] = found = _Checked(draft.facts, kind, written)
        return found


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
        streams = Counter(draft.stream for handed in fresh for draft in handed.drafts)
        if not streams:
            return
        versions, states = self._heads(dict(sorted(streams.items())))
        at = self._ledger.clock()
        at_us, ids = append.microseconds(at), iter(append.new_ids(at, streams.total()))
        rows: list[tuple[Any, ...]] = []
        payloads: list[dict[str, object]] = []
        for handed in fresh:
            written = []
            for draft, checked, lock in zip(handed.drafts, handed.checked, handed.locks, strict=True):
                versions[draft.stream] += 1
                event, payload = _made(next(ids), at, draft, checked.kind, versions[draft.stream], lock)
                payloads += [payload] if payload else []
                body = encode_with(event, checked.written).decode()
                rows.append((event.id, at_us, event.kind, event.stream, event.version, event.subject, event.request,
                             body))  # fmt: skip
                states[draft.stream] = fold(states.get(draft.stream), event)
                written.append(event)
            handed.result = tuple(written)
        vault.store_all(self._connection, payloads)
        # One writer at a time: whatever has a larger number than the last was written here.
        last = self._cursor.execute(self._sql["last"]).fetchone() if self._sqlite else None
        self._many("events", rows)
        if last is not None:
            self._cursor.execute(self._sql["unsealed"], last)
        made = [append.state_row(stream, states[stream], versions[stream]) for stream in streams]
        self._many("state", [tuple(row.values()) for row in made])
        listed.write(
            self._connection,
            ((states[stream], versions[stream]) for stream in streams if listed.lists(stream)),
        )
        self._many("say", [(one.once, json.dumps([event.id for event in one.result])) for one in fresh
                           if one.once is not None and isinstance(one.result, tuple)])  # fmt: skip
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
        found = self._cursor.execute(self._sql[name], (_JSON.encode(values).decode(),)).fetchall()
        rows: list[Any] = json.loads(found[0][0]) if self._sqlite else found
        return rows

    def _heads(self, added: dict[str, int]) -> tuple[dict[str, int], dict[str, Any]]:
        """Take the heads of all streams in one order; return the version each had before, and its state."""
        self._many("take", list(added.items()))
        versions, states = {}, {}
        for stream, version, state in self._read("standing", list(added)):
            versions[stream] = int(version) - added[stream]
            if state is not None:
                states[stream] = msgspec.json.decode(state)
        return versions, states

    def _many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._cursor.execute(self._sql[name], (_JSON.encode(rows).decode(),))


def _made(
    event_id: str, at: datetime, draft: Draft, kind: Kind, version: int, lock: tuple[str, bytes] | None
) -> tuple[Event, dict[str, object] | None]:
    sealed, row = None, None
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
