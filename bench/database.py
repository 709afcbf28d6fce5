"""Finding and erasing in PostgreSQL, beside the SQL a person would write by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import psycopg
from troth.stores.connect import connect
from troth.stores.map_file import read

from bench import shop
from bench.measure import Line, in_turns, milliseconds
from troth.stores.contract import Store, Who

TODAY = date(2026, 11, 23)
BATCH = 100


def who(email: str) -> Who:
    """Name a subject by an e-mail address."""
    return Who(subject=email.partition("@")[0], identifiers=(("email", email),))


def emails(numbers: Sequence[int]) -> list[str]:
    """Name customers by their numbers."""
    return [f"someone-{number}@shop.example" for number in numbers]


def open_store(url: str) -> Store:
    """Open the shop through its map."""
    file = Path(__file__).with_name("shop.yaml")
    found, problems = read(file.read_text(encoding="utf-8"), file.name)
    if found is None or problems:
        raise SystemExit("\n".join(str(problem) for problem in problems))
    return connect(found, {"find": url, "change": url})


def erase(store: Store, step: str, subjects: list[Who]) -> int:
    """Measure, act and verify, as a request does; return how many rows."""
    approved = store.measure(subjects, TODAY)
    acted = store.act(step, subjects, TODAY, approved)
    if store.gone(subjects):
        raise SystemExit("Something was left behind: the measurement means nothing.")
    return sum(count.rows for count in acted.counts)


def run(url: str, customers: int, rounds: int) -> list[Line]:
    """Build the shop and measure; each subject is erased once, by one side."""
    rows = shop.build(url, customers)
    store = open_store(url)
    lines = []
    with psycopg.connect(url) as connection:
        connection.prepare_threshold = 1
        for email in emails(range(1, 21)):  # warm both
            list(store.find([who(email)]))
            shop.access_by_hand(connection, email)
        store.measure([who("someone-20@shop.example")], TODAY)

        seen = emails(range(1000, 1000 + rounds))
        ours, floor = in_turns(
            [lambda e=email: list(store.find([who(e)])) for email in seen],
            [lambda e=email: shop.access_by_hand(connection, e) for email in seen],
        )
        lines.append(
            Line("access, one subject", ours, "ms", floor, "≤ 4 × and ≤ 5 ms", ours <= min(4 * floor, 5))
        )

        mine, theirs = emails(range(5000, 5000 + rounds)), emails(range(7000, 7000 + rounds))
        ours, floor = in_turns(
            [lambda e=email: erase(store, f"erase {e}", [who(e)]) for email in mine],
            [lambda e=email: shop.erase_by_hand(connection, [e]) for email in theirs],
        )
        lines.append(
            Line("erasure with its measure and check", ours, "ms", floor, "≤ 5 ×", ours <= 5 * floor)
        )
        alone = in_turns(
            [lambda e=email: _act_only(store, e) for email in emails(range(9000, 9000 + rounds))],
            [
                lambda e=email: shop.erase_by_hand(connection, [e])
                for email in emails(range(9500, 9500 + rounds))
            ],
        )
        lines.append(Line("  of which measure and act", *_named(alone)))

        batch, other = emails(range(11_000, 11_000 + BATCH)), emails(range(12_000, 12_000 + BATCH))
        ours = milliseconds(lambda: erase(store, "erase a batch", [who(email) for email in batch]))
        floor = milliseconds(lambda: shop.erase_by_hand(connection, other))
        lines.append(Line(f"{BATCH} erasures in a batch", ours, "ms", floor, "≤ 60 ms", ours <= 60))

        heavy = who(shop.HEAVY)
        ours = milliseconds(lambda: sum(1 for _ in store.find([heavy])))
        lines.append(Line("access, 40,000 rows", ours, "ms", None, "< 500 ms", ours < 500))
        ours = milliseconds(lambda: erase(store, "erase the heavy one", [heavy]))
        lines.append(Line("erasure, 40,000 rows", ours, "ms", None, "< 500 ms", ours < 500))

        scanned = store.scan([who(email) for email in batch])
        speed = scanned.bytes / 1e6 / max(scanned.seconds, 1e-9)
        lines.append(Line(f"residue pass over {rows:,} rows, {BATCH} subjects", speed, "MB/s"))
    store.close()
    return lines


def _act_only(store: Store, email: str) -> None:
    subject = [who(email)]
    store.act(f"act {email}", subject, TODAY, store.measure(subject, TODAY))


def _named(pair: tuple[float, float]) -> tuple[float, str, float]:
    ours, floor = pair
    return ours, "ms", floor
