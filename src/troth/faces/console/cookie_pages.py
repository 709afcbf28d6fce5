"""Cookies: the table that the policy promises, and what scans of the sites saw of it, with pictures.

A scan is run from here for the sites of the settings, one at a time; it takes minutes, and its page shows each visit.
Findings and pictures are those of the evidence that was stored with the scan.

Law: Directive 2002/58/EC Art. 5(3); GDPR Art. 7(3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from troth.errors import NotFoundError
from troth.faces.console.desk import ROWS_PER_PAGE, Desk, Visit
from troth.faces.console.progress import Run, Tell, Works, live
from troth.faces.console.saved import csv_file
from troth.faces.web import HEADERS
from troth.policy.promise import Cookie
from troth.policy.words import words as policy_words
from troth.rules.event import Event
from troth.rules.scan_change import Changes, between
from troth.rules.scan_report import spoken
from troth.rules.scan_words import page as scan_words
from troth.rules.scan_words import state_word, title
from troth.rules.trace import STATES
from troth.work import record_scan, scan_due

SCAN = "scan"


def cookie_pages(desk: Desk) -> None:
    """Register the pages of cookies."""
    works = Works(desk.project)

    @desk.page("/cookies", "read_cookies")
    def table(visit: Visit) -> Response[Any]:
        """GET /console/cookies: the sites, what their last scans found, and the table."""
        cookies = visit.project.policy.cookies
        rows = [_line(visit, one) for one in (cookies.table if cookies else ())]
        if visit.asked("format") == "csv":
            heads = ("name", "kind", "party", "category", "lifetime", "purpose", "set_by", "host")
            return csv_file("cookies", heads, ([row[name] for name in heads] for row in rows))
        return visit.show(
            "cookies.html", visit.words("cookies.title"), rows=rows, sites=_sites(visit),
            run=works.last(SCAN), going=_going(visit), scans=visit.may("scan"),
            promised=cookies.sites if cookies else (),
        )  # fmt: skip

    @desk.page("/cookies/scans", "read_cookies")
    def scans(visit: Visit) -> Response[Any]:
        """GET /console/cookies/scans: every scan, the last first."""
        found = record_scan.every(visit.project)
        if visit.asked("format") == "csv":
            return _scans_file(found)
        page, pages = visit.page_of(len(found))
        shown = found[(page - 1) * ROWS_PER_PAGE : page * ROWS_PER_PAGE]
        return visit.show(
            "cookie_scans.html", visit.words("cookies.scans.title"), rows=[_scan(visit, one) for one in shown],
            page=page, pages=pages,
        )  # fmt: skip

    @desk.act("/cookies/scans", "scan")
    def begin(visit: Visit) -> Response[Any]:
        """POST /console/cookies/scans: scan a site of the settings now."""
        name, staff = visit.given("name"), visit.staff.handle
        wanted = visit.project.settings.scans.get(name)
        if wanted is None:
            raise NotFoundError(f"The settings have no [scan.{name[:40]}].")

        def work(tell: Tell) -> str:
            visits = 0

            def seen(state: str, _: str) -> None:
                nonlocal visits
                visits += 1
                tell(visits, 0, state)

            return scan_due.scan_named(visit.project, name, wanted, staff=staff, on_visit=seen).id

        works.begin(SCAN, staff, work, leased=f"scan/{name}")
        return visit.to("/cookies", told="told.cookies.begun")

    @desk.page("/cookies/live", "read_cookies")
    def following(visit: Visit) -> Response[Any]:
        """GET /console/cookies/live: how far the scan is, as it goes."""
        return live(visit, lambda: works.step(SCAN, _going(visit)))

    @desk.page("/cookies/scans/{event:str}", "read_cookies")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/cookies/scans/EVENT: one scan, with its findings, pictures and differences."""
        event = record_scan.scan(visit.project, str(visit.path["event"]))
        report = record_scan.evidence_of(visit.project, event)
        if report is not None and visit.asked("format") == "csv":
            return _findings_file(visit, event, report)
        language = visit.words.language
        return visit.show(
            "cookie_scan.html", visit.words("cookies.scan.title", site=event.facts["site"]), scan=_scan(visit, event),
            report=None if report is None else spoken(report, language), changes=_changes(visit, event, report),
            said=scan_words(language), states=STATES, state_word=lambda state: state_word(state, language),
            verdict=lambda name: title(name, language), event=event,
        )  # fmt: skip

    @desk.page("/cookies/scans/{event:str}/pictures/{name:str}", "read_cookies")
    def picture(visit: Visit) -> Response[Any]:
        """GET …/pictures/NAME: what was on the screen, as it was stored; small with `?small=yes`."""
        event = record_scan.scan(visit.project, str(visit.path["event"]))
        small = visit.asked("small") == "yes"
        found = record_scan.picture(visit.project, event, str(visit.path["name"]), small=small)
        if found is None:
            raise NotFoundException
        headers = {**HEADERS, "Cache-Control": "private, max-age=3600"}
        return Response(found, media_type="image/jpeg", headers=headers)


def _line(visit: Visit, one: Cookie) -> Mapping[str, str]:
    language, words = visit.words.language, policy_words(visit.words.language)
    lifetime = (
        visit.words("cookies.session") if one.lifetime == "session" else visit.words.period(str(one.lifetime))
    )
    return {
        "name": one.name, "kind": scan_words(language)[f"kind.{one.storage}"],
        "party": visit.words(f"cookies.party.{one.party}"),
        "category": words.word(one.category), "lifetime": lifetime,
        "purpose": one.purpose.said(language) if one.purpose else "", "set_by": one.set_by or "",
        "host": one.host or "",
    }  # fmt: skip


def _sites(visit: Visit) -> list[Mapping[str, Any]]:
    """Return the sites of the settings and every other that was scanned, each with its last scan."""
    by_name = record_scan.last_scans(visit.project, by="scan")
    due = scan_due.due(visit.project)
    found: list[Mapping[str, Any]] = [
        {"name": name, "url": one.url, "due": name in due,
         "scan": _scan(visit, by_name[name]) if name in by_name else None}
        for name, one in visit.project.settings.scans.items()
    ]  # fmt: skip
    shown = {one.id for one in by_name.values()}
    others = record_scan.last_scans(visit.project).items()
    found += [
        {"name": "", "url": site, "due": False, "scan": _scan(visit, event)}
        for site, event in others
        if event.id not in shown
    ]
    return found


def _scan(visit: Visit, event: Event) -> Mapping[str, Any]:
    verdicts: Any = event.facts["verdicts"]
    return {
        "event": event.id, "site": event.facts["site"], "at": event.at, "staff": event.actor,
        "pages": event.facts["pages"], "complete": event.facts["complete"],
        "breaks": sum(number for verdict, number in verdicts.items() if verdict != "never_seen"),
        "verdicts": [(title(verdict, visit.words.language), number) for verdict, number in verdicts.items()],
    }  # fmt: skip


def _changes(visit: Visit, event: Event, report: Mapping[str, Any] | None) -> Changes | None:
    """Return what changed since the scan of the site before; None where there is none to compare with."""
    before = record_scan.before(visit.project, event)
    earlier = record_scan.evidence_of(visit.project, before) if before else None
    if report is None or earlier is None:
        return None
    language = visit.words.language
    return between(spoken(earlier, language), spoken(report, language))


def _going(visit: Visit) -> Any:
    words = visit.words

    def said(run: Run) -> str:
        if not run.at:
            return words("cookies.scan.begins")
        return words("cookies.scan.going", number=run.done, state=state_word(run.at, words.language))

    return said


def _scans_file(found: tuple[Event, ...]) -> Response[Any]:
    rows = (
        (event.at.isoformat(timespec="seconds"), event.facts["site"], event.facts["pages"], event.facts["complete"],
         " ".join(f"{name}:{number}" for name, number in event.facts["verdicts"].items()), event.actor, event.id)  # type: ignore[union-attr]
        for event in found
    )  # fmt: skip
    return csv_file("scans", ("at", "site", "pages", "complete", "verdicts", "by", "event"), rows)


def _findings_file(visit: Visit, event: Event, report: Mapping[str, Any]) -> Response[Any]:
    told = spoken(report, visit.words.language)
    heads = ("verdict", "title", "name", "kind", "host", "states", "message", "remedy", "law")
    rows = (
        [" ".join(one[name]) if name == "states" else one[name] for name in heads] for one in told["findings"]
    )
    return csv_file(f"findings-{event.facts['site']}", heads, rows)
