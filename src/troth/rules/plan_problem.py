"""What cannot be planned: everything that the map, or the database, would refuse halfway.

Each Problem names its line in the map and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from troth.errors import Problem
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.rules.change import action
from troth.rules.foreign_key import endless, goes, loose, must_detach
from troth.rules.graph import Graph, together
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
    ReplaceOwner,
    Retain,
    Value,
    Values,
    written_link,
)

WITHOUT_ELEMENTS = ("mariadb", "duckdb")
"""Engines on which the elements of lists inside a column are not looked into."""
WITHOUT_PLACES = {"mariadb": "MariaDB"}
"""Engines that show nothing by which a row without a key could be told."""


_TRANSACTIONAL = "Let a transactional engine keep the table, without a history, or erase there by hand."


def problem_at(map_: Map, table: str, path: tuple[str, ...], what: str, remedy: str) -> Problem:
    """Say what is wrong at a place of the map, and what to write instead."""
    line, column = map_.place(table, *path)
    return Problem(map_.file, line, column, what, remedy)


def listed(names: Iterable[str]) -> str:
    """Write names of tables into a sentence."""
    return " and ".join(f"`{name}`" for name in names)


def missing_from(map_: Map, catalogue: Catalogue) -> Iterator[Problem]:
    """Say which tables and columns the plan needs and the database does not have."""
    by_row = map_.controllers
    if by_row is not None:
        holder = catalogue.table(by_row.table)
        named = holder is not None and holder.column(by_row.key) and holder.column(by_row.name)
        if (by_row.table and not named) or not any(table.column(by_row.column) for table in catalogue.tables):
            what = f"The column `{by_row.column}`, or what it refers to, is not there to name the controller."
            yield problem_at(map_, "", ("controller",), what, "Name what is there.")
    for name, table in map_.tables.items():
        if table.impersonal is not None:
            continue
        found = catalogue.table(name)
        if found is None:
            what = f"The database has no table `{name}`."
            yield problem_at(map_, name, (), what, "Take it out of the map, or name it as the database does.")
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
                    yield problem_at(map_, name, ("subject",), what, "Name a column that is there.")
        done = action(table)
        if isinstance(done, Retain) and done.trigger:
            needed.append(done.trigger)
        for column in dict.fromkeys(needed):
            if found.column(column) is None:
                what = f"The table `{name}` has no column `{column}`."
                yield problem_at(map_, name, ("columns", column), what, "Name a column that is there.")
        for edge in table.edges:
            target = catalogue.table(edge.target)
            for column in edge.target_columns:
                if target is not None and target.column(column) is None:
                    what = f"The table `{edge.target}` has no column `{column}`, which an edge refers to."
                    yield problem_at(map_, name, ("edges",), what, "Name a column that is there.")


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


def problems_of(graph: Graph) -> Iterator[Problem]:
    """Say everything that stands against a plan once its tables and columns are there."""
    if not graph.named:
        what = "No table of this map says how a subject is found."
        yield Problem(graph.map.file, 1, 1, what, "Give one table a `subject` with identifiers.")
    for name in graph.reached():
        table = graph.mapped(name)
        if table.erase is None:
            what = f"Rows of `{name}` are reached by an erasure, and nobody decided what becomes of them."
            yield problem_at(graph.map, name, (), what, "Add `erase:` with who decided and why.")
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
                yield problem_at(graph.map, name, (), what, _TRANSACTIONAL)
    for name in graph.mentioned():
        if name not in graph.reached():
            yield from _key_problems(graph, graph.mapped(name))


def _owner_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    owners = graph.owners(table.name)
    with_another = together(owners)
    if with_another or any(hop.listed for hop in owners):
        for hop in owners:
            if endless(table):
                break
            if hop.edge is not None and hop.edge.leaving is None and (hop in with_another or hop.listed):
                what = (
                    f"A row of `{table.name}` has several owners, and nobody decided what becomes of it "
                    f"when the one by `{', '.join(hop.edge.columns)}` leaves and another stays."
                )
                remedy = "Add `leaving: replace_owner` or `leaving: {blank: {…}}` to that edge."
                if hop.listed:
                    remedy = "Add `leaving: remove` to that edge: who leaves is taken out of the list."
                yield problem_at(graph.map, table.name, _at(table, hop.edge), what, remedy)
    written: dict[str, Value] = {}
    for hop in owners:
        leaving = hop.edge.leaving if hop.edge is not None else None
        for name, value in leaving.values if isinstance(leaving, BlankLink) else ():
            if written.setdefault(name, value) != value:
                what = f"Two owners of `{table.name}` leave different values in `{name}`."
                yield problem_at(
                    graph.map, table.name, _at(table, hop.edge), what, "Write the same value in both."
                )
    if table.subject is not None:
        for hop in graph.pointers(table.name):
            what = f"`{hop.source}` points to `{table.name}`, whose rows are people: they would go with it."
            remedy = "Write it as `mentions` on the table that has the link, or as `belongs_to`."
            yield problem_at(graph.map, hop.source, _at(graph.mapped(hop.source), hop.edge), what, remedy)
    replaced = [hop for hop in owners if hop.edge and isinstance(hop.edge.leaving, ReplaceOwner)]
    if isinstance(action(table), ReplaceOwner):
        replaced = list(owners)
        if not owners:
            what = f"`{table.name}` is to get another owner, and belongs to nobody."
            yield problem_at(graph.map, table.name, ("erase",), what, "Choose `delete` or `blank`.")
    for hop in replaced:
        if hop.listed:
            what = (
                f"`{table.name}` belongs to several by a list, in which nobody can stand in for who leaves."
            )
            yield problem_at(
                graph.map, table.name, _at(table, hop.edge), what, "Choose `leaving: remove` and `delete`."
            )
    for hop in dict.fromkeys(replaced):
        known = dict(graph.placeholder(hop.source))
        for target in hop.source_columns:
            if target not in known:
                what = f"`{table.name}` is given to the placeholder of `{hop.source}`, and there is none."
                remedy = f"Add `placeholder: {{{hop.source}.{target}: …}}` with the key of a row kept for it."
                yield problem_at(graph.map, table.name, _at(table, hop.edge), what, remedy)
        found = graph.table(table.name)
        if set(hop.to_columns) & set(found.key) or any(
            set(columns) <= set(hop.to_columns) for columns in found.unique if columns
        ):
            what = f"`{table.name}` cannot be given to the placeholder: its owner is part of its key."
            yield problem_at(graph.map, table.name, _at(table, hop.edge), what, "Choose `delete` or `blank`.")


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
                yield problem_at(graph.map, table.name, ("erase",), what, f"Add `{place}: null` to `set`.")
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
            yield problem_at(graph.map, table.name, _at(table, edge), what, remedy)
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
            yield problem_at(graph.map, table.name, ("erase",), what, "Blank another column.")
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
            yield problem_at(graph.map, table.name, path, what, "Keep them in a table of their own.")
            continue
        rewritten = {part.column for part in _all_parts(table)}
        if any(isinstance(edge.leaving, ReplaceOwner) for edge in table.edges) or isinstance(
            action(table), ReplaceOwner
        ):
            rewritten |= {edge.columns[0] for edge in table.edges if edge.inside is not None}
        if graph.catalogue.dialect == "duckdb" and where in rewritten:
            what = f"`{table.name}.{where}` would be written in part, and DuckDB has nothing to do that with."
            yield problem_at(graph.map, table.name, path, what, "Blank the column whole.")
            continue
        if not good or column.generated:
            place = written_link((where,), inside)
            what = (
                f"`{table.name}.{place}` is a place inside a column, and `{where}` ({column.type}) has none."
            )
            remedy = "Name a column of JSON, or an array as `ids.*`; or have the column's type changed."
            yield problem_at(graph.map, table.name, path, what, remedy)


def _condition_problems(
    table: CatalogueTable, graph: Graph, name: str, values: tuple[Value, ...], path: tuple[str, ...]
) -> Iterator[Problem]:
    column = table.column(name)
    if column is not None and column.shape in ("json", "array", "bytes"):
        what = f"`{table.name}.{name}` ({column.type}) is to hold one of {len(values)} values, and holds no such."
        yield problem_at(graph.map, table.name, path, what, "Name a column of text, of numbers or of truth.")


def _trigger_problems(graph: Graph, table: MapTable, trigger: str) -> Iterator[Problem]:
    column = graph.table(table.name).column(trigger)
    good = {"date", "moment", "text"} | (
        {"number", "other"} if graph.catalogue.dialect == "sqlite" else set()
    )
    if column is not None and column.shape not in good:
        what = f"`{table.name}.{trigger}` is to start a retention, and it is no date."
        yield problem_at(graph.map, table.name, ("erase",), what, "Name a column with a date in it.")


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
            yield problem_at(
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
            yield problem_at(graph.map, hop.source, ("erase",), what, remedy)


def _key_problems(graph: Graph, table: MapTable) -> Iterator[Problem]:
    """A row without a key is told by its place, which moves when it is changed: once only."""
    found = graph.table(table.name)
    if not found.key and graph.catalogue.dialect in WITHOUT_PLACES:
        engine = WITHOUT_PLACES[graph.catalogue.dialect]
        what = f"`{table.name}` has no key, and {engine} shows nothing else by which a row could be told."
        yield problem_at(graph.map, table.name, (), what, "Give the table a primary key.")
    if found.key or graph.catalogue.dialect not in ("postgresql", "duckdb"):
        return
    changes = len([edge for edge in table.edges if edge.leaving is not None])
    changes += isinstance(action(table), Blank | Retain | ReplaceOwner)
    changes += any(must_detach(graph, table.name, key) for key in found.foreign_keys)
    if changes > 1:
        what = f"`{table.name}` has no key, and its rows would have to be changed more than once."
        yield problem_at(graph.map, table.name, ("erase",), what, "Give the table a primary key.")


def _link_problems(graph: Graph, name: str) -> Iterator[Problem]:
    found = graph.catalogue.table(name)
    for key in found.foreign_keys if found is not None else ():
        if found is None or not must_detach(graph, name, key) or loose(found, key) is not None:
            continue
        what = (
            f"Rows of `{name}` may stay while rows of `{key.target}` go, and their link "
            f"`{', '.join(key.columns)}` cannot be null"
            f"{': the database would take them along (ON DELETE CASCADE)' if key.on_delete == 'CASCADE' else ''}."
        )
        remedy = f"Blank `{key.target}` instead, let `{name}` go with it, or replace its owner."
        yield problem_at(graph.map, name, ("edges",), what, remedy)


def _overeager_problems(graph: Graph, name: str) -> Iterator[Problem]:
    """Say what DuckDB refuses inside one transaction, though it would hold at its end."""
    found = graph.table(name)
    referring = [
        (each.name, key) for each in graph.catalogue.tables for key in each.foreign_keys if key.target == name
    ]
    mapped = {each for each, table in graph.map.tables.items() if table.impersonal is None}
    if goes(graph, name):
        for other, _ in referring:
            if other in mapped:
                what = (
                    f"Rows of `{name}` go, and `{other}` refers to them by a foreign key: DuckDB refuses that in "
                    "the transaction in which the rows that refer to them went or let go."
                )
                remedy = f"Blank `{name}` instead, or make `{other}` anew without its foreign key."
                yield problem_at(graph.map, name, ("erase",), what, remedy)
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
            yield problem_at(graph.map, name, ("erase",), what, remedy)


def columns_of(values: Mapping[str, Value] | Values) -> Columns:
    """Return the columns that are written.

    >>> columns_of((("email", None),))
    ('email',)
    """
    return tuple(values) if isinstance(values, Mapping) else tuple(name for name, _ in values)
