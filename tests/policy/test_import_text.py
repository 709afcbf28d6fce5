"""A plain text policy becomes Markdown that says the same, clause by clause."""

import pytest

from troth.policy.document import Clause, Document, Front, parse
from troth.policy.import_text import markdown


def plain(*clauses, title="Our Policy", preamble=""):
    """A document as the reader of plain text gives it."""
    found = tuple(Clause(number, name, number.count(".") + 1, 1, 1, text) for number, name, text in clauses)
    return Document("policy.txt", "", Front(), title, preamble, found)


def test_clauses_keep_their_numbers_and_words():
    document = plain(
        ("7", "Rights", ""),
        ("7.1", "How", "We answer.\n\nSoon."),
        ("7.7", "Object", ""),
        ("7.7.1", "Deep", "x"),
    )
    again = parse(markdown(document), "policy.md")
    assert again.problems == ()
    assert again.title == "Our Policy"
    assert [(one.number, one.title, one.text.split()) for one in again.clauses] == [
        ("7", "Rights", []),
        ("7.1", "How", ["We", "answer.", "Soon."]),
        ("7.7", "Object", []),
        ("7.7.1", "Deep", ["x"]),
    ]


def test_bullets_become_a_list():
    document = plain(("5", "Purposes", "We do:\n\n  • To sell;\n  • To answer.\n\nEnd."))
    assert "We do:\n\n- To sell;\n- To answer.\n\nEnd.\n" in markdown(document)


@pytest.mark.parametrize(
    "line",
    ["# not a heading", "1. not a list", "2) nor this", "> not a quote", "*stars* and _lines_ [x](y) <b>", "---", "===",
     "```promise", "~~~", "{{ not.a.hole }}", "a\\b", "+ plus"],
)  # fmt: skip
def test_what_looks_like_a_sign_stays_a_word(line):
    from troth.policy.loading import load
    from troth.policy.notice_page import fragment

    policy, problems = load({"policy.md": markdown(plain(("1", "A", line)))})
    assert problems == ()
    assert len(policy.document.clauses) == 1
    shown = fragment(policy, "en").replace("&lt;", "<").replace("&gt;", ">")
    assert f"<p>{line}</p>" in shown or f"<li>{line.lstrip('+ ')}</li>" in shown


def test_a_title_with_quotes_is_kept():
    assert parse(markdown(plain(("1", "A", "x"), title='The "Our" policy: all')), "policy.md").title == (
        'The "Our" policy: all'
    )
