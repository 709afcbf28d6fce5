"""Ten thousand erasures in one batch, beside the set-based SQL written by hand for this shop."""

from __future__ import annotations

import random
import statistics

import psycopg

from bench import shop
from bench.database import TODAY, open_store, who
from bench.measure import Line, milliseconds
from troth.stores.contract import Store, Who

ROUNDS = 3


def run(url: str, rows: int, customers: int, erasures: int) -> list[Line]:
    """Erase batches of customers drawn from the whole shop, by each side in turn."""
    drawn = random.Random(7).sample(range(1, customers + 1), 2 * ROUNDS * erasures)
    batches = [
        [f"someone-{number}@shop.example" for number in drawn[start : start + erasures]]
        for start in range(0, len(drawn), erasures)
    ]
    times: dict[str, list[float]] = {each: [] for each in ("count", "act", "gone", "by hand", "with counts")}
    store = open_store(url)
    with psycopg.connect(url) as connection:
        connection.prepare_threshold = 1
        _warm(store, connection)
        for number in range(ROUNDS):
            _even(connection)
            counted = milliseconds(lambda n=number: shop.count_by_hand(connection, batches[2 * n]))
            times["by hand"].append(
                milliseconds(lambda n=number: shop.erase_by_hand(connection, batches[2 * n]))
            )
            looked = milliseconds(lambda n=number: shop.count_by_hand(connection, batches[2 * n]))
            times["with counts"].append(counted + times["by hand"][-1] + looked)
            _even(connection)
            subjects = [who(email) for email in batches[2 * number + 1]]
            for name, took in zip(
                ("count", "act", "gone"), _erased(store, f"batch {number}", subjects), strict=True
            ):
                times[name].append(took)
    store.close()
    count, act, gone, by_hand, with_counts = (statistics.median(each) for each in times.values())
    part = f"a batch: {erasures:,} erasures on PostgreSQL, {rows:,} rows"
    return [
        Line(part, "counted, done, checked, looked for again", count + act + gone, "ms", with_counts, 1.3),
        Line(part, "  the same beside the erasure by hand alone", count + act + gone, "ms", by_hand),
        Line(part, "  of which done, with its check", act, "ms", by_hand, 1.3),
        Line(part, "  of which counted by reading", count, "ms"),
    ]


def _erased(store: Store, step: str, subjects: list[Who]) -> tuple[float, float, float]:
    approved = []
    count = milliseconds(lambda: approved.append(store.measure(subjects, TODAY)))
    if approved[0].how != "counted":
        raise SystemExit("So small a batch is measured, not counted: the measurement means nothing.")
    act = milliseconds(lambda: store.act(step, subjects, TODAY, approved[0]))
    left: list[int] = []
    gone = milliseconds(lambda: left.append(store.gone(subjects, TODAY)))
    if left != [0]:
        raise SystemExit("Something was left behind: the measurement means nothing.")
    return count, act, gone


def _even(connection: psycopg.Connection) -> None:
    """Write everything to disk, so that each side's writing begins alike."""
    connection.execute("CHECKPOINT")
    connection.commit()


def _warm(store: Store, connection: psycopg.Connection) -> None:
    """Compile and prepare on both sides, and check that both find the same."""
    subjects = [who(shop.HEAVY[2])]
    ours = sum(count.rows for count in store.measure(subjects, TODAY).counts)
    if ours != shop.count_by_hand(connection, [shop.HEAVY[2]]):
        raise SystemExit("The two sides do not count the same rows: the measurement means nothing.")
    store.gone(subjects, TODAY)
