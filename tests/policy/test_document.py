"""A policy is read as clauses, each under its full number, each in its place."""

# ruff: noqa: E501  (whole lines stand in these tables)

from datetime import date

import pytest

from troth.policy.document import parse


def numbers(*headings):
    document = parse("# A title\n\n" + "\n\n".join(headings), "policy.md")
    return [clause.number for clause in document.clauses], [problem.what for problem in document.problems]


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (["## 7.1 How we answer", "## 9.5 Cookies"], ["7.1", "9.5"]),
        (["## 7. Rights", "### 1. How", "### 2. What", "## 9. Cookies", "### 1. Which"], ["7", "7.1", "7.2", "9", "9.1"]),
        (["## 9 Cookies", "### 2 Kinds", "#### 1 Session", "#### 2 Lasting"], ["9", "9.2", "9.2.1", "9.2.2"]),
        (["## Who we are", "### What we do", "### Where", "## Why"], ["1", "1.1", "1.2", "2"]),
        (["## 3 Third", "## Next", "### Below"], ["3", "4", "4.1"]),
        (["## 7 Rights", "### 7.7 Objection", "#### 7.7.1 At once"], ["7", "7.7", "7.7.1"]),
        (["## 7 Rights", "#### 1 Skips a level"], ["7", "7.1"]),
        (["## 7) Rights", "### 1) How"], ["7", "7.1"]),
        (["## 1 One", "### 1 Inner"], ["1", "1.1"]),
        (["# 7 Rights", "## 7.1 How"], ["7", "7.1"]),
    ],
    ids=["whole paths", "numbers that restart", "three levels", "no numbers", "after a number", "whole below whole",
         "a level skipped", "brackets", "the same number inside", "the first level is a clause"],
)  # fmt: skip
def test_every_clause_has_its_full_path(headings, expected):
    assert numbers(*headings) == (expected, [])


@pytest.mark.parametrize("heading", ["## 2024 in numbers", "## 1234 A"])
def test_a_long_number_is_a_word_of_the_title(heading):
    assert numbers(heading)[0] == ["1"]


def test_a_number_there_twice_is_a_problem():
    assert numbers("## 7.1 How", "## 7.1 Again")[1] == ["Clause 7.1 is already on line 3."]


def test_a_number_that_stands_elsewhere_is_a_problem():
    assert numbers("## 7 Rights", "### 8.1 Cookies")[1] == ["The heading says 8.1 but stands under 7."]


def test_a_heading_without_words_is_a_problem():
    assert numbers("## 7.", "text")[1] == ["This heading has no words."]


def test_text_keeps_its_lines_and_blocks_are_taken_out():
    text = "# T\n\n## 7 Rights\n\nOne.\n\n```promise\nanswer: {within: 1 month}\n```\nTwo.\n\n## 8 Next\n"
    first, second = parse(text, "policy.md").clauses
    assert (first.line, first.end_line, first.text_line, second.line) == (3, 11, 4, 12)
    lines = text.split("\n")
    for offset, line in enumerate(first.text.split("\n")):
        assert line in ("", lines[first.text_line - 1 + offset])
    assert "promise" not in first.text
    assert first.text.split() == ["One.", "Two."]
    assert [(block.line, block.text) for block in first.blocks] == [(8, "answer: {within: 1 month}\n")]


def test_a_heading_that_is_underlined_takes_two_lines():
    (clause,) = parse("1 Who we are\n------------\n\nUs.\n", "policy.md").clauses
    assert (clause.line, clause.text_line, clause.text.strip()) == (1, 3, "Us.")


def test_headings_in_code_and_quotes_are_no_clauses():
    document = parse("## 1 A\n\n```\n## 2 B\n```\n\n> ## 3 C\n\n- ## 4 D\n", "policy.md")
    assert [clause.number for clause in document.clauses] == ["1"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("## 1 A\n\n```promise\nanswer: {}\n", 3, "This promise block is never closed."),
        ("## 1 A\n\n- a\n\n  ```promise\n  answer: {}\n  ```\n", 5, "A promise block must not be indented or inside a list."),
        ("# T\n\n```promise\nanswer: {}\n```\n\n## 1 A\n", 3, "This promise block stands under no clause."),
        ("---\ntitle: x\n\n## 1 A\n", 1, "The top of the file opens with `---` and does not close."),
        ("", 1, "The policy is empty."),
        ("```promise\n```", 1, "There are no clauses."),
        ("## 1 A\n\0", 1, "It is not text: there are zero bytes in it."),
    ],
)  # fmt: skip
def test_what_is_out_of_order_is_said_with_its_line(text, line, what):
    assert (line, what) in [(problem.line, problem.what) for problem in parse(text, "policy.md").problems]


def test_the_top_of_the_file_is_read():
    front = parse(
        "---\ntitle: 'Our policy'\nversion: 1.10\ndate: 2026-11-23\nlanguage: en\n---\n\n## 1 A\n", "p.md"
    ).front
    assert (front.title, front.version, front.date, front.language) == (
        "Our policy",
        "1.10",
        date(2026, 11, 23),
        "en",
    )


def test_a_name_that_says_another_language_than_the_file_is_a_problem():
    document = parse("---\nlanguage: de\n---\n\n## 1 A\n", "policy.fr.md")
    assert [problem.what for problem in document.problems] == [
        "The file name says `fr` and this says otherwise."
    ]
    assert document.language == "fr"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(ending):
    text = "\ufeff# T\n\n## 7 Rights\n\nOne.\n"
    there, here = parse(text, "policy.md"), parse(text.replace("\n", ending), "policy.md")
    assert [clause.sha256 for clause in here.clauses] == [clause.sha256 for clause in there.clauses]
    assert here.clauses[0].line == 3


def test_the_hash_of_a_clause_is_of_its_words():
    def hash_of(prose):
        return parse(f"## 1 A\n\n{prose}\n", "policy.md").clauses[0].sha256

    assert hash_of("one  two\nthree") == hash_of("one two three <!-- a note -->")
    assert hash_of("one two") != hash_of("one three")
