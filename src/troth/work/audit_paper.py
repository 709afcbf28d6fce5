"""The audit on paper, what is broken first: a page that a board can read.

Law: GDPR Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from troth.outside.pdf import typeset
from troth.rules.verdict import Verdict
from troth.work.project import Project

DAYS_MAX = 31
"""How many days are shown; `troth audit --trend` has all."""
HEADINGS = {"broken": "Broken", "unproven": "Unproven", "kept": "Kept"}


def pdf(project: Project, verdicts: Sequence[Verdict], head: Mapping[str, Any]) -> bytes:
    """Set an audit on paper (PDF/UA-1)."""
    counts = Counter[str](one.word for one in verdicts)
    data = {
        "language": "en",
        "title": f"Audit of {head['policy']}",
        "on": f"{str(head['at'])[:10]} · version {head['version']}",
        "counts": f"{counts['kept']} kept, {counts['broken']} broken, {counts['unproven']} unproven",
        "sealed": f"Sealed with {head['sealed']} events; root {head['root']}.",
        "days": [
            [one.on.isoformat(), str(one.kept), str(one.broken), str(one.unproven)]
            for one in list(head.get("trend", ()))[:-DAYS_MAX:-1]
        ],
        "parts": [
            {
                "heading": f"{heading}: {counts[word]}",
                "promises": [
                    {
                        "word": f"Clause {one.clause}",
                        "promise": one.promise,
                        "figure": one.figure,
                        "broken_by": list(one.broken_by),
                        "looked_at": one.looked_at,
                        "remedy": one.remedy,
                        "reply": _replied(head.get("replies", {}).get(one.promise)),
                        "action": head.get("actions", {}).get(one.promise, {}).get("said", ""),
                    }
                    for one in verdicts
                    if one.word == word
                ],
            }
            for word, heading in HEADINGS.items()
            if counts[word]
        ],
    }
    template = (files("troth.work") / "audit.typ").read_text(encoding="utf-8")
    return typeset(template, data, project.clock())


def _replied(reply: Mapping[str, str] | None) -> str:
    return f"{reply['owner']}, {reply['on']}, on “{reply['verdict']}”: {reply['says']}" if reply else ""
