"""How far each receiver of messages has been told: the next sealed event, the tries, and what was set aside.

Sealed events are numbered without gaps in the order they were sealed, so a receiver that was away goes on
where it stopped and misses nothing.  What stands here is how far the work is, never what happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text

from troth.ledger.schema import Ledger
from troth.rules.event import Event, decode

PAGE = 500
_LOOK = text("SELECT next, attempts, due_us, status FROM deliveries WHERE name = :name")
_BEGIN = text(
    "INSERT INTO deliveries SELECT :name, coalesce(max(number), -1) + 1, 0, 0, 'told' FROM leaves WHERE true "
    "ON CONFLICT (name) DO NOTHING"
)
_BEGIN_AT_ALL = text("INSERT INTO deliveries VALUES (:name, 0, 0, 0, 'told') ON CONFLICT (name) DO NOTHING")
_SET = text(
    "UPDATE deliveries SET next = :next, attempts = :attempts, due_us = :due_us, status = :status WHERE name = :name"
)
_FOLLOWING = text(
    "SELECT l.number, e.body FROM leaves l JOIN events e ON e.id = l.id WHERE l.number >= :next "
    "ORDER BY l.number LIMIT :page"
)
_LAST = text("SELECT coalesce(max(number), -1) + 1 FROM leaves")
_SAYS = {
    "sqlite": """instr(e.body, CAST('"given":"{word}"' AS blob)) > 0""",
    "postgresql": """position(convert_to('"given":"{word}"', 'UTF8') in e.body) > 0""",
}
_THAT_STOP = {
    dialect: "(e.kind = 'objection_recorded' OR (e.kind = 'consent_recorded' AND e.subject IS NOT NULL "
    f"AND ({says.format(word='withdrawn')} OR {says.format(word='refused')})))"
    for dialect, says in _SAYS.items()
}
_STOPPING = {
    dialect: text(
        "SELECT l.number, e.body FROM leaves l JOIN events e ON e.id = l.id "  # noqa: S608
        f"WHERE l.number >= :next AND l.number < :until AND {that_stop} ORDER BY l.number"
    )
    for dialect, that_stop in _THAT_STOP.items()
}
_UNSEALED = {
    dialect: text(
        f"SELECT e.body FROM unsealed u JOIN events e ON e.id = u.id WHERE {that_stop} ORDER BY u.seq"  # noqa: S608
    )
    for dialect, that_stop in _THAT_STOP.items()
}
_ONE = text("SELECT e.body FROM leaves l JOIN events e ON e.id = l.id WHERE l.number = :number")
_ASIDE = text("INSERT INTO set_aside_deliveries VALUES (:name, :number, :status) ON CONFLICT DO NOTHING")
_ASIDES = text("SELECT number, status FROM set_aside_deliveries WHERE name = :name ORDER BY number")
_DONE = text("DELETE FROM set_aside_deliveries WHERE name = :name AND number = :number")
_FROM = text("SELECT min(l.number) FROM leaves l JOIN events e ON e.id = l.id WHERE e.at_us >= :at_us")


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a receiver is: the number of the next event, the tries of it, when it is due, how the last went."""

    name: str
    next: int
    attempts: int = 0
    due_us: int = 0
    status: str = "told"


def of(ledger: Ledger, name: str, *, from_first: bool = False) -> Delivery:
    """Return how far a receiver is; a new one begins with what is sealed from now on, or with the first event."""
    with ledger.looking() as connection:
        row = connection.execute(_LOOK, {"name": name}).one_or_none()
    if row is None:
        with ledger.writing() as connection:
            connection.execute(_BEGIN_AT_ALL if from_first else _BEGIN, {"name": name})
            row = connection.execute(_LOOK, {"name": name}).one()
    return Delivery(name, int(row.next), int(row.attempts), int(row.due_us), row.status)


def move(ledger: Ledger, to: Delivery) -> None:
    """Keep how far a receiver is now."""
    bound = {
        "name": to.name,
        "next": to.next,
        "attempts": to.attempts,
        "due_us": to.due_us,
        "status": to.status,
    }
    with ledger.writing() as connection:
        connection.execute(_SET, bound)


def following(ledger: Ledger, number: int) -> list[tuple[int, Event]]:
    """Return a page of the sealed events from a number on."""
    with ledger.looking() as connection:
        found = connection.execute(_FOLLOWING, {"next": number, "page": PAGE}).all()
    return [(int(row.number), decode(bytes(row.body))) for row in found]


def sealed(ledger: Ledger) -> int:
    """Return how many events are sealed: the number of the next."""
    with ledger.looking() as connection:
        return int(connection.execute(_LAST).scalar_one())


def stopping(ledger: Ledger, number: int, until: int) -> list[tuple[int, Event]]:
    """Return the sealed choices between two numbers that stop something; the others are left where they are."""
    with ledger.looking() as connection:
        found = connection.execute(_STOPPING[ledger.dialect], {"next": number, "until": until}).all()
    return [(int(row.number), decode(bytes(row.body))) for row in found]


def stopping_unsealed(ledger: Ledger) -> list[Event]:
    """Return the choices that stop something and were not sealed yet."""
    with ledger.looking() as connection:
        found = connection.execute(_UNSEALED[ledger.dialect]).all()
    return [decode(bytes(row.body)) for row in found]


def event(ledger: Ledger, number: int) -> Event:
    """Return the sealed event of a number."""
    with ledger.looking() as connection:
        return decode(bytes(connection.execute(_ONE, {"number": number}).scalar_one()))


def set_aside(ledger: Ledger, to: Delivery, status: str) -> None:
    """Put an event aside that a receiver does not take, and go on with the next."""
    with ledger.writing() as connection:
        connection.execute(_ASIDE, {"name": to.name, "number": to.next, "status": status})
        bound = {"name": to.name, "next": to.next + 1, "attempts": 0, "due_us": 0, "status": status}
        connection.execute(_SET, bound)


def put_aside(ledger: Ledger, name: str) -> Iterator[tuple[int, str]]:
    """Yield the numbers of the events put aside for a receiver, and how their last try went."""
    with ledger.looking() as connection:
        found = connection.execute(_ASIDES, {"name": name}).all()
    yield from ((int(row.number), str(row.status)) for row in found)


def taken(ledger: Ledger, name: str, number: int) -> None:
    """Forget an event that was put aside: the receiver has it now."""
    with ledger.writing() as connection:
        connection.execute(_DONE, {"name": name, "number": number})


def since(ledger: Ledger, at_us: int) -> int | None:
    """Return the number of the first sealed event from a moment on."""
    with ledger.looking() as connection:
        found = connection.execute(_FROM, {"at_us": at_us}).scalar()
    return None if found is None else int(found)
