"""Inspections of an authority: what is frozen, what it was shown, what was looked at and handed over.

Opening, showing and handing over are commands (`troth inspection`): each writes or reads a file of whoever does it.
"""

from __future__ import annotations

from litestar import Response

from troth.faces.console.desk import Desk, Visit
from troth.work import inspection
from troth.work.record_reading import record_reading


def inspection_pages(desk: Desk) -> None:
    """Register the pages of inspections."""

    @desk.page("/audit/inspections", "read_audit")
    def inspections(visit: Visit) -> Response[str]:
        """GET /console/audit/inspections: the inspections there were."""
        found = [
            one
            for one in inspection.every(visit.project)
            if visit.may("read_audit", str(one.state["entity"]))
        ]
        return visit.show("inspections.html", visit.words("inspections.title"), inspections=found)

    @desk.page("/audit/inspections/{number:str}", "read_audit")
    def one(visit: Visit) -> Response[str]:
        """GET /console/audit/inspections/NUMBER: one of them; that somebody looked is recorded."""
        project, number = visit.project, visit.path["number"]
        found = inspection.load(project, number)
        visit.must("read_audit", str(found.state["entity"]))
        record_reading(project, number, visit.staff.handle, "console/inspection")
        case, said = inspection.told(project, number)
        return visit.show("inspection.html", number, state=found.state, case=case, said=said)
