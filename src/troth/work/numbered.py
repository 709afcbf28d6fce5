"""What is numbered by the year and moves by events of its own stream: incidents, actions, inspections.

Two that are opened at the same moment never get the same number: whoever comes second takes the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from troth.errors import ConflictError, NotFoundError
from troth.ledger import append, read
from troth.rules.event import Draft, Event
from troth.work.project import Project

TRIES = 50


@dataclass(frozen=True, slots=True)
class Numbered:
    """One of them as it stands, at the version of its stream."""

    family: ClassVar[str]
    letter: ClassVar[str]
    """The letter with which its numbers begin, such as I of I-2026-001."""

    number: str
    version: int
    state: Mapping[str, Any]

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return f"{self.family}/{self.number}"

    @classmethod
    def load(cls, project: Project, number: str, lists: str) -> Self:
        """Read one; raises NotFoundError where there is none, naming the command that `lists` them."""
        found = read.state(project.ledger, f"{cls.family}/{number}")
        if found is None:
            raise NotFoundError(f"There is no {cls.family} {number[:20]!r}. `{lists}` shows them.")
        return cls(number, found.version, found.body)

    @classmethod
    def begin(
        cls, project: Project, year: int, drafts: Callable[[str], Sequence[Draft]], *, once: str | None = None
    ) -> Event:
        """Write what `drafts` makes of the next free number of a year; returns the first event.

        Where the same was said before under `once`, nothing is written and that event is returned.
        """
        start = f"{cls.family}/{cls.letter}-{year}-"
        for _ in range(TRIES):
            number = f"{cls.letter}-{year}-{read.last_number(project.ledger, start) + 1:03}"
            try:
                expect = {f"{cls.family}/{number}": 0}
                return append.append(project.ledger, drafts(number), expect=expect, once=once)[0]
            except ConflictError:
                continue
        raise ConflictError(f"Too many {cls.family}s were opened at the same moment. Say it again.")
