"""The registers: what each has in its columns, said in a language, drawn from promises and maps.

A register is a table of lines; a cell holds several sayings where there are several, and no
line says what no promise, map or document says.  What an entry lacks stands in its own line.

Law: GDPR Art. 30(1), 30(2); Arts. 28(3), 44 to 49.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from troth.policy.policy import Policy
from troth.policy.promise import Contact, Promise, Transfer
from troth.policy.shape import Text
from troth.policy.words import Words, words
from troth.rules.map import Map

Name = Literal["processing", "processor", "recipients", "processors", "transfers", "documents"]
NAMES: tuple[Name, ...] = ("processing", "processor", "recipients", "processors", "transfers", "documents")
Cell: TypeAlias = tuple[str, ...]
Line: TypeAlias = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Source:
    """What registers are drawn from: the policy with its register, the maps, the day and the language.

    `files_wrong` says of documents whose file is gone or was changed, by their names, which of the two.
    """

    policy: Policy
    maps: Mapping[str, Map]
    today: date
    language: str = "en"
    files_wrong: Mapping[str, Literal["missing", "differs"]] | None = None

    @property
    def words(self) -> Words:
        """The words of the language."""
        return words(self.language)

    def text(self, text: Text | None) -> str:
        """Return words in the language; empty where there are none."""
        return text.said(self.language) if text else ""

    def texts(self, texts: Iterable[Text]) -> Cell:
        """Return each of several words in the language."""
        return tuple(self.text(one) for one in texts)

    def title(self, found: object) -> str:
        """Return what a promise or a part of one is called, in the notice where it has words there."""
        for attribute in ("short", "title", "does"):
            said = getattr(found, attribute, None)
            if isinstance(said, Text):
                return self.text(said)
        return str(getattr(found, "key", "")).replace("_", " ").replace("-", " ")

    def day(self, day: date | None) -> Cell:
        """Return a day as 2026-11-23: a register is sorted and compared."""
        return (day.isoformat(),) if day else ()

    def word(self, word: str, path: str = "") -> str:
        """Return how a choice is said."""
        return self.words.word(word, path)

    def period(self, period: object) -> str:
        """Return a length of time, with plain spaces: cells are read by machines too."""
        return self.words.period(period).replace("\u00a0", " ").replace("\u202f", " ")  # type: ignore[arg-type]

    def phrase(self, key: str, **gaps: object) -> str:
        """Return a phrase of the registers with its gaps filled."""
        return str(_table()["phrase"][key][self.language]).format(**gaps)

    def heading(self, key: str, of: str = "processing") -> str:
        """Return what heads a column of a register, or of the sheet of one activity (`of` sheet)."""
        return str(_table()[of][key][self.language])

    def lacks(self, key: str, **gaps: object) -> str:
        """Say what an entry lacks."""
        return str(_table()["lacks"][key][self.language]).format(**gaps)

    def clauses(self, promises: Iterable[Promise]) -> Cell:
        """Return the clauses of promises; those of the register are internal."""
        found = (one.clause if one.public else self.phrase("internal") for one in promises)
        return tuple(dict.fromkeys(found))

    def contact(self, contact: Contact | None) -> Cell:
        """Return the ways of reaching somebody, in one saying."""
        if contact is None:
            return ()
        ways = (self.text(contact.name), contact.email, contact.form, contact.phone, contact.address)
        return (", ".join(str(one) for one in ways if one),)

    def transfers(self, found: Iterable[Transfer]) -> Cell:
        """Return transfers, each with its country, importer and mechanism."""
        return tuple(dict.fromkeys(self.transfer(one) for one in found))

    def transfer(self, one: Transfer) -> str:
        """Return one transfer in one saying."""
        mechanism = self.mechanism(one)
        country = self.words.country(one.country)
        who = f"{one.importer}, {country}" if one.importer else country
        return f"{who}: {mechanism}" if self.language != "fr" else f"{who} : {mechanism}"

    def mechanism(self, one: Transfer) -> str:
        """Return what makes a transfer lawful, with its module and its decision."""
        mechanism = self.word(one.mechanism)
        if one.module:
            mechanism = self.words.phrase("module", mechanism=mechanism, module=one.module)
        if one.decision:
            mechanism = self.words.phrase(
                "decision", mechanism=mechanism, decision=self.words.decision(one.decision)
            )
        return mechanism

    def companies(self, keys: Sequence[str] = ()) -> Cell:
        """Return companies of the group by name, with where they are; all of them where none is named."""
        group = self.policy.group
        every = group.entities if group else ()
        chosen = [one for one in every if not keys or one.key in keys]
        return tuple(
            ", ".join(
                part
                for part in (one.name, one.address or self.words.country(one.country), one.email or "")
                if part
            )
            for one in chosen
        )

    def representatives(self, keys: Sequence[str] = ()) -> Cell:
        """Return the representatives of companies, where they have one."""
        group = self.policy.group
        every = group.entities if group else ()
        return tuple(
            said for one in every if not keys or one.key in keys for said in self.contact(one.representative)
        )

    def dpo(self) -> Cell:
        """Return the data protection officer."""
        return self.contact(self.policy.group.dpo if self.policy.group else None)

    def measures(self) -> Cell:
        """Return the measures that are taken, as the register says."""
        return self.texts(self.policy.security.measures if self.policy.security else ())


@dataclass(frozen=True, slots=True)
class Register:
    """One register: its columns with their headings, in order, and its lines."""

    name: Name
    columns: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]

    def rows(self, between: str = "; ") -> Iterator[tuple[str, ...]]:
        """Yield each line as text, a cell's sayings joined."""
        for line in self.lines:
            yield tuple(between.join(line.get(code, ())) for code, _ in self.columns)

    @property
    def lacking(self) -> int:
        """How many lines lack something."""
        return sum(bool(line.get("lacks")) for line in self.lines)


def columns(name: Name, language: str) -> tuple[tuple[str, str], ...]:
    """Return the columns of a register, each by its code with its heading.

    >>> columns("processing", "fr")[4]
    ('controller', 'Responsable du traitement')
    """
    return tuple((code, heading[language]) for code, heading in _table()[name].items())


@cache
def _table() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return tomllib.loads((files("troth.rules") / "data" / "register.toml").read_text("utf-8"))
