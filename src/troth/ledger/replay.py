"""What is remembered of an erasure so that it can be repeated in a restored backup: keyed marks.

A *mark* is a keyed hash of an identifier, or of the key of a row, in one store.  It has a key
of its own and hangs on a number drawn for this alone: no subject, no request and no other
mark of the same person in another store can be joined with it.  Marks go when the last
backup of their store that could bring the person back has expired.

While an erasure is under way its marks wait under the name of its step.  They become a
replay in the transaction that records its end, or go in the one that records that nothing
was changed: what was never erased is never repeated.

Law: GDPR Art. 17; Art. 5(1)(e), storage limitation; Art. 25.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256

from sqlalchemy import Connection, bindparam, text

from troth.errors import TamperedError
from troth.ledger import keys
from troth.ledger.schema import Ledger
from troth.rules import identifier

PURPOSE = "fingerprint/replay"
Pair = tuple[str, str]
"""What is marked: its kind (`email`, or `key of customer`) and its value."""

_PENDING = text("SELECT body FROM replay_pending WHERE step = :step")
_PEND = text("INSERT INTO replay_pending VALUES (:step, :body) ON CONFLICT (step) DO UPDATE SET body = :body")
_SETTLED = text("DELETE FROM replay_pending WHERE step = :step")
_MAP = text("INSERT INTO replay_maps VALUES (:sha, :body) ON CONFLICT (sha256) DO NOTHING")
_REPLAY = text("INSERT INTO replays VALUES (:id, :store, :sha, :hour, :hour, :expires)")
_MARK = text("INSERT INTO replay_marks VALUES (:mac, :version, :id) ON CONFLICT DO NOTHING")
_REPEATED = text("UPDATE replays SET last = :last, expires = :expires WHERE id = :id AND expires <= :expires")
_SINCE = text(
    "SELECT id, map, hour FROM replays WHERE store = :store AND last >= :hour AND expires >= :today "
    "ORDER BY hour, id"
)
_BY_MAC = text(
    "SELECT m.mac, m.replay FROM replay_marks m JOIN replays r ON r.id = m.replay "
    "WHERE m.mac IN :macs AND m.key_version = :version AND r.store = :store AND r.last >= :hour "
    "AND r.expires >= :today"
).bindparams(bindparam("macs", expanding=True))
_GONE = (
    text("DELETE FROM replay_marks WHERE replay IN (SELECT id FROM replays WHERE expires < :today)"),
    text("DELETE FROM replays WHERE expires < :today"),
    text("DELETE FROM replay_maps WHERE sha256 NOT IN (SELECT map FROM replays) AND :today <> ''"),
)


@dataclass(frozen=True, slots=True)
class Replay:
    """One erasure that can be repeated: in which hour it was, and under which map."""

    id: str
    hour: datetime
    map_sha256: str


@dataclass(frozen=True, slots=True)
class Marker:
    """The keys by which marks of one store are made, opened once."""

    store: str
    secrets: tuple[tuple[int, bytes], ...] = field(repr=False)

    def mark(self, pair: Pair, secret: bytes) -> bytes:
        """Return the mark of a pair under one key."""
        kind, value = pair
        return hmac.digest(secret, f"{self.store}\x00{kind}\x00{value}".encode(), "sha256")

    def newest(self, pairs: Iterable[Pair]) -> tuple[int, list[bytes]]:
        """Return the marks of some pairs under the newest key, with its version."""
        version, secret = self.secrets[-1]
        return version, [self.mark(pair, secret) for pair in dict.fromkeys(pairs)]


def marker(ledger: Ledger, store: str) -> Marker:
    """Open the keys to mark what is in a store."""
    return Marker(store, tuple(keys.versions(ledger, PURPOSE)))


def of_identifier(kind: str, value: str) -> Pair:
    """Return what is marked of an identifier: its exact form."""
    return kind, identifier.exact(kind, value)


def of_key(table: str, key: Sequence[str]) -> Pair:
    """Return what is marked of a row: its table and key."""
    return f"key of {table}", "\x1f".join(key)


def prepare(
    ledger: Ledger, step: str, store: str, map_written: str, pairs: Iterable[Pair]
) -> Callable[[Connection], None]:
    """Let marks wait for the end of a step, with those that wait for it already.

    For the transaction that records its beginning.
    """
    version, macs = marker(ledger, store).newest(pairs)

    def waiting_with_it(connection: Connection) -> None:
        known = connection.execute(_PENDING, {"step": step}).scalar()
        waiting = json.loads(known)["marks"] if known is not None else []
        marks = sorted({*(tuple(one) for one in waiting), *((version, mac.hex()) for mac in macs)})
        body = json.dumps({"store": store, "map": map_written, "marks": marks})
        connection.execute(_PEND, {"step": step, "body": body})

    return waiting_with_it


def settle(connection: Connection, step: str, now: datetime, expires: date | None) -> None:
    """Turn the marks of a step into a replay that `expires`, or drop them where it is None.

    For the transaction that records the end of the step.
    """
    known = connection.execute(_PENDING, {"step": step}).scalar()
    connection.execute(_SETTLED, {"step": step})
    if known is None or expires is None:
        return
    waiting = json.loads(known)
    if not waiting["marks"]:
        return
    sha, ident = sha256(waiting["map"].encode()).hexdigest(), secrets.token_hex(12)
    connection.execute(_MAP, {"sha": sha, "body": waiting["map"]})
    bound = {
        "id": ident,
        "store": waiting["store"],
        "sha": sha,
        "hour": _hour(now),
        "expires": expires.isoformat(),
    }
    connection.execute(_REPLAY, bound)
    rows = [{"mac": bytes.fromhex(mac), "version": version, "id": ident} for version, mac in waiting["marks"]]
    connection.execute(_MARK, rows)


def repeated(ident: str, now: datetime, expires: date) -> Callable[[Connection], None]:
    """Let a replay that was carried out again count from now: backups made meanwhile have the person too.

    For the transaction that records the end of its step.
    """
    bound = {"id": ident, "last": _hour(now), "expires": expires.isoformat()}

    def counted_anew(connection: Connection) -> None:
        connection.execute(_REPEATED, bound)

    return counted_anew


def _hour(at: datetime) -> str:
    """Write the hour only: the moment would name the request whose erasure it was."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0).isoformat()


def since(ledger: Ledger, store: str, taken_at: datetime, today: date) -> tuple[Replay, ...]:
    """Return the erasures of a store that a backup taken at a moment may not have, the oldest first.

    An erasure in the same hour counts: repeating it changes nothing where it is there.
    """
    bound = {"store": store, "hour": _hour(taken_at), "today": today.isoformat()}
    with ledger.looking() as connection:
        rows = connection.execute(_SINCE, bound).all()
    return tuple(Replay(row.id, datetime.fromisoformat(row.hour), row.map) for row in rows)


def known(
    ledger: Ledger, marked: Marker, pairs: Sequence[Pair], taken_at: datetime, today: date
) -> Mapping[Pair, frozenset[str]]:
    """Return, of some pairs, those that erasures since a moment have marked, with the replays they are of."""
    found: dict[Pair, set[str]] = {}
    for version, secret in marked.secrets:
        by_mac = {marked.mark(pair, secret): pair for pair in pairs}
        if not by_mac:
            continue
        bound = {
            "macs": list(by_mac),
            "version": version,
            "store": marked.store,
            "hour": _hour(taken_at),
            "today": today.isoformat(),
        }
        with ledger.looking() as connection:
            for row in connection.execute(_BY_MAC, bound):
                found.setdefault(by_mac[bytes(row.mac)], set()).add(row.replay)
    return {pair: frozenset(replays) for pair, replays in found.items()}


def map_written(ledger: Ledger, map_sha256: str) -> str:
    """Return the map an erasure was carried out by, as it was written; raises TamperedError if it was changed."""
    with ledger.looking() as connection:
        body = connection.execute(
            text("SELECT body FROM replay_maps WHERE sha256 = :s"), {"s": map_sha256}
        ).scalar()
    if body is None or sha256(str(body).encode()).hexdigest() != map_sha256:
        raise TamperedError("The map that an erasure was recorded with is gone or was changed.")
    return str(body)


def expire(ledger: Ledger, today: date) -> int:
    """Drop the replays whose backups have all expired; return how many."""
    with ledger.writing() as connection:
        bound = {"today": today.isoformat()}
        went = [connection.execute(statement, bound).rowcount for statement in _GONE]
    return went[1]


def drop_waiting(ledger: Ledger, number: str) -> None:
    """Drop the marks that still wait for a step of a request, which no step will end any more."""
    with ledger.writing() as connection:
        steps = connection.execute(text("SELECT step FROM replay_pending")).scalars().all()
        for step in steps:
            if step.startswith(f"{number}/"):
                connection.execute(_SETTLED, {"step": step})


def expired(ledger: Ledger, today: date) -> bool:
    """Tell whether any replay is to be dropped, without the writer's lock."""
    statement = text("SELECT 1 FROM replays WHERE expires < :today LIMIT 1")
    with ledger.looking() as connection:
        return connection.execute(statement, {"today": today.isoformat()}).scalar() is not None
