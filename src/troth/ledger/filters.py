"""Filters that somebody of the staff keeps for a list under a name, and nothing about anybody else.

A row is named by its list and its name, with a tab between them, which no name has; one without is of the requests.
"""

from __future__ import annotations

from sqlalchemy import text

from troth.errors import NotAllowedError
from troth.ledger.schema import Ledger

FIRST = "requests"
"""The list whose filters alone an older Troth kept."""
KEPT_MAX = 20
NAME_MAX = 60
_LET_GO = text("DELETE FROM kept_filters WHERE handle = :handle AND name = :name")
_KEEP = text(
    "INSERT INTO kept_filters VALUES (:handle, :name, :filters) "
    "ON CONFLICT (handle, name) DO UPDATE SET filters = excluded.filters"
)


def keep(ledger: Ledger, handle: str, of: str, name: str, filters: str) -> None:
    """Keep filters of a list under a name; those that had it are replaced.

    Raises NotAllowedError for a name that is none.
    """
    name = " ".join(name.split())
    kept = kept_by(ledger, handle, of)
    if not name or len(name) > NAME_MAX:
        raise NotAllowedError(f"Give the filter a name of at most {NAME_MAX} characters.")
    if name not in kept and len(kept) >= KEPT_MAX:
        raise NotAllowedError(f"You keep {KEPT_MAX} filters already. Let one go first.")
    with ledger.writing() as connection:
        for row in _rows(of, name)[1:]:
            connection.execute(_LET_GO, {"handle": handle, "name": row})
        connection.execute(_KEEP, {"handle": handle, "name": _rows(of, name)[0], "filters": filters})


def kept_by(ledger: Ledger, handle: str, of: str) -> dict[str, str]:
    """Return what somebody keeps for a list: the filters by their name."""
    statement = text("SELECT name, filters FROM kept_filters WHERE handle = :handle ORDER BY name")
    with ledger.looking() as connection:
        rows = connection.execute(statement, {"handle": handle}).all()
    found = {}
    for row in rows:
        listed, tab, name = row.name.partition("\t")
        if (listed if tab else FIRST) == of:
            found[name if tab else row.name] = row.filters
    return dict(sorted(found.items()))


def let_go(ledger: Ledger, handle: str, of: str, name: str) -> None:
    """Keep a filter no more."""
    with ledger.writing() as connection:
        for row in _rows(of, name):
            connection.execute(_LET_GO, {"handle": handle, "name": row})


def _rows(of: str, name: str) -> list[str]:
    """Return the names a row of a filter has: the one it is given, and that of an older Troth."""
    return [f"{of}\t{name}", *([name] if of == FIRST else [])]
