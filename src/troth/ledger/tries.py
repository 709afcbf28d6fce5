"""Counting tries within a while, so that codes cannot be guessed nor sent without end.

A name is never an address in clear: callers name a request, or a fingerprint.
"""

from __future__ import annotations

from sqlalchemy import text

from troth.ledger.append import microseconds
from troth.ledger.schema import Ledger

_COUNT = text(
    "INSERT INTO tries VALUES (:name, 1, :now) ON CONFLICT (name) DO UPDATE SET "
    "tries = CASE WHEN tries.since < :start THEN 1 ELSE tries.tries + 1 END, "
    "since = CASE WHEN tries.since < :start THEN :now ELSE tries.since END RETURNING tries"
)


def count(ledger: Ledger, name: str, seconds: int) -> int:
    """Count one more try of `name`; return how many there were since the first, `seconds` ago at most."""
    now = microseconds(ledger.clock())
    with ledger.writing() as connection:
        bound = {"name": name, "now": now, "start": now - seconds * 1_000_000}
        return int(connection.execute(_COUNT, bound).scalar_one())


def forget(ledger: Ledger, name: str) -> None:
    """Begin to count `name` anew."""
    with ledger.writing() as connection:
        connection.execute(text("DELETE FROM tries WHERE name = :name"), {"name": name})


def forget_old(ledger: Ledger, prefix: str, seconds: int) -> None:
    """Forget every name that begins so and was counted first longer ago than these seconds."""
    start = microseconds(ledger.clock()) - seconds * 1_000_000
    with ledger.writing() as connection:
        connection.execute(
            text("DELETE FROM tries WHERE name LIKE :like AND since < :start"),
            {"like": f"{prefix}%", "start": start},
        )
