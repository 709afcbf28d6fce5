"""Tables as spreadsheets (XLSX), in which no cell is a formula.

Needs the extra `troth[office]`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import chain

from troth.errors import NotAllowedError

CELL_MAX = 32_767
"""What a cell of a spreadsheet can hold, in characters (ECMA-376)."""
_WIDTH = 42
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
    except ModuleNotFoundError:
        raise NotAllowedError(
            "Spreadsheets need the extra `office`: pip install 'troth[office]'. Or write --format csv."
        ) from None
    book = Workbook(write_only=True)
    wrapped, bold = Alignment(wrap_text=True, vertical="top"), Font(bold=True)
    for title, headings, rows in sheets:
        sheet = book.create_sheet(_sheet_name(title))
        sheet.freeze_panes = "A2"
        for number in range(1, len(headings) + 1):
            sheet.column_dimensions[get_column_letter(number)].width = _WIDTH
        count = 0
        for row in chain([headings], rows):
            made = [WriteOnlyCell(sheet, value=text.translate(_CONTROL)[:CELL_MAX]) for text in row]
            for cell in made:
                cell.data_type = "s"  # a string whatever it begins with: nothing is computed
                cell.alignment = wrapped
                if count == 0:
                    cell.font = bold
            sheet.append(made)
            count += 1
        sheet.auto_filter.ref = f"A1:{get_column_letter(max(len(headings), 1))}{count}"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _sheet_name(title: str) -> str:
    """Return a name that a sheet can have: 31 characters, none of those that are refused."""
    return "".join(one for one in title if one not in "[]:*?/\\")[:31] or "Troth"
