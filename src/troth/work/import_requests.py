"""Take over requests of people from another tool, open and closed, with their own dates and letters.

An open request keeps the day it was received, so its clock runs from it.  A closed one is told as the
other tool tells it, and nothing of its course is proven by our seals.  No letter leaves because of
an import.  A row is taken once, by its own reference.

Law: GDPR Art. 12(3), Art. 5(1)(e), Art. 5(2).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from troth.errors import ConflictError, NotAllowedError, TrothError
from troth.law import clock
from troth.ledger import many, read
from troth.rules import claim as claim_rules
from troth.rules import request
from troth.rules.event import Draft, Fact
from troth.rules.import_sheet import Cells, Fault
from troth.work import choose
from troth.work.establishment import Establishment, establishment
from troth.work.importing import Import, Taken, marks
from troth.work.project import Project

LETTER_BYTES_MAX = 5 << 20
TRIES = 10
CLEAR_MAX = 60
"""How many characters a cell may have that ends in the facts of an event: our own, enough for a name or a citation."""
ORAL = ("phone", "desk")
_FILES = {"acknowledgement": "acknowledged_on", "extension": "extended_on", "answer": "answered_on"}
"""The letters that may lie beside a table, each with the day it went out."""
_DAYS = (
    "acknowledged_on", "identity_asked_on", "identity_shown_on", "extended_on", "decided_on", "answered_on", "ended_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """One row that is about to be taken, with its mark and the person it names."""

    cells: Cells
    once: str
    content: str
    who: tuple[str, str]


def faults(project: Project, one: Cells, folder: Path) -> Iterator[Fault]:
    """Say what is wrong with a row beyond its single cells."""
    try:
        company = company_of(project, one)
    except NotAllowedError as error:
        yield one.fault("company", str(error))
        return
    received = one.moment("received")
    if received is None:
        return
    today = clock.receipt_day(project.clock(), company.time_zone)
    day = clock.receipt_day(received, company.time_zone)
    if received > project.clock():
        yield one.fault("received", "that is still to come.")
        return
    yield from _wrong_rights(one, company, day)
    if _who(one) is None:
        yield one.fault(
            "email", "nobody is named: give an e-mail, a postal address, or an identifier with its kind."
        )
    for name in _DAYS:
        written = one.day(name)
        if written is not None and not day <= written <= today:
            yield one.fault(name, f"it lies before the receipt ({day}), or is still to come.")
    yield from _wrong_course(one, today)
    for name in _FILES:
        yield from _wrong_letter(one, name, folder)
    yield from _wrong_in_clear(one)


def _wrong_in_clear(one: Cells) -> Iterator[Fault]:
    """Say what would stand in clear for ever, where nobody could erase it, and is more than what belongs there."""
    staff, article = one.text("decided_by"), one.text("article")
    if "@" in staff:
        yield one.fault(
            "decided_by", "staff are named without an e-mail address: it would stand in clear for ever."
        )
    elif len(staff) > CLEAR_MAX or len(staff.splitlines()) > 1:
        yield one.fault(
            "decided_by",
            f"only who decided stands there, on one line of {CLEAR_MAX} characters at most: it stands in clear for "
            "ever. Write anything else under reasons.",
        )
    if article and not _is_citation(article):
        yield one.fault(
            "article",
            f"that is no citation such as Art. 17(3)(b), of {CLEAR_MAX} characters at most: it stands in clear for "
            "ever. Write it under reasons.",
        )


def _is_citation(text: str) -> bool:
    """Say whether a text looks like the place of a provision.

    >>> [_is_citation(one) for one in ("Art. 17(3)(b)", "L. 123-22, § 2", "he lives with his mother", "17;x")]
    [True, True, False, False]
    """
    known = all(one.isalpha() or one.isdecimal() or one in ".()§,- " for one in text)
    return known and len(text) <= CLEAR_MAX and any(one.isdecimal() for one in text)


def _wrong_rights(one: Cells, company: Establishment, day: date) -> Iterator[Fault]:
    known = _rights(company.place, day)
    if isinstance(known, str):
        yield one.fault("received", known)
        return
    unknown = [right for right in one.several("rights") if right not in known]
    if unknown:
        yield one.fault("rights", f"there was no right {unknown[0]} in {company.place} on {day}.")


@lru_cache(maxsize=4096)
def _rights(place: str, day: date) -> tuple[str, ...] | str:
    """Return the rights there were on a day, or why its clock cannot be reckoned."""
    try:
        clock.deadline(day, place)
        return tuple(claim_rules.rights_at(place, day))
    except TrothError as error:
        return str(error)


def _wrong_course(one: Cells, today: date) -> Iterator[Fault]:
    """Say what does not fit in the course of a request."""
    status, answered, ended = one.text("status"), _answered_on(one), _ended_on(one)
    if status == "open":
        for name in ("answered_on", "ended_on", "outcome", "answer"):
            if name in one.values:
                yield one.fault(name, "the request is open: it is decided and answered here.")
        return
    if status in {"answered", "refused"} and answered is None:
        yield one.fault("answered_on", f"it is {status}, and no day says when.")
    if status == "refused" and one.text("outcome") in {"grant", "part"}:
        yield one.fault("outcome", "the request is refused.")
    if status == "answered" and one.text("outcome") == "refuse":
        yield one.fault("status", "everything is refused: its status is `refused`.")
    if ended is None:
        yield one.fault("ended_on", f"it is {status}, and no day says when it ended.")
        return
    if answered is not None and ended < answered:
        yield one.fault("ended_on", "it ended before it was answered.")
    until = request.FILE_KEPT.after(ended)
    if until <= today:
        yield one.fault(
            "ended_on",
            f"the time of its file ended on {until} ({request.FILE_KEPT} after its end): leave the row out, it is not "
            "kept any more (GDPR Art. 5(1)(e)).",
        )


def _wrong_letter(one: Cells, name: str, folder: Path) -> Iterator[Fault]:
    if not one.text(name):
        return
    if one.day(_FILES[name]) is None and (name != "answer" or _answered_on(one) is None):
        yield one.fault(name, f"the day it went out is missing ({_FILES[name]}).")
    found = _file(one, name, folder)
    if found is None:
        yield one.fault(name, "there is no such file below the folder of the table.")
    elif found.stat().st_size > LETTER_BYTES_MAX:
        yield one.fault(name, f"the letter is larger than {LETTER_BYTES_MAX >> 20} MB.")


def take(project: Project, made: Import, portion: Sequence[Cells]) -> Taken:
    """Record the rows of a portion that are not known, all or none; what takes effect on receipt then does."""
    done, named = Taken(), marks(project)
    rows = []
    for one in portion:
        who = _who(one)
        assert who is not None
        rows.append(_Row(one, f"import request {named.of(one.text('reference'))}", named.content(one), who))
    known = many.said(project.ledger, [row.once for row in rows])
    for row in rows:
        if row.once in known:
            received = read.event(project.ledger, known[row.once])
            told = received.facts["imported"]
            same = isinstance(told, dict) and told.get("content") == row.content
            done.known += same
            done.differs += [] if same else [row.cells.row]
            _at_once(project, row.cells, str(received.request))
    new = [row for row in rows if row.once not in known]
    if not new:
        return done
    people = many.subjects_for(project.ledger, [row.who for row in new])
    for _ in range(TRIES):
        groups, expect = _groups(project, made, new, people)
        try:
            written = many.append_each(project.ledger, groups, expect=expect)
        except ConflictError:
            made.numbers.clear()  # somebody took one of the numbers: look again, and take others
            continue
        break
    else:
        raise ConflictError("Too many requests arrived at the same moment. Import the table again.")
    done.taken += len(new)
    for row in new:
        _at_once(project, row.cells, str(written[row.once][0].request))
    return done


def _at_once(project: Project, one: Cells, number: str) -> None:
    """Let an open objection or withdrawal take effect; saying it again does no more."""
    if one.text("status") == "open" and any(right in claim_rules.AT_ONCE for right in one.several("rights")):
        choose.on_receipt(project, number)


def _groups(
    project: Project, made: Import, rows: Sequence[_Row], people: dict[tuple[str, str], str]
) -> tuple[dict[str, list[Draft]], dict[str, int]]:
    """Return the drafts of each row under its mark, numbered anew, and the streams that must not be there yet."""
    last = made.numbers
    groups: dict[str, list[Draft]] = {}
    expect: dict[str, int] = {}
    for row in rows:
        company = company_of(project, row.cells)
        received = row.cells.moment("received")
        assert received is not None
        day = clock.receipt_day(received, company.time_zone)
        if day.year not in last:
            last[day.year] = read.last_number(project.ledger, f"request/{day.year}-")
        last[day.year] += 1
        number = f"{day.year}-{last[day.year]:04}"
        groups[row.once] = _drafts(project, made, row, number, company, day, received, people[row.who])
        expect[f"request/{number}"] = 0
    return groups, expect


def _drafts(
    project: Project, made: Import, row: _Row, number: str, company: Establishment, day: date, received: datetime,
    subject: str,
) -> list[Draft]:  # fmt: skip
    one, stream = row.cells, f"request/{number}"
    language = one.text("language") or ("fr" if project.policy.language == "fr" else "en")
    channel = one.text("channel") or "email"
    origin = made.origin(one)
    facts: dict[str, Fact] = {
        "request": number, "channel": channel, "language": language, "jurisdiction": company.place,
        "received_at": received.isoformat(), "date": day.isoformat(), "tz": company.time_zone,
        "claims": [[f"c{place}", right] for place, right in enumerate(one.several("rights"), 1)],
        "imported": made.origin(one, row.content),
    }  # fmt: skip
    if channel in ORAL:
        facts["read_back"] = False
    payload: dict[str, Fact] = {name: one.text(name) for name in ("email", "name", "wording")}
    payload |= {"reference": one.text("reference")}
    payload |= {"address": one.text("address")} if one.text("address") else {}

    def draft(kind: str, facts: dict[str, Fact], payload: dict[str, Fact] | None = None) -> Draft:
        return Draft(kind, stream, {**facts, "imported": facts.get("imported", origin)}, entity=company.entity,
                     actor=made.staff, subject=subject, request=number, payload=payload)  # fmt: skip

    drafts = [draft("request_received", facts, payload)]
    acknowledged, extended = one.day("acknowledged_on"), one.day("extended_on")
    if acknowledged:
        drafts.append(
            draft("letter_sent", *_letter(made, one, "acknowledgement", "acknowledgement", acknowledged))
        )
    asked, shown = one.day("identity_asked_on"), one.day("identity_shown_on")
    if asked:
        drafts.append(
            draft(
                "asked",
                {"ask": "identity-imported", "what": "identity", "reason": "doubt", "on": asked.isoformat()},
            )
        )
        if shown:
            told: dict[str, Fact] = {"ask": "identity-imported", "sufficient": True, "on": shown.isoformat()}
            drafts.append(draft("ask_answered", told))
    if extended:
        why = one.text("extended_for") or "complexity"
        told = {"reason": why, "letter": "extension", "on": extended.isoformat()}
        drafts += [
            draft("clock_extended", told),
            draft("letter_sent", *_letter(made, one, "extension", "extension", extended)),
        ]
    return drafts if one.text("status") == "open" else [*drafts, *_ended(made, one, draft)]


def _ended(made: Import, one: Cells, draft: object) -> Iterator[Draft]:
    """Yield how a request ended: its decisions, its answer, and its end."""
    assert callable(draft)
    status, answered, ended = one.text("status"), _answered_on(one), _ended_on(one)
    assert ended is not None
    if status in {"answered", "refused"} and answered is not None:
        outcome = one.text("outcome") or ("refuse" if status == "refused" else "grant")
        decided = one.day("decided_on") or answered
        for place, _ in enumerate(one.several("rights"), 1):
            facts: dict[str, Fact] = {
                "claim": f"c{place}", "outcome": outcome, "ground": None, "staff": one.text("decided_by") or "imported",
                "article": one.text("article") or None, "on": decided.isoformat(),
            }  # fmt: skip
            yield draft(
                "claim_decided", facts, {"reason": one.text("reasons")} if one.text("reasons") else None
            )
        kind = "refusal" if outcome == "refuse" else "done"
        yield draft("letter_sent", *_letter(made, one, "answer", kind, answered))
        yield draft("letter_delivered", {"letter": kind, "proof": "imported", "on": answered.isoformat()})
    reason = {"answered": "responded", "refused": "refused"}.get(status, status)
    yield draft("request_moved", {"to": "closed", "reason": reason, "on": ended.isoformat()})


def _letter(
    made: Import, one: Cells, column: str, kind: str, on: date
) -> tuple[dict[str, Fact], dict[str, Fact] | None]:
    """Return the facts of a letter that went out elsewhere, and the letter itself where it lies beside the table."""
    facts: dict[str, Fact] = {
        "letter": kind, "kind": kind, "sha256": None, "channel": "email" if one.text("email") else "post", "attempt": 1,
        "outcome": "sent", "on": on.isoformat(),
    }  # fmt: skip
    file = _file(one, column, made.file.parent)
    if file is None:
        return facts, None
    data = file.read_bytes()
    to = one.text("email") or one.text("address")
    payload: dict[str, Fact] = {"to": to, "proof": "imported", "name": file.name}
    try:
        text = data.decode("utf-8-sig") if file.suffix.lower() == ".txt" else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        facts["sha256"] = sha256(data).hexdigest()
        return facts, payload | {"data": base64.b64encode(data).decode()}
    facts["sha256"] = sha256(f"{file.stem}\n{text}".encode()).hexdigest()
    return facts, payload | {"subject": file.stem, "text": text}


def _file(one: Cells, column: str, folder: Path) -> Path | None:
    """Return a letter beside the table; None where there is none, or none is named."""
    if not one.text(column):
        return None
    root = folder.resolve()
    path = (root / one.text(column)).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


def wrong_company(project: Project, one: Cells) -> Iterator[Fault]:
    """Say that a row names no company of the policy."""
    try:
        company_of(project, one)
    except NotAllowedError as error:
        yield one.fault("company", str(error))


def company_of(project: Project, one: Cells) -> Establishment:
    """Return the company a row names, by its key or its name; raises NotAllowedError where there is none."""
    group, named = project.policy.group, one.text("company")
    if not named:
        return establishment(project)
    for entity in group.entities if group else ():
        if named.casefold() in {str(entity.key).casefold(), entity.name.casefold()}:
            return establishment(project, entity.key)
    known = ", ".join(str(entity.key) for entity in (group.entities if group else ()))
    raise NotAllowedError(f"the policy has no such company. It has: {known or 'none'}.")


def _who(one: Cells) -> tuple[str, str] | None:
    """Return the identifier by which the person of a row is known."""
    if one.text("email"):
        return "email", one.text("email")
    if one.text("identifier_kind") and one.text("identifier"):
        return one.text("identifier_kind"), one.text("identifier")
    return ("postal", " ".join(one.text("address").split())) if one.text("address") else None


def _answered_on(one: Cells) -> date | None:
    return one.day("answered_on") or (one.day("decided_on") if one.text("status") == "refused" else None)


def _ended_on(one: Cells) -> date | None:
    return one.day("ended_on") or _answered_on(one) or one.day("decided_on")
