"""The count itself: from the day of receipt to the legal and the safe date.

Law: GDPR Art. 12(3); Regulation (EEC, Euratom) 1182/71 Art. 3; UK GDPR Art. 12A.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from troth.errors import NotAllowedError, NotFoundError
from troth.law import waiting
from troth.law.deadline import Extension
from troth.law.jurisdiction import Jurisdiction, lineage, rule
from troth.law.jurisdiction import jurisdiction as find_place
from troth.law.period import Period
from troth.law.table import Row
from troth.law.waiting import Wait
from troth.law.working_day import YEAR_MAX, first_working_day, last_working_day


@dataclass(frozen=True, slots=True)
class Rules:
    """The law of one place on one day."""

    place: Jurisdiction
    on: date
    answer: Row
    counting: Row
    extension: Row | None
    refusal: Row | None

    @classmethod
    def of(cls, code: str, on: date) -> Rules:
        """Find the rules a request falls under: those of the day it arrived."""
        place = find_place(code)
        if on.year >= YEAR_MAX:
            raise NotAllowedError(f"The day of receipt {on} is too far off; give one before {YEAR_MAX}.")
        answer, counting = rule(place.code, "answer", on), rule(place.code, "counting", on)
        if answer is None or counting is None:
            oldest = max(place.valid_from, lineage(place.code)[-1].valid_from)
            raise NotFoundError(
                f"No period for answering was law in {place.en} on {on}: "
                f"the oldest one known here begins on {oldest}. Check the day of receipt."
            )
        extension, refusal = rule(place.code, "extension", on), rule(place.code, "refusal", on)
        return cls(place, on, answer, counting, extension, refusal)

    def about(self, topic: str) -> Row | None:
        """Return what the law says on a topic; None where it is silent."""
        return rule(self.place.code, topic, self.on)

    def roll(self, day: date) -> date:
        """Return the day on which a period ends that would end on this one."""
        rolls = self.counting.text("roll") == "next working day"
        return first_working_day(day, self.place.code) if rolls else day

    def safe(self, day: date) -> date:
        """Return the last working day that is not after this one."""
        return last_working_day(day, self.place.code)


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures of one reckoning; a day is None while an ask is open."""

    rules: Rules
    received: date
    waits: tuple[Wait, ...]
    inside: tuple[Wait, ...]
    start: date
    days: int
    first: Period
    first_end: date | None
    notice_latest: date
    extension: Extension | None
    void: bool
    whole: Period
    unrolled: date | None
    strictest: date | None
    strict_law: str

    @property
    def opened(self) -> tuple[Wait, ...]:
        """The waits that stop the clock now."""
        return waiting.still_open(self.inside)


def count(
    rules: Rules, received: date, waits: tuple[Wait, ...], extension: Extension | None, strict: bool
) -> Counted:
    """Count: months first, then the days of waiting; the roll to a working day comes last."""
    first = rules.answer.period("period")
    inside = waiting.inside(received, waits, first, rules.roll)
    start, days = waiting.start(received, inside), waiting.days(received, inside)
    first_end = None if waiting.still_open(inside) else first.after(start) + timedelta(days=days)
    credit = waiting.days(received, inside, until=extension.noticed_on if extension else None)
    notice_latest = rules.roll(first.after(start) + timedelta(days=credit))
    noticed = extension.noticed_on if extension else None
    void = noticed is not None and noticed > notice_latest

    by = rules.extension.maybe("by") if rules.extension and extension and not void else None
    until = extension.until if extension and by == "as announced" else None
    further = None if by is None or until else Period.parse(by)
    whole = first if further is None else Period(first.number + further.number, first.unit)
    if until and first_end and until < first_end:
        raise NotAllowedError(
            f"The letter names {until}, before the first period ends on {first_end}. Check the day."
        )
    if further is not None:
        inside = waiting.inside(received, waits, whole, rules.roll)
        start, days = waiting.start(received, inside), waiting.days(received, inside)
    unrolled = strictest = None
    strict_law = rules.answer.source
    if not waiting.still_open(inside):
        unrolled = until or whole.after(start) + timedelta(days=days)
        strictest = until or min(_readings(start, timedelta(days=days), first, further, whole))
        stricter = rules.about("reading") if strict else None
        if stricter is not None:
            strictest -= timedelta(days=stricter.whole("earlier_days"))
            strict_law = stricter.source
    return Counted(
        rules=rules,
        received=received,
        waits=waits,
        inside=inside,
        start=start,
        days=days,
        first=first,
        first_end=first_end,
        notice_latest=notice_latest,
        extension=extension,
        void=void,
        whole=whole,
        unrolled=unrolled,
        strictest=strictest,
        strict_law=strict_law,
    )


def _readings(
    start: date, waited: timedelta, first: Period, further: Period | None, whole: Period
) -> list[date]:
    """Return the last day under each order in which months and waiting may be added."""
    readings = [whole.after(start) + waited, whole.after(start + waited)]
    if further is not None:
        readings += [
            further.after(first.after(start)) + waited,
            further.after(first.after(start) + waited),
            further.after(first.after(start + waited)),
        ]
    return readings
