"""Who works on the files of a lake: this process, or the machines of a Spark cluster.

The unit of work is a file, and a piece of work is a function of its task alone.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import Protocol, TypeVar

from troth.errors import NotFoundError
from troth.rules.map import Map
from troth.stores.lake_layout import Part

CORES_MAX = 4  # a row group of each file at work is held in memory


class OfFile(Protocol):
    """A task: what is to be done with one file."""

    @property
    def part(self) -> Part:
        """The file."""
        ...


Task = TypeVar("Task", bound=OfFile)
Result = TypeVar("Result")


class Workers(Protocol):
    """What runs a function on many tasks."""

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield what the function gives for each task, in their order; raises what it raises."""
        ...


class Embedded:
    """As many files at once as this machine has cores, in this process."""

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield what the function gives for each task; only so many are begun before their turn as there are cores."""
        cores = min(os.cpu_count() or 1, CORES_MAX)
        with ThreadPoolExecutor(cores) as pool:
            begun: deque[Future[Result]] = deque()
            try:
                for task in tasks:
                    begun.append(pool.submit(function, task))
                    if len(begun) > cores:
                        yield begun.popleft().result()
                while begun:
                    yield begun.popleft().result()
            finally:
                for each in begun:
                    each.cancel()


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
