"""The register of processing as JSON-LD, in the words of the W3C Data Privacy Vocabulary.

Law: GDPR Art. 30.  Vocabulary: W3C DPV 2.1 with its extension for the GDPR (eu-gdpr).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from troth.policy.promise import LegalBasis, Purpose, Recipient, Transfer
from troth.policy.register import Activity
from troth.rules.register import Source
from troth.rules.register_activity import companies

CONTEXT: Mapping[str, str] = MappingProxyType(
    {
        "dpv": "https://w3id.org/dpv#",
        "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
        "dct": "http://purl.org/dc/terms/",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "loc": "https://w3id.org/dpv/loc#",
    }
)
_BASES: Mapping[LegalBasis, str] = MappingProxyType(
    {
        "consent": "eu-gdpr:A6-1-a",
        "contract": "eu-gdpr:A6-1-b",
        "legal_obligation": "eu-gdpr:A6-1-c",
        "vital_interests": "eu-gdpr:A6-1-d",
        "public_task": "eu-gdpr:A6-1-e",
        "legitimate_interests": "eu-gdpr:A6-1-f",
    }
)
_MECHANISMS: Mapping[str, str] = MappingProxyType(
    {
        "adequacy": "eu-gdpr:A45-3",
        "standard_clauses": "eu-gdpr:A46-2-c",
        "binding_rules": "eu-gdpr:A46-2-b",
        "code": "eu-gdpr:A46-2-e",
        "certification": "eu-gdpr:A46-2-f",
        "own_clauses": "eu-gdpr:A46-3-a",
        "derogation": "eu-gdpr:A49",
    }
)
_ROLES: Mapping[str, str] = MappingProxyType(
    {
        "controller": "dpv:DataController",
        "joint_controller": "dpv:JointDataControllers",
        "processor": "dpv:DataProcessor",
    }
)
Node = dict[str, object]


def json_ld(source: Source, entity: str = "") -> Node:
    """Return the register (of one company) as one JSON-LD document; each activity is a `dpv:Process`."""
    policy = source.policy
    named = {str(name) for one in policy.activities.values() for name in one.purposes}
    alone = [
        one
        for one in policy.purposes.values()
        if str(one.key) not in named and (not entity or entity in (one.entities or (entity,)))
    ]
    mine = [one for one in policy.activities.values() if not entity or entity in companies(one, source)]
    return {
        "@context": dict(CONTEXT),
        "@type": "dpv:RecordOfDataProcessing",
        "dct:title": {"@language": source.language, "@value": policy.title},
        "dct:date": source.today.isoformat(),
        "dpv:hasVersion": policy.version,
        "dpv:hasProcess": [
            *(_activity(source, one) for one in mine),
            *(
                _process(
                    source, f"purpose/{one.key}", source.title(one), (one,), tuple(map(str, one.entities))
                )
                for one in alone
            ),
        ],
    }


def _activity(source: Source, one: Activity) -> Node:
    known = source.policy.purposes
    purposes = tuple(known[str(name)] for name in one.purposes if str(name) in known)
    node = _process(source, f"activity/{one.key}", source.title(one), purposes, companies(one, source))
    node["dpv:hasRole"] = {"@id": _ROLES[one.role]}
    if one.role == "processor":  # the controllers are those for whom it is done
        node["dpv:hasDataProcessor"] = node.pop("dpv:hasDataController")
        node["dpv:hasDataController"] = [
            {
                "@type": "dpv:DataController",
                "dpv:hasName": served.name,
                "dpv:hasLocation": f"loc:{served.country}",
            }
            for served in one.controllers
        ]
    return node


def _process(
    source: Source, name: str, title: str, purposes: tuple[Purpose, ...], by: tuple[str, ...]
) -> Node:
    group = source.policy.group
    recipients = [
        source.policy.recipients[each]
        for each in dict.fromkeys(str(name) for one in purposes for name in one.recipients)
        if each in source.policy.recipients
    ]
    return {
        "@id": f"urn:troth:{name}",
        "@type": "dpv:Process",
        "dct:title": _said(source, title),
        "dpv:hasDataController": [
            {"@type": "dpv:DataController", "dpv:hasName": one.name, "dpv:hasLocation": f"loc:{one.country}"}
            for one in (group.entities if group else ())
            if not by or one.key in by
        ],
        "dpv:hasPurpose": [_purpose(source, one) for one in purposes],
        "dpv:hasPersonalData": list(_categories(source, purposes)),
        "dpv:hasDataSubject": [
            {"@type": "dpv:DataSubject", "skos:prefLabel": _said(source, said)}
            for said in dict.fromkeys(said for one in purposes for said in source.texts(one.subjects))
        ],
        "dpv:hasRecipient": [_recipient(source, one) for one in recipients],
        "dpv:hasStorageCondition": [
            {
                "@type": "dpv:StorageDuration",
                "@id": f"urn:troth:retention/{rule.key}",
                "dpv:hasDuration": source.period(rule.period) if rule.period else source.text(rule.criteria),
            }
            for each in dict.fromkeys(str(name) for one in purposes for name in one.retention)
            if (rule := source.policy.retention.get(each)) is not None
        ],
        "dpv:hasTechnicalOrganisationalMeasure": [
            {"@type": "dpv:TechnicalOrganisationalMeasure", "skos:prefLabel": _said(source, said)}
            for said in source.measures()
        ],
    }


def _purpose(source: Source, one: Purpose) -> Node:
    bases = [{"@id": _BASES[basis]} for basis in (one.legal_basis, one.other_basis) if basis]
    node: Node = {
        "@id": f"urn:troth:purpose/{one.key}",
        "@type": "dpv:DirectMarketing" if one.marketing else "dpv:Purpose",
        "skos:prefLabel": _said(source, source.text(one.does)),
        "dpv:hasLegalBasis": bases,
    }
    if one.interest:
        node["dpv:hasLegitimateInterest"] = _said(source, source.text(one.interest))
    return node


def _categories(source: Source, purposes: tuple[Purpose, ...]) -> Iterator[Node]:
    for name in dict.fromkeys(str(name) for one in purposes for name in one.categories):
        found = source.policy.categories.get(name)
        if found is not None:
            yield {
                "@id": f"urn:troth:category/{name}",
                "@type": "dpv:SpecialCategoryPersonalData" if found.special else "dpv:PersonalData",
                "skos:prefLabel": _said(source, source.title(found)),
            }


def _recipient(source: Source, one: Recipient) -> Node:
    node: Node = {
        "@id": f"urn:troth:recipient/{one.key}",
        "@type": _ROLES.get(one.role, "dpv:Recipient"),
        "skos:prefLabel": _said(source, source.text(one.title)),
    }
    transfers = [
        source.policy.transfers[str(name)] for name in one.transfers if str(name) in source.policy.transfers
    ]
    if transfers:
        node["dpv:hasProcessing"] = [_transfer(each) for each in transfers]
    return node


def _transfer(one: Transfer) -> Node:
    return {
        "@id": f"urn:troth:transfer/{one.key}",
        "@type": "dpv:Transfer",
        "dpv:hasCountry": {"@id": f"loc:{one.country}"},
        "dpv:hasLegalBasis": {"@id": _MECHANISMS[one.mechanism]},
    }


def _said(source: Source, words: str) -> Node:
    return {"@language": source.language, "@value": words}
