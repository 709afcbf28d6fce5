"""What will be done in one store for some subjects, in order, and what cannot be planned.

A plan is compiled from the map and the live catalogue, before anybody is looked for.  It
says which rows are *held* by somebody else, which are *released*, and the changes that
follow, links first and children before parents.  What the catalogue would refuse is a
Problem here rather than a discovery halfway.

Danger: these are the orders for destroying data.  A row is released only when nobody who
stays owns it or points to it; a retained row keeps its owner's row and what it points to.

Law: GDPR Art. 17(1) (what goes), Art. 17(3) (what is retained), Art. 15(4) (others' rights).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property

from troth.errors import Problem
from troth.law.period import Period
from troth.rules import catalogue as catalogues
from troth.rules.catalogue import Catalogue, CatalogueTable, ForeignKey
from troth.rules.graph import Graph, Hop, components, draw, together
from troth.rules.map import (
    Blank,
    BlankLink,
    Columns,
    Delete,
    Edge,
    InDocument,
    InList,
    Inside,
    Map,
    MapTable,
    Part,
    Parts,
    RemoveElement,
    ReplaceOwner,
    Retain,
    Value,
    Values,
    written_link,
)


@dataclass(frozen=True, slots=True)
class Leave:
    """Rows that stay with somebody else, while their owner by `hop` leaves: set these columns."""

    hop: Hop
    values: Values
    replaces: bool
    parts: Parts = ()

    @property
    def table(self) -> str:
        """The table whose rows change."""
        return self.hop.to


@dataclass(frozen=True, slots=True)
class Unlist:
    """Rows that stay with somebody else lose, from the list that links them, those who leave."""

    hop: Hop

    @property
    def table(self) -> str:
        """The table whose rows change."""
        return self.hop.to


@dataclass(frozen=True, slots=True)
class Detach:
    """Rows that stay lose their link to rows that go: `column` becomes null."""

    table: str
    column: str
    key: ForeignKey


@dataclass(frozen=True, slots=True)
class Write:
    """Released rows that are kept get these values."""

    table: str
    values: Values
    parts: Parts = ()


@dataclass(frozen=True, slots=True)
class Rehome:
    """Released rows are given to the placeholder: this link of theirs points there."""

    hop: Hop
    values: Values
    parts: Parts = ()

    @property
    def table(self) -> str:
        """The table whose rows change."""
        return self.hop.to


@dataclass(frozen=True, slots=True)
class Untie:
    """Rows about to go lose a link to one another, so that a circle of them can be removed."""

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Released rows go."""

    table: str


Change = Leave | Unlist | Detach | Write | Rehome | Untie | Remove
AT_ONCE = ("mariadb", "duckdb")
"""Engines that check a foreign key row by row, not when a statement has ended."""
WITHOUT_ELEMENTS = ("mariadb", "duckdb")
"""Engines on which the elements of lists inside a column are not looked into."""
WITHOUT_PLACES = {"mariadb": "MariaDB"}
"""Engines that show nothing by which a row without a key could be told."""


@dataclass(frozen=True)
class Plan:
    """The changes in order; `deferred` when foreign keys are to be checked at the end only."""

    graph: Graph
    changes: tuple[Change, ...]
    deferred: bool = False

    @property
    def store(self) -> str:
        """The store's name."""
        return self.graph.map.store

    @cached_property
    def sha256(self) -> str:
        """Hash the map, the catalogue and the changes: what an approval is given to."""
        map_ = asdict(self.graph.map)
        for left_out in ("file", "places", "credentials", "reviewed", "written"):
            map_.pop(left_out, None)
        for table in map_["tables"].values():
            table.pop("line")
        written = json.dumps(
            [map_, catalogues.sha256(self.graph.catalogue), [_said(change) for change in self.changes]],
            sort_keys=True,
            ensure_ascii=False,
            default=str,
        )
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()

    def retained(self) -> tuple[str, ...]:
        """Return the tables whose rows are retained for a while."""
        return tuple(t for t in self.graph.reached() if isinstance(action(self.graph.mapped(t)), Retain))

    def removed(self) -> tuple[str, ...]:
        """Return the tables from which rows may go, in the order in which they go."""
        return tuple(change.table for change in self.changes if isinstance(change, Remove))


def action(table: MapTable) -> Delete | Blank | ReplaceOwner | Retain | None:
    """Return what an erasure does to a row of this table."""
    return table.erase.do if table.erase is not None else None


def first_kept_day(period: Period, today: date) -> date:
    """Return the earliest trigger day whose period has not ended on `today`.

    >>> first_kept_day(Period(1, "months"), date(2026, 2, 28))
    datetime.date(2026, 2, 1)
    """
    day = _in_days(period).before(today) - timedelta(days=4)
    while end_of(period, day) <= today:
        day += timedelta(days=1)
    return day


def end_of(period: Period, trigger: date) -> date:
    """Return the day on which a retention that `trigger` started ends; hours count as whole days."""
    return _in_days(period).after(trigger)


def _in_days(period: Period) -> Period:
    return Period(-(-period.number // 24), "days") if period.unit == "hours" else period


def compile_plan(map_: Map, catalogue: Catalogue) -> tuple[Plan | None, tuple[Problem, ...]]:
    """Compile a plan; None when there is any Problem, and all of them."""
    missing = tuple(_missing(map_, catalogue))
    if missing:
        return None, tuple(sorted(missing))
    graph = draw(map_, catalogue)
    problems = [*_problems(graph)]
    removals, untied, deferred, knots = _removals(graph)
    problems += knots
    if problems:
        return None, tuple(sorted(set(problems)))
    return Plan(graph, (*_links(graph), *_writes(graph), *untied, *removals), deferred), ()


# Changes


def _links(graph: Graph) -> Iterator[Leave | Unlist | Detach]:
    for each in graph.reached():
        for hop in graph.owners(each) if each in graph.shared else ():
            match hop.edge.leaving if hop.edge is not None else None:
                case BlankLink(values, parts):
                    yield Leave(hop, values, replaces=False, parts=parts)
                case ReplaceOwner():
                    values, parts = _new_owner(graph, hop)
                    yield Leave(hop, values, replaces=True, parts=parts)
                case RemoveElement():
                    yield Unlist(hop)
                case None:
                    pass
    for name, table in graph.map.tables.items():
        if table.impersonal is None and graph.catalogue.table(name) is not None:
            for key in graph.table(name).foreign_keys:
                column = _loose(graph.table(name), key)
                if column is not None and _must_detach(graph, name, key):
                    yield Detach(name, column, key)


def _writes(graph: Graph) -> Iterator[Write | Rehome]:
    for table in graph.reached():
        match action(graph.mapped(table)):
            case Blank(values, parts):
                yield Write(table, values, parts)
            case Retain(blank=values, parts=parts) if values or parts:
                yield Write(table, values, parts)
            case ReplaceOwner():
                for hop in graph.owners(table):
                    yield Rehome(hop, *_new_owner(graph, hop))
            case _:
                pass


def _new_owner(graph: Graph, hop: Hop) -> tuple[Values, Parts]:
    known = dict(graph.placeholder(hop.source))
    values = tuple(
        (own, known[target])
        for own, target in zip(hop.to_columns, hop.source_columns, strict=True)
        if target in known
    )
    inside = hop.to_at.inside
    if inside is None:
        return values, ()
    return (), tuple(Part(own, inside, value) for own, value in values)


def _goes(graph: Graph, table: str) -> bool:
    """Tell whether rows of this table may be removed."""
    return table in graph.reached() and isinstance(action(graph.mapped(table)), Delete | Retain)


def _must_detach(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a row of `table` may stay while the row its foreign key refers to goes."""
    if not _goes(graph, key.target) or _holds(graph, table, key):
        return False
    shared = table in graph.shared | graph.heirs
    match action(graph.mapped(table)) if table in graph.reached() else None:
        case Delete() | ReplaceOwner():  # its released rows go too, or get another owner
            return shared or not is_owner(graph, table, key)
        case _:
            return True


def _holds(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a row of `table` that stays keeps what its foreign key refers to, or has let go of it.

    What is pointed to goes with its last pointer; a retained row keeps its owner's row; a row
    with one owner goes when that goes; and where `leaving` replaces an owner, it does so first.
    """
    done = action(graph.mapped(table))
    pairs = set(zip(key.columns, key.target_columns, strict=False))
    for hop in graph.hops:
        if hop.named is not None or hop.kind not in ("points_to", "belongs_to") or not hop.plain:
            continue
        points = hop.kind == "points_to"
        ends, columns = (hop.source, hop.to), (hop.source_columns, hop.to_columns)
        child, parent = ends if points else ends[::-1]
        own, other = columns if points else columns[::-1]
        if (child, parent) != (table, key.target) or set(zip(own, other, strict=True)) != pairs:
            continue
        leaving = hop.edge.leaving if hop.edge is not None else None
        match done:
            case Delete() | Retain() | None if points:
                return not graph.names(parent) and not graph.placeholder(table)
            case Delete() | ReplaceOwner() if not points:
                return table not in graph.shared or isinstance(leaving, ReplaceOwner)
            case Retain() if not points:
                return table not in graph.shared and isinstance(action(graph.mapped(parent)), Retain)
            case _:
                return False
    return False


def is_owner(graph: Graph, table: str, key: ForeignKey) -> bool:
    """Tell whether a foreign key is the link by which rows of `table` belong to somebody."""
    pairs = set(zip(key.columns, key.target_columns, strict=False))
    return any(
        hop.plain
        and hop.source == key.target
        and set(zip(hop.to_columns, hop.source_columns, strict=True)) == pairs
        for hop in graph.owners(table)
    )


def _loose(table: CatalogueTable, key: ForeignKey) -> str | None:
    """Return a column of the foreign key that may become null."""
    for name in key.columns:
        column = table.column(name)
        if column is not None and column.nullable and not column.generated and name not in table.key:
            return name
    return None


def _removals(graph: Graph) -> tuple[list[Remove], list[Untie], bool, list[Problem]]:
    """Order the removals, children first; loosen or defer what goes round in circles."""
    going = [table for table in graph.reached() if _goes(graph, table)]
    refers = [(name, key) for name in going for key in graph.table(name).foreign_keys if key.target in going]
    untied: list[Untie] = []
    problems: list[Problem] = []
    deferred = False
    for group in components(going, [(name, key.target) for name, key in refers]):
        inside = [(name, key) for name, key in refers if name in group and key.target in group]
        if len(group) == 1 and graph.catalogue.dialect not in AT_ONCE:
            inside = [(name, key) for name, key in inside if key.on_delete == "RESTRICT"]
        for name, key in inside:
            column = _loose(graph.table(name), key)
            if column is not None:
                untied.append(Untie(name, column))
            elif len(group) > 1 and _can_wait(graph.catalogue, key):
                deferred = True
    tied = [
        (name, key.target)
        for name, key in refers
        if name != key.target and Untie(name, _loose(graph.table(name), key) or "") not in untied
        and not (deferred and _can_wait(graph.catalogue, key))
    ]  # fmt: skip
    order = components(going, tied)
    for group in order:
        if len(group) > 1:
            what = f"Rows of {_listed(group)} refer to one another in a circle that nothing loosens."
            remedy = "Make one of these foreign keys nullable or deferrable, or blank one of the tables."
            problems.append(_problem(graph.map, group[0], ("erase",), what, remedy))
    for name, key in refers:
        if (
            name == key.target
            and key.on_delete == "RESTRICT"
            and graph.catalogue.dialect in ("sqlite", *AT_ONCE)
            and _loose(graph.table(name), key) is None
        ):
            what = f"Rows of `{name}` restrict the removal of one another, and that link cannot be null."
            problems.append(
                _problem(graph.map, name, ("erase",), what, "Make it nullable, or blank the rows.")
            )
    return (
        [Remove(table) for group in order for table in group],
        list(dict.fromkeys(untied)),
        deferred,
        problems,
    )


def _can_wait(catalogue: Catalogue, key: ForeignKey) -> bool:
    if key.on_delete == "RESTRICT":
        return False
    return key.deferrable or catalogue.dialect == "sqlite"


def _said(change: Change) -> list[object]:
    match change:
        case Leave(hop, values, parts=parts) | Rehome(hop, values, parts):
            return [type(change).__name__, hop.label, values, *_told(parts)]
        case Unlist(hop):
            return ["Unlist", hop.label]
        case Detach(table, column, key):
            return ["Detach", table, column, key.target]
        case Write(table, values, parts):
            return ["Write", table, values, *_told(parts)]
        case Untie(table, column):
            return ["Untie", table, column]
        case Remove(table):
            return ["Remove", table]


def _told(parts: Parts) -> Iterator[list[object]]:
    for part in parts:
        yield [written_link((part.column,), part.inside), part.value]


# Problems


_TRANSACTIONAL = "Let a transactional engine keep the table, without a history, or erase there by hand."


def _problem(map_: Map, table: str, path: tuple[str, ...], what: str, remedy: str) -> Problem:
    line, column = map_.place(table, *path)
    return Problem(map_.file, line, column, what, remedy)


def _listed(names: Iterable[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _missing(map_: Map, catalogue: Catalogue) -> Iterator[Problem]:
    """Say which tables and columns the plan needs and the database does not have."""
    by_row = map_.controllers
    if by_row is not None:
        holder = catalogue.table(by_row.table)
        named = holder is not None and holder.column(by_row.key) and holder.column(by_row.name)
        if (by_row.table and not named) or not any(table.column(by_row.column) for table in catalogue.tables):
            what = f"The column `{by_row.column}`, or what it refers to, is not there to name the controller."
            yield _problem(map_, "", ("controller",), what, "Name what is there.")
    for name, table in map_.tables.items():
        if table.impersonal is not None:
            continue
        found = catalogue.table(name)
        if found is None:
            what = f"The database has no table `{name}`."
            yield _problem(map_, name, (), what, "Take it out of the map, or name it as the database does.")
            continue
        needed = [column for edge in table.edges for column in (*edge.columns, *edge.conceals)]
        needed += [each.column for edge in table.edges for each in edge.when]
        needed += [column for column, _ in _all_values(table)]
        needed += [part.column for part in _all_parts(table)]
        for identifier in table.subject.identifiers if table.subject else ():
            names = [identifier.column, *(each.column for each in identifier.when)]
            if identifier.via is None:
                needed += names
                continue
            other = catalogue.table(identifier.via.table)
            for column in (*names, *identifier.via.columns):
                if other is None or other.column(column) is None:
                    what = f"The table `{identifier.via.table}` has no column `{column}`, where an identifier stands."
                    yield _problem(map_, name, ("subject",), what, "Name a column that is there.")
        done = action(table)
        if isinstance(done, Retain) and done.trigger:
            needed.append(done.trigger)
        for column in dict.fromkeys(needed):
            if found.column(column) is None:
                what = f"The table `{name}` has no column `{column}`."
                yield _problem(map_, name, ("columns", column), what, "Name a column that is there.")
        for edge in table.edges:
            target = catalogue.table(edge.target)
            for column in edge.target_columns:
                if target is not None and target.column(column) is None:
                    what = f"The table `{edge.target}` has no column `{column}`, which an edge refers to."
                    yield _problem(map_, name, ("edges",), what, "Name a column that is there.")


def _all_values(table: MapTable) -> Iterator[tuple[str, Value]]:
    match action(table):
        case Blank(values) | Retain(blank=values):
            yield from values
        case _:
            pass
    for edge in table.edges:
        if isinstance(edge.leaving, BlankLink):
            yield from edge.leaving.values


def _all_parts(table: MapTable) -> Iterator[Part]:
    match action(table):
        case Blank(parts=parts) | Retain(parts=parts):
            yield from parts
        case _:
            pass
    for edge in table.edges:
        if isinstance(edge.leaving, BlankLink):
            yield from edge.leaving.parts


def _problems(graph: Graph) -> Iterator[Problem]:
    if not graph.named:
        what = "No table of this map says how a subject is found."
        yield Problem(graph.map.file, 1, 1, what, "Give one table a `subject` with identifiers.")
    for name in graph.reached():
        table = graph.mapped(name)
        if table.erase is None:
            what = f"Rows of `{name}` are reached by an erasure, and nobody decided what becomes of them."
            yield _problem(graph.map, name, (), what, "Add `erase:` with who decided and why.")
            continue
        yield from _owner_problems(graph, table)
        yield from _value_problems(graph, table)
        yield from _stay_problems(graph, table)
        yield from _key_problems(graph, table)
    for name, table in graph.map.tables.items():
        if table.impersonal is None and graph.catalogue.table(name) is not None:
            yield from _link_problems(graph, name)
            yield from _place_problems(graph, table)
            if graph.catalogue.dialect == "duckdb" and name in graph.reached():
                yield from _overeager_problems(graph, name)
            found = graph.catalogue.table(name)
            if found is not None and found.lasting and (table.erase is not None or name in graph.reached()):
                what = f"Rows of `{name}` cannot be erased for good, or not undone when they must: {found.lasting}."
                yield _problem(graph.map, name, (), what, _TRANSACTIONAL)
    for name in graph.mentioned():
        if name not in graph.reached():
            yield from _key_problems(graph, graph.mapped(name))


def _owner_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    owners = graph.owners(table.name)
    with_another = together(owners)
    if with_another or any(hop.listed for hop in owners):
        for hop in owners:
            if hop.edge is not None and hop.edge.leaving is None and (hop in with_another or hop.listed):
                what = (
                    f"A row of `{table.name}` has several owners, and nobody decided what becomes of it "
                    f"when the one by `{', '.join(hop.edge.columns)}` leaves and another stays."
                )
                remedy = "Add `leaving: replace_owner` or `leaving: {blank: {…}}` to that edge."
                if hop.listed:
                    remedy = "Add `leaving: remove` to that edge: who leaves is taken out of the list."
                yield _problem(graph.map, table.name, _at(table, hop.edge), what, remedy)
    written: dict[str, Value] = {}
    for hop in owners:
        leaving = hop.edge.leaving if hop.edge is not None else None
        for name, value in leaving.values if isinstance(leaving, BlankLink) else ():
            if written.setdefault(name, value) != value:
                what = f"Two owners of `{table.name}` leave different values in `{name}`."
                yield _problem(
                    graph.map, table.name, _at(table, hop.edge), what, "Write the same value in both."
                )
    if table.subject is not None:
        for hop in graph.pointers(table.name):
            what = f"`{hop.source}` points to `{table.name}`, whose rows are people: they would go with it."
            remedy = "Write it as `mentions` on the table that has the link, or as `belongs_to`."
            yield _problem(graph.map, hop.source, _at(graph.mapped(hop.source), hop.edge), what, remedy)
    replaced = [hop for hop in owners if hop.edge and isinstance(hop.edge.leaving, ReplaceOwner)]
    if isinstance(action(table), ReplaceOwner):
        replaced = list(owners)
        if not owners:
            what = f"`{table.name}` is to get another owner, and belongs to nobody."
            yield _problem(graph.map, table.name, ("erase",), what, "Choose `delete` or `blank`.")
    for hop in replaced:
        if hop.listed:
            what = (
                f"`{table.name}` belongs to several by a list, in which nobody can stand in for who leaves."
            )
            yield _problem(
                graph.map, table.name, _at(table, hop.edge), what, "Choose `leaving: remove` and `delete`."
            )
    for hop in dict.fromkeys(replaced):
        known = dict(graph.placeholder(hop.source))
        for target in hop.source_columns:
            if target not in known:
                what = f"`{table.name}` is given to the placeholder of `{hop.source}`, and there is none."
                remedy = f"Add `placeholder: {{{hop.source}.{target}: …}}` with the key of a row kept for it."
                yield _problem(graph.map, table.name, _at(table, hop.edge), what, remedy)
        found = graph.table(table.name)
        if set(hop.to_columns) & set(found.key) or any(
            set(columns) <= set(hop.to_columns) for columns in found.unique if columns
        ):
            what = f"`{table.name}` cannot be given to the placeholder: its owner is part of its key."
            yield _problem(graph.map, table.name, _at(table, hop.edge), what, "Choose `delete` or `blank`.")


def _at(table: MapTable, edge: Edge | None) -> tuple[str, ...]:
    for number, each in enumerate(table.edges):
        if each == edge:
            return ("edges", str(number))
    return ()


def _value_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    links = {column for edge in table.edges for column in edge.columns}
    links |= {each.column for edge in table.edges for each in edge.when}
    links |= {column for name in graph.names(table.name) for column in name.link}
    links |= {each.column for name in graph.names(table.name) for each in name.at.when}
    links |= {
        column
        for hop in graph.hops
        if hop.edge is not None and hop.edge.target == table.name
        for column in hop.edge.target_columns
    }
    named = [(name.column, name.at.inside) for name in graph.names(table.name)]
    linked = [
        (hop.to_columns[0], hop.to_at.inside) for hop in graph.owners(table.name) if hop.named is not None
    ]
    parts: Parts = ()
    match action(table):
        case Blank(values, parts) | Retain(blank=values, parts=parts):
            naming = {column for column, _ in (*named, *linked)}
            yield from _written(graph, table, values, links - naming, ("erase",))
        case _:
            values = ()
    if isinstance(action(table), Blank):
        for column, inside in dict.fromkeys((*named, *linked)):
            if not _covered(values, parts, column, inside):
                place = written_link((column,), inside)
                what = f"`{table.name}.{place}` would still name the subject after its row is blanked."
                yield _problem(graph.map, table.name, ("erase",), what, f"Add `{place}: null` to `set`.")
    for hop in graph.owners(table.name):
        edge = hop.edge
        if edge is None or not isinstance(edge.leaving, BlankLink):
            continue
        yield from _written(graph, table, edge.leaving.values, set(), _at(table, edge))
        if hop.named is not None and not _covered(
            edge.leaving.values, edge.leaving.parts, edge.columns[0], edge.inside
        ):
            place = written_link(edge.columns, edge.inside)
            what = f"`{table.name}.{place}` would still name the subject who leaves."
            remedy = f"Add `{place}: null` to `leaving: {{blank: …}}`."
            yield _problem(graph.map, table.name, _at(table, edge), what, remedy)
    done = action(table)
    if isinstance(done, Retain) and done.trigger:
        yield from _trigger_problems(graph, table, done.trigger)


def _covered(values: Values, parts: Parts, column: str, inside: Inside | None) -> bool:
    """Tell whether what is written there takes the place of a value: its column, itself, or what it is in."""
    if any(name == column for name, _ in values):
        return True
    return any(part.column == column and _holds_place(part.inside, inside) for part in parts)


def _holds_place(outer: Inside, inner: Inside | None) -> bool:
    match outer, inner:
        case InDocument(path), InDocument(whole) | InList(whole):
            return whole[: len(path)] == path
        case InList(path, below), InList(whole, further):
            return path == whole and further[: len(below)] == below
        case _:
            return False


def _place_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    """Say which places inside a column cannot be: the column holds no document and no list."""
    found = graph.table(table.name)
    places: list[tuple[str, Inside, tuple[str, ...]]] = []
    for edge in table.edges:
        if edge.inside is not None:
            places.append((edge.columns[0], edge.inside, _at(table, edge)))
        for each in edge.when:
            yield from _condition_problems(found, graph, each.column, each.values, _at(table, edge))
    for name in graph.names(table.name):
        if name.at.inside is not None:
            places.append((name.column, name.at.inside, ("subject", name.column)))
        for each in name.at.when:
            yield from _condition_problems(found, graph, each.column, each.values, ("subject",))
    for part in _all_parts(table):
        places.append((part.column, part.inside, ("erase",)))
        if part.column in found.key:
            what = f"`{table.name}.{part.column}` is part of the key and cannot be blanked."
            yield _problem(graph.map, table.name, ("erase",), what, "Blank another column.")
    for where, inside, path in places:
        column = found.column(where)
        if column is None:
            continue
        array = isinstance(inside, InList) and not inside.path and not inside.below
        good = column.shape == "json" or (column.shape == "array" and array)
        good = good or (graph.catalogue.dialect == "sqlite" and column.shape in ("text", "other", "bytes"))
        if isinstance(inside, InList) and graph.catalogue.dialect in WITHOUT_ELEMENTS:
            what = f"`{table.name}.{written_link((where,), inside)}` is in a list, and on this kind of store"
            what += " the elements of lists are not looked into."
            yield _problem(graph.map, table.name, path, what, "Keep them in a table of their own.")
            continue
        rewritten = {part.column for part in _all_parts(table)}
        if any(isinstance(edge.leaving, ReplaceOwner) for edge in table.edges) or isinstance(
            action(table), ReplaceOwner
        ):
            rewritten |= {edge.columns[0] for edge in table.edges if edge.inside is not None}
        if graph.catalogue.dialect == "duckdb" and where in rewritten:
            what = f"`{table.name}.{where}` would be written in part, and DuckDB has nothing to do that with."
            yield _problem(graph.map, table.name, path, what, "Blank the column whole.")
            continue
        if not good or column.generated:
            place = written_link((where,), inside)
            what = (
                f"`{table.name}.{place}` is a place inside a column, and `{where}` ({column.type}) has none."
            )
            remedy = "Name a column of JSON, or an array as `ids.*`; or have the column's type changed."
            yield _problem(graph.map, table.name, path, what, remedy)


def _condition_problems(
    table: CatalogueTable, graph: Graph, name: str, values: tuple[Value, ...], path: tuple[str, ...]
) -> Iterator[Problem]:
    column = table.column(name)
    if column is not None and column.shape in ("json", "array", "bytes"):
        what = f"`{table.name}.{name}` ({column.type}) is to hold one of {len(values)} values, and holds no such."
        yield _problem(graph.map, table.name, path, what, "Name a column of text, of numbers or of truth.")


def _trigger_problems(graph: Graph, table: MapTable, trigger: str) -> Iterator[Problem]:
    column = graph.table(table.name).column(trigger)
    good = {"date", "moment", "text"} | (
        {"number", "other"} if graph.catalogue.dialect == "sqlite" else set()
    )
    if column is not None and column.shape not in good:
        what = f"`{table.name}.{trigger}` is to start a retention, and it is no date."
        yield _problem(graph.map, table.name, ("erase",), what, "Name a column with a date in it.")


def _written(
    graph: Graph, table: MapTable, values: Values, links: set[str], path: tuple[str, ...]
) -> Iterator[Problem]:
    found = graph.table(table.name)
    for name, value in values:
        column = found.column(name)
        if column is None:
            continue
        refused = _refused(found, name, value, links)
        if refused is None and isinstance(value, str) and len(value) > (column.length_max or len(value)):
            refused = f"takes {column.length_max} characters, and the new text is longer"
        if refused is not None:
            what = f"`{table.name}.{name}` {refused}."
            yield _problem(
                graph.map, table.name, path, what, "Blank another column, or choose another action."
            )


def _refused(table: CatalogueTable, name: str, value: Value, links: set[str]) -> str | None:
    column = table.column(name)
    if column is None:
        return None
    if column.generated:
        return "is computed by the database and cannot be written"
    if name in table.key:
        return "is part of the key and cannot be blanked"
    if name in links:
        return "is a link: without it the rows behind it could no longer be found"
    if value is None and not column.nullable:
        return "must not be null"
    if value is None and name in table.null_refused:
        return "may be refused as null by a constraint"
    if value is not None and (name,) in table.unique:
        return "must be unique, and the new value would be the same in every row"
    return None


def _stay_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    if not isinstance(action(table), Retain):
        return
    for hop in graph.owners(table.name):
        if isinstance(action(graph.mapped(hop.source)), Delete):
            what = (
                f"`{hop.source}` is deleted, and would orphan the rows of `{table.name}` that are retained."
            )
            remedy = f"Blank `{hop.source}` instead: a retained row keeps its owner's row."
            yield _problem(graph.map, hop.source, ("erase",), what, remedy)


def _key_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    """A row without a key is told by its place, which moves when it is changed: once only."""
    found = graph.table(table.name)
    if not found.key and graph.catalogue.dialect in WITHOUT_PLACES:
        engine = WITHOUT_PLACES[graph.catalogue.dialect]
        what = f"`{table.name}` has no key, and {engine} shows nothing else by which a row could be told."
        yield _problem(graph.map, table.name, (), what, "Give the table a primary key.")
    if found.key or graph.catalogue.dialect not in ("postgresql", "duckdb"):
        return
    changes = len([edge for edge in table.edges if edge.leaving is not None])
    changes += isinstance(action(table), Blank | Retain | ReplaceOwner)
    changes += any(_must_detach(graph, table.name, key) for key in found.foreign_keys)
    if changes > 1:
        what = f"`{table.name}` has no key, and its rows would have to be changed more than once."
        yield _problem(graph.map, table.name, ("erase",), what, "Give the table a primary key.")


def _link_problems(graph: Graph, name: str) -> Iterator[Problem]:
    found = graph.catalogue.table(name)
    for key in found.foreign_keys if found is not None else ():
        if found is None or not _must_detach(graph, name, key) or _loose(found, key) is not None:
            continue
        what = (
            f"Rows of `{name}` may stay while rows of `{key.target}` go, and their link "
            f"`{', '.join(key.columns)}` cannot be null"
            f"{': the database would take them along (ON DELETE CASCADE)' if key.on_delete == 'CASCADE' else ''}."
        )
        remedy = f"Blank `{key.target}` instead, let `{name}` go with it, or replace its owner."
        yield _problem(graph.map, name, ("edges",), what, remedy)


def _overeager_problems(graph: Graph, name: str) -> Iterator[Problem]:
    """Say what DuckDB refuses inside one transaction, though it would hold at its end."""
    found = graph.table(name)
    referring = [
        (each.name, key) for each in graph.catalogue.tables for key in each.foreign_keys if key.target == name
    ]
    mapped = {each for each, table in graph.map.tables.items() if table.impersonal is None}
    if _goes(graph, name):
        for other, _ in referring:
            if other in mapped:
                what = (
                    f"Rows of `{name}` go, and `{other}` refers to them by a foreign key: DuckDB refuses that in "
                    "the transaction in which the rows that refer to them went or let go."
                )
                remedy = f"Blank `{name}` instead, or make `{other}` anew without its foreign key."
                yield _problem(graph.map, name, ("erase",), what, remedy)
    touchy = {column for columns in found.indexed for column in columns}
    touchy |= {column.name for column in found.columns if column.shape == "array"}
    written = [column for column, _ in _all_values(graph.mapped(name))] if referring else []
    for column_ in written:
        if column_ in touchy:
            what = (
                f"`{name}.{column_}` is indexed or a list, and `{referring[0][0]}` refers to `{name}` by a foreign "
                "key: DuckDB writes such a row anew, and refuses it."
            )
            remedy = "Take the index or the foreign key off, by making the table anew without it."
            yield _problem(graph.map, name, ("erase",), what, remedy)


def columns_of(values: Mapping[str, Value] | Values) -> Columns:
    """Return the columns that are written.

    >>> columns_of((("email", None),))
    ('email',)
    """
    return tuple(values) if isinstance(values, Mapping) else tuple(name for name, _ in values)
