"""What changed in a register between two days: lines that came, lines that went, cells that differ.

Law: GDPR Art. 5(2), Art. 30(4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from troth.rules.register import Cell, Line, Register


@dataclass(frozen=True, slots=True)
class Changed:
    """One change of one line; `column`, `was` and `becomes` where the line was there on both days."""

    reference: str
    what: Literal["added", "removed", "changed"]
    column: str = ""
    was: Cell = ()
    becomes: Cell = ()


def differences(before: Register, after: Register) -> Iterator[Changed]:
    """Yield every change, lines in the order of the later register, those that went last."""
    then, now = _by_reference(before), _by_reference(after)
    for reference, line in now.items():
        if reference not in then:
            yield Changed(reference, "added")
            continue
        for code, heading in after.columns:
            was, becomes = then[reference].get(code, ()), line.get(code, ())
            if was != becomes:
                yield Changed(reference, "changed", heading, was, becomes)
    for reference in then:
        if reference not in now:
            yield Changed(reference, "removed")


def _by_reference(register: Register) -> dict[str, Line]:
    found: dict[str, Line] = {}
    for line in register.lines:
        name = line["reference"][0]
        found[name if name not in found else f"{name} ({line['name'][0]})"] = line
    return found
