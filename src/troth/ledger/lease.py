"""The right of one worker to carry on one piece of work for a while.

A lease is taken by one statement and by the database's clock, never the worker's.  Each
taking has a higher number; what a worker records names its number, in the same
transaction, and is refused when another has taken over.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from troth.ledger.schema import Ledger

_NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch FROM clock_timestamp())::double precision",
}
_CLAIM = {
    dialect: text(
        f"INSERT INTO leases VALUES (:name, 1, {now} + :seconds) "  # noqa: S608
        f"ON CONFLICT (name) DO UPDATE SET lease = leases.lease + 1, until = {now} + :seconds "
        f"WHERE leases.until < {now} RETURNING lease"
    )
    for dialect, now in _NOW.items()
}
_RENEW = {
    dialect: text(
        f"UPDATE leases SET until = {now} + :seconds WHERE name = :name AND lease = :lease RETURNING lease"  # noqa: S608
    )
    for dialect, now in _NOW.items()
}
_RELEASE = text("UPDATE leases SET until = 0 WHERE name = :name AND lease = :lease")
_GOES_ON = {
    dialect: text(f"SELECT count(*) FROM leases WHERE name = :name AND until >= {now}")  # noqa: S608
    for dialect, now in _NOW.items()
}
_HELD = {
    "sqlite": text("SELECT lease FROM leases WHERE name = :name"),
    "postgresql": text("SELECT lease FROM leases WHERE name = :name FOR SHARE"),
}


@dataclass(frozen=True, slots=True)
class Lease:
    """A piece of work, by name, and the number of this taking of it."""

    name: str
    number: int


def claim(ledger: Ledger, name: str, seconds: float) -> Lease | None:
    """Take the work called `name` for so many seconds; None while another has it."""
    with ledger.writing() as connection:
        number = connection.execute(_CLAIM[ledger.dialect], {"name": name, "seconds": seconds}).scalar()
    return None if number is None else Lease(name, int(number))


def renew(ledger: Ledger, lease: Lease, seconds: float) -> bool:
    """Hold the work for longer; False when another has taken it over."""
    bound = {"name": lease.name, "lease": lease.number, "seconds": seconds}
    with ledger.writing() as connection:
        return connection.execute(_RENEW[ledger.dialect], bound).scalar() is not None


def release(ledger: Ledger, lease: Lease) -> None:
    """Let the work go, so that another can take it at once."""
    with ledger.writing() as connection:
        connection.execute(_RELEASE, {"name": lease.name, "lease": lease.number})


def goes_on(ledger: Ledger, name: str) -> bool:
    """Say whether somebody is at the work called `name` now."""
    with ledger.looking() as connection:
        return bool(connection.execute(_GOES_ON[ledger.dialect], {"name": name}).scalar())


def still_held(connection: Connection, lease: Lease) -> bool:
    """Say, inside a transaction, whether nobody has taken the work over; nobody can until it ends."""
    found = connection.execute(_HELD[connection.dialect.name], {"name": lease.name}).scalar()
    return found == lease.number
