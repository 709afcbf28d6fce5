"""What is written about a breach, seen before it leaves: to the authority, to people, to controllers.

The notice is shown and given away as a file, and sent by nobody but people: Troth has no door into an authority's
form.  Letters to people leave while the page shows how many, each once however often the form is sent.

Law: GDPR Art. 33(1) to (4), Art. 34.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response
from litestar.exceptions import PermissionDeniedException

from troth.errors import NotAllowedError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.progress import Tell, Works, live
from troth.faces.console.saved import document
from troth.rules.staff import Duty
from troth.work import breach_notice, incident, tell_controller
from troth.work.addresses import addresses_in, between_days, each_once, readable, tables_of_people
from troth.work.establishment import establishment
from troth.work.incident import OWED, Incident
from troth.work.record_reading import record_reading
from troth.work.store_entity import store_entity

COUNTED_MAX = 10_000
"""How many addresses are counted before the letters leave; more are said to be more."""
LANGUAGES = ("en", "fr")
CHOSEN = ("listed", "source", "dated", "since", "until", "language")
"""The fields that say who is written to and in which language."""


def incident_letter_pages(desk: Desk, works: Works) -> None:
    """Register the pages of what is written."""

    @desk.page("/incidents/{number:str}/notice", "read_incidents")
    def notice(visit: Visit) -> Response[Any]:
        """GET …/notice: the notice to the authority, as a page, as PDF or as JSON."""
        found = opened(visit)
        language = breach_notice.language_of(visit.project, visit.asked("in") or visit.words.language)
        told = breach_notice.notice(visit.project, found.number, language, because=visit.asked("because"))
        screen = f"console/incidents/{found.number}/notice"
        record_reading(visit.project, found.number, visit.staff.handle, screen)
        name = f"notice-{found.number}-{language}"
        match visit.asked("format"):
            case "json":
                text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
                return document(name, "json", "application/json", text.encode())
            case "pdf":
                return document(
                    name, "pdf", "application/pdf", breach_notice.pdf(visit.project, told, language)
                )
            case _:
                return visit.show(
                    "incident_notice.html", visit.words("incidents.notice.title", number=found.number), notice=told,
                    number=found.number, spoken=language, parts_of=breach_notice.parts(told, language),
                    lacking=breach_notice.lacking(told, visit.words.language), because=visit.asked("because"),
                )  # fmt: skip

    @desk.page("/incidents/{number:str}/people", "handle_incidents")
    def people(visit: Visit) -> Response[Any]:
        """GET …/people: write to the people it is about."""
        found = opened(visit, "handle_incidents")
        record_reading(
            visit.project, found.number, visit.staff.handle, f"console/incidents/{found.number}/people"
        )
        said = incident.words(visit.project, found.number)
        given = {name: said.get(name, "") for name in OWED} | dict.fromkeys(CHOSEN, "")
        return _people_form(visit, found, given)

    @desk.act("/incidents/{number:str}/people", "handle_incidents")
    def told(visit: Visit) -> Response[Any]:
        """POST …/people: show the letter and how many get it; with `send`, let it leave."""
        found = opened(visit, "handle_incidents")
        given = {name: visit.given(name) for name in (*OWED, *CHOSEN)}
        if given["language"] not in ("", *LANGUAGES):
            raise NotAllowedError("A letter is written in en or fr.")
        written = incident.letter_to_people(visit.project, found, given, given["language"])
        if not visit.given("send"):
            counted = sum(1 for _ in islice(_addresses(visit, found, given), COUNTED_MAX + 1))
            return _people_form(visit, found, given, letter=written, counted=counted)
        staff = visit.staff.handle
        addresses = _addresses(visit, found, given)

        def work(tell: Tell) -> object:
            written_to = 0

            def advance() -> None:
                nonlocal written_to
                written_to += 1
                tell(written_to, 0, "writing")

            return incident.tell_people(
                visit.project, found.number, addresses, given, staff, language=given["language"],
                advance=advance,
            )  # fmt: skip

        works.begin(f"people {found.number}", staff, work)
        return visit.to(f"/incidents/{found.number}", told="told.incident.writing")

    @desk.page("/incidents/{number:str}/people/live", "read_incidents")
    def going(visit: Visit) -> Response[Any]:
        """GET …/people/live: how many letters left, as it goes."""
        found, words = opened(visit), visit.words
        return live(
            visit,
            lambda: works.step(
                f"people {found.number}", lambda run: words("incidents.people.going", number=run.done)
            ),
        )

    @desk.page("/incidents/{number:str}/controllers", "read_incidents")
    def controllers(visit: Visit) -> Response[Any]:
        """GET …/controllers: the controllers whose processor we are, and the letter to one of them."""
        found = opened(visit)
        chosen, letter, address = visit.asked("to"), None, ""
        language = visit.asked("in")
        if chosen:
            screen = f"console/incidents/{found.number}/controllers"
            record_reading(visit.project, found.number, visit.staff.handle, screen)
            address, letter, _ = tell_controller.letter_to(visit.project, found.number, chosen, language)
        served = [
            (str(one.key), one.name, tell_controller.was_told(visit.project, found.number, str(one.key)))
            for one in tell_controller.served_controllers(visit.project)
        ]
        return visit.show(
            "incident_controllers.html", visit.words("incidents.controllers.title", number=found.number),
            one=found.state, served=served, chosen=chosen, letter=letter, address=address, spoken=language,
            handles=visit.may("handle_incidents", found.state["entity"]), zone=zone_of(visit, found),
        )  # fmt: skip

    @desk.act("/incidents/{number:str}/controllers", "handle_incidents")
    def controller(visit: Visit) -> Response[Any]:
        """POST …/controllers: write to one, or record that it was told by other means."""
        found = opened(visit, "handle_incidents")
        chosen = visit.given("to")
        if chosen:
            tell_controller.tell_controller(
                visit.project, found.number, chosen, visit.staff.handle, language=visit.given("language")
            )
        else:
            incident.told_controller(
                visit.project, found.number, visit.given("name"), visit.given("proof"), visit.staff.handle,
                at=given_moment(visit, found),
            )  # fmt: skip
        return visit.to(f"/incidents/{found.number}/controllers", told="told.incident.controller")


def zone_of(visit: Visit, found: Incident) -> str:
    """Return the time zone of an incident's company."""
    return establishment(visit.project, found.state["entity"] or None).time_zone


def given_moment(visit: Visit, found: Incident) -> datetime:
    """Read a moment of the form, which is in the time of the company; now where none is given."""
    written = visit.given("at")
    if not written:
        return visit.project.clock()
    try:
        at = datetime.fromisoformat(written)
        at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone_of(visit, found)))
        at.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last year have no other time zone
        raise NotAllowedError(f"{written[:30]!r} is no moment. Choose a day and a time.") from None
    return at


def opened(visit: Visit, duty: Duty = "read_incidents") -> Incident:
    """Return the incident of the address, for whoever has a duty for its company."""
    found = incident.load(visit.project, str(visit.path["number"]))
    visit.must(duty, found.state["entity"])
    return found


def _people_form(
    visit: Visit, found: Incident, given: dict[str, str], *, letter: Any = None, counted: int = 0
) -> Response[Any]:
    return visit.show(
        "incident_people.html", visit.words("incidents.people.title", number=found.number), one=found.state,
        given=given, letter=letter, counted=counted, more=counted > COUNTED_MAX, sources=_sources(visit, found),
        texts=OWED,
    )  # fmt: skip


def _addresses(visit: Visit, found: Incident, given: dict[str, str]) -> Iterable[str]:
    """Return whom the form names: a list, or everybody of a store or of a table of it, one of the two.

    The people of another company are written to by whoever handles incidents of the whole group.
    """
    listed: Sequence[str] = [line.strip() for line in given["listed"].splitlines() if line.strip()]
    if bool(listed) is bool(given["source"]):
        raise NotAllowedError("Say who they are: by a list of addresses, or by a store, one of the two.")
    between = between_days(given["dated"].strip(), given["since"].strip(), given["until"].strip())
    if listed and between:
        raise NotAllowedError("A list is not narrowed by days: leave them out, or choose a table.")
    store, _, table = given["source"].partition(".")
    if store in visit.project.maps and not _is_open(visit, found, store):
        raise PermissionDeniedException
    return each_once(listed) if listed else addresses_in(visit.project, store, table, between)


def _is_open(visit: Visit, found: Incident, store: str) -> bool:
    """Say whether a store is of the company of an incident, or somebody handles those of the whole group."""
    same = store_entity(visit.project, store) == found.state["entity"]
    return same or visit.may("handle_incidents", "")


def _sources(visit: Visit, found: Incident) -> list[str]:
    """Name the stores that can be read whole, and their tables that name people or may lead to them."""
    sources = []
    for store in readable(visit.project):
        if _is_open(visit, found, store):
            sources.append(store)
            sources += (f"{store}.{name}" for name in tables_of_people(visit.project, store))
    return sources
