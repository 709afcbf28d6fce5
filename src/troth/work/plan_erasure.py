"""Measure what an erasure would do in every store, and let somebody approve exactly that.

Measuring changes nothing: each store runs the plan and rolls it back.  What is approved is
a hash over the rows of every table, so that nobody approves one thing and gets another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from troth.ledger import append
from troth.rules import exemption, request_guard
from troth.rules import hold as rules
from troth.rules.event import Draft, Event, Fact
from troth.stores.contract import Count, Measured, SideEffect, Store
from troth.work import admit, hold, request_file
from troth.work.project import Project


def measure(project: Project, number: str, claim: str, *, staff: str = "troth") -> Event:
    """Measure an erasure in every store of the project and record the plan."""
    found = request_file.load(project, number)
    request_file.refuse_unless(request_guard.why_not_measure(found.state, claim))
    who, today = request_file.who(project, found), request_file.today(project, found)
    stores: dict[str, Fact] = {
        name: _facts(store_for(project, found, claim, name).measure([who], today))
        for name in request_file.stores(project, found)
    }
    hows = {str(told["how"]) for told in stores.values() if isinstance(told, dict)}
    facts: dict[str, Fact] = {
        "claim": claim,
        "plan_sha256": fingerprint(stores),
        "how": "counted" if "counted" in hows else "measured",
        "stores": stores,
    }
    draft = Draft("plan_measured", found.stream, facts, **request_file.about(found), actor=staff)
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def store_for(
    project: Project, found: request_file.RequestFile, claim: str, name: str, *, held: bool = True
) -> Store:
    """Return a store as the erasure of a claim uses it: what a decision exempts, or a hold, is left alone there.

    Without `held` it is what the erasure would do if no hold stood.
    """
    kept = exemption.from_facts(found.claim(claim).get("kept") or ())
    if held:
        standing = hold.in_force(project)
        kept += rules.exemptions(
            standing, hold.met(project, standing, request_file.who(project, found)), name
        )
    map_ = project.maps[name]
    left = exemption.keeping(map_, kept, request_file.today(project, found))
    return project.stores[name] if left is map_ else project.store_by(left)


def approve(
    project: Project, number: str, claim: str, plan_sha256: str, staff: str, *, tolerance: int = 0
) -> Event:
    """Approve a measured plan; `tolerance` is how many more rows may have come meanwhile."""
    found = request_file.load(project, number)
    told = found.claim(claim)["plan"]
    if told is not None and len(plan_sha256) >= 8 and told["sha256"].startswith(plan_sha256):
        plan_sha256 = told["sha256"]
    derogation = admit.derogation(project)
    request_file.refuse_unless(
        request_guard.why_not_approve(found.state, claim, plan_sha256, staff, alone=bool(derogation))
    )
    facts: dict[str, Fact] = {
        "claim": claim,
        "plan_sha256": plan_sha256,
        "tolerance": tolerance,
        "staff": staff,
    }
    if found.claim(claim)["decided_by"] == staff:
        facts["derogation"] = derogation
    draft = Draft("plan_approved", found.stream, facts, **request_file.about(found), actor=staff)
    return append.append(project.ledger, [draft], expect={found.stream: found.version})[0]


def fingerprint(stores: Mapping[str, Fact]) -> str:
    """Return the hash that stands for a measured plan."""
    return sha256(json.dumps(stores, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _facts(measured: Measured) -> Fact:
    return {
        "sha256": measured.plan_sha256,
        "how": measured.how,
        "counts": counts_facts(measured.counts),
        "side_effects": [[effect.table, effect.verb, effect.rows] for effect in measured.side_effects],
        "processed": sum(other.rows for other in measured.processed),
    }


def counts_facts(counts: Sequence[Count]) -> list[Fact]:
    """Write counts as facts: table, verb, rows, until, legal reason."""
    return [
        [count.table, count.verb, count.rows, count.until.isoformat() if count.until else None, count.legal]
        for count in counts
    ]


def counts_of(facts: Sequence[Any]) -> tuple[Count, ...]:
    """Read counts back from facts."""
    return tuple(
        Count(table, verb, rows, date.fromisoformat(until) if until else None, legal)
        for table, verb, rows, until, legal in facts
    )


def approved(store: str, told: Mapping[str, Any]) -> Measured:
    """Return what was approved for one store, as its contract has it."""
    effects = tuple(SideEffect(table, verb, rows) for table, verb, rows in told["side_effects"])
    return Measured(store, told["sha256"], counts_of(told["counts"]), effects, how=told["how"])
