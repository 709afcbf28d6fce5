"""Delta tables keep the store's promises: one new version for an erasure, and old ones until they expire."""

import os
import time
import uuid
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from stores.stopping import Stopping, killed_everywhere
from stores.test_lake import schema_of, typed
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.law.period import Period
from troth.stores import lake_bucket
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.lake import Lake
from troth.stores.lake_place import Folder
from troth.stores.lake_source import Tables
from troth.stores.map_file import read
from troth.testing import ADA, OBRIEN, ROWS, TODAY, AmendingTests, StoreTests, map_of


class DeltaWorld:
    """The tables of `troth.testing`, each with a version for every two rows."""

    def __init__(self, root):
        self.root = root
        self.map = replace(map_of("delta"), versions_expire=Period(30, "days"))
        for table, rows in ROWS.items():
            for number in range(0, len(rows), 2):
                self.write(table, rows[number : number + 2])
        self.store = self.opened()

    def write(self, table, rows):
        write_deltalake(
            self.root / table,
            pa.Table.from_pylist([typed(table, row) for row in rows], schema_of(table)),
            mode="append",
        )

    def opened(self, place=None):
        url = f"lake://{self.root}"
        return Lake(
            self.map, {"find": url, "change": url}, source=Tables(place or Folder(self.root, "tested"))
        )

    def stopping(self, after):
        return self.opened(Stopping(Folder(self.root, "tested"), after))

    def rows(self, table):
        found = DeltaTable(self.root / table).to_pyarrow_table().to_pylist()
        return sorted(found, key=lambda row: row["id"])

    def add(self, table, row):
        self.write(table, [row])

    def versions(self):
        return {table: DeltaTable(self.root / table).version() for table in ROWS}

    def named(self):
        """Return the files of data that are there, whatever the log says of them."""
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("part-*.parquet")}


@pytest.fixture
def world(tmp_path):
    return DeltaWorld(tmp_path)


class TestDelta(StoreTests, AmendingTests):
    @pytest.fixture
    def world(self, world):
        return world


def erase(store, step="one", who=(ADA,)):
    return store.act(step, list(who), TODAY, store.measure(list(who), TODAY))


def test_a_table_gets_one_version_and_only_files_that_match_are_written(world):
    before = world.versions()
    files = {table: set(DeltaTable(world.root / table).file_uris()) for table in ROWS}
    erase(world.store, who=[OBRIEN])
    after = world.versions()
    assert {table: after[table] - before[table] for table in ROWS} == {
        "people": 1, "homes": 0, "notes": 1, "invoices": 1, "visits": 0,
    }  # fmt: skip
    left = files["people"] & set(DeltaTable(world.root / "people").file_uris())
    assert len(left) == len(files["people"]) - 1
    told = DeltaTable(world.root / "people").history(1)[0]
    assert (told["operation"], "example" in str(told)) == ("WRITE", False)


def test_a_version_that_somebody_else_was_faster_with_is_kept_and_ours_leaves_nothing(world):
    class Written(Folder):
        def swap(self, name, mark):
            if name.startswith("people/"):
                world.add("people", {"id": 9, "email": "new@example.org", "name": "New", "home": None})
            return Folder.swap(self, name, mark)

    approved = world.store.measure([ADA], TODAY)
    before = world.named()
    with pytest.raises(ConflictError, match="were left as they are"):
        world.opened(Written(world.root, "tested")).act("one", [ADA], TODAY, approved)
    assert [(row["id"], row["name"]) for row in world.rows("people")][::4] == [(1, "Ada"), (9, "New")]
    world.add(
        "visits", {**ROWS["visits"][0], "id": 9}
    )  # of a table in which the step has made its version already
    fresh = {name for name in world.named() - before if "part-troth" in name}
    assert {name.partition("/")[0] for name in fresh} == {"invoices", "visits"}
    again = erase(world.store, "two")
    assert (again.resumed, world.store.gone([ADA], TODAY)) == (False, 0)
    assert [(row["id"], row["name"]) for row in world.rows("people")][::4] == [(1, None), (9, "New")]


def test_a_version_made_while_files_were_written_rolls_everything_back(world):
    class Written(Folder):
        def offer(self, name):
            Folder.offer(self, name)
            world.add("notes", {"id": 9, "person": 2, "body": "meanwhile"})

    approved = world.store.measure([ADA], TODAY)
    with pytest.raises(ConflictError, match="while the new ones were made"):
        world.opened(Written(world.root, "tested")).act("one", [ADA], TODAY, approved)
    assert not [name for name in world.named() if "part-troth" in name]


def test_a_step_killed_anywhere_is_finished_by_the_next_and_committed_once(tmp_path):
    other = DeltaWorld(tmp_path / "whole")
    approved = other.store.measure([ADA], TODAY)
    whole = erase(other.store)
    expected = {table: other.rows(table) for table in ROWS}, other.versions()

    def check(world, again):
        assert again.counts == whole.counts
        assert ({table: world.rows(table) for table in ROWS}, world.versions()) == expected
        assert not list(world.root.rglob("*.troth-new"))

    stops = killed_everywhere(
        lambda after: DeltaWorld(tmp_path / f"cut-{after}"),
        lambda store: store.act("one", [ADA], TODAY, approved),
        check,
    )
    assert stops >= 12


def test_old_versions_are_there_until_they_expire_and_the_answer_says_until_when(world):
    world.map = replace(world.map, backups_expire=Period(5, "days"))
    done = erase(world.opened(), who=[Who("x", (("email", "stranger@example.org"),))])
    assert (done.grade, done.expires) == ("deleted_until_backups_expire", date(2026, 12, 28))
    blanked = erase(world.opened(), "two", [ADA])
    assert blanked.grade == "archived"
    old = {path for path in world.root.rglob("part-*.parquet") if "part-troth" not in path.name}
    assert world.opened().expire(TODAY) == 0
    world.map = replace(world.map, versions_expire=Period(0, "days"))
    for table in ROWS:
        DeltaTable(world.root / table).alter.set_table_properties(
            {"delta.logRetentionDuration": "interval 0 days"}
        )
    time.sleep(0.05)
    assert world.opened().expire(TODAY) > 0
    assert {path for path in old if path.exists()} < old
    kept = {Path(uri).name for table in ROWS for uri in DeltaTable(world.root / table).file_uris()}
    assert {name.rpartition("/")[2] for name in world.named()} == kept
    assert [row["id"] for row in world.rows("notes")] == [3]


MAP = """
store: shop
kind: delta
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
versions_expire: 30 days
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, country: usage, added: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
P1 = [Who("p1", (("email", "p1@example.org"),))]


def people(root, **more):
    rows = [
        {"id": n, "email": f"p{n}@example.org", "name": "x", "country": c}
        for n, c in enumerate(["Côte d'Ivoire", "a b/c=d%", None], start=1)
    ]
    write_deltalake(root / "people", pa.Table.from_pylist(rows), partition_by=["country"], **more)


def opened(root, written=MAP):
    found, problems = read(written, "shop.yaml")
    assert not problems
    return connect(found, {"find": f"lake://{root}", "change": f"lake://{root}"})


def test_partitions_and_columns_that_came_later_are_kept(tmp_path):
    people(tmp_path)
    more = pa.table(
        {"id": [4], "email": ["p4@example.org"], "name": ["x"], "country": ["a b/c=d%"], "added": [7]}
    )
    write_deltalake(tmp_path / "people", more, mode="append", schema_mode="merge")
    store = opened(tmp_path)
    assert [dict(row.values)["country"] for row in store.find(P1)] == ["Côte d'Ivoire"]
    for number in (1, 2, 4):
        who = [Who("x", (("email", f"P{number}@example.org"),))]
        erase(store, f"step {number}", who)
        assert (store.gone(who, TODAY), store.scan(who, TODAY).hits) == (0, ())
    assert DeltaTable(tmp_path / "people").to_pyarrow_table().to_pylist() == [
        {"id": 3, "email": "p3@example.org", "name": "x", "country": None, "added": None}
    ]
    assert DeltaTable(tmp_path / "people").version() == 4


def test_statistics_of_a_new_file_are_those_of_its_rows(tmp_path):
    rows = [
        {"id": n, "email": f"p{n}@example.org", "name": None, "country": "FR", "added": 0.5}
        for n in range(1, 9)
    ]
    write_deltalake(tmp_path / "people", pa.Table.from_pylist(rows))
    erase(opened(tmp_path), who=P1)
    (told,) = pa.table(DeltaTable(tmp_path / "people").get_add_actions(flatten=True)).to_pylist()
    assert (told["num_records"], told["min.id"], told["max.id"], told["min.email"]) == (
        7,
        2,
        8,
        "p2@example.org",
    )
    assert told["size_bytes"] == os.path.getsize(tmp_path / "people" / told["path"])


@pytest.mark.parametrize(
    ("more", "written", "said"),
    [
        ({"configuration": {"delta.enableChangeDataFeed": "true"}}, MAP, "keeps a feed of changes"),
        ({"configuration": {"delta.appendOnly": "true"}}, MAP, "may only be appended to"),
        ({}, MAP.replace("versions_expire: 30 days\n", ""), "does not say for how long"),
        ({}, MAP.replace("30 days", "7 days"), "keeps its log"),
        ({"configuration": {"delta.logRetentionDuration": "interval 9 weeks"}}, MAP, "keeps its log"),
    ],
)
def test_a_table_that_would_keep_what_goes_is_refused(tmp_path, more, written, said):
    people(tmp_path, **more)
    with pytest.raises(NotAllowedError, match=said):
        opened(tmp_path, written).measure(P1, TODAY)


def test_a_value_is_not_written_where_a_constraint_may_forbid_it(tmp_path):
    people(tmp_path)
    DeltaTable(tmp_path / "people").alter.add_constraint({"named": "email IS NOT NULL"})
    store = opened(tmp_path, MAP.replace("do: delete", "do: blank, set: {email: null}"))
    with pytest.raises(NotAllowedError, match="CHECK constraints"):
        erase(store, who=P1)
    assert not list(tmp_path.rglob("*troth-new"))
    erase(opened(tmp_path), who=P1)


def test_a_file_of_the_newest_version_that_is_missing_stops_everything(tmp_path):
    people(tmp_path)
    next((tmp_path / "people").rglob("part-*.parquet")).unlink()
    with pytest.raises(UnreachableError, match="cannot be read as one"):
        opened(tmp_path).measure(P1, TODAY)


@pytest.mark.slow
def test_a_delta_table_in_a_bucket_is_committed_there(s3):
    prefix = uuid.uuid4().hex
    url = f"s3://key:secret@lake/{prefix}?endpoint={quote(s3)}"
    uri, options = lake_bucket.opened(url, "shop").address("people")
    rows = [{"id": n, "email": f"p{n}@example.org"} for n in (1, 2)]
    write_deltalake(uri, pa.Table.from_pylist(rows), storage_options=dict(options))
    found, _ = read(MAP.replace(", name: identity, country: usage, added: usage", ""), "shop.yaml")
    store = connect(found, {"find": url, "change": url})
    erase(store, who=P1)
    assert DeltaTable(uri, storage_options=dict(options)).to_pyarrow_table().to_pylist() == rows[1:]
    assert store.gone(P1, TODAY) == 0


def test_the_page_has_a_map_that_erases(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "delta.md").read_text(encoding="utf-8")
    written = page.split("~~~yaml\n")[1].split("~~~")[0]
    customers = pa.Table.from_pylist(
        [{"id": n, "email": f"p{n}@example.org", "name": f"P {n}"} for n in (1, 2)]
    )
    clicks = pa.Table.from_pylist([{"id": n, "customer_id": n % 2 + 1, "page": "/"} for n in range(10)])
    write_deltalake(tmp_path / "customer", customers)
    write_deltalake(tmp_path / "click", clicks)
    store = opened(tmp_path, written)
    who = [Who("p1", (("email", "P1@example.org"),))]
    done = erase(store, who=who)
    assert [(count.table, count.rows) for count in done.counts] == [("click", 5), ("customer", 1)]
    assert (done.grade, done.expires) == ("deleted_until_backups_expire", date(2026, 12, 28))
    assert (store.gone(who, TODAY), store.scan(who, TODAY).hits) == (0, ())
