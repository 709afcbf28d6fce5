"""Where the tables of a lake come from, and what brings new content into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from troth.errors import NotAllowedError, NotFoundError
from troth.rules.map import Map
from troth.stores import lake_layout
from troth.stores.lake_layout import Part, Table
from troth.stores.lake_place import Folder, Mark, Place
from troth.stores.lake_swap import Files, Rewrite, Rewritten, Unit, Units

LOG = "_delta_log"


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

    def expire(self, map_: Map, today: date) -> int:
        """Remove the files of versions that are old enough; return how many."""
        ...


class Tables:
    """Tables that are files, folders of files, or Delta tables."""

    def __init__(self, place: Place, store: str = "") -> None:
        self.place = place
        self._store = store
        self._files = Files(place)
        self._known_delta: Versions | None = None

    def tables(self, map_: Map) -> Mapping[str, Table]:
        """Return the tables as they are now."""
        listed = self.place.files()
        logged = {name.partition("/")[0] for name in listed if name.split("/")[1:2] == [LOG]}
        rest = {name: mark for name, mark in listed.items() if name.partition("/")[0] not in logged}
        found = dict(lake_layout.tables(self.place, map_, rest))
        for name in sorted(logged):
            if name in found:
                raise NotAllowedError(
                    f"The store `{map_.store}` has more than one file or folder for the table `{name}`. Keep one of "
                    "them."
                )
            found[name] = self._delta().table(name, listed, map_)
        return found

    def current(self, tables: Mapping[str, Table]) -> bool:
        """Compare the marks of all files, and the versions of tables that have some."""
        versions = {name: table.version for name, table in tables.items() if table.version}
        known = {
            part.file.name: part.mark
            for table in tables.values()
            if not table.version
            for part in table.parts
        }
        now = {
            name: mark
            for name, mark in self.place.files().items()
            if (mark[1] or name in known) and name.partition("/")[0] not in versions
        }
        return now == known and all(self._delta().version(name) == at for name, at in versions.items())

    def name_of(self, table: Table, part: Part, step: str) -> str:
        """Return the file's own name, or a new one where files are never written anew."""
        return self._delta().name_of(table, part, step) if table.version else part.file.name

    def units(self, table: Table) -> Units:
        """Return the units that are files, or commits."""
        return self._delta() if table.version else self._files

    def kinds(self) -> Mapping[str, Units]:
        """Return what carries out each kind of unit."""
        return {"file": self._files, "delta": _Later(self._delta)}

    def expire(self, map_: Map, today: date) -> int:
        """Remove the files of versions that are old enough."""
        return sum(
            self._delta().expire(name, map_, today)
            for name, table in self.tables(map_).items()
            if table.version
        )

    def _delta(self) -> Versions:
        """Return what knows of Delta tables; raises NotFoundError where it is not installed."""
        if self._known_delta is None:
            module = _part("troth.stores.lake_delta", self._store, "has a Delta table", "delta")
            self._known_delta = module.Delta(self.place, self._store)
        return self._known_delta


class Versions(Units, Protocol):
    """What knows of tables that have versions."""

    def table(self, name: str, listed: Mapping[str, Mark], map_: Map) -> Table:
        """Return the newest version of a table."""
        ...

    def version(self, name: str) -> Mark:
        """Return what tells the newest version."""
        ...

    def name_of(self, table: Table, part: Part, step: str) -> str:
        """Return the name of a new file."""
        ...

    def expire(self, name: str, map_: Map, today: date) -> int:
        """Remove the files of versions that are old enough; return how many."""
        ...


class _Later:
    """Units of a kind whose code is loaded when there is one."""

    def __init__(self, load: Callable[[], Units]) -> None:
        self._load = load

    def of(self, done: Sequence[tuple[Rewrite, Rewritten]]) -> Sequence[Unit]:
        """Return the units."""
        return self._load().of(done)

    def carry_out(self, unit: Unit, step: str) -> bool:
        """Do it."""
        return self._load().carry_out(unit, step)


def opened(map_: Map, credentials: Mapping[str, str]) -> Source:
    """Open the tables that credentials refer to: a folder, `lake://…`, or a bucket, `s3://…`."""
    return Tables(place_of(credentials.get("change", credentials["find"]), map_.store), map_.store)


def place_of(url: str, store: str) -> Place:
    """Return the folder or the bucket of a URL."""
    if not url.startswith("s3://"):
        return Folder(Path(url.removeprefix("lake://")), store)
    place: Place = _part("troth.stores.lake_bucket", store, "is in a bucket", "s3").opened(url, store)
    return place


def _part(module: str, store: str, what: str, extra: str) -> Any:
    """Load a part that not every install has."""
    try:
        return import_module(module)
    except ImportError as error:
        raise NotFoundError(
            f"The store `{store}` {what}, and the part `{error.name}` that this needs is not installed. Install it "
            f"with: pip install 'troth[{extra}]'."
        ) from None
