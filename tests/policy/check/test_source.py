"""The policy Troth was made for: each rule finds in it exactly the lines a reader found by hand."""

import json
from datetime import date
from pathlib import Path

import pytest

from troth.policy.check import about, check

EXPECTED = json.loads(Path(__file__).with_name("expected_lines.json").read_text(encoding="utf-8"))
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def findings(samples):
    text = next((samples / "seeds").glob("000_*.txt")).read_text(encoding="utf-8")
    return check(text, "source.txt", today=TODAY)


@pytest.mark.parametrize("rule", EXPECTED)
def test_a_rule_finds_its_lines_and_no_other(findings, rule):
    lines = sorted({finding.line for finding in findings if finding.rule == rule})
    if EXPECTED[rule]["lines"]:
        assert lines == EXPECTED[rule]["lines"]
    else:
        assert len(lines) == 1  # missing everywhere: said once


@pytest.mark.parametrize("rule", EXPECTED)
def test_a_rule_is_as_severe_as_the_reader_was(rule):
    assert about(rule).severity == EXPECTED[rule]["severity"]
