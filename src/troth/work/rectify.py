"""Rectify: put what is right in the place of what is wrong, and in the copies of it.

Measured first, approved by somebody, done store by store; what stood there before is in the
vault, encrypted under a key of this rectification, and so is what stands there now.

Law: GDPR Art. 16; Art. 5(1)(d), accuracy; Art. 19, recipients (told in the request).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from troth.errors import NotAllowedError
from troth.ledger import append, subjects
from troth.rules import rectification
from troth.rules.event import Fact
from troth.rules.rectification import Correction
from troth.stores.amend import Amending, Amendment, Cell, Coded, Standing
from troth.stores.contract import Who
from troth.work import amend_rows
from troth.work.amend_rows import AmendmentFile, Measured, StopAt, nowhere
from troth.work.project import Project

FAMILY = "rectification"


def measure(
    project: Project,
    store: str,
    identifiers: Sequence[tuple[str, str]],
    corrections: Sequence[Correction],
    *,
    supplement: str = "",
    shared: bool = False,
    staff: str = "",
) -> AmendmentFile:
    """Measure what a correction would change in one store and record the plan; nothing is changed.

    `supplement` is a supplementary statement; `shared` lets rows change that somebody else
    holds too.  Raises NotAllowedError with every reason why it cannot be made.
    """
    opened = amend_rows.amending(project, store)
    given = [
        *corrections,
        *(rectification.supplements(project.maps[store], supplement) if supplement else ()),
    ]
    if not given:
        raise NotAllowedError("Nothing is to be corrected. Say what, with --set TABLE.COLUMN=VALUE.")
    wrong = list(rectification.why_not(project.maps[store], project.stores[store].catalogue(), given))
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    who = amend_rows.subject_of(project, identifiers)
    payload: dict[str, Fact] = {
        "corrections": [[each.table, each.column, each.value, each.key] for each in corrections],
        "supplement": supplement,
        "shared": shared,
    }
    measured = _measured(project, opened, store, who, corrections, supplement, shared=shared)
    return amend_rows.open_plan(project, FAMILY, who, [measured], payload, staff)


def approve(project: Project, name: str, plan_sha256: str, staff: str) -> AmendmentFile:
    """Approve a measured plan."""
    return amend_rows.approve(project, amend_rows.load(project, FAMILY, name), plan_sha256, staff)


def rectify(project: Project, name: str, *, stop_at: StopAt = nowhere) -> AmendmentFile:
    """Carry out an approved rectification, from wherever it stands to its end.

    Raises NotAllowedError before it is approved, ConflictError when there is more to change
    than was approved.
    """
    found = amend_rows.load(project, FAMILY, name)
    if found.state["status"] == "measured":
        raise NotAllowedError(
            f"The rectification {name} is not approved yet. Look at its plan and approve that."
        )
    for store in sorted(found.state["plan"]["stores"]):
        told = found.state["stores"].get(store, {})
        if told.get("done") is None:
            _rectify(project, found, store, stop_at)
        if told.get("remaining") is None:
            _verify(project, amend_rows.load(project, FAMILY, name), store)
            stop_at(f"verified {store}")
    return amend_rows.load(project, FAMILY, name)


def _rectify(project: Project, found: AmendmentFile, store: str, stop_at: StopAt) -> None:
    payload = amend_rows.payload_of_plan(project, found)
    corrections = [Correction(*each) for each in payload["corrections"]]
    who = amend_rows.who_of(found, payload)
    opened = amend_rows.amending(project, store)

    def measured() -> Measured:
        return _measured(
            project, opened, store, who, corrections, payload["supplement"], shared=payload["shared"]
        )

    done, amendments = amend_rows.act(project, found, store, measured, stop_at, set_aside=False)
    copies = {(each.table, cell.column) for each in amendments if each.copy for cell in each.cells}
    rows = amend_rows.rows_facts(done)
    facts: dict[str, Fact] = {
        "step": done.step,
        "store": store,
        "rows": [row for row in rows if _place(row) not in copies],
        "copies": [row for row in rows if _place(row) in copies],
    }
    _name(project, store, who.subject, corrections)
    append.append(project.ledger, [found.draft("rectified", facts)], once=f"rectified {done.step}")
    stop_at(f"rectified {store}")


def _name(project: Project, store: str, subject: str, corrections: Sequence[Correction]) -> None:
    """Let a corrected identifier name its subject from now on; the old one goes on to."""
    for each in corrections:
        table = project.maps[store].tables[each.table]
        for identifier in table.subject.identifiers if table.subject is not None else ():
            if identifier.column == each.column and identifier.one_person and each.value:
                subjects.add_identifier(project.ledger, subject, identifier.kind, each.value)


def _place(row: Fact) -> tuple[str, str]:
    assert isinstance(row, list)
    return str(row[0]), str(row[1])


def _verify(project: Project, found: AmendmentFile, store: str) -> None:
    """Look again from another transaction, and record how many values are not what they were made."""
    amendments = amend_rows.saved(project, found, store)
    _, again = amend_rows.amending(project, store).try_out(amendments, on_conflict="leave")
    facts: dict[str, Fact] = {
        "step": found.state["stores"][store]["step"],
        "store": store,
        "keys_checked": len(amendments),
        "remaining": sum(each.rows for each in (*again.counts, *again.conflicts)),
    }
    append.append(project.ledger, [found.draft("verified", facts)], once=f"verified {facts['step']}")


def _measured(
    project: Project,
    opened: Amending,
    store: str,
    who: Who,
    corrections: Sequence[Correction],
    supplement: str,
    *,
    shared: bool,
) -> Measured:
    added = rectification.supplements(project.maps[store], supplement) if supplement else ()
    wanted: dict[str, tuple[str, ...]] = {}
    for each in (*corrections, *added):
        wanted[each.table] = tuple(dict.fromkeys([*wanted.get(each.table, ()), each.column]))
    found = opened.standing([who], wanted, copies=True)
    left: Counter[str] = Counter()
    new: dict[tuple[str, str, tuple[Coded, ...]], Coded] = {}
    amendments = []
    for row in found:
        if row.source is not None:
            continue
        if row.shared and not shared:
            left[row.table] += 1
            continue
        cells = []
        for name, before in row.values.items():
            chosen = _chosen(opened, row, name, corrections)
            if chosen is not None:
                after = opened.coded(chosen.value)
            elif any((each.table, each.column) == (row.table, name) for each in added):
                after = _added(opened, before, supplement)
            else:
                continue
            new[row.table, name, row.key] = after
            cells.append(Cell(name, before, after))
        if cells:
            amendments.append(Amendment(row.table, row.key, tuple(cells), row.witness))
    for row in found:
        if row.source in new:
            assert row.source is not None
            copied = tuple(Cell(name, before, new[row.source]) for name, before in row.values.items())
            amendments.append(Amendment(row.table, row.key, copied, row.witness, copy=True))
    settled, tried = opened.try_out(amendments, on_conflict="stop")
    due = [_changing(each) for each in settled]
    effects = tuple((each.table, each.verb, each.rows) for each in tried.side_effects)
    return Measured(store, tuple(each for each in due if each.cells), effects, tuple(sorted(left.items())))


def _changing(each: Amendment) -> Amendment:
    """Leave out what is right already."""
    cells = tuple(cell for cell in each.cells if cell.before != cell.after)
    return Amendment(each.table, each.key, cells, each.witness, each.copy)


def _chosen(
    opened: Amending, row: Standing, column: str, corrections: Sequence[Correction]
) -> Correction | None:
    """Return the correction of a column in a row: one that names its key goes before one that names none."""
    key = ",".join(str(opened.shown(part)) for part in row.key)
    fitting = [
        each
        for each in corrections
        if (each.table, each.column) == (row.table, column) and each.key in (None, key)
    ]
    return next((each for each in fitting if each.key is not None), fitting[0] if fitting else None)


def _added(opened: Amending, before: Coded, supplement: str) -> Coded:
    """Write a supplementary statement below what stands there, once."""
    stands = opened.shown(before)
    if not stands:
        return opened.coded(supplement)
    return (
        before
        if supplement in stands.split("\n") or stands.endswith(supplement)
        else opened.coded(f"{stands}\n{supplement}")
    )
