"""What a clause's promises say, so that its prose can be compared."""

from troth.law.period import Period
from troth.policy.facts import facts
from writing_policies import first_project, read

POLICY = read(first_project())


def of(number):
    return {(fact.kind, str(fact.value), fact.path) for fact in facts(POLICY.of_clause(number))}


def test_durations_are_found_wherever_they_stand():
    assert of("6.2") == {
        ("duration", "1 month", "answer.within"),
        ("duration", "2 months", "answer.extend_by"),
        ("duration", "1 month", "answer.extension_told_within"),
        ("duration", "1 month", "answer.refusal.within"),
    }
    assert ("duration", "10 years", "retention.invoices.archive.period") in of("5")
    assert ("duration", "6 months", "cookies.choice_kept.refused") in of("9")
    assert ("duration", "6 months", "cookies.table.lifetime") in of("9")


def test_countries_recipients_and_rights_are_found():
    assert of("4") == {
        ("recipient", "Hosting", "recipient.hosting.title"),
        ("recipient", "Hébergeur", "recipient.hosting.title"),
        ("recipient", "Example Hosting SAS", "recipient.hosting.named.host.name"),
        ("country", "FR", "recipient.hosting.named.host.country"),
        ("recipient", "Tax office", "recipient.tax-office.title"),
        ("recipient", "Administration fiscale", "recipient.tax-office.title"),
        ("country", "FR", "recipient.tax-office.country"),
    }
    assert {value for kind, value, _ in of("6.1") if kind == "right"} == set(POLICY.rights)


def test_a_fact_knows_its_promise():
    (fact,) = [one for one in facts(POLICY.of_clause("6.2")) if one.path == "answer.extend_by"]
    assert (fact.value, fact.promise, fact.clause) == (Period(2, "months"), "6.2/answer", "6.2")
    assert POLICY.document.lines[fact.line - 1] == "answer:"


def test_of_a_promise_in_parts_each_part_has_its_own():
    text = "## 1 A\n```promise\ncookies: {choice_kept: 6 months}\n```\n## 2 B\n```promise\ncookies: {lifetime_max: 13 months}\n```\n"  # noqa: E501
    policy = read({"policy.md": text})
    assert [str(one.value) for one in facts(policy.of_clause("2"))] == ["13 months"]
    assert {str(one.value) for one in facts(policy.of_clause("1"))} == {"6 months"}
