r"""What work and rules say in English, turned into French for a page, an answer, a report or a letter.

A sentence stays in English at the place that says it, for the command line and the API.  The catalogues
in `sentences/` give each its French, with the same gaps:

    [[sentence]]
    en = "There is no request {number}."
    fr = "Il n’y a pas de demande {number}."

What comes is matched with them, and the values of its gaps are turned too: a sentence in a gap, a word,
a day, a number.  A gap of the French may choose a word by a number, `{rows} {rows:ligne|lignes}`, or look it
up in a table of `words.toml`, `{status~draft}`.  Where one part has no French, the whole stays English, and the
page marks it as such.

The catalogues are read when the first French text needs one, and a pattern is compiled when a sentence
first looks like it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files

from troth.law.sentence import cite, month

PARTS_MAX = 24
"""A text of more sentences than these is somebody's prose, not a message of ours."""

THIN_MAX = 12
"""A sentence with fewer letters between its gaps takes nothing for a name but what is one word."""

GAP = re.compile(r"\{(?P<name>\w+)(?:~(?P<table>\w+)|:(?P<one>[^|{}]*)\|(?P<many>[^|{}]*))?\}")
_BOUNDARY = re.compile(r"(?<=[.!?:;]) +|, (?=and )")
_LED = re.compile(r"[;,]? +")
_INNER = re.compile(r"[.!?] +[A-Z]|[;:] ")
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LISTED = re.compile(r"[`'\"]?[\w.:/@#\-]+[`'\"]?")
_QUOTED = re.compile(r"'[^']+'|\"[^\"]+\"")
_PERIOD = re.compile(r"(\d+) (hour|day|week|month|year)s?")
_UNITS = {"hour": "heure", "day": "jour", "week": "semaine", "month": "mois", "year": "an"}
_WRITTEN = re.compile(
    r"(\d{1,2}) (January|February|March|April|May|June|July|August|September|October|November|December) (\d{4})"
)
_ENGLISH_MONTHS = tuple(re.findall("[A-Z][a-z]+", _WRITTEN.pattern))
_CLOSES = re.compile(r"\}\}(?=(?:\}\})*(?!\}))")
_WORDS = "words.toml"
_CITES = re.compile(r"(?:UK )?GDPR |Arts?\. |Directive |Implementing |Loi |Case |CNIL |CJEU ")


@dataclass(slots=True)
class Entry:
    """One sentence in both languages, and the pattern that finds it, once it was needed."""

    en: str
    fr: str
    pieces: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = field(default=None, repr=False)

    @property
    def is_thin(self) -> bool:
        """Say whether so little stands between the gaps that much else may look like this sentence."""
        return sum(map(len, self.pieces)) < THIN_MAX

    def word(self, name: str, value: str) -> str | None:
        """Return the word for the value of a gap, where a table of words has it."""
        tables = (
            found["table"] for found in GAP.finditer(self.fr) if found["name"] == name and found["table"]
        )
        return next((catalogue().words[table].get(value.strip("'\"")) for table in tables), None)

    def match(self, text: str) -> Mapping[str, str] | None:
        """Return the values of the gaps where the text is this sentence, or None."""
        if not all(piece in text for piece in self.pieces):
            return None
        if self.pattern is None:
            self.pattern = re.compile(_pattern(self.en, thinly=self.is_thin))
        found = self.pattern.fullmatch(text)
        return None if found is None else found.groupdict("")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every sentence there is: those without a gap by themselves, the others by their first word."""

    whole: Mapping[str, str]
    begun: Mapping[str, tuple[Entry, ...]]
    words: Mapping[str, Mapping[str, str]]

    def entries(self, text: str) -> Iterator[Entry]:
        """Yield the sentences that a text may be, those that say most before the others."""
        yield from self.begun.get(text.split(" ", 1)[0], ())
        yield from self.begun.get("", ())


@cache
def catalogue() -> Catalogue:
    """Read the catalogues, once."""
    entries = [Entry(one["en"], one["fr"]) for one in (*written(), *_beside())]
    begun: dict[str, list[Entry]] = {}
    for one in entries:
        if GAP.search(masked(one.en)):
            one.pieces = tuple(filter(None, _literals(one.en)))
            first = one.en.split(" ", 1)[0]
            begun.setdefault("" if "{" in first or first == one.en else first, []).append(one)
    for same in begun.values():
        same.sort(key=lambda one: -sum(map(len, one.pieces)))
    return Catalogue(
        {_literals(one.en)[0]: _literals(one.fr)[0] for one in reversed(entries) if not one.pieces},
        {first: tuple(same) for first, same in begun.items()},
        words(),
    )


def written() -> Iterator[Mapping[str, str]]:
    """Yield the sentences as the catalogues write them."""
    folder = files("troth.rules").joinpath("sentences")
    for one in sorted(folder.iterdir(), key=lambda each: each.name):
        if one.name.endswith(".toml") and one.name != _WORDS:
            yield from tomllib.loads(one.read_text(encoding="utf-8"))["sentence"]


def _beside() -> Iterator[Mapping[str, str]]:
    """Yield what stands in both languages where it is said: the checks of a policy, and what an entry lacks."""
    for one in (files("troth.policy") / "check").iterdir():
        if one.name.endswith(".toml"):
            for rule in tomllib.loads(one.read_text(encoding="utf-8")).values():
                for part in ("message", "remedy"):
                    yield {language: rule[language][part].replace("{", "{{").replace("}", "}}") for language in rule
                           if language in {"en", "fr"}}  # fmt: skip
    register = (files("troth.rules") / "data" / "register.toml").read_text(encoding="utf-8")
    yield from tomllib.loads(register)["lacks"].values()


def words() -> Mapping[str, Mapping[str, str]]:
    """Read the tables of words."""
    return tomllib.loads((files("troth.rules") / "sentences" / _WORDS).read_text(encoding="utf-8"))


def said(text: str, language: str) -> str:
    """Say a text of ours in a language; what has no French stays in English.

    >>> said("There is no request 12.", "fr"), said("Ours.", "fr"), said("There is no request 12.", "en")
    ('Il n’y a pas de demande 12.', 'Ours.', 'There is no request 12.')
    """
    return (in_french(text) or text) if language == "fr" else text


def in_french(text: str) -> str | None:
    """Say a text of ours in French, or return None where some of it has no French.

    >>> in_french("There is no request 12.")
    'Il n’y a pas de demande 12.'
    >>> in_french("Whatever somebody wrote.") is None
    True
    >>> in_french("standard clauses in force on 2026-12-02; no site was scanned")
    'clauses types en vigueur au 2 décembre 2026 ; aucun site n’a été analysé'
    >>> in_french("request 2026-0002, claim c1: police is not told yet (open)")
    'demande 2026-0002, point c1 : police n’est pas encore informé (open)'
    >>> in_french("version 2.0 is in force in 2 languages")
    'la version 2.0 est en vigueur en 2 langues'
    """
    if not text.strip():
        return text
    if "\n" in text:
        turned = [in_french(line) for line in text.split("\n")]
        return None if None in turned else "\n".join(one for one in turned if one is not None)
    if text[-1] == " ":
        before = in_french(text.rstrip())
        return None if before is None else f"{before} "
    led = _LED.match(text)
    if led is not None and led.end():
        rest = in_french(text[led.end() :])
        return None if rest is None else f"{' ' if led[0].startswith(';') else ''}{led[0]}{rest}"
    whole = catalogue().whole.get(text)
    if whole is not None:
        return whole
    by_parts = _many(text) if "; " in text else None  # or a gap at the end of one part takes the next ones
    return by_parts or _one(text) or _many(text) or _bracketed(text)


def _one(text: str) -> str | None:
    """Turn what is one sentence of the catalogues."""
    known = catalogue()
    whole = known.whole.get(text)
    if whole is not None:
        return whole
    as_they_stand: str | None = None
    for entry in known.entries(text):
        values = entry.match(text)
        if values is None:
            continue
        turned = {
            name: entry.word(name, one) or (one if name == "version" else value(one, thinly=entry.is_thin))
            for name, one in values.items()
        }
        if None in turned.values():
            continue
        filled = _fill(entry.fr, values, {name: str(one) for name, one in turned.items()})
        if not any(" " in one and turned[name] == one for name, one in values.items()):
            return filled
        as_they_stand = as_they_stand or filled  # words in a gap stay English: another sentence may know them
    return as_they_stand


def _many(text: str) -> str | None:
    """Turn a text part by part: the longest known beginning, then the rest."""
    ends = [found.span() for found in _BOUNDARY.finditer(text)]
    if len(ends) > PARTS_MAX:
        return None
    for end, start in reversed(ends):
        begun = _part(text[:end])
        if begun is not None:
            rest = in_french(text[start:]) or _counted(text[start:])
            if rest is not None:
                return f"{begun} {rest}"
    return None


def _bracketed(text: str) -> str | None:
    """Turn a text that ends in something between brackets."""
    found = re.fullmatch(r"(.+?) \((.+)\)", text)
    if found is None:
        return None
    before, within = in_french(found[1]), in_french(found[2])
    return None if before is None or within is None else f"{before} ({within})"


def _part(text: str) -> str | None:
    """Turn what stands before the rest: a sentence, what ends in a colon or semicolon, or a place before a colon."""
    before, mark = text[:-1], text[-1]
    known = _one(before) if mark == ";" else None  # else a gap at its end takes the mark
    if known is not None:
        return f"{known} ;"
    known = _one(text)
    if known is not None or mark not in ":;":
        return known
    known = before if mark == ":" and _LISTED.fullmatch(before) else _one(before)
    return None if known is None else f"{known} {mark}"


def value(text: str, *, thinly: bool = False) -> str | None:
    """Turn the value of a gap: what is known in French, a day, a number, a period; a name stays.

    English prose is None; `thinly` says that little else of the sentence is known, so that only a name in one
    word is taken for one.

    >>> value("2026-03-01"), value("1,234"), value("13 months"), value("customers"), value("Nobody knows this.")
    ('1er mars 2026', '1\u202f234', '13 mois', 'customers', None)
    """
    if _QUOTED.fullmatch(text):
        return f"«\u00a0{text[1:-1]}\u00a0»"
    known = in_french(text)
    if known is not None:
        return known
    measured = _counted(text)
    if measured is not None:
        return measured
    if _CITES.match(text):
        return cite(text, "fr")
    if _LISTED.fullmatch(text):
        return text
    listed = re.split(r"(, and |, or |, | and | or )", text)
    if len(listed) > 1 and all(_LISTED.fullmatch(one) or _one(one) for one in listed[::2]):
        between = {", and ": " et ", " and ": " et ", ", or ": " ou ", " or ": " ou "}
        return "".join(
            between.get(one, one) if at % 2 else value(one) or one for at, one in enumerate(listed)
        )
    if (
        thinly
        or text.endswith((";", ":"))
        or _INNER.search(text)
        or (" " in text and text.rstrip().endswith((".", "?", "!")))
    ):
        return None
    return _WRITTEN.sub(lambda found: _written_day(*found.groups()), text)


def _counted(text: str) -> str | None:
    """Turn a day, a number or a period."""
    if _DAY.fullmatch(text):
        try:
            return day(date.fromisoformat(text))
        except ValueError:
            return None
    if _NUMBER.fullmatch(text):
        return text.replace(",", "\u202f")
    period = _PERIOD.fullmatch(text)
    if period is not None:
        number, unit = period[1], _UNITS[period[2]]
        return f"{number} {unit}{'s' if int(number) > 1 and not unit.endswith('s') else ''}"
    return text if text.isdecimal() else None


def day(when: date) -> str:
    """Write a day as the French do.

    >>> day(date(2026, 12, 1)), day(date(2026, 4, 3))
    ('1er décembre 2026', '3 avril 2026')
    """
    return f"{'1er' if when.day == 1 else when.day} {month(when, 'fr')} {when.year}"


def _written_day(number: str, month_name: str, year: str) -> str:
    return day(date(int(year), _ENGLISH_MONTHS.index(month_name) + 1, int(number)))


def _fill(template: str, values: Mapping[str, str], turned: Mapping[str, str]) -> str:
    def gap(found: re.Match[str]) -> str:
        name, one, many = found.group("name", "one", "many")
        return turned[name] if one is None else many if _is_many(values[name]) else one

    return GAP.sub(gap, masked(template)).replace("\0", "{").replace("\1", "}")


def masked(template: str) -> str:
    """Return a template whose braces that stand for themselves are NUL and SOH, so that those left are gaps."""
    return _CLOSES.sub("\1", template.replace("{{", "\0"))


def _is_many(number: str) -> bool:
    """Say whether a number wants the plural; French has it from two.

    >>> _is_many("1"), _is_many("0"), _is_many("1,200"), _is_many("no")
    (False, False, True, False)
    """
    digits = number.replace(",", "").split(".")[0]
    return digits.isdecimal() and int(digits) > 1


def _literals(template: str) -> list[str]:
    """Return what stands between the gaps of a template."""
    return [one.replace("\0", "{").replace("\1", "}") for one in re.split(r"\{\w+\}", masked(template))]


def _pattern(template: str, *, thinly: bool) -> str:
    """Return the pattern of a template; what its last gap says, such as a hint, may be missing.

    Where little else is said, a gap called `number` takes nothing but one.
    """
    names = re.findall(r"\{(\w+)\}", masked(template))
    gaps = [rf"(?P<{name}>[\d.,]+)" if thinly and name == "number" else f"(?P<{name}>.*?)" for name in names]
    pieces = [re.escape(one) for one in _literals(template)]
    if not pieces[-1] and pieces[-2].endswith(r"\.\ "):
        pieces[-2] = pieces[-2].removesuffix(r"\ ")
        gaps[-1] = f"(?: (?P<{names[-1]}>.*))?"
    return "".join(piece + gap for piece, gap in zip(pieces, [*gaps, ""], strict=True))
