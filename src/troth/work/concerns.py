"""What presses today beside requests, for one of the staff: each thing for whoever has the duty for it.

Everything is read from states and the ends of indexes; what is asked of stores and servers is handed in as it
was answered last, so that no page waits for it.

Law: GDPR Art. 24(1); Art. 5(2); Art. 32(1)(b).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from troth.ledger import accounts, read
from troth.rules import concern
from troth.rules.concern import Concern
from troth.rules.hold import FAMILY as HOLDS
from troth.rules.staff import Staff
from troth.work import (
    action,
    admit,
    draft_policy,
    health,
    hold,
    inspection,
    record_scan,
    scan_due,
    telling_file,
)
from troth.work.establishment import day_here
from troth.work.health import State, StoreHealth
from troth.work.project import Project
from troth.work.store_entity import store_entity

LETTERS_LOOKED_AT = 10
"""How many letters back it is looked for one that left: all of them failing is the mail's failure, not an address's."""
UNTOLD_READ = 200


@dataclass(frozen=True, slots=True)
class Answers:
    """What stores and servers answered when they were asked last."""

    stores: Sequence[StoreHealth] = ()
    mail: State = "unset"
    inbox: State = "unset"


def concerns(project: Project, staff: Staff, answers: Answers) -> tuple[Concern, ...]:
    """Return what presses today for somebody, the most pressing first."""
    today = day_here(project)
    found = [*_running(project, staff, answers), *_of_the_office(project, staff, today)]
    if staff.may("read_recipients"):
        found += [*concern.of_safeguards(project.policy, today), *_untold(project, staff, today)]
    if staff.may("read_registers", ""):
        found += [
            *concern.of_actions(action.every(project), today),
            *concern.of_registers(project.policy, today),
        ]
    if staff.may("read_cookies"):
        found += _scans(project)
    if staff.may("settings", ""):
        found += _accounts(project)
    return concern.ordered(found)


def _running(project: Project, staff: Staff, answers: Answers) -> Iterator[Concern]:
    """Yield what does not run: stores, the worker that seals, mail."""
    for one in answers.stores:
        if not staff.may("read_stores", store_entity(project, one.name) if one.name in project.maps else ""):
            continue
        if one.state == "away":
            yield Concern("store_away", "read_stores", one.name)
        elif one.drifted:
            yield Concern("store_drifted", "read_stores", one.name)
    if staff.may("settings") or staff.may("verify_ledger"):
        sealing = health.ledger(project)
        if not sealing.worker_comes:
            yield Concern("sealing_late", "verify_ledger", count=round(sealing.unsealed_seconds / 60))
    if staff.may("settings"):
        if answers.mail == "away":
            yield Concern("mail_away", "settings")
        if answers.inbox == "away":
            yield Concern("inbox_away", "settings")
    if staff.may("settings") or staff.may("handle"):
        last = [
            event for _, event in read.last_events(project.ledger, "letter_sent", limit=LETTERS_LOOKED_AT)
        ]
        failed = [event for event in last if event.facts["outcome"] == "failed"]
        if last and last[0].facts["outcome"] == "failed" and len(failed) > len(last) // 2:
            yield Concern("letters_fail", "settings", on=failed[-1].at.date(), count=len(failed))


def _of_the_office(project: Project, staff: Staff, today: date) -> Iterator[Concern]:
    """Yield holds, drafts and inspections."""
    if staff.may("read_sweeps"):
        for state in hold.every(project):
            found = concern.of_hold(state, today)
            if found is not None and staff.may("read_sweeps", _entity_of_hold(project, found.about)):
                yield found
    if staff.may("read_policy", ""):
        alone = admit.derogates(project)
        for state in draft_policy.every(project):
            waits = concern.of_draft(state, staff, alone=alone)
            if waits is not None:
                yield waits
    if staff.may("read_audit"):
        for one in inspection.every(project):
            if one.state["status"] == "open" and staff.may("read_audit", str(one.state["entity"])):
                yield Concern(
                    "inspection_open",
                    "read_audit",
                    one.number,
                    date.fromisoformat(one.state["opened_at"][:10]),
                )


def _entity_of_hold(project: Project, name: str) -> str:
    events = read.stream(project.ledger, f"{HOLDS}/{name}")
    return events[0].entity if events else ""


def _untold(project: Project, staff: Staff, today: date) -> Iterator[Concern]:
    """Yield the choices of which a recipient should have been told before today, as one concern.

    The oldest are read first, up to so many: what is not late yet takes no place of what is.
    """
    entities, days = staff.entities("read_recipients"), []
    first = datetime.combine(concern.told_before(project.policy, today), time(), UTC)
    for status in ("staff", "open"):
        for state in telling_file.of_companies(project, status, entities, UNTOLD_READ, before=first):
            by = concern.told_by(project.policy, date.fromisoformat(state["on"]))
            if by < today:
                days.append(by)
    if days:
        yield Concern("untold", "read_recipients", on=min(days), count=len(days))


def _scans(project: Project) -> Iterator[Concern]:
    """Yield the sites whose scan is due, and those whose last scan did not see all it should."""
    if not project.settings.scans:
        return
    made, due = record_scan.last_scans(project, by="scan"), frozenset(scan_due.due(project))
    for name in project.settings.scans:
        last = made.get(name)
        if last is not None and not last.facts["complete"]:
            yield Concern("scan_incomplete", "read_cookies", name, last.at.date())
        elif name in due:
            yield Concern("scan_due", "read_cookies", name, last.at.date() if last is not None else None)


def _accounts(project: Project) -> Iterator[Concern]:
    """Yield the accounts that are open without a second factor, and invitations that nobody took up."""
    states = {one["handle"]: one["status"] for one in admit.every(project)}
    bare = sum(
        states.get(handle) == "active"
        and not account.code_secret
        and not accounts.is_bound(project.ledger, handle)
        for handle, account in accounts.every(project.ledger)
    )
    if bare:
        yield Concern("no_second_factor", "settings", count=bare)
    if invited := sum(status == "invited" for status in states.values()):
        yield Concern("invitation_waits", "settings", count=invited)
