"""Tables as spreadsheets (XLSX), in which no cell is a formula.

Needs the extra `troth[office]`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain, islice

from troth.errors import NotAllowedError

CELL_MAX = 32_767
"""What a cell of a spreadsheet can hold, in characters (ECMA-376)."""
SHEET_MAX = 31
"""How long the name of a sheet can be, in characters."""
_WIDTHS = (12, 42)
"""The narrowest and the widest column, in characters."""
_A4 = 9
"""The paper, by its number in ECMA-376."""
_LOOKED = 200
"""How many rows are looked at for the width of a column."""
_FIRST_DAY = date(1900, 3, 1)
"""From here on every program counts days alike: the first ones have a 29 February 1900, or are before all days."""
_CONTROL = {code: None for code in range(32) if code not in (9, 10)} | {13: None}


def xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write one sheet: a frozen line of headings that filters, then the rows, wrapped."""
    return workbook([(title, headings, rows)])


def workbook(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[str]]]]) -> bytes:
    """Write several sheets, each with its title, its headings and its rows."""
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font
        from openpyxl.utils import get_column_letter
        from openpyxl.worksheet.properties import PageSetupProperties
    except ModuleNotFoundError:
        raise NotAllowedError(
            "Spreadsheets need the extra `office`: pip install 'troth[office]'. Or write --format csv."
        ) from None
    book = Workbook(write_only=True)
    book.properties.creator = "Troth"
    wrapped, bold = Alignment(wrap_text=True, vertical="top"), Font(bold=True)
    names: set[str] = set()
    for title, headings, rows in sheets:
        book.properties.title = book.properties.title or title
        sheet = book.create_sheet(_sheet_name(title, names))
        sheet.freeze_panes = "A2"
        sheet.print_title_rows = "1:1"
        sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", _A4
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.fitToHeight = 0  # as many pages down as it takes, one across
        left = iter(rows)
        first = [list(row) for row in islice(left, _LOOKED)]
        for number, width in enumerate(_widths([headings, *first]), 1):
            sheet.column_dimensions[get_column_letter(number)].width = width
        count = 0
        for row in chain([headings], first, left):
            made = []
            for text in row:
                day = _day(text) if count else None
                cell = WriteOnlyCell(sheet, value=day or text.translate(_CONTROL)[:CELL_MAX])
                if day is None:
                    cell.data_type = "s"  # a string whatever it begins with: nothing is computed
                else:
                    cell.number_format = "yyyy-mm-dd"
                cell.alignment = wrapped
                if count == 0:
                    cell.font = bold
                made.append(cell)
            sheet.append(made)
            count += 1
        sheet.auto_filter.ref = f"A1:{get_column_letter(max(len(headings), 1))}{count}"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _day(text: str) -> date | None:
    """Return a day that is written as one (ISO 8601), so that a spreadsheet sorts and filters it as one.

    None for what is no day, and for one that spreadsheets cannot hold or would show as another.
    """
    if len(text) != len("2026-11-23") or not text[:4].isdecimal():
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day >= _FIRST_DAY else None


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide each column is: its longest line, within bounds."""
    found: list[int] = []
    for row in rows:
        for place, text in enumerate(row):
            if place == len(found):
                found.append(0)
            found[place] = max(found[place], *(len(line) for line in text.split("\n")))
    narrow, wide = _WIDTHS
    return [min(wide, max(narrow, longest + 2)) for longest in found]


def _sheet_name(title: str, taken: set[str]) -> str:
    """Return a name that a sheet can have, and take it: 31 characters, none of those refused, none of another's."""
    plain = (
        "".join(one for one in title.translate(_CONTROL) if one not in "[]:*?/\\\n\t").strip("' ") or "Troth"
    )
    name, number = plain[:SHEET_MAX], 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain[: SHEET_MAX - len(str(number)) - 1].rstrip()} {number}"
    taken.add(name.casefold())
    return name
