"""Erasing 1,000 people from a lake, beside reading the matched files and writing them again.

The floor knows which files match, looks for nobody, checks nothing and may be cut short anywhere.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.measure import Line, milliseconds, most_mebibytes
from troth.stores.contract import Who
from troth.stores.lake import Lake
from troth.stores.map_file import read

PART = "lakes"
SUBJECTS = 1_000
FILES = 32
ROWS = 400_000  # of a file of clicks
CUSTOMERS_PER_FILE = 12_500
GROUP = 100_000
ROUNDS = 3
TODAY = date(2026, 11, 23)
MAP = """
store: lake
kind: lake
engine: {engine}
credentials: {{find: "lake:///lake", change: "lake:///lake"}}
controller: shop
tables:
  customer:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact, name: identity, city: contact}}
    erase: {{do: blank, set: {{email: null, name: null, city: null}}, by: dpo, because: a measurement}}
  click:
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link, page: usage, agent: usage, at: usage, amount: usage}}
    erase: {{do: delete, by: dpo, because: a measurement}}
"""


def run() -> list[Line]:
    """Measure an erasure in this process and on Spark, and the memory that it takes as the lake grows."""
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        made = Path(folder) / "made"
        build(made, FILES)
        size = sum(path.stat().st_size for path in made.rglob("*.parquet"))
        lines = _against(Path(folder), made, "embedded")
        if shutil.which("java") is not None:
            lines += _against(Path(folder), made, "spark")
        lines.append(_looked(made))
        small, large = _memory(FILES // 4), _memory(FILES)
        told = f"{FILES * ROWS / 1e6:.1f} million rows, {size / 2**20:.0f} MiB"
        sys.stderr.write(f"The lake has {told}, in {FILES} files of clicks and as many of customers.\n")
    what = "memory of it, in a lake four times as large (floor: the small one)"
    return [*lines, Line(PART, what, large, "MiB", small, 1.1)]


def build(root: Path, files: int) -> None:
    """Make a lake: customers in files by their numbers, as clustered tables have them, and clicks beside them."""
    numbers = range(ROWS)
    shared = {
        "page": [
            f"/product/{n * 31 % 50_021}/{n * 7_368_787 % 1_000_003:x}?from={n % 89}&as={n:07x}"
            for n in numbers
        ],
        "agent": [f"Browser/{n % 37}.{n % 11} (device {n * 7919 % 99_991}; system {n % 5})" for n in numbers],
        "at": pa.array([1_760_000_000_000_000 + n * 1_000_003 for n in numbers], pa.timestamp("us")),
        "amount": pa.array([n * 17 % 10_007 / 100 for n in numbers], pa.float64()),
    }
    clicks = pa.table(shared)
    whose = pa.array([n * 7919 % CUSTOMERS_PER_FILE for n in numbers], pa.int64())
    for number in range(files):
        first = number * CUSTOMERS_PER_FILE
        ids = range(first, first + CUSTOMERS_PER_FILE)
        customers = {
            "id": pa.array(ids, pa.int64()),
            "email": [f"person.{n}@shop.example" for n in ids],
            "name": [f"Person {n}" for n in ids],
            "city": [f"City {n % 997}" for n in ids],
        }
        _write(pa.table(customers), root / "customer" / f"{number:03}.parquet")
        ours = clicks.add_column(0, "customer_id", pc.add(whose, first))
        ours = ours.add_column(0, "id", pa.array(range(number * ROWS, (number + 1) * ROWS), pa.int64()))
        _write(ours, root / "click" / f"{number:03}.parquet")


def subjects(files: int) -> list[Who]:
    """Return a thousand people, who stand in a quarter of the files."""
    every = range(0, files * CUSTOMERS_PER_FILE // 4, files * CUSTOMERS_PER_FILE // 4 // SUBJECTS)
    return [Who(str(n), (("email", f"Person.{n}@shop.example"),)) for n in every[:SUBJECTS]]


def erase(root: Path, engine: str, files: int) -> Callable[[], object]:
    """Return what carries out an erasure that is measured and approved already."""
    found, problems = read(MAP.format(engine=engine), "lake.yaml")
    if found is None:
        raise SystemExit("; ".join(map(str, problems)))
    url, who = f"lake://{root}", subjects(files)
    store = Lake(found, {"find": url, "change": url})
    approved = store.measure(who, TODAY)
    if sum(count.rows for count in approved.counts) < SUBJECTS * 10:
        raise SystemExit("The plan does not find the rows that are there.")
    return lambda: store.act("bench", who, TODAY, approved)


def _against(folder: Path, made: Path, engine: str) -> list[Line]:
    ours, floor, of_spark = [], [], []
    for _ in range(ROUNDS):
        root = _copy(made, folder / "ours")
        ours.append(milliseconds(erase(root, engine, FILES)))
        every = [path.relative_to(root) for path in sorted(root.rglob("*.parquet"))]
        names = [name for name in every if (root / name).read_bytes() != (made / name).read_bytes()]
        root = _copy(made, folder / "floor")
        floor.append(milliseconds(lambda root=root, names=names: [_again(root / name) for name in names]))
        if engine == "spark":
            root = _copy(made, folder / "floor")
            of_spark.append(milliseconds(lambda root=root, names=names: _again_on_spark(root, names)))
    what = f"{SUBJECTS:,} people erased, {'in this process' if engine == 'embedded' else 'on Spark, here'}"
    told = f"{what} (floor: {len(names)} matched files of {2 * FILES} read and written)"
    lines = [Line(PART, told, statistics.median(ours), "ms", statistics.median(floor), 1.3)]
    if of_spark:
        from pyspark import SparkContext

        SparkContext.getOrCreate().stop()
        told = "the same (floor: these files read and written by a job of Spark)"
        lines.append(Line(PART, told, statistics.median(ours), "ms", statistics.median(of_spark)))
    return lines


def _looked(made: Path) -> Line:
    """Measure the residue search, which reads everything, beside reading everything."""
    found, _ = read(MAP.format(engine="embedded"), "lake.yaml")
    assert found is not None
    store, who = Lake(found, {"find": f"lake://{made}"}), subjects(FILES)
    ours = milliseconds(lambda: store.scan(who, TODAY))
    floor = milliseconds(lambda: [pq.read_table(path) for path in made.rglob("*.parquet")])
    return Line(PART, "residue search of the whole lake for them (floor: reading it)", ours, "ms", floor)


def _memory(files: int) -> float:
    """Return how much memory a process takes that erases in a lake of so many files: the median of several."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        made = Path(folder) / "made"
        build(made, files)
        for _ in range(ROUNDS):
            root = _copy(made, Path(folder) / "ours")
            words = [sys.executable, "-m", "bench.lakes", str(root), str(files)]
            told = subprocess.run(words, check=True, capture_output=True, text=True)
            taken.append(float(json.loads(told.stdout)["mebibytes"]))
    return statistics.median(taken)


def _again(path: Path) -> None:
    new = path.with_suffix(".new")
    pq.write_table(pq.read_table(path), new, compression="zstd", row_group_size=GROUP)
    new.replace(path)


def _again_on_spark(root: Path, names: list[Path]) -> None:
    """Do that as one job, a slice a core, with the files dealt to the slices in turn."""
    from pyspark import SparkContext

    context = SparkContext.getOrCreate()
    cores = context.defaultParallelism
    dealt = [str(root / name) for first in range(cores) for name in names[first::cores]]
    context.parallelize(dealt, cores).foreach(lambda path: _again(Path(path)))


def _write(rows: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path, compression="zstd", row_group_size=GROUP)


def _copy(made: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(made, to)
    os.sync()  # what was copied is not to be written while something is timed
    return to


def _told() -> Iterator[Any]:
    """Erase, as a process of its own, and say what that took."""
    erase(Path(sys.argv[1]), "embedded", int(sys.argv[2]))()
    yield {"mebibytes": most_mebibytes()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(next(_told())))
