"""Lists that somebody of the staff keeps under a name: which filters they set, and nothing about anybody else."""

from __future__ import annotations

from sqlalchemy import text

from troth.errors import NotAllowedError
from troth.ledger.schema import Ledger

KEPT_MAX = 20
NAME_MAX = 60
_KEEP = text(
    "INSERT INTO kept_filters VALUES (:handle, :name, :filters) "
    "ON CONFLICT (handle, name) DO UPDATE SET filters = excluded.filters"
)


def keep(ledger: Ledger, handle: str, name: str, filters: str) -> None:
    """Keep filters under a name; those that had it are replaced.  Raises NotAllowedError for a name that is none."""
    name = " ".join(name.split())
    kept = kept_by(ledger, handle)
    if not name or len(name) > NAME_MAX:
        raise NotAllowedError(f"Give the filter a name of at most {NAME_MAX} characters.")
    if name not in kept and len(kept) >= KEPT_MAX:
        raise NotAllowedError(f"You keep {KEPT_MAX} filters already. Let one go first.")
    with ledger.writing() as connection:
        connection.execute(_KEEP, {"handle": handle, "name": name, "filters": filters})


def kept_by(ledger: Ledger, handle: str) -> dict[str, str]:
    """Return what somebody keeps: the filters by their name."""
    statement = text("SELECT name, filters FROM kept_filters WHERE handle = :handle ORDER BY name")
    with ledger.looking() as connection:
        return {row.name: row.filters for row in connection.execute(statement, {"handle": handle})}


def let_go(ledger: Ledger, handle: str, name: str) -> None:
    """Keep a filter no more."""
    with ledger.writing() as connection:
        connection.execute(
            text("DELETE FROM kept_filters WHERE handle = :handle AND name = :name"),
            {"handle": handle, "name": name},
        )
