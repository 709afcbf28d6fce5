"""What a question looks at: a project's ledger, whole or as a checkpoint covered it, and of whom or what it asks.

Law: GDPR Art. 5(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from troth.errors import NotFoundError
from troth.ledger.past import Past
from troth.policy.policy import Policy
from troth.rules.map import Map
from troth.rules.question import Asked
from troth.rules.register import Source
from troth.work.draw_register import files_wrong
from troth.work.policy_as_of import as_of
from troth.work.project import Project


@dataclass(frozen=True, slots=True)
class Look:
    """One look: where, what is asked, of which request or of whom.

    `subject` are identifiers, `known` whom the ledger knows by them; that somebody looks is recorded before.
    """

    project: Project
    past: Past
    asked: Asked
    subject: Sequence[tuple[str, str]] = field(default=(), repr=False)
    known: str | None = None
    number: str = ""
    at: datetime | None = None
    """The moment it is asked at, where that is not now."""

    @property
    def moment(self) -> datetime:
        """The moment it is asked at."""
        return self.at or self.project.clock()

    def requests(self) -> Sequence[Mapping[str, Any]]:
        """Return the requests as they stand, by number."""
        return sorted(self.past.states("request").values(), key=in_order)

    @property
    def then(self) -> date | None:
        """The day a register is drawn as of; None where the files as they stand are meant."""
        return self.asked.until and self.asked.day

    def source(self) -> tuple[Source, str]:
        """Return what registers are drawn from, and a sentence that says as of when.

        Raises NotFoundError where nothing was in force on the day.
        """
        project, asked = self.project, self.asked
        if self.then is None:
            wrong = dict(files_wrong(project, project.policy))
            return Source(project.policy, project.maps, asked.today, asked.language, wrong), asked.say(
                "as_files"
            )
        found = as_of(project, self.then, self.past)
        said = asked.say("as_of", day=self.then, version=found.version.version)
        return Source(found.policy, found.maps, self.then, asked.language, {}), said

    def source_or_none(self) -> tuple[Source, str] | None:
        """Return what registers are drawn from, or None where nothing was in force on the day."""
        try:
            return self.source()
        except NotFoundError:
            return None

    def held(self) -> tuple[Policy, Mapping[str, Map]]:
        """Return the policy and the maps: as they stand, or below a checkpoint as they were recorded by then.

        Where none were recorded by then, those of the files are all there is.
        """
        project = self.project
        if self.past.size is None:
            return project.policy, project.maps
        try:
            found = as_of(project, self.asked.day, self.past)
        except NotFoundError:
            return project.policy, project.maps
        return found.policy, found.maps


def in_order(state: Mapping[str, Any]) -> tuple[str, int]:
    """Return the year and the number of a request: 2026-10000 comes after 2026-9999."""
    year, _, number = str(state["id"]).partition("-")
    return year, int(number) if number.isdecimal() else 0
