"""The e-mail addresses by which stores name people, each once.

Addresses are read, never kept: what remembers that one was met is a keyed hash that lasts as long as the run.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Iterator
from datetime import date

from troth.errors import NotAllowedError, NotFoundError
from troth.rules.map import Map
from troth.stores.contract import Between, Owned, Replays
from troth.work.project import Project

HASH_BYTES = 10


def addresses_in(
    project: Project, store: str, table: str = "", between: Between | None = None
) -> Iterator[str]:
    """Yield the e-mail address of everybody whom a store names, or to whom rows of one table belong; each once.

    Rows of a table may be narrowed to those `between` two days.  Ten bytes of each address are held in memory.
    Raises NotFoundError where the store, the table or the column is not there, NotAllowedError where nothing leads
    to a person or the store cannot be read so.
    """
    if store not in project.maps:
        raise NotFoundError(f"There is no store called {store[:40]!r}. There are: {', '.join(project.maps)}.")
    if table and table not in project.maps[store].tables:
        raise NotFoundError(f"The map of `{store}` has no table {table[:40]!r}.")
    if between is not None and not table:
        raise NotAllowedError("Days narrow the rows of one table: name it, as store.table.")
    yield from each_once(_named(project, store, table, between))


def every_address(project: Project) -> Iterator[str]:
    """Yield every address of the stores that can be read whole, each once whatever its case.

    Ten bytes of each are held in memory.
    """
    yield from each_once(address for store in readable(project) for address in _named(project, store))


def between_days(column: str, since: str, until: str) -> Between | None:
    """Read a condition as somebody wrote it, days as YYYY-MM-DD; None where nothing of it is said.

    Raises NotAllowedError where a part lacks, or is no day.
    """
    if not (column or since or until):
        return None
    if not column or not (since or until):
        raise NotAllowedError("Say the column of days, and since or until which day, or both.")
    first, last = _day(since), _day(until)
    if first and last and last < first:
        raise NotAllowedError("The last day is before the first. Change one of them.")
    return Between(column, first, last)


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise NotAllowedError(f"{written[:20]!r} is no day. Write it as 2026-03-31.") from None


def _named(project: Project, store: str, table: str = "", between: Between | None = None) -> Iterator[str]:
    """Yield addresses as they come: by the map's edges where the store can be asked so, else row by row."""
    opened, kind = project.stores[store], project.maps[store].kind
    if table and isinstance(opened, Owned):
        yield from opened.addresses(table, between)
        return
    if between is not None:
        raise NotAllowedError(
            f"In a store of kind {kind}, rows cannot be narrowed to days. Take the whole table, or give a list."
        )
    if not isinstance(opened, Replays):
        raise NotAllowedError(f"A store of kind {kind} cannot be read whole. Give a list instead.")
    if table and not _holds_addresses(project.maps[store], table):
        raise NotAllowedError(
            f"The table `{table}` holds no e-mail addresses itself, and a store of kind {kind} cannot be asked to "
            "whom its rows belong. Name the table of the people, or give a list."
        )
    for entry in opened.entries():
        if not table or entry.table == table:
            yield from (value for kind, value in entry.identifiers if kind == "email")


def _holds_addresses(mapped: Map, table: str) -> bool:
    """Tell whether a table names people by an address: as theirs, or in the link to their row."""
    named = {
        (one.via.table if one.via else name, one.column)
        for name, each in mapped.tables.items()
        if each.subject
        for one in each.subject.identifiers
        if one.kind == "email"
    }
    links = {(edge.target, column) for edge in mapped.tables[table].edges for column in edge.target_columns}
    return any(of == table for of, _ in named) or bool(links & named)


def each_once(addresses: Iterable[str]) -> Iterator[str]:
    """Yield each address once whatever its case."""
    secret, met = secrets.token_bytes(16), set[bytes]()
    for address in addresses:
        mark = hmac.digest(secret, address.strip().casefold().encode(), "sha256")[:HASH_BYTES]
        if mark not in met:
            met.add(mark)
            yield address.strip()


def tables_of_people(project: Project, store: str) -> tuple[str, ...]:
    """Name the tables of a store that hold addresses, or that the map says lead to somebody."""
    mapped = project.maps[store]
    followed = isinstance(project.stores[store], Owned)
    pointed = {edge.target for edge in mapped.edges() if edge.kind == "points_to"}
    return tuple(
        name
        for name, table in mapped.tables.items()
        if _holds_addresses(mapped, name) or (followed and (table.edges or table.subject or name in pointed))
    )


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
