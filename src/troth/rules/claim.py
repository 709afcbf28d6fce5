"""What a request can ask for, what each decision needs, and how it is carried out.

Each right is its own claim: its own grounds, its own second person, its own way of being
carried out.  What the law leaves no room for (direct marketing, a consent taken back) takes
effect on receipt, before anybody decides.

Law: GDPR Arts. 7(3), 12(4), 12(5), 15 to 22; Loi 78-17 Arts. 84-86; DPA 2018 s. 164A.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Literal

from troth.errors import NotFoundError
from troth.law import right
from troth.law.right import Verdict
from troth.policy.policy import Policy
from troth.policy.promise import Purpose

Way = Literal["copy", "erasure", "choice", "list", "person"]
"""By a file to fetch, in the stores, by recording a choice, in the letter, or by a member of staff."""

WAYS: Mapping[str, Way] = MappingProxyType(
    {
        "access": "copy",
        "port": "copy",
        "erase": "erasure",
        "object": "choice",
        "object_marketing": "choice",
        "withdraw": "choice",
        "list_recipients": "list",
        "rectify": "person",
        "complete": "person",
        "restrict": "person",
        "review_decision": "person",
        "post_mortem": "person",
        "complain": "person",
    }
)
AT_ONCE = frozenset({"object_marketing", "withdraw"})
"""Effective on receipt: GDPR Art. 21(3) and Art. 7(3) set no month and ask no reason."""

EXCESSIVE = "Art. 12(5)"
INSTRUCTED = "instruction"
"""The ground of what a controller tells us as its processor: GDPR Art. 28(3)(a)."""
OBJECTION_REFUSED_ON = ("compelling", "claims")
"""GDPR Art. 21(1): compelling legitimate grounds that the controller shows, or legal claims."""

_GROUNDED = {"erase": "Art. 17(1)", "restrict": "Art. 18(1)"}


@dataclass(frozen=True, slots=True)
class Applies:
    """Whether a right applies to one purpose of the policy, and why."""

    purpose: Purpose
    verdict: Verdict


def rights_at(place: str, on: date) -> tuple[str, ...]:
    """Return the rights a person can use, by code, where the controller is established.

    Where the law of a place is not recorded the policy's own promises hold: those of the GDPR.

    >>> "complain" in rights_at("GB", date(2026, 11, 23)), "complain" in rights_at("FR", date(2026, 11, 23))
    (True, False)
    """
    try:
        known = right.rights(place, on)
    except NotFoundError:
        known = right.rights("EU", on)
    return tuple(one.code for one in known)


def matrix(policy: Policy, claimed: str, place: str, on: date) -> tuple[Applies, ...]:
    """Say for each purpose of the policy whether a right applies to it.

    Empty where the law of the place is not recorded.
    """
    try:
        return tuple(
            Applies(
                purpose,
                right.applies(
                    claimed, purpose.legal_basis, on=on, jurisdiction=place, marketing=purpose.marketing
                ),
            )
            for purpose in policy.purposes.values()
        )
    except NotFoundError:
        return ()


def purposes(policy: Policy, claimed: str, place: str, on: date) -> tuple[str, ...]:
    """Return the names of the purposes a right applies to."""
    return tuple(one.purpose.key for one in matrix(policy, claimed, place, on) if one.verdict.applies)


def presumed(policy: Policy, claimed: str, place: str, on: date) -> tuple[str, ...]:
    """Return the purposes a choice is about when it names none: those of the notice a right applies to.

    What is internal (payroll, recruitment) concerns people who name it.
    """
    return tuple(
        one.purpose.key
        for one in matrix(policy, claimed, place, on)
        if one.verdict.applies and one.purpose.public
    )


def grounds(claimed: str, on: date) -> tuple[str, ...]:
    """Return the letters of the grounds a right may be granted on; none where it needs none.

    >>> grounds("restrict", date(2026, 11, 23)), grounds("access", date(2026, 11, 23))
    (('a', 'b', 'c', 'd'), ())
    """
    match claimed:
        case "erase":
            return tuple(one.code for one in right.erasure_grounds(on))
        case "restrict":
            return tuple(one.code for one in right.restriction_grounds(on))
        case _:
            return ()


def article(claimed: str, ground: str, on: date) -> str | None:
    """Return the law of a ground, such as GDPR Art. 17(1)(a)."""
    known = {"erase": right.erasure_grounds, "restrict": right.restriction_grounds}.get(claimed)
    return next((one.law for one in known(on) if one.code == ground), None) if known else None


def lacking(
    claimed: str,
    outcome: str,
    *,
    on: date,
    ground: str = "",
    cited: str = "",
    exemptions: Sequence[str] = (),
    reason: str = "",
    chosen: Sequence[str] = (),
    fitting: Sequence[str] | None = None,
) -> list[str]:
    """Return what a decision on a claim still lacks, each as a sentence; nothing when it is whole.

    `cited` is the article given, `chosen` the purposes it is about, `fitting` the purposes of
    the policy the right applies to (None where that is not known).
    """
    wrong = [*_lacking_ground(claimed, outcome, ground, on), *_lacking_exemption(claimed, exemptions, on)]
    if outcome in {"refuse", "part"} and not reason.strip():
        wrong.append("What is not done needs its reason, in words the person understands (GDPR Art. 12(4)).")
    if outcome == "refuse" and not cited.strip() and not exemptions:
        wrong.append("A refusal names the article it stands on (GDPR Art. 12(4)).")
    if fitting is not None:
        unknown = [name for name in chosen if name not in fitting]
        if unknown:
            known = ", ".join(fitting) or "none"
            wrong.append(
                f"The right {claimed!r} does not apply to the purpose {unknown[0][:40]!r}. It applies to: {known}."
            )
    if claimed in AT_ONCE and outcome != "grant" and fitting:
        law = "GDPR Art. 21(3)" if claimed == "object_marketing" else "GDPR Art. 7(3)"
        wrong.append(f"This leaves no room for a refusal, whole or in part ({law}). Grant it.")
    return wrong


def _lacking_ground(claimed: str, outcome: str, ground: str, on: date) -> list[str]:
    known = grounds(claimed, on)
    if known and outcome != "refuse" and ground not in known and ground != INSTRUCTED:
        what = "an erasure" if claimed == "erase" else "a restriction"
        return [f"Granting {what} needs its ground: one of {', '.join(known)} (GDPR {_GROUNDED[claimed]})."]
    if claimed == "object" and outcome != "grant" and ground not in OBJECTION_REFUSED_ON:
        return [
            "Going on despite an objection needs compelling legitimate grounds that you can show, or legal claims: "
            "give the ground as `compelling` or `claims` (GDPR Art. 21(1))."
        ]
    return []


def _lacking_exemption(claimed: str, exemptions: Sequence[str], on: date) -> list[str]:
    if not exemptions:
        return []
    if claimed != "erase":
        return [f"Exemptions by letter are those of an erasure (GDPR Art. 17(3)); this claim is {claimed!r}."]
    exempt = [one.code for one in right.erasure_exemptions(on)]
    unknown = [letter for letter in exemptions if letter not in exempt]
    if not unknown:
        return []
    return [f"There is no exemption {unknown[0][:10]!r}. There are: {', '.join(exempt)} (GDPR Art. 17(3))."]
