"""Sweeps: per retention promise and table what is due, why, what is marked until when, and what went.

Danger: acting removes rows for good; what prevents loss stands in `work/sweep.py`.  Whoever marked a sweep is not
who lets it act before the worker does, and one that takes far more than the last, or many rows as the first, is
marked by who approves sweeps.

Law: GDPR Art. 5(1)(e).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from litestar import Response
from litestar.exceptions import PermissionDeniedException

from troth.errors import KeyDestroyedError, NotAllowedError, TrothError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.hold_pages import hold_pages
from troth.faces.console.progress import Step, Tell, Works, live
from troth.faces.console.saved import csv_file
from troth.ledger import read, vault
from troth.rules import sweep as rules
from troth.rules.event import Event
from troth.rules.staff import Duty
from troth.rules.sweep import Bound
from troth.work import admit, sweep, unarchive
from troth.work.record_reading import record_reading
from troth.work.store_entity import store_entity
from troth.work.sweep import Done, Marked

LOOK = "look at sweeps"
COURSE_MAX = 100
WAITING = ("marked", "acting")


def sweep_pages(desk: Desk) -> None:
    """Register the pages of sweeps, and of holds beside them."""
    works = Works(desk.project)

    @desk.page("/sweeps", "read_sweeps")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/sweeps: every retention promise that a map binds, with what was last counted."""
        rows = [_row(visit, one) for one in _bound(visit)]
        if visit.asked("format") == "csv":
            heads = (
                "sweep",
                "promise",
                "period",
                "status",
                "overdue",
                "oldest",
                "measured_on",
                "rows",
                "swept",
                "due",
            )
            return csv_file("sweeps", heads, ([row[name] for name in heads] for row in rows))
        return visit.show(
            "sweeps.html", visit.words("sweeps.title"), rows=rows, run=works.last(LOOK), day=visit.day,
            due=sum(row["overdue"] for row in rows), waiting=sum(row["status"] in WAITING for row in rows),
        )  # fmt: skip

    @desk.act("/sweeps/look", "read_sweeps")
    def look(visit: Visit) -> Response[Any]:
        """POST /console/sweeps/look: count what is due of every sweep; nothing is changed."""
        project, names = visit.project, [one.name for one in _bound(visit)]

        def work(tell: Tell) -> int:
            for number, name in enumerate(names, 1):
                tell(number - 1, len(names), name)
                sweep.look(project, [name])
            return len(names)

        works.begin(LOOK, visit.staff.handle, work, of=len(names))
        return visit.to("/sweeps", told="told.sweep.looking")

    @desk.page("/sweeps/look/live", "read_sweeps")
    def looking(visit: Visit) -> Response[Any]:
        """GET /console/sweeps/look/live: how far the counting is."""
        words, theirs = visit.words, {one.name for one in _bound(visit)}

        def said(at: str) -> str:
            return words("sweeps.look.going", name=at if at in theirs else "…")

        return live(visit, lambda: works.step(LOOK, lambda run: said(run.at)))

    @desk.page("/sweeps/{name:str}", "read_sweeps")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/sweeps/NAME: one sweep, what may be done with it and what happened."""
        found = _opened(visit, "read_sweeps")
        row, run = _row(visit, found), works.last(f"sweep {found.name}")
        last = rules.last_rows(found, sweep.version_of(found), row)
        marked_by = sweep.marked_by(visit.project, found)
        return visit.show(
            "sweep.html", found.name, row=row, bound=found, day=visit.day, run=run, marked_by=marked_by,
            why_not_act=_why_not_act(visit, found, row, marked_by), entity=_entity(visit, found),
            asks=rules.asks(row["overdue"], last), last_rows=last, course=_course(visit, found),
            exceptions=[said.said(visit.words.language) for said in found.rule.exceptions],
            trigger=found.rule.trigger.said(visit.words.language),
        )  # fmt: skip

    @desk.page("/sweeps/{name:str}/live", "read_sweeps")
    def going(visit: Visit) -> Response[Any]:
        """GET /console/sweeps/NAME/live: how many rows went, whoever lets them go."""
        found, words = _opened(visit, "read_sweeps"), visit.words

        def step() -> Step | None:
            held = read.state(visit.project.ledger, found.stream)
            body: Mapping[str, Any] = held.body if held else {}
            if body.get("status") != "acting" and not works.going(f"sweep {found.name}"):
                return None
            done, of = int(body.get("swept", 0)), int(body.get("rows", 0))
            return Step(done, of, words("sweeps.act.going", number=done, rows=of))

        return live(visit, step)

    @desk.act("/sweeps/{name:str}/mark", "read_sweeps")
    def mark(visit: Visit) -> Response[Any]:
        """POST …/mark: mark what is due; far more than the last time, or many as the first, by who approves sweeps."""
        confirmed = visit.given("confirm") == "1"
        found = _opened(visit, "approve_sweeps" if confirmed else "run_sweeps")
        (said,) = sweep.mark(visit.project, [found.name], staff=visit.staff.handle, confirmed=confirmed)
        if not isinstance(said, Marked):
            raise NotAllowedError(
                f"{found.name}: {said.why_not or 'nothing is due that is not marked already'}."
            )
        return visit.to(f"/sweeps/{found.name}", told="told.sweep.marked")

    @desk.act("/sweeps/{name:str}/act", "approve_sweeps")
    def act(visit: Visit) -> Response[Any]:
        """POST …/act: let the marked rows go; the work goes on when the page is closed."""
        found = _opened(visit, "approve_sweeps")
        row = _row(visit, found)
        wrong = _why_not_act(visit, found, row, sweep.marked_by(visit.project, found))
        if wrong:
            raise NotAllowedError(wrong)
        project, staff = visit.project, visit.staff.handle

        def work(_: Tell) -> int:
            gone = 0
            for said in sweep.act(project, [found.name], staff=staff):
                if isinstance(said, TrothError):
                    raise said
                gone += said.rows if isinstance(said, Done) else 0
            return gone

        works.begin(f"sweep {found.name}", staff, work, of=int(row["rows"]))
        return visit.to(f"/sweeps/{found.name}", told="told.sweep.acting")

    @desk.act("/sweeps/{name:str}/stop", "read_sweeps")
    def stop(visit: Visit) -> Response[Any]:
        """POST …/stop: stop it after the batch in hand; whoever runs or approves sweeps may."""
        found = _opened(visit, "read_sweeps")
        entity = _entity(visit, found)
        if not (visit.may("run_sweeps", entity) or visit.may("approve_sweeps", entity)):
            raise PermissionDeniedException
        sweep.stop(visit.project, found.name, visit.given("reason"), visit.staff.handle)
        return visit.to(f"/sweeps/{found.name}", told="told.sweep.stopped")

    @desk.page("/sweeps/{name:str}/archive", "read_sweeps")
    def archive(visit: Visit) -> Response[Any]:
        """GET …/archive: how many rows a run archived that are still there, and the way back."""
        found = _opened(visit, "read_sweeps")
        said = unarchive.count(visit.project, found.name, visit.asked("run"))
        return visit.show(
            "sweep_archive.html", visit.words("sweeps.archive.title", name=found.name), bound=found, said=said,
            may=visit.may("run_sweeps", _entity(visit, found)),
        )  # fmt: skip

    @desk.act("/sweeps/{name:str}/archive", "run_sweeps")
    def back(visit: Visit) -> Response[Any]:
        """POST …/archive: bring rows of a run back."""
        found = _opened(visit, "run_sweeps")
        keys = [line.strip() for line in visit.given("keys").splitlines() if line.strip()]
        unarchive.unarchive(
            visit.project,
            found.name,
            visit.given("reason"),
            visit.staff.handle,
            run=visit.given("run"),
            keys=keys,
        )
        return visit.to(f"/sweeps/{found.name}", told="told.sweep.back")

    hold_pages(desk, works)


def _entity(visit: Visit, one: Bound) -> str:
    """Return whose rows a sweep is about: the company of the store; empty, as of the group, where rows differ."""
    return store_entity(visit.project, one.store)


def _bound(visit: Visit) -> Iterator[Bound]:
    entities = visit.staff.entities("read_sweeps")
    for one in rules.bound(visit.project.policy, visit.project.maps):
        if entities is None or _entity(visit, one) in entities:
            yield one


def _opened(visit: Visit, duty: Duty) -> Bound:
    found = sweep.named(visit.project, str(visit.path["name"]))
    visit.must(duty, _entity(visit, found))
    return found


def _row(visit: Visit, one: Bound) -> Mapping[str, Any]:
    found = read.state(visit.project.ledger, one.stream)
    fresh = {
        "status": "idle", "overdue": 0, "oldest": None, "measured_on": None, "rows": 0, "swept": 0, "due": None,
        "held": 0, "last": None, "before": None, "marked_on": None, "allowed": [], "run": None, "reason": None,
        "beyond": None, "unknown": 0,
    }  # fmt: skip
    period = visit.words.period(str(one.rule.period)) if one.rule.period else ""
    return fresh | dict(found.body if found else {}) | {
        "sweep": one.name, "promise": one.rule.id, "period": period, "why_not": one.why_not, "archive": one.archive,
        "grace": visit.words.period(str(one.grace)),
    }  # fmt: skip


def _why_not_act(visit: Visit, one: Bound, row: Mapping[str, Any], marked_by: str) -> str:
    """Say why whoever visits may not let a sweep act now, in their language; empty where they may."""
    words = visit.words
    if row["status"] not in WAITING:
        return words("sweeps.act.nothing")
    if not visit.may("approve_sweeps", _entity(visit, one)):
        return words("sweeps.act.duty")
    if str(row["due"]) > sweep.today_of(visit.project, one).isoformat():
        return words("sweeps.act.grace", day=visit.words.day(date.fromisoformat(row["due"])))
    if rules.why_not_act_by(marked_by, visit.staff.handle, alone=admit.derogates(visit.project)):
        return words("sweeps.act.other")
    return ""


def _course(visit: Visit, one: Bound) -> list[tuple[Event, str]]:
    """Return what happened, the last first, with what was said of it in words; reading the words is recorded."""
    found = sweep.course(visit.project, one)[-COURSE_MAX:]
    if any(event.key is not None for event in found):
        record_reading(visit.project, one.name, visit.staff.handle, f"console/sweeps/{one.name}")
    return [(event, _said(visit, event)) for event in reversed(found)]


def _said(visit: Visit, event: Event) -> str:
    if event.key is None:
        return ""
    try:
        return str(vault.payload(visit.project.ledger, event).get("reason", ""))
    except KeyDestroyedError:
        return ""
