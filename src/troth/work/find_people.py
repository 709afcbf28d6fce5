"""Find a person: by an exact identifier, or by name and one thing more for a request, with the reason.

That somebody looked, and what for, is recorded before anything is read.  By name, at most twenty candidates are
shown, masked: whoever looks sees whether somebody is meant, and learns nobody's data.

Law: GDPR Art. 5(1)(c), Art. 5(2), Art. 32(4); Case C-579/21.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from troth.errors import NotAllowedError
from troth.ledger import append, listed, read, subjects
from troth.ledger.listed import Listed, Wanted
from troth.rules import by_name, identifier, inspection_look, request
from troth.rules.event import Draft, Fact
from troth.rules.package import WITHHELD
from troth.rules.staff import Staff
from troth.stores.contract import Who
from troth.work import request_file
from troth.work.establishment import day_here
from troth.work.project import Project
from troth.work.record_reading import record_looking_up
from troth.work.store_entity import store_entity

CANDIDATES_MAX = 20
ROWS_READ_MAX = 20_000
"""Rows looked at of one store for a name, at most: there are many of some names."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of whom an identifier names: rows by store and table, requests one may see, consents."""

    rows: Mapping[tuple[str, str], int]
    requests: tuple[Listed, ...]
    consents: int
    subject: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row that may be the person meant: where it stands, and its values as their shapes."""

    store: str
    table: str
    values: Mapping[str, str]


def kinds(project: Project) -> tuple[str, ...]:
    """Return the kinds of identifier by which the maps name people, e-mail first."""
    found = {
        one.kind
        for map_ in project.maps.values()
        for table in map_.tables.values()
        if table.subject is not None
        for one in table.subject.identifiers
    }
    return ("email", *sorted(found - {"email", by_name.NAME}))


def by_identifier(project: Project, kind: str, value: str, staff: Staff) -> Found:
    """Find whom an identifier names, in the stores of their companies and in the ledger; NotAllowedError for none."""
    if kind not in kinds(project) or not value.strip():
        raise NotAllowedError(f"Give an identifier of one of these kinds: {', '.join(kinds(project))}.")
    subject = record_looking_up(project, "people", staff.handle, "people/identifier", [(kind, value)])
    known = ((kind, value.strip()),) + (subjects.identifiers(project.ledger, subject) if subject else ())
    who, rows = Who(subject or "asked", tuple(dict.fromkeys(known))), Counter[tuple[str, str]]()
    for name in _theirs(project, staff):
        for row in project.stores[name].find([who]):
            rows[name, row.table] += 1
    if subject is None:
        return Found(rows, (), 0, "")
    wanted = Wanted(staff.entities("read_requests"), statuses=(), subject=subject)
    read_for = staff.entities("read_consents")
    choices = sum(
        read_for is None or not event.entity or event.entity in read_for
        for event in (read.stream(project.ledger, f"choices/{subject}") if staff.may("read_consents") else ())
    )
    return Found(rows, tuple(listed.page(project.ledger, wanted, order="received")), choices, subject)


def by_name_and(
    project: Project, name: str, value: str, number: str, reason: str, staff: Staff, *, language: str = "en"
) -> tuple[Candidate, ...]:
    """Find who may be meant by a name and one thing more (a town, a day of birth), for a request.

    Raises NotAllowedError without both, without a reason, for a request whose company is not theirs, or that ended long
    ago.
    """
    wrong = []
    if len(name.split()) < 1 or not value.strip():
        wrong.append(
            "Give a name and one thing more that is known of them, such as a town or a day of birth."
        )
    if not reason.strip():
        wrong.append("Say why you look: nobody is looked for by name without a reason.")
    request_file.refuse_unless(wrong)
    file = request_file.load(project, number)
    if not staff.may("find_people", str(file.state["entity"])):
        raise NotAllowedError(f"{number} is a request of a company that is not yours to look for.")
    if not (request.is_open(file.state) or request.ended_lately(file.state, day_here(project))):
        raise NotAllowedError(
            f"{number} ended more than {request.ANSWER_DAYS} days ago, and nobody is looked for by name for it. Give "
            "an open request, or take in what is asked now."
        )
    seen: dict[str, Fact] = {"staff": staff.handle, "screen": "people/name"}
    draft = Draft(
        "staff_read", file.stream, seen, **request_file.about(file), actor=staff.handle,
        payload={"reason": reason.strip()}, file=f"request/{number}",
    )  # fmt: skip
    append.append(project.ledger, [draft])
    spoken = language if language in WITHHELD else "en"
    found: list[Candidate] = []
    for store in _theirs(project, staff):
        for row, table in _rows(project, store, name, value):
            if len(found) >= CANDIDATES_MAX:
                return tuple(found)
            columns = {column: str(category) for column, category in table.columns.items()}
            found.append(
                Candidate(
                    store, table.name, inspection_look.shown(row, columns, masked=True, language=spoken)
                )
            )
    return tuple(found)


def _theirs(project: Project, staff: Staff) -> list[str]:
    """Name the stores of the companies whose people somebody finds."""
    return [name for name in project.maps if staff.may("find_people", store_entity(project, name))]


def _rows(project: Project, store: str, name: str, value: str) -> Iterator[tuple[Mapping[str, Any], Any]]:
    asked = by_name.by_name(project.maps[store])
    if asked is None:
        return
    who = Who("asked", tuple((by_name.NAME, one) for one in by_name.asked(name)))
    for read_rows, row in enumerate(project.store_by(asked).find([who])):
        if read_rows >= ROWS_READ_MAX:
            return
        table = asked.tables[row.table]
        if by_name.meant(row.values, by_name.name_columns(table), name, identifier.exact("text", value)):
            yield row.values, table
