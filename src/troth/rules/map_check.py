"""Whether a map is true of its database, and fit to be acted on: the gate before any plan.

A Problem here stops: something personal would be missed, somebody else's would be taken, or
the database would refuse halfway.  A remark does not: it is worth a look.  What only the
planner can know (order, cycles, what must be loosened) it says itself, and is said here too.

Law: GDPR Art. 5(2) (being able to show it), Art. 17, Art. 25(1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from troth.errors import Problem
from troth.policy.reading import did_you_mean
from troth.rules import archive, map_policy, map_reach, map_right, set_aside
from troth.rules.catalogue import Catalogue, CatalogueTable, Column, crosses, sha256
from troth.rules.column_name import is_credential
from troth.rules.map import (
    Blank,
    BlankLink,
    Copy,
    Delete,
    Edge,
    Flag,
    Map,
    MapTable,
    Retain,
    SetAside,
    Value,
    Values,
    apart,
)
from troth.rules.map_drift import changed
from troth.rules.map_finding import Found
from troth.rules.map_policy import STRUCTURE
from troth.rules.map_reach import listed
from troth.rules.map_right import Right
from troth.rules.personal_name import look
from troth.rules.plan import compile_plan

if TYPE_CHECKING:
    from troth.policy.policy import Policy

OWNERS_MANY = 4
_DIRECT = frozenset({"identity", "contact", "address", "free_text", "credential", "payment", "financial"})


def check(map: Map, catalogue: Catalogue, policy: Policy | None = None) -> tuple[Problem, ...]:  # noqa: A002
    """Return everything that must be mended before anybody acts by this map."""
    every = findings(map, catalogue, policy)
    return tuple(found.problem for found in every if found.level == "problem")


def remarks(map: Map, catalogue: Catalogue) -> tuple[Problem, ...]:  # noqa: A002
    """Return what is worth a look and stops nobody."""
    return tuple(found.problem for found in findings(map, catalogue) if found.level == "remark")


def findings(
    map: Map,  # noqa: A002
    catalogue: Catalogue,
    policy: Policy | None = None,
    *,
    by_purpose: bool = False,
    lacking: Collection[Right] = (),
) -> tuple[Found, ...]:
    """Return all that was found, each once, in the order of the file.

    With a policy, categories and retention are compared; and what the purposes of the store
    declare, where the map names them or `by_purpose` asks for it.  `lacking` are rights that the
    role that changes was found not to have.
    """
    checking = _Checking(map, catalogue)
    missing = [*checking.missing()]
    plan, planned = (None, ()) if missing else compile_plan(map, catalogue)
    needed = {table.name: set(checking.needed(table)) for table, _ in checking.pairs}
    problems: list[tuple[str, Iterable[Problem]]] = [
        ("stale", missing),
        ("unmapped", checking.unmapped()),
        ("stray", checking.strays()),
        ("unclassified", checking.unclassified()),
        ("undecided", checking.undecided()),
        ("drift", checking.drift()),
        ("unowned", checking.owners()),
        ("edge", checking.edges()),
        ("link", checking.links()),
        ("blind", map_reach.rights(map, checking.pairs, needed)),
        ("powerless", map_right.problems(map, lacking)),
        ("outside", map_reach.reaching_out(map, catalogue, plan)),
        ("value", checking.constants()),
        ("plan", planned),
    ]
    if policy is not None:
        problems.append(("policy", map_policy.against(map, policy)))
        if by_purpose or map.purposes:
            problems.append(("purpose", map_policy.beyond_purposes(map, policy)))
    noted: list[tuple[str, Iterable[Problem]]] = [
        ("loose", checking.loose()),
        ("crowded", checking.crowded()),
        ("left", checking.left_over()),
        ("doubted", checking.doubted()),
        ("waits", archive.waiting(map)),
        ("given_again", archive.given_again(map, catalogue)),
        ("credential", checking.credentials()),
        ("unsearched", map_reach.unsearched(map, catalogue)),
        ("notifies", map_reach.notifying(map, catalogue, plan)),
    ]
    said: dict[Problem, Found] = {}
    for level, listed_here in (("problem", problems), ("remark", noted)):
        for rule, found in listed_here:
            for problem in found:
                said.setdefault(problem, Found(problem, rule, "problem" if level == "problem" else "remark"))
    return tuple(sorted(said.values()))


class _Checking:
    """One map beside one catalogue; each method says one kind of thing."""

    def __init__(self, map_: Map, catalogue: Catalogue) -> None:
        self.map = map_
        self.catalogue = catalogue
        self.there = {table.name: table for table in catalogue.tables}
        self.personal = {name: table for name, table in map_.tables.items() if table.impersonal is None}
        self.pairs = [
            (table, self.there[name]) for name, table in self.personal.items() if name in self.there
        ]

    def say(self, path: tuple[str, ...], what: str, remedy: str) -> Problem:
        line, column = self.map.place(*path)
        return Problem(self.map.file, line, column, what, remedy)

    # Is everything that the map names there?

    def missing(self) -> Iterator[Problem]:
        """Tables and columns that the map names and the database does not have."""
        for name, table in self.map.tables.items():
            found = self.there.get(name)
            if found is None:
                near = did_you_mean(name, [each for each in self.there if each not in self.map.tables])
                remedy = near if near.startswith("Did") else "Take it out, or name it as the database does."
                yield self.say((name,), f"The database has no table `{name}`.", remedy)
                continue
            for path, column in self._named(table):
                if found.column(column) is None:
                    names = [each.name for each in found.columns]
                    what = f"The table `{name}` has no column `{column}`."
                    yield self.say((name, *path), what, did_you_mean(column, names))
        for edge in self.map.edges():
            yield from self._missing_target(edge)
        for placeholder in self.map.placeholder:
            table_name, _, column = placeholder.rpartition(".")
            target = self.there.get(table_name)
            if target is not None and target.column(column) is None:
                what = f"The table `{table_name}` has no column `{column}`."
                remedy = did_you_mean(column, [each.name for each in target.columns])
                yield self.say(("", "placeholder", placeholder), what, remedy)
        if self.map.controller_column and not any(
            table.column(self.map.controller_column) for table in self.there.values()
        ):
            what = f"No table has the column `{self.map.controller_column}`, which names the controller."
            yield self.say(("", "controller"), what, "Name the column as the database does.")
        by_row = self.map.controllers
        for column in (by_row.key, by_row.name) if by_row is not None and by_row.table else ():
            holder = self.there.get(by_row.table) if by_row is not None else None
            if holder is None or holder.column(column) is None:
                what = f"There is no `{by_row.table if by_row else ''}.{column}`, by which controllers are named."
                yield self.say(
                    ("", "controller"), what, "Name the table and its columns as the database does."
                )

    def _missing_target(self, edge: Edge) -> Iterator[Problem]:
        target = self.there.get(edge.target)
        for column in edge.target_columns if target is not None else ():
            if target is not None and target.column(column) is None:
                what = f"The table `{edge.target}` has no column `{column}`, which an edge refers to."
                remedy = did_you_mean(column, [each.name for each in target.columns])
                yield self.say((edge.table, *self._edge(edge)), what, remedy)

    def _named(self, table: MapTable) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield every column a table of the map names, and where."""
        for column in table.columns:
            yield ("columns", column), column
        if table.subject is not None:
            for column in table.subject.key:
                yield ("subject",), column
            for identifier in table.subject.identifiers:
                if identifier.via is None:
                    yield ("subject", identifier.column), identifier.column
                    yield from ((("subject", each.column), each.column) for each in identifier.when)
        for number, edge in enumerate(table.edges):
            for column in (*edge.columns, *edge.conceals, *(each.column for each in edge.when)):
                yield ("edges", str(number)), column
            if isinstance(edge.leaving, BlankLink):
                for column, _ in edge.leaving.values:
                    yield ("leaving", column), column
                yield from ((("leaving", part.column), part.column) for part in edge.leaving.parts)
        match table.erase.do if table.erase is not None else None:
            case Blank(values, parts):
                yield from ((("erase", column), column) for column, _ in values)
                yield from ((("erase", part.column), part.column) for part in parts)
            case Retain(trigger=trigger, blank=values, parts=parts):
                yield ("erase", "until"), trigger
                yield from ((("erase", column), column) for column, _ in values)
                yield from ((("erase", part.column), part.column) for part in parts)
            case _:
                pass
        match table.restriction:
            case Flag(column=column):
                yield ("restriction",), column
            case SetAside(columns):
                yield from ((("restriction",), column) for column in columns)
            case None:
                pass
        for number, retention in enumerate(table.retention):
            yield ("retention", str(number)), retention.trigger
        for copy in table.copies:
            yield ("copies", copy.column), copy.column
        if table.supplement:
            yield ("supplement",), table.supplement
        if table.discloses is not None:
            for column in table.discloses.columns:
                yield ("discloses",), column

    # Is everything that is there in the map?

    def unmapped(self) -> Iterator[Problem]:
        """Tables of the database of which the map says nothing."""
        for name, found in self.there.items():
            if name in self.map.tables:
                continue
            looks = [column.name for column in found.columns if look(column.name) == "plain"]
            seen = f" It has columns that look personal: {listed(looks)}." if looks else ""
            taken = [
                key.target
                for key in found.foreign_keys
                if key.on_delete == "CASCADE" and self._goes(key.target)
            ]
            if taken:
                seen += f" Deleting from {listed(taken)} takes its rows along (ON DELETE CASCADE)."
            yield self.say(
                (),
                f"The table `{name}` is in the database and not in the map.{seen}",
                f"Describe it, or say why not: `{_key(name)}: {{impersonal: …}}`.",
            )

    def strays(self) -> Iterator[Problem]:
        """Files in a folder of logs that are of no log in the map."""
        told = self.catalogue.beside
        if told:
            some = ", ".join(told[:5]) + (" …" if len(told) > 5 else "")
            yield self.say(
                (),
                f"The folder has files or links that are of no log in the map: {len(told)} ({some}).",
                "Map them, move them out of the folder, or name each of them, or their folder, in the map and say why "
                "nobody is in there (`access.log.bak: {impersonal: …}`).",
            )

    def unclassified(self) -> Iterator[Problem]:
        """Columns without a category, with a question mark, or that look personal where none should be."""
        for table, found in self.pairs:
            missing = [column.name for column in found.columns if column.name not in table.columns]
            if missing:
                yield self.say(
                    (table.name, "columns"),
                    f"`{table.name}` has columns without a category: {listed(missing)}.",
                    f"Add each to `columns:`, with a category of the policy or one of {', '.join(STRUCTURE)}.",
                )
            for column, category in table.columns.items():
                if category == "?":
                    what = f"Nobody has said yet what `{table.name}.{column}` is."
                    yield self.say((table.name, "columns", column), what, "Look, and give it a category.")
        for name, table in self.map.tables.items():
            if table.impersonal is None or name not in self.there:
                continue
            looks = [
                column.name
                for column in self.there[name].columns
                if look(column.name) == "plain" and table.columns.get(column.name, "?") == "?"
            ]
            if looks:
                answers = ", ".join(f"{_key(column)}: not_personal" for column in looks)
                yield self.say(
                    (name, "impersonal"),
                    f"`{name}` is called impersonal and has columns that look personal: {listed(looks)}.",
                    f"Describe whose they are; or, having looked, add `columns: {{{answers}}}`.",
                )

    def undecided(self) -> Iterator[Problem]:
        """What a draft left for people to say: the controller, why a table is impersonal, who decided what."""
        if self.map.controller == "?":
            yield self.say(("", "controller"), "Nobody has said yet who decides.", "Name the entity.")
        for name, table in self.map.tables.items():
            if table.impersonal == "?":
                what = f"Nobody has said yet whether `{name}` is about people."
                yield self.say((name, "impersonal"), what, "Say in a sentence why not, or describe it.")
            if table.erase is not None and "?" in (table.erase.by, table.erase.because):
                what = f"What becomes of `{name}` on erasure is proposed, and nobody has decided it."
                yield self.say(
                    (name, "erase"), what, "Say who decided (`by`) and why (`because`), or change it."
                )

    def drift(self) -> Iterator[Problem]:
        """The database has changed since somebody reviewed the map."""
        if self.map.reviewed is None:
            return
        now = sha256(self.catalogue)
        if not now.startswith(self.map.reviewed.catalogue_sha256):
            yield self.say(
                ("", "reviewed"),
                f"The database is not as it was when this map was reviewed on {self.map.reviewed.on}: "
                f"{changed(self.map, self.catalogue)}.",
                f"Review the map, then write today's date and `catalogue: sha256:{now[:16]}` "
                f"(`troth map --reviewed {self.map.store}` prints it whole).",
            )

    # Is it clear whose everything is?

    def owners(self) -> Iterator[Problem]:
        """Tables whose rows nobody would ever reach, and subjects that are not told apart."""
        reached = self._reached()
        for table, found in self.pairs:
            if table.name not in reached and not any(edge.kind == "mentions" for edge in table.edges):
                about = [
                    column.name
                    for column in found.columns
                    if table.columns.get(column.name, "?") not in STRUCTURE or look(column.name) == "plain"
                ]
                seen = f" and has {listed(about[:5])}" if about else ""
                yield self.say(
                    (table.name,),
                    f"Nobody owns `{table.name}`: no path leads there from a subject{seen}.",
                    "Add `subject`, `belongs_to` or `mentions`, point to it from another table, "
                    "or call it `impersonal`.",
                )
            if table.subject is not None and not _unique(found, table.subject.key):
                yield self.say(
                    (table.name, "subject"),
                    f"The key of the subject, {listed(table.subject.key)}, is not unique in `{table.name}`.",
                    f"Name the primary key{': ' + listed(found.key) if found.key else ''}.",
                )

    def _reached(self) -> set[str]:
        """Return the tables to which some path leads from a subject."""
        reached = {name for name, table in self.personal.items() if table.subject is not None}
        while True:
            more = {
                edge.table if edge.kind == "belongs_to" else edge.target
                for edge in self.map.edges()
                if (edge.kind == "belongs_to" and edge.target in reached)
                or (edge.kind == "points_to" and edge.table in reached)
            }
            if more <= reached:
                return reached
            reached |= more

    def edges(self) -> Iterator[Problem]:
        """Edges that cannot be followed, or lead to several where one is meant."""
        for edge in self.map.edges():
            table, target = self.there.get(edge.table), self.there.get(edge.target)
            if table is None or target is None or edge.target not in self.personal:
                continue
            path = (edge.table, *self._edge(edge))
            if edge.kind != "mentions" and not self._one(edge, target):
                link = listed(edge.target_columns)
                yield self.say(
                    path,
                    f"{link} is not unique in `{edge.target}`: a row of `{edge.table}` would "
                    f"{'belong to' if edge.kind == 'belongs_to' else 'point to'} several.",
                    "Refer to its key, or to an identifier that is `one_person: true`.",
                )
            for own, other in zip(edge.columns, edge.target_columns, strict=True):
                one, two = table.column(own), target.column(other)
                if edge.inside is not None:  # what stands there is compared as it is written
                    continue
                if one is not None and two is not None and not self._comparable(one, two):
                    yield self.say(
                        path,
                        f"`{edge.table}.{own}` ({one.type}) cannot be compared with "
                        f"`{edge.target}.{other}` ({two.type}).",
                        "Link columns of one type.",
                    )
        for mapped, _ in self.pairs:
            for copy in mapped.copies:
                yield from self._copy(mapped, copy)

    def _copy(self, table: MapTable, copy: Copy) -> Iterator[Problem]:
        column, source, source_column, via = copy.column, copy.source_table, copy.source_column, copy.via
        path = (table.name, "copies", column)
        found = self.there.get(source)
        if found is None or source not in self.map.tables:
            what = f"`{column}` is a copy from `{source}`, which is not a table of this map."
            yield self.say(path, what, did_you_mean(source, list(self.map.tables)))
        elif found.column(source_column) is None:
            what = f"The table `{source}` has no column `{source_column}`."
            yield self.say(path, what, did_you_mean(source_column, [each.name for each in found.columns]))
        if not any("+".join(edge.columns) == via and edge.target == source for edge in table.edges):
            what = (
                f"`{column}` is copied via `{via}`, and no edge of `{table.name}` leads by it to `{source}`."
            )
            yield self.say(path, what, "Name the column of an edge.")

    def _one(self, edge: Edge, target: CatalogueTable) -> bool:
        if _unique(target, edge.target_columns):
            return True
        subject = self.map.tables[edge.target].subject
        return subject is not None and any(
            identifier.one_person
            and (identifier.column,) == edge.target_columns
            and identifier.inside is None
            and identifier.via is None
            for identifier in subject.identifiers
        )

    def _comparable(self, one: Column, two: Column) -> bool:
        if self.catalogue.dialect == "sqlite":  # which converts before it compares
            return True
        days = {"date", "moment"}
        if crosses(one, two):
            return True  # a text is the number, or the uuid, when it is how that is written
        if one.shape in ("other", "json", "array") or two.shape in ("other", "json", "array"):
            return one.type == two.type
        return one.shape == two.shape or {one.shape, two.shape} <= days

    def links(self) -> Iterator[Problem]:
        """Foreign keys to people that the map does not mention, and what would hold or be dragged along."""
        reached = self._reached()
        for name, found in self.there.items():
            table = self.map.tables.get(name)
            for key in found.foreign_keys:
                if key.target not in reached or table is None:
                    continue
                if table.impersonal is None:
                    if not any(
                        set(edge.columns) & set(key.columns) and edge.target == key.target
                        for edge in table.edges
                    ):
                        yield self.say(
                            (name,),
                            f"`{name}` refers to `{key.target}` by {listed(key.columns)}, "
                            "and the map says nothing of it.",
                            "Write it as `belongs_to`, `points_to` or `mentions`.",
                        )
                    continue
                yield from self._impersonal_link(name, key.columns, key.target, key.on_delete)

    def _impersonal_link(
        self, name: str, columns: Collection[str], target: str, on_delete: str
    ) -> Iterator[Problem]:
        subject = self.map.tables[target].subject is not None
        goes = self._goes(target)
        if goes and on_delete == "CASCADE":
            what = (
                f"Deleting from `{target}` takes rows of `{name}` with it (ON DELETE CASCADE), "
                "which the map calls impersonal."
            )
            remedy = f"Describe `{name}`, blank `{target}` instead, or have the foreign key changed."
        elif goes and on_delete in ("RESTRICT", "NO ACTION"):
            what = (
                f"Rows of `{name}` hold rows of `{target}` by {listed(columns)}, "
                f"and the map calls `{name}` impersonal."
            )
            remedy = f"Describe `{name}`, or blank `{target}` instead of deleting it."
        elif subject:
            what = (
                f"`{name}` is called impersonal and refers to the people of `{target}` by {listed(columns)}."
            )
            remedy = "Write it as `mentions` (or `belongs_to`) and classify the columns."
        else:
            return
        yield self.say((name, "impersonal"), what, remedy)

    def _goes(self, name: str) -> bool:
        erase = self.map.tables[name].erase if name in self.map.tables else None
        return erase is not None and isinstance(erase.do, Delete)

    # Would the database take it?

    def needed(self, table: MapTable) -> Iterator[str]:
        """Yield the columns of a table that must be readable."""
        yield from table.columns
        yield from (column for _, column in self._named(table))

    def constants(self) -> Iterator[Problem]:
        """Constants of another type than their column, and restrictions that the database would refuse."""
        for table, found in self.pairs:
            for path, values in self._written(table):
                for name, value in values:
                    column = found.column(name)
                    if column is None:
                        continue
                    if not _fits(value, column, self.catalogue.dialect):
                        what = f"`{table.name}.{name}` is {column.type}, and its new value is not."
                        yield self.say((table.name, path, name), what, "Write null, or a value of that type.")
                    same = [columns for columns in found.unique if name in columns and len(columns) > 1]
                    if value is not None and same:
                        what = f"`{table.name}.{name}` is unique with others, and would be the same in every row."
                        yield self.say(
                            (table.name, path, name), what, "Write null, or choose another action."
                        )
            yield from self._restriction(table, found)

    def _written(self, table: MapTable) -> Iterator[tuple[str, Values]]:
        match table.erase.do if table.erase is not None else None:
            case Blank(values) | Retain(blank=values):
                yield "erase", values
            case _:
                pass
        for edge in table.edges:
            if isinstance(edge.leaving, BlankLink):
                yield "leaving", edge.leaving.values

    def _restriction(self, table: MapTable, found: CatalogueTable) -> Iterator[Problem]:
        path = (table.name, "restriction")
        if isinstance(table.restriction, Flag):
            column = found.column(table.restriction.column)
            for value in (table.restriction.active, table.restriction.lifted):
                if column is None:
                    continue
                if (value is None and not column.nullable) or not _fits(
                    value, column, self.catalogue.dialect
                ):
                    what = f"The flag `{table.name}.{column.name}` is {column.type}, and cannot have one of its values."
                    yield self.say(path, what, "Write values of that type.")
        elif isinstance(table.restriction, SetAside):
            for name in table.restriction.columns:
                column = found.column(name)
                if column is None:
                    continue
                if not column.nullable or name in found.key or name in found.null_refused or column.generated:
                    what = f"`{table.name}.{name}` cannot be emptied while its values are set aside."
                    yield self.say(path, what, "Choose columns that may be null, or a flag.")
            for name, column_name, why in set_aside.why_not(self.map, self.catalogue):
                if name == table.name:
                    what = f"`{name}.{column_name}` cannot be set aside: it {why}."
                    yield self.say(path, what, "Leave it out, or restrict by a flag.")

    # Remarks

    def loose(self) -> Iterator[Problem]:
        """Tables to which every path from a subject has a link that may be null."""
        firm = self._firm()
        behind: dict[str, list[str]] = {}
        for table, _ in self.pairs:
            owning = [edge for edge in table.edges if edge.kind == "belongs_to"]
            if table.name not in firm and owning:
                for edge in owning:
                    if not self._may_be_null(edge):
                        behind.setdefault(edge.target, []).append(table.name)
        for table, found in self.pairs:
            owning = [edge for edge in table.edges if edge.kind == "belongs_to"]
            if owning and all(map(self._may_be_null, owning)) and table.name not in firm:
                links = listed(dict.fromkeys(name for edge in owning for name in edge.columns))
                after = (
                    f", and with them those of {listed(behind[table.name])}" if table.name in behind else ""
                )
                yield self.say(
                    (table.name,),
                    f"Every way from a subject to `{table.name}` is by columns that may be null ({links}).",
                    f"Rows where they are null belong to nobody and are found by nobody{after}: see if there are any.",
                )
            if table.erase is not None and isinstance(table.erase.do, Retain):
                trigger = found.column(table.erase.do.trigger)
                if trigger is not None and trigger.nullable:
                    what = f"`{table.name}.{trigger.name}` starts a retention and may be null."
                    yield self.say((table.name, "erase", "until"), what, "Such a row's retention never ends.")

    def _may_be_null(self, edge: Edge) -> bool:
        """Tell whether a row may lack this link: a column that may be null, a place inside one, a condition."""
        found = self.there.get(edge.table)
        if found is None or edge.inside is not None or edge.when:
            return True
        return any(
            name not in found.key and ((column := found.column(name)) is None or column.nullable)
            for name in edge.columns
        )

    def _firm(self) -> set[str]:
        """Return the tables of which every row leads to a subject, as far as the database promises."""
        firm = {name for name, table in self.personal.items() if table.subject is not None}
        while True:
            more = {
                edge.table
                for edge in self.map.edges()
                if edge.kind == "belongs_to" and edge.target in firm and not self._may_be_null(edge)
            } | {edge.target for edge in self.map.edges() if edge.kind == "points_to" and edge.table in firm}
            if more <= firm:
                return firm
            firm |= more

    def crowded(self) -> Iterator[Problem]:
        """Tables with so many owners that somebody must have meant a mention."""
        for table, _ in self.pairs:
            owning = [edge for edge in table.edges if edge.kind == "belongs_to"]
            at_once = max((1 + sum(not apart(one.when, other.when) for other in owning if other is not one)
                           for one in owning), default=0)  # fmt: skip
            if at_once > OWNERS_MANY:
                what = f"`{table.name}` belongs to subjects in {at_once} ways."
                yield self.say((table.name,), what, "See which of them only mention somebody.")

    def left_over(self) -> Iterator[Problem]:
        """Columns about the subject that stay readable after the row is blanked."""
        for table, _ in self.pairs:
            if table.erase is None or not isinstance(table.erase.do, Blank):
                continue
            written = {column for column, _ in table.erase.do.values}
            left = [
                column
                for column, category in table.columns.items()
                if column not in written and category not in STRUCTURE
                and (category in _DIRECT or look(column) == "plain")
            ]  # fmt: skip
            if left:
                what = f"After `{table.name}` is blanked, {listed(left)} can still be read."
                yield self.say((table.name, "erase"), what, "Add them to `set`, or see that they may stay.")

    def doubted(self) -> Iterator[Problem]:
        """What a constraint or a missing right may still spoil."""
        for table, found in self.pairs:
            checked = {column for columns in found.checks for column in columns}
            for path, values in self._written(table):
                for name, value in values:
                    if value is not None and name in checked:
                        what = f"A CHECK of `{table.name}` reads `{name}`, which gets a new value."
                        yield self.say((table.name, path, name), what, "Measuring a plan shows if it agrees.")

    def credentials(self) -> Iterator[Problem]:
        """Columns whose names say that they hold a credential, under another category."""
        for table, found in self.pairs:
            for column in found.columns:
                category = table.columns.get(column.name, "?")
                if category in ("credential", "?", "key", "link", "flag"):
                    continue
                if column.shape in ("boolean", "moment", "date", "number"):
                    continue
                if is_credential(table.name, column.name):
                    what = (
                        f"`{table.name}.{column.name}` looks like a credential and is called `{category}`, "
                        "so that an answer shows it."
                    )
                    remedy = "Call it `credential`, and its values are never shown; or see that it is none."
                    yield self.say((table.name, "columns", column.name), what, remedy)

    def _edge(self, edge: Edge) -> tuple[str, ...]:
        for number, each in enumerate(self.map.tables[edge.table].edges):
            if each is edge:
                return "edges", str(number)
        return ()


def _unique(table: CatalogueTable, columns: Collection[str]) -> bool:
    """Say whether at most one row has the same values in these columns."""
    return any(key and set(key) <= set(columns) for key in (table.key, *table.unique))


def _fits(value: Value, column: Column, dialect: str) -> bool:
    if value is None or dialect == "sqlite":
        return True
    match column.shape:
        case "number":
            return not isinstance(value, bool) and (isinstance(value, int) or _is_number(str(value)))
        case "boolean":
            return isinstance(value, bool)
        case "date" | "moment" | "json" | "array":
            return isinstance(value, str)
        case _:
            return True


def _is_number(written: str) -> bool:
    try:
        float(written)
    except ValueError:
        return False
    return True


def _key(name: str) -> str:
    """Write a name as a key of YAML."""
    plain = name.replace("_", "").isalnum() and name.isascii() and not name[:1].isdigit()
    return name if plain else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
