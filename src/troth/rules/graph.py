"""Which rows lead to which: the edges of a map, checked against the catalogue and put in order.

From an identifier to the subject's row, from there along `belongs_to` to the rows that are
the subject's and along `points_to` to what those refer to.  `mentions` is seen and never
walked further.  Tables are put in stages: each is looked into once those before it are
known, and only tables that lead back to one another are looked into again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import (
    Blank,
    Columns,
    Conditions,
    Edge,
    Identifier,
    InList,
    Inside,
    Map,
    MapTable,
    Retain,
    Value,
    apart,
    written_link,
    written_when,
)

HopKind = Literal["belongs_to", "points_to", "mentions", "same", "names"]


@dataclass(frozen=True, slots=True)
class At:
    """Where in its columns one end of a hop stands, and in which rows it is there at all."""

    inside: Inside | None = None
    when: Conditions = ()


PLAIN = At()


@dataclass(frozen=True, slots=True)
class Named:
    """A column that names a subject, and values there that name nobody.

    The subject's row is this one, or the row of `subject` that `link` holds the key of.
    """

    table: str
    column: str
    kind: str
    one_person: bool
    nobody: tuple[Value, ...] = ()  # constants that an erasure writes there
    at: At = PLAIN
    subject: str = ""
    link: Columns = ()
    key: Columns = ()


@dataclass(frozen=True, slots=True)
class Hop:
    """A way from a row found in `source` to rows of `to`; `named` where it links by identifier.

    From a row of attributes that `names` somebody a hop leads to the subject's own row.
    """

    kind: HopKind
    source: str
    source_columns: Columns
    to: str
    to_columns: Columns
    edge: Edge | None = None
    named: Named | None = None
    source_at: At = PLAIN
    to_at: At = PLAIN

    @property
    def label(self) -> str:
        """Say the way in the words of the map."""
        if self.kind == "names":
            return f"identifier of {self.to} by {self.source}.{','.join(self.source_columns)}"
        if self.edge is None:
            link = written_link(self.to_columns, self.to_at.inside)
            return f"identifier {self.to}.{link}{written_when(self.to_at.when)}"
        columns = ",".join(self.edge.columns)
        link = written_link((columns,), self.edge.inside)
        return f"{self.kind} {self.edge.table}.{link}{written_when(self.edge.when)}"

    @property
    def plain(self) -> bool:
        """Tell whether every row with these columns is linked, and by the columns as they stand."""
        return self.source_at == self.to_at == PLAIN

    @property
    def listed(self) -> bool:
        """Tell whether a row may be linked to several by this hop, from a list of its own."""
        return isinstance(self.to_at.inside, InList)


@dataclass(frozen=True, slots=True)
class Stage:
    """Tables that are looked into together; `loops` where some lead back to one another."""

    tables: tuple[str, ...]
    loops: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The map and the catalogue as one: who is named where, and the hops between tables."""

    map: Map
    catalogue: Catalogue
    named: tuple[Named, ...]
    hops: tuple[Hop, ...]
    stages: tuple[Stage, ...]
    shared: frozenset[str]  # tables of which a row may be held by somebody else
    heirs: frozenset[str]  # tables of which a row stays when its owner's row stays
    met: frozenset[str]  # tables of which a row may be found by a name while its owner is not

    def mapped(self, table: str) -> MapTable:
        """Return a table as the map describes it."""
        return self.map.tables[table]

    def table(self, table: str) -> CatalogueTable:
        """Return a table as it really is."""
        found = self.catalogue.table(table)
        if found is None:
            raise KeyError(table)
        return found

    def names(self, table: str) -> tuple[Named, ...]:
        """Return the identifiers that stand in this table."""
        return tuple(named for named in self.named if named.table == table)

    def naming(self, table: str) -> tuple[Named, ...]:
        """Return the identifiers in other tables that name the rows of this one."""
        return tuple(named for named in self.named if named.subject == table)

    def into(self, table: str, *kinds: HopKind) -> tuple[Hop, ...]:
        """Return the hops that lead to rows of this table."""
        return tuple(hop for hop in self.hops if hop.to == table and hop.kind in kinds)

    def owners(self, table: str) -> tuple[Hop, ...]:
        """Return the hops by which rows of this table belong to somebody."""
        return self.into(table, "belongs_to")

    def pointers(self, table: str) -> tuple[Hop, ...]:
        """Return the hops by which rows of this table are pointed to."""
        return self.into(table, "points_to")

    def placeholder(self, table: str) -> tuple[tuple[str, Value], ...]:
        """Return the columns and values that mark the placeholder's row of this table."""
        found = []
        for name, value in self.map.placeholder.items():
            of, _, column = name.rpartition(".")
            if of == table:
                found.append((column, value))
        return tuple(found)

    def reached(self) -> tuple[str, ...]:
        """Return the tables whose rows an erasure may touch, in order of stages."""
        return tuple(table for stage in self.stages for table in stage.tables)

    def mentioned(self) -> tuple[str, ...]:
        """Return the tables in which a subject may only be mentioned."""
        walked = set(self.reached())
        return tuple(
            dict.fromkeys(hop.to for hop in self.hops if hop.kind == "mentions" and hop.to not in walked)
        )

    def path(self, hop: Hop) -> tuple[str, ...]:
        """Return the shortest way from an identifier to the rows that `hop` leads to."""
        ways: dict[str, tuple[str, ...]] = {}
        for named in self.named:
            ways.setdefault(named.table, (f"identifier {named.table}.{named.column}",))
        waiting = list(ways)
        for table in waiting:
            for each in self.hops:
                if each.source == table and each.kind != "mentions" and each.to not in ways:
                    ways[each.to] = (*ways[table], each.label)
                    waiting.append(each.to)
        return (*ways.get(hop.source, ()), hop.label)


def draw(map_: Map, catalogue: Catalogue) -> Graph:
    """Join a map to its catalogue; tables, columns and edges that are not there are left out.

    The planner says of everything left out that it is a problem; what is drawn is true.
    """
    named = tuple(_named(map_, catalogue))
    hops = tuple(_hops(map_, catalogue, named))
    walked = [hop for hop in hops if hop.kind != "mentions"]
    tables = dict.fromkeys([name.table for name in named] + [hop.to for hop in walked])
    reached = _reachable(tables, named, walked)
    # a mention by identifier is walked from nowhere, so it needs no stage
    stages = _stages(reached, [hop for hop in walked if hop.source in reached and hop.to in reached])
    shared = frozenset(table for table in reached if _shared(table, hops, catalogue))
    naming = {name.subject or name.table for name in named} | {name.table for name in named}
    met = frozenset(hop.to for hop in hops if hop.kind == "belongs_to" and hop.to in naming) - shared
    heirs = _heirs(reached, hops, shared, met)
    return Graph(map_, catalogue, named, hops, stages, shared, heirs, met)


def unique(table: CatalogueTable, columns: Columns) -> bool:
    """Tell whether at most one row of the table has these values in these columns."""
    keys = [*table.unique, table.key]
    return any(key and set(key) <= set(columns) for key in keys)


def _named(map_: Map, catalogue: Catalogue) -> Iterable[Named]:
    for name, table in map_.tables.items():
        found = catalogue.table(name)
        if table.subject is None or found is None:
            continue
        for identifier in table.subject.identifiers:
            via = identifier.via
            where = name if via is None else via.table
            there, holder = catalogue.table(where), map_.tables.get(where)
            if there is None or holder is None or there.column(identifier.column) is None:
                continue
            yield Named(
                where,
                identifier.column,
                identifier.kind,
                identifier.one_person,
                _constants(holder, identifier),
                At(identifier.inside, identifier.when),
                name if via is not None else "",
                via.columns if via is not None else (),
                table.subject.key if via is not None else (),
            )


def _constants(table: MapTable, identifier: Identifier) -> tuple[Value, ...]:
    """Return what an erasure writes in this place: it is nobody's identifier."""
    values: list[Value] = []
    match table.erase.do if table.erase else None:
        case Blank(written, parts) | Retain(blank=written, parts=parts):
            if identifier.inside is None:
                values = [value for name, value in written if name == identifier.column]
            values += [
                part.value
                for part in parts
                if (part.column, part.inside) == (identifier.column, identifier.inside)
            ]
        case _:
            pass
    return tuple(value for value in values if value is not None)


def _hops(map_: Map, catalogue: Catalogue, named: Sequence[Named]) -> Iterable[Hop]:
    for edge in map_.edges():
        target = map_.tables.get(edge.target)
        if not _there(catalogue, edge) or target is None or target.impersonal is not None:
            continue
        identifier = _identifier(named, edge)
        own = At(edge.inside, edge.when)
        theirs = identifier.at if identifier is not None else PLAIN
        ends = (edge.table, edge.columns), (edge.target, edge.target_columns)
        if edge.kind == "points_to":
            yield Hop(edge.kind, *ends[0], *ends[1], edge, identifier, own, theirs)
        else:
            yield Hop(edge.kind, *ends[1], *ends[0], edge, identifier, theirs, own)
    for one in named:
        if one.subject:
            yield Hop("names", one.table, one.link, one.subject, one.key, source_at=At(None, one.at.when))
    for one in named:
        for other in named:
            if one.one_person and other.one_person and one.kind == other.kind:
                # what an erasure writes in either place is nobody's identifier in the other either
                both = replace(other, nobody=tuple(dict.fromkeys((*other.nobody, *one.nobody))))
                ends = (one.table, (one.column,)), (other.table, (other.column,))
                yield Hop("same", *ends[0], *ends[1], None, both, one.at, other.at)


def _there(catalogue: Catalogue, edge: Edge) -> bool:
    table, target = catalogue.table(edge.table), catalogue.table(edge.target)
    return (
        table is not None
        and target is not None
        and all(table.column(name) is not None for name in edge.columns)
        and all(table.column(each.column) is not None for each in edge.when)
        and all(target.column(name) is not None for name in edge.target_columns)
    )


def _identifier(named: Sequence[Named], edge: Edge) -> Named | None:
    if len(edge.target_columns) != 1:
        return None
    only = edge.target_columns[0]
    whole = [name for name in named if name.at.inside is None]
    return next((name for name in whole if (name.table, name.column) == (edge.target, only)), None)


def _reachable(tables: Iterable[str], named: Sequence[Named], hops: Sequence[Hop]) -> list[str]:
    found = {name.table for name in named}
    waiting = list(found)
    while waiting:
        table = waiting.pop()
        for hop in hops:
            if hop.source == table and hop.to not in found:
                found.add(hop.to)
                waiting.append(hop.to)
    return [table for table in tables if table in found]


def _shared(table: str, hops: Sequence[Hop], catalogue: Catalogue) -> bool:
    owners = [hop for hop in hops if hop.to == table and hop.kind == "belongs_to"]
    if any(hop.to == table and hop.kind == "points_to" for hop in hops) or together(owners):
        return True
    return any(_several(owner, catalogue) for owner in owners)


def _several(owner: Hop, catalogue: Catalogue) -> bool:
    """Tell whether one row may belong to several by this hop alone."""
    target = catalogue.table(owner.source)
    one_person = owner.named is not None and owner.named.one_person
    return owner.listed or target is None or not (one_person or unique(target, owner.source_columns))


def together(owners: Sequence[Hop]) -> tuple[Hop, ...]:
    """Return the hops by which a row may belong to somebody while it belongs to another by another one."""
    return tuple(
        hop
        for hop in owners
        if any(
            other is not hop and not apart(hop.to_at.when, other.to_at.when) and not _twins(hop, other)
            for other in owners
        )
    )


def _twins(hop: Hop, other: Hop) -> bool:
    """Tell whether two hops lead from one owner, who stands in a table or in its archive."""
    one, two = hop.edge, other.edge
    return (
        one is not None
        and two is not None
        and one.columns == two.columns
        and one.inside == two.inside
        and (one.twin == two.target or two.twin == one.target)
    )


def _heirs(
    reached: Sequence[str], hops: Sequence[Hop], shared: frozenset[str], met: frozenset[str]
) -> frozenset[str]:
    """Return tables that are not shared themselves and whose rows belong to rows that may be held."""
    found: set[str] = set()
    while True:
        more = {
            hop.to
            for hop in hops
            if hop.kind == "belongs_to"
            and hop.to in reached
            and hop.to not in shared
            and hop.source in found | shared | met
        }
        if more <= found:
            return frozenset(found)
        found |= more


def _stages(tables: Sequence[str], hops: Sequence[Hop]) -> tuple[Stage, ...]:
    groups = components(tables, [(hop.source, hop.to) for hop in hops])
    group_of = {table: number for number, group in enumerate(groups) for table in group}
    depth: dict[int, int] = {}
    for number, group in enumerate(groups):  # sources come first
        before = [
            depth[group_of[hop.source]] for hop in hops if hop.to in group and group_of[hop.source] != number
        ]
        depth[number] = max(before, default=-1) + 1
    looping = {group_of[hop.to] for hop in hops if group_of[hop.to] == group_of[hop.source]}
    return tuple(
        Stage(
            tuple(table for number, group in enumerate(groups) if depth[number] == level for table in group),
            any(depth[number] == level and number in looping for number in range(len(groups))),
        )
        for level in range(max(depth.values(), default=-1) + 1)
    )


def components(nodes: Sequence[str], arrows: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the groups of nodes that lead to one another, those that lead come first.

    >>> components(["a", "b", "c"], [("a", "b"), ("b", "a"), ("c", "a")])
    (('c',), ('a', 'b'))
    """
    leads: Mapping[str, list[str]] = {node: [] for node in nodes}
    for start, end in arrows:
        if start in leads and end in leads:
            leads[start].append(end)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []
    groups: list[tuple[str, ...]] = []
    for root in nodes:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        open_.append(root)
        waiting = [(root, iter(leads[root]))]
        while waiting:
            node, rest = waiting[-1]
            following = next(rest, None)
            if following is None:
                waiting.pop()
                if waiting:
                    low[waiting[-1][0]] = min(low[waiting[-1][0]], low[node])
                if low[node] == index[node]:
                    at = open_.index(node)
                    members, open_ = set(open_[at:]), open_[:at]
                    groups.append(tuple(each for each in nodes if each in members))
            elif following not in index:
                index[following] = low[following] = len(index)
                open_.append(following)
                waiting.append((following, iter(leads[following])))
            elif following in open_:
                low[node] = min(low[node], index[following])
    return tuple(reversed(groups))
