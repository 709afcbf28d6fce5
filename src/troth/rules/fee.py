"""A fee, or a refusal, because a request is manifestly unfounded or excessive: what must be shown.

The burden is the controller's.  Number alone shows nothing, and neither do litigation, a rude
tone, the work it makes, or that no reason was given.

Law: GDPR Art. 12(5), Art. 15(3); Cases C-416/23, C-307/22, C-526/24; law.md section 3.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from troth.policy.promise import Answer

KINDS = ("unfounded", "excessive")
MOVES = ("propose", "confirm", "paid", "narrowed", "lapsed")
FACTS_MIN = 40
"""Fewer characters than this describe no circumstances."""
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request costs to answer: hours at a rate, and postage; nothing but administrative cost."""

    hours: Decimal
    rate: Decimal
    postage: Decimal
    currency: str

    @property
    def total(self) -> Decimal:
        """The whole of it, to the cent.

        >>> Cost(Decimal("1.5"), Decimal("30"), Decimal("4.2"), "EUR").total
        Decimal('49.20')
        """
        return (self.hours * self.rate + self.postage).quantize(_CENT, ROUND_HALF_UP)

    def said(self) -> str:
        """Say how it was worked out.

        >>> Cost(Decimal("1.5"), Decimal("30"), Decimal("4.2"), "EUR").said()
        '1.5 h × 30 EUR + 4.2 EUR = 49.20 EUR'
        """
        return (
            f"{self.hours} h × {self.rate} {self.currency} + {self.postage} {self.currency} = "
            f"{self.total} {self.currency}"
        )


def lacking_proof(kind: str, facts: str, offered: str) -> Iterator[str]:
    """Yield what the record of a manifestly unfounded or excessive request still lacks."""
    if kind not in KINDS:
        yield f"A request is manifestly {' or '.join(KINDS)}, not {kind[:20]!r} (GDPR Art. 12(5))."
    if len(facts.strip()) < FACTS_MIN:
        yield (
            "It is for you to show that it is (GDPR Art. 12(5)): write down the facts: which requests, when, how far "
            "they overlap, what changed in between, what shows the intent. Number alone shows nothing (C-416/23)."
        )
    if not offered.strip():
        yield "Write down which other way you offered the person, such as narrowing the request."


def why_not_propose(state: Mapping[str, Any], cost: Cost, promise: Answer | None) -> Iterator[str]:
    """Reasons not to propose a fee."""
    if state.get("fee") and state["fee"]["state"] not in {"lapsed", "narrowed"}:
        yield "A fee was proposed for this request already."
    if any(claim["outcome"] == "refuse" for claim in state["claims"].values()):
        yield "A claim is refused: it is either a fee or a refusal, never both (GDPR Art. 12(5))."
    if promise is None or "fee" not in promise.when_unfounded_or_excessive:
        yield "The policy promises no fee, whatever the request: answer it free of charge."
        return
    most = promise.fee.amount_max if promise.fee else None
    if most is not None and cost.total > most:
        yield f"The policy promises that no fee is above {most} {promise.fee.currency if promise.fee else ''}."
    if cost.total <= 0 or min(cost.hours, cost.rate, cost.postage) < 0:
        yield "A fee covers a cost: give the hours, the rate, and the postage if any."


def why_not_confirm(state: Mapping[str, Any], staff: str) -> Iterator[str]:
    """Reasons not to let a fee be asked for."""
    told = state.get("fee")
    if not told or told["state"] != "proposed":
        yield "No fee is proposed that waits for a second person."
        return
    if told["by"] == staff:
        yield f"{staff} proposed the fee. Somebody else confirms it."
    if not any(claim["advised_by"] for claim in state["claims"].values()):
        yield "The data protection officer has not advised on it yet (GDPR Art. 38(1)). Record the advice first."


def why_not_move(state: Mapping[str, Any]) -> Iterator[str]:
    """Reasons not to say what became of a fee."""
    told = state.get("fee")
    if not told or told["state"] != "asked":
        yield "No fee was asked for that could be paid, narrowed or lapse."
