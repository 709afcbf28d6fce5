"""What pages say, by language: catalogues of sentences, and dates as people write them.

A catalogue is a TOML file of sentences by key; a project says any of them otherwise in
its own `locale/LANGUAGE.toml`.  English is what an unknown language falls back to.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from markupsafe import Markup

NAMES: Mapping[str, str] = MappingProxyType({"en": "English", "fr": "Français"})


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language."""

    language: str
    sentences: Mapping[str, str]
    instead: tuple[tuple[re.Pattern[str], str, str], ...] = ()
    """What a page of this face says where a sentence names the command line, and the address of what it names."""

    def __call__(self, key: str, **named: object) -> str:
        """Say the sentence called `key`, with its gaps filled.

        >>> Words("en", {"hello": "Hello {name}, {rows} rows"})("hello", name="Ada", rows=12_345)
        'Hello Ada, 12,345 rows'
        >>> Words("en", {"sum": "{rows} {rows:row|rows} in {stores} {stores:store|stores}"})("sum", rows=1, stores=2)
        '1 row in 2 stores'
        """
        sentence = self.sentences[key]
        if "|" in sentence:
            from troth.rules.plural import chosen

            sentence = chosen(sentence, self.language, named)
        return sentence.format(**{name: self.number(value) for name, value in named.items()})

    def number(self, value: object) -> object:
        r"""Write a whole number of five digits or more in groups, and a part of one, as the language does.

        >>> Words("fr", {}).number(1_234_567), Words("en", {}).number(12_345), Words("fr", {}).number(2026)
        ('1\u202f234\u202f567', '12,345', 2026)
        >>> Words("fr", {}).number(20.5), Words("en", {}).number(20.5)
        ('20,5', 20.5)
        """
        if isinstance(value, float) and self.language == "fr":
            return f"{value:.1f}".removesuffix(".0").replace(".", ",")
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) < GROUPED_FROM:
            return value
        return f"{value:,}".replace(",", "\u202f" if self.language == "fr" else ",")

    def said(self, text: str) -> Markup:
        """Show on a page what work or a rule said in English: in this language, or marked as what it is.

        >>> Words("fr", {}).said("The draft is accepted <as is>.")
        Markup('<span lang="en">The draft is accepted &lt;as is&gt;.</span>')
        >>> Words("fr", {}).said("There is no request 12."), Words("en", {}).said("There is no request 12.")
        (Markup('Il n’y a pas de demande 12.'), Markup('There is no request 12.'))
        >>> Words("en", {}).said("adequacy in force on 2026-12-02")
        Markup('adequacy in force on 2 December 2026')
        """
        from markupsafe import Markup, escape

        from troth.rules.french import in_french

        ours = self.language != "fr" or text in self.sentences.values()
        known = text if ours else in_french(text)
        if known is None:
            return Markup('<span lang="en">{}</span>').format(_coded(escape(text)))
        return _coded(escape(self.dated(self._here(known))))

    def told(self, text: str) -> Markup:
        """Show on a page what is in its language already, with pages of this face where it names the command line.

        >>> pages = ((re.compile("`troth ask` lists them."), "Audit lists them.", "/audit"),)
        >>> Words("en", {}, pages).told("What <to> do: `troth ask` lists them.")
        Markup('What &lt;to&gt; do: <a href="/audit">Audit lists them</a>.')
        """
        from markupsafe import escape

        return _coded(escape(self._here(text)))

    def _here(self, text: str) -> str:
        if "`troth " in text or "--" in text:
            for said, here, at in self.instead:
                linked = (
                    _LINK_BEGINS
                    + at
                    + _LINK_SAYS
                    + here.rstrip(".")
                    + _LINK_ENDS
                    + here[len(here.rstrip(".")) :]
                )
                text = said.sub(lambda _, here=linked if at else here: here, text)  # type: ignore[misc]
        return text

    def coded(self, text: str) -> Markup:
        """Show a text with what stands between backticks as code.

        >>> Words("en", {}).coded("The cookie `a<b` of `shop`")
        Markup('The cookie <code>a&lt;b</code> of <code>shop</code>')
        """
        from markupsafe import escape

        return _coded(escape(text))

    def word(self, code: str) -> str:
        """Say a choice that a policy makes, such as a legal basis, as its notice does.

        >>> Words("fr", {}).word("legitimate_interests")
        'intérêt légitime'
        """
        from troth.policy.words import words

        return words(self.language).word(code)

    def country(self, code: str) -> str:
        """Name the country of a code, or of one of its parts such as FR-57.

        >>> Words("fr", {}).country("FR"), Words("en", {}).country("DE-BY"), Words("en", {}).country("elsewhere")
        ('France', 'Germany (DE-BY)', 'elsewhere')
        """
        from troth.policy.words import words

        whole = code.partition("-")[0]
        named = words(self.language).country(whole)
        return named if named == code or whole == code else code if named == whole else f"{named} ({code})"

    def value(self, text: str) -> str:
        """Write a value of a table as people do, where it is a day or something known in this language.

        >>> Words("fr", {}).value("2026-04-03"), Words("fr", {}).value("orders"), Words("en", {}).value("each audit")
        ('3 avril 2026', 'orders', 'each audit')
        """
        if self.language == "fr":
            from troth.rules.french import in_french

            text = in_french(text) or text
        return self.dated(text)

    def dated(self, text: str) -> str:
        """Write out the days (ISO 8601) of a text.

        >>> Words("fr", {}).dated("depuis le 2026-02-03"), Words("en", {}).dated("kept: 2026-13-01")
        ('depuis le 3 février 2026', 'kept: 2026-13-01')
        """
        return DAY.sub(lambda found: self.on(found[0]), text)

    def law(self, citation: str) -> str:
        """Cite the law as the language does.

        >>> Words("fr", {}).law("GDPR Art. 17(3)"), Words("en", {}).law("GDPR Art. 17(3)")
        ('RGPD art. 17(3)', 'GDPR Art. 17(3)')
        """
        from troth.law.sentence import cite

        return cite(citation, self.language)

    def has(self, key: str) -> bool:
        """Say whether there is a sentence called `key`."""
        return key in self.sentences

    def day(self, when: date | datetime | None) -> str:
        """Write a day as people do, such as 3 April 2026 or 3 avril 2026.

        >>> Words("fr", {}).day(date(2026, 12, 1)), Words("en", {}).day(date(2026, 12, 1)), Words("fr", {}).day(None)
        ('1er décembre 2026', '1 December 2026', '')
        """
        from babel.dates import format_date

        if when is None:
            return ""
        said = str(format_date(when, "long", locale=_LOCALES[self.language]))
        return f"1er{said[1:]}" if self.language == "fr" and when.day == 1 else said

    def brief(self, when: date) -> str:
        r"""Write a day in few letters that stay on one line, for a table of many columns.

        >>> Words("fr", {}).brief(date(2026, 12, 1)), Words("en", {}).brief(date(2026, 12, 1))
        ('1er\xa0déc.\xa02026', '1\xa0Dec\xa02026')
        """
        from babel.dates import format_date

        said = str(format_date(when, "d MMM y", locale=_LOCALES[self.language])).replace(" ", "\u00a0")
        return f"1er{said[1:]}" if self.language == "fr" and when.day == 1 else said

    def several(self, said: Iterable[str]) -> str:
        """Write several sayings of a cell after each other.

        >>> Words("fr", {}).several(["accès", "effacement"]), Words("en", {}).several(["access"])
        ('accès ; effacement', 'access')
        """
        from troth.rules.plural import several

        return several(said, self.language)

    def month(self, written: str, *, short: bool = False) -> str:
        """Write a month (2026-04) as people do.

        >>> Words("fr", {}).month("2026-12"), Words("en", {}).month("2026-04", short=True)
        ('décembre 2026', 'Apr 2026')
        """
        from babel.dates import format_date

        found = date.fromisoformat(f"{written}-01")
        return str(format_date(found, "MMM y" if short else "MMMM y", locale=_LOCALES[self.language]))

    def on(self, written: object) -> str:
        """Write a day or moment (ISO 8601) as people do; what is none stays, and a dash stands for nothing.

        >>> Words("fr", {}).on("2026-04-03T10:00Z"), Words("en", {}).on(""), Words("en", {}).on("3 days")
        ('3 avril 2026', '–', '3 days')
        """
        text = str(written or "")
        try:
            return self.day(date.fromisoformat(text[:10])) if text else "–"
        except ValueError:
            return text

    def moment(self, when: datetime, zone: str = "UTC") -> str:
        """Write a moment in the time of a place.

        >>> Words("en", {}).moment(datetime.fromisoformat("2027-03-26T16:20:00+00:00"), "Europe/Paris")
        '26 March 2027, 17:20 CET'
        """
        local = when.astimezone(ZoneInfo(zone))
        return f"{self.day(local)}, {local:%H:%M} {local:%Z}"

    def period(self, written: str) -> str:
        r"""Write a period as the notice does.

        >>> Words("en", {}).period("1 month"), Words("fr", {}).period("1 month")
        ('one\xa0month', 'un\xa0mois')
        """
        from troth.law.period import Period

        found = Period.parse(written)
        if found is None:
            return written
        from troth.policy.words import words

        return words(self.language).period(found)


def _coded(text: Markup) -> Markup:
    """Mark what stands between backticks in a text that is escaped."""
    from markupsafe import Markup

    coded = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(text))
    return Markup(_LINK.sub(r'<a href="\1">\2</a>', coded))  # noqa: S704  (escaped before)


_LINK_BEGINS, _LINK_SAYS, _LINK_ENDS = "\ue000", "\ue001", "\ue002"
"""What no text has: where a link begins, says something, and ends, until the text around it is escaped."""
_LINK = re.compile(rf"{_LINK_BEGINS}(/\w[\w/-]*){_LINK_SAYS}([^{_LINK_ENDS}]*){_LINK_ENDS}")
DAY = re.compile(r"(?<![\w:./-])\d{4}-\d{2}-\d{2}(?![\w-])")
GROUPED_FROM = 10_000
"""Up to four digits are read at a glance, and may be a year."""
_LOCALES = {"en": "en_GB", "fr": "fr_FR"}


def catalogues(folder: Path | None = None, face: str = "portal") -> Mapping[str, Words]:
    """Read every catalogue of a face, with the project's own sentences from `folder` over ours.

    A catalogue is `LANGUAGE.toml`, or as many files as it has parts: `PART.LANGUAGE.toml`.
    """
    read = {}
    for language in NAMES:
        sentences = dict(_ours(face, language))
        own = None if folder is None else folder / f"{language}.toml"
        if own is not None and own.is_file():
            sentences |= tomllib.loads(own.read_text(encoding="utf-8"))
        read[language] = Words(language, MappingProxyType(sentences), _instead(face, language))
    return MappingProxyType(read)


@cache
def _instead(face: str, language: str) -> tuple[tuple[re.Pattern[str], str, str], ...]:
    """Read what a face says in place of the command line, if it has a file of that, once in a process."""
    file = files(f"troth.faces.{face}").joinpath("instead.toml")
    if not file.is_file():
        return ()
    told = tomllib.loads(file.read_text(encoding="utf-8"))["instead"]
    return tuple(
        (
            re.compile(re.escape(one[language][0]).replace(r"\{\}", "[^`]+")),
            one[language][1],
            one.get("at", ""),
        )
        for one in told
    )


@cache
def _ours(face: str, language: str) -> Mapping[str, str]:
    """Read our own sentences of a face once in a process."""
    sentences: dict[str, str] = {}
    for ours in files(f"troth.faces.{face}").joinpath("locale").iterdir():
        if ours.name == f"{language}.toml" or ours.name.endswith(f".{language}.toml"):
            sentences |= tomllib.loads(ours.read_text(encoding="utf-8"))
    return MappingProxyType(sentences)


def preferred(accept: str, asked: str | None = None) -> str:
    """Choose a language from what was asked for, or else from an Accept-Language header.

    >>> preferred("fr-CH, fr;q=0.9, en;q=0.8"), preferred("de"), preferred("en;q=0.1, fr;q=x")
    ('fr', 'en', 'en')
    >>> preferred("fr", asked="en")
    'en'
    """
    if asked is not None and asked in NAMES:
        return asked
    wanted: list[tuple[float, int, str]] = []
    for order, part in enumerate(accept.split(",")[:20]):
        tag, _, parameters = part.strip().partition(";")
        weight = parameters.strip().removeprefix("q=") if parameters else "1"
        try:
            wanted.append((-float(weight), order, tag.strip().split("-")[0].lower()))
        except ValueError:
            continue
    return next(
        (language for quality, _, language in sorted(wanted) if language in NAMES and quality < 0), "en"
    )
