"""Finding and erasing in PostgreSQL, beside the SQL a person would write by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg

from bench import shop
from bench.measure import Line, in_turns, milliseconds
from troth.stores.connect import connect
from troth.stores.contract import Store, Who
from troth.stores.map_file import read

TODAY = date(2026, 11, 23)
BATCH = 100
PART = "stores: PostgreSQL, the database's part alone"
MAP = Path(__file__).with_name("shop.yaml")


def who(email: str) -> Who:
    """Name a subject by an e-mail address."""
    return Who(subject=email.partition("@")[0], identifiers=(("email", email),))


def emails(start: int, count: int) -> list[str]:
    """Name customers by their numbers."""
    return [f"someone-{number}@shop.example" for number in range(start, start + count)]


def open_store(url: str) -> Store:
    """Open the shop through its map."""
    found, problems = read(MAP.read_text(encoding="utf-8"), MAP.name)
    if found is None or problems:
        raise SystemExit("\n".join(str(problem) for problem in problems))
    return connect(found, {"find": url, "change": url})


def erase(store: Store, step: str, subjects: list[Who]) -> int:
    """Measure, act and verify, as a request does; return how many rows."""
    approved = store.measure(subjects, TODAY)
    acted = store.act(step, subjects, TODAY, approved)
    if store.gone(subjects, TODAY):
        raise SystemExit("Something was left behind: the measurement means nothing.")
    return sum(count.rows for count in acted.counts)


def run(url: str, rows: int, rounds: int) -> list[Line]:
    """Measure against the shop; each subject is erased once, by one side."""
    store = open_store(url)
    with psycopg.connect(url) as connection:
        connection.prepare_threshold = 1
        _warm(store, connection)
        lines = [
            *_access(store, connection, rounds),
            *_erasure(store, connection, rounds),
            *_batch(store, connection),
            *_heavy(store, connection),
            *_residue(store, rows),
        ]
    store.close()
    return lines


def _warm(store: Store, connection: psycopg.Connection) -> None:
    """Let both sides compile and prepare what they do, and check that they do the same."""
    for email in emails(1, 20):
        ours, by_hand = len(list(store.find([who(email)]))), shop.access_by_hand(connection, email)
        if ours < by_hand:
            raise SystemExit(f"We found {ours} rows where {by_hand} are: the measurement means nothing.")
    for number, (one, other) in enumerate(zip(emails(30, 5), emails(40, 5), strict=True)):
        ours, by_hand = (
            erase(store, f"warm {number}", [who(one)]),
            shop.erase_by_hand(connection, [other]),
        )
        if ours != by_hand:
            raise SystemExit(f"We erased {ours} rows and the floor {by_hand}: the measurement means nothing.")


def _access(store: Store, connection: psycopg.Connection, rounds: int) -> list[Line]:
    seen = emails(1000, rounds)
    ours, floor = in_turns(
        [lambda e=email: list(store.find([who(e)])) for email in seen],
        [lambda e=email: shop.access_by_hand(connection, e) for email in seen],
    )
    lines = [Line(PART, "access, one subject", ours, "ms", floor, 4, 5)]
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        times = []
        for number in range(5):  # an address came in some other writing, perhaps: the column is read again
            other.execute("UPDATE customer SET name = name WHERE id = %s", (50 + number,))
            other.execute("SELECT pg_stat_force_next_flush()")
            times.append(milliseconds(lambda: list(store.find([who(seen[0])]))))
    return [*lines, Line(PART, "  the first after a customer was changed", sorted(times)[2], "ms")]


def _erasure(store: Store, connection: psycopg.Connection, rounds: int) -> list[Line]:
    ours, floor = in_turns(
        [lambda e=email: erase(store, f"erase {e}", [who(e)]) for email in emails(5000, rounds)],
        [lambda e=email: shop.erase_by_hand(connection, [e]) for email in emails(7000, rounds)],
    )
    lines = [Line(PART, "erasure: measured, done, verified", ours, "ms", floor, 5)]
    subjects = [who(email) for email in emails(9000, rounds)]
    approved = [store.measure([subject], TODAY) for subject in subjects]
    ours, floor = in_turns(
        [
            lambda s=subject, a=plan: store.act(f"act {s.subject}", [s], TODAY, a)
            for subject, plan in zip(subjects, approved, strict=True)
        ],
        [lambda e=email: shop.erase_by_hand(connection, [e]) for email in emails(9500, rounds)],
    )
    return [*lines, Line(PART, "  of which done, with its check by key", ours, "ms", floor)]


def _batch(store: Store, connection: psycopg.Connection) -> list[Line]:
    times = []
    for number in range(3):
        ours = [who(email) for email in emails(11_000 + 1000 * number, BATCH)]
        floor = emails(11_500 + 1000 * number, BATCH)
        times.append(
            (
                milliseconds(lambda o=ours, n=number: erase(store, f"batch {n}", o)),
                milliseconds(lambda f=floor: shop.erase_by_hand(connection, f)),
            )
        )
    ours, floor = sorted(times)[1]
    return [Line(PART, f"{BATCH} erasures in a batch", ours, "ms", floor, None, 60)]


def _heavy(store: Store, connection: psycopg.Connection) -> list[Line]:
    one, other = who(shop.HEAVY[0]), shop.HEAVY[1]
    access = sorted(
        (
            milliseconds(lambda: sum(1 for _ in store.find([one]))),
            milliseconds(lambda: shop.access_by_hand(connection, shop.HEAVY[0])),
        )
        for _ in range(3)
    )[1]
    erasure = (
        milliseconds(lambda: erase(store, "the heavy one", [one])),
        milliseconds(lambda: shop.erase_by_hand(connection, [other])),
    )
    return [
        Line(PART, "access, one subject with 40,000 rows", access[0], "ms", access[1], None, 500),
        Line(PART, "erasure, one subject with 40,000 rows", erasure[0], "ms", erasure[1], None, 500),
    ]


def _residue(store: Store, rows: int) -> list[Line]:
    lines = []
    for count in (1, 100, 1000):
        scanned = store.scan([who(email) for email in emails(20_000, count)], TODAY)
        speed = scanned.bytes / 1e6 / max(scanned.seconds, 1e-9)
        subjects = "1 subject" if count == 1 else f"{count:,} subjects"
        lines.append(Line(PART, f"residue pass over {rows:,} rows, {subjects}", speed, "MB/s"))
    return lines
