"""Commands about the law itself: deadlines explained, authorities, what is covered."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import asdict
from datetime import date, datetime
from itertools import zip_longest
from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import as_json, out, table

if TYPE_CHECKING:
    from troth.law.clock import Ask, Deadline, Extension

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)


def clock(
    received: str = typer.Option(
        ...,
        "--received",
        metavar="DAY",
        help="Day the request arrived, 2026-03-05, or a moment with its zone.",
    ),
    jurisdiction: str = typer.Option(
        ..., "--jurisdiction", "-j", metavar="CODE", help="Where the controller is: FR, DE, GB …"
    ),
    asked: list[str] = typer.Option(
        [], "--asked", metavar="DAY", help="Day proof of identity was asked for, on a recorded doubt."
    ),
    answered: list[str] = typer.Option(
        [], "--answered", metavar="DAY", help="Day it came; one for each --asked."
    ),
    clarify_asked: str | None = typer.Option(
        None, "--clarify-asked", metavar="DAY", help="Day clarification was asked for."
    ),
    clarify_answered: str | None = typer.Option(
        None, "--clarify-answered", metavar="DAY", help="Day it came."
    ),
    extended: bool = typer.Option(False, "--extended", help="Reckon with the extension."),
    extension_notice: str | None = typer.Option(
        None,
        "--extension-notice",
        metavar="DAY",
        help="Day the extension was announced (implies --extended).",
    ),
    reason: str = typer.Option(
        "complexity", "--reason", help="Reason of the extension: complexity or number."
    ),
    until: str | None = typer.Option(
        None,
        "--until",
        metavar="DAY",
        help="Day the letter names, where the law leaves it to the letter (CH).",
    ),
    fee_asked: str | None = typer.Option(None, "--fee-asked", metavar="DAY", help="Day a fee was asked for."),
    fee_paid: str | None = typer.Option(None, "--fee-paid", metavar="DAY", help="Day it was paid."),
    refused: str | None = typer.Option(None, "--refused", metavar="DAY", help="Day a refusal was sent."),
    right: list[str] = typer.Option([], "--right", help="A right that is claimed, such as access."),
    strict: bool = typer.Option(False, "--strict", help="Let the safe date follow readings nobody enforces."),
    today: str | None = typer.Option(None, "--today", metavar="DAY", help="Say what is overdue on this day."),
    language: str = typer.Option("en", "--language", "-l", help="Language of the explanation: en or fr."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Explain a deadline, day by day.

    Example: troth clock --received 2026-03-05 --jurisdiction FR --asked 2026-03-09 --answered 2026-03-12
    """
    from troth.law import clock as law
    from troth.law.sentence import known

    known(language)
    extension = _extension(extended, extension_notice, reason, until)
    due = law.deadline(
        _receipt(received, jurisdiction),
        jurisdiction,
        asks=_asks(asked, answered),
        clarification=_clarification(clarify_asked, clarify_answered),
        extension=extension,
        fee_asked=_maybe("--fee-asked", fee_asked),
        fee_paid=_maybe("--fee-paid", fee_paid),
        refused_on=_maybe("--refused", refused),
        rights=tuple(right) or None,
        strict=strict,
        today=_maybe("--today", today),
    )
    if json:
        as_json(due.record(language))
    else:
        _show(due, language)


def authority(
    country: str = typer.Argument("", help="A country, such as FR; all of them without one."),
    language: str = typer.Option("en", "--language", "-l", help="Language of the notes: en or fr."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Name the supervisory authority of a country, where a person may complain.

    Example: troth authority FR
    """
    from troth.law.authority import authorities
    from troth.law.authority import authority as find
    from troth.law.sentence import known

    known(language)
    today = _today()
    found = (find(country, today),) if country else authorities(today)
    if json:
        as_json(
            [
                {"country": each.country, "name": each.called, "web": each.web, "note": each.note(language)}
                for each in found
            ]
        )
        return
    rows = [(each.country, each.called, each.web, each.note(language)) for each in found]
    out().print(table("", ("Country", "Authority", "Web", "Note"), rows))


def law(
    retention: str = typer.Option(
        "",
        "--retention",
        metavar="CODE",
        help="How long the law of a place, or its authority, keeps what: FR.",
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the jurisdictions whose clocks are known, with what is pending or still to be verified.

    Example: troth law

    Example: troth law --retention FR
    """
    if retention:
        _retention(retention, json=json)
        return
    from troth.law.covered import covered

    places = covered(_today())
    if json:
        as_json(places)
        return
    rows = [
        (
            place.code,
            place.name,
            place.answer,
            place.extension or "–",
            place.identity,
            ", ".join(place.pending) or "–",
            ", ".join(place.verify) or "–",
        )
        for place in places
    ]
    columns = ("Code", "Jurisdiction", "Answer", "Extension", "Identity ask", "Pending packs", "To verify")
    out().print(table("", columns, rows))


def _retention(place: str, *, json: bool) -> None:
    """List the retention schedule of a place: an example to write promises by, each line with its source."""
    from troth.law.retention import schedule

    lines = schedule(place, _today())
    if not lines:
        raise NotFoundError(f"No retention schedule is recorded for {place[:20]!r}. There is one for FR.")
    if json:
        as_json(
            [
                {**asdict(one), "active": str(one.active or ""), "archive": str(one.archive or "")}
                for one in lines
            ]
        )
        return
    for one in lines:
        kept = [f"{one.active} in use"] if one.active else []
        kept += [f"{one.archive} archived"] if one.archive else []
        sure = "" if one.confidence != "verify" else " To be verified."
        out().print(
            f"{one.code}: {one.en}. {', then '.join(kept)}, from: {one.trigger_en} ({one.kind}). {one.law}.{sure}",
            markup=False,
        )


# ---------------------------------------------------------------- reading what was typed


def day(option: str, written: str) -> date:
    """Read a day as people must type it here: YYYY-MM-DD."""
    match = _DAY.fullmatch(written.strip())
    if match is None:
        raise NotAllowedError(
            f"{option} {written[:40]!r} is not a day. Write it as YYYY-MM-DD, such as 2026-03-05."
        )
    year, month, number = (int(part) for part in match.groups())
    if not (1 <= month <= 12 and year):
        raise NotAllowedError(
            f"{option} {written} names no month. Write it as YYYY-MM-DD, such as 2026-03-05."
        )
    days = monthrange(year, month)[1]
    if not 1 <= number <= days:
        raise NotAllowedError(f"{option} {written} is not a day: that month has {days} days.")
    return date(year, month, number)


def _maybe(option: str, written: str | None) -> date | None:
    return None if written is None else day(option, written)


def _receipt(written: str, jurisdiction: str) -> date:
    """Read the day of receipt, or the moment of it, whose day is that of the place."""
    if "T" not in written.upper():
        return day("--received", written)
    from troth.law.clock import receipt_day
    from troth.law.jurisdiction import jurisdiction as find

    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        raise NotAllowedError(
            f"--received {written[:40]!r} is not a moment. Write it as 2026-03-31T22:30:00Z."
        ) from None
    return receipt_day(moment, find(jurisdiction).time_zone)


def _asks(asked: list[str], answered: list[str]) -> tuple[Ask, ...]:
    from troth.law.clock import Ask

    if len(answered) > len(asked):
        raise NotAllowedError(
            f"--answered is given {len(answered)} times and --asked {len(asked)} times. "
            "Give one --asked for each answer."
        )
    sent = [day("--asked", written) for written in asked]
    came = [day("--answered", written) for written in answered]
    return tuple(Ask("identity", ask, answer, reason="stated") for ask, answer in zip_longest(sent, came))


def _clarification(asked: str | None, answered: str | None) -> tuple[date, date | None] | None:
    if asked is None:
        if answered is not None:
            raise NotAllowedError("--clarify-answered stands alone. Give --clarify-asked with it.")
        return None
    return day("--clarify-asked", asked), _maybe("--clarify-answered", answered)


def _extension(extended: bool, notice: str | None, reason: str, until: str | None) -> Extension | None:
    from troth.law.clock import Extension

    if not extended and notice is None and until is None:
        return None
    return Extension(reason, _maybe("--extension-notice", notice), _maybe("--until", until))


def _today() -> date:
    return datetime.now().astimezone().date()


# ---------------------------------------------------------------- showing


def _show(due: Deadline, language: str) -> None:
    from rich.markup import escape

    from troth.law.jurisdiction import jurisdiction
    from troth.law.sentence import cite, label, written
    from troth.law.telling import OURS

    console = out()

    def on(when: date | None) -> str:
        return (
            label("none_yet", language) if when is None else written(when, "fr" if language == "fr" else "en")
        )

    def with_safe(when: date | None, safe: date | None) -> str:
        return f"{on(when)} ({label('safe', language, day=on(safe))})" if safe else on(when)

    place = jurisdiction(due.jurisdiction).name(language)
    rows = [
        (
            step.day.isoformat(),
            escape(step.sentence.say(language)),
            label("ours", language) if step.law == OURS else escape(cite(step.law, language)),
        )
        for step in due.explanation
    ]
    title = label("title", language, place=place)
    columns = [label(key, language) for key in ("day", "what", "law")]
    console.print(table(title, columns, rows))
    lines = [
        (label("legal_due", language), on(due.legal_due)),
        (label("safe_due", language), on(due.safe_due)),
    ]
    if due.extension_notice_latest:
        notice = with_safe(due.extension_notice_latest, due.extension_notice_safe)
        lines.append((label("extension_notice", language), notice))
    if due.refusal_latest:
        lines.append((label("refusal", language), with_safe(due.refusal_latest, due.refusal_safe)))
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        console.print(f"[bold]{name:<{width}}[/bold]  {escape(value)}")
    for flag in due.flags:
        console.print(f"[yellow]{label('look', language)}[/yellow]: {escape(flag.sentence.say(language))}")
