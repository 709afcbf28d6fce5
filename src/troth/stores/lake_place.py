"""Where the files of a lake are: listed, read, and given new content in one step each.

Danger: `swap` replaces and removes files.  What prevents loss: the new content waits durably
beside the old one, and takes its name only while the old one is still as it was read.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from troth.errors import NotAllowedError, UnreachableError
from troth.stores import file_name

Mark = tuple[int | str, ...]
"""What is another one once a file was written or replaced."""

HIDDEN = ".troth"
NEW = ".troth-new"


class Place(Protocol):
    """A folder or a bucket; files are named by their path in it, with `/`."""

    def files(self) -> Mapping[str, Mark]:
        """Return every file but Troth's own, with its mark."""
        ...

    def mark(self, name: str) -> Mark | None:
        """Return the mark of one file; None when it is not there."""
        ...

    def number(self, name: str) -> str:
        """Return by what a file can be found whose name is not to be said."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file to be read from any place in it."""
        ...

    def draft(self, name: str) -> Path:
        """Return where on this machine the new content of a file is to be written."""
        ...

    def offer(self, name: str) -> None:
        """Make what was drafted durable, to wait for its turn."""
        ...

    def withdraw(self, name: str) -> None:
        """Remove what was drafted or waits."""
        ...

    def swap(self, name: str, mark: Mark) -> bool:
        """Give the file the content that waits; False when somebody else has written it. Safe to say twice."""
        ...

    def drop(self, name: str, mark: Mark) -> bool:
        """Remove the file; False when somebody else has written it.  Safe to say twice."""
        ...

    def sweep(self) -> None:
        """Remove everything that waits."""
        ...

    def note(self, name: str) -> str | None:
        """Read one of Troth's own notes."""
        ...

    def ready(self, names: Iterable[str]) -> bool:
        """Tell whether we are still the only one of ours here, and all of these wait."""
        ...

    def write_note(self, name: str, text: str, *, once: bool = False) -> None:
        """Write a note durably, whole or not at all; `once` where there must be none yet."""
        ...

    def drop_note(self, name: str) -> None:
        """Remove a note, if it is there."""
        ...

    def notes(self, below: str) -> Iterator[str]:
        """Yield the text of every note below a folder."""
        ...

    def scratch(self) -> Path:
        """Return the folder of this machine in which a stage may lie."""
        ...

    def address(self, name: str) -> tuple[str, Mapping[str, str]]:
        """Return where a folder of this place is, and how to reach it, as libraries of table formats want it."""
        ...

    def alone(self, store: str, wait_seconds: float) -> AbstractContextManager[None]:
        """Be the only one of ours here."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """One file in a place; `table` is its table, where the map names it."""

    place: Place
    name: str
    table: str = ""

    @property
    def shown(self) -> str:
        """How messages tell it: its folders, and often its own name, may tell somebody's name."""
        own = self.name.rpartition("/")[2]
        plain = file_name.is_plain(own, (self.table,) if self.table else ())
        if plain and own.startswith(self.table):
            return own
        told = own if plain else self.place.number(self.name)
        return f"{self.table}: {told}" if self.table else told

    def open(self) -> BinaryIO:
        """Open it to be read from any place in it."""
        return self.place.open(self.name)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on a disk."""

    root: Path
    store: str

    def files(self) -> Mapping[str, Mark]:
        """Return every file but Troth's own; raises NotAllowedError for a symbolic link."""
        found: dict[str, Mark] = {}
        try:
            listed = sorted(
                each for top in self.root.iterdir() if top.name != HIDDEN for each in (top, *top.rglob("*"))
            )
        except OSError:
            raise UnreachableError(
                f"The folder of the store `{self.store}` cannot be read. Nothing was changed."
            ) from None
        for path in listed:
            if path.is_symlink():
                link = file_name.told(path.name, path.lstat().st_ino)
                raise NotAllowedError(
                    f"The store `{self.store}` has a symbolic link, `{link}`, and links are not followed. "
                    "Nothing was changed. Put the file itself there."
                )
            if path.name.endswith(NEW) or not path.is_file():
                continue
            mark = self.mark(path.relative_to(self.root).as_posix())
            if mark is not None:
                found[path.relative_to(self.root).as_posix()] = mark
        return found

    def mark(self, name: str) -> Mark | None:
        """Return what tells the file: its number, size and moment of writing."""
        try:
            seen = (self.root / name).stat()
        except FileNotFoundError:
            return None
        return (seen.st_ino, seen.st_size, seen.st_mtime_ns)

    def number(self, name: str) -> str:
        """Return its number on the disk, for `find -inum`."""
        mark = self.mark(name)
        return f"inode {mark[0] if mark is not None else '?'}"

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        return (self.root / name).open("rb")

    def draft(self, name: str) -> Path:
        """Return a name beside the file that readers of lakes pass by."""
        path = self.root / name
        return path.with_name(f".{path.name}{NEW}")

    def offer(self, name: str) -> None:
        """Give the new file the mode and owner of the old one, and make it durable."""
        path, new = self.root / name, self.draft(name)
        if path.exists():
            seen, own = path.stat(), new.stat()
            new.chmod(seen.st_mode & 0o7777)
            if (own.st_uid, own.st_gid) != (seen.st_uid, seen.st_gid):
                os.chown(new, seen.st_uid, seen.st_gid)
        with new.open("rb") as written:
            os.fsync(written.fileno())
        _durable(new.parent)

    def withdraw(self, name: str) -> None:
        """Remove the new file."""
        self.draft(name).unlink(missing_ok=True)

    def swap(self, name: str, mark: Mark) -> bool:
        """Rename the new file to the old one's name."""
        path, new = self.root / name, self.draft(name)
        if not new.exists():
            return (self.mark(name) or ()) != mark  # renamed before; or lost, and then nothing was done
        if (self.mark(name) or ()) != mark:
            return False
        new.replace(path)
        _durable(path.parent)
        return True

    def drop(self, name: str, mark: Mark) -> bool:
        """Remove a file, and its folders where nothing is left in them."""
        path = self.root / name
        now = self.mark(name)
        if now is not None and now != mark:
            return False
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.root or "=" not in folder.name:
                break
            if not folder.exists():
                continue  # it went before, and the step was cut short after that
            if any(folder.iterdir()):
                break
            folder.rmdir()
            _durable(folder.parent)
        if path.parent.exists():
            _durable(path.parent)
        return True

    def sweep(self) -> None:
        """Remove new files of a step that was never written down."""
        for left in self.root.rglob(f".*{NEW}"):
            left.unlink()

    def note(self, name: str) -> str | None:
        """Read a note."""
        try:
            return (self.root / HIDDEN / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def ready(self, names: Iterable[str]) -> bool:
        """Tell whether all of these wait; the lock is ours for as long as it is held."""
        return all(self.draft(name).exists() for name in names)

    def write_note(self, name: str, text: str, *, once: bool = False) -> None:
        """Write a note beside its place, make it durable, then rename it; whoever holds the lock is alone."""
        del once
        path = self.root / HIDDEN / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _durable(path.parent)

    def drop_note(self, name: str) -> None:
        """Remove a note."""
        path = self.root / HIDDEN / name
        path.unlink(missing_ok=True)
        _durable(path.parent)

    def notes(self, below: str) -> Iterator[str]:
        """Yield the text of every note."""
        return (
            path.read_text(encoding="utf-8") for path in sorted((self.root / HIDDEN / below).glob("*.json"))
        )

    def scratch(self) -> Path:
        """Return Troth's own folder in the lake."""
        return self.root / HIDDEN

    def address(self, name: str) -> tuple[str, Mapping[str, str]]:
        """Return the path of a folder."""
        return str((self.root / name).absolute()), {}

    @contextmanager
    def alone(self, store: str, wait_seconds: float) -> Iterator[None]:
        """Hold the lock in Troth's own folder."""
        try:
            (self.root / HIDDEN).mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self.root / HIDDEN / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            raise UnreachableError(
                f"The folder of the store `{store}` is not there, or Troth may not write its own folder in it. "
                "Nothing was changed."
            ) from None
        try:
            _wait(handle, store, wait_seconds)
            yield
        finally:
            os.close(handle)


def _wait(handle: int, store: str, wait_seconds: float) -> None:
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise UnreachableError(
                    f"Another process works on the store `{store}`. Nothing was changed; try again."
                ) from None
            time.sleep(0.05)
        else:
            return


def _durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
