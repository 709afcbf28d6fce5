"""Workbooks of OpenDocument (.ods), as LibreOffice writes them: the cells of their sheets, line by line.

A sheet repeats a cell or a line by a number: what is empty is passed by, however often it is repeated.
No entity is resolved and nothing is fetched; a formula is read as the value it had when it was saved.
Needs the extra `troth[office]`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_OF = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _OFFICE, _TEXT = (f"{{{_OF}{name}:1.0}}" for name in ("table", "office", "text"))
KIND = b"application/vnd.oasis.opendocument.spreadsheet"
CELLS_MAX = 2000
"""How many cells of a line are read: more than any list has columns."""
REPEATED_MAX = 100_000
"""How often a line with something in it is told again, at most."""


class NoWorkbookError(ValueError):
    """The file is no OpenDocument workbook that can be read."""


def lines(file: Path) -> Iterator[tuple[int, int, list[object]]]:
    """Yield the lines of a workbook: the number of the sheet and of the line in it, from 1, and the cells.

    Raises NoWorkbookError where it is none.
    """
    from lxml import etree

    try:
        with zipfile.ZipFile(file) as packed:
            if packed.read("mimetype").strip() != KIND:
                raise NoWorkbookError
            with packed.open("content.xml") as content:
                read = etree.iterparse(
                    content, events=("start", "end"), tag=(f"{_TABLE}table", f"{_TABLE}table-row"),
                    resolve_entities=False, no_network=True, load_dtd=False,
                )  # fmt: skip
                yield from _lines(read)
    except (etree.XMLSyntaxError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        raise NoWorkbookError from None


def _lines(read: Iterator[tuple[str, _Element]]) -> Iterator[tuple[int, int, list[object]]]:
    sheet = line = depth = 0
    for event, element in read:
        if element.tag == f"{_TABLE}table":
            depth += 1 if event == "start" else -1  # a table within a cell is none of ours
            if (event, depth) == ("start", 1):
                sheet, line = sheet + 1, 0
        elif event == "end" and depth == 1:
            times = _number(element, "number-rows-repeated")
            cells = _cells(element)
            for at in range(min(times, REPEATED_MAX) if cells else 0):
                yield sheet, line + at + 1, cells
            line += times
            element.clear()
            before, within = element.getprevious(), element.getparent()
            if before is not None and within is not None:
                within.remove(before)  # or the whole sheet is held


def _cells(row: _Element) -> list[object]:
    """Return the cells of a line up to the last that has something."""
    found: list[object] = []
    empty = 0
    for cell in row:
        if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            continue
        times, value = _number(cell, "number-columns-repeated"), _value(cell)
        if value in (None, ""):
            empty += times
            continue
        if len(found) + empty + times > CELLS_MAX:
            break
        found += [None] * empty + [value] * times
        empty = 0
    return found


def _value(cell: _Element) -> object:
    match cell.get(f"{_OFFICE}value-type"):
        case "float" | "percentage" | "currency":
            return _figure(cell.get(f"{_OFFICE}value", ""))
        case "boolean":
            return cell.get(f"{_OFFICE}boolean-value") == "true"
        case "date":
            said = cell.get(f"{_OFFICE}date-value", "")
            try:
                return datetime.fromisoformat(said)
            except ValueError:
                return said
        case _:
            paragraphs = cell.findall(f"{_TEXT}p")
            return "\n".join("".join(_words(one)) for one in paragraphs) or cell.get(f"{_OFFICE}string-value")


def _figure(said: str) -> object:
    try:
        return float(said)
    except ValueError:
        return said


def _words(paragraph: _Element) -> Iterator[str]:
    """Yield what a paragraph says: blanks and breaks are elements of their own."""
    yield paragraph.text or ""
    for one in paragraph:
        match one.tag:
            case name if name == f"{_TEXT}s":
                yield " " * min(int(one.get(f"{_TEXT}c", "1")), 100)
            case name if name == f"{_TEXT}tab":
                yield "\t"
            case name if name == f"{_TEXT}line-break":
                yield "\n"
            case _:
                yield from _words(one)
        yield one.tail or ""


def _number(element: _Element, name: str) -> int:
    said = element.get(f"{_TABLE}{name}", "1")
    return int(said) if said.isascii() and said.isdecimal() else 1
