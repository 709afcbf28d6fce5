"""The yearly report of the data protection officer, in sections that each say from what they are drawn.

Every figure is counted from records of the year.  A section for which nothing was recorded says so
and why; it never says none.

Law: GDPR Art. 38(3), Art. 39(1); Art. 5(2).
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from troth.rules import question, statistics
from troth.rules.cell import written
from troth.rules.plural import filled
from troth.rules.promise_trend import Run
from troth.rules.question import Answer, Asked, text
from troth.rules.register_change import Changed

SHOWN_MAX = 200
"""How many lines of a table a report shows: more is the work of the registers themselves."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: its heading, its sentences, and a table with its headings where there is one.

    `coded` are the same lines for machines: days in ISO 8601, codes as they are.
    """

    heading: str
    sentences: tuple[str, ...]
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    coded: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report, in one language."""

    language: str
    title: str
    subtitle: str
    sections: tuple[Section, ...]
    sealed: str


def say(part: str, key: str, language: str, **gaps: object) -> str:
    """Say words of the report in a language."""
    return filled(_table()[part][key]["fr" if language == "fr" else "en"], language, **gaps)


def nothing(part: str, asked: Asked, why: str = "") -> Section:
    """Return a section for which nothing is recorded, with the reason."""
    reason = why or say("nothing", part, asked.language)
    return Section(
        say("heading", part, asked.language), (say("title", "nothing", asked.language, why=reason),)
    )


def _section(
    part: str,
    asked: Asked,
    sentences: Sequence[str],
    columns: Sequence[str] = (),
    rows: Iterable[Mapping[str, Any]] = (),
) -> Section:
    language = asked.language
    lines = list(rows)[:SHOWN_MAX]
    shown = tuple(tuple(written(code, row.get(code), language) for code in columns) for row in lines)
    coded = tuple(tuple(text(row.get(code), language) for code in columns) for row in lines)
    headings = tuple(say("column", code, language) for code in columns) if shown else ()
    return Section(say("heading", part, language), tuple(sentences), headings, shown, coded)


def _number(count: int, asked: Asked) -> object:
    """Return a count as it may be shown: for publication none so small that it could name somebody."""
    return asked.say("fewer", least=asked.least) if 0 < count < asked.least else count


def _unexplained(overdue: Answer, asked: Asked) -> object:
    """Count those late without a reason; not where that would give away how few have one."""
    explained = sum(bool(row["reason"]) for row in overdue.rows)
    return (
        asked.say("small") if 0 < explained < asked.least else _number(len(overdue.rows) - explained, asked)
    )


def requests(
    states: Sequence[Mapping[str, Any]], overdue: Answer, extensions: Answer, asked: Asked
) -> Section:
    """How many came by right, and how soon they were answered."""
    claims = [replace(one, month=str(asked.day.year)) for one in statistics.tuples(states)]
    if not claims:
        return nothing("requests", asked, question.nothing(question.question("times"), asked))
    void = sum(row["standing"] == asked.word("void") for row in extensions.rows)
    small, published = asked.say("small"), asked.least > 1
    columns = ("right", "claims", "answered", "days_median", "days_p95", "in_time", "refused")
    cells = statistics.cells((replace(one, entity="") for one in claims), least=asked.least)
    rows = []
    for cell in cells:
        told = {name: getattr(cell, name) for name in columns}
        rows.append({name: small if value is None and published else value for name, value in told.items()})
    given_away = any(cell.claims is None for cell in cells)  # by the whole less the cells that are shown
    sentence = say(
        "say", "requests", asked.language, claims=small if given_away else _number(len(claims), asked),
        requests=small if given_away else _number(len(states), asked), late=_number(len(overdue.rows), asked),
        unexplained=_unexplained(overdue, asked),
        extended=_number(len(extensions.rows), asked), void=_number(void, asked),
    )  # fmt: skip
    return _section("requests", asked, [sentence], columns, rows)


def refusals(found: Answer, late: Answer, asked: Asked) -> Section:
    """What was refused, by right and article."""
    if not found.looked:
        return nothing("refusals", asked, question.nothing(question.question("refusals"), asked))
    counted = Counter((text(row["right"], "en"), str(row["article"])) for row in found.rows)
    rows = [
        {"right": right, "article": article, "count": _number(count, asked)}
        for (right, article), count in sorted(counted.items())
    ]
    given_away = any(0 < count < asked.least for count in counted.values())
    sentence = say(
        "say", "refusals", asked.language, decided=_number(found.looked, asked), late=_number(len(late.rows), asked),
        refused=asked.say("small") if given_away else _number(len(found.rows), asked),
    )  # fmt: skip
    return _section("refusals", asked, [sentence], ("right", "article", "count"), rows)


def incidents(found: Answer, asked: Asked) -> Section:
    """Which breaches there were, and how soon the authority knew."""
    if not found.looked:
        return nothing("incidents", asked, question.nothing(question.question("breaches"), asked))
    sentence = say("say", "incidents", asked.language, looked=found.looked, breaches=len(found.rows))
    columns = ("number", "risk", "hours", "in_time", "people_told", "status")
    rows = [{**row, "people_told": _number(int(str(row["people_told"])), asked)} for row in found.rows]
    return _section("incidents", asked, [sentence], columns, rows)


def audit(runs: Sequence[Run], states: Iterable[Mapping[str, Any]], asked: Asked) -> Section:
    """How many promises stood how at the first and the last run of the year, and what was broken at its end."""
    inside = [one for one in runs if asked.within(one.at.isoformat())]
    if not inside:
        return nothing("audit", asked)
    first, last = inside[0], inside[-1]
    sentence = say(
        "say", "audit" if len(inside) > 1 else "audit_once", asked.language, runs=len(inside),
        days=len({one.at.date() for one in inside}), first=first.at, last=last.at, kept_then=first.kept,
        broken_then=first.broken, unproven_then=first.unproven, kept_now=last.kept, broken_now=last.broken,
        unproven_now=last.unproven,
    )  # fmt: skip
    broken = [one for one in states if one["status"] == "broken"]
    sentences = [sentence, *([say("say", "audit_broken", asked.language)] if broken else [])]
    return _section("audit", asked, sentences, ("promise", "figure"), broken)


def register(since: date | None, found: Sequence[Changed], asked: Asked) -> Section:
    """What changed in the record of processing; `since` is None where nothing was in force in the year."""
    if since is None:
        return nothing("register", asked)
    added, removed = (
        len({one.reference for one in found if one.what == what}) for what in ("added", "removed")
    )
    changed = len({one.reference for one in found if one.what == "changed"})
    sentence = say(
        "say", "register", asked.language, since=since, until=asked.day, added=added, removed=removed, changed=changed
    )  # fmt: skip
    rows = [{"reference": one.reference, "what": one.what, "column": one.column} for one in found]
    return _section("register", asked, [sentence], ("reference", "what", "column"), rows)


def transfers(found: Answer, asked: Asked) -> Section:
    """Which transfers there are at the end, and what they lack."""
    if not found.looked:
        return nothing("transfers", asked, question.nothing(question.question("transfers"), asked))
    lacking = sum(bool(row.get("lacks")) for row in found.rows)
    sentence = say("say", "transfers", asked.language, count=len(found.rows), lacking=lacking, on=asked.day)
    return _section("transfers", asked, [sentence], ("mechanism", "lacks"), found.rows)


def documents(lines: Sequence[Mapping[str, Any]], asked: Asked) -> Section:
    """Which documents of the register are dated in the year, and which no longer hold at its end."""
    if not lines:
        return nothing("documents", asked)
    dated = [line for line in lines if line["dated"] and asked.within(line["dated"][0])]
    wrong = [line for line in lines if line.get("lacks")]
    kinds = Counter(written("type", line["type"], asked.language) for line in dated)
    colon = " :" if asked.language == "fr" else ":"
    told = ", ".join(f"{kind}{colon} {count}" for kind, count in sorted(kinds.items())) or "–"
    sentence = say(
        "say", "documents", asked.language, count=len(dated), kinds=told, wrong=len(wrong), on=asked.day
    )
    shown = [line for line in lines if line in dated or line in wrong]
    return _section("documents", asked, [sentence], ("name", "type", "dated", "lacks"), shown)


def advice(claims: int, lines: Sequence[Mapping[str, Any]], asked: Asked) -> Section:
    """How often the officer advised: on claims, and by written opinions of the register."""
    dated = [line for line in lines if line["dated"] and asked.within(line["dated"][0])]
    if not claims and not dated:
        return nothing("advice", asked)
    sentence = say("say", "advice", asked.language, claims=_number(claims, asked), documents=len(dated))
    return _section("advice", asked, [sentence], ("name", "dated"), dated)


def actions(states: Sequence[Mapping[str, Any]], asked: Asked) -> Section:
    """Which actions were open at the end, and how many were closed in the year."""
    known = [one for one in states if str(one["opened_on"]) <= asked.day.isoformat()]
    if not known:
        return nothing("actions", asked)
    day = asked.day.isoformat()
    still = [one for one in known if not one["closed_on"] or str(one["closed_on"]) > day]
    closed = [one for one in known if one["closed_on"] and asked.within(one["closed_on"])]
    overdue = [one for one in still if str(one["due_on"]) < day]
    sentence = say(
        "say", "actions", asked.language, open=len(still), overdue=len(overdue), closed=len(closed)
    )
    return _section("actions", asked, [sentence], ("number", "about", "owner", "due_on"), still)


@cache
def _table() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads((files("troth.rules") / "data" / "yearly_report.toml").read_text("utf-8"))
