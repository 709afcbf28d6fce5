"""Bring back rows that a sweep archived and should not have: the promise was wrong, or the day in a row.

Danger: rows move between tables.  What prevents loss: what was put there is counted before; each
batch of the sweep comes back in one transaction with a step of its own, every row found again by
its key before it leaves the archive; a run that is under way is stopped first, and its batch that was
moved and never recorded comes back too; killed, it is taken up by saying it again with the same keys.

Law: GDPR Art. 5(1)(d) and (f).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append, lease, read
from troth.ledger.keys import own_key
from troth.rules import own_record
from troth.rules.event import Draft, Fact
from troth.rules.sweep import Bound
from troth.stores.contract import Archives, Replays
from troth.work import sweep
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back of a run, and how many rows of it are still in the archive."""

    name: str
    run: str
    rows: int
    left: int


def count(project: Project, name: str, run: str = "") -> Returned:
    """Count the rows that a run of a sweep (the last one, if none is named) archived and that are still there."""
    one, run, store, steps = _found(project, name, run)
    return Returned(name, run, 0, sum(store.put_by(one.archive, step) for step in steps))


def unarchive(
    project: Project,
    name: str,
    reason: str,
    staff: str,
    *,
    run: str = "",
    keys: Sequence[str] = (),
    stop_at: Callable[[str], object] = lambda _: None,
) -> Returned:
    """Bring back what a run archived, or the rows of it with these primary keys.

    A row whose owner is in an archive itself waits for that one.  Raises NotFoundError where there
    is no such sweep or run, NotAllowedError without a reason or while the run is under way.
    """
    if not reason.strip():
        raise NotAllowedError("Say why the rows come back, in words.")
    taken = lease.claim(project.ledger, sweep.named(project, name).stream, sweep.LEASE_SECONDS)
    if taken is None:
        raise NotAllowedError(
            f"A worker has a batch of {name} in hand. Nothing came back: say it again later."
        )
    try:
        return _brought_back(project, name, reason.strip(), staff, run, keys, stop_at)
    finally:
        lease.release(project.ledger, taken)


def _brought_back(
    project: Project,
    name: str,
    reason: str,
    staff: str,
    run: str,
    keys: Sequence[str],
    stop_at: Callable[[str], object],
) -> Returned:
    one, run, store, steps = _found(project, name, run)
    state = read.state(project.ledger, one.stream)
    assert state is not None
    if state.body["run"] == run and state.body["status"] in {"marked", "acting"}:
        raise NotAllowedError(
            f"The run {run} of {one.name} is under way, and would archive the rows again. Nothing came back: stop it "
            f"first (troth sweep stop {one.name})."
        )
    attempt, today, rows = int(state.body.get("returns", 0)) + 1, sweep.today_of(project, one), 0
    only = f"/{_mark(project, keys)}" if keys else ""
    for number, step in enumerate(steps, 1):
        done = store.bring_back(f"unarchive/{run}/{number}/{attempt}{only}", one.archive, step, keys, today)
        rows += sum(count.rows for count in done.counts)
        stop_at(f"batch {number}")
    facts: dict[str, Fact] = {"rows": rows, "run": run}
    draft = _draft(one, facts, today.isoformat(), staff, reason)
    append.append(project.ledger, [draft], expect={one.stream: state.version})
    return Returned(name, run, rows, sum(store.put_by(one.archive, step) for step in steps))


def _mark(project: Project, keys: Sequence[str]) -> str:
    """Name some rows in a step by a keyed hash: a key of a row may be personal data, and steps stand in the store."""
    _, secret = own_key(project.ledger, "unarchived")
    return hmac.digest(secret, chr(0).join(sorted(keys)).encode(), "sha256").hex()[:12]


def _draft(one: Bound, told: dict[str, Fact], on: str, staff: str, reason: str) -> Draft:
    facts: dict[str, Fact] = {
        "state": "returned", "rule": one.rule.id, "rule_version": sweep.version_of(one), "store": one.store,
        "table": one.table, "on": on, **told,
    }  # fmt: skip
    payload: dict[str, Fact] = {"reason": reason}
    return Draft("sweep_moved", one.stream, facts, actor=staff, promise=one.rule.id, payload=payload,
                 file=own_record.dated("sweep", date.fromisoformat(on)))  # fmt: skip


def _found(project: Project, name: str, run: str) -> tuple[Bound, str, Archives, tuple[str, ...]]:
    one = sweep.named(project, name)
    store = project.stores[one.store]
    if not one.archive or not isinstance(store, Archives):
        raise NotAllowedError(f"{name} archives nothing: no row of it can come back.")
    batches: dict[str, int] = {}
    for event in read.stream(project.ledger, one.stream):
        if event.facts["state"] == "marked":
            batches[str(event.facts["run"])] = 0
        elif event.facts["state"] == "acting":
            batches[str(event.facts["run"])] = int(str(event.facts["batch"]))
    # a process that was killed may have moved one batch more than it recorded
    batches = {each: last for each, last in batches.items() if last or _moved(store, f"sweep/{each}/1")}
    if not batches or (run and run not in batches):
        known = ", ".join(batches) or "none"
        raise NotFoundError(f"{name} has no run {run[:20]!r} that archived anything. There are: {known}.")
    run = run or list(batches)[-1]
    return one, run, store, tuple(f"sweep/{run}/{number}" for number in range(1, batches[run] + 2))


def _moved(store: Archives, step: str) -> bool:
    """Tell whether a store remembers that a step moved anything."""
    return isinstance(store, Replays) and any(before.counts for before in store.steps(step))
