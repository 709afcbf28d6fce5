"""Iceberg tables: the files of the newest snapshot, and one new snapshot for a whole erasure.

Danger: a commit takes files out of a table, and `expire` removes files.  What prevents loss: a
commit is made only upon the snapshot that was read, so that whoever was faster wins and nothing of
ours is left; no file goes that a snapshot which stays still needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    ValidationException,
)
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, FileFormat
from pyiceberg.table import Table as IcebergTable
from sqlalchemy.exc import SQLAlchemyError

from troth.errors import NotAllowedError, UnreachableError
from troth.rules.map import Map
from troth.rules.plan import end_of
from troth.stores import lake_source
from troth.stores.contract import Limits, Store
from troth.stores.lake import LIMITS as LAKE_LIMITS
from troth.stores.lake import Lake
from troth.stores.lake_layout import Part, Table, asked_of, checked
from troth.stores.lake_parquet import Parquet
from troth.stores.lake_place import File, Mark, Place
from troth.stores.lake_swap import Rewrite, Rewritten, Unit, Units, deeds_of

LIMITS: Limits = LAKE_LIMITS
STEP = "troth-step"
_ERRORS = (
    CommitFailedException,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    ValidationException,
    SQLAlchemyError,
    OSError,
    ValueError,
)


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open the tables of a namespace; nothing is touched before the first verb."""
    return Lake(map, credentials, source=Namespace(credentials.get("change", credentials["find"]), map.store))


class Namespace:
    """The Iceberg tables of one namespace of a catalogue."""

    def __init__(self, url: str, store: str) -> None:
        self._store = store
        self._properties, self._namespace, warehouse = _read(url, store)
        self._known: Catalog | None = None
        self._warehouse = warehouse
        self.place: Place = lake_source.place_of(warehouse, store)

    def tables(self, map_: Map) -> Mapping[str, Table]:
        """Return the newest snapshots."""
        try:
            names = sorted(name for *_, name in self._catalog().list_tables(self._namespace))
        except _ERRORS:
            raise self._unreachable() from None
        return {name: self._table(name, map_) for name in names}

    def current(self, tables: Mapping[str, Table]) -> bool:
        """Compare the snapshots, and which tables there are."""
        names = {name for *_, name in self._catalog().list_tables(self._namespace)}
        return names == set(tables) and all(
            _snapshot(self._loaded(name)) == table.version for name, table in tables.items()
        )

    def name_of(self, table: Table, part: Part, step: str) -> str:
        """Return a name that no file of the table has: Iceberg never writes a file anew."""
        folder = part.file.name.rpartition("/")[0]
        told = sha256(f"{step}/{table.version}/{part.file.name}".encode()).hexdigest()
        return f"{folder}/troth-{told[:32]}.parquet"

    def units(self, table: Table) -> Units:
        """Return what makes snapshots."""
        del table
        return self

    def kinds(self) -> Mapping[str, Units]:
        """Return what makes snapshots."""
        return {"iceberg": self}

    def of(self, done: Sequence[tuple[Rewrite, Rewritten]]) -> Sequence[Unit]:
        """Return the one snapshot that takes these files for those."""
        table = done[0][0].table
        name, loaded = table.asked.table, self._loaded(table.asked.table)
        columns = {
            loaded.schema().find_column_name(field.source_id)
            for spec in loaded.specs().values()
            for field in spec.fields
        }
        written = {
            column for each, _ in done for values in each.changes.written.values() for column in values
        }
        if columns & written:
            raise self._refused(
                name,
                "is partitioned by a column into which the map writes",
                "Let the map delete such rows, or leave it alone",
            )
        return [
            {
                "kind": "iceberg",
                "table": name,
                "rows": deeds_of(done),
                "version": list(table.version),
                "removed": [str(rewrite.part.mark[0]) for rewrite, _ in done],
                "added": [
                    {"name": made.name, "instead": str(rewrite.part.mark[0])}
                    for rewrite, made in done
                    if made.rows
                ],
                "empty": [made.name for _, made in done if not made.rows],
            }
        ]

    def carry_out(self, unit: Unit, step: str) -> bool:
        """Commit; the snapshot carries the step, so that it is made once."""
        name = str(unit["table"])  # a step that met somebody else is said again, upon a later snapshot
        told = sha256(f"{step}/{unit['version']}".encode()).hexdigest()
        for each in unit["empty"]:
            self.place.withdraw(each)
        table = self._loaded(name)
        if _made(table, told):
            return True
        done = list(_snapshot(table)) == list(unit["version"])
        for each in unit["added"]:
            done = done and self.place.swap(each["name"], ())
        if done:
            try:
                self._commit(table, unit, told)
            except _ERRORS:
                done = _made(self._loaded(name), told)
        if not done:
            for each in unit["added"]:
                self.place.withdraw(each["name"])
                mark = self.place.mark(each["name"])
                if mark is not None:
                    self.place.drop(each["name"], mark)
        return done

    def expire(self, map_: Map, today: date) -> int:
        """Remove snapshots that are old enough, and the files that only they need; return how many files."""
        assert map_.versions_expire is not None
        age = end_of(map_.versions_expire, today) - today
        return sum(self._expired(name, datetime.now(UTC) - age) for name in self.tables(map_))

    def _expired(self, name: str, before: datetime) -> int:
        removed = self._removed(name)
        table = self._loaded(name)
        heads = {ref.snapshot_id for ref in table.metadata.refs.values()}
        going = [
            each
            for each in table.metadata.snapshots
            if each.snapshot_id not in heads and each.timestamp_ms < before.timestamp() * 1000
        ]
        if not going:
            return removed
        try:
            paths = sorted({path for each in going for path in self._files(table, each)})
            for path in paths:
                self._below(path)
            # Once the snapshots are gone nothing else tells which files were theirs.
            self.place.write_note(_note(name), json.dumps(paths))
            table.maintenance.expire_snapshots().by_ids([each.snapshot_id for each in going]).commit()
        except _ERRORS:
            raise self._unreachable() from None
        return removed + self._removed(name)

    def _removed(self, name: str) -> int:
        """Remove the files that were written down and that no snapshot needs any more; return how many."""
        found = self.place.note(_note(name))
        if found is None:
            return 0
        table = self._loaded(name)
        try:
            needed = {path for each in table.metadata.snapshots for path in self._files(table, each)}
            going = [path for path in json.loads(found) if path not in needed and self._below(path)]
            for path in going:
                with suppress(FileNotFoundError):
                    table.io.delete(path)
        except _ERRORS:
            raise self._unreachable() from None
        self.place.drop_note(_note(name))
        return len(going)

    def _files(self, table: IcebergTable, snapshot: Any) -> Iterator[str]:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                yield entry.data_file.file_path

    def _commit(self, table: IcebergTable, unit: Unit, told: str) -> None:
        table.metadata.properties["commit.retry.num-retries"] = (
            "0"  # here alone: upon this snapshot or not at all
        )
        known = {task.file.file_path: task.file for task in table.scan().plan_files()}
        with (
            table.transaction() as transaction,
            transaction.update_snapshot(snapshot_properties={STEP: told}).overwrite() as snapshot,
        ):
            for path in unit["removed"]:
                snapshot.delete_data_file(known[path])
            for each in unit["added"]:
                snapshot.append_data_file(self._described(table, known[each["instead"]], each["name"]))

    def _described(self, table: IcebergTable, old: DataFile, name: str) -> DataFile:
        """Return what the snapshot says of a new file."""
        path = old.file_path.rpartition("/")[0] + "/" + name.rpartition("/")[2]
        source = table.io.new_input(path)
        with source.open() as stream:
            told = pq.read_metadata(stream)
        statistics = data_file_statistics_from_parquet_metadata(
            parquet_metadata=told,
            stats_columns=compute_statistics_plan(table.schema(), table.metadata.properties),
            parquet_column_mapping=parquet_path_to_id_mapping(table.schema()),
        )
        return DataFile.from_args(
            content=old.content,
            file_path=path,
            file_format=FileFormat.PARQUET,
            partition=old.partition,
            file_size_in_bytes=len(source),
            sort_order_id=old.sort_order_id,
            spec_id=old.spec_id,
            equality_ids=None,
            key_metadata=None,
            **statistics.to_serialized_dict(),
        )

    def _table(self, name: str, map_: Map) -> Table:
        loaded = self._loaded(name)
        if map_.versions_expire is None:
            raise self._refused(
                name,
                "keeps old snapshots, and its map does not say for how long",
                "Add `versions_expire: 30 days` to the map",
            )
        names: dict[int, str] = {}
        for schema in loaded.schemas().values():
            for field in schema.fields:
                if names.setdefault(field.field_id, field.name) != field.name:
                    raise self._refused(name, "has columns that were renamed", "Rewrite its files first")
        if len(set(names.values())) < len(names):
            raise self._refused(
                name, "has a column that was dropped and added anew", "Rewrite its files first"
            )
        schema = checked(name, _arrow(loaded.schema().as_arrow()), self._store)
        try:
            tasks = sorted(loaded.scan().plan_files(), key=lambda task: str(task.file.file_path))
        except _ERRORS:
            raise self._unreachable() from None
        parts = []
        for task in tasks:
            if task.delete_files:
                raise self._refused(
                    name,
                    "has rows marked as deleted beside its files",
                    "Let its own engine rewrite them first",
                )
            if task.file.file_format != FileFormat.PARQUET:
                raise self._refused(name, "has files that are not Parquet", "Rewrite them first")
            parts.append(
                Part(
                    File(self.place, self._below(task.file.file_path), name if name in map_.tables else ""),
                    (task.file.file_path, task.file.file_size_in_bytes),
                )
            )
        return Table(asked_of(map_, name, evolves=True), Parquet(), parts, schema, _snapshot(loaded))

    def _below(self, path: str) -> str:
        """Return where a file is below the warehouse."""
        root = self._warehouse.partition("?")[0].removeprefix("lake://")
        root = f"s3://{root.rpartition('@')[2]}" if root.startswith("s3://") and "@" in root else root
        found = path.removeprefix("file://").replace("s3a://", "s3://")
        if not found.startswith(f"{root.rstrip('/')}/") or ".." in found.split("/"):
            raise NotAllowedError(
                f"The store `{self._store}` has an Iceberg table with files outside its warehouse. Nothing was "
                "changed. Name the folder or the bucket in which all of them are."
            )
        return found.removeprefix(f"{root.rstrip('/')}/")

    def _loaded(self, name: str) -> IcebergTable:
        try:
            return self._catalog().load_table((*self._namespace.split("."), name))
        except _ERRORS:
            raise self._unreachable() from None

    def _catalog(self) -> Catalog:
        if self._known is None:
            try:
                self._known = load_catalog(self._properties.pop("catalogue", "default"), **self._properties)
            except _ERRORS:
                raise self._unreachable() from None
        return self._known

    def _unreachable(self) -> UnreachableError:
        return UnreachableError(
            f"The Iceberg catalogue of the store `{self._store}` or a table in it cannot be read. Nothing was changed. "
            "Check the catalogue, the namespace and the warehouse."
        )

    def _refused(self, name: str, what: str, remedy: str) -> NotAllowedError:
        return NotAllowedError(
            f"The Iceberg table `{name}` of the store `{self._store}` {what}. Nothing was changed. {remedy}."
        )


def _read(url: str, store: str) -> tuple[dict[str, str], str, str]:
    """Return the catalogue's properties, the namespace, and where the files are, of a URL.

    `iceberg+sqlite:///catalog.db?warehouse=/data/warehouse&namespace=shop`, or `iceberg+https://…`;
    with `catalogue` where a database holds several by name.
    """
    parts = urlsplit(url.removeprefix("iceberg+"))
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    namespace, warehouse = asked.pop("namespace", ""), asked.pop("warehouse", "")
    if not namespace or not warehouse.startswith(("s3://", "/")):
        raise NotAllowedError(
            f"The URL of the store `{store}` does not say where its tables are. Write "
            "`iceberg+sqlite:///catalog.db?warehouse=/data/warehouse&namespace=shop`."
        )
    properties = {
        "type": "rest" if parts.scheme.startswith("http") else "sql",
        "uri": url.removeprefix("iceberg+").partition("?")[0],
    }
    place = f"lake://{warehouse}"
    if warehouse.startswith("s3://"):
        key = urlsplit(warehouse)
        given = {"s3.access-key-id": key.username, "s3.secret-access-key": key.password}
        properties |= {name: unquote(value) for name, value in given.items() if value}
        reached = {name: asked[f"s3.{name}"] for name in ("endpoint", "region") if f"s3.{name}" in asked}
        place = warehouse + (f"?{urlencode(reached)}" if reached else "")
        warehouse = f"s3://{key.netloc.rpartition('@')[2]}{key.path}"
    return {**properties, "warehouse": warehouse, **asked}, namespace, place


def _snapshot(table: IcebergTable) -> Mark:
    """Return what tells the newest snapshot."""
    now = table.current_snapshot()
    return (now.snapshot_id if now is not None else 0, table.metadata.current_schema_id)


def _note(name: str) -> str:
    return f"expire-{sha256(name.encode()).hexdigest()}.json"


def _made(table: IcebergTable, told: str) -> bool:
    return any(
        each.summary is not None and each.summary.additional_properties.get(STEP) == told
        for each in table.metadata.snapshots
    )


def _arrow(schema: pa.Schema) -> pa.Schema:
    """Return the columns with the types that files of Parquet have."""
    plain = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    return pa.schema([each.with_type(plain.get(each.type, each.type)) for each in schema])
