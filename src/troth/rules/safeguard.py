"""Whether a transfer outside the EEA stands on something today, and what is doubtful about it.

An adequacy decision that lapsed, clauses that were replaced, an assessment that was never
made: each shows on its day, without anybody having to notice.

Law: GDPR Arts. 44 to 49; Case C-311/18; EDPB Recommendations 01/2020.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from troth.errors import NotFoundError
from troth.law import transfer
from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.promise import Transfer
from troth.policy.words import words

ASSESSED_AGAIN_AFTER = Period(12, "months")
"""How long an assessment of a country's law is relied on: our own default (law.md 7), no number of law."""
_NUMBER = re.compile(r"\d{2,4}/\d+")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is wrong with a transfer (`broken`) and what nobody has shown yet (`doubtful`), in words."""

    broken: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    ends: date | None = None  # the last day of its adequacy decision
    to_assess: bool = False  # whether somebody must look (again), and write `assessed`


def standing(promise: Transfer, policy: Policy, today: date, language: str = "en") -> Standing:
    """Say how a transfer stands on a day; of an exporter outside the EEA, whose law is another, nothing shows it."""
    found = _found(promise, policy, today)
    if found is None:
        return Standing((), (_elsewhere(language),))
    words = found.because.fr if language == "fr" else found.because.en
    ends = found.adequacy.valid_to if found.adequacy else None
    if found.standing in ("forbidden", "not yet"):
        if promise.mechanism == "adequacy" and found.adequacy is not None:
            return Standing((), (_covered(found.adequacy, language),), ends, to_assess=True)
        ended = transfer.lapsed(str(promise.country), today) if promise.mechanism == "adequacy" else None
        never = found.because.code == "assessment_missing"
        return Standing((*(_lapsed(ended, language) if ended else ()), words), (), ends, to_assess=never)
    old = _old(promise, found.adequacy, today)
    return Standing((), tuple(_doubts(promise, found.adequacy, language, old=old)), ends, to_assess=old)


def _assessed_by(promise: Transfer, today: date) -> bool:
    return promise.assessed is not None and promise.assessed <= today


def _found(promise: Transfer, policy: Policy, today: date) -> transfer.Verdict | None:
    group = policy.group
    entity = (group.entity(promise.exporter) if promise.exporter else group.main_entity) if group else None
    recipient = policy.recipients.get(str(promise.recipient)) if promise.recipient else None
    planned = transfer.Plan(
        exporter=str(entity.country) if entity else "FR",
        importer=str(promise.country),
        exporter_role=_exporter_role(promise),
        importer_role="processor" if promise.module in ("2", "3") or _processes(recipient) else "controller",
        covered=True if promise.mechanism == "adequacy" and _assessed_by(promise, today) else None,
        means=promise.means,
        assessed_on=promise.assessed,
        derogation=str(promise.letter) if promise.letter else None,
    )
    try:
        return transfer.decide(planned, today)
    except NotFoundError:
        return None  # its exporter is outside the EEA: another law, which is not recorded here


def _elsewhere(language: str) -> str:
    if language == "fr":
        return "l’exportateur est hors de l’EEE, et le droit de son pays n’est pas jugé ici"
    return "the exporter is outside the EEA, and the law of its country is not judged here"


def _exporter_role(promise: Transfer) -> Literal["controller", "processor"]:
    """Return what the exporter is by the module that was signed: counsel chose it, knowing the roles."""
    return "processor" if promise.module in ("3", "4") else "controller"


def _processes(recipient: object) -> bool:
    return getattr(recipient, "role", "") == "processor"


def _lapsed(decision: transfer.Adequacy, language: str) -> tuple[str]:
    if language == "fr":
        return (
            f"la décision d’adéquation {words('fr').decision(decision.decision)} a pris fin le {decision.valid_to}",
        )
    return (f"the adequacy decision {decision.decision} ended on {decision.valid_to}",)


def _covered(decision: transfer.Adequacy, language: str) -> str:
    if language == "fr":
        return f"la décision vaut pour {decision.covers_fr}, et rien ne montre que c’est vérifié (assessed)"
    return f"the decision covers {decision.covers_en}, and nothing shows that this was checked (assessed)"


def _old(promise: Transfer, decision: transfer.Adequacy | None, today: date) -> bool:
    """Say whether what was assessed is to be assessed again; a decision for everyone and a derogation ask for none.

    Where a decision is for some only, the check that the importer is among them ages: companies on the list of
    Decision (EU) 2023/1795 certify themselves anew each year (its Annex I).
    """
    if promise.assessed is None or ASSESSED_AGAIN_AFTER.after(promise.assessed) >= today:
        return False
    if promise.mechanism == "adequacy":
        return decision is not None and decision.covers != "everyone"
    return promise.mechanism != "derogation"


def _another(promise: Transfer, decision: transfer.Adequacy) -> bool:
    """Say whether a promise names the number of another decision than the one in force."""
    named, known = (set(_NUMBER.findall(text or "")) for text in (promise.decision, decision.decision))
    return bool(named and known) and not named & known


def _doubts(
    promise: Transfer, decision: transfer.Adequacy | None, language: str, *, old: bool
) -> Iterator[str]:
    french = language == "fr"
    if promise.mechanism == "standard_clauses" and promise.signed is None:
        yield (
            "les clauses ne portent pas de date de signature"
            if french
            else "the clauses bear no date of signature"
        )
    if promise.mechanism == "adequacy" and decision is not None and _another(promise, decision):
        yield (
            f"la politique nomme {words('fr').decision(str(promise.decision))} : "
            f"la décision en vigueur pour ce pays est {words('fr').decision(decision.decision)}"
            if french
            else f"the policy names {promise.decision}: the decision in force for this country is {decision.decision}"
        )
    if old and promise.mechanism == "adequacy" and decision is not None:
        yield (
            f"la décision vaut pour {decision.covers_fr} : vérifié le {promise.assessed}, il y a plus de douze mois"
            if french
            else f"the decision covers {decision.covers_en}: checked on {promise.assessed}, more than twelve months ago"
        )
    elif old:
        yield (
            f"le droit du pays a été évalué le {promise.assessed}, il y a plus de douze mois"
            if french
            else f"the law of the country was last assessed on {promise.assessed}, more than twelve months ago"
        )
