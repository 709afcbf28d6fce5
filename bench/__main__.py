"""Measure Troth beside the hand-written floor: `make bench`, or `python -m bench --help`.

Everything runs in this process on a PostgreSQL server of its own, in turns with the floor,
so a busy machine slows both; what is printed are medians and their ratio.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import database, process
from bench.measure import Line, show

ROOT = Path(__file__).resolve().parent.parent
SUBJECTS = ("database", "process")


def main() -> None:
    """Run the measurements asked for, and print them as one table."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument(
        "what", nargs="*", choices=[*SUBJECTS, []], help="database, process; both when left out"
    )
    asked.add_argument("--customers", type=int, default=100_000, help="how many customers the shop has")
    asked.add_argument("--rounds", type=int, default=200, help="how many times each small thing is done")
    asked.add_argument("--install", action="store_true", help="also measure a fresh install of the lock file")
    given = asked.parse_args()
    what = given.what or SUBJECTS
    lines: list[Line] = []
    if "database" in what:
        with server() as url:
            lines += database.run(url, given.customers, given.rounds)
    if "process" in what:
        lines += process.run(ROOT, install=given.install)
    machine = f"Python {platform.python_version()} on {os.cpu_count()} cores, {given.customers:,} customers."
    sys.stdout.write(f"\n{machine}\n\n{show(lines)}\n")


@contextmanager
def server() -> Iterator[str]:
    """Run the PostgreSQL server that the tests use."""
    sys.path.insert(0, str(ROOT / "tests"))
    from servers import postgresql_server

    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder, postgresql_server(Path(folder)) as url:
        yield url


if __name__ == "__main__":
    main()
