"""The law on the command line: deadlines explained, authorities named, mistakes answered."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli import law_commands

CASES = tomllib.loads((Path(__file__).parent.parent / "law" / "vectors.toml").read_text(encoding="utf-8"))
KEYS = {
    *(
        "received",
        "jurisdiction",
        "state",
        "legal_due",
        "safe_due",
        "extended",
        "overdue",
        "flags",
        "explanation",
    ),
    *("extension_notice_latest", "extension_notice_safe", "refusal_latest", "refusal_safe"),
    *("acknowledge_by", "post_by", "paused_days", "paused_since", "explanation"),
}

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(law_commands.clock)
app.command()(law_commands.authority)
app.command()(law_commands.law)


def run(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def clock(*words):
    said = run("clock", "--json", *words)
    assert said.exit_code == 0
    return json.loads(said.stdout)


@pytest.mark.parametrize("case", CASES["deadline"], ids=lambda case: case["id"])
def test_each_worked_case_can_be_asked_for(case):
    words = ["--received", case.get("received_at", case["received"]).isoformat(), "-j", case["jurisdiction"]]
    for sent, answered in case.get("asks", []):
        words += ["--asked", str(sent), "--answered", str(answered)]
    if "clarification" in case:
        sent, answered = case["clarification"]
        words += ["--clarify-asked", str(sent), "--clarify-answered", str(answered)]
    if "fee_paid" in case:
        words += ["--fee-paid", str(case["fee_paid"])]
    if case.get("extended"):
        words.append("--extended")
    record = clock(*words)
    assert set(record) == KEYS
    assert (record["legal_due"], record["safe_due"]) == (str(case["legal"]), str(case["safe"]))
    for name in ("extension_notice_latest", "extension_notice_safe"):
        if name in case:
            assert record[name] == str(case[name])


def test_it_explains_in_english_with_the_law():
    said = run("clock", "--received", "2026-03-05", "--jurisdiction", "FR")
    assert said.exit_code == 0
    words = " ".join(said.stdout.split())
    for part in (
        "Answering a request received in France",
        "Easter Monday",
        "Tuesday 7 April 2026",
        "Friday 3 April",
    ):
        assert part in words


def test_it_explains_in_french():
    words = " ".join(run("clock", "--received", "2026-03-05", "-j", "fr", "-l", "fr").stdout.split())
    for part in ("Date légale mardi 7 avril 2026", "Date prudente vendredi 3 avril 2026", "RGPD art. 12(3)"):
        assert part in words


def test_an_open_ask_is_told_without_a_date():
    said = run("clock", "--received", "2026-03-05", "-j", "FR", "--asked", "2026-03-09")
    assert "none while the clock stands still" in said.stdout
    assert "Look at this" in said.stdout
    assert clock("--received", "2026-03-05", "-j", "FR", "--asked", "2026-03-09")["legal_due"] is None


def test_a_late_notice_makes_the_extension_void():
    record = clock("--received", "2026-08-31", "-j", "FR", "--extension-notice", "2026-10-01")
    assert (record["extended"], record["legal_due"]) == (False, "2026-09-30")
    assert [flag["code"] for flag in record["flags"]] == ["extension_void"]


def test_a_late_refusal_and_an_overdue_answer_are_flagged():
    record = clock("--received", "2026-03-05", "-j", "FR", "--refused", "2026-04-20", "--today", "2026-04-20")
    assert record["overdue"] is True
    assert [flag["code"] for flag in record["flags"]] == ["late_refusal", "overdue"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--received", "5 March"],
            "--received '5 March' is not a day. Write it as YYYY-MM-DD, such as 2026-03-05.",
        ),
        (["--received", "2026-02-30"], "--received 2026-02-30 is not a day: that month has 28 days."),
        (
            ["--received", "2026-13-01"],
            "--received 2026-13-01 names no month. Write it as YYYY-MM-DD, such as 2026-03-05.",
        ),
        (
            ["--received", "2026-03-05T25:00:00Z"],
            "--received '2026-03-05T25:00:00Z' is not a moment. Write it as 2026-03-31T22:30:00Z.",
        ),
        (
            ["--received", "2026-03-05T22:00:00"],
            "The moment of receipt has no time zone, so its day is not known. Give one, such as UTC.",
        ),
        (
            ["--received", "2026-03-05", "--asked", "2026-03-09", "--answered", "2026-03-08"],
            "The answer of 2026-03-08 came before the ask of 2026-03-09. Check both days.",
        ),
        (
            ["--received", "2026-03-05", "--answered", "2026-03-08"],
            "--answered is given 1 times and --asked 0 times. Give one --asked for each answer.",
        ),
        (
            ["--received", "2026-03-05", "--clarify-answered", "2026-03-08"],
            "--clarify-answered stands alone. Give --clarify-asked with it.",
        ),
        (
            ["--received", "2026-03-05", "--extended", "--reason", "holidays"],
            "'holidays' is no reason for an extension. The law knows: complexity, number (GDPR Art. 12(3)).",
        ),
        (
            ["--received", "2026-03-05", "--refused", "2026-03-01"],
            "The day 2026-03-01 lies before the day of receipt, 2026-03-05. Check both days.",
        ),
    ],
)
def test_what_is_wrongly_typed_is_answered_in_one_sentence(words, sentence):
    with pytest.raises((NotAllowedError, NotFoundError)) as raised:
        run("clock", "-j", "FR", *words)
    assert str(raised.value) == sentence


def test_an_unknown_place_is_answered_with_the_nearest():
    with pytest.raises(NotFoundError) as raised:
        run("clock", "--received", "2026-03-05", "-j", "Germny")
    assert str(raised.value) == "There is no jurisdiction 'Germny'. Did you mean DE (Germany)?"


def test_an_unknown_language_is_answered_with_those_there_are():
    with pytest.raises(NotFoundError, match=r"Use en \(English\) or fr \(French\)"):
        run("clock", "--received", "2026-03-05", "-j", "FR", "-l", "de")


def test_an_authority_is_named_with_its_address():
    said = run("authority", "FR", "--json")
    assert json.loads(said.stdout) == [
        {
            "country": "FR",
            "name": "Commission nationale de l’informatique et des libertés (CNIL)",
            "web": "https://www.cnil.fr",
            "note": "",
        }
    ]
    assert "https://www.cnil.fr" in run("authority", "France").stdout


def test_without_a_country_every_authority_is_listed():
    assert len(json.loads(run("authority", "--json").stdout)) == 34


def test_the_law_that_is_covered_is_listed_with_what_is_unsure():
    places = {place["code"]: place for place in json.loads(run("law", "--json").stdout)}
    assert places["FR"]["answer"] == "1 month"
    assert places["FR"]["pending"] == ["digital-omnibus"]
    assert "identity" in places["FR"]["verify"]
    assert places["GB"]["identity"] == "restart"
    assert "US-CA" in run("law").stdout


def test_the_real_command_ends_with_its_sentence_and_code_two():
    words = [sys.executable, "-m", "troth", "clock", "--received", "2026-02-30", "--jurisdiction", "FR"]
    said = subprocess.run(words, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert said.stderr.strip() == "--received 2026-02-30 is not a day: that month has 28 days."
    assert said.stdout == ""


def test_the_periods_of_france_are_listed_with_their_sources():
    lines = {one["code"]: one for one in json.loads(run("law", "--retention", "FR", "--json").stdout)}
    assert (lines["accounts"]["archive"], lines["accounts"]["law"]) == (
        "10 years",
        "Code de commerce Art. L123-22",
    )
    assert lines["identity_copy"]["kind"] == "ours", "the law names no number of hours"
    assert "Code civil Art. 2224" in " ".join(run("law", "--retention", "FR").stdout.split())
    with pytest.raises(NotFoundError, match="There is one for FR"):
        run("law", "--retention", "DE")
