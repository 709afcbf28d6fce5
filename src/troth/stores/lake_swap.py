"""Files of a lake that take the place of others, all of them or, after a crash, the rest of them.

Danger: old files are replaced.  What prevents loss: first what will be done is written down
and made durable, then each file takes its name in one step of the file system, then the note
becomes the record of the step.  Who comes after a crash goes on where it stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from troth.stores.lake_file import Mark, mark

HIDDEN = ".troth"
NEW = ".troth-new"
INTENT = "intent.json"


@dataclass(frozen=True, slots=True)
class Intent:
    """What a step is about to do: files by their path below the root, and how the old ones are told."""

    step: str
    plan_sha256: str
    rows: str
    files: Mapping[str, Mark]


def beside(path: Path) -> Path:
    """Return where the new file is written; a name that readers of Parquet pass by."""
    return path.with_name(f".{path.name}{NEW}")


def remembered(root: Path, step: str) -> tuple[str, str] | None:
    """Return the plan and the rows a step is remembered with."""
    path = _record(root, step)
    if not path.is_file():
        return None
    read = json.loads(path.read_text(encoding="utf-8"))
    return str(read["plan_sha256"]), str(read["rows"])


def intend(root: Path, intent: Intent) -> None:
    """Write down what will be done, durably: from here on it will be done."""
    written = {
        "step": intent.step,
        "plan_sha256": intent.plan_sha256,
        "rows": intent.rows,
        "files": {name: list(told) for name, told in intent.files.items()},
    }
    path = root / HIDDEN / INTENT
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(written, file)
        file.flush()
        os.fsync(file.fileno())
    for folder in {(root / name).parent for name in intent.files}:
        _durable(folder)
    draft.replace(path)
    _durable(path.parent)


def finish(root: Path) -> bool:
    """Do what was written down and not done yet; return whether the step is remembered now.

    A file that somebody else has written since stays as it is: the step is then not
    remembered, and is measured anew when it is said again.
    """
    path = root / HIDDEN / INTENT
    if not path.is_file():
        _sweep(root)
        return False
    read = json.loads(path.read_text(encoding="utf-8"))
    whole = True
    for name, told in read["files"].items():
        old = root / name
        new = beside(old)
        if not new.exists():
            continue
        if old.is_file() and list(mark(old)) == told:
            new.replace(old)
            _durable(old.parent)
        else:
            new.unlink()
            whole = False
    if not whole:
        path.unlink()
        return False
    record = _record(root, str(read["step"]))
    record.parent.mkdir(exist_ok=True)
    path.replace(record)
    _durable(record.parent)
    _durable(path.parent)
    return True


def _sweep(root: Path) -> None:
    """Remove new files of a step that never got so far as to be written down."""
    for left in root.rglob(f".*{NEW}"):
        left.unlink()


def _record(root: Path, step: str) -> Path:
    return root / HIDDEN / "steps" / f"{sha256(step.encode()).hexdigest()}.json"


def _durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
