"""What has changed in a database since somebody reviewed its map, as far as the map remembers.

A map may keep an *outline* per table: six short hashes, of its columns, key, foreign keys, unique
keys, checks and triggers.  They say what changed; whether anything did is said by the hash of
the whole catalogue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping

from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.map import Map

_DIGITS = 4
ASPECTS = ("columns", "key", "foreign keys", "unique keys", "checks", "triggers")
OUTLINE_DIGITS = _DIGITS * len(ASPECTS)


def outlines(catalogue: Catalogue) -> Mapping[str, str]:
    """Return the outline of each table, in hexadecimal; the same for the same structure."""
    return {table.name: _outline(table) for table in catalogue.tables}


def _outline(table: CatalogueTable) -> str:
    aspects: tuple[object, ...] = (
        sorted([column.name, column.type, column.nullable, column.generated] for column in table.columns),
        table.key,
        sorted([key.columns, key.target, key.target_columns, key.on_delete] for key in table.foreign_keys),
        sorted(table.unique),
        sorted(table.checks),
        sorted([trigger.name, trigger.event] for trigger in table.triggers),
    )
    return "".join(_short(aspect) for aspect in aspects)


def _short(aspect: object) -> str:
    written = json.dumps(aspect, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def changed(map_: Map, catalogue: Catalogue) -> str:
    """Say what is not as it was at the review; where only names are known, what they tell.

    >>> changed(Map("shop", "sqlite", "us", {}, {}, {}), Catalogue("shop", "sqlite", ()))
    'the same tables and columns are there, so a type, a key, a constraint or a trigger has changed'
    """
    told = [*(_by_outlines if _outlines_of(map_) else _by_names)(map_, catalogue)]
    if not told:
        where = (
            ", or a table called impersonal" if any(each.impersonal for each in map_.tables.values()) else ""
        )
        return (
            "the same tables and columns are there, so a type, a key, a constraint or a trigger has changed"
            + where
        )
    more = f"; and {len(told) - 8} more tables" if len(told) > 8 else ""
    return "; ".join(told[:8]) + more


def _outlines_of(map_: Map) -> Mapping[str, str]:
    return map_.reviewed.tables if map_.reviewed is not None else {}


def _by_outlines(map_: Map, catalogue: Catalogue) -> Iterator[str]:
    before, now = _outlines_of(map_), outlines(catalogue)
    yield from (f"the table `{name}` is new" for name in now if name not in before)
    yield from (f"the table `{name}` is gone" for name in before if name not in now)
    for name, outline in now.items():
        if name in before and before[name] != outline:
            aspects = [
                aspect
                for number, aspect in enumerate(ASPECTS)
                if before[name][number * _DIGITS :][:_DIGITS] != outline[number * _DIGITS :][:_DIGITS]
            ]
            yield f"`{name}` has other {_and(aspects)}{_columns(map_, catalogue, name)}"


def _by_names(map_: Map, catalogue: Catalogue) -> Iterator[str]:
    now = {table.name for table in catalogue.tables}
    yield from (f"the table `{name}` is new" for name in sorted(now - map_.tables.keys()))
    yield from (f"the table `{name}` is gone" for name in map_.tables if name not in now)
    for name in map_.tables:
        if name in now and (said := _columns(map_, catalogue, name)):
            yield f"`{name}` has other columns{said}"


def _columns(map_: Map, catalogue: Catalogue, name: str) -> str:
    """Say which columns came and went, by their names; empty where the map does not list them."""
    table, found = map_.tables.get(name), catalogue.table(name)
    if table is None or found is None or table.impersonal is not None:
        return ""
    there = [column.name for column in found.columns]
    came = [column for column in there if column not in table.columns]
    went = [column for column in table.columns if column not in there]
    said = [f"{word} {_and([f'`{each}`' for each in names])}" for word, names in (("new:", came), ("gone:", went))
            if names]  # fmt: skip
    return f" ({', '.join(said)})" if said else ""


def _and(names: Collection[str]) -> str:
    listed = list(names)
    return " and ".join([", ".join(listed[:-1]), listed[-1]]) if len(listed) > 1 else "".join(listed)
