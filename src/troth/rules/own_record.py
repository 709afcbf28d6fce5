"""How long Troth keeps its own records: each kind of file of keys, until when, and what destroys its key.

What a payload says is locked under a key, and a key has a file, such as `incident` or `office/2026-12-01`.
`KEPT` has an entry for the first word of every such file: a kind of record whose end nobody has thought of
cannot be added unseen (a test holds the code to it).

Law: GDPR Arts. 5(1)(e), 17(3)(e).  Five years are our own default: the limitation of personal actions
(French Code civil, Art. 2224, of 17 June 2008), after which neither side can claim anything by the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from troth.rules.request import FILE_KEPT as FIVE_YEARS

Way = Literal["end", "day", "own", "public", "unused"]
"""What ends a record: its stream ended; the day its file is named by; a verb of its own; nothing, as it holds
nobody's data; nothing, as nothing is written in it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of record: what it holds, what ends it, and who destroys its key (a module of `work`)."""

    holds: str
    way: Way
    until: str
    by: str = ""


_RECORDS = "destroy_records"
KEPT: Mapping[str, Kept] = MappingProxyType(
    {
        "request": Kept("the file of a request", "own", "5 years after it closed", "destroy_file"),
        "identifiers": Kept(
            "who somebody is",
            "own",
            "the last file of their requests, while no consent stands",
            "destroy_file",
        ),
        "document": Kept("a copy of a paper", "own", "it was checked, 72 hours at most", "show_document"),
        "mail": Kept(
            "a mail that came in",
            "own",
            "the file of its request, or a year where it was none",
            "destroy_mail",
        ),
        "consent": Kept("the proof of a consent", "own", "`proof_retained` after it ended", "destroy_proof"),
        "telling": Kept(
            "what recipients were told of a choice",
            "own",
            "`proof_retained` after all were told",
            "destroy_proof",
        ),
        "waiting": Kept(
            "an address that waits for that", "own", "the last recipient was told", "keep_waiting"
        ),
        "collection": Kept(
            "a notice of Art. 14, or why none is owed",
            "own",
            "5 years after it was sent or decided",
            "inform",
        ),
        "rectification": Kept("what values were before", "end", "5 years after its last step", _RECORDS),
        "restriction": Kept(
            "values set aside", "end", "all were put back, or 5 years after it was lifted", _RECORDS
        ),
        "incident": Kept("what happened, who was told", "end", "5 years after it ended", _RECORDS),
        "inspection": Kept("what an authority was shown", "end", "5 years after it closed", _RECORDS),
        "hold": Kept("why data was held", "end", "5 years after it ended", _RECORDS),
        "action": Kept("why and how something was mended", "end", "5 years after it closed", _RECORDS),
        "draft": Kept(
            "a draft of the policy, and what was said of it", "end", "5 years after its last move", _RECORDS
        ),
        "objection": Kept("the words of an objection", "day", "5 years after it was said", _RECORDS),
        "announcement": Kept("what shows that a change was told", "day", "5 years after", _RECORDS),
        "sweep": Kept("how an owner was told, why a row came back", "day", "5 years after", _RECORDS),
        "reply": Kept("what an owner said to a verdict", "day", "5 years after it was said", _RECORDS),
        "import": Kept("who warranted a list, and how", "day", "5 years after it came in", _RECORDS),
        "disclosure": Kept(
            "to whom data went, by which papers", "day", "5 years after the year it was recorded in", _RECORDS
        ),
        "office": Kept(
            "why one person did what two should", "day", "5 years after, not while it is in force", _RECORDS
        ),
        "channel": Kept(
            "who reviewed a channel, what showed it", "day", "5 years after, the last apart", _RECORDS
        ),
        "entity": Kept("who adopted a version", "day", "5 years after, the last apart", _RECORDS),
        "policy": Kept("the texts in force, and the register as it was", "public", "never"),
        "form": Kept("what a form showed to everybody", "public", "never"),
        "retained": Kept("nothing", "unused", "never"),
        "staff": Kept("nothing", "unused", "never"),
    }
)
"""Every kind of record, by the first word of its file."""

LAST_STAYS = frozenset({"channel", "entity"})
"""Kinds of which the last record of an owner stands until another replaces it."""
_ENDED: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        "incident": ("ended_on", frozenset({"dismissed", "closed"})),
        "inspection": ("closed_on", frozenset({"closed"})),
        "hold": ("ended_on", frozenset({"ended"})),
        "action": ("closed_on", frozenset({"closed"})),
        "draft": ("moved_on", frozenset({"undone", "published", "dropped"})),
        "rectification": ("moved_on", frozenset({"measured", "done"})),
        "restriction": ("moved_on", frozenset({"measured", "lifted"})),
    }
)
"""In which words of its state a record ended, and where that state says when."""
ENDING = tuple(_ENDED)


def dated(kind: str, on: date) -> str:
    """Name the file of a record by its day, so that its key can go without those of later ones.

    >>> dated("office", date(2026, 12, 1))
    'office/2026-12-01'
    """
    return f"{kind}/{on.isoformat()}"


def of_year(kind: str, on: date) -> str:
    """Name the file of a record by its year: one key a person and year, where there are many records.

    >>> of_year("disclosure", date(2026, 12, 1))
    'disclosure/2026'
    """
    return f"{kind}/{on.year}"


def day_of(file: str) -> date | None:
    """Return the day from which the period of a file runs that is named by it; of a year its last day.

    >>> day_of("disclosure/2026")
    datetime.date(2026, 12, 31)
    """
    named = file.partition("/")[2]
    try:
        return date(int(named), 12, 31) if len(named) == 4 else date.fromisoformat(named)
    except ValueError:
        return None


def ended_on(family: str, state: Mapping[str, Any]) -> date | None:
    """Return the day on which a record ended; None while it goes on."""
    name, words = _ENDED[family]
    return date.fromisoformat(str(state[name])) if state["status"] in words and state.get(name) else None


def is_over(from_: date, today: date) -> bool:
    """Say whether the time of a record is over that ended, or was written, on a day.

    >>> is_over(date(2026, 12, 1), date(2031, 11, 30)), is_over(date(2026, 12, 1), date(2031, 12, 1))
    (False, True)
    """
    return FIVE_YEARS.after(from_) <= today
