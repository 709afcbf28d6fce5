"""Write a file whole or not at all: whoever reads it meanwhile, or after a crash, finds the old text or the new."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Put a text in the place of a file, every byte as it is, line ends included."""
    beside = file.with_name(f".{file.name}.new")
    with beside.open("wb") as opened:
        opened.write(text.encode("utf-8"))
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)
