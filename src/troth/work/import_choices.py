"""Take over choices that other tools recorded: consents with what proves them, refusals at once.

A consent needs its proof: the day, the exact text, a reference to the evidence, and that the
purpose covered then what it covers today, which somebody vouches for.  What lacks any of it is
imported as unproven and does not count.  A refusal needs no proof and counts at once.  Each row
is taken once, however often the file is imported; an import that was cut short goes on.

Law: GDPR Art. 7(1), Art. 21(3).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection

from troth.errors import NotAllowedError
from troth.ledger import append, keys, read, subjects, suppression
from troth.ledger.suppression import Suppression
from troth.outside import sheet
from troth.outside.mail import is_address
from troth.rules import consent
from troth.rules.consent import CHANNELS, EVERY
from troth.rules.event import Draft, Fact
from troth.rules.identifier import exact
from troth.work import declare_refusals, keep_waiting, record_objection
from troth.work.project import Project
from troth.work.record_consent import (
    Asked,
    Choice,
    checked,
    draft,
    fresh_name,
    not_to_come,
    reopen,
    second_after,
    state_purposes,
    subject_of,
    wrong_moment,
)

CONSENT_COLUMNS = (
    "email", "kind", "identifier", "purpose", "said", "on", "channel", "controller", "method", "text", "text_sha256",
    "form", "evidence", "source", "age", "country", "guardian", "language",
)  # fmt: skip
REFUSAL_COLUMNS = ("email", "kind", "identifier", "on", "purpose", "channel")
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One row: whom it is about, what was said, what it lacks to be proven, what is wrong with it."""

    number: int
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    choice: Choice | None = None
    asked: Asked | None = field(default=None, repr=False)
    lacks: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


@dataclass(slots=True)
class Imported:
    """What became of a file."""

    taken: int = 0
    known: int = 0
    proven: int = 0
    unproven: int = 0


def consents(project: Project, file: Path, *, same_scope: bool) -> Iterator[Line]:
    """Read a file of consents, row by row; `same_scope` vouches that purposes covered then what they do today."""
    for row in sheet.rows(file):
        _refuse_unknown(file, row, CONSENT_COLUMNS)
        yield _consent(project, row, same_scope=same_scope)


def _refuse_unknown(file: Path, row: sheet.Row, known: Sequence[str]) -> None:
    unknown = [name for name in row.cells if name not in known]
    if unknown:
        raise NotAllowedError(f"{file.name}, line {row.number}: there is no column {unknown[0][:30]!r}. "
                              f"There are: {', '.join(known)}.")  # fmt: skip


def _whom(row: sheet.Row) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    cells = row.cells
    if "email" in cells:
        right = is_address(cells["email"])
        return (("email", cells["email"]),), [] if right else [
            f"{row.place('email')}: that is no e-mail address."
        ]
    if "kind" in cells and "identifier" in cells:
        return ((cells["kind"], cells["identifier"]),), []
    return (), [f"line {row.number}: nobody is named. Write `email`, or `kind` and `identifier`."]


def _consent(project: Project, row: sheet.Row, *, same_scope: bool) -> Line:
    cells = row.cells
    identifiers, wrong = _whom(row)
    at, mistake = _moment(project, row)
    wrong += mistake
    said: Any = cells.get("said", "given").lower()
    text = cells.get("text_sha256") or (sha256(cells["text"].encode()).hexdigest() if "text" in cells else "")
    choice = Choice(cells.get("purpose", ""), said, cells.get("channel", EVERY), cells.get("controller", ""))
    age = cells.get("age", "")
    whole = len(age) <= 3 and age.isascii() and age.isdecimal()
    wrong += [f"{row.place('age')}: the age is no whole number of years."] if age and not whole else []
    asked = Asked(
        cells.get("method", "import"), cells.get("language", project.policy.language), cells.get("form", ""),
        {choice.purpose: text} if text else {}, cells.get("source", ""), at, int(age) if whole else None,
        cells.get("country", ""), cells.get("guardian", ""), cells.get("evidence", ""),
    )  # fmt: skip
    minor = False
    try:
        checked(project, [choice], asked)
    except NotAllowedError as error:
        minor = "joins in below" in str(error)
        wrong += [] if minor else [f"line {row.number}: {error}"]
    lacks = (["guardian"] if minor else []) + (["date"] if at is None else [])
    lacks += [] if same_scope else ["scope"]
    missing = tuple(lacks) if said in {"given", "renewed"} else ()
    return Line(row.number, identifiers, choice, asked, missing, tuple(wrong))


def _moment(project: Project, row: sheet.Row) -> tuple[datetime | None, list[str]]:
    written = row.cells.get("on", "")
    if not written:
        return None, []
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None, [
            f"{row.place('on')}: that is no day. Write it as 2026-03-05, or with its time and offset."
        ]
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    wrong = [f"{row.place('on')}: {sentence}" for sentence in wrong_moment(project, at)]
    return (None, wrong) if wrong else (not_to_come(project, at), [])


def take_consents(
    project: Project,
    lines: Iterable[Line],
    *,
    staff: str,
    dry_run: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> Imported:
    """Record the rows that are right; say how many are proven."""
    done = Imported()
    for line in lines:
        advance(1)
        if line.wrong or line.choice is None or line.asked is None:
            continue
        drafts = _drafts(project, line, staff, dry_run=dry_run)
        once = f"import consent {_mark(project, line, drafts[0])}"
        if read.said(project.ledger, once):
            done.known += 1
            continue
        proven = bool(drafts[0].facts.get("proven"))
        yes = line.choice.said in {"given", "renewed"}
        done.taken += 1
        done.proven += proven and yes
        done.unproven += yes and not proven
        if dry_run:
            continue
        subject = subject_of(project, line.identifiers)
        stream = consent.stream(subject)
        written = append.append(
            project.ledger, [replace(one, subject=subject, stream=stream) for one in drafts], once=once
        )
        reopen(project, line.identifiers, line.choice, written[0])
    return done


def _drafts(project: Project, line: Line, staff: str, *, dry_run: bool) -> list[Draft]:
    assert line.choice is not None
    assert line.asked is not None
    if line.choice.said in {"given", "renewed"} and not dry_run:
        state_purposes(project, [line.choice.purpose])
    made = draft(project, "", line.choice, line.asked, actor=staff)
    facts: dict[str, Fact] = dict(made.facts)
    if line.choice.said in {"given", "renewed"}:
        before: Any = facts.get("lacks") or []
        lacks = list(dict.fromkeys([*before, *line.lacks]))
        facts |= {"lacks": lacks, "proven": not lacks}
        if "scope" in lacks:
            facts["scope"] = None
    return [replace(made, facts=facts)]


def _mark(project: Project, line: Line, made: Draft) -> str:
    """Name a row so that it is taken once, by a keyed hash: the name shows nothing of the person.

    What it lacks is part of it: a row that was mended, or whose form was recorded since, is taken again.
    """
    lacks: Any = made.facts.get("lacks") or ()
    _, secret = keys.own_key(project.ledger, "imports")
    choice, asked = line.choice, line.asked
    assert choice is not None
    assert asked is not None
    who = [f"{kind}={exact(kind, value)}" for kind, value in line.identifiers]
    at = asked.at.isoformat() if asked.at else ""
    topic = [choice.purpose, choice.said, choice.channel, choice.controller]
    said = [*who, *topic, at, asked.evidence, str(tuple(lacks))]
    return hmac.digest(secret, "\x00".join(said).encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Refused:
    """One row of a refusal list."""

    number: int
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    at: datetime | None = None
    purpose: str = ""
    channel: str = EVERY
    wrong: tuple[str, ...] = ()


def refusals(project: Project, file: Path, channel: str) -> Iterator[Refused]:
    """Read a file of refusals: e-mail addresses, or kinds and identifiers, with the day where it is known."""
    for row in sheet.rows(file):
        _refuse_unknown(file, row, REFUSAL_COLUMNS)
        identifiers, wrong = _whom(row)
        at, mistake = _moment(project, row)
        purpose, closed = row.cells.get("purpose", ""), row.cells.get("channel", channel)
        if purpose and purpose not in project.policy.purposes:
            wrong.append(f"{row.place('purpose')}: the policy has no such purpose.")
        if closed not in {EVERY, *CHANNELS}:
            wrong.append(f"{row.place('channel')}: there is no such channel.")
        yield Refused(row.number, identifiers, at, purpose, closed, (*wrong, *mistake))


def take_refusals(
    project: Project,
    file: Path,
    rows: Iterable[Refused],
    *,
    controller: str,
    channel: str,
    source: str,
    staff: str,
    dry_run: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> Imported:
    """Close every address of a list; then the company's refusals by this channel are known.

    An address that is closed already is not closed twice, so that an import may be repeated.
    """
    record_objection.checked(project, "marketing", "", channel, EVERY, "import")
    if not dry_run:
        declare_refusals.checked(project, controller, channel, staff)
    done = Imported()
    portion: list[Refused] = []
    seen: set[tuple[Any, ...]] = set()
    digest = sha256(file.read_bytes()).hexdigest()
    for row in rows:
        advance(1)
        if row.wrong:
            continue
        key = (*((kind, exact(kind, value)) for kind, value in row.identifiers), row.purpose, row.channel)
        if key in seen or _closed(project, row, controller):
            done.known += 1
            continue
        seen.add(key)
        done.taken += 1
        portion.append(row)
        if len(portion) >= AT_ONCE:
            _close(project, portion, controller, source, staff, digest, dry_run=dry_run)
            portion = []
            seen.clear()
    _close(project, portion, controller, source, staff, digest, dry_run=dry_run)
    if not dry_run:
        declare_refusals.declare_refusals(
            project, controller, channel, staff=staff, how="imported", source=source, rows=done.taken + done.known,
            sha256=digest,
        )  # fmt: skip
    return done


def _closed(project: Project, row: Refused, controller: str) -> bool:
    kind, value = row.identifiers[0]
    known = suppression.of(project.ledger, kind, value)
    wanted = row.purpose or EVERY
    stops = [one.at for one in known if not one.resumed and one.covers([wanted], controller, row.channel)]
    if not stops:
        return False
    again = max(
        (one.at for one in known if one.resumed and one.at > max(stops) and wanted in {one.purpose, EVERY}),
        default="",
    )
    # Since then the person said yes again: only a refusal that is older than that is known already.
    return not again or (row.at is not None and second_after(row.at) <= again)


def _close(
    project: Project,
    rows: Sequence[Refused],
    controller: str,
    source: str,
    staff: str,
    digest: str,
    *,
    dry_run: bool,
) -> None:
    """Record the objections of a portion and close their addresses, in one transaction."""
    if dry_run or not rows:
        return
    drafts, closed = [], []
    waiting: list[Callable[[Connection], object]] = []
    for row in rows:
        kind, value = row.identifiers[0]
        subject = subjects.find_subject(project.ledger, kind, value)
        at = row.at or project.clock()
        scope: Literal["marketing", "purpose"] = "marketing"
        facts: dict[str, Fact] = {
            "scope": scope, "purpose": row.purpose or None, "channel": row.channel, "controller": controller,
            "method": "import", "signal": None, "said_at": at.astimezone(UTC).isoformat(),
        }  # fmt: skip
        facts |= {"source": source} if source else {}
        stream = consent.stream(subject) if subject else f"{record_objection.FAMILY}/{digest[:16]}"
        if subject is None and subjects.disclosure_stream(project.ledger, row.identifiers) is not None:
            # Somebody holds the data of this one, and is told: the address waits until then.
            stream = f"{record_objection.FAMILY}/{fresh_name()}"
            waiting.append(keep_waiting.keep(project, stream, row.identifiers))
        drafts.append(Draft("objection_recorded", stream, facts, entity=controller, actor=staff, subject=subject,
                            policy=project.policy.version or None))  # fmt: skip
        told = Suppression(controller, row.purpose or EVERY, row.channel, second_after(at), "")
        closed += suppression.rows(project.ledger, kind, value, told)

    def also(connection: Connection) -> None:
        suppression.add(connection, closed)
        for keep in waiting:
            keep(connection)

    append.append(project.ledger, drafts, also=also)
