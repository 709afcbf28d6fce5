"""Legal holds: what must not be erased while a matter goes on, for whom, and until it is looked at again.

A matter and its reason are locked; that somebody read them is recorded first.  When a hold ends, what it had kept
back of erasures is erased, and the page shows how that goes.

Law: GDPR Art. 17(3)(e), Art. 5(1)(c) and (e).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.progress import Tell, Works, live
from troth.faces.console.saved import csv_file
from troth.ledger import read
from troth.rules import exemption
from troth.rules.hold import FAMILY, REVIEW_WITHIN
from troth.rules.staff import Duty
from troth.work import hold
from troth.work.admit import refuse_unknown_entity
from troth.work.establishment import day_here
from troth.work.hold import HoldFile
from troth.work.record_reading import record_reading
from troth.work.release import release
from troth.work.store_entity import store_entity

RELEASE = "release"


def hold_pages(desk: Desk, works: Works) -> None:
    """Register the pages of holds."""

    @desk.page("/sweeps/holds", "read_sweeps")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/sweeps/holds: those that stand, or all."""
        every = visit.asked("all") == "1"
        rows = [one for one in _seen(visit) if every or one["status"] == "placed"]
        if visit.asked("format") == "csv":
            heads = (
                "name",
                "status",
                "people",
                "what",
                "owner",
                "placed_on",
                "placed_by",
                "review_on",
                "reviews",
                "ended_on",
            )
            return csv_file("holds", heads, ([row[name] for name in heads] for row in rows))
        today = day_here(visit.project)
        return visit.show(
            "holds.html", visit.words("holds.title"), rows=rows, every=every, today=today.isoformat(), day=visit.day,
            latest=(today + REVIEW_WITHIN).isoformat(), names=_names(visit), holds=visit.may("hold"),
            companies=_companies(visit), run=works.last(RELEASE),
        )  # fmt: skip

    @desk.act("/sweeps/holds", "hold")
    def place(visit: Visit) -> Response[Any]:
        """POST /console/sweeps/holds: place one."""
        theirs = _companies(visit)
        entity = visit.given("entity") or (theirs[0][0] if theirs else "")
        visit.must("hold", entity)
        refuse_unknown_entity(visit.project, entity)
        named = [_identifier(line) for line in visit.given("about").splitlines() if line.strip()]
        placed = hold.place(
            visit.project, visit.given("matter"), visit.given("reason"), _date(visit.given("review")),
            visit.staff.handle, about=named, what=_covered(visit, entity), entity=entity,
            owner=visit.given("owner"),
        )  # fmt: skip
        return visit.to(f"/sweeps/holds/{placed.state['name']}", told="told.hold.placed")

    @desk.page("/sweeps/holds/live", "read_sweeps")
    def going(visit: Visit) -> Response[Any]:
        """GET /console/sweeps/holds/live: that what was kept back is being erased."""
        words = visit.words
        return live(visit, lambda: works.step(RELEASE, lambda _: words("holds.release.going")))

    @desk.page("/sweeps/holds/{hold:str}", "read_sweeps")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/sweeps/holds/NAME: its matter and reason, and what it keeps back."""
        found = _opened(visit, "read_sweeps")
        name, today = str(found.state["name"]), day_here(visit.project)
        record_reading(visit.project, name, visit.staff.handle, f"console/sweeps/holds/{name}")
        return visit.show(
            "hold.html", visit.words("holds.one.title", name=name), one=found.state, day=visit.day,
            said=hold.told(visit.project, name), waiting=tuple(hold.deferred(visit.project, name)),
            holds=visit.may("hold", _entity(visit, found.stream)), latest=(today + REVIEW_WITHIN).isoformat(),
            overdue=found.state["status"] == "placed" and found.state["review_on"] < today.isoformat(),
        )  # fmt: skip

    @desk.act("/sweeps/holds/{hold:str}/review", "hold")
    def review(visit: Visit) -> Response[Any]:
        """POST …/review: it was looked at and still stands."""
        name = str(_opened(visit, "hold").state["name"])
        hold.review(
            visit.project, name, _date(visit.given("until")), visit.given("note"), visit.staff.handle,
            owner=visit.given("owner"),
        )  # fmt: skip
        return visit.to(f"/sweeps/holds/{name}", told="told.hold.reviewed")

    @desk.act("/sweeps/holds/{hold:str}/end", "hold")
    def end(visit: Visit) -> Response[Any]:
        """POST …/end: end it, and erase what it had kept back of erasures that were decided."""
        name, project = str(_opened(visit, "hold").state["name"]), visit.project
        hold.end(project, name, visit.given("reason"), visit.staff.handle)

        def work(_: Tell) -> int:
            return release(project)

        if not works.going(RELEASE):
            works.begin(RELEASE, visit.staff.handle, work)
        return visit.to("/sweeps/holds", told="told.hold.ended")


def _entity(visit: Visit, stream: str) -> str:
    return read.stream(visit.project.ledger, stream)[0].entity


def _opened(visit: Visit, duty: Duty) -> HoldFile:
    found = hold.load(visit.project, str(visit.path["hold"]))
    visit.must(duty, _entity(visit, found.stream))
    return found


def _seen(visit: Visit) -> Iterator[Mapping[str, Any]]:
    entities = visit.staff.entities("read_sweeps")
    for one in hold.every(visit.project):
        if entities is None or _entity(visit, f"{FAMILY}/{one['name']}") in entities:
            yield {"owner": "", **one, "people": len(one["subjects"]), "what": " ".join(one["what"])}


def _companies(visit: Visit) -> list[tuple[str, str]]:
    """Return the companies whose holds somebody places, the main one first."""
    group = visit.project.policy.group
    main = str(group.main_entity.key) if group else ""
    return sorted(visit.companies("hold"), key=lambda one: one[0] != main)


def _covered(visit: Visit, entity: str) -> list[str]:
    """Return what the form names; the stores of the company where it names nothing and holds are for it alone.

    A store of another company, and a category, which is of every store, ask for the duty for the whole group.
    """
    project = visit.project
    what = [*visit.every("what"), *visit.given("tables").split()]
    for name in what:
        store = name.partition(".")[0]
        known = store in project.maps
        if not known or store_entity(project, store) != entity:
            visit.must("hold", "")
    if what or visit.may("hold", ""):
        return what
    theirs = [name for name in project.maps if store_entity(project, name) == entity]
    if not theirs:
        raise NotAllowedError(f"No store is of {entity} alone: there is nothing that this hold would keep.")
    return theirs


def _names(visit: Visit) -> list[str]:
    """Name what a hold may be about as a whole: categories and stores; tables are typed."""
    project = visit.project
    every = sorted(name for name in exemption.names(project.maps) if "." not in name)
    return [
        name
        for name in every
        if visit.may("hold", store_entity(project, name) if name in project.maps else "")
    ]


def _identifier(line: str) -> tuple[str, str]:
    kind, equals, value = line.partition("=")
    if not equals or not kind.strip() or not value.strip():
        raise NotAllowedError("Name people as kind=value, one a line, such as email=ada@example.org.")
    return kind.strip(), value.strip()


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(f"{written[:20]!r} is no day. Choose one.") from None
