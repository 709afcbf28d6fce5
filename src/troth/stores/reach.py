"""What a trigger may do outside its database, told from its code and from what that code calls.

What leaves the database is not measured and not rolled back, so the doubtful case counts as
reaching out.  `NOTIFY` is told apart: it is sent by the commit alone, and only says something.
A trigger that writes into a table with such a trigger, or into a table of another server,
reaches out through it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from troth.rules.catalogue import Trigger

NOT_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_WAYS: tuple[tuple[str, str], ...] = (
    ("dblink", r"\bdblink\w*"),
    ("COPY … PROGRAM", r"\bCOPY\b[^;]*\bPROGRAM\b"),
    ("COPY to a file", r"\bCOPY\b[^;]*\bTO\s+'"),
    ("http", r"\bhttp(?:_\w+)?\s*\(|\bnet\.http_\w+"),
    ("lo_export", r"\blo_export\s*\("),
    ("a file", r"\bpg_file_(?:write|rename|unlink|sync)\s*\("),
    ("a process of its own", r"\bpg_background_launch\b|\bcron\.schedule\w*"),
    ("aws_lambda", r"\baws_lambda\b"),
    ("the stream of changes", r"\bpg_logical_emit_message\s*\("),
)
_WAY = tuple((how, re.compile(pattern, re.IGNORECASE)) for how, pattern in _WAYS)
_NOTIFIES = re.compile(r"\bpg_notify\s*\(|\bNOTIFY\s+[\"\w]", re.IGNORECASE)
_WRITES = re.compile(
    r"\b(?P<verb>(?:INSERT|UPDATE)\s+OR\s+\w+(?:\s+INTO)?|INSERT\s+INTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM)\s+"
    r"(?:ONLY\s+)?(?P<name>(?:[\"`\[]?[\w$ -]+[\"`\]]?\s*\.\s*)?(?:\"(?:[^\"]|\"\")+\"|`[^`]+`|\[[^\]]+\]|[\w$]+))",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"moddatetime", "autoinc", "insert_username", "refint", "tcn"})
"""Extensions in C that touch nothing but the row, or only notify, and are not marked as trusted."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the database: its code, and whether its language is kept from reaching out."""

    oid: int
    name: str
    language: str
    trusted: bool
    code: str
    extension: str = ""
    extension_trusted: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How code reaches outside (empty: not at all), and whether it notifies on commit."""

    how: str = ""
    notifies: bool = False


def reach_of(code: str) -> Reach:
    """Say how a text of SQL or PL/pgSQL reaches outside by itself.

    >>> reach_of("PERFORM dblink_exec('x', 'y')"), reach_of("PERFORM pg_notify('x', OLD.id::text)")
    (Reach(how='dblink', notifies=False), Reach(how='', notifies=True))
    """
    plain = NOT_COMMENT.sub(" ", code)
    return Reach(
        next((how for how, pattern in _WAY if pattern.search(plain)), ""),
        _NOTIFIES.search(plain) is not None,
    )


def reaches(functions: Sequence[Function]) -> Mapping[int, Reach]:
    """Say how each function reaches outside: by its language, by what it says, or through another."""
    found: dict[int, Reach] = {}
    for each in functions:
        harmless = each.extension_trusted or each.extension in _HARMLESS
        if not each.trusted and each.language not in ("internal", "sql") and not harmless:
            found[each.oid] = Reach(f"a function in {each.language}")
        elif each.extension == "tcn":
            found[each.oid] = Reach(notifies=True)
        elif each.language not in ("internal", "c"):
            found[each.oid] = reach_of(each.code)
        else:
            found[each.oid] = Reach()
    told = {each.name: found[each.oid] for each in functions if found[each.oid] != Reach()}
    while told:
        calls = re.compile(r"\b(" + "|".join(map(re.escape, sorted(told))) + r')"?\s*\(')
        before, told = told, {}
        for each in functions:
            if each.language in ("internal", "c"):
                continue
            for match in calls.finditer(NOT_COMMENT.sub(" ", each.code)):
                own, other = found[each.oid], before[match[1]]
                now = Reach(own.how or other.how, own.notifies or other.notifies)
                if now != own:
                    found[each.oid] = told[each.name] = now
    return found


def writes(code: str) -> frozenset[tuple[str, str]]:
    """Return the tables that code writes into, by their own names in small letters, and how.

    >>> sorted(writes('INSERT INTO log.audit (a) VALUES (1); UPDATE "Big" SET a = 1'))
    [('audit', 'INSERT'), ('big', 'UPDATE')]
    """
    found = set()
    for match in _WRITES.finditer(NOT_COMMENT.sub(" ", code)):
        name = (
            re.split(r"\.(?=[^\"`\]]*$|[\"`\[])", match["name"])[-1].strip().strip('"`[]').replace('""', '"')
        )
        verb = match["verb"].split()[0].upper()
        found.add((name.lower(), "INSERT" if verb == "REPLACE" else verb))
    return frozenset(found)


def whole_code(functions: Sequence[Function], wanted: Collection[int]) -> Mapping[int, str]:
    """Return the code of each wanted function with that of all it calls, by name."""
    codes: dict[str, str] = {}
    for each in functions:
        if each.language not in ("internal", "c"):
            codes[each.name] = f"{codes.get(each.name, '')}\n{each.code}"
    found = {}
    for each in functions:
        if each.oid not in wanted:
            continue
        seen, waiting = {each.name}, [each.code]
        whole = []
        while waiting:
            whole.append(waiting.pop())
            called = (set(_CALLED.findall(whole[-1])) & codes.keys()) - seen
            seen |= called
            waiting += [codes[name] for name in sorted(called)]
        found[each.oid] = "\n".join(whole)
    return found


_CALLED = re.compile(r"(\w+)\"?\s*\(")


def through(
    triggers: Mapping[str, Iterable[tuple[Trigger, str]]], elsewhere: Collection[str] = ()
) -> Mapping[str, Sequence[Trigger]]:
    """Mark the triggers that reach outside through what they write into.

    `triggers` are, by table, each with all the code it runs; `elsewhere` are tables whose
    rows are on another server.
    """
    found = {
        table: [(trigger, writes(code)) for trigger, code in having] for table, having in triggers.items()
    }
    outside = {_own(name) for name in elsewhere}
    changed = True
    while changed:
        changed = False
        fired: dict[str, list[Trigger]] = {}
        for table, having in found.items():
            fired.setdefault(_own(table), []).extend(trigger for trigger, _ in having)
        for having in found.values():
            for number, (trigger, written) in enumerate(having):
                now = trigger
                for name, event in sorted(written):
                    now = _and(now, name, event, fired.get(name, ()), outside)
                if now != trigger:
                    having[number] = (now, written)
                    changed = True
    return {table: [trigger for trigger, _ in having] for table, having in found.items()}


def _own(table: str) -> str:
    return table.rpartition(".")[2].lower()


def _and(
    trigger: Trigger, name: str, event: str, fired: Iterable[Trigger], outside: Collection[str]
) -> Trigger:
    if name in outside and not trigger.calls_out:
        return replace(trigger, calls_out=True, how=f"the table {name} on another server")
    for other in fired:
        if event in other.event:
            if other.calls_out and not trigger.calls_out:
                trigger = replace(trigger, calls_out=True, how=f"the trigger {other.name} of {name}")
            if other.notifies and not trigger.notifies:
                trigger = replace(trigger, notifies=True)
    return trigger
