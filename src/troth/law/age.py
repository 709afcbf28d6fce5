"""From which age a person consents alone to an online service.

Law: GDPR Art. 8(1), and the national laws that lower its sixteen years.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError
from troth.law.jurisdiction import lineage
from troth.law.table import in_force, read


@dataclass(frozen=True, slots=True)
class ConsentAge:
    """The age in whole years, its law, and how sure we are."""

    years: int
    law: str
    confidence: str

    def alone(self, years: int) -> bool:
        """Say whether somebody of this age consents without a parent."""
        return years >= self.years


def consent_age(jurisdiction: str, on: date) -> ConsentAge:
    """Return the age of consent to online services in a place on a day.

    >>> consent_age("FR", date(2026, 11, 23)).alone(14), consent_age("FR", date(2026, 11, 23)).alone(15)
    (False, True)
    """
    places = lineage(jurisdiction)
    for place in places:
        rows = [row for row in read("ages.toml")["age"] if row.says["jurisdiction"] == place.code]
        found = in_force(rows, on)
        if found:
            return ConsentAge(found[0].whole("years"), found[0].source, found[0].confidence)
    raise NotFoundError(
        f"No age of consent to online services is recorded for {places[0].en} on {on}. Ask counsel."
    )
