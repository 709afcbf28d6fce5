"""The sentences in which the law is explained, in English and in French.

A `Sentence` is a key and the values for its gaps; nothing is written out until somebody
reads it, so that counting a thousand deadlines costs no prose.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from troth.errors import NotFoundError
from troth.law.period import Period

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")


@dataclass(frozen=True, slots=True)
class Term:
    """A word that the sentences know in every language: `Term("asks", "identity")`."""

    table: str
    key: str


@dataclass(frozen=True, slots=True)
class Named:
    """A name that is written in its own way in each language."""

    en: str
    fr: str


Value = date | Period | Term | Named | int | str


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is to be said, and with which values."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()

    def say(self, language: str) -> str:
        """Write the sentence out in a language.

        >>> sentence("legal_due", day=date(2026, 4, 7)).say("fr")
        'La réponse doit être donnée avant la fin du mardi 7 avril 2026. C’est la date légale.'
        """
        language = known(language)
        gaps = {name: written(value, language) for name, value in self.values}
        text: str = _texts()[self.key][language].format(**gaps)
        return text[0].upper() + text[1:]

    @property
    def en(self) -> str:
        """The sentence in English."""
        return self.say("en")

    @property
    def fr(self) -> str:
        """The sentence in French."""
        return self.say("fr")


def sentence(key: str, **values: Value) -> Sentence:
    """Choose a sentence by its key and fill its gaps."""
    return Sentence(key, tuple(values.items()))


def known(language: str) -> Language:
    """Return the language, or say which ones there are."""
    for language_known in LANGUAGES:
        if language == language_known:
            return language_known
    raise NotFoundError(f"The law is not explained in {language[:20]!r}. Use en (English) or fr (French).")


def written(value: Value, language: Language) -> str:
    """Write a value as a sentence of the language has it.

    >>> written(date(2026, 5, 1), "fr"), written(Period(1, "months"), "fr"), written(Period(10, "days"), "en")
    ('vendredi 1er mai 2026', '1 mois', '10 days')
    """
    texts = _texts()
    match value:
        case date():
            day = "1er" if language == "fr" and value.day == 1 else str(value.day)
            weekday = texts["calendar"]["days"][language][value.weekday()]
            return f"{weekday} {day} {month(value, language)} {value.year}"
        case Period():
            # French counts zero and one alike.
            one = value.number == 1 or (language == "fr" and value.number == 0)
            return f"{value.number} {texts['units'][language][value.unit][0 if one else 1]}"
        case Term():
            return str(texts[value.table][language][value.key])
        case Named():
            return value.fr if language == "fr" else value.en
        case _:
            return str(value)


def label(key: str, language: str, **gaps: str) -> str:
    """Return the label of a column or a line, for whoever shows the law in a table.

    >>> label("legal_due", "fr")
    'Date légale'
    """
    text: str = _texts()["labels"][known(language)][key]
    return text.format(**gaps)


_RANGE = re.compile(r"(?<=\d) to (?=\d)")


def cite(law: str, language: str) -> str:
    """Write a citation with the names that the laws have in a language.

    >>> cite("GDPR Art. 12(3)", "fr")
    'RGPD art. 12(3)'
    >>> cite("GDPR Art. 44 to 49", "fr")
    'RGPD art. 44 à 49'
    """
    for name, there in _texts()["citations"].get(known(language), {}).items():
        law = law.replace(name, there)
    if known(language) == "fr":
        law = _RANGE.sub(" à ", law)
    return " ".join(law.split())


def month(day: date, language: Language) -> str:
    """Return the name of a day's month."""
    return str(_texts()["calendar"]["months"][language][day.month - 1])


@lru_cache(maxsize=1)
def _texts() -> Mapping[str, Any]:
    return tomllib.loads((files("troth.law") / "sentences.toml").read_text(encoding="utf-8"))
