"""Log files and their rotations: finding, reading and rewriting them.

Danger: rewriting removes lines for good.  What prevents loss: the new file is written whole
beside the old one and flushed, then takes its name in one step, with its mode, owner and
times; a file that some process has open for writing is refused, since what that process
writes would go to the file that is gone; a line that came meanwhile stops it.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from troth.errors import ConflictError, NotAllowedError, UnreachableError

LINE_BYTES_MAX = 1 << 20
FRESH_SECONDS = 3600
_ROTATED = re.compile(r"[.-](?:\d{1,8}|\d{4}-\d{2}-\d{2})(?:\.gz)?$|\.gz$")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What rewriting a file did, or would do."""

    lines: int
    changed: int
    removed: int


def files(folder: Path, table: str) -> list[Path]:
    """Return the files of one log: `access` has access.log, access.log.1, access.log.2.gz, access-20261101 …"""
    if not folder.is_dir():
        raise UnreachableError("The folder of the logs is not there, or may not be read.")
    name = re.compile(re.escape(table) + r"(?:\.(?:log|json|jsonl|txt))?(?:[.-]\d[\d-]*)?(?:\.gz)?")
    return sorted(path for path in folder.iterdir() if name.fullmatch(path.name) and _is_plain(path))


def _is_plain(path: Path) -> bool:
    """Tell whether it is a file itself: a link would let one file be rewritten through another's name."""
    return stat.S_ISREG(path.lstat().st_mode)


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file as they are, in bounded memory; a longer one comes in pieces."""
    with _opened(path) as read:
        try:
            while line := read.readline(LINE_BYTES_MAX):
                yield line
        except (EOFError, OSError, gzip.BadGzipFile):
            raise UnreachableError(
                f"The log file {path.name} cannot be read to its end; it may be damaged."
            ) from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        raw = path.open("rb")
    except OSError:
        raise UnreachableError(f"The log file {path.name} cannot be read.") from None
    with raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw


def rotated(path: Path) -> bool:
    """Tell whether a name is that of a rotation, which nobody writes to any more."""
    return _ROTATED.search(path.name) is not None


def rewrite(path: Path, decide: Callable[[bytes], bytes | None], *, dry: bool = False) -> Rewritten:
    """Pass each line through `decide` (None removes it) and put the result in the file's place.

    A file whose every line went is removed where it is a rotation, and emptied otherwise.
    Raises NotAllowedError when somebody has it open for writing, ConflictError when it
    changed meanwhile; nothing is changed then.
    """
    count = changed = removed = 0
    if dry:
        for line in lines(path):
            count += 1
            kept = decide(line)
            removed += kept is None
            changed += kept is not None and kept != line
        return Rewritten(count, changed, removed)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = os.fstat(held.fileno())
        refuse_open(path, before)
        number, name = tempfile.mkstemp(prefix=".troth-", dir=path.parent)
        new = Path(name)
        try:
            with os.fdopen(number, "wb") as raw:
                packed = held.read(2) == b"\x1f\x8b"
                target: IO[bytes] = (
                    cast("IO[bytes]", gzip.GzipFile("", "wb", fileobj=raw, mtime=0)) if packed else raw
                )
                for line in lines(path):
                    count += 1
                    kept = decide(line)
                    removed += kept is None
                    if kept is not None:
                        changed += kept != line
                        target.write(kept)
                if packed:
                    target.close()
                raw.flush()
                os.fchmod(raw.fileno(), stat.S_IMODE(before.st_mode))
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(raw.fileno(), before.st_uid, before.st_gid)
                os.fsync(raw.fileno())
            if not (changed or removed):
                return Rewritten(count, 0, 0)
            os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
            refuse_open(path, before)
            now = path.lstat()
            if (now.st_ino, now.st_size, now.st_mtime_ns) != (
                before.st_ino,
                before.st_size,
                before.st_mtime_ns,
            ):
                raise ConflictError(
                    f"The log file {path.name} was written to meanwhile. Nothing was changed in it."
                )
            if count == removed and rotated(path):
                path.unlink()
            else:
                new.replace(path)
            _flush_folder(path.parent)
        except PermissionError:
            raise NotAllowedError(
                f"The log file {path.name} may not be rewritten with its owner and mode. Run it as that owner."
            ) from None
        finally:
            with suppress(FileNotFoundError):
                new.unlink()
    return Rewritten(count, changed, removed)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refuse_open(path: Path, found: os.stat_result) -> None:
    """Refuse a file that a process has open for writing, or may have where that cannot be seen."""
    seen = writers(found.st_dev, found.st_ino)
    if seen is True:
        raise NotAllowedError(
            f"The log file {path.name} is open in the program that writes it: what it writes next would be lost. "
            "Nothing was changed in it. Let it be rotated first (logrotate), and this takes the rotated file."
        )
    if seen is None and not rotated(path) and time.time() - found.st_mtime < FRESH_SECONDS:
        raise NotAllowedError(
            f"The log file {path.name} was written to within the hour, and whether a program has it open cannot be "
            "seen from this account. Nothing was changed in it. Let it be rotated first, or run this as root."
        )


def writers(device: int, inode: int) -> bool | None:
    """Tell whether a process has a file open for writing; None where not every process can be looked at."""
    proc = Path("/proc")
    if not (proc / "self" / "fd").is_dir():
        return None
    unseen = False
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            handles = list((process / "fd").iterdir())
        except PermissionError:
            unseen = True
            continue
        except OSError:
            continue
        for handle in handles:
            with suppress(OSError, ValueError, IndexError):
                at = handle.stat()
                if (at.st_dev, at.st_ino) != (device, inode):
                    continue
                told = (process / "fdinfo" / handle.name).read_text()
                flags = int(re.findall(r"^flags:\s*([0-7]+)", told, re.M)[0], 8)
                if flags & os.O_ACCMODE != os.O_RDONLY:
                    return True
    return None if unseen else False
