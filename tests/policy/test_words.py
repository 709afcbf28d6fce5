"""Every word the notice may need is there in every language."""

# ruff: noqa: E501  (whole lines stand in these tables)

import tomllib
from importlib.resources import files

import pytest

from troth.policy.kinds import KINDS
from troth.policy.promise import Letter
from troth.policy.shape import alternatives_of, fields_of, is_part, item_of, words_of
from troth.policy.soundness import LETTERS
from troth.policy.typography import set_spaces
from troth.policy.words import LANGUAGES, words

TABLES = {
    language: tomllib.loads((files("troth.policy") / "data" / f"words.{language}.toml").read_text("utf-8"))
    for language in LANGUAGES
}


def choices(shape, path):
    for field in fields_of(shape):
        hint = item_of(field.type) or field.type
        for one in (hint, *alternatives_of(hint)):
            if one != Letter:
                yield from ((f"{path}.{field.name}", word) for word in words_of(one))
        if is_part(hint):
            yield from choices(hint, f"{path}.{field.name}")


def keys(table, path=""):
    for key, value in table.items():
        yield f"{path}{key}"
        if isinstance(value, dict):
            yield from keys(value, f"{path}{key}.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_every_promise_has_its_word(language):
    found = [one for kind in KINDS.values() for one in choices(kind, kind.kind)]
    found += [("right", name) for name in KINDS["right"].names]
    said = TABLES[language]["word"]
    assert [(path, word) for path, word in found if not isinstance(said.get(word), str)] == []
    assert len(found) > 100


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_of_every_article_has_its_words(language):
    for right, fields in LETTERS.items():
        for field, letters in fields.items():
            assert sorted(TABLES[language]["letter"][f"right.{right}.{field}"]) == sorted(letters)


def test_both_languages_have_the_same_keys():
    assert sorted(keys(TABLES["en"])) == sorted(keys(TABLES["fr"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_in_the_tables_is_for_nothing(language):
    used = {word for kind in KINDS.values() for _, word in choices(kind, kind.kind)}
    used |= set(KINDS["right"].names) | set("abcdefgh")
    said = {word for word, value in TABLES[language]["word"].items() if isinstance(value, str)}
    assert said - used == set()


@pytest.mark.parametrize(
    ("written", "set_"),
    [
        ("Pourquoi ? Parce que : oui ; non !", "Pourquoi\u202f? Parce que\u00a0: oui\u202f; non\u202f!"),
        ("Pourquoi? Parce que: oui; non!", "Pourquoi\u202f? Parce que\u00a0: oui\u202f; non\u202f!"),
        ("« ici »", "«\u00a0ici\u00a0»"),
        ("à 10:30, voir https://a.example?b=c;d", "à 10:30, voir https://a.example?b=c;d"),
        ("art. 17 et n° 78-17, 10 %", "art.\u00a017 et n°\u00a078-17, 10\u00a0%"),
    ],
)
def test_french_has_the_spaces_of_french(written, set_):
    assert set_spaces(written, "fr") == set_
    assert set_spaces(set_, "fr") == set_


def test_english_has_none_of_them():
    assert set_spaces("Why? Because: yes; no!", "en") == "Why? Because: yes; no!"


def test_one_of_something_is_singular():
    from troth.law.period import Period

    english, french = words("en"), words("fr")
    assert [english.period(Period(n, "hours")) for n in (0, 1, 2, 13)] == ["0\u00a0hours", "one\u00a0hour", "two\u00a0hours", "13\u00a0hours"]  # fmt: skip
    assert [french.period(Period(n, "hours")) for n in (0, 1, 2, 13)] == ["0\u00a0heure", "une\u00a0heure", "deux\u00a0heures", "13\u00a0heures"]  # fmt: skip
