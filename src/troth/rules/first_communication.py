"""Which objections a first communication must bring to somebody's attention, and in which words.

Whatever the first communication is about, the right to object to direct marketing (Art. 21(2)) is
presented in it where any is done; the right to object for reasons of one's own (Art. 21(1)) where
its purpose, or one the promise is about, rests on a legitimate interest or a public task.  Once
presented, a right is not presented again.

Law: GDPR Art. 21(4): explicitly, clearly, and apart from any other information.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from troth.errors import NotAllowedError
from troth.policy.policy import Policy
from troth.policy.promise import Purpose
from troth.policy.reading import did_you_mean
from troth.rules.event import Event
from troth.rules.letter import phrase

State = dict[str, Any]
FAMILY = "communication"
RIGHTS = ("object_marketing", "object")
BASES = frozenset({"legitimate_interests", "public_task"})


def fold(state: State | None, event: Event) -> State:
    """Return the state after an event: which rights were presented to somebody, and by which event."""
    if event.kind != "first_communication_sent":
        raise ValueError(event.kind)
    before = state or {"subject": event.subject, "first": event.id, "presented": {}}
    facts: Mapping[str, Any] = event.facts
    now = dict.fromkeys(facts.get("presented") or (), event.id)
    return {**before, "presented": {**now, **before["presented"]}}


def purpose_of(policy: Policy, name: str) -> Purpose:
    """Return the purpose a communication serves; raises NotAllowedError where the policy has none of that name."""
    found = policy.purposes.get(name)
    if found is None:
        known = [str(one) for one in policy.purposes]
        raise NotAllowedError(f"The policy has no purpose {name[:40]!r}. {did_you_mean(name, known)}")
    return found


def owed(policy: Policy, purpose: str | None, presented: Sequence[str]) -> tuple[str, ...]:
    """Return the rights that are still to be presented to somebody with a communication.

    `purpose` is what it is for; None for a letter that the law itself asks for.
    """
    promise = policy.first_communication
    about = [policy.purposes[name] for name in promise.purposes] if promise else []
    about += [purpose_of(policy, purpose)] if purpose is not None else []
    marketing = any(
        one.marketing for one in (*about, *(one for one in policy.purposes.values() if one.public))
    )
    weighed = any(BASES & {one.legal_basis, one.other_basis} for one in about)
    promised = set(promise.presents) if promise else set()
    needed = {"object_marketing": marketing, "object": weighed}
    return tuple(name for name in RIGHTS if (needed[name] or name in promised) and name not in presented)


def words(policy: Policy, rights: Sequence[str], language: str, organisation: str, contact: str) -> str:
    """Return the separate notice about these rights: the policy's own words where it has them, else ours."""
    promise = policy.first_communication
    if promise and promise.notice and promise.notice.has(language) and set(rights) <= set(promise.presents):
        return " ".join(promise.notice.said(language).split())
    said = [
        phrase(f"present_{name}", language, organisation=organisation) for name in RIGHTS if name in rights
    ]
    return " ".join([*said, phrase("present_how", language, contact=contact)])
