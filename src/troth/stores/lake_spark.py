"""The files of a lake worked on by the machines of a Spark cluster; this process only plans.

A task is one file; a core gets its files in a slice, as starting on a slice takes longer than a
small file, or in a few where there are many.  Files are dealt to the slices like cards, since those
beside each other are often of one table and of one size.  What a task needs (what is looked for,
what changes in the file) goes to the machine that works on it, and what it found comes back;
neither is logged.  Files that are small together are worked on here, since a job takes longer.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException

from troth.errors import TrothError, UnreachableError
from troth.stores.lake_workers import Embedded, Result, Task

SLICES_PER_CORE = 4  # a core that is done early takes over from one that is not
TASKS_PER_SLICE = 32  # before a core has more slices than one
BYTES_MIN = 16 * 2**20  # what a core works on in about the time that a job takes
JAVA = "-XX:TieredStopAtLevel=1"  # Java only carries tasks here, and starts in half the time when it optimises less


class Spark:
    """Workers that are the cores of a cluster, as Spark's own configuration names it.

    Files that have less than `bytes_min` together are worked on in this process.
    """

    def __init__(self, bytes_min: int = BYTES_MIN) -> None:
        self._bytes_min = bytes_min

    def run(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield what the function gives for each task, in their order."""
        several = list(tasks)
        if not several:
            return iter(())
        if sum(int(task.part.mark[1]) for task in several) < self._bytes_min:
            return Embedded().run(function, several)
        context = _context()
        try:
            slices = slices_of(len(several), context.defaultParallelism)
            dealt = [number for first in range(slices) for number in range(first, len(several), slices)]
            asked = context.parallelize([several[number] for number in dealt], slices)
            answers = dict(zip(dealt, asked.map(_Told(function)).collect(), strict=True))
        except Exception as error:
            if not isinstance(error, PySparkException) and not _is_of_java(error):
                raise
            raise UnreachableError(
                f"A machine of the Spark cluster failed at its work ({type(error).__name__}). Nothing was changed; see "
                "Spark's own log, then try again."
            ) from None
        found: list[Result] = []
        for _, answer in sorted(answers.items(), key=lambda one: one[0]):
            if isinstance(answer, TrothError):
                raise answer
            found.append(answer)
        return iter(found)


def slices_of(tasks: int, cores: int) -> int:
    """Return into how many slices so many tasks are dealt.

    >>> [slices_of(tasks, 2) for tasks in (1, 16, 64, 200, 10_000)]
    [1, 2, 2, 6, 8]
    """
    return min(tasks, cores * max(1, min(SLICES_PER_CORE, tasks // (TASKS_PER_SLICE * cores))))


@dataclass(frozen=True, slots=True)
class _Told(Generic[Task, Result]):
    """The function with its own errors as answers, so that they arrive as they are."""

    function: Callable[[Task], Result]

    def __call__(self, task: Task) -> Result | TrothError:
        _settle()
        try:
            return self.function(task)
        except TrothError as error:
            return error


@cache
def _settle() -> None:
    """Let the code that a worker has loaded be passed by when it tidies its memory, as it does after each slice."""
    gc.freeze()


def _context() -> SparkContext:
    """Return the connection to the cluster, which is made once for a process."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_SUBMIT_OPTS", JAVA)
    quiet = {"spark.app.name": "troth", "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    try:
        return SparkContext.getOrCreate(SparkConf().setAll([*quiet.items()]))
    except Exception as error:
        raise UnreachableError(
            f"Spark did not start ({type(error).__name__}). It needs Java 17 or newer on this machine, and its own "
            "configuration (`spark-defaults.conf`, `SPARK_HOME`) names the cluster."
        ) from None


def _is_of_java(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == "py4j"
