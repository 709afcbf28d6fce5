"""What may be imported from elsewhere: the columns of each kind, and what a map says of another tool's.

A table is read by our own headings (English or French), by the codes of the columns, or by a
map of columns: ours by theirs, with their values and constants.  Nothing is guessed: a value that
is none of ours is a fault, told with its row and its column, and never with what stands there.

Law: GDPR Art. 5(2), Art. 30.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from troth.errors import NotFoundError, Problem
from troth.policy.reading import Reading, did_you_mean
from troth.policy.words import words
from troth.policy.yaml_text import Fields, Items, Node, Scalar, read

Kind = Literal["register", "requests", "breaches", "processors", "disclosures", "evidence"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Dates = Literal["yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy", "dd.mm.yyyy"]
_WRITTEN: Mapping[Dates, str] = MappingProxyType(
    {"yyyy-mm-dd": "%Y-%m-%d", "dd/mm/yyyy": "%d/%m/%Y", "mm/dd/yyyy": "%m/%d/%Y", "dd.mm.yyyy": "%d.%m.%Y"}
)
Value: TypeAlias = "str | int | bool | date | datetime | tuple[str, ...]"
TEXT_MAX = 10_000
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")
_YES_NO = {"yes": True, "oui": True, "true": True, "1": True, "no": False, "non": False, "false": False,
           "0": False}  # fmt: skip
_LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its code, what stands in it, its headings and notes by language."""

    name: str
    type: str
    required: bool
    words: tuple[str, ...]
    title: Mapping[str, str]
    note: Mapping[str, str]

    @property
    def sayings(self) -> tuple[str, ...]:
        """Return the words, each with the French that may stand in its place."""
        french = {word: _french(word) for word in self.words}
        return tuple(word if said == word else f"{word} ({said})" for word, said in french.items())


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of import: what it is called, and its columns."""

    kind: Kind
    title: Mapping[str, str]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """How another tool's table is read as ours; without one it is read by our own headings.

    One of ours may stand in several columns of theirs: all of them where it takes several values, else the first
    that has something.  `by_sheet` where each sheet of a workbook is a row, its headings in the first column.
    """

    kind: Kind
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    dates: Dates = "yyyy-mm-dd"
    between: str = ""
    heading_row: int = 0
    ignored: frozenset[str] = frozenset()
    sha256: str = ""
    by_sheet: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell, or with a row where no column is named."""

    row: int
    column: str
    what: str

    def __str__(self) -> str:
        """Say it so that the cell is found.

        >>> str(Fault(12, "Received on", "there is no such day."))
        'row 12, column Received on: there is no such day.'
        """
        place = f"row {self.row}" if self.row else "the headings"
        return f"{place}, column {self.column}: {self.what}" if self.column else f"{place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Cells:
    """One row as read: its number, its values by our columns, and how each column is headed in the file."""

    row: int
    values: Mapping[str, Value] = field(repr=False)
    headings: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a text; empty where nothing stands there."""
        return str(self.values.get(name, ""))

    def several(self, name: str) -> tuple[str, ...]:
        """Return several sayings."""
        found = self.values.get(name, ())
        return found if isinstance(found, tuple) else ()

    def day(self, name: str) -> date | None:
        """Return a day."""
        found = self.values.get(name)
        return found if isinstance(found, date) and not isinstance(found, datetime) else None

    def moment(self, name: str) -> datetime | None:
        """Return a moment, with its offset."""
        found = self.values.get(name)
        return found if isinstance(found, datetime) else None

    def number(self, name: str) -> int | None:
        """Return a number."""
        found = self.values.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def fault(self, name: str, what: str) -> Fault:
        """Say what is wrong with a cell of this row."""
        return Fault(self.row, self.headings.get(name, name), what)


def folded(heading: str) -> str:
    """Write a heading as headings are compared: without case, marks of typography, dashes and double spaces.

    >>> folded("Nom de l’Activité"), folded("received_on") == folded("Received On")
    ("nom de l'activité", True)
    """
    plain = heading.casefold().replace("\u2019", "'").replace("_", " ").replace("-", " ")
    return " ".join(plain.split())


def table(kind: Kind) -> Table:
    """Return the columns of a kind of import."""
    return _tables()[kind]


def shipped() -> tuple[str, ...]:
    """Return the names of the maps of columns that come with Troth."""
    found = (files("troth.rules") / "data" / "imports").iterdir()
    return tuple(sorted(one.name.removesuffix(".yaml") for one in found if one.name.endswith(".yaml")))


def shipped_text(name: str) -> str:
    """Return the text of a map that comes with Troth; raises NotFoundError where there is none."""
    if name not in shipped():
        raise NotFoundError(
            f"There is no map of columns {name[:40]!r}: no file is called so, and with Troth come "
            f"{', '.join(shipped())}."
        )
    return (files("troth.rules") / "data" / "imports" / f"{name}.yaml").read_text("utf-8")


def read_map(text: str, file: str, kind: Kind) -> tuple[ColumnMap | None, tuple[Problem, ...]]:
    """Read a map of columns for a kind of import: the map, or every mistake in it."""
    node, wrong = read(text, file)
    reading = Reading(file)
    known = [one.name for one in table(kind).columns]
    said = reading.fields(
        node, "A map of columns",
        ("for", "columns", "values", "constants", "dates", "between", "heading_row", "layout", "ignored"), ("for",),
    )  # fmt: skip
    if "for" in said and _text(said["for"]) != kind:
        what = f"This map is for `{_text(said['for'])[:20]}`, and {kind} are imported."
        reading.problem(said["for"], what, f"Name a map for `{kind}`.")
    dates = _text(said.get("dates")) or "yyyy-mm-dd"
    if dates not in _WRITTEN:
        reading.problem(said["dates"], "Days are not written so.", f"Choose one of: {', '.join(_WRITTEN)}.")
    row = said.get("heading_row")
    number = row.value if isinstance(row, Scalar) and isinstance(row.value, int) else 0
    if row is not None and number < 1:
        reading.problem(
            row, "The row of the headings is a number from 1 on.", "Write such as `heading_row: 9`."
        )
    layout = _text(said.get("layout")) or "table"
    if layout not in ("table", "sheets"):
        reading.problem(said["layout"], "There is no such layout.", "Choose one of: table, sheets.")
    ignored = said.get("ignored")
    columns = dict(_named(reading, said.get("columns"), known))
    constants = _texts(reading, said.get("constants"), known)
    values: dict[str, Mapping[str, str]] = {}
    for name, inner in _entries(reading, said.get("values"), known):
        values[name] = {
            folded(theirs): _text(ours) for theirs, ours in (inner if isinstance(inner, Fields) else ())
        }
    problems = (*wrong, *reading.problems)
    if problems:
        return None, problems
    found: Any = dates
    return ColumnMap(
        kind, columns, values, constants, found, _text(said.get("between")), number,
        frozenset(folded(_text(one)) for one in (ignored.items if isinstance(ignored, Items) else ())),
        sha256(text.encode()).hexdigest(), layout == "sheets",
    ), ()  # fmt: skip


def headings(
    map_: ColumnMap, given: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], list[Fault], list[str]]:
    """Match the headings of a file to our columns: columns by heading, what is missing, and what nobody reads."""
    by_folded = {folded(one): one for one in given if one}
    matched: dict[str, tuple[str, ...]] = {}
    faults = []
    for one in table(map_.kind).columns:
        wanted = map_.columns.get(one.name, ())
        names = wanted or [one.name, *one.title.values()]
        found = tuple(by_folded[folded(name)] for name in names if folded(name) in by_folded)
        if found:
            matched[one.name] = found if wanted else found[:1]
        elif one.required and one.name not in map_.constants:
            missing = wanted[0] if wanted else one.title["en"]
            faults.append(Fault(0, missing, "there is no such column, and every row needs it."))
    read_ones = {folded(one) for each in matched.values() for one in each} | map_.ignored
    return matched, faults, [name for key, name in by_folded.items() if key not in read_ones]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the rows of one file: which of its columns are ours, and what was read before and seldom differs."""

    map: ColumnMap
    zone: str
    headings: Mapping[str, str]
    columns: tuple[tuple[Column, tuple[str, ...], Mapping[str, str], str], ...]
    known: dict[tuple[str, str], tuple[Value | None, str]] = field(default_factory=dict, repr=False)

    def cells(self, row: int, given: Mapping[str, str]) -> tuple[Cells, list[Fault]]:
        """Read one row, `given` by the headings of the file."""
        values: dict[str, Value] = {}
        faults: list[Fault] = []
        for one, headings_, theirs, constant in self.columns:
            parts = [text for heading in headings_ if (text := given.get(heading, "").strip())]
            if theirs:
                parts = [theirs.get(folded(text), text) for text in parts]
            parts = [text for text in parts if text]
            text = "\n".join(parts if one.type in SEVERAL else parts[:1]) or constant
            if not text:
                if one.required and headings_:
                    faults.append(
                        Fault(row, self.headings[one.name], "nothing stands there, and it is needed.")
                    )
                continue
            value, wrong = self._value(one, text)
            if wrong:
                faults.append(Fault(row, self.headings[one.name], wrong))
            elif value is not None and value != ():
                values[one.name] = value
        return Cells(row, values, self.headings), faults

    def _value(self, one: Column, text: str) -> tuple[Value | None, str]:
        """Read a cell; days and words stand in many rows, and are read once."""
        if one.type not in _SELDOM_NEW:
            return _value(one, text, self.map, self.zone)
        found = self.known.get((one.name, text))
        if found is None:
            if len(self.known) >= KNOWN_MAX:
                self.known.clear()
            found = self.known[one.name, text] = _value(one, text, self.map, self.zone)
        return found


SEVERAL = frozenset({"names", "texts", "words"})
"""The types of column that take several values."""
_SELDOM_NEW = frozenset({"day", "moment", "word", "words", "names", "yes_no", "number"})
KNOWN_MAX = 20_000
"""How many readings are remembered: of a file with more, some are read again."""


def reader(map_: ColumnMap, matched: Mapping[str, tuple[str, ...]], zone: str) -> Reader:
    """Return what reads rows, their columns `matched` to ours; days and moments without an offset are of `zone`."""
    columns = tuple(
        (one, matched.get(one.name, ()), map_.values.get(one.name, {}), map_.constants.get(one.name, ""))
        for one in table(map_.kind).columns
    )
    headings = {
        one.name: ", ".join(matched.get(one.name, (one.title["en"],))) for one in table(map_.kind).columns
    }
    used = tuple(one for one in columns if one[1] or one[3])
    return Reader(map_, zone, headings, used)


def _value(column: Column, text: str, map_: ColumnMap, zone: str) -> tuple[Value | None, str]:
    if len(text) > TEXT_MAX:
        return None, f"more than {TEXT_MAX} characters stand there."
    match column.type:
        case "day":
            found = moment_of(text, map_.dates, zone)
            if found is None:
                return None, f"that is no day. Write it as {map_.dates}."
            return found.astimezone(ZoneInfo(zone)).date(), ""
        case "moment":
            found = moment_of(text, map_.dates, zone)
            wrong = f"that is no day and no moment. Write it as {map_.dates}, or as 2026-03-05T14:30+01:00."
            return (found, "") if found is not None else (None, wrong)
        case "number":
            plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
            if not plain.isascii() or not plain.isdecimal() or len(plain) > 12:
                return None, "that is no whole number."
            return int(plain), ""
        case "yes_no":
            said = _YES_NO.get(text.casefold())
            return (said, "") if said is not None else (None, "that is neither yes nor no.")
        case "email":
            return (text, "") if _ADDRESS.fullmatch(text) else (None, "that is no e-mail address.")
        case "word":
            word = meant(column, text)
            return (word, "") if word else (None, f"it is none of: {', '.join(column.sayings)}.")
        case "words":
            known = map_.values.get(column.name, {})
            parts = _parts(text, map_.between, ";,")
            found_words = [meant(column, known.get(folded(part), part)) for part in parts]
            if not all(found_words):
                return None, f"one of them is none of: {', '.join(column.sayings)}."
            return tuple(dict.fromkeys(found_words)), ""
        case "names" | "texts":
            known = map_.values.get(column.name, {})
            parts = [known.get(folded(part), part) for part in _parts(text, map_.between, ";")]
            return tuple(dict.fromkeys(part for part in parts if part)), ""
        case _:
            return text, ""


def moment_of(text: str, dates: Dates, zone: str) -> datetime | None:
    """Read a day (its noon) or a moment, with an offset or in `zone`; None where it is neither.

    >>> moment_of("05/03/2026", "dd/mm/yyyy", "Europe/Paris").isoformat()
    '2026-03-05T12:00:00+01:00'
    >>> moment_of("05/03/2026 à 14:30", "dd/mm/yyyy", "Europe/Paris").isoformat()
    '2026-03-05T14:30:00+01:00'
    """
    place = ZoneInfo(zone)
    for form, has_hour in ((_WRITTEN[dates], False), (f"{_WRITTEN[dates]} %H:%M", True)):
        try:
            found = datetime.strptime(text.replace(" à ", " "), form).replace(tzinfo=place)
        except ValueError:
            continue
        return found if has_hour else datetime.combine(found.date(), time(12), place)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) <= len("2026-03-05"):
        return datetime.combine(found.date(), time(12), place)
    return found if found.tzinfo else found.replace(tzinfo=place)


def meant(column: Column, text: str) -> str:
    """Return the word that is meant: itself, or as our own registers say it in English or French."""
    plain = folded(text)
    return next((word for word in column.words if plain in _said(word)), "")


@cache
def _said(word: str) -> frozenset[str]:
    ours = (folded(words(language).word(word)) for language in _LANGUAGES)
    return frozenset({folded(word), *ours, folded(_french(word))})


def _french(word: str) -> str:
    """Return what a word is in French; itself where it is the same, such as the code of a language."""
    said = str(_written()["words"].get(word) or words("fr").word(word))
    return word if said in (f"{word})", word.replace("_", " ")) else said


def _parts(text: str, between: str, ours: str) -> list[str]:
    """Split a cell at what a map says stands between its values, or at any of our own marks; and at its lines."""
    marks = re.escape(between) if between else f"[{ours}]"
    return [part for one in re.split(f"{marks}|\n", text) if (part := one.strip())]


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _entries(reading: Reading, node: Node | None, known: Sequence[str]) -> Iterator[tuple[str, Node]]:
    for key, inner in node.entries if isinstance(node, Fields) else ():
        if key.text in known:
            yield key.text, inner
        else:
            reading.problem(key, f"There is no column `{key.text[:40]}`.", did_you_mean(key.text, known))


def _named(
    reading: Reading, node: Node | None, known: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each of our columns with the headings of theirs."""
    for name, inner in _entries(reading, node, known):
        theirs = tuple(map(_text, inner.items)) if isinstance(inner, Items) else (_text(inner),)
        if theirs and all(theirs):
            yield name, theirs
        else:
            reading.problem(
                inner, f"`{name}` names no column.", "Write a heading of theirs, or several in [ ]."
            )


def _texts(reading: Reading, node: Node | None, known: Sequence[str]) -> dict[str, str]:
    return {name: _text(inner) for name, inner in _entries(reading, node, known)}


@cache
def _written() -> Mapping[str, Any]:
    return tomllib.loads((files("troth.rules") / "data" / "imports.toml").read_text("utf-8"))


@cache
def _tables() -> Mapping[str, Table]:
    return {
        kind: Table(
            kind,
            told["title"],
            tuple(
                Column(
                    name,
                    said["type"],
                    said.get("required", False),
                    tuple(said.get("words", ())),
                    {language: said[language] for language in _LANGUAGES},
                    said.get("note", {}),
                )
                for name, said in told["columns"].items()
            ),
        )
        for kind, told in ((kind, _written()[kind]) for kind in KINDS)
    }
