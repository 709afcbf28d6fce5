"""Save, then change: what rectifying, restricting and lifting have in common.

Danger: this overwrites values in the organisation's databases.  What prevents loss: every
value that will be overwritten is in the vault, committed, before its store is touched; a
store overwrites nothing but what was saved, in one transaction under a step it remembers;
and every step is done when its event is there.  A process killed anywhere goes on where it
stopped, and a step that found something else changed nothing and is begun anew.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.ledger import append, keys, read, subjects, vault
from troth.rules import amendment
from troth.rules.event import Draft, Event, Fact
from troth.stores.amend import Amended, Amending, Amendment, Cell
from troth.stores.contract import Who
from troth.work.project import Project

StopAt = Callable[[str], object]
ROWS_SAVED_AT_ONCE = 2_000
TRIES_MAX = 5


def nowhere(_: str) -> None:
    """Stop nowhere."""


@dataclass(frozen=True, slots=True)
class AmendmentFile:
    """A rectification or a restriction: its stream, the version it was read at, and its state."""

    stream: str
    version: int
    state: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name it is called by."""
        return self.stream.partition("/")[2]

    def draft(self, kind: str, facts: Mapping[str, Fact], payload: Mapping[str, Fact] | None = None) -> Draft:
        """Draft an event of its stream; a payload is locked by a key of its own."""
        subject = str(self.state["subject"])
        return Draft(kind, self.stream, facts, subject=subject, payload=payload, file=self.stream)


@dataclass(frozen=True, slots=True)
class Measured:
    """What would be changed in one store, and what was left out."""

    store: str
    amendments: tuple[Amendment, ...]
    effects: tuple[tuple[str, str, int], ...] = ()
    shared: tuple[tuple[str, int], ...] = ()
    uncovered: tuple[tuple[str, int], ...] = ()
    by_hand: bool = False  # nobody can look there but its owner

    def counts(self) -> list[list[Fact]]:
        """Return the rows by table, column and whether they are copies."""
        found: Counter[tuple[str, str, str]] = Counter()
        for each in self.amendments:
            for cell in each.cells:
                found[each.table, cell.column, "copy" if each.copy else "own"] += 1
        return [[*at, rows] for at, rows in sorted(found.items())]

    def facts(self) -> dict[str, Fact]:
        """Return what an event may say of it: names and numbers."""
        return {
            "counts": self.counts(),
            "side_effects": [list(each) for each in self.effects],
            "shared": [list(each) for each in self.shared],
            "uncovered": [list(each) for each in self.uncovered],
            "by_hand": self.by_hand,
        }


def load(project: Project, family: str, name: str) -> AmendmentFile:
    """Read a rectification or a restriction; raises NotFoundError where there is none of that name."""
    found = read.state(project.ledger, f"{family}/{name}")
    if found is None:
        raise NotFoundError(f"There is no {family} {name[:20]!r}.")
    return AmendmentFile(found.stream, found.version, found.body)


def amending(project: Project, name: str) -> Amending:
    """Return a store with the verbs that change values; raises NotAllowedError where it has none."""
    store = project.stores[name]
    if not store.limits().amends or not isinstance(store, Amending):
        raise NotAllowedError(
            f"In the store `{name}`, values can be neither corrected nor set aside: its kind cannot do that. "
            "Do it there by hand, and record that it was done."
        )
    return store


def subject_of(project: Project, identifiers: Sequence[tuple[str, str]]) -> Who:
    """Return the subject that identifiers name, with every identifier known; raises where they name two."""
    found = dict.fromkeys(subjects.subject_for(project.ledger, kind, value) for kind, value in identifiers)
    if len(found) > 1:
        raise NotAllowedError("These identifiers name different people. Name one, by what is theirs.")
    subject = next(iter(found))
    known = dict.fromkeys([*identifiers, *subjects.identifiers(project.ledger, subject)])
    return Who(subject, tuple(known))


def open_plan(
    project: Project,
    family: str,
    who: Who,
    measured: Sequence[Measured],
    payload: Mapping[str, Fact],
    staff: str,
) -> AmendmentFile:
    """Record a measured plan under a new name."""
    name = secrets.token_hex(5)
    stores: dict[str, Fact] = {each.store: each.facts() for each in measured}
    sha = _keyed(project, stores, payload)
    facts: dict[str, Fact] = {"claim": name, "plan_sha256": sha, "how": "measured", "stores": stores}
    stream = f"{family}/{name}"
    written: dict[str, Fact] = {**payload, "identifiers": [list(each) for each in who.identifiers]}
    draft = Draft(
        "plan_measured",
        stream,
        facts,
        subject=who.subject,
        actor=staff or "troth",
        payload=written,
        file=stream,
    )
    append.append(project.ledger, [draft], expect={stream: 0})
    return load(project, family, name)


def _keyed(project: Project, *parts: object) -> str:
    """Hash a plan with a key of ours: of so few values a plain hash could be guessed."""
    _, secret = keys.own_key(project.ledger, "plans")
    return hmac.digest(secret, json.dumps(parts, sort_keys=True).encode(), "sha256").hex()


def approve(project: Project, found: AmendmentFile, sha256: str, staff: str) -> AmendmentFile:
    """Approve a measured plan; saying it again for the same plan does no more."""
    if (
        found.state["status"] != "measured"
        and found.state["plan"]["sha256"].startswith(sha256.lower())
        and sha256
    ):
        return found
    wrong = list(amendment.why_not_approve(found.state, sha256, staff))
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    facts: dict[str, Fact] = {
        "claim": found.name,
        "plan_sha256": found.state["plan"]["sha256"],
        "tolerance": 0,
        "staff": staff,
    }
    append.append(project.ledger, [found.draft("plan_approved", facts)], expect={found.stream: found.version})
    return load(project, *found.stream.split("/"))


def payload_of_plan(project: Project, found: AmendmentFile) -> Mapping[str, Any]:
    """Return what the plan was made of: identifiers, and what is to be written."""
    return vault.payload(project.ledger, read.event(project.ledger, found.state["plan"]["event"]))


def who_of(found: AmendmentFile, payload: Mapping[str, Any]) -> Who:
    """Return who is meant, as the plan had it."""
    return Who(str(found.state["subject"]), tuple((kind, value) for kind, value in payload["identifiers"]))


def act(
    project: Project,
    found: AmendmentFile,
    store: str,
    measure: Callable[[], Measured],
    stop_at: StopAt,
    *,
    set_aside: bool,
) -> tuple[Amended, tuple[Amendment, ...]]:
    """Save what one store will lose, then change it; begin anew when something changed in between.

    Raises ConflictError when there is more to change than was approved, or values keep
    changing.
    """
    while True:
        told = found.state["stores"].get(store)
        if told is None or not told["begun"]:
            if told is not None and told["tries"] >= TRIES_MAX:
                raise ConflictError(
                    f"In the store `{store}`, values changed each time they had been saved. Nothing was changed; "
                    "try again when it is quieter."
                )
            found = _save(project, found, store, measure(), stop_at, set_aside=set_aside)
            told = found.state["stores"][store]
        step = told["step"]
        amendments = saved(project, found, store)
        stop_at(f"saved {store}")
        try:
            done = amending(project, store).amend(
                step, found.state["plan"]["sha256"], amendments, on_conflict="stop"
            )
        except ConflictError:
            append.append(
                project.ledger,
                [found.draft("act_ended", ended(found, store, step, "rolled_back", None))],
                once=f"rolled back {step}",
            )
            found = load(project, *found.stream.split("/"))
            continue
        stop_at(f"changed {store}")
        return done, amendments


def ended(found: AmendmentFile, store: str, step: str, outcome: str, done: Amended | None) -> dict[str, Fact]:
    """Return what an event says of a step that is over."""
    return {
        "step": step,
        "claim": found.name,
        "store": store,
        "outcome": outcome,
        "rows": rows_facts(done),
        "certainty": done.certainty if done else "exactly_once",
        "grade": "set_aside" if done else "nothing_found",
    }


def rows_facts(done: Amended | None) -> list[Fact]:
    """Write the rows changed as facts."""
    return [[each.table, each.column, each.rows] for each in done.counts] if done else []


def _save(
    project: Project, found: AmendmentFile, store: str, now: Measured, stop_at: StopAt, *, set_aside: bool
) -> AmendmentFile:
    approved = found.state["plan"]["stores"][store]
    more = amendment.more(_by_place(now.counts()), _by_place(approved["counts"]))
    effects = {(table, verb): rows for table, verb, rows in approved["side_effects"]}
    besides = [table for table, verb, rows in now.effects if rows > effects.get((table, verb), 0)]
    if more or besides:
        raise ConflictError(
            f"In the store `{store}`, there is more to change now than was approved, in {', '.join(more or besides)}. "
            "Nothing was changed there. Measure and approve again."
        )
    tries = found.state["stores"].get(store, {}).get("tries", 0)
    step = f"{found.stream}/{store}/{tries + 1}.{secrets.token_hex(4)}"
    rows = [_written(each) for each in now.amendments]
    begun: dict[str, Fact] = {
        "step": step,
        "claim": found.name,
        "store": store,
        "plan_sha256": found.state["plan"]["sha256"],
        "lease": None,
    }
    payload: dict[str, Fact] | None = {"rows": rows}
    drafts = []
    if set_aside:
        payload = None
        drafts = list(_set_aside(found, store, step, now.amendments))
    drafts.append(found.draft("act_begun", begun, payload))
    for number, draft in enumerate(drafts):  # whoever carries the same on at the same time comes too late
        append.append(project.ledger, [draft], expect={found.stream: found.version + number})
        stop_at(f"put into the vault {number} {store}")
    return load(project, *found.stream.split("/"))


def _by_place(counts: Sequence[Sequence[Any]]) -> dict[str, int]:
    return {
        f"`{table}.{column}`{' (copies)' if how == 'copy' else ''}": rows
        for table, column, how, rows in counts
    }


def _set_aside(
    found: AmendmentFile, store: str, step: str, amendments: Sequence[Amendment]
) -> Iterator[Draft]:
    """Draft what goes into the vault, table by table; nothing there is ever written over."""
    tables: dict[str, list[Amendment]] = {}
    for each in amendments:
        tables.setdefault(each.table, []).append(each)
    for table, rows in sorted(tables.items()):
        for part, start in enumerate(range(0, len(rows), ROWS_SAVED_AT_ONCE)):
            some = rows[start : start + ROWS_SAVED_AT_ONCE]
            facts: dict[str, Fact] = {
                "step": step,
                "store": store,
                "table": table,
                "rows": len(some),
                "part": part,
            }
            yield found.draft("values_set_aside", facts, {"rows": [_written(each) for each in some]})


def saved(project: Project, found: AmendmentFile, store: str) -> tuple[Amendment, ...]:
    """Return what was saved for the step that a store is at, from the vault."""
    told = found.state["stores"][store]
    events = [*told["saved"].get(told["step"], []), told["begun"]]
    return tuple(each for event in events for each in _read(project, read.event(project.ledger, event)))


def _read(project: Project, event: Event) -> Iterator[Amendment]:
    for table, key, cells, witness, copy in vault.payload(project.ledger, event).get("rows", []):
        yield Amendment(
            table,
            tuple(key),
            tuple(Cell(*cell) for cell in cells),
            tuple((name, value) for name, value in witness),
            copy,
        )


def _written(each: Amendment) -> list[Fact]:
    return [
        each.table,
        list(each.key),
        [[cell.column, cell.before, cell.after] for cell in each.cells],
        [list(pair) for pair in each.witness],
        each.copy,
    ]
