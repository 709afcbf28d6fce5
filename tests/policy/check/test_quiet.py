"""Silence where nothing is wrong, and an answer to any text at all in bounded time."""

import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.policy.check import check, check_all
from troth.policy.loading import load
from troth.policy.starting import project_files

ROOT = Path(__file__).resolve().parents[3]
GROUP = ROOT / "examples" / "group"
TODAY = date(2026, 11, 23)
WORDS = (
    "cookies",
    "consent",
    "is",
    "(a)",
    "you’re",
    "his/her",
    "transfer",
    "we",
    "outside",
    "the EU",
    "13 months",
    ":",
    ";",
    ".",
    "\n\n",
    "\n",
    "1.",
    "2. Rights",
    "-",
    "|",
    "“data” means",
    "\u00a0",
    "é",
)


def problems(text, file, policy=None):
    return [one for one in check(text, file, today=TODAY, policy=policy) if one.severity == "error"]


@pytest.mark.parametrize("file", ["policy.md", "policy.fr.md"])
def test_the_example_has_no_error_but_the_one_it_keeps_on_purpose(file):
    names = [*GROUP.glob("policy*.md"), *GROUP.glob("register/*.yaml")]
    policy, wrong = load(
        {name.relative_to(GROUP).as_posix(): name.read_text(encoding="utf-8") for name in names}
    )
    assert policy is not None, wrong
    text = (GROUP / file).read_text(encoding="utf-8")
    assert problems(text, file, policy) == []
    silenced = [one.rule for one in check_all(text, file, today=TODAY, policy=policy) if one.silenced]
    assert silenced == (["N01"] if file == "policy.md" else [])


@pytest.mark.parametrize("file", ["policy.md", "policy.fr.md"])
def test_a_policy_just_started_has_nothing_wrong(file):
    files = {
        name: text
        for name, text in project_files("Example", TODAY).items()
        if name.endswith((".md", ".yaml"))
    }
    kept = {name: text for name, text in files.items() if name.startswith(("policy", "register/"))}
    policy, wrong = load(kept)
    assert policy is not None, wrong
    assert check(kept[file], file, today=TODAY, policy=policy) == ()


def test_a_good_policy_of_others_has_no_error(samples):
    file = samples / "data" / "policies" / "37signals-privacy.md"
    found = check(file.read_text(encoding="utf-8"), file.name, today=TODAY)
    assert [one for one in found if one.severity == "error"] == []
    # Plainly true of it: silent on children and on UK complaints, no authority named, old, no decision cited.
    assert {one.rule for one in found} <= {"M19", "M24", "K05", "A01", "A03"}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join), st.sampled_from(["a.txt", "a.md", "a.fr.md"])
)
def test_any_text_is_checked_and_every_finding_lies_in_it(text, file):
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for finding in check(text, file, today=TODAY):
        assert 1 <= finding.line <= len(lines)
        assert finding.column >= 1


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_no_text_is_too_odd(text):
    check(text, "a.txt", today=TODAY)
    check(text, "a.md", today=TODAY)


@pytest.mark.slow
@pytest.mark.parametrize("word", [*WORDS, "such as ", "the ", "a", "Personal data ", "(", "transferred "])
def test_no_text_takes_for_ever(word):
    text = "1. Cookies\n\n" + (word + " ") * (20_000 // (len(word) + 1))
    began = time.monotonic()
    check(text, "a.txt", today=TODAY)
    assert time.monotonic() - began < 20  # a runaway pattern takes hours
