"""What an erasure leaves in the stores because somebody decided so: which data, why, until when.

An exemption is of a category, a table or a store, and of a period; never of a person.  Its
rows stay whole, and so do the rows they belong to; everything else goes as the map says.

Law: GDPR Art. 17(3), "to the extent that processing is necessary"; Art. 5(1)(e).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

from troth.errors import NotAllowedError
from troth.law import right
from troth.law.period import Period
from troth.rules.map import Delete, Erase, Map, MapTable, Retain

_MARK = "# kept by decision: "


@dataclass(frozen=True, slots=True)
class Exemption:
    """A letter of Art. 17(3); where `what` is given, the data it keeps (a category, `store.table`, a store)."""

    letter: str
    what: str = ""
    until: date | None = None
    hold: str = ""  # the legal hold that keeps it, for as long as it stands

    def facts(self) -> list[str | None]:
        """Return it as an event says it."""
        said = [self.letter, self.what, self.until.isoformat() if self.until else None]
        return [*said, self.hold] if self.hold else said

    def lasts(self, on: date) -> bool:
        """Say whether it keeps anything on a day."""
        return bool(self.hold) or (self.until is not None and self.until > on)


def read(written: str) -> Exemption:
    """Read an exemption: a letter, or `LETTER:WHAT:DATE`; raises NotAllowedError when it is neither.

    >>> read("b:billing:2036-12-31")
    Exemption(letter='b', what='billing', until=datetime.date(2036, 12, 31), hold='')
    >>> read("e")
    Exemption(letter='e', what='', until=None, hold='')
    """
    parts = written.strip().split(":")
    if len(parts) == 1:
        return Exemption(parts[0])
    try:
        letter, what, until = parts
        return Exemption(letter, what.strip(), date.fromisoformat(until.strip()))
    except ValueError:
        raise NotAllowedError(
            f"The exemption {written[:60]!r} is not whole. Write its letter, what it keeps and until when, such as "
            "b:billing:2036-12-31 (GDPR Art. 17(3))."
        ) from None


def from_facts(kept: Iterable[Sequence[str | None]]) -> tuple[Exemption, ...]:
    """Read exemptions back from an event."""
    return tuple(
        Exemption(str(letter), str(what), date.fromisoformat(until) if until else None, *map(str, hold))
        for letter, what, until, *hold in kept
    )


def lacking(
    exemptions: Sequence[Exemption], maps: Mapping[str, Map], on: date, others: Iterable[str] = ()
) -> Iterator[str]:
    """Say what is wrong with exemptions, as sentences: an end that is past, data that no map has.

    `others` are the stores that only people reach, and the categories of the policy: their
    owners are told in words.
    """
    known = [*names(maps), *others]
    for one in exemptions:
        if not one.what:
            continue
        if one.until is None or one.until <= on:
            yield f"What stays under Art. 17(3)({one.letter}) needs a day after today on which it ends."
        if one.what not in known:
            shown = ", ".join(sorted(name for name in known if "." not in name)[:20])
            yield (
                f"No map has data called {one.what[:60]!r}. Name a category, a store, or a table as store.table: "
                f"{shown} …"
            )


def names(maps: Mapping[str, Map]) -> list[str]:
    """Return what can be named in these maps: categories, stores, tables as store.table."""
    return list(dict.fromkeys(chain.from_iterable(_names(each) for each in maps.values())))


def law(letter: str, on: date) -> str:
    """Return the article of an exemption by its letter; empty where there is none."""
    return next((one.law for one in right.erasure_exemptions(on) if one.code == letter), "")


def keeping(map_: Map, exemptions: Sequence[Exemption], on: date) -> Map:
    """Return the map of an erasure that leaves alone what is exempt; the same map where nothing is.

    A legal hold keeps the rows that its rows belong to as they are: what is held for a matter
    is worth nothing there without whose it is, and nobody would find it again afterwards.
    """
    lasting = [one for one in exemptions if one.lasts(on)]
    kept = {
        name: found
        for name, table in map_.tables.items()
        if (found := [one for one in lasting if _covers(one, map_.store, table)])
    }
    if not kept:
        return map_
    tables = dict(map_.tables)
    for name, found in kept.items():
        tables[name] = _kept(tables[name], found, on)
    for name in _owners(map_, [each for each, found in kept.items() if any(one.hold for one in found)]):
        holds = [one for found in kept.values() for one in found if one.hold]
        if tables[name].erase is not None:
            tables[name] = _kept(tables[name], holds, on)  # evidence says whose it is
    for name in _owners(map_, kept):
        tables[name] = _held(tables[name], [one for found in kept.values() for one in found], on)
    listed = json.dumps(
        [one.facts() for one in sorted(set(lasting), key=lambda each: list(map(str, each.facts())))]
    )
    return replace(map_, tables=tables, written=f"{map_.written.rstrip()}\n{_MARK}{listed}\n")


def kept_in(written: str) -> tuple[Exemption, ...]:
    """Return the exemptions that a map was recorded with, so that an erasure repeated leaves the same."""
    last = written.rstrip().rpartition("\n")[2]
    return from_facts(json.loads(last.removeprefix(_MARK))) if last.startswith(_MARK) else ()


def _names(map_: Map) -> Iterator[str]:
    for name, table in map_.tables.items():
        if table.impersonal is None:
            yield from table.columns.values()
            yield f"{map_.store}.{name}"
    yield map_.store


def _covers(one: Exemption, store: str, table: MapTable) -> bool:
    if not one.what or table.impersonal is not None or table.erase is None:
        return False
    names = {f"{store}.{name}" for name in (table.name, table.archive_of) if name}
    return one.what in {store, *names, *table.columns.values()}


def _law(found: Sequence[Exemption], on: date) -> str:
    return ", ".join(dict.fromkeys(law(one.letter, on) for one in found))


def _until(found: Sequence[Exemption]) -> date:
    """Return the last day they name; a hold keeps it for as long as it stands."""
    return date.max if any(one.hold for one in found) else max(one.until for one in found if one.until)


def _kept(table: MapTable, found: Sequence[Exemption], on: date) -> MapTable:
    assert table.erase is not None
    until, legal = _until(found), _law(found, on)
    done = table.erase.do
    if isinstance(done, Retain):
        action = Retain(done.period, done.trigger, f"{done.legal}; {legal}", until=until)
    else:
        action = Retain(Period(0, "days"), "", legal, until=until)
    edges = table.edges
    if until == date.max:  # what a hold keeps stays as it is, also where the row is somebody else's too
        edges = tuple(replace(edge, leaving=None) for edge in edges)
    return replace(table, edges=edges, erase=Erase(action, table.erase.by, table.erase.because), archive=None)


def _held(table: MapTable, found: Sequence[Exemption], on: date) -> MapTable:
    """A row that would go stays where an exempt row belongs to it."""
    if table.erase is None or not isinstance(table.erase.do, Delete):
        return table
    action = Retain(Period(0, "days"), "", _law(found, on), until=_until(found), only_held=True)
    return replace(table, erase=Erase(action, table.erase.by, table.erase.because))


def _owners(map_: Map, kept: Iterable[str]) -> list[str]:
    """Return the tables, not kept themselves, to which rows of kept tables belong, however far up."""
    found, waiting = dict.fromkeys(kept), list(kept)
    while waiting:
        table = map_.tables[waiting.pop()]
        for edge in table.edges:
            if edge.kind == "belongs_to" and edge.target not in found and edge.target in map_.tables:
                found[edge.target] = None
                waiting.append(edge.target)
    return [name for name in found if name not in kept]
