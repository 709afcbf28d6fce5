"""Looking back: streams, events as of a moment, and state."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, overload

import msgspec
from sqlalchemy import Connection, bindparam, text

from troth.errors import NotFoundError, TamperedError
from troth.ledger import schema
from troth.ledger.schema import Ledger
from troth.rules.event import KINDS, Event, decode

_BODY = msgspec.json.Decoder()
_STREAM = text("SELECT body FROM events WHERE stream = :stream ORDER BY version")
_LATER = text("SELECT body FROM events WHERE stream = :stream AND version > :version ORDER BY version")
_PLACE = {
    "sqlite": "instr(body, CAST(:word AS BLOB))",
    "postgresql": "position(convert_to(:word, 'UTF8') in body)",
}
"""Where a word stands in the bytes of an event; 0 where it does not."""
_WITHOUT = {
    dialect: text(f"SELECT body FROM events WHERE stream = :stream AND {place} = 0 ORDER BY version")  # noqa: S608
    for dialect, place in _PLACE.items()
}
_EVENT = text("SELECT body FROM events WHERE id = :id")
_AT_MOST = text("SELECT count(*) FROM (SELECT 1 FROM events LIMIT :rows) found")
_STATE = text("SELECT stream, family, version, status, due, body FROM state WHERE stream = :stream")
_ONCE = text("SELECT events FROM once WHERE key = :key")
_LAST = text(
    "SELECT stream FROM state WHERE family = :family AND stream LIKE :start ORDER BY length(stream) DESC, stream DESC "
    "LIMIT 1"
)
_OF_KIND = "SELECT seq, body FROM events WHERE kind = :kind AND seq > :after ORDER BY seq LIMIT :page"
_DUE = text(
    "SELECT stream, family, version, status, due, body FROM state WHERE family = :family AND status = :status "
    "AND due < :before AND due >= :due AND (due > :due OR stream > :stream) ORDER BY due, stream LIMIT :page"
)
PAGE = 1000
PAGE_TOLD = 20_000


class Told(msgspec.Struct, frozen=True):
    """An event as those read it who go through all of a kind: what it says, of whom, when; several times faster."""

    id: str
    at: datetime
    kind_version: int
    stream: str
    facts: dict[str, Any]
    subject: str | None = None
    request: str | None = None


Read = TypeVar("Read", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Sealing:
    """How far the ledger is sealed; `events` is how many there were ever written."""

    events: int
    unsealed: int
    oldest_seconds: float
    checkpoint: int
    checkpoint_at: datetime | None


@dataclass(frozen=True, slots=True)
class State:
    """What the events of one stream say now."""

    stream: str
    family: str
    version: int
    status: str | None
    due: str | None
    body: Mapping[str, Any]


def stream(ledger: Ledger, name: str) -> tuple[Event, ...]:
    """Return the events of a stream, in order; none where there is no such stream."""
    with ledger.looking() as connection:
        return tuple(decode(bytes(body)) for body in connection.execute(_STREAM, {"stream": name}).scalars())


def stream_since(ledger: Ledger, name: str, version: int) -> tuple[Event, ...]:
    """Return the events of a stream that were written after it had a version, in order."""
    with ledger.looking() as connection:
        bound = {"stream": name, "version": version}
        return tuple(decode(bytes(body)) for body in connection.execute(_LATER, bound).scalars())


def stream_without(ledger: Ledger, name: str, word: str) -> tuple[Event, ...]:
    """Return the events of a stream but those whose facts hold a word, such as the stage of a hundred thousand letters.

    Those are not read at all.
    """
    bound = {"stream": name, "word": f'"{word}"'}
    with ledger.looking() as connection:
        return tuple(
            decode(bytes(body)) for body in connection.execute(_WITHOUT[ledger.dialect], bound).scalars()
        )


def last_number(ledger: Ledger, prefix: str) -> int:
    """Return the last number of the streams that begin so and end in one that grows; 0 where there is none."""
    bound = {"family": prefix.partition("/")[0], "start": f"{prefix}%"}
    with ledger.looking() as connection:
        found = connection.execute(_LAST, bound).scalar()
    return 0 if found is None else int(str(found).rpartition("-")[2])


def said(ledger: Ledger, once: str) -> tuple[Event, ...]:
    """Return what was written under an idempotency key; nothing where it was not used yet."""
    with ledger.looking() as connection:
        known = connection.execute(_ONCE, {"key": once}).scalar()
    return tuple(event(ledger, one) for one in json.loads(known)) if known else ()


def event(ledger: Ledger, event_id: str) -> Event:
    """Return an event; raises NotFoundError where there is none of this id."""
    return decode(event_body(ledger, event_id))


def event_body(ledger: Ledger, event_id: str) -> bytes:
    """Return the exact bytes of an event."""
    with ledger.looking() as connection:
        body = connection.execute(_EVENT, {"id": event_id}).scalar()
    if body is None:
        raise NotFoundError(f"There is no event {event_id[:40]!r} in this ledger.")
    return bytes(body)


def events(
    ledger: Ledger, *, kind: str | None = None, subject: str | None = None, as_of: datetime | None = None
) -> Iterator[Event]:
    """Yield events in the order they were written, in bounded memory.

    `as_of` leaves out what was written after that moment.
    """
    conditions = ["seq > :after"]
    bound: dict[str, object] = {"after": 0, "page": PAGE}
    if kind is not None:
        conditions.append("kind = :kind")
        bound["kind"] = kind
    if subject is not None:
        conditions.append("subject = :subject")
        bound["subject"] = subject
    if as_of is not None:
        conditions.append("at_us <= :as_of")
        bound["as_of"] = int(as_of.timestamp() * 1_000_000)
    statement = text(
        f"SELECT seq, body FROM events WHERE {' AND '.join(conditions)} ORDER BY seq LIMIT :page"  # noqa: S608
    )
    while True:
        with ledger.looking() as connection:
            page = connection.execute(statement, bound).all()
        for row in page:
            yield decode(bytes(row.body))
        if len(page) < PAGE:
            return
        bound["after"] = page[-1].seq


@overload
def told(ledger: Ledger, kind: str) -> Iterator[Told]: ...


@overload
def told(ledger: Ledger, kind: str, shape: type[Read]) -> Iterator[Read]: ...


def told(ledger: Ledger, kind: str, shape: type[Any] = Told) -> Iterator[Any]:
    """Yield what every event of a kind says, in the order they were written, a page in memory at a time.

    `shape` names what of it is read, `kind_version` among it; the less it names, the faster it is.
    Raises TamperedError for bytes that are no event's.
    """
    reading = msgspec.json.Decoder(shape)
    statement, after = text(_OF_KIND), 0
    current = KINDS[kind].version
    while True:
        with ledger.looking() as connection:
            result = connection.execute(statement, {"kind": kind, "after": after, "page": PAGE_TOLD})
            page = result.cursor.fetchall()  # the driver's own rows: there may be millions
        for _, body in page:
            yield _read(reading, body, shape, current)
        if len(page) < PAGE_TOLD:
            return
        after = page[-1][0]


def told_since(ledger: Ledger, kind: str, after: int, limit: int) -> tuple[tuple[int, Told], ...]:
    """Return what events of a kind say that come after a place, at most so many, each with its place."""
    with ledger.looking() as connection:
        result = connection.execute(text(_OF_KIND), {"kind": kind, "after": after, "page": limit})
        rows = result.cursor.fetchall()
    reading = msgspec.json.Decoder(Told)
    return tuple((int(place), _read(reading, body, Told, KINDS[kind].version)) for place, body in rows)


def _read(reading: Any, body: Any, shape: type[Any], current: int) -> Any:
    """Read what a stored event says; one of an old version through its upcasters."""
    try:
        found = reading.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedError("A stored event cannot be read: its bytes are not an event's.") from None
    if found.kind_version == current:
        return found
    return msgspec.convert(decode(bytes(body)), shape, from_attributes=True)


def has_more_than(ledger: Ledger, most: int) -> bool:
    """Say whether there are more events than so many; no more than these are counted."""
    with ledger.looking() as connection:
        return int(connection.execute(_AT_MOST, {"rows": most + 1}).scalar_one()) > most


def last_events(
    ledger: Ledger, kind: str, *, limit: int, before: int | None = None, holding: str = ""
) -> tuple[tuple[int, Event], ...]:
    """Return events of a kind with their places, the last first: at most `limit`, those before a place.

    `holding` picks those in whose facts a text stands, such as `"recipient":"fair"`.
    """
    conditions, bound = ["kind = :kind"], {"kind": kind, "limit": limit, "before": before, "word": holding}
    conditions += ["seq < :before"] if before is not None else []
    conditions += [f"{_PLACE[ledger.dialect]} > 0"] if holding else []
    statement = text(
        f"SELECT seq, body FROM events WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT :limit"  # noqa: S608
    )
    with ledger.looking() as connection:
        rows = connection.execute(statement, bound).all()
    return tuple((int(row.seq), decode(bytes(row.body))) for row in rows)


def subjects_of(ledger: Ledger, kinds: Sequence[str]) -> tuple[str, ...]:
    """Return everybody of whom an event of these kinds was written, each once."""
    names = ", ".join(f":k{number}" for number in range(len(kinds)))
    statement = text(
        f"SELECT DISTINCT subject FROM events WHERE kind IN ({names}) AND subject IS NOT NULL ORDER BY subject"  # noqa: S608
    )
    with ledger.looking() as connection:
        rows = connection.execute(statement, {f"k{number}": kind for number, kind in enumerate(kinds)}).all()
    return tuple(str(row.subject) for row in rows)


def state(ledger: Ledger, name: str) -> State | None:
    """Return the state of a stream, or None where nothing happened in it."""
    with ledger.looking() as connection:
        row = connection.execute(_STATE, {"stream": name}).one_or_none()
    return None if row is None else _state(row)


def states(
    ledger: Ledger,
    family: str,
    *,
    status: str | None = None,
    other_than: str | None = None,
    due_before: str | None = None,
    named_before: str | None = None,
    limit: int | None = None,
) -> Iterator[State]:
    """Yield the states of a family, the soonest due first and those without a due date last.

    `status` picks those of one status, `other_than` leaves out those of one; `limit` is how many at most.
    `named_before` picks those whose streams sort before it, in the order of their names.
    """
    order = "due IS NULL, due, stream"
    conditions = ["family = :family"]
    bound: dict[str, object] = {"family": family}
    if status is not None:
        conditions.append("status = :status")
        bound["status"] = status
    if other_than is not None:
        conditions.append("(status IS NULL OR status <> :other_than)")
        bound["other_than"] = other_than
    if due_before is not None:
        conditions.append("due < :due")
        bound["due"] = due_before
    if named_before is not None:
        conditions.append("stream < :named")
        bound["named"] = named_before
        order = "stream"
    statement = text(
        "SELECT stream, family, version, status, due, body FROM state "  # noqa: S608
        f"WHERE {' AND '.join(conditions)} ORDER BY {order}"
        f"{' LIMIT :limit' if limit is not None else ''}"
    )
    bound |= {"limit": limit} if limit is not None else {}
    with ledger.looking() as connection:
        rows = connection.execute(statement, bound).all()
    yield from map(_state, rows)


def due_states(ledger: Ledger, family: str, *, status: str, due_before: str) -> Iterator[State]:
    """Yield the states of one status that are due, the soonest first, a page in memory at a time.

    What is changed meanwhile is met as it is when its page is read; what then falls due later may be met again.
    """
    bound: dict[str, object] = {
        "family": family, "status": status, "before": due_before, "due": "", "stream": "", "page": PAGE,
    }  # fmt: skip
    while True:
        with ledger.looking() as connection:
            page = connection.execute(_DUE, bound).all()
        yield from map(_state, page)
        if len(page) < PAGE:
            return
        bound |= {"due": page[-1].due, "stream": page[-1].stream}


def each_state(
    ledger: Ledger, family: str, *, statuses: Sequence[str] = (), other_than: str | None = None
) -> Iterator[State]:
    """Yield the states of a family in the order of their names, a page in memory at a time; `statuses` picks some.

    `other_than` leaves out those of one status.  What is changed meanwhile is met as it is when its page is read.
    """
    chosen = " AND status IN :statuses" if statuses else ""
    chosen += " AND (status IS NULL OR status <> :other_than)" if other_than is not None else ""
    statement = text(
        "SELECT stream, family, version, status, due, body FROM state "  # noqa: S608
        f"WHERE {schema.of_family(ledger, 'stream')} AND family = :family AND stream > :after{chosen} "
        "ORDER BY stream LIMIT :page"
    )
    bound: dict[str, object] = {**schema.family_bounds(family), "family": family, "after": "", "page": PAGE}
    if statuses:
        statement = statement.bindparams(bindparam("statuses", expanding=True))
        bound["statuses"] = list(statuses)
    if other_than is not None:
        bound["other_than"] = other_than
    while True:
        with ledger.looking() as connection:
            page = connection.execute(statement, bound).all()
        yield from map(_state, page)
        if len(page) < PAGE:
            return
        bound["after"] = page[-1].stream


def _state(row: Any) -> State:
    return State(row.stream, row.family, row.version, row.status, row.due, _BODY.decode(row.body))


def version(ledger: Ledger, name: str) -> int:
    """Return the version of a stream; 0 where nothing happened in it."""
    with ledger.looking() as connection:
        found = connection.execute(text("SELECT version FROM heads WHERE stream = :s"), {"s": name}).scalar()
    return int(found or 0)


def neighbours(ledger: Ledger, name: str, version: int) -> dict[int, str]:
    """Return the ids of the events next to one in its stream, by their versions."""
    statement = text("SELECT version, id FROM events WHERE stream = :s AND version BETWEEN :low AND :high")
    with ledger.looking() as connection:
        rows = connection.execute(statement, {"s": name, "low": version - 1, "high": version + 1}).all()
    return {int(row.version): str(row.id) for row in rows}


def sealing(ledger: Ledger) -> Sealing:
    """Say how far the ledger is sealed, from the ends of its indexes: no event is gone through."""
    with ledger.looking() as connection:
        leaves = connection.execute(text("SELECT coalesce(max(number), -1) + 1 FROM leaves")).scalar_one()
        waiting = connection.execute(text("SELECT count(*), min(at_us) FROM unsealed")).one()
        last = connection.execute(
            text("SELECT size, at_us FROM checkpoints ORDER BY size DESC LIMIT 1")
        ).one_or_none()
    oldest = 0.0 if waiting[1] is None else max(0.0, ledger.clock().timestamp() - waiting[1] / 1_000_000)
    at = None if last is None else datetime.fromtimestamp(last.at_us / 1_000_000, UTC)
    return Sealing(int(leaves) + int(waiting[0]), int(waiting[0]), oldest, int(last.size) if last else 0, at)


def page(
    ledger: Ledger,
    *,
    kind: str = "",
    stream: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[int, int] | None = None,
    limit: int = 50,
) -> tuple[list[tuple[tuple[int, int], Event]], bool]:
    """Return a page of events, the newest first, each with its place, and whether there are older ones.

    `before` is the place of the last event of the page before; `since` is included and `until` is not.
    Each way of asking goes along an index, however many events there are.
    """
    bound: dict[str, object] = {"limit": limit + 1}
    conditions = []
    by_moment = ledger.dialect == "postgresql" and not (kind or stream)
    with ledger.looking() as connection:
        if kind:
            conditions.append("kind = :kind")
            bound["kind"] = kind
        if stream:
            conditions.append("stream = :stream")
            bound["stream"] = stream
        for name, moment, sign in (("since", since, ">="), ("until", until, "<")):
            if moment is None:
                continue
            at = int(moment.timestamp() * 1_000_000)
            of_number = ledger.dialect == "sqlite"
            bound[name] = _number_at(connection, at) if of_number else at
            conditions.append(f"{'seq' if of_number else 'at_us'} {sign} :{name}")
        if before is not None:
            conditions.append("(at_us, seq) < (:before_at, :before)" if by_moment else "seq < :before")
            bound |= {"before_at": before[0], "before": before[1]} if by_moment else {"before": before[1]}
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        order = "version DESC" if stream else "at_us DESC, seq DESC" if by_moment else "seq DESC"
        statement = f"SELECT at_us, seq, body FROM events {where}ORDER BY {order} LIMIT :limit"  # noqa: S608
        rows = connection.execute(text(statement), bound).all()
    found = [((int(row.at_us), int(row.seq)), decode(bytes(row.body))) for row in rows[:limit]]
    return found, len(rows) > limit


def _number_at(connection: Connection, at: int) -> int:
    """Return the number of the first event from a moment on, by halving: moments grow with numbers."""
    look = text("SELECT seq, at_us FROM events WHERE seq >= :middle ORDER BY seq LIMIT 1")
    low, high = 0, int(connection.execute(text("SELECT coalesce(max(seq), 0) + 1 FROM events")).scalar_one())
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(look, {"middle": middle}).one_or_none()
        if row is not None and row.at_us < at:
            low = int(row.seq) + 1
        else:
            high = middle
    return low
