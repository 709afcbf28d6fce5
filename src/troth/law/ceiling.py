"""How long a tracker may live, and what it collected may stay: what authorities accept at most.

Few authorities give a number.  Where none of the places concerned does, the strictest number
of any holds: whoever keeps to it is safe everywhere, and a site is seen from everywhere.

Law: Directive 2002/58/EC Art. 5(3); for France, the texts named in `data/cookies.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from troth.law.jurisdiction import lineage
from troth.law.period import Period
from troth.law.table import Row, in_force, read


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The longest that is accepted, where it is written, and whether it is of a place that was asked about."""

    period: Period
    law: str
    place: str
    own: bool


def ceiling(of: Literal["tracker", "collected"], places: Iterable[str], on: date) -> Ceiling | None:
    """Return the shortest ceiling of these places on a day, else the shortest there is; None before any.

    >>> found = ceiling("tracker", ["FR-57"], date(2026, 11, 23))
    >>> str(found.period), found.law, found.own
    ('13 months', 'CNIL délib. 2020-091 Art. 5', True)
    >>> ceiling("tracker", ["DE"], date(2026, 11, 23)).own
    False
    """
    rows = [row for row in in_force(read("cookies.toml")["ceiling"], on) if row.text("of") == of]
    codes = {place.code for code in places for place in lineage(code)}
    own = [row for row in rows if row.text("jurisdiction") in codes]
    shortest = min(own or rows, key=lambda row: row.period("period").days()[1], default=None)
    return None if shortest is None else _ceiling(shortest, own=bool(own))


def _ceiling(row: Row, *, own: bool) -> Ceiling:
    return Ceiling(row.period("period"), row.source, row.text("jurisdiction"), own)
