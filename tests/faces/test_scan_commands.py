"""`troth scan` from the command line: a project's site found broken and then kept, and a report in every form."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from commanding import troth
from shop_project import opened
from sites.serving import Answer, serving
from troth.faces.cli import scan_shown
from troth.ledger import read
from troth.policy.loading import load
from troth.rules import trace as traces
from troth.rules.scan import held_to, judge
from troth.rules.scan_report import Note, Reached, Report
from troth.work.scan_due import Scanner

TABLE = """# Policy

## 9 Cookies

```promise
cookies:
  table:
    - {name: "s_*", party: first, category: analytics, lifetime: 1 month}
    - {name: gone, party: first, category: analytics, lifetime: 1 month}
```
"""


@pytest.fixture
def report():
    policy, _ = load({"policy.md": TABLE})
    at = datetime(2026, 12, 1, tzinfo=UTC)
    expected = held_to(policy, at)
    seen = traces.gathered(
        [
            traces.Trace(
                "cookie", "s_<b>1", "shop.example", "first", "before", "header", "https://shop.example/<i>",
                "https://shop.example/", 5e7, line="Set-Cookie: s_<b>1=‹digits, 2›", picture="before-1.jpg",
                stack=("f https://shop.example/a.js#1:2",),
            ),
            traces.Trace("local_storage", "k", "shop.example", "first", "refused", "device", "https://shop.example/"),
        ]
    )  # fmt: skip
    made = Report(
        "https://shop.example/", "shop.example", at, {"before": Reached("reached", 1), "refused": Reached("no_refuse")},
        ("https://shop.example/",), seen, (), (Note("no_refuse"), Note("robots", {"number": "2"})), 4, 1.5,
        policy="<u>Policy</u>", version="1.0.0", pictures={"before-1.jpg": b"\xff\xd8picture"},
    )  # fmt: skip
    return policy, replace(made, findings=judge(expected, seen, ()), table_sha256=expected.table.sha256)


@pytest.mark.parametrize(("language", "word"), [("en", "Before consent"), ("fr", "Avant le consentement")])
def test_the_page_shows_everything_and_nothing_of_it_is_markup(report, language, word):
    drawn = scan_shown.page(report[1], language)
    assert f'<html lang="{language}">' in drawn
    assert word in drawn
    assert {"en": "consent: <code>", "fr": "consentement\u00a0: <code>"}[language] in drawn
    assert {"en": "1.5 s", "fr": "1,5 s"}[language] in drawn
    for hostile in ("s_<b>1", "<i>", "<u>Policy"):
        assert hostile not in drawn
    assert "data:image/jpeg;base64,/9hwaWN0dXJl" in drawn
    assert "s_&lt;b&gt;1=‹digits, 2›" in drawn


def test_text_says_finding_evidence_states_and_notes(report):
    text = scan_shown.plain(report[1], "en")
    assert "Before consent: The cookie `s_<b>1` of shop.example" in text
    assert "Set-Cookie: s_<b>1=‹digits, 2›" in text
    assert "https://shop.example/a.js#1:2" in text
    assert "after refusal: no way to refuse found" in text
    assert "Pages that robots.txt leaves out: 2." in text
    assert "Not every state was reached" in text


def test_sarif_points_at_the_table_and_only_what_breaks_is_an_error(report):
    from importlib.metadata import version

    policy, made = report
    log = scan_shown.in_sarif(made, policy, None, "en")
    run = log["runs"][0]
    assert run["tool"]["driver"]["version"] == version("troth")
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels == {
        "before_consent": "error", "undeclared": "error", "longer_than_declared": "error",
        "longer_than_ceiling": "error", "never_seen": "note",
    }  # fmt: skip
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("policy.md", 6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "is neither an address"),
        (["ftp://shop.example/"], "no address of a site"),
        (["https://shop.example/", "--language", "de"], "There are no words in `de`"),
        (["https://ada:pw@shop.example/"], "name or a password"),
    ],
)
def test_wrong_use_is_a_sentence_before_anything_is_started(folder, words, said):
    told = troth(folder, "scan", *words)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert "pw" not in told.err


PAGE = "<!doctype html><title>One</title><div role=dialog style='position:fixed;top:0'>We use cookies. "
PAGE += "<button onclick='go(1)'>Accept all</button> <button onclick='go(0)'>Reject all</button></div>"
PAGE += "<a href='#' onclick='go(0)'>Cookie settings</a><script>function go(yes) { document.cookie = 'choice=' + yes; "
PAGE += (
    "document.querySelector('[role=dialog]').hidden = true }; document.querySelector('a').onclick = () => "
)
PAGE += "{ document.querySelector('[role=dialog]').hidden = false }</script>"


@pytest.mark.browser
@pytest.mark.slow
def test_a_projects_site_is_found_broken_and_then_kept_and_is_scanned_on_schedule(folder, clock, browser):
    stranger = Answer(PAGE, cookies=("session=1; Path=/", "stranger=secret-value; Path=/; Max-Age=86400"))
    with serving(first={"/": stranger}) as sites:
        policy = folder / "policy.md"
        host = sites["first"].url.removeprefix("http://")
        policy.write_text(policy.read_text().replace("[company.example]", "[localhost]"))
        told = troth(folder, "scan", host.replace("localhost", "http://localhost"), "--json", "--pages", "1")
        assert told.code == 1, told.err
        made = json.loads(told.out)
        assert [(one["verdict"], one["name"]) for one in made["findings"] if one["breaks"]] == [
            ("undeclared", "stranger")
        ]
        assert {one["name"]: one["lifetime_days"] for one in made["seen"]} == {
            "session": None, "stranger": 1.0, "choice": None,
        }  # fmt: skip
        assert "secret-value" not in told.out + told.err
        assert made["complete"]
        audited = troth(folder, "audit", "--json")
        broken = next(one for one in json.loads(audited.out)["promises"] if one["promise"] == "9/cookies")
        assert (broken["word"], broken["broken_by"]) == ("broken", ["localhost: undeclared: stranger"])

        sites["first"].routes["/"] = Answer(PAGE, cookies=("session=1; Path=/",))
        settings = folder / "troth.toml"
        every = f'\n[scan.home]\nurl = "{sites["first"].url}"\nevery = "1 day"\npages = 1\n'
        every += 'allow_private = ["localhost"]\n'
        settings.write_text(settings.read_text() + every)
        project = opened(folder, lambda: datetime.now(UTC))
        scanner = Scanner()
        assert scanner.look(project)
        assert not scanner.look(project)  # one at a time
        scanner.wait(120)
        assert [event.facts.get("scan") for event in read.events(project.ledger, kind="site_scanned")] == [
            None,
            "home",
        ]
        assert not scanner.look(project)  # it is not due again
        project.ledger.close()
        kept = next(
            one
            for one in json.loads(troth(folder, "audit", "--json").out)["promises"]
            if one["promise"] == "9/cookies"
        )
        assert kept["word"] == "kept"
    gone = troth(folder, "scan", "home")
    assert gone.code == 3
    assert "could not be reached" in gone.err
