"""The ways from the rows of a table back to the people they belong to, and where their e-mail addresses stand.

Hops are walked against their direction: from a row to its owner, to what points to it, and to the attributes that
name its owner.  A mention is walked from the first table alone, as in an answer to its subject.

Law: GDPR Art. 34(1) (who is told of a breach).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from troth.errors import NotAllowedError
from troth.rules.graph import Graph, Hop, Named
from troth.rules.map import InList

WAYS_MAX = 500
"""How many ways are tried; a map with more leads from everything to everything."""


@dataclass(frozen=True, slots=True)
class OwnerPath:
    """From a row along `hops`, the nearest first, each from its `to` to its `source`, to where somebody is named."""

    hops: tuple[Hop, ...]
    named: Named


def owner_paths(graph: Graph, table: str) -> tuple[OwnerPath, ...]:
    """Return every path from a table to an e-mail address of one person, the shortest first; no table twice on one.

    Raises NotAllowedError where there are too many to follow.
    """
    found: list[OwnerPath] = []
    waiting: deque[tuple[str, tuple[Hop, ...]]] = deque([(table, ())])
    tried = 0
    while waiting:
        at, hops = waiting.popleft()
        found += (OwnerPath(hops, named) for named in _addresses(graph, at, first=not hops))
        tried += 1
        if tried > WAYS_MAX:
            raise NotAllowedError(
                f"More than {WAYS_MAX} ways lead on from `{table}` in the map of `{graph.map.store}`, which are not "
                "followed. Give a list of addresses instead."
            )
        met = {table, *(hop.source for hop in hops)}
        waiting += (
            (hop.source, (*hops, hop))
            for hop in graph.hops
            if hop.to == at and hop.source not in met and _owning(hop, first=not hops)
        )
    return tuple(found)


def _owning(hop: Hop, *, first: bool) -> bool:
    return hop.kind in ("belongs_to", "points_to", "names") or (hop.kind == "mentions" and first)


def _addresses(graph: Graph, table: str, *, first: bool) -> Iterator[Named]:
    """Yield the places of a table itself in which an e-mail address of one person stands."""
    met = set()
    places = list(graph.names(table))
    for hop in graph.into(table, "belongs_to", *(("mentions",) if first else ())):
        if hop.named is not None:  # the owner's own row may be gone
            column, at = hop.to_columns[0], hop.to_at
            places.append(replace(hop.named, table=table, column=column, at=at, subject="", link=(), key=()))
    unreadable = graph.table(table).unreadable
    for named in places:
        place = (named.column, named.at)
        if (
            named.kind == "email"
            and named.one_person
            and named.column not in unreadable
            and not isinstance(named.at.inside, InList)
            and place not in met
        ):
            met.add(place)
            yield named
