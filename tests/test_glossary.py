"""One word, one meaning: code uses the glossary's words."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
OUSTED = re.compile(r"(?:^|_)(user|users|customer|customers|person|persons|dsar|gdpr_request)(?:$|_)")
VAGUE = re.compile(r"(Manager|Service|Helper|Base|Util|Utils|Info|Data)$")
MODULES = sorted((ROOT / "src").rglob("*.py"))
# Names that belong to somebody else's vocabulary and are spelt as theirs.
FOREIGN = {"one_person"}  # the map's own word: an identifier that nobody else can share


def names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_no_name_says_user_customer_or_person_for_a_subject(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    wrong = [
        f"{name} (line {line})" for name, line in names(tree) if OUSTED.search(name) and name not in FOREIGN
    ]
    assert wrong == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_no_class_has_a_vague_name(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if VAGUE.search(name)] == []


def test_every_word_is_defined_once():
    words = [
        word.strip()
        for row in re.findall(r"^\| ([^|]+) \| ", GLOSSARY, re.MULTILINE)
        for word in row.split(",")
        if word.strip() not in {"word", "---"}
    ]
    assert sorted(words) == sorted(set(words))
