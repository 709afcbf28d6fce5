"""Every sentence that a page can show has its French, and every French one is still said."""

import tomllib
from collections import Counter

import pytest

from english_sentences import shape, spoken
from reached_modules import reached
from troth.faces.words import Words
from troth.rules import french

TO_MACHINES = frozenset({
    "faces/api_keys.py", "faces/banner/catalogue.py", "faces/banner/routes.py", "faces/hot.py", "faces/portal/api.py",
    "faces/portal/disclosure_api.py", "faces/portal/guarded.py", "faces/portal/incident_api.py",
    "faces/portal/message_api.py", "faces/portal/openapi.py", "policy/schema.py",
})  # fmt: skip
"""What these say goes to programs, in the English of the API."""
BEFORE_ANY_PAGE = frozenset({
    "faces/brand.py", "faces/middleware/__init__.py", "law/table.py", "stores/http_map.py", "stores/manual.py",
    "stores/map_csv.py", "stores/map_erasure.py", "stores/map_file.py", "stores/redis_keys.py",
})  # fmt: skip
"""What is wrong with the files of a project or of Troth itself: with such a mistake no server starts."""
AT_THE_COMMAND_LINE = frozenset({"stores/detect.py", "stores/draft.py", "stores/sample.py"})
"""What only commands do: drafting a map."""
IN_BOTH_LANGUAGES = frozenset({"rules/package.py"})
"""What stands in both languages where it is said."""
NOT_SAID = frozenset({
    "Basic {}", "{} has not", "channel {}:", "the policy was changed", "https://{}",
    "table.{}.lifetime", "table.{}.data_kept", "troth-{}", "interval 30 days", "lake://{}", "expire-{}.json",
    "action {} {}", "{}:archive", "batch {}", "batch {} recorded", "batch {} begun", "row {}.{}",
    r"(?:interval\s+)?(\d+)\s+(second|minute|hour|day|week|month|year)s?",
})  # fmt: skip
"""Keys, patterns and parts of what is looked for: nobody reads them."""
READ = reached() | {"rules/data/controls.toml"}
UNREAD = TO_MACHINES | BEFORE_ANY_PAGE | AT_THE_COMMAND_LINE | IN_BOTH_LANGUAGES


@pytest.fixture(scope="module")
def written():
    """The French by the shape of the English."""
    return {shape(one["en"]): one for one in french.written()}


def test_every_sentence_that_a_page_can_show_has_its_french(written):
    said = {
        (shape(one.template), f'{one.module}:{one.line}\n    en = "{one.template}"')
        for one in spoken()
        if one.module in READ - UNREAD
    }
    lacking = sorted(where for one, where in said if one not in written and one not in NOT_SAID)
    assert not lacking, "Write these into src/troth/rules/sentences/:\n" + "\n".join(lacking)


def test_every_sentence_of_the_catalogues_is_still_said_somewhere(written):
    said = {shape(one.template) for one in spoken()}
    assert not sorted(one["en"] for name, one in written.items() if name not in said)


def test_no_list_of_exceptions_names_what_is_not_there_any_more():
    assert not UNREAD - {one.module for one in spoken()}
    assert not NOT_SAID - {shape(one.template) for one in spoken()}


def test_both_languages_have_the_same_gaps_and_each_sentence_stands_once(written):
    differing = [one["en"] for one in written.values() if not gaps(one["fr"]) <= gaps(one["en"])]
    lost = [one["en"] for one in written.values() if gaps(one["en"]) - gaps(one["fr"])]
    twice = [
        name for name, times in Counter(shape(one["en"]) for one in french.written()).items() if times > 1
    ]
    assert (differing, lost, twice) == ([], [], [])


def test_every_table_of_words_that_a_sentence_names_is_there(written):
    named = {found["table"] for one in written.values() for found in french.GAP.finditer(one["fr"])} - {None}
    assert named == set(french.words())


def test_every_sentence_is_found_again_when_its_gaps_are_filled(written):
    """Whatever stands in the gaps, the sentence is known for what it is, and for no other."""
    wrong = []
    for one in written.values():
        filled = {
            name: "7" if name == "number" else f"x{at}" for at, name in enumerate(sorted(gaps(one["en"])))
        }
        text = one["en"].format(**filled)
        if not text.startswith(" ") and french.in_french(text) is None:
            wrong.append(text)
    assert not wrong


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("There is no request 7. Did you mean 8? `troth request list` shows them all.",
         "Il n’y a pas de demande 7. Vouliez-vous dire 8 ? `troth request list` les montre toutes."),
        ("There is no promise 'x'. Did you mean 'xy'?",
         "Il n’y a pas de promesse «\N{NO-BREAK SPACE}x\N{NO-BREAK SPACE}». "
         "Vouliez-vous dire «\N{NO-BREAK SPACE}xy\N{NO-BREAK SPACE}» ?"),
        ("The draft spring is accepted already.", "Le projet spring est déjà accepté."),
        ("The last update is more than twelve months ago.", "La dernière mise à jour remonte à plus de douze mois."),
        ("The hold tax ended on 2026-03-01.", "Le gel tax a pris fin le 1er mars 2026."),
        ("request 2026-0001, claim c1: 3 rows remain in shop",
         "demande 2026-0001, point c1 : 3 lignes restent dans shop"),
        ("1 of 1 answered in time; 0 open, 0 overdue; 1 ended before it was imported and is not counted",
         "1 réponse à temps sur 1 ; 0 ouverte, 0 en retard ; 1 a pris fin avant d’être importée : hors compte"),
        ("policy.md:12:3: There are no clauses. Write headings such as `## 1 Who we are`.",
         "policy.md:12:3 : Il n’y a pas de clauses. Écrivez des titres comme `## 1 Qui nous sommes`."),
        ("The letter late cannot be sent: it lacks reasons and name (GDPR Art. 12(3)).",
         "La lettre late ne peut pas être envoyée : il y manque reasons et name (RGPD art. 12(3))."),
    ],
)  # fmt: skip
def test_a_sentence_is_said_in_french_with_its_days_numbers_and_words(english, said):
    assert french.in_french(english) == said


@pytest.mark.parametrize(
    "text", ["The neighbour said it.", "There is no such choice. My neighbour said it.", "a, b"]
)
def test_what_has_no_french_is_none_and_a_page_marks_it(text):
    assert french.in_french(text) is None
    assert str(Words("fr", {}).said(text)) == f'<span lang="en">{text}</span>'
    assert str(Words("en", {}).said(text)) == text


def test_what_a_page_says_in_its_own_french_is_not_called_english():
    assert (
        str(Words("fr", {"one": "Ce jour n’existe pas."}).said("Ce jour n’existe pas."))
        == "Ce jour n’existe pas."
    )


def test_no_catalogue_is_read_before_a_french_page_needs_one(tmp_path):
    import subprocess
    import sys

    ask = "import sys; import troth.faces.words, troth.faces.web; print('troth.rules.french' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


def gaps(template):
    """Return the names of the gaps of a template."""
    return {found["name"] for found in french.GAP.finditer(french.masked(template))}


def test_the_catalogues_are_written_one_sentence_a_table():
    from importlib.resources import files

    for one in (files("troth.rules") / "sentences").iterdir():
        if one.name.endswith(".toml") and one.name != "words.toml":
            read = tomllib.loads(one.read_text("utf-8"))
            assert list(read) == ["sentence"], one.name
            assert all(set(each) == {"en", "fr"} for each in read["sentence"]), one.name
