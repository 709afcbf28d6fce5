"""Which tables a lake has, and which files each of them: of one form, in folders that may name values.

A table is a file, or a folder of files, by their names; `column=value` folders are columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from troth.errors import NotAllowedError
from troth.rules.map import Map
from troth.stores import file_name
from troth.stores.catalogue import STEP_TABLE
from troth.stores.lake_csv import Csv
from troth.stores.lake_form import Asked, Block, Bounds, Changes, Form
from troth.stores.lake_lines import Lines
from troth.stores.lake_parquet import Parquet
from troth.stores.lake_place import File, Mark, Place

_FORMS: Sequence[tuple[re.Pattern[str], str, Form]] = (
    (re.compile(r"\.parquet$"), "Parquet", Parquet()),
    (re.compile(r"\.(?:jsonl|ndjson)(?:\.(?:gz|zst))?$"), "JSON lines", Lines()),
    (re.compile(r"\.(?:csv|tsv)(?:\.(?:gz|zst))?$"), "CSV", Csv()),
)
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
Partition = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a table, how it is told, and the values that its folders name."""

    file: File
    mark: Mark
    partition: Partition = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its files in order, and every column, those that folders name last."""

    asked: Asked
    form: Form
    parts: Sequence[Part]
    schema: pa.Schema
    version: Mark = ()
    describe: Callable[[Path], Mapping[str, Any]] | None = None  # what its log says of a new file

    @property
    def own(self) -> pa.Schema:
        """The columns that stand in the files themselves."""
        named = {name for part in self.parts for name, _ in part.partition}
        return pa.schema([each for each in self.schema if each.name not in named])

    def blocks(self, part: Part, names: Sequence[str], any_of: Sequence[Bounds] = ()) -> Iterator[Block]:
        """Yield the rows of one file with these columns; of `any_of` see `Form.blocks`."""
        folders = dict(part.partition)
        live = [
            bounds
            for bounds in any_of
            if all(folders[name] in values for name, values in bounds.items() if name in folders)
        ]
        if any_of and not live:
            return
        inner = [name for name in names if name not in folders]
        for block in self.form.blocks(part.file, self.own, inner, self.asked, live):
            yield _Whole(
                block.first, _with(block.rest(inner), names, self.schema, folders), block, self, part
            )

    def rewrite(self, part: Part, new: Path, changes: Changes) -> int:
        """Write one file anew; return how many rows it has left.

        Raises NotAllowedError for a value that a folder names.
        """
        folders = dict(part.partition)
        if any(name in folders for values in changes.written.values() for name in values):
            raise NotAllowedError(
                f"The map writes into a column of the table `{self.asked.called}` of the store `{self.asked.store}` "
                "that the names of its folders hold (`column=value`). Nothing was changed. Let the map delete such "
                "rows, or leave that column alone."
            )
        return self.form.rewrite(part.file, new, changes, self.asked)


@dataclass(frozen=True, slots=True)
class _Whole(Block):
    """Rows with the columns that folders name."""

    inner: Block
    table: Table
    part: Part

    def rest(self, names: Sequence[str]) -> pa.RecordBatch | pa.Table:
        folders = dict(self.part.partition)
        read = self.inner.rest([name for name in names if name not in folders])
        return _with(read, names, self.table.schema, folders, self.rows.num_rows)


def _with(
    rows: pa.RecordBatch | pa.Table,
    names: Sequence[str],
    schema: pa.Schema,
    folders: Mapping[str, Any],
    length: int | None = None,
) -> pa.RecordBatch | pa.Table:
    """Put the columns that folders name beside those of the file."""
    if not any(name in folders for name in names):
        return rows.select(list(names))
    count = rows.num_rows if length is None else length
    columns = [
        pa.repeat(pa.scalar(folders[name], schema.field(name).type), count)
        if name in folders
        else rows.column(name)
        for name in names
    ]
    return pa.table(columns, names=list(names))


def tables(place: Place, map_: Map, listed: Mapping[str, Mark]) -> Mapping[str, Table]:
    """Return the tables of these files; raises for a file that is none of a table, and for one that cannot be read."""
    store = map_.store
    found: dict[str, list[str]] = {}
    for name in listed:
        top, _, below = name.partition("/")
        table = top if below else _bare(top)
        # an empty mark such as `_SUCCESS` says nothing; a checksum, a summary or a log of versions would become untrue
        if _form(name) is None and listed[name][1] == 0:
            continue
        if _form(name) is None:
            said = _said(place, table, name, map_)
            shown = File(place, name, table if table in map_.tables else "").shown
            raise NotAllowedError(
                f"The table `{said}` of the store `{store}` has a file beside its data, `{shown}`, that is neither "
                "Parquet, JSON lines nor CSV (another format, a checksum, a summary, or the metadata of an Iceberg "
                "table). Nothing was changed: what is not read is not proven clean. Keep other files outside the lake."
            )
        if any(("/" in other) != bool(below) or not below for other in found.get(table, ())):
            said = _said(place, table, name, map_)
            raise NotAllowedError(
                f"The store `{store}` has more than one file or folder for the table `{said}`. Keep one of them."
            )
        found.setdefault(table, []).append(name)
    return {table: _table(place, table, names, listed, map_) for table, names in found.items()}


def _said(place: Place, table: str, name: str, map_: Map) -> str:
    """Return what messages call a table: one that the map does not name may be called as somebody is."""
    plain = table in map_.tables or file_name.is_plain(table, map_.tables)
    return table if plain else place.number(name)


def asked_of(map_: Map, table: str, *, evolves: bool = False) -> Asked:
    """Return what a reader must know of a table."""
    mapped = map_.tables.get(table)
    named = tuple(mapped.columns) if mapped is not None else ()
    return Asked(map_.store, table, named, mapped.csv if mapped is not None else None, evolves)


def checked(table: str, schema: pa.Schema, store: str, said: str = "") -> pa.Schema:
    """Return the columns of a table; raises NotAllowedError where they cannot be told apart."""
    said = said or table
    lowered = [name.lower() for name in schema.names]
    if len(set(lowered)) < len(lowered) or "_rowid_" in lowered or not lowered:
        raise NotAllowedError(
            f"The columns of the table `{said}` of the store `{store}` cannot be told apart: two differ in case "
            "alone, one is called `_rowid_`, or there is none. Nothing was changed."
        )
    if table == STEP_TABLE or table.startswith("sqlite_"):
        raise NotAllowedError(f"The store `{store}` has a table called `{said}`, a name Troth needs itself.")
    return schema


def _table(place: Place, table: str, names: Sequence[str], listed: Mapping[str, Mark], map_: Map) -> Table:
    said = _said(place, table, names[0], map_)
    forms = {found[0]: found[1] for name in names if (found := _form(name)) is not None}
    if len(forms) > 1:
        raise NotAllowedError(
            f"The table `{said}` of the store `{map_.store}` has files of {' and of '.join(sorted(forms))}. Nothing "
            "was changed. Write its files in one format."
        )
    (form,) = forms.values()
    folders = [_folders(name) for name in names]
    if len({tuple(name for name, _ in each) for each in folders}) > 1:
        raise NotAllowedError(
            f"The table `{said}` of the store `{map_.store}` has files in folders that name different columns "
            "(`column=value`). Nothing was changed. Put each file below the same columns in the same order."
        )
    asked = asked_of(map_, table)
    own = [name for name, _ in folders[0]]
    named = tuple(name for name in asked.named if name not in own)
    inner = Asked(asked.store, table, named, asked.csv, said=said)
    files = [File(place, name, table if table in map_.tables else "") for name in names]
    schema = form.schema(files, inner)
    typed, fields = _typed(folders)
    if set(own) & set(schema.names):
        raise NotAllowedError(
            f"The table `{said}` of the store `{map_.store}` has a column both in its files and in the names of their "
            "folders (`column=value`), and the two may differ. Nothing was changed. Keep it in one of them."
        )
    schema = checked(table, pa.schema([*schema, *fields], schema.metadata), map_.store, said)
    parts = [Part(file, listed[file.name], partition) for file, partition in zip(files, typed, strict=True)]
    return Table(inner, form, parts, schema)


def _typed(folders: Sequence[Sequence[tuple[str, str | None]]]) -> tuple[list[Partition], list[pa.Field]]:
    """Give each column that folders name a type: whole numbers where every value is one, else text."""
    fields = []
    for at, (name, _) in enumerate(folders[0]):
        values = [each[at][1] for each in folders]
        whole = all(value is None or _WHOLE.fullmatch(value) for value in values) and any(values)
        fields.append(pa.field(name, pa.int64() if whole else pa.string()))
    typed = [
        tuple(
            (name, int(value) if value is not None and fields[at].type == pa.int64() else value)
            for at, (name, value) in enumerate(each)
        )
        for each in folders
    ]
    return typed, fields


def _folders(name: str) -> Sequence[tuple[str, str | None]]:
    """Return the columns and values that the folders of a file name."""
    pairs = [part.split("=", 1) for part in name.split("/")[1:-1] if "=" in part]
    return [(unquote(key), None if value == _NO_VALUE else unquote(value)) for key, value in pairs]


def _bare(name: str) -> str:
    found = _form(name)
    return found[2].sub("", name) if found is not None else name


def _form(name: str) -> tuple[str, Form, re.Pattern[str]] | None:
    """Return the form of a file by its name; none for files that readers of lakes pass by."""
    own = name.rpartition("/")[2]
    if own.startswith((".", "_")):
        return None
    return next(((what, form, ending) for ending, what, form in _FORMS if ending.search(own)), None)
