"""How values are said to people, in each language of the notice.

The words stand in `data/words.*.toml`; a language without such a file cannot have a
notice yet.  Days and countries are named by CLDR (Babel).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from troth.errors import NotFoundError
from troth.law.period import Period
from troth.policy.reading import did_you_mean

LANGUAGES = ("en", "fr")
"""The languages there are words for."""

NO_BREAK, NARROW = "\u00a0", "\u202f"
_CLDR = {"en": "en_GB", "fr": "fr_FR"}
_FEMININE = {("fr", "hours"): "une", ("fr", "weeks"): "une"}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    language: str
    table: Mapping[str, Any]

    def page(self, key: str, *parts: str) -> str:
        """Return a phrase of the page itself."""
        return str(self.table["page"][key]).format(*parts)

    def heading(self, key: str) -> str:
        """Return the heading of a column."""
        return str(self.table["heading"][key])

    def phrase(self, key: str, **parts: str) -> str:
        """Return a phrase with its gaps filled."""
        return str(self.table["phrase"][key]).format(**parts)

    def word(self, word: str, path: str = "") -> str:
        """Return how a choice is said; `path`, such as `retention.then`, tells homonyms apart.

        >>> words("fr").word("erase"), words("fr").word("erase", "retention.then")
        ('effacement', 'effacées')
        """
        of_path = self.table["word"].get(path) if path else None
        if isinstance(of_path, Mapping) and word in of_path:
            return str(of_path[word])
        found = self.table["word"].get(word)
        return found if isinstance(found, str) else word.replace("_", " ")

    def letter(self, letter: str, path: str) -> str:
        """Return what a letter of an article says, such as `a` of `right.erase.grounds`."""
        return str(self.table["letter"].get(path, {}).get(letter) or self.word(letter))

    def yes_no(self, value: bool) -> str:
        """Return yes or no."""
        return str(self.table["grammar"]["yes" if value else "no"])

    def article(self, number: str) -> str:
        """Return the name of an article of the GDPR."""
        return self.phrase("article", number=number)

    def period(self, period: Period) -> str:
        r"""Return a length of time in words; numbers up to twelve are spelled.

        >>> words("en").period(Period(1, "months")), words("fr").period(Period(1, "weeks"))
        ('one\xa0month', 'une\xa0semaine')
        >>> words("fr").period(Period(390, "days"))
        '390\xa0jours'
        """
        one, many = self.table["period"][period.unit]
        # French counts 0 and 1 as one; English only 1.
        noun = one if period.number == 1 or (self.language == "fr" and period.number == 0) else many
        number = self.table["number"].get(str(period.number)) or str(period.number)
        if period.number == 1:
            number = _FEMININE.get((self.language, period.unit), number)
        return f"{number}{NO_BREAK}{noun}"

    def date(self, day: date) -> str:
        r"""Return a day in words.

        >>> words("en").date(date(2026, 11, 23)), words("fr").date(date(2026, 5, 1))
        ('23\xa0November\xa02026', '1er\xa0mai\xa02026')
        """
        from babel.dates import format_date

        said = format_date(day, "d MMMM y", locale=_CLDR[self.language])
        if self.language == "fr" and day.day == 1:
            said = said.replace("1", "1er", 1)
        return said.replace(" ", NO_BREAK)

    def decision(self, number: str) -> str:
        """Cite a decision of the Union as the language does.

        >>> words("fr").decision("(EU) 2021/914"), words("en").decision("(EU) 2021/914")
        ('(UE) 2021/914', '(EU) 2021/914')
        """
        return number.replace("(EU)", "(UE)") if self.language == "fr" else number

    def country(self, code: str) -> str:
        """Return the name of a country.

        >>> words("en").country("NO"), words("fr").country("NO")
        ('Norway', 'Norvège')
        """
        names: Mapping[str, str] = _locale(_CLDR[self.language]).territories
        return names.get(code, code)

    def countries(self) -> Mapping[str, str]:
        """Return the name of every country, by its code."""
        names: Mapping[str, str] = _locale(_CLDR[self.language]).territories
        return {code: name for code, name in names.items() if code.isalpha() and code not in _UNIONS}

    def listed(self, items: Iterable[str]) -> str:
        """Join items the way a sentence does.

        >>> words("en").listed(["one", "two", "three"])
        'one, two and three'
        """
        *most, last = list(items) or [""]
        return f"{', '.join(most)} {self.table['grammar']['and']} {last}" if most else last


_UNIONS = {"EU", "EZ", "UN", "ZZ"}
"""Codes of CLDR for what is no country."""


@cache
def words(language: str) -> Words:
    """Return the words of a language; raises NotFoundError for one without words."""
    if language not in LANGUAGES:
        raise NotFoundError(
            f"There is no notice in the language `{language[:20]}`. {did_you_mean(language, LANGUAGES)}"
        )
    text = (files("troth.policy") / "data" / f"words.{language}.toml").read_text("utf-8")
    return Words(language, tomllib.loads(text))


@cache
def _locale(name: str) -> Any:
    from babel import Locale

    return Locale.parse(name)
