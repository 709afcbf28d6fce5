"""Every rule: a text where it must speak, and one nearly like it where it must not."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from troth.policy.check import about, check, rule_ids
from troth.policy.loading import load

HERE = Path(__file__).parent
CASES = {
    name: case
    for file in sorted((HERE / "cases").glob("*.toml"))
    for name, case in tomllib.loads(file.read_text(encoding="utf-8")).items()
}
TODAY = date(2026, 11, 23)
OF_THE_CHECK = {"P00", "P02"}


def found(text, file, register=None):
    beside = {"register/documents.yaml": register} if register else {}
    policy = load({file: text, **beside})[0] if file.endswith(".md") else None
    return {finding.rule: finding for finding in check(text, file, today=TODAY, policy=policy)}


@pytest.mark.parametrize("name", [name for name in rule_ids() if name not in OF_THE_CHECK])
def test_a_rule_speaks_where_it_must_and_is_silent_where_not(name):
    case = CASES[name]
    file = case.get("file", "policy.txt")
    finding = found(case["bad"], file, case.get("beside")).get(name)
    assert finding is not None
    if "line" in case:
        assert finding.line == case["line"]
    assert name not in found(case["good"], file, case.get("good_beside"))


@pytest.mark.parametrize("name", rule_ids())
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_rule_says_what_why_and_what_to_do(name, language):
    told = about(name, language)
    for words in (told.message, told.remedy, told.why):
        assert words.strip() == words
        assert words.endswith((".", "?", "»", "."))
    assert told.severity in ("error", "warn", "info")
    assert told.confidence in ("high", "medium", "low")
    assert told.law or told.group in ("text", "terms", "conflict", "age", "promises")


def test_a_comment_with_a_reason_silences_a_rule_in_its_clause_only():
    text = (
        "# Notice\n\n## 1 Here\n\n<!-- troth: disable T02 because the second office is not open yet -->\n\n"
        "Write to (i) Paris or (ii)\n\n## 2 There\n\nWrite to (i) Rome or (ii)\n"
    )
    assert [one.line for one in check(text, "policy.md", today=TODAY) if one.rule == "T02"] == [11]


def test_a_comment_above_all_headings_silences_a_rule_everywhere():
    text = "Notice\n\n# troth: disable T02, T03 because this is a template\n\n1. Here\n\nWrite to (i) Paris or (ii)\n"
    assert "T02" not in found(text, "policy.txt")


def test_a_comment_without_a_reason_silences_nothing_and_is_told():
    text = "Notice\n\n# troth: disable T02 because hm\n\n1. Here\n\nWrite to (i) Paris or (ii)\n"
    assert {"T02", "P02"} <= found(text, "policy.txt").keys()
    assert found(text, "policy.txt")["P02"].line == 3


def test_what_does_not_read_is_told_with_its_cause():
    (finding,) = [one for one in check("", "policy.txt", today=TODAY) if one.rule == "P00"]
    assert finding.message == "The policy is empty."
