"""A disclosure: which categories went to whom, when, for which purpose, on whose word.

The policy's list of recipients is closed: whoever is not in it may be told nothing.  Each
class has a condition of its own, and a disclosure that lacks it breaks the promise.

Law: GDPR Arts. 5(2), 13(1)(e), 19, 28(3), 44; Case C-154/21.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from troth.errors import NotFoundError
from troth.law.jurisdiction import in_the_eea
from troth.law.transfer import adequacy
from troth.policy.policy import Policy
from troth.policy.promise import Recipient
from troth.policy.reading import did_you_mean

OWED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "group_company": ("agreement",),
        "processor": ("agreement",),
        "marketing": ("consent",),
        "authority": ("legal_reference",),
        "police": ("requisition", "two_approvals"),
        "legal_proceedings": ("proceeding", "hold"),
        "auditor": ("confidentiality",),
        "assignee": ("assignment",),
        "public_body": ("legal_reference",),
    }
)
"""What each class of recipients needs on record, whatever the policy asks besides (law.md C6-1 to C6-9)."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "agreement": "the agreement it stands on (GDPR Art. 28(3), 26)",
        "consent": "the proof of consent (GDPR Art. 7(1))",
        "legal_reference": "the law that obliges (GDPR Art. 6(3))",
        "requisition": "the requisition",
        "proceeding": "the proceeding",
        "hold": "the legal hold that keeps what it is about (`troth hold list`)",
        "confidentiality": "the duty of confidentiality",
        "assignment": "the assignment of the contract",
        "two_approvals": "the approval of two people",
    }
)
"""What must be on record, in words."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is, or was, disclosed about one person."""

    recipient: str
    categories: tuple[str, ...]
    purpose: str
    on: date
    evidence: Mapping[str, str] = field(default_factory=dict, repr=False)
    approved_by: tuple[str, ...] = ()
    party: str = ""
    document: str = ""


def recipient_of(policy: Policy, disclosure: Disclosure) -> Recipient | None:
    """Return the recipient of the policy a disclosure goes to; None where the list has none."""
    return policy.recipients.get(disclosure.recipient)


def covering(policy: Policy, disclosure: Disclosure) -> str:
    """Return the transfer of the policy that covers a disclosure; empty where none does."""
    recipient = recipient_of(policy, disclosure)
    country = _country(recipient, disclosure) if recipient else ""
    known = policy.transfers
    return next(
        (
            name
            for name in (recipient.transfers if recipient else ())
            if name in known and known[name].country == country
        ),
        "",
    )


def lacking(policy: Policy, disclosure: Disclosure) -> Iterator[tuple[str, str]]:
    """Yield what a disclosure lacks, as a code that never changes and a sentence."""
    recipient = recipient_of(policy, disclosure)
    if recipient is None:
        near = did_you_mean(disclosure.recipient, [str(name) for name in policy.recipients])
        yield (
            "recipient",
            f"The policy names no recipient {disclosure.recipient[:40]!r}, and its list is closed. {near}".strip(),
        )
        return
    yield from _lacking_scope(policy, recipient, disclosure)
    for needed in dict.fromkeys((*OWED.get(recipient.class_, ()), *recipient.requires)):
        if needed == "two_approvals":
            if len({name.strip().casefold() for name in disclosure.approved_by} - {""}) < 2:
                yield (
                    needed,
                    f"A disclosure to {recipient.key} lacks {WORDS[needed]}: name two with `approved_by`.",
                )
        elif not disclosure.evidence.get(needed, "").strip():
            yield needed, f"A disclosure to {recipient.key} lacks {WORDS[needed]}: give `{needed}`."
    country = _country(recipient, disclosure)
    if (
        country
        and _abroad(country)
        and not covering(policy, disclosure)
        and adequacy(country, disclosure.on) is None
    ):
        yield (
            "transfer",
            f"{recipient.key} is in {country}, outside the EEA, and no transfer of the policy covers that (GDPR "
            "Art. 44).",
        )


def _lacking_scope(policy: Policy, recipient: Recipient, disclosure: Disclosure) -> Iterator[tuple[str, str]]:
    if not disclosure.categories:
        yield "category", "A disclosure names the categories of data that went."
    for category in disclosure.categories:
        if category not in policy.categories:
            known = ", ".join(str(name) for name in policy.categories)
            yield "category", f"The policy has no category {category[:40]!r}. It has: {known}."
        elif recipient.categories and category not in recipient.categories:
            yield "category", f"The policy does not say that {recipient.key} receives {category}."
    purpose = policy.purposes.get(disclosure.purpose)
    if purpose is None:
        known = ", ".join(str(name) for name in policy.purposes)
        yield "purpose", f"The policy has no purpose {disclosure.purpose[:40]!r}. It has: {known}."
    elif recipient.key not in {str(name) for name in purpose.recipients}:
        yield (
            "purpose",
            f"The policy does not say that {recipient.key} receives data for {disclosure.purpose}.",
        )
    if disclosure.party and disclosure.party not in {str(party.key) for party in recipient.named}:
        yield "party", f"The policy names no {disclosure.party[:40]!r} among {recipient.key}."


def _country(recipient: Recipient, disclosure: Disclosure) -> str:
    named = {str(party.key): str(party.country) for party in recipient.named}
    if disclosure.party:
        return named.get(disclosure.party, "")
    return next(iter(named.values()), str(recipient.country or ""))


def _abroad(country: str) -> bool:
    try:
        return not in_the_eea(country)
    except NotFoundError:
        return True  # a third country whose own law is not recorded here
