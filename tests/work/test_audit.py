"""The audit says kept only with evidence, broken with places and numbers, and unproven otherwise."""

from dataclasses import replace

import pytest

import story
from troth.errors import TrothError
from troth.faces.cli.audit_commands import heading, page, shown
from troth.ledger import read
from troth.rules.verdict import exit_code
from troth.work import audit, carry_on, record_objection


def words(project):
    return {one.promise: one for one in audit.audit(project)}


def find(found, kind):
    return next(one for name, one in found.items() if name.split("/", 1)[1] == kind)


def test_before_anything_happened_nothing_is_kept_for_want_of_evidence(project):
    found = words(project)
    assert find(found, "answer").word == "unproven"
    assert find(found, "right/erase").word == "unproven"
    assert find(found, "change").word == "unproven"
    assert exit_code(found.values(), strict=False) == 0
    assert exit_code(found.values(), strict=True) == 1


def test_an_answered_erasure_keeps_its_promises_and_names_its_events(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    found = words(project)
    for kind in ("answer", "right/erase", "notify_recipients"):
        one = find(found, kind)
        assert one.word == "kept", one
        assert all(read.event(project.ledger, event).request == number for event in one.evidence)
        assert one.evidence


def test_a_late_answer_breaks_the_promise_and_is_named(project, clock):
    number = story.ask(project, "access", email="eve@example.org")
    clock.forward(days=35)
    assert find(words(project), "answer").broken_by == (f"request {number}: due 2026-12-23, not answered",)
    story.grant_access(project, number)
    carry_on.carry_on(project, number)
    one = find(words(project), "answer")
    assert one.word == "broken"
    assert one.broken_by == (f"request {number}: due 2026-12-23, answered 2026-12-28",)


def test_an_objection_that_nobody_decided_yet_does_not_hinder_the_verdict_on_another(project, clock):
    story.ask(project, "object", email="eve@example.org")
    record_objection.record_objection(project, [("email", "bob@example.org")])
    clock.forward(days=3)
    one = find(words(project), "notify_recipients")
    assert "still to be told" in one.figure, one


def test_an_undeclared_category_breaks_the_collection(project, folder):
    file = folder / "stores" / "shop.yaml"
    file.write_text(file.read_text().replace("city: contact", "city: address"))
    one = find(words(project), "collection/direct")
    assert (one.word, one.broken_by) == ("broken", ("shop.customer.city: address is not declared",))


def test_a_column_that_is_not_personal_needs_no_category(project, folder):
    mapped = folder / "stores" / "shop.yaml"
    mapped.write_text(mapped.read_text().replace("city: contact", "city: not_personal"), encoding="utf-8")
    assert not any("not_personal" in each for each in find(words(project), "collection/direct").broken_by)


def test_limits_on_cookies_are_held_against_the_table(project, folder):
    file = folder / "policy.md"
    file.write_text(file.read_text().replace("data_kept: 13 months", "data_kept: 50 months"))
    try:
        one = find(words(project), "cookies")
    except TrothError as error:
        pytest.fail(str(error))
    assert one.word == "broken"
    assert "50 months, more than 25 months" in one.broken_by[0]


def test_every_verdict_is_an_event(project):
    found = words(project)
    events = list(read.events(project.ledger, kind="control_ran"))
    assert {event.promise for event in events} == set(found)


def test_the_page_escapes_what_it_shows(project):
    verdicts = [replace(one, figure="<b>x</b>") for one in audit.audit(project)]
    head = heading(project) | {"policy": "<i>"}
    drawn = page(shown(project, verdicts, head, "en"))
    assert "<b>x</b>" not in drawn
    assert "<i>" not in drawn.replace("<html", "")
