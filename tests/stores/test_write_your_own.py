"""The page for those who write a store of their own: what stands there is a package, and keeps every promise."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import troth

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "write-your-own.md").read_text(
    encoding="utf-8"
)
pytestmark = pytest.mark.slow


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package of the page, as pip would leave it: its modules, and the metadata that names its entry point."""
    folder = tmp_path_factory.mktemp("cards")
    store, test = blocks("python")
    (toml,) = blocks("toml")
    (folder / "cards_store.py").write_text(store, encoding="utf-8")
    (folder / "test_cards_store.py").write_text(test, encoding="utf-8")
    (folder / "pyproject.toml").write_text(toml, encoding="utf-8")
    metadata = folder / "cards_store-1.0.dist-info"
    metadata.mkdir()
    named = re.search(r'name = "(.*)"\nversion = "(.*)"', toml)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {named[1]}\nVersion: {named[2]}\n")
    point = re.search(r'entry-points\."(.*)"\]\n(\w+) = "(.*)"', toml)
    points = f"[{point[1]}]\n{point[2]} = {point[3]}\nbroken = broken_store:open_store\n"
    (metadata / "entry_points.txt").write_text(points)
    (folder / "broken_store.py").write_text("import a_part_nobody_has\n", encoding="utf-8")
    return folder


def run(package, *words):
    path = os.pathsep.join([str(package), str(Path(troth.__file__).parents[1])])
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=package,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_store_of_the_page_passes_the_tests_of_every_store(package):
    done = run(package, "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 28


@pytest.mark.parametrize(
    ("right", "wrong", "broken"),
    [
        ("path.unlink()", "pass", "test_it_erases_one_subject_and_no_other"),
    ],
)
def test_a_fault_in_it_breaks_a_promise(package, right, wrong, broken):
    text = (package / "cards_store.py").read_text(encoding="utf-8")
    assert right in text
    (package / "cards_store.py").write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        done = run(package, "pytest", "-q", "-p", "no:cacheprovider", "-k", broken)
        assert f"FAILED test_cards_store.py::TestCards::{broken}" in done.stdout
    finally:
        (package / "cards_store.py").write_text(text, encoding="utf-8")


def test_the_kind_of_the_page_is_listed_and_one_that_cannot_be_loaded_says_so_and_hides_no_other(package):
    kinds = {
        each["kind"]: each for each in json.loads(run(package, "troth", "stores", "--json").stdout)["kinds"]
    }
    cards, broken = kinds["cards"], kinds["broken"]
    assert (cards["from"], cards["ready"], cards["atomic"]) == ("cards-store", True, False)
    assert (broken["ready"], broken["lacks"]) == (False, "a_part_nobody_has")
    assert kinds["sqlite"]["ready"]
