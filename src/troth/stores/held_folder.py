"""Folders for what is laid out for the length of a verb: one process holds each, and what a killed one left goes.

Danger: `remove_left` removes folders.  What prevents loss: only those below Troth's own prefix whose
lock can be had, which no process that is alone with its folder lets go.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp


def held(prefix: str, below: Path | None = None) -> tuple[Path, int]:
    """Make a folder that only its owner may read, and hold it for as long as the handle is open."""
    while True:
        folder = Path(mkdtemp(prefix=prefix, dir=below))
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # another process took it for one that was left, before it was held
        fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists():
            return folder, handle
        os.close(handle)


def remove_left(prefix: str, below: Path) -> None:
    """Remove what killed processes left: folders whose lock can be had, and nothing that is no folder."""
    for folder in below.glob(f"{prefix}*"):
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # another user's, no folder, or gone meanwhile
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(handle)
