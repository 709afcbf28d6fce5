"""What a rule finds, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warn", "info"]
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in the file: line and column from 1, and a length in characters."""

    line: int
    column: int = 1
    length: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found at a place, in words.

    `confidence` is high where the rule cannot be mistaken, low where it guesses from prose.
    `silenced` is the reason that a comment in the policy gives for living with it.
    """

    rule: str
    line: int
    column: int
    length: int
    severity: Severity
    message: str
    law: str
    remedy: str
    confidence: Confidence
    silenced: str = ""
