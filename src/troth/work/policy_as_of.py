"""The policy, its register and its maps as they were on a day, from what was recorded then.

A version is in force from the day it names, and never before the day it was published.

Law: GDPR Arts. 5(2), 12(1), 30(4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError, TamperedError
from troth.law import clock
from troth.ledger import vault
from troth.ledger.past import Past
from troth.policy.loading import load
from troth.policy.policy import Policy
from troth.rules.event import Event
from troth.rules.map import Map
from troth.stores.manual import is_manual
from troth.stores.map_file import read as read_map
from troth.work import publish_policy, record_register
from troth.work.establishment import established
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Version:
    """A published version: when it came into force, when that ended (None: it has not), and its event."""

    version: str
    languages: Mapping[str, str]  # language -> SHA-256 of the notice
    from_: date
    until: date | None
    published: Event

    def is_over(self, day: date) -> bool:
        """Say whether it has ended by a day; one that is still to come has not."""
        return self.until is not None and self.until <= day


@dataclass(frozen=True, slots=True)
class AsOf:
    """What held on a day."""

    day: date
    policy: Policy
    maps: Mapping[str, Map]
    version: Version
    recorded: Event | None  # the register and the maps; None where none were recorded by then


def versions(project: Project, past: Past | None = None) -> tuple[Version, ...]:
    """Return every published version, the oldest first; one never in force is left out.

    A version that takes effect before an earlier one does replaces it.  `past` is the ledger as a
    checkpoint covered it.
    """
    return _in_turn(project, published(project, past))


def published(project: Project, past: Past | None = None) -> tuple[Event, ...]:
    """Return the event of every publication, in the order of the publications."""
    every = (past or Past(project.ledger)).stream(publish_policy.STREAM)
    return tuple(one for one in every if one.kind == "policy_published")


def held_before(project: Project, until: Sequence[Event]) -> Event | None:
    """Return the version under which people live until the last of these publications takes effect.

    That is not always the one published before it: one that was replaced before its day held for nobody.
    Of those that take effect on one day it is the one published before; None where there is none.
    """
    lined = _in_turn(project, until)
    if len(lined) > 1:
        return lined[-2].published
    return until[-2] if len(until) > 1 else None


def _in_turn(project: Project, events: Sequence[Event]) -> tuple[Version, ...]:
    found: list[tuple[date, Event]] = []
    for event in events:
        starts = max(date.fromisoformat(str(event.facts["effective"])), _day(project, event))
        found = [one for one in found if one[0] < starts]
        found.append((starts, event))
    ends: list[date | None] = [*(starts for starts, _ in found[1:]), None][: len(found)]
    return tuple(
        Version(str(event.facts["version"]), _languages(event), starts, until, event)
        for (starts, event), until in zip(found, ends, strict=True)
    )


def as_of(project: Project, day: date, past: Past | None = None) -> AsOf:
    """Return what held on a day; raises NotFoundError where nothing was in force or its text was not kept."""
    version = next((one for one in reversed(versions(project, past)) if one.from_ <= day), None)
    if version is None:
        raise NotFoundError(f"No version of the policy was in force on {day}. `troth versions` lists them.")
    texts = _texts(project, version.published)
    recorded = None
    for event in (past or Past(project.ledger)).stream(record_register.STREAM):
        if _day(project, event) <= day:
            recorded = event
    files = dict(vault.payload(project.ledger, recorded).get("files") or {}) if recorded else {}
    texts |= {name: text for name, text in files.items() if name.startswith("register/")}
    policy, problems = load(texts)
    if policy is None:
        policy, problems = load({name: text for name, text in texts.items() if name.endswith(".md")})
    if policy is None:
        raise TamperedError(
            f"What was kept of version {version.version} cannot be read as a policy any more: {problems[0]}"
        )
    return AsOf(day, policy, dict(_maps(files)), version, recorded)


def as_published(project: Project, version: str = "") -> tuple[Policy, Event] | None:
    """Return a published version as its text was, with its event; the last where none is named, None where none was.

    The register of that day is no part of it.  Raises NotFoundError where it was never published, or its
    text was not kept.
    """
    every = published(project)
    found = [one for one in every if not version or one.facts["version"] == version]
    if not found:
        if version:
            known = ", ".join(str(one.facts["version"]) for one in every) or "none"
            raise NotFoundError(f"Version {version[:20]!r} was never published. There are: {known}.")
        return None
    return _read(project, str(found[-1].facts["version"]), _texts(project, found[-1])), found[-1]


def before_the_coming(project: Project) -> Policy:
    """Return what holds today while the files are for a later day or not published: the version in force.

    It comes with the register of now.  The files themselves where nothing was published before, or where they are
    published and their day has come.  What was found holds until the day its version ends, so that nobody who asks
    waits for the ledger twice.
    """
    written = project.written
    today = clock.receipt_day(project.clock(), established(written).time_zone)
    if not project.awaits_publication and (written.effective is None or written.effective <= today):
        return written
    for (from_, until), policy in tuple(project.earlier.items()):
        if from_ <= today and (until is None or today < until):
            return policy
    version = next((one for one in reversed(versions(project)) if one.from_ <= today), None)
    if version is None:
        return written
    policy = _with_register_of_now(project, version, today)
    return project.earlier.setdefault((version.from_, version.until), policy)


def _with_register_of_now(project: Project, version: Version, today: date) -> Policy:
    try:
        texts = _texts(project, version.published)
    except NotFoundError:  # published before texts were kept
        return project.written
    register = {name: text for name, text in project.written.files.items() if name.startswith("register/")}
    found, _ = load({**texts, **register})
    return found or as_of(project, today).policy


def _texts(project: Project, published: Event) -> dict[str, str]:
    texts = dict(vault.payload(project.ledger, published).get("files") or {})
    if not texts:
        version = published.facts["version"]
        raise NotFoundError(
            f"The text of version {version} was not kept when it was published; its hash was."
        )
    return texts


def _read(project: Project, version: str, texts: Mapping[str, str]) -> Policy:
    """Read what was kept as a policy, with the register of now where its promises name what stands there."""
    policy, problems = load(texts)
    if policy is None:
        register = {
            name: text for name, text in project.written.files.items() if name.startswith("register/")
        }
        policy, _ = load({**texts, **register})
    if policy is None:
        raise TamperedError(
            f"What was kept of version {version} cannot be read as a policy any more: {problems[0]}"
        )
    return policy


def _maps(files: Mapping[str, str]) -> Iterator[tuple[str, Map]]:
    for name, text in files.items():
        if name.startswith("stores/") and not is_manual(text):
            found, _ = read_map(text, name)
            if found is not None:
                yield found.store, found


def _day(project: Project, event: Event) -> date:
    return clock.receipt_day(event.at, established(project.written).time_zone)


def _languages(event: Event) -> dict[str, str]:
    known = event.facts["sha256"]
    return {str(name): str(digest) for name, digest in known.items()} if isinstance(known, Mapping) else {}
