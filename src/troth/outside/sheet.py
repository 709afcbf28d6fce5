"""Tables that people hand in: CSV as their office programs write it, workbooks (Excel, OpenDocument), and JSON lines.

A row is told with its number and the name of each cell as the program shows it (`C7`), so that
whoever reads a message finds the place.  Nothing is guessed: what is no table is refused.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from troth.errors import NotAllowedError, NotFoundError

if TYPE_CHECKING:
    from openpyxl import Workbook

WORKBOOKS = frozenset({".xlsx", ".xlsm", ".ods"})
CELL_MAX = 10_000
UNPACKED_MAX = 2 << 30
COLUMNS_MAX = 1000
LINES_MAX = 5000
"""How many lines of a sheet are read where each sheet is a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the heading: its number in the file, and its cells by their column's name."""

    number: int
    cells: Mapping[str, str] = field(repr=False)
    letters: Mapping[str, str] = field(default_factory=dict)  # of each column, as a spreadsheet names it
    titles: Mapping[str, str] = field(default_factory=dict)  # each column as the file heads it
    row: int = 0  # as a spreadsheet numbers it, where a cell of CSV may have several lines

    def place(self, column: str) -> str:
        """Name a cell as people find it, such as `line 7, cell C7`."""
        letter = self.letters.get(column)
        return f"line {self.number}, cell {letter}{self.number}" if letter else f"line {self.number}"


def rows(file: Path, heading_row: int = 0) -> Iterator[Row]:
    """Yield the rows of a CSV file or a workbook (its first sheet); empty rows are passed by.

    Column names are compared without case and spaces; what stands before `heading_row` is passed
    by.  Raises NotFoundError where there is no file, NotAllowedError where it is no table.
    """
    if not file.is_file():
        raise NotFoundError(f"There is no file {file.name!r}.")
    if file.suffix.lower() in {".jsonl", ".ndjson"}:
        yield from _json_lines(file)
        return
    read = _first_sheet(file) if file.suffix.lower() in WORKBOOKS else _csv(file)
    heading: list[str] | None = None
    titles: dict[str, str] = {}
    letters: dict[str, str] = {}
    for told, (number, cells) in enumerate(read, 1):
        place = number if file.suffix.lower() in WORKBOOKS else told
        values = [_text(cell) for cell in cells]
        if not any(values) or place < heading_row:
            continue
        if heading is None:
            heading = _heading(file, values)
            titles = dict(zip(heading, values, strict=True))
            letters = {name: _letters(at) for at, name in enumerate(heading) if name}
            continue
        named = {name: value for name, value in zip(heading, values, strict=False) if name and value}
        more = [value for value in values[len(heading) :] if value]
        if more:
            raise NotAllowedError(
                f"{file.name}, line {number}: it has more cells than the heading names. Mend that line."
            )
        yield Row(number, named, letters, titles, place)
    if heading is None:
        raise NotAllowedError(f"{file.name} is empty. Its first line names the columns.")


def sheets(file: Path) -> Iterator[Row]:
    """Yield each sheet of a workbook as a row: what heads a line, and what stands to the right of it.

    Where a line has several cells to the right they are told together, and so is what a heading that stands
    there twice has.  Raises NotFoundError where there is no file, NotAllowedError where it is no workbook.
    """
    if not file.is_file():
        raise NotFoundError(f"There is no file {file.name!r}.")
    if file.suffix.lower() not in WORKBOOKS:
        raise NotAllowedError(f"{file.name} is no workbook: this map reads one sheet for each row.")
    for number, lines in groupby(_workbook(file, LINES_MAX), key=itemgetter(0)):
        cells: dict[str, str] = {}
        for _, _, line in lines:
            values = [text for cell in line[:COLUMNS_MAX] if (text := _text(cell))]
            if len(values) > 1:
                said = ": ".join(values[1:])
                cells[values[0]] = f"{cells[values[0]]}\n{said}" if values[0] in cells else said
        yield Row(number, cells, row=number)


def _json_lines(file: Path) -> Iterator[Row]:
    """Read one object a line; its values are texts or numbers."""
    try:
        with file.open(encoding="utf-8-sig") as written:
            for number, line in enumerate(written, 1):
                if not line.strip():
                    continue
                try:
                    told = json.loads(line) if len(line) <= CELL_MAX * COLUMNS_MAX else None
                except ValueError:
                    told = None
                if not isinstance(told, dict):
                    raise NotAllowedError(
                        f"{file.name}, line {number}: it is no JSON object. Mend that line."
                    )
                cells = {_heading(file, [name])[0]: _text(value) for name, value in told.items()}
                yield Row(number, {name: value for name, value in cells.items() if value}, row=number)
    except UnicodeDecodeError:
        raise NotAllowedError(f"{file.name} is not UTF-8. Save it so, and import it again.") from None


def _heading(file: Path, values: Sequence[str]) -> list[str]:
    names = ["_".join(value.lower().replace("-", " ").split()) for value in values]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise NotAllowedError(f"{file.name} has two columns called {twice[0][:40]!r}. Name one otherwise.")
    if len(names) > COLUMNS_MAX:
        raise NotAllowedError(f"{file.name} has more than {COLUMNS_MAX} columns: it is no list of people.")
    return names


def _text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case datetime() if cell.time() == datetime.min.time():
            return cell.date().isoformat()
        case datetime() | date():
            return cell.isoformat()
        case float() if cell.is_integer():
            return str(int(cell))
        case _:
            return str(cell).strip()[: CELL_MAX + 1]


def _letters(column: int) -> str:
    """Name a column as a spreadsheet does.

    >>> _letters(0), _letters(27)
    ('A', 'AB')
    """
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def _csv(file: Path) -> Iterator[tuple[int, Sequence[object]]]:
    """Read CSV with commas, semicolons or tabs, whichever the heading has most of."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as written:
            heading = written.readline(CELL_MAX * 4)
            written.seek(0)
            separator = max(",;\t", key=heading.count)
            read = csv.reader(written, delimiter=separator, strict=True)
            for cells in read:
                yield read.line_num, cells
    except UnicodeDecodeError:
        raise NotAllowedError(
            f"{file.name} is not UTF-8. Save it as CSV in UTF-8, and import it again."
        ) from None
    except csv.Error as error:
        raise NotAllowedError(f"{file.name}, line {read.line_num}: it is no CSV ({error}).") from None


def _first_sheet(file: Path) -> Iterator[tuple[int, Sequence[object]]]:
    for sheet, number, cells in _workbook(file):
        if sheet > 1:
            return
        yield number, cells


def _workbook(file: Path, lines_max: int | None = None) -> Iterator[tuple[int, int, Sequence[object]]]:
    """Yield the lines of a workbook, sheet by sheet: the numbers of both, from 1, and the cells."""
    if file.suffix.lower() == ".ods":
        for sheet, number, cells in _open_document(file):
            if lines_max is None or number <= lines_max:
                yield sheet, number, cells
        return
    with _opened(file) as book:
        for sheet, one in enumerate(book.worksheets, 1):
            for number, line in enumerate(islice(one.iter_rows(values_only=True), lines_max), 1):
                yield sheet, number, line


def _open_document(file: Path) -> Iterator[tuple[int, int, Sequence[object]]]:
    with _needing_office():
        import lxml  # noqa: F401

        from troth.outside.open_document import NoWorkbookError, lines
    try:
        with zipfile.ZipFile(file) as packed:
            _refuse_huge(file, packed)
        yield from lines(file)
    except (zipfile.BadZipFile, NoWorkbookError):
        raise NotAllowedError(
            f"{file.name} is no OpenDocument workbook that can be read. Save it anew, or as CSV."
        ) from None


@contextmanager
def _needing_office() -> Iterator[None]:
    """Say what to install where what reads workbooks is not there."""
    try:
        yield
    except ImportError:
        raise NotAllowedError(
            "Workbooks are read with the extra `office`: pip install 'troth[office]'; or save the list as CSV."
        ) from None


def _refuse_huge(file: Path, packed: zipfile.ZipFile) -> None:
    if sum(part.file_size for part in packed.infolist()) > UNPACKED_MAX:
        raise NotAllowedError(f"{file.name} unpacks to more than 2 GB. Save the list as CSV.")


@contextmanager
def _opened(file: Path) -> Iterator[Workbook]:
    with _needing_office():
        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException
    try:
        with zipfile.ZipFile(file) as packed:
            _refuse_huge(file, packed)
        book = load_workbook(file, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError):
        raise NotAllowedError(
            f"{file.name} is no Excel workbook that can be read. Save it anew, or as CSV."
        ) from None
    try:
        yield book
    finally:
        book.close()
