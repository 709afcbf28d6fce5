"""A ZIP file written piece by piece, to wherever bytes are taken.

It never stands whole in memory nor in clear on a disk, and the same pieces give the same
bytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import IO, cast

WHEN = (1980, 1, 1, 0, 0, 0)  # the same for every file, so that the same content gives the same bytes
GATHERED_BYTES = 1 << 16  # many small pieces are compressed together


class _Taking:
    """What `zipfile` takes for a file that can only be written on."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def write(self, data: bytes) -> int:
        self._take(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


class Archive:
    """A ZIP file being written; leave it to finish it."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._zip = zipfile.ZipFile(cast("IO[bytes]", _Taking(take)), "w", zipfile.ZIP_DEFLATED)

    def __enter__(self) -> Archive:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        """Write the directory at the end."""
        self._zip.close()

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one file of the archive."""
        info = zipfile.ZipInfo(name, WHEN)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as opened:
            waiting = bytearray()
            for piece in pieces:
                waiting += piece
                if len(waiting) >= GATHERED_BYTES:
                    opened.write(waiting)
                    waiting = bytearray()
            opened.write(waiting)
