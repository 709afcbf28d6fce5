"""Today: what is due by safe date, what waits for whom, and how the promises stand."""

from __future__ import annotations

from litestar import Response

from troth.faces.console.desk import Desk, Visit
from troth.ledger import read
from troth.rules import promise_trend
from troth.work import incident
from troth.work.remind import pressing


def today_pages(desk: Desk) -> None:
    """Register the first page."""

    @desk.page("", None)
    def today(visit: Visit) -> Response[str]:
        """GET /console: what presses today."""
        project = visit.project
        entities = visit.staff.entities("read_requests")
        alerts = [
            one
            for one in (pressing(project) if visit.may("read_requests") else ())
            if entities is None or _entity(visit, one.number) in entities
        ]
        promises = (
            [one.body["status"] for one in read.states(project.ledger, promise_trend.FAMILY)]
            if visit.may("read_audit")
            else []
        )
        open_incidents = (
            [one for one in incident.every(project) if one["status"] != "closed"]
            if visit.may("read_incidents")
            else []
        )
        return visit.show(
            "today.html", visit.words("today.title"), alerts=alerts, incidents=len(open_incidents),
            broken=promises.count("broken"), kept=promises.count("kept"), unproven=promises.count("unproven"),
        )  # fmt: skip


def _entity(visit: Visit, number: str) -> str:
    found = read.state(visit.project.ledger, f"request/{number}")
    return str(found.body["entity"]) if found else ""
