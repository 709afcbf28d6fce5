"""Every promise of every kind has a control, and the audit knows each."""

from datetime import date
from html import escape
from pathlib import Path

import pytest

from troth.policy.kinds import KINDS
from troth.policy.loading import load
from troth.policy.notice import render
from troth.rules import control
from troth.rules.map import Map, MapTable
from troth.rules.verdict import Facts, judge
from writing_policies import first_project, read

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "group"


def example():
    files = {path.name: path.read_text("utf-8") for path in EXAMPLE.glob("policy*.md")}
    files |= {f"register/{path.name}": path.read_text("utf-8") for path in EXAMPLE.glob("register/*.yaml")}
    policy, wrong = load(files)
    assert wrong == ()
    return policy


@pytest.mark.parametrize("policy", [example(), read(first_project())], ids=["the example", "a first project"])
def test_no_promise_is_without_a_control(policy):
    found = list(control.checked(policy))
    assert [one.promise.id for one in found if one.control is None] == []
    facts = Facts(date(2026, 11, 23), (), {}, {}, {}, None, None)
    promises = list(dict.fromkeys(one.promise.id for one in found))  # one may have two controls
    assert [one.promise for one in judge(policy, facts)] == promises == list(policy.promises)


def test_every_kind_of_promise_is_known_and_no_control_is_for_nothing():
    assert {one.kind for one in control.every()} == set(KINDS)
    idle = {one.name for one in control.idle(example())}
    assert idle == {"security-credentials", "security-told"}  # said there in one block with the measures


def test_a_purpose_and_measures_are_kept_by_what_the_register_shows():
    facts = Facts(date(2026, 11, 23), (), {}, {}, {}, None, None)
    words = {one.promise: (one.word, one.broken_by) for one in judge(example(), facts)}
    assert words["5/purpose/protection"][0] == "kept"
    late = Facts(date(2027, 6, 11), (), {}, {}, {}, None, None)
    word, why = next(
        (one.word, one.broken_by) for one in judge(example(), late) if one.promise == "5/purpose/protection"
    )
    assert (word, why) == ("broken", ("fraud: its review was due on 2027-06-10",))


def test_the_promises_of_the_register_are_judged_and_stand_in_no_notice():
    policy = example()
    internal = [one for one in policy.promises.values() if not one.public]
    facts = Facts(date(2026, 11, 23), (), {}, {}, {}, None, None)
    found = {one.promise: one for one in judge(policy, facts)}
    late = found["register/premises/purpose/premises"]
    assert (late.word, late.broken_by) == ("broken", ("premises: its review was due on 2026-02-03",))
    assert late.remedy == "troth policy set register/activities/activity/premises reviewed 2026-11-23"
    assert found["register/payroll/retention/payslips"].word == "unproven"
    assert "no store is mapped" in found["register/payroll/collection/employment"].figure
    titles = {str(title.said(language)) for one in internal for language in ("en", "fr")
              if (title := getattr(one, "title", None) or getattr(one, "does", None)) is not None}  # fmt: skip
    assert len(titles) > 40
    for language in ("en", "fr"):
        text = render(policy, language, "html")
        assert [one for one in titles if one in text or escape(one) in text] == []


def test_what_a_collection_of_the_register_collects_is_looked_for_in_the_maps_by_its_own_categories():
    policy, maps = (
        example(),
        {"crm": Map("crm", "sqlite", "", {}, {"people": MapTable("people", {"mail": "contact"})}, {})},
    )
    facts = Facts(date(2026, 11, 23), (), {}, {}, maps, None, None)
    found = {one.promise: one for one in judge(policy, facts)}
    one = found["register/payroll/collection/employment"]
    assert (one.word, one.figure) == ("unproven", "no map has a column of what it collects")
