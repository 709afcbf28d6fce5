"""Tables as spreadsheets (XLSX), in which no cell is a formula.

Needs the extra `troth[office]`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from troth.errors import NotAllowedError

CELL_MAX = 32_767
"""What a cell of a spreadsheet can hold, in characters (ECMA-376)."""
_WIDTH = 42
_CONTROL = {code: None for code in range(32) if code not in (9, 10)} | {13: None}


def xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write one sheet: a frozen line of headings that filters, then the rows, wrapped."""
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
    sheet = book.create_sheet(_sheet_name(title))
    sheet.freeze_panes = "A2"
    for number in range(1, len(headings) + 1):
        sheet.column_dimensions[get_column_letter(number)].width = _WIDTH
    wrapped, bold = Alignment(wrap_text=True, vertical="top"), Font(bold=True)

    def cell(text: str, *, heading: bool = False) -> object:
        made = WriteOnlyCell(sheet, value=text.translate(_CONTROL)[:CELL_MAX])
        made.data_type = "s"  # a string whatever it begins with: nothing is computed
        made.alignment = wrapped
        if heading:
            made.font = bold
        return made

    sheet.append([cell(one, heading=True) for one in headings])
    count = 1
    for row in rows:
        sheet.append([cell(one) for one in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(len(headings), 1))}{count}"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _sheet_name(title: str) -> str:
    """Return a name that a sheet can have: 31 characters, none of those that are refused."""
    return "".join(one for one in title if one not in "[]:*?/\\")[:31] or "Troth"
