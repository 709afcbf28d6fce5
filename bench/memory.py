"""The most memory a process needs while it reads a whole store, for two sizes of the store.

Run by itself (`python -m bench.memory URL`) it reads, and prints the most it needed.
"""

from __future__ import annotations

import subprocess
import sys

from bench import shop
from bench.database import TODAY, emails, open_store, who
from bench.measure import Line, most_mebibytes
from bench.server import ROOT
from troth.stores.contract import Replays

PART = "memory, as the store grows (its floor is the smaller one)"


def run(small: str, large: str, rows: tuple[int, int]) -> list[Line]:
    """Read both stores, each in a process of its own."""
    needed = [_needed(url) for url in (small, large)]
    what = f"all entries read, residue searched: {rows[0]:,} and {rows[1]:,} rows"
    return [Line(PART, what, needed[1], "MiB", needed[0], 1.2)]


def _needed(url: str) -> float:
    command = [sys.executable, "-m", "bench.memory", url]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return float(done.stdout)


def _read(url: str) -> None:
    """Read every entry, as a replay does, one subject of 40,000 rows, and search every column."""
    store = open_store(url)
    assert isinstance(store, Replays)
    if not sum(1 for _ in store.entries()) or not sum(1 for _ in store.find([who(shop.HEAVY[2])])):
        raise SystemExit("There is nothing to read: the measurement means nothing.")
    store.scan([who(email) for email in emails(1, 100)], TODAY)
    store.close()


if __name__ == "__main__":
    _read(sys.argv[1])
    sys.stdout.write(f"{most_mebibytes():.1f}\n")
