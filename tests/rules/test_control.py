"""Every promise of every kind has a control, and the audit knows each."""

from datetime import date
from pathlib import Path

import pytest

from troth.policy.kinds import KINDS
from troth.policy.loading import load
from troth.rules import control
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
    assert [one.promise for one in judge(policy, facts)] == [one.promise.id for one in found]


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
