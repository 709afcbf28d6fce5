"""An empty workbook for an import: the headings, what may stand in each column, and what each is for.

Needs the extra `troth[office]`.
"""

from __future__ import annotations

from troth.outside.spreadsheet import workbook
from troth.rules.import_sheet import Column, Table

_HEADINGS = (
    "Column",
    "Colonne",
    "Needed / Obligatoire",
    "What stands in it",
    "Ce qui y figure",
    "Values / Valeurs",
)
_TYPES = {
    "text": ("words", "texte"),
    "day": ("a day, such as 2026-03-05", "un jour, tel que 2026-03-05"),
    "moment": ("a day, or a moment: 2026-03-05T14:30+01:00", "un jour, ou un moment : 2026-03-05T14:30+01:00"),
    "number": ("a whole number", "un nombre entier"),
    "yes_no": ("yes or no", "oui ou non"),
    "email": ("an e-mail address", "une adresse électronique"),
    "word": ("one of the values", "une des valeurs"),
    "words": ("one or more of the values, between semicolons", "une ou plusieurs des valeurs, entre points-virgules"),
    "names": ("one or more names, between semicolons", "un ou plusieurs noms, entre points-virgules"),
    "texts": ("one or more sayings, between semicolons", "une ou plusieurs mentions, entre points-virgules"),
    "file": ("a file beside the table, by its path", "un fichier à côté du tableau, par son chemin"),
}  # fmt: skip


def template(table: Table, language: str) -> bytes:
    """Write the empty workbook of a kind: its first sheet is filled in, the second explains it in both languages."""
    headings = [column.title[language] for column in table.columns]
    told = "Values" if language == "en" else "Valeurs"
    return workbook(
        [(table.title[language], headings, ()), (told, _HEADINGS, map(_explained, table.columns))]
    )


def _explained(column: Column) -> tuple[str, ...]:
    said = _TYPES[column.type]
    stands = [
        f"{what[:1].upper()}{what[1:]}. {column.note.get(name, '')}".strip()
        for what, name in zip(said, ("en", "fr"), strict=True)
    ]
    needed = "yes / oui" if column.required else ""
    return column.title["en"], column.title["fr"], needed, *stands, ", ".join(column.sayings)
