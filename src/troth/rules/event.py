"""What can happen, and the exact bytes that are remembered of it.

An event is stored as the UTF-8 bytes that are hashed, and never written again.  Its
facts are ids, codes, numbers, dates and hashes, all in clear; free text, names and
addresses are *payload*, encrypted in the vault, to whose ciphertext the event commits.

`KINDS` is the whole vocabulary: a kind that is not there cannot be written.  A fact
whose meaning changes gets a new version of its kind and an upcaster, never a rewrite.

Law: GDPR Art. 5(2), accountability; Art. 17(3)(e), proof that outlives an erasure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from troth.errors import NotAllowedError, TamperedError
from troth.law import clock

Fact: TypeAlias = "str | int | bool | Sequence[Fact] | Mapping[str, Fact] | None"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event: its facts (required, optional) and whose key locks its payload."""

    name: str
    facts: tuple[str, ...]
    optional: tuple[str, ...] = ()
    file: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be written.  `payload` is personal data and goes to the vault.

    `stream` is where its version is counted, such as `request/7Q2M`; `file` is the key
    file of the payload (by default its kind's), which with `subject` names the key.
    """

    kind: str
    stream: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    entity: str = ""
    actor: str = "troth"
    subject: str | None = None
    request: str | None = None
    policy: str | None = None
    promise: str | None = None
    payload: Mapping[str, Fact] | None = field(default=None, repr=False)
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it was written: the envelope, all of it in clear."""

    id: str
    at: datetime
    kind: str
    kind_version: int
    stream: str
    version: int
    entity: str
    actor: str
    facts: Mapping[str, Fact]
    subject: str | None = None
    request: str | None = None
    policy: str | None = None
    promise: str | None = None
    payload_sha256: str | None = None
    key: str | None = None


def _kinds(*kinds: Kind) -> Mapping[str, Kind]:
    return MappingProxyType({kind.name: kind for kind in kinds})


KINDS: Mapping[str, Kind] = _kinds(
    Kind("policy_published", ("version", "sha256", "effective", "promises_changed"), (), "policy"),
    Kind(
        "draft_moved",
        ("move", "draft"),
        (
            "file",
            "clause",
            "promise",
            "sha256",
            "version",
            "effective",
            "outcome",
            "about",
            "commit",
            "number",
            "count",
            "proposal",
        ),
        "draft",
    ),
    Kind(
        "change_announced",
        ("version", "way", "on"),
        ("people", "sha256", "left_out", "scheduled", "per_minute"),
        "announcement",
    ),
    Kind("policy_adopted", ("entity", "version"), (), "entity"),
    Kind("register_recorded", ("sha256", "files"), (), "policy"),
    Kind("map_reviewed", ("store", "map_sha256", "catalogue_sha256")),
    Kind("subject_opened", ("subject",)),
    Kind("subject_forgotten", ("subject",)),
    Kind("subjects_merged", ("from", "into", "reason"), (), "request"),
    Kind(
        "request_received",
        ("request", "channel", "language", "jurisdiction", "received_at", "date", "tz", "claims"),
        ("official", "number", "because", "acting", "instruction", "read_back", "reopens", "imported"),
        "request",
    ),
    Kind("address_proven", ("request", "method"), (), "request"),
    Kind("authority_checked", ("sufficient", "rights", "receives", "staff"), ("until",), "request"),
    Kind("asked", ("ask", "what", "reason"), ("on", "imported"), "request"),
    Kind("ask_answered", ("ask", "sufficient"), ("on", "method", "imported"), "request"),
    Kind("document_shown", ("document", "ask", "type", "bytes", "kept_under", "until")),
    Kind("document_gone", ("document", "because")),
    Kind("clock_extended", ("reason", "letter"), ("on", "imported"), "request"),
    Kind(
        "claim_decided",
        ("claim", "outcome", "ground", "staff"),
        ("exemptions", "kept", "article", "purposes", "on", "imported"),
        "request",
    ),
    Kind("decision_reviewed", ("claim", "outcome", "staff"), ("derogation",), "request"),
    Kind("dpo_advised", ("claim", "outcome", "staff"), (), "request"),
    Kind("said_more", ("channel",), ("mail", "same_address"), "request"),
    Kind("mail_received", ("mail", "bytes", "automatic", "guess", "kept_under", "arrived_at"), (), "mail"),
    Kind("mail_sorted", ("mail", "to", "reason"), (), "mail"),
    Kind("forwarded", ("to_sha256", "letter_sha256", "part", "staff"), (), "request"),
    Kind("instruction_reported", ("status", "outcome"), (), "request"),
    Kind("forwarding_confirmed", ("to_sha256", "confirmed_on", "staff"), (), "request"),
    Kind("fee_moved", ("state",), ("amount", "currency", "on"), "request"),
    Kind("request_moved", ("to", "reason"), ("by", "changed", "as", "on", "imported"), "request"),
    Kind(
        "plan_measured",
        ("claim", "plan_sha256", "how", "stores"),
        ("map_sha256", "catalogue_sha256"),
    ),
    Kind("plan_approved", ("claim", "plan_sha256", "tolerance", "staff"), ("derogation",)),
    Kind("act_begun", ("step", "claim", "store", "plan_sha256", "lease"), ("rows",)),
    Kind(
        "act_ended",
        ("step", "claim", "store", "outcome", "rows", "certainty", "grade"),
        ("expires", "resumed"),
    ),
    Kind("act_deferred", ("step", "claim", "store", "because", "until"), (), "retained"),
    Kind("verified", ("step", "store", "keys_checked", "remaining")),
    Kind(
        "residue_searched",
        ("pass", "store", "bytes", "subjects", "hits"),
        ("seconds", "unread", "refused"),
        "request",
    ),
    Kind("values_set_aside", ("step", "store", "table", "rows"), ("part",), "restriction"),
    Kind("values_put_back", ("step", "store", "table", "rows", "conflicts"), (), "restriction"),
    Kind("rectified", ("step", "store", "rows", "copies"), (), "request"),
    Kind(
        "restriction_moved",
        ("claim", "state", "ground"),
        ("staff", "told_on", "purposes", "restriction", "marked"),
    ),
    Kind("task_opened", ("task", "claim", "store", "right", "due")),
    Kind("task_moved", ("task", "claim", "store", "state"), ("outcome", "attempt", "staff"), "request"),
    Kind("task_answered", ("task", "claim", "store", "outcome", "channel", "files"), ("staff",), "request"),
    Kind("package_built", ("claim", "sha256", "rows", "bytes", "kept_under")),
    Kind("package_masked", ("claim", "sha256_before", "sha256_after", "kept_under", "masks", "staff")),
    Kind("answer_taken", ("sha256", "channel")),
    Kind(
        "recipient_notified",
        ("recipient", "action", "attempt", "outcome"),
        ("reason", "claim", "choice", "purposes", "channel", "controller"),
        "request",
    ),
    Kind(
        "letter_sent",
        ("letter", "kind", "sha256", "channel", "attempt", "outcome"),
        ("language", "on", "imported"),
        "request",
    ),
    Kind("recipient_confirmed", ("recipient", "claim", "status"), (), "request"),
    Kind("letter_delivered", ("letter", "proof"), ("on", "imported"), "request"),
    Kind(
        "consent_recorded",
        ("purpose", "purpose_version", "given", "method", "notice_sha256", "language"),
        (
            "interface_sha256",
            "text_sha256",
            "table_sha256",
            "valid_until",
            "age_class",
            "proven",
            "choices",
            "chosen_at",
            "signal",
            "controller",
            "channel",
            "scope",
            "lacks",
            "source",
            "country",
        ),
        "consent",
    ),
    Kind("purpose_stated", ("purpose", "imprint", "scope")),
    Kind(
        "interface_shown",
        ("interface_sha256", "text_sha256", "table_sha256", "language", "picture_sha256"),
        ("policy_version", "form", "purposes", "conditions", "kept_under"),
    ),
    Kind(
        "objection_recorded",
        ("scope", "purpose", "channel"),
        ("signal", "method", "controller", "said_at", "source"),
        "request",
        version=2,
    ),
    Kind("refusals_known", ("controller", "channel", "how"), ("source", "rows", "sha256", "staff")),
    Kind(
        "first_communication_sent",
        ("purpose", "notice_version", "language", "channel"),
        ("presented", "lacks", "notice_sha256", "on"),
    ),
    Kind("channel_reviewed", ("channel", "notice_version", "on", "proof_sha256"), (), "channel"),
    Kind(
        "list_imported",
        ("import", "channel", "source", "notice_version", "obtained_on", "indirect", "file_sha256", "rows"),
        ("warrants", "warranty_sha256"),
        "import",
    ),
    Kind("table_imported", ("import", "what", "file_sha256", "rows", "skipped"), ("map_sha256", "entries")),
    Kind(
        "collected",
        ("channel", "source", "notice_version", "obtained_on", "indirect"),
        ("due", "tz", "import"),
    ),
    Kind("notice_brought_forward", ("on", "because")),
    Kind("notice_exempted", ("ground", "on"), ("withdrawn",)),
    Kind("file_destroyed", ("reason",)),
    Kind(
        "disclosure_made",
        ("recipient", "class", "category", "purpose"),
        ("transfer", "document", "on", "party", "approved_by", "lacks", "imported"),
        "disclosure",
    ),
    Kind("hold_moved", ("state", "hold", "scope_sha256"), ("review_on", "subjects", "what", "owner"), "hold"),
    Kind(
        "sweep_moved",
        ("state", "rule", "rule_version", "run", "rows"),
        (
            "oldest",
            "cap",
            "grace_ends",
            "store",
            "table",
            "before",
            "before_of",
            "allowed",
            "batch",
            "held",
            "left",
            "on",
            "beyond",
            "beside",
            "part",
            "reason",
            "trigger",
            "unknown",
        ),
        "sweep",
    ),
    Kind(
        "site_scanned", ("site", "table_sha256", "verdicts", "evidence_sha256"), ("complete", "pages", "scan")
    ),
    Kind(
        "incident_moved",
        ("stage",),
        (
            "number",
            "channel",
            "aware_at",
            "due",
            "risk",
            "types",
            "categories",
            "counts",
            "reason",
            "at",
            "phase",
            "late",
            "outcome",
            "letter_sha256",
            "imported",
        ),
        "incident",
    ),
    Kind(
        "inspection_moved",
        ("state", "inspection"),
        (
            "size",
            "root",
            "scope",
            "hold",
            "item",
            "what",
            "question",
            "sha256",
            "bytes",
            "kept_under",
            "store",
            "table",
            "rows",
            "oldest",
            "shown",
            "masked",
            "index_sha256",
            "items",
        ),
        "inspection",
    ),
    Kind("staff_read", ("staff", "screen"), ("reason",)),
    Kind(
        "staff_moved", ("staff", "move"), ("role", "entity", "begins", "until", "deputy", "reason"), "staff"
    ),
    Kind("key_destroyed", ("key", "file", "reason"), ("copies_expire",)),
    Kind("verdict_replied", ("promise", "verdict", "control"), (), "reply"),
    Kind("control_ran", ("promise", "verdict", "figure", "evidence")),
    Kind(
        "action_moved",
        ("state", "action"),
        ("about", "owner", "due", "verdict", "figure", "evidence", "control"),
        "action",
    ),
)
"""Every kind of event, by name (design, section 14)."""


def _objection_2(facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
    """An objection once named the way it came by; it names the channel that it closes."""
    return {**facts, "channel": "*", "method": facts["channel"]}


UPCASTERS: Mapping[tuple[str, int], Callable[[Mapping[str, Fact]], Mapping[str, Fact]]] = MappingProxyType(
    {("objection_recorded", 1): _objection_2}
)
"""From (kind, old version) to a function that turns old facts into the next version's."""

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ENVELOPE = (
    "id", "at", "kind", "kind_version", "stream", "version", "entity", "actor",
    "subject", "request", "policy", "promise", "facts", "payload_sha256", "key",
)  # fmt: skip
_READ = attrgetter(*_ENVELOPE)
_JSON = msgspec.json.Encoder()
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def local_day(event: Event, time_zone: str) -> str:
    """Return the day on which it happened where the controller is established, as 2026-11-24.

    The law counts in the days of that place (Regulation 1182/71 Art. 2(1)): what is said at
    half past eleven in the evening UTC is said on the next day in Paris.
    """
    return clock.receipt_day(event.at, time_zone).isoformat()


def check(draft: Draft) -> Kind:
    """Return the kind of a draft; raises NotAllowedError when it cannot be written so."""
    kind = KINDS.get(draft.kind)
    if kind is None:
        raise NotAllowedError(f"There is no kind of event called {draft.kind!r}.")
    missing = [name for name in kind.facts if name not in draft.facts]
    unknown = [name for name in draft.facts if name not in kind.facts and name not in kind.optional]
    if missing or unknown:
        told = [f"lacks {', '.join(missing)}"] if missing else []
        told += [f"does not know {', '.join(unknown)}"] if unknown else []
        raise NotAllowedError(f"An event {draft.kind!r} {' and '.join(told)}.")
    if draft.payload is not None and (draft.file or kind.file) is None:
        raise NotAllowedError(f"An event {draft.kind!r} has no payload, because no key's file would lock it.")
    for name, value in draft.facts.items():
        _check_fact(draft.kind, name, value)
    return kind


def _check_fact(kind: str, name: str, value: object) -> None:
    if isinstance(value, str):
        if "@" in value and _ADDRESS.search(value):
            raise NotAllowedError(
                f"The fact {name!r} of {kind!r} holds what looks like an e-mail address. "
                "Facts are in clear for ever: put it in the payload."
            )
    elif value is None or isinstance(value, bool | int):
        pass
    elif isinstance(value, list | tuple):
        for item in value:
            _check_fact(kind, name, item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_fact(kind, name, key)
            _check_fact(kind, name, item)
    else:
        raise NotAllowedError(
            f"The fact {name!r} of {kind!r} is neither text, whole number, list nor mapping."
        )


@lru_cache(maxsize=64)
def written_at(at: datetime) -> str:
    """Write a moment as UTC with microseconds, comparable as text; those of one transaction share theirs."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def encode(event: Event) -> bytes:
    """Write an event as the bytes that are stored and hashed: JSON, keys in one fixed order."""
    named = zip(_ENVELOPE, _READ(event), strict=True)
    kept: dict[str, object] = {name: value for name, value in named if value is not None}
    kept["at"] = written_at(event.at)
    return _WRITER.encode(kept).encode()


def encode_with(event: Event, facts: bytes) -> bytes:
    """Write an event as `encode` does, with its facts written already: for many events of the same facts."""
    named = zip(_ENVELOPE, _READ(event), strict=True)
    kept: dict[str, object] = {name: value for name, value in named if value is not None}
    kept["at"] = written_at(event.at)
    kept["facts"] = msgspec.Raw(facts)
    return _JSON.encode(kept)


def decode(body: bytes) -> Event:
    """Read an event back, old kinds through their upcasters; raises TamperedError when it is not one."""
    try:
        values = json.loads(body)
        values["at"] = datetime.fromisoformat(values["at"])
        event = Event(**values)
    except (ValueError, TypeError, KeyError):
        raise TamperedError("A stored event cannot be read: its bytes are not an event's.") from None
    facts, version = event.facts, event.kind_version
    current = KINDS[event.kind].version if event.kind in KINDS else version
    while version != current:
        upcast = UPCASTERS.get((event.kind, version))
        if upcast is None:
            raise TamperedError(
                f"An event {event.kind!r} of version {version!r} cannot be read: there never was one."
            )
        facts, version = upcast(facts), version + 1
    return event if facts is event.facts else Event(**{**values, "facts": facts})
