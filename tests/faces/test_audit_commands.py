"""The audit on the command line: for people, for programs, to hand on."""

import json
import re
from collections import Counter
from datetime import date, timedelta
from functools import partial
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from commanding import troth
from troth.faces.cli import audit_commands
from troth.policy.words import words
from troth.rules import promise_trend
from troth.work import audit, audit_paper, audit_trend, publish_policy


@pytest.fixture
def published(folder):
    said = troth(folder, "publish")
    assert said.code == 0, said.err
    return folder


def test_it_says_one_word_of_every_promise(published):
    said = troth(published, "audit")
    assert said.code == 0
    assert "unproven" in said.out
    assert "kept, 0 broken" in said.out
    assert "Sealed with" in said.out


def test_the_text_and_sarif_name_what_each_verdict_is_about_and_carry_the_reply_of_its_owner(
    published, tmp_path
):
    verdicts = json.loads(troth(published, "audit", "--json").out)["promises"]
    name = next(one["promise"] for one in verdicts if one["promise"].endswith("/answer"))
    told = troth(published, "reply", name, "--owner", "head of support", "--says", "None came yet.")
    assert told.code == 0, told.err
    lines, log = tmp_path / "audit.txt", tmp_path / "audit.sarif"
    assert troth(published, "audit", "-o", lines).code == 0
    line = next(one for one in lines.read_text("utf-8").splitlines() if f"\t{name}\t" in one)
    assert "looked at: requests on record: 0; " in line
    assert "head of support, " in line
    assert line.endswith("on “unproven”: None came yet.")
    assert "Controls that guard no promise here: " in lines.read_text("utf-8")
    assert "looked at: requests on record: 0;" in " ".join(troth(published, "audit").out.split())
    assert troth(published, "audit", "--format", "sarif", "-o", log).code == 0
    results = json.loads(log.read_text("utf-8"))["runs"][0]["results"]
    one = next(each for each in results if each["partialFingerprints"]["promise/v1"] == name)
    assert "looked at: requests on record: 0; " in one["message"]["text"]
    assert one["properties"]["looked_at"].startswith("requests on record: 0; ")
    assert one["properties"]["reply"]["says"] == "None came yet."
    assert one["properties"]["remedy"] == "troth request list"


def test_json_has_every_promise_with_its_figure(published):
    told = json.loads(troth(published, "audit", "--json").out)
    words = {one["promise"]: one["word"] for one in told["promises"]}
    assert words["10/change"] == "kept"
    assert set(words.values()) <= {"kept", "broken", "unproven"}
    assert all(one["figure"] for one in told["promises"])


def test_a_page_is_written_that_needs_nothing_from_elsewhere(published, tmp_path):
    page = tmp_path / "audit.html"
    assert troth(published, "audit", "--format", "html", "-o", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert '<table class="promises">' in text
    again = troth(published, "audit", "--format", "html", "-o", page)
    assert again.code == 2
    assert "is there already. Name another, or add --force." in again.err
    assert troth(published, "audit", "--format", "html", "-o", page, "--force").code == 0
    assert "http://" not in text
    assert "<script" not in text


def test_a_paper_and_sarif_are_written_too(published, tmp_path):
    paper = tmp_path / "audit.pdf"
    assert troth(published, "audit", "--format", "pdf", "-o", paper).code == 0
    assert paper.read_bytes().startswith(b"%PDF-")
    run = json.loads(troth(published, "audit", "--format", "sarif").out)["runs"][0]
    first = run["results"][0]
    assert first["level"] == "note"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "policy.md"
    assert place["region"]["startLine"] > 1
    assert first["ruleId"] in [rule["id"] for rule in run["tool"]["driver"]["rules"]]


def test_what_changed_since_a_day_and_the_trend_are_told_without_running_anything(published):
    troth(published, "audit")
    assert "No verdict changed since 2020-01-01." in troth(published, "audit", "--since", "2020-01-01").out
    mapped = published / "stores" / "news.yaml"
    text = mapped.read_text(encoding="utf-8").replace("since: contact", "since: health")
    mapped.write_text(text, encoding="utf-8")
    troth(published, "audit")
    turned = json.loads(troth(published, "audit", "--since", "2020-01-01", "--json").out)
    assert {one["becomes"] for one in turned} == {"broken"}
    (day,) = json.loads(troth(published, "audit", "--trend", "--json").out)
    assert day["broken"] == len(turned)
    assert day["kept"] >= 1
    assert "day" in troth(published, "audit", "--trend").out


def test_the_page_and_the_paper_show_how_promises_stood_over_time(project, clock, tmp_path):
    publish_policy.publish_policy(project.ledger, project.policy, None, clock.now.date())
    counts = []
    for _ in range(3):
        counts.append(Counter(one.word for one in audit.audit(project)))
        clock.forward(days=1)
    days = audit_trend.trend(project)
    assert [(day.kept, day.broken, day.unproven) for day in days] == [
        (one["kept"], one["broken"], one["unproven"]) for one in counts
    ]
    head = {
        "policy": "Ours",
        "version": "1",
        "at": clock().isoformat(),
        "sealed": 1,
        "root": "ab",
        "trend": days,
        "replies": {},
        "actions": {},
        "without_control": [],
        "without_promise": ["idle"],
    }
    verdicts = audit.audit(project, record=False)
    read = partial(audit_commands.shown, project, verdicts)
    text = audit_commands.page(read(head, "en"))
    figure = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    bars = figure.findall("g")
    assert [bar.find("title").text for bar in bars] == [
        f"{words('en').date(day.on)}: {day.kept} kept, {day.broken} broken, {day.unproven} unproven"
        for day in days
    ]
    for bar in bars:
        heights = [float(one.get("height")) for one in bar.findall("rect")]
        assert sum(heights) == pytest.approx(100, abs=0.1)
    assert figure.get("role") == "img"
    assert len(re.findall(r'<th scope="row">\d+\sNovember\s2026', text)) == 3
    assert "script" not in text
    many = [promise_trend.Day(date(2026, 1, 1) + timedelta(days=n), 3, 1, 2) for n in range(70)]
    assert "10 earlier days left out" in audit_commands.page(read({**head, "trend": many}, "en"))
    assert audit_paper.pdf(project, read(head, "en")).startswith(b"%PDF-")


def test_the_page_and_the_paper_are_in_french_too(published, tmp_path):
    name = next(one for one in ids(published) if one.endswith("/answer"))
    told = troth(published, "reply", name, "--owner", "support", "--says", "Aucune encore.")
    assert told.code == 0, told.err
    page, paper = tmp_path / "audit.html", tmp_path / "audit.pdf"
    assert troth(published, "audit", "--format", "html", "-l", "fr", "-o", page).code == 0
    text = page.read_text("utf-8")
    assert '<html lang="fr">' in text
    assert "sur « non prouvée » : Aucune encore." in text
    assert "Examiné : demandes enregistrées : 0 ; " in text
    assert '<span lang="en">' not in text
    assert re.search(r"\d{4}-\d\d-\d\d[^<]*</p>", text.partition("<tbody>")[2]) is None
    english = "kept|broken|unproven|Looked at|Clause|Promise|Register\\b"
    assert re.findall(f">(?:{english})", text) == []
    assert troth(published, "audit", "--format", "pdf", "-l", "fr", "-o", paper).code == 0
    read = " ".join(one.extract_text() for one in PdfReader(paper).pages)
    assert "Non prouvées : " in read
    assert "Scellé avec " in read
    assert troth(published, "audit", "--format", "html", "-l", "de").code == 2
    assert troth(published, "audit", "-l", "fr").code == 2


def ids(folder):
    return [one["promise"] for one in json.loads(troth(folder, "audit", "--json").out)["promises"]]


def test_unproven_promises_fail_only_when_asked(published):
    assert troth(published, "audit").code == 0
    assert troth(published, "audit", "--strict").code == 1


def test_a_broken_promise_fails(published):
    mapped = published / "stores" / "news.yaml"
    text = mapped.read_text(encoding="utf-8").replace("since: contact", "since: health")
    mapped.write_text(text, encoding="utf-8")
    said = troth(published, "audit")
    assert said.code == 1
    assert "news.subscriber.since: health is not declared" in " ".join(said.out.split())


def test_a_format_that_is_none_is_refused(published):
    said = troth(published, "audit", "--format", "stone")
    assert said.code == 2
    assert said.err.strip()
