"""Whom a person may complain to.

A person may choose: where they live, where they work, or where it happened.  So the
letter names up to three authorities, and the one that leads for the controller.

Law: GDPR Arts. 51, 56 and 77; DPA 2018 s. 164A.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError
from troth.law.jurisdiction import jurisdictions, lineage
from troth.law.table import Row, in_force, read


@dataclass(frozen=True, slots=True)
class Authority:
    """A supervisory authority; `before` says where a complaint must go first, if anywhere."""

    country: str
    name: str
    short: str
    web: str
    note_en: str
    note_fr: str
    before_en: str
    before_fr: str
    source: str
    confidence: str

    def note(self, language: str) -> str:
        """Return what the name alone does not say, in one language; often nothing."""
        notes = (self.note_fr, self.before_fr) if language == "fr" else (self.note_en, self.before_en)
        return " ".join(note for note in notes if note)

    @property
    def called(self) -> str:
        """Its name with the letters people know it by."""
        return f"{self.name} ({self.short})" if self.short else self.name


def authority(country: str, on: date, *, assume: Collection[str] = ()) -> Authority:
    """Return the authority of a country on a day.

    >>> authority("FR", date(2026, 11, 23)).called
    'Commission nationale de l’informatique et des libertés (CNIL)'
    """
    places = lineage(country)
    for place in places:
        rows = [row for row in read("authorities.toml")["authority"] if row.says["country"] == place.code]
        found = in_force(rows, on, assume)
        if found:
            return _authority(found[0])
    raise NotFoundError(
        f"No supervisory authority is recorded for {places[0].en} on {on}. "
        "Name a member state, such as FR or DE."
    )


def authorities(on: date) -> tuple[Authority, ...]:
    """Return every authority there is on a day, by country code."""
    codes = {place.code for place in jurisdictions()}
    rows = in_force(read("authorities.toml")["authority"], on)
    found = [_authority(row) for row in rows if row.says["country"] in codes]
    return tuple(sorted(found, key=lambda found: found.country))


def choices(
    on: date,
    *,
    lives_in: str | None = None,
    works_in: str | None = None,
    happened_in: str | None = None,
    led_by: str | None = None,
) -> tuple[Authority, ...]:
    """Return the authorities a person may turn to, each once, the leading one of the controller last.

    >>> [found.country for found in choices(date(2026, 11, 23), lives_in="BE", works_in="LU", led_by="FR")]
    ['BE', 'LU', 'FR']
    """
    chosen = [
        authority(country, on) for country in (lives_in, works_in, happened_in, led_by) if country is not None
    ]
    return tuple(dict.fromkeys(chosen))


def _authority(row: Row) -> Authority:
    return Authority(
        country=row.text("country"),
        name=row.text("name"),
        short=row.maybe("short") or "",
        web=row.text("web"),
        note_en=row.maybe("note_en") or "",
        note_fr=row.maybe("note_fr") or "",
        before_en=row.maybe("before_en") or "",
        before_fr=row.maybe("before_fr") or "",
        source=row.source,
        confidence=row.confidence,
    )
