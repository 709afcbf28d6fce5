"""Promises are read whole, or every mistake in them is told at once."""

# ruff: noqa: E501  (whole sentences stand in these tables)
from datetime import date

import pytest

from troth.law.period import Period
from troth.policy.kinds import KINDS
from writing_policies import first_project, read, told, with_promises


def test_the_first_project_holds_together():
    policy = read(first_project())
    assert set(KINDS) - {one.kind for one in policy.promises.values()} == {"transfer", "activity", "document"}
    assert (policy.version, policy.effective) == ("0.1.0", date(2026, 11, 23))
    assert policy.answer.within == Period(1, "months")
    assert policy.purposes["newsletter"].legal_basis == "consent"
    assert list(policy.categories) == ["identity", "contact", "order", "usage"]


def test_ids_follow_the_clause_unless_they_are_written_down():
    policy = read(
        {"policy.md": with_promises("answer: {within: 1 month}\nright: {access: {id: kept-id}, erase: {}}")}
    )
    assert list(policy.promises) == ["7/answer", "kept-id", "7/right/erase"]
    assert policy.promises["7/answer"].line == 7
    assert policy.find("right/erase") is policy.promises["7/right/erase"]
    assert policy.find("answer") is policy.answer
    assert policy.find("right/port") is None


def test_what_the_register_says_is_there_and_not_public():
    policy = read(first_project())
    payroll = policy.purposes["payroll"]
    assert (payroll.id, payroll.public) == ("register/internal/purpose/payroll", False)
    assert policy.security.measures
    assert policy.of_clause("register/internal") == ()


def test_a_kind_that_stands_once_may_be_said_in_parts():
    text = "## 1 A\n```promise\ncookies: {choice_kept: 6 months}\n```\n## 2 B\n```promise\ncookies: {lifetime_max: 13 months}\n```\n"
    policy = read({"policy.md": text})
    assert [(one.id, one.said) for one in policy.promises.values()] == [
        ("1/cookies", {"choice_kept"}),
        ("2/cookies", {"lifetime_max"}),
    ]
    assert policy.cookies.lifetime_max == Period(13, "months")
    assert policy.cookies.choice_kept.refused == Period(6, "months")
    assert policy.promises["2/cookies"].choice_kept == policy.cookies.choice_kept


def test_a_field_said_twice_is_a_problem():
    text = "## 1 A\n```promise\ncookies: {choice_kept: 6 months}\n```\n## 2 B\n```promise\ncookies: {choice_kept: 6 months}\n```\n"
    assert told(text) == ["7:24 `cookies.choice_kept` is already said in clause 1. Say it once."]


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("answr: {}", ["7:1 There is no kind of promise called `answr`. Did you mean `answer`?"]),
        ("answer: {withn: 1 month}", ["7:10 `answer` has no field called `withn`. Did you mean `within`?"]),
        ("answer: {extend_by: 2 months}", ["7:1 `answer` lacks `within`. Add a line `within: …`."]),
        ("answer: {within: 13}", ["7:18 `answer.within` must be a length of time with its unit, not `13`. Write it like `13 months`; the units are hours, days, weeks, months and years."]),
        ("answer:", ["7:8 `answer` must be fields (`key: value`). Its fields are: id, within, extend_by, extend_for, extension_told_within, free_of_charge."]),
        ("- answer", ["7:1 A promise block must be fields (`kind: …`). Kinds: group, collection, purpose, recipient, answer, right, notify_recipients, first_communication, retention, security, consent, cookies, transfer, change."]),
        ("# nothing", ["6:1 The promise block is empty. Write one of: group, collection, purpose, recipient, answer, right, notify_recipients, first_communication, retention, security, consent, cookies, transfer, change."]),
        ("right: {acess: {}}", ["7:9 There is no right called `acess`. Did you mean `access`?"]),
        ("purpose: {Big Name: {does: x, legal_basis: contract}}", ["7:11 `Big Name` cannot be a name: small letters, digits, _ and - only. Write it like `order-history`; what people read goes into a field."]),
        ("purpose: {a: {does: x, legal_basis: contrct}}", ["7:37 `purpose.a.legal_basis` cannot be `contrct`. Did you mean `contract`?"]),
        ("purpose: {a: {legal_basis: contract}}", ["7:11 `purpose.a` lacks `does`. Add a line `does: …`."]),
        ("purpose: {a: {does: to sell, advertise, legal_basis: contract}}", ["7:30 `purpose.a` has no field called `advertise`. A comma ends a value inside { }: put the words in quotes."]),
        ("purpose: {a: {does: {en: to sell, or not, fr: vendre}, legal_basis: contract}}", ["7:35 `purpose.a.does` has words by language, and `or not` is none. A comma ends a value inside { }: put the words in quotes."]),
        ("purpose: {a: {does: x, legal_basis: legitimate_interests}}", ["7:37 `purpose.a` rests on a legitimate interest and does not name it. Add `interest: …`."]),
        ("purpose: {a: {does: x, legal_basis: legal_obligation}}", ["7:37 `purpose.a` rests on a legal obligation and does not name it. Add `duty: …`."]),
        ("purpose: {a: {does: x, legal_basis: contract, other_basis: consent}}", ["7:60 `purpose.a` must say for whom its other basis is. Say both `other_basis` and `other_basis_for`, or none."]),
        ("purpose: {a: {does: x, legal_basis: consent, on_doubt: allow}}", ["7:56 `purpose.a` cannot go on in doubt: it is about consent. Write `on_doubt: refuse`."]),
        ("purpose: {a: {does: x, legal_basis: contract, other_basis: consent, other_basis_for: y, on_doubt: allow}}", ["7:99 `purpose.a` cannot go on in doubt: it is about consent. Write `on_doubt: refuse`."]),
        ("purpose: {a: {does: x, legal_basis: contract, marketing: true, on_doubt: allow}}", ["7:74 `purpose.a` cannot go on in doubt: it is about marketing. Write `on_doubt: refuse`."]),
        ("purpose: {a: {does: x, legal_basis: contract, recipients: [bank]}}", ["7:60 There is no recipient called `bank`. There are none yet."]),
        ("right: {erase: {grounds: [a, g]}}", ["7:26 Its article has no letter g under `grounds`. There are: a, b, c, d, e, f."]),
        ("right: {port: {grounds: [a]}}", ["7:25 Its article has no letter a under `grounds`. `right.port` has no grounds."]),
        ("retention: {a: {trigger: end}}", ["7:13 `retention.a` has neither a period nor criteria. Say one of the two."]),
        ("retention: {a: {trigger: end, period: 1 year, criteria: as needed}}", ["7:39 `retention.a` has both a period and criteria. Say one of the two."]),
        ("security: {measures: [locks]}", ["7:22 Security measures would be published here. Put them into a file in register/."]),
        ("security: {incident_contact: {}}", ["7:30 `security.incident_contact` is empty. Its fields are: name, email, phone, address, form."]),
        ("security: {incident_contact: {email: nobody}}", ["7:38 `security.incident_contact.email` is not an e-mail address. Write it like `privacy@company.example`."]),
        ("transfer: {us: {country: US, mechanism: standard_clauses, importer: x}}", ["7:41 `transfer.us` must say which module. Add `module: …`."]),
        ("transfer: {us: {country: US, mechanism: adequacy}}", ["7:26 `transfer.us` does not say who receives. Add `importer:` or `recipient:`."]),
        ("cookies: {lifetime_max: 13 months, table: [{name: a, party: first, category: analytics, lifetime: 50 months}]}", ["7:44 The cookie `a` lives 50 months, longer than any may (13 months). Shorten it, or raise `lifetime_max`."]),
        ("cookies: {data_kept_max: 25 months, table: [{name: b, party: first, category: analytics, lifetime: 1 day}, {name: a, party: first, category: analytics, lifetime: 1 day, data_kept: 50 months}]}", ["7:108 What the cookie `a` collects is kept 50 months, longer than anything may (25 months). Shorten it, or raise `data_kept_max`."]),
        ("cookies: {asked_by: banner, table: [{name: a, party: first, category: analytics, lifetime: 1 day}]}", ["7:36 The table does not declare the cookie `troth_choice`, in which the banner remembers the choice. Add it as necessary, or name another in `choice_in`."]),
        ("cookies: {asked_by: banner, choice_in: a, choice_kept: 6 months, table: [{name: a, party: first, category: necessary, lifetime: 1 day}]}", ["7:74 The choice is remembered for 6 months, and its cookie `a` lives 1 day. Make its lifetime as long, or `choice_kept` shorter."]),
        ("cookies: {table: [{name: a, party: first, category: analytics, lifetime: 13}]}", ["7:74 `cookies.table[1].lifetime` must be a length of time with its unit, not `13`. Write it like `13 months`; the units are hours, days, weeks, months and years. `session` will do too."]),
        ("answer: {within: 1 month, extend_by: 2 months, extension_told_within: 6 weeks}", ["7:71 The extension would be told after the first period (1 month) is over. Make it as long, or shorter."]),
        ("group: {title: x, entities: {a: {name: A, country: UK}}}", ["7:52 `group.entities.a.country` must be the code of a country (ISO 3166-1). Did you mean `GB`?"]),
        ("group: {title: x, entities: {a: {name: A, country: NO, timezone: Europe/Pariss}}}", ["7:66 `group.entities.a.timezone` is not a time zone. Write it like `Europe/Paris`."]),
        ("answer: {within: 1 month, within: 2 months}", ["7:27 `within` is already said on line 7. Keep one of the two."]),
        ("collection: {a: {how: direct, sources: {x: }}}", ["7:40 What is collected directly has no other source. Say `how: indirect`, or drop `sources`."]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_promise_is_a_whole_sentence_in_its_place(yaml, said):
    assert told(with_promises(yaml)) == said


def test_every_mistake_is_told_at_once():
    yaml = """
        answer: {within: 13}
        purpose:
          a: {does: x}
          b: {does: x, legal_basis: contract, recipients: [nobody]}
        cookie: {}
    """
    assert [one.split()[0] for one in told(with_promises(yaml))] == ["7:18", "9:3", "10:52", "11:1"]


def test_a_name_used_twice_is_a_problem():
    text = "## 1 A\n```promise\nright: {access: {}}\n```\n## 2 B\n```promise\nright: {access: {}}\n```\n"
    assert told(text) == [
        "7:9 There is already a right called `access`, in clause 1. Give one of the two another name."
    ]


def test_an_id_used_twice_is_a_problem():
    yaml = "right: {access: {id: x}, erase: {id: x}}"
    assert told(with_promises(yaml)) == [
        "7:26 The id `x` is already that of policy.md line 7. Give one of them an `id:` of its own."
    ]


def test_what_refers_to_something_wrong_elsewhere_is_not_told_twice():
    yaml = (
        "recipient: {bank: {title: Bank}}\npurpose: {a: {does: x, legal_basis: contract, recipients: [bank]}}"
    )
    assert [one[:5] for one in told(with_promises(yaml))] == ["7:13 ", "7:13 "]


def test_the_other_language_has_the_same_clauses_and_no_promises():
    ours = "## 1 A\n\n### 1.1 B\n\n## 2 C\n"
    theirs = "## 1 A\n\n## 1.1 B\n\n```promise\nright: {access: {}}\n```\n\n## 3 D\n"
    assert told({"policy.md": ours, "policy.fr.md": theirs}) == [
        "3:1 Clause 1.1 has another level than in policy.md. Use as many # signs as there.",
        "5:1 Promises stand in policy.md only. Remove the block; keep the prose.",
        "9:1 There is no clause 3 in policy.md. Remove it, or renumber it.",
        "10:1 Clause 2 of policy.md is missing. Translate it.",
    ]


def test_two_files_in_one_language_are_a_problem():
    files = {"policy.md": "## 1 A\n", "policy.en.md": "## 1 A\n"}
    assert told(files) == [
        "1:1 policy.md is already in this language (en). Say the language in the name or at the top."
    ]


def test_no_file_is_a_problem_and_not_an_empty_policy():
    assert told({}) == ["1:1 There is no policy. Write policy.md, or import one."]


def test_a_promise_is_a_value():
    one, two = read(first_project()), read(first_project())
    assert one.promises == two.promises
    assert len({*one.promises.values(), *two.promises.values()}) == len(one.promises)


def test_names_may_have_words_or_lists_for_short():
    yaml = """
        collection:
          a:
            how: direct
            channels: {fair: , shop: our shop, site: {en: our site, fr: notre site}}
            categories: {identity: [name, {en: title, fr: titre}], usage: {title: Usage, special: true}}
    """
    found = read({"policy.md": with_promises(yaml)}).collections["a"]
    assert [(one.key, one.title and one.title.said("fr")) for one in found.channels] == [
        ("fair", None),
        ("shop", "our shop"),
        ("site", "notre site"),
    ]
    identity, usage = found.categories
    assert [one.said("fr") for one in identity.fields] == ["name", "titre"]
    assert (str(usage.title), usage.special) == ("Usage", True)


def test_a_name_inside_a_promise_is_a_name_too():
    yaml = "collection: {a: {how: direct, channels: {Trade Fair: x}}}"
    assert told(with_promises(yaml)) == [
        "7:42 `Trade Fair` cannot be a name: small letters, digits, _ and - only. "
        "Write it like `main-entity`; what people read goes into a field."
    ]


@pytest.mark.parametrize(("written", "right"), [("FR", True), ("FR-57", True), ("US-CA", True), ("FR-", False), ("FR-Metz", False), ("XX", False)])  # fmt: skip
def test_a_jurisdiction_is_a_country_or_a_part_of_one(written, right):
    said = told(
        with_promises(
            f"group: {{title: x, entities: {{a: {{name: A, country: FR, jurisdiction: {written}}}}}}}"
        )
    )
    assert (said == []) == right


def test_a_register_that_is_no_yaml_is_told_once():
    said = told({"policy.md": "## 1 A\n", "register/x.yaml": "purpose: {a: [b"})
    assert said == ["1:16 A bracket or a comma is missing. Close the { or [, or put a comma between."]


def test_an_empty_register_is_told():
    (said,) = told({"policy.md": "## 1 A\n", "register/x.yaml": "# nothing yet\n"})
    assert said.startswith("1:1 The promise block is empty.")


def test_a_recipient_receives_what_it_says_or_what_its_purposes_hold():
    policy = read(
        {
            "policy.md": (
                "# N\n\n## 1 A\n\n```promise\n"
                "collection:\n  direct: {how: direct, does: x, channels: {form: {title: form, notice: shown}},\n"
                "    categories: {identity: {title: Identity, fields: [name]}, orders: {title: Orders, fields: [day]}}}\n"
                "purpose:\n  sell: {does: sell, legal_basis: contract, categories: [orders], recipients: [bank, post]}\n"
                "recipient:\n"
                "  bank: {title: Bank, class: payment, role: controller, country: FR, categories: [identity]}\n"
                "  post: {title: Post, class: processor, role: processor, country: FR}\n"
                "```\n"
            ),
            "register/payroll.yaml": (
                "collection:\n  hired: {how: direct, does: x, channels: {form: {title: form, notice: shown}},\n"
                "    categories: {pay: {title: Pay, fields: [salary]}}}\n"
                "purpose:\n  pay: {does: pay, legal_basis: contract, categories: [identity, pay], recipients: [office]}\n"
                "recipient:\n  office: {title: Office, class: processor, role: processor, country: FR}\n"
            ),
        }
    )
    received = {name: policy.received_by(one) for name, one in policy.recipients.items()}
    assert received == {"bank": {"identity"}, "post": {"orders"}, "office": {"pay"}}
