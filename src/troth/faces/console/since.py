"""What happened to a request since a form was opened: whoever sends the form is told before anything is done.

Only what people did counts, staff or whoever asked: what the worker does by itself and what was only read does not.
Whoever sends a code is told of another that went meanwhile, whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from troth.faces.console import request_shown as shown
from troth.faces.console.acts import Sight
from troth.ledger import read
from troth.rules.event import Event

SEEN = "seen"
"""The field of a form that names the last thing done before it was opened."""
_BY_ITSELF = "troth"
_READING = "staff_read"


def mark(sight: Sight, act: str) -> str:
    """Return the number of the last event of the request that somebody did."""
    last = _done(read.stream(sight.project.ledger, sight.file.stream), act)
    return str(last.version) if last is not None else "0"


def moved(sight: Sight, act: str) -> str:
    """Say what was done since the form was opened; empty where nothing was, or the form does not say when that was."""
    opened = sight.given(SEEN)
    last = _done(read.stream(sight.project.ledger, sight.file.stream), act)
    if not opened or last is None or opened == str(last.version):
        return ""
    if last.actor == _BY_ITSELF:
        return sight.words("act.moved.code")
    what = shown.sentence(last, sight.words).rstrip(".")
    if last.actor == sight.staff:
        return sight.words("act.moved.own", what=what)
    if last.actor == "requester":
        return sight.words("act.moved.requester", what=what)
    return sight.words("act.moved", who=last.actor, what=what)


def _done(events: Sequence[Event], act: str) -> Event | None:
    return next(
        (
            one
            for one in reversed(events)
            if (one.actor != _BY_ITSELF and one.kind != _READING)
            or (act == "code" and one.facts.get("kind") == "code")
        ),
        None,
    )
