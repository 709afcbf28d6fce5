"""Whether personal data may leave the European Economic Area, and by what means.

The order is that of the law: an adequacy decision, else a lasting safeguard with an
assessment of the destination, else a derogation for a single case, else nothing.
Looking from a third country into a system here is a transfer too.

Law: GDPR Arts. 44 to 49; EDPB Guidelines 05/2021 and 2/2018, Recommendations 01/2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from troth.errors import NotAllowedError, NotFoundError
from troth.law.jurisdiction import in_the_eea
from troth.law.table import Row, in_force, read

Role = Literal["controller", "processor"]
Standing = Literal["none needed", "may go", "not yet", "forbidden"]
_SOON = timedelta(days=183)  # our default: half a year before an adequacy decision ends, say so


@dataclass(frozen=True, slots=True)
class Adequacy:
    """An adequacy decision: for which country, for whom there, by which decision, until when."""

    country: str
    en: str
    fr: str
    covers: str
    covers_en: str
    covers_fr: str
    note_en: str
    note_fr: str
    decision: str
    valid_to: date | None
    confidence: str


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about a transfer in English and in French, with its law; `code` keeps its meaning."""

    code: str
    en: str
    fr: str
    law: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a transfer stands: whether it may go, on what, and what to watch.

    `means` is the code of the safeguard it rests on or needs: scc-3, bcr …
    """

    standing: Standing
    because: Said
    means: str | None = None
    adequacy: Adequacy | None = None
    watch: tuple[Said, ...] = ()

    @property
    def is_transfer(self) -> bool:
        """Whether data leave the European Economic Area at all."""
        return self.standing != "none needed"


@dataclass(frozen=True, slots=True)
class Plan:
    """A transfer as planned.

    `exporter` and `importer` are the countries where the parties are, the importer's being
    where it looks in from, if it does.  `covered` says whether the importer belongs to the
    part of the country that an adequacy decision is limited to (None: not checked).
    """

    exporter: str
    importer: str
    exporter_role: Role = "controller"
    importer_role: Role = "processor"
    covered: bool | None = None
    means: str | None = None
    assessed_on: date | None = None
    derogation: str | None = None
    repeated: bool = False
    parent: str | None = None


def adequacy(country: str, on: date) -> Adequacy | None:
    """Return the adequacy decision for a country on a day; None where there is none.

    >>> adequacy("GB", date(2026, 11, 23)).valid_to
    datetime.date(2031, 12, 27)
    >>> adequacy("MX", date(2026, 11, 23)) is None
    True
    """
    rows = [row for row in read("transfers.toml")["adequacy"] if row.says["country"] == country.upper()]
    found = in_force(rows, on)
    return _adequacy(found[0]) if found else None


def lapsed(country: str, on: date) -> Adequacy | None:
    """Return the adequacy decision for a country that ended last before a day; None where none did.

    >>> lapsed("GB", date(2031, 12, 28)).valid_to.isoformat(), lapsed("JP", date(2031, 12, 28)) is None
    ('2031-12-27', True)
    """
    ended = [
        row
        for row in read("transfers.toml")["adequacy"]
        if row.says["country"] == country.upper() and row.valid_to is not None and row.valid_to < on
    ]
    last = max(ended, key=lambda row: row.valid_to or on, default=None)
    return _adequacy(last) if last is not None else None


def adequate(on: date) -> tuple[Adequacy, ...]:
    """Return every adequacy decision in force on a day, by country."""
    rows = in_force(read("transfers.toml")["adequacy"], on)
    return tuple(sorted((_adequacy(row) for row in rows), key=lambda each: each.country))


def newest_adequacy(on: date) -> date | None:
    """Return the day from which the newest adequacy decision in force on a day holds.

    >>> newest_adequacy(date(2026, 11, 23)).year
    2026
    """
    rows = in_force(read("transfers.toml")["adequacy"], on)
    return max((row.valid_from for row in rows if row.valid_from is not None), default=None)


def module(exporter: Role, importer: Role) -> str:
    """Return the module of the standard clauses for two roles.

    >>> module("processor", "processor")
    'scc-3'
    """
    return next(
        row.text("code")
        for row in read("transfers.toml")["mechanism"]
        if row.maybe("exporter") == exporter and row.maybe("importer") == importer
    )


def decide(plan: Plan, on: date) -> Verdict:
    """Say whether a transfer may go on a day, on what it rests, and what is still to do.

    >>> decide(Plan("FR", "DE"), date(2026, 11, 23)).standing
    'none needed'
    >>> decide(Plan("FR", "MX"), date(2026, 11, 23)).means
    'scc-2'
    """
    if not _eea(plan.exporter):
        raise NotFoundError(
            f"Transfers out of {plan.exporter[:10]} follow a law that is not recorded here; "
            "only those out of the European Economic Area are."
        )
    watch = _parent(plan, on)
    if _eea(plan.importer):
        return Verdict("none needed", _said("inside", on), watch=watch)
    decision = adequacy(plan.importer, on)
    if decision is not None and (decision.covers == "everyone" or plan.covered):
        return Verdict("may go", _on(decision, on), adequacy=decision, watch=(*watch, *_ending(decision, on)))
    if plan.means is not None:
        return _by_means(plan, plan.means, on, watch)
    if plan.derogation is not None:
        return _by_derogation(plan.derogation, plan.repeated, on, watch)
    needed = module(plan.exporter_role, plan.importer_role)
    means = _row("mechanism", needed)
    said = _said("means_missing", on, means=(means.text("en"), means.text("fr")))
    return Verdict("not yet", said, means=needed, adequacy=decision, watch=watch)


def _by_means(plan: Plan, code: str, on: date, watch: tuple[Said, ...]) -> Verdict:
    row = _row("mechanism", code)
    means = row.text("en"), row.text("fr")
    needed = module(plan.exporter_role, plan.importer_role)
    if not row.counts(on):
        ended = str(row.valid_to or "")
        return Verdict(
            "forbidden", _said("means_ended", on, means=means, ended=(ended, ended)), needed, None, watch
        )
    if row.maybe("exporter") and code != needed:
        right = _row("mechanism", needed)
        said = _said("wrong_module", on, means=means, needed=(right.text("en"), right.text("fr")))
        return Verdict("not yet", said, needed, None, watch)
    if plan.assessed_on is None or plan.assessed_on > on:
        return Verdict("not yet", _said("assessment_missing", on, means=means), code, None, watch)
    return Verdict("may go", _said("safeguarded", on, means=means), code, None, watch)


def _by_derogation(letter: str, repeated: bool, on: date, watch: tuple[Said, ...]) -> Verdict:
    row = _row("derogation", letter)
    if repeated and row.says["occasional"] is True:
        return Verdict("forbidden", _said("repeated", on), watch=watch)
    said = _said("derogation", on, means=(row.text("en"), row.text("fr")))
    return Verdict("may go", Said(said.code, said.en, said.fr, row.source), watch=watch)


def _on(decision: Adequacy, on: date) -> Said:
    said = _said("adequate", on)
    return Said(said.code, said.en, said.fr, f"{said.law}; {decision.decision}")


def _ending(decision: Adequacy, on: date) -> tuple[Said, ...]:
    if decision.valid_to is None or decision.valid_to - on > _SOON:
        return ()
    ended = decision.valid_to.isoformat()
    return (_said("ends_soon", on, ended=(ended, ended)),)


def _parent(plan: Plan, on: date) -> tuple[Said, ...]:
    if plan.parent is None or _eea(plan.parent):
        return ()
    return (_said("foreign_parent", on, country=(plan.parent.upper(), plan.parent.upper())),)


def _said(code: str, on: date, **gaps: tuple[str, str]) -> Said:
    rows = in_force(read("transfers.toml")["outcome"], on)
    row = next(row for row in rows if row.says["code"] == code)
    english = row.text("en").format(**{name: both[0] for name, both in gaps.items()})
    french = row.text("fr").format(**{name: both[1] for name, both in gaps.items()})
    return Said(code, english, french, row.source)


def _row(table: str, code: str) -> Row:
    rows = {row.text("code"): row for row in read("transfers.toml")[table]}
    if code not in rows:
        raise NotFoundError(f"There is no {table} {code[:20]!r}. There are: {', '.join(rows)}.")
    return rows[code]


def _eea(country: str) -> bool:
    """Say whether a country, known by its two letters, lies in the European Economic Area."""
    if len(country) < 2 or not country.replace("-", "").isalpha():
        raise NotAllowedError(f"{country[:20]!r} is no country. Use its two letters, such as FR or US.")
    try:
        return in_the_eea(country)
    except NotFoundError:
        return False  # a third country whose own law is not recorded here


def _adequacy(row: Row) -> Adequacy:
    return Adequacy(
        country=row.text("country"),
        en=row.text("en"),
        fr=row.text("fr"),
        covers=row.text("covers"),
        covers_en=row.maybe("covers_en") or "",
        covers_fr=row.maybe("covers_fr") or "",
        note_en=row.maybe("note_en") or "",
        note_fr=row.maybe("note_fr") or "",
        decision=row.source,
        valid_to=row.valid_to,
        confidence=row.confidence,
    )
