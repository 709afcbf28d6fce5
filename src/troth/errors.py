"""What can go wrong, sorted by what the caller should do next.

Two shapes.  A *problem* is a mistake in a file somebody wrote: a value, with the
place, the cause and the remedy, collected and shown all at once.  An *error* is
raised when the work cannot go on; its class says what the caller may do about it.

No message here, and none built from these classes, carries personal data: names
of stores, tables, columns, clauses and settings only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake in a file, at `line` and `column` (both from 1), and how to mend it."""

    file: str
    line: int
    column: int
    what: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one line, the way compilers and editors expect.

        >>> str(Problem("policy.md", 12, 3, "There is no unit in '13'.", "Write '13 months'."))
        "policy.md:12:3: There is no unit in '13'. Write '13 months'."
        """
        return f"{self.file}:{self.line}:{self.column}: {self.what} {self.remedy}"


class TrothError(Exception):
    """The system could not do what it was asked."""


class NotFoundError(TrothError):
    """Nothing goes by that name: ask for something else."""


class NotAllowedError(TrothError):
    """A rule forbids it: change the request, not the retry count."""


class WrongFileError(NotAllowedError):
    """A file somebody wrote has mistakes: mend them all, then try again."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConflictError(TrothError):
    """Somebody else changed it meanwhile: look again, then decide again."""


class UnreachableError(TrothError):
    """A part did not answer: the same call may be tried again."""


class TamperedError(TrothError):
    """A record is not as it was written: stop, and tell a person."""


class KeyDestroyedError(TrothError):
    """What was asked for was erased on purpose, by destroying its key."""
