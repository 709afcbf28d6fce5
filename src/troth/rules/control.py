"""The controls: what checks each promise, how often, and which promise has none.

A promise without a control is never kept, and a control without a promise guards nothing; both
are told.  What each says stands in `rules/verdict.py`, which must know every kind that is here.

Law: GDPR Arts. 5(2), 24(1), 32(1)(d).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from troth.policy.policy import Policy
from troth.policy.promise import Promise, Purpose, Security
from troth.rules import control_consent
from troth.rules.claim import WAYS


@dataclass(frozen=True, slots=True)
class Control:
    """One control: the kind of promise it checks, what it looks at, how often, by which command, and its law."""

    name: str
    kind: str
    checks: str
    often: str
    command: str
    law: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A promise with one of its controls; None where nothing checks it."""

    promise: Promise
    control: Control | None


def every() -> tuple[Control, ...]:
    """Return every control, by name."""
    return tuple(_table().values())


def of(promise: Promise) -> tuple[Control, ...]:
    """Return the controls of a promise: one for each thing it says that is checked by itself."""
    return tuple(_table()[name] for name in _names(promise) if name in _table())


def checked(policy: Policy) -> Iterator[Checked]:
    """Yield every promise, those of the register too, with each of its controls, in the order of the files."""
    for promise in policy.promises.values():
        for control in of(promise) or (None,):
            yield Checked(promise, control)


def idle(policy: Policy) -> tuple[Control, ...]:
    """Return the controls that guard no promise of this policy."""
    used = {one.control.name for one in checked(policy) if one.control is not None}
    return tuple(one for one in every() if one.name not in used)


def parts_of_security(promise: Security) -> tuple[str, ...]:
    """Return the names of the controls of what is said of security: of breaches, and of what protects the data."""
    found = ["security-breach"] if "breach" in promise.said and promise.breach is not None else []
    if not promise.said.isdisjoint({"against", "measures"}):
        found.append("security-measures")  # looks at passwords too
    elif "passwords_disclosed" in promise.said and promise.passwords_disclosed is False:
        found.append("security-credentials")
    return tuple(found) or ("security-told",)


def _names(promise: Promise) -> tuple[str, ...]:
    """Return the names of a promise's controls: its kind's, or of parts of it."""
    if isinstance(promise, Security):
        return parts_of_security(promise)
    return (_name(promise),)


def _name(promise: Promise) -> str:
    match promise.kind:
        case "right":
            return "right-claimed" if promise.name in WAYS else "right-told"
        case "purpose":
            assert isinstance(promise, Purpose)
            return "purpose-chosen" if control_consent.watched(promise) else "purpose-registered"
        case "group":
            return "group-adopted" if "entities" in promise.said else "group-told"
        case kind:
            return kind


@cache
def _table() -> dict[str, Control]:
    written = tomllib.loads((files("troth.rules") / "data" / "controls.toml").read_text("utf-8"))
    return {name: Control(name=name, **said) for name, said in written.items()}
