"""The same job on Spark: its results are those of this process, and so are its files, row by row."""

import json
import os
import shutil
import sys
from dataclasses import replace
from importlib import import_module

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from troth.errors import NotAllowedError, UnreachableError
from troth.stores.contract import Who
from troth.stores.lake import Lake
from troth.stores.lake_aged import Aged
from troth.stores.lake_csv import Csv
from troth.stores.lake_form import Asked
from troth.stores.lake_layout import Part, Table
from troth.stores.lake_place import File, Folder
from troth.stores.map_file import read
from troth.testing import TODAY

pytestmark = pytest.mark.slow
MAP = """
store: shop
kind: lake
engine: ENGINE
credentials: {find: "lake:///lake", change: "lake:///lake"}
controller: shop
versions_expire: 30 days
tables:
  people:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, home: link, born: identity}
    points_to: [{home: homes.id}]
    erase: {do: blank, set: {email: null}, by: dpo, because: a test}
  homes:
    columns: {id: key, street: contact}
    erase: {do: delete, by: dpo, because: a test}
  visits:
    belongs_to: [{person: people.id}]
    columns: {id: key, person: link, page: usage}
    erase: {do: delete, by: dpo, because: a test}
  notes:
    belongs_to: [{person: people.id}]
    columns: {id: key, person: link, body: usage}
    erase: {do: delete, by: dpo, because: a test}
  clicks:
    belongs_to: [{person: people.id}]
    columns: {person: link, page: usage}
    erase: {do: delete, by: dpo, because: a test}
"""
WHO = [Who(f"p{n}", (("email", f"P{n}@example.org"),)) for n in range(1, 40, 3)]


@pytest.fixture(scope="module")
def spark():
    """One Spark on two cores of this machine, for this file alone."""
    if shutil.which("java") is None:
        pytest.skip("There is no Java here, which Spark needs: install default-jre-headless.")
    from pyspark import SparkContext

    local = "--master local[2] --conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYSPARK_SUBMIT_ARGS", f"{local} pyspark-shell")
        environment.setenv("PYSPARK_PYTHON", sys.executable)
        yield
        if SparkContext._active_spark_context is not None:
            SparkContext._active_spark_context.stop()


def build(root):
    people = [{"id": n, "email": f"p{n}@example.org", "home": n // 2, "born": 1990} for n in range(60)]
    for number in range(3):
        put(root / "people" / f"{number}.parquet", people[number::3])
    put(root / "homes.parquet", [{"id": n, "street": f"{n} Main Street"} for n in range(30)])
    for number in range(2):
        rows = [{"id": n, "person": n % 60, "page": f"/{n}"} for n in range(number, 300, 2)]
        put(root / f"visits/half={number}" / "a.parquet", rows)
    (root / "notes").mkdir()
    for number in range(2):
        rows = [{"id": n, "person": n % 60, "body": "about"} for n in range(number, 100, 2)]
        (root / "notes" / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "clicks.csv").write_text("person,page\n" + "".join(f"{n % 60},/{n}\n" for n in range(200)))
    return root


def put(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=25)


def opened(root, engine, written=MAP):
    """Open the lake; Spark works on its files though they are small."""
    found, problems = read(written.replace("ENGINE", engine), "shop.yaml")
    assert not problems
    url = f"lake://{root}"
    workers = import_module("troth.stores.lake_spark").Spark(0) if engine == "spark" else None
    return Lake(found, {"find": url, "change": url}, workers=workers)


def done(root, engine):
    """Do everything that a store can; return what it said, with the files in the end."""
    store = opened(root, engine)
    found = sorted(
        (row.subject, row.table, tuple(sorted(row.values.items(), key=str))) for row in store.find(WHO)
    )
    measured = store.measure(WHO, TODAY)
    acted = store.act("one", WHO, TODAY, measured)
    left = (store.gone(WHO, TODAY), replace(store.scan(WHO, TODAY), seconds=0))
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".troth" not in path.parts
    }
    return found, replace(measured, plan_sha256=""), replace(acted, plan_sha256=""), left, files


def test_results_and_files_are_those_of_this_process(spark, tmp_path):
    ours = done(build(tmp_path / "embedded"), "embedded")
    theirs = done(build(tmp_path / "spark"), "spark")
    assert theirs[:4] == ours[:4]
    assert len(ours[0]) > 150
    assert ours[3][0] == 0
    assert theirs[4].keys() == ours[4].keys()
    for name, data in ours[4].items():
        if name.endswith(".parquet"):
            assert rows(theirs[4][name]) == rows(data), name
        else:
            assert theirs[4][name] == data, name
    assert not list(tmp_path.rglob("*.troth-new"))


def rows(data):
    return pq.read_table(pa.BufferReader(data)).to_pylist()


def test_what_a_worker_refuses_is_said_as_here_and_nothing_is_changed(spark, tmp_path):
    root = build(tmp_path / "lake")
    before = {path: path.read_bytes() for path in root.rglob("*.*") if path.is_file()}
    store = opened(root, "spark", MAP.replace("set: {email: null}", "set: {email: null, born: far}"))
    with pytest.raises(NotAllowedError, match="cannot hold what the map writes"):
        store.act("one", WHO, TODAY, store.measure(WHO, TODAY))
    (root / "notes" / "2.jsonl").write_text("torn")
    with pytest.raises(UnreachableError, match=r"`notes: 2.jsonl` .* cannot be read as JSON lines"):
        list(opened(root, "spark").find(WHO))
    (root / "notes" / "2.jsonl").unlink()
    assert {
        path: path.read_bytes() for path in root.rglob("*.*") if path.is_file() and ".troth" not in path.parts
    } == before


def test_files_that_are_small_together_are_worked_on_in_this_process(spark, tmp_path):
    from troth.stores.lake_spark import Spark

    table = Table(Asked("shop", "clicks"), Csv(), (), pa.schema([]))
    file = File(Folder(tmp_path, "shop"), "clicks.csv")
    tasks = [Aged(table, Part(file, (number, 50)), "at", TODAY, ()) for number in range(4)]
    assert set(Spark(201).run(lambda _: os.getpid(), tasks)) == {os.getpid()}
    assert os.getpid() not in set(Spark(200).run(lambda _: os.getpid(), tasks))
