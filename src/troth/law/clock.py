"""When an answer is due, when it is safe to give it, and why, day by day.

Two dates.  The *legal* date follows the law alone and rolls over days of rest where the
law says so; "overdue" is decided on it.  The *safe* date takes the strictest reading
there is, never rolls over, and is a working day; people work towards it.

Law: GDPR Art. 12(3)-(4), (6); Regulation (EEC, Euratom) 1182/71 Art. 3; UK GDPR Art. 12A.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from troth.errors import NotAllowedError, NotFoundError
from troth.law import telling, waiting
from troth.law.counting import Counted, Rules, count
from troth.law.deadline import ASKS, Ask, Deadline, Extension, Flag, Step
from troth.law.period import Period
from troth.law.sentence import sentence
from troth.law.table import Row
from troth.law.working_day import (
    YEAR_MAX,
    first_working_day,
    last_working_day,
    working_days_after,
    working_days_before,
)

__all__ = [
    "Ask",
    "Deadline",
    "Extension",
    "Flag",
    "Step",
    "deadline",
    "first_working_day",
    "last_working_day",
    "receipt_day",
    "working_days_after",
    "working_days_before",
]

POST_WORKING_DAYS = 3  # our default: a letter is posted this long before the safe date


def receipt_day(received_at: datetime, time_zone: str) -> date:
    """Return the calendar day on which something arrived, where the controller is established.

    >>> from datetime import UTC
    >>> receipt_day(datetime(2026, 3, 31, 22, 30, tzinfo=UTC), "Europe/Paris")
    datetime.date(2026, 4, 1)
    """
    if received_at.tzinfo is None:
        raise NotAllowedError(
            "The moment of receipt has no time zone, so its day is not known. Give one, such as UTC."
        )
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        wanted = time_zone[:40]
        raise NotFoundError(f"There is no time zone {wanted!r}. Give one such as Europe/Paris.") from None
    return received_at.astimezone(zone).date()


def deadline(
    received: date,
    jurisdiction: str,
    *,
    asks: Sequence[Ask] = (),
    extension: Extension | Sequence[Extension] | None = None,
    clarification: tuple[date, date | None] | None = None,
    fee_asked: date | None = None,
    fee_paid: date | None = None,
    refused_on: date | None = None,
    rights: Collection[str] | None = None,
    strict: bool = False,
    today: date | None = None,
) -> Deadline:
    """Reckon the days of a request received on a day by a controller established in a place.

    `clarification` is short for an ask of that kind: the day asked and the day answered.
    `rights` are the rights claimed, where the law asks (None: not told).  `strict` lets
    readings that no authority follows lower the safe date too.  `today` settles "overdue".

    >>> due = deadline(date(2026, 3, 5), "FR")
    >>> due.legal_due, due.safe_due
    (datetime.date(2026, 4, 7), datetime.date(2026, 4, 3))
    """
    if isinstance(received, datetime):
        raise NotAllowedError(
            "The clock takes the day of receipt, not a moment; `receipt_day` turns one into the other."
        )
    if clarification is not None:
        asks = (*asks, Ask("clarification", *clarification))
    rules = Rules.of(jurisdiction, received)
    _check_asks(received, asks)
    _check_days(received, [fee_asked, fee_paid, refused_on, *_days_of(asks)])
    waits = [waiting.judge(ask, received, rules.about, rights) for ask in asks]
    waits += waiting.for_a_fee(fee_asked, fee_paid, received, rules.about)
    waits.sort(key=lambda wait: wait.sent)
    counted = count(rules, received, tuple(waits), _one_extension(extension, rules), strict)
    return _deadline(counted, refused_on, today)


def _deadline(counted: Counted, refused_on: date | None, today: date | None) -> Deadline:
    rules, code, opened = counted.rules, counted.rules.place.code, counted.opened
    legal = rules.roll(counted.unrolled) if counted.unrolled else None
    safe = rules.safe(counted.strictest) if counted.strictest else None
    first: _Limit = None, None
    if counted.first_end:
        first = rules.roll(counted.first_end), rules.safe(counted.first_end)
    notice = first if rules.extension else (None, None)
    in_first = rules.refusal is None or rules.refusal.text("within") == "first period"
    refusal = first if in_first else (legal, safe)
    acknowledge = rules.about("acknowledge")
    confirmed = None
    if acknowledge:
        confirmed = working_days_after(counted.received, acknowledge.whole("working_days"), code)
    post_by = working_days_before(safe, POST_WORKING_DAYS, code) if safe else None
    credit_until = max(today, counted.received) if today else None
    steps = (
        *telling.the_count(counted),
        *_limit_steps(notice, rules.extension, "notice_latest"),
        *_limit_steps(refusal, rules.refusal, "refusal_latest"),
        *_limit_steps((confirmed, confirmed), acknowledge, "acknowledge"),
        *([telling.step(post_by, telling.OURS, "post_by", day=post_by)] if post_by else []),
    )
    return Deadline(
        received=counted.received,
        jurisdiction=code,
        state=waiting.state(opened),
        legal_due=legal,
        safe_due=safe,
        extended=counted.extension is not None and not counted.void,
        extension_notice_latest=notice[0],
        extension_notice_safe=notice[1],
        refusal_latest=refusal[0],
        refusal_safe=refusal[1],
        acknowledge_by=confirmed,
        post_by=post_by,
        paused_days=waiting.days(counted.received, counted.inside, until=credit_until),
        paused_since=min((wait.sent for wait in opened), default=None),
        overdue=None if today is None else legal is not None and today > legal,
        flags=tuple(_flags(counted, (legal, safe), refusal[0], refused_on, today)),
        explanation=steps,
    )


_Limit = tuple[date | None, date | None]  # the legal and the safe last day of something


def _limit_steps(limit: _Limit, says: Row | None, key: str) -> Iterator[Step]:
    day, safe = limit
    if day and safe and says:
        yield telling.step(day, says.source, key, day=day, safe=safe)


def _flags(
    counted: Counted, due: _Limit, refusal: date | None, refused_on: date | None, today: date | None
) -> Iterator[Flag]:
    rules, (legal, safe) = counted.rules, due
    for wait in counted.waits:
        if wait.credited and wait not in counted.inside:
            wait = wait.after_the_end(rules.answer.source)
        if wait.flag:
            yield wait.flag
        if wait in counted.opened:
            key = "awaiting_start" if wait.model == "restart" else "awaiting"
            yield Flag("awaiting", sentence(key, ask=wait.term, sent=wait.sent), wait.law)
    extension, law = counted.extension, rules.extension.source if rules.extension else ""
    if extension and extension.noticed_on is None:
        yield Flag("extension_unproven", sentence("extension_to_announce", day=counted.notice_latest), law)
    elif extension and extension.noticed_on and counted.void:
        said = sentence("extension_void", noticed=extension.noticed_on, latest=counted.notice_latest)
        yield Flag("extension_void", said, law)
    if refused_on and refusal and refused_on > refusal and rules.refusal:
        said = sentence("late_refusal", refused=refused_on, day=refusal)
        yield Flag("late_refusal", said, rules.refusal.source)
    if today and legal and today > legal:
        late = Period((today - legal).days, "days")
        yield Flag("overdue", sentence("overdue", today=today, late=late), rules.answer.source)
    elif today and legal and safe and today > safe:
        yield Flag("past_safe", sentence("past_safe", today=today, day=legal), rules.answer.source)


# ---------------------------------------------------------------- what is refused at the door


def _days_of(asks: Sequence[Ask]) -> Iterator[date | None]:
    for ask in asks:
        yield ask.sent
        yield ask.answered


def _check_asks(received: date, asks: Sequence[Ask]) -> None:
    for ask in asks:
        if ask.kind not in ASKS:
            raise NotAllowedError(f"There is no ask of kind {ask.kind!r}. Use one of: {', '.join(ASKS)}.")
        if ask.sent < received:
            raise NotAllowedError(
                f"The ask of {ask.sent} was sent before the request arrived on {received}. Check both days."
            )
        if ask.answered is not None and ask.answered < ask.sent:
            raise NotAllowedError(
                f"The answer of {ask.answered} came before the ask of {ask.sent}. Check both days."
            )
        if ask.kind == "identity" and not (ask.reason and ask.reason.strip()):
            raise NotAllowedError(
                "Proof of identity was asked for without a recorded doubt. "
                "Record what the doubt was, or do not ask (GDPR Art. 12(6))."
            )


def _check_days(received: date, days: Sequence[date | None]) -> None:
    for day in days:
        if day is not None and day < received:
            raise NotAllowedError(
                f"The day {day} lies before the day of receipt, {received}. Check both days."
            )
        if day is not None and day.year >= YEAR_MAX:
            raise NotAllowedError(f"The day {day} is too far off; give one before {YEAR_MAX}.")


def _one_extension(given: Extension | Sequence[Extension] | None, rules: Rules) -> Extension | None:
    several = (given,) if isinstance(given, Extension) else tuple(given or ())
    if not several:
        return None
    says, place = rules.extension, rules.place.en
    if says is None:
        raise NotAllowedError(
            f"The law of {place}, as recorded here, gives no extension. Answer in the first period."
        )
    if len(several) > 1:
        raise NotAllowedError(
            f"The period was extended already; it cannot be extended twice ({says.source})."
        )
    (extension,) = several
    reasons = None if says.says["reasons"] == "any" else says.words("reasons")
    known = f"The law knows: {', '.join(reasons)} ({says.source})." if reasons else "Give the letter's own."
    if not extension.reason.strip():
        raise NotAllowedError(f"An extension needs a reason. {known}")
    if reasons is not None and extension.reason not in reasons:
        raise NotAllowedError(f"{extension.reason[:40]!r} is no reason for an extension. {known}")
    if says.text("by") == "as announced" and extension.until is None:
        raise NotAllowedError(
            f"The law of {place} leaves the length of an extension to the letter. "
            "Give the day that the letter names."
        )
    _check_days(rules.on, [extension.noticed_on, extension.until])
    return extension
