"""Who asks for somebody else, what shows that they may, and to whom the answer then goes.

The rights stay those of the person they are about.  Before somebody has looked at what
shows the authority to act, nothing is given out, changed or erased; that nobody is written
to again needs no authority.

Law: GDPR Arts. 12(2), 12(6), 15(4), 80(1), recital 27; Loi 78-17 Arts. 84 to 86; Décret
2019-536 Art. 77; CNIL, délibération 2021-070 of 27 May 2021.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of acting for somebody: the law it stands on, and the rights it can be about (empty: all)."""

    law: str
    rights: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "agent": Kind("Décret 2019-536 Art. 77"),
        "lawyer": Kind("Décret 2019-536 Art. 77"),
        "association": Kind("GDPR Art. 80(1)"),
        "parent": Kind("EDPB Guidelines 01/2022, para. 84"),
        "guardian": Kind("EDPB Guidelines 01/2022, para. 84"),
        "heir": Kind(
            "Loi 78-17 Art. 85",
            ("access", "rectify", "complete", "erase", "object", "object_marketing", "post_mortem"),
        ),
        "employer": Kind("GDPR Art. 15(4)"),
        "controller": Kind("GDPR Art. 28(3)(a)", ("access", "port", "erase")),
    }
)
"""Ways of acting; a controller instructs its processor, by its own messages only (see `OFFERED`).

An employer may not use an employee's right: it needs the employee's mandate, as anybody does.
"""
OFFERED = tuple(kind for kind in KINDS if kind != "controller")
"""What somebody can say they ask as, on a page or to staff."""
UNCHECKED = frozenset({"object_marketing"})
"""An address is enough to be written to no more (law.md 3.3): nobody shows anything for that."""


def lacking(kind: str, rights: Sequence[str], offered: Sequence[str]) -> Iterator[str]:
    """Say why nobody can ask for these rights in this way; `offered` are the rights of the place."""
    if kind not in KINDS:
        yield f"Nobody asks for somebody else as {kind[:30]!r}. There are: {', '.join(OFFERED)}."
        return
    if kind == "heir" and "post_mortem" not in offered:
        yield (
            "The law of this place gives heirs no rights of their own over the data of the dead (GDPR recital 27). "
            "Take it in as a letter, and ask counsel."
        )
    known = KINDS[kind].rights
    wrong = [right for right in rights if known and right not in known]
    if wrong:
        yield f"As {kind} one cannot ask for {wrong[0]!r}, but for: {', '.join(known)} ({KINDS[kind].law})."


def stands(state: Mapping[str, Any], right: str, today: date) -> bool:
    """Say whether a request is the person's own, or was shown to be made with authority for this right."""
    acting = state.get("acting")
    if not acting or right in UNCHECKED:
        return True
    checked = acting.get("checked")
    if not checked or (checked["until"] and date.fromisoformat(checked["until"]) < today):
        return False
    return not checked["rights"] or right in checked["rights"]


def why_not(state: Mapping[str, Any], right: str, today: date) -> Iterator[str]:
    """Say why a claim made for somebody else cannot be granted, or its answer not be given."""
    if stands(state, right, today):
        return
    acting = state["acting"]
    checked = acting.get("checked")
    law = KINDS[acting["kind"]].law
    if checked and checked["until"] and date.fromisoformat(checked["until"]) < today:
        yield f"The authority of the {acting['kind']} ended on {checked['until']}. Ask for a new one ({law})."
    elif checked:
        yield f"What the {acting['kind']} has shown does not cover {right!r} ({law}). Ask for what does."
    else:
        yield (
            f"Whoever asks does so as {acting['kind']}, and nobody has looked yet at what shows it ({law}). Ask for "
            "it, or record that it was seen."
        )


def to_the_subject(state: Mapping[str, Any]) -> bool:
    """Say whether what is private goes to the person themselves, and not to whoever asked for them."""
    checked = (state.get("acting") or {}).get("checked")
    return checked is not None and not checked["receives"]
