"""Names and hosts that are known for what they do, whatever a policy says of them.

A hint: it makes a line of the table doubtful, names a category where a table is drafted, and
says of a host nobody declared that it is a tracker.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from troth.rules.cookie import same_or_under


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a name or a host: its category, whose tool it is, and how the name is written."""

    category: str
    tool: str
    written: str


@cache
def _lists() -> tuple[list[tuple[re.Pattern[str], Known]], list[tuple[str, Known]]]:
    read = tomllib.loads(files("troth.rules").joinpath("tracker.toml").read_text(encoding="utf-8"))
    names, hosts = [], []
    for one in read["tool"]:
        for name in one.get("names", ()):
            pattern = ".*".join(re.escape(part) for part in name.split("*"))
            names.append((re.compile(pattern, re.DOTALL), Known(one["category"], one["tool"], name)))
        hosts += [(host, Known(one["category"], one["tool"], host)) for host in one.get("hosts", ())]
    return names, hosts


@cache
def by_name(name: str) -> Known | None:
    """Say what a cookie or a storage key is known for, by its name; None where it is not.

    >>> by_name("_ga_X1").category, by_name("_fbp").tool
    ('analytics', 'Meta Pixel')
    >>> by_name("basket") is None
    True
    """
    return next((known for pattern, known in _lists()[0] if pattern.fullmatch(name)), None)


@cache
def by_host(host: str) -> Known | None:
    """Say what a host is known for; None where it is not.

    >>> by_host("region1.google-analytics.com").category
    'analytics'
    """
    return next((known for one, known in _lists()[1] if same_or_under(host, one)), None)
