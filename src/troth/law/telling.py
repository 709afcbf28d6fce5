"""The explanation of a deadline: what happened on which day, and by which law it counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from troth.law import waiting
from troth.law.counting import Counted
from troth.law.deadline import Step
from troth.law.period import Period
from troth.law.sentence import Named, Term, Value, month, sentence
from troth.law.waiting import Wait
from troth.law.working_day import holiday

OURS = "Troth"  # a default of ours, and no law
_DAY = timedelta(days=1)


def step(day: date, law: str, key: str, /, **values: Value) -> Step:
    """Say a sentence of a day, with the law it rests on."""
    return Step(day, sentence(key, **values), law)


def the_count(counted: Counted) -> Iterator[Step]:
    """Tell the way from the receipt to the legal date and the safe date."""
    rules = counted.rules
    yield step(counted.received, rules.counting.text("day"), "received", day=counted.received)
    yield from _waits(counted)
    yield from _extension(counted)
    if counted.unrolled is None or counted.strictest is None:
        return
    until = counted.extension.until if counted.extension and not counted.void else None
    if until is None:
        end = counted.whole.after(counted.start)
        yield _end(counted, end)
        if end != counted.unrolled:
            waited = Period(counted.days, "days")
            yield step(counted.unrolled, rules.answer.source, "added", days=waited, day=counted.unrolled)
    legal = rules.roll(counted.unrolled)
    day = counted.unrolled
    while day < legal:
        yield _rest(counted, day)
        day += _DAY
    yield step(legal, rules.answer.source, "legal_due", day=legal)
    if counted.strictest < counted.unrolled:
        yield step(counted.strictest, counted.strict_law, "safe_reading", day=counted.strictest)
    safe = rules.safe(counted.strictest)
    yield step(safe, OURS, "safe_due", day=safe)


def _waits(counted: Counted) -> Iterator[Step]:
    alone = 0
    for wait in counted.waits:
        if wait.credited and wait not in counted.inside:
            yield step(wait.sent, wait.law, "ask_after_end", ask=wait.term, sent=wait.sent)
            continue
        if wait.flag:
            yield Step(wait.sent, wait.flag.sentence, wait.flag.law)
        if wait.credited:
            yield _wait(wait)
            alone += waiting.days(counted.start, [wait])
        elif wait.kind == "fee" and wait.answered:
            law = wait.law or counted.rules.answer.source
            yield step(wait.answered, law, "fee_ignored", answered=wait.answered)
    if counted.days != alone:
        last = max(wait.answered or wait.sent for wait in counted.inside)
        yield step(last, counted.rules.answer.source, "overlapping", days=Period(counted.days, "days"))


def _wait(wait: Wait) -> Step:
    if wait.answered is None:
        key = "awaiting_start" if wait.model == "restart" else "awaiting"
        return step(wait.sent, wait.law, key, ask=wait.term, sent=wait.sent)
    if wait.kind == "fee":
        return step(wait.answered, wait.law, "fee_restarted", answered=wait.answered)
    if wait.model == "restart":
        return step(
            wait.answered, wait.law, "restarted", ask=wait.term, sent=wait.sent, answered=wait.answered
        )
    days = Period(waiting.days(wait.sent, [wait]), "days")
    key = "excluded" if wait.model == "exclude" else "paused"
    return step(
        wait.answered, wait.law, key, ask=wait.term, sent=wait.sent, answered=wait.answered, days=days
    )


def _extension(counted: Counted) -> Iterator[Step]:
    extension, says = counted.extension, counted.rules.extension
    if extension is None or says is None:
        return
    noticed, latest, law = extension.noticed_on, counted.notice_latest, says.source
    reason = Term("reasons", extension.reason if extension.reason in ("complexity", "number") else "other")
    if counted.void and noticed:
        yield step(noticed, law, "extension_void", noticed=noticed, latest=latest)
    elif extension.until:
        yield step(noticed or counted.start, law, "extended_until", day=extension.until)
    elif noticed:
        said: dict[str, Value] = {
            "reason": reason,
            "noticed": noticed,
            "period": counted.whole,
            "start": counted.start,
        }
        yield step(noticed, law, "extended", **said)
    else:
        whole, start = counted.whole, counted.start
        yield step(start, law, "extended_unproven", reason=reason, period=whole, start=start)


def _end(counted: Counted, end: date) -> Step:
    whole, start, law = counted.whole, counted.start, counted.rules.counting.text("month")
    if whole.unit == "days":
        return step(end, law, "counted_days", period=whole, start=start, number=whole.number, day=end)
    if end.day != start.day:
        name = Named(month(end, "en"), month(end, "fr"))
        return step(end, law, "clamped", period=whole, start=start, month=name, day=end)
    return step(end, law, "counted_months", period=whole, start=start, day=end)


def _rest(counted: Counted, day: date) -> Step:
    law, found = counted.rules.counting.text("rest"), holiday(day, counted.rules.place.code)
    if found is None:
        return step(day, law, "weekend", day=day)
    return step(day, f"{law}; {found.source}", "holiday", day=day, holiday=Named(found.en, found.fr))
