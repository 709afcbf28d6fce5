"""The ways from a subject to a table, as a map declares them: for explaining, not for planning."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from troth.rules.map import Edge, Map

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
