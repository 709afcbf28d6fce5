"""What the banner says in a language: our words, or a project's own for any language it has a whole catalogue of.

A project says single sentences otherwise, or all of them in a language of its own, in
`locale/LANGUAGE.toml`, each under `banner.`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from troth.errors import NotFoundError, Problem, WrongFileError
from troth.law.period import Period
from troth.policy.words import LANGUAGES
from troth.policy.words import words as policy_words

_FILE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")
_STORAGES = ("local_storage", "session_storage", "indexed_db", "pixel", "other")
_CATEGORIES = ("preferences", "analytics", "marketing", "necessary")
_PHRASES = ("first_party", "third_party", "renewed")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The sentences of the banner in one language, by name."""

    language: str
    sentences: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Return a sentence."""
        return self.sentences[name]

    def title(self, category: str) -> str:
        """Return what a category is called."""
        said = self.sentences[f"title.{category}"]
        return said[:1].upper() + said[1:]

    def period(self, period: Period) -> str:
        r"""Return a length of time in words.

        >>> Catalogue("de", {}).period(Period(13, "months")), Catalogue("en", {}).period(Period(1, "years"))
        ('13\xa0Monate', 'one\xa0year')
        """
        if self.language in LANGUAGES:
            return policy_words(self.language).period(period)
        from babel.units import format_unit

        unit = f"duration-{period.unit.removesuffix('s')}"
        said = format_unit(period.number, unit, "long", locale=self.language.replace("-", "_"))
        return str(said).replace(" ", "\u00a0")


def own_sentences(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """Read what a project's `locale/` says of the banner, by language; one of which it says nothing is not there.

    Raises WrongFileError for a file that cannot be read.
    """
    found = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            told = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            what = f"It is not TOML in UTF-8: {error}."
            raise WrongFileError([Problem(f"locale/{file.name}", 1, 1, what, "Mend that line.")]) from None
        own = {
            name.removeprefix("banner."): str(said)
            for name, said in told.items()
            if name.startswith("banner.")
        }
        if own and _FILE.fullmatch(file.stem):
            found[file.stem] = MappingProxyType(own)
    return MappingProxyType(found)


def catalogue(language: str, own: Mapping[str, str] | None = None) -> Catalogue:
    """Return the catalogue of a language; raises NotFoundError where there is none, or where sentences are missing."""
    sentences = {**(_ours(language) if language in LANGUAGES else {}), **(own or {})}
    if not sentences:
        raise NotFoundError(
            f"The banner has no words in {language[:20]!r}. There are: {', '.join(LANGUAGES)}; "
            f"a project adds its own in locale/{language[:20]}.toml."
        )
    missing = sorted(_ours("en").keys() - sentences.keys())
    if missing:
        raise NotFoundError(
            f"locale/{language}.toml lacks what the banner says: {', '.join(f'banner.{name}' for name in missing)}."
        )
    return Catalogue(language, MappingProxyType(sentences))


@cache
def _ours(language: str) -> Mapping[str, str]:
    """Return our sentences, and the words of the notice that the banner says too."""
    read = (files("troth.faces.banner") / "locale" / f"{language}.toml").read_text(encoding="utf-8")
    notice = policy_words(language)
    said = {f"title.{one}": notice.word(one) for one in _CATEGORIES}
    said |= {one: notice.word(one) for one in (*_STORAGES, "session")}
    said |= {one: notice.phrase(one, period="{period}") for one in _PHRASES}
    return MappingProxyType({**said, **tomllib.loads(read)})
