"""Whatever the tables, the map and the rows of a lake are: what the sieve lets through is enough."""

import json
import random
import re
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stores import test_oracle
from stores.test_oracle import FOLDER, TODAY, compared, drawn, found_again, stored
from troth.errors import NotAllowedError, WrongFileError
from troth.stores.connect import connect
from troth.stores.contract import Batch, Expiry


def kind(column):
    return pa.int64() if column.partition("_")[0] in ("id", "to", "of") else pa.string()


def build(case, root, dice):
    """Write each table as one to three files, of Parquet or of JSON lines."""
    for name, table in case.map.tables.items():
        rows = [
            {column: stored(column, value, "sqlite") for column, value in row.items()}
            for row in case.data[name].values()
        ]
        count, lines = dice.randint(1, 3), dice.random() < 0.3
        (root / name).mkdir()
        for number in range(count):
            some = rows[number::count]
            if lines:
                text = "".join(json.dumps(row) + "\n" for row in some)
                (root / name / f"{number}.jsonl").write_text(text)
            else:
                schema = pa.schema([pa.field(column, kind(column)) for column in table.columns])
                written = pa.Table.from_pylist(some, schema)
                pq.write_table(written, root / name / f"{number}.parquet", row_group_size=dice.randint(1, 3))


def state(case, root):
    found = {}
    for name in case.map.tables:
        rows = [row for path in (root / name).glob("*.parquet") for row in pq.read_table(path).to_pylist()]
        rows += [json.loads(line) for path in (root / name).glob("*.jsonl") for line in path.open()]
        ordered = sorted(rows, key=lambda row: row["id"])
        found[name] = {row["id"]: {key: found_again(value) for key, value in row.items()} for row in ordered}
    return found


class Planned:
    """A lake that says at once whether its map has a plan."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        return getattr(self.store, name)

    def plan(self):
        self.store.gone([], TODAY)


def check(seed):
    """Erase two batches in a lake drawn at random and compare each with the oracle; False where there is no plan."""
    case, first, second = drawn(seed, "sqlite")
    case = replace(case, map=replace(case.map, kind="lake"), links=())
    with tempfile.TemporaryDirectory(prefix="troth-", dir=FOLDER) as folder:
        root = Path(folder)
        build(case, root, random.Random(seed))
        store = connect(case.map, {"find": f"lake://{root}", "change": f"lake://{root}"})
        try:
            store.gone([], TODAY)
        except WrongFileError:
            return False
        return compared(case, Planned(store), lambda: state(case, root), first, second)


@pytest.mark.slow
def test_a_lake_is_left_as_the_rules_say():
    planned = 0
    for seed in range(20_000, 20_006):
        try:
            planned += check(seed)
        except AssertionError as error:
            raise AssertionError(f"case {seed}") from error
    assert planned > 3


def swept(seed):
    """Sweep every table of a case, in a lake and in a database, past some people; return how many rows went."""
    case, first, _ = drawn(seed, "sqlite")
    case, went = replace(case, links=()), 0
    for table in case.map.tables.values():
        if "day" not in table.columns or table.erase is None:
            continue
        with tempfile.TemporaryDirectory(prefix="troth-", dir=FOLDER) as folder:
            root, path = Path(folder) / "lake", Path(folder) / "same.db"
            root.mkdir()
            build(case, root, random.Random(seed))
            test_oracle.built(case, str(path))
            lake = connect(
                replace(case.map, kind="lake"), {"find": f"lake://{root}", "change": f"lake://{root}"}
            )
            same = connect(case.map, {"find": f"sqlite:///{path}", "change": f"sqlite:///{path}"})
            expiry = Expiry(table.name, "day", date(2026, 6, 1))
            but_for = test_oracle.subjects(*first[: seed % 2])
            try:
                due = same.overdue(expiry, but_for, TODAY)
            except WrongFileError:
                return went
            assert lake.overdue(expiry, but_for, TODAY) == due
            try:
                same.measure_sweep(expiry, but_for, TODAY)
            except NotAllowedError as error:  # rows that lead to nobody
                with pytest.raises(NotAllowedError, match=re.escape(str(error))):
                    lake.measure_sweep(expiry, but_for, TODAY)
                continue
            told = []
            for store in (lake, same):
                measured = store.measure_sweep(expiry, but_for, TODAY)
                allowed = {(count.table, count.verb) for count in measured.counts}
                done = store.sweep("one", expiry, but_for, TODAY, Batch(1000, 0, allowed))
                told.append((measured.counts, done.looked, done.held, done.acted.counts))
            assert told[0] == told[1], table.name
            assert state(case, root) == test_oracle.state(case, str(path)), table.name
            went += sum(count.rows for count in done.acted.counts if count.verb == "delete")
            lake.close()
            same.close()
    return went


@pytest.mark.slow
def test_a_lake_is_swept_as_a_database_with_the_same_rows_is():
    went = 0
    for seed in range(30_044, 30_056):
        try:
            went += swept(seed)
        except AssertionError as error:
            raise AssertionError(f"case {seed}") from error
    assert went > 10
