"""Files of CSV in a lake, plain, gzip or zstd: read, and written anew without what goes.

How they are written (delimiter, quotes, header, encoding) is said in the map and never guessed.
A record that does not change is copied byte for byte; in one that does, only the fields that change.

Danger: a rewritten file takes the place of the old one.  What prevents loss: it is written beside
it, each changed record is read back, and the whole file is compared with what it must be before it
gets the old one's name.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.rules.map import CsvForm
from troth.stores import lake_packed
from troth.stores.lake_form import ROWS_AT_ONCE, Asked, Block, Bounds, Changes, unreadable
from troth.stores.lake_packed import Left
from troth.stores.lake_place import File

Record = tuple[int, bytes, Sequence[str]]
"""The line on which a record begins, its bytes with its ending, its fields (none for an empty line)."""

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a field that is refused would hide what it holds
_MARK = b"\xef\xbb\xbf"


class Csv:
    """The form of CSV; every column is text, and a field that is written as `null` says is null."""

    def schema(self, files: Sequence[File], asked: Asked) -> pa.Schema:
        """Return the columns; raises when a record cannot be read or a header differs."""
        names: Sequence[str] | None = None
        for file in files:
            found = _names(file, asked)
            names = found if names is None else names
            if found != names:
                raise NotAllowedError(
                    f"The files of the table `{asked.called}` of the store `{asked.store}` do not have the same "
                    "header. Nothing was changed. Write them with the same columns in the same order."
                )
        return pa.schema([pa.field(name, pa.string()) for name in names or ()])

    def blocks(
        self, file: File, schema: pa.Schema, names: Sequence[str], asked: Asked, any_of: Sequence[Bounds] = ()
    ) -> Iterator[Block]:
        """Yield the rows of a file, some thousand at a time, with every column."""
        del names, any_of
        null = _form(asked).null
        first, some = 0, []
        for _, _, fields in _rows(file, asked, len(schema.names)):
            some.append([None if field == null else field for field in fields])
            if len(some) == ROWS_AT_ONCE:
                yield Block(first, _batch(some, schema))
                first, some = first + len(some), []
        if some:
            yield Block(first, _batch(some, schema))

    def rewrite(self, file: File, new: Path, changes: Changes, asked: Asked) -> int:
        """Write the file anew beside the old one, record by record, and verify it."""
        unread = partial(_unreadable, file, asked.store)
        left = Left()
        lake_packed.rewrite(file, new, _made(file, changes, asked, left), asked.store, unread)
        return left.rows


def _form(asked: Asked) -> CsvForm:
    return asked.csv or CsvForm()


def _batch(rows: Sequence[Sequence[str | None]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names=schema.names
    )


def _names(file: File, asked: Asked) -> Sequence[str]:
    form = _form(asked)
    if form.columns:
        return form.columns
    for number, _, fields in _records(file, asked):
        if fields:
            if any(not name or "\0" in name for name in fields) or len(set(fields)) < len(fields):
                raise _unreadable(file, asked.store, number)
            return fields
    raise _unreadable(file, asked.store, 1)


def _rows(file: File, asked: Asked, width: int) -> Iterator[Record]:
    """Yield the records that are rows; raises when one has more or fewer fields than the header."""
    header = not _form(asked).columns
    for number, raw, fields in _records(file, asked):
        if not fields:
            continue
        if len(fields) != width:
            raise _unreadable(file, asked.store, number)
        if header:
            header = False
            continue
        yield number, raw, fields


def _made(file: File, changes: Changes, asked: Asked, left: Left) -> Iterator[bytes]:
    """Yield the records of the new file."""
    header, place = not _form(asked).columns, -1
    names = {name: at for at, name in enumerate(changes.schema.names)}
    for number, raw, fields in _records(file, asked):
        made = raw
        if fields and header:
            header = False
        elif fields:
            place += 1
            if place in changes.deleted:
                continue
            left.rows += 1
            if place in changes.written:
                if len(fields) != len(names):  # written since it was read
                    raise _unreadable(file, asked.store, number)
                written = {names[name]: value for name, value in changes.written[place].items()}
                made = _changed(raw, fields, written, asked)
        yield made


def _records(file: File, asked: Asked) -> Iterator[Record]:
    """Yield every record, and the empty lines between them."""
    form, number, held = _form(asked), 0, list[bytes]()

    def texts() -> Iterator[str]:
        nonlocal number
        for line in lake_packed.lines(file.name, file.open(), unread):
            number += 1
            bare = line.removeprefix(_MARK) if number == 1 and _is_utf8(form) else line
            held.append(line)
            text = bare.decode(form.encoding)
            if "\0" in text:
                raise ValueError("an end of text")
            yield text

    unread = partial(_unreadable, file, asked.store)
    first = 1
    try:
        for fields in _reader(texts(), form):
            yield first, b"".join(held), fields
            held.clear()
            first = number + 1
    except (ValueError, csv.Error):
        raise _unreadable(file, asked.store, first) from None


def _reader(texts: Iterable[str], form: CsvForm) -> Iterator[list[str]]:
    return csv.reader(
        texts,
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        doublequote=not form.escape,
        escapechar=form.escape or None,
        strict=True,
    )


def _changed(raw: bytes, fields: Sequence[str], values: Mapping[int, object], asked: Asked) -> bytes:
    """Return a record with other values in some of its fields, every other byte as it was."""
    form = _form(asked)
    lead = _MARK if _is_utf8(form) and raw.startswith(_MARK) else b""
    text = raw.removeprefix(lead).decode(form.encoding)
    body = text.rstrip("\r\n")
    pieces = _pieces(body, form)
    must = list(fields)
    if len(pieces) == len(fields):
        for at, value in values.items():
            must[at] = form.null if value is None else str(value)
            pieces[at] = _written(must[at], form, asked, quoted=pieces[at].startswith(form.quote or "\0"))
    made = form.delimiter.join(pieces) + text[len(body) :]
    try:
        again = list(_reader(io.StringIO(made, newline="\n"), form))
        encoded = lead + made.encode(form.encoding)
    except (ValueError, csv.Error):
        again, encoded = [], b""
    if again != [must]:
        raise ConflictError(
            f"A record of the store `{asked.store}` could not be written anew as it must be: its fields, or the "
            f"encoding {form.encoding}, cannot hold what the map writes. Nothing was changed."
        )
    return encoded


def _written(value: str, form: CsvForm, asked: Asked, *, quoted: bool) -> str:
    """Write a value as one field."""
    special = any(
        mark in value for mark in (form.delimiter, "\r", "\n", form.quote or "\0", form.escape or "\0")
    )
    if not special and not quoted:
        return value
    if not form.quote:
        raise NotAllowedError(
            f"A file of CSV of the store `{asked.store}` has no quotes, and what the map writes needs them. Nothing "
            "was changed. Let the map write another value, or null."
        )
    inner = value.replace(form.escape, form.escape * 2) if form.escape else value
    return f"{form.quote}{inner.replace(form.quote, (form.escape or form.quote) + form.quote)}{form.quote}"


def _pieces(text: str, form: CsvForm) -> list[str]:
    """Take a record apart into its fields as they are written, with their quotes."""
    pieces, start, at, inside = [], 0, 0, False
    while at < len(text):
        letter = text[at]
        if form.escape and letter == form.escape:
            at += 1
        elif form.quote and letter == form.quote:
            if inside and not form.escape and text[at + 1 : at + 2] == form.quote:
                at += 1
            elif inside or at == start:
                inside = not inside
        elif letter == form.delimiter and not inside:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def _is_utf8(form: CsvForm) -> bool:
    return form.encoding.lower().replace("_", "-") in {"utf-8", "utf8"}


def _unreadable(file: File, store: str, number: int) -> UnreachableError:
    return unreadable(file, store, f"CSV (record at line {number:,})")
