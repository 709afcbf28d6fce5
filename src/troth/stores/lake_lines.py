"""Files of JSON lines in a lake, plain, gzip or zstd: read, and written anew without what goes.

A line that does not change is copied byte for byte; in one that does, only the values that change.

Danger: a rewritten file takes the place of the old one.  What prevents loss: it is written beside
it, each changed line is read back, and the whole file is compared with what it must be before it
gets the old one's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores import lake_packed
from troth.stores.lake_form import ROWS_AT_ONCE, Asked, Block, Bounds, Changes, plain, unreadable
from troth.stores.lake_packed import Left
from troth.stores.lake_place import File

COLUMNS_MAX = 1_000
DOCUMENT = pa.struct([])
_SPACE = re.compile(r"[ \t\r]*")
_MARK = "\N{BYTE ORDER MARK}"


class Lines:
    """The form of JSON lines."""

    def schema(self, files: Sequence[File], asked: Asked) -> pa.Schema:
        """Return the columns that the lines of a table have: every key, and the columns that the map names.

        Raises UnreachableError for a line that cannot be read, NotAllowedError where one key has
        values of several types.
        """
        kinds: dict[str, pa.DataType | None] = {}
        for file in files:
            for row in _objects(file, asked.store):
                for name, value in row.items():
                    shown = f"The key `{name}`" if name in asked.named else "A key that the map does not name"
                    key = f"{shown} of the table `{asked.called}`"
                    kinds[name] = _one_kind(kinds.get(name), value, key, asked.store)
                if len(kinds) > COLUMNS_MAX:
                    raise NotAllowedError(
                        f"The lines of the table `{asked.called}` of the store `{asked.store}` have more than "
                        f"{COLUMNS_MAX:,} keys between them. Nothing was changed. Write what differs from line to line "
                        "as a value, not as a key."
                    )
        for name in asked.named:
            kinds.setdefault(name, None)
        return pa.schema(
            [pa.field(name, pa.string() if kind is None else kind) for name, kind in kinds.items()]
        )

    def blocks(
        self, file: File, schema: pa.Schema, names: Sequence[str], asked: Asked, any_of: Sequence[Bounds] = ()
    ) -> Iterator[Block]:
        """Yield the rows of a file, some thousand at a time, with every column."""
        del names, any_of
        first, some = 0, []
        for row in _objects(file, asked.store):
            some.append(row)
            if len(some) == ROWS_AT_ONCE:
                yield Block(first, _batch(some, schema))
                first, some = first + len(some), []
        if some:
            yield Block(first, _batch(some, schema))

    def rewrite(self, file: File, new: Path, changes: Changes, asked: Asked) -> int:
        """Write the file anew beside the old one, line by line, and verify it."""
        unread = partial(_unreadable, file, asked.store)
        left = Left()
        lake_packed.rewrite(file, new, _made(file, changes, asked.store, left), asked.store, unread)
        return left.rows


def _made(file: File, changes: Changes, store: str, left: Left) -> Iterator[bytes]:
    """Yield the lines of the new file."""
    place = -1
    for number, line in enumerate(_lines(file, store), start=1):
        made = line
        if line.strip(b" \t\r\n\xef\xbb\xbf"):
            place += 1
            if place in changes.deleted:
                continue
            left.rows += 1
            if place in changes.written:
                try:
                    made = _changed(line, changes.written[place], changes.schema, store)
                except (ValueError, LookupError, RecursionError):  # written since it was read
                    raise _unreadable(file, store, number) from None
        yield made


def _batch(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Put objects into columns; documents and lists are their JSON."""
    arrays = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if field.type == DOCUMENT:
            arrays.append(pa.array([plain(value) for value in values], pa.string()))
        elif pa.types.is_floating(field.type):
            arrays.append(pa.array([None if value is None else float(value) for value in values], field.type))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, names=schema.names)


def _objects(file: File, store: str) -> Iterator[Mapping[str, object]]:
    """Yield the object of each line that has one."""
    for number, line in enumerate(_lines(file, store), start=1):
        try:
            text = line.decode().removeprefix(_MARK) if number == 1 else line.decode()
            if not text.strip(" \t\r\n"):
                continue
            row = _DECODER.decode(text)
            for name, value in row.items():
                f"{name}{plain(value)}".encode()  # half a character, such as a lone \ud800, can be kept nowhere
                if "\0" in name:
                    raise ValueError("a key with an end of text")
        except (ValueError, AttributeError, RecursionError):
            raise _unreadable(file, store, number) from None
        yield row


def _lines(file: File, store: str) -> Iterator[bytes]:
    return lake_packed.lines(file.name, file.open(), partial(_unreadable, file, store))


def _one_kind(known: pa.DataType | None, value: object, key: str, store: str) -> pa.DataType | None:
    """Return the type that holds what was seen and this value; none as long as all is null."""
    match value:
        case None:
            return known
        case bool():
            kind = pa.bool_()
        case int() if -(2**63) <= value < 2**63:
            kind = pa.int64()
        case float():
            kind = pa.float64()
        case str():
            kind = pa.string()
        case dict() | list():
            kind = DOCUMENT
        case _:
            raise NotAllowedError(
                f"{key} of the store `{store}` has a whole number of more than 64 "
                "bits, which cannot be compared exactly. Nothing was changed. Write such numbers as text."
            )
    if known is None or known == kind:
        return kind
    if {known, kind} == {pa.int64(), pa.float64()}:
        return pa.float64()
    raise NotAllowedError(
        f"{key} of the store `{store}` has values of several types, such as "
        "numbers and texts, which a search could miss. Nothing was changed. Write it with one type."
    )


def _changed(line: bytes, values: Mapping[str, object], kinds: pa.Schema, store: str) -> bytes:
    """Return a line with other values for some of its keys, every other byte as it was."""
    text = line.decode()
    spans, end = _spans(text)
    must = {name: value for name, (_, _, value) in spans.items()}
    edits: list[tuple[int, int, str]] = []
    added = ""
    for name, value in values.items():
        written = _as_json(value, name, kinds.field(name).type, store, ascii_only=text.isascii())
        must[name] = json.loads(written)
        if name in spans:
            edits.append((spans[name][0], spans[name][1], written))
        else:
            lead = ", " if spans or added else ""
            added += f"{lead}{json.dumps(name, ensure_ascii=text.isascii())}: {written}"
    edits.append((end, end, added))
    for first, last, written in sorted(edits, reverse=True):
        text = text[:first] + written + text[last:]
    if {name: value for name, (_, _, value) in _spans(text)[0].items()} != must:
        raise ConflictError(
            f"A line of the store `{store}` could not be written anew as it must be. Nothing was changed."
        )
    return text.encode()


def _as_json(value: object, name: str, kind: pa.DataType, store: str, *, ascii_only: bool) -> str:
    """Write a value of the stage as JSON of the type that the key has."""
    match value:
        case None:
            return "null"
        case int() if pa.types.is_boolean(kind) and value in {0, 1}:
            return "true" if value else "false"
        case str() if kind == DOCUMENT:
            try:
                json.loads(value)
            except ValueError:
                pass
            else:
                return value
        case str() if pa.types.is_string(kind):
            return json.dumps(value, ensure_ascii=ascii_only)
        case int() if pa.types.is_integer(kind):
            return str(value)
        case int() | float() if pa.types.is_floating(kind):
            return json.dumps(value, allow_nan=False)
    raise NotAllowedError(
        f"The key `{name}` of the store `{store}` cannot hold what the map writes into it: its other values are of "
        "another type. Nothing was changed. Let the map write a value of their type, or null."
    )


def _spans(text: str) -> tuple[dict[str, tuple[int, int, object]], int]:
    """Return where the value of each key stands in a line, with the value, and where the next key would."""
    found: dict[str, tuple[int, int, object]] = {}
    at = text.index("{") + 1
    while True:
        at = _past_space(text, at)
        if text[at] == "}":
            return found, at
        if text[at] == ",":
            at = _past_space(text, at + 1)
        name, at = _DECODER.raw_decode(text, at)
        first = _past_space(text, _past_space(text, at) + 1)  # the colon is between
        value, at = _DECODER.raw_decode(text, first)
        found[str(name)] = (first, at, value)


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its pairs; a key that stands twice would hide a value."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key stands twice")
    return made


def _no_number(_: str) -> object:
    raise ValueError("not a number of JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)


def _unreadable(file: File, store: str, number: int) -> UnreachableError:
    return unreadable(file, store, f"JSON lines (line {number:,})")
