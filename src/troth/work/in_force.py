"""Which version of the policy was in force on a day, for a company, in a language, and what proves it.

Law: GDPR Arts. 5(2), 12(1), 24(2), 58(1)(a).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError
from troth.policy.policy import Policy
from troth.work.adopt_policy import adopted
from troth.work.establishment import establishment
from troth.work.policy_as_of import Version, as_published, versions
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class InForce:
    """A version that held on a day; `adopted_on` is when the company adopted it, None where no record says so."""

    day: date
    version: str
    from_: date
    until: date | None
    entity: str
    adopted_on: date | None
    language: str
    sha256: str
    event: str


def in_force(project: Project, day: date, entity: str = "", language: str = "") -> InForce:
    """Return the version that held; raises NotFoundError where none did, or not in that language."""
    found = next((one for one in reversed(versions(project)) if one.from_ <= day), None)
    if found is None:
        raise NotFoundError(f"No version of the policy was in force on {day}. `troth versions` lists them.")
    company = establishment(project, entity or None).entity
    spoken = language or next(iter(found.languages))
    if spoken not in found.languages:
        known = ", ".join(found.languages)
        raise NotFoundError(
            f"Version {found.version} was not published in {spoken[:10]!r}. There are: {known}."
        )
    on = adopted(project).get(company, {}).get(found.version)
    return InForce(day, found.version, found.from_, found.until, company, on if on and on <= day else None, spoken,
                   found.languages[spoken], found.published.id)  # fmt: skip


def text_of(project: Project, version: str) -> tuple[Version, Policy]:
    """Return a version that was, is or will be in force, with its text; raises NotFoundError where there is none."""
    found = next((one for one in versions(project) if one.version == version), None)
    known = as_published(project, version)
    if found is None or known is None:
        raise NotFoundError(f"Version {version[:20]!r} never came into force.")
    return found, known[0]
