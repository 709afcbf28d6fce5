"""Look at some rows of one person in one table, masked: the shape of each value, so that a plan can be judged.

What is found is shown and kept nowhere; that somebody looked is recorded before anything is read.

Law: GDPR Art. 5(1)(c), Art. 32(4); Case C-579/21.
"""

from __future__ import annotations

from collections.abc import Mapping

from troth.errors import NotFoundError
from troth.rules import inspection_look
from troth.rules.package import WITHHELD
from troth.work import request_file
from troth.work.project import Project

ROWS_MAX = 10
READ_MAX = 50_000
"""Rows of other tables that are passed over until those of the one looked for come, at most."""


def look_at_rows(
    project: Project, number: str, store: str, table: str, staff: str, *, language: str = "en"
) -> tuple[Mapping[str, str], ...]:
    """Return the first rows of a request's person in a table, each value as its shape only.

    Raises NotFoundError for a store or a table that the maps do not have.
    """
    found = request_file.load(project, number)
    if store not in request_file.stores(project, found) or table not in project.maps[store].tables:
        raise NotFoundError(f"The maps have no table {store[:40]}.{table[:60]} about this person.")
    request_file.record_reading(project, number, staff, f"rows/{store}.{table}")
    columns = {name: str(category) for name, category in project.maps[store].tables[table].columns.items()}
    spoken, rows = language if language in WITHHELD else "en", list[Mapping[str, str]]()
    for read, row in enumerate(project.stores[store].find([request_file.who(project, found)])):
        if read >= READ_MAX or len(rows) >= ROWS_MAX:
            break
        if row.table == table:
            seen = {name: value for name, value in row.values.items() if name not in row.concealed}
            rows.append(inspection_look.shown(seen, columns, masked=True, language=spoken))
    return tuple(rows)
