"""What a bounded sample of a column shows, without any of its values: counts and shares.

Made in `stores` beside the values; only this leaves.  A count of one says that one value was
seen, never which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "email", "holds_email", "phone", "ip", "iban", "card", "national_id", "day", "birth_day", "name_like",
    "full_name_like", "prose", "secret", "digest",
]  # fmt: skip

CHECKED: Mapping[Kind, str] = {
    "email": "are e-mail addresses",
    "holds_email": "hold an e-mail address",
    "phone": "are valid phone numbers",
    "ip": "are IP addresses",
    "iban": "are IBANs whose check digits are right",
    "card": "have the length and check digit of a card number",
    "national_id": "are national identity numbers whose check digits are right",
    "day": "are dates",
    "birth_day": "are dates on which somebody alive may be born",
    "name_like": "are written like names",
    "full_name_like": "are two or three words, written like the names of people or things",
    "prose": "are sentences",
    "secret": "are written like hashed passwords, tokens or keys",
    "digest": "are as long as a digest, of a password or of something else",
}
"""What is said of values for which a detector answers yes."""


@dataclass(frozen=True, slots=True)
class Signs:
    """One column: `rows` looked at, `filled` of them neither null nor blank, `distinct` among these.

    `kinds` counts distinct values, of the `tried` first.  `sampled` is false for a column whose
    values nobody asked for: it looks like a credential, holds bytes, or may not be read.  `keys` counts
    those of the tried values that are written as a key would be: a whole number, or one word.
    """

    rows: int = 0
    filled: int = 0
    distinct: int = 0
    tried: int = 0
    kinds: Mapping[Kind, int] = field(default_factory=dict)
    sampled: bool = True
    keys: int = 0

    def share(self, kind: Kind) -> float:
        """Return which part of the tried values is of this kind, from 0 to 1.

        >>> Signs(rows=4, filled=4, distinct=4, tried=4, kinds={"email": 3}).share("email")
        0.75
        """
        return self.kinds.get(kind, 0) / self.tried if self.tried else 0.0

    def told(self, kind: Kind) -> str:
        """Say how many values are of this kind.

        >>> Signs(rows=4, filled=4, distinct=4, tried=4, kinds={"email": 3}).told("email")
        '3 of 4 values are e-mail addresses'
        """
        return f"{self.kinds.get(kind, 0)} of {self.tried} values {CHECKED[kind]}"


@dataclass(frozen=True, slots=True)
class Link:
    """Columns that may refer to other columns although no foreign key says so."""

    table: str
    column: str
    target: str
    target_column: str
    by: Literal["name", "identifier", "role", "values"]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """How many of the `asked` distinct values of a link are `found` where it leads.

    `near` and `near_found` say the same of the values that come next to these, where that was asked.
    """

    asked: int
    found: int
    near: int = 0
    near_found: int = 0

    @property
    def share(self) -> float:
        """Return the part that is found, from 0 to 1."""
        return self.found / self.asked if self.asked else 0.0
