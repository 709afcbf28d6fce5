"""Which rows of a lake may matter to a plan: found file by file, in one pass for all subjects.

A row matters when an identifier or a link may lead to it, or when it may hold a row that
something leads to.  Too many may be found, never too few: what is found is laid out on a
stage, where the engine of every SQL store decides (`lake_stage`).  So values are compared by
tokens here, which are the same whenever the engine would take them for the same.

A file is looked into by a function of the file alone, so that it may run anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from troth.rules.graph import PLAIN, At, Graph, Hop
from troth.rules.identifier import exact
from troth.rules.map import Blank, InDocument, InList, Inside, Map, ReplaceOwner
from troth.rules.name_form import FOLDED
from troth.stores.amend_stage import Keys
from troth.stores.contract import Who
from troth.stores.lake_form import Block, Bounds, cells
from troth.stores.lake_layout import Part, Table
from troth.stores.sql_dialect import forms

_NUMBERED = frozenset({"iban", "card", "national_id"})
_SPELT = _NUMBERED | {"email", "phone"}  # kinds of identifier that may be written in several ways
_HOLDERS_DEEP = 3  # whether a row is anybody's still, its engine asks of its holders and of theirs
Run = Callable[[Callable[["Task"], "Found"], Sequence["Task"]], Iterable["Found"]]
Also = Mapping[str, Iterable[str]]
"""Columns that are wanted besides those by which the engine decides, by table."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands that is compared, and as what kind of identifier."""

    column: str
    kind: str = ""
    inside: Inside | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A row is found when each of its spots holds one of that spot's tokens."""

    spots: tuple[Spot, ...]
    tokens: tuple[frozenset[str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """One file to look into; `columns` of what is found are handed over."""

    table: Table
    part: Part
    looks: tuple[Look, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The rows found in one file, by their place in it, with these columns."""

    table: Table
    part: Part
    columns: tuple[str, ...]
    rows: Sequence[tuple[int, tuple[object, ...]]] = field(repr=False)


def look(task: Task) -> Found:
    """Look into one file."""
    rows: list[tuple[int, tuple[object, ...]]] = []
    names = tuple(dict.fromkeys(spot.column for each in task.looks for spot in each.spots))
    wanted = _Wanted(task.looks)
    for block in task.table.blocks(task.part, names, [_bounds(each, task.table) for each in task.looks]):
        places = wanted.places(block)
        if places:
            kept = block.rest(task.columns).take(pa.array(places, pa.int64()))
            rows.extend(zip((block.first + place for place in places), cells(kept), strict=True))
    return Found(task.table, task.part, task.columns, rows)


def token(kind: str, values: pa.Array) -> pa.Array:
    """Return values as texts that are the same whenever the engine would take them for the same.

    >>> token("email", pa.array([" Ada@Example.org", None])).to_pylist()
    ['ada@example.org', None]
    >>> token(FOLDED, pa.array(["Tr\u00c9-Val"])).to_pylist()
    ['tre val']
    >>> token("", pa.array([1.0, 2.5])).to_pylist(), token("", pa.array(["1.0", "x"])).to_pylist()
    (['1', '2.5'], ['1', 'x'])
    """
    text = _text(values)
    if kind == "email":
        return pc.utf8_lower(pc.utf8_trim_whitespace(text))
    if kind in _NUMBERED:
        return pc.utf8_lower(pc.replace_substring_regex(text, r"[\s.\-]", ""))
    if kind in ("phone", FOLDED):
        coded = text.dictionary_encode()
        exactly = [None if each is None else exact(kind, each) for each in coded.dictionary.to_pylist()]
        return pa.array(exactly, pa.string()).take(coded.indices)
    whole = pc.match_substring_regex(text, r"^-?[0-9]+\.0$")
    if not pc.any(whole).as_py():
        return text
    return pc.if_else(whole, pc.replace_substring_regex(text, r"\.0$", ""), text)


def _text(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_large_string(kind) or pa.types.is_integer(kind):
        return values.cast(pa.string())
    if pa.types.is_boolean(kind):
        return values.cast(pa.int8()).cast(pa.string())
    return pa.array([_told(value) for value in values.to_pylist()], pa.string())


def _told(value: Any) -> str | None:
    """Return the text of one value."""
    match value:
        case None | str():
            return value
        case bool():
            return str(int(value))
        case float() if value.is_integer() and abs(value) < 2**63:
            return str(int(value))
        case bytes():
            return f"\0{value.hex()}"
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _whole_column(block: Block, name: str) -> pa.Array:
    column = block.rows.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


class _Wanted:
    """The looks of one file, with their tokens as columns are compared with them."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self._looks = looks
        self._texts = {each: pa.array(_ordered(each), pa.string()) for look in looks for each in look.tokens}
        self._numbers = {each: pa.array(_numbers(each), pa.int64()) for look in looks for each in look.tokens}

    def places(self, block: Block) -> list[int]:
        """Return the places within a block of the rows found by any of the looks."""
        found: pa.Array | None = None
        seen: dict[Spot, pa.Array] = {}
        for each in self._looks:
            every: pa.Array | None = None
            for spot, tokens in zip(each.spots, each.tokens, strict=True):
                mask = self._among(block, spot, tokens, seen)
                every = mask if every is None else pc.and_(every, mask)
            found = every if found is None else pc.or_(found, every)
        return [] if found is None else list(pc.indices_nonzero(found).to_pylist())

    def _among(
        self, block: Block, spot: Spot, tokens: frozenset[str], seen: dict[Spot, pa.Array]
    ) -> pa.Array:
        """Tell of each row whether a spot holds one of the tokens."""
        column = _whole_column(block, spot.column)
        if spot.inside is not None:
            met = [not tokens.isdisjoint(inner(value, spot)) for value in column.to_pylist()]
            return pa.array(met, pa.bool_())
        if pa.types.is_integer(column.type) and spot.kind not in _SPELT and column.type != pa.uint64():
            return pc.is_in(column.cast(pa.int64()), self._numbers[tokens])
        if spot not in seen:
            seen[spot] = token(spot.kind, column)
        return pc.is_in(seen[spot], self._texts[tokens])


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit()


@lru_cache(64)
def _as_written(tokens: frozenset[str]) -> Sequence[str]:
    """Return, in order, every text that has one of these tokens."""
    return sorted({*tokens, *(f"{text}.0" for text in tokens if _is_whole(text))})


@lru_cache(64)
def _ordered(tokens: frozenset[str]) -> Sequence[str]:
    return sorted(tokens)


@lru_cache(64)
def _numbers(tokens: frozenset[str]) -> Sequence[int]:
    """Return the tokens that are whole numbers of at most 64 bits, in order."""
    found = {int(each) for each in tokens if _is_whole(each) and len(each) < 21}
    return sorted(each for each in found if -(2**63) <= each < 2**63)


def _bounds(each: Look, table: Table) -> Bounds:
    """Return the values of columns that hold them as they are written, in the order of their type."""
    bounds: dict[str, Sequence[Any]] = {}
    for spot, tokens in zip(each.spots, each.tokens, strict=True):
        kind = table.schema.field(spot.column).type
        if spot.inside is not None or spot.kind in _SPELT:
            continue
        if pa.types.is_signed_integer(kind):
            bounds[spot.column] = _numbers(tokens)
        elif pa.types.is_string(kind):
            bounds[spot.column] = _as_written(tokens)
    return bounds


def inner(value: object, spot: Spot) -> frozenset[str]:
    """Return the tokens of what stands inside a document or a list."""
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError:
            return frozenset()
    reached: list[object] = [value]
    match spot.inside:
        case InDocument(path):
            reached = list(_below(reached, path))
        case InList(path, below):
            lists = [each for each in _below(reached, path) if isinstance(each, list)]
            reached = list(_below([element for each in lists for element in each], below))
        case None:
            pass
    texts = [_told(each) for each in reached if not isinstance(each, dict | list)]
    written = [each for each in texts if each is not None]
    return frozenset(token(spot.kind, pa.array(written, pa.string())).to_pylist()) if written else frozenset()


def _below(values: Iterable[object], path: Sequence[str]) -> Iterator[object]:
    for value in values:
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        yield value


_Rows = Mapping[str, Sequence[tuple[object, ...]]]


class Sieve:
    """One search: what was found so far, and what it leads to."""

    def __init__(
        self,
        graph: Graph,
        tables: Mapping[str, Table],
        run: Run,
        keep: Callable[[Found], None],
        full: bool,
        also: Also = MappingProxyType({}),
    ) -> None:
        self._graph, self._tables, self._run, self._keep = graph, tables, run, keep
        self._columns = {
            name: tuple(table.schema.names) if full else needed(graph, name, table, also.get(name, ()))
            for name, table in tables.items()
        }
        self._known: dict[str, set[tuple[str, int]]] = {name: set() for name in tables}
        self._sought: dict[tuple[str, Spot], frozenset[str]] = {}

    def search(self, who: Sequence[Who]) -> None:
        """Find every row that may matter to these subjects."""
        graph = self._graph
        given = {
            kind: token_set(
                kind, (v for one in who for of, v in one.identifiers if of == kind), graph.map.region
            )
            for kind in {named.kind for named in graph.named}
        }
        waiting: dict[str, list[Look]] = {}
        for named in graph.named:
            _add(
                waiting, named.table, (Spot(named.column, named.kind, named.at.inside),), (given[named.kind],)
            )
        for hop in graph.hops:
            if hop.named is not None and len(hop.to_columns) == 1:
                _add(waiting, hop.to, (_spot(hop, hop.to_columns[0], hop.to_at),), (given[hop.named.kind],))
        self._from(self._pass(waiting), ("mentions",))

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the columns of a table that are handed over."""
        return self._columns[table]

    def due(self, table: str, found: Iterable[Found], *, going: bool) -> None:
        """Keep these rows of a table; and where they are `going`, find every row that may go with them or hold them.

        Nobody is followed by name.  Rows with which nothing goes and to which nothing points are not held in memory;
        of those that are emptied and stay, whose they still are says whether they are due.
        """
        if self._stays(table) or (going and self._hangs(table)):
            self._from(self._fresh(found), ("mentions", "names"))
            return
        for each in found:
            if each.rows:
                self._keep(each)
        self._placeholders()
        self._controllers()

    def _stays(self, table: str) -> bool:
        """Tell whether rows of a table are emptied, or given to the placeholder, where others go."""
        mapped = self._graph.map.tables[table]
        return mapped.erase is not None and isinstance(mapped.erase.do, Blank | ReplaceOwner)

    def _hangs(self, table: str) -> bool:
        """Tell whether rows may go with rows of a table, or point to them."""
        return any(
            (hop.source == table and hop.kind in ("belongs_to", "points_to"))
            or (hop.to == table and hop.kind == "points_to")
            for hop in self._graph.hops
        )

    def _from(self, fresh: _Rows, but_for: Sequence[str]) -> None:
        """Follow the map on from rows found, but for hops of these kinds, and back to what may hold them."""
        reached: dict[str, list[Sequence[tuple[object, ...]]]] = {}
        while fresh:
            waiting: dict[str, list[Look]] = {}
            for table, rows in fresh.items():
                reached.setdefault(table, []).append(rows)
                for hop in self._graph.hops:
                    if hop.source == table and hop.kind not in but_for:
                        self._follow(waiting, table, rows, hop, forward=True)
            fresh = self._pass(waiting)
        self._mentioned(reached)
        self._holders(reached)
        self._placeholders()
        self._controllers()

    def keyed(self, keys: Keys) -> None:
        """Find every row whose key columns hold these values, each column by itself."""
        waiting: dict[str, list[Look]] = {}
        for table, (columns, rows) in keys.items():
            tokens = tuple(_tokens("", [row[at] for row in rows]) for at in range(len(columns)))
            _add(waiting, table, tuple(map(Spot, columns)), tokens)
        self._pass(waiting)

    def _mentioned(self, reached: Mapping[str, Sequence[Sequence[tuple[object, ...]]]]) -> None:
        """Find the rows that only mention somebody; nothing leads on from them."""
        waiting: dict[str, list[Look]] = {}
        for hop in self._graph.hops:
            if hop.kind == "mentions":
                for rows in reached.get(hop.source, ()):
                    self._follow(waiting, hop.source, rows, hop, forward=True)
        self._pass(waiting)

    def _holders(self, reached: Mapping[str, Sequence[Sequence[tuple[object, ...]]]]) -> None:
        """Find the rows that may hold what was found, and those that may hold them."""
        layer: Mapping[str, Sequence[Sequence[tuple[object, ...]]]] = reached
        for _ in range(_HOLDERS_DEEP):
            waiting: dict[str, list[Look]] = {}
            for hop in self._graph.hops:
                if hop.kind in ("belongs_to", "points_to", "names"):
                    for rows in layer.get(hop.to, ()):
                        self._follow(waiting, hop.to, rows, hop, forward=False)
            layer = {table: [rows] for table, rows in self._pass(waiting).items()}

    def _placeholders(self) -> None:
        waiting: dict[str, list[Look]] = {}
        for table in self._tables:
            marked = self._graph.placeholder(table)
            if marked and self._graph.catalogue.table(table) is not None:
                spots = tuple(Spot(column) for column, _ in marked)
                tokens = tuple(_tokens("", [value]) for _, value in marked)
                _add(waiting, table, spots, tokens)
        self._pass(waiting)

    def _controllers(self) -> None:
        """Find the rows that name the controllers of others; they are few and read whole."""
        by_row = self._graph.map.controllers
        if by_row is None or by_row.table not in self._tables:
            return
        table = self._tables[by_row.table]
        every: list[str] = []
        for part in table.parts:
            for block in table.blocks(part, (by_row.key,)):
                every += [
                    each
                    for each in token("", _whole_column(block, by_row.key)).to_pylist()
                    if each is not None
                ]
        waiting: dict[str, list[Look]] = {}
        _add(waiting, by_row.table, (Spot(by_row.key),), (frozenset(every),))
        self._pass(waiting)

    def _follow(
        self,
        waiting: dict[str, list[Look]],
        table: str,
        rows: Sequence[tuple[object, ...]],
        hop: Hop,
        *,
        forward: bool,
    ) -> None:
        """Add the look that follows a hop from rows found, from its source or back to it."""
        ends = (hop.source_columns, hop.source_at), (hop.to_columns, hop.to_at)
        (own, own_at), (other, other_at) = ends if forward else ends[::-1]
        names = self._columns[table]
        tokens = []
        for column in own:
            at, spot = names.index(column), _spot(hop, column, own_at)
            values = [row[at] for row in rows]
            if spot.inside is None:
                tokens.append(_tokens(spot.kind, values))
            else:
                tokens.append(frozenset(each for value in values for each in inner(value, spot)))
        spots = tuple(_spot(hop, column, other_at) for column in other)
        _add(waiting, hop.to if forward else hop.source, spots, tuple(tokens))

    def _pass(self, waiting: Mapping[str, Sequence[Look]]) -> _Rows:
        """Look once into every file of these tables; return the rows not known before."""
        tasks = [
            Task(self._tables[table], part, looks, self._columns[table])
            for table, several in waiting.items()
            if table in self._tables and (looks := self._unsought(table, _merged(several)))
            for part in self._tables[table].parts
        ]
        return self._fresh(self._run(look, tasks))

    def _unsought(self, table: str, looks: Sequence[Look]) -> tuple[Look, ...]:
        """Return what of these looks no pass has done: what it would find is known already."""
        left = []
        for each in looks:
            if len(each.spots) == 1:
                at = table, each.spots[0]
                before = self._sought.get(at, frozenset())
                tokens = each.tokens[0] - before
                self._sought[at] = before | tokens
                if tokens:
                    left.append(Look(each.spots, (tokens,)))
            else:
                left.append(each)
        return tuple(left)

    def _fresh(self, every: Iterable[Found]) -> _Rows:
        """Keep what was found, and return the rows not known before."""
        fresh: dict[str, list[tuple[object, ...]]] = {}
        for found in every:
            table, name = found.table.asked.table, found.part.file.name
            known = self._known[table]
            new = [(place, row) for place, row in found.rows if (name, place) not in known]
            known.update((name, place) for place, _ in new)
            if new:
                self._keep(replace(found, rows=new))
                fresh.setdefault(table, []).extend(row for _, row in new)
        return fresh


def token_set(kind: str, values: Iterable[str], region: str) -> frozenset[str]:
    """Return the tokens of given identifiers, in every form they are looked for in."""
    return _tokens(kind, [form for value in values for form in forms(kind, value, region)])


def _tokens(kind: str, values: Iterable[object]) -> frozenset[str]:
    texts = {each for value in values if (each := _told(value)) is not None}
    found = token(kind, pa.array(sorted(texts), pa.string())).to_pylist()
    return frozenset(each for each in found if each is not None)


def _spot(hop: Hop, column: str, at: At = PLAIN) -> Spot:
    return Spot(column, hop.named.kind if hop.named is not None else "", at.inside)


def _add(
    waiting: dict[str, list[Look]], table: str, spots: tuple[Spot, ...], tokens: tuple[frozenset[str], ...]
) -> None:
    if all(tokens):
        waiting.setdefault(table, []).append(Look(spots, tokens))


def _merged(looks: Sequence[Look]) -> tuple[Look, ...]:
    """Join the looks at the same spot, so that each column is compared once."""
    single: dict[Spot, frozenset[str]] = {}
    several = []
    for each in looks:
        if len(each.spots) == 1:
            single[each.spots[0]] = single.get(each.spots[0], frozenset()) | each.tokens[0]
        else:
            several.append(each)
    return (*(Look((spot,), (tokens,)) for spot, tokens in single.items()), *several)


def needed(graph: Graph, name: str, table: Table, also: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the columns by which the engine finds, decides and changes rows of a table, and these."""
    mapped = graph.map.tables.get(name)
    wanted = {*also} | {column for hop in graph.hops for column in _at(hop, name)}
    for named in graph.named:
        wanted |= (
            {named.column, *(each.column for each in named.at.when), *named.link}
            if named.table == name
            else set()
        )
        wanted |= set(named.key) if named.subject == name else set()
    wanted |= {column for column, _ in graph.placeholder(name)} | _controlling(graph.map, name)
    if mapped is not None:
        wanted |= _written(mapped.erase.do if mapped.erase is not None else None)
        for edge in mapped.edges:
            wanted |= _written(edge.leaving)
    return tuple(each for each in table.schema.names if each in wanted)


def _at(hop: Hop, table: str) -> Iterator[str]:
    if hop.source == table:
        yield from (*hop.source_columns, *(each.column for each in hop.source_at.when))
    if hop.to == table:
        yield from (*hop.to_columns, *(each.column for each in hop.to_at.when))


def _controlling(map_: Map, table: str) -> set[str]:
    by_row = map_.controllers
    if by_row is None:
        return set()
    return {by_row.column, *((by_row.key, by_row.name) if by_row.table == table else ())}


def _written(action: Any) -> set[str]:
    """Return the columns that an action of the map reads or writes."""
    pairs = (*getattr(action, "values", ()), *getattr(action, "blank", ()))
    parts = getattr(action, "parts", ())
    trigger = getattr(action, "trigger", "")
    return {name for name, _ in pairs} | {part.column for part in parts} | ({trigger} if trigger else set())
