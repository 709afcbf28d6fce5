"""Files that a page of the console gives away: tables as CSV in which no cell is a formula, and documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from litestar import Response
from litestar.response import Stream

from troth.faces.attachment import attachment
from troth.faces.web import HEADERS
from troth.rules.package import as_csv_line, file_name

AT_ONCE = 500
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass(frozen=True, slots=True)
class Cut:
    """That a file holds only so many rows of more: its name says it, and its last line in a sentence."""

    rows: int
    said: str


def csv_file(
    name: str, heads: Sequence[str], rows: Iterable[Sequence[object]], cut: Cut | None = None
) -> Response[Any]:
    """Give a table away as a file, in UTF-8 with its mark, so that spreadsheets read every letter."""
    if cut is not None:
        name, rows = f"{name}-first-{cut.rows}", chain(rows, [[cut.said]])
    return given_away(f"{file_name(name)}.csv", "text/csv; charset=utf-8", _lines(heads, rows))


def document(name: str, ending: str, media_type: str, content: bytes) -> Response[Any]:
    """Give a document away as a file."""
    return given_away(f"{file_name(name)}.{ending}", media_type, content)


def given_away(name: str, media_type: str, content: bytes | Iterator[bytes]) -> Response[Any]:
    """Give a file of this name away; it is stored nowhere on the way."""
    headers = {**HEADERS, "Cache-Control": "no-store", "Content-Disposition": attachment(name)}
    if isinstance(content, bytes):
        return Response(content, media_type=media_type, headers=headers)
    return Stream(content, media_type=media_type, headers=headers)


def _lines(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Write line by line, some hundreds at once: a chunk costs a thread."""
    held = [f"\ufeff{as_csv_line(heads)}"]
    for row in rows:
        held.append(as_csv_line(row))
        if len(held) >= AT_ONCE:
            yield "".join(held).encode()
            held = []
    yield "".join(held).encode()
