"""Incidents: their hours, their assessment, who was told, and how they end.

What was said of an incident in words is personal data and locked: opening one is recorded before it is shown.
The list shows codes, counts and moments alone.  The notices and letters have pages of their own
(`incident_letter_pages`).

Law: GDPR Arts. 33, 34.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console.desk import ROWS_PER_PAGE, Desk, Visit
from troth.faces.console.incident_letter_pages import given_moment, incident_letter_pages, opened, zone_of
from troth.faces.console.kept import kept
from troth.faces.console.progress import Works
from troth.faces.console.saved import csv_file
from troth.rules import incident as rules
from troth.work import breach_register, incident
from troth.work.establishment import establishment
from troth.work.incident import Incident
from troth.work.record_reading import record_reading

TEXT_MAX = 10_000
SAID = (
    "nature", "occurred", "cause", "subjects", "consequences", "measures_before", "measures", "elsewhere",
)  # fmt: skip
"""What an assessment says in words, in the order of its form."""


def incident_pages(desk: Desk) -> None:
    """Register the pages of incidents."""
    works = Works(desk.project)

    @desk.page("/incidents", "read_incidents")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/incidents: those that go on, or all."""
        every, set_ = visit.asked("all") == "1", kept(visit, "incidents")
        found = [
            one
            for one in _seen(visit)
            if (every or not one["ended_on"])
            and all(str(one[name] or "") == value for name, value in set_.asked.items() if name != "all")
        ]
        if visit.asked("format") == "csv":
            return _list_file(found)
        page, pages = visit.page_of(len(found))
        shown = found[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE]
        return visit.show(
            "incidents.html", visit.words("incidents.title"), every=every, page=page,
            pages=pages, incidents=[_row(visit, one) for one in shown], kept=set_,
            statuses=sorted({str(one["status"]) for one in _seen(visit)}), risks=rules.RISKS,
            companies=visit.companies("read_incidents"),
        )  # fmt: skip

    @desk.page("/incidents/register", "read_incidents")
    def register(visit: Visit) -> Response[Any]:
        """GET /console/incidents/register: the register of breaches (Art. 33(5)) as CSV."""
        record_reading(visit.project, "incidents", visit.staff.handle, "console/incidents/register")
        entities = visit.staff.entities("read_incidents")
        lines = [
            one
            for one in breach_register.register(visit.project)
            if entities is None or one["company"] in entities
        ]
        heads = list(lines[0]) if lines else ["number"]
        rows = ([breach_register.cell(one[name], visit.words.language) for name in heads] for one in lines)
        return csv_file("register-of-breaches", heads, rows)

    @desk.page("/incidents/new", "read_incidents")
    def new(visit: Visit) -> Response[Any]:
        """GET /console/incidents/new: report one."""
        return visit.show(
            "incident_new.html",
            visit.words("incidents.new.title"),
            companies=visit.companies("read_incidents"),
        )

    @desk.act("/incidents/new", "read_incidents")
    def report(visit: Visit) -> Response[Any]:
        """POST /console/incidents/new: open one for triage."""
        entity = visit.given("entity")
        visit.must("read_incidents", entity or establishment(visit.project).entity)
        made = incident.report(
            visit.project, visit.given("what")[:TEXT_MAX], visit.staff.handle, channel=visit.given("channel"),
            entity=entity, contact=visit.given("contact")[:254], once=visit.once or "",
        )  # fmt: skip
        return visit.to(f"/incidents/{made.number}", told="told.incident.reported")

    @desk.page("/incidents/{number:str}", "read_incidents")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/incidents/NUMBER: where it stands and what was said of it; recorded before it is shown."""
        found = opened(visit)
        record_reading(visit.project, found.number, visit.staff.handle, f"console/incidents/{found.number}")
        zone = zone_of(visit, found)
        run = works.last(f"people {found.number}")
        return visit.show(
            "incident.html", visit.words("incidents.one.title", number=found.number), one=found.state,
            said=incident.words(visit.project, found.number), end=incident.hours(visit.project, found.state),
            countdown=incident.countdown(visit.project, found.state), zone=zone, moment=_moment(visit, zone),
            day=lambda written: visit.words.day(date.fromisoformat(written)),
            owed=[] if found.state["ended_on"] else list(rules.owed(found.state)),
            handles=visit.may("handle_incidents", found.state["entity"]), course=_course(visit, found, zone),
            categories=_categories(visit), texts=SAID, types=rules.TYPES, risks=rules.RISKS, exempt=rules.EXEMPT,
            company=_company(visit, found.state["entity"]), run=run,
            notices=breach_register.notices(visit.project, found.number),
            controllers=breach_register.controllers(visit.project, found.number),
        )  # fmt: skip

    _acts(desk)
    incident_letter_pages(desk, works)


def _acts(desk: Desk) -> None:
    @desk.act("/incidents/{number:str}/certain", "handle_incidents")
    def certain(visit: Visit) -> Response[Any]:
        """POST …/certain: since when it is certain that it was a breach; the hours run from then."""
        found = opened(visit, "handle_incidents")
        incident.certain(
            visit.project, found.number, visit.given("by"), given_moment(visit, found), visit.given("facts"),
            visit.staff.handle,
        )  # fmt: skip
        return _back(visit, found, "certain")

    @desk.act("/incidents/{number:str}/assess", "handle_incidents")
    def assess(visit: Visit) -> Response[Any]:
        """POST …/assess: the risk to people, with its reasons."""
        found = opened(visit, "handle_incidents")
        incident.assess(
            visit.project, found.number, visit.given("risk"), visit.given("why")[:TEXT_MAX], visit.staff.handle,
            types=visit.every("types"), categories=visit.every("categories"), people=_number(visit, "people"),
            records=_number(visit, "records"), told={name: visit.given(name)[:TEXT_MAX] for name in SAID},
        )  # fmt: skip
        return _back(visit, found, "assessed")

    @desk.act("/incidents/{number:str}/notified", "handle_incidents")
    def notified(visit: Visit) -> Response[Any]:
        """POST …/notified: the authority was told."""
        found = opened(visit, "handle_incidents")
        incident.told_authority(
            visit.project, found.number, given_moment(visit, found), visit.given("reference"), visit.staff.handle,
            because=visit.given("because"),
        )  # fmt: skip
        return _back(visit, found, "notified")

    @desk.act("/incidents/{number:str}/exempt", "handle_incidents")
    def exempt(visit: Visit) -> Response[Any]:
        """POST …/exempt: why people are not each written to."""
        found = opened(visit, "handle_incidents")
        incident.exempt(
            visit.project, found.number, visit.given("ground"), visit.given("reason"), visit.staff.handle
        )
        return _back(visit, found, "exempt")

    @desk.act("/incidents/{number:str}/dismiss", "handle_incidents")
    def dismiss(visit: Visit) -> Response[Any]:
        """POST …/dismiss: it was no breach of personal data."""
        found = opened(visit, "handle_incidents")
        incident.dismiss(visit.project, found.number, visit.given("reason"), visit.staff.handle)
        return _back(visit, found, "dismissed")

    @desk.act("/incidents/{number:str}/close", "handle_incidents")
    def close(visit: Visit) -> Response[Any]:
        """POST …/close: all that is owed was done."""
        found = opened(visit, "handle_incidents")
        incident.close(visit.project, found.number, visit.given("lessons"), visit.staff.handle)
        return _back(visit, found, "closed")


def _back(visit: Visit, found: Incident, told: str) -> Response[Any]:
    return visit.to(f"/incidents/{found.number}", told=f"told.incident.{told}")


def _seen(visit: Visit) -> Iterator[Mapping[str, Any]]:
    entities = visit.staff.entities("read_incidents")
    for one in incident.every(visit.project):
        if entities is None or one["entity"] in entities:
            yield one


def _row(visit: Visit, state: Mapping[str, Any]) -> Mapping[str, Any]:
    countdown = incident.countdown(visit.project, state)
    return {**state, "countdown": countdown, "reported_on": datetime.fromisoformat(state["reported_at"])}


def _list_file(found: list[Mapping[str, Any]]) -> Response[Any]:
    heads = (
        "number",
        "company",
        "status",
        "risk",
        "people",
        "records",
        "reported_at",
        "aware_at",
        "due",
        "ended_on",
    )
    rows = ([one["entity"] if name == "company" else one[name] for name in heads] for one in found)
    return csv_file("incidents", heads, rows)


def _number(visit: Visit, name: str) -> int | None:
    written = visit.given(name)
    if not written:
        return None
    if not (written.isascii() and written.isdecimal() and len(written) <= 10):
        raise NotAllowedError("Numbers of people and of records are whole and not negative.")
    return int(written)


def _moment(visit: Visit, zone: str) -> Any:
    def said(written: str | datetime | None, place: str = zone) -> str:
        at = datetime.fromisoformat(written) if isinstance(written, str) and written else written
        return visit.words.moment(at, place) if isinstance(at, datetime) else ""

    return said


def _course(visit: Visit, found: Incident, zone: str) -> list[tuple[str, str, str]]:
    """Return what happened: the stage, when, and by whom; the last first."""
    return [
        (str(event.facts["stage"]), visit.words.moment(event.at, zone), event.actor)
        for event in reversed(incident.course(visit.project, found.number))
    ]


def _categories(visit: Visit) -> list[tuple[str, str]]:
    language = visit.words.language
    return [
        (str(name), one.title.said(language) if one.title else str(name))
        for name, one in visit.project.policy.categories.items()
    ]


def _company(visit: Visit, entity: str) -> str:
    group = visit.project.policy.group
    return next((one.name for one in (group.entities if group else ()) if str(one.key) == entity), entity)
