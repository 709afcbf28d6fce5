"""Any text at all gives a policy or problems, each with a place, a cause and a remedy."""

# ruff: noqa: E501  (whole lines stand here)

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from troth.policy.document import parse
from troth.policy.kinds import KINDS
from troth.policy.loading import load
from troth.policy.notice import render
from troth.policy.shape import fields_of
from writing_policies import first_project

FILES = first_project()
PIECES = ["## 1 A\n", "```promise\n", "```\n", "answer:\n", "  within: 1 month\n", "{{", "}}", "{{ answer.within }}", "{{ table: cookies }}\n",
          "{", "}", "[", "]", ": ", "- ", "\t", "#", "\n", "\r\n", "&a ", "*a", "!!x ", "'", '"', "\0", "\u2028", "é", "🙂", "<!--", "-->", "|", "---\n",
          "null", "true", "999999999999999999999", "> ", "cookies: {table: [{name: a}]}\n", "right: {erase: {grounds: [a]}}\n"]  # fmt: skip
KEYS = sorted({"id", *KINDS, *(field.name for kind in KINDS.values() for field in fields_of(kind))})
VALUES = st.recursive(
    st.sampled_from(
        ["1 month", "x", "true", "3", "FR", "2026-11-23", "a@b.example", "", "session", "consent", "a", "'"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4).map(
            lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"
        )
    ),
    max_leaves=12,
)


def sound(files):
    policy, problems = load(files)
    assert (policy is None) == bool(problems)
    for one in problems:
        lines = len(re.split("\r\n|\r|\n", files.get(one.file, ""))) + 1
        assert 1 <= one.line <= lines
        assert one.column >= 1
        assert one.what
        assert one.remedy
        assert "\n" not in str(one)
    if policy is not None:
        for language in policy.documents:
            render(policy, language, "html")
            render(policy, language, "md")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_as_a_policy(text):
    sound({"policy.md": text})


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(KINDS)), VALUES, min_size=1, max_size=4))
def test_any_values_in_a_promise_block(kinds):
    block = "\n".join(f"{kind}: {value}" for kind, value in kinds.items())
    sound({"policy.md": f"## 1 A\n\n```promise\n{block}\n```\n"})


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, len(FILES["policy.md"])),
    st.integers(0, 40),
    st.sampled_from([*PIECES, ""]) | st.text(max_size=5),
)
def test_the_first_project_with_something_else_in_it(at, length, instead):
    text = FILES["policy.md"]
    sound({**FILES, "policy.md": text[:at] + instead + text[at + length :]})


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_as_another_language_or_a_register(text):
    sound({**FILES, "policy.fr.md": text, "register/internal.yaml": text})


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400))
def test_reading_a_document_loses_no_line(text):
    document = parse(text, "policy.md")
    for clause in document.clauses:
        assert 1 <= clause.line <= clause.end_line <= len(document.lines)
        assert clause.text.count("\n") == max(clause.end_line - clause.text_line, 0)
