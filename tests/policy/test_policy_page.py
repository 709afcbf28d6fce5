"""The page about policies says what is so."""

import re
from pathlib import Path

from troth.policy.notice_text import markdown
from troth.policy.tables import TABLES
from writing_policies import read, told

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text("utf-8")
EXAMPLE = next(re.finditer(r"~~~markdown\n(.*?)~~~", PAGE, re.DOTALL))[1]


def test_its_example_is_a_policy():
    assert "No cookie outlives 13\u00a0months." in markdown(read({"policy.md": EXAMPLE}), "en")


def test_it_lists_every_table():
    line = PAGE.partition("Tables and lists there are: ")[2].partition(".")[0]
    assert re.findall(r"`(\w+)`", line) == list(TABLES)


def test_its_mistakes_are_told_in_these_words():
    wrong = EXAMPLE.replace("within: 1 month", "within: 13").replace(
        "answer:\n", "purpose: {orders: {legal_bases: contract}}\nanswer:\n"
    )
    said = [one.partition(" ")[2] for one in told(wrong)]
    for line in re.findall(r"^policy\.md:\d+:\d+: (.*)$", PAGE, re.MULTILINE):
        assert line in said
