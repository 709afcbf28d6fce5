"""Inform people whose data came from somebody else: all that Art. 14 lists, in time.

The notice is made from the promises that are public, as they stand on the day it is sent.

Law: GDPR Art. 14(1) to (3).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from troth.errors import NotAllowedError, NotFoundError
from troth.law.indirect import indirect_due
from troth.ledger import append, destroy, keys, read, subjects, vault
from troth.outside.mail import Letter, is_address
from troth.policy import tables
from troth.policy.words import words
from troth.rules import collection, first_communication, letter
from troth.rules.event import Draft, Event, Fact
from troth.work import hold, objection_notice, send_letter
from troth.work.establishment import day_here, establishment
from troth.work.may import stopping
from troth.work.project import Project

FAMILY = "collection"
_ESCAPED = re.compile(r"\\([^\w\s])")


@dataclass(frozen=True, slots=True)
class Owed:
    """A notice that is owed, or was sent."""

    ident: str
    state: Mapping[str, Any] = field(repr=False)


def record(
    project: Project,
    email: str,
    source: str,
    obtained_on: date,
    staff: str,
    *,
    name: str = "",
    language: str = "",
) -> Owed:
    """Record that data about somebody came from a source of the policy; the notice is owed from then on.

    Saying the same again records no more.  Raises NotAllowedError with what is missing or wrong.
    """
    found = collection.sources(project.policy)
    wrong = []
    if not is_address(email.strip()):
        wrong.append("That is no e-mail address a notice can be sent to. Write it as name@example.org.")
    if source not in found:
        known = ", ".join(found) or "none: say it in a collection with `how: indirect` and `sources`"
        wrong.append(f"The policy has no source {source[:40]!r} of data about people. It has: {known}.")
    if obtained_on > day_here(project):
        wrong.append(f"Data cannot have been obtained on {obtained_on}, which is still to come.")
    if language and language not in letter.LANGUAGES:
        wrong.append(f"Notices are written in {' or '.join(letter.LANGUAGES)}, not {language[:10]!r}.")
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    company = establishment(project)
    due = indirect_due(obtained_on, company.place)
    subject = subjects.subject_for(project.ledger, "email", email.strip())
    named = ident(project, subject, source, obtained_on.isoformat())
    facts: dict[str, Fact] = {
        "channel": "indirect",
        "source": source,
        "notice_version": project.policy.version,
        "obtained_on": obtained_on.isoformat(),
        "indirect": True,
        "due": due.safe_due.isoformat(),
        "tz": company.time_zone,
    }
    payload: dict[str, Fact] = {
        "email": email.strip(), "name": name.strip(), "language": language or project.policy.language,
    }  # fmt: skip
    stream = f"{FAMILY}/{named}"
    if not read.version(project.ledger, stream):  # an import may have recorded it
        draft = Draft("collected", stream, facts, subject=subject, actor=staff, payload=payload, file=stream)
        append.append(project.ledger, [draft], once=f"collected {named}")
    return load(project, named)


def ident(project: Project, subject: str, source: str, on: str) -> str:
    """Name what came in about somebody from a source on a day; the name shows nothing of them."""
    _, secret = keys.own_key(project.ledger, "collections")
    return hmac.digest(secret, f"{subject}\0{source}\0{on}".encode(), "sha256").hex()[:16]


def load(project: Project, ident: str) -> Owed:
    """Read a notice by its name; raises NotFoundError where there is none."""
    found = read.state(project.ledger, f"{FAMILY}/{ident}")
    if found is None:
        raise NotFoundError(f"No notice is owed under {ident[:20]!r}. `troth inform list` shows them.")
    return Owed(ident, found.body)


def owed(project: Project, *, every: bool = False) -> Iterator[Owed]:
    """Yield the notices that are owed (or every one), the most urgent first."""
    for found in (
        read.states(project.ledger, FAMILY, other_than="shown")
        if every
        else read.states(project.ledger, FAMILY, status="owed")
    ):
        yield Owed(found.stream.partition("/")[2], found.body)


def untold(project: Project, identifiers: Sequence[tuple[str, str]], on: date) -> bool:
    """Say whether somebody is owed a notice about data that had come in by a day, and had not been told by then."""
    known = {subjects.find_subject(project.ledger, kind, value) for kind, value in identifiers} - {None}
    return any(
        state["indirect"]
        and str(state["obtained"]) <= on.isoformat()
        and (state["status"] == "owed" or str(state["told_on"] or "") > on.isoformat())
        for subject in known
        for event in read.events(project.ledger, kind="collected", subject=subject)
        for state in (load(project, event.stream.partition("/")[2]).state,)
    )


def tell(project: Project, ident: str) -> Event | None:
    """Send a notice that is owed; None when it was sent before.  What failed is sent again when this is said again.

    Whoever's data was erased since is not written to: nothing is held that the notice would be about.
    """
    one = load(project, ident)
    if one.state["status"] != "owed":
        return None
    _, erased_on = stopping(project, str(one.state["subject"]))
    if erased_on and erased_on >= str(one.state["obtained"]):
        forget(project, ident, "the data was erased before the notice went")
        return None
    stream = f"{FAMILY}/{ident}"
    (collected, *_) = read.stream(project.ledger, stream)
    known = vault.payload(project.ledger, collected)
    language = str(known["language"])
    subject = str(one.state["subject"])
    objection = _objection(project, subject, language)
    told = fields(project, str(one.state["source"]), date.fromisoformat(one.state["obtained"]), language)
    written = letter.write(
        "source_notice",
        language,
        {**told, "objection": objection.text if objection else ""},
        send_letter.own_template(project, "source_notice", language),
    )
    html = letter.as_html(written, language)
    sent = project.mailer.send(Letter(known["email"], written.subject, written.text, language, html=html))
    facts: dict[str, Fact] = {
        "letter": "source_notice",
        "kind": "source_notice",
        "sha256": sha256(f"{written.subject}\n{written.text}".encode()).hexdigest(),
        "channel": "email",
        "attempt": one.state["tries"] + 1,
        "outcome": sent.outcome,
        "language": language,
    }
    payload: dict[str, Fact] = {"to": known["email"], "text": written.text, "proof": sent.proof}
    drafts = [Draft("letter_sent", stream, facts, subject=subject, payload=payload, file=stream)]
    if objection is not None and sent.outcome == "sent" and objection.text in " ".join(written.text.split()):
        drafts.append(_presented(project, subject, objection))
    return append.append(project.ledger, drafts, once=f"informed {ident} {one.state['tries'] + 1}")[0]


def _objection(project: Project, subject: str, language: str) -> objection_notice.Notice | None:
    """Return the notice about the right to object, where this letter is the first that must bring it."""
    state = objection_notice.state_of(project, subject)
    rights = first_communication.owed(project.policy, None, tuple(state.body["presented"]) if state else ())
    return objection_notice.notice(project, rights, language) if rights else None


def _presented(project: Project, subject: str, objection: objection_notice.Notice) -> Draft:
    facts: dict[str, Fact] = {
        "purpose": "source_notice", "notice_version": project.policy.version, "language": objection.language,
        "channel": "email", "presented": list(objection.rights), "lacks": [],
        "notice_sha256": sha256(objection.text.encode()).hexdigest(), "on": day_here(project).isoformat(),
    }  # fmt: skip
    stream = f"{first_communication.FAMILY}/{subject}"
    return Draft("first_communication_sent", stream, facts, subject=subject, entity=establishment(project).entity,
                 policy=project.policy.version or None)  # fmt: skip


def forget(project: Project, ident: str, reason: str) -> None:
    """Destroy what is kept of a notice: to whom it went, and its text.  What remains are ids, dates and codes.

    Danger: this cannot be undone.  Saying it again does no more.
    """
    one, stream = load(project, ident), f"{FAMILY}/{ident}"
    destroy.destroy(project.ledger, str(one.state["subject"]), stream, reason)
    draft = Draft("file_destroyed", stream, {"reason": reason}, subject=str(one.state["subject"]))
    append.append(project.ledger, [draft], once=f"forgotten {ident}")


def forget_old(project: Project) -> int:
    """Destroy the files whose time is over, those of people whom a hold is about apart; return how many."""
    tomorrow = (day_here(project) + timedelta(days=1)).isoformat()
    ended = [
        one
        for status in ("told", "exempt")
        for one in read.states(project.ledger, FAMILY, status=status, due_before=tomorrow)
    ]
    held = tuple(hold.in_force(project)) if ended else ()
    gone = 0
    for found in ended:
        if not any(one.about(str(found.body["subject"])) for one in held):
            forget(project, found.stream.partition("/")[2], "the time of the file is over")
            gone += 1
    return gone


def fields(project: Project, source: str, obtained: date, language: str) -> dict[str, object]:
    """Return all that Art. 14(1) and (2) list, from the promises about what came from this source."""
    policy, spoken = project.policy, words(language)
    promised, known = collection.sources(project.policy)[source]
    categories = {str(one.key) for one in promised.categories} | set(map(str, promised.collects))
    purposes = [
        one for one in policy.purposes.values() if one.public and categories & set(map(str, one.categories))
    ]
    wanted = {str(name) for one in purposes for name in one.recipients}
    group = policy.group
    return {
        "organisation": send_letter.organisation(project, language),
        "contact": send_letter.contact(group.requests if group else None, language)
        or project.settings.mail_from,
        "dpo": send_letter.contact(group.dpo if group else None, language) or project.settings.mail_from,
        "source": known.title.said(language) if known.title else str(known.key),
        "obtained": send_letter.day(obtained.isoformat(), language),
        "categories": _of(
            [one for each in policy.collections.values() if each.public for one in each.categories],
            _lines(tables.rows("categories", policy, spoken), ("category", "fields")),
            categories,
        ),
        "purposes": _of(
            [one for one in policy.purposes.values() if one.public],
            _lines(tables.rows("purposes", policy, spoken), ("purpose", "basis")),
            {str(one.key) for one in purposes},
        ),
        "recipients": _of(
            [one for one in policy.recipients.values() if one.public],
            _lines(tables.rows("recipients", policy, spoken), ("recipient", "what_for")),
            wanted,
        ),
        "transfers": _lines(
            tables.rows("transfers", policy, spoken), ("country", "importer", "safeguard", "copy")
        ),
        "retention": [
            _plain(
                letter.phrase(
                    "period_from", language, **{name: row[name] for name in ("what", "period", "trigger")}
                )
            )
            for row in tables.rows("retention", policy, spoken)
        ],
        "rights": _lines(tables.rows("rights", policy, spoken), ("right", "how")),
        "withdrawal": any(one.legal_basis == "consent" or one.other_basis == "consent" for one in purposes),
        "authority": send_letter.complaint(establishment(project).place, day_here(project)),
        "notice": f"{project.settings.public_url}/notice/{language}",
    }


def _of(promises: Sequence[Any], lines: Sequence[str], wanted: Names[str]) -> list[str]:
    """Return the lines of the promises that are wanted, by their names."""
    return [line for one, line in zip(promises, lines, strict=True) if str(one.key) in wanted]


def _lines(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> list[str]:
    """Write rows of a table as lines of plain text: the first column, and after a colon the others."""
    found = []
    for row in rows:
        first, *others = (row.get(name, "") for name in columns)
        found.append(_plain(": ".join(filter(None, (first, "; ".join(filter(None, others)))))))
    return found


def _plain(markdown: str) -> str:
    return _ESCAPED.sub(r"\1", re.sub(r"<((?:https?|mailto)[^>]*|[^>@\s]+@[^>\s]+)>", r"\1", markdown))
