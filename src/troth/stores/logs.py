"""Personal data in server logs: lines of Apache, nginx, or JSON, with their rotations, plain or gzip.

Danger: `act`, `sweep` and `truncate` rewrite files.  What prevents loss: see `log_file`; each
file is rewritten whole or not at all, and doing it again changes nothing.  Where a file lies in the
folder that is of no log in the map, nothing is begun: a copy might stay in it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path

from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable, Column
from troth.rules.identifier import exact
from troth.rules.map import Blank, Delete, Map, MapTable, Value
from troth.rules.plan import end_of
from troth.rules.residue_form import certain, forms
from troth.stores import log_file, log_folder, log_line, residue
from troth.stores.contract import Acted, Count, Hit, Limits, Measured, Row, Scanned, Spared, Store, Who

LIMITS = Limits(atomic=False, measured_by_rollback=False, rows_measured_max=0, remembers=False)
LOOKED_INTO = 10
"""So many files of a log that the map calls impersonal are looked into by the check."""
Decide = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class Swept:
    """What going over the files of a store did: lines removed, changed, without a date, and passed by for somebody."""

    files: int
    lines: int
    removed: int
    changed: int
    undated: int
    oldest: date | None
    refused: tuple[str, ...] = ()
    kept_back: int = 0


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open the logs of a folder; nothing is touched before the first verb."""
    return LogStore(map, credentials)


class LogStore:
    """The log files of one folder."""

    def __init__(self, map_: Map, credentials: Mapping[str, str]) -> None:
        self._map = map_
        self._folder = Path(credentials["find"].removeprefix("logs://"))
        self._may_change = "change" in credentials

    def __repr__(self) -> str:
        """Name the store and nothing of where it is."""
        return f"<store {self._map.store}>"

    @property
    def name(self) -> str:
        """The store's name in plans, events and screens."""
        return self._map.store

    @property
    def map(self) -> Map:
        """The map it was opened with."""
        return self._map

    def limits(self) -> Limits:
        """Say what this kind of store can do."""
        return LIMITS

    def close(self) -> None:
        """Nothing is held open."""

    def catalogue(self) -> Catalogue:
        """Read what is really there: a log is a table, and its columns are those of its first lines."""
        lying, tables = self._lying(), []
        for name, table in self._map.tables.items():
            columns = dict.fromkeys(
                log_line.COLUMNS if table.impersonal is None else ("line", *table.columns)
            )
            for path in lying.of[name][:1] if table.impersonal is None else lying.of[name][:LOOKED_INTO]:
                columns |= dict.fromkeys(_columns(path, strict=table.impersonal is None))
            listed = tuple(Column(column, "text", "text", nullable=column != "line") for column in columns)
            tables.append(CatalogueTable(name, listed, ("line",), parts=(name,)))
        return Catalogue(self.name, "logs", tuple(tables), beside=lying.told())

    # Finding

    def find(self, who: Sequence[Who]) -> Iterator[Row]:
        """Yield every line that names one of these subjects in an identifying column."""
        lying = self._read_whole()
        for table in self._tables():
            wanted = _wanted(table, who)
            for path in lying.of[table.name] if wanted else ():
                for number, raw in enumerate(log_file.lines(path), 1):
                    line = log_line.read_line(raw)
                    for subject, column in _named(table, line, wanted):
                        assert line is not None
                        known = {name: value for name, value in line.columns.items() if name in table.columns}
                        way = (f"identifier {table.name}.{column}",)
                        yield Row(subject, table.name, {"line": f"{path.name}:{number}", **known}, way)

    def measure(self, who: Sequence[Who], today: date) -> Measured:
        """Count the lines that erasing these subjects would change; change nothing."""
        del today
        return Measured(self.name, self._sha(), self._over(who, dry=True), (), "counted")

    def act(
        self,
        step: str,
        who: Sequence[Who],
        today: date,
        approved: Measured,
        tolerance: int = 0,
        spared: Spared | None = None,
        *,
        about_to: Callable[[Acted], object] = lambda _: None,
    ) -> Acted:
        """Erase as approved, file by file; doing it again changes nothing more.

        Nothing is spared: erasures in logs are not repeated after a restore.
        """
        del spared
        if not self._may_change:
            raise NotAllowedError(f"The store `{self.name}` has no credentials to change files with.")
        if approved.plan_sha256 != self._sha():
            raise ConflictError(
                f"The map of the store `{self.name}` has changed since the plan was measured. Nothing was changed. "
                "Measure and approve again."
            )
        now = self._over(who, dry=True)
        allowed = {(count.table, count.verb): count.rows for count in approved.counts}
        more = sum(max(0, count.rows - allowed.get((count.table, count.verb), 0)) for count in now)
        if more > tolerance:
            raise ConflictError(
                f"The store `{self.name}` now has {more} lines more than were approved, and {tolerance} were "
                "tolerated. Nothing was changed. Measure and approve again."
            )
        about_to(self._acted(step, today, now))
        return self._acted(step, today, self._over(who, dry=False))

    def _acted(self, step: str, today: date, counts: tuple[Count, ...]) -> Acted:
        period = self._map.backups_expire
        verbs = {count.verb for count in counts}
        expires = end_of(period, today) if period is not None and "delete" in verbs else None
        return Acted(
            self.name,
            step,
            self._sha(),
            counts,
            sum(count.rows for count in counts),
            "nothing_found" if not counts else "at_least_once",
            "at_least_once",
            expires,
        )

    def gone(self, who: Sequence[Who], today: date) -> int:
        """Count the lines that would still be changed."""
        del today
        return sum(count.rows for count in self._over(who, dry=True))

    def scan(self, who: Sequence[Who], today: date) -> Scanned:
        """Search every line of every file in the folder, mapped or not, understood or not, for these identifiers."""
        del today
        begun, size = time.perf_counter(), 0
        counts: Counter[tuple[str, str, str]] = Counter()
        kinds, refused = residue.own_kinds(self._map), set()
        sought = []
        for subject in who:
            for kind, value in subject.identifiers:
                if kind in kinds:
                    found = forms(kind, value)
                    refused |= set() if found else {(subject.subject, kind)}
                    sought += [(subject.subject, form) for form in found if not form.compact]
        unread: set[str] = set()
        mapped = {table.name for table in self._tables()}
        for table, path in self._lying().each() if sought else ():
            try:
                for raw in log_file.lines(path) if table in mapped else log_file.any_lines(path):
                    size += len(raw)
                    lowered = raw.lower()
                    hits: dict[str, str] = {}
                    for subject_, form in sought:
                        text = lowered if form.caseless else raw
                        at = text.find(form.pattern.lower() if form.caseless else form.pattern)
                        if at >= 0:
                            sure = certain(form, raw, at, at + len(form.pattern))
                            hits[subject_] = "copy" if sure or hits.get(subject_) == "copy" else "doubtful"
                    counts.update((subject_, table, verdict) for subject_, verdict in hits.items())
            except UnreachableError:
                if table in mapped:
                    raise
                unread.add(f"{table}.line")
        found_ = tuple(
            Hit(subject, table_, "line", rows, "copy" if verdict == "copy" else "doubtful")
            for (subject, table_, verdict), rows in sorted(counts.items())
        )
        return Scanned(
            self.name,
            size,
            time.perf_counter() - begun,
            found_,
            tuple(sorted(unread)),
            tuple(sorted(refused)),
        )

    # By age

    def sweep(self, table: str, before: datetime, *, dry: bool, but_for: Sequence[Who] = ()) -> Swept:
        """Remove the lines that are older than a moment, but for those that name somebody kept back.

        A line without a date is as old as the one before it.
        """
        return self._aged(table, before, _removed, but_for, dry=dry)

    def truncate(self, table: str, before: datetime, *, dry: bool, but_for: Sequence[Who] = ()) -> Swept:
        """Truncate the addresses in lines that are older than a moment, but for those of somebody kept back."""
        described = self._map.tables[table]
        named = described.subject.identifiers if described.subject is not None else ()
        columns: dict[str, Value] = {one.column: log_line.TRUNCATED for one in named if one.kind == "ip"}
        if not columns:
            raise NotAllowedError(
                f"The map of the store `{self.name}` names no identifier of kind `ip` in `{table}`: there is nothing "
                "to truncate."
            )

        def decided(raw: bytes, line: log_line.Line | None) -> bytes | None:
            wanted = {
                name: value
                for name, value in columns.items()
                if line is not None and log_line.truncated(line.columns.get(name, "")) is not None
            }
            if line is None or not log_line.changes(line, wanted):
                return raw
            return log_line.written_with(raw, line, wanted)

        return self._aged(table, before, decided, but_for, dry=dry)

    def _aged(
        self,
        table: str,
        before: datetime,
        decide: Callable[[bytes, log_line.Line | None], bytes | None],
        but_for: Sequence[Who],
        *,
        dry: bool,
    ) -> Swept:
        described = self._map.tables[table]
        trigger = described.retention[0].trigger if described.retention else "time"
        total: Counter[str] = Counter()
        kept_back = _wanted(described, but_for)
        oldest: date | None = None
        refused = []
        lying = self._read_whole()
        if not dry:
            log_folder.remove_left(lying)
        for path in lying.of[table]:
            last = datetime.fromtimestamp(log_file.found(path).st_mtime, UTC)
            undated = passed = 0

            def decided(raw: bytes) -> bytes | None:
                nonlocal last, undated, passed, oldest
                line = log_line.read_line(raw)
                at = log_line.moment(line.columns.get(trigger, "")) if line is not None else None
                if at is None:
                    undated += 1
                else:
                    last = at
                    oldest = at.date() if oldest is None else min(oldest, at.date())
                if last >= before:
                    return raw
                if kept_back and any(True for _ in _named(described, line, kept_back)):
                    passed += 1
                    return raw
                return decide(raw, line)

            try:
                done = log_file.rewrite(path, decided, dry=dry)
            except (NotAllowedError, ConflictError) as error:
                refused.append(str(error))
                continue
            total.update(
                files=1,
                lines=done.lines,
                removed=done.removed,
                changed=done.changed,
                undated=undated,
                kept_back=passed,
            )
        return Swept(
            total["files"], total["lines"], total["removed"], total["changed"], total["undated"], oldest,
            tuple(refused), total["kept_back"],
        )  # fmt: skip

    # Changing

    def _lying(self) -> log_folder.Lying:
        return log_folder.lying(self._folder, self._map)

    def _read_whole(self) -> log_folder.Lying:
        """Return which files there are; raises NotAllowedError where one is neither read nor named by the map."""
        lying = self._lying()
        lying.refuse_strays(self.name)
        return lying

    def _tables(self) -> Iterator[MapTable]:
        return (table for table in self._map.tables.values() if table.impersonal is None)

    def _sha(self) -> str:
        """Hash the map: a log has no structure of its own that could change the plan."""
        return sha256((self._map.written or repr(self._map)).encode()).hexdigest()

    def _over(self, who: Sequence[Who], *, dry: bool) -> tuple[Count, ...]:
        counts: list[Count] = []
        lying = self._read_whole()
        if not dry:
            log_folder.remove_left(lying)
        for table in self._tables():
            wanted = _wanted(table, who)
            if not wanted or table.erase is None:
                continue
            changed = removed = 0
            paths = list(lying.of[table.name])
            if not dry:  # where nothing of theirs is, a file may stay open
                paths = [path for path in paths if any(self._meets(table, path, wanted))]
                for path in paths:
                    log_file.refuse_open(path, log_file.found(path))
            for path in paths:
                done = log_file.rewrite(path, _deciding(table, wanted), dry=dry)
                changed, removed = changed + done.changed, removed + done.removed
            counts += [Count(table.name, "blank", changed)] if changed else []
            counts += [Count(table.name, "delete", removed)] if removed else []
        return tuple(counts)

    def _meets(self, table: MapTable, path: Path, wanted: _Wanted) -> Iterator[bool]:
        decide = _deciding(table, wanted)
        return (decide(raw) != raw for raw in log_file.lines(path))


def _columns(path: Path, *, strict: bool) -> Iterator[str]:
    """Yield the columns that the first lines of a file have; not `strict`, also of what is no log."""
    try:
        for raw in islice(log_file.lines(path) if strict else log_file.any_lines(path), 100):
            line = log_line.read_line(raw)
            if line is not None and (line.document or not strict):
                yield from line.columns
    except UnreachableError:
        if strict:
            raise


def _removed(_raw: bytes, _line: log_line.Line | None) -> None:
    """Keep nothing of a line."""


_Wanted = Mapping[tuple[str, str], Sequence[str]]
"""The subjects meant by (kind, exact form)."""


def _wanted(table: MapTable, who: Sequence[Who]) -> _Wanted:
    kinds = {one.kind for one in table.subject.identifiers} if table.subject is not None else set()
    found: dict[tuple[str, str], list[str]] = {}
    for subject in who:
        for kind, value in subject.identifiers:
            if kind in kinds and value.strip():
                found.setdefault((kind, exact(kind, value)), []).append(subject.subject)
    return found


def _named(table: MapTable, line: log_line.Line | None, wanted: _Wanted) -> Iterator[tuple[str, str]]:
    """Yield whom a line names, each once, with the column."""
    if line is None or table.subject is None:
        return
    told = set()
    for one in table.subject.identifiers:
        value = line.columns.get(one.column)
        for subject in wanted.get((one.kind, exact(one.kind, value)), ()) if value else ():
            if subject not in told:
                told.add(subject)
                yield subject, one.column


def _deciding(table: MapTable, wanted: _Wanted) -> Decide:
    assert table.erase is not None
    match table.erase.do:
        case Delete():
            values: dict[str, Value] | None = None
        case Blank(written):
            values = dict(written)
        case _:
            raise NotAllowedError(
                f"Lines of the log `{table.name}` can be deleted or blanked; the map asks for something else."
            )

    def decided(raw: bytes) -> bytes | None:
        line = log_line.read_line(raw)
        if not any(True for _ in _named(table, line, wanted)):
            return raw
        assert line is not None
        if values is None:
            return None
        return log_line.written_with(raw, line, values) if log_line.changes(line, values) else raw

    return decided
