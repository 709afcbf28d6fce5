"""Lift a restriction: flags are taken back, values that were set aside are put back exactly.

Nothing is overwritten: where somebody wrote another value meanwhile, where the row is gone
or another has got its key, or where the store refuses, the value stays in the vault and the
conflict is told.

Danger: once every value is back, the key of those in the vault is destroyed; a conflict
keeps it.

Law: GDPR Art. 18(3), the subject is informed before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from troth.errors import NotAllowedError
from troth.ledger import append, destroy, read
from troth.rules import amendment
from troth.rules.event import Fact
from troth.stores.amend import Amended, Amendment, Cell, Conflict
from troth.work import amend_rows, request_file, restrict_at_once, send_letter
from troth.work.amend_rows import AmendmentFile, StopAt, nowhere
from troth.work.establishment import day_here, establishment
from troth.work.project import Project
from troth.work.restrict import FAMILY


def measure(project: Project, name: str) -> tuple[AmendmentFile, tuple[Amended, ...]]:
    """Try out what lifting would put back in each store, with the conflicts there are; nothing is changed."""
    found = amend_rows.load(project, FAMILY, name)
    tried = []
    for store in _to_lift(found):
        amending = amend_rows.amending(project, store)
        backwards = _backwards(project, found, store)
        tried.append(amending.try_out(backwards, on_conflict="leave")[1])
    return found, tuple(tried)


def announce(project: Project, name: str, reason: str, staff: str) -> AmendmentFile:
    """Decide to lift a restriction and tell the subject so, by a letter of the request that led to it.

    Said again, a letter that did not go out is sent again.  Raises NotAllowedError where no
    request led to it: then nobody is known here to write to.
    """
    found = amend_rows.load(project, FAMILY, name)
    wrong = list(amendment.why_not_announce(found.state, reason, staff))
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    led = led_to(project, found)
    if led is None:
        raise NotAllowedError(
            f"No request led to the restriction {name}, so that nobody is known here to write to. Inform the "
            "person yourself, then say on which day that was, with --told (GDPR Art. 18(3))."
        )
    if found.state["status"] != "lift_decided":
        _moved(project, found, "lift_decided", payload={"reason": reason.strip()}, staff=staff)
    number, told = led
    language = str(request_file.load(project, number).state["language"])
    lifts_on = amendment.lifted_from(day_here(project), establishment(project).place)
    fields = restrict_at_once.fields(project, request_file.load(project, number), told)
    fields |= {"reason": reason.strip(), "lifts_on": send_letter.day(lifts_on.isoformat(), language)}
    send_letter.send_letter(project, number, "lift", fields, letter_id=f"lift-{name}")
    found = amend_rows.load(project, FAMILY, name)
    told_on = informed_on(project, found)
    if told_on is not None:
        _moved(project, found, "lift_notice_sent", staff=staff, told_on=told_on.isoformat())
    return amend_rows.load(project, FAMILY, name)


def informed_on(project: Project, found: AmendmentFile) -> date | None:
    """Return the day on which the subject was informed that a restriction will be lifted, if they were."""
    if found.state.get("told_on"):
        return date.fromisoformat(found.state["told_on"])
    led = led_to(project, found) if found.state["status"] == "lift_decided" else None
    letters = request_file.load(project, led[0]).state["letters"] if led else []
    sent = [one for one in letters if one["letter"] == f"lift-{found.name}" and one["outcome"] == "sent"]
    return date.fromisoformat(sent[-1]["on"]) if sent else None


def _moved(
    project: Project,
    found: AmendmentFile,
    state: str,
    *,
    payload: Mapping[str, Fact] | None = None,
    **more: Fact,
) -> None:
    facts: dict[str, Fact] = {"claim": found.name, "state": state, "ground": found.state["ground"], **more}
    draft = found.draft("restriction_moved", facts, payload)
    append.append(project.ledger, [draft], once=f"{state} {found.stream}")


def led_to(project: Project, found: AmendmentFile) -> tuple[str, Mapping[str, Any]] | None:
    """Return the request that a restriction was made for, and what its claim says of the restriction."""
    for other in read.states(project.ledger, "request"):
        if other.body["subject"] != found.state["subject"]:
            continue
        for claim in other.body["claims"].values():
            told = claim.get("restriction")
            number = other.stream.partition("/")[2]
            if told and told["name"] == found.name:
                return number, told
            if claim.get("by") == found.stream:
                return number, {"ground": found.state["ground"], "purposes": [], "on": claim["decided_on"]}
    return None


def lift(
    project: Project, name: str, told_on: date | None, staff: str, *, stop_at: StopAt = nowhere
) -> AmendmentFile:
    """Lift a restriction from wherever it stands to its end, once the subject was informed and could answer.

    `told_on` is when they were informed, where Troth did not write to them.  Raises
    NotAllowedError when it may not be lifted, with the day from which it may.
    """
    found = amend_rows.load(project, FAMILY, name)
    if found.state["status"] == "lifted":
        _forget(project, found)
        return found
    told_on = told_on or informed_on(project, found)
    place = establishment(project).place
    wrong = list(amendment.why_not_lift(found.state, told_on, day_here(project), place))
    if not staff.strip():
        wrong.append("Somebody lifts it: say who, with --staff.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    ground = found.state["ground"]
    if found.state["status"] != "lift_notice_sent":
        assert told_on is not None
        _moved(project, found, "lift_notice_sent", staff=staff, told_on=told_on.isoformat())
        stop_at("lift decided")
    for store in _to_lift(found):
        _put_back(project, amend_rows.load(project, FAMILY, name), store, stop_at)
    lifted: dict[str, Fact] = {"claim": name, "state": "lifted", "ground": ground}
    append.append(project.ledger, [found.draft("restriction_moved", lifted)], once=f"lifted {found.stream}")
    stop_at("lifted")
    found = amend_rows.load(project, FAMILY, name)
    _forget(project, found)
    return found


def conflicts(found: AmendmentFile) -> list[tuple[str, str, str, str, int]]:
    """Return what was not put back: store, table, column, reason and how many values."""
    return [
        (store, table, column, reason, rows)
        for store, told in sorted(found.state["stores"].items())
        for table, _, left in told["back"] or []
        for column, reason, rows in left
    ]


def _forget(project: Project, found: AmendmentFile) -> None:
    """Destroy the key of what is back where it was; with a conflict left, it is kept."""
    if not conflicts(found):
        destroy.destroy(project.ledger, str(found.state["subject"]), found.stream, "every value was put back")


def _to_lift(found: AmendmentFile) -> list[str]:
    return [
        name
        for name, told in sorted(found.state["stores"].items())
        if told["done"] is not None and told["back"] is None
    ]


def _put_back(project: Project, found: AmendmentFile, store: str, stop_at: StopAt) -> None:
    amending = amend_rows.amending(project, store)
    backwards = _backwards(project, found, store)
    stop_at(f"lifting {store}")
    step = f"{found.state['stores'][store]['step']}/lift"
    done = amending.amend(step, found.state["plan"]["sha256"], backwards, on_conflict="leave")
    stop_at(f"put back {store}")
    rows: Counter[str] = Counter()
    for each in done.counts:
        rows[each.table] += each.rows
    tables = sorted({each.table for each in backwards})
    drafts = [
        found.draft(
            "values_put_back",
            {
                "step": step,
                "store": store,
                "table": table,
                "rows": rows[table],
                "conflicts": _of_table(done.conflicts, table),
            },
        )
        for table in tables
    ]
    append.append(project.ledger, drafts, once=f"put back {step}")
    stop_at(f"lifted {store}")


def _of_table(conflicts: Sequence[Conflict], table: str) -> list[Fact]:
    return [[each.column, each.reason, each.rows] for each in conflicts if each.table == table]


def _backwards(project: Project, found: AmendmentFile, store: str) -> list[Amendment]:
    """Turn round what was done: flags get back what they held, as values do."""
    return [
        Amendment(
            each.table,
            each.key,
            tuple(Cell(cell.column, cell.after, cell.before) for cell in each.cells),
            each.witness,
        )
        for each in amend_rows.saved(project, found, store)
    ]
