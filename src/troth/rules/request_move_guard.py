"""Whether a request may end because nobody could find out who asks, be taken up again, be marked or be explained.

Law: GDPR Art. 5(2), Art. 11(2), Art. 12(2) and (3); law.md section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from troth.rules.request import ENDED, is_open
from troth.rules.request_moves import MARKS, REOPENED_FOR, SILENT_AFTER_DAYS, silent_from

ABOUT_MAX = 150
WORDS_MAX = 10_000
"""How long the subject of a letter in words of one's own may be, and the letter."""
_UNTIL_SHOWN = frozenset({"identity", "mandate"})
"""What is asked of somebody without whose answer one does not know for whom one acts."""


ABOUT_MAX = 150
WORDS_MAX = 10_000


def unanswered(state: Mapping[str, Any]) -> str:
    """Return the name of the ask for identity or a mandate that is awaited; empty where none is."""
    return next(
        (
            name
            for name, ask in state["asks"].items()
            if ask["what"] in _UNTIL_SHOWN and ask["answered"] is None
        ),
        "",
    )


def reminder_of(ask: str) -> str:
    """Return the name of the letter that reminds of an ask."""
    return f"{ask}-reminder"


def why_not_unidentified(state: Mapping[str, Any], today: date) -> Iterator[str]:
    """Reasons not to propose that a request ends because nobody could find out who asks."""
    if not is_open(state):
        yield f"The request is {str(state['status']).replace('_', ' ')}; nothing more is decided in it."
        return
    name = unanswered(state)
    if not name:
        yield (
            "Neither identity nor a mandate is awaited. Ask for it first, on a recorded doubt: nobody is turned away "
            "for not having shown what they were not asked for (GDPR Art. 12(2), (6))."
        )
        return
    if state.get("unidentified"):
        yield f"{state['unidentified']['by']} proposed it already. Somebody else confirms it."
    ask = state["asks"][name]
    if ask.get("failed"):
        return
    if today < silent_from(ask):
        yield (
            f"They have {SILENT_AFTER_DAYS} days, until {silent_from(ask)}, and nothing that came was found not to be "
            "enough."
        )
    elif not any(one["letter"] == reminder_of(name) and one["outcome"] == "sent" for one in state["letters"]):
        yield "They were not reminded yet. The worker does; a letter on paper is posted first."


def why_not_confirm_unidentified(
    state: Mapping[str, Any], staff: str, *, alone: bool = False
) -> Iterator[str]:
    """Reasons not to confirm it; `alone` says that a derogation lets one person do what two should."""
    proposed = state.get("unidentified")
    if not proposed or not is_open(state):
        yield "Nobody proposed to end it as not identifiable. One person does, saying why, and another confirms."
    elif proposed["by"] == staff and not alone:
        yield f"{staff} proposed it. Somebody else confirms it."


def why_not_reopen(state: Mapping[str, Any], because: str) -> Iterator[str]:
    """Reasons not to take a request up again."""
    if because not in REOPENED_FOR:
        known = ", ".join(f"{code} ({said})" for code, said in REOPENED_FOR.items())
        yield f"A request is taken up again for a reason: {known}."
    if state["status"] not in ENDED:
        yield "It has not ended: go on with it."
    if state.get("file_destroyed"):
        yield "Its file is destroyed, so nobody knows any more who asked. Take a new request in."
    if state.get("instruction"):
        yield "A controller told us so, and tells us again by a message of its own."


def why_not_mark(state: Mapping[str, Any], mark: str, *, over: bool) -> Iterator[str]:
    """Reasons not to mark a request, or not to take a mark off it."""
    if mark not in MARKS:
        known = ", ".join(f"{code} ({said})" for code, said in MARKS.items())
        yield f"A request is marked with one of: {known}."
        return
    stands = mark in (state.get("marks") or {})
    if over and not stands:
        yield f"It does not bear the mark {mark}."
    if stands and not over:
        yield f"It bears the mark {mark} already."
    if state.get("file_destroyed"):
        yield "Its file is destroyed."


def why_not_write(state: Mapping[str, Any], about: str, words: str) -> Iterator[str]:
    """Reasons not to write to the person in words of one's own."""
    if state.get("file_destroyed"):
        yield "Its file is destroyed, so nobody knows any more where the person is reached."
    if not about.strip() or len(about) > ABOUT_MAX:
        yield f"Say what the letter is about, in at most {ABOUT_MAX} characters."
    if not words.strip() or len(words) > WORDS_MAX:
        yield f"Write the letter, in at most {WORDS_MAX:,} characters."


def why_not_explain(state: Mapping[str, Any], today: date) -> Iterator[str]:
    """Reasons not to record why a request was, or will be, answered late."""
    legal = state.get("legal_due")
    answered = state.get("answered_on") or (today.isoformat() if is_open(state) else "")
    if not legal or not answered or answered <= legal:
        yield "It is not late: nothing has to be explained."
