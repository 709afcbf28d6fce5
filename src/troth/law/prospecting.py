"""What direct marketing needs before it goes out: consent, or only that nobody objected.

It depends on the channel, on whom it reaches and on the country.  Where a place says nothing
its parent does; where nobody does, it needs consent.

Law: Directive 2002/58/EC Art. 13; GDPR Art. 21(2); national law in `data/prospecting.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, TypeAlias

from troth.errors import NotFoundError
from troth.law.jurisdiction import lineage
from troth.law.table import in_force, read

Addressee: TypeAlias = Literal["consumer", "customer", "professional"]
ADDRESSEES: tuple[Addressee, ...] = ("consumer", "customer", "professional")


@dataclass(frozen=True, slots=True)
class Prospecting:
    """What is needed and which law says so."""

    consent: bool
    law: str


@lru_cache(maxsize=4096)
def prospecting(place: str, channel: str, addressee: Addressee, on: date) -> Prospecting:
    """Return what marketing by a channel needs towards somebody in a place on a day.

    >>> [prospecting("FR", "phone", "consumer", date(2026, 8, day)).consent for day in (10, 11)]
    [False, True]
    >>> prospecting("FR", "email", "customer", date(2026, 11, 23)).law
    'Directive 2002/58/EC Art. 13(2)'
    """
    rows = in_force(read("prospecting.toml")["prospecting"], on)
    try:
        codes = [one.code for one in lineage(place)]
    except NotFoundError:
        codes = []
    for code in codes:
        for row in rows:
            if (row.text("jurisdiction"), row.text("channel"), row.text("addressee")) == (
                code,
                channel,
                addressee,
            ):
                return Prospecting(row.text("needs") == "consent", row.source)
    return Prospecting(consent=True, law="Directive 2002/58/EC Art. 13(1)")
