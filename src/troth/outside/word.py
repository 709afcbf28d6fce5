"""Text and tables as a Word document (DOCX), whose words are words: no field, no macro, nothing fetched.

Needs the extra `troth[office]`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from troth.errors import NotAllowedError

Part: TypeAlias = tuple[str, Sequence[str], Sequence[str], Sequence[Sequence[str]]]
"""A heading, its paragraphs, and the headings and rows of a table where there is one."""
_CONTROL = {code: None for code in range(32) if code not in (9, 10)}


def docx(
    title: str,
    opening: Iterable[str],
    parts: Iterable[Part],
    closing: Iterable[str],
    language: str,
    author: str,
    written: datetime,
) -> bytes:
    """Write a document: its title, some lines, parts with headings and tables, and some lines at its end."""
    try:
        from docx import Document
    except ModuleNotFoundError:
        raise NotAllowedError(
            "Word documents need the extra `office`: pip install 'troth[office]'. Or write --format pdf."
        ) from None
    made = Document()
    properties = made.core_properties
    properties.title, properties.author, properties.language = title, author, language
    properties.comments, properties.created, properties.modified = "", written, written
    made.add_heading(_plain(title), 0)
    for line in opening:
        made.add_paragraph(_plain(line))
    for heading, paragraphs, headings, rows in parts:
        made.add_heading(_plain(heading), 1)
        for line in paragraphs:
            made.add_paragraph(_plain(line))
        if rows:
            table = made.add_table(rows=1, cols=len(headings), style="Table Grid")
            for cell, told in zip(table.rows[0].cells, headings, strict=True):
                cell.paragraphs[0].add_run(_plain(told)).bold = True
            for row in rows:
                for cell, told in zip(table.add_row().cells, row, strict=True):
                    cell.text = _plain(told)
    for line in closing:
        made.add_paragraph(_plain(line))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def _plain(text: str) -> str:
    return text.translate(_CONTROL)
