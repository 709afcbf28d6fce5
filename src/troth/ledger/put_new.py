"""Put a file that is written whole where none is, and never over one that somebody else put there first.

A hard link does both at once.  Where a file system has none (a memory stick, some network shares), the name is
taken with an empty file first, which the written one then replaces: nobody ever reads a part of it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

_NO_LINKS = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}
)
"""What a file system says that knows no hard links, or no more of them."""


def put_new(beside: Path, file: Path, link: Callable[[Path, Path], object] = os.link) -> None:
    """Put `beside`, written in the same folder, under the name of `file`; raises FileExistsError where one is.

    `beside` may still be there afterwards. `link` is how a file gets a second name.
    """
    try:
        link(beside, file)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _take_name(beside, file)


def _take_name(beside: Path, file: Path) -> None:
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        beside.replace(file)
    except OSError:
        file.unlink(missing_ok=True)
        raise
