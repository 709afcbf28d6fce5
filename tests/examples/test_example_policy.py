"""The example policy carries every clause of the document it is modelled on, in two languages."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from troth.law.period import Period
from troth.policy.notice import render

CLAUSES = tomllib.loads((Path(__file__).parent / "clauses.toml").read_text(encoding="utf-8"))
PLACEHOLDER = re.compile(r"\{\{.*?\}\}")


def value(promise, field):
    """Return the field as clauses.toml writes it."""
    found = getattr(promise, field if hasattr(promise, field) else f"{field}_")
    return written(found)


def written(found):
    if isinstance(found, Period):
        return str(found)
    if isinstance(found, tuple):
        return [written(one) for one in found]
    for name in ("key", "name"):
        if hasattr(found, name) and isinstance(getattr(found, name), str):
            return getattr(found, name)
    return found if isinstance(found, str | int | bool) else str(found)


def test_it_loads_without_a_problem(policy):
    assert len(policy.promises) > 80
    assert policy.version == "2.0"


@pytest.mark.parametrize("clause", CLAUSES)
def test_each_clause_has_its_promise(policy, clause):
    for kept in CLAUSES[clause]["kept"]:
        promise = policy.promises.get(kept["promise"])
        assert promise is not None, f"there is no promise {kept['promise']}"
        for field, wanted in kept.items():
            if field != "promise":
                assert value(promise, field) == wanted


@pytest.mark.parametrize("clause", CLAUSES)
def test_each_promise_stands_in_the_clause_that_has_its_number(clause):
    number = clause.removeprefix("C").partition("-")[0]
    for kept in CLAUSES[clause]["kept"]:
        where = kept["promise"].partition("/")[0]
        assert where == number or where.startswith(f"{number}.") or "elsewhere" in CLAUSES[clause]


def test_the_register_of_clauses_is_whole(samples):
    text = (samples / "spec" / "law.md").read_text(encoding="utf-8")
    there = re.findall(r"^\| (C[\d.]+-\d+) \|", text, re.MULTILINE)
    assert len(there) > 60
    assert sorted(CLAUSES) == sorted(there)


def test_there_are_seven_purposes_and_nine_classes_of_recipient(policy):
    public = [one for one in policy.purposes.values() if one.public]
    assert len(public) == 7
    classes = {one.class_ for one in policy.recipients.values() if one.public} - {"staff"}
    together = {"group_company" if one == "processor" else one for one in classes}
    assert len(together) == 9


def test_the_prose_says_how_many_there_are(policy):
    assert "nine classes of recipients" in render(policy, "en", "md")
    assert "neuf classes de destinataires" in render(policy, "fr", "md")


def test_english_and_french_have_the_same_clauses_and_the_same_placeholders(policy):
    english, french = policy.documents["en"], policy.documents["fr"]
    assert [one.number for one in english.clauses] == [one.number for one in french.clauses]
    for ours, theirs in zip(english.clauses, french.clauses, strict=True):
        assert sorted(PLACEHOLDER.findall(ours.text)) == sorted(PLACEHOLDER.findall(theirs.text)), ours.number


def test_every_clause_says_something_in_both_languages(policy):
    for document in policy.documents.values():
        for clause in document.clauses:
            below = any(one.number.startswith(f"{clause.number}.") for one in document.clauses)
            assert below or len(clause.text.split()) > 10, (document.language, clause.number)


def test_no_words_of_a_promise_are_left_in_one_language(policy):
    """What people read in the French notice is French."""
    missing = []

    def look(thing, path):
        if type(thing).__name__ == "Text":
            if {language for language, _ in thing.words} < {"en", "fr"}:
                missing.append(path)
        elif isinstance(thing, tuple):
            for one in thing:
                look(one, path)
        elif dataclasses.is_dataclass(thing):
            for one in dataclasses.fields(thing):
                look(getattr(thing, one.name), f"{path}.{one.name}")

    for one in policy.promises.values():
        look(one, one.id)
    assert missing == []


def test_it_names_no_real_company_as_its_model(files):
    everything = "\n".join(files.values())
    for domain in re.findall(r"[\w.-]+@([\w.-]+)|https?://([\w.-]+)", everything):
        name = next(filter(None, domain)).rstrip(".")
        assert name.endswith(".example") or name in ("www.cnil.fr", "www.edpb.europa.eu"), name


def test_the_one_defect_left_on_purpose_is_there_and_says_so(policy, files):
    kept = {row.name: row.data_kept for row in policy.cookies.table if row.data_kept}
    ceiling = Period(25, "months")
    over = [name for name, period in kept.items() if period.days()[0] > ceiling.days()[1]]
    assert over == ["mrv_id*"]
    assert "Left on purpose" in files["policy.md"]


def test_the_cookie_table_has_the_lifetimes_of_the_model(policy):
    table = {row.name: row for row in policy.cookies.table}
    session = [row for row in policy.cookies.table if row.lifetime == "session" and row.storage == "cookie"]
    assert {row.category for row in session} == {"necessary"}
    assert (str(table["mrv_id*"].lifetime), str(table["mrv_id*"].data_kept)) == ("13 months", "50 months")
    assert {str(table[name].lifetime) for name in ("slg_visitor*", "slg_track")} == {"390 days"}
    assert {row.category for row in policy.cookies.table} == {
        "necessary",
        "preferences",
        "analytics",
        "marketing",
    }
    assert all(row.exempt_because for row in policy.cookies.table if row.category == "necessary")
    assert {row.party for row in policy.cookies.table} == {"first", "third"}


def test_the_version_that_came_before_keeps_its_date(policy):
    assert [(one.version, str(one.dated)) for one in policy.change.history] == [
        ("1.0", "2022-09-12"),
        ("2.0", "2026-11-02"),
    ]
