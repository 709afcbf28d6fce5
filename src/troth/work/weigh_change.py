"""Weigh a new version of the policy before it is published: what differs, and what follows from it.

Nothing is recorded and nothing is changed: rows are counted as a sweep counts them, on the day the
version takes effect, and consents as the ledger has them now.

Law: GDPR Arts. 5(1)(e), 5(2), 7(1), 12(1), 13(3), 14(4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from troth.errors import WrongFileError
from troth.ledger import read
from troth.policy.difference import Difference, differences, material, reworded
from troth.policy.loading import load
from troth.policy.policy import Policy
from troth.rules import consent, policy_change
from troth.rules.policy_change import Consequence, Counted
from troth.rules.sweep import Bound, bound
from troth.stores.contract import Expiry, Sweeps
from troth.work import record_choice
from troth.work.addresses import every_address
from troth.work.announce_change import told_in_time
from troth.work.draft_policy import PolicyDraft
from troth.work.establishment import day_here
from troth.work.kept_back import kept_back
from troth.work.may import scopes
from troth.work.policy_as_of import as_published, held_before, published, versions
from troth.work.project import Project

FAR = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a version promises otherwise than another, the clauses whose words changed, and what follows.

    `too_soon` says that it takes effect sooner than the version before promised to announce it.
    """

    was: str
    becomes: str
    effective: date | None
    differences: tuple[Difference, ...]
    reworded: tuple[str, ...]
    consequences: tuple[Consequence, ...]
    too_soon: bool = False

    @property
    def asks(self) -> bool:
        """Say whether somebody should look before it is published: a promise changed."""
        return bool(material(self.differences))


def weigh(project: Project, since: str = "", until: str = "", language: str = "") -> Weighed | None:
    """Compare two versions, by default the one that holds until the later does with the files as they stand.

    Files whose version is published are compared with what was published of it.  None without a first.
    Raises NotFoundError where a version was never published, or its text was not kept.
    """
    known = as_published(project, since or _since(project, until))
    if known is None:
        return None
    then, event = known
    later = as_published(project, until) if until else None
    return _weighed(
        project, str(event.facts["version"]), then, later[0] if later else project.written, language
    )


def weigh_draft(project: Project, draft: PolicyDraft, language: str = "") -> Weighed:
    """Compare a draft with the version that holds, or with the files it began from where none was published.

    Raises WrongFileError while the draft has mistakes.
    """
    now = draft.policy
    known = as_published(project, _since(project, "", now))
    if known is not None:
        return _weighed(project, str(known[1].facts["version"]), known[0], now, language)
    then, problems = load({**draft.base, **draft.register})
    if then is None:
        raise WrongFileError(problems)
    return _weighed(project, then.version or "of the files", then, now, language)


def _weighed(project: Project, was: str, then: Policy, now: Policy, language: str) -> Weighed:
    found = differences(then, now, language)
    today = day_here(project)
    follows: tuple[Consequence, ...] = ()
    if found:
        pairs = tuple(_sweeps(then, now, project))
        counted = _counted(project, then, now, pairs, today)
        follows = policy_change.consequences(then, now, found, project.maps, pairs, counted)
    return Weighed(
        was, now.version, now.effective, found, reworded(then, now), follows,
        policy_change.is_too_soon(then, now, found, today) and not told_in_time(project, then, now),
    )  # fmt: skip


def _since(project: Project, until: str, later: Policy | None = None) -> str:
    """Name the version under which people live until the later one takes effect; empty for the last published."""
    every = published(project)
    names = [str(one.facts["version"]) for one in every]
    if until in names:
        before = held_before(project, every[: names.index(until) + 1])
        return str(before.facts["version"]) if before else until
    now = later or project.written
    if now.version in names or now.effective is None:
        return now.version if now.version in names else ""
    starts = max(now.effective, day_here(project))
    lived = [one.version for one in versions(project) if one.from_ < starts]
    return lived[-1] if lived else ""


def _sweeps(then: Policy, now: Policy, project: Project) -> Iterator[tuple[Bound, Bound | None]]:
    """Yield the sweeps whose rule counts otherwise, each with what it was."""
    before = {one.name: one for one in bound(then, project.maps)}
    for one in bound(now, project.maps):
        was = before.get(one.name)
        if was is None or (was.rule.period, was.rule.archive, was.rule.then) != (
            one.rule.period, one.rule.archive, one.rule.then,
        ):  # fmt: skip
            yield one, was


def _counted(
    project: Project,
    then: Policy,
    now: Policy,
    pairs: tuple[tuple[Bound, Bound | None], ...],
    today: date,
) -> Counted:
    on = max(now.effective or today, today)
    rows = {one.name: (_due(project, was, on), _due(project, one, on)) for one, was in pairs}
    gone = set(then.categories) - set(now.categories)
    return Counted(
        today=today,
        rows=rows,
        columns=dict(_held(project, gone, today)),
        consents=_consents(project, today),
        scopes=scopes(project),
        cookies=_cookies(project, today),
        people=sum(1 for _ in every_address(project)) if _people_matter(then, now) else None,
        requests=tuple(one.body for one in read.states(project.ledger, "request", other_than="closed")),
    )


def _due(project: Project, one: Bound | None, on: date) -> int | None:
    """Count what is due by a sweep on a day, as `troth sweep` does; None where it cannot be counted."""
    if one is None or one.why_not:
        return None
    store = project.stores[one.store]
    if not isinstance(store, Sweeps) or store.unswept():
        return None
    return store.overdue(Expiry(one.table, one.trigger, one.before(on)), kept_back(project), on).rows


def _held(project: Project, gone: set[str], today: date) -> Iterator[tuple[str, int | None]]:
    """Count the rows of the tables that hold categories no longer declared, where a sweep can count them."""
    for name, mapped in project.maps.items():
        for table in mapped.tables.values():
            if not gone & set(table.columns.values()):
                continue
            store = project.stores[name]
            if isinstance(store, Sweeps) and not store.unswept() and table.retention:
                dated = Expiry(table.name, table.retention[0].trigger, FAR)
                yield f"{name}.{table.name}", store.overdue(dated, (), today).rows
            else:
                yield f"{name}.{table.name}", None


def _consents(project: Project, today: date) -> Counter[tuple[str, str]]:
    """Count the yeses that stand and can be proven, each person once, by purpose and by what they were said to."""
    found = Counter[tuple[str, str]]()
    for state in read.states(project.ledger, consent.FAMILY):
        mine = {
            (purpose, one.scope)
            for (purpose, _, _), one in consent.standing(state.body).consents.items()
            if one.said == "given" and one.proven and one.scope and (one.until is None or one.until >= today)
        }
        found.update((purpose, str(scope)) for purpose, scope in mine)
    return found


def _cookies(project: Project, today: date) -> Counter[str]:
    """Count the visitors whose yes to a category of cookies stands, by category."""
    last: dict[str, Mapping[str, Any]] = {}
    for event in read.events(project.ledger, kind="consent_recorded"):
        if event.stream.startswith(f"{record_choice.FAMILY}/"):
            last[event.stream] = event.facts
    return Counter(
        category
        for facts in last.values()
        if str(facts.get("valid_until") or FAR) >= today.isoformat()
        for category, said in dict(facts.get("choices") or {}).items()
        if said == "given"
    )


def _people_matter(then: Policy, now: Policy) -> bool:
    """Say whether anybody is written to: a purpose that is told of changed, or changes are announced by mail."""
    by_mail = then.change is not None and "email" in then.change.announced_by
    return by_mail or any(then.purposes.get(name) != one for name, one in now.purposes.items())
