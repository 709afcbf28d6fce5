"""Where the tables of a lake come from, and what brings new content into them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol

from troth.errors import NotFoundError
from troth.rules.map import Map
from troth.stores import lake_layout
from troth.stores.lake_layout import Part, Table
from troth.stores.lake_place import Folder, Place
from troth.stores.lake_swap import Files, Units


class Source(Protocol):
    """The tables of one lake."""

    @property
    def place(self) -> Place:
        """Where the files are, and Troth's own notes."""
        ...

    def tables(self, map_: Map) -> Mapping[str, Table]:
        """Return the tables as they are now."""
        ...

    def current(self, tables: Mapping[str, Table]) -> bool:
        """Tell whether the tables still have the files they had, and no others."""
        ...

    def name_of(self, table: Table, part: Part, step: str) -> str:
        """Return the name of the file that takes the place of another."""
        ...

    def units(self, table: Table) -> Units:
        """Return what brings rewritten files into this table."""
        ...

    def kinds(self) -> Mapping[str, Units]:
        """Return what carries out each kind of unit."""
        ...


class Tables:
    """Tables that are files, or folders of files."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._files = Files(place)

    def tables(self, map_: Map) -> Mapping[str, Table]:
        """Return the tables as they are now."""
        return lake_layout.tables(self.place, map_)

    def current(self, tables: Mapping[str, Table]) -> bool:
        """Compare the marks of all files."""
        known = {part.file.name: part.mark for table in tables.values() for part in table.parts}
        now = {name: mark for name, mark in self.place.files().items() if mark[1] or name in known}
        return now == known

    def name_of(self, table: Table, part: Part, step: str) -> str:
        """Return the file's own name."""
        del table, step
        return part.file.name

    def units(self, table: Table) -> Units:
        """Return the units that are files."""
        del table
        return self._files

    def kinds(self) -> Mapping[str, Units]:
        """Return the units that are files."""
        return {"file": self._files}


def opened(map_: Map, credentials: Mapping[str, str]) -> Source:
    """Open the tables that credentials refer to: a folder, `lake://…`, or a bucket, `s3://…`."""
    return Tables(place_of(credentials.get("change", credentials["find"]), map_.store))


def place_of(url: str, store: str) -> Place:
    """Return the folder or the bucket of a URL."""
    if not url.startswith("s3://"):
        return Folder(Path(url.removeprefix("lake://")), store)
    try:
        lake_bucket = import_module("troth.stores.lake_bucket")
    except ImportError as error:
        raise NotFoundError(
            f"The store `{store}` is in a bucket, and the part `{error.name}` that reads buckets is not installed. "
            "Install it with: pip install 'troth[s3]'."
        ) from None
    place: Place = lake_bucket.opened(url, store)
    return place
