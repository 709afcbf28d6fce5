"""Where the company that acts is established: whose law, holidays and hours count.

Law: Regulation 1182/71 Art. 2(1); GDPR Art. 4(16).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.errors import NotAllowedError
from troth.law import clock
from troth.law.jurisdiction import jurisdiction
from troth.policy.policy import Policy
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Establishment:
    """A company of the policy (empty where it names none), its place and its time zone."""

    entity: str
    place: str
    time_zone: str


def establishment(project: Project, entity: str | None = None) -> Establishment:
    """Return where a company is established, the main one if none is named.

    Raises NotAllowedError where the policy has no such company.
    """
    return established(project.policy, entity)


def established(policy: Policy, entity: str | None = None) -> Establishment:
    """Return where a company of a policy is established, the main one if none is named.

    Raises NotAllowedError where the policy has no such company.
    """
    group = policy.group
    if group is None:
        return Establishment("", "EU", jurisdiction("EU").time_zone)
    try:
        acting = group.main_entity if entity is None else group.entity(entity)
    except KeyError:
        known = ", ".join(one.key for one in group.entities)
        raise NotAllowedError(f"The policy has no company {str(entity)[:40]!r}. It has: {known}.") from None
    place = acting.jurisdiction or acting.country
    return Establishment(acting.key, place, acting.timezone or jurisdiction(place).time_zone)


def day_here(project: Project, entity: str | None = None) -> date:
    """Return the day it is now where a company is established: the law counts in its days.

    Regulation 1182/71 Art. 2(1).  Raises NotAllowedError where the policy has no such company.
    """
    return clock.receipt_day(project.clock(), establishment(project, entity).time_zone)
