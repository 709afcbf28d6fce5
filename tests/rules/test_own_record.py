"""Each kind of record has an end: a file of keys that `KEPT` does not know fails here."""

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

import troth
from troth.rules.event import KINDS
from troth.rules.fold import FOLDS
from troth.rules.own_record import ENDING, KEPT

SOURCE = Path(troth.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs"
NAMING = {"dated", "of_year"}
LOCKING = {"put": 2, "put_chunks": 2, "key_for": 2}
"""Calls that lock something under a key, and where they name its file."""


def literal(node):
    """The word a name of a file begins with; None where it is no text written there."""
    match node:
        case ast.Constant(value=str(word)):
            return word.partition("/")[0]
        case ast.JoinedStr(values=[ast.Constant(value=str(word)), *_]):
            return word.partition("/")[0]
        case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=str(word)), *_]) if (
            name in NAMING
        ):
            return word
        case ast.IfExp():
            return literal(node.body)
    return None


def files_of(tree):
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        named = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if named == "Draft":
            yield from (literal(one.value) for one in node.keywords if one.arg == "file")
        if named in LOCKING and len(node.args) > LOCKING[named]:
            yield literal(node.args[LOCKING[named]])
        if named in NAMING and node.args:
            yield literal(node.args[0])


def test_every_file_that_the_code_names_has_an_end():
    trees = [
        ast.parse(path.read_text("utf-8"))
        for path in [*SOURCE.glob("work/*.py"), *SOURCE.glob("ledger/*.py")]
    ]
    named = {word for tree in trees for word in files_of(tree)} - {None}
    assert {"office", "objection", "import", "mail", "identifiers"} <= named
    assert named - set(KEPT) == set()


def test_every_file_of_a_kind_of_event_has_an_end():
    assert {kind.file for kind in KINDS.values()} - {None} - set(KEPT) == set()


@pytest.mark.parametrize("name", KEPT)
def test_what_is_said_to_destroy_it_is_there(name):
    one = KEPT[name]
    assert bool(one.by) == (one.way not in {"public", "unused"})
    assert not one.by or find_spec(f"troth.work.{one.by}")
    assert (one.way == "end") == (name in ENDING)
    assert name in FOLDS or one.way != "end"
    assert f"| `{name}` | {one.holds} | {one.until} |" in (DOCS / "retention.md").read_text("utf-8")
