"""What a store map may say, guessed from the catalogue and from counts: for a person to correct.

Nothing here is a decision.  Each guess carries what it rests on and how sure it is; where there is
no good guess the draft says `?`, and `troth map --check` fails until somebody has looked.

Law: GDPR Art. 5(2) and 30(1)(c): whoever holds personal data must know which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from troth.rules.catalogue import Catalogue, CatalogueTable, Column, ForeignKey
from troth.rules.column_name import (
    ends_with,
    has_word,
    is_credential,
    link_is,
    linked_name,
    meaning,
    measures,
    names_party,
)
from troth.rules.draft_link import SHARE_MOST, candidate_links, crosses_types, kind_of, subjects_of
from troth.rules.draft_values import (
    ALL_MIN,
    FEW_MAX,
    FOUND_MIN,
    is_question,
    is_strong,
    says,
    told,
    value_links,
)
from troth.rules.guess import (
    AllSigns,
    DraftMap,
    EdgeGuess,
    EraseGuess,
    Guess,
    IdentifierGuess,
    Inclusions,
    Role,
    Sure,
    TableGuess,
    shown,
)
from troth.rules.map import EdgeKind
from troth.rules.personal_name import look, words
from troth.rules.signs import Inclusion, Kind, Link, Signs
from troth.rules.suggestion import Way, suggestions

SHARE_SOME = 0.02
APART_MIN = 20
"""How many different values of a user name or a number make it likely that nobody shares one."""
_OF_TEXT = frozenset(
    {
        "address",
        "place",
        "name",
        "person_name",
        "role_name",
        "user_name",
        "free_text",
        "work",
        "email",
        "trait",
    }
)
_DIRECT = frozenset({"identity", "contact", "address", "free_text", "credential", "payment", "work"})


def draft(catalogue: Catalogue, signs: AllSigns, inclusions: Inclusions) -> DraftMap:
    """Guess a whole map."""
    return _Drafting(catalogue, signs, inclusions).draft()


class _Drafting:
    """One catalogue with its signs; each method guesses one kind of thing."""

    def __init__(self, catalogue: Catalogue, signs: AllSigns, inclusions: Inclusions) -> None:
        self.catalogue = catalogue
        self.signs = signs
        self.subjects = subjects_of(catalogue, signs)
        self.perhaps: dict[str, dict[str, tuple[Link, Inclusion | None]]] = {}
        self.guessed = self._links(inclusions)
        self.owned: dict[str, str] = {}
        self.pointed: dict[str, str] = {}

    def draft(self) -> DraftMap:
        """Guess whose every table is, then what every column is."""
        self._own()
        found = [self._table(table) for table in self.catalogue.tables]
        by_name = {each.table.name: each for each in found}
        for each in found:
            if each.role not in ("impersonal", "unknown", "mentioned"):
                each.erase = self._erase(each, by_name)
        people = {name: by_name[name].table for name in self.subjects}
        for each in found:
            if each.role not in ("impersonal", "mentioned"):
                ways = [Way(edge.kind, edge.columns, edge.target, edge.target_columns) for edge in each.edges]
                categories = {name: guess.what for name, guess in each.columns.items()}
                each.suggestions = suggestions(each.table, ways, people, self.signs, categories)
        return DraftMap(self.catalogue, tuple(found))

    # Links, declared and guessed

    def _links(self, inclusions: Inclusions) -> dict[str, list[tuple[Link, Inclusion | None]]]:
        found: dict[str, list[tuple[Link, Inclusion | None]]] = {}
        best: dict[tuple[str, str], tuple[float, Link, Inclusion | None]] = {}
        for link in candidate_links(self.catalogue, self.signs):
            inclusion = inclusions.get(link)
            if inclusion is not None and inclusion.asked and inclusion.share < FOUND_MIN:
                continue
            unseen = inclusion is None or not inclusion.asked
            if unseen and crosses_types(self.catalogue, link):
                continue  # a text that may be anything
            there = self.catalogue.table(link.table)
            if unseen and link.by != "identifier" and there is not None and there.foreign_keys:
                continue  # whoever declares some links declares them all, unless values say otherwise
            if link.by == "identifier" and unseen:
                others = {each for each in self.subjects if not ends_with(each, "staff")}
                near = [each for each in others if each.rpartition(".")[0] == link.table.rpartition(".")[0]]
                if near != [link.target]:
                    continue
            share = inclusion.share if inclusion is not None else 0.0
            at = (link.table, link.column)
            if at not in best or share > best[at][0]:
                best[at] = (share, link, inclusion)
        for link in value_links(self.catalogue, self.signs, inclusions):
            inclusion = inclusions.get(link)
            at = (link.table, link.column)
            if inclusion is None or not self._is_link(link, inclusion):
                self._ask(link, inclusion)
            elif at not in best or inclusion.share > best[at][0]:
                best[at] = (inclusion.share, link, inclusion)
        for table, column in best:
            self.perhaps.get(table, {}).pop(column, None)
        for share, link, inclusion in sorted(best.values(), key=lambda each: -each[0]):
            before = found.setdefault(link.table, [])
            if link.by == "identifier" and self._led_already(link, before, compared=share > 0):
                continue
            before.append((link, inclusion))
        return found

    def _is_link(self, link: Link, inclusion: Inclusion) -> bool:
        """Tell whether values alone make a link, or with a name that says whom they are of."""
        if says(link.column, link.target) and inclusion.share >= ALL_MIN:
            return True
        seen = self.signs.get(link.table, {}).get(link.column)
        code = measures(link.column) and seen is not None and seen.distinct <= FEW_MAX
        return is_strong(inclusion) and not code

    def _ask(self, link: Link, inclusion: Inclusion | None) -> None:
        """Leave a column to a person, whose values may be keys of people or anything else."""
        table = self.catalogue.table(link.table)
        column = table.column(link.column) if table is not None else None
        seen = self.signs.get(link.table, {}).get(link.column)
        if table is not None and column is not None and is_question(table, column, seen, inclusion):
            self.perhaps.setdefault(link.table, {}).setdefault(link.column, (link, inclusion))

    def _led_already(
        self, link: Link, others: Sequence[tuple[Link, Inclusion | None]], *, compared: bool
    ) -> bool:
        """Tell whether a row leads to these people anyway, so that an identifier adds nothing."""
        table = self.catalogue.table(link.table)
        keys = table.foreign_keys if table is not None else ()
        always = any(
            key.target == link.target and all(not self._may_be_null(link.table, name) for name in key.columns)
            for key in keys
        )
        if always or any(each.target == link.target and each.by != "identifier" for each, _ in others):
            return True
        return not compared and (
            any(key.target in self.subjects for key in keys)
            or any(each.by == "identifier" for each, _ in others)
        )

    def _may_be_null(self, table: str, column: str) -> bool:
        """Tell whether a column may be null, and is not filled in every sampled row."""
        there = self.catalogue.table(table)
        found = there.column(column) if there is not None else None
        seen = self.signs.get(table, {}).get(column)
        filled = seen is not None and seen.filled == seen.rows >= 1
        return found is not None and found.nullable and not filled

    def _to(self, table: CatalogueTable) -> Iterator[tuple[ForeignKey | Link, Inclusion | None, str]]:
        """Yield every link out of a table, and where it leads."""
        for key in table.foreign_keys:
            yield key, None, key.target
        for link, inclusion in self.guessed.get(table.name, ()):
            yield link, inclusion, link.target

    def _own(self) -> None:
        """Find the tables whose rows are somebody's, and those that these rows refer to."""
        tables = self.catalogue.tables
        while True:
            more = {
                table.name: target
                for table in tables
                if table.name not in self.owned and table.name not in self.subjects
                for link, _, target in self._to(table)
                if (target in self.subjects or target in self.owned)
                and target != table.name
                and not self._acts(table, link, target)
            }
            if not more:
                break
            self.owned |= more
        for table in tables:
            if table.name in self.subjects or table.name in self.owned:
                for _, _, target in self._to(table):
                    if target not in self.subjects and target not in self.owned and self._is_address(target):
                        self.pointed[target] = table.name

    def _is_address(self, name: str) -> bool:
        table = self.catalogue.table(name)
        if table is None:
            return False
        kinds = [found.name for column in table.columns if (found := meaning(column.name)) is not None]
        return ends_with(name, "address") and bool({"address", "phone"} & set(kinds))

    def _acts(self, table: CatalogueTable, link: ForeignKey | Link, target: str) -> bool:
        """Tell whether a link names somebody who dealt with the row rather than whose row it is."""
        column = link.columns[0] if isinstance(link, ForeignKey) else link.column
        if target not in self.subjects:
            nullable = isinstance(link, ForeignKey) and all(
                self._may_be_null(table.name, name) for name in link.columns
            )
            return nullable and isinstance(link, ForeignKey) and link.on_delete != "CASCADE"
        if link_is(column, "acting"):
            return True
        others = {to for _, _, to in self._to(table) if to in self.subjects and to != target}
        if ends_with(target, "staff") and any(not ends_with(other, "staff") for other in others):
            return True
        if ends_with(target, "staff") and len(self.subjects) > 1:
            personal = any(look(each.name) == "plain" for each in table.columns)
            linked = any(link.by == "identifier" for link, _ in self.guessed.get(table.name, ()))
            return linked or not personal
        if self._mostly_null(table, column):
            return True
        if isinstance(link, ForeignKey) and link.on_delete == "SET NULL":
            return not link_is(column, "owning") or ends_with(target, "staff")
        return False

    def _takes_along(self, table: CatalogueTable, link: ForeignKey | Link) -> bool:
        """Tell whether a row is never without the one it links to, and goes with it."""
        if not isinstance(link, ForeignKey) or link.on_delete != "CASCADE":
            return False
        columns = [table.column(name) for name in link.columns]
        acting = any(link_is(name, "acting") for name in link.columns)
        return not acting and all(column is not None and not column.nullable for column in columns)

    def _mostly_null(self, table: CatalogueTable, column: str) -> bool:
        seen = self.signs.get(table.name, {}).get(column)
        found = table.column(column)
        nullable = found is not None and found.nullable
        return nullable and seen is not None and seen.rows >= 2 and seen.filled * 2 <= seen.rows

    # Edges

    def _edges(self, table: CatalogueTable, role: Role) -> tuple[EdgeGuess, ...]:
        found: list[EdgeGuess] = []
        direct = role == "owned" and any(
            target in self.subjects and not self._acts(table, link, target)
            for link, _, target in self._to(table)
        )
        for link, inclusion, target in self._to(table):
            kind, sure, reason = self._edge_kind(table, link, target, role, direct=direct)
            if kind is None:
                continue
            if isinstance(link, ForeignKey):
                why = f"foreign key; {reason}" if reason else "foreign key"
                edge = EdgeGuess(kind, link.columns, target, link.target_columns, sure, why)
            else:
                why = _told_link(link, inclusion) + (f"; {reason}" if reason else "")
                edge = EdgeGuess(kind, (link.column,), target, (link.target_column,), "likely", why)
            found.append(edge)
        once: dict[tuple[object, ...], EdgeGuess] = {}
        for edge in found:
            once.setdefault((edge.kind, edge.columns, edge.target, edge.target_columns), edge)
        found = list(once.values())
        if sum(edge.kind == "belongs_to" for edge in found) > 1:
            found = [replace(edge, leaving_open=edge.kind == "belongs_to") for edge in found]
        order = {"belongs_to": 0, "points_to": 1, "mentions": 2}
        return tuple(sorted(found, key=lambda edge: (order[edge.kind], edge.columns)))

    def _edge_kind(
        self, table: CatalogueTable, link: ForeignKey | Link, target: str, role: Role, *, direct: bool
    ) -> tuple[EdgeKind | None, Sure, str]:
        if target in self.pointed:
            return "points_to", "sure" if role in ("subject", "owned") else "likely", ""
        if target in self.subjects:
            if role == "subject" and not (target != table.name and self._takes_along(table, link)):
                return "mentions", "likely", "one person refers to another"
            if role == "subject":
                return "belongs_to", "likely", "the database deletes the one with the other"
            if self._acts(table, link, target):
                return "mentions", "likely", "names who dealt with the row"
            return "belongs_to", "sure" if target != table.name else "likely", ""
        if target in self.owned:
            if target == table.name:
                return "mentions", "likely", "the row refers to another of its kind"
            if role == "subject":
                return "mentions", "likely", "the row stays when that goes"
            if direct:
                return "mentions", "likely", "the row has its owner already"
            if self._acts(table, link, target):
                return "mentions", "likely", "it may be null"
            return "belongs_to", "likely", f"`{shown(target)}` is somebody's"
        return None, "unknown", ""

    # Tables

    def _table(self, table: CatalogueTable) -> TableGuess:
        signs = self.signs.get(table.name, {})
        rows = max((each.rows for each in signs.values()), default=0)
        if table.name in self.subjects:
            sure, why = self.subjects[table.name]
            found = TableGuess(table, rows, "subject", sure, why)
            found.identifiers = self._identifiers(table)
            if not found.identifiers:
                found.role, found.sure = "unknown", "unknown"
        elif table.name in self.owned:
            found = TableGuess(
                table, rows, "owned", "likely", f"its rows lead to `{shown(self.owned[table.name])}`"
            )
        elif table.name in self.pointed:
            why = f"`{shown(self.pointed[table.name])}` refers to it, and it looks like addresses"
            found = TableGuess(table, rows, "pointed", "likely", why)
        elif maybe := self._perhaps_owned(table):
            found = TableGuess(table, rows, "unknown", "unknown", maybe)
        elif any(target in self.subjects or target in self.owned for _, _, target in self._to(table)):
            found = TableGuess(
                table, rows, "mentioned", "likely", "people are only seen here as those who dealt with it"
            )
        else:
            found = self._other(table, rows)
        found.edges = self._edges(table, found.role)
        if found.role == "impersonal" and found.edges:
            found.role, found.why = "unknown", "it refers to rows that are somebody's"
        for column in table.columns:
            guess = self._column(found, column)
            if guess is not None:
                found.columns[column.name] = guess
        if found.role == "impersonal":
            found.columns = {}
        return found

    def _perhaps_owned(self, table: CatalogueTable) -> str:
        """Say which keys that may be null lead to rows of somebody's, where none leads to people themselves."""
        leading = [
            (link.columns[0], target)
            for link, _, target in self._to(table)
            if isinstance(link, ForeignKey) and target != table.name
        ]
        if any(target in self.subjects for _, target in leading):
            return ""
        told = [
            f"`{shown(column)}` leads to `{shown(target)}`"
            for column, target in leading
            if target in self.owned
        ]
        return f"{', '.join(told[:2])}, which is somebody's, and may be null" if told else ""

    def _other(self, table: CatalogueTable, rows: int) -> TableGuess:
        """Guess of a table that leads to nobody: not about people, or a question."""
        said: list[str] = []
        for column in table.columns:
            seen = self.signs.get(table.name, {}).get(column.name)
            kind = _personal_kind(seen)
            if kind is not None and seen is not None:
                said.append(f"in `{shown(column.name)}` {seen.told(kind)}")
            elif _is(column.name, "name") and seen is not None and seen.share("full_name_like") >= 0.5:
                said.append(f"in `{shown(column.name)}` {seen.told('full_name_like')}")
            elif look(column.name) == "plain" and not _empty(seen):
                said.append(f"`{shown(column.name)}` looks personal by its name")
        if said:
            return TableGuess(table, rows, "unknown", "unknown", "; ".join(said[:3]))
        perhaps = [
            f"`{shown(column)}` may lead to `{shown(link.target)}`: {told(inclusion)}"
            for column, (link, inclusion) in self.perhaps.get(table.name, {}).items()
        ]
        if perhaps:
            return TableGuess(table, rows, "impersonal", "unknown", "; ".join(perhaps[:3]))
        sampled = f"none in {rows} sampled rows" if rows else "no rows to sample"
        sure: Sure = "likely" if rows else "unknown"
        return TableGuess(
            table,
            rows,
            "impersonal",
            sure,
            f"no column looks personal ({sampled}) and nothing leads to people",
        )

    def _identifiers(self, table: CatalogueTable) -> tuple[IdentifierGuess, ...]:
        found: list[IdentifierGuess] = []
        signs = self.signs.get(table.name, {})
        for column in table.columns:
            seen = signs.get(column.name)
            kind = {
                "email": "email", "phone": "phone", "national_id": "national_id", "user_name": "username",
            }.get(kind_of(column, seen))  # fmt: skip
            if kind is None or column.shape not in ("text", "number", "other"):
                continue
            if kind == "username" and column.shape == "number":
                continue
            unique = (column.name,) in (*table.unique, table.key)
            many = 2 if kind == "email" else APART_MIN
            apart = seen is not None and seen.filled == seen.distinct >= many
            if kind == "phone" and not unique:
                continue
            if unique:
                one, why = True, "unique in the database"
            elif apart and seen is not None:
                one, why = (
                    True,
                    f"{seen.distinct} different among {seen.filled} sampled; nothing makes it unique",
                )
            else:
                one, why = False, "nothing says that nobody shares it"
            found.append(IdentifierGuess(column.name, kind, one, why))
        if not found:
            names = [c.name for c in table.columns if kind_of(c, None) in ("person_name", "name")]
            found = [IdentifierGuess(name, "name", False, "people share names") for name in names[-1:]]
        return tuple(found)

    # Columns

    def _column(self, table: TableGuess, column: Column) -> Guess | None:
        seen = self.signs.get(table.table.name, {}).get(column.name)
        said = meaning(column.name)
        refers = any(column.name in key.columns for key in table.table.foreign_keys)
        if column.shape == "number" and words(column.name)[-1:] == ["id"]:
            pass  # the number of a row, though the row may be a credential
        elif is_credential(table.table.name, column.name):
            if column.shape == "boolean":
                return Guess("flag", "likely", "yes or no")
            if column.shape in ("moment", "date"):
                return Guess("usage", "likely", "its name")
            return Guess("credential", "likely", "its name; its values were not read")
        if seen is not None and seen.share("secret") >= SHARE_SOME:
            sure: Sure = "sure" if seen.share("secret") >= SHARE_MOST else "likely"
            return Guess("credential", sure, seen.told("secret"))
        if seen is not None and seen.share("digest") >= SHARE_MOST and column.name not in table.table.key:
            named = {"hash", "digest", "pass", "pw", "key", "auth", "hashed"} & set(words(column.name))
            if named and not {"file", "content", "image", "document", "checksum", "commit"} & set(
                words(column.name)
            ):
                return Guess("credential", "likely", f"its name; {seen.told('digest')}")
        kind = _personal_kind(seen)
        plain = said is not None and said.name in ("email", "phone", "national_id", "ip")
        if column.name in table.table.key and (kind is None or column.shape == "number") and not plain:
            return Guess("key", "sure", "primary key")
        linking = {name for edge in table.edges for name in edge.columns}
        if kind is not None and seen is not None:
            return self._by_values(column, seen, kind)
        if column.name in linking and (said is None or said.name != "email"):
            return Guess("link", "sure", "an edge above")
        if refers:
            return Guess("link", "sure", "foreign key to what is not about people")
        email = said is not None and said.name == "email"
        if not email and any(
            link.column == column.name for link, _ in self.guessed.get(table.table.name, ())
        ):
            return Guess("link", "likely", "its name, as if it led to another table")
        return self._by_name(table, column, seen)

    def _by_values(self, column: Column, seen: Signs, kind: Kind) -> Guess:
        category = {
            "email": "contact", "phone": "contact", "ip": "connection", "iban": "payment", "card": "payment",
            "national_id": "identity",
        }.get(kind)  # fmt: skip
        if kind == "holds_email" and category is None:
            if seen.share("prose") >= 0.3 or _is(column.name, "free_text"):
                return Guess("free_text", "likely", seen.told(kind))
            return Guess("?", "unknown", seen.told(kind))
        if category is not None and seen.share(kind) >= SHARE_MOST:
            return Guess(category, "sure", seen.told(kind))
        said = meaning(column.name)
        if said is not None and said.category == category:
            return Guess(category, "likely", f"its name; {seen.told(kind)}")
        return Guess("?", "unknown", f"only {seen.told(kind)}")

    def _by_name(self, table: TableGuess, column: Column, seen: Signs | None) -> Guess:
        said = meaning(column.name) if not linked_name(column.name) or column.shape == "text" else None
        several = seen is not None and seen.filled >= 5
        if said is not None and said.name == "birth" and column.shape in ("number", "other", "boolean"):
            said = None
        if (
            column.shape == "number"
            and said is not None
            and said.name in _OF_TEXT
            and not _numbered(column.name)
        ):
            said = None
        if words(column.name)[-1:] == ["template"]:
            said = None
        if column.shape == "number" and len(words(column.name)) > 1 and words(column.name)[-1] == "order":
            said = None  # in which order
        if words(column.name)[-1:] in (["type"], ["kind"], ["method"]):
            return Guess("usage", "likely", "its name: a kind of something")
        if _is_card_number(table.table.name, column.name):
            return Guess("payment", "likely", "its name, in a table of cards")
        if column.shape == "number" and words(column.name)[:1] in (["num"], ["nb"], ["nombre"]):
            return Guess("usage", "likely", "its name: a number of something")
        if said is None or (said.name == "name" and table.role not in ("subject", "owned")):
            return self._by_shape(table, column, seen)
        if said.name == "sensitive":
            return Guess("?", "unknown", "its name: perhaps a special category (GDPR Art. 9)")
        if column.shape == "boolean":
            return Guess("flag", "likely", "yes or no")
        if column.shape in ("date", "moment") and said.name != "birth":
            return Guess("usage", "likely", "a moment")
        if said.name == "email" and several and seen is not None and seen.share("email") < SHARE_SOME:
            return Guess("?", "unknown", f"its name says e-mail, and {seen.told('email')}")
        if said.name == "place" and not any(_is(each.name, "address") for each in table.table.columns):
            return Guess("?", "unknown", "its name may say where somebody lives, or not")
        if said.name == "orders" and (table.role == "subject" or names_party(column.name)):
            return Guess("?", "unknown", "its name")
        if said.name == "free_text" and seen is not None and _few(seen):
            return Guess(
                "usage", "likely", f"its name; {seen.distinct} different among {seen.filled} sampled"
            )
        sure: Sure = "likely"
        why = "its name"
        if said.name == "birth" and seen is not None and seen.share("birth_day") >= SHARE_MOST:
            sure, why = "sure", f"its name; {seen.told('birth_day')}"
        elif (
            said.name in ("person_name", "name")
            and seen is not None
            and seen.share("name_like") >= SHARE_MOST
        ):
            why = f"its name; {seen.told('name_like')}"
        elif said.name == "free_text" and seen is not None and seen.share("prose") >= 0.3:
            sure, why = "sure", f"its name; {seen.told('prose')}"
        if said.name == "name" and table.role == "owned":
            return Guess("?", "unknown", "a name, of a person or of a thing")
        return Guess(said.category, sure, why)

    def _by_shape(self, table: TableGuess, column: Column, seen: Signs | None) -> Guess:
        if column.shape == "boolean":
            return Guess("flag", "likely", "yes or no")
        if column.shape in ("date", "moment"):
            return Guess("usage", "likely", "a moment")
        if seen is not None and seen.filled >= 5 and seen.share("prose") >= 0.3:
            return Guess("free_text", "likely", seen.told("prose"))
        if linked_name(column.name):
            return Guess("?", "unknown", "its name, as if it led somewhere unknown")
        if seen is not None and _few(seen):
            return Guess("usage", "likely", f"{seen.distinct} different among {seen.filled} sampled")
        if table.role == "subject" and {"title", "role", "grade", "rank"} & set(words(column.name)):
            return Guess("work", "likely", "its name, in a table of people")
        if column.name in self.perhaps.get(table.table.name, {}):
            link, inclusion = self.perhaps[table.table.name][column.name]
            return Guess("?", "unknown", f"it may lead to `{shown(link.target)}`: {told(inclusion)}")
        if column.shape == "number" and table.role in ("owned", "mentioned"):
            return Guess("usage", "likely", "a number")
        if column.shape in ("json", "array", "bytes"):
            return Guess("?", "unknown", f"{column.shape}: look inside")
        return Guess("?", "unknown", "neither its name nor its values say")

    # Erasure

    def _erase(self, table: TableGuess, all_tables: Mapping[str, TableGuess]) -> EraseGuess:
        name = table.table.name
        if has_word(name, "accounts"):
            return EraseGuess(
                None, "accounts are often kept by law: `retain` with its period and article, or delete"
            )
        holding = self._held_by(name, all_tables, {name})
        if not holding:
            return EraseGuess("delete", "nothing that stays holds these rows")
        blank = tuple(
            column.name
            for column in table.table.columns
            if column.nullable
            and not column.generated
            and column.name not in table.table.null_refused
            and table.columns[column.name].what not in ("key", "link", "flag", "not_personal", "usage", "?")
            and column.name not in table.table.key
        )
        stuck = [
            column.name
            for column in table.table.columns
            if column.name not in blank and table.columns[column.name].what in _DIRECT
        ]
        named = [each.column for each in table.identifiers if each.column not in blank]
        held = f"rows of {', '.join(f'`{shown(each)}`' for each in holding[:3])} may stay and refer to these"
        if stuck:
            held += f"; {', '.join(f'`{shown(each)}`' for each in stuck[:5])} may not be null"
        if blank and not named:
            return EraseGuess("blank", held, blank)
        return EraseGuess(None, held)

    def _held_by(self, name: str, all_tables: Mapping[str, TableGuess], seen: set[str]) -> list[str]:
        """Return the tables of which rows may stay while they refer to rows of this one."""
        found: list[str] = []
        for other in self.catalogue.tables:
            for link, _, target in self._to(other):
                if target != name or other.name in seen:
                    continue
                if isinstance(link, ForeignKey) and link.on_delete in ("CASCADE", "SET NULL"):
                    continue
                guess = all_tables[other.name]
                own = link.columns if isinstance(link, ForeignKey) else (link.column,)
                kinds = {edge.kind for edge in guess.edges if edge.columns == own}
                if "points_to" in kinds and guess.role in ("subject", "owned"):
                    if self._held_by(other.name, all_tables, seen | {name}) or has_word(
                        other.name, "accounts"
                    ):
                        found.append(other.name)
                elif kinds == {"belongs_to"} and not has_word(other.name, "accounts"):
                    if self._held_by(other.name, all_tables, seen | {name}):
                        found.append(other.name)
                elif isinstance(link, ForeignKey) or has_word(other.name, "accounts"):
                    found.append(other.name)
        return list(dict.fromkeys(found))


def _personal_kind(seen: Signs | None) -> Kind | None:
    """Return what the values are beyond their names, when enough of them are."""
    if seen is None:
        return None
    for kind in ("email", "iban", "card", "national_id", "phone", "ip"):
        share = seen.share(kind)
        needed = SHARE_MOST if kind in ("card", "national_id") else SHARE_SOME
        if share >= needed and (seen.kinds.get(kind, 0) >= 3 or kind == "email" or seen.rows < 5):
            return kind
    return "holds_email" if seen.kinds.get("holds_email") else None


def _numbered(column: str) -> bool:
    """Tell whether a number may be part of an address, or stand for somebody's."""
    return bool(
        {"house", "zip", "zipcode", "postcode", "postal", "latitude", "longitude"} & set(words(column))
    )


def _is_card_number(table: str, column: str) -> bool:
    said = words(table)[-1:]
    return bool(said) and said[0].endswith("card") and words(column) == ["number"]


def _empty(seen: Signs | None) -> bool:
    return seen is not None and seen.rows > 0 and seen.filled == 0 and seen.sampled


def _few(seen: Signs) -> bool:
    return seen.filled >= 20 and seen.distinct <= FEW_MAX


def _is(column: str, name: str) -> bool:
    found = meaning(column)
    return found is not None and found.name == name


def _told_link(link: Link, inclusion: Inclusion | None) -> str:
    if link.by == "values":
        return f"no foreign key; {told(inclusion)}"
    by = {"name": "its name", "identifier": "an identifier on both sides", "role": "its name says a person"}[
        link.by
    ]
    if inclusion is None or not inclusion.asked:
        return f"no foreign key; {by}; no values to compare"
    return f"no foreign key; {by}; {inclusion.found} of {inclusion.asked} values are found there"
