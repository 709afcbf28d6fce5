"""What changed in one language and not in the other is stale, and stops publishing."""

import pytest

from troth.policy.publishing import (
    changed_promises,
    lock,
    problems,
    read_lock,
    stale,
    untranslated,
    write_lock,
)
from writing_policies import first_project, read, with_promises

FILES = first_project()


def changed(**changes):
    files = dict(FILES)
    for name, (before, after) in changes.items():
        file = {"english": "policy.md", "french": "policy.fr.md"}[name]
        assert before in files[file]
        files[file] = files[file].replace(before, after)
    return read(files)


LAST = lock(read(FILES))
ENGLISH = ("as easily as you gave it", "as easily as you said yes")
FRENCH = ("aussi simplement que vous l’avez donné", "aussi simplement que vous avez dit oui")
RAISED = ("version: 0.1.0\n", "version: 0.2.0\n")


def test_nothing_stops_the_first_version():
    assert problems(read(FILES), None) == ()


def test_the_same_version_again_is_no_problem():
    assert problems(read(FILES), LAST) == ()
    assert changed_promises(read(FILES), LAST) == ()


def test_a_clause_changed_in_one_language_is_stale_in_the_other():
    (one,) = stale(changed(english=ENGLISH), LAST)
    clause = read(FILES).documents["fr"].by_number["7"]
    assert (one.file, one.line) == ("policy.fr.md", clause.line)
    assert one.what == "Clause 7 is stale: policy.md changed since version 0.1.0."
    (other,) = stale(changed(french=FRENCH), LAST)
    assert (other.file, other.what) == (
        "policy.md",
        "Clause 7 is stale: policy.fr.md changed since version 0.1.0.",
    )


def test_a_clause_changed_in_both_is_not():
    assert stale(changed(english=ENGLISH, french=FRENCH), LAST) == ()


def test_a_clause_whose_promise_changed_is_not_stale():
    policy = changed(english=("extend_by: 2 months", "extend_by: 1 month"))
    assert stale(policy, LAST) == ()
    assert changed_promises(policy, LAST) == ("6.2/answer",)


def test_another_text_needs_another_version():
    both = {"french": FRENCH}
    (one,) = problems(changed(english=ENGLISH, **both), LAST)
    assert one.what == "Version 0.1.0 is published already, and this is not its text."
    files = dict(FILES)
    files["policy.md"] = files["policy.md"].replace(*ENGLISH).replace(*RAISED)
    files["policy.fr.md"] = files["policy.fr.md"].replace(*FRENCH)
    assert problems(read(files), LAST) == ()


def test_words_without_a_translation_stop_it():
    before = "{en: send you our newsletter, fr: vous adresser notre lettre d’information}"
    policy = changed(english=(before, "send you our newsletter"))
    (one,) = untranslated(policy)
    assert one.what == "`3/purpose/newsletter` has no words in `fr` for `does`."
    assert one.remedy == "Write `{en: …, fr: …}`."


def test_words_of_the_register_need_none():
    files = dict(FILES)
    files["register/internal.yaml"] = files["register/internal.yaml"].replace(
        "{en: pay our staff, fr: payer notre personnel}", "pay our staff"
    )
    assert untranslated(read(files)) == ()


def test_a_policy_in_one_language_needs_no_other():
    assert untranslated(read({"policy.md": FILES["policy.md"]})) == ()


def test_a_version_and_a_date_are_needed():
    policy = read({"policy.md": with_promises("answer: {within: 1 month}")})
    assert [one.what for one in problems(policy, None)] == [
        "The policy has no date.",
        "The policy has no version.",
    ]


def test_promises_that_are_new_different_or_gone_are_named():
    policy = changed(english=("  withdraw:\n    takes_effect: at_once\n", "  withdraw:\n"))
    assert changed_promises(policy, LAST) == ("6.1/right/withdraw",)
    files = dict(FILES)
    files["policy.md"] = files["policy.md"].replace("  port:\n", "  review_decision:\n")
    assert changed_promises(read(files), LAST) == ("6.1/right/port", "6.1/right/review_decision")
    public = [name for name, one in read(FILES).promises.items() if one.public]
    assert changed_promises(read(FILES), None) == tuple(
        sorted(public)
    )  # the register has a record of its own


def test_moving_a_promise_does_not_change_it():
    files = dict(FILES)
    files["policy.md"] = files["policy.md"].replace("## 8 Security\n", "## 8 Security\n\nA line more.\n")
    assert changed_promises(read(files), LAST) == ()


def test_the_lock_is_written_and_read_back():
    text = write_lock(LAST)
    assert read_lock(text) == (LAST, ())
    assert write_lock(lock(read(FILES))) == text


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"version": 1}', "[" * 100_000, '{"clauses": [], "x": 1}']
)
def test_a_lock_that_is_none_is_a_problem(text):
    found, wrong = read_lock(text)
    assert found is None
    assert [str(one) for one in wrong] == [
        "policy.lock:1:1: It is not what `troth publish` wrote. Take it back from version control."
    ]
