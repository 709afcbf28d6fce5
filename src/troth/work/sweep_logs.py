"""Sweep server logs by age, as the retention promise says, or truncate the addresses in older lines.

Danger: this removes lines for good.  What prevents loss: see `stores.log_file`; only lines
older than the period of the promise that the map names go, none that names somebody who is kept
back, and the default only counts them.

Law: GDPR Art. 5(1)(e), storage limitation; Art. 25; Recital 30 (addresses are identifiers).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, time

from troth.errors import NotAllowedError, NotFoundError
from troth.law.period import Period
from troth.ledger import append
from troth.policy.promise import RetentionRule
from troth.rules import hold as rules
from troth.rules.event import Draft, Fact
from troth.rules.plan import first_kept_day
from troth.stores.logs import LogStore, Swept
from troth.work import hold
from troth.work.kept_back import kept_back
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, or would be, in one log."""

    log: str
    rule: str
    before: datetime
    swept: Swept


def sweep(project: Project, store: str, *, dry: bool, staff: str = "troth") -> tuple[Done, ...]:
    """Remove from each log of a store the lines whose retention has ended."""
    opened, others = _store(project, store), kept_back(project)
    found = []
    for name, table in project.maps[store].tables.items():
        for bound in table.retention:
            rule = project.policy.find(bound.promise)
            if not isinstance(rule, RetentionRule) or rule.period is None:
                raise NotFoundError(
                    f"The map of the store `{store}` names the retention promise `{bound.promise}` for `{name}`, and "
                    "the policy has none of that name with a period. Mend one of them."
                )
            if rule.then != "erase":
                raise NotAllowedError(
                    f"The promise {rule.id} says that data is anonymised at its end, and lines of a log cannot be: "
                    "shorter addresses are not anonymous. Let it say `then: erase`, or truncate with `troth logs "
                    "truncate` besides."
                )
            before = _beginning(project, rule.period)
            found.append(Done(name, rule.id, before, opened.sweep(name, before, dry=dry, but_for=others)))
    if not found:
        raise NotAllowedError(
            f"The map of the store `{store}` binds no log to a retention promise. Write `retention:` on its tables."
        )
    return _recorded(project, store, found, dry=dry, staff=staff)


def truncate(
    project: Project, store: str, older_than: Period, *, dry: bool, staff: str = "troth"
) -> tuple[Done, ...]:
    """Truncate the addresses in the lines of a store that are older than a period."""
    opened = _store(project, store)
    before = _beginning(project, older_than)
    described = project.maps[store].tables
    wanted = [name for name, table in described.items() if table.impersonal is None]
    others = kept_back(project)
    found = [
        Done(name, "truncate", before, opened.truncate(name, before, dry=dry, but_for=others))
        for name in wanted
    ]
    return _recorded(project, store, found, dry=dry, staff=staff)


def _beginning(project: Project, period: Period) -> datetime:
    return datetime.combine(first_kept_day(period, project.clock().date()), time(), UTC)


def _store(project: Project, store: str) -> LogStore:
    if store not in project.maps:
        raise NotFoundError(
            f"There is no store called {store[:40]!r} in this project. It has: {', '.join(project.maps)}."
        )
    opened = project.stores[store]
    if not isinstance(opened, LogStore):
        raise NotAllowedError(f"The store `{store}` is of kind `{project.maps[store].kind}`, not `logs`.")
    held = rules.stops(hold.in_force(project), project.maps[store])
    if held:
        raise NotAllowedError(
            f"The legal hold {held} is about everybody in `{store}`: nothing there is swept until it ends."
        )
    return opened


def _recorded(project: Project, store: str, found: list[Done], *, dry: bool, staff: str) -> tuple[Done, ...]:
    run = secrets.token_hex(5)
    for one in found if not dry else ():
        facts: dict[str, Fact] = {
            "state": "acted",
            "rule": one.rule,
            "rule_version": one.before.date().isoformat(),
            "run": run,
            "rows": one.swept.removed + one.swept.changed,
            "oldest": one.swept.oldest.isoformat() if one.swept.oldest else None,
        }
        append.append(project.ledger, [Draft("sweep_moved", f"logs/{store}", facts, actor=staff)])
    return tuple(found)
