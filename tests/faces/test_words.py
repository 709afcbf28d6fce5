"""The catalogues of the faces: every language says the same sentences, and none that no page says any more."""

import re
from pathlib import Path

import pytest

from troth.faces.words import Words, catalogues
from troth.rules import french, question

SOURCE = Path(__file__).resolve().parents[2] / "src" / "troth"
NAMED = re.compile(r"""["']([a-z0-9_]+(?:\.[a-z0-9_]+)*)["']""")
BEGUN = re.compile(r"""["']([a-z0-9_]+(?:\.[a-z0-9_]+)*\.)(?:["'] ~|\{)""")


def said_by(*parts):
    """Return what sources name whole, and the beginnings of keys that are put together."""
    files = [each for part in parts for each in (SOURCE / part).rglob("*") if each.suffix in {".py", ".html"}]
    texts = [one.read_text("utf-8") for one in files]
    return {key for text in texts for key in NAMED.findall(text)}, {
        begun for text in texts for begun in BEGUN.findall(text)
    }


def is_said(key, whole, begun):
    """Say whether a key is named whole, or begun, or put together of two that are named."""
    halves = (key.split(".", at) for at in range(1, key.count(".") + 1))
    joined = any({".".join(one[:-1]), one[-1]} <= whole for one in halves)
    return key in whole or joined or key.startswith(tuple(begun))


@pytest.mark.parametrize("face", ["portal", "console"])
def test_no_sentence_stands_in_a_catalogue_that_no_page_says(face):
    whole, begun = said_by("faces", "work", "rules")
    english, french = (set(catalogues(face=face)[language].sentences) for language in ("en", "fr"))
    assert english == french
    assert not is_said("notice.none.title", whole, begun)  # one that was dead
    dead = [key for key in sorted(english) if not is_said(key, whole, begun)]
    assert dead == []


ELSEWHERE = re.compile(
    "troth (?:ledger|map --|inform|channel|init|policy set|publish|check --rules|law|logs|task list|mail list)"
    "|--(?:ignore-robots|allow-private|given-by|notice|warrant|format|per-minute|staff)"
)
"""What is done at the command line alone, or said where no page leads."""


def test_no_refusal_of_the_console_sends_anybody_to_the_command_line_for_what_a_page_does():
    console = catalogues(face="console")
    told = [one for one in french.written() if re.search(r"`troth |(?<![\w-])--[a-z]", one["en"])]
    assert len(told) > 40
    for one in told:
        for language in ("en", "fr"):
            known = re.sub(r"\{(\w+)(?:[:~][^{}]*)?\}", r"\1", one[language])
            shown = str(Words(language, {known: known}, console[language].instead).said(known))
            if not ELSEWHERE.search(known):
                assert "troth " not in shown and "--" not in shown, shown


def test_what_the_console_says_instead_replaces_something_that_is_still_said():
    said = {language: "\n".join(one[language] for one in french.written()) for language in ("en", "fr")}
    for one in question.every():
        said = {language: f"{told}\n{one.next.get(language, '')}" for language, told in said.items()}
    for language, words in catalogues(face="console").items():
        for pattern, *_ in words.instead:
            assert pattern.search(said[language]), pattern.pattern


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_to_be_done_about_an_answer_names_pages_of_the_console(language):
    words = catalogues(face="console")[language]
    told = [one.next[language] for one in question.every() if one.next]
    assert any("`troth request " in one for one in told)
    for one in told:
        shown = str(words.told(one))
        assert not re.search(r"troth (request|incident|audit)\b", shown), shown


def test_a_page_that_is_named_instead_is_a_link_to_a_page_that_exists():
    console = SOURCE / "faces" / "console"
    pages = [
        re.compile(re.sub(r"\\{\w+:str\\}", "[^/]+", re.escape(f"/console{one}")))
        for file in console.glob("*.py")
        for one in re.findall(r'desk\.page\("([^"]*)"', file.read_text("utf-8"))
    ]
    words = catalogues(face="console")["en"]
    named = [one for one in words.instead if one[2]]
    assert len(named) > 10
    for _, here, at in named:
        assert any(one.fullmatch(at) for one in pages), at
        assert str(words.told(here)) == here  # what names no command is not touched
    said = str(words.told("`troth register documents` lists them."))
    assert said == '<a href="/console/registers/documents">Registers, Documents, lists them</a>.'


ONE = {
    "console": {
        "health.waiting": {"events": 1, "seconds": 1}, "door.wait": {"minutes": 1}, "ledger.proof.path": {"hashes": 1},
        "concern.sealing_late": {"number": 1}, "concern.untold": {"number": 1, "on": "2 May"},
        "concern.letters_fail": {"number": 1, "on": "2 May"}, "bulk.going.said": {"done": 1, "of": 1},
    },
    "portal": {"verify.dossier": {"events": 1, "sealed": 1}, "verify.sealed": {"size": 1}},
}  # fmt: skip
"""What is counted, with one of it."""


@pytest.mark.parametrize(("face", "key"), [(face, key) for face, keys in ONE.items() for key in keys])
def test_one_thing_stands_in_the_singular_in_both_languages(face, key):
    several = {name: 3 if isinstance(value, int) else value for name, value in ONE[face][key].items()}
    for language, words in catalogues(face=face).items():
        one, more = words(key, **ONE[face][key]), words(key, **several)
        assert one.replace("1", "#") != more.replace("3", "#"), language
        assert not re.search(
            r"\b1 (?:events|seconds|minutes|hashes|choices|entries|requests|événements|empreintes)\b", one
        )
    assert (
        catalogues(face=face)["en"]
        .sentences.keys()
        .isdisjoint(
            f"{other}.one" for other, said in catalogues(face=face)["en"].sentences.items() if "|" in said
        )
    )
