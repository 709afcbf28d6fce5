"""The values of a reckoning: what was asked, what was extended, and the days that follow.

Law: GDPR Art. 12(3)-(4), (6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from troth.law.sentence import Sentence, cite
from troth.law.working_day import working_days_before

AskKind = Literal["identity", "mandate", "clarification"]
State = Literal["running", "awaiting_identity", "awaiting_mandate", "awaiting_clarification", "awaiting_fee"]
ASKS: tuple[AskKind, ...] = ("identity", "mandate", "clarification")
ALERT_WORKING_DAYS = (10, 5, 2)  # our default: people are warned this long before the safe date


@dataclass(frozen=True, slots=True)
class Ask:
    """Something asked of the requester: when it was sent, when it came, and the code of the reason.

    An ask for proof of identity needs a reason: the doubt there was.
    """

    kind: AskKind
    sent: date
    answered: date | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """A longer period, the code of its reason, and the day the notice of it went out.

    Without `noticed_on` it is reckoned as announced in time, and flagged.  `until` is the
    day the letter names, where the law leaves the length to the letter.
    """

    reason: str
    noticed_on: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the reckoning: a day, what is said of it, and the law it rests on."""

    day: date
    sentence: Sentence
    law: str


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a person should look at; `code` never changes its meaning."""

    code: str
    sentence: Sentence
    law: str


@dataclass(frozen=True, slots=True)
class Deadline:
    """The days of one request.  A day is None while the clock stands still, or where the law has none."""

    received: date
    jurisdiction: str
    state: State
    legal_due: date | None
    safe_due: date | None
    extended: bool
    extension_notice_latest: date | None
    extension_notice_safe: date | None
    refusal_latest: date | None
    refusal_safe: date | None
    acknowledge_by: date | None
    post_by: date | None
    paused_days: int
    paused_since: date | None
    overdue: bool | None
    flags: tuple[Flag, ...] = ()
    explanation: tuple[Step, ...] = field(default=(), repr=False)

    def flagged(self, code: str) -> bool:
        """Say whether a flag of this code was raised."""
        return any(flag.code == code for flag in self.flags)

    def alerts(self) -> tuple[date, ...]:
        """Return the days on which to warn people, the first first; none while the clock stands still."""
        if self.safe_due is None:
            return ()
        due = self.safe_due
        days = (working_days_before(due, number, self.jurisdiction) for number in ALERT_WORKING_DAYS)
        return tuple(day for day in days if day >= self.received)

    def record(self, language: str = "en") -> dict[str, object]:
        """Return everything as plain values for JSON: days in ISO 8601, sentences in one language."""
        return {
            "received": self.received.isoformat(),
            "jurisdiction": self.jurisdiction,
            "state": self.state,
            "legal_due": _iso(self.legal_due),
            "safe_due": _iso(self.safe_due),
            "extended": self.extended,
            "extension_notice_latest": _iso(self.extension_notice_latest),
            "extension_notice_safe": _iso(self.extension_notice_safe),
            "refusal_latest": _iso(self.refusal_latest),
            "refusal_safe": _iso(self.refusal_safe),
            "acknowledge_by": _iso(self.acknowledge_by),
            "post_by": _iso(self.post_by),
            "paused_days": self.paused_days,
            "paused_since": _iso(self.paused_since),
            "overdue": self.overdue,
            "flags": [
                {"code": flag.code, "sentence": flag.sentence.say(language), "law": cite(flag.law, language)}
                for flag in self.flags
            ],
            "explanation": [
                {
                    "day": step.day.isoformat(),
                    "sentence": step.sentence.say(language),
                    "law": cite(step.law, language),
                }
                for step in self.explanation
            ],
        }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
