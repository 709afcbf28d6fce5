"""A register on paper: one sheet for each line, what is empty left out.

Law: GDPR Art. 30(3), (4): in writing, and made available to the authority.
"""

from __future__ import annotations

from importlib.resources import files

from troth.outside.pdf import typeset
from troth.rules.register import Line
from troth.work.draw_register import Drawn
from troth.work.project import Project

TITLES = {
    "processing": {"en": "Record of processing activities", "fr": "Registre des activités de traitement"},
    "processor": {
        "en": "Record of processing done as processor",
        "fr": "Registre des activités de sous-traitance",
    },
    "recipients": {"en": "Register of recipients", "fr": "Registre des destinataires"},
    "processors": {"en": "Register of processors", "fr": "Registre des sous-traitants"},
    "transfers": {"en": "Register of transfers", "fr": "Registre des transferts"},
    "documents": {"en": "Register of documents", "fr": "Registre des documents"},
}

AS_OF = {
    "en": "As of {day} · version {version} of the policy",
    "fr": "Au {day} · version {version} de la politique",
}


def title(drawn: Drawn) -> str:
    """Return what a register is called, with whose it is."""
    language = "fr" if drawn.source.language == "fr" else "en"
    group = drawn.source.policy.group
    whose = group.title.said(language) if group else drawn.source.policy.title
    return f"{TITLES[drawn.register.name][language]} – {whose}"


def pdf(project: Project, drawn: Drawn) -> bytes:
    """Set a register on paper (PDF/UA-1)."""
    columns = drawn.register.columns
    language = "fr" if drawn.source.language == "fr" else "en"
    data = {
        "language": drawn.source.language,
        "title": title(drawn),
        "on": AS_OF[language].format(day=drawn.source.words.date(drawn.source.today), version=drawn.version),
        "lines": [
            {
                "name": _heading(line),
                "rows": [[heading, list(line[code])] for code, heading in columns if line.get(code)],
            }
            for line in drawn.register.lines
        ],
    }
    template = (files("troth.work") / "register.typ").read_text(encoding="utf-8")
    return typeset(template, data, project.clock())


def _heading(line: Line) -> str:
    """Return what a line is about: its name, or of a transfer who imports and where."""
    if line.get("name"):
        return line["name"][0]
    parts = [*line.get("importer", ()), *line.get("country", ())]
    return ", ".join(parts) or line["reference"][0]
