"""The only writer: drafts become events, with their head, seal row, state and payload, in one transaction.

Rule: what is not committed did not happen.  Saying the same thing again under the same
`once` key writes nothing and returns what was written the first time.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, text

from troth.errors import ConflictError
from troth.ledger import forms, keys, listed, vault
from troth.ledger.each import for_each
from troth.ledger.lease import Lease, still_held
from troth.ledger.schema import Ledger
from troth.rules.event import Draft, Event, Kind, check, decode, encode
from troth.rules.fold import family, fold

_ONCE = text("SELECT events FROM once WHERE key = :key")
_SAY_ONCE = text("INSERT INTO once VALUES (:key, :events) ON CONFLICT (key) DO NOTHING RETURNING key")
_NAME_ONCE = text("INSERT INTO once VALUES (:key, :events) ON CONFLICT (key) DO NOTHING")
_HEAD = text(
    "INSERT INTO heads VALUES (:stream, :added) "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + :added RETURNING version"
)
_MANY_HEADS = text(
    "INSERT INTO heads VALUES (:stream, :added) "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + :added"
)
_VERSIONS = text("SELECT stream, version FROM heads WHERE stream IN :streams").bindparams(
    bindparam("streams", expanding=True)
)
_EVENT = text(
    "INSERT INTO events (id, at_us, kind, stream, version, subject, request, body) "
    "VALUES (:id, :at_us, :kind, :stream, :version, :subject, :request, :body)"
)
_NUMBERED = text(f"{_EVENT} RETURNING seq")
_UNSEALED = text("INSERT INTO unsealed VALUES (:seq, :id, :at_us)")
_MANY_UNSEALED = text(
    "INSERT INTO unsealed SELECT seq, id, at_us FROM events WHERE id = :id AND at_us = :at_us"
)
_STATE = text("SELECT stream, body FROM state WHERE stream = :stream")
_STATES = text("SELECT stream, body FROM state WHERE stream IN :streams").bindparams(
    bindparam("streams", expanding=True)
)
_SET_STATE = text(
    "INSERT INTO state VALUES (:stream, :family, :version, :status, :due, :body) "
    "ON CONFLICT (stream) DO UPDATE SET version = :version, status = :status, due = :due, body = :body"
)
_BODIES = text("SELECT body FROM events WHERE id = :id")
STREAMS_AT_ONCE = 500
_STATE_JSON = msgspec.json.Encoder(order="sorted")
_CROCKFORD = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TO_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _CROCKFORD)
_LETTERS = bytes(_CROCKFORD[byte % 32] for byte in range(256))
"""Five random bits of a random byte as a letter."""


def append(
    ledger: Ledger,
    drafts: Sequence[Draft],
    *,
    expect: Mapping[str, int] | None = None,
    once: str | None = None,
    lease: Lease | None = None,
    also: Callable[[Connection], object] | None = None,
) -> tuple[Event, ...]:
    """Write the drafts as events, all or none, and return them.

    `also` writes what must stand or fall with them, in the same transaction (not when the
    same was said before).  `expect` names the version a stream must have; `lease` must still be held.  Raises
    ConflictError when either does not hold, NotAllowedError for a draft that is not one,
    KeyDestroyedError when a payload's key was destroyed.
    """
    kinds = [check(draft) for draft in drafts]
    locks = [_key(ledger, draft, kind) for draft, kind in zip(drafts, kinds, strict=True)]
    with ledger.writing() as connection:
        return append_within(
            connection, ledger, drafts, locks, expect=expect, once=once, lease=lease, also=also
        )


def _key(ledger: Ledger, draft: Draft, kind: Kind) -> tuple[str, bytes] | None:
    """Make sure of the payload's key before the transaction: it lives in another database."""
    if draft.payload is None:
        return None
    return keys.key_for(ledger, draft.subject or draft.stream, file_of(draft, kind))


def file_of(draft: Draft, kind: Kind) -> str:
    """Name the file that locks a draft's payload: its own, or its kind's, of its request where it has one."""
    if draft.file is not None:
        return draft.file
    return f"request/{draft.request}" if kind.file == "request" and draft.request else str(kind.file)


def append_within(
    connection: Connection,
    ledger: Ledger,
    drafts: Sequence[Draft],
    locks: Sequence[tuple[str, bytes] | None],
    *,
    expect: Mapping[str, int] | None = None,
    once: str | None = None,
    lease: Lease | None = None,
    also: Callable[[Connection], object] | None = None,
) -> tuple[Event, ...]:
    """Write the drafts inside a transaction that is already open (for the ledger's own modules)."""
    if once is not None:
        said = connection.execute(_ONCE, {"key": once}).scalar()
        if said is not None:
            return tuple(again(connection, event) for event in json.loads(said))
    if lease is not None and not still_held(connection, lease):
        raise ConflictError("Another worker has taken this work over; what this one found is not recorded.")
    versions = _heads(connection, drafts, expect or {})
    written, payloads = [], []
    at = ledger.clock()
    for draft, lock, event_id in zip(drafts, locks, new_ids(at, len(drafts)), strict=True):
        versions[draft.stream] += 1
        event, payload = _made(at, event_id, draft, versions[draft.stream], lock)
        written.append(event)
        payloads += [payload] if payload is not None else []
    vault.store_all(connection, payloads)
    _store(connection, written)
    _fold(connection, written)
    forms.note(connection, microseconds(at))
    if also is not None:
        also(connection)
    if once is not None:
        bound = {"key": once, "events": json.dumps([event.id for event in written])}
        if connection.execute(_SAY_ONCE, bound).scalar() is None:
            raise ConflictError("The same was being said at the same moment. Ask again: it is there by now.")
    return tuple(written)


def name_within(connection: Connection, names: Sequence[str], event: str) -> None:
    """Let more idempotency keys lead to an event, in the transaction of what they stand for."""
    rows = [{"key": name, "events": json.dumps([event])} for name in names]
    if rows:
        connection.execute(_NAME_ONCE, rows)


def again(connection: Connection, event: str) -> Event:
    """Read inside an open transaction what was written before."""
    return decode(bytes(connection.execute(_BODIES, {"id": event}).scalar_one()))


def _heads(connection: Connection, drafts: Sequence[Draft], expect: Mapping[str, int]) -> dict[str, int]:
    """Take the heads of all streams, in one order so that writers cannot wait for each other in a ring."""
    added = Counter(draft.stream for draft in drafts)
    streams = sorted({*added, *expect})
    rows: list[dict[str, object]] = [{"stream": stream, "added": added[stream]} for stream in streams]
    before: dict[str, int] = {}
    if len(rows) == 1:
        before[streams[0]] = int(connection.execute(_HEAD, rows[0]).scalar_one()) - added[streams[0]]
    else:
        for_each(connection, _MANY_HEADS, rows)
        for some in _portions(streams):
            for stream, version in connection.execute(_VERSIONS, {"streams": some}):
                before[stream] = int(version) - added[stream]
    for stream in sorted(expect):
        if before[stream] != expect[stream]:
            raise ConflictError(
                f"{stream} changed meanwhile: it is at version {before[stream]}, not {expect[stream]}. Look again."
            )
    return before


def _portions(streams: Sequence[str]) -> Iterator[list[str]]:
    """Yield lists that an engine takes as parameters of one statement."""
    for start in range(0, len(streams), STREAMS_AT_ONCE):
        yield list(streams[start : start + STREAMS_AT_ONCE])


def _made(
    at: datetime, event_id: str, draft: Draft, version: int, lock: tuple[str, bytes] | None
) -> tuple[Event, dict[str, object] | None]:
    """Make an event of a draft, and the row of its encrypted payload."""
    kind = check(draft)
    sealed, row = None, None
    if lock is not None:
        payload = json.dumps(draft.payload, ensure_ascii=False, separators=(",", ":")).encode()
        sealed = vault.lock(lock[1], event_id, payload)
        owner = draft.subject or draft.stream
        row = vault.row(event_id, owner, file_of(draft, kind), "payload", lock[0], sealed)
    event = Event(
        id=event_id,
        at=at,
        kind=draft.kind,
        kind_version=kind.version,
        stream=draft.stream,
        version=version,
        entity=draft.entity,
        actor=draft.actor,
        facts=draft.facts,
        subject=draft.subject,
        request=draft.request,
        policy=draft.policy,
        promise=draft.promise,
        payload_sha256=sha256(sealed).hexdigest() if sealed is not None else None,
        key=lock[0] if lock is not None else None,
    )
    return event, row


def _row(event: Event) -> dict[str, object]:
    columns = ("id", "kind", "stream", "version", "subject", "request")
    named: dict[str, object] = {name: getattr(event, name) for name in columns}
    return named | {"at_us": microseconds(event.at), "body": encode(event)}


def _store(connection: Connection, written: Sequence[Event]) -> None:
    """Write events, each with the note that it is to be sealed."""
    if len(written) == 1:
        bound = _row(written[0])
        seq = connection.execute(_NUMBERED, bound).scalar_one()
        connection.execute(_UNSEALED, {"seq": seq, "id": bound["id"], "at_us": bound["at_us"]})
        return
    for_each(connection, _EVENT, [_row(event) for event in written])
    for_each(
        connection, _MANY_UNSEALED, [{"id": event.id, "at_us": microseconds(event.at)} for event in written]
    )


def _fold(connection: Connection, written: Sequence[Event]) -> None:
    streams = sorted({event.stream for event in written})
    states: dict[str, tuple[dict[str, Any] | None, int]] = dict.fromkeys(streams, (None, 0))
    for some in _portions(streams):
        asked = (_STATE, {"stream": some[0]}) if len(some) == 1 else (_STATES, {"streams": some})
        for stream, body in connection.execute(*asked):
            states[stream] = (json.loads(body), 0)
    for event in written:
        states[event.stream] = (fold(states[event.stream][0], event), event.version)
    rows = [state_row(stream, state or {}, version) for stream, (state, version) in states.items()]
    for_each(connection, _SET_STATE, rows)
    listed.write(
        connection,
        ((state, version) for stream, (state, version) in states.items() if state and listed.lists(stream)),
    )


def state_row(stream: str, state: Mapping[str, Any], version: int) -> dict[str, object]:
    """Write a state as the row that holds it, the same bytes for the same state."""
    body = _STATE_JSON.encode(state).decode()
    return {
        "stream": stream,
        "family": family(stream),
        "version": version,
        "status": state.get("status"),
        "due": state.get("due"),
        "body": body,
    }


def microseconds(at: datetime) -> int:
    """Return the microseconds since 1970 of a moment."""
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def id_start(at: datetime) -> str:
    """Return how the ids of a moment begin; those of any moment before sort before it."""
    moment = (int(at.timestamp() * 1000) << 80).to_bytes(20, "big")
    return base64.b32encode(moment)[6:16].translate(_TO_CROCKFORD).decode()


def new_ids(at: datetime, count: int) -> list[str]:
    """Make so many ids that sort by time: 10 characters of one moment, then 80 random bits each."""
    start = id_start(at)
    drawn = secrets.token_bytes(16 * count).translate(_LETTERS).decode()
    return [start + drawn[place : place + 16] for place in range(0, 16 * count, 16)]
