"""Restrictions that stand: who obtained one is told before it is lifted, and can answer for five working days.

Two steps, as `troth lift` has them: a letter with the reason, or the day on which they were told otherwise; then what
would be put back is shown, and put back.

Law: GDPR Art. 18(3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from litestar import Response

from troth.errors import NotFoundError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.register_pages import day_of
from troth.rules.amendment import lifted_from
from troth.rules.letter import has_phrase, phrase
from troth.work import lift, lift_claim, request_file, restrict
from troth.work.establishment import day_here, establishment

HERE = "/requests/restrictions"


@dataclass(frozen=True, slots=True)
class Standing:
    """A restriction that stands: its name, the request that led to it if one did, its ground, and who was told when."""

    name: str
    number: str
    entity: str
    ground: str
    told_on: date | None
    first: date | None
    in_stores: bool


def restriction_pages(desk: Desk) -> None:
    """Register the page of restrictions and what is done to them."""

    @desk.page(HERE, "read_requests")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/requests/restrictions: those that stand, and from when each may be lifted."""
        return _show(visit)

    @desk.act(f"{HERE}/tell", "decide")
    def tell(visit: Visit) -> Response[Any]:
        """POST …/tell: write to the person that it will be lifted, and why."""
        one, staff = _named(visit), visit.staff.handle
        if one.in_stores:
            lift.announce(visit.project, one.name, visit.given("reason"), staff)
        else:
            lift_claim.announce(visit.project, one.name, visit.given("reason"), staff)
        return visit.to(HERE, "told.restriction.told")

    @desk.act(f"{HERE}/lift", "decide")
    def lifted(visit: Visit) -> Response[Any]:
        """POST …/lift: show what would be put back; with `confirm`, lift it."""
        one, told_on = _named(visit), day_of(visit.given("told_on"))
        if not one.in_stores:
            lift_claim.lift(visit.project, one.name, told_on, visit.staff.handle)
            return visit.to(HERE, "told.restriction.lifted")
        if not visit.given("confirm"):
            return _show(visit, one, visit.given("told_on"))
        found = lift.lift(visit.project, one.name, told_on, visit.staff.handle)
        left = lift.conflicts(found)
        return visit.to(HERE, "told.bad.restriction.left" if left else "told.restriction.lifted")


def _show(visit: Visit, chosen: Standing | None = None, told_on: str = "") -> Response[Any]:
    back: list[tuple[str, str, int]] = []
    kept: list[tuple[str, str, str, str, int]] = []
    if chosen is not None:
        for one in lift.measure(visit.project, chosen.name)[1]:
            back += [(one.store, each.table, each.rows) for each in one.counts]
            kept += [(one.store, each.table, each.column, each.reason, each.rows) for each in one.conflicts]
    return visit.show(
        "restrictions.html", visit.words("restrictions.title"), rows=list(_seen(visit)), chosen=chosen, back=back,
        kept=kept, told_on=told_on, today=day_here(visit.project), brief=visit.words.day,
        decides=lambda one: visit.may("decide", one.entity),
        ground=lambda one: phrase(one, visit.words.language) if has_phrase(one) else one.replace("_", " "),
    )  # fmt: skip


def _seen(visit: Visit) -> Iterator[Standing]:
    """Yield those that somebody may see: of a request by its company, without one by the whole group's duty."""
    project = visit.project
    for found in restrict.standing(project):
        led = lift.led_to(project, found)
        number = led[0] if led else ""
        entity = str(request_file.load(project, number).state["entity"]) if number else ""
        if visit.may("read_requests", entity):
            ground = str(led[1]["ground"] if led else found.state["ground"] or "")
            told = lift.informed_on(project, found)
            yield Standing(found.name, number, entity, ground, told, _first(visit, told), in_stores=True)
    for name, told_of in lift_claim.standing(project):
        number = name.partition("/")[0]
        entity = str(request_file.load(project, number).state["entity"])
        if visit.may("read_requests", entity):
            told = lift_claim.informed_on(told_of)
            ground = str(told_of["ground"])
            yield Standing(name, number, entity, ground, told, _first(visit, told), in_stores=False)


def _first(visit: Visit, told_on: date | None) -> date | None:
    return lifted_from(told_on, establishment(visit.project).place) if told_on else None


def _named(visit: Visit) -> Standing:
    """Return the restriction that a form names, for whoever decides for its company."""
    found = next((one for one in _seen(visit) if one.name == visit.given("name")), None)
    if found is None:
        raise NotFoundError("There is no restriction of this name that stands.")
    visit.must("decide", found.entity)
    return found
