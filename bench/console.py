"""Every page of the console with a hundred thousand requests and a million events in the ledger.

The ledger is filled as the audit's is: the real writer makes requests in three states, the rest are copies
of their events and states under other numbers, loaded directly.  Each page is asked of the real
application in this process, as somebody who has every duty, so what is timed is the server's own time.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path

from litestar.testing import TestClient
from sqlalchemy import text

from bench.audit import Moment, _access, _copied, _erasure, _project
from bench.measure import Line
from troth.faces.console.desk import PAGES, ROOT, SESSION
from troth.faces.portal.application import application
from troth.ledger import accounts, listed
from troth.ledger.accounts import Account
from troth.rules.staff import ROLES
from troth.work import admit, open_request, publish_policy, record_register
from troth.work import audit as auditing
from troth.work.project import Project

PART = "console: every page"
ROUNDS = 5
MILLISECONDS_MAX, KILOBYTES_MAX = 300, 150
OPEN_OF_TEN = 2
WHO = "everything"


def run(requests: int) -> list[Line]:
    """Measure on SQLite with so many requests; each page's median time, and how large it is."""
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as place:
        clock = Moment()
        made = _project(Path(place), clock)
        clock.now -= timedelta(days=40)
        publish_policy.publish_policy(made.ledger, made.policy, None, clock.now.date())
        record_register.record_register(made)
        clock.now += timedelta(days=20)
        number, events = _filled(made, requests)
        clock.now += timedelta(days=20)
        auditing.audit(made)
        lines = list(_pages(made, number, f"{requests:,} requests, {events:,} events"))
        made.close()
        made.ledger.close()
    return lines


def _filled(made: Project, requests: int) -> tuple[str, int]:
    """Fill the ledger; return the number of an open request, and how many events there are."""
    waiting = open_request.open_request(made, ["access"], "waits@bench.example").number
    closed = [_access(made), _erasure(made)]
    numbers = count(100_000)
    with closing(sqlite3.connect(made.settings.folder / ".troth" / "ledger.db")) as opened:
        opened.execute("PRAGMA synchronous = OFF")
        open_ones = requests * OPEN_OF_TEN // 10
        _copied(opened, (f"request/{waiting}",), waiting, open_ones, numbers)
        for one in closed:
            _copied(opened, (f"request/{one}",), one, (requests - open_ones) // len(closed), numbers)
        opened.execute("DELETE FROM requests")
        opened.execute("ANALYZE")
        opened.commit()
        events = int(opened.execute("SELECT count(*) FROM events").fetchone()[0])
    with made.ledger.writing() as connection:
        listed.fill(connection)
        connection.execute(text("ANALYZE"))
    return waiting, events


def _pages(made: Project, number: str, what: str) -> Iterator[Line]:
    accounts.write(made.ledger, WHO, Account("Every Duty", "every@bench.example"))
    admit.record(made, WHO, {"move": "invited"}, "bench")
    admit.joined(made, WHO, "")
    admit.derogate(made, "One pair of eyes measures every page.", "bench")
    for role in ROLES:
        admit.grant(made, WHO, role, "", "bench")
    with TestClient(application(made)) as client:
        client.cookies.set(SESSION, accounts.begin(made.ledger, WHO))
        client.headers["accept-language"] = "en"
        addresses = [ROOT, *(f"{ROOT}{address}" for _, address, _ in PAGES), f"{ROOT}/requests/{number}"]
        addresses += [f"{ROOT}/requests?page=200", f"{ROOT}/requests?status=closed"]
        largest = 0.0
        for address in addresses:
            took = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                answer = client.get(address)
                took.append((time.perf_counter() - start) * 1000)
                if answer.status_code != 200 or answer.history:
                    raise SystemExit(
                        f"{address} answered {answer.status_code}: the measurement means nothing."
                    )
            largest = max(largest, len(answer.content) / 1000)
            shown = address.replace(number, "NUMBER")
            yield Line(f"{PART}, {what}", shown, statistics.median(took), "ms", ours_max=MILLISECONDS_MAX)
        for name in ("console.css", "console.js"):
            largest += len(client.get(f"{ROOT}/static/{name}").content) / 1000
        yield Line(
            f"{PART}, {what}",
            "the largest page, with style and script",
            largest,
            "kB",
            ours_max=KILOBYTES_MAX,
        )
