"""A lake of Parquet files keeps the store's promises, and its files keep their shape."""

import os
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stores.stopping import Stopping, killed_everywhere
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.stores import lake_place, lake_stage, lake_swap
from troth.stores.amend import Amendment, Cell
from troth.stores.connect import connect
from troth.stores.contract import Batch, Overdue, PartlyDoneError, WrittenMeanwhileError
from troth.stores.lake import Lake
from troth.stores.lake_place import Folder
from troth.stores.lake_source import Tables
from troth.stores.map_file import read
from troth.testing import (
    ADA,
    COLUMNS,
    DUE,
    OBRIEN,
    ROWS,
    TODAY,
    AmendingTests,
    StoreTests,
    SweepingTests,
    map_of,
)

TYPES = {"integer": pa.int64(), "text": pa.string(), "date": pa.date32()}


def schema_of(table):
    return pa.schema([pa.field(name, TYPES[kind]) for name, kind in COLUMNS[table].items()])


def typed(table, row):
    kinds = COLUMNS[table]
    return {
        name: date.fromisoformat(row[name]) if kind == "date" and row.get(name) else row.get(name)
        for name, kind in kinds.items()
    }


def write(path, table, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([typed(table, row) for row in rows], schema_of(table)), path)


class LakeWorld:
    """The tables of `troth.testing`, each a folder with a file for every two rows."""

    def __init__(self, root):
        self.root = root
        for table, rows in ROWS.items():
            for number in range(0, len(rows), 2):
                write(root / table / f"part-{number}.parquet", table, rows[number : number + 2])
        self.store = self.opened()

    @property
    def place(self):
        return Folder(self.root, "tested")

    def opened(self, place=None):
        url = f"lake://{self.root}"
        if place is not None:
            return Lake(map_of("lake"), {"find": url, "change": url}, source=Tables(place))
        return connect(map_of("lake"), {"find": url, "change": url})

    def stopping(self, after):
        return self.opened(Stopping(self.place, after))

    def rows(self, table):
        found = [
            row for path in (self.root / table).glob("*.parquet") for row in pq.read_table(path).to_pylist()
        ]
        return sorted(found, key=lambda row: row["id"])

    def add(self, table, row):
        write(self.root / table / f"part-added-{row['id']}.parquet", table, [row])

    def files(self):
        return {path: path.read_bytes() for path in sorted(self.root.glob("*/*.parquet"))}

    def left(self):
        return [path.name for path in self.root.rglob(f"*{lake_place.NEW}")] + [
            path.name for path in (self.root / lake_place.HIDDEN).glob("troth-stage-*")
        ]


@pytest.fixture
def world(tmp_path):
    made = LakeWorld(tmp_path)
    yield made
    made.store.close()


class TestLake(StoreTests, AmendingTests, SweepingTests):
    @pytest.fixture
    def world(self, world):
        return world


def erase(store, step="one", who=(ADA,)):
    return store.act(step, list(who), TODAY, store.measure(list(who), TODAY))


def test_files_without_a_match_are_not_written(world):
    before = world.files()
    erase(world.store, who=[OBRIEN])
    changed = {
        path.relative_to(world.root).as_posix() for path, old in before.items() if path.read_bytes() != old
    }
    assert changed == {"people/part-0.parquet", "notes/part-2.parquet", "invoices/part-2.parquet"}
    assert world.left() == []


def test_nothing_is_left_beside_the_data_after_closing(world):
    list(world.store.find([ADA]))
    world.store.close()
    assert world.left() == []


def test_a_file_that_cannot_be_read_stops_everything(world):
    approved = world.store.measure([ADA], TODAY)
    (world.root / "notes" / "part-9.parquet").write_bytes(b"PAR1 torn")
    before = world.files()
    for verb in (
        lambda: list(world.store.find([ADA])),
        lambda: world.store.act("one", [ADA], TODAY, approved),
    ):
        with pytest.raises(UnreachableError, match=r"`notes: part-9.parquet` .* cannot be read as Parquet"):
            verb()
    assert world.files() == before


def test_a_step_killed_anywhere_is_finished_by_the_next_and_counted_once(tmp_path):
    other = LakeWorld(tmp_path / "whole")
    approved = other.store.measure([ADA], TODAY)
    whole = erase(other.store)
    expected = {path.relative_to(other.root): data for path, data in other.files().items()}

    def check(world, again):
        assert again.counts == whole.counts
        assert {path.relative_to(world.root): data for path, data in world.files().items()} == expected
        opened = world.opened()
        assert opened.act("one", [ADA], TODAY, approved).resumed
        assert opened.gone([ADA], TODAY) == 0
        assert world.left() == []

    stops = killed_everywhere(
        lambda after: LakeWorld(tmp_path / f"cut-{after}"),
        lambda store: store.act("one", [ADA], TODAY, approved),
        check,
    )
    assert stops >= 12  # four files at least are offered and swapped, beside the notes


def test_values_set_aside_by_a_step_killed_anywhere_are_set_aside_once_by_the_next(tmp_path):
    def aside(store):
        wanted = {"people": ("name",), "visits": ("email",), "invoices": ("gift",)}
        found = store.standing([ADA], wanted, copies=False)
        return [
            Amendment(
                each.table,
                each.key,
                tuple(Cell(n, v, None) for n, v in each.values.items() if v),
                each.witness,
            )
            for each in found
            if any(each.values.values())
        ]

    other = LakeWorld(tmp_path / "whole")
    before, amendments = other.rows("people"), aside(other.store)
    whole = other.store.amend("aside", "plan", amendments, on_conflict="stop")
    expected = other.rows("people"), other.rows("visits"), other.rows("invoices")
    assert before != expected[0]

    def check(world, again):
        assert (again.counts, again.conflicts) == (whole.counts, ())
        assert (world.rows("people"), world.rows("visits"), world.rows("invoices")) == expected
        assert world.left() == []

    stops = killed_everywhere(
        lambda after: LakeWorld(tmp_path / f"cut-{after}"),
        lambda store: store.amend("aside", "plan", amendments, on_conflict="stop"),
        check,
    )
    assert stops >= 9


def test_new_files_of_a_step_that_was_never_written_down_are_removed(world):
    world.place.draft("notes/part-0.parquet").write_bytes(b"half a file")
    before = world.files()
    assert world.store.gone([ADA], TODAY) > 0
    assert world.files() == before
    assert world.left() == []


def test_a_file_that_somebody_wrote_before_a_cut_step_is_finished_is_left_as_it_is(world):
    path = world.root / "notes" / "part-0.parquet"
    name = "notes/part-0.parquet"
    world.place.draft(name).write_bytes(path.read_bytes())
    unit = {"kind": "file", "name": name, "mark": list(world.place.mark(name)), "goes": False}
    lake_swap.intend(world.place, lake_swap.Intent("one", "0" * 64, "{}", [unit]))
    write(path, "notes", [{"id": 1, "person": 1, "body": "written meanwhile"}])
    world.add("notes", {"id": 2, "person": 1, "body": "this too"})
    acted = erase(world.store)
    assert not acted.resumed
    assert [row["id"] for row in world.rows("notes")] == [3]


def test_a_file_left_to_somebody_else_is_not_forgotten_by_a_crash(world):
    """The state of a process that was killed after it found a file written and before it said so."""
    name = "notes/part-0.parquet"
    world.place.draft(name).write_bytes(b"new content")
    unit = {"kind": "file", "name": name, "mark": [1, 2, 3], "goes": False}
    lake_swap.intend(world.place, lake_swap.Intent("one", "plan", "[]", [unit]))
    assert not lake_swap.Files(world.place).carry_out(unit, "one")
    assert world.store.gone([ADA], TODAY) > 0
    assert lake_swap.remembered(world.place, "one") is None
    assert world.left() == []


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("table", ["people", "invoices"])  # of the furthest, nothing else is done
def test_a_step_that_somebody_else_was_in_the_way_of_tells_what_went_and_the_rest_goes_next(world, table):
    """Somebody writes a file after the step was written down and its process killed; the next finishes it."""
    approved = world.store.measure([ADA], TODAY)

    class Dying(Folder):
        def swap(self, name, mark):
            raise Killed

    with pytest.raises(Killed):
        world.opened(Dying(world.root, "tested")).act("one", [ADA], TODAY, approved)
    path = world.root / table / "part-0.parquet"
    path.write_bytes(path.read_bytes())
    assert world.store.gone([ADA], TODAY) > 0  # another verb finishes it, and what it tells is not lost
    with pytest.raises(PartlyDoneError, match="written by somebody else since they were read") as caught:
        world.store.act("one", [ADA], TODAY, approved)
    rest = world.store.measure([ADA], TODAY)
    went, whole = tally(caught.value.acted), tally(approved)
    assert went
    assert went != whole
    acted = world.store.act("two", [ADA], TODAY, rest)
    assert tally(acted) + went == whole
    assert world.store.gone([ADA], TODAY) == 0
    assert [row["id"] for row in world.rows("notes")] == [3]
    assert [row["id"] for row in world.rows("visits")] == [2, 3]


def tally(told):
    """The rows by table and action, but for those retained."""
    return Counter({(one.table, one.verb): one.rows for one in told.counts if one.verb != "retain"})


def with_old_invoices(world):
    for number in range(10, 15):
        world.add("invoices", {"id": number, "person": 2, "issued": f"2001-01-{number}", "gift": "roses"})
    return world


def sweep(store, step="sweep/1/1"):
    return store.sweep(step, DUE, (), TODAY, Batch(100, 0, {("invoices", "delete")}))


def test_a_sweep_writes_only_the_files_with_rows_that_are_due_and_each_once(tmp_path):
    world = with_old_invoices(LakeWorld(tmp_path))
    before = world.files()
    assert sweep(world.store).looked == 6
    changed = [path.name for path, old in before.items() if world.files().get(path) != old]
    assert sorted(changed) == [
        "part-0.parquet",
        *(f"part-added-{number}.parquet" for number in range(10, 15)),
    ]
    assert [row["id"] for row in world.rows("invoices")] == [1, 3]
    assert world.left() == []


def test_a_sweep_killed_anywhere_is_finished_by_the_next_and_counted_once(tmp_path):
    def check(world, again):
        assert [(one.table, one.verb, one.rows) for one in again.acted.counts] == [("invoices", "delete", 6)]
        assert [row["id"] for row in world.rows("invoices")] == [1, 3]
        (known,) = world.opened().steps("sweep/1/1")
        assert known.counts == again.acted.counts
        assert world.left() == []

    stops = killed_everywhere(
        lambda after: with_old_invoices(LakeWorld(tmp_path / f"cut-{after}")), sweep, check
    )
    assert stops >= 14  # six files are offered and swapped, beside the notes


def test_a_sweep_leaves_all_as_it_is_where_files_are_written_meanwhile_and_may_be_tried_again(world):
    class Written(Folder):
        def offer(self, name):
            Folder.offer(self, name)
            world.add("notes", {"id": 9, "person": 2, "body": "meanwhile"})

    before = world.files()
    with pytest.raises(UnreachableError, match="Nothing was changed"):
        sweep(world.opened(Written(world.root, "tested")))
    assert {path: data for path, data in world.files().items() if "added" not in path.name} == before
    assert sweep(world.opened()).looked == 1


def test_a_file_that_somebody_wrote_before_a_sweep_was_finished_is_left_and_what_went_is_told(tmp_path):
    world = with_old_invoices(LakeWorld(tmp_path))

    class Written(Folder):
        def swap(self, *arguments, **more):
            if "added-12" in str(arguments):
                world.add("invoices", {"id": 12, "person": 2, "issued": "2001-01-12", "gift": "tulips"})
            return Folder.swap(self, *arguments, **more)

    with pytest.raises(PartlyDoneError) as part:
        sweep(world.opened(Written(world.root, "tested")))
    gone = sum(count.rows for count in part.value.acted.counts)
    assert 0 < gone < 6
    assert len(world.rows("invoices")) == 8 - gone
    assert sweep(world.opened(), "sweep/1/2").looked == 6 - gone
    assert [row["id"] for row in world.rows("invoices")] == [1, 3]


def test_a_sweep_whose_only_file_is_written_before_its_swap_may_be_tried_again(world):
    class Written(Folder):
        def swap(self, *arguments, **more):
            path = world.root / "invoices" / "part-0.parquet"
            path.write_bytes(path.read_bytes())
            return Folder.swap(self, *arguments, **more)

    before = world.rows("invoices")
    with pytest.raises(WrittenMeanwhileError, match="Nothing of it went"):
        sweep(world.opened(Written(world.root, "tested")))
    assert world.rows("invoices") == before
    assert sweep(world.opened()).looked == 1


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("ns"), pa.date64(), pa.large_string(),
             pa.dictionary(pa.int8(), pa.string())]
)  # fmt: skip
def test_a_day_is_compared_whatever_its_type(tmp_path, kind):
    world = LakeWorld(tmp_path)
    path = tmp_path / "invoices" / "part-0.parquet"
    days = ["2026-01-31", "2010-01-31", None]
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        days = [datetime.fromisoformat(day) if day else None for day in days]
    columns = {
        "id": [1, 2, 4],
        "person": [1, 1, 1],
        "issued": pa.array(days, kind),
        "gift": pa.nulls(3, pa.string()),
    }
    (tmp_path / "invoices" / "part-2.parquet").unlink()
    pq.write_table(pa.table(columns), path)
    assert world.store.overdue(DUE, (), TODAY) == Overdue(1, date(2010, 1, 31))
    assert sweep(world.store).looked == 1
    assert [row["id"] for row in world.rows("invoices")] == [1, 4]


def test_what_was_written_while_files_were_made_is_noticed(world):
    class Written(Folder):
        def offer(self, name):
            Folder.offer(self, name)
            world.add("notes", {"id": 9, "person": 2, "body": "meanwhile"})

    approved = world.store.measure([ADA], TODAY)
    before = world.files()
    with pytest.raises(ConflictError, match="while the new ones were made"):
        world.opened(Written(world.root, "tested")).act("one", [ADA], TODAY, approved)
    assert {path: data for path, data in world.files().items() if "added" not in path.name} == before
    assert world.left() == []


MAP = """
store: shop
kind: lake
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, born: identity, paid: usage, seen: usage, tags: usage, photo: identity}
    erase: {do: blank, set: {email: null, born: null, paid: 0}, by: dpo, because: a test}
"""
SHAPE = pa.schema(
    [
        pa.field("id", pa.int32(), nullable=False, metadata={"PARQUET:field_id": "7"}),
        pa.field("email", pa.string()),
        pa.field("born", pa.date32()),
        pa.field("paid", pa.decimal128(12, 2)),
        pa.field("seen", pa.timestamp("us", tz="UTC")),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("photo", pa.binary()),
    ],
    metadata={"owner": "shop"},
)


def shaped(number):
    return {
        "id": number,
        "email": f"p{number}@example.org",
        "born": date(1990, 1, 1),
        "paid": Decimal("12.50"),
        "seen": datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
        "tags": ["a", "b"] if number % 2 else None,
        "photo": b"\x00\xff",
    }


def test_types_nullability_order_compression_groups_and_metadata_stay(tmp_path):
    path = tmp_path / "people.parquet"
    rows = [shaped(number) for number in range(1000)]
    pq.write_table(pa.Table.from_pylist(rows, SHAPE), path, compression="zstd", row_group_size=300)
    path.chmod(0o640)
    found, problems = read(MAP, "shop.yaml")
    assert not problems
    store = connect(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
    erase(store, who=[type(ADA)("x", (("email", "P500@example.org"),))])
    store.close()
    with pq.ParquetFile(path) as made:
        assert made.schema_arrow.equals(SHAPE, check_metadata=True) or (
            made.schema_arrow.metadata == SHAPE.metadata and made.schema_arrow.equals(SHAPE)
        )
        groups = [made.metadata.row_group(number) for number in range(made.num_row_groups)]
        assert [group.num_rows for group in groups] == [300, 300, 300, 100]
        assert {group.column(1).compression for group in groups} == {"ZSTD"}
        rows[500] |= {"email": None, "born": None, "paid": Decimal("0.00")}
        assert made.read().to_pylist() == rows
    assert path.stat().st_mode & 0o777 == 0o640


def test_only_columns_in_which_values_repeat_get_a_dictionary_and_none_that_had_none(tmp_path):
    """A cycle of values repeats too, though none stands twice among the first rows."""
    rows = [
        {"id": n, "email": f"p{n}@example.org", "born": f"{n % 300}", "paid": n % 7, "seen": n % 7}
        for n in range(3000)
    ]
    before = tmp_path / "people.parquet"
    pq.write_table(pa.Table.from_pylist(rows), before, use_dictionary=["id", "email", "born", "paid"])
    found, _ = read(MAP.replace("paid: 0}", "paid: 3}"), "shop.yaml")
    erase(
        connect(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"}),
        who=[type(ADA)("x", (("email", "P500@example.org"),))],
    )
    with pq.ParquetFile(before) as made:
        group = made.metadata.row_group(0)
        told = {
            group.column(at).path_in_schema: group.column(at).has_dictionary_page
            for at in range(group.num_columns)
        }
        assert told == {"id": False, "email": False, "born": True, "paid": True, "seen": False}
        rows[500] |= {"email": None, "born": None, "paid": 3}
        assert made.read().to_pylist() == rows


def test_a_value_the_column_cannot_hold_is_refused_and_nothing_is_changed(tmp_path):
    path = tmp_path / "people.parquet"
    pq.write_table(pa.Table.from_pylist([shaped(1)], SHAPE), path)
    before = path.read_bytes()
    found, _ = read(MAP.replace("born: null", "born: unknown"), "shop.yaml")
    store = connect(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
    with pytest.raises(NotAllowedError):
        erase(store, who=[type(ADA)("x", (("email", "p1@example.org"),))])
    store.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes/country=FR/part.parquet", "different columns"),
        ("notes/part.csv", "files of CSV and of Parquet"),
        ("notes/part.orc", "a file beside its data"),
        ("notes/.part-0.parquet.crc", "a file beside its data"),
        ("notes/_metadata", "a file beside its data"),
        ("notes/metadata/00001.metadata.json", "a file beside its data"),
    ],
)
def test_what_cannot_be_read_yet_is_refused(world, name, said):
    path = world.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    with pytest.raises(NotAllowedError, match=said):
        world.store.measure([ADA], TODAY)


def test_an_identifier_in_a_row_that_is_retained_is_no_copy(tmp_path):
    """Rows of files have no key; which of them are retained is told by their place."""
    rows = [
        {"email": "p1@example.org", "paid": date(2026, 1, 31)},
        {"email": "p1@example.org", "paid": date(2010, 1, 31)},
        {"email": "p2@example.org", "paid": date(2026, 1, 31)},
    ]
    (tmp_path / "invoice").mkdir()
    for number, row in enumerate(rows):
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "invoice" / f"{number}.parquet")
    pq.write_table(pa.table({"note": ["from p1@example.org", "x"]}), tmp_path / "note.parquet")
    found, problems = read(RETAINING, "shop.yaml")
    assert not problems
    store = connect(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
    who = [type(ADA)("x", (("email", "p1@example.org"),))]
    erase(store, who=who)
    hits = {(hit.table, hit.verdict): hit.rows for hit in store.scan(who, TODAY).hits}
    assert hits == {("invoice", "expected"): 1, ("note", "copy"): 1}


RETAINING = """
store: shop
kind: lake
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
tables:
  invoice:
    subject: {key: email, identifiers: {email: {kind: email, one_person: true}}}
    columns: {email: contact, paid: usage}
    erase: {do: retain, until: {period: 10 years, trigger: paid}, legal: a law, by: dpo, because: a test}
  note: {impersonal: a test, columns: {note: not_personal}}
"""


def test_an_empty_mark_of_success_is_passed_by(world):
    (world.root / "notes" / "_SUCCESS").touch()
    erase(world.store)
    assert [row["id"] for row in world.rows("notes")] == [3]


def test_the_page_has_a_map_that_erases(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "lake.md").read_text(encoding="utf-8")
    written = page.split("~~~yaml\n")[1].split("~~~")[0]
    found, problems = read(written, "stores/lake.yaml")
    assert not problems
    customers = [{"id": n, "email": f"p{n}@example.org", "name": f"P {n}"} for n in (1, 2)]
    clicks = [{"id": n, "customer_id": n % 2 + 1, "page": "/", "at": date(2026, 1, 1)} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(customers), tmp_path / "customer.parquet")
    (tmp_path / "click").mkdir()
    for number in range(2):
        pq.write_table(pa.Table.from_pylist(clicks[number::2]), tmp_path / "click" / f"{number}.parquet")
    store = connect(found, {"find": f"lake://{tmp_path}", "change": f"lake://{tmp_path}"})
    who = [type(ADA)("x", (("email", "p1@example.org"),))]
    counted = [(count.table, count.verb, count.rows) for count in erase(store, who=who).counts]
    assert counted == [("click", "delete", 5), ("customer", "delete", 1)]
    assert store.gone(who, TODAY) == 0
    assert store.scan(who, TODAY).hits == ()
    store.close()
    assert pq.read_table(tmp_path / "customer.parquet").to_pylist() == customers[1:]


def test_a_symbolic_link_is_not_followed(world):
    os.symlink(world.root / "notes" / "part-0.parquet", world.root / "notes" / "linked.parquet")
    with pytest.raises(NotAllowedError, match="symbolic link"):
        world.store.measure([ADA], TODAY)


def test_files_of_one_table_need_one_schema(world):
    pq.write_table(pa.table({"id": [1]}), world.root / "notes" / "other.parquet")
    with pytest.raises(NotAllowedError, match="same columns and types"):
        world.store.measure([ADA], TODAY)


def test_without_the_right_to_change_a_lake_is_only_looked_into(world):
    reader = connect(map_of("lake"), {"find": f"lake://{world.root}"})
    assert list(reader.find([ADA]))
    with pytest.raises(NotAllowedError):
        reader.act("one", [ADA], TODAY, world.store.measure([ADA], TODAY))
    reader.close()
    assert Path(world.root).exists()


def test_an_approval_that_no_longer_fits_leaves_every_file(world):
    approved = world.store.measure([ADA], TODAY)
    world.add("notes", {"id": 9, "person": 1, "body": "meanwhile"})
    before = world.files()
    with pytest.raises(ConflictError):
        world.store.act("one", [ADA], TODAY, approved)
    assert world.files() == before


def test_no_file_is_searched_twice_for_the_same_value(tmp_path):
    world = LakeWorld(tmp_path / "lake")
    map_, searched, again = map_of("lake"), {}, []

    def run(look, tasks):
        for task in tasks:
            for each in task.looks:
                if len(each.spots) == 1:
                    before = searched.setdefault((task.part.file.name, each.spots[0]), set())
                    again.extend(sorted(before & each.tokens[0]))
                    before |= each.tokens[0]
        return [look(task) for task in tasks]

    stage = lake_stage.lay_out(Tables(world.place).tables(map_), tmp_path, map_)
    try:
        lake_stage.fill(stage, [ADA, OBRIEN], run, full=False)
    finally:
        stage.remove()
    assert len(searched) > 10
    assert again == []
