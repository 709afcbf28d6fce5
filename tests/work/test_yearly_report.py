"""The yearly report counts what the year recorded, in two languages and as documents that open elsewhere."""

import io
import json
import re
import tomllib
import zipfile
from datetime import date
from importlib.resources import files

import docx
import pypdf
import pytest

import story
from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import seal
from troth.rules import cell, french
from troth.rules import question as rules
from troth.rules.action import About
from troth.work import action, carry_on, decide, incident, yearly_report
from troth.work.answer_paper import as_shown
from troth.work.answer_question import Narrowed, answer
from troth.work.audit import audit
from troth.work.publish_policy import publish_policy
from troth.work.record_register import record_register

DOCUMENTS = """
document:
  course:
    type: training
    title: {en: The course on breaches, fr: La formation aux violations}
    dated: 2026-12-01
  opinion:
    type: dpo_advice
    title: {en: On the newsletter, fr: Sur la lettre}
    dated: 2026-11-30
  old-review:
    type: access_review
    title: {en: Who may read the shop, fr: Qui peut lire la boutique}
    dated: 2025-03-01
    stores: [shop]
    review_by: 2026-03-01
"""


@pytest.fixture
def busy(project, folder, clock):
    """A year from 23 November on: an answer, a refusal with advice, a breach, an audit, an action, a course."""
    publish_policy(project.ledger, project.policy, None, clock().date())
    record_register(project)
    answered, refused = (story.ask(project, "access", email=f"p{one}@example.org") for one in range(2))
    story.grant_access(project, answered)
    carry_on.carry_on(project, answered)
    decide.decide(
        project, refused, "c1", "refuse", "marie", article="Art. 15(4)", reason="it is about others"
    )
    decide.advise(project, refused, "c1", "dana", "I agree.")
    decide.review(project, refused, "c1", "paul")
    carry_on.carry_on(project, refused)
    number = incident.report(project, "a laptop was stolen", "marie").number
    incident.certain(project, number, "Dana Doe", project.clock(), "the log shows it", "marie")
    audit(project)
    clock.forward(days=10)
    (folder / "register" / "documents.yaml").write_text(DOCUMENTS, "utf-8")
    again = opened(folder, clock)
    record_register(again)
    audit(again)
    return again


def parts(report):
    return {one.heading: one for one in report.sections}


def test_each_part_is_counted_from_the_year(busy):
    found = parts(yearly_report.yearly_report(busy, 2026))
    asked = found["Requests and how soon they were answered"]
    assert asked.sentences[0].startswith(
        "Claims: 2, in requests: 2. Answered late or overdue: 0, of which without a reason on record: 0."
    )
    assert asked.rows[0][:3] == ("access", "2", "2")
    assert found["Refusals"].rows == (("access", "Art. 15(4)", "1"),)
    assert found["Personal data breaches"].rows[0][0] == "I-2026-001"
    assert re.match(
        r"The controls ran 2 times; days on which they did: 2\. The first, 23 November 2026, \d\d:\d\d UTC: .*"
        r"The last, 3 December 2026, ",
        found["The audit over the year"].sentences[0],
    )
    assert (
        "From 23 November 2026 to 3 December 2026:"
        in found["What changed in the record of processing"].sentences[0]
    )
    documents = found["Training, reviews and other documents"]
    assert "2 documents are dated in the year" in documents.sentences[0]
    assert "1 document of the register no longer holds" in documents.sentences[0]
    assert [row[0] for row in documents.rows] == [
        "The course on breaches",
        "On the newsletter",
        "Who may read the shop",
    ]
    assert found["Advice given"].sentences == ("Claims advised on: 1; written opinions: 1.",)
    assert found["Actions"].sentences == (
        "Nothing recorded: no action was opened by the end of what is reported. That is not the same as none.",
    )
    broken = found["The audit over the year"].rows
    promise = broken[0][0]
    action.open_action(busy, About("promise", promise), "head of product", date(2026, 12, 15), "marie")
    (row,) = parts(yearly_report.yearly_report(busy, 2026))["Actions"].rows
    assert (row[1], row[2]) == (f"promise:{promise}", "head of product")


def test_of_one_day_the_first_and_the_last_run_are_told_apart(project, clock):
    publish_policy(project.ledger, project.policy, None, clock().date())
    heading = "The audit over the year"
    audit(project)
    (once,) = parts(yearly_report.yearly_report(project, 2026))[heading].sentences[:1]
    assert once.startswith("The controls ran once, 23 November 2026, ")
    kept = re.search(r"(\d+) kept", once)[1]
    clock.forward(hours=1)
    record_register(project)
    audit(project)
    told = parts(yearly_report.yearly_report(project, 2026))[heading].sentences[0]
    first, last = re.findall(r"23 November 2026, \d\d:\d\d UTC", told)
    assert first < last
    assert "The controls ran 2 times; days on which they did: 1." in told
    assert f"The first, {first}: {kept} kept" in told
    clock.forward(hours=1)
    audit(project)
    again = parts(yearly_report.yearly_report(project, 2026, language="fr"))["L’audit sur l’année"].sentences[
        0
    ]
    assert f"La première, {first.replace('November', 'novembre')} : {kept} tenues" in again
    assert again.startswith("Les contrôles ont tourné 3 fois ; jours concernés : 1.")


def test_a_year_without_anything_says_so_and_why_in_every_part(project):
    report = yearly_report.yearly_report(project, 2025, language="fr")
    assert len(report.sections) == 9
    for one in report.sections:
        assert one.sentences[0].startswith("Rien n’est consigné : ")
        assert one.rows == ()
    with pytest.raises(NotAllowedError, match="nothing to report of 2027"):
        yearly_report.yearly_report(project, 2027)
    with pytest.raises(NotAllowedError, match="no company"):
        yearly_report.yearly_report(project, 2026, entity="other")


def test_for_publication_no_number_is_small(busy):
    found = parts(yearly_report.yearly_report(busy, 2026, reader="publication"))
    asked = found["Requests and how soon they were answered"]
    assert asked.sentences[0].startswith("Claims: not shown, in requests: not shown.")
    assert asked.rows[0][1:] == ("not shown",) * 6
    assert found["Refusals"].rows == (("access", "Art. 15(4)", "fewer than 5"),)
    assert "asked for a fee: not shown" in found["Refusals"].sentences[0]


def test_it_opens_as_word_and_as_pdf_in_both_languages(busy, folder, tmp_path):
    word = tmp_path / "report.docx"
    said = troth(folder, "report", "dpo", "--year", "2026", "--format", "docx", "-l", "fr", "-o", word)
    assert said.code == 0
    made = docx.Document(str(word))
    told = [one.text for one in made.paragraphs]
    assert told[0] == "Rapport du délégué à la protection des données, 2026"
    assert "L’année n’est pas close" in told[1]
    assert any("Les violations de données" in one for one in told)
    assert [cell.text for cell in made.tables[0].rows[0].cells][:2] == ["Droit", "Demandes"]
    assert made.core_properties.language == "fr"
    assert "word/document.xml" in zipfile.ZipFile(io.BytesIO(word.read_bytes())).namelist()
    paper = tmp_path / "report.pdf"
    assert troth(folder, "report", "dpo", "--year", "2026", "-o", paper).code == 0
    text = "".join(page.extract_text() for page in pypdf.PdfReader(paper).pages)
    assert "Report of the data protection officer, 2026" in text
    assert "I-2026-001" in text.replace("\u00ad", "-")  # one glyph stands for both hyphens
    shown = troth(folder, "report", "dpo", "--year", "2026")
    assert seal.checkpoint(busy.ledger).root.hex() in shown.out.replace("\n", "")
    found = json.loads(troth(folder, "report", "dpo", "--year", "2026", "--format", "json").out)
    assert len(found["sections"]) == 9
    assert troth(folder, "report", "dpo", "--year", "2026", "--format", "odt").code == 2
    for name, code, begins in (
        ("report.xlsx", 2, b""),
        ("again.docx", 0, b"PK"),
        ("notes.txt", 0, b"Report of"),
    ):
        told = troth(folder, "report", "dpo", "--year", "2026", "-o", tmp_path / name)
        assert told.code == code, name
        assert not begins or (tmp_path / name).read_bytes().startswith(begins), name
    assert troth(folder, "audit", "-o", tmp_path / "audit.html").code in (0, 1)
    assert "<html" in (tmp_path / "audit.html").read_text("utf-8")
    assert troth(folder, "register", "-o", tmp_path / "register.xlsx").code in (0, 1)
    assert (tmp_path / "register.xlsx").read_bytes().startswith(b"PK")
    assert troth(folder, "ask", "overdue", "-o", tmp_path / "overdue.pdf").code in (0, 1)
    assert (tmp_path / "overdue.pdf").read_bytes().startswith(b"%PDF")


def test_no_english_figure_and_no_code_stands_in_the_french_report(busy):
    promise = parts(yearly_report.yearly_report(busy, 2026))["The audit over the year"].rows[0][0]
    action.open_action(busy, About("promise", promise), "chef de produit", date(2026, 12, 15), "marie")
    found = yearly_report.yearly_report(busy, 2026, language="fr")
    said = [one for section in found.sections for one in section.sentences]
    cells = [one for section in found.sections for row in section.rows for one in row]
    for asking in rules.every():
        subject = (("email", "p0@example.org"),) if asking.needs == "subject" else ()
        given = answer(
            busy, asking.name, Narrowed(number="2026-0001", subject=subject), language="fr", staff="marie"
        )
        seen = as_shown(given)
        said += [seen.sentence, *seen.notes]
        cells += [
            cell.written(code, row.get(code), "fr")
            for row in seen.rows
            for code, _ in seen.columns
            if code not in cell.FREE
        ]
    assert len(cells) > 500
    assert not [one for one in [*said, *cells] if re.search(r"(?<![\w:./-])\d{4}-\d\d-\d\d", one)]
    assert not [one for one in cells if french.in_french(one) not in {None, one}]
    table = tomllib.loads((files("troth.rules") / "data" / "codes.toml").read_text("utf-8"))
    words = {french for codes in table.values() for french in codes.values()}
    assert not {code for codes in table.values() for code in codes} & set(cells) - words
    (row,) = parts(found)["Les actions"].rows
    assert row[1:] == (f"promesse : {promise}", "chef de produit", "15 décembre 2026")
    assert "formation : 1" in parts(found)["Formations, revues et autres documents"].sentences[0]
    assert (
        parts(found)["L’audit sur l’année"].rows[0][1] == "aucun contrat n’est consigné (art. 28(3) et (9))"
    )
    told = json.loads(yearly_report.as_json(found))["sections"]
    (plain,) = next(one for one in told if one["heading"] == "Les actions")["rows"]
    assert plain[1:] == [f"promise:{promise}", "chef de produit", "2026-12-15"]
