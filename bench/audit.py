"""Auditing the whole example, and drawing a register as it was on a day, with a million people in the ledger.

The real writer makes one of everything (yes, no, withdrawal, first message, an access request and an
erasure, carried as far as their answers); the rest are copies of these events and states under ids
of their own, loaded directly: the writer would take the ledger half an hour.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

from bench.measure import Line
from bench.requests import _code
from troth import wiring
from troth.rules import first_communication
from troth.work import audit as auditing
from troth.work import (
    build_package,
    carry_on,
    communicate,
    decide,
    draw_register,
    open_request,
    plan_erasure,
    prove_address,
    publish_policy,
    record_consent,
    record_register,
    sweep,
)
from troth.work.project import Project
from troth.work.record_consent import Asked, Choice

PART = "audit: the example, with a ledger of many people"
ROUNDS = 3
SAID = (("given", 85), ("refused", 10), ("withdrawn", 5))
"""What people said, of a hundred."""
MESSAGES, REQUESTS = 20, 100
"""One of so many got a first message, or asked for something."""
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "group"


@dataclass
class Moment:
    """A clock that is set."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(hour=10, minute=0))

    def __call__(self) -> datetime:
        """Tell the moment; each time a little later."""
        self.now += timedelta(milliseconds=1)
        return self.now


def run(subjects: int) -> list[Line]:
    """Measure on SQLite with so many people."""
    with tempfile.TemporaryDirectory(prefix="troth-bench-") as place:
        clock = Moment()
        made = _project(Path(place), clock)
        clock.now -= timedelta(days=60)
        publish_policy.publish_policy(made.ledger, made.policy, None, clock.now.date())
        record_register.record_register(made)
        clock.now += timedelta(days=30)
        events = _filled(made, subjects)
        clock.now += timedelta(days=30)
        sweep.look(made)
        day = clock.now.date() - timedelta(days=10)
        audited = [_timed(lambda: auditing.audit(made)) for _ in range(ROUNDS)]
        drawn = [_timed(lambda: _as_of(made, day)) for _ in range(ROUNDS)]
        made.close()
        made.ledger.close()
    what = f"{subjects:,} subjects, {events:,} events"
    (seconds, worked), (drawing, drew) = (sorted(each)[ROUNDS // 2] for each in (audited, drawn))
    return [
        Line(PART, f"every promise judged and recorded, {what}", seconds, "s", ours_max=10),
        Line(PART, "  the same by the time that a processor worked", worked, "s", ours_max=10),
        Line(PART, "the register of processing as of a day", drawing, "s", ours_max=1),
        Line(PART, "  the same by the time that a processor worked", drew, "s", ours_max=1),
    ]


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    start, worked = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - worked


def _as_of(made: Project, day: date) -> None:
    if not draw_register.draw(made, "processing", "en", on=day).register.lines:
        raise SystemExit("The register has no line: the measurement means nothing.")


def _project(folder: Path, clock: Moment) -> Project:
    """Make the example with its databases, its letters going to a folder."""
    sys.path.insert(0, str(EXAMPLE))
    import databases

    urls = databases.create(folder / "demo")
    os.environ.update(databases.environment(urls))
    root = databases.project(folder / "project", urls)
    shutil.copyfile(EXAMPLE / "troth.toml", root / "troth.toml")
    settings = (root / "troth.toml").read_text(encoding="utf-8")
    (root / "troth.toml").write_text(
        settings.replace("folder:.troth/outbox", "folder:outbox"), encoding="utf-8"
    )
    made = wiring.open_project(root)
    return Project(made.settings, clock, made.open_policy, made.open_ledger, made.open_maps, made.open_store,
                   made.open_mailer, open_manual=made.open_manual)  # fmt: skip


def _filled(made: Project, subjects: int) -> int:
    """Fill the ledger; return how many events it has."""
    purpose = next(str(one.key) for one in made.policy.purposes.values() if one.marketing)
    people = {said: _said(made, purpose, said, f"{said}@bench.example") for said, _ in SAID}
    texted = _said(made, purpose, "given", "texted@bench.example")
    told = communicate.ask(made, "texted@bench.example", purpose)
    communicate.sent(made, "texted@bench.example", purpose, token=told.notice.token if told.notice else "")
    asked = [_access(made), _erasure(made)]
    path = made.settings.folder / ".troth" / "ledger.db"
    made.close()
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA synchronous = OFF")
        numbers = count(1)
        for said, of_hundred in SAID:
            streams = (f"subject/{people[said]}", f"choices/{people[said]}")
            _copied(opened, streams, people[said], subjects * of_hundred // 100, numbers)
        _copied(opened, (f"{first_communication.FAMILY}/{texted}",), texted, subjects // MESSAGES, numbers)
        for number in asked:
            _copied(opened, (f"request/{number}",), number, subjects // REQUESTS // len(asked), numbers)
        opened.execute("ANALYZE")
        opened.commit()
        return int(opened.execute("SELECT count(*) FROM events").fetchone()[0])


def _said(made: Project, purpose: str, said: str, address: str) -> str:
    """Let somebody say something; return the id of the subject."""
    known = record_consent.subject_of(made, (("email", address),))
    for one in ("given", "withdrawn") if said == "withdrawn" else (said,):
        record_consent.record_consent(
            made,
            (),
            (Choice(purpose, one),),
            Asked("web", "en"),
            subject=known,  # type: ignore[arg-type]
        )
    return known


def _copied(
    opened: sqlite3.Connection, streams: Sequence[str], token: str, times: int, numbers: Iterator[int]
) -> None:
    """Copy the events, heads and states of streams under other ids; `token` is what tells them apart."""
    marks = ", ".join("?" for _ in streams)
    events = opened.execute(
        f"SELECT id, at_us, kind, stream, version, subject, request, body FROM events WHERE stream IN ({marks})",
        streams,
    ).fetchall()
    states = opened.execute(
        f"SELECT stream, family, version, status, due, body FROM state WHERE stream IN ({marks})",
        streams,
    ).fetchall()
    if not events:
        raise SystemExit(f"Nothing was recorded in {streams}: the measurement means nothing.")
    for start in range(0, times, 20_000):
        fresh = [f"{next(numbers):0{len(token)}d}" for _ in range(min(20_000, times - start))]
        rows, heads, folded = [], [], []
        for new in fresh:
            for number, (ident, at, kind, stream, version, subject, request, body) in enumerate(events):
                other = f"{new[-14:]}{number:02d}".rjust(len(ident), "0")
                written = body.replace(ident.encode(), other.encode()).replace(token.encode(), new.encode())
                whose = subject and subject.replace(token, new)
                rows.append((other, at, kind, stream.replace(token, new), version, whose,
                             request and request.replace(token, new), written))  # fmt: skip
            for stream, family, version, status, due, body in states:
                heads.append((stream.replace(token, new), version))
                folded.append(
                    (stream.replace(token, new), family, version, status, due, body.replace(token, new))
                )
        opened.executemany(
            "INSERT INTO events (id, at_us, kind, stream, version, subject, request, body) VALUES (?,?,?,?,?,?,?,?)",
            rows,
        )
        opened.executemany("INSERT OR REPLACE INTO heads VALUES (?, ?)", heads)
        opened.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?)", folded)
    opened.commit()


def _granted(made: Project, right: str, address: str) -> str:
    number = open_request.open_request(made, [right], address).number
    prove_address.send_code(made, number)
    if not prove_address.take_code(made, number, _code(made.settings.folder / "outbox")):
        raise SystemExit("The code that was sent is not the one that is taken.")
    decide.decide(made, number, "c1", "grant", "marie", ground="a" if right == "erase" else "")
    return number


def _access(made: Project) -> str:
    number = _granted(made, "access", _addresses(made)[0])
    carry_on.carry_on(made, number)
    for _ in build_package.open_package(made, number, "c1", "marie"):
        pass
    build_package.release(made, number, "c1", staff="marie")
    carry_on.carry_on(made, number)
    return number


def _erasure(made: Project) -> str:
    number = _granted(made, "erase", _addresses(made)[1])
    decide.review(made, number, "c1", "paul")
    plan = plan_erasure.measure(made, number, "c1", staff="marie")
    plan_erasure.approve(made, number, "c1", str(plan.facts["plan_sha256"]), "paul")
    carry_on.carry_on(made, number)
    return number


def _addresses(made: Project) -> list[str]:
    path = made.settings.folder.parent / "demo" / "support.db"
    with closing(sqlite3.connect(path)) as opened:
        return [str(row[0]) for row in opened.execute("SELECT email FROM account ORDER BY id LIMIT 2")]
