"""Two versions are compared by what they promise, value by value."""

from troth.policy.difference import differences, material, reworded
from writing_policies import first_project, read


def changed(*changes):
    files = first_project()
    for name, before, after in changes:
        assert before in files[name], before
        files = {**files, name: files[name].replace(before, after, 1)}
    return read(files)


def told(*changes):
    found = differences(read(first_project()), changed(*changes))
    return [(one.promise, one.what, one.field, one.was, one.becomes) for one in found]


def test_the_same_policy_differs_in_nothing():
    policy = read(first_project())
    assert differences(policy, policy) == ()
    assert reworded(policy, policy) == ()


def test_a_value_is_told_with_its_path_and_what_it_was():
    assert told(("policy.md", "valid_for: 24 months", "valid_for: 12 months")) == [
        ("7/consent", "changed", "valid_for", "24 months", "12 months")
    ]
    assert told(("policy.md", "authority_within: 72 hours", "authority_within: 24 hours")) == [
        ("8/security", "changed", "breach.authority_within", "72 hours", "24 hours")
    ]


def test_a_line_of_a_table_is_told_by_its_name():
    assert told(("policy.md", "lifetime: 13 months\n      data_kept: 13 months", "lifetime: 6 months")) == [
        ("9/cookies", "changed", "table.visits.lifetime", "13 months", "6 months"),
        ("9/cookies", "changed", "table.visits.data_kept", "13 months", ""),
    ]


def test_words_in_another_language_are_a_difference_of_their_own():
    assert told(("policy.md", "fr: tenir notre comptabilité", "fr: tenir nos comptes")) == [
        ("3/purpose/accounts", "changed", "does (fr)", "tenir notre comptabilité", "tenir nos comptes")
    ]


def test_a_promise_that_came_and_one_that_went_are_told_whole():
    survey = (
        "  audience:\n    does: {en: measure",
        "  survey:\n    does: {en: ask you, fr: vous interroger}\n    legal_basis: consent\n"
        "    categories: [contact]\n  audience:\n    does: {en: measure",
    )
    (added,) = told(("policy.md", *survey))
    assert added[:4] == ("3/purpose/survey", "added", "", "")
    assert added[4] == "does: ask you; legal_basis: consent; categories: contact"
    gone = "  tax-office:\n    title: {en: Tax office, fr: Administration fiscale}\n    class: authority\n"
    (removed,) = [
        one for one in told(
            ("policy.md", f"{gone}    role: controller\n    country: FR\n    condition: {{en: where the law "
             "requires it, fr: lorsque la loi l’exige}\n    requires: [legal_reference]\n    notify: {by: email, "
             "address: tax@company.example}\n", ""),
            ("policy.md", "recipients: [hosting, tax-office]", "recipients: [hosting]"),
        )
        if one[1] == "removed"
    ]  # fmt: skip
    assert removed[0] == "4/recipient/tax-office"
    assert "title: Tax office" in removed[3]


def test_the_number_and_the_day_of_a_version_are_nothing_to_tell_people():
    then, now = read(first_project()), changed(("policy.md", "version: 0.1.0\n", "version: 0.2.0\n"))
    assert material(differences(then, now)) == ()
    later = changed(("policy.md", "announced_before: 30 days", "announced_before: 10 days"))
    assert [one.field for one in material(differences(then, later))] == ["announced_before"]


def test_words_that_changed_without_a_promise_are_told_apart():
    now = changed(
        ("policy.md", "as easily as you gave it", "as easily as you said yes"),
    )
    then = read(first_project())
    assert differences(then, now) == ()
    assert reworded(then, now) == ("7",)
