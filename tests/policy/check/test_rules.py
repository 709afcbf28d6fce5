"""Every rule: a text where it must speak, and one nearly like it where it must not."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from troth.policy.check import about, check, rule_ids
from troth.policy.policy import load

HERE = Path(__file__).parent
CASES = {
    name: case
    for file in sorted((HERE / "cases").glob("*.toml"))
    for name, case in tomllib.loads(file.read_text(encoding="utf-8")).items()
}
TODAY = date(2026, 11, 23)
OF_THE_CHECK = {"P00", "P02"}


def found(text, file):
    policy = load({file: text})[0] if file.endswith(".md") else None
    return {finding.rule: finding for finding in check(text, file, today=TODAY, policy=policy)}


@pytest.mark.parametrize("name", [name for name in rule_ids() if name not in OF_THE_CHECK])
def test_a_rule_speaks_where_it_must_and_is_silent_where_not(name):
    case = CASES[name]
    file = case.get("file", "policy.txt")
    finding = found(case["bad"], file).get(name)
    assert finding is not None
    if "line" in case:
        assert finding.line == case["line"]
    assert name not in found(case["good"], file)


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
