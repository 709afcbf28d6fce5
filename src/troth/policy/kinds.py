"""Every kind of promise, by the word it is written with: those of a policy, and those of its register."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from troth.policy.promise import (
    Answer,
    Change,
    Collection,
    Consent,
    Cookies,
    FirstCommunication,
    Group,
    NotifyRecipients,
    Promise,
    Purpose,
    Recipient,
    RetentionRule,
    Right,
    Security,
    Transfer,
)
from troth.policy.register import Activity, RegisterDocument

KINDS: Mapping[str, type[Promise]] = MappingProxyType(
    {
        one.kind: one
        for one in (
            Group,
            Collection,
            Purpose,
            Recipient,
            Answer,
            Right,
            NotifyRecipients,
            FirstCommunication,
            RetentionRule,
            Security,
            Consent,
            Cookies,
            Transfer,
            Change,
            Activity,
            RegisterDocument,
        )
    }
)
"""Every kind of promise, by the word it is written with."""

OF_THE_REGISTER: frozenset[type[Promise]] = frozenset({Activity, RegisterDocument})
"""What stands in the register alone, and in no notice."""

OF_A_POLICY: tuple[str, ...] = tuple(name for name, kind in KINDS.items() if kind not in OF_THE_REGISTER)
"""The kinds that a clause can have."""
