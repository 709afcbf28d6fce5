"""The e-mail addresses by which stores name people, each once.

Addresses are read, never kept: what remembers that one was met is a keyed hash that lasts as long as the run.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator

from troth.errors import NotAllowedError, NotFoundError
from troth.stores.contract import Replays
from troth.work.project import Project

HASH_BYTES = 10


def addresses_in(project: Project, store: str, table: str = "") -> Iterator[str]:
    """Yield the e-mail address of everybody whom a store (or one table of it) names by one, in bounded memory."""
    if store not in project.maps:
        raise NotFoundError(f"There is no store called {store[:40]!r}. There are: {', '.join(project.maps)}.")
    if table and table not in project.maps[store].tables:
        raise NotFoundError(f"The map of `{store}` has no table {table[:40]!r}.")
    opened = project.stores[store]
    if not isinstance(opened, Replays):
        raise NotAllowedError(
            f"A store of kind {project.maps[store].kind} cannot be read whole. Give a list instead."
        )
    for entry in opened.entries():
        if not table or entry.table == table:
            yield from (value for kind, value in entry.identifiers if kind == "email")


def every_address(project: Project) -> Iterator[str]:
    """Yield every address of the stores that can be read whole, each once whatever its case.

    Ten bytes of each are held in memory.
    """
    secret, met = secrets.token_bytes(16), set[bytes]()
    for store in readable(project):
        for address in addresses_in(project, store):
            mark = hmac.digest(secret, address.strip().casefold().encode(), "sha256")[:HASH_BYTES]
            if mark not in met:
                met.add(mark)
                yield address.strip()


def unreadable(project: Project) -> tuple[str, ...]:
    """Name the stores whose maps name people by e-mail and that cannot be read whole."""
    known = readable(project)
    return tuple(
        name
        for name, mapped in project.maps.items()
        if name not in known
        and any(
            one.kind == "email"
            for table in mapped.tables.values()
            if table.subject
            for one in table.subject.identifiers
        )
    )


def readable(project: Project) -> tuple[str, ...]:
    """Name the stores that can be read whole."""
    return tuple(name for name, opened in project.stores.items() if isinstance(opened, Replays))
