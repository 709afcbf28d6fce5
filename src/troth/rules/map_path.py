"""The ways from a subject to a table, as a map declares them: for explaining, not for planning."""

from __future__ import annotations

from collections.abc import Iterator
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
    subjects = [name for name, each in map.tables.items() if each.subject is not None]
    found = islice((path for name in subjects for path in _from(map, name, table)), PATHS_MAX)
    return tuple(sorted(found, key=lambda path: len(path.hops)))


def _from(map_: Map, subject: str, goal: str) -> Iterator[Path]:
    waiting: list[tuple[str, tuple[tuple[Edge, str], ...]]] = [(subject, ())]
    while waiting:
        at, hops = waiting.pop(0)
        if at == goal:
            yield Path(subject, hops)
            continue
        if hops and hops[-1][0].kind == "mentions":
            continue  # what mentions a subject is seen, and leads no further
        visited = {subject, *(to for _, to in hops)}
        for edge in map_.edges():
            if edge.kind == "points_to":
                start, to = edge.table, edge.target
            else:
                start, to = edge.target, edge.table
            if start == at and to not in visited:
                waiting.append((to, (*hops, (edge, to))))
