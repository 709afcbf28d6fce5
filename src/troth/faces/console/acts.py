"""What staff do to one request, as forms: each act names its duty, its fields, why it cannot be done, what does it.

An act calls `work` as the command of the same name does.  What it shows of a person's words is recorded as
read before it is shown; a letter is shown as it would go out before it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from troth.errors import KeyDestroyedError, NotAllowedError
from troth.faces.console.desk import Visit
from troth.faces.words import Words
from troth.ledger import read, vault
from troth.rules import request
from troth.rules.letter import Written
from troth.rules.package import plain
from troth.rules.staff import Duty
from troth.work import request_file
from troth.work.project import Project
from troth.work.request_file import RequestFile

Kind = Literal["text", "long", "choice", "ticks", "tick", "day", "files"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; `options` are (value, what is said of it), `words` the key of its label.

    What is `folded` is seldom needed, and stands folded away at the end.
    """

    name: str
    kind: Kind = "text"
    options: tuple[tuple[str, str], ...] = ()
    needed: bool = False
    words: str = ""
    value: str = ""
    long_max: int = 2_000
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """A request as one of the staff looks at it: the file, and the claim that an act is about (empty: none)."""

    visit: Visit = field(repr=False)
    file: RequestFile
    claim: str = ""

    @property
    def project(self) -> Project:
        """The project."""
        return self.visit.project

    @property
    def words(self) -> Words:
        """The language of the page."""
        return self.visit.words

    @property
    def number(self) -> str:
        """The number of the request."""
        return self.file.number

    @property
    def staff(self) -> str:
        """Who looks, as it stands in the record."""
        return self.visit.staff.handle

    @property
    def state(self) -> Mapping[str, Any]:
        """The state of the request."""
        return self.file.state

    @property
    def told(self) -> Mapping[str, Any]:
        """The state of the claim."""
        return self.file.claim(self.claim)

    @property
    def today(self) -> date:
        """The day it is where the controller is."""
        return request_file.today(self.project, self.file)

    def given(self, name: str) -> str:
        """Return one field of the form."""
        return self.visit.given(name)


def _always(_: Sight) -> bool:
    return True


def nothing(_: Sight) -> Iterator[Any]:
    """Yield nothing."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Act:
    """One act: what it is called, who may do it, when it comes into question, why it may not be, and what does it.

    `reads` gives what was said by or to people that whoever acts must know, as (label, text); `letter` the letter as
    it would go out, or several; nothing where none does.  After an act that decides what an answer says the worker
    sends it by itself once nothing else is awaited: `foresee` gives it as it will go out then, and where it hangs on
    the form, `letter` does with `later`.
    """

    name: str
    duty: Duty
    do: Callable[[Sight], object]
    when: Callable[[Sight], bool] = _always
    why_not: Callable[[Sight], Iterable[str]] = nothing
    fields: Callable[[Sight], Iterable[Field]] = nothing
    reads: Callable[[Sight], Iterable[tuple[str, str]]] = nothing
    letter: Callable[[Sight], Written | tuple[Written, ...]] | None = None
    foresee: Callable[[Sight], Written | None] | None = None
    later: bool = False
    of_claim: bool = False
    grave: bool = False

    def may(self, sight: Sight) -> bool:
        """Say whether whoever looks has the duty for the request's company."""
        return sight.visit.may(self.duty, str(sight.state["entity"]))


def is_open(sight: Sight) -> bool:
    """Say whether the request awaits something still."""
    return request.is_open(sight.state)


def said(sight: Sight, kind: str, **facts: str) -> Iterator[tuple[str, str]]:
    """Yield what stands locked in the last event of a kind with these facts, as (name, text); nothing once erased."""
    for event in reversed(read.stream(sight.project.ledger, sight.file.stream)):
        if event.kind == kind and all(event.facts.get(name) == value for name, value in facts.items()):
            if event.key is None:
                return
            try:
                told = vault.payload(sight.project.ledger, event)
            except KeyDestroyedError:
                return
            unlocked: Any = plain(told)
            yield from flat(unlocked, sight.words)
            return


def flat(told: Mapping[str, Any], words: Words) -> Iterator[tuple[str, str]]:
    """Yield what a payload says as (name, text), what is empty left out."""
    for name, value in told.items():
        if isinstance(value, dict):
            yield from flat(value, words)
        elif isinstance(value, list):
            if value:
                yield name, words.several(str(one) for one in value)
        elif value not in (None, ""):
            yield name, str(value)


def posted(sight: Sight) -> Iterator[Field]:
    """Yield the field for the proof of posting, where there is no e-mail address to write to."""
    if not request_file.reached(sight.project, sight.number).get("email"):
        yield Field("posted", words="act.posted")


def day(written: str) -> date | None:
    """Read a day that a form gave; None where it gave none."""
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotAllowedError("A day is written such as 2026-11-23.") from None


def options(sight: Sight, prefix: str, codes: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return codes with what the words say of them."""
    return tuple(
        (code, sight.words(f"{prefix}.{code}") if sight.words.has(f"{prefix}.{code}") else code)
        for code in codes
    )


def every(*groups: Sequence[Act]) -> Mapping[str, Act]:
    """Return the acts of several groups by name."""
    return {act.name: act for group in groups for act in group}
