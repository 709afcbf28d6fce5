"""Reading a store map: YAML as people write it → a Map, or every Problem at once.

What is checked here needs the file alone: its shape, its references to its own tables.
Whether it is true of the database is `rules.map_check`'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from troth.errors import Problem
from troth.policy.reading import did_you_mean, shortened
from troth.policy.yaml_text import Fields, Items, Node, Scalar
from troth.policy.yaml_text import read as read_yaml
from troth.rules import archive
from troth.rules.map import (
    Archive,
    BlankLink,
    Columns,
    Condition,
    Conditions,
    Copy,
    Discloses,
    Edge,
    EdgeKind,
    Engine,
    Flag,
    Identifier,
    InList,
    Inside,
    Leaving,
    Map,
    MapTable,
    RemoveElement,
    ReplaceOwner,
    Retention,
    Reviewed,
    RowController,
    SetAside,
    Subject,
    Told,
    Value,
    Via,
    written_link,
)
from troth.rules.map_drift import OUTLINE_DIGITS
from troth.stores.connect import own_problems, reference_problem
from troth.stores.map_csv import CsvReading
from troth.stores.map_notation import columns_of, link_of, target_of
from troth.stores.phone_form import is_region

_MAP = ("store", "kind", "credentials", "controller", "processor_for", "purposes", "reviewed",
        "backups_expire", "versions_expire", "engine", "region", "placeholder", "tables")  # fmt: skip
_TABLE = ("subject", "columns", "belongs_to", "points_to", "mentions", "erase", "restriction", "retention",
          "archive", "copies", "supplement", "made_public", "discloses", "impersonal", "csv")  # fmt: skip
_EDGES: tuple[EdgeKind, ...] = ("belongs_to", "points_to", "mentions")
_STORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
_OUTLINE = re.compile(f"[0-9a-f]{{{OUTLINE_DIGITS}}}", re.ASCII)
_SHA256 = re.compile(r"sha256:([0-9a-f]{4,64})", re.ASCII)
_OPTIONS = ("conceals", "leaving", "when")


def read(text: str, file: str) -> tuple[Map | None, tuple[Problem, ...]]:
    """Read a map; None when there is any Problem, and all Problems in the order of the file."""
    node, problems = read_yaml(text, file)
    reading = _MapReading(file)
    reading.problems.extend(problems)
    found: Map | None = None
    if node is None and not problems:
        reading.problem(None, "The map is empty.", "Write `store:`, `kind:`, `credentials:` and `tables:`.")
    elif node is not None:
        found = reading.map(node)
        if found is not None and not reading.problems:
            reading.problems.extend(own_problems(found))
            reading.problems.extend(archive.wrong(found))
    if reading.problems:
        return None, tuple(sorted(reading.problems))
    return (None if found is None else replace(archive.with_archives(found), written=text)), ()


class _MapReading(CsvReading):
    """One map file being read; `kind` is the kind of store, where it is known."""

    kind = ""

    def map(self, node: Node) -> Map | None:
        self.kind = self.kind_of(node)
        known = (*_MAP, self.kind) if self.kind else _MAP
        fields = self.fields(node, "A map", known, ("store", "kind", "credentials", "tables"))
        if not isinstance(node, Fields):
            return None
        store = self.text(fields.get("store"), "`store`")
        if store is not None and not _STORE.fullmatch(store):
            self.problem(
                fields["store"],
                "`store` is a name for plans and events: letters, digits, dots, dashes.",
                "Choose one such as `shop`; it is never renamed.",
            )
        kind = self.text(fields.get("kind"), "`kind`")
        controller, controllers, processor_for = self.controller(fields, node)
        tables = self.tables(fields.get("tables"))
        placeholder = self.placeholder(fields.get("placeholder"), tables)
        reviewed = self.reviewed(fields.get("reviewed"))
        purposes = self.purposes(fields.get("purposes"))
        self.known_targets(tables)
        self.known_attributes(tables)
        return Map(
            store=store or "",
            kind=kind or "",
            controller=controller,
            credentials=self.credentials(fields.get("credentials")),
            tables=tables,
            placeholder=placeholder,
            backups_expire=self.period(fields.get("backups_expire"), "`backups_expire`"),
            versions_expire=self.period(fields.get("versions_expire"), "`versions_expire`"),
            engine=self.engine(fields.get("engine")),
            region=self.region(fields.get("region")),
            reviewed=reviewed,
            file=self.file,
            controllers=controllers,
            processor_for=processor_for,
            purposes=purposes,
            own=self.own(fields),
            places=self.places,
        )

    def kind_of(self, node: Node) -> str:
        """Return the kind, under whose name a map says what only that kind of store understands."""
        said = node.get("kind") if isinstance(node, Fields) else None
        kind = said.text if isinstance(said, Scalar) else ""
        return kind if kind not in (*_MAP, *_TABLE) else ""

    def own(self, fields: Mapping[str, Node]) -> Fields | None:
        found = fields.get(self.kind)
        if found is not None and not isinstance(found, Fields):
            self.problem(
                found, f"`{self.kind}` must be fields (`key: value`).", f"Write `{self.kind}: {{…}}`."
            )
        return found if isinstance(found, Fields) else None

    # What is said of the whole store

    def controller(self, fields: Mapping[str, Node], node: Node) -> tuple[str, RowController | None, str]:
        said, apart = fields.get("controller"), fields.get("processor_for")
        self.at(said, "", "controller")
        if apart is not None and said is not None:
            self.problem(apart, "Both `controller` and `processor_for` are given.", "Keep one of the two.")
        if apart is not None:
            return "", None, self.text(apart, "`processor_for`") or ""
        if said is None:
            self.problem(
                node,
                "A map lacks `controller`.",
                "Name the entity: `controller: main-entity`; or `controller: {column: …, ours: …}` where rows differ.",
            )
            return "", None, ""
        if not isinstance(said, Fields):
            return self.text(said, "`controller`") or "", None, ""
        inner = self.fields(said, "`controller`", ("column", "processor_for", "ours", "of", "name"))
        if ("column" in inner) == ("processor_for" in inner):
            self.problem(said, "`controller` says either `column` or `processor_for`.", "Keep one.")
        if "processor_for" in inner:
            return "", None, self.text(inner["processor_for"], "`processor_for`") or ""
        return "", self.row_controller(said, inner), ""

    def row_controller(self, node: Node, fields: Mapping[str, Node]) -> RowController | None:
        """Read how each row names its controller."""
        self.at(node, "", "controller")
        column = self.text(fields.get("column"), "`column`")
        ours = self.constants(fields.get("ours"), "`ours`")
        if "ours" not in fields:
            what = "`controller` does not say by which values of its column we are meant ourselves."
            self.problem(node, what, "Add `ours: [main-entity]`; rows of others are then told apart.")
        if ("of" in fields) != ("name" in fields):
            what = "`of` and `name` of `controller` go together."
            self.problem(node, what, "Write `{column: tenant_id, of: tenant.id, name: slug, ours: [us]}`.")
            return None
        if column is None or not ours:
            return None
        if "of" not in fields:
            return RowController(column, ours)
        target, name = target_of(self.text(fields["of"], "`of`") or ""), self.text(fields["name"], "`name`")
        if target is None or len(target[1]) != 1 or name is None:
            self.problem(fields["of"], "`of` must be a table and its column.", "Write `of: tenant.id`.")
            return None
        return RowController(column, ours, target[0], target[1][0], name)

    def constants(self, node: Node | None, what: str) -> tuple[str | int | bool, ...]:
        """Read one constant, or a list of them; null is none."""
        if node is None:
            return ()
        listed = node.items if isinstance(node, Items) else (node,)
        found = [self.value(each, f"A value of {what}") for each in listed]
        known = tuple(each for each in found if each is not None)
        if len(known) < len(found) or not found:
            self.problem(node, f"{what} needs values, and null is none.", "Write one, or `[one, another]`.")
            return ()
        return known

    def credentials(self, node: Node | None) -> dict[str, str]:
        fields = self.fields(node, "`credentials`", ("find", "change"), ("find",))
        found = {}
        for role, each in fields.items():
            written = self.text(each, f"`{role}`")
            if written is None:
                continue
            problem = reference_problem(written)
            if problem is not None:  # what is written may be a secret: it is not repeated
                self.problem(each, *problem)
            found[role] = written
        return found

    def reviewed(self, node: Node | None) -> Reviewed | None:
        if node is None:
            return None
        self.at(node, "", "reviewed")
        fields = self.fields(node, "`reviewed`", ("date", "catalogue", "tables"), ("date", "catalogue"))
        on = self.date(fields.get("date"), "`date`")
        written = self.text(fields.get("catalogue"), "`catalogue`")
        match = _SHA256.fullmatch(written) if written is not None else None
        if written is not None and match is None:
            self.problem(
                fields["catalogue"],
                "`catalogue` must be `sha256:` and the hash's first digits, four or more, in small letters.",
                "`troth map --check` prints it.",
            )
        tables = self.outlines(fields.get("tables"))
        return Reviewed(on, match[1], tables) if on is not None and match is not None else None

    def outlines(self, node: Node | None) -> dict[str, str]:
        """Read the outline of each table, by which a drift is told."""
        found = {}
        for key, value in self.named(node, "`tables` of `reviewed`") if node is not None else ():
            written = self.text(value, f"The outline of `{shortened(key.text)}`")
            if written is not None and not _OUTLINE.fullmatch(written):
                self.problem(
                    value,
                    f"The outline of `{shortened(key.text)}` is {OUTLINE_DIGITS} hexadecimal digits, in quotes.",
                    "`troth map --reviewed` prints it.",
                )
            elif written is not None:
                found[key.text] = written
        return found

    def purposes(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        self.at(node, "", "purposes")
        found = []
        for number, item in enumerate(self.items(node, "`purposes`")):
            self.at(item, "", "purposes", str(number))
            name = self.text(item, "A purpose")
            if name is not None:
                found.append(name)
        if not found and not self.problems:
            self.problem(node, "`purposes` names none.", "Name the purposes of this store, or leave it out.")
        return tuple(found)

    def placeholder(self, node: Node | None, tables: Mapping[str, MapTable]) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, value in self.named(node, "`placeholder`"):
            target = target_of(key.text)
            if target is None or len(target[1]) != 1:
                self.problem(
                    key,
                    "A placeholder is named by table and column.",
                    "Write `customer.id: 0`, and one line for each column of a longer key.",
                )
                continue
            table, (column,) = target
            self.at(key, "", "placeholder", f"{table}.{column}")
            if table not in tables:
                self.problem(key, f"There is no table `{shortened(table)}` in this map.",
                             did_you_mean(table, tables))  # fmt: skip
            found[f"{table}.{column}"] = self.value(value, "A placeholder's key")
        return found

    def known_targets(self, tables: Mapping[str, MapTable]) -> None:
        """Note each edge whose target is not a table of this map, or is one without subjects."""
        for table in tables.values():
            for number, edge in enumerate(table.edges):
                line, column = self.places[table.name, "edges", str(number)]
                target = tables.get(edge.target)
                if target is None:
                    what = f"`{shortened(edge.target)}` is not a table of this map."
                    self.problems.append(
                        Problem(self.file, line, column, what, did_you_mean(edge.target, tables))
                    )
                elif target.impersonal is not None and edge.kind == "belongs_to":
                    self.problems.append(
                        Problem(
                            self.file,
                            line,
                            column,
                            f"`{table.name}` belongs to `{edge.target}`, which this map calls impersonal.",
                            "Describe the owner's table, or leave the edge out.",
                        )
                    )

    def known_attributes(self, tables: Mapping[str, MapTable]) -> None:
        """Note each identifier in a table of attributes that does not belong to its subject."""
        for table in tables.values():
            for identifier in table.subject.identifiers if table.subject is not None else ():
                via = identifier.via
                if via is None or table.subject is None:
                    continue
                other = tables.get(via.table)
                owned = other is not None and any(
                    (edge.kind, edge.columns, edge.target, edge.target_columns)
                    == ("belongs_to", via.columns, table.name, table.subject.key)
                    and not edge.when and edge.inside is None
                    for edge in other.edges
                )  # fmt: skip
                if not owned:
                    key = " + ".join(table.subject.key)
                    line, column = self.places.get((table.name, "subject"), (table.line, 1))
                    what = (
                        f"An identifier of `{table.name}` stands in `{shortened(via.table)}`, whose rows do not "
                        "belong to it."
                    )
                    remedy = f"Add `belongs_to: [{{{' + '.join(via.columns)}: {table.name}.{key}}}]` to that table."
                    self.problems.append(Problem(self.file, line, column, what, remedy))

    # Tables

    def tables(self, node: Node | None) -> dict[str, MapTable]:
        found = {}
        for key, value in self.named(node, "`tables`"):
            self.at(key, key.text)
            found[key.text] = self.table(key, value)
        if node is not None and not found:
            self.problem(node, "`tables` is empty.", "Describe at least the table of the people themselves.")
        return found

    def table(self, key: Scalar, node: Node) -> MapTable:
        name = key.text
        if isinstance(node, Scalar) and node.value is None:
            self.problem(
                key,
                f"Nothing is said of `{shortened(name)}`.",
                "Describe its columns, or write `impersonal:` and why it is not about people.",
            )
            return MapTable(name, {}, line=key.line)
        known = (*_TABLE, self.kind) if self.kind else _TABLE
        node = _rejoined(node, known, ("impersonal",))
        fields = self.fields(node, f"`{shortened(name)}`", known)
        self.columns = columns = self.categories(name, fields.get("columns"))
        if "impersonal" in fields:
            for other in fields:
                if other not in ("impersonal", "columns", self.kind):
                    self.problem(
                        fields[other],
                        f"`{shortened(name)}` is impersonal and has `{other}` too.",
                        "Keep one of the two.",
                    )
            self.at(fields["impersonal"], name, "impersonal")
            why = self.text(fields["impersonal"], "`impersonal`")
            csv, own = self.csv(fields.get("csv")), self.own(fields)
            return MapTable(name, columns, impersonal=why or "?", csv=csv, line=key.line, own=own)
        if "columns" not in fields and isinstance(node, Fields):
            self.problem(
                key,
                f"`{shortened(name)}` lacks `columns`.",
                "Give each column its category, such as `{id: key, email: contact}`; or write `impersonal:`.",
            )
        return MapTable(
            name=name,
            columns=columns,
            subject=self.subject(name, fields.get("subject")),
            edges=self.edges(name, fields),
            erase=self.erase(name, fields.get("erase")),
            restriction=self.restriction(name, fields.get("restriction")),
            retention=self.retention(name, fields.get("retention")),
            archive=self.archive(name, fields.get("archive")),
            copies=self.copies(name, fields.get("copies")),
            supplement=self.supplement(name, fields.get("supplement")),
            made_public=self.text(fields.get("made_public"), "`made_public`") or "",
            discloses=self.discloses(name, fields.get("discloses")),
            csv=self.csv(fields.get("csv")),
            line=key.line,
            own=self.own(fields),
        )

    def discloses(self, table: str, node: Node | None) -> Discloses | None:
        """Read how the rows of a table record disclosures."""
        if node is None:
            return None
        self.at(node, table, "discloses")
        needed = ("to", "on", "purpose", "categories")
        fields = self.fields(node, "`discloses`", (*needed, "document", "evidence"), needed)
        categories = [
            self.text(item, "A category") or ""
            for item in self.items(fields.get("categories"), "`categories`")
        ]
        evidence = {
            key.text: self.told(value, shortened(key.text))
            for key, value in self.named(fields.get("evidence"), "`evidence`")
        }
        return Discloses(
            self.told(fields.get("to"), "to"), self.text(fields.get("on"), "`on`") or "",
            self.told(fields.get("purpose"), "purpose"), tuple(categories),
            self.told(fields.get("document"), "document"), evidence,
        )  # fmt: skip

    def told(self, node: Node | None, what: str) -> Told:
        """Read a text, or the column that has it."""
        if isinstance(node, Fields):
            column = self.fields(node, f"`{what}`", ("column",), ("column",)).get("column")
            return Told(column=self.text(column, "`column`") or "")
        return Told(self.text(node, f"`{what}`") or "")

    def categories(self, table: str, node: Node | None) -> dict[str, str]:
        self.at(node, table, "columns")
        found = {}
        for key, value in self.named(node, "`columns`"):
            self.at(key, table, "columns", key.text)
            category = self.text(value, f"The category of `{shortened(key.text)}`")
            if category is None and isinstance(value, Scalar):
                continue
            found[key.text] = category or "?"
        return found

    def subject(self, table: str, node: Node | None) -> Subject | None:
        if node is None:
            return None
        self.at(node, table, "subject")
        fields = self.fields(node, "`subject`", ("key", "identifiers"), ("key", "identifiers"))
        identifiers = []
        for key, value in self.named(fields.get("identifiers"), "`identifiers`"):
            self.at(key, table, "subject", key.text)
            found = self.identifier(table, key, value)
            if found is not None:
                identifiers.append(found)
        if isinstance(fields.get("identifiers"), Fields) and not identifiers:
            self.problem(
                fields["identifiers"],
                "There is no identifier: nobody could be found here.",
                "Name a column: `{email: {kind: email, one_person: true}}`.",
            )
        return Subject(self.texts(fields.get("key"), "`key`"), tuple(identifiers))

    def identifier(self, table: str, key: Scalar, node: Node) -> Identifier | None:
        """Read what one identifier is, and where it stands."""
        what = f"Identifier `{shortened(key.text)}`"
        inner = self.fields(node, what, ("kind", "one_person", "when", "via"), ("kind", "one_person"))
        kind = self.text(inner.get("kind"), "`kind`")
        one = self.boolean(inner.get("one_person"), "`one_person`")
        when = self.when(table, inner.get("when"))
        if kind is None or one is None:
            return None
        if "via" not in inner:
            column, inside = self.spot(key.text)
            return Identifier(column, kind, one, inside, when)
        written = self.text(inner["via"], "`via`")
        target, columns = target_of(key.text), columns_of(written or "")
        if target is None or len(target[1]) != 1 or columns is None:
            self.problem(
                key,
                f"{what} has `via`, so it stands in another table.",
                "Write `attribute.value: {…, via: account_id}`: where it stands, and that table's column for the key.",
            )
            return None
        return Identifier(target[1][0], kind, one, None, when, Via(target[0], columns))

    def when(self, table: str, node: Node | None) -> Conditions:
        """Read the values that columns must hold; null and fractions are none."""
        found = []
        for key, value in self.named(node, "`when`"):
            self.at(key, table, "when", key.text)
            listed = value.items if isinstance(value, Items) else (value,)
            values = [self.value(each, f"The value of `{shortened(key.text)}`") for each in listed]
            known = tuple(each for each in values if each is not None)
            if len(known) < len(values) or not values:
                self.problem(
                    value,
                    f"`when` needs a value of `{shortened(key.text)}`, and null is none.",
                    "Write `{kind: buyer}`, or `{kind: [buyer, payer]}`.",
                )
                continue
            found.append(Condition(key.text, known))
        if isinstance(node, Fields) and not node.entries:
            self.problem(node, "`when` names no column.", "Write `{kind: buyer}`, or leave it out.")
        return tuple(found)

    def edges(self, table: str, fields: Mapping[str, Node]) -> tuple[Edge, ...]:
        found: list[Edge] = []
        for kind in _EDGES:
            for item in self.items(fields.get(kind), f"`{kind}`"):
                edge = self.edge(table, kind, item)
                if edge is None:
                    continue
                same = replace(edge, conceals=(), leaving=None)
                if same in [replace(other, conceals=(), leaving=None) for other in found]:
                    self.problem(item, "This edge is there twice.", "Keep one of the two.")
                self.at(item, table, "edges", str(len(found)))
                found.append(edge)
        return tuple(found)

    def edge(self, table: str, kind: EdgeKind, node: Node) -> Edge | None:
        if not isinstance(node, Fields):
            self.problem(
                node,
                f"An edge of `{kind}` must say which column refers to what.",
                "Write `- {customer_id: customer.id}`.",
            )
            return None
        long = {"columns", "target"} <= {key for key, _ in node}
        ends = self.long_ends(node, kind) if long else self.short_ends(node, kind)
        options = {key: value for key, value in node if key in _OPTIONS}
        conceals = self.texts(options.get("conceals"), "`conceals`")
        leaving = self.leaving(table, options.get("leaving"))
        if leaving is not None and kind != "belongs_to":
            self.problem(
                options["leaving"],
                f"`leaving` says what happens when an owner leaves; `{kind}` names no owner.",
                "Remove it, or use `belongs_to`.",
            )
        when = self.when(table, options.get("when"))
        if ends is None:
            return None
        columns, inside, target, target_columns = ends
        if "leaving" in options:
            self.fitting(options["leaving"], leaving, columns, inside)
        return Edge(kind, table, columns, target, target_columns, conceals, leaving, when, inside)

    def fitting(self, at: Node, leaving: Leaving | None, columns: Columns, inside: Inside | None) -> None:
        """Note where what happens when an owner leaves does not fit how the row is linked."""
        link = shortened(written_link(columns, inside))
        if isinstance(leaving, RemoveElement) and not isinstance(inside, InList):
            what = f"`leaving: remove` takes an element out of a list, and `{link}` is none."
            self.problem(at, what, "Write `replace_owner` or `{blank: {…}}`.")
        if isinstance(leaving, ReplaceOwner) and isinstance(inside, InList):
            what = f"`{link}` is a list, in which nobody can stand in for who leaves."
            self.problem(at, what, "Write `leaving: remove`.")

    def short_ends(self, node: Fields, kind: str) -> tuple[Columns, Inside | None, str, Columns] | None:
        """Read `{customer_id: customer.id}`."""
        links = [(key, value) for key, value in node.entries if key.text not in _OPTIONS]
        if len(links) != 1:
            self.problem(
                links[1][0] if links else node,
                f"An edge of `{kind}` has one link, and this has {len(links)}.",
                "Write each as its own `- {column: table.column}`; a longer key as `{a + b: table.c + d}`.",
            )
            return None
        key, value = links[0]
        link = link_of(key.text)
        if link is None:
            self.problem(
                key,
                f"`{shortened(key.text)}` is not a column, nor several joined by a plus, nor a place inside one.",
                "Write `customer_id`, `company_id + branch_no`, `data.buyer.id` or `member_ids.*`; "
                "put odd names in quotes: '\"e-mail\"'.",
            )
        target = target_of(value.text) if isinstance(value, Scalar) else None
        if target is None:
            self.problem(
                value,
                f"What `{shortened(key.text)}` refers to must be a table and its column.",
                "Write `customer.id`, or `branch.company_id + no`; odd names in quotes: '\"Odd.Table\".id'.",
            )
        if link is None or target is None:
            return None
        return self.matched(key, *link, *target)

    def long_ends(self, node: Fields, kind: str) -> tuple[Columns, Inside | None, str, Columns] | None:
        """Read `{columns: [a, b], target: branch, target_columns: [c, d]}`."""
        needed = ("columns", "target", "target_columns")
        fields = self.fields(node, f"An edge of `{kind}`", (*needed, *_OPTIONS), needed)
        columns = self.texts(fields.get("columns"), "`columns`")
        target = self.text(fields.get("target"), "`target`")
        target_columns = self.texts(fields.get("target_columns"), "`target_columns`")
        if not columns or target is None or not target_columns:
            return None
        return self.matched(node, columns, None, target, target_columns)

    def matched(
        self, at: Node, columns: Columns, inside: Inside | None, target: str, target_columns: Columns
    ) -> tuple[Columns, Inside | None, str, Columns] | None:
        if len(columns) != len(target_columns):
            self.problem(
                at,
                f"This edge has {len(columns)} columns on one side and {len(target_columns)} on the other.",
                "Write as many on both sides, in the same order.",
            )
            return None
        return columns, inside, target, target_columns

    def leaving(self, table: str, node: Node | None) -> Leaving | None:
        if node is None:
            return None
        if isinstance(node, Scalar):
            said = self.choice(node, "`leaving`", ("replace_owner", "remove"))
            match said:
                case "replace_owner":
                    return ReplaceOwner()
                case "remove":
                    return RemoveElement()
                case _:
                    return None
        fields = self.fields(node, "`leaving`", ("blank",), ("blank",))
        values, parts = self.values(fields.get("blank"), "`blank`", table, "leaving")
        return BlankLink(values, parts) if values or parts else None

    # The rest of a table

    def restriction(self, table: str, node: Node | None) -> Flag | SetAside | None:
        if node is None:
            return None
        self.at(node, table, "restriction")
        fields = self.fields(node, "`restriction`", ("flag", "active", "lifted", "set_aside"))
        if "set_aside" in fields:
            if len(fields) > 1:
                self.problem(node, "`restriction` is by a flag or by setting aside, not both.", "Keep one.")
            columns = self.texts(fields["set_aside"], "`set_aside`")
            if not columns:
                self.problem(node, "`set_aside` names no column.", "List the columns to empty meanwhile.")
            return SetAside(columns)
        column = self.text(fields.get("flag"), "`flag`")
        given = dict(node) if isinstance(node, Fields) else {}
        for needed in ("flag", "active", "lifted"):
            if needed not in given and isinstance(node, Fields):
                self.problem(
                    node,
                    f"`restriction` lacks `{needed}`.",
                    "Write `{flag: restricted, active: true, lifted: false}`.",
                )
        if column is None or "active" not in given or "lifted" not in given:
            return None
        active, lifted = self.value(given["active"], "`active`"), self.value(given["lifted"], "`lifted`")
        if active == lifted:
            self.problem(node, "`active` and `lifted` are the same value.", "They must differ.")
        return Flag(column, active, lifted)

    def retention(self, table: str, node: Node | None) -> tuple[Retention, ...]:
        found = []
        for number, item in enumerate(self.items(node, "`retention`")):
            self.at(item, table, "retention", str(number))
            known = ("promise", "trigger", "archive_trigger")
            fields = self.fields(item, "`retention`", known, ("promise", "trigger"))
            promise = self.text(fields.get("promise"), "`promise`")
            trigger = self.text(fields.get("trigger"), "`trigger`")
            later = self.text(fields.get("archive_trigger"), "`archive_trigger`") or ""
            if promise is not None and trigger is not None:
                found.append(Retention(promise, trigger, later))
        return tuple(found)

    def archive(self, table: str, node: Node | None) -> Archive | None:
        """Read where rows are kept apart, and who may read them there."""
        if node is None:
            return None
        self.at(node, table, "archive")
        needed = ("table", "readers", "step")
        fields = self.fields(node, "`archive`", (*needed, "on"), needed)
        where, step = self.text(fields.get("table"), "`table`"), self.text(fields.get("step"), "`step`")
        readers = self.texts(fields.get("readers"), "`readers`")
        if "readers" in fields and not readers:
            what = "`readers` names no role, so that nobody could look into the archive."
            self.problem(fields["readers"], what, "Name the roles that may read it: `readers: [accounts]`.")
        if where is None or step is None or not readers:
            return None
        return Archive(where, readers, step, self.text(fields.get("on"), "`on`") or "")

    def copies(self, table: str, node: Node | None) -> tuple[Copy, ...]:
        found = []
        for key, value in self.named(node, "`copies`"):
            self.at(key, table, "copies", key.text)
            written = self.text(value, f"The source of `{shortened(key.text)}`") or ""
            source, via, link = written.partition(" via ")
            target, columns = target_of(source), columns_of(link)
            if target is None or len(target[1]) != 1 or not via or columns is None:
                self.problem(
                    value,
                    f"The source of `{shortened(key.text)}` must be a column and the link that leads to it.",
                    "Write `customer.name via recipient_id`.",
                )
                continue
            found.append(Copy(key.text, target[0], target[1][0], "+".join(columns)))
        return tuple(found)

    def engine(self, node: Node | None) -> Engine:
        """Read what works on the files of a lake."""
        return "spark" if self.choice(node, "`engine`", ("embedded", "spark")) == "spark" else "embedded"

    def region(self, node: Node | None) -> str:
        found = self.text(node, "`region`") or ""
        if node is not None and found and not is_region(found):
            self.problem(node, "`region` is no country.", "Write its code, such as FR.")
            return ""
        return found

    def supplement(self, table: str, node: Node | None) -> str:
        if node is not None:
            self.at(node, table, "supplement")
        return self.text(node, "`supplement`") or ""


def _rejoined(node: Node, known: Collection[str], prose: Collection[str]) -> Node:
    """Give words after a comma back to the sentence they were cut from.

    In `{impersonal: goods, kept by staff}` YAML reads a second key, `kept by staff`, without
    a value; everybody else reads one sentence.
    """
    if not isinstance(node, Fields):
        return node
    entries: list[tuple[Scalar, Node]] = []
    for key, value in node.entries:
        before = entries[-1] if entries else None
        if (
            before is not None
            and key.text not in known
            and before[0].text in prose
            and isinstance(before[1], Scalar)
            and isinstance(value, Scalar)
            and value.value is None
        ):
            text = f"{before[1].text}, {key.text}"
            entries[-1] = (before[0], replace(before[1], text=text, value=text))
        else:
            entries.append((key, value))
    return replace(node, entries=tuple(entries))
