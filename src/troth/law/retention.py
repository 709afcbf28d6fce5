"""How long a law or its authority keeps what: the defaults of a retention schedule.

A period runs from a dated event, is counted in calendar months and years, clamps to the
month's end and never rolls over a weekend.

Law: GDPR Art. 5(1)(e); for France, the texts named in `data/retention.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from troth.errors import NotFoundError
from troth.law.jurisdiction import lineage
from troth.law.period import Period
from troth.law.table import Row, in_force, read


@dataclass(frozen=True, slots=True)
class Schedule:
    """One line of a schedule: what is kept, from which event, how long in use and how long archived."""

    code: str
    en: str
    fr: str
    kind: str
    trigger: str
    trigger_en: str
    trigger_fr: str
    active: Period | None
    archive: Period | None
    then: str
    law: str
    confidence: str

    def ends(self, triggered_on: date) -> date:
        """Return the day on which the data must go, counted from the day of the event.

        >>> line("FR", "prospect", date(2026, 11, 23)).ends(date(2024, 2, 29))
        datetime.date(2027, 2, 28)
        """
        day = self.active.after(triggered_on) if self.active else triggered_on
        return self.archive.after(day) if self.archive else day


def schedule(jurisdiction: str, on: date) -> tuple[Schedule, ...]:
    """Return every line known for a place on a day; its own before those of its parents."""
    found: dict[str, Schedule] = {}
    rows = in_force(read("retention.toml")["rule"], on)
    for place in lineage(jurisdiction):
        for row in rows:
            if row.says["jurisdiction"] == place.code:
                found.setdefault(row.text("code"), _line(row))
    return tuple(found.values())


def line(jurisdiction: str, code: str, on: date) -> Schedule:
    """Return one line of the schedule of a place; raises NotFoundError where there is none."""
    known = {each.code: each for each in schedule(jurisdiction, on)}
    if code in known:
        return known[code]
    place = lineage(jurisdiction)[0].en
    if not known:
        raise NotFoundError(
            f"No retention schedule is recorded for {place}. Name the period and its law yourself."
        )
    near = get_close_matches(code, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
    raise NotFoundError(f"The retention schedule of {place} has no line {code[:40]!r}. {hint}")


def _line(row: Row) -> Schedule:
    return Schedule(
        code=row.text("code"),
        en=row.text("en"),
        fr=row.text("fr"),
        kind=row.text("kind"),
        trigger=row.text("trigger"),
        trigger_en=row.text("trigger_en"),
        trigger_fr=row.text("trigger_fr"),
        active=row.period("active") if "active" in row.says else None,
        archive=row.period("archive") if "archive" in row.says else None,
        then=row.text("then"),
        law=row.source,
        confidence=row.confidence,
    )
