"""What a visitor's choice allows: which cookie, storage or script, and for how long.

The table of the policy (`cookies`) is read once into a `Table`; a name seen on a device is
matched to its line, and a line and a choice give a ruling.  The banner, the gate in the
headers and the scanner all ask here, so they cannot disagree.

A category is allowed by a choice as long as every line it has now was there when the
visitor chose: a new or changed line asks again, a line that went does not, and somebody
who refused is not asked again before the refusal runs out.

Law: Directive 2002/58/EC Art. 5(3); Case C-673/17; GDPR Arts. 4(11), 7(1), 7(3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Literal

from troth.law.period import Period
from troth.policy.promise import ChoiceKept, Cookie, Cookies
from troth.policy.shape import Text

Because = Literal["exempt", "accepted", "refused", "not_asked", "asked_again", "signal", "undeclared"]

LETTERS: Mapping[str, str] = MappingProxyType(
    {"preferences": "p", "analytics": "a", "marketing": "m", "necessary": "n"}
)
"""How a category is written in the cookie that remembers the choice."""

_CATEGORIES = {letter: category for category, letter in LETTERS.items()}
_DAY = 86_400
_IMPRINT = 5
_CHOICE = re.compile(
    r"1\.(?P<at>[0-9a-z]{1,8})\.(?P<since>[0-9a-z]{0,8})\.(?P<letters>[pamn]{0,4})"
    r"\.(?P<imprints>(?:[0-9a-f]{5}){0,200})\.(?P<proof>[0-9A-Za-z]{0,32})"
    r"(?P<unsent>\.u(?:\.[pam]{1,3}\.[0-9A-Za-z]{1,32})?)?",
    re.ASCII,
)
_UNMATERIAL = frozenset({"purpose", "exempt_because", "path"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What a visitor chose, as their own browser remembers it; moments are in seconds since 1970.

    `since` is when the first yes of an unbroken row was given (0 for a refusal), `imprints` are
    the lines that the accepted categories had then, and `proof` names the consent in the
    ledger: a refusal has none, and so names nobody.  While a choice is `unsent`, its cookie also says
    which yes it changes, so that a withdrawal reaches the ledger under the name of that yes.
    """

    at: int
    accepted: frozenset[str] = frozenset()
    imprints: frozenset[str] = frozenset()
    since: int = 0
    proof: str = ""
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table, with what is reckoned from it.

    `seconds_least` and `seconds_most` are the shortest and longest its lifetime can be, as
    months differ; both are None for what ends with the session.
    """

    row: Cookie
    pattern: re.Pattern[str]
    exempt: bool
    imprint: str
    seconds_least: int | None
    seconds_most: int | None

    def longer(self, seconds: float) -> bool:
        """Say whether a lifetime is surely longer than declared, whatever the calendar."""
        return self.seconds_most is None or seconds > self.seconds_most


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether something may be on the device now, why, and for how many seconds more.

    `seconds` is None for what must end with the session, and where it is not allowed.
    """

    line: Line | None
    allowed: bool
    because: Because
    seconds: int | None = None


@dataclass(frozen=True)
class Table:
    """The table of a policy, ready to be asked."""

    lines: tuple[Line, ...]
    exempt: frozenset[str]
    choice_in: str
    given_seconds: int
    refused_seconds: int
    signals: frozenset[str]
    sites: tuple[str, ...]
    sha256: str

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The categories that are asked for, in the order people read them."""
        asked = {line.row.category for line in self.lines if not line.exempt}
        return tuple(category for category in LETTERS if category in asked)

    @cached_property
    def imprints(self) -> Mapping[str, frozenset[str]]:
        """The imprints of each category that is asked for."""
        return {
            category: frozenset(
                line.imprint for line in self.lines if line.row.category == category and not line.exempt
            )
            for category in self.categories
        }

    @cached_property
    def _exact(self) -> Mapping[str, tuple[Line, ...]]:
        found: dict[str, tuple[Line, ...]] = {}
        for line in self.lines:
            if "*" not in line.row.name:
                found[line.row.name] = (*found.get(line.row.name, ()), line)
        return found

    @cached_property
    def _globs(self) -> tuple[Line, ...]:
        """The lines with a star, those that say most of a name first."""
        return tuple(
            sorted((line for line in self.lines if "*" in line.row.name), key=lambda one: -len(one.row.name))
        )

    def candidates(self, name: str) -> Iterator[Line]:
        """Yield the lines whose name fits, the nearest first."""
        yield from self._exact.get(name, ())
        yield from (line for line in self._globs if line.pattern.fullmatch(name))


def table(cookies: Cookies) -> Table:
    """Read the promise into a table that can be asked."""
    kept = cookies.choice_kept or ChoiceKept(given=Period(6, "months"), refused=Period(6, "months"))
    return Table(
        lines=tuple(_line(row, cookies) for row in cookies.table),
        exempt=frozenset({"necessary", *cookies.before_consent}),
        choice_in=cookies.choice_in,
        given_seconds=_seconds(kept.given)[0],
        refused_seconds=_seconds(kept.refused)[0],
        signals=frozenset(cookies.signals),
        sites=cookies.sites,
        sha256=table_sha256(cookies),
    )


def _line(row: Cookie, cookies: Cookies) -> Line:
    pattern = ".*".join(re.escape(part) for part in row.name.split("*"))
    least, most = _seconds(row.lifetime) if isinstance(row.lifetime, Period) else (None, None)
    exempt = row.category == "necessary" or row.category in cookies.before_consent
    return Line(row, re.compile(pattern, re.DOTALL), exempt, imprint(row), least, most)


def _seconds(period: Period) -> tuple[int, int]:
    """Return the fewest and the most seconds a period can be."""
    least, most = period.days()
    return int(least * _DAY), int(most * _DAY)


def table_sha256(cookies: Cookies) -> str:
    """Return the hash of the whole table, words too: what a proof of consent names."""
    return sha256(_canonical([_told(row) for row in cookies.table])).hexdigest()


def imprint(row: Cookie) -> str:
    """Return a short hash of what is material in a line: a visitor is asked again when it changes."""
    told = {name: value for name, value in _told(row).items() if name not in _UNMATERIAL}
    return sha256(_canonical(told)).hexdigest()[:_IMPRINT]


def _told(row: Cookie) -> dict[str, object]:
    return {one.name: _plain(getattr(row, one.name)) for one in fields(row)}


def _plain(value: object) -> object:
    if isinstance(value, Text):
        return dict(value.words)
    return str(value) if isinstance(value, Period) else value


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def match(known: Table, name: str, storage: str = "cookie", *, host: str = "", site: str = "") -> Line | None:
    """Return the line that declares something seen on a device, or None.

    `host` is where it belongs (a cookie's domain, a storage's origin), `site` the host of the
    page; without them only name and storage are compared.

    >>> from troth.policy.promise import Cookie, Cookies
    >>> row = Cookie(name="_ga*", party="first", category="analytics", lifetime=Period(13, "months"))
    >>> one = table(Cookies(id="9/cookies", clause="9", file="policy.md", line=1, table=(row,)))
    >>> match(one, "_ga_X1", host=".shop.example", site="www.shop.example").row.name
    '_ga*'
    >>> match(one, "_ga_X1", host="ads.example", site="www.shop.example") is None
    True
    """
    return next(
        (
            line
            for line in known.candidates(name)
            if line.row.storage == storage and _is_its_host(line.row, host, site)
        ),
        None,
    )


def _is_its_host(row: Cookie, host: str, site: str) -> bool:
    if not host:
        return True
    if row.host:
        return same_or_under(host, row.host)
    return not site or first_party(host, site) is (row.party == "first")


def first_party(host: str, site: str) -> bool:
    """Say whether a host is the site's own: the same, a parent domain of it, or under it.

    >>> first_party(".shop.example", "www.shop.example"), first_party("ads.example", "shop.example")
    (True, False)
    """
    return same_or_under(host, site) or same_or_under(site, host)


def same_or_under(host: str, parent: str) -> bool:
    """Say whether a host is another, or one of its subdomains."""
    host, parent = host.lower().strip("."), parent.lower().strip(".")
    return host == parent or host.endswith("." + parent)


def accepted(known: Table, choice: Choice | None, now: int) -> frozenset[str]:
    """Return the categories that a choice allows now, besides the exempt ones."""
    if choice is None or _expired(known, choice, now):
        return frozenset()
    return frozenset(
        category
        for category in choice.accepted
        if category in known.imprints and known.imprints[category] <= choice.imprints
    )


def must_ask(known: Table, choice: Choice | None, now: int, *, signal: bool = False) -> bool:
    """Say whether the visitor is asked: never chose, chose too long ago, or what they accepted has changed.

    A browser's signal stands for a no that need not be asked for.
    """
    if not known.categories:
        return False
    if choice is None or _expired(known, choice, now):
        return not (signal and "gpc" in known.signals)
    return not choice.accepted & set(known.imprints) <= accepted(known, choice, now)


def holds(known: Table, choice: Choice) -> tuple[int, int]:
    """Return from when until when a choice holds; one of the future is none, but for a clock that is a day off."""
    return choice.at - _DAY, choice.at + (known.given_seconds if choice.accepted else known.refused_seconds)


def _expired(known: Table, choice: Choice, now: int) -> bool:
    begins, ends = holds(known, choice)
    return not begins <= now < ends


def rule(known: Table, choice: Choice | None, now: int, line: Line | None, *, signal: bool = False) -> Ruling:
    """Say whether a line of the table may be on the device now, and for how long at most."""
    if line is None:
        return Ruling(None, False, "undeclared")
    if line.exempt:
        return Ruling(line, True, "exempt", line.seconds_least)
    if line.row.category in accepted(known, choice, now):
        return Ruling(line, True, "accepted", line.seconds_least)
    return Ruling(line, False, _because(known, choice, now, line, signal))


def _because(known: Table, choice: Choice | None, now: int, line: Line, signal: bool) -> Because:
    if choice is None:
        return "signal" if signal and "gpc" in known.signals else "not_asked"
    if _expired(known, choice, now) or line.row.category in choice.accepted:
        return "asked_again"
    return "refused"


def read_choice(value: str) -> Choice | None:
    """Read the cookie that remembers the choice; None where it is not one, whoever wrote it.

    >>> read_choice("1.lr3x1c..nothing") is None
    True
    >>> read_choice(write_choice(Choice(1_700_000_000))).accepted
    frozenset()
    """
    found = _CHOICE.fullmatch(value)
    if found is None:
        return None
    imprints = found["imprints"]
    accepted_then = frozenset(_CATEGORIES[letter] for letter in found["letters"])
    if bool(accepted_then) != bool(found["since"]) or (found["proof"] and not accepted_then):
        return None
    return Choice(
        at=int(found["at"], 36),
        accepted=accepted_then,
        imprints=frozenset(imprints[at : at + _IMPRINT] for at in range(0, len(imprints), _IMPRINT)),
        since=int(found["since"] or "0", 36),
        proof=found["proof"],
        unsent=found["unsent"] is not None,
    )


def write_choice(choice: Choice) -> str:
    """Write a choice as its cookie holds it."""
    letters = "".join(letter for category, letter in LETTERS.items() if category in choice.accepted)
    since = _in_36(choice.since) if choice.accepted else ""
    imprints = "".join(sorted(choice.imprints)) if choice.accepted else ""
    proof = choice.proof if choice.accepted else ""
    return f"1.{_in_36(choice.at)}.{since}.{letters}.{imprints}.{proof}{'.u' if choice.unsent else ''}"


def _in_36(number: int) -> str:
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
        if number == 0:
            return digits


def accept(known: Table, categories: frozenset[str], now: int, before: Choice | None, proof: str) -> Choice:
    """Return the choice that a visitor makes now; a yes that goes on is counted from its beginning."""
    chosen = frozenset(categories & set(known.categories))
    if not chosen:
        return Choice(now)
    imprints = frozenset(one for category in chosen for one in known.imprints[category])
    since = before.since if before and before.accepted & chosen else now
    return Choice(now, chosen, imprints, since, proof)
