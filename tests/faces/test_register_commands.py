"""The registers on the command line, in every form, and who adopted which version."""

import csv
import io
import json

import pytest

from commanding import troth


@pytest.fixture
def published(folder):
    (folder / "register" / "activities.yaml").write_text(
        "activity: {shop: {title: '=cmd()', purposes: [orders], owner: manager, reviewed: 2026-11-01}}\n",
        "utf-8",
    )
    assert troth(folder, "publish").code == 0
    return folder


def test_it_ends_with_one_while_an_entry_lacks_something(published):
    said = troth(published, "register")
    assert said.code == 1
    assert "no activity of" in said.out
    assert "lack something" in said.err


def test_csv_and_xlsx_have_every_column_and_no_formula(published, tmp_path):
    from openpyxl import load_workbook

    said = troth(published, "register", "--format", "csv", "-l", "fr")
    rows = list(csv.reader(io.StringIO(said.out.lstrip("\ufeff"))))
    assert rows[0][:2] == ["Référence", "Nom de l’activité"]
    assert rows[1][1] == "'=cmd()"
    sheet = tmp_path / "register.xlsx"
    assert troth(published, "register", "--format", "xlsx", "-o", sheet).code == 1
    book = load_workbook(sheet)
    cells = book.active
    assert cells["B1"].value == "Activity"
    assert (cells["B2"].value, cells["B2"].data_type) == ("=cmd()", "s")
    assert len(book.worksheets) == 1 + cells.max_row - 1  # and a sheet for each activity
    assert (book["=cmd()"]["B2"].value, book["=cmd()"]["B2"].data_type) == ("=cmd()", "s")


def test_pdf_and_json_ld_are_what_they_are(published, tmp_path):
    paper = tmp_path / "register.pdf"
    troth(published, "register", "--format", "pdf", "-o", paper)
    assert paper.read_bytes().startswith(b"%PDF-")
    written = json.loads(troth(published, "register", "--format", "jsonld").out)
    assert written["@type"] == "dpv:ROPA"
    again = troth(published, "register", "--format", "pdf", "-o", paper)
    assert (again.code, again.err.strip().endswith("Name another, or add --force.")) == (2, True)


def test_as_of_a_day_it_names_the_event_it_was_drawn_from(published):
    day = json.loads(troth(published, "versions", "--json").out)[0]["from"]
    told = json.loads(troth(published, "register", "--as-of", day, "--json").out)
    assert (told["as_of"], told["policy_version"]) == (day, "0.1.0")
    assert told["recorded"]
    assert troth(published, "register", "--since", day).out.strip() == "Nothing changed."
    assert "<html" in troth(published, "notice", "--as-of", day).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["register", "breaches"], "There is no register 'breaches'."),
        (["register", "--format", "docx"], "There is no format 'docx'."),
        (["register", "recipients", "--format", "jsonld"], "JSON-LD is of the register of processing"),
        (["register", "--entity", "moon"], "The policy has no company 'moon'."),
        (["register", "recipients", "--entity", "moon"], "The policy has no company 'moon'."),
        (["register", "--language", "de"], "There is no notice in the language `de`."),
        (["register", "--as-of", "2001-01-01"], "No version of the policy was in force on 2001-01-01."),
        (
            ["register", "--since", "2026-01-01", "--format", "csv"],
            "What changed is told as text or as JSON.",
        ),
        (["adopt", "moon", "--by", "the board"], "The policy has no company 'moon'."),
        (["notice", "policy.md", "--as-of", "2026-11-30"], "--as-of is about what was published"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(published, words, said):
    found = troth(published, *words)
    assert (found.code, said in found.err) == (2, True), found.err


def test_versions_name_who_adopted_them(published):
    assert "nobody" in troth(published, "versions").out
    listed = json.loads(troth(published, "versions", "--json").out)
    assert listed[0]["adopted_by"] == []
    company = json.loads(troth(published, "register", "--json").out)["lines"][0]["controller"]
    assert company
    said = troth(published, "adopt", "main-entity", "--by", "the board")
    assert (said.code, "adopted version 0.1.0" in said.out) == (0, True), said.err
    assert json.loads(troth(published, "versions", "--json").out)[0]["adopted_by"] == ["main-entity"]
