"""What a purpose covers, in a form that two days can be compared by.

A consent is to what the purpose covered on the day it was given.  What is material of a
purpose (its basis, categories, recipients, their countries, profiling, the purposes below it)
makes its *scope*; a scope has an imprint, and each scope is kept once.  When a purpose grows, a yes
to its smaller scope is not enough; when it shrinks, it is.

Law: GDPR Art. 4(11), Art. 6(1)(a), recital 32; EDPB guidelines 05/2020 on consent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from troth.policy.policy import Policy
from troth.policy.promise import Purpose
from troth.rules.consent import CHANNELS
from troth.rules.event import Event, Fact

FAMILY = "purpose"
IMPRINT_LETTERS = 16


@dataclass(frozen=True, slots=True)
class Scope:
    """What is material of a purpose on one day."""

    purpose: str
    basis: str
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    countries: tuple[str, ...]
    entities: tuple[str, ...]
    marketing: bool
    profiling: bool
    decides: bool
    narrower: tuple[str, ...]

    @property
    def imprint(self) -> str:
        """A short hash of it: the same for the same scope."""
        written = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return sha256(written.encode()).hexdigest()[:IMPRINT_LETTERS]

    def facts(self) -> dict[str, Fact]:
        """Return it as an event holds it."""
        told: dict[str, Fact] = asdict(self)
        return told

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Scope:
        """Read a scope as an event holds it."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        return cls(**values)


def fold(state: dict[str, Any] | None, event: Event) -> dict[str, Any]:
    """Fold the scopes that a purpose ever had, by their imprints."""
    before = state["scopes"] if state else {}
    return {"scopes": {**before, str(event.facts["imprint"]): event.facts["scope"]}}


def scope(policy: Policy, name: str) -> Scope:
    """Return what a purpose of the policy covers now; raises KeyError where there is none."""
    purpose = policy.purposes[name]
    received = [policy.recipients[one] for one in purpose.recipients if one in policy.recipients]
    countries = {policy.transfers[one].country for each in received for one in each.transfers
                 if one in policy.transfers}  # fmt: skip
    return Scope(
        purpose=name,
        basis=purpose.legal_basis,
        categories=tuple(sorted(map(str, purpose.categories))),
        recipients=tuple(sorted(f"{one.key} ({one.class_})" for one in received)),
        countries=tuple(sorted(map(str, countries))),
        entities=tuple(sorted(map(str, purpose.entities))) or tuple(sorted(entities(policy))),
        marketing=purpose.marketing,
        profiling=purpose.profiling,
        decides=purpose.decides is not None,
        narrower=tuple(
            sorted(one.key for one in policy.purposes.values() if name in broader(policy, one.key))
        ),
    )


def entities(policy: Policy) -> tuple[str, ...]:
    """Return the companies bound by the policy."""
    return tuple(str(one.key) for one in policy.group.entities) if policy.group else ()


def broader(policy: Policy, name: str) -> tuple[str, ...]:
    """Return the purposes above one, the nearest first."""
    above: list[str] = []
    found: Purpose | None = policy.purposes.get(name)
    while found is not None and found.broader and found.broader not in above:
        above.append(str(found.broader))
        found = policy.purposes.get(str(found.broader))
    return tuple(above)


def is_marketing(policy: Policy, name: str) -> bool:
    """Say whether a purpose of the policy is direct marketing, by itself or as part of a broader one."""
    return any(policy.purposes[one].marketing for one in (name, *broader(policy, name)))


def channels(policy: Policy, name: str) -> tuple[str, ...]:
    """Return the channels of a purpose: all there are for marketing that names none, for the law differs by them."""
    named = tuple(map(str, policy.purposes[name].channels))
    return named or (CHANNELS if is_marketing(policy, name) else ())


def grown(then: Scope, now: Scope) -> tuple[str, ...]:
    """Name what a purpose covers now and did not then; nothing where a yes of then is enough.

    A narrower purpose is held to the scope that named it: what it does may not exceed it.
    """
    return tuple(_grown(then, now))


def _grown(then: Scope, now: Scope) -> Iterator[str]:
    if now.purpose not in {then.purpose, *then.narrower}:
        yield now.purpose
    for name in ("categories", "recipients", "countries"):
        yield from sorted(set(getattr(now, name)) - set(getattr(then, name)))
    for name in ("marketing", "profiling", "decides"):
        if getattr(now, name) and not getattr(then, name):
            yield name
