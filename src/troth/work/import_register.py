"""Take over a register from elsewhere: its rows become a file of ours, for people to review and keep.

The file is whole or not there, and only where the policy holds together with it.  Entries that stand
in the register already are never written over: those that this very table brought are known, the
others are told.

Law: GDPR Arts. 5(2), 28(3), 30.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from troth.errors import NotAllowedError, Problem
from troth.ledger import read
from troth.policy.loading import load
from troth.rules import import_entry
from troth.rules.import_entry import Drafting, Entry
from troth.rules.import_sheet import Cells, Fault, Kind, table
from troth.work.establishment import day_here
from troth.work.importing import Taken, marks
from troth.work.project import Project

ROWS_MAX = 20_000
FOLDER = "register"
_LACKING = re.compile(r"Add `([a-z_]+): …`\.")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a table would become: a file and its text, entries by row, what is wrong, known and otherwise."""

    name: str
    text: str
    entries: tuple[tuple[int, str, str], ...]
    faults: tuple[Fault, ...] = ()
    new: int = 0
    known: int = 0
    differs: tuple[int, ...] = ()


def draw(
    project: Project, kind: Kind, rows: Sequence[Cells], staff: str, digest: str, language: str = ""
) -> Drawn:
    """Draft the entries of a table, and hold the policy together with them to itself; nothing is written."""
    drafting = Drafting(project.policy, "" if language in ("", project.policy.language) else language)
    match kind:
        case "register":
            import_entry.activities(drafting, rows)
        case "processors":
            import_entry.processors(drafting, rows)
        case _:
            import_entry.documents(drafting, rows)
    named = marks(project)
    said = {one.row: named.content(one) for one in rows}
    start = f"{FOLDER}/imported-{kind}-{digest[:12]}"
    before = _imported(project)
    new, known, differs, entries = [], set(), set(), []
    for entry in drafting.made.values():
        there = _standing(project, entry)
        if there is None:
            new.append(entry)
        elif there.startswith(start) or before.get(entry.name) == said[entry.row]:
            known.add(entry.row)
        else:
            differs.add(entry.row)
        if there is None or there.startswith(start):
            entries.append((entry.row, entry.name, said[entry.row]))
    faults = list(drafting.faults)
    new = [_hashed(project, entry, faults) for entry in new]
    fresh = {one.row for one in new}
    name = _free(project, start)
    head = (
        f"Imported on {day_here(project)}{f' by {staff}' if staff else ''} from a table of SHA-256 {digest}.\n"
        "Nothing of it is proven before that day. Review it as you would review what somebody else wrote."
    )
    text, lines = import_entry.written(new, head)
    by_row = {one.row: one for one in rows}
    if new and not faults:
        _, problems = load({**project.policy.files, name: text})
        first = min(fresh)
        faults += [
            _fault(kind, by_row, *lines.get(one.line, (first, "", ())), one)
            if one.file == name
            else Fault(first, "", str(one))
            for one in problems
        ]
    return Drawn(
        name, text, tuple(entries), tuple(dict.fromkeys(faults)), len(fresh), len(known - fresh - differs),
        tuple(sorted(differs - fresh)),
    )  # fmt: skip


def _fault(
    kind: Kind, rows: Mapping[int, Cells], row: int, entry: str, columns: Sequence[str], problem: Problem
) -> Fault:
    """Say by its cell what does not hold in what was made of it; what lacks there is named by its column."""
    found = rows.get(row)
    headed = {one.name: one.title["en"] for one in table(kind).columns}
    lacking = _LACKING.fullmatch(problem.remedy)
    wanted = import_entry.columns(entry, lacking[1])[0] if lacking else ""
    if found is not None and wanted in headed:
        heading = found.headings.get(wanted, headed[wanted])
        return Fault(row, heading, f"what is made of this row does not hold without it: {problem.what}")
    column = next((each for each in columns if found is not None and each in found.values), "")
    if found is None or not column:
        return Fault(row, "", f"{problem.what} {problem.remedy}")
    return found.fault(column, f"what is made of this cell does not hold: {problem.what} {problem.remedy}")


def write(project: Project, drawn: Drawn) -> Taken:
    """Write the file of a table, whole or not at all; nothing where every entry is known."""
    if drawn.faults:
        raise NotAllowedError("Nothing was written, because entries are wrong.")
    done = Taken(drawn.new, drawn.known, list(drawn.differs))
    if drawn.new:
        file = project.settings.folder / drawn.name
        file.parent.mkdir(exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}.new")
        beside.write_text(drawn.text, encoding="utf-8", newline="\n")
        beside.replace(file)
        done.written = drawn.name
    return done


def _hashed(project: Project, entry: Entry, faults: list[Fault]) -> Entry:
    """Add the hash of a document that lies below the project, or hold the one that is given against it."""
    location = entry.fields.get("location")
    if entry.kind != "document" or not isinstance(location, str) or "://" in location:
        return entry
    root = project.settings.folder.resolve()
    path = (root / location).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return entry
    digest = sha256(path.read_bytes()).hexdigest()
    if entry.fields.get("sha256") not in (None, digest):
        faults.append(Fault(entry.row, "SHA-256", "the file that lies there has another hash."))
    return Entry(entry.row, entry.kind, entry.key, {**entry.fields, "sha256": digest})


def _standing(project: Project, entry: Entry) -> str | None:
    """Return the file in which an entry of this name stands already."""
    policy = project.policy
    known: dict[str, Mapping[str, object]] = {
        "activity": policy.activities, "document": policy.register_documents, "purpose": policy.purposes,
        "retention": policy.retention, "recipient": policy.recipients,
    }  # fmt: skip
    found = known[entry.kind].get(entry.key)
    return None if found is None else str(getattr(found, "file", ""))


def _imported(project: Project) -> dict[str, str]:
    """Return the entries that were imported, by name, each with the mark of the row it came from last."""
    found: dict[str, str] = {}
    for event in read.events(project.ledger, kind="table_imported"):
        entries = event.facts.get("entries")
        for one in entries if isinstance(entries, list | tuple) else ():
            if isinstance(one, list | tuple) and len(one) == 3:
                found[str(one[1])] = str(one[2])
    return found


def _free(project: Project, start: str) -> str:
    """Return a name for the file under which none is there yet: a table may be taken in several goes."""
    folder: Path = project.settings.folder
    number = 1
    while (folder / f"{start}{'' if number == 1 else f'-{number}'}.yaml").exists():
        number += 1
    return f"{start}{'' if number == 1 else f'-{number}'}.yaml"
