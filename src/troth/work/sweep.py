"""Sweep what has outlived its retention: count it, mark it, wait, then let it go in bounded batches.

Danger: acting destroys rows for good.  What prevents loss: nothing goes that was not marked, by
somebody, at least the grace of its promise before; what is due is fixed by the day of marking, and
a promise that was changed since stops it; a legal hold, a restriction and an open request for the
data are looked for anew before each batch; each batch is one transaction with a step of its own,
so a run that was killed goes on where it was and takes no row twice; no more rows of its table go
than were marked, and another table or action than was measured stops it.

Law: GDPR Art. 5(1)(e); Art. 18(2); Art. 17(3)(e).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from troth.errors import ConflictError, NotAllowedError, NotFoundError, TrothError, UnreachableError
from troth.ledger import append, lease, read, rows_in_hand
from troth.ledger.lease import Lease
from troth.policy.publishing import promise_sha256
from troth.rules import sweep as rules
from troth.rules.event import Draft, Event, Fact
from troth.rules.sweep import FAMILY, Bound
from troth.stores.contract import (
    Acted,
    Archives,
    Batch,
    Count,
    Expiry,
    InHand,
    IntendingSweeps,
    KeepsListing,
    Overdue,
    Part,
    Parted,
    PartlyDoneError,
    Replays,
    SideEffect,
    Sweeps,
    Swept,
    Verb,
    Who,
    WrittenMeanwhileError,
    batch_step,
)
from troth.work import hold, tell_owners
from troth.work.establishment import day_here
from troth.work.kept_back import kept_back
from troth.work.project import Project

if TYPE_CHECKING:
    from sqlalchemy import Connection

BATCH_ROWS = 50_000
ROWS_MEASURED_MAX = 50_000
"""How many rows of a sweep are tried at marking; what happens beside more of them is reckoned from these."""
BATCH_ROWS_MAX = 1_000_000_000
"""More than any table has: what bounds a batch is what its store says, and what is asked for."""
BATCHES_MAX = 100_000
LEASE_SECONDS = 300.0
SLOWLY_SECONDS = 1_800.0
"""How long a worker has a batch in hand whose rows go one by one; an interface may be slow."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is due of one promise in one table today; `why_not` where its rows cannot be counted or must stay."""

    bound: Bound
    before: date | None
    overdue: Overdue
    state: Mapping[str, Any]
    why_not: str = ""
    beyond: tuple[str, ...] | None = (
        None  # of an archive: roles that read it though the map does not name them
    )
    uncounted: bool = False  # its store is away, or has no such column, so that `why_not` says what to do


@dataclass(frozen=True, slots=True)
class Marked:
    """A sweep that was marked: its run, its rows by table and action, and from which day it may act."""

    bound: Bound
    run: str
    rows: int
    counts: tuple[Count, ...]
    grace_ends: date
    side_effects: tuple[
        SideEffect, ...
    ] = ()  # what cascades and triggers change besides, as far as it was measured


@dataclass(frozen=True, slots=True)
class Done:
    """What a run of a sweep took, and how many rows stay because something holds them."""

    bound: Bound
    run: str
    rows: int
    held: int
    unknown: int = 0  # that were in hand when a batch was cut short and nobody could look: they may have gone


def look(project: Project, wanted: Sequence[str] = (), *, record: bool = True) -> tuple[Found, ...]:
    """Count what is due of every promise that a map binds (or of these sweeps), and record the counts."""
    others = kept_back(project)
    found = [_look(project, one, others) for one in _wanted(project, wanted)]
    if record:
        drafts = [_measured(project, one) for one in found if not one.why_not and _news(project, one)]
        for start in range(0, len(drafts), 100):
            append.append(project.ledger, drafts[start : start + 100])
    return tuple(found)


def mark(
    project: Project,
    wanted: Sequence[str] = (),
    *,
    staff: str,
    confirmed: bool = False,
    stop_at: Callable[[str], object] = lambda _: None,
) -> tuple[Marked | Found, ...]:
    """Mark what is due, so that it goes once the grace is over; return what could not be marked as found.

    `confirmed` marks one that takes far more than the last time, or many rows as the first.
    """
    others = kept_back(project)
    said: list[Marked | Found] = []
    for one in _wanted(project, wanted):
        found = _look(project, one, others)
        waits = found.state.get("status") in {"marked", "acting"}
        if found.why_not or not found.overdue.rows or waits:
            said.append(found)
            continue
        last = rules.last_rows(one, version_of(one), found.state)
        if rules.asks(found.overdue.rows, last) and not confirmed:
            before = "nothing went by this promise as it stands" if last is None else f"the last took {last}"
            why = f"it would take {found.overdue.rows} rows, and {before}: look, then add --confirm"
            said.append(Found(one, found.before, found.overdue, found.state, why))
            continue
        said.append(_mark(project, found, others, staff))
    stop_at("marked")
    if any(isinstance(one, Marked) for one in said):
        tell_owners.tell(project)  # who cannot be told now is told by the worker
    return tuple(said)


def act(
    project: Project,
    wanted: Sequence[str] = (),
    *,
    staff: str = "troth",
    batch_rows: int = BATCH_ROWS,
    advance: Callable[[int], object] = lambda _: None,
    stop_at: Callable[[str], object] = lambda _: None,
) -> Iterator[Done | TrothError]:
    """Carry out the marked sweeps whose grace is over; one that cannot be is yielded as its error.

    What was cut short goes on; what another worker has is passed by.
    """
    for one in _wanted(project, wanted):
        state, today = _state(project, one), today_of(project, one).isoformat()
        if state.get("status") not in {"marked", "acting"} or str(state["due"]) > today:
            continue
        taken = lease.claim(project.ledger, one.stream, LEASE_SECONDS)
        if taken is None:
            continue
        try:
            yield _act(project, one, taken, staff, batch_rows, advance, stop_at)
        except TrothError as error:
            yield error
        finally:
            store = project.stores[one.store]
            if isinstance(store, KeepsListing):
                store.sweep_over()
            lease.release(project.ledger, taken)


def in_hand(project: Project, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the marked sweeps that may act that another worker has in hand, or had when it was just killed."""
    return tuple(
        one.name
        for one in _wanted(project, wanted)
        if (state := _state(project, one)).get("status") in {"marked", "acting"}
        and str(state["due"]) <= today_of(project, one).isoformat()
        and lease.goes_on(project.ledger, one.stream)
    )


def stop(project: Project, name: str, reason: str, staff: str) -> Mapping[str, Any]:
    """Stop a sweep that was marked, also one that is under way; what has gone is gone.

    Raises NotFoundError where there is none of that name, NotAllowedError where nothing is to be stopped.
    """
    one = named(project, name)
    state = _state(project, one)
    if state.get("status") not in {"marked", "acting"}:
        raise NotAllowedError(f"Nothing of {name} is marked: there is nothing to stop.")
    if not reason.strip():
        raise NotAllowedError("Say why it is stopped, in words.")
    if not lease.goes_on(
        project.ledger, one.stream
    ):  # else whoever has the batch in hand tells what went of it
        try:
            _record_cut_short(project, one, state, staff)
        except TrothError:  # whoever stops it does not wait for a store that is away
            _record_cut_short(project, one, state, staff, look=False)
    _stopped(project, one, _state(project, one), "by_staff", staff, {"reason": reason.strip()})
    return _state(project, one)


def every(project: Project) -> tuple[Mapping[str, Any], ...]:
    """Return the state of every sweep there was."""
    return tuple(found.body for found in read.states(project.ledger, FAMILY))


def named(project: Project, name: str) -> Bound:
    """Return the sweep of a name; raises NotFoundError where there is none."""
    every = tuple(rules.bound(project.policy, project.maps))
    for one in every:
        if one.name == name:
            return one
    there = ", ".join(one.name for one in every) or "none: bind a promise under `retention` in a map"
    raise NotFoundError(f"There is no sweep {name[:60]!r}. There are: {there}.")


def marked_by(project: Project, one: Bound) -> str:
    """Return who marked the run that waits or goes on; empty where none does."""
    if _state(project, one).get("status") not in {"marked", "acting"}:
        return ""
    marked = [event for event in course(project, one) if event.facts["state"] == "marked"]
    return marked[-1].actor if marked else ""


def course(project: Project, one: Bound) -> tuple[Event, ...]:
    """Return what happened to the sweeps of a promise in a table, in order, but that it was counted."""
    return read.stream_without(project.ledger, one.stream, "measured")


def _wanted(project: Project, wanted: Sequence[str]) -> tuple[Bound, ...]:
    """Return the sweeps of these names or stores, or all; raises NotFoundError where there is none of a name."""
    every = tuple(rules.bound(project.policy, project.maps))
    known = {one.name: one for one in every}
    stores = {one.store for one in every}
    for name in wanted:
        if name not in known and name not in stores:
            there = ", ".join(known) or "none: bind a promise under `retention` in a map"
            raise NotFoundError(f"There is no sweep {name[:60]!r}. There are: {there}.")
    return tuple(one for one in every if not wanted or one.name in wanted or one.store in wanted)


def today_of(project: Project, one: Bound) -> date:
    """Return the day it is where the controller of a store is established.

    Of a store that companies share it is the day of the one whose midnight comes last.
    """
    return min(_days(project, one).values())


def _days(project: Project, one: Bound) -> Mapping[str, date]:
    """Return the day it is where each controller of a store is established, by the value that names it there.

    Where the values of a shared store are no names of companies, any company of the group may be meant: then it is
    one day for all, that of the company whose midnight comes last.
    """
    mapped, group = project.maps[one.store], project.policy.group
    known = {str(entity.key) for entity in group.entities} if group is not None else set()
    rows = mapped.controllers
    named = {str(value) for value in rows.ours} if rows is not None else {str(mapped.controller)}
    if named and named <= known:
        return {entity: day_here(project, entity) for entity in named}
    return {"": min((day_here(project, entity) for entity in known), default=day_here(project))}


def _expiry(project: Project, one: Bound, marked: Mapping[str, Any] | None = None) -> Expiry:
    """Return which rows have ended: by the day it is where each controller is, as of the day they were `marked`."""
    each = {name: one.before(day) for name, day in _days(project, one).items()}
    if marked is not None:
        latest = date.fromisoformat(marked["before"])
        then = {name: date.fromisoformat(day) for name, day in (marked.get("before_of") or {}).items()}
        each = {
            name: min(day, then.get(name, min(then.values(), default=latest))) for name, day in each.items()
        }
    apart = tuple(sorted(each.items())) if len(set(each.values())) > 1 else ()
    return Expiry(one.table, one.trigger, max(each.values()), one.archive, apart)


def _look(project: Project, one: Bound, others: Sequence[Who]) -> Found:
    state, today = _state(project, one), today_of(project, one)
    store = project.stores[one.store]
    why_not = one.why_not
    why_not = why_not or unswept(project, one.store)
    held = rules.held_by(one, project.maps[one.store], hold.in_force(project))
    if held:
        why_not = f"the legal hold {held} is about it"
    if why_not or not isinstance(store, Sweeps):
        return Found(one, None, Overdue(0, None), state, why_not)
    expiry = _expiry(project, one)
    before = expiry.before
    try:
        overdue = store.overdue(expiry, others, today)
        beyond = store.beyond(one.table) if one.archive_of and isinstance(store, Archives) else None
    except (UnreachableError, NotFoundError) as error:  # one store that is away holds up no other
        return Found(one, before, Overdue(0, None), state, str(error).rstrip("."), uncounted=True)
    return Found(one, before, overdue, state, beyond=beyond)


def unswept(project: Project, name: str) -> str:
    """Say why nothing of a store is swept by its maps' promises, as the end of a sentence; empty where it can be."""
    store, kind = project.stores[name], project.maps[name].kind
    if isinstance(store, Sweeps):
        return store.unswept()
    if kind == "logs":
        return f"logs are swept by `troth logs sweep {name}`"
    return f"stores of kind {kind} cannot be swept: let whoever runs it do so, and open an action for it"


def _mark(project: Project, found: Found, others: Sequence[Who], staff: str) -> Marked | Found:
    one, store, today = found.bound, project.stores[found.bound.store], today_of(project, found.bound)
    assert isinstance(store, Sweeps)
    expiry = _expiry(project, one)
    try:
        measured = store.measure_sweep(expiry, others, today)
    except NotAllowedError as error:
        return replace(found, why_not=str(error).rstrip("."))
    except (UnreachableError, NotFoundError) as error:  # one store that is away holds up no other
        return replace(found, why_not=str(error).rstrip("."), uncounted=True)
    counts = tuple(count for count in measured.counts if count.verb != "retain")
    tables = [count.table for count in counts]
    held = rules.held_by(one, project.maps[one.store], hold.in_force(project), tables)
    if held:
        return replace(found, why_not=f"the legal hold {held} is about what goes with it")
    run, ends = secrets.token_hex(5), one.grace.after(today)
    allowed = dict.fromkeys([f"{count.table}:{count.verb}" for count in counts])
    if one.archive:  # also where every row still waits for what belongs to it
        allowed[f"{one.table}:archive"] = None
    draft = _draft(
        project, one, "marked", run, found.overdue.rows, staff,
        oldest=_written(found.overdue.oldest), cap=found.overdue.rows, grace_ends=ends.isoformat(),
        before=expiry.before.isoformat(), allowed=list(allowed), trigger=one.trigger,
        beside=[_beside(effect, found.overdue.rows) for effect in measured.side_effects],
        **({"before_of": {name: day.isoformat() for name, day in expiry.of}} if expiry.of else {}),
    )  # fmt: skip
    version = read.state(project.ledger, one.stream)
    append.append(project.ledger, [draft], expect={one.stream: version.version if version else 0})
    return Marked(one, run, found.overdue.rows, counts, ends, measured.side_effects)


def _beside(effect: SideEffect, rows: int) -> str:
    """Write how many rows may change beside a sweep; where only some of its rows were tried, so many more."""
    tried = min(rows, ROWS_MEASURED_MAX)
    return f"{effect.table}:{effect.verb}:{-(-effect.rows * rows // tried)}"


def _act(
    project: Project,
    one: Bound,
    taken: Lease,
    staff: str,
    batch_rows: int,
    advance: Callable[[int], object],
    stop_at: Callable[[str], object],
) -> Done:
    store, today = project.stores[one.store], today_of(project, one)
    if not isinstance(store, Sweeps):
        raise NotAllowedError(f"The sweep {one.name} waits: its store cannot be swept.")
    _take_up(project, one, taken, staff)
    state = _state(project, one)
    _go_on(project, one, state, staff)
    expiry = _expiry(project, one, state)
    allowed = {_pair(written) for written in state["allowed"]}
    batch, swept, passed = int(state["batch"]), int(state["swept"]), 0
    unknown, limits = int(state.get("unknown", 0)), store.limits()
    seconds = SLOWLY_SECONDS if limits.sweep_rows_max else LEASE_SECONDS
    after: int | None = None
    for part in _outlived(project, store, expiry, allowed, today):
        _go_on(project, one, state, staff)
        if swept + part.rows > int(state["rows"]):
            break  # no more go than were marked: the rest is looked at row by row
        rows = _dropped(project, store, _step(state, batch + 1), expiry, part, today)
        if rows is None:
            continue
        batch, swept = batch + 1, swept + rows
        stop_at(f"batch {batch}")
        lease.renew(project.ledger, taken, LEASE_SECONDS)
        draft = _draft(project, one, "acting", state["run"], rows, staff, batch=batch, part=part.name)
        append.append(project.ledger, [draft], lease=taken)
        stop_at(f"batch {batch} recorded")
        advance(rows)
    for _ in range(BATCHES_MAX):
        if swept + unknown >= int(state["rows"]):
            break
        _hold(project, one, taken, seconds)
        now = _go_on(project, one, state, staff)
        batch, others = batch + 1, kept_back(project)
        left = int(state["rows"]) - swept - unknown
        journal = _Journal(project, one, state["run"], batch, taken, staff, seconds, stop_at)
        try:
            beside = rules.left_beside(now, batch)
            at_once = min(max(batch_rows, limits.sweep_rows_min), limits.sweep_rows_max or BATCH_ROWS_MAX)
            portion = Batch(max(1, min(at_once, left)), passed, allowed, beside, after)
            step = _step(state, batch)
            if not limits.remembers and isinstance(store, IntendingSweeps):
                done = store.sweep(step, expiry, others, today, portion, journal=journal)
            else:
                done = store.sweep(step, expiry, others, today, portion)
        except PartlyDoneError as part:  # somebody wrote in between: what went is recorded, the rest is next
            if not isinstance(part.because, ConflictError) and journal.begun:
                raise part.because from None  # what of the row in hand is seen when the batch is taken up
            done = Swept(max(1, part.acted.keys_checked), 0, part.acted)
        except ConflictError as error:
            _stopped(project, one, _state(project, one), "other_rows", staff)
            raise ConflictError(f"The sweep {one.name} was stopped. {error}") from None
        except WrittenMeanwhileError:
            if journal.begun:
                draft = _draft(project, one, "acting", state["run"], 0, staff, batch=batch)
                append.append(project.ledger, [draft], lease=taken, also=journal.over)
            raise
        stop_at(f"batch {batch}")
        gone = _gone(done.acted.counts, one.table)
        if not done.looked and not gone:
            break
        passed, after = passed + done.held, done.last if done.last is not None else after
        swept += gone
        lease.renew(project.ledger, taken, seconds)
        effects: Fact = [f"{effect.table}:{effect.verb}:{effect.rows}" for effect in done.side_effects]
        draft = _draft(
            project,
            one,
            "acting",
            state["run"],
            gone,
            staff,
            batch=batch,
            **({"beside": effects} if effects else {}),
        )
        append.append(project.ledger, [draft], lease=taken, also=journal.over)
        stop_at(f"batch {batch} recorded")
        advance(gone)
    remaining = store.overdue(expiry, kept_back(project), today)
    held = min(passed, remaining.rows)  # what came since was never looked at: it is due, and nothing holds it
    draft = _draft(
        project,
        one,
        "acted",
        state["run"],
        swept,
        staff,
        held=held,
        left=remaining.rows,
        oldest=_written(remaining.oldest),
        **_unknown(unknown),
    )
    append.append(project.ledger, [draft], lease=taken, once=f"swept/{state['run']}")
    return Done(one, state["run"], swept, held, unknown)


@dataclass(slots=True)
class _Journal:
    """What a batch takes of a store that keeps no step, as the ledger writes it down."""

    project: Project
    one: Bound
    run: str
    batch: int
    taken: Lease
    staff: str
    seconds: float
    stop_at: Callable[[str], object]
    begun: bool = False

    def begin(self, acted: Acted, rows: Sequence[InHand]) -> None:
        """Write down what the batch is about to do."""
        _hold(self.project, self.one, self.taken, self.seconds)
        gone = _gone(acted.counts, self.one.table)
        draft = _draft(self.project, self.one, "begun", self.run, gone, self.staff, batch=self.batch)
        counted = [(row.mark, sum(_goes(*deed, self.one.table) for deed in row.deeds)) for row in rows]
        written = rows_in_hand.begun(self.project.ledger, self.step, counted)
        append.append(self.project.ledger, [draft], lease=self.taken, also=written.write)
        self.begun = True
        self.stop_at(f"batch {self.batch} begun")

    def made(self, rows: int) -> None:
        """Write down that the first of them, so many, are done."""
        self.stop_at(f"row {self.batch}.{rows}")
        rows_in_hand.made(self.project.ledger, self.step, rows)

    def over(self, connection: Connection) -> None:
        """Forget it, in the transaction that records what went."""
        rows_in_hand.over(connection, self.step)

    @property
    def step(self) -> str:
        """The step of the batch."""
        return _step({"run": self.run}, self.batch)


def _hold(project: Project, one: Bound, taken: Lease, seconds: float) -> None:
    """Have a run in hand for longer, before anything of its next batch goes."""
    if not lease.renew(project.ledger, taken, seconds):
        raise NotAllowedError(f"Another worker has {one.name} in hand by now: it goes on there.")


def _unknown(rows: int) -> dict[str, Fact]:
    return {"unknown": rows} if rows else {}


def _step(state: Mapping[str, Any], batch: int) -> str:
    """Name the step of a batch, as its store remembers it."""
    return batch_step(str(state["run"]), batch)


def _take_up(project: Project, one: Bound, taken: Lease, staff: str) -> None:
    """Record each batch that its store remembers and the ledger does not: its process was killed in between.

    It may have been a part that was dropped, which is not listed any more, so that its number is
    never given to another part or batch.
    """
    store, state = project.stores[one.store], _state(project, one)
    _record_cut_short(project, one, state, staff, taken)
    for _ in range(BATCHES_MAX if isinstance(store, Replays) else 0):
        assert isinstance(store, Replays)
        state = _state(project, one)
        batch = int(state["batch"]) + 1
        before = next(iter(store.steps(_step(state, batch))), None)
        if before is None:
            return
        rows = _gone(before.counts, one.table)
        draft = _draft(project, one, "acting", state["run"], rows, staff, batch=batch)
        append.append(project.ledger, [draft], lease=taken)


def _record_cut_short(
    project: Project,
    one: Bound,
    state: Mapping[str, Any],
    staff: str,
    taken: Lease | None = None,
    *,
    look: bool = True,
) -> None:
    """Record what went of a batch that was begun and never told, where its store remembers no step.

    Of the row that was in hand, its store is asked whether it stayed; else it may have gone.  The batch goes
    on under its name.
    """
    begun, store = state.get("begun"), project.stores[one.store]
    if not begun:
        return
    batch = int(begun["batch"])
    step = _step(state, batch)
    known = rows_in_hand.left(project.ledger, step)
    gone, unknown = (known.made, known.rows) if known is not None else (0, int(begun["rows"]))
    if look and known is not None and known.mac and isinstance(store, IntendingSweeps):
        stays = rows_in_hand.stayed(project.ledger, known, store.marks())
        gone, unknown = gone + (0 if stays else known.rows), 0
    draft = _draft(project, one, "acting", state["run"], gone, staff, batch=batch - 1, **_unknown(unknown))
    append.append(
        project.ledger, [draft], lease=taken, also=lambda connection: rows_in_hand.over(connection, step)
    )


def _outlived(
    project: Project, store: Sweeps, expiry: Expiry, allowed: Collection[tuple[str, Verb]], today: date
) -> tuple[Part, ...]:
    """Return the parts of a table that may go as a whole: rows are in them, all due, and nothing goes with them."""
    if not isinstance(store, Parted) or set(allowed) != {(expiry.table, "delete")}:
        return ()
    return tuple(part for part in store.outlived(expiry, kept_back(project), today) if part.rows)


def _dropped(
    project: Project, store: Sweeps, step: str, expiry: Expiry, part: Part, today: date
) -> int | None:
    """Drop a part, and return its rows; None where it cannot go as a whole by now, so that rows are looked at."""
    assert isinstance(store, Parted)
    try:
        done = store.drop(step, expiry, part, kept_back(project), today)
    except (
        ConflictError,
        NotAllowedError,
        UnreachableError,
    ):  # a row came, the role owns no table, it is in use, or nobody heard that it went
        steps = store.steps(step) if isinstance(store, Replays) else ()
        return next((_gone(before.counts, expiry.table) for before in steps), None)
    return _gone(done.counts, expiry.table)


def _go_on(project: Project, one: Bound, state: Mapping[str, Any], staff: str) -> Mapping[str, Any]:
    """Return how a run stands by now.

    Raises NotAllowedError where it was stopped, its promise changed, or a hold came up, since its last batch.
    """
    now = _state(project, one)
    if now.get("status") not in {"marked", "acting"} or now["run"] != state["run"]:
        raise NotAllowedError(f"The sweep {one.name} was stopped.")
    other = rules.changed(one, version_of(one), now)
    if other:
        _stopped(project, one, now, "promise_changed", staff)
        raise NotAllowedError(
            f"The sweep {one.name} was stopped: {other}. No more rows go. Look at what is due now, and mark it anew: "
            f"troth sweep mark {one.name}"
        )
    along = [_pair(written)[0] for written in now["allowed"]]
    held = rules.held_by(one, project.maps[one.store], hold.in_force(project), along)
    if one.why_not or held:
        why = one.why_not or f"the legal hold {held} is about it or what goes with it"
        raise NotAllowedError(f"The sweep {one.name} waits: {why}.")
    return now


def _gone(counts: Sequence[Count], table: str) -> int:
    """Return how many rows of the swept table itself went, moved, or were blanked where the map says so."""
    return sum(count.rows for count in counts if _goes(count.table, count.verb, table))


def _goes(table: str, verb: str, swept: str) -> bool:
    """Tell whether what is done to a row of a table takes a row of the swept one."""
    return table == swept and verb in ("delete", "blank", "replace_owner", "archive")


def _pair(written: str) -> tuple[str, Verb]:
    table, _, verb = written.rpartition(":")
    return table, verb  # type: ignore[return-value]


def _stopped(
    project: Project,
    one: Bound,
    state: Mapping[str, Any],
    reason: str,
    staff: str,
    told: Mapping[str, Fact] | None = None,
) -> None:
    draft = _draft(project, one, "stopped", state["run"], state["swept"], staff, reason=reason)
    append.append(project.ledger, [replace(draft, payload=told)])


def _draft(
    project: Project, one: Bound, state: str, run: str, rows: int, staff: str = "troth", **more: Fact
) -> Draft:
    facts: dict[str, Fact] = {
        "state": state, "rule": one.rule.id, "rule_version": version_of(one), "run": run, "rows": rows,
        "store": one.store, "table": one.table, "on": today_of(project, one).isoformat(), **more,
    }  # fmt: skip
    return Draft("sweep_moved", one.stream, facts, actor=staff, promise=one.rule.id)


def version_of(one: Bound) -> str:
    """Return what tells this version of the promise."""
    return promise_sha256(one.rule)[:16]


def _state(project: Project, one: Bound) -> Mapping[str, Any]:
    found = read.state(project.ledger, one.stream)
    return found.body if found is not None else {}


def _measured(project: Project, found: Found) -> Draft:
    one, oldest = found.bound, _written(found.overdue.oldest)
    if one.archive_of:
        rows = found.overdue.rows
        return _draft(project, one, "measured", "", rows, oldest=oldest, beyond=_beyond(found))
    return _draft(project, one, "measured", "", found.overdue.rows, oldest=oldest)


def _beyond(found: Found) -> int | None:
    return len(found.beyond) if found.beyond is not None else None


def _news(project: Project, found: Found) -> bool:
    """Tell whether a count is worth an event: one a day, or another number."""
    known = found.state
    return (
        known.get("measured_on") != today_of(project, found.bound).isoformat()
        or known.get("overdue") != found.overdue.rows
        or known.get("beyond") != _beyond(found)
    )


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None
