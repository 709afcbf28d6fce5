"""What a step does to a lake, written down before it is done, and done by whoever comes next after a crash.

A unit is what changes in one step of its own: a file that gets new content, or a table that
gets a new version.

Danger: old files are replaced.  What prevents loss: first the units are written down durably,
then each is carried out, which is safe to say twice; then the note becomes the record of the step.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from troth.stores import deed, sql_cells
from troth.stores.deed import Deed, Remembered
from troth.stores.lake_form import Changes
from troth.stores.lake_layout import Part, Table
from troth.stores.lake_place import Place

INTENT = "intent.json"
Unit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One file to be written anew, under a name that may be another one."""

    table: Table
    part: Part
    changes: Changes = field(repr=False)
    name: str
    deeds: Mapping[Deed, int] = field(default_factory=dict)  # what it does, to be told of a step done in part


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file that was written anew and waits: how many rows it has left, and how it is described."""

    name: str
    rows: int
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a step is about to do."""

    step: str
    plan_sha256: str
    rows: str
    units: Sequence[Unit]


class Units(Protocol):
    """What carries units of one kind out."""

    def of(self, done: Sequence[tuple[Rewrite, Rewritten]]) -> Sequence[Unit]:
        """Return the units that bring what was rewritten into one table."""
        ...

    def carry_out(self, unit: Unit, step: str) -> bool:
        """Do it; False when somebody else was there first, with nothing of the unit left.  Safe to say twice."""
        ...


class Files:
    """Units that are files."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def of(self, done: Sequence[tuple[Rewrite, Rewritten]]) -> Sequence[Unit]:
        """Return a unit a file; one below folders that name values goes with its last row."""
        return [
            {
                "kind": "file",
                "name": made.name,
                "mark": list(rewrite.part.mark),
                "rows": deed.written(rewrite.deeds),
                "goes": not made.rows and bool(rewrite.part.partition),
            }
            for rewrite, made in done
        ]

    def carry_out(self, unit: Unit, step: str) -> bool:
        """Give the file its new content."""
        del step
        name, mark = str(unit["name"]), tuple(unit["mark"])
        if unit["goes"]:
            self._place.withdraw(name)
            return self._place.drop(name, mark)
        return self._place.swap(name, mark)


def rewrite(task: Rewrite) -> Rewritten:
    """Write one file anew and verify it; it waits beside the old one."""
    place = task.part.file.place
    rows = task.table.rewrite(task.part, place.draft(task.name), task.changes)
    told = task.table.describe(place.draft(task.name)) if task.table.describe is not None else {}
    place.offer(task.name)
    return Rewritten(task.name, rows, told)


def remembered(place: Place, step: str) -> Remembered | None:
    """Return a step as it is remembered."""
    found = place.note(_record(step))
    return None if found is None else _known(json.loads(found))


def steps(place: Place) -> Iterator[tuple[str, Remembered]]:
    """Yield every step that is remembered."""
    for found in place.notes("steps"):
        read = json.loads(found)
        yield str(read["step"]), _known(read)


def _known(read: Mapping[str, Any]) -> Remembered:
    return Remembered(str(read["plan_sha256"]), str(read["rows"]), deed.read(read.get("left", ())))


def deeds_of(done: Sequence[tuple[Rewrite, Rewritten]]) -> list[list[str | int]]:
    """Return what several files do together."""
    found: Counter[Deed] = Counter()
    for rewrite, _ in done:
        found.update(rewrite.deeds)
    return deed.written(found)


def intend(place: Place, intent: Intent) -> None:
    """Write down what will be done, durably: from here on it will be done."""
    written = {
        "step": intent.step,
        "plan_sha256": intent.plan_sha256,
        "rows": intent.rows,
        "units": [dict(unit) for unit in intent.units],
    }
    place.write_note(INTENT, json.dumps(written), once=True)


def intended(place: Place) -> bool:
    """Tell whether something is written down that is not done yet."""
    return place.note(INTENT) is not None


def finish(place: Place, kinds: Mapping[str, Units]) -> None:
    """Do what was written down and not done yet, and remember the step with what was left undone.

    What somebody else has written since stays as it is, and every unit after it; a step of which nothing was
    done is not remembered.
    """
    found = place.note(INTENT)
    if found is None:
        place.sweep()
        return
    read = json.loads(found)
    step = str(read["step"])
    units = read["units"]
    left: list[Unit] = []
    alone = sql_cells.is_amended(read["rows"])  # values that are amended stand by themselves
    for unit in units:  # what leads to other rows comes last, and stays with them
        if (left and not alone) or not kinds[unit["kind"]].carry_out(unit, step):
            left.append(unit)
    if len(left) < len(units) or not units:
        undone = deed.written(sum((deed.read(unit["rows"]) for unit in left), Counter()))
        record = {name: read[name] for name in ("step", "plan_sha256", "rows")} | {"left": undone}
        place.write_note(_record(step), json.dumps(record))
    place.drop_note(INTENT)
    if left:
        place.sweep()  # what waits for a file that somebody else has written


def _record(step: str) -> str:
    return f"steps/{sha256(step.encode()).hexdigest()}.json"
