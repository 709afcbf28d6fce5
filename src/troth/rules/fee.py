"""A fee, or a refusal, because a request is manifestly unfounded or excessive: what must be shown.

The burden is the controller's.  Number alone shows nothing, and neither do litigation, a rude
tone, the work it makes, or that no reason was given.

Law: GDPR Art. 12(5), Art. 15(3); Cases C-416/23, C-307/22, C-526/24; law.md section 3.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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


@dataclass(frozen=True, slots=True)
class Earlier:
    """A request the same person made before: its number, its day, and how much of this one it asked for too."""

    number: str
    received: date
    overlap_percent: int

    def said(self) -> str:
        """Say it in a line, for the record."""
        return f"{self.number}, {self.received.isoformat()}, overlap {self.overlap_percent} %"


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that a request is manifestly unfounded or excessive.

    `data_changed` says whether the data changed since the earlier requests (None: nobody said),
    `intent` what shows an abusive one.
    """

    kind: str
    facts: str
    offered: str
    intent: str = ""
    data_changed: bool | None = None

    def record(self, earlier: Sequence[Earlier], received: date, choice: str) -> dict[str, Any]:
        """Return the record the law asks the controller for (law.md 3.5), as it goes to the vault."""
        last = max((one.received for one in earlier), default=None)
        return {
            "kind": self.kind,
            "facts": self.facts.strip(),
            "offered": self.offered.strip(),
            "intent": self.intent.strip(),
            "data_changed": self.data_changed,
            "history": [one.said() for one in earlier],
            "interval_days": None if last is None else (received - last).days,
            "choice": choice,
        }


def earlier(state: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> tuple[Earlier, ...]:
    """Return what the same person asked before, the oldest first, and how far it overlaps."""
    asked = {claim["right"] for claim in state["claims"].values()}
    again = _taken_up(state)
    found = [
        Earlier(
            str(other["id"]),
            date.fromisoformat(other["received"]),
            100 * len(asked & {claim["right"] for claim in other["claims"].values()}) // len(asked),
        )
        for other in others
        if other["subject"] == state["subject"] and _order(other) < _order(state)
        if str(other["id"]) not in again
    ]
    return tuple(sorted(found, key=lambda one: (one.received, one.number)))


def _taken_up(state: Mapping[str, Any]) -> frozenset[str]:
    """Return the request that this one takes up again: that was our doing, and no asking twice."""
    before = (state.get("reopens") or {}).get("request")
    return frozenset({str(before)}) if before else frozenset()


def _order(state: Mapping[str, Any]) -> tuple[int, int]:
    """Return the year and the number of a request: 2026-10000 comes after 2026-9999."""
    year, _, number = str(state["id"]).partition("-")
    return int(year), int(number)


def lacking_proof(proof: Proof, before: Sequence[Earlier]) -> Iterator[str]:
    """Yield what the record of a manifestly unfounded or excessive request still lacks."""
    if proof.kind not in KINDS:
        yield f"A request is manifestly {' or '.join(KINDS)}, not {proof.kind[:20]!r} (GDPR Art. 12(5))."
    if len(proof.facts.strip()) < FACTS_MIN:
        yield (
            "It is for you to show that it is (GDPR Art. 12(5)): write down the facts: which requests, when, how far "
            "they overlap, what changed in between, what shows the intent. Number alone shows nothing (C-416/23)."
        )
    if not proof.offered.strip():
        yield "Write down which other way you offered the person, such as narrowing the request."
    if proof.kind != "excessive" or proof.intent.strip():
        return
    if not any(one.overlap_percent for one in before):
        yield (
            "No earlier request of this person for the same is on record. A first one is excessive only where you show "
            "that it was not made to know of the processing and verify it (C-526/24): give what shows the intent."
        )
    elif proof.data_changed is None:
        yield "Say whether the data has changed since they last asked: where it has, asking again is reasonable."
    elif proof.data_changed:
        yield (
            "The data has changed since they last asked, so asking again is reasonable (GDPR rec. 63). Answer, or give "
            "what shows an abusive intent."
        )


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
    currency = promise.fee.currency if promise.fee else None
    if currency and cost.currency != currency:
        yield f"The policy promises its fee in {currency}, and this one is in {cost.currency[:10]}."
    if most is not None and cost.total > most:
        yield f"The policy promises that no fee is above {most} {promise.fee.currency if promise.fee else ''}."
    if cost.total <= 0 or min(cost.hours, cost.rate, cost.postage) < 0:
        yield "A fee covers a cost: give the hours, the rate, and the postage if any."


def why_not_confirm(state: Mapping[str, Any], staff: str, *, alone: bool = False) -> Iterator[str]:
    """Reasons not to let a fee be asked for."""
    told = state.get("fee")
    if not told or told["state"] != "proposed":
        yield "No fee is proposed that waits for a second person."
        return
    if told["by"] == staff and not alone:
        yield f"{staff} proposed the fee. Somebody else confirms it."
    if not any(claim["advised_by"] for claim in state["claims"].values()):
        yield "The data protection officer has not advised on it yet (GDPR Art. 38(1)). Record the advice first."


def why_not_move(state: Mapping[str, Any]) -> Iterator[str]:
    """Reasons not to say what became of a fee."""
    told = state.get("fee")
    if not told or told["state"] != "asked":
        yield "No fee was asked for that could be paid, narrowed or lapse."
