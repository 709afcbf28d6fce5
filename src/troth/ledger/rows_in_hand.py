"""What a step has in hand in a store that remembers no step: which rows, by keyed marks, and which of them are done.

It is written before the first row is changed and after each, so that a process that was killed between two rows is
known to have done those before; of the one row that was in hand its store tells, by the mark, whether it stayed.
It goes in the transaction that records what went of the step.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from troth.ledger import keys
from troth.ledger.schema import Ledger

PURPOSE = "fingerprint/in-hand"

_ROW = text("INSERT INTO rows_in_hand VALUES (:step, :number, :mac, :version, :rows, 0)")
_MADE = text("UPDATE rows_in_hand SET made = 1 WHERE step = :step AND number <= :number AND made = 0")
_ROWS = text("SELECT mac, key_version, rows, made FROM rows_in_hand WHERE step = :step ORDER BY number")
_OVER = text("DELETE FROM rows_in_hand WHERE step = :step")


@dataclass(frozen=True, slots=True)
class Left:
    """What is known of a step that was cut short: how much is done, and of the row in hand its mark and its count."""

    made: int
    mac: bytes = field(default=b"", repr=False)
    version: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """What a step is about to change: a mark of each row, and how much it counts; for the transaction that says so."""

    step: str
    version: int
    secret: bytes = field(repr=False)
    rows: Sequence[tuple[str, int]] = field(repr=False)

    def write(self, connection: Connection) -> None:
        """Write it down, in the place of what was known of the step."""
        over(connection, self.step)
        written = [
            {
                "step": self.step,
                "number": number,
                "mac": _mac(self.secret, mark),
                "version": self.version,
                "rows": rows,
            }
            for number, (mark, rows) in enumerate(self.rows, 1)
        ]
        if written:
            connection.execute(_ROW, written)


def begun(ledger: Ledger, step: str, rows: Sequence[tuple[str, int]]) -> Begun:
    """Prepare what a step is about to change; the key is made here, as it lives in another database."""
    version, secret = keys.own_key(ledger, PURPOSE)
    return Begun(step, version, secret, rows)


def made(ledger: Ledger, step: str, number: int) -> None:
    """Write down that the first rows of a step, so many, are done."""
    with ledger.writing() as connection:
        connection.execute(_MADE, {"step": step, "number": number})


def left(ledger: Ledger, step: str) -> Left | None:
    """Return what is known of a step that was cut short; None where nothing of it was written down."""
    with ledger.reading() as connection:
        found = connection.execute(_ROWS, {"step": step}).all()
    if not found:
        return None
    done = sum(row.rows for row in found if row.made)
    for row in found:
        if not row.made:
            return Left(done, bytes(row.mac), row.key_version, row.rows)
    return Left(done)


def stayed(ledger: Ledger, known: Left, marks: Iterable[str]) -> bool:
    """Tell whether the row that was in hand is among these as it was."""
    _, secret = keys.own_key(ledger, PURPOSE, known.version)
    return any(hmac.compare_digest(known.mac, _mac(secret, mark)) for mark in marks)


def over(connection: Connection, step: str) -> None:
    """Forget what a step had in hand, in the transaction that records what went of it."""
    connection.execute(_OVER, {"step": step})


def _mac(secret: bytes, mark: str) -> bytes:
    return hmac.digest(secret, mark.encode(), "sha256")
