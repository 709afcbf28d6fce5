"""What changed on a site between two scans: findings that are new or mended, things that came or went.

Both are read as they were written (`scan_report.written`), so that any two of a site can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Changes:
    """What a scan tells that the one before did not, and what it does not tell any more."""

    found: tuple[Mapping[str, Any], ...] = ()
    mended: tuple[Mapping[str, Any], ...] = ()
    came: tuple[Mapping[str, Any], ...] = ()
    went: tuple[Mapping[str, Any], ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything changed."""
        return bool(self.found or self.mended or self.came or self.went)


def between(before: Mapping[str, Any], now: Mapping[str, Any]) -> Changes:
    """Compare two reports of one site.

    >>> nothing = {"findings": [], "seen": []}
    >>> seen = {"kind": "cookie", "name": "visits", "host": "shop.example"}
    >>> [one["name"] for one in between(nothing, {**nothing, "seen": [seen]}).came]
    ['visits']
    """
    findings, seen = ("verdict", "kind", "name", "host"), ("kind", "name", "host")
    return Changes(
        _beyond(now["findings"], before["findings"], findings),
        _beyond(before["findings"], now["findings"], findings),
        _beyond(now["seen"], before["seen"], seen),
        _beyond(before["seen"], now["seen"], seen),
    )


def _beyond(one: Any, other: Any, keys: tuple[str, ...]) -> tuple[Mapping[str, Any], ...]:
    known = {tuple(line[key] for key in keys) for line in other}
    return tuple(line for line in one if tuple(line[key] for key in keys) not in known)
