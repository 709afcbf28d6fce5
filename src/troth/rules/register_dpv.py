"""The register of processing as JSON-LD, in the words of the W3C Data Privacy Vocabulary.

Law: GDPR Art. 30.  Vocabulary: W3C DPV 2.1 with its extension for the GDPR (eu-gdpr).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from troth.policy.promise import Contact, LegalBasis, Purpose, Recipient, Transfer
from troth.policy.register import Activity
from troth.rules.register import Source
from troth.rules.register_activity import companies, recipients_of, transfers_of

CONTEXT: Mapping[str, str] = MappingProxyType(
    {
        "dpv": "https://w3id.org/dpv#",
        "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
        "dct": "http://purl.org/dc/terms/",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "loc": "https://w3id.org/dpv/loc#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
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
    }
)
_RECIPIENTS: Mapping[str, str] = MappingProxyType(
    {
        "controller": "dpv:DataController",
        "joint_controller": "dpv:JointDataControllers",
        "processor": "dpv:DataProcessor",
    }
)
_EXTRA_TRANSFER = "eu-gdpr:A49-2"
"""The compelling interests of Art. 49(1), second subparagraph, which has no letter."""
Node = dict[str, object]


def json_ld(source: Source, entity: str = "") -> Node:
    """Return the register (of one company) as one JSON-LD document; each activity is a `dpv:Process`."""
    policy = source.policy
    named = {str(name) for one in policy.activities.values() for name in one.purposes}
    mine = [one for one in policy.activities.values() if not entity or entity in companies(one, source)]
    alone = [
        one
        for one in policy.purposes.values()
        if str(one.key) not in named and (not entity or entity in (one.entities or (entity,)))
    ]
    return {
        "@context": dict(CONTEXT),
        "@type": "dpv:ROPA",
        "dct:title": {"@language": source.language, "@value": policy.title},
        "dct:date": {"@type": "xsd:date", "@value": source.today.isoformat()},
        "dct:hasVersion": policy.version,
        "dpv:hasProcess": [
            *(_activity(source, one) for one in mine),
            *(
                _process(source, f"purpose/{one.key}", None, (one,), tuple(map(str, one.entities)))
                for one in alone
            ),
        ],
    }


def _activity(source: Source, one: Activity) -> Node:
    known = source.policy.purposes
    purposes = tuple(known[str(name)] for name in one.purposes if str(name) in known)
    node = _process(source, f"activity/{one.key}", one, purposes, companies(one, source))
    if one.role == "processor":  # the controllers are those for whom it is done
        node["dpv:hasDataProcessor"] = [
            {**company, "@type": "dpv:DataProcessor"}
            for company in _companies(source, companies(one, source))
        ]
        node["dpv:hasDataController"] = [
            {
                "@type": "dpv:DataController",
                "dpv:hasName": served.name,
                "dpv:hasLocation": _country(served.country),
                **_contact("dpv:hasContact", source, served.contact),
                **_officer(source, served.dpo),
            }
            for served in one.controllers
        ]
    return node


def _process(
    source: Source, name: str, one: Activity | None, purposes: tuple[Purpose, ...], by: tuple[str, ...]
) -> Node:
    recipients = recipients_of(source, one, purposes)
    transfers = dict.fromkeys(transfers_of(source, one, purposes, recipients))
    said = (source.texts(one.subjects) if one else ()) or tuple(
        word for each in purposes for word in source.texts(each.subjects)
    )
    group = source.policy.group
    measures = (source.texts(one.measures) if one else ()) or source.measures()
    node: Node = {
        "@id": f"urn:troth:{name}",
        "@type": "dpv:Process",
        "dct:title": _said(source, source.title(one or purposes[0])),
        "dpv:hasDataController": _companies(source, by),
        "dpv:hasPurpose": [_purpose(source, each) for each in purposes],
        "dpv:hasPersonalData": list(_categories(source, purposes)),
        "dpv:hasDataSubject": [
            {"@type": "dpv:DataSubject", "skos:prefLabel": _said(source, word)} for word in dict.fromkeys(said)
        ],
        "dpv:hasRecipient": [_recipient(source, each) for each in recipients],
        "dpv:hasProcessing": [_transfer(source, each) for each in transfers],
        "dpv:hasStorageCondition": [
            {
                "@type": "dpv:StorageDuration",
                "@id": f"urn:troth:retention/{rule.key}",
                "dpv:hasDuration": source.period(rule.period) if rule.period else source.text(rule.criteria),
            }
            for each in dict.fromkeys(str(key) for purpose in purposes for key in purpose.retention)
            if (rule := source.policy.retention.get(each)) is not None
        ],
        "dpv:hasTechnicalOrganisationalMeasure": [
            {"@type": "dpv:TechnicalOrganisationalMeasure", "skos:prefLabel": _said(source, word)} for word in measures
        ],
        **_officer(source, group.dpo if group else None),
    }  # fmt: skip
    if one is None:
        return node
    if one.joint_with:
        node["dpv:hasJointDataControllers"] = [
            {"@type": "dpv:JointDataControllers", "dpv:hasName": _said(source, word)}
            for word in source.texts(one.joint_with)
        ]
    if one.owner:
        node["dpv:hasResponsibleEntity"] = {
            "@type": "dpv:Entity",
            "dpv:hasName": _said(source, source.text(one.owner)),
        }
    for term, day in (("dct:created", one.created), ("dct:modified", one.updated)):
        if day:
            node[term] = {"@type": "xsd:date", "@value": day.isoformat()}
    return node


def _companies(source: Source, by: tuple[str, ...]) -> list[Node]:
    group = source.policy.group
    found: list[Node] = []
    for one in group.entities if group else ():
        if by and one.key not in by:
            continue
        node: Node = {
            "@type": "dpv:DataController",
            "dpv:hasName": one.name,
            "dpv:hasLocation": _country(one.country),
        }
        if one.address:
            node["dpv:hasAddress"] = one.address
        if one.email:
            node["dpv:hasContact"] = str(one.email)
        if one.representative:
            node["dpv:hasRepresentative"] = {
                "@type": "dpv:Representative",
                **_contact("dpv:hasContact", source, one.representative),
            }
        found.append(node)
    return found


def _officer(source: Source, found: Contact | None) -> Node:
    """Return the data protection officer as a part of a node; nothing where there is none."""
    if found is None:
        return {}
    officer: Node = {"@type": "dpv:DataProtectionOfficer", **_contact("dpv:hasContact", source, found)}
    return {"dpv:hasDataProtectionOfficer": officer}


def _contact(term: str, source: Source, found: Contact | None) -> Node:
    said = source.contact(found)
    return {term: said[0]} if said else {}


def _country(code: object) -> Node:
    return {"@id": f"loc:{code}"}


def _purpose(source: Source, one: Purpose) -> Node:
    bases = [{"@id": _BASES[basis]} for basis in (one.legal_basis, one.other_basis) if basis]
    node: Node = {
        "@id": f"urn:troth:purpose/{one.key}",
        "@type": "dpv:DirectMarketing" if one.marketing else "dpv:Purpose",
        "skos:prefLabel": _said(source, source.text(one.does)),
        "dpv:hasLegalBasis": bases,
    }
    why = one.interest or one.duty
    if why:  # the interest that is pursued, or the text that obliges
        node["dpv:hasJustification"] = _said(source, source.text(why))
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
    return {
        "@id": f"urn:troth:recipient/{one.key}",
        "@type": _RECIPIENTS.get(one.role, "dpv:Recipient"),
        "skos:prefLabel": _said(source, source.text(one.title)),
    }


def _transfer(source: Source, one: Transfer) -> Node:
    if one.mechanism == "derogation":
        basis = f"eu-gdpr:A49-1-{one.letter}" if one.letter else _EXTRA_TRANSFER
    else:
        basis = _MECHANISMS[one.mechanism]
    recipient = source.policy.recipients.get(str(one.recipient)) if one.recipient else None
    importer = one.importer or (source.text(recipient.title) if recipient else "")
    node: Node = {
        "@id": f"urn:troth:transfer/{one.key}",
        "@type": "dpv:Transfer",
        "dpv:hasThirdCountry": _country(one.country),
        "dpv:hasLegalBasis": {"@id": basis},
    }
    if importer:
        node["dpv:hasDataImporter"] = {"@type": "dpv:DataImporter", "dpv:hasName": importer}
    return node


def _said(source: Source, words: str) -> Node:
    return {"@language": source.language, "@value": words}
