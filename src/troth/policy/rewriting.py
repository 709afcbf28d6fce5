"""Write one value of a promise otherwise, in its file, and leave every other byte as it is.

What is written is read again before anything is saved: a value that makes a file wrong is a Problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.policy.document import Block
from troth.policy.loading import load
from troth.policy.policy import Policy
from troth.policy.promise import Promise
from troth.policy.yaml_text import Fields, Items, Node, Scalar, read

_WRITTEN = re.compile(r"""\[[^\]\n]*\]|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")


def rewritten(policy: Policy, promise_id: str, path: str, value: str) -> tuple[str, str]:
    """Return the file of a promise and its text with one value written otherwise.

    `path` is as `troth policy diff` tells it, such as `table.mrv_id*.data_kept`; `value` is YAML on one line.
    Raises NotFoundError where there is no such promise or value, WrongFileError where the value is wrong there.
    """
    promise = policy.find(promise_id)
    if promise is None:
        raise NotFoundError(f"There is no promise {promise_id[:60]!r}. `troth controls` lists them.")
    if not value.strip() or "\n" in value:
        raise NotAllowedError("Write the value on one line, as it would stand in the file.")
    text = policy.files[promise.file]
    within, last, missing = _place(policy, promise, path)
    lines = text.split("\n")
    if missing:
        first = within.entries[0][0]
        if lines[first.line - 1][: first.column - 1].strip():
            raise NotAllowedError(f"{path[:60]!r} is not written there yet: write it in {promise.file}.")
        indent = " " * (within.entries[0][0].column - 1)
        lines.insert(within.entries[0][0].line - 1, f"{indent}{missing}: {value.strip()}")
    else:
        lines[last.line - 1] = _replaced(lines[last.line - 1], last, value.strip(), path)
    changed = "\n".join(lines)
    known, problems = load({**policy.files, promise.file: changed})
    if known is None or problems:
        raise WrongFileError(problems)
    return promise.file, changed


def _place(policy: Policy, promise: Promise, path: str) -> tuple[Fields, Node, str]:
    """Return the mapping that holds the value, its node, and the name of a field that is not written yet."""
    block = next(
        one for one in _blocks(policy, promise)
        if one.line <= promise.line <= one.line + one.text.count("\n") + 1
    )  # fmt: skip
    root, _ = read(block.text, promise.file, block.line - 1)
    here: Node | None = root
    steps = [promise.kind, *([promise.name] if promise.many else []), *path.split(".")]
    within: Fields | None = None
    for number, step in enumerate(steps):
        found = _below(here, step)
        if found is None:
            last = number == len(steps) - 1
            if last and isinstance(here, Fields) and here.entries:
                return here, here, step
            raise NotFoundError(
                f"`{promise.id}` has no value called {path[:60]!r}. `troth policy diff` tells paths."
            )
        within, here = here if isinstance(here, Fields) else within, found
    assert within is not None and here is not None
    return within, here, ""


def _blocks(policy: Policy, promise: Promise) -> Iterator[Block]:
    if not promise.public:
        yield Block(policy.files[promise.file], 1)
        return
    for clause in policy.document.clauses:
        yield from clause.blocks


def _below(node: Node | None, step: str) -> Node | None:
    if isinstance(node, Fields):
        return node.get(step)
    if isinstance(node, Items):
        for number, one in enumerate(node.items, 1):
            name = one.get("name") or one.get("version") if isinstance(one, Fields) else None
            if (isinstance(name, Scalar) and name.text == step) or (name is None and str(number) == step):
                return one
    return None


def _replaced(line: str, node: Node, value: str, path: str) -> str:
    start = node.column - 1
    match = _WRITTEN.match(line, start)
    if match is not None:
        return line[:start] + value + line[match.end() :]
    if isinstance(node, Scalar) and line.startswith(node.text, start) and "\n" not in node.text:
        return line[:start] + value + line[start + len(node.text) :]
    raise NotAllowedError(f"{path[:60]!r} is written over several lines: change it in its file.")
