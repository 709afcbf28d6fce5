"""Today: what waits for whoever is signed in, what is due next, and how requests and promises go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from litestar import Response

from troth.faces.console.chart import Chart, chart
from troth.faces.console.desk import Desk, Visit
from troth.faces.words import Words
from troth.ledger import read
from troth.rules import promise_trend
from troth.rules.concern import Concern, Kind
from troth.rules.request_trend import Month
from troth.work import admit, audit_trend, health, incident, sweep
from troth.work import today as work
from troth.work.concerns import concerns
from troth.work.establishment import day_here
from troth.work.project import Project
from troth.work.store_entity import store_entity

SOON = timedelta(days=7)
BROKEN_MAX = 10
CONCERNS_MAX = 40
DAYS_SHOWN = 90


def today_pages(desk: Desk) -> None:
    """Register the first page."""
    drawn: dict[str, tuple[object, tuple[promise_trend.Day, ...]]] = {}

    @desk.page("", None)
    def today(visit: Visit) -> Response[str]:
        """GET /console: what presses today."""
        project, words = visit.project, visit.words
        shown: dict[str, Any] = {"due": (), "waiting": {}, "overdue": 0, "soon": 0, "charts": []}
        if visit.may("read_requests"):
            entities, now = visit.staff.entities("read_requests"), day_here(project)
            shown |= {
                "due": work.due(project, entities),
                "waiting": work.waiting(project, visit.staff),
                "overdue": work.overdue(project, entities),
                "soon": work.soon(project, entities, now + SOON),
                "charts": _of_requests(work.months(project, entities), words),
            }
        promises: Sequence[Mapping[str, Any]] = ()
        if visit.may("read_audit"):
            promises = [one.body for one in read.states(project.ledger, promise_trend.FAMILY)]
            days = _trend(project, promises, drawn)
            shown["charts"] += [_of_promises(days[-DAYS_SHOWN:], words)] if len(days) > 1 else []
        pressing = concerns(project, visit.staff, visit.desk.heard.last(project))
        broken = [one for one in promises if one["status"] == "broken"]
        return visit.show(
            "today.html", words("today.title"), **shown,
            incidents=list(_incidents(visit)) if visit.may("read_incidents") else [],
            sweeps=[one for one in sweep.every(project)
                    if one["status"] in {"marked", "stopped"} and _sees(visit, str(one["store"]))],
            broken=sorted(broken, key=lambda one: str(one["since"]), reverse=True)[:BROKEN_MAX],
            broken_count=len(broken), kept=sum(one["status"] == "kept" for one in promises),
            unproven=sum(one["status"] == "unproven" for one in promises),
            day=date.fromisoformat, concerns=[_told(visit, one) for one in pressing[:CONCERNS_MAX]],
            more=len(pressing) - CONCERNS_MAX, office=_office(visit) if visit.may("settings", "") else None,
        )  # fmt: skip


_AT: Mapping[Kind, str] = {
    "store_away": "/stores/{about}", "store_drifted": "/stores/{about}/check", "mail_away": "/settings/health",
    "inbox_away": "/settings/health", "safeguard_lapsed": "/recipients/{about}",
    "safeguard_lapses": "/recipients/{about}", "safeguard_doubtful": "/recipients/{about}", "untold": "/recipients",
    "hold_review": "/sweeps/holds/{about}", "action_overdue": "/registers/actions/{about}",
    "scan_incomplete": "/cookies", "scan_due": "/cookies", "draft_approve": "/policy/{about}",
    "draft_publish": "/policy/{about}", "draft_advise": "/policy/{about}", "register_review": "/registers",
    "document_due": "/registers", "inspection_open": "/audit/inspections/{about}", "no_second_factor": "/settings",
    "invitation_waits": "/settings",
}  # fmt: skip
"""Where each kind is looked after; what is not here is looked after in the settings, or told to whoever may not."""


def _told(visit: Visit, one: Concern) -> Mapping[str, Any]:
    """Say a concern in words, with where it is looked after and how much it presses."""
    words, on = visit.words, visit.words.day(one.on) if one.on else ""
    key = f"concern.{one.kind}" + (
        "" if one.on or not words.has(f"concern.{one.kind}.undated") else ".undated"
    )
    at = _AT.get(one.kind) or ("/settings/health" if visit.may("settings") else "/ledger")
    return {
        "said": words(key, about=one.about, on=on, number=one.count), "grave": one.is_grave,
        "address": at.format(about=quote(one.about, safe="")) if at != "/ledger" or visit.may("verify_ledger") else "",
    }  # fmt: skip


def _office(visit: Visit) -> Mapping[str, int]:
    """Count what whoever administers looks after: stores that answer, accounts, and what waits to be sealed."""
    stores = visit.desk.heard.last(visit.project).stores
    states = [one["status"] for one in admit.every(visit.project)]
    return {
        "asked": len(stores), "answering": sum(one.state != "away" for one in stores),
        "accounts": states.count("active"), "unsealed": health.ledger(visit.project).unsealed,
    }  # fmt: skip


def _sees(visit: Visit, store: str) -> bool:
    """Say whether somebody reads the sweeps of a store; one that no map names any more is of the whole group."""
    return visit.may("read_sweeps", store_entity(visit.project, store) if store in visit.project.maps else "")


def _trend(
    project: Project, promises: Sequence[Mapping[str, Any]],
    drawn: dict[str, tuple[object, tuple[promise_trend.Day, ...]]],
) -> tuple[promise_trend.Day, ...]:  # fmt: skip
    """Return how promises stood over time; read anew only once a control has run again."""
    ran = (len(promises), sum(int(one["runs"]) for one in promises))
    if drawn.get("promises", (None, ()))[0] != ran:
        drawn["promises"] = (ran, audit_trend.trend(project))
    return drawn["promises"][1]


def _of_requests(months: Sequence[Month], words: Words) -> list[Chart]:
    if not any(one.came or one.open for one in months):
        return []
    labels = [words.month(one.month, short=True) for one in months]
    drawn = [
        chart(
            words("today.chart.requests"), labels,
            [(words("today.chart.came"), [one.came for one in months]),
             (words("today.chart.open"), [one.open for one in months])], is_going=True,
        ),
        chart(
            words("today.chart.days"), labels,
            [(words("today.chart.median"), [one.days_median for one in months]),
             (words("today.chart.p90"), [one.days_p90 for one in months])], is_going=True,
        ),
    ]  # fmt: skip
    return drawn if any(one.days_p90 is not None for one in months) else drawn[:1]


def _of_promises(days: Sequence[promise_trend.Day], words: Words) -> Chart:
    return chart(
        words("today.chart.promises"), [words.day(one.on) for one in days],
        [(words("today.kept"), [one.kept for one in days]), (words("today.unproven"), [one.unproven for one in days]),
         (words("today.broken"), [one.broken for one in days])], marks_max=4,
    )  # fmt: skip


def _incidents(visit: Visit) -> Any:
    entities = visit.staff.entities("read_incidents")
    for one in incident.every(visit.project):
        if one["status"] not in {"reported", "breach"} or (
            entities is not None and one["entity"] not in entities
        ):
            continue
        end = incident.hours(visit.project, one)
        left = None if end is None else int((end.due - visit.project.clock()).total_seconds() // 3600)
        yield {"number": one["number"], "status": one["status"], "hours": left, "told": bool(one["authority"]),
               "received": str(one["reported_at"])[:10] if "reported_at" in one else ""}  # fmt: skip
