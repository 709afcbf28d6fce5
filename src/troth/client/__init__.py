"""Troth's interface for other programs, typed: each call is a value, and a client sends it.

    >>> from troth.client import Client, may
    >>> call = may("newsletter", email="ada@example.org", channel="email")
    >>> call.method, call.path
    ('POST', '/api/may')

`Client(url, key).send(call)` answers at once, `await AsyncClient(url, key).send(call)` without waiting in the way;
both give the same typed answer.  Nothing here imports the rest of Troth.
"""

from __future__ import annotations

from troth.client.calls import (
    Call,
    ChoicesTaken,
    Link,
    MayAnswer,
    Message,
    Notice,
    Opened,
    Preference,
    Preferences,
    Recorded,
    Said,
    choices,
    may,
    open_request,
    preferences,
    prepare,
    request_of,
    sent,
)
from troth.client.sending import AsyncClient, Client, Refused, Unreachable
from troth.client.webhook import Event, NotGenuine, event_of

__all__ = [
    "AsyncClient",
    "Call",
    "ChoicesTaken",
    "Client",
    "Event",
    "Link",
    "MayAnswer",
    "Message",
    "NotGenuine",
    "Notice",
    "Opened",
    "Preference",
    "Preferences",
    "Recorded",
    "Refused",
    "Said",
    "Unreachable",
    "choices",
    "event_of",
    "may",
    "open_request",
    "preferences",
    "prepare",
    "request_of",
    "sent",
]
