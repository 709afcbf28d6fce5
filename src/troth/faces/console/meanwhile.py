"""What somebody else did to a thing since its page was drawn: whoever sends a form of it is told before it is done.

Each form of a page about a thing of the ledger carries the version its stream had; `troth.faces.console.since` does the
same for requests, whose forms have pages of their own.  What the worker did, and what whoever sends the form did
themselves, is no reason to refuse.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from troth.faces.words import Words
from troth.ledger import read
from troth.ledger.schema import Ledger
from troth.rules import action, hold, incident, inspection, policy_draft, staff
from troth.rules.event import Event

FIELD = "stood"
_BY_ITSELF = "troth"
_THINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"/incidents/([^/]+)(?:/.*)?"), incident.FAMILY),
    (re.compile(r"/sweeps/holds/([^/]+)(?:/.*)?"), hold.FAMILY),
    (re.compile(r"/audit/inspections/([^/]+)(?:/(?!item$).*)?"), inspection.FAMILY),
    (re.compile(r"/registers/actions/([^/]+)(?:/.*)?"), action.FAMILY),
    (re.compile(r"/settings/staff/([^/]+)(?:/.*)?"), staff.FAMILY),
    (re.compile(r"/policy/([^/]+)(?:/(?!clause/).*)?"), policy_draft.FAMILY),
)
"""The addresses below `/console` that are about one thing, which they name; a clause of a draft has its own marks."""
_OFFICE = re.compile(r"/settings(?:/derogation(?:/end)?)?")


def stream_of(path: str) -> str:
    """Return the stream that an address below `/console` is about; empty where it is about no single thing.

    >>> stream_of("/incidents/2026-I-0001/assess"), stream_of("/requests/2026-0001")
    ('incident/2026-I-0001', '')
    """
    if _OFFICE.fullmatch(path):
        return staff.DEROGATION
    for address, family in _THINGS:
        if found := address.fullmatch(path):
            return f"{family}/{unquote(found[1])}"
    return ""


def moved(ledger: Ledger, stream: str, stood: str, who: str) -> Event | None:
    """Return the last thing that somebody other than `who` did since a stream stood so; None where nobody did."""
    if not (stood.isascii() and stood.isdecimal() and len(stood) < 16):
        return None
    later = read.stream_since(ledger, stream, int(stood))
    return next((one for one in reversed(later) if one.actor not in {who, _BY_ITSELF}), None)


def said(event: Event, words: Words) -> str:
    """Say what somebody did: by its stage where people read that elsewhere, else by its kind."""
    keys = (f"incidents.stage.{event.facts.get('stage')}", f"ledger.kind.{event.kind}")
    return next((words(key) for key in keys if words.has(key)), event.kind.replace("_", " "))
