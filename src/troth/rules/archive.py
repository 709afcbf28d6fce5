"""Archives: rows that a law keeps stand apart once nobody uses them, in a table that few may read.

A table's archive has all its columns, so it is described by the same words: what is found,
retained and erased there follows from the table itself.  A row of the archive may belong to a
row that is still in use, or to one in an archive too; its owner stands in one of the two.

Law: GDPR Art. 5(1)(e), Art. 25, Art. 32(1)(b); CNIL, guide « Les durées de conservation » (2020):
active use, then an intermediate archive for few people, then erasure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from troth.errors import Problem
from troth.rules.catalogue import Catalogue, ForeignKey
from troth.rules.graph import Graph, components
from troth.rules.map import Edge, Map, MapTable, Retain

OWN = "not_personal"
"""What the columns are that an archive has besides those of its table: what put a row there, and when."""
KINDS = ("postgresql", "mariadb", "sqlite", "duckdb")
"""The kinds of store in which rows can be moved to an archive."""
ACTS = ("CASCADE", "SET NULL", "SET DEFAULT")
"""What a foreign key does by itself to rows that refer to one which is removed."""


def with_archives(map_: Map) -> Map:
    """Return the map with a description of every archive that its tables name."""
    archives = {table.name: table.archive.table for table in map_.tables.values() if table.archive}
    if not archives:
        return map_
    tables = dict(map_.tables)
    for name, archive in archives.items():
        tables[archive] = _described(map_.tables[name], archives)
    return replace(map_, tables=tables)


def _described(table: MapTable, archives: Mapping[str, str]) -> MapTable:
    archive = table.archive
    assert archive is not None
    own = {column: OWN for column in (archive.step, archive.on) if column}
    return replace(
        table,
        name=archive.table,
        columns={**table.columns, **own},
        edges=tuple(_edges(table, archive.table, archives)),
        archive=None,
        archive_of=table.name,
    )


def _edges(table: MapTable, name: str, archives: Mapping[str, str]) -> Iterator[Edge]:
    for edge in table.edges:
        yield replace(edge, table=name)
        if edge.target in archives:
            yield replace(edge, table=name, target=archives[edge.target], twin=edge.target)


def wrong(map_: Map) -> Iterator[Problem]:
    """Say what is wrong with the archives of a map, before its database is looked at."""
    names = [table.archive.table for table in map_.tables.values() if table.archive]
    for table in map_.tables.values():
        archive = table.archive
        if archive is None:
            continue
        if map_.kind not in KINDS:
            what = f"Rows of a store of kind `{map_.kind}` cannot be moved to an archive."
            yield _say(
                map_, table, what, "Leave `archive` out, and say in the policy how they are kept apart."
            )
        if archive.table in map_.tables or names.count(archive.table) > 1:
            what = f"The archive `{archive.table}` is described by itself, or is the archive of two tables."
            yield _say(map_, table, what, "Leave its own description out: it has the columns of its table.")
        if table.erase is None or not isinstance(table.erase.do, Retain):
            what = f"`{table.name}` has an archive, and an erasure does not retain its rows."
            yield _say(map_, table, what, "Write `erase: {do: retain, …}`: a law is what an archive is for.")
        if archive.step in table.columns or (archive.on and archive.on in table.columns):
            what = f"The columns `step` and `on` of the archive of `{table.name}` are its own."
            yield _say(map_, table, what, "Name columns that the table itself does not have.")


def unfit(graph: Graph) -> Iterator[Problem]:
    """Say which archives could not take the rows of their tables."""
    for table in graph.map.tables.values():
        archive, found = table.archive, graph.catalogue.table(table.name)
        if archive is None or found is None:
            continue
        there = graph.catalogue.table(archive.table)
        for column in found.columns if there is not None else ():
            same = there.column(column.name) if there is not None else None
            if column.computed:
                continue
            if same is None or same.type != column.type or same.computed:
                what = f"The archive `{archive.table}` has no `{column.name}` of the type that `{table.name}` has."
                yield _say(graph.map, table, what, "Give it every column of its table, with the same types.")
        if not found.key or (there is not None and there.key != found.key):
            what = f"`{table.name}` and its archive `{archive.table}` must have the same primary key."
            yield _say(graph.map, table, what, "A row is known again by it; give both the same.")
        yield from _swept_along(graph, table, archive.table)


def _swept_along(graph: Graph, table: MapTable, archive: str) -> Iterator[Problem]:
    """Say which foreign keys would remove or change other rows when one moves, or comes back."""
    for other in graph.catalogue.tables:
        for key in other.foreign_keys:
            if key.on_delete not in ACTS or key.target not in (table.name, archive):
                continue
            if key.target == table.name and _waited_for(graph, other.name, key):
                continue
            columns = ", ".join(key.columns)
            what = (
                f"A row that moves out of `{key.target}` would take rows of `{other.name}` with it, or change them: "
                f"the foreign key on {columns} says ON DELETE {key.on_delete}."
            )
            yield _say(
                graph.map, table, what, "Make it a foreign key without an action (NO ACTION), or drop it."
            )


def _waited_for(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a row moves only once no row of `table` refers to it by this foreign key."""
    known = graph.map.tables.get(table)
    if known is None or known.archive_of:
        return False
    pairs = set(zip(key.columns, key.target_columns, strict=False))
    for hop in graph.hops:
        if hop.kind in ("belongs_to", "mentions"):
            child, parent, own, theirs = hop.to, hop.source, hop.to_columns, hop.source_columns
        elif hop.kind == "points_to":
            child, parent, own, theirs = hop.source, hop.to, hop.source_columns, hop.to_columns
        else:
            continue
        same = (child, parent) == (table, key.target) and set(zip(own, theirs, strict=True)) == pairs
        if same and hop.plain and hop.named is None:
            return True
    return False


def waiting(map_: Map) -> Iterator[Problem]:
    """Say which rows wait for ever to be archived: others that refer to them are neither archived nor ever let go."""
    for table in map_.tables.values():
        if table.archive is None:
            continue
        stay = {
            edge.table
            for edge in map_.edges()
            if edge.target == table.name and not _goes(map_.tables[edge.table])
        }
        for other in sorted(stay - {table.name}):
            what = (
                f"A row of `{table.name}` waits while rows of `{other}` refer to it, and `{other}` has neither an "
                "archive nor a retention: such a row is never archived."
            )
            yield _say(map_, table, what, f"Give `{other}` an archive too, or bind a retention to it.")


def _goes(table: MapTable) -> bool:
    return bool(table.archive or table.archive_of or table.retention)


def given_again(map_: Map, catalogue: Catalogue) -> Iterator[Problem]:
    """Say where a row that moved leaves its number to the next one, which could not follow it into the archive."""
    for table in map_.tables.values():
        found = catalogue.table(table.name)
        if table.archive is None or found is None or len(found.key) != 1:
            continue
        key = found.column(found.key[0])
        if key is not None and key.reused:
            what = (
                f"`{table.name}` gives the number of its last row again once that row is archived, and a new row with "
                f"the number of an archived one can never follow it into `{table.archive.table}`."
            )
            yield _say(map_, table, what, f"Declare the key `{key.name} INTEGER PRIMARY KEY AUTOINCREMENT`.")


def missing(map_: Map, catalogue: Catalogue) -> Iterator[Problem]:
    """Say which archives, or columns of theirs, the database does not have."""
    for table in map_.tables.values():
        there = catalogue.table(table.archive.table) if table.archive else None
        if table.archive is None or there is None:
            continue  # of a table that is not there it is said elsewhere
        for column in filter(None, (table.archive.step, table.archive.on)):
            if there.column(column) is None:
                what = f"The archive `{table.archive.table}` has no column `{column}`."
                yield _say(map_, table, what, "Add it: of text for `step`, a day for `on`.")


def in_order(map_: Map) -> tuple[tuple[str, str], ...]:
    """Return each table with its archive, those whose rows belong to others before these."""
    known = {table.name: table.archive.table for table in map_.tables.values() if table.archive}
    arrows = [(edge.table, edge.target) for edge in map_.edges()]
    return tuple((name, known[name]) for group in components(tuple(known), arrows) for name in group)


def _say(map_: Map, table: MapTable, what: str, remedy: str) -> Problem:
    line, column = map_.place(table.name, "archive")
    return Problem(map_.file, line, column, what, remedy)
