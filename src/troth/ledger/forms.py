"""Which forms of pages were sent, so that one that is pressed twice does a thing once.

The word of a form is drawn with its page.  That it was sent stands in the transaction of the first thing it writes;
where it led is written after.  A row says nothing about anybody, and goes after some days.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, text

from troth.ledger.schema import Ledger

KEPT_DAYS = 3
"""A page that is older than this is drawn anew before its form is sent again."""
_DAY_US = 24 * 3600 * 1_000_000
_UNDER: ContextVar[str] = ContextVar("form", default="")
_FIND = text("SELECT led_to FROM forms WHERE key = :key")
_BEGUN = text("INSERT INTO forms VALUES (:key, :at_us, '') ON CONFLICT (key) DO NOTHING")
_LED = text(
    "INSERT INTO forms VALUES (:key, :at_us, :led_to) ON CONFLICT (key) DO UPDATE SET led_to = excluded.led_to"
)
_FORGET = text("DELETE FROM forms WHERE key = :key")
_FORGET_OLD = text("DELETE FROM forms WHERE at_us < :before")


def sent(ledger: Ledger, key: str) -> str | None:
    """Return where a form led that was sent before, empty where it was cut short; None where it was not sent."""
    with ledger.looking() as connection:
        found = connection.execute(_FIND, {"key": key}).scalar()
    return None if found is None else str(found)


@contextmanager
def doing(ledger: Ledger, key: str) -> Iterator[None]:
    """Do what a form asks: that it was sent stands or falls with what is written first, and what is refused was not."""
    token = _UNDER.set(key)
    try:
        yield
    except Exception:
        forget(ledger, key)
        raise
    finally:
        _UNDER.reset(token)


def note(connection: Connection, at_us: int) -> None:
    """Note, inside an open transaction, that the form that is being done was sent; nothing where none is."""
    if key := _UNDER.get():
        connection.execute(_BEGUN, {"key": key, "at_us": at_us})


def led(ledger: Ledger, key: str, to: str) -> None:
    """Write where a form led, and let go of forms that were sent long ago."""
    at_us = int(ledger.clock().timestamp() * 1_000_000)
    with ledger.writing() as connection:
        connection.execute(_LED, {"key": key, "at_us": at_us, "led_to": to})
        connection.execute(_FORGET_OLD, {"before": at_us - KEPT_DAYS * _DAY_US})


def forget(ledger: Ledger, key: str) -> None:
    """Let a form be sent again."""
    with ledger.writing() as connection:
        connection.execute(_FORGET, {"key": key})
