"""Write a file whole or not at all: whoever reads it meanwhile, or after a crash, finds the old text or the new."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import IO

from troth.ledger.put_new import put_new


def write_whole(file: Path, text: str) -> None:
    """Put a text in the place of a file, every byte as it is, line ends included."""
    beside = file.with_name(f".{file.name}.new")
    with beside.open("wb") as opened:
        _fill(opened, text)
    beside.replace(file)


def write_new(file: Path, text: str, link: Callable[[Path, Path], object] = os.link) -> bool:
    """Put a text where no file is; say whether it was put there, and not another's that came first.

    `link` is how a file gets a second name, which not every file system can do.
    """
    beside = file.with_name(f".{file.name}.{token_hex(4)}.new")
    try:
        with beside.open("xb") as opened:
            _fill(opened, text)
        put_new(beside, file, link)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def _fill(opened: IO[bytes], text: str) -> None:
    opened.write(text.encode("utf-8"))
    opened.flush()
    os.fsync(opened.fileno())
