"""How a claim for erasure ends, for one category of data held for one purpose.

An exemption goes by category and period, never by person: the invoice is kept and the
newsletter profile of the same person goes.

Law: GDPR Art. 17(1) and (3), Art. 18(1)(d), Art. 21.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from troth.errors import NotFoundError
from troth.law.right import BASES, Ground, erasure_exemptions, erasure_grounds
from troth.law.table import Row, in_force, read


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one category of data, for one purpose.

    `ground` is the letter claimed.  `overriding` says whether compelling grounds were
    shown against an objection; None while that is being weighed.
    """

    ground: str
    basis: str
    marketing: bool = False
    still_needed: bool = False
    other_basis: bool = False
    overriding: bool | None = None
    exemption: str | None = None
    exempt_until: date | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Erase:
    """The data go; `leaves` names the little that stays behind: proof_of_consent, suppression."""

    why: str
    en: str
    fr: str
    law: str
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """The data are kept, until a day where the duty has one."""

    why: str
    en: str
    fr: str
    law: str
    until: date | None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing goes yet; the use of the data is restricted while the objection is weighed."""

    why: str
    en: str
    fr: str
    law: str


Outcome = Erase | Keep | Wait


def decide(case: Case, on: date) -> Outcome:
    """Decide on a claim for erasure, with the reason in English and in French.

    >>> newsletter = Case(ground="b", basis="consent", marketing=True)
    >>> type(decide(newsletter, date(2026, 11, 23))).__name__
    'Erase'
    """
    letters = {ground.code for ground in erasure_grounds(on)}
    if case.ground not in letters:
        raise NotFoundError(
            f"There is no ground ({case.ground[:10]}) for erasure. Use one of: {', '.join(letters)}."
        )
    if case.basis not in BASES:
        raise NotFoundError(f"There is no legal basis {case.basis[:40]!r}. There are: {', '.join(BASES)}.")
    if case.hold:
        return _outcome("hold", case, on)
    if case.exemption is not None:
        return _outcome("exempt", case, on, _exemption(case.exemption, on))
    return _outcome(_by_ground(case), case, on)


def _by_ground(case: Case) -> str:
    match case.ground:
        case "a":
            return "still_needed" if case.still_needed else "no_longer_needed"
        case "b":
            return _withdrawn(case)
        case "c":
            return _objected(case)
        case "d":
            return "unlawful"
        case "e":
            return "duty_to_erase"
        case _:
            return "child"


def _withdrawn(case: Case) -> str:
    if case.basis not in ("consent", "explicit_consent"):
        return "no_consent"
    if case.other_basis:
        return "other_basis"
    return "withdrawn_marketing" if case.marketing else "withdrawn"


def _objected(case: Case) -> str:
    if case.marketing:
        return "marketing"
    if case.basis not in ("public_task", "legitimate_interests"):
        return "no_objection"
    if case.overriding is None:
        return "weighing"
    return "overridden" if case.overriding else "objected"


def _exemption(code: str, on: date) -> Ground:
    known = {exemption.code: exemption for exemption in erasure_exemptions(on)}
    if code not in known:
        raise NotFoundError(
            f"There is no exemption ({code[:10]}) from erasure. Use one of: {', '.join(known)}."
        )
    return known[code]


def _outcome(why: str, case: Case, on: date, exemption: Ground | None = None) -> Outcome:
    rows: tuple[Row, ...] = in_force(read("rights.toml")["erasure_outcome"], on)
    says = next(row for row in rows if row.says["code"] == why)
    en, fr, law = says.text("en"), says.text("fr"), says.source
    if exemption is not None:
        en, fr, law = en.format(because=exemption.en), fr.format(because=exemption.fr), exemption.law
    match says.text("end"):
        case "erase":
            return Erase(why, en, fr, law, says.words("leaves") if "leaves" in says.says else ())
        case "wait":
            return Wait(why, en, fr, law)
        case _:
            return Keep(why, en, fr, law, case.exempt_until)
