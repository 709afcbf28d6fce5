"""Drafting the map of a live database: its catalogue, a bounded sample, then guesses.

Rule: only shapes, counts and checksum results leave here.  Values live in this function's
memory while they are judged, one table at a time but for those that may link, and in no
result, message or log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError
from troth.rules.catalogue import Catalogue, CatalogueTable, Column, crosses
from troth.rules.column_name import meaning
from troth.rules.draft import draft
from troth.rules.draft_link import candidate_links
from troth.rules.draft_text import Head, text
from troth.rules.draft_values import FOUND_MIN, next_to, value_links
from troth.rules.guess import DraftMap
from troth.rules.signs import Inclusion, Link, Signs
from troth.stores.detect import libraries, signs_of
from troth.stores.sample import ASKED_MAX, Sampler, Values, open_sampler, sampled

PAIRS_MAX = 1_000
SECONDS_ALL = 20.0
"""How much is asked of a database for links that nothing names; what is left then is a question."""
_BITS = {"smallint": 15, "integer": 31}
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)


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
        comparing = _Comparing(sampler, catalogue, linking)
        inclusions: dict[Link, Inclusion] = {}
        for link in candidate_links(catalogue, signs):
            inclusion = comparing.named(link)
            if inclusion is not None:
                inclusions[link] = inclusion
        for link in value_links(catalogue, signs, inclusions):
            inclusion = comparing.unnamed(link)
            if inclusion is not None:
                inclusions[link] = inclusion
    drafted = draft(catalogue, signs, inclusions)
    return Drafted(drafted, sampler.kind, text(drafted, Head(store, sampler.kind, find, change)))


class _Comparing:
    """What the values of columns have in common with keys, counted in the database."""

    def __init__(
        self, sampler: Sampler, catalogue: Catalogue, linking: Mapping[tuple[str, str], tuple[str, ...]]
    ) -> None:
        self.sampler, self.catalogue, self.linking = sampler, catalogue, linking
        self.pairs = 0
        self.silent: set[str] = set()
        self.until: float | None = None

    def named(self, link: Link) -> Inclusion | None:
        """Count where a name says that a column leads; None where nothing can be compared."""
        values = self.linking.get((link.table, link.column), ())[:ASKED_MAX]
        return self._count(link, values) if values else None

    def unnamed(self, link: Link) -> Inclusion | None:
        """Count where nothing says so, if the values may be keys at all, and what comes next to them."""
        values = _spread(self.linking.get((link.table, link.column), ()))
        keys = self.linking.get((link.target, link.target_column), ())
        counted = self._column(link.target, link.target_column)
        if not values or not _may_be(values, keys, counted=counted is not None and counted.shape == "number"):
            return Inclusion(len(values), 0)
        if self.until is None:
            self.until = time.monotonic() + SECONDS_ALL
        self.pairs += 1
        if self.pairs > PAIRS_MAX or link.target in self.silent or time.monotonic() > self.until:
            return None
        found = self._count(link, values)
        if found is None:
            self.silent.add(link.target)
            return None
        following = next_to(values)
        if found.share < FOUND_MIN or not following:
            return found
        near = self._count(link, following)
        return None if near is None else Inclusion(found.asked, found.found, near.asked, near.found)

    def _column(self, table: str, column: str) -> Column | None:
        found = self.catalogue.table(table)
        return found.column(column) if found is not None else None

    def _count(self, link: Link, values: Sequence[str]) -> Inclusion | None:
        target = self.catalogue.table(link.target)
        own, column = (
            self._column(link.table, link.column),
            self._column(link.target, link.target_column),
        )
        if own is None or target is None or column is None:
            return None
        strictly = link.by == "values" or crosses(own, column)
        some = [value for value in values if not strictly or _written_as(value, column)]
        if not some:
            return Inclusion(len(values), 0)
        found = self.sampler.included(target, column, some)
        return None if found is None else Inclusion(len(values), found.found)


def _written_as(value: str, column: Column) -> bool:
    """Tell whether a text is how a whole number of this column, or a uuid, is written."""
    if column.shape == "number":
        most = 2 ** _BITS.get(column.type, 63)
        return _WHOLE.fullmatch(value) is not None and -most <= int(value) < most
    return column.type != "uuid" or _UUID.fullmatch(value) is not None


def _may_be(values: Sequence[str], keys: Sequence[str], *, counted: bool) -> bool:
    """Tell whether half of the values lie between the first key and the last, or are written like one."""
    if not keys:
        return True
    if counted and all(map(_WHOLE.fullmatch, keys)):
        numbers = [int(key) for key in keys]
        first, last = min(numbers), max(numbers)
        likely = [value for value in values if _WHOLE.fullmatch(value) and first <= int(value) <= last]
    else:
        shapes = {_WORD.sub("x", key) for key in keys}
        likely = [value for value in values if _WORD.sub("x", value) in shapes]
    return len(likely) >= len(values) * FOUND_MIN


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
    """Return the distinct values that are short enough to link by."""
    short = (value for value in values if value is not None and value and len(value) <= 200)
    return tuple(dict.fromkeys(short))


def _spread(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return as many as may be asked for, from both ends of the sample."""
    half = ASKED_MAX // 2
    return values if len(values) <= ASKED_MAX else (*values[:half], *values[-half:])
