"""The ledger: checkpoints, events with their facts, the proof of one, verification, and who read whose data.

What is locked in the vault is shown nowhere here: facts are ids, codes, numbers, days and hashes.  Lists of events
are of the whole group; one event is shown to whoever reads the ledger for its company.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from litestar import Response

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.console import saved
from troth.faces.console.desk import ROWS_PER_PAGE, Desk, Visit
from troth.faces.console.fact_said import brief, facts
from troth.faces.console.kept import kept
from troth.faces.console.progress import Run, Tell, Works, live
from troth.ledger import read, receipt, seal
from troth.ledger.verify import Verification, verify
from troth.ledger.verify_seals import verify_seals
from troth.rules.event import KINDS, Event

FINDINGS_SHOWN = 20
ROWS_GIVEN = 10_000
"""How many lines of events a file holds at most; `troth ledger export` writes them all."""


def ledger_pages(desk: Desk) -> None:
    """Register the pages of the ledger."""
    works = Works(desk.project)
    found: dict[str, Verification] = {}
    _events(desk)

    @desk.page("/ledger", "verify_ledger")
    def ledger(visit: Visit) -> Response[str]:
        """GET /console/ledger: how far the ledger is sealed, and what the last verification found."""
        project = visit.project
        checkpoint = seal.checkpoint(project.ledger)
        return visit.show(
            "ledger.html", visit.words("ledger.title"), sealing=read.sealing(project.ledger), checkpoint=checkpoint,
            runs={name: works.last(f"verify/{name}") for name in ("seals", "whole")}, found=found,
            say=lambda run: _said(visit, run), shown=FINDINGS_SHOWN,
        )  # fmt: skip

    @desk.act("/ledger/verify", "verify_ledger")
    def begin(visit: Visit) -> Response[Any]:
        """POST /console/ledger/verify: verify the seals, or everything."""
        what = visit.given("what")
        if what not in {"seals", "whole"}:
            raise NotAllowedError("The seals are verified, or the whole ledger.")
        opened = visit.project.ledger
        size = read.sealing(opened).events

        def work(tell: Tell) -> None:
            done = 0

            def told(more: int) -> None:
                nonlocal done
                done += more
                tell(min(done, size), size, "events")

            found[what] = verify_seals(opened, told) if what == "seals" else verify(opened, told=told)

        works.begin(f"verify/{what}", visit.staff.handle, work, of=size)
        works.wait(f"verify/{what}", 0.3)  # a small ledger is done before the page is drawn
        return visit.to("/ledger")

    @desk.page("/ledger/verify/{what:str}/live", "verify_ledger")
    def follow(visit: Visit) -> Response[Any]:
        """GET /console/ledger/verify/WHAT/live: how far it is."""
        name = f"verify/{visit.path['what']}"
        return live(visit, lambda: works.step(name, lambda run: _said(visit, run)))

    @desk.page("/ledger/checkpoint", "verify_ledger")
    def checkpoint_file(visit: Visit) -> Response[Any]:
        """GET /console/ledger/checkpoint: the newest checkpoint as a file, to keep elsewhere."""
        newest = seal.checkpoint(visit.project.ledger)
        if newest is None:
            raise NotFoundError("There is no checkpoint yet: nothing was sealed.")
        return saved.document(
            f"checkpoint-{newest.size}", "txt", "text/plain; charset=utf-8", newest.note.encode()
        )

    @desk.page("/ledger/checkpoints", "verify_ledger")
    def checkpoints(visit: Visit) -> Response[Any]:
        """GET /console/ledger/checkpoints: every checkpoint, the newest first."""
        given = _given(visit)
        most = min(visit.most(ROWS_PER_PAGE), given)
        found = seal.checkpoints(visit.project.ledger, limit=most + 1, before=visit.before())
        return visit.show(
            "ledger_checkpoints.html", visit.words("ledger.checkpoints"), checkpoints=found[:most],
            older=found[most - 1][0].size if len(found) > most else None, first=not visit.asked("before"),
            given=given, cut={"checkpoints": visit.cut(given)} if len(found) > given else {},
        )  # fmt: skip

    @desk.page("/ledger/checkpoints/{size:str}", "verify_ledger")
    def one_checkpoint(visit: Visit) -> Response[Any]:
        """GET /console/ledger/checkpoints/SIZE: one checkpoint as a file."""
        size = str(visit.path["size"])
        known = size.isascii() and size.isdecimal() and len(size) < 19
        found = seal.checkpoint_of(visit.project.ledger, int(size)) if known else None
        if found is None:
            raise NotFoundError(
                "No checkpoint covers exactly so many events. Look at the list of checkpoints."
            )
        return saved.document(
            f"checkpoint-{found.size}", "txt", "text/plain; charset=utf-8", found.note.encode()
        )

    @desk.page("/ledger/keys", "verify_ledger")
    def keys(visit: Visit) -> Response[Any]:
        """GET /console/ledger/keys: the public keys that verify checkpoints and receipts."""
        lines = "".join(f"{one}\n" for one in seal.verifiers(visit.project.ledger))
        return saved.document("vkey", "txt", "text/plain; charset=utf-8", lines.encode())


def _events(desk: Desk) -> None:
    @desk.page("/ledger/events", "read_ledger")
    def events(visit: Visit) -> Response[Any]:
        """GET /console/ledger/events: events by kind, stream or day, the newest first."""
        visit.must("read_ledger", "")
        asked = {name: visit.asked(name) for name in ("kind", "stream", "since", "until")}
        return _listed(visit, asked, "ledger_events.html", visit.words("ledger.events"))

    @desk.page("/ledger/readings", "read_ledger")
    def readings(visit: Visit) -> Response[Any]:
        """GET /console/ledger/readings: who read whose data when."""
        visit.must("read_ledger", "")
        asked = {
            "kind": "staff_read",
            "stream": "",
            "since": visit.asked("since"),
            "until": visit.asked("until"),
        }
        return _listed(visit, asked, "ledger_readings.html", visit.words("ledger.readings"))

    @desk.page("/ledger/events/{event:str}", "read_ledger")
    def event(visit: Visit) -> Response[str]:
        """GET /console/ledger/events/EVENT: one event, and the proof of it."""
        opened = visit.project.ledger
        found = _opened(visit)
        proof: Mapping[str, Any] = json.loads(receipt.receipt(opened, found.id))
        return visit.show(
            "ledger_event.html", visit.words("ledger.event"), event=found, facts=facts(visit, found), proof=proof,
            beside=_beside(visit, found),
        )  # fmt: skip

    @desk.page("/ledger/events/{event:str}/receipt", "read_ledger")
    def receipt_file(visit: Visit) -> Response[Any]:
        """GET …/receipt: the receipt as a file, which `troth verify` verifies offline."""
        found = _opened(visit)
        written = receipt.receipt(visit.project.ledger, found.id)
        return saved.document(f"receipt-{found.id}", "json", "application/json", written)


def _given(visit: Visit) -> int:
    """Return how many rows a file holds at most: an event is long."""
    return min(ROWS_GIVEN, visit.desk.file_rows_max)


def _opened(visit: Visit) -> Event:
    """Return the event of the address, for whoever reads the ledger for its company; without one, for all."""
    found = read.event(visit.project.ledger, visit.path["event"])
    visit.must("read_ledger", found.entity)
    return found


def _listed(visit: Visit, asked: Mapping[str, str], template: str, title: str) -> Response[Any]:
    """Draw a page of events, or give them away as a table."""
    if asked["kind"] and asked["kind"] not in KINDS:
        raise NotAllowedError("There is no such kind of event. Choose one of the list.")
    since, until = _moment(asked["since"]), _moment(asked["until"], 1)
    as_file, given = visit.asked("format") == "csv", _given(visit)
    page, more = read.page(
        visit.project.ledger, kind=asked["kind"], stream=asked["stream"].strip(), since=since, until=until,
        before=_place(visit.asked("before")), limit=given if as_file else ROWS_PER_PAGE,
    )  # fmt: skip
    if as_file:
        heads = ["id", "at", "kind", "stream", "version", "actor", "subject", "facts"]
        rows = (
            (one.id, one.at.isoformat(), one.kind, one.stream, one.version, one.actor, one.subject,
             json.dumps(dict(one.facts), ensure_ascii=False, default=str))
            for _, one in page
        )  # fmt: skip
        return saved.csv_file("events", heads, rows, visit.cut(given) if more else None)
    set_ = kept(visit, template.removeprefix("ledger_").removesuffix(".html"))
    older = urlencode({**set_.asked, "before": f"{page[-1][0][0]}.{page[-1][0][1]}"}) if more else ""
    return visit.show(
        template, title, events=[one for _, one in page], asked=asked, kinds=sorted(KINDS), older=older,
        query=urlencode({**set_.asked, "format": "csv"}), kept=set_, given=given, first=not visit.asked("before"),
        brief=lambda one: brief(visit, one),
    )  # fmt: skip


def _beside(visit: Visit, event: Event) -> tuple[str, str]:
    """Return the ids of the events before and after one in its stream, empty where there is none."""
    around = read.neighbours(visit.project.ledger, event.stream, event.version)
    return around.get(event.version - 1, ""), around.get(event.version + 1, "")


def _place(written: str) -> tuple[int, int] | None:
    at, dot, number = written.partition(".")
    return (
        (int(at), int(number))
        if dot and at.isdecimal() and number.isdecimal() and len(written) < 40
        else None
    )


def _moment(written: str, days: int = 0) -> datetime | None:
    """Return when a day begins, in UTC, `days` later."""
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise NotAllowedError("A day is written such as 2026-12-15.") from None


def _said(visit: Visit, run: Run) -> str:
    return visit.words("ledger.verifying", done=run.done, of=run.of)
