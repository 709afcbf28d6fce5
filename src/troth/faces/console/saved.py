"""Files that a page of the console gives away: tables as CSV in which no cell is a formula, and documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from litestar import Response
from litestar.response import Stream

from troth.faces.web import HEADERS
from troth.rules.package import as_csv_line, file_name

AT_ONCE = 500


def csv_file(name: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Stream:
    """Give a table away as a file, in UTF-8 with its mark, so that spreadsheets read every letter."""
    return Stream(
        _lines(heads, rows), media_type="text/csv; charset=utf-8", headers=_headers(f"{name}", "csv")
    )


def document(name: str, ending: str, media_type: str, content: bytes) -> Response[Any]:
    """Give a document away as a file."""
    return Response(content, media_type=media_type, headers=_headers(name, ending))


def _headers(name: str, ending: str) -> dict[str, str]:
    named = f'attachment; filename="{file_name(name)}.{ending}"'
    return {**HEADERS, "Cache-Control": "no-store", "Content-Disposition": named}


def _lines(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Write line by line, some hundreds at once: a chunk costs a thread."""
    held = [f"\ufeff{as_csv_line(heads)}"]
    for row in rows:
        held.append(as_csv_line(row))
        if len(held) >= AT_ONCE:
            yield "".join(held).encode()
            held = []
    yield "".join(held).encode()
