"""A consent as others read it: the fields of ISO/IEC TS 27560, each with its term of the W3C DPV, as JSON-LD.

The record names the subject by a random id and nobody by name.  What it says of the purpose is
its scope on the day of the consent.

Source: ISO/IEC TS 27560:2023, consent records; W3C Data Privacy Vocabulary 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from troth.policy.policy import Policy
from troth.rules import consent
from troth.rules.event import Event
from troth.rules.purpose_scope import Scope

SCHEMA = "ISO/IEC TS 27560:2023"
CONTEXT: Mapping[str, Any] = {
    "@version": 1.1,
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "schema_version": "dct:conformsTo",
    "record_id": "dct:identifier",
    "pii_principal_id": {"@id": "dpv:hasDataSubject"},
    "pii_processing": {"@id": "dpv:hasProcess", "@container": "@set"},
    "privacy_notice": {"@id": "dpv:hasNotice"},
    "language": "dct:language",
    "purpose": {"@id": "dpv:hasPurpose"},
    "purpose_description": "dct:description",
    "lawful_basis": {"@id": "dpv:hasLegalBasis", "@type": "@id"},
    "pii_information": {"@id": "dpv:hasPersonalData", "@container": "@set"},
    "pii_controllers": {"@id": "dpv:hasDataController", "@container": "@set"},
    "recipient_third_parties": {"@id": "dpv:hasRecipient", "@container": "@set"},
    "jurisdictions": {"@id": "dpv:hasJurisdiction", "@container": "@set"},
    "storage_period": "dpv:hasStorageCondition",
    "withdrawal_method": {"@id": "dpv:isExercisedAt"},
    "collection_method": "dpv:hasDataSource",
    "event": {"@id": "dpv:hasConsentStatus", "@container": "@set"},
    "event_time": {"@id": "dct:date", "@type": "xsd:dateTime"},
    "event_type": {"@id": "@type", "@type": "@vocab"},
    "validity_duration": {"@id": "dpv:hasDuration"},
    "channel": "dct:medium",
    "sha256": "dct:hasFormat",
}
STATUS: Mapping[str, str] = {
    "given": "dpv:ConsentGiven", "renewed": "dpv:ConsentGiven", "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn", "expired": "dpv:ConsentExpired",
}  # fmt: skip


def records(
    policy: Policy, scopes: Mapping[str, Scope], subject: str, events: Iterable[Event], language: str
) -> list[dict[str, Any]]:
    """Return one record for each topic a subject ever consented to, refused or withdrew, with all its events."""
    by_topic: dict[str, list[Event]] = {}
    for event in events:
        if event.kind == "consent_recorded":
            facts = event.facts
            controller = str(facts.get("controller") or event.entity or consent.EVERY)
            key = consent.topic(str(facts["purpose"]), controller, str(facts.get("channel") or consent.EVERY))
            by_topic.setdefault(key, []).append(event)
    return [_record(policy, scopes, subject, key, found, language) for key, found in by_topic.items()]


def _record(
    policy: Policy, scopes: Mapping[str, Scope], subject: str, key: str, events: list[Event], language: str
) -> dict[str, Any]:
    purpose, controller, channel = key.split("|")
    last: Any = events[-1].facts
    named = [str(one.facts["scope"]) for one in reversed(events) if one.facts.get("scope") in scopes]
    scope = scopes[named[0]] if named else None
    promise = policy.purposes.get(purpose)
    entity = (
        next((one for one in policy.group.entities if one.key == controller), None) if policy.group else None
    )
    by = policy.consent.withdraw_by if policy.consent else ()
    processing: dict[str, Any] = {
        "purpose": {"@type": "dpv:Purpose", "record_id": purpose,
                    "purpose_description": promise.does.said(language) if promise else None,
                    "clause": promise.clause if promise else None},
        "lawful_basis": "eu-gdpr:A6-1-a",
        "privacy_notice": {"@type": "dpv:PrivacyNotice", "version": last["purpose_version"],
                           "sha256": last["notice_sha256"], "language": last["language"]},
        "pii_information": list(scope.categories) if scope else [],
        "pii_controllers": [{"@type": "dpv:DataController", "record_id": controller,
                             "name": entity.name if entity else None}],
        "recipient_third_parties": list(scope.recipients) if scope else [],
        "jurisdictions": list(scope.countries) if scope else [],
        "storage_period": [f"{rule.period or rule.criteria}" for name in (promise.retention if promise else ())
                           if (rule := policy.retention.get(name)) is not None],
        "collection_method": last["method"],
        "withdrawal_method": list(by),
        "channel": channel,
    }  # fmt: skip
    return {
        "@context": dict(CONTEXT), "@type": "dpv:ConsentRecord", "schema_version": SCHEMA,
        "record_id": events[0].id, "pii_principal_id": {"@type": "dpv:DataSubject", "record_id": subject},
        "pii_processing": [processing], "event": [_event(one) for one in events],
    }  # fmt: skip


def _event(event: Event) -> dict[str, Any]:
    facts: Any = event.facts
    told = {
        "record_id": event.id, "event_type": STATUS.get(facts["given"], "dpv:ConsentUnknown"),
        "event_state": facts["given"],
        "event_time": consent.said_at(event), "recorded_at": event.at.isoformat(), "entity_id": event.actor,
        "method": facts["method"], "language": facts["language"], "policy_version": facts["purpose_version"],
        "notice_sha256": facts["notice_sha256"], "interface_sha256": facts.get("interface_sha256"),
        "text_sha256": facts.get("text_sha256"), "validity_duration": facts.get("valid_until"),
        "age_class": facts.get("age_class"), "proven": facts.get("proven"), "lacks": facts.get("lacks"),
        "source": facts.get("source"), "payload_sha256": event.payload_sha256,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, [])}
