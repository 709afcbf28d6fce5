"""Which columns lead to people although neither a foreign key nor a name says so: their values do.

That values are found among somebody's keys tells little where these have no gaps: a quantity is found there
too.  So the numbers that come next to the values are looked for as well.  Where as many of those are found,
it may be chance, and a person is asked; where hardly any is, it is a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import comb

from troth.rules.catalogue import Catalogue, CatalogueTable, Column
from troth.rules.column_name import linked_name, measures, names_role, numbered_name
from troth.rules.draft_link import comparable, kind_of, named_table, nearest, subjects_of
from troth.rules.guess import AllSigns, Inclusions
from troth.rules.signs import Inclusion, Link, Signs

CHANCE_MAX = 1e-4
"""How likely it may be that so many values are found by chance, for a link to be drafted."""
FOUND_MIN = 0.5
ALL_MIN = 0.9
WORDS_BY_CHANCE = 0.1
FEW_MAX = 12
_ENDS_IN_NUMBER = re.compile(r"(.*?)([0-9]+)", re.ASCII | re.DOTALL)


def value_links(catalogue: Catalogue, signs: AllSigns, inclusions: Inclusions) -> tuple[Link, ...]:
    """Return links to people that nothing names, the likeliest first; `inclusions` are those of named links."""
    people = [table for name in subjects_of(catalogue, signs) if (table := catalogue.table(name)) is not None]
    explained = {
        (link.table, link.column)
        for link, inclusion in inclusions.items()
        if link.by in ("name", "role", "identifier") and inclusion.share >= FOUND_MIN
    }
    found = [
        (rank, link)
        for table in catalogue.tables
        for column in table.columns
        if (table.name, column.name) not in explained
        for rank, link in _links(table, column, people, signs)
    ]
    return tuple(link for _, link in sorted(found, key=lambda each: each[0]))


def _links(
    table: CatalogueTable, column: Column, people: Sequence[CatalogueTable], signs: AllSigns
) -> Iterator[tuple[int, Link]]:
    seen = signs.get(table.name, {}).get(column.name)
    if seen is None or not _as_keys(seen):
        return
    if column.shape not in ("number", "text", "other"):
        return
    if kind_of(column, seen) and column.shape != "number" and not _refers(column):
        return
    if any(column.name in key.columns for key in table.foreign_keys):
        return
    own = any(table.name == target.name for target in people)
    if own and (column.name,) in (table.key, *table.unique):
        return  # two tables of the same people, or a copy of one
    for target in nearest(table, people):
        for there in _alone(target, signs):
            again = target.name == table.name and (there.name == column.name or seen.distinct == seen.filled)
            if comparable(column, there) and not again:  # the same number twice in a row refers to nobody
                yield (
                    _rank(column, target),
                    Link(table.name, column.name, target.name, there.name, "values"),
                )


def _as_keys(seen: Signs | None) -> bool:
    return seen is not None and 0 < seen.tried == seen.keys and not seen.share("day")


def _alone(target: CatalogueTable, signs: AllSigns) -> Iterator[Column]:
    """Yield the key of people, and what else stands once among them and is written like a key: a member's number."""
    seen = signs.get(target.name, {})
    for column in target.columns:
        if target.key == (column.name,):
            yield column
    for column in target.columns:
        if (
            (column.name,) in target.unique
            and target.key != (column.name,)
            and _as_keys(seen.get(column.name))
        ):
            yield column


def _refers(column: Column) -> bool:
    return bool(linked_name(column.name)) or names_role(column.name)


def _rank(column: Column, target: CatalogueTable) -> int:
    if says(column.name, target.name):
        return 0
    if _refers(column):
        return 1
    return 3 if measures(column.name) else 2


def says(column: str, target: str) -> bool:
    """Tell whether a column's whole name is that of a table of people: `adherent`, `num_client`."""
    said = numbered_name(column)
    return bool(said) and named_table(said, target)


def next_to(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values that would come next if these were counted; none for words without a number.

    >>> next_to(("7", "C-0099", "C-99", "ada"))
    ('8', 'C-0100')
    """
    found: list[str] = []
    for value in values:
        match = _ENDS_IN_NUMBER.fullmatch(value)
        if match is None:
            continue
        before, number = match.groups()
        following = str(int(number) + 1).zfill(len(number))
        if len(following) == len(number) or not before:
            found.append(f"{before}{following}")
    return tuple(dict.fromkeys(found))


def is_strong(inclusion: Inclusion) -> bool:
    """Tell whether hardly any chance finds so many of the values.

    >>> is_strong(Inclusion(100, 100, 100, 4)), is_strong(Inclusion(100, 100, 100, 99))
    (True, False)
    >>> is_strong(Inclusion(3, 3, 3, 0)), is_strong(Inclusion(8, 8, 0, 0))
    (False, True)
    """
    if not inclusion.asked or inclusion.share < FOUND_MIN:
        return False
    by_chance = (inclusion.near_found + 1) / (inclusion.near + 2) if inclusion.near else WORDS_BY_CHANCE
    asked = inclusion.asked
    chance = sum(
        comb(asked, many) * by_chance**many * (1 - by_chance) ** (asked - many)
        for many in range(inclusion.found, asked + 1)
    )
    return chance <= CHANCE_MAX


def is_question(
    table: CatalogueTable, column: Column, seen: Signs | None, inclusion: Inclusion | None
) -> bool:
    """Tell whether a column may lead to people, so that a person has to look: nothing else says what it holds."""
    if inclusion is not None and inclusion.share < ALL_MIN:
        return False
    if seen is None or table.key == (column.name,) or measures(column.name):
        return False
    if _refers(column):
        return True
    if table.foreign_keys or kind_of(column, seen) or seen.distinct < 2:
        return False
    return not (seen.filled >= 20 and seen.distinct <= FEW_MAX)


def told(inclusion: Inclusion | None) -> str:
    """Say what the values of a column have in common with the keys of people, in counts."""
    if inclusion is None:
        return "its values were not compared, for there was too much to compare"
    said = f"{inclusion.found} of {inclusion.asked} values are found there"
    if inclusion.near:
        said += f", and {inclusion.near_found} of {inclusion.near} that come next to them"
    return said
