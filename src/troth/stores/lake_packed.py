"""Files of lines in a lake, plain, gzip or zstd: read line by line, and packed as they were.

Every byte of a line is handed over, its ending too.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from troth.errors import ConflictError, UnreachableError
from troth.stores.lake_place import File


@dataclass(slots=True)
class Left:
    """How many rows a new file has so far."""

    rows: int = 0


Unreadable = Callable[[int], UnreachableError]


def lines(name: str, opened: BinaryIO, unreadable: Unreadable) -> Iterator[bytes]:
    """Yield the lines of an open file, unpacked as its name says; `unreadable` says which line could not be."""
    number = 0
    try:
        with ExitStack() as open_now:
            open_now.enter_context(opened)
            file = opened
            if name.endswith(".gz"):
                file = cast("BinaryIO", open_now.enter_context(gzip.GzipFile(fileobj=opened, mode="rb")))
            elif name.endswith(".zst"):
                source = open_now.enter_context(pa.PythonFile(opened, "rb"))
                unpacked = open_now.enter_context(pa.CompressedInputStream(source, "zstd"))
                file = cast("BinaryIO", open_now.enter_context(io.BufferedReader(unpacked)))
            for line in file:
                number += 1
                yield line
    except (OSError, EOFError, pa.ArrowException, zlib.error):
        raise unreadable(number + 1) from None


def rewrite(file: File, new: Path, made: Iterator[bytes], store: str, unreadable: Unreadable) -> None:
    """Write the pieces of a new file, packed as the old one is, and read it back; raises ConflictError."""
    must = sha256()
    with _written(file.name, new) as target:
        for piece in made:
            target.write(piece)
            must.update(piece)
    found = sha256()
    for line in lines(file.name, new.open("rb"), unreadable):
        found.update(line)
    if found.digest() != must.digest():
        raise ConflictError(
            f"The file `{file.shown}` of the store `{store}` could not be written anew as it must be: what was read "
            "back differs. Nothing was changed."
        )


@contextmanager
def _written(name: str, new: Path) -> Iterator[BinaryIO]:
    """Open the new file, packed as the old one is."""
    with ExitStack() as open_now:
        if name.endswith(".zst"):
            target = open_now.enter_context(pa.OSFile(str(new), "wb"))
            yield cast("BinaryIO", open_now.enter_context(pa.CompressedOutputStream(target, "zstd")))
        elif name.endswith(".gz"):
            under = open_now.enter_context(new.open("wb"))
            yield cast("BinaryIO", open_now.enter_context(gzip.GzipFile("", "wb", fileobj=under, mtime=0)))
        else:
            yield open_now.enter_context(new.open("wb"))
