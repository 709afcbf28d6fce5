"""The half year before the story: an earlier version of the policy in force, and audited once a month.

    python history.py PROJECT    fill the project's ledger

It is run before the story, in the story's environment.  Nothing is made up: each audit is one, run by a clock that
shows its day, and judges what could be proved on that day.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from troth import wiring
from troth.work import accept_draft
from troth.work.audit import audit

DAYS = range(210, 0, -30)
"""How many days before today each audit was."""
HOUR = 3
FILES = ("policy.md", "policy.fr.md")
BEFORE = (
    (r'(?m)^( *version: )"2\.0"$', r'\1"1.0"'),
    (r"(?m)^( *(?:date|updated|effective): )[0-9-]+$", r"\g<1>2022-09-12"),
    (r'(?ms)^    - version: "2\.0"\n.*?(?=^```$)', ""),
    (" Each of its promises is also written for a machine that checks, day by day, whether we keep it.", ""),
    (
        r" Chacune de ses promesses est aussi écrite pour une machine qui\s+"
        r"vérifie, jour après jour, que nous la tenons\.",
        "",
    ),
)
"""What the version before the one that the story publishes says otherwise."""


def main(arguments: Sequence[str]) -> int:
    """Give the project in a folder its history; its files are as they were afterwards."""
    folder = Path(arguments[0])
    now = {folder / name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    try:
        for file, text in now.items():
            for pattern, by in BEFORE:
                text = re.sub(pattern, by, text)
            file.write_text(text, encoding="utf-8")
        _audited(folder)
    finally:
        for file, text in now.items():
            file.write_text(text, encoding="utf-8")
    return 0


def _audited(folder: Path) -> None:
    """Put the policy in force on the first day, and audit it on each."""
    first = wiring.now().replace(hour=HOUR, minute=0, second=0) - timedelta(days=DAYS.start)
    shown = first
    project = replace(wiring.open_project(folder), clock=lambda: shown)
    try:
        accept_draft.put_in_force(project)
        for days in DAYS:
            shown = first + timedelta(days=DAYS.start - days)
            audit(project)
    finally:
        project.close()
        project.ledger.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
