"""Questions as they are asked at the terminal: the list, a table, and files for whoever reads them."""

import csv
import io
import json

import pypdf
import pytest

import story
from commanding import troth
from troth.ledger import seal


def test_all_are_listed_with_a_sentence_each_in_both_languages(folder):
    said = troth(folder, "ask")
    assert said.code == 0
    assert "Which requests are overdue or were answered late, and why?" in said.out
    assert "Quelles demandes sont en retard" in troth(folder, "ask", "-l", "fr").out
    listed = json.loads(troth(folder, "ask", "--json").out)
    assert [one["number"] for one in listed] == list(range(1, 31))


def test_nothing_recorded_is_said_with_its_reason_and_the_checkpoint(folder):
    said = troth(folder, "ask", "overdue")
    assert said.code == 0
    assert "Not answered: nothing recorded, for no request with a legal date was received." in " ".join(
        said.out.split()
    )
    assert "Nothing is sealed yet" in said.out


def test_a_table_names_the_checkpoint_it_was_answered_from(folder, project):
    number = story.ask(project, "access")
    story.take_longer(project, number)
    said = troth(folder, "ask", "3", "--staff", "dana")
    assert said.code == 0
    assert number in said.out
    assert seal.checkpoint(project.ledger).root.hex() in said.out.replace("\n", "")


def test_files_are_for_publication_unless_an_authority_reads_them(folder, project, tmp_path):
    number = story.ask(project, "access")
    story.take_longer(project, number)
    published = json.loads(troth(folder, "ask", "extensions", "--format", "json").out)
    assert (published["for"], published["rows"]) == ("publication", [])
    assert "fewer than 5" in published["notes"][0]
    shown = json.loads(troth(folder, "ask", "extensions", "--json", "--for", "authority").out)
    assert shown["rows"][0]["request"] == number
    assert shown["checkpoint"]["root"] == seal.checkpoint(project.ledger).root.hex()
    cells = list(
        csv.reader(io.StringIO(troth(folder, "ask", "times", "--format", "csv").out.lstrip("\ufeff")))
    )
    assert cells[1][:4] == ["main-entity", "access", project.clock().strftime("%Y-%m"), "not shown"]
    out = tmp_path / "times.pdf"
    said = troth(folder, "ask", "times", "--format", "pdf", "--for", "authority", "--out", out, "-l", "fr")
    assert said.code == 0
    text = pypdf.PdfReader(out).pages[0].extract_text()
    assert "Combien de demandes par droit" in text
    assert troth(folder, "ask", "times", "--format", "pdf", "--out", out).code == 2


def test_what_must_be_none_and_is_not_ends_with_one(folder):
    said = troth(folder, "ask", "activities-lacking")
    assert said.code == 1
    assert "it should be none" in said.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("tea",), "There is no question 'tea'"),
        (("subject", "--subject", "ada", "-s", "dana"), "--subject is written kind=value"),
        (("subject", "--subject", "email=ada@example.org"), "Nobody is named"),
        (("overdue", "--from", "2026-02-01", "--to", "2026-01-01"), "before it begins"),
        (("overdue", "--for", "anybody"), "Nobody reads as 'anybody'"),
        (("overdue", "--format", "odt"), "There is no format 'odt'"),
    ],
)
def test_what_cannot_be_asked_is_said(folder, words, sentence):
    said = troth(folder, "ask", *words)
    assert said.code == 2
    assert sentence in said.err
