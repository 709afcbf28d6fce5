"""The register of disclosures: which categories went to whom, when, for which purpose, and what was lacking.

The list names nobody.  What was disclosed about one person is found by an exact identifier, which stands in no address
and is recorded as a reading first.  What the policy does not allow is refused, unless it has happened already.

Law: GDPR Arts. 5(2), 15(1)(c), 19; Case C-154/21.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console.desk import ROWS_PER_PAGE, Desk, Visit
from troth.faces.console.kept import kept
from troth.faces.console.saved import csv_file
from troth.ledger import read
from troth.rules.disclosure import WORDS, Disclosure
from troth.rules.event import Event
from troth.work import disclose
from troth.work.establishment import day_here
from troth.work.record_reading import record_looking_up

EVIDENCE = tuple(name for name in WORDS if name != "two_approvals")


def disclosure_pages(desk: Desk) -> None:
    """Register the pages of disclosures; they are the group's, and a role for one company does not reach them."""

    @desk.page("/recipients/disclosures", "read_recipients")
    def listed(visit: Visit) -> Response[Any]:
        """GET /console/recipients/disclosures: the last disclosures, and the form for one."""
        visit.must("read_recipients", "")
        recipient = visit.asked("recipient")
        if visit.asked("format") == "csv":
            return csv_file("disclosures", HEADS, _rows(visit, recipient))
        found = read.last_events(
            visit.project.ledger, "disclosure_made", limit=ROWS_PER_PAGE + 1, before=visit.before(),
            holding=f'"recipient":{json.dumps(recipient)}' if recipient else "",
        )  # fmt: skip
        older = found[ROWS_PER_PAGE - 1][0] if len(found) > ROWS_PER_PAGE else None
        return _show(visit, [event for _, event in found[:ROWS_PER_PAGE]], older=older)

    @desk.act("/recipients/disclosures/about", "read_recipients")
    def about(visit: Visit) -> Response[Any]:
        """POST …/about: what was disclosed about the one whom an exact identifier names."""
        visit.must("read_recipients", "")
        kind, value = _whom(visit)
        screen = "console/recipients/disclosures/about"
        record_looking_up(visit.project, "disclosures", visit.staff.handle, screen, [(kind, value)])
        found = disclose.disclosed(visit.project, [(kind, value)])
        return _show(visit, list(reversed(found)), about_one=True)

    @desk.act("/recipients/disclosures", "disclose")
    def add(visit: Visit) -> Response[Any]:
        """POST /console/recipients/disclosures: record one."""
        visit.must("disclose", "")
        made = Disclosure(
            visit.given("recipient"), tuple(visit.every("categories")), visit.given("purpose"), _day(visit),
            {name: said for name in EVIDENCE if (said := visit.given(name))},
            tuple(line.strip() for line in visit.given("approved_by").splitlines() if line.strip()),
            visit.given("party"), visit.given("document"),
        )  # fmt: skip
        disclose.disclose(
            visit.project,
            [_whom(visit)],
            made,
            staff=visit.staff.handle,
            happened=visit.given("happened") == "1",
        )
        return visit.to("/recipients/disclosures", told="told.disclosure.recorded")


HEADS = (
    "on",
    "recipient",
    "party",
    "class",
    "categories",
    "purpose",
    "transfer",
    "document",
    "lacks",
    "by",
    "event",
)


def kinds(visit: Visit) -> list[tuple[str, str]]:
    """Name the kinds of identifiers by which the maps know people, e-mail first: each with what it is called."""
    words = visit.words
    found = {
        str(one.kind)
        for mapped in visit.project.maps.values()
        for table in mapped.tables.values()
        if table.subject
        for one in table.subject.identifiers
    }
    return [
        (kind, words(f"kind.{kind}") if words.has(f"kind.{kind}") else kind)
        for kind in ("email", *sorted(found - {"email"}))
    ]


def _rows(visit: Visit, recipient: str) -> Iterator[list[object]]:
    """Yield the whole register, or what went to one recipient, the oldest first, in bounded memory; it names nobody."""
    for event in read.events(visit.project.ledger, kind="disclosure_made"):
        facts = event.facts
        if recipient and facts["recipient"] != recipient:
            continue
        told: list[Any] = [
            facts.get("on") or event.at.date(), facts["recipient"], facts.get("party"), facts["class"],
            facts["category"], facts["purpose"], facts.get("transfer"), facts.get("document"), facts.get("lacks"),
            event.actor, event.id,
        ]  # fmt: skip
        yield [" ".join(one) if isinstance(one, list) else str(one or "") for one in told]


def _show(
    visit: Visit, found: list[Event], *, older: int | None = None, about_one: bool = False
) -> Response[Any]:
    policy, language = visit.project.policy, visit.words.language
    return visit.show(
        "disclosures.html", visit.words("disclosures.title"), rows=[_line(visit, event) for event in found],
        kept=kept(visit, "disclosures"), older=older, about_one=about_one, discloses=visit.may("disclose", ""),
        evidence=EVIDENCE,
        today=day_here(visit.project).isoformat(), kinds=kinds(visit),
        recipients=[(str(one.key), one.title.said(language)) for one in policy.recipients.values()],
        parties=[("", "–")] + [(str(one.key), one.name) for each in policy.recipients.values() for one in each.named],
        categories=[
            (str(name), one.title.said(language) if one.title else str(name)) for name, one in policy.categories.items()
        ],
        purposes=[(str(name), one.does.said(language)) for name, one in policy.purposes.items()],
    )  # fmt: skip


def _line(visit: Visit, event: Event) -> Mapping[str, Any]:
    facts = event.facts
    on = date.fromisoformat(str(facts["on"])) if facts.get("on") else event.at.date()
    said: Any = facts["category"]
    return {
        "on": on, "recipient": visit.called.recipient(str(facts["recipient"])),
        "party": facts.get("party") or "", "categories": ", ".join(visit.called.category(str(one)) for one in said),
        "purpose": visit.called.purpose(str(facts["purpose"])),
        "lacks": list(facts.get("lacks") or ()), "by": event.actor,  # type: ignore[arg-type]
    }  # fmt: skip


def _whom(visit: Visit) -> tuple[str, str]:
    kind, value = visit.given("kind"), visit.given("identifier")
    if not kind or not value:
        raise NotAllowedError(
            "A disclosure is about somebody: give the kind of an identifier and the identifier."
        )
    return kind, value


def _day(visit: Visit) -> date:
    written = visit.given("on")
    if not written:
        return day_here(visit.project)
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError(f"{written[:20]!r} is no day. Choose one.") from None
