"""Two versions are compared as people read them."""

import pytest

from troth.policy.loading import load
from troth.policy.rewording import rewordings

TEXT = """---
title: A policy
language: en
version: 1.0
date: 2026-11-23
---

# 1. Who we are

We are a small shop in Lyon.

We answer within {within}.

# 2. Letters

{letters}
"""


def policy(within="one month", letters="We write to you.", more=""):
    found, problems = load({"policy.md": TEXT.format(within=within, letters=letters) + more})
    assert found is not None, problems
    return found


def test_the_same_words_are_no_difference():
    assert rewordings(policy(), policy(), "en") == ()


def test_only_the_words_that_changed_are_marked_and_the_rest_stays():
    (found,) = rewordings(policy(), policy(within="two weeks"), "en")
    assert (found.number, found.title, found.what) == ("1", "Who we are", "changed")
    assert found.paragraphs == (
        (("same", "We answer within"), ("gone", "one month."), ("new", "two weeks.")),
    )


def test_where_the_lines_of_a_paragraph_break_is_no_difference():
    broken = policy(letters="We write\nto you.")
    assert rewordings(policy(), broken, "en") == ()
    (found,) = rewordings(broken, policy(letters="We write\nto everybody."), "en")
    assert found.paragraphs == ((("same", "We write to"), ("gone", "you."), ("new", "everybody.")),)


def test_a_paragraph_that_is_another_is_shown_after_the_one_it_replaces():
    (found,) = rewordings(policy(), policy(letters="Nothing goes out by post any more."), "en")
    assert found.paragraphs == (
        (("gone", "We write to you."),), (("new", "Nothing goes out by post any more."),),
    )  # fmt: skip


@pytest.mark.parametrize("gone", [False, True])
def test_a_clause_that_came_or_went_is_said_to(gone):
    shorter, longer = (
        policy(),
        policy(more="\n# 3. Bees\n\n| Bee | Hive |\n| --- | --- |\n| **Ada** | [one](https://a.example) |\n"),
    )
    (found,) = rewordings(longer, shorter, "en") if gone else rewordings(shorter, longer, "en")
    assert (found.number, found.what) == ("3", "removed" if gone else "added")
    assert [piece for paragraph in found.paragraphs for piece in paragraph] == [
        ("gone" if gone else "new", "Bee · Hive"), ("gone" if gone else "new", "Ada · one"),
    ]  # fmt: skip
