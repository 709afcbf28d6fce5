"""Log files and their rotations: reading and rewriting them.

Their names are said: each has the name of a table of the map, and digits (see `log_folder`).

Danger: rewriting removes lines for good.  What prevents loss: the new file is written whole
beside the old one and flushed, then takes its name in one step, with its mode, owner and
times; a file that some process has open for writing is refused, since what that process
writes would go to the file that is gone; a line that came meanwhile stops it.
"""

from __future__ import annotations

import bz2
import fcntl
import gzip
import lzma
import os
import re
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from troth.errors import ConflictError, NotAllowedError, UnreachableError

LINE_BYTES_MAX = 1 << 20
FRESH_SECONDS = 3600
_HEAD_BYTES = 1 << 16
_XZ, _BZIP2 = b"\xfd7zXZ\0", b"BZh91AY&SY"
# xz, bzip2, zstd, lz4, compress, zip, 7z
_OTHERWISE_PACKED = (
    _XZ,
    _BZIP2,
    b"(\xb5/\xfd",
    b"\x04\x22\x4d\x18",
    b"\x1f\x9d",
    b"PK\x03\x04",
    b"7z\xbc\xaf\x27\x1c",
)
_ROTATED = re.compile(r"[.-](?:\d{1,8}|\d{4}-\d{2}-\d{2})(?:\.gz)?$|\.gz$")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What rewriting a file did, or would do."""

    lines: int
    changed: int
    removed: int


def found(path: Path) -> os.stat_result:
    """Return what the system says of a file that was listed."""
    try:
        return path.stat()
    except FileNotFoundError:
        raise _moved(path) from None


def lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file as they are, in bounded memory; a longer one comes in pieces."""
    with _opened(path) as raw:
        head = _head(raw)
        if head.startswith(_OTHERWISE_PACKED):
            raise UnreachableError(
                f"The log file {path.name} is packed, and not with gzip, so that it cannot be read. Unpack it, or "
                "pack it with gzip."
            )
        yield from _read(path, cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if _is_gzip(head) else raw)


def any_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of any file, also of one packed with xz or bzip2; raises UnreachableError where it has none."""
    with _opened(path) as raw:
        head = _head(raw)
        if _is_gzip(head):
            yield from _read(path, cast("IO[bytes]", gzip.GzipFile(fileobj=raw)))
        elif head.startswith(_XZ):
            with lzma.LZMAFile(raw) as read:
                yield from _read(path, cast("IO[bytes]", read))
        elif head.startswith(_BZIP2):
            with bz2.BZ2File(raw) as unpacked:
                yield from _read(path, cast("IO[bytes]", unpacked))
        elif head.startswith(_OTHERWISE_PACKED) or b"\0" in head:
            raise UnreachableError(f"The log file {path.name} cannot be read.")
        else:
            yield from _read(path, raw)


def _read(path: Path, read: IO[bytes]) -> Iterator[bytes]:
    try:
        while line := read.readline(LINE_BYTES_MAX):
            yield line
    except (EOFError, OSError, zlib.error, lzma.LZMAError):
        raise UnreachableError(
            f"The log file {path.name} cannot be read to its end; it may be damaged."
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise _moved(path) from None
    except OSError:
        raise UnreachableError(f"The log file {path.name} cannot be read.") from None
    with os.fdopen(handle, "rb") as raw:
        yield raw


def _head(raw: IO[bytes]) -> bytes:
    head = raw.read(_HEAD_BYTES)
    raw.seek(0)
    return head


def _is_gzip(head: bytes) -> bool:
    return head.startswith(b"\x1f\x8b")


def _moved(path: Path) -> UnreachableError:
    return UnreachableError(
        f"The log file {path.name} is no longer where it was; logs may have been rotated just now. Try again."
    )


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
    with _opened(path) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = os.fstat(held.fileno())
        refuse_open(path, before)
        number, lock, new = _new_file(path.parent)
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
            now = found(path)
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
            os.close(lock)
    return Rewritten(count, changed, removed)


def _new_file(folder: Path) -> tuple[int, int, Path]:
    """Make a file that is ours: locked, so that it is not taken for what a crash left (`log_folder.remove_left`)."""
    while True:
        number, name = tempfile.mkstemp(prefix=".troth-", dir=folder)
        lock = os.open(name, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return number, lock, Path(name)
        os.close(number)  # it was taken for such a one before it was locked
        os.close(lock)


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
