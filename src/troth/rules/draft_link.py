"""Which tables hold people, and which columns lead where, in a catalogue that does not say it.

Guessed from names, types and counts, never from a value that is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from troth.rules.catalogue import Catalogue, CatalogueTable, Column, crosses
from troth.rules.column_name import (
    ends_with,
    linked_name,
    meaning,
    names_role,
    singular,
)
from troth.rules.guess import AllSigns, Sure
from troth.rules.personal_name import words
from troth.rules.signs import Link, Signs

SHARE_MOST = 0.8


def candidate_links(catalogue: Catalogue, signs: AllSigns) -> tuple[Link, ...]:
    """Return links that no foreign key declares and whose values are worth looking for."""
    subjects = subjects_of(catalogue, signs)
    found = [
        link
        for table in catalogue.tables
        for column in table.columns
        for link in _candidates(catalogue, table, column, subjects, signs.get(table.name, {}))
    ]
    return tuple(dict.fromkeys(found))


# Who are people?


def kind_of(column: Column, signs: Signs | None) -> str:
    """Say what a column holds: by its values if they are plain, else by its name."""
    if signs is not None and signs.share("email") >= SHARE_MOST:
        return "email"
    found = meaning(column.name)
    if found is not None and found.name == "email" and column.shape not in ("text", "other", "array"):
        return ""
    return found.name if found is not None else ""


def subjects_of(catalogue: Catalogue, signs: AllSigns) -> dict[str, tuple[Sure, str]]:
    """Return the tables whose rows look like people, how sure that is, and why."""
    found: dict[str, tuple[Sure, str]] = {}
    kinds = {
        table.name: {
            column.name: kind_of(column, signs.get(table.name, {}).get(column.name))
            for column in table.columns
        }
        for table in catalogue.tables
    }
    for table in catalogue.tables:
        if not table.key:
            continue
        seen = set(kinds[table.name].values())
        apart = "person_name" in seen or "user_name" in seen
        if not ends_with(table.name, "people") or _all_links(table):
            continue
        if "email" in seen and (apart or "name" in seen):
            found[table.name] = ("sure", "named like people, with names and e-mail addresses")
        elif "email" in seen or apart:
            found[table.name] = ("likely", "named like people, with names or e-mail addresses")
        elif "name" in seen and "phone" in seen:
            found[table.name] = ("likely", "named like people, with names and phone numbers")
    for table in catalogue.tables:
        if table.name in found or not table.key or _all_links(table):
            continue
        columns = kinds[table.name]
        if ends_with(table.name, "address"):
            continue
        if any(key.target in found for key in table.foreign_keys) or _refers_by_name(table, found):
            continue
        emails = [name for name, kind in columns.items() if kind == "email"]
        full = sum(kind == "person_name" for kind in columns.values()) >= 2
        if (
            emails
            and not full
            and not any(_apart(table, name, signs.get(table.name, {}).get(name)) for name in emails)
        ):
            continue
        named = full or bool({"name", "user_name", "person_name"} & set(columns.values()))
        alone = any((name,) in (*table.unique, table.key) for name in emails)
        if full:
            found[table.name] = ("likely", "its rows have first and last names")
        elif emails and named:
            found[table.name] = ("likely", "its rows have names and e-mail addresses")
        elif alone:
            found[table.name] = ("likely", "its rows have e-mail addresses of their own")
    return found


def _apart(table: CatalogueTable, column: str, seen: Signs | None) -> bool:
    """Tell whether no two rows seem to have the same value in this column."""
    unique = (column,) in (*table.unique, table.key)
    return unique or (seen is not None and seen.filled == seen.distinct >= 2)


def _all_links(table: CatalogueTable) -> bool:
    linking = {name for key in table.foreign_keys for name in key.columns}
    return all(column.name in linking or column.name in table.key for column in table.columns)


def _refers_by_name(table: CatalogueTable, people: Mapping[str, object]) -> bool:
    return any(
        said and named_table(said, name)
        for column in table.columns
        for said in (linked_name(column.name),)
        for name in people
    )


@cache
def named_table(said: tuple[str, ...], table: str) -> bool:
    """Tell whether the words of a link end with a table's name, in the singular."""
    name = [singular(word) for word in words(table.rpartition(".")[2])]
    link = [singular(word) for word in said]
    return bool(name) and (
        link[-len(name) :] == name or (len(link) == 1 and len(link[0]) > 2 and name[-1:] == link)
    )


# Which columns lead where, without a foreign key?


def _candidates(
    catalogue: Catalogue,
    table: CatalogueTable,
    column: Column,
    subjects: Mapping[str, object],
    signs: Mapping[str, Signs],
) -> Iterator[Link]:
    if any(column.name in key.columns for key in table.foreign_keys):
        return
    if table.key == (column.name,) and column.shape == "number":
        return
    said = linked_name(column.name)
    if said:
        fitting = [
            target
            for target in catalogue.tables
            if len(target.key) == 1
            and (target.name, target.key[0]) != (table.name, column.name)
            and comparable(column, target.column(target.key[0]))
            and named_table(said, target.name)
            and not _all_links(target)
        ]
        fitting = _same(column, nearest(table, fitting))
        best = max((len(words(_own(target.name))) for target in fitting), default=0)
        fitting = [target for target in fitting if len(words(_own(target.name))) == best]
        if len(fitting) == 1:
            yield Link(table.name, column.name, fitting[0].name, fitting[0].key[0], "name")
            return
    if names_role(column.name):
        fitting = [
            target
            for target in (catalogue.table(name) for name in subjects)
            if target is not None
            and len(target.key) == 1
            and target.name != table.name
            and comparable(column, target.column(target.key[0]))
        ]
        fitting = _same(column, nearest(table, fitting))
        if len(fitting) == 1:
            link = Link(table.name, column.name, fitting[0].name, fitting[0].key[0], "role")
            plain = column.shape in ("number", "other")
            if plain or crosses_types(catalogue, link):
                yield link
            if plain:
                return
    if table.name not in subjects and kind_of(column, signs.get(column.name)) == "email":
        people = [target for name in subjects if (target := catalogue.table(name)) is not None]
        for target in nearest(table, people):
            for other in target.columns:
                if kind_of(other, None) == "email":
                    yield Link(table.name, column.name, target.name, other.name, "identifier")


def _same(column: Column, targets: list[CatalogueTable]) -> list[CatalogueTable]:
    """Return those of the targets whose key is written like the column; all of them if none is."""
    return [
        each for each in targets if not ((key := each.column(each.key[0])) and crosses(column, key))
    ] or targets


def nearest(table: CatalogueTable, targets: Sequence[CatalogueTable]) -> list[CatalogueTable]:
    """Return those of the targets that are in the table's own schema; all of them if none is."""
    return [target for target in targets if target.parts[:-1] == table.parts[:-1]] or list(targets)


def _own(name: str) -> str:
    return name.rpartition(".")[2]


def comparable(one: Column, two: Column | None) -> bool:
    """Tell whether the one may hold the values of the other, written alike or as a number or uuid is in a text."""
    if two is None:
        return False
    return crosses(one, two) or (one.shape == two.shape if one.shape != "other" else one.type == two.type)


def crosses_types(catalogue: Catalogue, link: Link) -> bool:
    """Tell whether a link leads from a text to a number or uuid, or the other way round."""
    own, target = catalogue.table(link.table), catalogue.table(link.target)
    one = own.column(link.column) if own is not None else None
    two = target.column(link.target_column) if target is not None else None
    return one is not None and two is not None and crosses(one, two)
