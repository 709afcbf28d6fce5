"""The places a controller may be established in, and the rules that hold there.

A place takes what it does not say itself from its parent: Alsace-Moselle from France,
France from the European Union.

Law: Regulation (EEC, Euratom) 1182/71 Art. 2(1), the place where action is to be taken.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

from troth.errors import NotFoundError
from troth.law.table import Row, in_force, read

# What people write for a place whose code is another.
_OTHER_NAMES = {"UK": "GB", "EL": "GR", "CALIFORNIA": "US-CA", "ALSACE": "FR-57", "MOSELLE": "FR-57"}


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """A place with a law of its own on answering people; `code` is ISO 3166, or EU."""

    code: str
    en: str
    fr: str
    parent: str | None
    time_zone: str
    calendar: str
    part: str | None
    holidays_source: str
    source: str
    confidence: str
    valid_from: date

    def name(self, language: str) -> str:
        """Return the name in English, or in French where that is asked."""
        return self.fr if language == "fr" else self.en


@lru_cache(maxsize=1)
def _all() -> dict[str, Jurisdiction]:
    return {
        row.text("code"): Jurisdiction(
            code=row.text("code"),
            en=row.text("en"),
            fr=row.text("fr"),
            parent=row.maybe("parent"),
            time_zone=row.text("time_zone"),
            calendar=row.text("calendar"),
            part=row.maybe("part"),
            holidays_source=row.text("holidays_source"),
            source=row.source,
            confidence=row.confidence,
            valid_from=row.valid_from or date.max,
        )
        for row in read("jurisdictions.toml")["jurisdiction"]
    }


def jurisdictions() -> tuple[Jurisdiction, ...]:
    """Return every place there is a pack for, in the order of their codes."""
    return tuple(place for _, place in sorted(_all().items()))


def jurisdiction(code: str) -> Jurisdiction:
    """Find a place by its code, or by its English or French name.

    >>> jurisdiction("FR").time_zone, jurisdiction("uk").code
    ('Europe/Paris', 'GB')
    """
    places = _all()
    wanted = code.strip().upper().replace("_", "-")
    place = places.get(_OTHER_NAMES.get(wanted, wanted))
    if place is not None:
        return place
    by_name = {name.upper(): place for place in places.values() for name in (place.en, place.fr)}
    if wanted in by_name:
        return by_name[wanted]
    raise NotFoundError(f"There is no jurisdiction {code.strip()[:40]!r}. {_nearest(wanted, by_name)}")


def _nearest(wanted: str, by_name: dict[str, Jurisdiction]) -> str:
    near = get_close_matches(wanted, list(by_name), n=1, cutoff=0.6)
    if near:
        place = by_name[near[0]]
        return f"Did you mean {place.code} ({place.en})?"
    codes = get_close_matches(wanted, list(_all()), n=3, cutoff=0.4)
    if codes:
        return f"Did you mean {' or '.join(f'{found} ({_all()[found].en})' for found in codes)}?"
    return "Give a country code such as FR, DE or GB; `troth law` lists them all."


def lineage(code: str) -> tuple[Jurisdiction, ...]:
    """Return a place and those it takes its rules from, nearest first.

    >>> [place.code for place in lineage("FR-57")]
    ['FR-57', 'FR', 'EU']
    """
    place: Jurisdiction | None = jurisdiction(code)
    chain = []
    while place is not None:
        chain.append(place)
        place = _all()[place.parent] if place.parent else None
    return tuple(chain)


def rule(code: str, topic: str, on: date, assume: Collection[str] = ()) -> Row | None:
    """Return what the law of a place says on a topic on a day; None where it says nothing.

    >>> found = rule("FR", "answer", date(2026, 3, 5))
    >>> str(found.period("period")), found.source
    ('1 month', 'GDPR Art. 12(3)')
    """
    rows, places = read("clocks.toml")["rule"], lineage(code)
    if on < places[0].valid_from:
        return None
    for place in places:
        own = [row for row in rows if row.says["jurisdiction"] == place.code and row.says["topic"] == topic]
        counting = in_force(own, on, assume)
        if counting:
            return counting[0]
    return None


def in_the_eea(code: str) -> bool:
    """Say whether the GDPR itself is the law of a place."""
    return lineage(code)[-1].code == "EU"
