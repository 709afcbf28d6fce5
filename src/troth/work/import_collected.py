"""Take in a list of people that was collected by a channel, or came from somebody else.

The list itself stays where it is: for each person it is recorded by which channel, from whom,
when and under which notice the data came.  Where it came from others, the notice of Art. 14 is
owed from then on.  Every row is taken once, however often the list is imported.

Law: GDPR Art. 5(2), Art. 13(1), Art. 14(3).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from troth.errors import NotAllowedError
from troth.law.indirect import indirect_due
from troth.ledger import append, keys, read, subjects, vault
from troth.outside import sheet
from troth.outside.mail import is_address
from troth.rules import collection, letter, own_record
from troth.rules.collection import HandedIn, Terms
from troth.rules.event import Draft, Fact
from troth.rules.identifier import exact
from troth.work import inform, review_channel
from troth.work.establishment import day_here, establishment
from troth.work.project import Project

READ = ("email", "name", "language")
NAME_MAX = 200
AT_ONCE = 50
WARRANTY_BYTES_MAX = 25 << 20


@dataclass(frozen=True, slots=True)
class Listed:
    """One person of a list, or what is wrong with the row."""

    row: sheet.Row
    email: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    language: str = ""
    wrong: tuple[str, ...] = ()


@dataclass(slots=True)
class Taken:
    """What became of a list: rows taken now, taken before, twice in the list, and the columns nobody reads."""

    taken: int = 0
    known: int = 0
    twice: int = 0
    owed: int = 0
    unread: tuple[str, ...] = ()


def terms(project: Project, told: HandedIn) -> Terms:
    """Return the terms under which a list may come in; raises NotAllowedError with everything that is wrong."""
    found = collection.judge(project.policy, told, review_channel.reviews(project), day_here(project))
    if isinstance(found, tuple):
        raise NotAllowedError("\n".join(found))
    return found


def listed(file: Path, language: str) -> Iterator[Listed]:
    """Read a list row by row; what is wrong with one is told with its line and cell, and without its text."""
    if language and language not in letter.LANGUAGES:
        raise NotAllowedError(
            f"Notices are written in {' or '.join(letter.LANGUAGES)}, not {language[:10]!r}."
        )
    for row in sheet.rows(file):
        if "email" not in row.letters:
            raise NotAllowedError(
                f"{file.name} has no column `email`. Its first line names the columns: email, and where known name and "
                "language."
            )
        yield _listed(row, language)


def _listed(row: sheet.Row, language: str) -> Listed:
    email, name = row.cells.get("email", ""), row.cells.get("name", "")
    spoken = row.cells.get("language", "").lower()[:2] or language
    wrong = []
    if not email:
        wrong.append(f"{row.place('email')}: the e-mail address is missing.")
    elif not is_address(email):
        wrong.append(f"{row.place('email')}: that is no e-mail address.")
    if len(name) > NAME_MAX:
        wrong.append(f"{row.place('name')}: the name is longer than {NAME_MAX} letters.")
    if spoken and spoken not in letter.LANGUAGES:
        wrong.append(f"{row.place('language')}: notices are written in {' or '.join(letter.LANGUAGES)}.")
    return Listed(row, email, name, spoken, tuple(wrong))


def take(
    project: Project,
    file: Path,
    told: HandedIn,
    rows: Sequence[Listed],
    *,
    staff: str,
    warranty: Path | None = None,
    advance: object = None,
    dry_run: bool = False,
) -> Taken:
    """Record the rows that are right, in portions that each stand or fall as one; the same list may be taken again.

    Raises NotAllowedError where the list as a whole may not come in.
    """
    agreed = terms(project, told)
    statement = _statement(warranty)
    company = establishment(project)
    due = indirect_due(told.obtained_on, company.place).safe_due if agreed.indirect else None
    done = Taken(unread=_unread(rows))
    marks: dict[str, Listed] = {}
    for one in rows:
        if one.wrong:
            continue
        mark = exact("email", one.email)
        done.twice += mark in marks
        marks.setdefault(mark, one)
    people = list(marks.values())
    digest = sha256(file.read_bytes()).hexdigest()
    name = _name(project, digest, agreed, told)
    if not dry_run:
        _import(project, name, digest, agreed, told, len(people), staff, statement)
    facts: dict[str, Fact] = {
        "channel": agreed.channel, "source": agreed.source, "notice_version": agreed.notice,
        "obtained_on": told.obtained_on.isoformat(), "indirect": agreed.indirect,
        "due": due.isoformat() if due else None, "tz": company.time_zone, "import": name,
    }  # fmt: skip
    for start in range(0, len(people), AT_ONCE):
        portion = people[start : start + AT_ONCE]
        taken = _portion(project, portion, facts, staff, dry_run=dry_run)
        done.taken += taken
        done.known += len(portion) - taken
        if callable(advance):
            advance(len(portion))
    done.owed = done.taken if agreed.indirect else 0
    return done


def _portion(
    project: Project, people: Sequence[Listed], facts: dict[str, Fact], staff: str, *, dry_run: bool
) -> int:
    """Record those of a portion who are not recorded yet; return how many."""
    drafts: list[Draft] = []
    source, on = str(facts["source"]), str(facts["obtained_on"])
    for one in people:
        subject = subjects.find_subject(project.ledger, "email", one.email)
        if subject is not None and read.version(
            project.ledger, f"{inform.FAMILY}/{inform.ident(project, subject, source, on)}"
        ):
            continue
        if dry_run:
            drafts.append(Draft("collected", inform.FAMILY, facts))
            continue
        subject = subject or subjects.subject_for(project.ledger, "email", one.email)
        stream = f"{inform.FAMILY}/{inform.ident(project, subject, source, on)}"
        payload: dict[str, Fact] | None = None
        if facts["indirect"]:
            language = one.language or project.policy.language
            payload = {"email": one.email, "name": one.name, "language": language}
        drafts.append(
            Draft("collected", stream, facts, subject=subject, actor=staff, payload=payload, file=stream)
        )
    if drafts and not dry_run:
        expect = {draft.stream: 0 for draft in drafts}
        append.append(project.ledger, drafts, expect=expect)
    return len(drafts)


def _name(project: Project, digest: str, agreed: Terms, told: HandedIn) -> str:
    """Name an import by what it is, so that the same list on the same terms is the same import."""
    _, secret = keys.own_key(project.ledger, "collections")
    said = "\0".join((digest, agreed.channel, agreed.source, agreed.notice, told.obtained_on.isoformat()))
    return hmac.digest(secret, said.encode(), "sha256").hex()[:16]


def _import(
    project: Project,
    name: str,
    digest: str,
    agreed: Terms,
    told: HandedIn,
    rows: int,
    staff: str,
    statement: bytes | None,
) -> None:
    stream, once = f"import/{name}", f"import {name}"
    if read.said(project.ledger, once):
        return
    kept_in = own_record.dated("import", project.clock().date())
    kept = None
    if statement is not None:
        kept = vault.put(project.ledger, stream, kept_in, "warranty", statement)
    facts: dict[str, Fact] = {
        "import": name, "channel": agreed.channel, "source": agreed.source, "notice_version": agreed.notice,
        "obtained_on": told.obtained_on.isoformat(), "indirect": agreed.indirect, "file_sha256": digest,
        "rows": rows, "warrants": list(told.warranted),
        "warranty_sha256": sha256(statement).hexdigest() if statement is not None else None,
    }  # fmt: skip
    payload: dict[str, Fact] = {"given_by": told.warranted_by.strip(), "warranty": kept}
    draft = Draft("list_imported", stream, facts, actor=staff, payload=payload, file=kept_in)
    append.append(project.ledger, [draft], once=once)


def _statement(file: Path | None) -> bytes | None:
    if file is None:
        return None
    if not file.is_file() or not 0 < file.stat().st_size <= WARRANTY_BYTES_MAX:
        raise NotAllowedError(
            f"The statement {file.name!r} is not there, is empty, or is larger than {WARRANTY_BYTES_MAX >> 20} MB."
        )
    return file.read_bytes()


def _unread(rows: Sequence[Listed]) -> tuple[str, ...]:
    return tuple(name for name in (rows[0].row.letters if rows else ()) if name not in READ)
