"""Timing two ways of doing one thing in turns, and showing the lines as a table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement: ours, the floor where there is one, and what is to be reached.

    `ratio_max` and `ours_max` (or `ours_min`) are the targets; a line with none is told, not judged.
    """

    part: str
    what: str
    ours: float
    unit: str
    floor: float | None = None
    ratio_max: float | None = None
    ours_max: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the floor."""
        return self.ours / self.floor if self.floor else None

    @property
    def target(self) -> str:
        """What is to be reached, in words."""
        wanted = [f"≤ {self.ratio_max:g} ×"] if self.ratio_max is not None else []
        wanted += [f"≤ {self.ours_max:g} {self.unit}".rstrip()] if self.ours_max is not None else []
        return " and ".join(wanted)

    @property
    def reached(self) -> bool | None:
        """Whether every target is reached; None where there is none."""
        if self.ratio_max is None and self.ours_max is None:
            return None
        below = self.ours_max is None or self.ours <= self.ours_max
        return below and (self.ratio_max is None or (self.ratio or 0) <= self.ratio_max)

    def as_json(self) -> dict[str, object]:
        """Return the line for machines."""
        told = {name: getattr(self, name) for name in ("part", "what", "ours", "unit", "floor", "ratio")}
        return told | {"target": self.target, "reached": self.reached}


def milliseconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def most_mebibytes() -> float:
    """Return the most memory this process ever needed, in MiB.

    Linux tells it of the program alone; what `getrusage` tells begins with whoever started the process.
    """
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    return float(told.partition("VmHWM:")[2].split()[0]) / 1024


def in_turns(
    ours: Iterable[Callable[[], object]], floor: Iterable[Callable[[], object]]
) -> tuple[float, float]:
    """Time pairs of calls, one of each in turn; return both medians in milliseconds."""
    pairs = [(milliseconds(one), milliseconds(other)) for one, other in zip(ours, floor, strict=True)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def show(lines: Iterable[Line]) -> str:
    """Write the lines as a table for people."""
    rows = [("what", "ours", "floor", "ratio", "to reach", "")]
    part = ""
    for line in lines:
        if line.part != part:
            part = line.part
            rows.append((part.upper(), "", "", "", "", ""))
        ratio = f"{line.ratio:.1f}" if line.ratio is not None else ""
        floor = _amount(line.floor, line.unit) if line.floor else ""
        mark = {True: "reached", False: "NOT reached", None: ""}[line.reached]
        rows.append((f"  {line.what}", _amount(line.ours, line.unit), floor, ratio, line.target, mark))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    written = [
        "  ".join(
            cell.ljust(width) if column in {0, 4, 5} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([written[0], "-" * max(map(len, written)), *written[1:]])


def _amount(value: float, unit: str) -> str:
    digits = 0 if value >= 1000 or not unit else 2 if value < 100 else 1
    return f"{value:,.{digits}f} {unit}".rstrip()
