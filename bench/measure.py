"""Timing two ways of doing one thing in turns, and showing the lines as a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement: ours, the floor where there is one, and what is to be reached."""

    what: str
    ours: float
    unit: str
    floor: float | None = None
    target: str = ""
    reached: bool | None = None


def milliseconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def in_turns(
    ours: Iterable[Callable[[], object]], floor: Iterable[Callable[[], object]]
) -> tuple[float, float]:
    """Time pairs of calls, one of each in turn; return both medians in milliseconds."""
    pairs = [(milliseconds(one), milliseconds(other)) for one, other in zip(ours, floor, strict=True)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def show(lines: Iterable[Line]) -> str:
    """Write the lines as a table for people."""
    rows = [("what", "ours", "floor", "ratio", "to reach", "")]
    for line in lines:
        ratio = f"{line.ours / line.floor:.1f}" if line.floor else ""
        floor = f"{line.floor:,.2f} {line.unit}" if line.floor else ""
        mark = {True: "reached", False: "NOT reached", None: ""}[line.reached]
        rows.append((line.what, f"{line.ours:,.2f} {line.unit}", floor, ratio, line.target, mark))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    written = [
        "  ".join(
            cell.ljust(width) if column in {0, 4, 5} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([written[0], "-" * len(written[0]), *written[1:]])
