"""Repeat erasures in a store of which a backup was restored, before people use it again.

The restored rows are read as a stream; those that an erasure since then had marked are
erased again by the map it was carried out with.  What is newer than the erasure (a person
who came back) and what cannot be told from it is left and counted.

Danger: this destroys rows again.  What prevents loss: only rows that carry a mark are
touched, through the same engine, measured first and approved by hash; each erasure is one
transaction under a step the store remembers.  A killed run is taken up by the next: what
the store did is copied from its steps, what it did not is found again.

Law: GDPR Art. 17; Art. 32(1)(c), restoring.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from typing import Any

from troth.errors import ConflictError, NotAllowedError, NotFoundError, WrongFileError
from troth.ledger import append, read
from troth.ledger import replay as memory
from troth.rules import exemption, instruction
from troth.rules.event import Draft, Fact
from troth.rules.map import Delete
from troth.rules.plan import end_of
from troth.stores.contract import (
    Acted,
    Count,
    Entry,
    Intending,
    Measured,
    PartlyDoneError,
    Replays,
    Spared,
    Who,
    replaying,
)
from troth.stores.deed import nothing, with_earlier
from troth.stores.map_file import read as read_map
from troth.work import plan_erasure
from troth.work.project import Project

AT_ONCE = 500
CLAIM = "replay"
StopAt = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Again:
    """One erasure to be repeated: what it would do, and what is left alone."""

    id: str
    hour: datetime
    map_sha256: str
    who: Who = field(repr=False)
    spared: Spared = field(repr=False)
    measured: Measured
    left: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a replay would do in a store.

    `left` counts rows that are newer than the erasure of whoever they name, or cannot be told
    from newer ones; `unnamed` those marked by their key that no identifier leads to.
    `blocked` says why an erasure cannot be repeated, such as newer rows that hang on older ones.
    `unrecorded` are the requests whose erasure since then left no marks.
    """

    store: str
    taken_at: datetime
    sha256: str
    erasures: int
    again: tuple[Again, ...]
    left: Mapping[str, int]
    unnamed: Mapping[str, int]
    unrecorded: tuple[str, ...]
    blocked: tuple[str, ...]
    entries: int

    @property
    def open_ends(self) -> bool:
        """Tell whether anything is left that somebody must look at."""
        return bool(self.left or self.unnamed or self.unrecorded or self.blocked)

    @property
    def counts(self) -> tuple[Count, ...]:
        """What would be done, by table and action."""
        return _summed(count for one in self.again for count in one.measured.counts)


@dataclass(frozen=True, slots=True)
class Repeated:
    """What a replay did."""

    store: str
    run: str
    erasures: int
    counts: tuple[Count, ...]
    remaining: int


@dataclass
class _Found:
    """The entries of one erasure, as they were met in the stream."""

    identifiers: dict[tuple[str, str], None] = field(default_factory=dict, repr=False)
    spared: dict[str, list[tuple[object, ...]]] = field(default_factory=dict, repr=False)


def plan(project: Project, store: str, taken_at: datetime, *, untouched: bool = False) -> Planned:
    """Find what is to be erased again in a store whose backup was taken at a moment; change nothing.

    `untouched` says that nobody has written to the store since it was restored: then a row
    that cannot be dated is older than the erasure of whom it names.
    """
    ledger, now = project.ledger, project.clock()
    if taken_at > now:
        raise NotAllowedError("The backup cannot have been taken after now. Give the moment it was taken at.")
    _store(project, store)
    today = now.date()
    known = {one.id: one for one in memory.since(ledger, store, taken_at, today)}
    found: dict[str, _Found] = {ident: _Found() for ident in known}
    left: dict[str, int] = {}
    unnamed: dict[str, int] = {}
    entries = 0
    shown: dict[str, Replays] = {}
    marked = memory.marker(ledger, store)
    for sha in sorted({one.map_sha256 for one in known.values()}):
        with_map = _opened(project, sha, shown)
        for entry, marks in _recognised(project, with_map, marked, taken_at, today):
            entries += 1
            erase = with_map.map.tables[entry.table].erase
            removes = erase is not None and isinstance(erase.do, Delete)
            for ident in marks:
                if known[ident].map_sha256 == sha:
                    older = is_older(entry, *marks[ident], known[ident].hour.date(), untouched=untouched)
                    _sort(entry, found[ident], left, unnamed, older=older, removes=removes)
    again: list[Again] = []
    blocked: list[str] = []
    for ident, one in known.items():
        if not found[ident].identifiers:
            continue
        with_map = _opened(project, one.map_sha256, shown)
        theirs = instruction.recorded_in(with_map.map.written)
        who = Who(f"replay {ident}", tuple(found[ident].identifiers), theirs)
        places = {table: tuple(rows) for table, rows in found[ident].spared.items()}
        spared = Spared(places, one.hour.date(), today)
        passed_by = with_map.left([who], spared)
        for table, rows in passed_by.items():
            left[table] = max(left.get(table, 0), 0) + max(0, rows - len(places.get(table, ())))
        try:
            measured = with_map.measure([who], today, spared)
        except NotAllowedError as error:  # newer rows hang on older ones: an account that is in use again
            blocked.append(str(error))
            continue
        if any(count.verb != "retain" for count in measured.counts):
            again.append(Again(ident, one.hour, one.map_sha256, who, spared, measured, passed_by))
    for extra in shown.values():
        extra.close()
    sha = plan_erasure.fingerprint(
        {one.id: [one.measured.plan_sha256, plan_erasure.counts_facts(one.measured.counts)] for one in again}
        | {"store": store}
    )
    return Planned(
        store,
        taken_at,
        sha,
        len(known),
        tuple(again),
        dict(sorted(left.items())),
        dict(sorted(unnamed.items())),
        _unrecorded(project, store, taken_at, len(known)),
        tuple(blocked),
        entries,
    )


def _store(project: Project, store: str) -> Replays:
    if store not in project.maps:
        raise NotFoundError(
            f"There is no store called {store[:40]!r} in this project. It has: {', '.join(project.maps)}."
        )
    opened = replaying(project.stores[store])
    if opened is None:
        raise NotAllowedError(
            f"Erasures in the store `{store}` cannot be repeated: its kind, `{project.maps[store].kind}`, keeps "
            "no marks. Erase those people again by hand."
        )
    if opened.map.backups_expire is None:
        raise NotAllowedError(
            f"The map of the store `{store}` does not say how long its backups live, so nothing was kept to repeat "
            "its erasures by. Write `backups_expire:` in the map; for now, erase those people again by hand."
        )
    return opened


def _recognised(
    project: Project, opened: Replays, marked: memory.Marker, taken_at: datetime, today: date
) -> Iterator[tuple[Entry, Mapping[str, tuple[bool, bool]]]]:
    """Yield each entry that a replay has marked, with (by its key, by an identifier) for each of them."""
    stream = opened.entries()
    while portion := list(islice(stream, AT_ONCE)):
        asked = {pair for entry in portion for pair in _pairs(entry)}
        known = memory.known(project.ledger, marked, sorted(asked), taken_at, today)
        if not known:
            continue
        for entry in portion:
            by_key = (
                known.get(memory.of_key(entry.table, entry.key), frozenset()) if entry.key else frozenset()
            )
            named: frozenset[str] = frozenset().union(
                *(known.get(memory.of_identifier(*one), frozenset()) for one in entry.identifiers)
            )
            if by_key | named:
                yield entry, {ident: (ident in by_key, ident in named) for ident in sorted(by_key | named)}


def _pairs(entry: Entry) -> list[memory.Pair]:
    pairs = [memory.of_identifier(*one) for one in entry.identifiers]
    return pairs + ([memory.of_key(entry.table, entry.key)] if entry.key else [])


def _sort(
    entry: Entry,
    found: _Found,
    left: dict[str, int],
    unnamed: dict[str, int],
    *,
    older: bool,
    removes: bool,
) -> None:
    """Put a marked entry with what is erased again, or with what is left."""
    if (
        not entry.identifiers
    ):  # it names nobody: the erasure has been here, unless it would have removed the row
        if removes:
            unnamed[entry.table] = unnamed.get(entry.table, 0) + 1
    elif older:
        found.identifiers.update(dict.fromkeys(entry.identifiers))
    else:
        found.spared.setdefault(entry.table, []).append(entry.place)
        left[entry.table] = left.get(entry.table, 0) + 1


def is_older(entry: Entry, by_key: bool, named: bool, on: date, *, untouched: bool) -> bool:
    """Tell whether a row is what an erasure of that day had erased.

    Its date decides where it has one on another day; else its key: nobody else has had it.
    A key alone, under another identifier, is enough only where keys are not given again.
    """
    if entry.day is not None and entry.day != on:
        dated_before = entry.day < on
        return dated_before and (named or not entry.key_given_again)
    if by_key:
        return named or not entry.key_given_again
    return untouched


def _opened(project: Project, map_sha256: str, shown: dict[str, Replays]) -> Replays:
    """Open a store by the map that an erasure was recorded with, and the credentials of now."""
    if map_sha256 not in shown:
        described, problems = read_map(memory.map_written(project.ledger, map_sha256), "the map of that time")
        if described is None:
            raise WrongFileError(problems)
        current = project.maps[described.store]
        described = exemption.keeping(described, exemption.kept_in(described.written), project.clock().date())
        opened = project.open_store(project.settings, replace(described, credentials=current.credentials))
        assert isinstance(opened, Replays)
        shown[map_sha256] = opened
    return shown[map_sha256]


def _unrecorded(project: Project, store: str, taken_at: datetime, recorded: int) -> tuple[str, ...]:
    """Return the requests erased in a store since then, where more were than left marks.

    Marks name no request, so only their number can be compared.
    """
    steps: dict[str, str] = {}
    for event in read.events(project.ledger, kind="act_ended"):
        facts = event.facts
        if facts["store"] != store or facts["outcome"] == "rolled_back" or facts["claim"] == CLAIM:
            continue
        if event.at > taken_at:
            step = str(facts["step"])
            steps[step] = event.request or step.partition("/")[0]
    return tuple(sorted(set(steps.values()))) if len(steps) > recorded else ()


def repeat(
    project: Project, planned: Planned, *, staff: str = "troth", stop_at: StopAt = lambda _: None
) -> Repeated:
    """Carry a planned replay out, one erasure after the other; say it again after an interruption.

    Raises ConflictError, with nothing changed for that erasure, when the store changed since
    it was planned.
    """
    store, today, run = planned.store, project.clock().date(), secrets.token_hex(5)
    opened = _store(project, store)
    done: list[Count] = list(take_up(project, store, planned))
    shown: dict[str, Replays] = {}
    remaining = 0
    for one in planned.again:
        with_map = _opened(project, one.map_sha256, shown)
        step = f"replay/{run}/{one.id}"
        begun: dict[str, Fact] = {
            "step": step,
            "claim": CLAIM,
            "store": store,
            "plan_sha256": one.measured.plan_sha256,
            "lease": None,
        }
        append.append(project.ledger, [Draft("act_begun", _stream(store), begun, actor=staff)])
        stop_at("begun")
        try:
            acted = _acted(project, with_map, step, one, today, begun, staff)
        except PartlyDoneError as part:
            _end(project, store, step, part.acted, staff, outcome="partly")
            raise part.because from None
        except ConflictError:
            _end(project, store, step, None, staff)
            raise
        stop_at("acted")
        _end(project, store, step, acted, staff, _backups_end(opened, today))
        left = with_map.gone([one.who], today, one.spared)
        facts: dict[str, Fact] = {
            "step": step,
            "store": store,
            "keys_checked": acted.keys_checked,
            "remaining": left,
        }
        append.append(
            project.ledger, [Draft("verified", _stream(store), facts, actor=staff)], once=f"verified {step}"
        )
        stop_at("verified")
        done += acted.counts
        remaining += left
    for extra in shown.values():
        extra.close()
    return Repeated(store, run, len(planned.again), _summed(done), remaining)


def _acted(
    project: Project,
    with_map: Replays,
    step: str,
    one: Again,
    today: date,
    begun: Mapping[str, Fact],
    staff: str,
) -> Acted:
    """Erase again; where the store keeps no step, record first what is about to be done."""
    if with_map.limits().remembers or not isinstance(with_map, Intending):
        return with_map.act(step, [one.who], today, one.measured, 0, one.spared)

    def about_to(acted: Acted) -> None:
        facts = {**begun, "rows": plan_erasure.counts_facts(acted.counts)}
        append.append(project.ledger, [Draft("act_begun", _stream(one.measured.store), facts, actor=staff)])

    return with_map.act(step, [one.who], today, one.measured, 0, one.spared, about_to=about_to)


def _stream(store: str) -> str:
    return f"replay/{store}"


def _backups_end(opened: Replays, today: date) -> date | None:
    period = opened.map.backups_expire
    return None if period is None else end_of(period, today)


def _end(
    project: Project,
    store: str,
    step: str,
    acted: Acted | None,
    staff: str,
    expires: date | None = None,
    outcome: str = "",
) -> None:
    facts: dict[str, Fact] = {
        "step": step,
        "claim": CLAIM,
        "store": store,
        "outcome": outcome or ("committed" if acted else "rolled_back"),
        "rows": plan_erasure.counts_facts(acted.counts) if acted else [],
        "certainty": acted.certainty if acted else ("at_least_once" if outcome else "exactly_once"),
        "grade": acted.grade if acted else "nothing_found",
        "expires": expires.isoformat() if expires else None,
        "resumed": acted.resumed if acted else False,
    }
    draft = Draft("act_ended", _stream(store), facts, actor=staff)
    ident = step.rpartition("/")[2]
    anew = memory.repeated(ident, project.clock(), expires) if acted and expires else None
    append.append(project.ledger, [draft], once=f"ended {step}", also=anew)


def take_up(project: Project, store: str, planned: Planned | None = None) -> Sequence[Count]:
    """Record the end of each step that a killed run had begun, by what the store remembers; return its rows.

    Where it remembers none, what the run was about to do and is `planned` no more counts as done at least once; it
    waits for a plan.
    """
    opened = _store(project, store)
    ended: set[str] = set()
    begun: dict[str, Sequence[Any]] = {}
    for event in read.stream(project.ledger, _stream(store)):
        if event.kind == "act_begun":
            begun[str(event.facts["step"])] = event.facts.get("rows") or ()  # type: ignore[assignment]
        elif event.kind == "act_ended":
            ended.add(str(event.facts["step"]))
    counts: list[Count] = []
    left = {one.id: one.measured.counts for one in planned.again} if planned is not None else {}
    for step, rows in begun.items():
        if step not in ended:
            acted = next(iter(opened.steps(step)), None)
            ident = step.rpartition("/")[2]
            if acted is None and rows and planned is None:
                continue
            if acted is None and rows and planned is not None and (ident in left or not planned.blocked):
                before = plan_erasure.counts_of(rows)
                acted = with_earlier(nothing(store, step, ""), before, left.get(ident, ()))
            unknown = (
                "" if opened.limits().remembers else "cut_short"
            )  # what of it was done is repeated, or gone
            _end(project, store, step, acted, "troth", _backups_end(opened, project.clock().date()), unknown)
            counts += acted.counts if acted else ()
    return counts


def _summed(counts: Iterable[Count]) -> tuple[Count, ...]:
    """Add counts up by table and action; a retained table until its last end."""
    total: dict[tuple[str, str, str], Count] = {}
    for count in counts:
        key = count.table, count.verb, count.legal
        before = total.get(key)
        until = max((day for day in (count.until, before.until if before else None) if day), default=None)
        total[key] = replace(count, rows=count.rows + (before.rows if before else 0), until=until)
    return tuple(total[key] for key in sorted(total))
