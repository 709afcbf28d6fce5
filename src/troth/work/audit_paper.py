"""The audit to hand on, what is broken first: a paper that a board can read, in English or French.

Law: GDPR Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from troth.outside.pdf import typeset
from troth.policy.called import Called
from troth.policy.words import words
from troth.rules.verdict import Verdict
from troth.work.establishment import establishment
from troth.work.project import Project

LANGUAGES = ("en", "fr")
DAYS_MAX = 31
"""How many days the paper shows; `troth audit --trend` has all."""
ORDER = ("broken", "unproven", "kept")
_DAY = re.compile(r"(?<![\w.-])\d{4}-\d{2}-\d{2}(?![\w-])")
Say: TypeAlias = Callable[[str], str | None]
"""What says in the language of the paper what controls say in English; None where it cannot."""


def shown(
    project: Project, verdicts: Sequence[Verdict], head: Mapping[str, Any], language: str, say: Say
) -> dict[str, Any]:
    """Return an audit as it is handed on in a language; a text has its own `language`."""
    labels, policy, written = _labels()[language], project.policy, words(language).date
    counts = {word: str(number) for word, number in _counts(verdicts).items()}
    document = policy.documents.get(language) or next(iter(policy.documents.values()))
    title = labels["title"].format(policy=document.title)
    at = datetime.fromisoformat(head["at"]).astimezone(ZoneInfo(establishment(project).time_zone))
    clauses, called = {one.number: one.title for one in document.clauses}, Called(policy, language)

    def said(text: str) -> dict[str, str]:
        turned = say(text)
        if turned is not None:
            turned = _DAY.sub(lambda found: _written(found[0], language), turned)
        return {"text": text if turned is None else turned, "language": "en" if turned is None else language}

    def one(verdict: Verdict) -> dict[str, Any]:
        reply, action = (head[name].get(verdict.promise) for name in ("replies", "actions"))
        return {
            "clause": _clause(verdict.clause, clauses, labels), "name": called.promise(verdict.promise),
            "promise": verdict.promise, "figure": said(verdict.figure),
            "broken_by": [said(by) for by in _beside(verdict)],
            "looked_at": said(verdict.looked_at), "remedy": verdict.remedy if verdict.word != "kept" else "",
            "remedy_is": labels["mended_by" if verdict.word == "broken" else "shown_by"],
            "reply": _reply(reply, labels, language), "action": _action(action, labels, language),
            "evidence": list(verdict.evidence),
            "events": labels["events_one" if len(verdict.evidence) == 1 else "events_many"].format(
                count=len(verdict.evidence)
            ),
        }  # fmt: skip

    return {
        "language": language, "labels": labels, "title": title,
        "at": labels["at"].format(version=head["version"], day=written(at.date()), time=f"{at:%H:%M}"),
        "counts": labels["counts"].format(**counts), "number": counts,
        "sealed": labels["sealed"].format(events=head["sealed"], root=head["root"]),
        "days": list(head.get("trend", ())), "date": written,
        "day_told": lambda day: labels["counts"].format(kept=day.kept, broken=day.broken, unproven=day.unproven),
        "parts": [
            {
                "word": word, "heading": labels[f"{word}_heading"].format(count=counts[word]),
                "means": labels[f"{word}_means"], "promises": [one(each) for each in verdicts if each.word == word],
            }
            for word in ORDER
            if counts[word] != "0"
        ],
        "findings": list(_findings(head, labels)),
    }  # fmt: skip


def pdf(project: Project, audit: Mapping[str, Any]) -> bytes:
    """Set an audit, as it is `shown`, on paper (PDF/UA-1)."""
    day, days = audit["date"], audit["days"][:-DAYS_MAX:-1]
    data = {
        **{name: value for name, value in audit.items() if name not in ("date", "day_told")},
        "days": [[day(one.on), str(one.kept), str(one.broken), str(one.unproven)] for one in days],
    }
    template = (files("troth.work") / "audit.typ").read_text(encoding="utf-8")
    return typeset(template, data, project.clock())


def _counts(verdicts: Sequence[Verdict]) -> Mapping[str, int]:
    found = Counter[str](one.word for one in verdicts)
    return {word: found[word] for word in ORDER}


def _clause(number: str, titles: Mapping[str, str], labels: Mapping[str, str]) -> str:
    if number not in titles:
        return labels["register"]
    return f"{labels['clause'].format(number=number)} – {titles[number]}"


def _written(day: str, language: str) -> str:
    """Write a day as people do; what only looks like one stays."""
    try:
        return words(language).date(date.fromisoformat(day))
    except ValueError:
        return day


def _beside(verdict: Verdict) -> Sequence[str]:
    """Return what breaks a promise or leaves it unproven, where its figure does not say it already."""
    first = verdict.broken_by[:1]
    return () if verdict.broken_by == first and verdict.figure.endswith(first) else verdict.broken_by


def _reply(reply: Mapping[str, str] | None, labels: Mapping[str, str], language: str) -> str:
    if reply is None:
        return ""
    on = _written(reply["on"], language)
    return labels["reply"].format(
        owner=reply["owner"], day=on, verdict=labels[reply["verdict"]], says=reply["says"]
    )


def _action(action: Mapping[str, Any] | None, labels: Mapping[str, str], language: str) -> str:
    if action is None:
        return ""
    due = _written(str(action["due_on"]), language)
    told = labels["action"].format(number=action["number"], owner=action["owner"], day=due)
    return f"{told} ({labels['overdue']})" if action["overdue"] else told


def _findings(head: Mapping[str, Any], labels: Mapping[str, str]) -> Iterator[str]:
    """Say which promises no control checks, and which controls guard no promise: both are findings."""
    for name in ("without_control", "without_promise"):
        if head[name]:
            yield labels[name].format(names=", ".join(head[name]))


@cache
def _labels() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("troth.rules") / "data" / "audit.toml").read_text("utf-8"))
