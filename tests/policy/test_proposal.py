"""What a reviewed document proposes, and how it is written into the prose where it stands."""

import pytest

from troth.policy.paragraphs import Piece, markdown, paragraphs, replaced
from troth.policy.proposal import Document, GivenOut, Reviewed, proposals

GIVEN = {"1": (GivenOut("1 First"), GivenOut("A")), "2": (GivenOut("2 Second"), GivenOut("B"))}


def found(**clauses):
    came = {name.removeprefix("c"): tuple(Reviewed(*one) for one in ones) for name, ones in clauses.items()}
    return proposals(GIVEN, Document("en", "", "", came))


def test_a_clause_that_did_not_come_back_is_proposed_as_removed():
    gone = found(c2=[("2 Second", "2 Second"), ("B", "B")])
    assert [(one.clause, one.was, one.becomes, one.tracked) for one in gone] == [
        ("1", "1 First", "", False),
        ("1", "A", "", False),
    ]


def test_a_new_paragraph_stands_behind_the_one_before_it_also_where_that_is_new():
    came = found(
        c1=[("1 First", "1 First"), ("A", "A"), (None, "N"), (None, "M")], c2=[("2 Second",) * 2, ("B", "B")]
    )
    assert [(one.behind, one.becomes) for one in came] == [("A", "N"), ("N", "M")]


@pytest.mark.parametrize(
    ("prose", "after", "becomes"),
    [
        ("A\n\nB", "A", "A\n\nN\n\nB"),
        ("A\n\nB", "B", "A\n\nB\n\nN"),
        ("- A\n- B", "A", "- A\n\nN\n\n- B"),
        ("A\n\nB", "", "N\n\nA\n\nB"),
        ("", "", "N"),
    ],
)
def test_a_new_paragraph_stands_between_blank_lines(prose, after, becomes):
    assert replaced(prose, "en", "", "N", after) == becomes


HOSTILE = [
    "# Heading", "- item", "+ item", "---", "===", "~~~", "| a | b |", "1. first", "12) twelfth", "{{ answer.within }}",
    "{{{ answer.within }}}", "a {{ table: purposes }}", "a\n\n## 2 Clause", "&lt;b&gt;", "a\u2028# b",
]  # fmt: skip


@pytest.mark.parametrize("code", [False, True], ids=["text", "code"])
@pytest.mark.parametrize("words", [*HOSTILE, "`` a ` {b}"])
def test_what_a_reviewer_writes_is_words_and_no_markup(words, code):
    written = markdown((Piece(words, code=code),))
    (one,) = paragraphs(written, "en")
    said = " ".join(words.replace("\u2028", "\n").split("\n")).replace("  ", " ")
    assert one.style == "plain"
    assert ["".join(piece.text for piece in one.pieces).replace("  ", " ")] == [said]
    assert not any(piece.locked for piece in one.pieces)
    assert one.markdown == written


def test_a_link_keeps_what_follows_it_out_of_the_text():
    written = markdown((Piece("here", link="https://example.org/a) {{ x }} (b"),))
    (one,) = paragraphs(written, "en")
    assert [(piece.text, piece.locked) for piece in one.pieces] == [("here", "")]
