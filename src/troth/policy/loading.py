"""Reading a policy from its files: every file at once, to a Policy or to every Problem.

The policy is whole or not at all: no promise is left out in silence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from troth.errors import Problem
from troth.policy import placeholder
from troth.policy.document import Document, parse
from troth.policy.policy import Policy
from troth.policy.promise import Collection, Group, Promise
from troth.policy.promise_reading import Readings, Reference, Said, read_block
from troth.policy.shape import fields_of
from troth.policy.soundness import unsound
from troth.policy.yaml_text import read


def load(files: Mapping[str, str]) -> tuple[Policy | None, tuple[Problem, ...]]:
    """Read a policy from its files (name → text): `policy.md`, `policy.fr.md`, `register/*.yaml`.

    The document without a language in its name carries the promises; the others are
    prose.  Returns the Policy, or None with every Problem of every file.  The same texts
    are read once: a command compares what is written with what was published.
    """
    return _load(tuple(files.items()))


@lru_cache(maxsize=10)
def _load(written: tuple[tuple[str, str], ...]) -> tuple[Policy | None, tuple[Problem, ...]]:
    files = dict(written)
    documents, main, problems = _documents(files)
    if main is None:
        return None, tuple(problems)
    readings = _readings(files, main)
    for one in readings:
        problems.extend(one.problems)
    said = [promise for one in readings for promise in one.said]
    promises = _promises(said, problems)
    policy = Policy(MappingProxyType(documents), MappingProxyType(promises), MappingProxyType(files))
    references = [reference for one in readings for reference in one.references]
    problems.extend(_dangling(policy, said, references))
    problems.extend(unsound(policy, said))
    problems.extend(_other_languages(documents, main))
    whole = not any(one.problems for one in readings)
    for document in documents.values():
        problems.extend(placeholder.problems(policy, document, whole))
    if problems:
        return None, tuple(sorted(set(problems)))
    return policy, ()


def _documents(files: Mapping[str, str]) -> tuple[dict[str, Document], Document | None, list[Problem]]:
    names = sorted((name for name in files if name.endswith(".md")), key=lambda name: (name.count("."), name))
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for name in names:
        document = parse(files[name], name)
        problems.extend(document.problems)
        if document.language in documents:
            other = documents[document.language].file
            what = f"{other} is already in this language ({document.language})."
            problems.append(Problem(name, 1, 1, what, "Say the language in the name or at the top."))
        else:
            documents[document.language] = document
    if not documents:
        problems.append(Problem("policy.md", 1, 1, "There is no policy.", "Write policy.md, or import one."))
        return documents, None, problems
    return documents, next(iter(documents.values())), problems


def _readings(files: Mapping[str, str], main: Document) -> list[Readings]:
    readings = []
    for clause in main.clauses:
        for block in clause.blocks:
            node, wrong = read(block.text, main.file, block.line - 1)
            if wrong and node is None:
                readings.append(Readings(problems=list(wrong)))
                continue
            one = read_block(node, main.file, clause.number, main.language)
            one.problems = [_placed(problem, block.line - 1) for problem in one.problems] + list(wrong)
            readings.append(one)
    for name in sorted(name for name in files if name.endswith((".yaml", ".yml"))):
        node, wrong = read(files[name], name)
        one = Readings()
        if node is not None or not wrong:
            one = read_block(node, name, name.rpartition(".")[0], main.language)
        one.problems.extend(wrong)
        readings.append(one)
    return readings


def _placed(problem: Problem, block_line: int) -> Problem:
    """Move a problem that has no node of its own to the block it is about."""
    return dataclasses.replace(problem, line=block_line) if problem.line == 1 else problem


def _promises(said: Sequence[Said], problems: list[Problem]) -> dict[str, Promise]:
    """Build the promises; note ids and names that are there twice, and what is missing."""
    promises: dict[str, Promise] = {}
    once: dict[type[Promise], list[Said]] = {}
    names: dict[tuple[str, str], Said] = {}
    ids: dict[str, Said] = {}
    for one in said:
        if one.id in ids:
            other = ids[one.id]
            what = f"The id `{one.id}` is already that of {other.file} line {other.line}."
            problems.append(_at(one, what, "Give one of them an `id:` of its own."))
            continue
        ids[one.id] = one
        if not one.kind.many:
            once.setdefault(one.kind, []).append(one)
            continue
        name = (one.kind.kind, one.values["key"])
        if name in names:
            what = f"There is already a {name[0]} called `{name[1]}`, in clause {names[name].clause}."
            problems.append(_at(one, what, "Give one of the two another name."))
            continue
        names[name] = one
        if one.whole:
            promises[one.id] = _built(one, one.values)
    for parts in once.values():
        promises.update(_merged(parts, problems))
    order = {one.id: number for number, one in enumerate(said)}
    return dict(sorted(promises.items(), key=lambda item: order[item[0]]))


def _merged(parts: Sequence[Said], problems: list[Problem]) -> Iterator[tuple[str, Promise]]:
    """Join what several clauses say of a kind that stands once; no field may be said twice."""
    values: dict[str, Any] = {}
    places: dict[str, Said] = {}
    for part in parts:
        for name, value in part.values.items():
            if name in values:
                line, column = part.lines[name]
                what = (
                    f"`{part.kind.kind}.{name.rstrip('_')}` is already said in clause {places[name].clause}."
                )
                problems.append(Problem(part.file, line, column, what, "Say it once."))
            values[name], places[name] = value, part
    kind, first = parts[0].kind, parts[0]
    missing = [one.name for one in fields_of(kind) if one.required and one.attribute not in values]
    if not all(part.whole for part in parts):
        return
    if missing:
        problems.extend(
            _at(first, f"`{kind.kind}` lacks `{name}`.", f"Add a line `{name}: …`.") for name in missing
        )
        return
    for part in parts:
        yield part.id, _built(part, values)


def _built(one: Said, values: Mapping[str, Any]) -> Promise:
    return one.kind(
        id=one.id,
        clause=one.clause,
        file=one.file,
        line=one.line,
        said=frozenset(name.rstrip("_") for name in one.values) - {"key"},
        **values,
    )


def _dangling(policy: Policy, said: Sequence[Said], references: Sequence[Reference]) -> Iterator[Problem]:
    """Find names that nothing has; what was said wrongly elsewhere still counts as there."""
    known: dict[str, set[str]] = {"category": set(policy.categories), "entity": set()}
    for one in said:
        if one.kind.many:
            known.setdefault(one.kind.kind, set()).add(one.values["key"])
        if one.kind is Group:
            known["entity"] |= {entity.key for entity in one.values.get("entities", ())}
        if one.kind is Collection:
            known["category"] |= {category.key for category in one.values.get("categories", ())}
    for reference in references:
        names = known.get(reference.kind, set())
        if reference.name not in names:
            near = get_close_matches(reference.name, names, 1)
            remedy = f"Did you mean `{near[0]}`?" if near else _write_one(reference.kind, names)
            what = f"There is no {_NAMES[reference.kind]} called `{reference.name}`."
            yield Problem(reference.file, reference.line, reference.column, what, remedy)


_NAMES = {
    "purpose": "purpose",
    "recipient": "recipient",
    "retention": "retention promise",
    "transfer": "transfer",
    "category": "category",
    "entity": "entity of the group",
    "document": "document of the register",
}


def _write_one(kind: str, names: set[str]) -> str:
    there = f"There are: {', '.join(sorted(names))}." if names else "There are none yet."
    where = {"category": " Define it in a `collection`.", "entity": " Define it in `group`."}.get(kind, "")
    return there + where


def _other_languages(documents: Mapping[str, Document], main: Document) -> Iterator[Problem]:
    """Compare the clauses of the other languages; they are prose only."""
    ours = main.by_number
    for document in documents.values():
        if document is main:
            continue
        theirs = document.by_number
        for number, clause in ours.items():
            if number not in theirs:
                what = f"Clause {number} of {main.file} is missing."
                yield Problem(document.file, len(document.lines), 1, what, "Translate it.")
            elif clause.level != theirs[number].level:
                what = f"Clause {number} has another level than in {main.file}."
                yield Problem(document.file, theirs[number].line, 1, what, "Use as many # signs as there.")
        for number, clause in theirs.items():
            if number not in ours:
                what = f"There is no clause {number} in {main.file}."
                yield Problem(document.file, clause.line, 1, what, "Remove it, or renumber it.")
            for block in clause.blocks:
                what = f"Promises stand in {main.file} only."
                yield Problem(document.file, block.line - 1, 1, what, "Remove the block; keep the prose.")
        for field in ("version", "date"):
            here, there = getattr(document.front, field), getattr(main.front, field)
            if here is not None and there is not None and here != there:
                what = f"The {field} at the top differs from that of {main.file}."
                yield Problem(document.file, 1, 1, what, f"Write {there}, or leave it out.")


def _at(one: Said, what: str, remedy: str) -> Problem:
    return Problem(one.file, one.line, one.column, what, remedy)
