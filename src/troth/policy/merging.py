"""Three texts of one policy by clause: where it began, what stands in the file now, and what a draft says.

A clause that only one side changed is taken from it; one that both changed otherwise needs somebody's choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from troth.errors import ConflictError
from troth.policy.clause_text import raw_lines
from troth.policy.document import parse

Side = Literal["theirs", "yours"]
TOP = ""
"""The number of what stands above the first clause: the top of the file, the title and the preamble."""


@dataclass(frozen=True, slots=True)
class Sides:
    """One clause of one file in the three texts; empty where it is not there."""

    file: str
    clause: str
    title: str
    base: str
    theirs: str
    yours: str

    @property
    def moved(self) -> bool:
        """Say whether the file changed since the draft began."""
        return self.theirs != self.base

    @property
    def disagree(self) -> bool:
        """Say whether both sides changed it, each otherwise."""
        return self.moved and self.yours not in (self.base, self.theirs)


def sides(base: Mapping[str, str], theirs: Mapping[str, str], yours: Mapping[str, str]) -> tuple[Sides, ...]:
    """Return every clause that differs in one of the three, in the order of the files."""
    return tuple(one for one in _sides(base, theirs, yours) if not one.base == one.theirs == one.yours)


def _sides(base: Mapping[str, str], theirs: Mapping[str, str], yours: Mapping[str, str]) -> Iterator[Sides]:
    for file in sorted({*theirs, *yours, *base}, key=lambda name: (name.count("."), name)):
        three = [_parts(side.get(file, ""), file) for side in (base, theirs, yours)]
        for number in dict.fromkeys((*three[1], *three[2], *three[0])):
            titles = [part[number][0] for part in (three[2], three[1], three[0]) if number in part]
            yield Sides(file, number, titles[0], *(part.get(number, ("", ""))[1] for part in three))


def merged(
    base: Mapping[str, str],
    theirs: Mapping[str, str],
    yours: Mapping[str, str],
    keep: Mapping[tuple[str, str], Side],
) -> dict[str, str]:
    """Return the files as both sides want them; `keep` says whose text holds where they disagree.

    A file that was deleted is there again, as yours, where yours is kept of any of its clauses.

    Raises ConflictError while a clause is left about which nobody chose.
    """
    open_ = [one for one in sides(base, theirs, yours) if one.disagree and (one.file, one.clause) not in keep]
    if open_:
        named = ", ".join(f"{one.clause or 'the top'} of {one.file}" for one in open_)
        raise ConflictError(f"Both sides changed clause {named}. Say for each whose text is kept.")
    made: dict[str, str] = {}
    for file in dict.fromkeys((*theirs, *yours)):
        if file not in theirs:
            if file not in base or any(
                one.disagree and keep[file, one.clause] == "yours"
                for one in sides(base, theirs, yours)
                if one.file == file
            ):
                made[file] = yours[file]
            continue
        now, mine, was = (_parts(side.get(file, ""), file) for side in (theirs, yours, base))
        found: list[str] = []
        for number in _order(list(now), list(mine)):
            before, there, ours = (part.get(number, ("", ""))[1] for part in (was, now, mine))
            only_ours = there == before or keep.get((file, number)) == "yours"
            found.append(ours if only_ours and ours != before else there)
        made[file] = _joined(found)
    return made


def _joined(parts: list[str]) -> str:
    """Put parts of a file behind each other; one that ended its file without a new line gets it before the next."""
    said = [one for one in parts if one]
    return "".join(
        one if one.endswith("\n") or one is said[-1] else one + 2 * ("\r\n" if "\r\n" in one else "\n")
        for one in said
    )


def _order(now: list[str], mine: list[str]) -> list[str]:
    """Put the clauses that only a draft has behind those they follow in it."""
    found = list(now)
    for at, number in enumerate(mine):
        if number not in found:
            found.insert(
                found.index(mine[at - 1]) + 1 if at and mine[at - 1] in found else len(found), number
            )
    return found


@lru_cache(maxsize=16)
def _parts(text: str, file: str) -> dict[str, tuple[str, str]]:
    """Split a file into its clauses, each with its title and every byte of it.

    A clause whose number is taken already stays with the one above it: nothing of the file is lost.
    """
    document = parse(text, file)
    lines = raw_lines(text)
    starts = [clause.line - 1 for clause in document.clauses]
    found = {TOP: (document.title, "".join(lines[: starts[0] if starts else len(lines)]))}
    last = TOP
    ends = [*starts, len(lines)][1:]
    for clause, start, end in zip(document.clauses, starts, ends, strict=True):
        text_ = "".join(lines[start:end])
        if clause.number in found:
            found[last] = (found[last][0], found[last][1] + text_)
        else:
            last = clause.number
            found[last] = (clause.title, text_)
    return found
