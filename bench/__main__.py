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

from bench import (
    audit,
    batch,
    consent,
    console,
    cookies,
    database,
    graph,
    lakes,
    ledger,
    maps,
    memory,
    process,
    requests,
    residue,
    scan,
    server,
    shop,
    sweep,
)
from bench.measure import Line, show

PARTS = (
    "stores",
    "graph",
    "residue",
    "memory",
    "batch",
    "requests",
    "ledger",
    "process",
    "maps",
    "cookies",
    "scan",
    "consent",
    "lakes",
    "sweep",
    "audit",
    "console",
)
ALONE = {
    "process",
    "maps",
    "cookies",
    "scan",
    "lakes",
    "consent",
    "audit",
    "console",
}  # no server that others use is needed
LARGE = {"residue", "memory", "batch"}  # measured in the large shop


def main() -> int:
    """Run the measurements asked for, and print them as one table."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="measure these parts alone")
    asked.add_argument("--customers", type=int, default=100_000, help="how many customers the shop has")
    asked.add_argument("--large", type=int, default=400_000, help="how many the shop of ten million rows has")
    asked.add_argument("--erasures", type=int, default=10_000, help="how many erasures a batch has")
    asked.add_argument(
        "--subjects", type=int, default=10_000_000, help="how many subjects the gate's copy holds"
    )
    asked.add_argument("--going", type=int, default=10_000_000, help="how many rows a sweep lets go")
    asked.add_argument(
        "--audited", type=int, default=1_000_000, help="how many people the audited ledger knows"
    )
    asked.add_argument(
        "--listed", type=int, default=100_000, help="how many requests the console's ledger has"
    )
    asked.add_argument("--rounds", type=int, default=200, help="how many times each small thing is done")
    asked.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    given = asked.parse_args()
    if given.customers < 50_000 or not 1 <= given.rounds <= 400:
        asked.error("Take 50,000 customers or more, and 1 to 400 rounds: each subject is erased only once.")
    if given.large < max(100_000, 10 * given.erasures) or given.erasures < 3_000:
        asked.error(
            "Take 3,000 erasures or more, and a large shop of ten customers for each, 100,000 at least."
        )
    lines = measure(given.only, given.customers, given.rounds, given.large, given.erasures, given.subjects)
    if "sweep" in given.only:
        with server.running() as url:
            lines += sweep.run(server.database(url, "bench_sweep"), given.going)
    if "audit" in given.only:
        lines += audit.run(given.audited)
    if "console" in given.only:
        lines += console.run(given.listed)
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "customers": given.customers,
        "in the large shop": given.large,
    }
    sys.stdout.write(f"\n{', '.join(f'{name} {value}' for name, value in facts.items())}\n\n{show(lines)}\n")
    if given.json is not None:
        told = facts | {"lines": [line.as_json() for line in lines]}
        given.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def measure(
    parts: Sequence[str], customers: int, rounds: int, large: int, erasures: int, subjects: int
) -> list[Line]:
    """Measure these parts, in the order of the table."""
    lines: list[Line] = []
    with ExitStack() as stack:
        url = stack.enter_context(server.running()) if set(parts) - ALONE - {"sweep"} else ""
        if {"stores", "requests"} & set(parts):
            made = server.database(url, "bench_shop")
            rows = shop.build(made, customers)
            if "stores" in parts:
                lines += database.run(made, rows, rounds)
            if "requests" in parts:
                lines += requests.run(made, rounds)
        if "graph" in parts:
            lines += graph.run(server.database(url, "bench_graph"), min(rounds, 50))
        if set(parts) & LARGE:
            lines += _large(url, parts, large, erasures)
        if "ledger" in parts:
            lines += ledger.run(url)
        if "maps" in parts:
            lines += maps.run()
        if "cookies" in parts:
            lines += cookies.run(server.ROOT)
        if "scan" in parts:
            lines += scan.run(server.ROOT)
        if "consent" in parts:
            lines += consent.run(subjects)
        if "lakes" in parts:
            lines += lakes.run()
        if "process" in parts:
            lines += process.run(server.ROOT)
    return lines


def _large(url: str, parts: Sequence[str], customers: int, erasures: int) -> list[Line]:
    """Measure what only shows in a large shop; the batch comes last, as it leaves fewer customers."""
    lines: list[Line] = []
    made = server.database(url, "bench_large")
    rows = shop.build(made, customers)
    if "residue" in parts:
        lines += residue.run(made, rows, customers)
    if "memory" in parts:
        small = server.database(url, "bench_small")
        lines += memory.run(small, made, (shop.build(small, customers // 4), rows))
    if "batch" in parts:
        lines += batch.run(made, rows, customers, erasures)
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
