"""Tables of a page and their files: whatever a page shows as a table, it gives away as CSV.

Templates draw a table by `parts_.table` alone, which puts the link to its file below it.  The file is read
out of the table as it was drawn, so it says what the page says, to whoever may open the page and after the
same record of the reading.  A list that goes on over several pages names the address of its whole file.

What a form was answered by is not asked for twice: there the file stands in the link itself.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markupsafe import Markup

from troth.rules.package import as_csv_line, file_name

_UNSAID = frozenset({"button", "option", "script", "style", "svg"})
_BLANKS = re.compile(r"[^\S\u202f]+")
_GROUPED = re.compile(r"[-−]?\d{1,3}(?:[,\u202f]\d{3})+")
_GROUPED_IN_FRENCH = re.compile(r"[-−]?\d{1,3}(?:\u202f\d{3})+")
_APART = frozenset({"br", "div", "li", "p", "dd", "dt"})


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one page as it is drawn: which of them is asked for as a file, and what was found."""

    page: str
    address: str | None
    """Where this page gives one of its tables away, up to the table's name; None for the answer to a form."""
    asked: str = ""
    drawn: dict[str, str] = field(default_factory=dict, repr=False)

    def most(self, rows: int) -> int | None:
        """Return how many rows the page shows: so many, and every one in a file."""
        return None if self.asked else rows

    def add(self, name: str, table: str) -> Markup:
        """Remember a table that was drawn, and return the address of its file; a name that came before is numbered."""
        called = next(one for one in _numbered(name) if one not in self.drawn)
        self.drawn[called] = table
        if self.address is not None:
            return Markup.escape(f"{self.address}{called}")
        lines = "".join(as_csv_line(row) for row in rows_of(table))
        return Markup("data:text/csv;charset=utf-8;base64,") + b64encode(f"\ufeff{lines}".encode()).decode()

    def named(self, name: str) -> str:
        """Return the name of a table's file, without its ending."""
        return file_name(f"{self.page}-{name}")

    def rows(self) -> list[list[str]] | None:
        """Return the rows of the table that is asked for, its headings first; None where there is none of its name."""
        return rows_of(self.drawn[self.asked]) if self.asked in self.drawn else None


def _numbered(name: str) -> Sequence[str]:
    return [name, *(f"{name}-{number}" for number in range(2, 1000))]


def rows_of(table: str) -> list[list[str]]:
    r"""Read the rows of a table out of its HTML, each cell as the text that people see.

    >>> rows_of('<thead><tr><th>Day<th>What</thead><tr><td>1 May</td><td>a <b>word</b><br>more</td></tr>')
    [['Day', 'What'], ['1 May', 'a word more']]

    A number is written in its digits alone, as spreadsheets read it.

    >>> rows_of('<tr><td class="number">12,345<td>-12\u202f345\u202f678<td>12\u202f345 lignes')
    [['12345', '-12345678', '12 345 lignes']]
    """
    reader = _Reader()
    reader.feed(table)
    reader.close()
    return [[_plain("".join(cell).strip(), cell.counts) for cell in row] for row in reader.rows]


def _plain(text: str, counts: bool) -> str:
    """Write a number without the marks of its groups; anything else as people see it, with plain spaces."""
    grouped = _GROUPED if counts else _GROUPED_IN_FRENCH
    return re.sub(r"[,\u202f]", "", text) if grouped.fullmatch(text) else text.replace("\u202f", " ")


class _Cell(list[str]):
    """The text of a cell in its parts, and whether it is marked as one that counts."""

    def __init__(self, *, counts: bool) -> None:
        super().__init__()
        self.counts = counts


class _Reader(HTMLParser):
    """What reads rows and cells; whatever is no text of a cell is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[_Cell]] = []
        self._inside = False
        self._unsaid = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
            self._inside = False
        elif tag in {"th", "td"} and self.rows:
            classes = dict(attrs).get("class") or ""
            self.rows[-1].append(_Cell(counts="number" in classes.split()))
            self._inside = True
        elif tag in _UNSAID:
            self._unsaid += 1
        elif tag in _APART:
            self._say(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"th", "td", "tr"}:
            self._inside = False
        elif tag in _UNSAID:
            self._unsaid = max(0, self._unsaid - 1)
        elif tag in _APART:
            self._say(" ")

    def handle_data(self, data: str) -> None:
        self._say(data)

    def _say(self, text: str) -> None:
        if not self._inside or self._unsaid:
            return
        cell = self.rows[-1][-1]
        said = _BLANKS.sub(" ", text)
        if said.startswith(" ") and (not cell or cell[-1].endswith(" ")):
            said = said[1:]
        if said:
            cell.append(said)
