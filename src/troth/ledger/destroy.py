"""Erasing by destroying keys: whatever was encrypted under one is gone, in every backup too.

Danger: destruction cannot be undone.  It is done first and recorded second; whoever finds
a destroyed key without its event (a process was killed between the two) records it, and
whoever finds the event without destruction (a backup of the keys was restored) destroys
it again: `settle` does both.

Law: GDPR Art. 17.
"""

from __future__ import annotations

from sqlalchemy import text

from troth.errors import TamperedError
from troth.ledger import append, keys, note, read, seal
from troth.ledger.schema import Ledger, guarded
from troth.rules.event import Draft, Event

_BY_OWNER = text("SELECT id FROM keys WHERE owner = :owner AND file = :file")
_DESTROYED = text("SELECT id FROM keys WHERE destroyed_at IS NOT NULL")
_DESTROY = text(
    "UPDATE keys SET wrapped = NULL, master = NULL, destroyed_at = :at, reason = :reason "
    "WHERE id = :id AND destroyed_at IS NULL"
)


def destroy(ledger: Ledger, owner: str, file: str, reason: str) -> Event | None:
    """Destroy the key of (owner, file) and record it; None when there never was one."""
    with guarded("keys"), ledger.keys.begin() as connection:
        row = connection.execute(_BY_OWNER, {"owner": owner, "file": file}).one_or_none()
        if row is None:
            return None
        bound = {"id": row.id, "at": ledger.clock().isoformat(), "reason": reason}
        connection.execute(_DESTROY, bound)
    _empty_log(ledger)
    return _record(ledger, row.id, file, reason)


def _record(ledger: Ledger, key: str, file: str, reason: str) -> Event:
    facts = {"key": key, "file": file.partition("/")[0], "reason": reason}
    draft = Draft("key_destroyed", f"key/{key}", facts)
    return append.append(ledger, [draft], once=f"destroy {key}")[0]


def _empty_log(ledger: Ledger) -> None:
    """On SQLite, fold the write-ahead log in, so that the wrapped key is in no file any more."""
    if ledger.keys.dialect.name == "sqlite":
        with guarded("keys"), ledger.keys.connect() as connection:
            raw = connection.connection.driver_connection
            if raw is not None:
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def settle(ledger: Ledger) -> tuple[int, int]:
    """Record destructions that were not recorded, and destroy again what a restored backup brought back.

    Returns how many of each.
    """
    told = {str(event.facts["key"]) for event in read.events(ledger, kind="key_destroyed")}
    with guarded("keys"), ledger.keys.connect() as connection:
        rows = connection.execution_options(reading=True).execute(
            text("SELECT id, file, destroyed_at, reason FROM keys")
        )
        known = {row.id: row for row in rows}
    untold = [row for row in known.values() if row.destroyed_at is not None and row.id not in told]
    for row in untold:
        _record(ledger, row.id, row.file, row.reason or "unknown")
    back = [row for row in known.values() if row.destroyed_at is None and row.id in told]
    with guarded("keys"), ledger.keys.begin() as connection:
        for row in back:
            bound = {
                "id": row.id,
                "at": ledger.clock().isoformat(),
                "reason": "destroyed again after a restore",
            }
            connection.execute(_DESTROY, bound)
    if back:
        _empty_log(ledger)
    return len(untold), len(back)


def destroyed_note(ledger: Ledger) -> str:
    """Return the ids of every destroyed key as a signed note, to be kept wherever checkpoints are.

    It says ORIGIN/destroyed, how many, and each id on a line.
    """
    with guarded("keys"), ledger.keys.connect() as connection:
        ids = connection.execution_options(reading=True).execute(_DESTROYED).scalars().all()
    _, secret = keys.own_key(ledger, seal.PURPOSE)
    lines = [f"{ledger.origin}/destroyed", str(len(ids)), *sorted(map(str, ids))]
    return note.signed("\n".join(lines) + "\n", ledger.origin, secret)


def destroy_again(ledger: Ledger, written: str) -> int:
    """Destroy the keys that a signed note names and a restored backup brought back; return how many.

    Raises TamperedError when the note is not one of this ledger's.
    """
    lines = note.opened(written, *seal.verifiers(ledger)).splitlines()
    if len(lines) < 2 or lines[0] != f"{ledger.origin}/destroyed" or lines[1] != str(len(lines) - 2):
        raise TamperedError("This signed note is no list of this ledger's destroyed keys.")
    told = set(lines[2:])
    with guarded("keys"), ledger.keys.connect() as connection:
        rows = connection.execution_options(reading=True).execute(
            text("SELECT id, file FROM keys WHERE destroyed_at IS NULL")
        )
        back = [row for row in rows if row.id in told]
    reason = "destroyed again after a restore"
    with guarded("keys"), ledger.keys.begin() as connection:
        for row in back:
            connection.execute(_DESTROY, {"id": row.id, "at": ledger.clock().isoformat(), "reason": reason})
    if back:
        _empty_log(ledger)
    for row in back:
        _record(ledger, row.id, row.file, reason)
    return len(back)
