"""Delta tables of a lake: the files of the newest version, and one new version for a whole erasure.

Danger: a commit takes files out of a table.  What prevents loss: it is made only as the very next
version after the one that was read, so that whoever was faster wins and nothing of ours is left;
the old files stay until the map says that old versions expire.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from troth.errors import NotAllowedError, UnreachableError
from troth.rules.map import Map
from troth.rules.plan import end_of
from troth.stores.lake import LIMITS as LIMITS  # of the kind `delta`, which is a lake
from troth.stores.lake import open_store as open_store
from troth.stores.lake_layout import Part, Table, asked_of, checked
from troth.stores.lake_parquet import Parquet
from troth.stores.lake_place import File, Mark, Place
from troth.stores.lake_swap import Rewrite, Rewritten, Unit, deeds_of

_READ = frozenset({"timestampNtz", "vacuumProtocolCheck", "v2Checkpoint", "deletionVectors", "columnMapping"})
_WRITTEN = _READ | {
    "appendOnly",
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
    "inCommitTimestamp",
}
_DAYS = {"second": 0, "minute": 0, "hour": 1 / 24, "day": 1, "week": 7, "month": 31, "year": 366}
_TEXT_MAX = 64  # characters of a text that stands in the statistics of a file


class Delta:
    """The Delta tables of one place."""

    def __init__(self, place: Place, store: str) -> None:
        self._place = place
        self._store = store

    def table(self, name: str, listed: Mapping[str, Mark], map_: Map) -> Table:
        """Return the newest version of a table; raises NotAllowedError for what cannot be kept as it is."""
        delta = self._opened(name)
        self._check(name, delta, map_)
        asked = asked_of(map_, name, evolves=True)
        schema = checked(name, _arrow(pa.schema(delta.schema())), self._store)
        named = list(delta.metadata().partition_columns)
        if pa.table(delta.deletion_vectors()).num_rows:
            raise self._refused(
                name,
                "has rows marked as deleted in its files (deletion vectors)",
                "Let its own engine purge them first",
            )
        parts = [
            Part(
                File(self._place, self._path(name, row["path"], listed), name if name in map_.tables else ""),
                (row["path"], row["size_bytes"]),
                tuple((key, (row["partition"] or {}).get(key)) for key in named),
            )
            for row in sorted(pa.table(delta.get_add_actions()).to_pylist(), key=lambda row: str(row["path"]))
        ]
        inner = replace(asked, named=tuple(each for each in asked.named if each not in named))
        return Table(inner, Parquet(), parts, schema, (delta.version(),), _described)

    def version(self, name: str) -> Mark:
        """Return the number of the newest version."""
        return (self._opened(name).version(),)

    def name_of(self, table: Table, part: Part, step: str) -> str:
        """Return a name that no file of the table has: Delta never writes a file anew."""
        folder = part.file.name.rpartition("/")[0]
        told = sha256(f"{step}/{table.version}/{part.file.name}".encode()).hexdigest()
        return f"{folder}/part-troth-{told[:32]}.parquet"

    def of(self, done: Sequence[tuple[Rewrite, Rewritten]]) -> Sequence[Unit]:
        """Return the one commit that takes these files for those."""
        table = done[0][0].table
        name = table.asked.table
        constrained = any(
            key.startswith("delta.constraints.") for key in self._opened(name).metadata().configuration
        )
        if constrained and any(each.changes.written for each, _ in done):
            raise self._refused(
                name,
                "has CHECK constraints, and the map writes values",
                "Let the map delete, or take them off",
            )
        return [
            {
                "kind": "delta",
                "table": name,
                "rows": deeds_of(done),
                "version": table.version[0],
                "removed": [
                    {
                        "path": unquote(str(rewrite.part.mark[0])),
                        "size": rewrite.part.mark[1],
                        "partition": _texts(rewrite.part),
                    }
                    for rewrite, _ in done
                ],
                "added": [
                    {"name": made.name, "partition": _texts(rewrite.part), **made.told}
                    for rewrite, made in done
                    if made.rows
                ],
                "empty": [made.name for _, made in done if not made.rows],
            }
        ]

    def carry_out(self, unit: Unit, step: str) -> bool:
        """Commit; the commit carries the step, so that it is made once."""
        name = str(unit["table"])  # a step that met somebody else is said again, upon a later version
        digest = sha256(f"{step}/{unit['version']}".encode()).hexdigest()
        told = f"troth-{digest[:32]}"
        for each in unit["empty"]:
            self._place.withdraw(each)
        delta = self._opened(name)
        if delta.transaction_version(told) is not None:
            return True
        done: bool = delta.version() == unit["version"]
        for each in unit["added"]:
            done = done and self._place.swap(each["name"], ())
        if done:
            try:
                self._commit(delta, name, unit, told)
            except DeltaError:
                done = self._opened(name).transaction_version(told) is not None
        if not done:
            for each in unit["added"]:
                self._place.withdraw(each["name"])
                mark = self._place.mark(each["name"])
                if mark is not None:
                    self._place.drop(each["name"], mark)
        return done

    def expire(self, name: str, map_: Map, today: date) -> int:
        """Remove the files of versions that are old enough, and the log of them; return how many files."""
        delta = self._opened(name)
        assert map_.versions_expire is not None
        days = (end_of(map_.versions_expire, today) - today).days
        try:
            gone = delta.vacuum(int(days * 24), dry_run=False, enforce_retention_duration=False)
            delta.create_checkpoint()
            delta.cleanup_metadata()
        except DeltaError:
            raise self._unreachable(name) from None
        return len(gone)

    def _commit(self, delta: DeltaTable, name: str, unit: Unit, told: str) -> None:
        now = int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = [
            RemoveAction(each["path"], True, now, each["size"], each["partition"]) for each in unit["removed"]
        ]
        actions += [
            AddAction(
                each["name"].removeprefix(f"{name}/"),
                each["size"],
                each["partition"],
                now,
                True,
                json.dumps(each["stats"]),
            )
            for each in unit["added"]
        ]
        properties = CommitProperties(
            max_commit_retries=0,
            app_transactions=[Transaction(told, 0)],
            custom_metadata={"troth": "erasure"},
        )
        delta.create_write_transaction(
            actions,
            "append",
            delta.schema(),
            list(delta.metadata().partition_columns),
            commit_properties=properties,
        )

    def _check(self, name: str, delta: DeltaTable, map_: Map) -> None:
        """Raise NotAllowedError for a table that would not be what it says after a change, or keep what went."""
        known, settings = delta.protocol(), delta.metadata().configuration
        unknown = {*(known.reader_features or ()), *(known.writer_features or ())} - _WRITTEN
        if unknown:
            raise self._refused(
                name,
                f"uses what Troth does not write: {', '.join(sorted(unknown))}",
                "Turn it off for this table",
            )
        if settings.get("delta.columnMapping.mode", "none") != "none":
            raise self._refused(
                name, "has columns under other names in its files (column mapping)", "Rewrite it without"
            )
        for key, what in (
            ("delta.enableChangeDataFeed", "keeps a feed of changes, in which what goes would stand"),
            ("delta.appendOnly", "may only be appended to"),
        ):
            if str(settings.get(key, "false")).lower() == "true":
                raise self._refused(name, what, f"Turn `{key}` off")
        if map_.versions_expire is None:
            raise self._refused(
                name,
                "keeps old versions, and its map does not say for how long",
                "Add `versions_expire: 30 days` to the map",
            )
        days = (end_of(map_.versions_expire, date(2001, 1, 1)) - date(2001, 1, 1)).days
        if _days(str(settings.get("delta.logRetentionDuration", "interval 30 days"))) > days:
            raise self._refused(
                name,
                "keeps its log, with least and greatest values of old files, for longer than `versions_expire` says",
                "Set `delta.logRetentionDuration` to that period or less, or let the map say the longer one",
            )

    def _opened(self, name: str) -> DeltaTable:
        uri, options = self._place.address(name)
        try:
            return DeltaTable(uri, storage_options=dict(options))
        except (DeltaError, TableNotFoundError, OSError, ValueError):
            raise self._unreachable(name) from None

    def _path(self, name: str, path: str, listed: Mapping[str, Mark]) -> str:
        found = f"{name}/{unquote(path)}"
        if found not in listed:
            raise self._unreachable(name)
        return found

    def _unreachable(self, name: str) -> UnreachableError:
        return UnreachableError(
            f"The Delta table `{name}` of the store `{self._store}` cannot be read as one: its log or a file of its "
            "newest version is missing, torn or elsewhere. Nothing was changed."
        )

    def _refused(self, name: str, what: str, remedy: str) -> NotAllowedError:
        return NotAllowedError(
            f"The Delta table `{name}` of the store `{self._store}` {what}. Nothing was changed. {remedy}."
        )


def _days(interval: str) -> float:
    """Return the days of a period as Delta writes it.

    >>> _days("interval 30 days"), _days("interval 1 week"), _days("nonsense")
    (30.0, 7.0, inf)
    """
    found = re.fullmatch(
        r"(?:interval\s+)?(\d+)\s+(second|minute|hour|day|week|month|year)s?", interval.strip(), re.I
    )
    return int(found[1]) * float(_DAYS[found[2].lower()]) if found else float("inf")


def _arrow(schema: pa.Schema) -> pa.Schema:
    """Return the columns with the types that files of Parquet have."""
    plain = {pa.string_view(): pa.string(), pa.large_string(): pa.string(), pa.binary_view(): pa.binary()}
    return pa.schema([each.with_type(plain.get(each.type, each.type)) for each in schema])


def _texts(part: Part) -> dict[str, str | None]:
    """Return the values of a partition as the log writes them."""
    return {name: None if value is None else _text(value) for name, value in part.partition}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat(" ") if hasattr(value, "hour") else str(value)


def _described(path: Path) -> Mapping[str, Any]:
    """Return what the log says of a new file: its size, its rows, least and greatest values."""
    with pq.ParquetFile(path) as file:
        told = file.metadata
        least: dict[str, Any] = {}
        greatest: dict[str, Any] = {}
        nulls: dict[str, int] = {}
        for at in range(told.num_columns):
            name = told.schema.column(at).path
            if "." in name:
                continue
            groups = [told.row_group(number).column(at) for number in range(told.num_row_groups)]
            if not groups or not all(
                group.is_stats_set and group.statistics.has_null_count for group in groups
            ):
                continue
            nulls[name] = sum(group.statistics.null_count for group in groups)
            ranged = [group.statistics for group in groups if group.statistics.has_min_max]
            values = [value for each in ranged for value in (each.min, each.max)]
            full = all(
                group.num_values == group.statistics.null_count or group.statistics.has_min_max
                for group in groups
            )
            if values and full and all(_is_told(value) for value in values):
                least[name], greatest[name] = _json(min(values)), _json(max(values))
    stats = {"numRecords": told.num_rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}
    return {"size": path.stat().st_size, "stats": stats}


def _is_told(value: object) -> bool:
    if isinstance(value, str):
        return len(value) < _TEXT_MAX
    return (isinstance(value, int) and not isinstance(value, bool)) or type(value) is date


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
