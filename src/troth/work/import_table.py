"""Take over a table from elsewhere: read it whole and judge every cell, then record what is right, each row once.

The file is read twice and never held whole.  Where one cell is wrong nothing is recorded, unless
faulty rows may be skipped.  What is recorded carries where it came from: the import, the row,
whoever did it.  Its first day in the ledger is the first day on which anything of it is proven.

Law: GDPR Art. 5(2), Art. 24(1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path

from troth.errors import NotAllowedError, WrongFileError
from troth.ledger import append
from troth.outside import sheet
from troth.rules import import_sheet
from troth.rules.event import Draft, Fact
from troth.rules.import_sheet import Cells, ColumnMap, Fault, Kind
from troth.work import import_breaches, import_disclosures, import_register, import_requests
from troth.work.establishment import day_here, establishment
from troth.work.importing import Import, Taken, marks
from troth.work.project import Project

AT_ONCE = 500
"""Rows that are recorded in one transaction: what a kill loses, and is read again."""
FAULTS_MAX = 10_000
MAP_BYTES_MAX = 1 << 20
OF_FILES: tuple[Kind, ...] = ("register", "processors", "evidence")
"""What becomes files of the register; the rest becomes events."""
Advance = Callable[[int], object]


@dataclass(slots=True)
class Looked:
    """What was found in a table: rows, faults (up to a limit), faulty rows, columns nobody reads."""

    digest: str
    rows: int = 0
    faults: list[Fault] = field(default_factory=list)
    faulty: set[int] = field(default_factory=set)
    more: int = 0
    unread: tuple[str, ...] = ()

    def add(self, found: Sequence[Fault]) -> None:
        """Note faults; beyond the limit they are counted only."""
        room = FAULTS_MAX - len(self.faults)
        self.faults.extend(found[:room])
        self.more += max(0, len(found) - room)
        self.faulty.update(one.row for one in found)

    @property
    def wrong(self) -> int:
        """How many rows have mistakes; the headings (row 0) are no row."""
        return len(self.faulty - {0})

    @property
    def whole(self) -> bool:
        """Say whether the headings are right, so that rows could be read at all."""
        return 0 not in self.faulty


def column_map(named: str, kind: Kind) -> ColumnMap:
    """Return the map of columns that is named: a file, or one that comes with Troth; raises WrongFileError."""
    if not named:
        return ColumnMap(kind)
    file = Path(named)
    if file.is_file():
        if file.stat().st_size > MAP_BYTES_MAX:
            raise NotAllowedError(f"{file.name} is too large for a map of columns.")
        try:
            text, name = file.read_text(encoding="utf-8-sig"), file.name
        except UnicodeDecodeError:
            raise NotAllowedError(f"{file.name} is not UTF-8 text.") from None
    else:
        text, name = import_sheet.shipped_text(named), f"{named}.yaml"
    found, problems = import_sheet.read_map(text, name, kind)
    if found is None:
        raise WrongFileError(problems)
    return found


def look(project: Project, file: Path, map_: ColumnMap, *, advance: Advance = lambda _: None) -> Looked:
    """Read a table whole and judge every cell, and record nothing; raises NotAllowedError where it is no table."""
    found = Looked(_digest(file))
    seen: dict[bytes, int] = {}
    register: list[Cells] = []
    for one, faults in rows_of(project, file, map_, found):
        advance(1)
        found.rows += 1
        twice = _twice(one, seen)
        wrong = [*faults, *twice]
        if not faults and map_.kind not in OF_FILES:
            wrong += _judge(project, map_.kind, one, file)
        found.add(wrong)
        if map_.kind in OF_FILES and not wrong:
            register.append(one)
            if len(register) > import_register.ROWS_MAX:
                raise NotAllowedError(f"A register has {import_register.ROWS_MAX} rows at most.")
    if map_.kind in OF_FILES and found.whole:
        found.add(import_register.draw(project, map_.kind, register, "", found.digest).faults)
    return found


def take(
    project: Project,
    file: Path,
    map_: ColumnMap,
    looked: Looked,
    *,
    staff: str,
    skip_faulty: bool = False,
    advance: Advance = lambda _: None,
    at_once: int = AT_ONCE,
) -> Taken:
    """Record the rows that are right and not recorded yet; killed, it goes on where it stopped.

    Raises NotAllowedError where a cell is wrong and `skip_faulty` was not said, or where the file
    changed since it was looked at.
    """
    if looked.faults and not (skip_faulty and looked.whole):
        raise NotAllowedError("Nothing was recorded, because cells are wrong.")
    if _digest(file) != looked.digest:
        raise NotAllowedError(f"{file.name} changed while it was read. Import it again.")
    made = Import(_name(project, map_.kind, looked.digest), map_.kind, file, staff, day_here(project))
    right = (
        one for one, faults in rows_of(project, file, map_) if one.row not in looked.faulty and not faults
    )
    if map_.kind in OF_FILES:
        drawn = import_register.draw(project, map_.kind, list(right), staff, looked.digest)
        done = import_register.write(project, drawn)
        advance(looked.rows)
        if drawn.entries:
            _record(project, made, map_, looked, drawn.entries)
        return done
    _record(project, made, map_, looked, ())
    done = Taken()
    portion: list[Cells] = []
    for one in right:
        portion.append(one)
        if len(portion) >= at_once:
            done.add(_take(project, made, portion))
            advance(len(portion))
            portion = []
    if portion:
        done.add(_take(project, made, portion))
        advance(len(portion))
    return done


def rows_of(
    project: Project, file: Path, map_: ColumnMap, found: Looked | None = None
) -> Iterator[tuple[Cells, list[Fault]]]:
    """Yield each row as read, with what is wrong in its cells; what is wrong with the headings goes to `found`."""
    found = found or Looked("")
    zone = establishment(project).time_zone
    read = import_sheet.reader(map_, {}, zone)
    first = True
    lacking: list[Fault] = []
    for row in sheet.sheets(file) if map_.by_sheet else sheet.rows(file, map_.heading_row):
        missing: list[Fault] = []
        if row.titles and first:
            matched, faults, unread = import_sheet.headings(map_, list(row.titles.values()))
            found.add(faults)
            found.unread = tuple(unread)
            if faults:
                return
            read = import_sheet.reader(map_, matched, zone)
        elif not row.titles:  # lines of JSON or sheets, each with columns of its own
            matched, lacking, unread = import_sheet.headings(map_, list(row.cells))
            if lacking and map_.by_sheet:
                continue  # such as a sheet that explains, or lists the others
            missing = [replace(one, row=row.row) for one in lacking]
            found.unread = tuple(dict.fromkeys([*found.unread, *unread]))
            read = import_sheet.reader(map_, matched, zone)
        first = False
        given = {row.titles.get(name, name): text for name, text in row.cells.items()}
        one, wrong = read.cells(row.row, given)
        yield one, [*missing, *wrong]
    if first and map_.by_sheet:
        found.add(lacking)


def _judge(project: Project, kind: Kind, one: Cells, file: Path) -> list[Fault]:
    match kind:
        case "requests":
            return list(import_requests.faults(project, one, file.parent))
        case "breaches":
            return list(import_breaches.faults(project, one))
        case "disclosures":
            return list(import_disclosures.faults(project, one))
        case _:
            raise TypeError(kind)


def _take(project: Project, made: Import, portion: Sequence[Cells]) -> Taken:
    match made.kind:
        case "requests":
            return import_requests.take(project, made, portion)
        case "breaches":
            return import_breaches.take(project, made, portion)
        case "disclosures":
            return import_disclosures.take(project, made, portion)
        case _:
            raise TypeError(made.kind)


def _twice(one: Cells, seen: dict[bytes, int]) -> list[Fault]:
    """Find a reference that stands in an earlier row too."""
    reference = one.text("reference")
    if not reference:
        return []
    mark = blake2b(reference.encode(), digest_size=12).digest()
    before = seen.setdefault(mark, one.row)
    return [] if before == one.row else [one.fault("reference", f"it stands in row {before} too.")]


def _record(
    project: Project, made: Import, map_: ColumnMap, looked: Looked, entries: Sequence[tuple[int, str, str]]
) -> None:
    """Record that a table was imported: its hash, its rows, and of a register which entries came from which row."""
    facts: dict[str, Fact] = {
        "import": made.name, "what": made.kind, "file_sha256": looked.digest, "rows": looked.rows,
        "skipped": len(looked.faulty), "map_sha256": map_.sha256 or None,
    }  # fmt: skip
    if entries:
        facts["entries"] = [list(one) for one in entries]
    once = f"import {made.name} {len(entries)} {len(looked.faulty)}"
    append.append(
        project.ledger, [Draft("table_imported", f"import/{made.name}", facts, actor=made.staff)], once=once
    )


def _name(project: Project, kind: Kind, digest: str) -> str:
    """Name an import by what it is, so that the same table is the same import."""
    return marks(project).of(kind, digest)[:16]


def _digest(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        digest = sha256()
        while chunk := opened.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
