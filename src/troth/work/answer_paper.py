"""An answer to a question as others take it: CSV, JSON, or set on paper, each with its checkpoint.

Law: GDPR Art. 31, Art. 58(1)(a).
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from troth.law.sentence import cite
from troth.outside.pdf import typeset
from troth.rules.cell import spread, written
from troth.rules.package import as_csv_line
from troth.rules.plural import day
from troth.rules.question import Shown, shown
from troth.work.answer_question import Given
from troth.work.project import Project


def as_shown(given: Given, *, redact: bool = False) -> Shown:
    """Return an answer as its reader sees it."""
    return shown(given.question, given.answer, given.asked, redact=redact)


def as_mapping(given: Given, seen: Shown) -> dict[str, Any]:
    """Return an answer for machines: what was asked, how it stands, its lines, and its checkpoint."""
    asked = given.asked
    narrowed = {
        "entity": asked.entity or None,
        "jurisdiction": asked.jurisdiction or None,
        "from": asked.since.isoformat() if asked.since else None,
        "to": asked.until.isoformat() if asked.until else None,
    }
    return {
        "question": given.question.name,
        "number": given.question.number,
        "asks": given.question.said[asked.language if asked.language == "fr" else "en"],
        "law": given.question.law,
        "for": asked.reader,
        "narrowed": narrowed,
        "at": given.at.isoformat(timespec="seconds"),
        "word": seen.word,
        "says": seen.sentence,
        "notes": list(seen.notes),
        "columns": dict(seen.columns),
        "rows": [{code: row.get(code) for code, _ in seen.columns} for row in seen.rows],
        "checkpoint": {"size": given.size, "root": given.root, "unsealed": given.unsealed},
    }


def as_json(given: Given, seen: Shown) -> bytes:
    """Write an answer as JSON."""
    return (json.dumps(as_mapping(given, seen), indent=2, ensure_ascii=False) + "\n").encode()


def as_csv(given: Given, seen: Shown) -> bytes:
    """Write an answer as CSV for spreadsheets: a line of headings, then its lines, then what it says of itself."""
    language = given.asked.language
    lines = [as_csv_line([heading for _, heading in seen.columns])]
    lines += [
        as_csv_line([spread(code, row.get(code), language) for code, _ in seen.columns]) for row in seen.rows
    ]
    said = [_asks(given), seen.sentence, *seen.notes, given.sealed]
    lines += ["\r\n", *(as_csv_line([one]) for one in said)]
    return "".join(lines).encode("utf-8-sig")


def as_pdf(project: Project, given: Given, seen: Shown) -> bytes:
    """Set an answer on paper (PDF/UA-1)."""
    language = given.asked.language
    data = {
        "language": "fr" if language == "fr" else "en",
        "title": _asks(given),
        "on": f"{day(given.at.date(), language)} · {cite(given.question.law, language)}",
        "sentence": seen.sentence,
        "notes": list(seen.notes),
        "columns": [heading for _, heading in seen.columns],
        "rows": [[written(code, row.get(code), language) for code, _ in seen.columns] for row in seen.rows],
        "sealed": given.sealed,
    }
    template = (files("troth.work") / "answer.typ").read_text(encoding="utf-8")
    return typeset(template, data, project.clock())


def _asks(given: Given) -> str:
    return f"{given.question.number}. {given.question.said['fr' if given.asked.language == 'fr' else 'en']}"
