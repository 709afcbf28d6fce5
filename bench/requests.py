"""A request as a whole: the database's part, with packaging, ledger and verification."""

from __future__ import annotations

import email
import os
import re
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from email import policy
from pathlib import Path

import psycopg

from bench import database, server, shop
from bench.measure import Line, in_turns, milliseconds
from troth import wiring
from troth.policy.starting import project_files
from troth.work import build_package, decide, erase, open_request, plan_erasure, prove_address
from troth.work.project import Project

PART = "requests: with packaging, ledger and verification"
URL = "BENCH_SHOP"
CONFIGURATION = """
[project]
name = "shop"
[ledger]
url = "{ledger}"
keys = "{keys}"
[mail]
to = "folder:outbox"
from = "privacy@shop.example"
"""


def run(url: str, rounds: int) -> list[Line]:
    """Carry requests out in a whole project, with a ledger of each kind."""
    rounds = min(rounds, 30)
    lines = []
    with psycopg.connect(url) as connection:
        connection.prepare_threshold = 1
        for number, kind in enumerate(("sqlite", "postgresql")):
            with project(url, kind) as made:
                lines += _access(made, connection, rounds, kind, number)
                lines += _erasure(made, connection, rounds, kind, number)
    return lines


@contextmanager
def project(url: str, kind: str) -> Iterator[Project]:
    """Make a project whose one store is the shop."""
    ledger, keys = "sqlite:///.troth/ledger.db", "sqlite:///.troth/keys.db"
    if kind == "postgresql":
        ledger, keys = (server.database(url, name) for name in ("bench_ledger", "bench_keys"))
    os.environ[URL] = url
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as place:
        folder = Path(place)
        files = {
            **project_files("shop", date(2026, 11, 23)),
            "stores/shop.yaml": database.MAP.read_text("utf-8"),
        }
        files["troth.toml"] = CONFIGURATION.format(ledger=ledger, keys=keys)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        made = wiring.open_project(folder)
        yield made
        made.close()
        made.ledger.close()


def _access(
    made: Project, connection: psycopg.Connection, rounds: int, kind: str, number: int
) -> Iterator[Line]:
    subjects = database.emails(30_000 + 1000 * number, rounds)
    asked = [_granted(made, "access", one) for one in subjects]
    for one in asked[:3]:
        build_package.build_package(made, one, "c1")
    ours, floor = in_turns(
        [lambda n=one: build_package.build_package(made, n, "c1") for one in asked[3:]],
        [lambda e=one: shop.access_by_hand(connection, e) for one in subjects[3:]],
    )
    yield Line(PART, f"access: found, packed, sealed ({_ledger(kind)})", ours, "ms", floor)
    heavy = _granted(made, "access", shop.HEAVY[2])
    ours = milliseconds(lambda: build_package.build_package(made, heavy, "c1"))
    yield Line(PART, f"  one subject with 40,000 rows ({_ledger(kind)})", ours, "ms")


def _erasure(
    made: Project, connection: psycopg.Connection, rounds: int, kind: str, number: int
) -> Iterator[Line]:
    asked = [_granted(made, "erase", one) for one in database.emails(40_000 + 1000 * number, rounds)]
    measured = [milliseconds(lambda n=one: _approved(made, n)) for one in asked]
    ours, floor = in_turns(
        [lambda n=one: _until_verified(made, n) for one in asked],
        [
            lambda e=one: shop.erase_by_hand(connection, [e])
            for one in database.emails(45_000 + 1000 * number, rounds)
        ],
    )
    yield Line(PART, f"erasure: done, verified, recorded ({_ledger(kind)})", ours, "ms", floor, 5)
    yield Line(PART, "  its plan: measured, approved, recorded", statistics.median(measured), "ms")


class _Verified(Exception):  # noqa: N818
    """The request is where the measurement ends: the search for residue is shared by a batch."""


def _until_verified(made: Project, number: str) -> None:
    def stop(boundary: str) -> None:
        if boundary == "verified shop":
            raise _Verified

    try:
        erase.erase(made, number, "c1", stop_at=stop)
    except _Verified:
        return
    raise SystemExit("The erasure did not get as far as its verification.")


def _approved(made: Project, number: str) -> None:
    plan = plan_erasure.measure(made, number, "c1", staff="marie")
    plan_erasure.approve(made, number, "c1", str(plan.facts["plan_sha256"]), "paul")


def _granted(made: Project, right: str, address: str) -> str:
    """Receive a request, prove its address by the code that was sent, and grant it."""
    number = open_request.open_request(made, [right], address).number
    prove_address.send_code(made, number)
    if not prove_address.take_code(made, number, _code(made.settings.folder / "outbox")):
        raise SystemExit("The code that was sent is not the one that is taken.")
    decide.decide(made, number, "c1", "grant", "marie", ground="a" if right == "erase" else "")
    if right == "erase":
        decide.review(made, number, "c1", "paul")
    return number


def _code(outbox: Path) -> str:
    newest = max(outbox.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    letter = email.message_from_bytes(newest.read_bytes(), policy=policy.default)
    found = re.search(r"\b\d{8}\b", letter.get_body(("plain",)).get_content())
    if found is None:
        raise SystemExit("The newest letter has no code in it.")
    return found[0]


def _ledger(kind: str) -> str:
    return "ledger on SQLite" if kind == "sqlite" else "ledger on PostgreSQL"
