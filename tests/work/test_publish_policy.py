"""A version is published once, whole, and only when nothing is wrong with it."""

import pytest

from troth.errors import WrongFileError
from troth.ledger import read as ledger_read
from troth.ledger.master_key import MasterKey
from troth.ledger.schema import open_ledger
from troth.policy.notice_text import sha256
from troth.policy.publishing import lock
from troth.work.publish_policy import STREAM, publish_policy
from writing_policies import TODAY, first_project, read


@pytest.fixture
def ledger(tmp_path, clock):
    opened = open_ledger(
        f"sqlite:///{tmp_path}/ledger.db", f"sqlite:///{tmp_path}/keys.db", MasterKey(bytes(32)), clock
    )
    yield opened
    opened.close()


def changed(files, *changes):
    for name, before, after in changes:
        assert before in files[name]
        files = {**files, name: files[name].replace(before, after)}
    return read(files)


def test_the_first_version_is_one_event_with_its_hashes(ledger):
    policy = read(first_project())
    published = publish_policy(ledger, policy, None, TODAY)
    (event,) = ledger_read.stream(ledger, STREAM)
    assert event == published.event
    assert event.kind == "policy_published"
    assert event.facts == {
        "version": "0.1.0",
        "sha256": {"en": sha256(policy, "en"), "fr": sha256(policy, "fr")},
        "effective": "2026-11-23",
        "promises_changed": sorted(name for name, one in policy.promises.items() if one.public),
    }
    assert published.lock == lock(policy)


def test_publishing_again_writes_nothing(ledger):
    first = publish_policy(ledger, read(first_project()), None, TODAY)
    again = publish_policy(ledger, read(first_project()), first.lock, TODAY)
    assert again.event == first.event
    assert len(ledger_read.stream(ledger, STREAM)) == 1


def test_a_crash_before_the_lock_is_written_does_no_harm(ledger):
    first = publish_policy(ledger, read(first_project()), None, TODAY)
    again = publish_policy(ledger, read(first_project()), None, TODAY)
    assert (again.event, again.lock) == (first.event, first.lock)


def test_a_lost_lock_does_not_let_another_text_have_the_same_version(ledger):
    publish_policy(ledger, read(first_project()), None, TODAY)
    policy = changed(first_project(), ("policy.md", "valid_for: 24 months", "valid_for: 12 months"))
    with pytest.raises(WrongFileError, match=r"Version 0\.1\.0 is published already"):
        publish_policy(ledger, policy, None, TODAY)
    assert len(ledger_read.stream(ledger, STREAM)) == 1


def test_the_next_version_names_what_changed(ledger):
    last = publish_policy(ledger, read(first_project()), None, TODAY).lock
    policy = changed(
        first_project(),
        ("policy.md", "version: 0.1.0\n", "version: 0.2.0\n"),
        ("policy.md", "valid_for: 24 months", "valid_for: 12 months"),
    )
    assert publish_policy(ledger, policy, last, TODAY).changed == ("7/consent",)
    assert [event.facts["version"] for event in ledger_read.stream(ledger, STREAM)] == ["0.1.0", "0.2.0"]


def test_everything_that_stops_it_is_told_at_once_and_nothing_is_written(ledger):
    last = lock(read(first_project()))
    policy = changed(
        first_project(),
        ("policy.md", "as easily as you gave it", "as easily as you said yes"),
        (
            "policy.md",
            "{en: send you our newsletter, fr: vous adresser notre lettre d’information}",
            "write to you",
        ),
    )
    with pytest.raises(WrongFileError) as told:
        publish_policy(ledger, policy, last, TODAY)
    said = [problem.what for problem in told.value.problems]
    assert "Clause 7 is stale: policy.md changed since version 0.1.0." in said
    assert "`3/purpose/newsletter` has no words in `fr` for `does`." in said
    assert "Version 0.1.0 is published already, and this is not its text." in said
    assert ledger_read.stream(ledger, STREAM) == ()


def test_an_error_of_check_stops_it(ledger):
    policy = changed(
        first_project(),
        ("policy.md", "without undue delay and within {{ answer.within }} of", "within three months of"),
    )
    with pytest.raises(WrongFileError) as told:
        publish_policy(ledger, policy, None, TODAY)
    assert any(problem.what.startswith("P01: ") for problem in told.value.problems)
