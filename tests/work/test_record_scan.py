"""A scan is recorded with its evidence, and the audit says of it kept, broken or unproven, and why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reports import ALL, reported
from troth.ledger import read
from troth.rules import cookie
from troth.rules.scan_report import Reached
from troth.work import audit, record_scan, scan_due


def of_cookies(project):
    return {
        field: one
        for one in audit.audit(project)
        for field in project.policy.promises[one.promise].said
        if project.policy.promises[one.promise].kind == "cookies"
    }


def test_a_scan_is_one_event_whose_evidence_is_a_file_with_that_hash(project, folder):
    event = record_scan.record(project, reported(project, "visits"))
    assert event.facts["verdicts"]["before_consent"] == 1
    assert event.facts["table_sha256"] == cookie.table(project.policy.cookies).sha256
    assert (event.stream, event.facts["complete"]) == ("site/company.example", True)
    found = record_scan.evidence_of(project, event)
    assert found["findings"][0]["name"] == "visits"
    scans = folder / ".troth" / "scans"
    shown = scans / event.facts["evidence_sha256"]
    assert [file.name for file in shown.iterdir()] == ["visits.jpg"]  # what no finding shows is not retained
    assert scans.stat().st_mode & 0o77 == 0
    file = scans / f"{event.facts['evidence_sha256']}.json"
    file.write_bytes(file.read_bytes().replace(b"visits", b"others"))
    assert record_scan.evidence_of(project, event) is None


def test_findings_break_the_clauses_that_they_are_about_with_names_and_counts(project):
    event = record_scan.record(project, reported(project, "visits", "stranger"))
    found = of_cookies(project)
    assert found["table"].word == "broken"
    assert found["table"].evidence == (event.id,)
    assert set(found["table"].broken_by) == {
        "company.example: before consent: visits", "company.example: undeclared: stranger",
    }  # fmt: skip
    assert "2 things break it; company.example scanned on 2026-11-23" in found["table"].figure
    assert found["asked_by"].word == "broken"


def test_counts_break_it_too_when_the_evidence_is_gone(project, folder):
    event = record_scan.record(project, reported(project, "stranger"))
    (folder / ".troth" / "scans" / f"{event.facts['evidence_sha256']}.json").unlink()
    assert of_cookies(project)["table"].broken_by == ("company.example: undeclared: 1",)


def test_nothing_found_in_every_state_keeps_the_promise_for_a_while(project, clock):
    record_scan.record(project, reported(project, "stranger"))
    clock.forward(hours=1)
    event = record_scan.record(project, reported(project))
    one = of_cookies(project)["table"]
    assert (one.word, one.evidence) == ("kept", (event.id,))
    clock.forward(days=36)
    one = of_cookies(project)["table"]
    assert (one.word, one.figure.rpartition("; ")[2]) == (
        "unproven", "nothing was found, but scanned more than 35 days ago: company.example",
    )  # fmt: skip


@pytest.mark.parametrize("state", ["accepted", "refused", "withdrawn"])
def test_a_state_that_was_not_reached_leaves_it_unproven(project, state):
    record_scan.record(project, reported(project, states={**ALL, state: Reached("no_dialog")}))
    one = of_cookies(project)["table"]
    assert one.word == "unproven"
    assert "not scanned in every state: company.example" in one.figure


def test_a_scan_against_another_table_proves_nothing(project):
    record_scan.record(project, replace(reported(project, "stranger"), table_sha256="0" * 64))
    one = of_cookies(project)["table"]
    assert (one.word, one.figure.rpartition("; ")[2]) == (
        "unproven",
        "the table has changed since the last scan",
    )


def test_every_site_of_the_policy_must_be_scanned(project, folder):
    file = folder / "policy.md"
    file.write_text(file.read_text().replace("[company.example]", "[company.example, forum.example]"))
    record_scan.record(project, reported(project))
    one = of_cookies(project)["table"]
    assert one.word == "unproven"
    assert "not scanned: forum.example" in one.figure
    record_scan.record(project, reported(project, host="forum.example"))
    record_scan.record(project, reported(project, "stranger", host="elsewhere.example"))
    assert of_cookies(project)["table"].word == "kept"


MISTAKES = """
[scan.a]
url = "company.example"
every = "often"
pages = 0
allow_private = "all"
[scan.b]
url = "https://company.example"
[scan.c]
url = "https://company.example"
every = "1 day"
colour = "red"
"""


def test_every_mistake_in_the_settings_of_a_scan_is_told_at_once(folder):
    from troth.errors import WrongFileError
    from troth.settings_file import read_settings

    file = folder / "troth.toml"
    file.write_text(file.read_text() + MISTAKES)
    with pytest.raises(WrongFileError) as raised:
        read_settings(folder)
    said = str(raised.value)
    for what in ("`url`", "`every`", "`pages`", "`allow_private`"):
        assert f"{what} in [scan.a]" in said
    assert said.count("has a `url` and an `every`") == 2


SCAN = '\n[scan.shop]\nurl = "https://company.example"\nevery = "1 day"\n'


def test_a_scan_is_due_when_it_was_never_made_and_when_its_time_has_come(folder, clock):
    from shop_project import opened

    file = folder / "troth.toml"
    file.write_text(file.read_text() + SCAN)
    project = opened(folder, clock)
    assert scan_due.due(project) == ["shop"]
    record_scan.record(project, reported(project), scan="shop")
    assert scan_due.due(project) == []
    clock.now += timedelta(hours=23)
    assert scan_due.due(project) == []
    clock.now += timedelta(hours=2)
    assert scan_due.due(project) == ["shop"]
    assert [event.facts["scan"] for event in read.events(project.ledger, kind="site_scanned")] == ["shop"]
    project.ledger.close()
