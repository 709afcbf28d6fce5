"""What the events say now: state, folded from them alone.

A stream's family is its name before the first slash; each family has its fold.  A state is
a plain mapping without personal data; its `status` and `due` (ISO 8601) are also indexed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from troth.errors import TamperedError
from troth.rules import (
    action,
    amendment,
    announcement,
    collection,
    consent,
    consent_form,
    first_communication,
    hold,
    incident,
    inspection,
    mail,
    policy_draft,
    promise_trend,
    purpose_scope,
    refusal,
    request,
    staff,
    sweep,
    telling,
)
from troth.rules.event import Event

State = dict[str, Any]
Fold = Callable[[State | None, Event], State]


def count(state: State | None, event: Event) -> State:
    """Fold the families that have no fold of their own: how many events, and the last."""
    return {"events": (state or {}).get("events", 0) + 1, "last": event.kind}


FOLDS: Mapping[str, Fold] = MappingProxyType(
    {
        action.FAMILY: action.fold,
        "request": request.fold,
        "mail": mail.fold,
        "rectification": amendment.fold,
        "restriction": amendment.fold,
        "collection": collection.fold,
        collection.CHANNEL_FAMILY: collection.fold_channel,
        first_communication.FAMILY: first_communication.fold,
        hold.FAMILY: hold.fold,
        incident.FAMILY: incident.fold,
        inspection.FAMILY: inspection.fold,
        policy_draft.FAMILY: policy_draft.fold,
        consent.FAMILY: consent.fold,
        consent_form.FAMILY: consent_form.fold,
        purpose_scope.FAMILY: purpose_scope.fold,
        refusal.FAMILY: refusal.fold,
        announcement.FAMILY: announcement.fold,
        staff.FAMILY: staff.fold,
        "office": staff.fold_office,
        sweep.FAMILY: sweep.fold,
        telling.FAMILY: telling.fold,
        promise_trend.FAMILY: promise_trend.fold,
        promise_trend.QUESTIONS: promise_trend.fold,
    }
)


def family(stream: str) -> str:
    """Return the family of a stream.

    >>> family("request/7Q2M")
    'request'
    """
    return stream.partition("/")[0]


def fold(state: State | None, event: Event) -> State:
    """Return the state of the event's stream after the event; raises TamperedError when it does not fit."""
    try:
        return FOLDS.get(family(event.stream), count)(state, event)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise TamperedError(
            f"The event {event.id} does not fit the events before it in {event.stream}."
        ) from None
