"""A register says what promises, maps and documents say, and of each entry what it lacks."""

from datetime import date, timedelta

import pytest

from troth.policy.loading import load
from troth.policy.publishing import problems
from troth.rules import concern
from troth.rules.register import Register, Source, columns
from troth.rules.register_activity import as_processor, processing
from troth.rules.register_change import differences
from troth.rules.register_document import documents, due
from troth.rules.register_dpv import json_ld
from troth.rules.register_party import processors, recipients, transfers
from troth.rules.register_sheet import headings, sheets
from troth.rules.safeguard import standing

TODAY = date(2026, 12, 1)
POLICY = """---
language: en
version: "1"
date: 2026-11-01
---
# Policy

## 1 Everything

```promise
group:
  title: Northwind
  entities:
    paris: {name: Northwind SAS, country: FR, email: privacy@northwind.example}
    lyon: {name: Northwind Lyon SAS, country: FR}
  main: paris
  dpo: {email: dpo@northwind.example}
collection:
  form:
    how: direct
    categories:
      identity: {title: {en: Identity, fr: Identité}, fields: [{en: name, fr: nom}]}
      health: {title: {en: Health, fr: Santé}, special: true}
purpose:
  orders:
    does: {en: to deliver orders, fr: livrer les commandes}
    legal_basis: contract
    categories: [identity]
    subjects: [{en: customers, fr: clients}]
    recipients: [carrier, staff]
    retention: [orders]
  offers:
    does: {en: to send offers, fr: envoyer des offres}
    legal_basis: consent
    marketing: true
    profiling: true
    condition: {en: explicit consent, fr: consentement explicite}
    categories: [identity, health]
    entities: [lyon]
recipient:
  carrier:
    title: {en: Carriers, fr: Transporteurs}
    class: processor
    role: processor
    named: {post: {name: Northwind Post Ltd, country: US}}
    transfers: [to-carrier]
  staff: {title: {en: Our staff, fr: Notre personnel}, class: staff, role: controller}
retention:
  orders: {period: 3 years, trigger: {en: the order, fr: la commande}, purposes: [orders]}
transfer:
  to-carrier: {country: US, mechanism: standard_clauses, module: 2, recipient: carrier, @SCC@}
```
"""
ACTIVITY = """
activity:
  shop:
    title: {en: The shop, fr: La boutique}
    purposes: [orders]
    stores: [shop]
    owner: {en: shop manager, fr: responsable de la boutique}
    created: 2020-01-31
    reviewed: @REVIEWED@
    measures: [{en: access by role, fr: accès par rôle}]
  storage:
    title: {en: Storage for others, fr: Stockage pour autrui}
    role: processor
    entities: [paris]
    does: [{en: keeping parcels, fr: garde de colis}]
    controllers:
      mirabelle: {name: Mirabelle SA, country: FR, agreement: contract-mirabelle}
      kornblume: {name: Kornblume AG, country: DE}
    owner: {en: depot, fr: dépôt}
    reviewed: 2026-06-01
"""
DOCUMENT = """
document:
  contract-mirabelle: {type: processor_contract, title: Mirabelle, dated: 2024-01-01, says: [a, b, c, d, e, f, g, h]}
  contract-carrier:
    type: processor_contract
    title: {en: Carrier contract, fr: Contrat transport}
    dated: 2024-01-01
    until: 2026-12-31
    recipients: [carrier]
    says: [a, b, c, d, e, f, g]
"""


def source(scc="signed: 2025-01-01, assessed: 2026-06-01", reviewed="2026-06-01", more="", **changed):
    policy, wrong = load(
        {
            "policy.md": POLICY.replace("@SCC@", scc),
            "register/activities.yaml": ACTIVITY.replace("@REVIEWED@", reviewed),
            "register/documents.yaml": DOCUMENT + more,
        }
    )
    assert wrong == ()
    return Source(policy, {}, **{"today": TODAY, **changed})


def by_reference(lines):
    return {line["reference"][0]: line for line in lines}


def test_what_an_activity_does_follows_from_its_purposes():
    shop = by_reference(processing(source(language="fr")))["shop"]
    assert shop["purposes"] == ("livrer les commandes",)
    assert shop["legal_basis"] == ("contrat",)
    assert shop["categories"] == ("Identité : nom",)
    assert shop["retention"] == ("orders : trois ans à compter de : la commande",)
    assert shop["internal"] == ("Notre personnel",)
    assert shop["processors"] == ("Transporteurs : Northwind Post Ltd (États-Unis)",)
    assert shop["transfers"] == ("États-Unis : clauses contractuelles types, module 2",)
    assert shop["clauses"] == ("1",)
    assert "droit d’opposition" not in " ".join(shop["rights"])


def test_a_purpose_that_no_activity_names_has_a_line_of_its_own():
    offers = by_reference(processing(source()))["offers"]
    assert offers["special"] == ("Health",)
    assert offers["lacks"] == (
        "no activity of the register has this purpose",
        "no retention promise ends the purpose offers",
        "does not say whose data it is",
        "meets 2 criteria of WP248 and has no impact assessment nor its reasoned absence",
    )


@pytest.mark.parametrize(
    ("reviewed", "lacks"),
    [
        ("2026-06-01", ("names the store shop, and no map describes it",)),
        (
            "2025-11-30",
            ("its review was due on 2026-11-30", "names the store shop, and no map describes it"),
        ),
        ("2025-12-01", ("names the store shop, and no map describes it",)),
    ],
    ids=["in time", "a day late", "on the day itself"],
)
def test_a_review_is_overdue_after_its_day(reviewed, lacks):
    assert by_reference(processing(source(reviewed=reviewed)))["shop"]["lacks"] == lacks


def test_a_processor_has_a_line_for_each_customer():
    lines = by_reference(as_processor(source()))
    assert list(lines) == ["storage/mirabelle", "storage/kornblume"]
    assert lines["storage/mirabelle"]["agreement"] == ("Mirabelle (2024-01-01)",)
    assert lines["storage/kornblume"]["lacks"] == (
        "no security measure is recorded",
        "no contract with Kornblume AG is on record",
    )
    assert list(as_processor(source(), "lyon")) == []


def test_a_company_has_what_it_does_and_what_all_do():
    assert list(by_reference(processing(source(), "paris"))) == ["shop"]
    assert list(by_reference(processing(source(), "lyon"))) == ["shop", "offers"]


@pytest.mark.parametrize(
    ("scc", "broken", "doubtful"),
    [
        ("signed: 2025-01-01, assessed: 2026-06-01", 0, 0),
        ("signed: 2025-01-01", 1, 0),
        ("assessed: 2026-06-01", 0, 1),
        ("signed: 2025-01-01, assessed: 2025-06-01", 0, 1),
    ],
    ids=["whole", "never assessed", "not signed", "assessed long ago"],
)
def test_clauses_need_a_signature_and_an_assessment_of_this_year(scc, broken, doubtful):
    drawn = source(scc)
    found = standing(drawn.policy.transfers["to-carrier"], drawn.policy, TODAY)
    assert (len(found.broken), len(found.doubtful)) == (broken, doubtful)
    assert by_reference(transfers(drawn))["to-carrier"]["lacks"] == (*found.broken, *found.doubtful)


def test_an_adequacy_decision_that_lapsed_breaks_its_transfer_by_itself():
    policy = source().policy
    text = POLICY.replace(
        "country: US, mechanism: standard_clauses, module: 2", "country: GB, mechanism: adequacy"
    )
    policy, _ = load({"policy.md": text.replace("@SCC@", "importer: Northwind UK")})
    transfer = policy.transfers["to-carrier"]
    assert standing(transfer, policy, date(2031, 12, 27)).broken == ()
    assert standing(transfer, policy, date(2031, 12, 28)).broken != ()


@pytest.mark.parametrize(
    ("scc", "kinds"),
    [
        ("signed: 2025-01-01, assessed: 2026-06-01", []),
        ("signed: 2025-01-01", ["safeguard_lapsed"]),
        ("assessed: 2026-06-01", ["safeguard_doubtful"]),
    ],
    ids=["whole", "never assessed", "not signed"],
)
def test_a_safeguard_that_is_broken_or_shown_by_nothing_presses(scc, kinds):
    found = list(concern.of_safeguards(source(scc).policy, TODAY))
    assert [one.kind for one in found] == kinds
    assert all(one.about == "carrier" for one in found)


def test_a_safeguard_that_ends_and_an_entry_past_its_review_press_from_their_day():
    text = POLICY.replace(
        "country: US, mechanism: standard_clauses, module: 2", "country: GB, mechanism: adequacy"
    )
    policy, _ = load({"policy.md": text.replace("@SCC@", "importer: Northwind UK")})
    end = date(2031, 12, 27)
    first = end - concern.LAPSES_WITHIN
    for day, kinds in (
        (first - timedelta(days=1), []), (first, ["safeguard_lapses"]), (end, ["safeguard_lapses"]),
        (end + timedelta(days=1), ["safeguard_lapsed"]),
    ):  # fmt: skip
        assert [one.kind for one in concern.of_safeguards(policy, day)] == kinds, day
    reviewed = source(reviewed="2026-06-01").policy
    assert "register_review" not in [one.kind for one in concern.of_registers(reviewed, date(2027, 6, 1))]
    late = list(concern.of_registers(reviewed, date(2027, 6, 2)))
    assert [(one.about, one.on) for one in late if one.kind == "register_review"] == [
        ("shop", date(2027, 6, 1)), ("storage", date(2027, 6, 1)),
    ]  # fmt: skip
    assert "contract-carrier" in [one.about for one in late if one.kind == "document_due"]
    assert concern.ordered([*late, *concern.of_safeguards(policy, end)])[0].kind == "safeguard_lapses"


def test_a_decision_for_some_only_is_doubtful_until_somebody_looked():
    text = POLICY.replace("mechanism: standard_clauses, module: 2", "mechanism: adequacy")
    for more, doubts in (
        ("importer: Northwind Inc.", 1),
        ("importer: Northwind Inc., assessed: 2026-05-01", 0),
        ("importer: Northwind Inc., assessed: 2025-12-01", 0),
        ("importer: Northwind Inc., assessed: 2025-11-30", 1),
        ("importer: Northwind Inc., assessed: 2026-12-02", 1),
    ):
        policy, _ = load({"policy.md": text.replace("@SCC@", more)})
        found = standing(policy.transfers["to-carrier"], policy, TODAY)
        assert (len(found.broken), len(found.doubtful), found.to_assess) == (0, doubts, bool(doubts))
    everyone = POLICY.replace(
        "country: US, mechanism: standard_clauses, module: 2", "country: GB, mechanism: adequacy"
    )
    policy, _ = load({"policy.md": everyone.replace("@SCC@", "importer: Northwind UK, assessed: 2022-01-01")})
    assert standing(policy.transfers["to-carrier"], policy, TODAY).doubtful == ()  # it is for everyone there


@pytest.mark.parametrize(
    ("named", "doubt"),
    [
        ("(EU) 2021/1772", ()),
        ("the decision of 2021", ()),
        ("(EU) 2021/9999", ("the policy names (EU) 2021/9999", "in force for this country is", "2021/1772")),
    ],
)
def test_an_adequacy_decision_of_another_number_is_doubtful(named, doubt):
    text = POLICY.replace(
        "country: US, mechanism: standard_clauses, module: 2", "country: GB, mechanism: adequacy"
    )
    policy, _ = load({"policy.md": text.replace("@SCC@", f'importer: Northwind UK, decision: "{named}"')})
    for language in ("en", "fr"):
        found = standing(policy.transfers["to-carrier"], policy, TODAY, language)
        assert (found.broken, len(found.doubtful)) == ((), bool(doubt))
    said = " ".join(standing(policy.transfers["to-carrier"], policy, TODAY).doubtful)
    assert all(part in said for part in doubt)


def test_the_recipients_and_processors_of_a_company_are_those_that_something_it_does_names():
    drawn = source()
    assert set(by_reference(recipients(drawn, "lyon"))) == {"carrier", "staff"}
    policy, wrong = load({"policy.md": POLICY.replace("@SCC@", "signed: 2025-01-01").replace(
        "    recipients: [carrier, staff]\n", "    recipients: [carrier, staff]\n    entities: [paris]\n"
    ), "register/documents.yaml": DOCUMENT.replace("contract-mirabelle", "unnamed").replace(
        "    recipients: [carrier]\n", "    recipients: [carrier]\n    entities: [lyon]\n"
    ).replace("title: Mirabelle,", "title: Mirabelle, recipients: [staff],")})  # fmt: skip
    assert wrong == ()
    only = Source(policy, {}, TODAY)
    assert set(by_reference(recipients(only, "lyon"))) == set()
    assert set(by_reference(processors(only, "lyon"))) == set()
    # the contract is Lyon's, and Paris has none of its own
    assert by_reference(processors(only, "paris"))["carrier"]["lacks"] == (
        "no contract is on record (Art. 28(3), (9))",
    )
    assert set(by_reference(recipients(only))) == {"carrier", "staff"}


def test_a_contract_says_which_letters_it_leaves_out():
    line = by_reference(processors(source()))["carrier"]
    assert line["missing"] == ("h",)
    assert line["lacks"] == ("does not cover Art. 28(3) (h)",)
    assert line["until"] == ("2026-12-31",)


def test_the_sheet_of_an_activity_has_each_category_with_its_retention_and_each_transfer_with_its_safeguard():
    drawn = source("signed: 2025-01-01, assessed: 2026-06-01, importer: Northwind Inc.", language="fr")
    register = Register("processing", columns("processing", "fr"), tuple(processing(drawn)))
    found = dict(sheets(drawn, register))
    rows = found[next(iter(found))]
    assert headings(drawn)[0] == "Rubrique"
    assert ("Finalité principale", "livrer les commandes", "", "") in rows
    (identity,) = [row for row in rows if row[:2] == ("Données collectées", "Identité")]
    assert identity[2] == "nom"
    assert identity[3].startswith("trois ans à compter de")
    (going,) = [row for row in rows if row[0] == "Transferts hors EEE"]
    assert going[1:3] == ("Northwind Inc.", "États-Unis")
    assert going[3].startswith("clauses contractuelles types, module 2")
    assert ("Sous-traitants", "Transporteurs") in [row[:2] for row in rows]
    every = [row[0] for row in rows]
    assert (
        every.index("Responsable du traitement")
        < every.index("Données collectées")
        < every.index("Transferts hors EEE")
    )


def test_a_processor_without_a_contract_lacks_one():
    bare = source(reviewed="2026-06-01")
    policy, _ = load({"policy.md": POLICY.replace("@SCC@", "signed: 2025-01-01")})
    assert by_reference(processors(Source(policy, {}, TODAY)))["carrier"]["lacks"] == (
        "no contract is on record (Art. 28(3), (9))",
    )
    assert by_reference(recipients(bare))["staff"]["purposes"] == ("to deliver orders",)


@pytest.mark.parametrize(
    ("today", "lacks"),
    [
        (date(2026, 12, 31), ("does not cover Art. 28(3) (h)",)),
        (date(2027, 1, 1), ("ended on 2026-12-31", "does not cover Art. 28(3) (h)")),
        (date(2023, 12, 31), ("holds from 2024-01-01 only", "does not cover Art. 28(3) (h)")),
    ],
    ids=["its last day", "the day after", "before it began"],
)
def test_a_document_holds_from_its_first_day_to_its_last(today, lacks):
    assert by_reference(documents(source(today=today)))["contract-carrier"]["lacks"] == lacks


def test_owners_are_reminded_a_while_before_the_day():
    policy = source().policy
    assert [str(one.key) for one, _ in due(policy, date(2026, 11, 29))] == []
    assert [(str(one.key), day) for one, day in due(policy, date(2026, 11, 30))] == [
        ("contract-carrier", date(2026, 12, 31))
    ]


DPIA = """
  dpia-orders:
    {type: dpia, title: Orders, dated: 2026-01-01, purposes: [orders], says: [a, b, c, d], risk: high, advice: no}
"""


def test_a_high_risk_without_consultation_stops_the_publication():
    held = [str(one) for one in problems(source(more=DPIA).policy, None)]
    assert any("The risk of `purpose.orders` stays high" in one for one in held)
    consulted = DPIA.replace("risk: high", "risk: high, consulted: 2026-02-01")
    free = [str(one) for one in problems(source(more=consulted).policy, None)]
    assert not any("stays high" in one for one in free)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("activity: {a: {title: A}}", "`activity.a` has no purpose."),
        ("activity: {a: {title: A, role: processor, does: [x]}}", "without `controllers`"),
        ("activity: {a: {title: A, purposes: [orders], role: joint_controller}}", "with whom is not said"),
        ("document: {d: {type: lia, title: D, dated: 2026-01-01}}", "interest_assessment"),
        ("document: {d: {type: processor_contract, title: D, dated: 2026-01-01}}", "a contract with nobody"),
        ("document: {d: {type: training, title: D, dated: 2026-01-01, says: [a]}}", "has no letter a"),
        (
            "document: {d: {type: training, title: D, dated: 2026-01-01, risk: low}}",
            "is for an impact assessment",
        ),
        (
            "document: {d: {type: training, title: D, dated: 2026-01-02, until: 2026-01-01}}",
            "ends before it holds",
        ),
        ("document: {d: {type: training, title: D, dated: 2026-01-02, sha256: abc}}", "no SHA-256"),
        ("document: {d: {type: dpia, title: D, dated: 2026-01-02}}", "which purposes it is about"),
    ],
)
def test_what_makes_no_sense_in_the_register_is_told_in_its_place(written, said):
    policy, wrong = load(
        {"policy.md": POLICY.replace("@SCC@", "signed: 2025-01-01"), "register/r.yaml": written}
    )
    assert policy is None
    assert any(said in str(one) for one in wrong), wrong


def test_entries_of_the_register_are_refused_in_a_clause():
    text = POLICY.replace("@SCC@", "signed: 2025-01-01").replace(
        "retention:\n", "activity: {a: {title: A, purposes: [orders]}}\nretention:\n"
    )
    _, wrong = load({"policy.md": text})
    assert [one.what for one in wrong] == ["`activity.a` would be published here."]


def test_differences_tell_what_came_what_went_and_what_changed():
    def register(**changed):
        drawn = source(**changed)
        return Register("processing", columns("processing", "en"), tuple(processing(drawn)))

    found = list(differences(register(reviewed="2025-06-01"), register()))
    assert [(one.reference, one.what, one.column) for one in found] == [
        ("shop", "changed", "Last review"),
        ("shop", "changed", "Next review"),
        ("shop", "changed", "What it lacks"),
    ]


TERMS = {
    "dpv": {
        "ROPA", "Process", "DataController", "DataProcessor", "JointDataControllers", "DataProtectionOfficer",
        "Representative", "DataImporter", "Recipient", "Entity", "DataSubject", "Purpose", "DirectMarketing",
        "PersonalData", "SpecialCategoryPersonalData", "StorageDuration", "TechnicalOrganisationalMeasure", "Transfer",
        "hasProcess", "hasDataController", "hasDataProcessor", "hasJointDataControllers", "hasDataProtectionOfficer",
        "hasRepresentative", "hasResponsibleEntity", "hasDataImporter", "hasRecipient", "hasDataSubject", "hasPurpose",
        "hasLegalBasis", "hasJustification", "hasPersonalData", "hasProcessing", "hasStorageCondition", "hasDuration",
        "hasTechnicalOrganisationalMeasure", "hasThirdCountry", "hasLocation", "hasName", "hasAddress", "hasContact",
    },
    "eu-gdpr": {
        "A6-1-a", "A6-1-b", "A6-1-c", "A6-1-d", "A6-1-e", "A6-1-f", "A45-3", "A46-2-b", "A46-2-c", "A46-2-e",
        "A46-2-f", "A46-3-a", *(f"A49-1-{letter}" for letter in "abcdefg"), "A49-2",
    },
    "dct": {"title", "date", "created", "modified", "hasVersion"},
    "skos": {"prefLabel"},
    "xsd": {"date"},
}  # fmt: skip
"""The terms of DPV 2 and its extension eu-gdpr that a register may use, as their published tables name them."""


def terms(node):
    match node:
        case dict():
            for key, value in node.items():
                if key in {"@id", "@type"} and ":" in value and not value.startswith("urn:"):
                    yield value
                if not key.startswith("@"):
                    yield key
                yield from terms(value) if key != "@context" else ()
        case list():
            for one in node:
                yield from terms(one)


def test_json_ld_speaks_dpv():
    written = json_ld(source())
    shop = next(one for one in written["dpv:hasProcess"] if one["@id"] == "urn:troth:activity/shop")
    assert shop["dpv:hasPurpose"][0]["dpv:hasLegalBasis"] == [{"@id": "eu-gdpr:A6-1-b"}]
    assert shop["dpv:hasResponsibleEntity"]["@type"] == "dpv:Entity"
    offers = next(one for one in written["dpv:hasProcess"] if one["@id"] == "urn:troth:purpose/offers")
    assert offers["dpv:hasPurpose"][0]["@type"] == "dpv:DirectMarketing"
    assert [one["dpv:hasName"] for one in offers["dpv:hasDataController"]] == ["Northwind Lyon SAS"]
    assert offers["dpv:hasDataController"][0]["dpv:hasLocation"] == {"@id": "loc:FR"}
    storage = next(one for one in written["dpv:hasProcess"] if one["@id"] == "urn:troth:activity/storage")
    assert [one["dpv:hasName"] for one in storage["dpv:hasDataController"]] == [
        "Mirabelle SA",
        "Kornblume AG",
    ]
    assert [one["dpv:hasName"] for one in storage["dpv:hasDataProcessor"]] == ["Northwind SAS"]
    ids = [one["@id"] for one in json_ld(source(), "lyon")["dpv:hasProcess"]]
    assert ids == ["urn:troth:activity/shop", "urn:troth:purpose/offers"]
    assert {one["@type"] for one in offers["dpv:hasPersonalData"]} == {
        "dpv:PersonalData", "dpv:SpecialCategoryPersonalData",
    }  # fmt: skip


def test_json_ld_uses_no_term_that_the_vocabulary_has_not():
    written = json_ld(source())
    used = {tuple(one.split(":", 1)) for one in terms(written)}
    assert {one for one in used if one[0] != "loc" and one[1] not in TERMS[one[0]]} == set()
    assert {one for one in used if one[0] == "loc" and not (len(one[1]) == 2 and one[1].isupper())} == set()
    assert {prefix for prefix, _ in used} <= set(written["@context"])


@pytest.mark.parametrize(
    "name", ["processing", "processor", "recipients", "processors", "transfers", "documents"]
)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_cell_has_its_column(name, language):
    drawn = source(language=language)
    lines = {
        "processing": processing, "processor": as_processor, "recipients": recipients,
        "processors": processors, "transfers": transfers, "documents": documents,
    }[name](drawn)  # fmt: skip
    known = {code for code, _ in columns(name, language)}
    for line in lines:
        assert set(line) <= known
        assert {"reference", "clauses", "lacks"} & set(line)
