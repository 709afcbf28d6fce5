"""The time of day, where a part of the outside world needs it (work takes it as an argument)."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)
