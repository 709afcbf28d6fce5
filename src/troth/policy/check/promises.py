"""Rules on promises: what does not read, and prose that contradicts its promise."""

from __future__ import annotations

from collections.abc import Iterator

from troth.policy.check.finding import Spot
from troth.policy.check.prose import Prose
from troth.policy.check.rule import rule


@rule("P00")
@rule("P02")
def found_while_reading(prose: Prose) -> Iterator[Spot]:  # noqa: ARG001
    """Find nothing: `check` itself reports these."""
    yield from ()
