"""Record that a company of the group adopted the version of the policy that is in force or about to be.

Law: GDPR Arts. 5(2), 24(2), 26; clause 3 of a group's policy binds nobody who never said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import append
from troth.ledger.past import Past
from troth.rules import own_record
from troth.rules.event import Draft, Event
from troth.work.establishment import establishment
from troth.work.policy_as_of import versions
from troth.work.project import Project

FAMILY = "adoption"


def adopt(
    project: Project, entity: str, by: str, version: str = "", note: str = "", staff: str = "troth"
) -> Event:
    """Record it; saying it again for the same version writes nothing.

    `by` is who decided for the company, and stays in the vault.  Raises NotAllowedError where the policy has no
    such company, NotFoundError where the version was never published.
    """
    company = establishment(project, entity).entity
    if not by.strip():
        raise NotAllowedError("Say who adopted it for the company: --by 'the board, on 2026-11-20'.")
    published = versions(project)
    if not published:
        raise NotFoundError("No version of the policy is published yet. Say `troth publish` first.")
    wanted = version or published[-1].version
    if wanted not in {one.version for one in published}:
        known = ", ".join(one.version for one in published)
        raise NotFoundError(f"Version {wanted[:20]!r} was never published. There are: {known}.")
    draft = Draft(
        "policy_adopted", f"{FAMILY}/{company}", {"entity": company, "version": wanted}, entity=company,
        actor=staff, policy=wanted, payload={"by": by.strip(), "note": note.strip()},
        file=own_record.dated("entity", project.clock().date()),
    )  # fmt: skip
    return append.append(project.ledger, [draft], once=f"policy_adopted/{company}/{wanted}")[0]


def adopted(project: Project, past: Past | None = None) -> Mapping[str, Mapping[str, date]]:
    """Return which company adopted which version, and on which day; `past` is the ledger up to a checkpoint."""
    found: dict[str, dict[str, date]] = {}
    for event in (past or Past(project.ledger)).events("policy_adopted"):
        versions_of = found.setdefault(str(event.facts["entity"]), {})
        versions_of[str(event.facts["version"])] = event.at.date()
    return found
