"""Folders of a lake that name values, `column=value`, are columns like any other."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from troth.errors import NotAllowedError
from troth.stores import lake_swap
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.deed import Remembered
from troth.stores.lake_place import Folder
from troth.stores.map_file import read
from troth.testing import TODAY

MAP = """
store: shop
kind: lake
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: a test}
  visits:
    belongs_to: [{person: people.id}]
    columns: {person: link, country: usage, page: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
EVE = [Who("eve", (("email", "Eve@example.org"),))]


def put(path, ending, row):
    path = path.with_name(f"{path.name}.{ending}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist([row]), path)
    elif ending == "jsonl":
        path.write_text(json.dumps(row) + "\n")
    else:
        path.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")


def build(root, ending):
    put(root / "people/email=eve%40example.org/part-0", ending, {"id": 1, "name": "Eve"})
    put(root / "people/email=__HIVE_DEFAULT_PARTITION__/part-0", ending, {"id": 3, "name": "Nobody"})
    put(root / "people/email=ben%40example.org/part-0", ending, {"id": 2, "name": "Ben"})
    for country, person in (("FR", 1), ("FR", 2), ("GB", 1)):
        put(root / f"visits/country={country}/person={person}/a", ending, {"page": f"/{country}/{person}"})


def opened(root, written=MAP):
    found, problems = read(written, "shop.yaml")
    assert not problems
    return connect(found, {"find": f"lake://{root}", "change": f"lake://{root}"})


def names(root):
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if ".troth" not in path.as_posix() and path.is_file()
    )


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_a_person_named_by_folders_alone_is_found_and_gone_with_the_folder(tmp_path, ending):
    build(tmp_path, ending)
    store = opened(tmp_path)
    found = {(row.table, row.values.get("country"), row.values.get("name")) for row in store.find(EVE)}
    assert found == {("people", None, "Eve"), ("visits", "FR", None), ("visits", "GB", None)}
    assert {(hit.table, hit.column) for hit in store.scan(EVE, TODAY).hits} == {("people", "email")}
    done = store.act("one", EVE, TODAY, store.measure(EVE, TODAY))
    assert [(count.table, count.rows) for count in done.counts] == [("people", 1), ("visits", 2)]
    assert names(tmp_path) == [
        f"people/email=__HIVE_DEFAULT_PARTITION__/part-0.{ending}",
        f"people/email=ben%40example.org/part-0.{ending}",
        f"visits/country=FR/person=2/a.{ending}",
    ]
    assert not list(tmp_path.rglob("*eve*"))
    assert (store.gone(EVE, TODAY), store.scan(EVE, TODAY).hits) == (0, ())


def test_a_value_that_a_folder_names_is_not_blanked(tmp_path):
    build(tmp_path, "jsonl")
    store = opened(
        tmp_path,
        MAP.replace(
            "erase: {do: delete, by: dpo, because: a test}\n  visits",
            "erase: {do: blank, set: {email: null}, by: dpo, because: a test}\n  visits",
        ),
    )
    with pytest.raises(NotAllowedError, match="names of its folders"):
        store.act("one", EVE, TODAY, store.measure(EVE, TODAY))
    assert len(names(tmp_path)) == 6


def test_a_column_in_the_files_and_in_the_folders_is_refused(tmp_path):
    build(tmp_path, "jsonl")
    put(tmp_path / "visits/country=FR/person=9/a", "jsonl", {"page": "/", "person": 2})
    with pytest.raises(NotAllowedError, match="both in its files and in the names"):
        opened(tmp_path).measure(EVE, TODAY)


def test_row_groups_and_files_that_cannot_hold_anybody_are_not_read(tmp_path):
    """A group that is torn is not noticed where its statistics say that nobody looked for is in it."""
    rows = [{"id": n, "email": f"p{n}@example.org", "name": "x"} for n in range(100)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "people.parquet")
    visits = pa.table(
        {"person": list(range(100)), "country": ["FR"] * 100, "page": [f"/{n}" for n in range(100)]}
    )
    path = tmp_path / "visits.parquet"
    pq.write_table(visits, path, row_group_size=50, compression="none", use_dictionary=False)
    with pq.ParquetFile(path) as file:
        second = file.metadata.row_group(1).column(0)
        torn = second.data_page_offset
    data = bytearray(path.read_bytes())
    data[torn : torn + 16] = b"\xff" * 16
    path.write_bytes(bytes(data))
    store = opened(tmp_path)
    assert {
        row.values["page"]
        for row in store.find([Who("x", (("email", "p7@example.org"),))])
        if row.table == "visits"
    } == {"/7"}
    with pytest.raises(Exception, match="cannot be read as Parquet"):
        list(store.find([Who("x", (("email", "p77@example.org"),))]))


def test_a_step_cut_short_after_folders_went_is_finished_by_the_next(tmp_path):
    build(tmp_path, "parquet")
    other, place = "visits/country=GB/person=1", Folder(tmp_path, "shop")
    marks = place.files()
    units = [
        {"kind": "file", "name": name, "mark": list(mark), "goes": True, "rows": []}
        for name, mark in marks.items()
        if name.startswith(other)
    ]
    assert len(units) == 1
    lake_swap.intend(place, lake_swap.Intent("one", "plan", "[]", units))
    assert lake_swap.Files(place).carry_out(units[0], "one")
    assert not (tmp_path / other).exists()
    assert len(list(opened(tmp_path).find(EVE))) == 2  # killed there, and the next verb finishes it
    assert lake_swap.remembered(place, "one") == Remembered("plan", "[]", {})
