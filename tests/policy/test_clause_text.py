"""A clause is written otherwise, and every other byte of its file stays."""

import difflib
from pathlib import Path

import pytest

from troth.errors import ConflictError, NotAllowedError, NotFoundError
from troth.policy.clause_text import PREAMBLE, prose, with_front, with_promise, with_prose, with_title
from troth.policy.document import parse
from troth.policy.merging import merged, sides

GROUP = Path(__file__).resolve().parents[2] / "examples" / "group"
ENGLISH = (GROUP / "policy.md").read_text("utf-8")
FRENCH = (GROUP / "policy.fr.md").read_text("utf-8")
SMALL = (
    "# P\n\nHello.\n\n## 1 One\n\nFirst.\n\n"
    "```promise\nanswer:\n  within: 1 month\n```\n\nLast.\n\n## 2 Two\n\nEnd.\n"
)


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(("text", "file"), [(ENGLISH, "policy.md"), (FRENCH, "policy.fr.md")])
def test_every_clause_takes_the_same_words_a_new_paragraph_and_the_old_words_again(text, file, ends):
    text = text.replace("\n", ends)
    document = parse(text, file)
    before = text.splitlines(keepends=True)
    for number in (PREAMBLE, *list(document.by_number)[::12]):
        words = prose(document, number)
        assert with_prose(text, file, number, words) == text
        longer = f"{words}\n\nOne more paragraph.".strip()
        out = with_prose(text, file, number, longer)
        assert prose(parse(out, file), number) == longer
        changes = difflib.SequenceMatcher(
            None, before, out.splitlines(keepends=True), autojunk=False
        ).get_opcodes()
        assert [what for what, *_ in changes if what != "equal"] == ["insert"]
        assert prose(parse(with_prose(out, file, number, words), file), number) == words


def test_prose_on_both_sides_of_a_promise_stays_on_its_side():
    out = with_prose(SMALL, "policy.md", "1", "First, and more.\n\nBetween.\n\nLast.")
    assert out == SMALL.replace("First.\n", "First, and more.\n\nBetween.\n")


def test_a_title_keeps_its_number():
    assert with_title(SMALL, "policy.md", "2", " The  second ") == SMALL.replace(
        "## 2 Two", "## 2 The second"
    )


@pytest.mark.parametrize("words", ["```\nx", "<!-- x", "## 2 Again", "```promise\nanswer: {}\n```"])
def test_words_that_would_change_another_clause_or_a_promise_are_refused(words):
    with pytest.raises(NotAllowedError, match=r"would change clause|already on line"):
        with_prose(SMALL, "policy.md", "1", words)


def test_a_clause_that_is_not_there_is_not_found():
    with pytest.raises(NotFoundError, match=r"policy\.md has no clause '9'\."):
        with_prose(SMALL, "policy.md", "9", "x")


def test_a_first_promise_of_a_clause_is_written_behind_its_prose_and_goes_again():
    more = with_promise(
        SMALL, "policy.md", "2", "retention", "orders", (), {"period": "1 year", "trigger": "order"}
    )
    block = "\n```promise\nretention:\n  orders:\n    period: 1 year\n    trigger: order\n```\n"
    assert more == SMALL.replace("End.\n", "End.\n" + block)
    assert with_promise(more, "policy.md", "2", "retention", "orders", (), None) == SMALL


def test_the_top_of_a_file_says_its_version_otherwise_and_nothing_else_changes():
    out = with_front(ENGLISH, "policy.md", "version", '"2.1"')
    assert out == ENGLISH.replace('version: "2.0"', 'version: "2.1"', 1)
    assert with_front(SMALL, "policy.md", "version", "2") == SMALL


def both(text):
    return {"policy.md": text}


def test_three_texts_are_put_together_by_clause():
    theirs, yours = SMALL.replace("End.", "The end."), SMALL.replace("First.", "One.")
    assert merged(both(SMALL), both(theirs), both(yours), {})["policy.md"] == theirs.replace("First.", "One.")


def test_where_both_changed_a_clause_somebody_chooses():
    theirs, yours = SMALL.replace("End.", "Fin."), SMALL.replace("End.", "Over.")
    (one,) = sides(both(SMALL), both(theirs), both(yours))
    assert (one.clause, one.moved, one.disagree) == ("2", True, True)
    with pytest.raises(ConflictError, match=r"Both sides changed clause 2 of policy\.md\."):
        merged(both(SMALL), both(theirs), both(yours), {})
    assert merged(both(SMALL), both(theirs), both(yours), {("policy.md", "2"): "yours"}) == both(yours)
    assert merged(both(SMALL), both(theirs), both(yours), {("policy.md", "2"): "theirs"}) == both(theirs)


def test_a_clause_behind_a_file_without_a_last_line_break_keeps_its_heading():
    short = SMALL.rstrip("\n")
    yours = short.replace("## 2 Two", "## 3 Three\n\nMore.\n\n## 2 Two") + "\n\n## 4 Four\n\nLast.\n"
    theirs = short.replace("First.", "One.")
    out = merged(both(short), both(theirs), both(yours), {})["policy.md"]
    assert out == yours.replace("First.", "One.")
    added = short + "\n\n## 4 Four\n\nAt last."
    out = merged(
        both(short), both(added), both(short.replace("End.", "Over.")), {("policy.md", "2"): "yours"}
    )
    assert out["policy.md"] == added.replace("End.", "Over.")


def test_a_clause_whose_number_is_there_twice_is_kept_where_it_stands():
    twice = SMALL + "\n## 1 Again\n\nSecond.\n"
    assert merged(both(SMALL), both(twice), both(SMALL.replace("First.", "One.")), {}) == both(
        twice.replace("First.", "One.")
    )


def test_a_file_that_was_deleted_stays_so_where_theirs_is_kept_or_nobody_changed_it():
    base, theirs = {**both(SMALL), "policy.fr.md": SMALL}, both(SMALL)
    assert merged(base, theirs, base, {}) == theirs
    yours = {**base, "policy.fr.md": SMALL.replace("End.", "Fin.")}
    assert merged(base, theirs, yours, {("policy.fr.md", "2"): "theirs"}) == theirs
    assert merged(base, theirs, yours, {("policy.fr.md", "2"): "yours"}) == yours
