"""Drafting the map of a live database: its catalogue, a bounded sample, then guesses.

Rule: only shapes, counts and checksum results leave here.  Values live in this function's
memory while they are judged, one table at a time but for those that may link, and in no
result, message or log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError
from troth.rules.catalogue import CatalogueTable
from troth.rules.column_name import meaning
from troth.rules.draft import draft
from troth.rules.draft_link import candidate_links
from troth.rules.draft_text import Head, text
from troth.rules.guess import DraftMap
from troth.rules.signs import Inclusion, Link, Signs
from troth.stores.detect import libraries, signs_of
from troth.stores.sample import ASKED_MAX, Values, open_sampler, sampled


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and the text a person corrects."""

    draft: DraftMap
    kind: str
    text: str


def draft_map(
    url: str,
    store: str,
    *,
    find: str,
    change: str,
    today: date,
    advance: Callable[[], object] = lambda: None,
) -> Drafted:
    """DraftMap the map of the database at `url`; `find` and `change` are the references it will hold.

    Raises NotFoundError without the extra `detect`, UnreachableError where no database answers.
    """
    libraries()
    with open_sampler(url, store) as sampler:
        catalogue = sampler.catalogue()
        if not catalogue.tables:
            raise NotFoundError(
                "This database has no tables that the connection may see: there is nothing to map."
            )
        signs: dict[str, dict[str, Signs]] = {}
        linking: dict[tuple[str, str], tuple[str, ...]] = {}
        for table in catalogue.tables:
            values = sampler.values(table)
            signs[table.name] = _signs(table, values, today)
            for name, found in values.items():
                linking[table.name, name] = _some(found)
            advance()
        inclusions: dict[Link, Inclusion] = {}
        for link in candidate_links(catalogue, signs):
            target = catalogue.table(link.target)
            column = target.column(link.target_column) if target is not None else None
            asked = linking.get((link.table, link.column), ())
            if target is None or column is None or not asked:
                continue
            inclusion = sampler.included(target, column, asked)
            if inclusion is not None:
                inclusions[link] = inclusion
    drafted = draft(catalogue, signs, inclusions)
    return Drafted(drafted, sampler.kind, text(drafted, Head(store, sampler.kind, find, change)))


def _signs(table: CatalogueTable, values: Values, today: date) -> dict[str, Signs]:
    phones = frozenset(
        column.name for column in table.columns if (said := meaning(column.name)) and said.name == "phone"
    )
    found = dict(signs_of(values, today=today, phones=phones))
    asked = {column.name for column in sampled(table)}
    for column in table.columns:
        if column.name not in asked:
            found[column.name] = Signs(sampled=False)
    return found


def _some(values: tuple[str | None, ...]) -> tuple[str, ...]:
    """Return a few distinct values, short enough to link by."""
    short = (value for value in values if value is not None and value and len(value) <= 200)
    return tuple(dict.fromkeys(short))[:ASKED_MAX]
