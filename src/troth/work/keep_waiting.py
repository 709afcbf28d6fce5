"""The address of somebody nobody here knows, kept until whoever holds their data was told of their choice.

An objection needs no name, and of an address that is no subject's the ledger keeps a keyed hash
alone.  Until the recipients were told, the address itself waits in the vault, under a key of the
day; the row goes with the last recipient that was told, the key with the last row of its day.

Danger: whoever waits here is named nowhere else.  A row goes only when nobody is left to be told.

Law: GDPR Arts. 5(1)(c), 5(1)(e), 25.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import Connection

from troth.errors import KeyDestroyedError, NotFoundError
from troth.ledger import destroy, keys, vault
from troth.rules.event import Fact
from troth.work.project import Project
from troth.work.record_consent import Identifiers

OWNER = "telling"
FILE = "waiting"
AFTER = timedelta(days=2)
REASON = "everybody was told"


def keep(project: Project, stream: str, identifiers: Identifiers) -> Callable[[Connection], object]:
    """Return what writes the address of a choice in the transaction that records it."""
    file = f"{FILE}/{project.clock().date().isoformat()}"
    key, secret = keys.key_for(project.ledger, OWNER, file)
    row = _row(stream)
    plain = json.dumps([[kind, value] for kind, value in identifiers], ensure_ascii=False).encode()
    sealed = vault.lock(secret, row, plain)
    return lambda connection: vault.store(connection, row, OWNER, file, "identifiers", key, sealed)


def waiting(project: Project, stream: str) -> tuple[tuple[str, str], ...]:
    """Return whom a choice without a subject is from; nothing where nobody waits."""
    try:
        told: list[list[Fact]] = json.loads(vault.get(project.ledger, _row(stream)))
    except (NotFoundError, KeyDestroyedError):
        return ()
    return tuple((str(kind), str(value)) for kind, value in told)


def let_go(project: Project, stream: str) -> None:
    """Forget the address of a choice; saying it twice does no more."""
    vault.drop(project.ledger, _row(stream))


def let_go_within(connection: Connection, stream: str) -> None:
    """Forget the address of a choice in the transaction that says that everybody was told."""
    vault.drop_within(connection, _row(stream))


def destroy_old(project: Project, today: date) -> int:
    """Destroy the keys of days that are over and on whose addresses nobody waits; return how many."""
    count = 0
    for file in keys.files_of(project.ledger, OWNER, f"{FILE}/"):
        day = date.fromisoformat(file.partition("/")[2])
        if day + AFTER <= today and not vault.holds(project.ledger, OWNER, file):
            count += destroy.destroy(project.ledger, OWNER, file, REASON) is not None
    return count


def _row(stream: str) -> str:
    return f"waiting {stream}"
