"""What the last scans of a policy's sites say of its promises about cookies.

A scan proves something only of the table it was held against, only for a while, and only
where every state was reached.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.rules import cookie
from troth.rules.scan_words import title

PROVES_FOR = Period(35, "days")
NAMES_MAX = 40


@dataclass(frozen=True, slots=True)
class Scanned:
    """One scan of one site, as the ledger and its evidence tell it; `names` are (verdict, name)."""

    event: str
    site: str
    on: date
    table_sha256: str
    verdicts: Mapping[str, int]
    complete: bool
    names: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What scans say together: a word, a figure, the events it rests on, and what breaks it."""

    word: Literal["kept", "broken", "unproven"]
    figure: str
    evidence: tuple[str, ...] = ()
    broken_by: tuple[str, ...] = ()


def seen(policy: Policy, scans: Sequence[Scanned], verdicts: Collection[str], today: date) -> Judged:
    """Judge by the last scan of each site what these verdicts break."""
    if policy.cookies is None or not scans:
        return Judged("unproven", "no site was scanned")
    table = cookie.table(policy.cookies)
    ours = [
        one
        for one in scans
        if not table.sites or any(cookie.same_or_under(one.site, site) for site in table.sites)
    ]
    held = [one for one in ours if one.table_sha256 == table.sha256]
    evidence = tuple(one.event for one in held)
    wrong = [line for one in held for line in _broken(one, verdicts)]
    if wrong:
        number = sum(one.verdicts.get(verdict, 0) for one in held for verdict in verdicts)
        what = "thing breaks" if number == 1 else "things break"
        return Judged("broken", f"{number} {what} it; {_days(held)}", evidence, tuple(wrong))
    if not held:
        return Judged(
            "unproven",
            "the table has changed since the last scan" if ours else "no site of the policy was scanned",
        )
    missing = [site for site in table.sites if not any(cookie.same_or_under(one.site, site) for one in held)]
    old = [one.site for one in held if PROVES_FOR.after(one.on) < today]
    partly = [one.site for one in held if not one.complete]
    lacking = (
        (missing, "not scanned"), (old, f"scanned more than {PROVES_FOR} ago"),
        (partly, "not scanned in every state"),
    )  # fmt: skip
    for sites, why in lacking:
        if sites:
            return Judged("unproven", f"nothing was found, but {why}: {', '.join(sites)}", evidence)
    return Judged("kept", f"nothing breaks it; {_days(held)}", evidence)


def _days(scans: Sequence[Scanned]) -> str:
    return ", ".join(f"{one.site} scanned on {one.on}" for one in scans)


def _broken(one: Scanned, verdicts: Collection[str]) -> Iterator[str]:
    """Yield what breaks it, by name where the evidence is there, else by number."""
    for verdict, number in one.verdicts.items():
        if verdict not in verdicts:
            continue
        names = [name for known, name in one.names if known == verdict][:NAMES_MAX]
        told = ", ".join(names) if names else str(number)
        yield f"{one.site}: {title(verdict).lower()}: {told}"
