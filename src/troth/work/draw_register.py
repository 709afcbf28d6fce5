"""Draw a register: from the files as they stand, or as it was on a day; and what changed since.

Law: GDPR Arts. 28(3), 30, 44 to 49.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Literal

from troth.errors import NotAllowedError
from troth.ledger.past import Past
from troth.policy.policy import Policy
from troth.rules.register import NAMES, Line, Name, Register, Source, columns
from troth.rules.register_activity import as_processor, processing
from troth.rules.register_change import Changed, differences
from troth.rules.register_document import documents
from troth.rules.register_party import processors, recipients, transfers
from troth.work.establishment import day_here, establishment
from troth.work.policy_as_of import as_of
from troth.work.project import Project

FILE_BYTES_MAX = 200_000_000
"""A document larger than this is not read to be compared: it is no contract."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A register with what it was drawn from; no `recorded` event where it is of the files as they stand."""

    register: Register
    source: Source
    version: str
    recorded: str = ""


def draw(
    project: Project,
    name: str,
    language: str = "",
    entity: str = "",
    on: date | None = None,
    past: Past | None = None,
) -> Drawn:
    """Draw a register; `on` a day it is of what was recorded then, in `past` where a checkpoint is meant.

    Raises NotAllowedError where there is no such register or company, NotFoundError where nothing
    was in force on the day.
    """
    if name not in NAMES:
        raise NotAllowedError(f"There is no register {name[:30]!r}. There are: {', '.join(NAMES)}.")
    establishment(project, entity or None)
    today = day_here(project)
    if on is not None and on > today:
        raise NotAllowedError(f"{on} is still to come: a register is drawn as of a day that was.")
    if on is None:
        policy, maps, version, recorded = project.policy, project.maps, project.policy.version, ""
    else:
        then = as_of(project, on, past)
        policy, maps, version = then.policy, then.maps, then.version.version
        recorded = then.recorded.id if then.recorded else ""
    source = Source(
        policy,
        maps,
        on or today,
        language or policy.language,
        dict(files_wrong(project, policy)) if on is None else {},
    )
    lines = tuple(_lines(source, name, entity))
    return Drawn(Register(name, columns(name, source.language), lines), source, version, recorded)


def changes(
    project: Project,
    name: str,
    since: date,
    until: date | None = None,
    language: str = "",
    entity: str = "",
    past: Past | None = None,
) -> tuple[Changed, ...]:
    """Return what changed in a register from one day to another, or to the files as they stand."""
    before = draw(project, name, language, entity, since, past)
    after = draw(project, name, language, entity, until, past)
    return tuple(differences(before.register, after.register))


def files_wrong(project: Project, policy: Policy) -> Iterator[tuple[str, Literal["missing", "differs"]]]:
    """Yield the documents whose file is not there, or is not the one recorded."""
    root = project.settings.folder.resolve()
    for one in policy.register_documents.values():
        if one.location is None or "://" in one.location:
            continue
        path = (root / one.location).resolve()
        if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
            yield str(one.key), "missing"
        elif digest(path) != one.sha256:
            yield str(one.key), "differs"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, which is read in pieces."""
    with path.open("rb") as opened:
        found = sha256()
        while chunk := opened.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def _lines(source: Source, name: Name, entity: str) -> Iterator[Line]:
    match name:
        case "processing":
            return processing(source, entity)
        case "processor":
            return as_processor(source, entity)
        case "recipients":
            return recipients(source, entity)
        case "processors":
            return processors(source, entity)
        case "transfers":
            return transfers(source, entity)
        case "documents":
            return documents(source, entity)


def as_mapping(drawn: Drawn) -> Mapping[str, object]:
    """Return a register for machines: every line with its cells as lists, by column."""
    return {
        "register": drawn.register.name,
        "as_of": drawn.source.today.isoformat(),
        "policy_version": drawn.version,
        "recorded": drawn.recorded or None,
        "lines": [{code: list(cell) for code, cell in line.items()} for line in drawn.register.lines],
    }
