"""One file of JSON lines in a lake, plain, gzip or zstd: read, and written anew without what goes.

A line that does not change is copied byte for byte; in one that does, only the values that change.

Danger: a rewritten file takes the place of the old one.  What prevents loss: it is written beside
it, each changed line is read back, and the whole file is compared with what it must be before
`lake_swap` gives it the old one's name.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores.lake_file import ROWS_AT_ONCE, Changes, as_the_old, plain, unreadable

ENDING = re.compile(r"\.(?:jsonl|ndjson)(?:\.(?:gz|zst))?$")
COLUMNS_MAX = 1_000
DOCUMENT = pa.struct([])
_SPACE = re.compile(r"[ \t\r]*")
_MARK = "\N{BYTE ORDER MARK}"


def is_lines(path: Path) -> bool:
    """Tell whether a file is one of JSON lines, by its name."""
    return ENDING.search(path.name) is not None


def schema(paths: Sequence[Path], named: Sequence[str], table: str, store: str) -> pa.Schema:
    """Return the columns that the lines of a table have: every key, and the columns that the map names.

    Raises UnreachableError for a line that cannot be read, NotAllowedError where one key has
    values of several types.
    """
    kinds: dict[str, pa.DataType | None] = {}
    for path in paths:
        for row in _objects(path, store):
            for name, value in row.items():
                shown = f"The key `{name}`" if name in named else "A key that the map does not name"
                kinds[name] = _one_kind(kinds.get(name), value, f"{shown} of the table `{table}`", store)
            if len(kinds) > COLUMNS_MAX:
                raise NotAllowedError(
                    f"The lines of the table `{table}` of the store `{store}` have more than {COLUMNS_MAX:,} keys "
                    "between them. Nothing was changed. Write what differs from line to line as a value, not as a key."
                )
    for name in named:
        kinds.setdefault(name, None)
    return pa.schema([pa.field(name, kind or pa.string()) for name, kind in kinds.items()])


def rows(path: Path, names: Sequence[str], store: str) -> Iterator[Sequence[tuple[object, ...]]]:
    """Yield the rows of a file, some at a time, in order, as values that SQLite can hold."""
    some: list[tuple[object, ...]] = []
    for row in _objects(path, store):
        some.append(tuple(plain(row.get(name)) for name in names))
        if len(some) == ROWS_AT_ONCE:
            yield some
            some = []
    yield some


def rewrite(path: Path, new: Path, changes: Changes, store: str) -> None:
    """Write the file anew beside the old one, line by line, and verify it.

    Raises NotAllowedError for a value its column cannot hold, ConflictError when what was
    written is not what it must be.  The old file is not touched.
    """
    must = sha256()
    place = -1
    with _written(path, new) as file:
        for number, line in enumerate(_lines(path, store), start=1):
            if line.strip(b" \t\r\n\xef\xbb\xbf"):
                place += 1
                if place in changes.deleted:
                    continue
                if place in changes.written:
                    try:
                        line = _changed(line, changes.written[place], changes.schema, store)
                    except (ValueError, LookupError, RecursionError):  # written since it was read
                        raise _unreadable(path, store, number) from None
            file.write(line)
            must.update(line)
    as_the_old(path, new)
    made = sha256()
    for line in _lines(new, store, path):
        made.update(line)
    if made.digest() != must.digest():
        raise ConflictError(
            f"The file `{path.name}` of the store `{store}` could not be written anew as it must be: what was read "
            "back differs. Nothing was changed."
        )


def _objects(path: Path, store: str) -> Iterator[Mapping[str, object]]:
    """Yield the object of each line that has one."""
    for number, line in enumerate(_lines(path, store), start=1):
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
            raise _unreadable(path, store, number) from None
        yield row


def _lines(path: Path, store: str, as_path: Path | None = None) -> Iterator[bytes]:
    """Yield the lines of a file, unpacked, each with its ending."""
    name = (as_path or path).name
    number = 0
    try:
        with ExitStack() as open_now:
            file: BinaryIO
            if name.endswith(".gz"):
                file = cast("BinaryIO", open_now.enter_context(gzip.open(path, "rb")))
            elif name.endswith(".zst"):
                source = open_now.enter_context(pa.OSFile(str(path), "rb"))
                unpacked = open_now.enter_context(pa.CompressedInputStream(source, "zstd"))
                file = cast("BinaryIO", open_now.enter_context(io.BufferedReader(unpacked)))
            else:
                file = open_now.enter_context(path.open("rb"))
            for line in file:
                number += 1
                yield line
    except (OSError, EOFError, pa.ArrowException, zlib.error):
        raise _unreadable(as_path or path, store, number + 1) from None


@contextmanager
def _written(path: Path, new: Path) -> Iterator[BinaryIO]:
    """Open the new file, packed as the old one is."""
    with ExitStack() as open_now:
        if path.name.endswith(".zst"):
            target = open_now.enter_context(pa.OSFile(str(new), "wb"))
            yield cast("BinaryIO", open_now.enter_context(pa.CompressedOutputStream(target, "zstd")))
        elif path.name.endswith(".gz"):
            under = open_now.enter_context(new.open("wb"))
            yield cast("BinaryIO", open_now.enter_context(gzip.GzipFile("", "wb", fileobj=under, mtime=0)))
        else:
            yield open_now.enter_context(new.open("wb"))


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


def _unreadable(path: Path, store: str, number: int) -> UnreachableError:
    return unreadable(path, store, f"JSON lines (line {number:,})")
