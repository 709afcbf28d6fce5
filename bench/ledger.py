"""The ledger: events a second written one by one and in batches, sealed and verified."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import server
from bench.measure import Line
from troth.ledger import seal
from troth.ledger.append import append
from troth.ledger.master_key import MasterKey
from troth.ledger.schema import Ledger, open_ledger
from troth.ledger.verify import verify
from troth.rules.event import Draft

PART = "ledger: events a second"
ALONE, BATCHES, BATCH = 500, 20, 500


def run(url: str) -> list[Line]:
    """Measure a ledger on SQLite, whose commits wait for the disk, and one on PostgreSQL."""
    lines = []
    for kind, opened in (("SQLite", _sqlite), ("PostgreSQL", lambda: _postgresql(url))):
        with opened() as ledger:
            lines += _lines(ledger, kind)
    return lines


def _lines(ledger: Ledger, kind: str) -> Iterator[Line]:
    append(ledger, [draft(0)])  # the first opens connections and makes keys
    seal.seal_all(ledger)
    plain = [lambda n=number: append(ledger, [draft(n)]) for number in range(ALONE)]
    yield _speed(f"appended one by one, {kind}", ALONE, lambda: [call() for call in plain])
    secret = [lambda n=number: append(ledger, [draft(n, secret=True)]) for number in range(ALONE)]
    yield _speed(f"  each with an encrypted payload, {kind}", ALONE, lambda: [call() for call in secret])
    batches = [[draft(b * BATCH + n) for n in range(BATCH)] for b in range(BATCHES)]
    yield _speed(
        f"appended {BATCH} at once, {kind}", BATCH * BATCHES, lambda: [append(ledger, b) for b in batches]
    )
    events = 2 * ALONE + BATCH * BATCHES
    yield _speed(f"sealed, {kind}", events, lambda: seal.seal_all(ledger))
    found = []
    yield _speed(f"verified, {kind}", events + 1, lambda: found.append(verify(ledger)))
    if not found[0].whole or found[0].sealed != events + 1:
        raise SystemExit("The ledger is not whole: the measurement means nothing.")


def draft(number: int, *, secret: bool = False) -> Draft:
    """Return an event of one of a thousand requests."""
    return Draft(
        "request_moved",
        f"bench/{number % 1000}",
        {"to": "later", "reason": f"reason-{number}"},
        entity="main",
        subject=f"subject-{number % 1000}",
        request=str(number % 1000),
        payload={"note": "what somebody wrote"} if secret else None,
    )


def _speed(what: str, events: int, call: Callable[[], object]) -> Line:
    start = time.perf_counter()
    call()
    return Line(PART, what, events / (time.perf_counter() - start), "/s")


@contextmanager
def _sqlite() -> Iterator[Ledger]:
    with TemporaryDirectory(prefix="troth-bench-") as folder:
        yield from _opened(*(f"sqlite:///{Path(folder) / name}.db" for name in ("ledger", "keys")))


@contextmanager
def _postgresql(url: str) -> Iterator[Ledger]:
    yield from _opened(*(server.database(url, f"bench_events_{name}") for name in ("ledger", "keys")))


def _opened(url: str, keys: str) -> Iterator[Ledger]:
    ledger = open_ledger(url, keys, MasterKey(bytes(range(32))), lambda: datetime.now(UTC))
    yield ledger
    ledger.close()
