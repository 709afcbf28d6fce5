"""Every sentence that the code says in English, as a template with gaps, read from its syntax trees.

What is raised, and every text that reads like a sentence; in the modules of FIGURES also what is no whole
sentence, such as the figure of a verdict.  Each stands here as a catalogue may write it, `There is no request
{number}.`: a gap is called after what fills it, and a catalogue may call it otherwise, so what counts is the `shape`.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reached_modules import SOURCE, path_of
from troth.rules.french import masked

FIGURES = (
    "rules/verdict.py", "rules/control_collection.py", "rules/control_consent.py", "rules/control_register.py",
    "rules/control_retention.py", "rules/announcement.py", "rules/scan_verdict.py", "rules/telling.py",
    "rules/policy_change.py", "rules/remedy.py", "rules/map_check.py", "rules/map_drift.py", "rules/map_reach.py",
    "rules/map_path.py", "rules/plan_problem.py", "rules/archive.py", "rules/hold.py", "rules/sweep.py",
    "rules/staff.py", "rules/request_moves.py", "outside/openid.py", "stores/lake_delta.py", "stores/lake_iceberg.py",
    "stores/staged.py",
    "work/sweep.py", "work/action.py",
)  # fmt: skip
"""Where what is no whole sentence is shown on a page, too."""

_SENTENCE = re.compile(r"[\s\"“({`]*[A-Z{`].*[.!?][\"”)]?", re.DOTALL)
_CODE = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|troth |#|<)|: %s|%s ", re.DOTALL)


_GAP = re.compile(r"\{\w+(?:[:~][^{}]*)?\}")


@dataclass(frozen=True, slots=True, order=True)
class Spoken:
    """One template, and where it stands."""

    template: str
    module: str
    line: int


def shape(template: str) -> str:
    """Return a template without the names of its gaps.

    >>> shape("There is no {kind} {number}. Write {{id}}."), shape("{rows} {rows:row|rows}")
    ('There is no {} {}. Write {{id}}.', '{} {}')
    """
    return _GAP.sub("{}", masked(template)).replace("\0", "{{").replace("\1", "}}")


@cache
def spoken() -> tuple[Spoken, ...]:
    """Return every template of the product, those of the command line apart."""
    found: set[Spoken] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        module = path_of(path)
        if not module.startswith(("faces/cli/", "client/", "testing.py")):
            found |= set(_of_module(path, module))
    return tuple(sorted({*found, *_of_the_controls()}))


def _of_the_controls() -> Iterator[Spoken]:
    """Yield what the controls say they check and how often, which stands in a table."""
    module = "rules/data/controls.toml"
    for one in tomllib.loads((SOURCE / module).read_text(encoding="utf-8")).values():
        yield from (Spoken(one[part], module, 0) for part in ("checks", "often"))


def _of_module(path: Path, module: str) -> Iterator[Spoken]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    unread = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    raised = {id(one) for node in nodes if isinstance(node, ast.Raise) for one in _raised(node)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):  # its pieces of text are no texts of their own
            unread |= {id(one) for one in node.values}
            unread |= {
                id(inner)
                for one in node.values
                if isinstance(one, ast.FormattedValue) and isinstance(one.value, ast.IfExp | ast.Constant)
                for inner in ast.walk(one.value)
            }
        elif isinstance(node, ast.BinOp) and id(node) not in unread and _is_text(node):
            unread |= {id(inner) for inner in ast.walk(node) if inner is not node}
    for node in nodes:
        if id(node) in unread:
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted":
            forms = [one for one in node.args[1:] if isinstance(one, ast.Constant)]
            unread |= {id(one) for one in forms}
            yield from (Spoken(f"{{number}} {one.value}", module, node.lineno) for one in forms)
        if isinstance(node, ast.JoinedStr) or _is_text(node):
            for parts in _forms(node):
                template = _written(parts).strip().removeprefix("; ").removeprefix(", ")
                if _is_spoken(template, module, was_raised=id(node) in raised):
                    yield Spoken(template, module, node.lineno)


def _raised(node: ast.Raise) -> Iterator[ast.AST]:
    """Yield the texts that an error is raised with."""
    if isinstance(node.exc, ast.Call):
        for one in node.exc.args:
            told = (
                one.func.value if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) else one
            )
            yield from (told.body, told.orelse) if isinstance(told, ast.IfExp) else (told,)


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return isinstance(node.op, ast.Add) and any(
            isinstance(one, ast.JoinedStr) or _is_text(one) for one in sides
        )
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _forms(node: ast.AST) -> list[tuple[str | ast.AST, ...]]:
    """Return the parts of a text, words and what fills a gap, once for each way its conditions may go."""
    match node:
        case ast.Constant(value=str(text)):
            return [(text,)]
        case ast.JoinedStr(values=parts):
            made: list[tuple[str | ast.AST, ...]] = [()]
            for part in parts:
                made = [one + more for one in made for more in _forms(part)]
            return made
        case ast.FormattedValue(value=ast.IfExp() | ast.Constant() as inner):
            return _forms(inner)
        case ast.FormattedValue(value=inner):
            return [(inner,)]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_forms(body), *_forms(orelse)]
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return [one + more for one in _forms(left) for more in _forms(right)]
        case _:
            return [(node,)]


def _written(parts: tuple[str | ast.AST, ...]) -> str:
    """Write parts as a template; a second gap of the same name has a number."""
    named: dict[str, int] = {}
    made = ""
    for part in parts:
        if isinstance(part, str):
            made += part.replace("{", "{{").replace("}", "}}")
        else:
            name = _name(part).strip("_") or "it"
            named[name] = named.get(name, 0) + 1
            made += f"{{{name}{named[name] if named[name] > 1 else ''}}}"
    return made


def _name(node: ast.AST) -> str:
    """Return what a gap is called, after what fills it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))) if name.isidentifier():
            return name
        case ast.Subscript(value=inner) | ast.BinOp(left=inner) | ast.BoolOp(values=[inner, *_]):
            return _name(inner)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return _name(first.iter)
        case ast.Call(func=ast.Attribute(attr="join"), args=[inner]):
            return _name(inner)
        case ast.Call(func=ast.Name(id="str" | "len" | "int" | "sum" | "sorted"), args=[inner, *_]):
            return _name(inner)
        case ast.Call(func=inner):
            return _name(inner)
        case _:
            return "it"


def _is_spoken(template: str, module: str, *, was_raised: bool) -> bool:
    words = re.findall(r"(?<![\w`./\\{-])[A-Za-z][a-z]+(?![\w/\\}])", template)
    if _CODE.search(template) or not words or "\n\n" in template:  # of several paragraphs: a document
        return False
    if _SENTENCE.fullmatch(template) and " " in template:
        return True
    if was_raised and (re.match(r"[A-Z{`]", template) or re.search(r"\.( |$)", template)) and len(words) > 1:
        return True
    return module in FIGURES and (len(words) > 1 or "{" in template)
