"""The tables of the notice say what the promises say, row by row."""

# ruff: noqa: E501  (whole rows stand here)
from troth.policy.tables import bullet_list, table
from troth.policy.words import NO_BREAK, words
from writing_policies import first_project, read, with_promises

POLICY = read(first_project())
WIDE = read({"policy.md": with_promises("""
    group:
      title: Wide
      entities:
        fr: {name: Wide SAS, country: FR, role: controller, email: a@wide.example, phone: "+33 1", website: "https://wide.example"}
        us: {name: Wide Inc., country: US, role: processor}
    collection:
      a: {how: direct, categories: {health: {title: Health, fields: [blood group], special: true}}}
    purpose:
      care:
        does: care for you
        legal_basis: contract
        other_basis: legitimate_interests
        other_basis_for: relatives
        interest: telling them
        categories: [health]
        retention: [short, long]
        recipients: [host]
    retention:
      short: {title: Notes, period: 1 month, trigger: the visit, then: anonymise}
      long: {title: Files, criteria: while you are treated, trigger: the visit}
    recipient:
      host:
        title: "Those who host: many words"
        short: Hosts
        class: processor
        role: processor
        named: {h: {name: Host Inc., country: US}}
        condition: under contract
        transfers: [us, us-too]
        categories: [health]
      court: {title: Courts, class: legal_proceedings, role: not_a_recipient, country: FR}
    transfer:
      us: {country: US, mechanism: standard_clauses, module: 2, decision: "(EU) 2021/914", recipient: host, copy_from: write to us}
      us-too: {country: US, mechanism: standard_clauses, module: 2, decision: "(EU) 2021/914", recipient: host, copy_from: ask us}
      gb: {country: GB, mechanism: adequacy, importer: Wide Ltd}
    cookies:
      table:
        - {name: a, party: first, category: necessary, lifetime: session}
        - {name: b, party: third, category: marketing, lifetime: 1 month, sliding: true, set_by: Ads, host: ads.example, third_party_access: true}
        - {name: c, party: first, category: preferences, lifetime: 1 year, storage: local_storage, third_party_access: false}
    change:
      history: [{version: 1.0.0, dated: 2026-05-01, what: Begun}]
""")})  # fmt: skip


def rows(name, policy=WIDE, language="en"):
    written = table(name, policy, words(language)).replace(NO_BREAK, " ")
    return [line[2:-2].split(" | ") for line in written.split("\n") if "---" not in line]


def test_purposes_in_french():
    assert rows("purposes", POLICY, "fr")[:3] == [
        ["Finalité", "Base légale", "Données", "Destinataires", "Conservation"],
        [
            "Livrer vos commandes et vous répondre",
            "Contrat",
            "Identité; Coordonnées; Commandes",
            "Hébergeur",
            "Trois ans",
        ],
        [
            "Tenir notre comptabilité",
            "Obligation légale : droit commercial et fiscal",
            "Identité; Commandes",
            "Hébergeur; Administration fiscale",
            "Un an",
        ],
    ]


def test_a_purpose_with_two_bases_and_two_periods():
    assert rows("purposes")[1] == [
        "Care for you",
        "Contract; for relatives: legitimate interest: telling them",
        "Health",
        "Hosts",
        "Notes: one month; Files: while you are treated",
    ]


def test_entities_with_their_ways_of_contact():
    assert rows("entities") == [
        ["Company", "Country", "Contact", "Role"],
        ["Wide SAS", "France", "<a@wide.example>, \\+33 1, <https://wide.example>", "Controller"],
        ["Wide Inc.", "United States", "", "Processor"],
    ]


def test_recipients_by_name_country_and_safeguard():
    assert rows("recipients") == [
        ["Recipient", "Who and where", "Role", "When", "Data", "Country and safeguards"],
        [
            "Those who host: many words",
            "Host Inc. (United States)",
            "Processor",
            "Under contract",
            "Health",
            "United States: standard contractual clauses, module 2 (controller to processor), (EU) 2021/914",
        ],
        ["Courts", "France", "Receives data in a particular inquiry", "", "", ""],
    ]
    assert bullet_list("recipients", WIDE, words("en")).split("\n") == [
        "- Those who host: many words (Host Inc. (United States)): under contract",
        "- Courts (France)",
    ]


def test_a_decision_of_the_union_is_cited_in_french():
    assert "(UE) 2021/914" in rows("transfers", language="fr")[1][2]


def test_transfers_with_their_mechanism():
    assert rows("transfers") == [
        ["Country", "Recipient", "Safeguard", "Copy of the safeguards"],
        [
            "United States",
            "Hosts",
            "Standard contractual clauses, module 2 (controller to processor), (EU) 2021/914",
            "Write to us",
        ],
        [
            "United States",
            "Hosts",
            "Standard contractual clauses, module 2 (controller to processor), (EU) 2021/914",
            "Ask us",
        ],
        ["United Kingdom", "Wide Ltd", "Adequacy decision", ""],
    ]


def test_retention_with_what_happens_then():
    assert rows("retention") == [
        ["What", "How long", "Counted from", "Then"],
        ["Notes", "One month", "The visit", "Made anonymous"],
        ["Files", "While you are treated", "The visit", "Erased"],
    ]


def test_cookies_with_everything_the_law_asks():
    assert rows("cookies") == [
        ["Name", "Storage", "Set by", "Host", "Kind", "Stays on the device", "Others can read it"],
        ["a", "Cookie", "this site", "", "Necessary", "Until the browser closes", ""],
        [
            "b",
            "Cookie",
            "Ads (a third party)",
            "ads.example",
            "Marketing",
            "One month, renewed at each visit",
            "Yes",
        ],
        ["c", "Local storage", "this site", "", "Preferences", "One year", "No"],
    ]


def test_categories_channels_sources_rights_and_versions():
    assert rows("categories")[1] == ["Health (special category)", "Blood group"]
    assert rows("channels", POLICY)[1] == ["The forms on our site", "Linked"]
    assert rows("sources", POLICY) == [["Source"], ["Your employer, when it orders for you"]]
    assert rows("rights", POLICY)[7] == [
        "Objection to direct marketing",
        "GDPR Art. 21(2)",
        "You may object to direct marketing at any time, without a reason",
        "At once",
    ]
    assert rows("versions", WIDE, "fr") == [["Version", "Date", "Quoi"], ["1.0.0", "1er mai 2026", "Begun"]]


def test_lists_have_a_line_for_each():
    assert bullet_list("channels", POLICY, words("en")) == "- the forms on our site\n- your orders"
    categories = bullet_list("categories", POLICY, words("fr")).split("\n")
    assert categories[0] == "- Identité : prénom, nom"
