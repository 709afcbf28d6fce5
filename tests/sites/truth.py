"""The truth of the sites, read from `truth.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "truth.toml"
STATES = ("before", "accepted", "refused", "withdrawn")
HOSTS = {"first": "localhost", "third": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Written:
    """One cookie or key as it really is; `days` is what it asked for, 0 for the session, None where it cannot ask."""

    name: str
    host: str
    kind: str
    party: str
    states: frozenset[str]
    days: float | None
    by: str


def truth(of: str) -> tuple[Written, ...]:
    """Return everything that is written by the `shop`, or by each of the `banners`."""
    return tuple(_written(one) for one in read()[of])


def read() -> dict[str, Any]:
    """Read the whole file."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _written(told: dict[str, Any]) -> Written:
    party = told.get("host", "first")
    days = told.get("days")
    if "until" in told:
        until = datetime.fromisoformat(told["until"]).replace(hour=23, minute=59, second=59, tzinfo=UTC)
        days = (until - datetime.now(UTC)).total_seconds() / 86_400
    states = frozenset(told.get("states", STATES))
    return Written(told["name"], HOSTS[party], told.get("kind", "cookie"), party, states, days, told["by"])
