"""The questions a regulator asks, by name, and what an answer is.

An answer comes from records, and says from how many.  Where there is none to look at, the
question is not answered: nothing recorded is never the same as none.  What is published shows
no cell so small that it could name somebody, and no single case; an authority sees each.

Law: GDPR Arts. 5(2), 24(1), 31, 58(1); law.md section 12.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from troth.errors import NotFoundError
from troth.law.jurisdiction import lineage
from troth.policy.reading import did_you_mean
from troth.rules.plural import filled
from troth.rules.statistics import LEAST, suppressed

Cell: TypeAlias = "str | int | float | bool | Sequence[str] | None"
Row: TypeAlias = Mapping[str, Cell]
Reader = Literal["staff", "authority", "publication"]
READERS: tuple[Reader, ...] = ("staff", "authority", "publication")
Word = Literal["answered", "none", "broken", "unanswered"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question: what it asks in each language, its law, and how its answer is narrowed, shown and hidden."""

    name: str
    number: int
    said: Mapping[str, str]
    law: str
    about: Literal["register", "counts", "cases"]
    must_be_none: bool
    narrows: tuple[str, ...]
    needs: str
    columns: tuple[str, ...]
    nothing: str
    whole: str = ""
    parts: tuple[tuple[str, ...], ...] = ()
    beside: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    next: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what it is asked: a company, a place, a period (both days are in it), today, in which language, for whom.

    `category` is of data, `rule` a retention promise.

    `places` says where each company is established.
    """

    today: date
    entity: str = ""
    jurisdiction: str = ""
    since: date | None = None
    until: date | None = None
    language: str = "en"
    reader: Reader = "staff"
    places: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    rule: str = ""

    @property
    def least(self) -> int:
        """The smallest cell that is shown."""
        return LEAST if self.reader == "publication" else 1

    @property
    def day(self) -> date:
        """The day the question is about: the end of the period, or today."""
        return min(self.until or self.today, self.today)

    def within(self, day: object) -> bool:
        """Say whether a day (ISO 8601, or a moment that begins so) is in the period; no day is in none.

        >>> Asked(date(2026, 12, 1), since=date(2026, 1, 1)).within("2026-03-05T10:00:00")
        True
        """
        if self.since is None and self.until is None:
            return True
        written = str(day or "")[:10]
        if not written:
            return False
        return (self.since is None or written >= self.since.isoformat()) and (
            self.until is None or written <= self.until.isoformat()
        )

    def of(self, entity: object, jurisdiction: object = "") -> bool:
        """Say whether something of a company, under a law, is asked for; by default that of the company's place.

        What names no company is of the whole group, and with it of each.
        """
        if not self.by(entity):
            return False
        if not self.jurisdiction or not (entity or jurisdiction):
            return True
        place = str(jurisdiction or self.places.get(str(entity or ""), ""))
        try:
            return self.jurisdiction in {one.code for one in lineage(place)}
        except NotFoundError:
            return place == self.jurisdiction

    def by(self, entity: object) -> bool:
        """Say whether something of a company is asked for, whatever the law; of the whole group it is of each."""
        return not self.entity or not entity or str(entity) == self.entity

    def of_group(self, entities: Iterable[object]) -> tuple[str, ...]:
        """Say how much of what was looked at names no company, where one is asked for."""
        count = sum(not one for one in entities) if self.entity or self.jurisdiction else 0
        if not count:
            return ()
        return (
            self.say("of_group", count=count if count >= self.least else self.say("fewer", least=self.least)),
        )

    def say(self, key: str, **gaps: object) -> str:
        """Say a sentence about an answer."""
        return say(key, self.language, **gaps)

    def word(self, key: str, **gaps: object) -> str:
        """Say a word of a cell."""
        return filled(_table()["word"][key][_spoken(self.language)], self.language, **gaps)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found: its lines, from how many records, and how many of what must be none.

    `columns` where the question names none of its own; `notes` are sentences that go with it.
    """

    rows: tuple[Row, ...]
    looked: int
    wrong: int = 0
    columns: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    late: int = 0  # how many lines are of what came late, or did not come

    def word(self, question: Question) -> Word:
        """Say in a word how the question stands."""
        if not self.looked:
            return "unanswered"
        if question.must_be_none:
            return "broken" if self.wrong else "none"
        return "answered" if self.rows else "none"


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as a reader sees it: the sentence, the headings, and lines of text; `withheld` are cases not shown."""

    word: Word
    sentence: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[Mapping[str, Cell], ...]
    notes: tuple[str, ...]
    withheld: bool = False


def every() -> tuple[Question, ...]:
    """Return every question, by number."""
    return tuple(_questions().values())


def question(name: str) -> Question:
    """Return a question by name, or by number; raises NotFoundError where there is none."""
    found = _questions().get(name) or next((one for one in every() if str(one.number) == name), None)
    if found is None:
        raise NotFoundError(
            f"There is no question {name[:40]!r}. {did_you_mean(name, list(_questions()))} `troth ask` lists them."
        )
    return found


def must_be_none() -> tuple[Question, ...]:
    """Return the questions whose answer must be none, which are asked every night."""
    return tuple(one for one in every() if one.must_be_none)


def nothing(question: Question, asked: Asked) -> str:
    """Say why there was nothing to look at: where the question is narrowed, that nothing lies in what was asked for."""
    there = ", ".join(_narrowed(question, asked))
    if there:
        return asked.say("not_there", what=there)
    return str(_table()["nothing"][question.nothing][_spoken(asked.language)])


def of_the_whole_group(question: Question) -> bool:
    """Say whether a question is answered for all companies together: neither one company narrows it, nor one person."""
    return "entity" not in question.narrows and not question.needs


def _narrowed(question: Question, asked: Asked) -> Iterator[str]:
    """Yield in words what a question is narrowed to."""
    if asked.entity and "entity" in question.narrows:
        yield asked.say("of_entity", name=asked.entity)
    if asked.jurisdiction and "jurisdiction" in question.narrows:
        yield asked.say("of_jurisdiction", name=asked.jurisdiction)
    if asked.category and "category" in question.narrows:
        yield asked.say("of_category", name=asked.category)
    if asked.rule and "rule" in question.narrows:
        yield asked.say("of_rule", name=asked.rule)
    if "period" in question.narrows and (asked.since or asked.until):
        key = "until" if asked.since is None else "since" if asked.until is None else "since_until"
        yield asked.say(key, since=asked.since, until=asked.until)


def say(key: str, language: str, **gaps: object) -> str:
    """Say a sentence about answers in a language."""
    return filled(_table()["say"][key][_spoken(language)], language, **gaps)


def heading(code: str, language: str) -> str:
    """Return the heading of a column.

    >>> heading("days_late", "fr")
    'Jours de retard'
    """
    return str(_table()["column"][code][_spoken(language)])


def shown(asking: Question, answer: Answer, asked: Asked, *, redact: bool = False) -> Shown:
    """Return an answer as its reader sees it, small cells and names left out where they must be."""
    columns = answer.columns or tuple((code, heading(code, asked.language)) for code in asking.columns)
    word, notes, rows = answer.word(asking), list(answer.notes), answer.rows
    published = asked.reader == "publication"
    if published and asking.about == "counts" and asking.whole:
        rows = tuple(_suppressed(asking, row, asked) for row in rows)
    withheld = published and asking.about == "cases" and bool(rows)
    if withheld:
        count = str(len(rows)) if len(rows) >= asked.least else asked.say("fewer", least=asked.least)
        notes = [asked.say("withheld", count=count)]
        rows = ()
    if redact or published:
        rows = tuple(_redacted(asking, rows, asked))
    if asked.reader == "staff" and asking.next and (answer.wrong or answer.late):
        notes.append(asking.next[_spoken(asked.language)])
    notes += [asked.say("not_narrowed", what=asked.word(name)) for name in _not_narrowed(asking, asked)]
    small = published and any(asked.say("small") in row.values() for row in rows)
    sentence = _sentence(asking, answer, asked, word, hidden=small)
    return Shown(word, sentence, columns, rows, tuple(notes), withheld)


def text(cell: Cell, language: str, between: str = "; ") -> str:
    """Return a cell as text: yes and no in words, several sayings joined, nothing where there is none.

    >>> text(True, "fr"), text(("a", "b"), "en"), text(2.5, "en"), text(None, "en")
    ('oui', 'a; b', '2.5', '')
    """
    match cell:
        case None:
            return ""
        case bool():
            return say("yes" if cell else "no", language)
        case str() | int():
            return str(cell)
        case float():
            return f"{cell:g}"
        case _:
            return between.join(cell)


def _sentence(asking: Question, answer: Answer, asked: Asked, word: Word, *, hidden: bool) -> str:
    """Say how a question stands; where a cell is `hidden`, so is the whole that would give it away."""
    published = asked.reader == "publication"
    gaps: dict[str, object] = {"looked": answer.looked, "wrong": answer.wrong}
    if published and asking.about != "register":  # what is counted here are people's things too
        fewer = asked.say("fewer", least=asked.least)
        gaps = {
            name: fewer if 0 < number < asked.least else number
            for name, number in (("looked", answer.looked), ("wrong", answer.wrong))
        }
    apart = "_hidden" if hidden else ""
    match word:
        case "unanswered":
            there = any(_narrowed(asking, asked))
            return asked.say("unanswered_there" if there else "unanswered", why=nothing(asking, asked))
        case "broken":
            return asked.say(f"broken{apart}", **gaps)
        case "none":
            return asked.say("none", **gaps)
        case "answered":
            count = len(answer.rows)
            if published and asking.about == "cases" and count < asked.least:
                return asked.say("answered", count=asked.say("fewer", least=asked.least), **gaps)
            return asked.say(f"answered{apart}", count=count, **gaps)


def _not_narrowed(asking: Question, asked: Asked) -> Iterator[str]:
    given = {
        "entity": asked.entity, "jurisdiction": asked.jurisdiction, "category": asked.category, "rule": asked.rule,
        "period": asked.since or asked.until,
    }  # fmt: skip
    for name, value in given.items():
        if value and name not in asking.narrows:
            yield name


def _suppressed(asking: Question, row: Row, asked: Asked) -> Row:
    if row.get(asking.whole) is None:
        return row
    counts = {
        code: int(str(row.get(code) or 0))
        for code in (asking.whole, *(one for each in asking.parts for one in each))
    }
    kept = suppressed(counts, asking.whole, asking.parts, least=asked.least)
    small = asked.say("small")
    told: dict[str, Cell] = {
        **row,
        **{
            code: kept[code] if kept[code] is not None else small
            for code in counts
            if row.get(code) is not None
        },
    }
    if any(value is None for value in kept.values()):
        told |= {code: small for code in asking.beside if row.get(code) not in (None, "", ())}
    return told


def _redacted(asking: Question, rows: Iterable[Row], asked: Asked) -> Iterator[Row]:
    """Hide names and words: staff by numbers that stay the same within the answer, everything personal altogether."""
    hides = {code: str(told.get("hide", "")) for code, told in _table()["column"].items()}
    hides |= dict.fromkeys(asking.hide, "personal")
    known: dict[str, str] = {}

    def hidden(code: str, cell: Cell) -> Cell:
        how = hides.get(code, "")
        if not how or cell in (None, "", ()) or isinstance(cell, bool):
            return cell
        if how == "personal":
            return asked.say("hidden")
        names = (
            (cell,) if isinstance(cell, str) else tuple(map(str, cell)) if isinstance(cell, Sequence) else ()
        )
        return tuple(known.setdefault(name, asked.say("staff", number=len(known) + 1)) for name in names)

    for row in rows:
        yield {code: hidden(code, cell) for code, cell in row.items()}


def _spoken(language: str) -> str:
    return "fr" if language == "fr" else "en"


@cache
def _questions() -> Mapping[str, Question]:
    found = {}
    for name, told in _table()["question"].items():
        found[name] = Question(
            name=name,
            number=told["number"],
            said={"en": told["en"], "fr": told["fr"]},
            law=told["law"],
            about=told["about"],
            must_be_none=told.get("zero", False),
            narrows=tuple(told["narrows"]),
            needs=told.get("needs", ""),
            columns=tuple(told["columns"]),
            nothing=told["nothing"],
            whole=told.get("whole", ""),
            parts=tuple(tuple(each) for each in told.get("parts", ())),
            beside=tuple(told.get("beside", ())),
            hide=tuple(told.get("hide", ())),
            next=told.get("next", {}),
        )
    return MappingProxyType(found)


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((files("troth.rules") / "data" / "questions.toml").read_text("utf-8"))
