"""Consents: how many were given and taken back, the proof of one person's, and what is said on somebody's behalf.

The counts name nobody.  A person is found by an exact identifier, which stands in no address, and the reading is
recorded before anything is shown; so is each receipt and each form that somebody looks at.

Law: GDPR Arts. 4(11), 7, 21; ISO/IEC TS 27560.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any

from litestar import Response

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.disclosure_pages import kinds
from troth.faces.console.kept import Kept, kept
from troth.faces.console.progress import Tell, Works, live
from troth.faces.console.saved import csv_file, document
from troth.ledger import read
from troth.ledger.receipt import receipt as received
from troth.rules import consent_form, purpose_scope
from troth.rules.consent import CHANNELS, EVERY, Topic
from troth.rules.event import Event
from troth.rules.refusal import FAMILY as REFUSALS
from troth.work import declare_refusals, export_consents, may, record_form
from troth.work.count_consents import Counted
from troth.work.establishment import establishment
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_objection import record_objection
from troth.work.record_reading import record_looking_up, record_reading

COUNT = "count consents"
AT_ONCE = 10_000
"""How many consents are counted while a page is drawn; more are counted beside it."""
SAID = ("proven", "unproven", "refused", "withdrawn", "expired")
MONTHS_MAX = 24
METHODS = ("paper", "oral")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what somebody said: about what, what, when, until when, whether it counts, by which event."""

    topic: Topic
    said: str
    at: datetime
    until: Any
    proven: bool
    event: str


def consent_pages(desk: Desk) -> None:
    """Register the pages of consents."""
    works, counted = Works(desk.project), Counted()
    this_server = f"console/{COUNT}/{token_hex(8)}"  # each server counts for itself, in its own memory

    @desk.page("/consents", "read_consents")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/consents: counts by purpose and channel, and over time."""
        whole = not works.going(COUNT) and counted.go_on(visit.project.ledger, most=AT_ONCE)
        run = works.last(COUNT)
        if not whole and not works.going(COUNT):
            ledger = visit.project.ledger

            def work(tell: Tell) -> bool:
                return counted.go_on(ledger, advance=lambda done: tell(done, 0, ""))

            with suppress(ConflictError):  # somebody else looked at the same moment
                run = works.begin(COUNT, visit.staff.handle, work, leased=this_server)  # ended by now or not
        set_ = kept(visit, "consents")
        totals, months = _sums(visit, counted, set_)
        if visit.asked("format") == "csv":
            heads = ("purpose", "company", "channel", "month", *SAID)
            lines = [
                [*topic, month, *(found[said] for said in SAID)]
                for (topic, month), found in sorted(counted.counts.items())
                if _sees(visit, topic[1]) and _is_asked(set_, topic)
            ]
            return csv_file("consents", heads, lines)
        refusals = _refusals(visit)
        return visit.show(
            "consents.html", visit.words("consents.title"), totals=totals, months=months, said=SAID, run=run,
            refusals=refusals, unknown=sum(known is None for one in refusals for known in one["channels"]),
            channels=CHANNELS, companies=_companies(visit), imports=_imports(visit),
            finds=visit.may("find_people"), kinds=kinds(visit), purposes=_purposes(visit),
            methods=METHODS, records=visit.may("record_consents"),
            languages_=[(one, visit.words(f"policy.language.{one}")) for one in visit.project.policy.documents],
            kept=set_,
        )  # fmt: skip

    @desk.page("/consents/live", "read_consents")
    def counting(visit: Visit) -> Response[Any]:
        """GET /console/consents/live: how far the counting is."""
        words = visit.words
        return live(
            visit, lambda: works.step(COUNT, lambda run: words("consents.counting.going", number=run.done))
        )

    @desk.act("/consents/person", "find_people")
    def standing(visit: Visit) -> Response[Any]:
        """POST /console/consents/person: how one stands to each purpose, whom an exact identifier names."""
        visit.must("read_consents")
        kind, value = visit.given("kind"), visit.given("identifier")
        if not kind or not value:
            raise NotAllowedError("Give the kind of an identifier and the identifier, exactly.")
        found = record_looking_up(
            visit.project, "consents", visit.staff.handle, "console/consents/person", [(kind, value)]
        )
        language = visit.words.language
        if found is not None and visit.given("format") == "jsonld":
            visit.must("read_consents", "")
            told = export_consents.of_subject(visit.project, [(kind, value)], language)
            return document("consents", "jsonld", "application/ld+json", _lines(told))
        return visit.show(
            "consent_person.html", visit.words("consents.person.title"), known=found is not None, kind=kind,
            value=value, rows=_standing(visit, found) if found else [], whole=visit.may("read_consents", ""),
            course=_course(visit, found) if found else [],
        )  # fmt: skip

    @desk.page("/consents/receipts/{event:str}", "read_consents")
    def receipt(visit: Visit) -> Response[Any]:
        """GET /console/consents/receipts/EVENT: the signed receipt of a consent or an objection."""
        event = read.event(visit.project.ledger, str(visit.path["event"]))
        if event.kind not in {"consent_recorded", "objection_recorded"}:
            raise NotFoundError(f"The event {event.id[:40]!r} is no consent and no objection.")
        visit.must("read_consents", event.entity)
        record_reading(
            visit.project, event.id, visit.staff.handle, "console/consents/receipts", subject=event.subject
        )
        return document(
            f"receipt-{event.id}", "json", "application/json", received(visit.project.ledger, event.id)
        )

    @desk.page("/consents/forms/{form:str}", "read_consents")
    def form(visit: Visit) -> Response[Any]:
        """GET /console/consents/forms/HASH: what people saw when they were asked, as it was kept."""
        theirs = record_form.companies(visit.project, str(visit.path["form"]))
        if not any(visit.may("read_consents", one) for one in theirs):
            visit.must("read_consents", "")
        kept = record_form.evidence(visit.project, str(visit.path["form"]))
        record_reading(visit.project, "consents", visit.staff.handle, "console/consents/forms")
        return document(f"form-{visit.path['form']}", "bin", "application/octet-stream", kept)

    @desk.act("/consents", "record_consents")
    def record(visit: Visit) -> Response[Any]:
        """POST /console/consents: record what somebody said, on their behalf, with the reason."""
        entity = visit.given("controller") or establishment(visit.project).entity
        no = visit.given("said") in {"refused", "withdrawn"}
        of_every = no and visit.given("controller") in {"", EVERY}  # it holds for every company
        visit.must("record_consents", "" if of_every else entity)
        kind, value, why = visit.given("kind"), visit.given("identifier"), visit.given("reason")
        if not kind or not value:
            raise NotAllowedError(
                "A choice is somebody's: give the kind of an identifier and the identifier."
            )
        if not why:
            raise NotAllowedError("Say why you record it on their behalf, and where the proof is, in words.")
        said: Any = visit.given("said")
        purpose, channel, staff = visit.given("purpose"), visit.given("channel") or EVERY, visit.staff.handle
        if said == "objected":
            known = visit.project.policy.purposes.get(purpose)
            scope: Any = "marketing" if known and known.marketing else "purpose"
            record_objection(
                visit.project, [(kind, value)], scope=scope, purpose=purpose, channel=channel,
                controller=entity or EVERY, method="staff", wording=why, actor=staff,
            )  # fmt: skip
        else:
            words = visit.given("words")
            asked = Asked(
                visit.given("method"), visit.given("language"), visit.given("form"),
                {purpose: sha256(words.encode()).hexdigest()} if words else {}, evidence=why,
                guardian=visit.given("guardian"),
            )  # fmt: skip
            choice = Choice(purpose, said, channel, visit.given("controller"))
            record_consent(visit.project, [(kind, value)], [choice], asked, actor=staff)
        return visit.to("/consents", told="told.consent.recorded")

    @desk.act("/consents/refusals", "record_consents")
    def none_exist(visit: Visit) -> Response[Any]:
        """POST /console/consents/refusals: nobody refused by this channel before Troth."""
        controller = visit.given("controller") or establishment(visit.project).entity
        visit.must("record_consents", controller)
        declare_refusals.declare_refusals(
            visit.project, controller, visit.given("channel"), staff=visit.staff.handle
        )
        return visit.to("/consents", told="told.consent.refusals")


def _sees(visit: Visit, controller: str) -> bool:
    entities = visit.staff.entities("read_consents")
    return entities is None or controller in entities


def _is_asked(set_: Kept, topic: Topic) -> bool:
    """Say whether the filters that are set let a topic through."""
    return all(
        set_.asked.get(name, part) == part
        for name, part in zip(("purpose", "company", "channel"), topic, strict=True)
    )


def _sums(
    visit: Visit, counted: Counted, set_: Kept
) -> tuple[list[tuple[Topic, Counter[str]]], list[tuple[str, Counter[str]]]]:
    """Return counts by topic, and by month with the last months only."""
    totals: dict[Topic, Counter[str]] = {}
    months: dict[str, Counter[str]] = {}
    for (topic, month), found in tuple(counted.counts.items()):
        if _sees(visit, topic[1]) and _is_asked(set_, topic):
            totals.setdefault(topic, Counter()).update(found)
            months.setdefault(month, Counter()).update(found)
    return sorted(totals.items()), sorted(months.items())[-MONTHS_MAX:]


def _standing(visit: Visit, subject: str) -> list[Said]:
    found = may.standing_of(visit.project, subject)
    rows = [
        Said(topic, one.said, datetime.fromisoformat(one.at), one.until, one.proven, one.event)
        for topic, one in found.consents.items()
    ]
    rows += [
        Said(topic, "objected", datetime.fromisoformat(one.at), None, True, one.event)
        for topic, one in found.objections.items()
    ]
    return [one for one in rows if one.topic[1] == EVERY or _sees(visit, one.topic[1])]


def _course(visit: Visit, subject: str) -> list[tuple[Event, list[str]]]:
    """Return what was recorded, the last first, with what each yes lacks to count, in words."""
    entities = visit.staff.entities("read_consents")
    events = [
        one
        for one in read.stream(visit.project.ledger, f"choices/{subject}")
        if entities is None or not one.entity or one.entity in entities
    ]
    lacks: Any = [one.facts.get("lacks") or () for one in events]
    return [
        (event, [visit.words(f"consents.lacks.{code}") for code in codes if code in consent_form.WORDS])
        for event, codes in zip(reversed(events), reversed(lacks), strict=True)
    ]


def _refusals(visit: Visit) -> list[Mapping[str, Any]]:
    """Return, by company and channel, how its refusals of old are known, if they are."""
    states = {
        one.stream.partition("/")[2]: one.body["channels"]
        for one in read.states(visit.project.ledger, REFUSALS)
    }
    return [
        {
            "called": called,
            "channels": [
                states.get(name, {}).get(one) or states.get(name, {}).get(EVERY) for one in CHANNELS
            ],
        }
        for name, called in _companies(visit)
    ]


def _companies(visit: Visit) -> list[tuple[str, str]]:
    group = visit.project.policy.group
    names = {str(one.key): one.name for one in group.entities} if group else {}
    return [
        (str(name), names.get(str(name), str(name)))
        for name in purpose_scope.entities(visit.project.policy)
        if _sees(visit, str(name))
    ]


def _purposes(visit: Visit) -> list[tuple[str, str]]:
    return [(str(name), visit.called.purpose(str(name))[:90]) for name in visit.project.policy.purposes]


def _imports(visit: Visit) -> list[Event]:
    """Return the last tables that were imported."""
    found = read.last_events(visit.project.ledger, "table_imported", limit=10)
    entities = visit.staff.entities("read_consents")
    return [event for _, event in found if entities is None or event.entity in entities]


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode()
