"""Restrict: mark a subject's rows, or set their values aside, until it is lifted.

Danger: values leave the store.  What prevents loss: they are in the vault, committed, before
they are emptied, and only what still equals what was saved is emptied; `lift` puts them back.

Law: GDPR Art. 18(1) and (2), Art. 4(3), recital 67.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from troth.errors import ConflictError, NotAllowedError
from troth.ledger import append, read
from troth.rules import set_aside
from troth.rules.event import Fact
from troth.rules.map import Flag, MapTable
from troth.stores.amend import Amendment, Cell, Standing
from troth.stores.contract import Who
from troth.work import amend_rows
from troth.work.amend_rows import AmendmentFile, Measured, StopAt, nowhere
from troth.work.project import Project

FAMILY = "restriction"
OVER = ("measured", "lifted")


def measure(
    project: Project,
    identifiers: Sequence[tuple[str, str]],
    ground: str,
    *,
    shared: bool = False,
    staff: str = "",
) -> AmendmentFile:
    """Measure what a restriction would do in every store and record the plan; nothing is changed.

    Raises NotAllowedError for another ground than the law's, and where the subject is
    restricted already.
    """
    if ground not in set_aside.GROUNDS:
        known = ", ".join(f"{name} ({law})" for name, law in set_aside.GROUNDS.items())
        raise NotAllowedError(f"A restriction has one of these grounds: {known}.")
    who = amend_rows.subject_of(project, identifiers)
    _refuse_second(project, who.subject)
    measured = [_measured(project, name, who, shared=shared) for name in sorted(project.stores)]
    measured += [Measured(name, (), by_hand=True) for name in sorted(project.manual)]
    payload: dict[str, Fact] = {"ground": ground, "shared": shared}
    return amend_rows.open_plan(project, FAMILY, who, measured, payload, staff)


def approve(project: Project, name: str, plan_sha256: str, staff: str) -> AmendmentFile:
    """Approve a measured plan."""
    found = amend_rows.load(project, FAMILY, name)
    if found.state["status"] == "measured":
        _refuse_second(project, str(found.state["subject"]))
    return amend_rows.approve(project, found, plan_sha256, staff)


def restrict(
    project: Project, name: str, *, provisional: bool = False, stop_at: StopAt = nowhere
) -> AmendmentFile:
    """Carry out an approved restriction, from wherever it stands to where it is active, or provisional."""
    found = amend_rows.load(project, FAMILY, name)
    if found.state["status"] == "measured":
        raise NotAllowedError(
            f"The restriction {name} is not approved yet. Look at its plan and approve that."
        )
    if found.state["status"] != "approved":
        return found
    payload = amend_rows.payload_of_plan(project, found)
    who = amend_rows.who_of(found, payload)
    for store in sorted(found.state["plan"]["stores"]):
        told = found.state["stores"].get(store, {})
        if told.get("done") is None and found.state["plan"]["stores"][store]["counts"]:
            _restrict(project, found, store, who, shared=payload["shared"], stop_at=stop_at)
            found = amend_rows.load(project, FAMILY, name)
    state = "provisional" if provisional else "active"
    facts: dict[str, Fact] = {"claim": name, "state": state, "ground": payload["ground"]}
    append.append(project.ledger, [found.draft("restriction_moved", facts)], once=f"{state} {found.stream}")
    stop_at(state)
    return amend_rows.load(project, FAMILY, name)


def confirm(project: Project, name: str) -> AmendmentFile:
    """Let a provisional restriction be active: somebody decided that it is owed; one that is stays so."""
    found = amend_rows.load(project, FAMILY, name)
    if found.state["status"] == "provisional":
        facts: dict[str, Fact] = {"claim": name, "state": "active", "ground": found.state["ground"]}
        append.append(
            project.ledger, [found.draft("restriction_moved", facts)], once=f"active {found.stream}"
        )
    return amend_rows.load(project, FAMILY, name)


def standing(project: Project) -> list[AmendmentFile]:
    """Return every restriction that is not lifted, the oldest first."""
    return [
        AmendmentFile(found.stream, found.version, found.body)
        for found in read.states(project.ledger, FAMILY)
        if found.status not in OVER
    ]


def _restrict(
    project: Project, found: AmendmentFile, store: str, who: Who, *, shared: bool, stop_at: StopAt
) -> None:
    done, _ = amend_rows.act(
        project,
        found,
        store,
        lambda: _measured(project, store, who, shared=shared),
        stop_at,
        set_aside=True,
    )
    facts = amend_rows.ended(found, store, done.step, "committed", done)
    append.append(project.ledger, [found.draft("act_ended", facts)], once=f"ended {done.step}")
    stop_at(f"restricted {store}")


def _refuse_second(project: Project, subject: str) -> None:
    for other in read.states(project.ledger, FAMILY):
        if other.body["subject"] == subject and other.status not in OVER:
            name = other.stream.partition("/")[2]
            raise ConflictError(
                f"This subject is restricted already, under {name} ({other.status}). Lift that first, or leave it."
            )


def _measured(project: Project, store: str, who: Who, *, shared: bool) -> Measured:
    wanted = set_aside.wanted(project.maps[store])
    opened = project.stores[store]
    covered = opened.limits().amends
    uncovered = Counter(row.table for row in opened.find([who]) if row.table not in wanted or not covered)
    missing = tuple(sorted(uncovered.items()))
    if not covered or not wanted:
        return Measured(store, (), uncovered=missing)
    left: Counter[str] = Counter()
    amendments = []
    amending = amend_rows.amending(project, store)
    for row in amending.standing([who], wanted, copies=False):
        if row.shared and not shared:
            left[row.table] += 1
            continue
        table = project.maps[store].tables[row.table]
        active = amending.coded(table.restriction.active) if isinstance(table.restriction, Flag) else None
        cells = _cells(row, table, active)
        if cells:
            amendments.append(Amendment(row.table, row.key, cells, row.witness))
    settled, tried = amending.try_out(amendments, on_conflict="stop")
    due = [
        Amendment(each.table, each.key, cells, each.witness)
        for each in settled
        if (cells := tuple(cell for cell in each.cells if cell.before != cell.after))
    ]
    effects = tuple((each.table, each.verb, each.rows) for each in tried.side_effects)
    return Measured(store, tuple(due), effects, tuple(sorted(left.items())), missing)


def _cells(row: Standing, table: MapTable, active: str | None) -> tuple[Cell, ...]:
    if isinstance(table.restriction, Flag):
        return tuple(Cell(name, before, active) for name, before in row.values.items())
    return tuple(Cell(name, before, None) for name, before in row.values.items() if before is not None)
