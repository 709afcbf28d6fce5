"""Many things at once, in one transaction a portion: what was said before, keys, subjects, events.

The rules are those of saying each alone; only the statements and the waits for the disk are
shared.  A portion that is cut short leaves nothing behind but keys and subjects that are found
again when it is said once more.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, text

from troth.errors import ConflictError
from troth.ledger import append, keys, subjects
from troth.ledger.append import STREAMS_AT_ONCE
from troth.ledger.each import for_each
from troth.ledger.master_key import KEY_BYTES
from troth.ledger.schema import Ledger, guarded
from troth.ledger.vault import lock, store_all
from troth.ledger.vault import row as vault_row
from troth.rules.event import Draft, Event, check

_SAID = text("SELECT key, events FROM once WHERE key IN :keys").bindparams(bindparam("keys", expanding=True))
_SAY = text("INSERT INTO once VALUES (:key, :events) ON CONFLICT (key) DO NOTHING")
_KEYS = text("SELECT owner, file, id, master, wrapped FROM keys WHERE owner IN :owners").bindparams(
    bindparam("owners", expanding=True)
)
_FOUND = text(
    "SELECT mac, subject FROM fingerprints WHERE domain = :domain AND kind = :kind AND form = :form "
    "AND key_version = :version AND mac IN :macs"
).bindparams(bindparam("macs", expanding=True))
_NAME = text(
    "INSERT INTO fingerprints (domain, kind, form, key_version, mac, subject) "
    "VALUES (:domain, :kind, :form, :version, :mac, :subject) "
    "ON CONFLICT (domain, kind, form, key_version, mac) DO NOTHING"
)
Named = tuple[str, str]


def said(ledger: Ledger, once: Sequence[str]) -> dict[str, str]:
    """Return, of these idempotency keys, those that were used, each with the id of the first event it wrote."""
    with ledger.reading() as connection:
        return {key: str(json.loads(events)[0]) for key, events in _said(connection, once).items()}


def keys_of(ledger: Ledger, wanted: Sequence[Named]) -> dict[Named, tuple[str, bytes]]:
    """Return the key of each (owner, file), made where there is none; raises KeyDestroyedError after an erasure."""
    made = make_keys(ledger, wanted)
    found: dict[Named, tuple[str, bytes]] = {}
    meant = set(wanted)
    owners = list(dict.fromkeys(owner for owner, _ in wanted))
    for start in range(0, len(owners), STREAMS_AT_ONCE):
        portion = owners[start : start + STREAMS_AT_ONCE]
        with ledger.looking_at_keys() as connection:
            rows = connection.execute(_KEYS, {"owners": portion}).all()
        for row in rows:
            if (row.owner, row.file) in meant:
                secret = made.get(row.id) or keys.opened(ledger, row.id, row.master, row.wrapped)
                found[row.owner, row.file] = row.id, secret
    return found | {one: keys.key_for(ledger, *one) for one in meant - found.keys()}


def make_keys(ledger: Ledger, wanted: Sequence[Named]) -> dict[str, bytes]:
    """Make the keys of these (owner, file) that are not there, in one transaction.

    Returns each that was offered, by its id: one whose id is found afterwards is the one that stands.
    """
    rows, made, master = [], dict[str, bytes](), ledger.master.id
    for owner, file in dict.fromkeys(wanted):
        ident, secret = secrets.token_hex(12), secrets.token_bytes(KEY_BYTES)
        made[ident] = secret
        wrapped = ledger.master.wrap(ident, secret)
        rows.append({"id": ident, "owner": owner, "file": file, "master": master, "wrapped": wrapped})
    if rows:
        with guarded("keys"), ledger.keys.begin() as connection:
            for_each(connection, keys.INSERT, rows)
    return made


def subjects_for(ledger: Ledger, named: Sequence[Named]) -> dict[Named, str]:
    """Return whom each identifier names, opened where there is none, in one transaction for all of them."""
    versions = list(keys.versions(ledger, "fingerprint/requests"))
    newest = versions[-1]
    known: dict[Named, str] = {}
    for version in versions:
        with ledger.reading() as connection:
            known |= _found(connection, [one for one in dict.fromkeys(named) if one not in known], version)
    wanted = [one for one in dict.fromkeys(named) if one not in known]
    # two spellings of one address are one identifier: whoever stands first opens the subject of both
    first = {_mac(one, newest): one for one in reversed(wanted)}
    new = {one: secrets.token_hex(10) for one in first.values()}
    if not new:
        return known
    held = keys_of(ledger, [(subject, "identifiers") for subject in new.values()])
    with ledger.writing() as connection:
        bound = [_bound(one[0], newest[0]) | {"mac": mac, "subject": new[one]} for mac, one in first.items()]
        for_each(connection, _NAME, bound)
        known |= _found(connection, wanted, newest)  # where somebody was quicker, theirs stands
        rows, drafts = [], []
        for one, subject in new.items():
            if known[one] != subject:
                continue
            ident, (key, secret) = secrets.token_hex(12), held[subject, "identifiers"]
            sealed = lock(secret, ident, json.dumps(list(one), ensure_ascii=False).encode())
            rows.append(vault_row(ident, subject, "identifiers", "identifier", key, sealed))
            drafts.append(
                Draft("subject_opened", f"subject/{subject}", {"subject": subject}, subject=subject)
            )
        store_all(connection, rows)
        if drafts:
            append.append_within(connection, ledger, drafts, [None] * len(drafts))
    return known


def _found(connection: Connection, named: Sequence[Named], key: tuple[int, bytes]) -> dict[Named, str]:
    """Return whom identifiers name by one version of the key; those that name nobody are left out."""
    by_kind: dict[str, dict[bytes, list[Named]]] = {}
    for one in named:
        by_kind.setdefault(one[0], {}).setdefault(_mac(one, key), []).append(one)
    found: dict[Named, str] = {}
    for kind, by_mac in by_kind.items():
        macs = list(by_mac)
        for start in range(0, len(macs), STREAMS_AT_ONCE):
            bound = _bound(kind, key[0]) | {"macs": macs[start : start + STREAMS_AT_ONCE]}
            for mac, subject in connection.execute(_FOUND, bound):
                found |= dict.fromkeys(by_mac[bytes(mac)], str(subject))
    return found


def _mac(one: Named, key: tuple[int, bytes]) -> bytes:
    return subjects.hashed(key[1], *one)


def _bound(kind: str, version: int) -> dict[str, object]:
    """Return what an identifier is found by besides its hash."""
    return {"domain": "requests", "kind": kind, "form": "exact", "version": version}


def append_each(
    ledger: Ledger, groups: Mapping[str, Sequence[Draft]], *, expect: Mapping[str, int]
) -> dict[str, tuple[Event, ...]]:
    """Write each group of drafts once under its idempotency key, all groups in one transaction.

    Raises ConflictError where a stream is not at the version that is expected of it; then nothing
    of the portion is written.
    """
    wanted = {
        id(draft): _lock_of(draft)
        for drafts in groups.values()
        for draft in drafts
        if draft.payload is not None
    }
    held = keys_of(ledger, list(wanted.values()))
    written: dict[str, tuple[Event, ...]] = {}
    with ledger.writing() as connection:
        before = _said(connection, list(groups))
        for once, events in before.items():
            written[once] = tuple(append.again(connection, one) for one in json.loads(events))
        fresh = {once: drafts for once, drafts in groups.items() if once not in before}
        together = [draft for drafts in fresh.values() for draft in drafts]
        if not together:
            return written
        streams = {draft.stream for draft in together}
        events_made = iter(
            append.append_within(
                connection, ledger, together,
                [held[wanted[id(draft)]] if draft.payload is not None else None for draft in together],
                expect={stream: version for stream, version in expect.items() if stream in streams},
            )
        )  # fmt: skip
        for once, drafts in fresh.items():
            written[once] = tuple(next(events_made) for _ in drafts)
        ours = {once: json.dumps([event.id for event in written[once]]) for once in fresh}
        for_each(connection, _SAY, [{"key": once, "events": events} for once, events in ours.items()])
        if _said(connection, list(ours)) != ours:
            raise ConflictError("The same was being said at the same moment. Ask again: it is there by now.")
    return written


def _said(connection: Connection, once: Sequence[str]) -> dict[str, str]:
    """Return, of these idempotency keys, those that were used, each with what it wrote."""
    found: dict[str, str] = {}
    for start in range(0, len(once), STREAMS_AT_ONCE):
        portion = list(once[start : start + STREAMS_AT_ONCE])
        found |= {str(key): str(events) for key, events in connection.execute(_SAID, {"keys": portion})}
    return found


def _lock_of(draft: Draft) -> Named:
    """Name the owner and the file whose key locks a draft's payload."""
    return draft.subject or draft.stream, append.file_of(draft, check(draft))
