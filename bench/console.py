"""Every page of console and portal with a hundred thousand requests and a million events in the ledger.

The ledger is filled as the audit's is: the real writer makes requests in three states, the rest are copies
of their events and states under other numbers, loaded directly; the office of the example is beside
them, so that every page has something to show.  One address of every route, found by following links, is
asked of the real application in this process, as somebody who has every duty: the server's own time.
"""

from __future__ import annotations

import re
import sqlite3
import statistics
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from html import unescape
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.testing import TestClient
from sqlalchemy import text

from bench.audit import Moment, _access, _copied, _erasure, _project
from bench.measure import Line
from troth.faces.console.application import console_application
from troth.faces.console.desk import ROOT, SESSION
from troth.faces.portal.application import application
from troth.ledger import accounts, listed
from troth.ledger.accounts import Account
from troth.rules.staff import ROLES
from troth.work import admit, open_request, publish_policy, record_register, request_file
from troth.work import audit as auditing
from troth.work.project import Project

PART = "console and portal: every page"
ROUNDS = 5
MILLISECONDS_MAX, KILOBYTES_MAX = 300, 150
OPEN_OF_TEN = 2
OF_REQUESTS = 30
"""How many requests are looked at for the forms that they lead to; one page of each kind is measured."""
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
        from group_tour import office

        office.fill(made)
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
    portal, console = application(made), console_application(made)
    begin = [
        ROOT,
        f"{ROOT}/requests/{number}",
        f"{ROOT}/requests?page=200",
        f"{ROOT}/requests?status=closed",
        "/",
    ]
    begin += [
        f"/follow/{request_file.token(made, number)}",
        f"{ROOT}/policy/spring/conflicts",
        f"{ROOT}/policy/spring/clause/6",
        f"{ROOT}/policy/spring/clause/6?promise=recipient/group-companies",
        "/choices/mine",
    ]
    largest = dict[str, tuple[float, str]]()
    with TestClient(portal) as client:
        client.cookies.set(SESSION, accounts.begin(made.ledger, WHO))
        client.headers["accept-language"] = "en"
        loaded = {face: _loaded(client, page) for face, page in (("console", ROOT), ("portal", "/notice/en"))}
        for template, address in _examples(client, portal, console, begin):
            took = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                answer = client.get(address)
                took.append((time.perf_counter() - start) * 1000)
                if took[-1] > 10 * MILLISECONDS_MAX:  # far from it: once is enough
                    break
            face = "console" if address.startswith(ROOT) else "portal"
            size = len(answer.content) / 1000 + loaded[face]
            largest[face] = max(largest.get(face, (0.0, "")), (size, template))
            query = f"?{address.partition('?')[2]}" if "?" in address and "/do/" not in address else ""
            shown = f"{template}{query}, {size:.0f} kB with what it loads"
            yield Line(f"{PART}, {what}", shown, statistics.median(took), "ms", ours_max=MILLISECONDS_MAX)
    for face, (size, template) in largest.items():
        shown = f"the largest page of the {face}, with what it loads: {template}"
        yield Line(f"{PART}, {what}", shown, size, "kB", ours_max=KILOBYTES_MAX)


def _loaded(client: TestClient[Litestar], page: str) -> float:
    """Return how large what a page loads is, in kB."""
    found = re.findall(r'(?:href|src)="([^"]*/static/[^"]*)"', client.get(page).text)
    return sum(len(client.get(one).content) for one in set(found)) / 1000


def _examples(
    client: TestClient[Litestar], portal: Litestar, console: Litestar, begin: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Follow links, and yield an address of every kind of page, with the template of its route."""
    waiting, seen, often = deque(begin), set[str](), Counter[str]()
    while waiting:
        address = waiting.popleft()
        path = urlsplit(address).path
        app = console if path == ROOT or path.startswith(f"{ROOT}/") else portal
        try:
            template = app.asgi_router.handle_routing(path=path, method="GET")[-1].replace(":str", "")
        except HTTPException:
            continue
        kind = path.rpartition("/")[2] if "/do/" in path or "/registers/" in path else ""
        template = f"{template.rpartition('/')[0]}/{kind}" if kind else template
        at_most = OF_REQUESTS if template == f"{ROOT}/requests/{{number}}" else 1
        if address in seen or template.endswith(("/live", "/progress")):
            continue
        if often[template] >= at_most and address not in begin:
            continue
        seen.add(address)
        often[template] += 1
        answer = client.get(address, follow_redirects=False)
        if answer.status_code >= 500:
            raise SystemExit(f"{address} answered {answer.status_code}: the measurement means nothing.")
        if answer.status_code != 200 or "html" not in answer.headers["content-type"]:
            continue
        if "content-disposition" not in answer.headers and (often[template] == 1 or address in begin):
            yield template, address
        waiting.extend(map(unescape, re.findall(r'<a\b[^>]*\shref="(/[^"#]*)', answer.text)))
