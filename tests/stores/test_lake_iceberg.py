"""Iceberg tables keep the store's promises: one new snapshot for an erasure, and old ones until they expire."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.types import LongType

from stores.stopping import Stopping, killed_everywhere
from stores.test_lake import schema_of, typed
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.law.period import Period
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.lake import Lake
from troth.stores.lake_iceberg import Namespace
from troth.stores.lake_place import Folder
from troth.stores.map_file import read
from troth.testing import ADA, OBRIEN, ROWS, TODAY, AmendingTests, StoreTests, map_of

pytestmark = pytest.mark.slow


def catalogue(root):
    root.mkdir(parents=True, exist_ok=True)
    return load_catalog(
        "made", type="sql", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}/warehouse"
    )


def url(root):
    return f"iceberg+sqlite:///{root}/catalog.db?warehouse={root}/warehouse&namespace=shop&catalogue=made"


class IcebergWorld:
    """The tables of `troth.testing`, each with a snapshot for every two rows."""

    def __init__(self, root, *, made=False):
        self.root = root
        self.map = replace(map_of("iceberg"), versions_expire=Period(30, "days"))
        self.catalogue = catalogue(root)
        if not made:
            self.catalogue.create_namespace("shop")
        for table, rows in ROWS.items() if not made else ():
            self.catalogue.create_table(f"shop.{table}", schema=schema_of(table))
            for number in range(0, len(rows), 2):
                self.write(table, rows[number : number + 2])
        self.store = self.opened()

    def table(self, name):
        return self.catalogue.load_table(f"shop.{name}")

    def write(self, table, rows):
        self.table(table).append(pa.Table.from_pylist([typed(table, row) for row in rows], schema_of(table)))

    def opened(self, place=None):
        source = Namespace(url(self.root), "tested")
        source.place = place or source.place
        return Lake(self.map, {"find": url(self.root), "change": url(self.root)}, source=source)

    def stopping(self, after):
        return self.opened(Stopping(Folder(self.root / "warehouse", "tested"), after))

    def rows(self, table):
        return sorted(self.table(table).scan().to_arrow().to_pylist(), key=lambda row: row["id"])

    def add(self, table, row):
        self.write(table, [row])

    def snapshots(self):
        return {table: len(self.table(table).metadata.snapshots) for table in ROWS}

    def data(self):
        return set((self.root / "warehouse").rglob("*.parquet"))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """Make the tables once: their metadata has whole paths in it, so that they are put back where they were made."""
    folder = tmp_path_factory.mktemp("iceberg")
    IcebergWorld(folder / "here")
    shutil.copytree(folder / "here", folder / "kept")
    return folder


@pytest.fixture
def world(made_once):
    shutil.rmtree(made_once / "here")
    shutil.copytree(made_once / "kept", made_once / "here")
    return IcebergWorld(made_once / "here", made=True)


class TestIceberg(StoreTests, AmendingTests):
    @pytest.fixture
    def world(self, world):
        return world


def erase(store, step="one", who=(ADA,)):
    return store.act(step, list(who), TODAY, store.measure(list(who), TODAY))


def test_a_table_gets_one_snapshot_and_only_files_that_match_are_written(world):
    before, files = world.snapshots(), world.data()
    erase(world.store, who=[OBRIEN])
    after = world.snapshots()
    assert {table: after[table] - before[table] for table in ROWS} == {
        "people": 1, "homes": 0, "notes": 1, "invoices": 1, "visits": 0,
    }  # fmt: skip
    assert {path.name[:6] for path in world.data() - files} == {"troth-"}
    assert len(world.data() - files) == 2  # of people and invoices; the file of notes lost its only row
    assert world.table("people").current_snapshot().summary["added-records"] == "2"


def test_a_snapshot_that_somebody_else_was_faster_with_is_kept_and_ours_leaves_nothing(world):
    class Written(Folder):
        def swap(self, name, mark):
            if "/people/" in f"/{name}":
                world.add("people", {"id": 9, "email": "new@example.org", "name": "New", "home": None})
            return Folder.swap(self, name, mark)

    approved = world.store.measure([ADA], TODAY)
    before = world.data()
    with pytest.raises(ConflictError, match="were left as they are"):
        world.opened(Written(world.root / "warehouse", "tested")).act("one", [ADA], TODAY, approved)
    assert [(row["id"], row["name"]) for row in world.rows("people")][::4] == [(1, "Ada"), (9, "New")]
    fresh = [
        path for path in world.data() - before if path.name.startswith("troth-") and "people" in path.parts
    ]
    assert fresh == []
    world.add(
        "visits", {**ROWS["visits"][0], "id": 9}
    )  # of a table in which the step has made its snapshot already
    again = erase(world.store, "two")
    assert (again.resumed, world.store.gone([ADA], TODAY)) == (False, 0)
    assert [(row["id"], row["name"]) for row in world.rows("people")][::4] == [(1, None), (9, "New")]


def test_a_step_killed_anywhere_is_finished_by_the_next_and_committed_once(made_once, tmp_path):
    other = IcebergWorld(tmp_path / "whole")
    approved = other.store.measure([ADA], TODAY)
    whole = erase(other.store)
    expected = {table: other.rows(table) for table in ROWS}, other.snapshots()

    def check(world, again):
        assert again.counts == whole.counts
        assert ({table: world.rows(table) for table in ROWS}, world.snapshots()) == expected

    def again(_):
        shutil.rmtree(made_once / "here")
        shutil.copytree(made_once / "kept", made_once / "here")
        return IcebergWorld(made_once / "here", made=True)

    stops = killed_everywhere(again, lambda store: store.act("one", [ADA], TODAY, approved), check)
    assert stops >= 12


def test_old_snapshots_are_there_until_they_expire_and_no_file_that_is_needed_goes(world):
    before = world.data()
    erase(world.store)
    assert before <= world.data()
    assert world.store.expire(TODAY) == 0
    world.map = replace(world.map, versions_expire=Period(0, "days"))
    assert world.opened().expire(TODAY) > 0
    needed = {
        task.file.file_path.removeprefix("file://")
        for table in ROWS
        for task in world.table(table).scan().plan_files()
    }
    assert {str(path) for path in world.data()} == needed
    assert [row["id"] for row in world.rows("notes")] == [3]
    assert world.opened().gone([ADA], TODAY) == 0


def test_the_region_and_the_endpoint_of_a_catalogue_hold_for_the_bucket_too():
    asked = (
        "warehouse=s3://key:secret@lake/shop&namespace=shop&s3.region=eu-west-3&s3.endpoint=http://h:1/a%26b"
    )
    namespace = Namespace(f"iceberg+sqlite:///catalog.db?{asked}", "tested")
    assert namespace.place.options["aws_region"] == "eu-west-3"
    assert namespace.place.options["aws_endpoint"] == "http://h:1/a&b"


def test_files_of_expired_snapshots_go_though_the_process_was_killed_after_the_commit(world, tmp_path):
    erase(world.store)
    world.map = replace(world.map, versions_expire=Period(0, "days"))
    source = world.opened()._opened_source()
    source._removed = lambda _: 0  # as if killed there: the snapshots are gone, and no file is
    left = world.data()
    assert source.expire(world.map, TODAY) == 0
    assert set(world.snapshots().values()) == {1}
    assert world.data() == left
    assert world.opened().expire(TODAY) > 0
    needed = {
        task.file.file_path.removeprefix("file://")
        for table in ROWS
        for task in world.table(table).scan().plan_files()
    }
    assert {str(path) for path in world.data()} == needed
    assert not list((world.root / "warehouse" / ".troth").glob("expire-*"))


def test_a_path_that_leads_out_of_the_warehouse_is_none_of_the_store(world):
    source = world.opened()._opened_source()
    with pytest.raises(NotAllowedError, match="outside its warehouse"):
        source._below(f"file://{world.root}/warehouse/shop/../../elsewhere/part-0.parquet")


MAP = """
store: shop
kind: iceberg
credentials: {find: env:ICEBERG, change: env:ICEBERG}
controller: shop
versions_expire: 30 days
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, country: usage, added: usage}
    erase: {do: delete, by: dpo, because: a test}
"""


def opened(root, written=MAP):
    found, problems = read(written, "shop.yaml")
    assert not problems
    return connect(found, {"find": url(root), "change": url(root)})


def people(root):
    made = catalogue(root)
    made.create_namespace("shop")
    rows = pa.Table.from_pylist(
        [
            {"id": n, "email": f"p{n}@example.org", "country": c}
            for n, c in ((1, "a b/c=d%"), (2, "FR"), (3, "FR"))
        ]
    )
    table = made.create_table("shop.people", schema=rows.schema)
    with table.update_spec() as spec:
        spec.add_identity("country")
    table.append(rows)
    with table.update_schema() as schema:
        schema.add_column("added", LongType())
    return made


def test_partitions_and_columns_that_came_later_are_kept_and_others_refused(tmp_path):
    made = people(tmp_path)
    for number in (1, 2):
        who = [Who("x", (("email", f"P{number}@example.org"),))]
        store = opened(tmp_path)
        erase(store, f"step {number}", who)
        assert (store.gone(who, TODAY), store.scan(who, TODAY).hits) == (0, ())
    assert made.load_table("shop.people").scan(row_filter="country = 'FR'").to_arrow().to_pylist() == [
        {"id": 3, "email": "p3@example.org", "country": "FR", "added": None}
    ]
    who = [Who("x", (("email", "p3@example.org"),))]
    with pytest.raises(NotAllowedError, match="partitioned by a column"):
        erase(
            opened(tmp_path, MAP.replace("do: delete", "do: blank, set: {email: null, country: null}")),
            "3",
            who,
        )
    with pytest.raises(NotAllowedError, match="does not say for how long"):
        opened(tmp_path, MAP.replace("versions_expire: 30 days\n", "")).measure(who, TODAY)
    with made.load_table("shop.people").update_schema() as schema:
        schema.rename_column("email", "mail")
    with pytest.raises(NotAllowedError, match="renamed"):
        opened(tmp_path).measure(who, TODAY)


def test_a_catalogue_that_is_not_there_is_said_in_a_sentence(tmp_path):
    (tmp_path / "warehouse").mkdir()
    with pytest.raises(UnreachableError, match="The Iceberg catalogue"):
        opened(tmp_path).catalogue()
    with pytest.raises(UnreachableError, match="The folder of the store"):
        opened(tmp_path / "nowhere").catalogue()


def test_the_page_has_a_map_that_erases(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "iceberg.md").read_text(
        encoding="utf-8"
    )
    written = page.split("~~~yaml\n")[1].split("~~~")[0]
    customers = pa.Table.from_pylist(
        [{"id": n, "email": f"p{n}@example.org", "name": f"P {n}"} for n in (1, 2)]
    )
    clicks = pa.Table.from_pylist([{"id": n, "customer_id": n % 2 + 1, "page": "/"} for n in range(10)])
    made = catalogue(tmp_path)
    made.create_namespace("shop")
    for name, rows in (("customer", customers), ("click", clicks)):
        made.create_table(f"shop.{name}", schema=rows.schema).append(rows)
    store = opened(tmp_path, written)
    who = [Who("p1", (("email", "P1@example.org"),))]
    done = erase(store, who=who)
    assert [(count.table, count.rows) for count in done.counts] == [("click", 5), ("customer", 1)]
    assert (done.grade, done.expires) == ("deleted_until_backups_expire", date(2026, 12, 23))
    assert (store.gone(who, TODAY), store.scan(who, TODAY).hits) == (0, ())
