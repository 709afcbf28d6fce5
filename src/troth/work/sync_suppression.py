"""Give a tool that cannot ask the addresses it must leave out, and take back those it may use again.

It names the people Troth still holds for whom `may` says no to a purpose and channel.  Who was
erased is named nowhere any more, and is caught by filtering the tool's own list instead.

Danger: the table is written as a whole in one transaction; it holds what was made last, never
half of it, and other tables of that database are not touched.

Law: GDPR Art. 21(3), Art. 5(1)(c): nothing but the address, or its hash, goes to the tool.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, String, Table, create_engine, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError, UnreachableError
from troth.ledger import read, subjects
from troth.rules import consent, identifier
from troth.rules import may as rules
from troth.rules.may import Question
from troth.work import may
from troth.work.establishment import day_here, establishment
from troth.work.project import Project, SuppressionTable

COLUMNS = ("address", "code", "since")
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Left:
    """One address to be left out: itself or its hash, the reason's code, since when."""

    address: str
    code: str
    since: str


@dataclass(frozen=True, slots=True)
class Synced:
    """What a table or file holds now, and what changed in it."""

    held: int
    added: int
    removed: int


def left_out(
    project: Project,
    purpose: str,
    channel: str | None,
    *,
    kind: str = "email",
    hashed: bool = False,
    entity: str | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Iterator[Left]:
    """Yield each address of the people still held for whom the answer is no; raises NotAllowedError for no purpose."""
    if purpose not in project.policy.purposes:
        names = ", ".join(project.policy.purposes)
        raise NotAllowedError(f"The policy has no purpose {purpose[:40]!r}. It has: {names}.")
    here = establishment(project, entity)
    known, asked = may.known(project), Question(purpose, here.entity, day_here(project), channel)
    for subject, chosen in _held(project):
        advance(1)
        standing = consent.standing(chosen, *may.stopping(project, subject))
        try:
            named = subjects.identifiers(project.ledger, subject)
        except (KeyDestroyedError, NotFoundError):
            continue
        for one, value in named:
            if one != kind:
                continue
            stop = may.suppressed(project, [(one, value)], asked)
            answer = rules.may(known, standing, asked, suppressed=stop)
            if not answer.allowed:
                written = identifier.exact(one, value)
                shown = sha256(written.encode()).hexdigest() if hashed else written
                yield Left(shown, answer.reason.code, (answer.reason.at or "")[:10])


def _held(project: Project) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield everybody whose choices or restrictions may say no, each once, with the state of their choices."""
    seen = set()
    for state in read.states(project.ledger, consent.FAMILY):
        subject = state.stream.partition("/")[2]
        seen.add(subject)
        yield subject, state.body
    for subject in read.subjects_of(project.ledger, ("request_received", "restriction_moved", "act_ended")):
        if subject not in seen:
            yield subject, {}


def to_file(found: Iterable[Left], out: Path) -> Synced:
    """Write a CSV file that appears only once it is whole."""
    before = _in_file(out)
    rows = {one.address: one for one in found}
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as opened:
            os.fchmod(opened.fileno(), 0o600)
            writer = csv.writer(opened)
            writer.writerow(COLUMNS)
            writer.writerows((one.address, one.code, one.since) for _, one in sorted(rows.items()))
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Synced(len(rows), len(rows.keys() - before), len(before - rows.keys()))


def _in_file(out: Path) -> set[str]:
    if not out.is_file():
        return set()
    with out.open(encoding="utf-8", newline="") as opened:
        return {row[0] for row in csv.reader(opened) if row} - {COLUMNS[0]}


def to_table(found: Iterable[Left], told: SuppressionTable) -> Synced:
    """Make a table hold exactly these addresses, in one transaction; raises UnreachableError where it cannot be."""
    rows = {one.address: one for one in found}
    table = Table(told.table, MetaData(), Column("address", String(320), primary_key=True),
                  Column("code", String(40), nullable=False), Column("since", String(10), nullable=False))  # fmt: skip
    try:
        engine = create_engine(_driver(told.url()))
        try:
            with engine.begin() as connection:
                table.create(connection, checkfirst=True)
                return _changed(connection, table, rows)
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise UnreachableError(
            f"The table {told.table!r} could not be written ({type(error).__name__}). It holds what it held before."
        ) from None


def _changed(connection: Connection, table: Table, rows: dict[str, Left]) -> Synced:
    before = {str(row.address): (str(row.code), str(row.since)) for row in connection.execute(select(table))}
    wanted = {address: (one.code, one.since) for address, one in rows.items()}
    gone = [address for address in before if before[address] != wanted.get(address)]
    fresh = [address for address in wanted if before.get(address) != wanted[address]]
    for some in _portions(gone):
        connection.execute(delete(table).where(table.c.address.in_(some)))
    for some in _portions(fresh):
        connection.execute(
            insert(table), [{"address": one, "code": wanted[one][0], "since": wanted[one][1]} for one in some]
        )
    return Synced(len(wanted), len(wanted.keys() - before.keys()), len(before.keys() - wanted.keys()))


def _portions(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _driver(url: str) -> str:
    for scheme, driver in (("postgresql://", "postgresql+psycopg://"), ("postgres://", "postgresql+psycopg://"),
                           ("mariadb://", "mariadb+pymysql://"), ("mysql://", "mysql+pymysql://")):  # fmt: skip
        if url.startswith(scheme):
            return url.replace(scheme, driver, 1)
    if url.startswith("sqlite:///"):
        return url
    raise NotAllowedError("A suppression table lives in SQLite, PostgreSQL or MariaDB.")


def sync(project: Project, name: str, advance: Callable[[int], object] = lambda _: None) -> Synced:
    """Bring the table of [suppression.NAME] up to date; raises NotFoundError where there is no such section."""
    told = project.settings.suppressions.get(name)
    if told is None:
        known = ", ".join(project.settings.suppressions) or "none"
        raise NotFoundError(f"troth.toml has no [suppression.{name[:40]}]. It has: {known}.")
    found = left_out(project, told.purpose, told.channel or None, kind=told.kind, hashed=told.hashed,
                     entity=told.entity or None, advance=advance)  # fmt: skip
    return to_table(found, told)
