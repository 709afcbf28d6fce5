"""Consent and `may`: choices over HTTP to the disk, questions over HTTP, in process and in bulk, each by its floor."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import uvloop

from bench import server
from bench.consent_server import KEY
from bench.measure import Line

PART = "consent"
CONNECTIONS = 64
SECONDS = 4.0
TURNS = 3
PEOPLE = 2_000
CALLS = 1_000_000
EVENTS = 100_000
CLOSED = 50
"""Of so many addresses one is closed by an objection."""
RATIO = 1 / 0.6
"""Troth's share of the bare ceiling is to be 0.6."""


def run(subjects: int) -> list[Line]:
    """Measure everything about consent; `subjects` is how many the copy holds.  Its servers wait for the disk."""
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as folder:
        for line in _lines(Path(folder), subjects):
            sys.stderr.write(f"{line.what}: {line.ours:.2f} {line.unit}\n")
            lines.append(line)
    return lines


def _lines(place: Path, subjects: int) -> Iterator[Line]:
    ledger, keys, floor, rows = (
        f"sqlite:///{place}/{name}.db" for name in ("ledger", "keys", "floor", "rows")
    )
    yield from _http("SQLite", place / "sqlite", ledger, keys, floor, rows)
    with server.running(fsync=True) as url:
        names = [
            server.database(url, f"bench_consent_{name}") for name in ("ledger", "keys", "floor", "rows")
        ]
        yield from _http("PostgreSQL", place / "postgresql", *names)
    yield from _seen(place / "sqlite", ledger, keys)
    yield from _verified(place)
    yield from _in_process(place / "large", subjects)


def _verified(place: Path) -> Iterator[Line]:
    """How fast the seals of a ledger are verified, and the floor: reading the events and hashing each once."""
    import sqlite3
    from hashlib import sha256

    from bench.ledger import draft
    from troth.ledger import seal
    from troth.ledger.append import append
    from troth.ledger.master_key import MasterKey
    from troth.ledger.schema import open_ledger
    from troth.ledger.verify_seals import verify_seals

    urls = (f"sqlite:///{place}/many.db", f"sqlite:///{place}/many-keys.db")
    ledger = open_ledger(*urls, MasterKey(bytes(range(32))), lambda: datetime.now(UTC))
    for start in range(0, EVENTS, 1000):
        append(ledger, [draft(start + number) for number in range(1000)])
    seal.seal_all(ledger)
    ours, floor = [], []
    for _ in range(TURNS):
        start_at = time.process_time()
        if not verify_seals(ledger).whole:
            raise SystemExit("The ledger is not whole: the measurement means nothing.")
        ours.append(EVENTS / (time.process_time() - start_at))
        start_at = time.process_time()
        opened = sqlite3.connect(place / "many.db")
        for (body,) in opened.execute("SELECT body FROM events ORDER BY seq"):
            sha256(body).digest()
        opened.close()
        floor.append(EVENTS / (time.process_time() - start_at))
    ledger.close()
    yield _speed("an event's seal verified, SQLite, of one core's time", statistics.median(ours),
                 statistics.median(floor), most=1e6 / 300_000)  # fmt: skip


def _project(folder: Path, ledger: str, keys: str) -> Any:
    from dataclasses import replace

    from troth.policy.starting import project_files
    from troth.wiring import open_project
    from troth.work.project import Project

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in project_files("bench", datetime.now(UTC).date()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    made = open_project(folder)
    settings = replace(made.settings, ledger_url=ledger, keys_url=keys)
    return Project(settings, lambda: datetime.now(UTC), made.open_policy, made.open_ledger, made.open_maps,
                   made.open_store, made.open_mailer)  # fmt: skip


def _people(project: Any) -> list[str]:
    """Open people, record the form and declare the refusals; return their ids."""
    from troth.ledger import append
    from troth.rules.consent_form import Form
    from troth.rules.event import Draft
    from troth.work import declare_refusals, record_form

    record_form.record_form(project, Form("bench", "en", "a" * 64, {"newsletter": "b" * 64}))
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="bench")
    ids = [secrets.token_hex(10) for _ in range(PEOPLE)]
    drafts = [Draft("subject_opened", f"subject/{one}", {"subject": one}, subject=one) for one in ids]
    append.append(project.ledger, drafts)
    return ids


def _choice(subject: str) -> bytes:
    body = (
        f'{{"subject":"{subject}","method":"web","form":"{"a" * 64}","choices":'
        '[{"said":"given","purpose":"newsletter","channel":"email"}]}'
    )
    return _post("/api/choices", body.encode())


def _question(subject: str, *, why: bool) -> bytes:
    body = f'{{"subject":"{subject}","purpose":"newsletter","channel":"email","why":{"true" if why else "false"}}}'
    return _post("/api/may", body.encode())


def _post(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _http(engine: str, folder: Path, ledger: str, keys: str, floor: str, rows: str) -> Iterator[Line]:
    project = _project(folder, ledger, keys)
    people = _people(project)
    project.ledger.close()
    _project(folder, rows, keys).ledger.close()  # its tables
    writes = [_choice(one) for one in people]
    asked = [_question(one, why=False) for one in people]
    explained = [_question(one, why=True) for one in people]
    with _served("ours", str(folder), ledger, keys) as ours, _served("floor", floor) as bare:
        what = f"a choice over HTTP, on the disk, {engine}"
        with _served("rows", rows) as same:
            yield from _in_turns(f"{what}, beside the same rows by hand", ours, same, writes)
        yield from _in_turns(
            f"{what}, beside one row with the body as it came", ours, bare, writes, ratio=None
        )
        if engine == "SQLite":
            yield from _in_turns("`may` over HTTP, its answer and code", ours, bare, asked)
            yield from _in_turns("`may` over HTTP, with its reason in words", ours, bare, explained)


def _speed(
    what: str, ours: float, floor: float, *, ratio: float | None = None, most: float | None = None
) -> Line:
    """A speed is told as the time for one, so that smaller is better, as everywhere."""
    return Line(
        PART, f"{what} ({ours:,.0f}/s, floor {floor:,.0f}/s)", 1e6 / ours, "µs", 1e6 / floor, ratio, most
    )


def _in_turns(
    what: str, ours: Server, floor: Server, requests: list[bytes], *, ratio: float | None = RATIO
) -> Iterator[Line]:
    """Ask both for so long, in turns; tell the medians by the clock, and by the server's own processor time."""
    runs = [[uvloop.run(_load(one, requests)) for one in (ours, floor)] for _ in range(TURNS)]
    speeds, spent = ([[one[part] for one in side] for side in zip(*runs, strict=True)] for part in (0, 1))
    yield _speed(what, *map(statistics.median, speeds), ratio=ratio)
    both = [statistics.median(side) for side in spent]
    yield Line(PART, "  of the server's processor time", both[0], "µs", both[1], None, None)


class _Client(asyncio.Protocol):
    """One connection that sends the next request when the last is answered."""

    def __init__(self, requests: list[bytes], counted: list[int], start: int) -> None:
        self._requests, self._counted, self._at, self._rest = requests, counted, start, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        self._at = (self._at + 1) % len(self._requests)
        self._transport.write(self._requests[self._at])

    def data_received(self, data: bytes) -> None:
        self._rest += data
        head = self._rest.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._rest.lower().find(b"content-length:")
        size = int(self._rest[at + 15 : self._rest.find(b"\r", at)])
        if len(self._rest) < head + 4 + size:
            return
        if not self._rest.startswith(b"HTTP/1.1 20"):
            raise SystemExit(f"A request was refused: {self._rest[-300:]!r}")
        self._rest = b""
        self._counted[0] += 1
        self._next()


async def _load(served: Server, requests: list[bytes]) -> tuple[float, float]:
    """Return how many requests a second were answered, and the server's processor time for one in µs."""
    loop, counted = asyncio.get_running_loop(), [0]
    made = [
        await loop.create_connection(
            lambda n=number: _Client(requests, counted, n * len(requests) // CONNECTIONS),
            "127.0.0.1",
            served.port,
        )
        for number in range(CONNECTIONS)
    ]
    await asyncio.sleep(0.5)
    before, start, spent = counted[0], time.perf_counter(), served.spent()
    await asyncio.sleep(SECONDS)
    count, seconds = counted[0] - before, time.perf_counter() - start
    spent = served.spent() - spent
    for transport, _ in made:
        transport.abort()
    return count / seconds, spent / count * 1e6


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is measured."""

    port: int
    process: psutil.Process

    def spent(self) -> float:
        """Return the seconds of processors it has used."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def _served(*arguments: str) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kind, *rest = arguments
    command = [sys.executable, "-m", "bench.consent_server", kind, str(port), *rest]
    served = subprocess.Popen(command, cwd=server.ROOT, env=dict(os.environ))
    try:
        _wait(port, served)
        yield Server(port, psutil.Process(served.pid))
    finally:
        served.kill()
        served.wait(20)


def _wait(port: int, served: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and served.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("The server of the measurement did not start.")


def _seen(folder: Path, ledger: str, keys: str) -> Iterator[Line]:
    """How long until a withdrawal that was answered is seen by a gate of another connection."""
    from troth.work.gate import Gate
    from troth.work.record_consent import Asked, Choice, record_consent

    writing, reading = _project(folder, ledger, keys), _project(folder, ledger, keys)
    form = Asked("web", "en", form="a" * 64)
    times = []
    with Gate(reading, folder / "seen") as gate:
        for number in range(12):
            who = [("email", f"seen{number}@example.org")]
            subject = record_consent(writing, who, [Choice("newsletter", "given", "email")], form)[0].subject
            _until(lambda one=subject: bool(gate.may(one, "newsletter", "email")))
            record_consent(writing, who, [Choice("newsletter", "withdrawn")], Asked("link", "en"))
            start = time.perf_counter()
            _until(lambda one=subject: not gate.may(one, "newsletter", "email"))
            times.append((time.perf_counter() - start) * 1000)
    yield Line(PART, "a withdrawal is seen by a gate, the longest of 12", max(times), "ms", None, None, 1000)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        if time.monotonic() > end:
            raise SystemExit("The gate does not follow: the measurement means nothing.")
        time.sleep(0.001)


def _in_process(folder: Path, subjects: int) -> Iterator[Line]:
    from troth.work.filter_audience import Audience, filter_through
    from troth.work.gate import Gate

    project = _project(folder, f"sqlite:///{folder}/ledger.db", f"sqlite:///{folder}/keys.db")
    _people(project)
    gate = Gate(project, folder / "copy", follow=False, allowed_seconds=600)
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    ids = _fill(project, gate, subjects, folder / "audience.txt")
    sys.stderr.write(f"{subjects:,} subjects filled in {time.perf_counter() - start:.0f} s\n")
    gate.refresh()
    drawn = random.Random(1)
    asked = [drawn.choice(ids) for _ in range(200_000)] * (CALLS // 200_000)
    speeds = []
    for _ in range(TURNS):
        gate.refresh()
        may, start = gate.may, time.process_time()
        for subject in asked:
            may(subject, "newsletter", "email")
        speeds.append(len(asked) / (time.process_time() - start))
    speed = statistics.median(speeds)
    yield Line(PART, f"`may` in process, {subjects:,} subjects ({speed:,.0f}/s of one core's time)", 1e6 / speed, "µs",
               None, None, 2)  # fmt: skip
    memory = (psutil.Process().memory_info().rss - before) / 2**20
    yield Line(PART, "  memory of the copy, all of it touched", memory, "MiB", None, None, 1536)
    start, spent = time.perf_counter(), sum(os.times()[:4])
    done = filter_through(
        gate, folder / "audience.txt", folder / "allowed.txt", Audience("newsletter", "email")
    )
    wall, spent = time.perf_counter() - start, sum(os.times()[:4]) - spent
    allowed = subjects // 2 - len(
        range(0, subjects, CLOSED)
    )  # whose number is even, and not those that are closed
    if (done.allowed, done.stopped) != (allowed, subjects - allowed):
        raise SystemExit(f"The filter let {done.allowed:,} pass: the measurement means nothing.")
    yield Line(PART, f"{subjects:,} addresses filtered ({spent:.0f} s of all cores' time)", wall, "s", None, None,
               15 * subjects / 10_000_000)  # fmt: skip
    gate.close()


def _fill(project: Any, gate: Any, subjects: int, audience: Path) -> list[str]:
    """Give the copy so many people, every other one with a proven consent; each tenth address wears a dot."""
    import numpy

    from troth.ledger import keys, suppression
    from troth.ledger.prekeyed import prekeyed
    from troth.ledger.replica import address_keys
    from troth.rules import purpose_scope
    from troth.work import record_consent

    record_consent.state_purposes(project, ["newsletter"])
    scope = purpose_scope.scope(project.policy, "newsletter").imprint
    gate.refresh()
    _, secret = keys.own_key(project.ledger, "fingerprint/requests")
    mac, ids = prekeyed(secret), []
    closing = prekeyed(keys.own_key(project.ledger, f"fingerprint/{suppression.DOMAIN}")[1])
    with audience.open("w", encoding="ascii") as written:
        for start in range(0, subjects, 250_000):
            some = range(start, min(start + 250_000, subjects))
            named = [f"{number:016x}{'0' * 4}" for number in some]
            addresses = [f"p{n}{'.x' if n % 10 == 0 else ''}@mail{n % 97}.example" for n in some]
            written.writelines(f"{one}\n" for one in addresses)
            records = [gate.replica.written(_state(scope, number), None) for number in some[:64]]
            size = len(records[0])
            at = gate.replica._keep(b"".join(records[place % 64] for place in range(len(some))))
            known = numpy.array([gate.replica.subject_key(one) for one in named], dtype="<u8")
            shapes = numpy.array([gate.replica.value(record, 0) for record in records], dtype="<u8")
            places = at + size * numpy.arange(len(some), dtype="<u8")
            gate.replica.subjects.put_all(known, places + shapes[numpy.arange(len(some)) % 64])
            macs = b"".join(mac(f"email\x00{one}".encode()) for one in addresses)
            gate.replica.addresses.put_all(address_keys(macs, "name"), known)
            gate.replica.close_addresses([
                (0, 0, closing(f"email\x00p{n}x@mail{n % 97}.example".encode()), "wide", "*", "*", "*", "given",
                 "2026-11-30T10:00:00.000000+00:00")
                for n in some if n % CLOSED == 0
            ])  # fmt: skip
            ids += named[:: max(1, subjects // 200_000)]
    return ids


def _state(scope: str, number: int) -> dict[str, Any]:
    one = {
        "said": "given" if number % 2 == 0 else "withdrawn",
        "at": f"2026-11-{1 + number % 20:02}T10:00:00.000000+00:00",
        "event": "01M83Y90JY0000000000000000", "scope": scope, "version": "1", "until": None, "proven": True,
        "age": "alone",
    }  # fmt: skip
    return {"consents": {"newsletter|main-entity|email": one}, "objections": {}}
