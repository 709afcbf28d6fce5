"""`troth check` as people and build servers call it."""

import json
import subprocess
import sys
from datetime import date

import pytest
import typer
from typer.testing import CliRunner

from troth.errors import NotFoundError, WrongFileError
from troth.faces.cli import check_commands, context
from troth.faces.cli.check_commands import excerpt
from troth.policy.check import Finding, rule_ids
from troth.policy.starting import project_files
from troth.wiring import open_project

FAULTY = "Notice\n\n1. Contact\n\nWrite to us at (i) Example Ltd, 1 High Street, London or (ii)\n"


@pytest.fixture
def faulty(tmp_path):
    file = tmp_path / "our policy.txt"
    file.write_text(FAULTY, encoding="utf-8")
    return file


def run(*words, **options):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("check")(check_commands.check)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False, **options)


def failing(*words):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("check")(check_commands.check)
    return CliRunner().invoke(app, [str(word) for word in words]).exception


def test_a_finding_shows_its_place_the_words_the_law_and_the_remedy(faulty):
    shown = run(faulty)
    assert shown.exit_code == 1
    assert f"{faulty}:5:58: error T02" in shown.stdout.replace("\n", "")
    assert "5 | Write to us at (i) Example Ltd, 1 High Street, London or (ii)\n" in shown.stdout
    assert shown.stdout.split("London or (ii)\n")[1].splitlines()[0].endswith("^^^^")
    assert "GDPR Art. 13(1)(a)-(b)" in shown.stdout


def test_findings_can_be_had_in_french(faulty):
    shown = run(faulty, "--language", "fr").stdout
    assert "erreur T02" in shown
    assert "Remède :" in shown


def test_findings_as_json_have_every_field(faulty):
    findings = json.loads(run(faulty, "--format", "json").stdout)["findings"]
    (found,) = [one for one in findings if one["rule"] == "T02"]
    assert (found["line"], found["column"], found["severity"], found["confidence"]) == (
        5,
        58,
        "error",
        "high",
    )
    assert all(found[field] for field in ("message", "law", "remedy"))


def test_findings_as_sarif_point_into_the_file_and_to_their_rule(faulty):
    report = json.loads(run(faulty, "--format", "sarif").stdout)
    (ran,) = report["runs"]
    (result,) = [one for one in ran["results"] if one["ruleId"] == "T02"]
    assert report["version"] == "2.1.0"
    assert ran["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "T02"
    place = result["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 5, "startColumn": 58, "endColumn": 62}
    assert place["artifactLocation"]["uri"].endswith("our%20policy.txt")


def test_warnings_fail_only_when_asked(tmp_path):
    for path, words in project_files("Example", date(2026, 11, 23)).items():
        (tmp_path / path).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / path).write_text(words, encoding="utf-8")
    file = tmp_path / "policy.md"
    at_all = run(file, "--format", "json", "--today", "2029-01-01")
    found = {one["severity"] for one in json.loads(at_all.stdout)["findings"]}
    assert at_all.exit_code == 0
    assert "warn" in found  # the last update is long ago by then
    assert run(file, "--strict", "--today", "2029-01-01").exit_code == 1
    assert json.loads(run(file, "--format", "json", "--severity", "error").stdout)["findings"] == []


def test_without_a_file_the_policies_of_the_project_are_checked(tmp_path):
    (tmp_path / "troth.toml").write_text('[project]\nname = "test"\n', encoding="utf-8")
    (tmp_path / "policy.md").write_text(
        "# Notice\n\n## 1 Contact\n\nWrite to (i) us or (ii)\n", encoding="utf-8"
    )
    context.set_up(open_project)
    context.look_in(tmp_path)
    assert "T02" in run().stdout


def test_standard_input_is_plain_text():
    shown = run("-", "--format", "json", input=FAULTY)
    assert "T02" in {one["rule"] for one in json.loads(shown.stdout)["findings"]}


def test_promises_that_do_not_read_are_findings_with_their_place(tmp_path):
    file = tmp_path / "policy.md"
    file.write_text("# N\n\n## 1 A\n\n```promise\nanswer:\n  within: 13\n```\n", encoding="utf-8")
    shown = run(file, "--format", "json")
    (found, *_) = json.loads(shown.stdout)["findings"]
    assert shown.exit_code == 1
    assert (found["rule"], found["line"]) == ("P00", 7)


def test_what_is_silenced_is_still_told_with_its_reason(tmp_path):
    file = tmp_path / "policy.txt"
    file.write_text(
        "Notice\n\n# troth: disable T02 because the second office opens in May\n" + FAULTY, encoding="utf-8"
    )
    told = json.loads(run(file, "--format", "json").stdout)
    (silenced,) = told["silenced"]
    assert "T02" not in {one["rule"] for one in told["findings"]}
    assert (silenced["rule"], silenced["silenced"]) == ("T02", "the second office opens in May")
    assert "the second office opens in May" in run(file).stdout
    results = json.loads(run(file, "--format", "sarif").stdout)["runs"][0]["results"]
    (result,) = [one for one in results if one["ruleId"] == "T02"]
    assert result["suppressions"][0]["justification"] == "the second office opens in May"


def test_a_rule_explains_itself():
    shown = run("--explain", "t02").stdout
    assert "T02" in shown
    assert "Art. 13(1)" in shown
    assert json.loads(run("--explain", "T02", "--format", "json").stdout)["rule"] == "T02"


def test_every_rule_is_listed():
    assert [one["rule"] for one in json.loads(run("--rules", "--format", "json").stdout)] == list(rule_ids())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--explain", "T0"), "Did you mean"),
        (("nowhere.txt",), "There is no file nowhere.txt."),
        (("--language", "de", "x"), "Choose en or fr"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(words, said):
    problem = failing(*words)
    assert isinstance(problem, NotFoundError)
    assert said in str(problem)


def test_a_file_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "policy.txt"
    file.write_bytes(b"\xff\xfe\x00")
    problem = failing(file)
    assert isinstance(problem, WrongFileError)
    assert "UTF-8" in str(problem)


def test_a_long_line_is_cut_around_what_was_found():
    line = "a" * 500 + " or (ii) " + "b" * 500
    found = Finding("T02", 1, 505, 4, "error", "", "", "", "high")
    shown, carets = excerpt([line], found)
    assert shown[carets.index("^") : carets.rindex("^") + 1] == line[504:508]
    assert len(shown) < 110


def test_control_characters_of_a_policy_never_reach_the_terminal():
    found = Finding("T02", 1, 1, 4, "error", "", "", "", "high")
    shown, _ = excerpt(["\x1b[31mred\x07"], found)
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.slow
def test_the_command_itself_ends_with_its_code(faulty):
    done = subprocess.run(
        [sys.executable, "-c", "from troth.wiring import main; main()", "check", str(faulty)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
