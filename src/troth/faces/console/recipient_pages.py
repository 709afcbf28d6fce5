"""Recipients: who receives personal data, where, on what safeguard, and whether they were told what they must be.

Who is meant by a choice is shown only on its own page, to whoever tells recipients, and recorded first.  The register
of disclosures is beside (`disclosure_pages`).

Law: GDPR Arts. 13(1)(e), 19, 28, 44 to 49; Case C-154/21.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Response

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.console.desk import ROWS_PER_PAGE, Desk, Visit
from troth.faces.console.disclosure_pages import disclosure_pages
from troth.faces.console.saved import csv_file
from troth.ledger import read
from troth.policy.promise import Recipient, Transfer
from troth.policy.words import words as policy_words
from troth.rules import safeguard, telling
from troth.work import send_word, settle_recipient, telling_file
from troth.work.establishment import day_here
from troth.work.record_reading import record_reading

EXCUSES = ("impossible", "disproportionate_effort")


def recipient_pages(desk: Desk) -> None:
    """Register the pages of recipients, and of disclosures beside them."""

    @desk.page("/recipients", "read_recipients")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/recipients: every recipient of the policy, and whom a choice must still be told to."""
        rows = [_row(visit, one) for one in visit.project.policy.recipients.values()]
        if visit.asked("format") == "csv":
            heads = (
                "key",
                "name",
                "class",
                "role",
                "countries",
                "mechanisms",
                "ends",
                "broken",
                "doubtful",
                "told_by",
            )
            return csv_file(
                "recipients", heads, ([_cell(visit, row[name]) for name in heads] for row in rows)
            )
        waiting = _untold(visit)
        return visit.show(
            "recipients.html", visit.words("recipients.title"), rows=rows, waiting=waiting[: visit.most(ROWS_PER_PAGE)],
            more=len(waiting) > ROWS_PER_PAGE, discloses=visit.may("disclose", ""),
            cut={"untold": visit.cut(visit.desk.file_rows_max)} if len(waiting) > visit.desk.file_rows_max else {},
        )  # fmt: skip

    @desk.page("/recipients/{key:str}", "read_recipients")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/recipients/KEY: one recipient, its safeguards, and what became of each word to it."""
        found = visit.project.policy.recipients.get(str(visit.path["key"]))
        if found is None:
            raise NotFoundError(f"The policy names no recipient {str(visit.path['key'])[:40]!r}.")
        most = visit.most(ROWS_PER_PAGE)
        told = read.last_events(
            visit.project.ledger, "recipient_notified", limit=most + 1, before=visit.before(),
            holding=f'"recipient":"{found.key}"',
        )  # fmt: skip
        entities = visit.staff.entities("read_recipients")
        shown = [event for _, event in told[:most] if entities is None or event.entity in entities]
        return visit.show(
            "recipient.html", _row(visit, found)["name"], one=found, row=_row(visit, found), course=shown,
            older=told[most - 1][0] if len(told) > most else None,
            cut={"course": visit.cut(most)} if len(told) > most else {},
            transfers=list(_transfers(visit, found)), categories=_categories(visit, found),
            requires=[f"recipients.evidence.{name}" for name in found.requires],
        )  # fmt: skip

    @desk.page("/recipients/untold/{choice:str}", "disclose")
    def untold(visit: Visit) -> Response[Any]:
        """GET /console/recipients/untold/CHOICE: of whom it is and which recipients are not told yet."""
        found = telling_file.load(visit.project, str(visit.path["choice"]))
        visit.must("disclose", found.choice.entity)
        record_reading(
            visit.project, found.name, visit.staff.handle, f"console/recipients/untold/{found.name}"
        )
        recipients = visit.project.policy.recipients
        named = {
            name: (recipients[name].title.said(visit.words.language) if name in recipients else name)
            for name in found.state["recipients"]
        }
        return visit.show(
            "recipient_untold.html", visit.words("recipients.untold.title"), one=found.state, name=found.name,
            whom=send_word.whom(telling_file.identifiers(visit.project, found.choice)), named=named, excuses=EXCUSES,
            purposes=send_word.purposes_said(visit.project, found.state["purposes"], visit.words.language),
            open_ones=[
                name for name, outcome in found.state["recipients"].items()
                if outcome in telling.WAITING | telling.FOR_STAFF
            ],
        )  # fmt: skip

    @desk.act("/recipients/untold/{choice:str}", "disclose")
    def settle(visit: Visit) -> Response[Any]:
        """POST …: a recipient was told, by which proof; or cannot be, said by two people."""
        found = telling_file.load(visit.project, str(visit.path["choice"]))
        visit.must("disclose", found.choice.entity)
        recipient, staff, why = visit.given("recipient"), visit.staff.handle, visit.given("unless")
        match why:
            case "":
                settle_recipient.told(visit.project, found.name, "", recipient, staff, visit.given("proof"))
            case "impossible" | "disproportionate_effort":
                settle_recipient.excuse(
                    visit.project, found.name, "", recipient, staff, why, visit.given("proof")
                )
            case _:
                raise NotAllowedError(f"A recipient is told unless that is one of: {', '.join(EXCUSES)}.")
        return visit.to(f"/recipients/untold/{found.name}", told="told.recipient.settled")

    disclosure_pages(desk)


def _row(visit: Visit, one: Recipient) -> Mapping[str, Any]:
    words, language = policy_words(visit.words.language), visit.words.language
    countries = dict.fromkeys([str(party.country) for party in one.named] or [str(one.country or "")])
    found = [(promise, standing) for promise, standing in _transfers(visit, one)]
    return {
        "key": str(one.key), "name": one.title.said(language), "class": words.word(one.class_, "recipient.class"),
        "role": words.word(one.role, "recipient.role"), "parties": [party.name for party in one.named],
        "countries": [words.country(code) for code in countries if code],
        "mechanisms": list(dict.fromkeys(visit.words(f"recipients.mechanism.{one.mechanism}") for one, _ in found)),
        "ends": min((standing.ends for _, standing in found if standing.ends), default=None),
        "broken": [said for _, standing in found for said in standing.broken],
        "doubtful": [said for _, standing in found for said in standing.doubtful],
        "told_by": visit.words(f"recipients.by.{one.notify.by}") if one.notify else "",
    }  # fmt: skip


def _transfers(visit: Visit, one: Recipient) -> Iterator[tuple[Transfer, safeguard.Standing]]:
    policy, today = visit.project.policy, day_here(visit.project)
    for name in one.transfers:
        promise = policy.transfers.get(name)
        if promise is not None:
            yield promise, safeguard.standing(promise, policy, today, visit.words.language)


def _categories(visit: Visit, one: Recipient) -> list[str]:
    known = visit.project.policy.categories
    titles = [(name, known[name].title if name in known else None) for name in one.categories]
    return [title.said(visit.words.language) if title else str(name) for name, title in titles]


def _untold(visit: Visit) -> list[Mapping[str, Any]]:
    """Return the choices of which a recipient is not told yet, and where they stand; some more than a page."""
    entities = visit.staff.entities("read_recipients")
    found: list[Mapping[str, Any]] = []
    for status in ("staff", "open"):
        most = visit.most(ROWS_PER_PAGE) + 1
        for one in telling_file.of_companies(visit.project, status, entities, most):
            waits = {
                name: outcome
                for name, outcome in one["recipients"].items()
                if outcome in telling.WAITING | telling.FOR_STAFF
            }
            found.append({**one, "waits": waits})
    return found


def _cell(visit: Visit, value: object) -> object:
    return visit.words.several(map(str, value)) if isinstance(value, list) else (str(value) if value else "")
