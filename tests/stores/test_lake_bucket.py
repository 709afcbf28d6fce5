"""A lake in a bucket of a real S3 server keeps the store's promises, whoever else writes there."""

import json
import time
import uuid
from dataclasses import replace
from urllib.parse import quote

import obstore
import pytest

from stores.stopping import Stopping, killed_everywhere
from stores.test_lake import LakeWorld
from stores.test_lake_csv import CsvWorld
from stores.test_lake_lines import LinesWorld
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores import lake_bucket, lake_swap
from troth.stores.connect import connect
from troth.stores.lake import Lake
from troth.stores.lake_source import Tables
from troth.testing import ADA, OBRIEN, TODAY, AmendingTests, StoreTests, map_of

pytestmark = pytest.mark.slow


class BucketWorld:
    """The tables of `troth.testing` in a bucket; a folder is where they are made and looked at."""

    def __init__(self, folder, endpoint, form=LakeWorld, key="key"):
        self.made = form(folder)
        self.prefix = uuid.uuid4().hex
        self.url = f"s3://{key}:secret@lake/{self.prefix}?endpoint={quote(endpoint)}"
        self.bucket = lake_bucket.opened(self.url, "tested")
        self.map = getattr(self.made, "map", map_of("lake"))
        self.known = {}
        self.upload()
        self.store = self.opened()

    def upload(self):
        root = self.made.root
        for path in root.glob("*/part-*"):
            name = path.relative_to(root).as_posix()
            if name not in self.known:
                obstore.put(self.bucket.objects, name, path)
                self.known[name] = path

    def download(self):
        now = self.bucket.files()
        for path in self.made.root.glob("*/part-*"):
            path.unlink()
        for name in now:
            (self.made.root / name).write_bytes(self.bucket.open(name).read())

    def opened(self, place=None, wait_seconds=10.0):
        return Lake(
            self.map, {"find": self.url, "change": self.url}, wait_seconds, Tables(place or self.bucket)
        )

    def stopping(self, after):
        return self.opened(Stopping(self.bucket, after))

    def rows(self, table):
        self.download()
        return self.made.rows(table)

    def add(self, table, row):
        self.made.add(table, row)
        self.upload()

    def files(self):
        return {name: self.bucket.open(name).read() for name in self.bucket.files()}

    def own(self):
        names = [each["path"] for some in obstore.list(self.bucket.objects, prefix=".troth") for each in some]
        return sorted(name for name in names if not name.startswith(".troth/steps/"))


@pytest.fixture
def world(s3, tmp_path):
    return BucketWorld(tmp_path, s3)


class TestBucket(StoreTests, AmendingTests):
    @pytest.fixture
    def world(self, world):
        return world


def erase(store, step="one", who=(ADA,)):
    return store.act(step, list(who), TODAY, store.measure(list(who), TODAY))


@pytest.mark.parametrize("form", [LinesWorld, CsvWorld])
def test_lines_and_csv_are_erased_in_a_bucket_too(s3, tmp_path, form):
    world = BucketWorld(tmp_path, s3, form)
    erase(world.store)
    assert [row["id"] for row in world.rows("notes")] == [3]
    assert world.store.gone([ADA], TODAY) == 0


@pytest.mark.parametrize("name", ["notes/kanarie@kanarie.example.parquet", "kanarie/part-0.parquet"])
def test_an_object_whose_name_may_be_somebodys_is_told_by_its_etag(world, name):
    obstore.put(world.bucket.objects, name, b"PAR1 torn")
    told = "part-0.parquet" if name.endswith("part-0.parquet") else f"notes: {world.bucket.number(name)}"
    with pytest.raises(UnreachableError) as said:
        world.store.gone([ADA], TODAY)
    assert f"The file `{told}` of the store" in str(said.value)
    assert "kanarie" not in str(said.value)
    assert str(world.bucket.mark(name)[0]) in world.bucket.number(name)


def test_objects_without_a_match_are_not_written_and_nothing_is_left(world):
    before = world.bucket.files()
    erase(world.store, who=[OBRIEN])
    after = world.bucket.files()
    assert {name for name in before if before[name] != after[name]} == {
        "people/part-0.parquet", "notes/part-2.parquet", "invoices/part-2.parquet",
    }  # fmt: skip
    assert world.own() == []


def test_it_opens_by_its_url_and_a_wrong_one_is_explained_without_its_secret(world):
    store = connect(map_of("lake"), {"find": world.url, "change": world.url})
    assert {row.table for row in store.find([ADA])} >= {"people", "notes"}
    with pytest.raises(UnreachableError, match="did not answer as it must") as told:
        connect(map_of("lake"), {"find": world.url.replace("key:secret", "key:wrong")}).catalogue()
    assert "wrong" not in str(told.value)
    with pytest.raises(NotAllowedError, match="s3://BUCKET/PREFIX"):
        connect(map_of("lake"), {"find": "s3://lake/x?password=y"}).catalogue()


def test_who_may_only_read_finds_and_measures_and_leaves_no_trace(world):
    reader = world.url.replace("key:secret", "reader:secret")
    store = connect(map_of("lake"), {"find": reader})
    assert {row.table for row in store.find([ADA])} >= {"people", "notes"}
    assert store.gone([ADA], TODAY) > 0
    assert world.own() == []


def test_an_object_that_somebody_wrote_before_it_is_swapped_is_left_and_said(world):
    class Written(type(world.bucket)):
        def swap(self, name, mark):
            if name.startswith("notes/"):
                obstore.put(self.objects, name, world.known["notes/part-2.parquet"])
            return lake_bucket.Bucket.swap(self, name, mark)

    approved = world.store.measure([ADA], TODAY)
    place = Written(world.bucket.objects, "tested")
    with pytest.raises(ConflictError, match="were left as they are"):
        world.opened(place).act("one", [ADA], TODAY, approved)
    assert (
        world.bucket.open("notes/part-0.parquet").read() == world.known["notes/part-2.parquet"].read_bytes()
    )
    assert world.own() == []
    again = erase(world.store, "two")
    assert (again.resumed, world.store.gone([ADA], TODAY)) == (False, 0)


def test_an_object_written_while_new_ones_were_made_rolls_everything_back(world):
    class Written(type(world.bucket)):
        def offer(self, name):
            lake_bucket.Bucket.offer(self, name)
            obstore.put(self.objects, "notes/part-9.parquet", world.known["notes/part-2.parquet"])

    approved = world.store.measure([ADA], TODAY)
    before = world.bucket.files()
    with pytest.raises(ConflictError, match="while the new ones were made"):
        world.opened(Written(world.bucket.objects, "tested")).act("one", [ADA], TODAY, approved)
    assert {name: mark for name, mark in world.bucket.files().items() if "part-9" not in name} == before
    assert world.own() == []


def taken_over(world, place):
    """Do what a rival does that finds the lease run out: take it and sweep what waits."""
    dead = json.dumps({"holder": "dead", "until": 0}).encode()
    obstore.put(place.objects, lake_bucket.LOCK, dead)
    assert world.opened(wait_seconds=0.1).gone([ADA], TODAY) > 0


def test_who_lost_the_lease_while_objects_were_made_changes_nothing(world):
    class Slow(type(world.bucket)):
        def ready(self, names):
            taken_over(world, self)
            return lake_bucket.Bucket.ready(self, names)

    approved, before = world.store.measure([ADA], TODAY), world.files()
    with pytest.raises(ConflictError, match="took the store `tested` over"):
        world.opened(Slow(world.bucket.objects, "tested")).act("one", [ADA], TODAY, approved)
    assert world.files() == before
    assert world.own() == []


def test_what_was_swept_away_before_it_was_swapped_is_not_said_to_be_done(world):
    class Slow(type(world.bucket)):
        def ready(self, names):
            ready = lake_bucket.Bucket.ready(self, names)
            taken_over(world, self)
            return ready

    approved, before = world.store.measure([ADA], TODAY), world.files()
    with pytest.raises(ConflictError, match="were left as they are"):
        world.opened(Slow(world.bucket.objects, "tested")).act("one", [ADA], TODAY, approved)
    assert world.files() == before
    assert not world.store.act("one", [ADA], TODAY, approved).resumed
    assert world.store.gone([ADA], TODAY) == 0


def test_an_intent_of_somebody_else_is_not_written_over(world):
    lake_swap.intend(world.bucket, lake_swap.Intent("theirs", "plan", "[]", []))
    with pytest.raises(ConflictError, match="Another process works on the store `tested`"):
        lake_swap.intend(world.bucket, lake_swap.Intent("ours", "plan", "[]", []))
    lake_swap.intend(world.bucket, lake_swap.Intent("theirs", "plan", "[]", []))  # an answer was lost
    assert '"theirs"' in world.bucket.note(lake_swap.INTENT)


def test_an_object_too_large_to_be_put_at_once_is_refused_before_anything_is_changed(world):
    approved, before = world.store.measure([ADA], TODAY), world.files()
    with pytest.raises(NotAllowedError, match="more than 100 bytes once it is written anew"):
        world.opened(replace(world.bucket, bytes_max=100)).act("one", [ADA], TODAY, approved)
    assert world.files() == before
    assert world.own() == []


def test_a_lease_that_is_renewed_goes_on_and_one_that_was_taken_over_is_not_taken_back(world):
    short = replace(world.bucket, lease_seconds=0.3)
    with short.alone("tested", 0.1):
        first = short._content(lake_bucket.LOCK)
        for _ in range(100):
            if short._content(lake_bucket.LOCK) != first:
                break
            time.sleep(0.02)
        assert short._content(lake_bucket.LOCK) != first
        theirs = json.dumps({"holder": "rival", "until": time.time() + 60}).encode()
        obstore.put(world.bucket.objects, lake_bucket.LOCK, theirs)
        time.sleep(0.3)
        assert not short.ready([])
    assert world.bucket._content(lake_bucket.LOCK) == theirs
    obstore.delete(world.bucket.objects, lake_bucket.LOCK)


def test_a_step_killed_anywhere_is_finished_by_the_next_and_counted_once(s3, tmp_path):
    other = BucketWorld(tmp_path / "whole", s3)
    approved = other.store.measure([ADA], TODAY)
    whole = erase(other.store)

    def check(world, again):
        assert again.counts == whole.counts
        assert world.files() == other.files()
        assert world.opened().act("one", [ADA], TODAY, approved).resumed
        assert world.own() == []

    stops = killed_everywhere(
        lambda after: BucketWorld(tmp_path / f"cut-{after}", s3),
        lambda store: store.act("one", [ADA], TODAY, approved),
        check,
    )
    assert stops >= 12


def test_a_lease_keeps_others_out_until_its_holder_is_gone_for_long_enough(world):
    short = replace(world.bucket, lease_seconds=1.5)
    with short.alone("tested", 0.1), pytest.raises(UnreachableError, match="Another process works"):
        world.opened(wait_seconds=0.1).gone([ADA], TODAY)
    dead = json.dumps({"holder": "dead", "until": 0}).encode()
    obstore.put(world.bucket.objects, lake_bucket.LOCK, dead)
    assert world.opened(wait_seconds=0.1).gone([ADA], TODAY) > 0
    assert not lake_swap.intended(world.bucket)
    assert world.own() == []
