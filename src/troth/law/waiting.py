"""Times of waiting for the requester, and what the law of the place makes of them.

An ask may *pause* the clock, have its days *excluded* from the count, or *restart* it on
the day of the answer.  Days that two asks share count once.  An ask sent late, or after
the period had ended, is credited nothing.

Law: GDPR Art. 12(6) and recital 63; UK GDPR Art. 12A.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from troth.law.deadline import Ask, Flag, State
from troth.law.period import Period
from troth.law.sentence import Term, sentence
from troth.law.table import Row

About = Callable[[str], Row | None]


@dataclass(frozen=True, slots=True)
class Wait:
    """One time of waiting: `model` is pause, exclude, restart, or none where nothing is credited."""

    kind: str
    sent: date
    answered: date | None
    model: str
    law: str
    flag: Flag | None = None

    @property
    def credited(self) -> bool:
        """Whether the law credits it."""
        return self.model != "none"

    @property
    def term(self) -> Term:
        """What was asked for, in words."""
        return Term("asks", self.kind)

    def after_the_end(self, law: str) -> Wait:
        """Return it as an ask that came too late for its period."""
        return self._refused("ask_not_credited", "ask_after_end", law)

    def _refused(self, code: str, key: str, law: str, **values: Period) -> Wait:
        said = sentence(key, ask=self.term, sent=self.sent, **values)
        return replace(self, model="none", law=law, flag=Flag(code, said, law))


def judge(ask: Ask, received: date, about: About, rights: Collection[str] | None) -> Wait:
    """Say what the law of a place makes of one ask; `about` gives its rules by topic."""
    says, guard = about(ask.kind), about("late_ask")
    wait = Wait(
        ask.kind, ask.sent, ask.answered, says.text("model") if says else "none", says.source if says else ""
    )
    if says is None or not wait.credited:
        answer = about("answer")
        return wait._refused("ask_without_effect", "no_effect", wait.law or (answer.source if answer else ""))
    if "rights" in says.says and rights is not None and not set(rights) & set(says.words("rights")):
        return wait._refused("ask_not_credited", "other_right", says.source)
    if guard is None or ask.kind not in guard.words("asks"):
        return wait
    late = Period((ask.sent - received).days, "days")
    if late.number > guard.whole("credit_within_days"):
        return wait._refused("ask_not_credited", "late_ask", guard.source, late=late)
    if late.number > guard.whole("warn_after_days"):
        said = sentence("slow_ask", ask=wait.term, sent=ask.sent, late=late)
        return replace(wait, flag=Flag("ask_late", said, guard.source))
    return wait


def for_a_fee(asked: date | None, paid: date | None, received: date, about: About) -> tuple[Wait, ...]:
    """Return the wait for a fee, where there was one."""
    if asked is None and paid is None:
        return ()
    says = about("fee")
    model, law = (says.text("model"), says.source) if says else ("none", "")
    return (Wait("fee", asked or received, paid, model, law),)


def start(received: date, waits: Iterable[Wait]) -> date:
    """Return the day the period runs from."""
    return max([received, *(wait.answered for wait in waits if wait.model == "restart" and wait.answered)])


def days(received: date, waits: Iterable[Wait], until: date | None = None) -> int:
    """Count the days of waiting, each once; an open wait counts up to `until`, else not at all."""
    reached, counted = start(received, waits := list(waits)), 0
    for wait in sorted(waits, key=lambda wait: wait.sent):
        end = wait.answered or until
        if wait.model in ("pause", "exclude") and end is not None:
            after = end + timedelta(days=1) if wait.model == "exclude" else end
            counted += max((after - max(wait.sent, reached)).days, 0)
            reached = max(reached, after)
    return counted


def inside(
    received: date, waits: Iterable[Wait], whole: Period, roll: Callable[[date], date]
) -> tuple[Wait, ...]:
    """Return the credited waits that began before the period, as lengthened so far, had ended."""
    found: list[Wait] = []
    for wait in sorted((wait for wait in waits if wait.credited), key=lambda wait: wait.sent):
        end = whole.after(start(received, found)) + timedelta(days=days(received, found))
        if still_open(found) or wait.sent <= roll(end):
            found.append(wait)
    return tuple(found)


def still_open(waits: Iterable[Wait]) -> tuple[Wait, ...]:
    """Return the waits that no answer has ended."""
    return tuple(wait for wait in waits if wait.answered is None)


def state(opened: Sequence[Wait]) -> State:
    """Name what is waited for, identity before all else."""
    kinds = {wait.kind for wait in opened}
    if "identity" in kinds:
        return "awaiting_identity"
    if "mandate" in kinds:
        return "awaiting_mandate"
    if "clarification" in kinds:
        return "awaiting_clarification"
    return "awaiting_fee" if kinds else "running"
