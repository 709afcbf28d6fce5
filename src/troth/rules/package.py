"""What an access answer looks like: the pages and files of it, from rows and promises.

Safe by construction: text is escaped in HTML, a cell that a spreadsheet would run as a
formula is quoted in CSV, and what is concealed or masked is said and never shown.

Law: GDPR Art. 15(1) to (4); Art. 12(1).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from html import escape
from typing import Any

from troth.errors import NotAllowedError
from troth.rules.column_name import is_credential

CREDENTIAL = "credential"  # never leaves (GDPR Art. 32)
SHOWN_MAX = 200  # rows of a table on the page; the files hold them all
_JSON = json.JSONEncoder(ensure_ascii=False)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CONCEALED = {"en": "[about somebody else]", "fr": "[concerne autrui]"}
MASKED = {"en": "[masked: {reason}]", "fr": "[masqué : {reason}]"}
MASKED_PAGE = {"en": "[page {page} masked: {reason}]", "fr": "[page {page} masquée : {reason}]"}
ARCHIVED_UNTIL = "archived_until"
"""The column in which an answer says of an archived row when it goes."""
ARCHIVED = {
    "en": "Archived until {until} at the latest, because of {legal}: kept apart, for few people, and no longer used.",
    "fr": "Archivé jusqu’au {until} au plus tard, en raison de {legal} : conservé à part, pour peu de personnes, et "
    "sans autre usage.",
}
WITHHELD = {"en": "[withheld: a credential]", "fr": "[non communiqué : un secret]"}


@dataclass(frozen=True, slots=True)
class Mask:
    """What a handler blacks out, and why: a column of a table, in one of its rows or in all.

    `row` counts from 1 in the order of the answer; `column` None masks the whole row.
    """

    store: str
    table: str
    column: str | None
    row: int | None
    reason: str

    @classmethod
    def read(cls, written: str) -> Mask:
        """Read `store.table[.column][#row]=reason`; raises NotAllowedError when it is not one.

        >>> Mask.read("crm.message.body#3=names a colleague").row
        3
        """
        place, equals, reason = written.partition("=")
        path, _, row = place.partition("#")
        store, _, rest = path.partition(".")
        table, _, column = rest.rpartition(".") if rest.count(".") else (rest, "", "")
        if not (equals and reason.strip() and store and table and (not row or row.isdigit())):
            raise NotAllowedError(
                "A mask is written store.table.column#row=reason. Leave #row out for every row, and .column for "
                "the whole row."
            )
        if not column and not row:
            raise NotAllowedError(
                "A whole table cannot be masked: name a column or a row, or refuse the claim."
            )
        return cls(store, table, column or None, int(row) if row else None, reason.strip())

    def covers(self, store: str, table: str, row: int, column: str) -> bool:
        """Say whether it blacks out this cell."""
        return (
            (self.store, self.table) == (store, table)
            and self.row in {None, row}
            and self.column in {None, column}
        )


@dataclass(frozen=True, slots=True)
class FileMask:
    """A file that was handed in for an answer, or one of its pages (from 1), that is left out, and why."""

    store: str
    name: str
    page: int | None
    reason: str


AnyMask = Mask | FileMask
_FILE_MASK = re.compile(r"attached/(?P<store>[^/]+)/(?P<name>.+?)(?:#(?P<page>[1-9]\d*))?=(?P<reason>.*\S.*)")


def read_mask(written: str) -> AnyMask:
    """Read a mask of values, or `attached/STORE/FILE[#PAGE]=reason`; raises NotAllowedError when it is neither.

    >>> read_mask("attached/mail/march.pdf#2=names a colleague").page
    2
    """
    if not written.startswith("attached/"):
        return Mask.read(written)
    found = _FILE_MASK.fullmatch(written)
    if found is None:
        raise NotAllowedError(
            "A mask of a file is written attached/STORE/FILE#PAGE=reason. Leave #PAGE out for the whole file."
        )
    page = found["page"]
    return FileMask(found["store"], found["name"], int(page) if page else None, found["reason"].strip())


def all_masked(columns: Iterable[str], masks: Sequence[Mask], place: tuple[str, str, int]) -> bool:
    """Say whether nothing of a row would be seen."""
    store, table, row = place
    return all(any(mask.covers(store, table, row, column) for mask in masks) for column in columns)


def shown(
    values: Mapping[str, object],
    categories: Mapping[str, str],
    concealed: Sequence[str],
    masks: Sequence[Mask],
    place: tuple[str, str, int],
    language: str,
) -> dict[str, object]:
    """Return a row as it may be seen: values, or why not."""
    store, table, row = place
    out: dict[str, object] = {}
    for column, value in values.items():
        mask = next((mask for mask in masks if mask.covers(store, table, row, column)), None)
        if categories.get(column) == CREDENTIAL:
            out[column] = WITHHELD[language]
        elif column in concealed and value is not None:
            out[column] = CONCEALED[language]
        elif mask is not None:
            out[column] = MASKED[language].format(reason=mask.reason)
        else:
            out[column] = plain(value)
    return out


def withheld(
    values: Mapping[str, object], categories: Mapping[str, str], language: str = "en"
) -> dict[str, object]:
    """Return a row without its credentials: that there is one is said, and no more.

    A column that no map names is one when its name says so.

    >>> withheld({"id": 1, "password": "x"}, {"id": "key", "password": "credential"})
    {'id': 1, 'password': '[withheld: a credential]'}
    >>> withheld({"id": 1, "api_token": "x"}, {"id": "key"})
    {'id': 1, 'api_token': '[withheld: a credential]'}
    """
    return {
        column: WITHHELD[language]
        if categories.get(column) == CREDENTIAL or (column not in categories and is_credential("", column))
        else value
        for column, value in values.items()
    }


def plain(value: object) -> object:
    """Return a value as JSON has it."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case date() | datetime() | time():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _:
            return str(value)


def as_json_line(row: Mapping[str, object]) -> str:
    """Write a row as a line of JSON."""
    return _JSON.encode(row)


def as_csv_line(cells: Sequence[object]) -> str:
    r"""Write a row as a line of CSV in which no cell is a formula.

    >>> as_csv_line(["=1+1", "a,b", None, 7]) == "'=1+1,\"a,b\",,7\r\n"
    True
    """
    out = io.StringIO()
    csv.writer(out).writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def html_table(caption: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows as a table people can read, with its headings marked as such."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_html(row.get(column))}</td>" for column in columns) + "</tr>" for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html(value: Any) -> str:
    if value is None:
        return '<span class="none">–</span>'
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape(text).replace("\n", "<br>")


def file_name(name: str) -> str:
    """Return a name that is safe in any file system.

    >>> file_name('a/b "c"..')
    'a_b__c___'
    """
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:80] or "_"
