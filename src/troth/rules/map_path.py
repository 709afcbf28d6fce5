"""The ways from a subject to a table, as a map declares them: for explaining, not for planning."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from troth.rules.catalogue import Catalogue
from troth.rules.map import Edge, InList, Map, written_link, written_when

PATHS_MAX = 200


@dataclass(frozen=True, slots=True)
class Path:
    """From a table of subjects along edges, each with the table it leads to."""

    subject: str
    hops: tuple[tuple[Edge, str], ...]

    @property
    def mentions(self) -> bool:
        """Whether the last hop only mentions the subject, so that nothing is erased by it."""
        return bool(self.hops) and self.hops[-1][0].kind == "mentions"

    @property
    def conceals(self) -> tuple[str, ...]:
        """What an answer masks in rows reached by this path."""
        return self.hops[-1][0].conceals if self.hops else ()


def paths(map: Map, table: str) -> tuple[Path, ...]:  # noqa: A002
    """Return every path that visits no table twice, shortest first, `PATHS_MAX` at most."""
    hops = [_ends(edge) for edge in map.edges()]
    leading = _leading_to(table, hops)
    subjects = [name for name, each in map.tables.items() if each.subject is not None and name in leading]
    found = islice((path for name in subjects for path in _from(hops, name, table, leading)), PATHS_MAX)
    return tuple(sorted(found, key=lambda path: len(path.hops)))


def written_edge(edge: Edge) -> str:
    """Write an edge as a map has it: which columns lead where, and when.

    >>> written_edge(Edge("belongs_to", "orders", ("customer_id",), "customer", ("id",)))
    'belongs_to orders.customer_id = customer.id'
    """
    own, other = written_link(edge.columns, edge.inside), written_link(edge.target_columns)
    return f"{edge.kind} {edge.table}.{own} = {edge.target}.{other}{written_when(edge.when)}"


def sentence(edge: Edge, resting_on: str = "") -> str:
    """Say an edge in words, with what it rests on.

    >>> sentence(Edge("belongs_to", "orders", ("customer_id",), "customer", ("id",)), "a foreign key")
    'a row of `orders` belongs to the `customer` whose `id` is its `customer_id` (a foreign key)'
    """
    verb = {"belongs_to": "belongs to", "points_to": "points to", "mentions": "mentions"}[edge.kind]
    own = f"its `{written_link(edge.columns, edge.inside)}`{written_when(edge.when)}"
    if isinstance(edge.inside, InList):
        own = f"in {own}"
    theirs = written_link(edge.target_columns)
    said = f"a row of `{edge.table}` {verb} the `{edge.target}` whose `{theirs}` is {own}"
    return f"{said} ({resting_on})" if resting_on else said


def declared(edge: Edge, catalogue: Catalogue | None) -> str:
    """Say whether the database declares an edge: by a foreign key, or the map alone says so."""
    found = catalogue.table(edge.table) if catalogue is not None else None
    if found is None:
        return ""
    pairs = set(zip(edge.columns, edge.target_columns, strict=True))
    key = next(
        (
            key
            for key in found.foreign_keys
            if edge.inside is None and key.target == edge.target
            and set(zip(key.columns, key.target_columns, strict=False)) == pairs
        ),
        None,
    )  # fmt: skip
    told = (
        f"a foreign key, ON DELETE {key.on_delete}" if key is not None else "no foreign key: the map's word"
    )
    nullable = [name for name in edge.columns if (c := found.column(name)) is not None and c.nullable]
    return f"{told}; it may be null" if nullable and edge.inside is None else told


def _ends(edge: Edge) -> tuple[str, str, Edge]:
    """Return where an edge is walked from and to."""
    if edge.kind == "points_to":
        return edge.table, edge.target, edge
    return edge.target, edge.table, edge


def _leading_to(goal: str, hops: Sequence[tuple[str, str, Edge]]) -> frozenset[str]:
    """Return the tables from which there may be a way, so that no other is walked in vain."""
    leading = {goal}
    while more := {start for start, to, _ in hops if to in leading} - leading:
        leading |= more
    return frozenset(leading)


def _from(
    all_hops: Sequence[tuple[str, str, Edge]], subject: str, goal: str, leading: frozenset[str]
) -> Iterator[Path]:
    waiting: deque[tuple[str, tuple[tuple[Edge, str], ...]]] = deque([(subject, ())])
    while waiting:
        at, hops = waiting.popleft()
        if at == goal:
            yield Path(subject, hops)
            continue
        if hops and hops[-1][0].kind == "mentions":
            continue  # what mentions a subject is seen, and leads no further
        visited = {subject, *(to for _, to in hops)}
        for start, to, edge in all_hops:
            if start == at and to in leading and to not in visited:
                waiting.append((to, (*hops, (edge, to))))
