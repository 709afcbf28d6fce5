"""What lies in a folder of logs, at any depth: the files of each table of a map, and strays, which are of none.

A table is named by its path in the folder: `access` has access.log, access.log.1, access.log.2.gz,
access-20261101 …  One that the map calls impersonal has besides the file of exactly that name, or
everything in the folder of that name.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from troth.errors import NotAllowedError, UnreachableError
from troth.rules.map import Map
from troth.stores import file_name

OTHER = "other files"
"""What strays are called where a table is named."""
SHOWN_MAX = 5
_OWN = re.compile(r"\.troth-[a-z0-9_]{8}")  # as `log_file` names the new file that it writes


@dataclass(frozen=True, slots=True)
class Lying:
    """The files of a folder: of each table, of none, and those that a rewriting of ours which was cut short left."""

    of: Mapping[str, tuple[Path, ...]]
    strays: tuple[Path, ...]
    left: tuple[Path, ...]

    def told(self) -> tuple[str, ...]:
        """Return how strays are told: no name that may be somebody's."""
        return tuple(file_name.told(path.name, _number(path), self.of) for path in self.strays)

    def each(self) -> Iterator[tuple[str, Path]]:
        """Yield every file once, with its table or `OTHER`."""
        told: dict[Path, str] = {}
        for table, paths in self.of.items():
            told |= {path: table for path in paths if path not in told}
        told |= dict.fromkeys((*self.strays, *self.left), OTHER)
        return ((table, path) for path, table in told.items())

    def refuse_strays(self, store: str) -> None:
        """Raise NotAllowedError where there is a file of no table."""
        if not self.strays:
            return
        told = self.told()
        some = ", ".join(told[:SHOWN_MAX]) + (" …" if len(told) > SHOWN_MAX else "")
        raise NotAllowedError(
            f"The folder of the store `{store}` has files or links that are of no log in its map: {len(told)} "
            f"({some}). Nothing was changed: what is not read is not proven clean. Map them, move them out of the "
            "folder, or name each of them, or their folder, in the map and say why nobody is in there "
            "(`access.log.bak: {impersonal: …}`)."
        )


def lying(folder: Path, map_: Map) -> Lying:
    """Look at every file of the folder; raises UnreachableError where a part of it cannot be read."""
    patterns = {
        name: _pattern(name, exact=table.impersonal is not None) for name, table in map_.tables.items()
    }
    of: dict[str, list[Path]] = {name: [] for name in patterns}
    strays, left, links = [], [], []
    for path, seen in _all(folder):
        name = path.relative_to(folder).as_posix()
        meant = [table for table, pattern in patterns.items() if pattern.fullmatch(name)]
        if stat.S_ISLNK(seen.st_mode):
            if not any(map_.tables[table].impersonal is not None for table in meant):
                links.append(path)
        elif meant:
            for table in meant:
                of[table].append(path)
        elif _OWN.fullmatch(path.name):
            left.append(path)
        elif seen.st_size:
            strays.append(path)
    # a link is never followed; where it leads to a log that is read anyway, it hides nothing
    read = {path.resolve() for paths in of.values() for path in paths} if links else set()
    strays += [path for path in links if _led(path) not in read]
    return Lying(
        {table: tuple(sorted(paths)) for table, paths in of.items()}, tuple(sorted(strays)), tuple(left)
    )


def remove_left(lying_: Lying) -> None:
    """Remove the new files of rewritings that were cut short; one that is being written is locked, and stays."""
    for path in lying_.left:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)


def _pattern(table: str, *, exact: bool) -> re.Pattern[str]:
    name = re.escape(table)
    rotations = rf"{name}(?:\.(?:log|json|jsonl|txt))?(?:[.-]\d[\d-]*)?(?:\.gz)?"
    return re.compile(rf"{rotations}|{name}(?:/.*)?" if exact else rotations, re.S)


def _all(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield every file and link below a folder, and what the system says of it."""

    def stop(_: OSError) -> None:
        raise UnreachableError("The folder of the logs is not there, or may not be read.") from None

    for root, folders, names in os.walk(folder, onerror=stop):
        for name in sorted([*folders, *names]):
            path = Path(root, name)
            try:
                seen = path.lstat()
            except FileNotFoundError:
                continue  # rotated since
            if stat.S_ISREG(seen.st_mode) or stat.S_ISLNK(seen.st_mode):
                yield path, seen


def _led(link: Path) -> Path | None:
    try:
        return link.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _number(path: Path) -> int | str:
    try:
        return path.lstat().st_ino
    except OSError:
        return "?"
