"""A drafted map as the YAML that a person corrects: each guess with what it rests on beside it.

The same draft is always the same text.  What nobody may guess stands as `"?"`, or is left out
where the check asks for it: who decided, why, and what happens to shared rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from troth.rules.catalogue import sha256
from troth.rules.guess import DraftMap, EdgeGuess, Guess, TableGuess, shown

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PLAIN_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_WORDS_OF_YAML = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_WORDS_OF_EDGES = frozenset({"conceals", "leaving", "when", "columns", "target", "target_columns"})
COMMENT_AT = 44


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the tables; `find` and `change` are references, never secrets."""

    store: str
    kind: str
    find: str
    change: str


def text(draft: DraftMap, head: Head) -> str:
    """Write a draft as the text of a map."""
    lines = [*_head(draft, head), "tables:"]
    for table in draft.tables:
        lines.extend(_table(table))
    return "\n".join(lines) + "\n"


def _head(draft: DraftMap, head: Head) -> Iterator[str]:
    yield "# A first draft, for you to correct. Everything here is a guess: the comment beside it says what it"
    yield "# rests on, in counts of a bounded sample, and how sure it is. `troth map --check` fails until every"
    yield '# "?" has an answer, every erasure somebody who decided it, and every shared row its `leaving`.'
    yield f"store: {scalar(head.store)}"
    yield f"kind: {head.kind}"
    yield f"credentials: {{find: {scalar(head.find)}}}  # to erase, add: change: {head.change}"
    yield 'controller: "?"  # the entity that decides'
    yield f"# reviewed: {{date: YYYY-MM-DD, catalogue: sha256:{sha256(draft.catalogue)[:16]}}}  # once you have looked"
    yield "# backups_expire: 35 days  # how long backups live"


def _table(table: TableGuess) -> Iterator[str]:
    name = scalar(table.table.name)
    if table.role == "impersonal":
        why = '"?"' if table.sure == "unknown" else "no column looks personal and nothing leads to people"
        yield f"  {name}:  # {table.sure}: {table.why}"
        yield f"    impersonal: {why}"
        return
    yield f"  {name}:  # {_role(table)}, {table.sure}: {table.why}"
    if table.role == "unknown":
        yield "    # whose rows are these? give it an edge or a subject, or say `impersonal` and why"
    if table.role == "subject":
        yield from _subject(table)
    for kind in ("belongs_to", "points_to", "mentions"):
        edges = [edge for edge in table.edges if edge.kind == kind]
        if edges:
            yield f"    {kind}:"
            for edge in edges:
                yield _with(f"      - {_edge(edge)}", f"{edge.sure}: {edge.why}")
            if any(edge.leaving_open for edge in edges):
                yield "      # ? several owners: each needs `leaving: replace_owner` or `leaving: {blank: …}`, unless"
                yield "      #   they are always one person; or it is a mention. Also see what each should `conceal`"
    yield "    columns:"
    for column, guess in table.columns.items():
        yield _with(f"      {scalar(column)}: {_category(guess)}", f"{guess.sure}: {guess.why}")
    for each in table.suggestions:
        yield f"    # perhaps {shown(each.written)}"
        yield f"    #   {each.sure}: {shown(each.why)}"
    yield from _erase(table)


def _subject(table: TableGuess) -> Iterator[str]:
    keys = [scalar(name) for name in table.table.key]
    yield "    subject:"
    yield f"      key: {keys[0] if len(keys) == 1 else '[' + ', '.join(keys) + ']'}"
    yield "      identifiers:"
    for each in table.identifiers:
        said = f"        {scalar(each.column)}: {{kind: {each.kind}, one_person: {str(each.one_person).lower()}}}"
        yield _with(said, each.why)


def _erase(table: TableGuess) -> Iterator[str]:
    guess = table.erase
    if guess is None:
        return
    who = 'by: "?", because: "?"'
    match guess.do:
        case "delete":
            yield _with(f"    erase: {{do: delete, {who}}}", f"a proposal: {guess.why}")
        case "blank":
            values = ", ".join(f"{scalar(column)}: null" for column in guess.blank)
            yield f"    # a proposal: {guess.why}"
            yield f"    erase: {{do: blank, set: {{{values}}}, {who}}}"
        case None:
            yield f"    # erase: ? {guess.why}"


def _edge(edge: EdgeGuess) -> str:
    simple = (
        all(_PLAIN.fullmatch(name) and name not in _WORDS_OF_EDGES for name in edge.columns)
        and all(_PLAIN.fullmatch(name) for name in edge.target_columns)
        and _PLAIN_TABLE.fullmatch(edge.target)
    )
    if simple:
        own = " + ".join(edge.columns)
        key = scalar(own) if len(edge.columns) == 1 else own
        return f"{{{key}: {edge.target}.{' + '.join(edge.target_columns)}}}"
    return (
        f"{{columns: {_names(edge.columns)}, target: {scalar(edge.target)}, "
        f"target_columns: {_names(edge.target_columns)}}}"
    )


def _names(names: Sequence[str]) -> str:
    return f"[{', '.join(map(scalar, names))}]"


def _category(guess: Guess) -> str:
    return '"?"' if guess.what == "?" else guess.what


def _role(table: TableGuess) -> str:
    return {
        "subject": "people",
        "owned": "somebody's",
        "pointed": "referred to",
        "mentioned": "mentions people",
        "unknown": "? a question",
    }[table.role]


def _with(line: str, comment: str) -> str:
    return f"{line.ljust(COMMENT_AT)}  # {comment}"


def scalar(name: str) -> str:
    """Write a name so that YAML reads it back as this very text.

    >>> scalar("email"), scalar("no"), scalar("e-mail")
    ('email', '"no"', '"e-mail"')
    """
    if _PLAIN_TABLE.fullmatch(name) and name.lower() not in _WORDS_OF_YAML:
        return name
    if re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", name):
        return name
    escaped = "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08X}" for c in name)
    return f'"{escaped}"'
