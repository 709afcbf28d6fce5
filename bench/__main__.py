"""Measure Troth beside the hand-written floor: `make bench`, or `python -m bench --help`.

Everything runs on this machine, on a PostgreSQL server of the measurement's own, in turns
with the floor, so that a busy machine slows both; what is printed are medians and ratios.
`bench/README.md` says what each line means.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import cookies, database, ledger, maps, process, requests, scan, server, shop
from bench.measure import Line, show

PARTS = ("stores", "requests", "ledger", "process", "maps", "cookies", "scan")


def main() -> int:
    """Run the measurements asked for, and print them as one table."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure these parts alone")
    asked.add_argument("--customers", type=int, default=100_000, help="how many customers the shop has")
    asked.add_argument("--rounds", type=int, default=200, help="how many times each small thing is done")
    asked.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    given = asked.parse_args()
    if given.customers < 50_000 or not 1 <= given.rounds <= 400:
        asked.error("Take 50,000 customers or more, and 1 to 400 rounds: each subject is erased only once.")
    lines = measure(given.only, given.customers, given.rounds)
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "customers": given.customers,
    }
    sys.stdout.write(f"\n{', '.join(f'{name} {value}' for name, value in facts.items())}\n\n{show(lines)}\n")
    if given.json is not None:
        told = facts | {"lines": [line.as_json() for line in lines]}
        given.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def measure(parts: Sequence[str], customers: int, rounds: int) -> list[Line]:
    """Measure these parts, in the order of the table."""
    lines: list[Line] = []
    with ExitStack() as stack:
        url = (
            stack.enter_context(server.running())
            if set(parts) - {"process", "maps", "cookies", "scan"}
            else ""
        )
        if {"stores", "requests"} & set(parts):
            made = server.database(url, "bench_shop")
            rows = shop.build(made, customers)
            if "stores" in parts:
                lines += database.run(made, rows, rounds)
            if "requests" in parts:
                lines += requests.run(made, rounds)
        if "ledger" in parts:
            lines += ledger.run(url)
        if "maps" in parts:
            lines += maps.run()
        if "cookies" in parts:
            lines += cookies.run(server.ROOT)
        if "scan" in parts:
            lines += scan.run(server.ROOT)
        if "process" in parts:
            lines += process.run(server.ROOT)
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
