"""Do one thing to many requests: what can be done is shown for each before it is done, with the reason where it cannot.

Only what may safely be said of many at once is here; nothing is decided, reviewed or approved in bulk.

Law: GDPR Art. 12(3), (6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from troth.errors import TrothError
from troth.rules import request, request_guard
from troth.rules.letter import Written
from troth.rules.staff import Duty, Staff
from troth.work import ask, carry_on, close_request, extend, prove_address, request_file, send_letter
from troth.work.project import Project

Bulk = Literal["code", "identity", "extend", "carry", "close"]
BULKS: tuple[Bulk, ...] = get_args(Bulk)
DUTIES: Mapping[Bulk, Duty] = {
    "code": "handle", "identity": "handle", "extend": "decide", "carry": "handle", "close": "handle",
}  # fmt: skip
LETTERS: frozenset[Bulk] = frozenset({"code", "identity"})
"""What sends a letter at once: it is seen before it goes."""
NUMBERS_MAX = 200


@dataclass(frozen=True, slots=True)
class One:
    """One request of many: the reasons why it cannot be done to it (none: it can), and whether it was done."""

    number: str
    why_not: tuple[str, ...]
    done: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What the same letter says to all: the reason by its code, the doubt, what is asked and why it is enough."""

    reason: str = ""
    words: str = ""
    asked: str = ""
    enough: str = ""


def look(project: Project, what: Bulk, numbers: Sequence[str], staff: Staff, said: Said) -> tuple[One, ...]:
    """Say of each request whether it can be done, and do nothing."""
    found = []
    for number in dict.fromkeys(numbers[:NUMBERS_MAX]):
        try:
            found.append(One(number, tuple(_why_not(project, what, number, staff, said))))
        except TrothError as error:
            found.append(One(number, (str(error),)))
    return tuple(found)


def letters(
    project: Project, what: Bulk, numbers: Sequence[str], staff: Staff, said: Said
) -> dict[str, tuple[str, Written]]:
    """Write what would go out to those to whom it can be done: one letter for each language, of the request named.

    Whoever looks at them reads of these requests, which is recorded first; nothing is sent.
    """
    found: dict[str, tuple[str, Written]] = {}
    for one in look(project, what, numbers, staff, said):
        if one.why_not or what not in LETTERS:
            continue
        file = request_file.load(project, one.number)
        language = str(file.state["language"])
        if language in found:
            continue
        request_file.record_reading(project, one.number, staff.handle, f"bulk/{what}")
        fields = (
            prove_address.letter_fields()
            if what == "code"
            else ask.letter_fields(file, "identity", doubt=said.words, asked=said.asked, enough=said.enough)
        )
        found[language] = (one.number, send_letter.write(project, one.number, what, fields))
    return found


def do(
    project: Project, what: Bulk, numbers: Sequence[str], staff: Staff, said: Said, *,
    advance: Callable[[int], object] = lambda _: None,
) -> tuple[One, ...]:  # fmt: skip
    """Do it to each request to which it can be done, each by itself; return what became of each.

    `advance` is called with how many were gone through, before each.
    """
    found: list[One] = []
    for one in look(project, what, numbers, staff, said):
        advance(len(found))
        if one.why_not:
            found.append(one)
            continue
        try:
            _do(project, what, one.number, staff.handle, said)
            found.append(One(one.number, (), done=True))
        except TrothError as error:
            found.append(One(one.number, (str(error),)))
    return tuple(found)


def _why_not(project: Project, what: Bulk, number: str, staff: Staff, said: Said) -> Iterator[str]:
    file = request_file.load(project, number)
    state, today = file.state, request_file.today(project, file)
    if not staff.may(DUTIES[what], str(state["entity"])):
        yield "It is not yours: your roles do not cover its entity."
        return
    match what:
        case "code":
            yield from _open(state)
            if state["proven"]:
                yield "Its address is proven already."
            elif not request_file.reached(project, number).get("email"):
                yield "It has no e-mail address, so there is nowhere to send a code."
        case "identity":
            yield from request_guard.why_not_ask(state, "identity", said.words or "…")
            if not request_file.reached(project, number).get("email"):
                yield "It has no e-mail address: its letter is posted, and asked for by itself."
        case "extend":
            yield from request_guard.why_not_propose_extension(
                state, said.reason or "complexity", today, staff.handle
            )
        case "carry":
            yield from _open(state)
        case "close":
            yield from request_guard.why_not_close(state)


def _open(state: Mapping[str, object]) -> Iterable[str]:
    return () if request.is_open(state) else ("It has ended.",)


def _do(project: Project, what: Bulk, number: str, handle: str, said: Said) -> None:
    match what:
        case "code":
            prove_address.send_code(project, number)
        case "identity":
            ask.ask(
                project, number, "identity", handle, doubt=said.words, asked=said.asked, enough=said.enough
            )
        case "extend":
            extend.propose(project, number, said.reason, handle, reasons=said.words)
        case "carry":
            carry_on.carry_on(project, number, answers=False)
        case "close":
            close_request.close(project, number, staff=handle)
