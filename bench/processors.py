"""How long processors have worked: this process, and a PostgreSQL server with all that it started."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psycopg

TICKS = os.sysconf("SC_CLK_TCK")


def worked(connection: psycopg.Connection) -> float:
    """Return the seconds that processors have worked for this process and for the server of a connection."""
    return time.process_time() + server(connection)


def server(connection: psycopg.Connection) -> float:
    """Return the seconds that processors have worked for a server on this machine, its processes that ended too."""
    parent = _stat(connection.info.backend_pid)[0]
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                above, own, ended = _stat(int(folder.name))
            except (OSError, IndexError):
                continue  # it ended meanwhile, and is counted by its parent from now on
            if int(folder.name) == parent:
                total += own + ended
            elif above == parent:
                total += own
    return total


def _stat(number: int) -> tuple[int, float, float]:
    """Return the parent of a process, its own seconds, and those of its children that have ended."""
    fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return int(fields[1]), own / TICKS, ended / TICKS
