"""Inspections of an authority: opened, what it is shown, looks into stores, the hand-over, and the end.

Whoever may place a hold for the company opens an inspection and adds to it: opening one places a hold.  That
somebody looked at a case or took an item out is recorded first; rows of a look are masked, shown once and kept nowhere.

Law: GDPR Art. 31, Art. 58(1).
"""

from __future__ import annotations

from typing import Any

from litestar import Response

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.console import saved
from troth.faces.console.audit_pages import refuse_request_beyond
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.register_pages import day_of
from troth.rules import exemption, inspection_look
from troth.rules.staff import Duty
from troth.work import inspection, inspection_bundle
from troth.work.answer_question import Narrowed
from troth.work.inspection import SHAPES, Inspection, Seen
from troth.work.record_reading import record_reading

HERE = "/audit/inspections"


def inspection_pages(desk: Desk) -> None:
    """Register the pages of inspections."""
    _moves(desk)

    @desk.page("/audit/inspections", "read_audit")
    def inspections(visit: Visit) -> Response[str]:
        """GET /console/audit/inspections: the inspections there were, and the form that opens one."""
        found = [
            one
            for one in inspection.every(visit.project)
            if visit.may("read_audit", str(one.state["entity"]))
        ]
        return visit.show(
            "inspections.html", visit.words("inspections.title"), inspections=found,
            companies=visit.companies("hold"),
            names=sorted(one for one in exemption.names(visit.project.maps) if "." not in one),
        )  # fmt: skip

    @desk.page("/audit/inspections/{number:str}", "read_audit")
    def one(visit: Visit) -> Response[str]:
        """GET /console/audit/inspections/NUMBER: one of them; that somebody looked is recorded."""
        found = _found(visit, "read_audit")
        record_reading(visit.project, found.number, visit.staff.handle, "console/inspection")
        return _show(visit, found)

    @desk.act("/audit/inspections/{number:str}/item", "read_audit")
    def item(visit: Visit) -> Response[Any]:
        """POST …/item: an item as it was added; that somebody took it is recorded first."""
        found, asked = _found(visit, "read_audit"), visit.given("item")
        held = next((one for one in found.state["items"] if str(one["item"]) == asked), None)
        if held is None:
            raise NotFoundError(f"{found.number} has no item {asked[:10]!r}.")
        record_reading(visit.project, found.number, visit.staff.handle, f"console/inspection/item/{asked}")
        _, said = inspection.told(visit.project, found.number)
        name, _, ending = str(said.get(held["event"], {}).get("name") or "item").rpartition(".")
        content = b"".join(inspection.content(visit.project, held))
        called = f"{found.number}-{asked}-{name}" if name else f"{found.number}-{asked}-{ending}"
        ending = ending if name and ending.isascii() and ending.isalnum() else "bin"
        return saved.document(called, ending, "application/octet-stream", content)


def _moves(desk: Desk) -> None:
    """Register what is done to an inspection: each is a form on its page."""

    @desk.act("/audit/inspections", "hold")
    def begin(visit: Visit) -> Response[Any]:
        """POST /console/audit/inspections: open one, which holds what is in its scope."""
        entity = visit.given("entity")
        visit.must("hold", entity)
        made = inspection.open_inspection(
            visit.project, visit.given("authority")[:200], [*visit.every("scope"), *visit.given("tables").split()],
            visit.staff.handle, entity=entity, reference=visit.given("reference")[:200],
            review_on=day_of(visit.given("review_on")),
        )  # fmt: skip
        return visit.to(f"{HERE}/{made.number}", "told.inspection.opened")

    @desk.act("/audit/inspections/{number:str}/document", "hold", files=True)
    def document(visit: Visit) -> Response[Any]:
        """POST …/document: add a document that is shown."""
        found, file = _found(visit, "hold"), visit.file("file")
        if file is None:
            raise NotAllowedError("Choose the document that is shown.")
        name, content = file
        inspection.add_document(
            visit.project, found.number, name[-200:], content, visit.given("why"), visit.staff.handle
        )
        return visit.to(f"{HERE}/{found.number}", "told.inspection.added")

    @desk.act("/audit/inspections/{number:str}/extract", "hold")
    def extract(visit: Visit) -> Response[Any]:
        """POST …/extract: add the answer to a question, from exactly the checkpoint that is frozen."""
        found = _found(visit, "hold")
        refuse_request_beyond(visit, visit.given("request"), ())
        narrowed = Narrowed(
            since=day_of(visit.given("from")), until=day_of(visit.given("to")),
            jurisdiction=visit.given("jurisdiction").upper(), category=visit.given("category"),
            rule=visit.given("rule"), number=visit.given("request"),
        )  # fmt: skip
        inspection.add_extract(
            visit.project, found.number, visit.given("question"), visit.staff.handle, narrowed=narrowed,
            shape=visit.given("shape"), why=visit.given("why"), language=visit.words.language,  # type: ignore[arg-type]
            redact=visit.given("redact") == "1",
        )  # fmt: skip
        return visit.to(f"{HERE}/{found.number}", "told.inspection.added")

    @desk.act("/audit/inspections/{number:str}/look", "hold")
    def look(visit: Visit) -> Response[Any]:
        """POST …/look: count a table in scope and show some rows by their shape, once."""
        found = _found(visit, "hold")
        store, _, table = visit.given("table").partition(".")
        rows = visit.given("rows") or "0"
        if not (rows.isascii() and rows.isdecimal() and len(rows) < 4):
            raise NotAllowedError(f"How many rows are shown is a number up to {inspection_look.SAMPLE_MAX}.")
        seen = inspection.look(
            visit.project, found.number, store, table, visit.staff.handle, oldest_by=visit.given("oldest"),
            rows=int(rows),
        )  # fmt: skip
        return _show(visit, inspection.load(visit.project, found.number), seen, f"{store}.{table}")

    @desk.act("/audit/inspections/{number:str}/hand-over", "hold")
    def hand_over(visit: Visit) -> Response[Any]:
        """POST …/hand-over: record to whom and how, and give the bundle."""
        found = _found(visit, "hold")
        bundle = inspection_bundle.hand_over(
            visit.project, found.number, visit.given("to"), visit.given("how"), visit.staff.handle
        )
        return saved.document(found.number, "zip", "application/zip", bundle)

    @desk.act("/audit/inspections/{number:str}/close", "hold")
    def close(visit: Visit) -> Response[Any]:
        """POST …/close: say how it ended; its hold stands until somebody ends it."""
        found = _found(visit, "hold")
        inspection.close(visit.project, found.number, visit.given("reason"), visit.staff.handle)
        return visit.to(f"{HERE}/{found.number}", "told.inspection.closed")


def _found(visit: Visit, duty: Duty) -> Inspection:
    """Return the inspection an address names, for whoever has a duty for its company."""
    found = inspection.load(visit.project, str(visit.path["number"]))
    visit.must(duty, str(found.state["entity"]))
    return found


def _show(visit: Visit, found: Inspection, seen: Seen | None = None, place: str = "") -> Response[str]:
    case, said = inspection.told(visit.project, found.number)
    return visit.show(
        "inspection.html", found.number, state=found.state, case=case, said=said, here=f"{HERE}/{found.number}",
        handles=visit.may("hold", str(found.state["entity"])) and not found.state["closed_on"], shapes=SHAPES,
        questions=_questions(visit), tables=_tables(visit, found), most=inspection_look.SAMPLE_MAX,
        seen=seen, place=place,
    )  # fmt: skip


def _questions(visit: Visit) -> list[tuple[str, str]]:
    """Return the questions whose answer an extract can be."""
    spoken = "fr" if visit.words.language == "fr" else "en"
    return [(one.name, one.said[spoken]) for one in inspection.extracts(visit.project)]


def _tables(visit: Visit, found: Inspection) -> list[tuple[str, str]]:
    """Return the tables that a look may be into."""
    named = [f"{store}.{table}" for store, table in inspection.places(visit.project, found)]
    return [(one, one) for one in named]
