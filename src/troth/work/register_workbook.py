"""A register as a workbook: its table on the first sheet and, of processing, a sheet for each activity.

Law: GDPR Art. 30(3), (4): in writing, and made available to the authority.
"""

from __future__ import annotations

from troth.outside.spreadsheet import workbook
from troth.rules.register_sheet import headings, sheets
from troth.work.draw_register import Drawn
from troth.work.register_paper import title


def xlsx(drawn: Drawn) -> bytes:
    """Write a register as XLSX."""
    register = drawn.register
    columns = [heading for _, heading in register.columns]
    written = [(title(drawn).partition(" – ")[0], columns, [*register.rows("\n")])]
    if register.name == "processing":
        heads = headings(drawn.source)
        written += [(name, list(heads), [*rows]) for name, rows in sheets(drawn.source, register)]
    return workbook(written)
