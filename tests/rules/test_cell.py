"""Cells of answers and reports are written for people: days, moments, codes and numbers in the language."""

import pytest

from troth.rules import amendment, cell, consent_form, question
from troth.rules import yearly_report as report


@pytest.mark.parametrize(
    ("code", "told", "french", "english"),
    [
        ("aware_at", "2026-12-01T09:05:07.123456+00:00", "1er décembre 2026, 09:05 UTC", "1 December 2026, 09:05 UTC"),
        ("legal_due", "2027-01-04", "4 janvier 2027", "4 January 2027"),
        ("month", "2026-12", "2026-12", "2026-12"),
        ("risk", "high", "un risque élevé", "high"),
        ("status", "closed", "close", "closed"),
        ("status", "in_progress", "en cours", "in progress"),
        ("rights", ("access", "erase"), "accès ; effacement", "access; erasure"),
        ("outcome", ("erase: grant",), "effacement : accordé", "erase: grant"),
        ("reasons", ("doubt: 2",), "doute : 2", "doubt: 2"),
        ("about", "promise:9.5/cookies", "promesse : 9.5/cookies", "promise:9.5/cookies"),
        ("status", "closed, importée le 2026-12-01", "close, importée le 1er décembre 2026",
         "closed, importée le 1 December 2026"),
        ("article", "GDPR Art. 12(5)(a)", "RGPD art. 12(5)(a)", "GDPR Art. 12(5)(a)"),
        ("figure", "nobody was asked and nothing was sent yet",
         "personne n’a été sollicité et rien n’a encore été envoyé", "nobody was asked and nothing was sent yet"),
        ("lacks", "the exact text is not known; the day is not known",
         "le texte exact n’est pas connu ; le jour n’est pas connu",
         "the exact text is not known; the day is not known"),
        ("verdict", "unproven", "non prouvée", "unproven"),
        ("certainty", "at_least_once", "au moins une fois", "at least once"),
        ("hours", 2.5, "2,5", "2.5"),
        ("in_time", True, "oui", "yes"),
        ("reason", "closed on 2026-12-01", "closed on 2026-12-01", "closed on 2026-12-01"),
        ("value", "2026-12-01", "2026-12-01", "2026-12-01"),
        ("promise", "9.5/cookies", "9.5/cookies", "9.5/cookies"),
    ],
)  # fmt: skip
def test_a_cell_is_written_for_whoever_reads_it(code, told, french, english):
    assert cell.written(code, told, "fr") == french
    assert cell.written(code, told, "en") == english


def test_whatever_a_consent_or_a_restriction_may_be_has_its_french():
    assert not [one for one in consent_form.WORDS.values() if cell.written("lacks", one, "fr") == one]
    assert not [one for one in consent_form.METHODS if cell.written("method", one, "fr") == one]
    assert not [one for one in amendment.STANDING if cell.written("status", one, "fr") == one]


def test_a_spreadsheet_keeps_days_and_moments_as_they_sort():
    assert cell.spread("aware_at", "2026-12-01T09:05:07+00:00", "fr") == "2026-12-01T09:05:07+00:00"
    assert cell.spread("status", "closed", "fr") == "close"
    assert cell.spread("hours", 2.5, "fr") == "2.5"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (question.say("answered", "fr", count=1, looked=2), "1 ligne, sur 2 enregistrements."),
        (question.say("answered", "en", count=2, looked=1), "2 lines, from 1 record."),
        (question.say("none", "fr", looked=1), "Aucun, sur 1 examiné."),
        (question.say("no_control", "fr", count=1), "1 promesse n’a aucun contrôle."),
        (report.say("say", "incidents", "fr", looked=2, breaches=1),
         "2 incidents examinés ; 1 était une violation de données."),
        (report.say("say", "register", "fr", since="2026-01-01", until="2026-12-01", added=1, removed=0, changed=2),
         "Du 1er janvier 2026 au 1er décembre 2026 : 1 fiche ajoutée, 0 retirée, 2 modifiées."),
        (report.say("say", "actions", "en", open=1, overdue=0, closed=2),
         "1 is open, 0 of them overdue; 2 were closed in the year."),
    ],
)  # fmt: skip
def test_a_sentence_with_a_number_is_singular_where_it_is_one(said, sentence):
    assert said == sentence
