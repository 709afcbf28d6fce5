"""The controls of the clause on consent, and of purposes that rest on it or are marketing.

Law: GDPR Art. 5(2), Art. 6(1)(a), Art. 7(1) to (4), Art. 8, Art. 21(3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from troth.policy.policy import Policy
from troth.policy.promise import Consent, Promise, Purpose
from troth.rules import consent, purpose_scope
from troth.rules.control_collection import Judged

if TYPE_CHECKING:
    from troth.rules.verdict import Facts

TOLD_MAX = 20
YES = frozenset({"given", "renewed"})
NO = frozenset({"objected", "refused", "withdrawn"})
EASE = frozenset({"withdrawal_untold", "withdrawal_clicks", "withdrawal_sign_in"})
APART = frozenset({"bundled", "with_terms", "purpose_not_shown", "required", "ticked_before"})
PROOF = frozenset({"form", "text", "evidence", "date", "method", "scope"})


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a yes or a no says, as far as it is judged."""

    given: str
    purpose: str
    method: str = ""
    proven: bool = False
    lacks: tuple[str, ...] | None = None


class Said(msgspec.Struct, frozen=True):
    """What is read of an event that says yes or no: there may be millions."""

    id: str
    at: datetime
    kind_version: int
    stream: str
    facts: Answer
    subject: str | None = None


class Objected(msgspec.Struct, frozen=True):
    """What is read of an objection: who said so, and when."""

    at: datetime
    kind_version: int
    subject: str | None = None


@dataclass(slots=True)
class Counted:
    """What was recorded of one purpose: how many of each, the last events, and those that lack something."""

    said: dict[str, int] = field(default_factory=dict)
    proven: int = 0
    imported_unproven: int = 0
    lacking: dict[str, list[str]] = field(default_factory=dict)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=TOLD_MAX))

    def take(self, answer: Answer, times: int, first: Sequence[str]) -> None:
        """Count so many events that say the same, of which the `first` are named."""
        said, lacks = answer.given, answer.lacks or ()
        self.said[said] = self.said.get(said, 0) + times
        if said not in YES:
            return
        if answer.proven:
            self.proven += times
        elif answer.method == "import" or "scope" in lacks:
            self.imported_unproven += times
        else:
            for code in lacks or ("form",):
                told = self.lacking.setdefault(code, [])
                told += first[: TOLD_MAX - len(told)]

    @property
    def yes(self) -> int:
        """How many were given or renewed."""
        return self.said.get("given", 0) + self.said.get("renewed", 0)


def counted(events: Iterable[Said], first_no: dict[str, datetime]) -> dict[str, Counted]:
    """Count the events of consents by purpose, and note in `first_no` when each subject first said no.

    Choices about cookies are judged elsewhere.  There may be millions, of which most say the same: these are
    counted together.
    """
    found: dict[str, Counted] = {}
    alike: dict[Answer, tuple[list[str], deque[str], list[int]]] = {}
    prefix = f"{consent.FAMILY}/"
    for event in events:
        answer = event.facts
        if answer.given in NO:
            note(first_no, event)
        if event.stream.startswith(prefix):
            same = alike.get(answer)
            if same is None:
                one = found.setdefault(answer.purpose, Counted())
                same = alike[answer] = ([], one.last, [0])
            first, last, times = same
            times[0] += 1
            last.append(event.id)
            if times[0] <= TOLD_MAX:
                first.append(event.id)
    for answer, (first, _, times) in alike.items():
        found[answer.purpose].take(answer, times[0], first)
    return found


def note(first_no: dict[str, datetime], event: Said | Objected) -> None:
    """Note that a subject said no, if they had not before: a message before that breaks nothing."""
    if event.subject is not None:
        before = first_no.get(event.subject)
        if before is None or event.at < before:
            first_no[event.subject] = event.at


def judge(promise: Promise, facts: Facts) -> Judged:
    """Judge how consent is asked and proven, from every consent on record."""
    assert isinstance(promise, Consent)
    told = facts.consents.values()
    evidence = [event for one in told for event in one.last][-TOLD_MAX:]
    yes, proven = sum(one.yes for one in told), sum(one.proven for one in told)
    old = sum(one.imported_unproven for one in told)
    figure = f"{proven} of {yes} consents can be shown"
    if old:
        figure += f"; {old} taken over without proof do not count"
    wrong = [sentence for one in told for sentence in _wrong(promise, one.lacking)]
    if wrong:
        return "broken", figure, evidence, wrong
    if not proven:
        return (
            "unproven",
            "no consent that can be shown is on record yet" if not yes else figure,
            evidence,
            (),
        )
    return "kept", figure, evidence, ()


def _wrong(promise: Consent, lacking: Mapping[str, list[str]]) -> Iterable[str]:
    for codes, promised, what in (
        (PROOF, promise.proven, "cannot be shown"),
        (EASE, promise.as_easy_as_giving, "is harder to take back than it was to give"),
        (APART, promise.asked_apart, "was not asked for apart and freely"),
        (frozenset({"guardian"}), promise.minimum_age is not None, "is a child's, without a guardian"),
    ):
        if promised:
            for code in sorted(codes & lacking.keys()):
                yield from (f"consent {event}: it {what} ({code})" for event in lacking[code])


def about_purpose(promise: Promise, policy: Policy, facts: Facts) -> Judged:
    """Judge a purpose that rests on consent or is marketing: nobody was written to against their no."""
    assert isinstance(promise, Purpose)
    told = facts.consents.get(str(promise.key), Counted())
    wrong = [
        f"message {event}: it went out although the answer was no ({code})"
        for event, purpose, code in facts.sent_despite
        if purpose == promise.key
    ]
    sent = facts.first.by_purpose.get(str(promise.key), 0)
    nos = sum(told.said.get(word, 0) for word in ("refused", "withdrawn", "expired"))
    figure = f"{told.proven} proven consents, {nos} refused or ended; {sent} first messages looked at"
    if wrong:
        return "broken", figure, tuple(told.last), wrong
    unknown = [
        f"{entity}: nobody knows who refused {channel} before"
        for entity in (promise.entities or purpose_scope.entities(policy))
        for channel in (promise.channels if promise.marketing else ())
        if not {(str(entity), channel), (str(entity), consent.EVERY)} & set(facts.refusals)
    ]
    if unknown:
        return "unproven", figure, tuple(told.last), unknown
    if not told.said and not sent:
        return "unproven", "nobody was asked and nothing was sent yet", (), ()
    return "kept", figure, tuple(told.last), ()


def no_of(policy: Policy, standing: consent.Standing, purpose: str) -> str | None:
    """Return the no that stood against every message of a purpose: an objection or a withdrawal, of any channel's all.

    A no to one channel alone does not show what a message by another did.
    """
    names = (purpose, *purpose_scope.broader(policy, purpose))
    marketing = any(policy.purposes[name].marketing for name in names)
    said: list[tuple[str, str]] = [
        (one.at, one.said)
        for key, one in standing.consents.items()
        if key[0] in names and key[2] == consent.EVERY
    ]
    said += [
        (one.at, "objected") for key, one in standing.objections.items()
        if key[0] in ({*names, consent.EVERY} if marketing else names) and key[2] == consent.EVERY
    ]  # fmt: skip
    said += [(one.at, one.said) for key, one in standing.consents.items()
             if key[0] == purpose and key[2] != consent.EVERY and one.said == "given"]  # fmt: skip
    last = max(said, default=("", "given"))[1]
    return last if last in NO else None


def watched(promise: Promise) -> bool:
    """Say whether a purpose has this control: it rests on consent for anybody, or is marketing."""
    return isinstance(promise, Purpose) and (
        promise.marketing or "consent" in {promise.legal_basis, promise.other_basis}
    )
