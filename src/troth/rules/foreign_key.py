"""What a foreign key that the database enforces makes of an erasure: what goes, waits, or is detached first."""

from __future__ import annotations

from datetime import date

from troth.rules.catalogue import Catalogue, CatalogueTable, ForeignKey
from troth.rules.change import action
from troth.rules.graph import Graph
from troth.rules.map import (
    Delete,
    MapTable,
    ReplaceOwner,
    Retain,
)

AT_ONCE = ("mariadb", "duckdb")
"""Engines that check a foreign key row by row, not when a statement has ended."""


def endless(table: MapTable) -> bool:
    """Tell whether rows of a table stay as they are for as long as a hold stands, which names no day."""
    done = action(table)
    return isinstance(done, Retain) and done.until == date.max


def exempt(table: MapTable) -> bool:
    """Tell whether rows of a table stay by decision: none goes while it lasts, and then they are erased as ever."""
    done = action(table)
    return isinstance(done, Retain) and done.until is not None and not done.only_held


def goes(graph: Graph, table: str) -> bool:
    """Tell whether rows of this table may be removed; what a hold or a decision keeps is not, as long as it lasts."""
    mapped = graph.mapped(table) if table in graph.reached() else None
    return mapped is not None and isinstance(action(mapped), Delete | Retain) and not exempt(mapped)


def must_detach(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a row of `table` may stay while the row its foreign key refers to goes."""
    if not goes(graph, key.target) or _holds(graph, table, key):
        return False
    shared = table in graph.shared | graph.heirs
    match action(graph.mapped(table)) if table in graph.reached() else None:
        case Delete() | ReplaceOwner():  # its released rows go too, or get another owner
            return shared or not is_owner(graph, table, key)
        case _:
            return True


def _holds(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a row of `table` that stays keeps what its foreign key refers to, or has let go of it.

    What is pointed to goes with its last pointer; a retained row keeps its owner's row; a row
    with one owner goes when that goes; and where `leaving` replaces an owner, it does so first.
    """
    done = action(graph.mapped(table))
    pairs = set(zip(key.columns, key.target_columns, strict=False))
    for hop in graph.hops:
        if hop.named is not None or hop.kind not in ("points_to", "belongs_to") or not hop.plain:
            continue
        points = hop.kind == "points_to"
        ends, columns = (hop.source, hop.to), (hop.source_columns, hop.to_columns)
        child, parent = ends if points else ends[::-1]
        own, other = columns if points else columns[::-1]
        if (child, parent) != (table, key.target) or set(zip(own, other, strict=True)) != pairs:
            continue
        leaving = hop.edge.leaving if hop.edge is not None else None
        match done:
            case Delete() | Retain() | None if points:
                return not graph.names(parent) and not graph.placeholder(table)
            case Delete() | ReplaceOwner() if not points:
                return table not in graph.shared or isinstance(leaving, ReplaceOwner)
            case Retain() if not points:
                left = table in graph.shared and not isinstance(leaving, ReplaceOwner)
                return not left and isinstance(action(graph.mapped(parent)), Retain)
            case _:
                return False
    return False


def is_owner(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a foreign key is the link by which rows of `table` belong to somebody."""
    pairs = set(zip(key.columns, key.target_columns, strict=False))
    return any(
        hop.plain
        and hop.source == key.target
        and set(zip(hop.to_columns, hop.source_columns, strict=True)) == pairs
        for hop in graph.owners(table)
    )


def loose(table: CatalogueTable, key: ForeignKey) -> str | None:
    """Return a column of the foreign key that may become null."""
    for name in key.columns:
        column = table.column(name)
        if column is not None and column.nullable and not column.generated and name not in table.key:
            return name
    return None


def can_wait(catalogue: Catalogue, key: ForeignKey) -> bool:
    """Tell whether a foreign key may be checked at the end of the transaction."""
    if key.on_delete == "RESTRICT":
        return False
    return key.deferrable or catalogue.dialect == "sqlite"
