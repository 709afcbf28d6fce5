"""The rights of a person: which apply to which processing, on which grounds.

A right stands in an article and goes with some legal bases and not with others.  Every
answer carries its reason, in English and in French, and the law it rests on.

Law: GDPR Arts. 7(3), 15 to 22; Loi 78-17 Arts. 84-86 (France); DPA 2018 s. 164A.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Literal

from troth.errors import NotFoundError
from troth.law.jurisdiction import lineage
from troth.law.table import Row, in_force, read

BASES = (
    "consent",
    "explicit_consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interests",
)
Origin = Literal["provided", "observed", "inferred"]
Pace = Literal["at once", "without undue delay"]
_GDPR_PLACES = ("EU", "GB")


@dataclass(frozen=True, slots=True)
class Right:
    """A right, what it is called, where it stands, and how soon it takes effect."""

    code: str
    en: str
    fr: str
    law: str
    pace: Pace


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground or an exemption of an article, by its letter, or an item a letter must say."""

    code: str
    en: str
    fr: str
    law: str

    def sentence(self, language: str) -> str:
        """Return it in French where that is asked, else in English."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a right applies, and why; `grounds` are the letters it may be claimed on, if it has any."""

    applies: bool
    en: str
    fr: str
    law: str
    grounds: tuple[str, ...] = ()

    def reason(self, language: str) -> str:
        """Return the reason in French where that is asked, else in English."""
        return self.fr if language == "fr" else self.en


@lru_cache(maxsize=64)
def rights(jurisdiction: str, on: date) -> tuple[Right, ...]:
    """Return the rights a person has where the controller is established, on a day.

    >>> "post_mortem" in {right.code for right in rights("FR", date(2026, 11, 23))}
    True
    """
    codes = _places(jurisdiction)
    return tuple(
        Right(row.text("code"), row.text("en"), row.text("fr"), _law(row, jurisdiction), _pace(row))
        for row in in_force(read("rights.toml")["right"], on)
        if row.text("jurisdiction") in codes
    )


def right(code: str, jurisdiction: str, on: date) -> Right:
    """Return one right by its code; raises NotFoundError where the law of the place has no such right."""
    known = {found.code: found for found in rights(jurisdiction, on)}
    if code not in known:
        near = get_close_matches(code, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        raise NotFoundError(
            f"There is no right {code[:40]!r} in {lineage(jurisdiction)[0].en} on {on}. {hint}"
        )
    return known[code]


def applies(
    claimed: str,
    basis: str,
    *,
    on: date,
    jurisdiction: str = "EU",
    automated: bool = True,
    origin: Origin = "provided",
    marketing: bool = True,
) -> Verdict:
    """Say whether a right applies to processing on a legal basis.

    `automated`, `origin` (how the data came about) and `marketing` (whether the purpose is
    direct marketing) matter for portability and for the objection to marketing only.

    >>> applies("port", "contract", on=date(2026, 11, 23)).applies
    True
    >>> applies("port", "contract", on=date(2026, 11, 23), origin="inferred").applies
    False
    """
    found = right(claimed, jurisdiction, on)
    if basis not in BASES:
        raise NotFoundError(f"There is no legal basis {basis[:40]!r}. There are: {', '.join(BASES)}.")
    rows = in_force(read("rights.toml")["matrix"], on)
    says = next(row for row in rows if row.says["right"] == found.code and basis in row.words("bases"))
    limit = _limit(found.code, automated, origin, marketing) if says.says["applies"] else None
    if limit is not None:
        rows = in_force(read("rights.toml")["limit"], on)
        says = next(row for row in rows if row.says["code"] == limit)
    return Verdict(
        applies=limit is None and says.says["applies"] is True,
        en=says.text("en"),
        fr=says.text("fr"),
        law=_law(says, jurisdiction),
        grounds=says.words("grounds") if "grounds" in says.says else (),
    )


def _limit(claimed: str, automated: bool, origin: Origin, marketing: bool) -> str | None:
    if claimed == "port" and not automated:
        return "not_automated"
    if claimed == "port" and origin == "inferred":
        return "inferred"
    if claimed == "object_marketing" and not marketing:
        return "no_marketing"
    return None


def erasure_grounds(on: date) -> tuple[Ground, ...]:
    """Return the grounds on which erasure is claimed, (a) to (f)."""
    return _grounds("erasure_ground", on)


def erasure_exemptions(on: date) -> tuple[Ground, ...]:
    """Return the exemptions by which data are kept, (a) to (e); each goes by category and period."""
    return _grounds("erasure_exemption", on)


def restriction_grounds(on: date) -> tuple[Ground, ...]:
    """Return the grounds on which restriction is claimed, (a) to (d)."""
    return _grounds("restriction_ground", on)


def access_items(on: date) -> tuple[Ground, ...]:
    """Return what an answer to an access request must say, in the order of the article."""
    return _grounds("access_item", on)


def _grounds(table: str, on: date) -> tuple[Ground, ...]:
    rows = in_force(read("rights.toml")[table], on)
    return tuple(Ground(row.text("code"), row.text("en"), row.text("fr"), row.source) for row in rows)


def _places(jurisdiction: str) -> set[str]:
    """The codes whose rights count in a place; the United Kingdom kept those of the Union."""
    places = lineage(jurisdiction)
    if places[-1].code not in _GDPR_PLACES:
        raise NotFoundError(
            f"The rights under the law of {places[0].en} are not recorded here; only its clock is. "
            "Ask counsel."
        )
    return {place.code for place in places} | {"EU"}


def _law(row: Row, jurisdiction: str) -> str:
    british = lineage(jurisdiction)[-1].code == "GB"
    return f"UK {row.source}" if british and row.source.startswith("GDPR") else row.source


def _pace(row: Row) -> Pace:
    return "at once" if row.text("pace") == "at once" else "without undue delay"
