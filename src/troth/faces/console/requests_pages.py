"""The list of requests: filters, pages, CSV, one thing done to many, and taking one in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console.desk import ROWS_PER_PAGE, Desk, Visit
from troth.faces.console.kept import kept
from troth.faces.console.progress import Tell, Works, live
from troth.faces.console.saved import csv_file
from troth.ledger import listed
from troth.ledger.listed import Listed, Wanted
from troth.rules import representation
from troth.rules.claim import WAYS
from troth.rules.letter import Written
from troth.rules.request import ENDED, OPEN
from troth.rules.request_wait import STEPS
from troth.work import in_bulk, open_request
from troth.work.establishment import day_here, establishment

GROUPS: Mapping[str, tuple[str, ...]] = {
    "open": OPEN,
    "ended": tuple(one for one in ENDED if one != "closed"),
    "all": (),
}
PAGES_MAX = 2_000
CHANNELS = ("post", "phone", "email", "desk")
"""How what staff take in by hand came."""


def requests_pages(desk: Desk) -> None:
    """Register the list, what is done to many, and taking one in."""
    works = Works(desk.project)

    @desk.page("/requests", "read_requests")
    def every(visit: Visit) -> Response[Any]:
        """GET /console/requests: a page of the list, or all of it as CSV."""
        words, ledger = visit.words, visit.project.ledger
        wanted, order = _wanted(visit), visit.asked("order", "due")
        order = order if order in listed.ORDERS else "due"
        if visit.asked("format") == "csv":
            heads = [words(f"requests.column.{name}") for name in _COLUMNS]
            most = desk.file_rows_max
            beyond = listed.page(ledger, wanted, order=order, skip=most, rows=1)
            cut = visit.cut(most) if beyond else None
            return csv_file("requests", heads, _cells(visit, wanted, order), cut)
        page = _page(visit.asked("page", "1"))
        rows = listed.page(
            ledger, wanted, order=order, skip=(page - 1) * ROWS_PER_PAGE, rows=ROWS_PER_PAGE + 1
        )
        set_ = kept(visit, "requests")
        return visit.show(
            "requests.html", words("nav.requests"), rows=rows[:ROWS_PER_PAGE], more=len(rows) > ROWS_PER_PAGE,
            page=page, asked=set_.asked, query=set_.query, orders=tuple(listed.ORDERS), order=order,
            kept=set_, day=date.fromisoformat, statuses=(*GROUPS, *OPEN, *ENDED),
            rights=tuple(WAYS), entities=_entities(visit), steps=STEPS,
            bulks=[one for one in in_bulk.BULKS if visit.may(in_bulk.DUTIES[one])],
            today=day_here(visit.project).isoformat(),
        )  # fmt: skip

    @desk.act("/requests/bulk", "read_requests")
    def bulk(visit: Visit) -> Response[Any]:
        """POST /console/requests/bulk: show what can be done to each, and then do it."""
        what, numbers = visit.given("what"), visit.every("number")
        if what not in in_bulk.BULKS:
            raise NotAllowedError("Choose what to do to the requests you ticked.")
        visit.must(in_bulk.DUTIES[what])
        if not numbers:
            raise NotAllowedError("Tick the requests first.")
        if len(numbers) > in_bulk.NUMBERS_MAX:
            raise NotAllowedError(f"Do it to {in_bulk.NUMBERS_MAX} requests at most at once.")
        said = in_bulk.Said(
            visit.given("reason"), visit.given("words"), visit.given("asked"), visit.given("enough")
        )
        if visit.given("step") != "do":
            found = in_bulk.look(visit.project, what, numbers, visit.staff, said)
            shown = visit.given("step") == "letters"
            letters = in_bulk.letters(visit.project, what, numbers, visit.staff, said) if shown else {}
            return _bulk(visit, what, found, ready=False, letters=letters, said=said)
        project, staff, name = visit.project, visit.staff, _of(visit)

        def work(tell: Tell) -> tuple[str, tuple[in_bulk.One, ...]]:
            done = in_bulk.do(
                project, what, numbers, staff, said, advance=lambda done: tell(done, len(numbers), what)
            )
            return what, done

        works.begin(name, staff.handle, work, of=len(numbers))
        works.wait(name)
        return visit.to("/requests/bulk")

    @desk.page("/requests/bulk", "read_requests")
    def became(visit: Visit) -> Response[Any]:
        """GET /console/requests/bulk: how far what one began for many is, and then what became of each."""
        run = works.last(_of(visit))
        if run is None:
            return visit.to("/requests")
        if run.ended is None:
            return visit.show("requests_bulk_going.html", visit.words("bulk.going"), run=run)
        if run.failed:
            raise NotAllowedError(run.failed)
        return _bulk(visit, *run.result, ready=True)

    @desk.page("/requests/bulk/live", "read_requests")
    def follow(visit: Visit) -> Response[Any]:
        """GET /console/requests/bulk/live: how far it is."""
        words = visit.words
        return live(
            visit,
            lambda: works.step(_of(visit), lambda run: words("bulk.going.said", done=run.done, of=run.of)),
        )

    @desk.page("/requests/new", "take_in")
    def new(visit: Visit) -> Response[Any]:
        """GET /console/requests/new: the form for what came by letter, by telephone, by mail or at the desk."""
        return _form(visit, {})

    @desk.act("/requests/new", "take_in")
    def take_in(visit: Visit) -> Response[Any]:
        """POST /console/requests/new: take it in; what is wrong is said above the form, which keeps what was typed."""
        entity = visit.given("entity") or None
        visit.must("take_in", establishment(visit.project, entity).entity)
        given = {name: visit.given(name) for name in _FIELDS}
        try:
            opened = open_request.open_request(
                visit.project, visit.every("right"), given["email"], name=given["name"], address=given["address"],
                wording=given["wording"], language=given["language"], channel=given["channel"],
                received_at=_moment(visit, given["received"], given["hour"]), entity=entity,
                because=given["because"], acting=_acting(given), read_back=_read_back(given["read_back"]),
                once=visit.once,
            )  # fmt: skip
        except NotAllowedError as error:
            return _form(visit, given, str(error))
        return visit.to(f"/requests/{opened.number}", "told.taken_in")


def _of(visit: Visit) -> str:
    return f"bulk/{visit.staff.handle}"


def _bulk(
    visit: Visit, what: str, found: Sequence[in_bulk.One], *, ready: bool,
    letters: Mapping[str, tuple[str, Written]] | None = None, said: in_bulk.Said | None = None,
) -> Response[Any]:  # fmt: skip
    return visit.show(
        "requests_bulk.html", visit.words(f"bulk.{what}"), what=what, found=found, ready=ready,
        able=sum(not one.why_not for one in found), letters=letters or {}, said=said,
        writes=what in in_bulk.LETTERS,
    )  # fmt: skip


_COLUMNS = ("number", "rights", "status", "entity", "received", "safe_due", "legal_due", "ended_on", "waits")
_FIELDS = (
    "email", "name", "address", "wording", "language", "channel", "received", "hour", "because", "acting", "for_name",
    "for_email", "for_address", "read_back",
)  # fmt: skip


def _wanted(visit: Visit) -> Wanted:
    status = visit.asked("status", "open")
    statuses = GROUPS.get(status) if status in GROUPS else (status,) if status in (*OPEN, *ENDED) else OPEN
    due, step = visit.asked("due"), visit.asked("waits")
    wanted = Wanted(
        visit.staff.entities("read_requests"), statuses or (), visit.asked("entity"),
        visit.asked("right") if visit.asked("right") in WAYS else "", visit.asked("number")[:20],
        due if _is_day(due) else "",
    )  # fmt: skip
    return replace(wanted, waits=step, by=visit.staff.handle) if step in STEPS else wanted


def _is_day(written: str) -> bool:
    try:
        date.fromisoformat(written)
    except ValueError:
        return False
    return True


def _page(written: str) -> int:
    return min(max(int(written), 1), PAGES_MAX) if written.isascii() and written.isdecimal() else 1


def _entities(visit: Visit) -> tuple[str, ...]:
    return tuple(key for key, _ in visit.companies("read_requests"))


def _cells(visit: Visit, wanted: Wanted, order: str) -> Iterator[list[object]]:
    words = visit.words
    most = visit.desk.file_rows_max
    for start in range(0, most, 1_000):
        rows = listed.page(
            visit.project.ledger, wanted, order=order, skip=start, rows=min(1_000, most - start)
        )
        for one in rows:
            yield [
                one.number, ", ".join(words(f"right.{right}") for right in one.rights), words(f"status.{one.status}"),
                one.entity, one.received, one.safe_due or "", one.legal_due or "", one.ended_on or "",
                words.several(words(f"wait.{step}") for step in steps(one)),
            ]  # fmt: skip
        if len(rows) < 1_000:
            return


def steps(one: Listed) -> list[str]:
    """Return the steps that wait in a line, each once."""
    return list(dict.fromkeys(wait.partition(":")[0] for wait in one.waits))


def _form(visit: Visit, given: Mapping[str, str], wrong: str = "") -> Response[str]:
    rights = open_request.rights(visit.project, visit.given("entity") or None)
    return visit.show(
        "requests_new.html", visit.words("requests.new"), 422 if wrong else 200, given=given, wrong=wrong,
        rights=rights, chosen=visit.every("right"), channels=CHANNELS, kinds=representation.OFFERED,
        entities=_entities(visit), entity=visit.given("entity"), today=day_here(visit.project).isoformat(),
    )  # fmt: skip


def _moment(visit: Visit, day: str, hour: str) -> datetime | None:
    """Read when it came, in the time of the place; now where no other day is given."""
    project = visit.project
    if not day or (day == day_here(project).isoformat() and not hour):
        return None
    try:
        read = datetime.fromisoformat(f"{day}T{hour or '12:00'}")
        zone = ZoneInfo(establishment(project, visit.given("entity") or None).time_zone)
        return read.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last year have no other time zone
        raise NotAllowedError(
            "The day it came is written such as 2026-03-05, the hour such as 14:30."
        ) from None


def _acting(given: Mapping[str, str]) -> open_request.Acting | None:
    if not given["acting"]:
        return None
    return open_request.Acting(given["acting"], given["for_name"], given["for_email"], given["for_address"])


def _read_back(written: str) -> bool | None:
    return {"yes": True, "no": False}.get(written)
