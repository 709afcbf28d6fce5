"""The only writer: drafts become events, with their head, seal row, state and payload, in one transaction.

Rule: what is not committed did not happen.  Saying the same thing again under the same
`once` key writes nothing and returns what was written the first time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, text

from troth.errors import ConflictError
from troth.ledger import keys, vault
from troth.ledger.lease import Lease, still_held
from troth.ledger.schema import Ledger
from troth.rules.event import Draft, Event, Kind, check, decode, encode
from troth.rules.fold import family, fold

_ONCE = text("SELECT events FROM once WHERE key = :key")
_SAY_ONCE = text("INSERT INTO once VALUES (:key, :events) ON CONFLICT (key) DO NOTHING RETURNING key")
_HEAD = text(
    "INSERT INTO heads VALUES (:stream, :added) "
    "ON CONFLICT (stream) DO UPDATE SET version = heads.version + :added RETURNING version"
)
_EVENT = text(
    "INSERT INTO events (id, at_us, kind, stream, version, subject, request, body) "
    "VALUES (:id, :at_us, :kind, :stream, :version, :subject, :request, :body) RETURNING seq"
)
_UNSEALED = text("INSERT INTO unsealed VALUES (:seq, :id, :at_us)")
_STATE = text("SELECT body FROM state WHERE stream = :stream")
_SET_STATE = text(
    "INSERT INTO state VALUES (:stream, :family, :version, :status, :due, :body) "
    "ON CONFLICT (stream) DO UPDATE SET version = :version, status = :status, due = :due, body = :body"
)
_BODIES = text("SELECT body FROM events WHERE id = :id")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def append(
    ledger: Ledger,
    drafts: Sequence[Draft],
    *,
    expect: Mapping[str, int] | None = None,
    once: str | None = None,
    lease: Lease | None = None,
) -> tuple[Event, ...]:
    """Write the drafts as events, all or none, and return them.

    `expect` names the version a stream must have; `lease` must still be held.  Raises
    ConflictError when either does not hold, NotAllowedError for a draft that is not one,
    KeyDestroyedError when a payload's key was destroyed.
    """
    kinds = [check(draft) for draft in drafts]
    locks = [_key(ledger, draft, kind) for draft, kind in zip(drafts, kinds, strict=True)]
    with ledger.writing() as connection:
        return append_within(connection, ledger, drafts, locks, expect=expect, once=once, lease=lease)


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
) -> tuple[Event, ...]:
    """Write the drafts inside a transaction that is already open (for the ledger's own modules)."""
    if once is not None:
        said = connection.execute(_ONCE, {"key": once}).scalar()
        if said is not None:
            return tuple(_again(connection, event) for event in json.loads(said))
    if lease is not None and not still_held(connection, lease):
        raise ConflictError("Another worker has taken this work over; what this one found is not recorded.")
    versions = _heads(connection, drafts, expect or {})
    written = []
    for draft, lock in zip(drafts, locks, strict=True):
        versions[draft.stream] += 1
        written.append(_write(connection, ledger.clock(), draft, versions[draft.stream], lock))
    _fold(connection, written)
    if once is not None:
        bound = {"key": once, "events": json.dumps([event.id for event in written])}
        if connection.execute(_SAY_ONCE, bound).scalar() is None:
            raise ConflictError("The same was being said at the same moment. Ask again: it is there by now.")
    return tuple(written)


def _again(connection: Connection, event: str) -> Event:
    return decode(bytes(connection.execute(_BODIES, {"id": event}).scalar_one()))


def _heads(connection: Connection, drafts: Sequence[Draft], expect: Mapping[str, int]) -> dict[str, int]:
    """Take the heads of all streams, in one order so that writers cannot wait for each other in a ring."""
    before: dict[str, int] = {}
    for stream in sorted({draft.stream for draft in drafts} | set(expect)):
        added = sum(draft.stream == stream for draft in drafts)
        version = int(connection.execute(_HEAD, {"stream": stream, "added": added}).scalar_one())
        before[stream] = version - added
        if stream in expect and before[stream] != expect[stream]:
            raise ConflictError(
                f"{stream} changed meanwhile: it is at version {before[stream]}, not {expect[stream]}. Look again."
            )
    return before


def _write(
    connection: Connection, at: datetime, draft: Draft, version: int, lock: tuple[str, bytes] | None
) -> Event:
    event_id = new_id(at)
    sealed = None
    if lock is not None:
        payload = json.dumps(draft.payload, ensure_ascii=False, separators=(",", ":")).encode()
        sealed = vault.lock(lock[1], event_id, payload)
        owner = draft.subject or draft.stream
        vault.store(connection, event_id, owner, file_of(draft, check(draft)), "payload", lock[0], sealed)
    event = Event(
        id=event_id,
        at=at,
        kind=draft.kind,
        kind_version=check(draft).version,
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
    at_us = microseconds(at)
    bound = {"id": event.id, "at_us": at_us, "kind": event.kind, "stream": event.stream, "version": version}
    bound |= {"subject": event.subject, "request": event.request, "body": encode(event)}
    seq = connection.execute(_EVENT, bound).scalar_one()
    connection.execute(_UNSEALED, {"seq": seq, "id": event.id, "at_us": at_us})
    return event


def _fold(connection: Connection, written: Sequence[Event]) -> None:
    states: dict[str, tuple[dict[str, Any] | None, int]] = {}
    for event in written:
        if event.stream not in states:
            found = connection.execute(_STATE, {"stream": event.stream}).scalar()
            states[event.stream] = (json.loads(found) if found else None, 0)
        states[event.stream] = (fold(states[event.stream][0], event), event.version)
    for stream, (state, version) in states.items():
        connection.execute(_SET_STATE, state_row(stream, state or {}, version))


def state_row(stream: str, state: Mapping[str, Any], version: int) -> dict[str, object]:
    """Write a state as the row that holds it, the same bytes for the same state."""
    body = json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
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


def new_id(at: datetime) -> str:
    """Make an id that sorts by time: 10 characters of it, then 80 random bits."""
    number = (int(at.timestamp() * 1000) << 80) | secrets.randbits(80)
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
