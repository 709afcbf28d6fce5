"""Who works on the files of a lake: this process, or the machines of a Spark cluster.

The unit of work is a file, and a piece of work is a function of its task alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Protocol, TypeVar

from troth.errors import NotFoundError
from troth.rules.map import Map

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


def of(map_: Map) -> Workers:
    """Return the workers that the map asks for; raises NotFoundError where they are not installed."""
    if map_.engine == "embedded":
        return Embedded()
    try:
        found: Workers = import_module("troth.stores.lake_spark").Spark()
    except ImportError as error:
        raise NotFoundError(
            f"The map of the store `{map_.store}` says `engine: spark`, and the part `{error.name}` that this needs "
            "is not installed. Install it with: pip install 'troth[spark]'."
        ) from None
    return found
