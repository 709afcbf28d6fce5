"""When people must be told that their data came from elsewhere.

One month is the outer limit in every case; a first communication to the person, or a
first disclosure to somebody else, brings it forward and never back.

Law: GDPR Art. 14(3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.errors import NotAllowedError, NotFoundError
from troth.law.counting import Rules
from troth.law.deadline import Step
from troth.law.telling import step


@dataclass(frozen=True, slots=True)
class IndirectDue:
    """The last days for the notice, and why."""

    obtained: date
    legal_due: date
    safe_due: date
    explanation: tuple[Step, ...]


def indirect_due(
    obtained: date,
    jurisdiction: str,
    *,
    first_communication: date | None = None,
    first_disclosure: date | None = None,
) -> IndirectDue:
    """Return by when a person must be told of data obtained from somebody else on a day.

    >>> indirect_due(date(2026, 3, 2), "FR", first_disclosure=date(2026, 3, 5)).legal_due
    datetime.date(2026, 3, 5)
    """
    rules = Rules.of(jurisdiction, obtained)
    says = rules.about("indirect")
    if says is None:
        raise NotFoundError(
            f"No period for telling people of data from elsewhere is recorded for {rules.place.en}. "
            "Tell them at once, and ask counsel."
        )
    events = [day for day in (first_communication, first_disclosure) if day is not None]
    for day in events:
        if day < obtained:
            raise NotAllowedError(
                f"The day {day} lies before the data were obtained on {obtained}. Check both days."
            )
    month_end = says.period("period").after(obtained)
    legal = min([rules.roll(month_end), *events])
    safe = min([rules.safe(month_end), *events])
    steps = [step(obtained, says.source, "indirect_obtained", day=obtained)]
    period, month = says.period("period"), rules.counting.text("month")
    steps.append(step(month_end, month, "counted_months", period=period, start=obtained, day=month_end))
    if first_communication:
        steps.append(
            step(first_communication, says.source, "indirect_communication", day=first_communication)
        )
    if first_disclosure:
        steps.append(step(first_disclosure, says.source, "indirect_disclosure", day=first_disclosure))
    steps.append(step(legal, says.source, "indirect_due", day=legal, safe=safe))
    return IndirectDue(obtained, legal, safe, tuple(steps))
