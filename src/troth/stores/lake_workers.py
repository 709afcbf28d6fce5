"""Who works on the files of a lake: this process, or the machines of a Spark cluster.

The unit of work is a file, and a piece of work is a function of its task alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Workers(Protocol):
    """What runs a function on many tasks."""

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield what the function gives for each task, in their order; raises what it raises."""
        ...


class Embedded:
    """One file after the other, in this process."""

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield what the function gives for each task."""
        return map(function, tasks)
