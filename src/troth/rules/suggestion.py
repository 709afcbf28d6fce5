"""What else a map might say of a drafted table: told in comments, each with what it rests on.

What is suggested changes what an answer shows, what a rectification reaches and what a sweep
removes, so a person writes it into the map or leaves it; the draft never says it itself.

Law: GDPR Art. 5(1)(e), 15(4), 16, 18.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from troth.rules.catalogue import CatalogueTable, Column
from troth.rules.column_name import linked_name, meaning
from troth.rules.personal_name import words
from troth.rules.signs import Kind, Signs

Sure = Literal["likely", "unknown"]

_PEOPLE_MAX = 6
_NAMES_MAX = 200
_RESTRICTED = (
    "restricted",
    "blocked",
    "suspended",
    "frozen",
    "locked",
    "on hold",
    "limited",
    "gele",
    "bloque",
    "restreint",
)
_ACTIVE = ("active", "enabled", "actif")
_ENDS = ("last", "closed", "ended", "finished", "expired", "expires", "cancelled", "resolved", "left", "deleted",
         "returned", "paid", "placed", "ordered", "created", "joined", "registered", "date", "at")  # fmt: skip
_NAMING = frozenset(
    {"name", "key", "attribute", "field", "property", "attr", "code", "cle", "champ", "label"}
)
_VALUED = frozenset({"value", "val", "content", "data", "text", "valeur"})
_SUBJECT_KINDS: tuple[Kind, ...] = ("email", "phone", "national_id")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line that a person may add to a table, how sure it is, and what it rests on."""

    written: str
    sure: Sure
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """A link of a table to another whose rows are, or belong to, people."""

    kind: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]


TableSigns = Mapping[str, Signs]


def suggestions(
    table: CatalogueTable,
    ways: Collection[Way],
    people: Mapping[str, CatalogueTable],
    signs: Mapping[str, TableSigns],
    categories: Mapping[str, str],
) -> tuple[Suggestion, ...]:
    """Suggest what else the map may say of a table, in the order in which a map says it.

    `people` are the tables of subjects, `categories` what the draft calls the columns.
    """
    own = signs.get(table.name, {})
    return (
        *_polymorphic(table, ways, people, own),
        *_conceals(table, ways, people, categories),
        *_copies(table, ways, people, signs),
        *_attributes(table, ways, people, own),
        *_addresses(table, ways, people, own),
        *(_restriction(table, own, categories) if table.name in people else ()),
        *(_retention(table, own) if table.name in people or ways else ()),
    )


def _polymorphic(
    table: CatalogueTable, ways: Collection[Way], people: Mapping[str, CatalogueTable], signs: TableSigns
) -> Iterator[Suggestion]:
    """A column that links to the table which another column names."""
    linked = {name for key in table.foreign_keys for name in key.columns}
    guessed = {name for way in ways for name in way.columns}
    for column in table.columns:
        prefix = linked_name(column.name)
        if not prefix or column.name in linked or column.name in table.key:
            continue
        kind = next(
            (each for each in table.columns if _names_kind(each.name, prefix) and each is not column), None
        )
        if kind is None:
            continue
        fitting = [
            each
            for each in people.values()
            if len(each.key) == 1 and _fits(column, each.column(each.key[0]))
        ]  # fmt: skip
        if not fitting:
            continue
        seen = signs.get(kind.name)
        several = f"; {seen.distinct} different among {seen.filled} sampled" if seen and seen.filled else ""
        edges = ", ".join(
            f"{{{_name(column.name)}: {each.name}.{each.key[0]}, when: {{{_name(kind.name)}: ?}}}}"
            for each in fitting[:_PEOPLE_MAX]
        )
        yield Suggestion(
            f"belongs_to: [{edges}]",
            "unknown",
            f"`{kind.name}` seems to name the table that `{column.name}` leads to{several}"
            f"{'; the edge above is there in some rows only' if column.name in guessed else ''}",
        )


def _names_kind(column: str, prefix: tuple[str, ...]) -> bool:
    said = words(column)
    if said[-1:] in (["id"], ["no"]) and "type" in said:  # content_type_id beside object_id
        return prefix == ("object",)
    return (
        len(said) > 1
        and said[-1] in ("type", "kind", "model", "table", "class")
        and tuple(said[:-1]) == prefix
    )


def _conceals(
    table: CatalogueTable,
    ways: Collection[Way],
    people: Collection[str],
    categories: Mapping[str, str],
) -> Iterator[Suggestion]:
    """Columns about one of the people whom a row links, when the row is shown to another."""
    linking = [
        way
        for way in ways
        if way.kind in ("belongs_to", "mentions") and len(way.columns) == 1 and way.target in people
    ]
    if len(linking) < 2:
        return
    for way in linking:
        hidden = [
            column
            for other in linking
            if other is not way
            for column in _about(table, other)
            if categories.get(column) not in ("key", "flag", "usage", "not_personal")
        ]
        if hidden:
            others = " and ".join(f"`{other.columns[0]}`" for other in linking if other is not way)
            listed = ", ".join(map(_name, dict.fromkeys(hidden)))
            yield Suggestion(
                f"{way.kind} {_name(way.columns[0])}: conceals: [{listed}]",
                "likely",
                f"they are about whom {others} lead{'s' if len(linking) == 2 else ''} to",
            )


def _about(table: CatalogueTable, way: Way) -> list[str]:
    """Return the linking column and those whose names begin as it does."""
    prefix = list(linked_name(way.columns[0]))
    return [
        column.name
        for column in table.columns
        if column.name in way.columns or (prefix and words(column.name)[: len(prefix)] == prefix)
    ]


def _copies(
    table: CatalogueTable,
    ways: Collection[Way],
    people: Mapping[str, CatalogueTable],
    signs: Mapping[str, TableSigns],
) -> Iterator[Suggestion]:
    """Columns that repeat one of the row they link to."""
    own = signs.get(table.name, {})
    for way in ways:
        target = people.get(way.target)
        prefix = list(linked_name(way.columns[0])) if len(way.columns) == 1 else []
        if target is None or not prefix or target.name == table.name:
            continue
        for column in table.columns:
            said = words(column.name)
            rest = said[len(prefix) :] if said[: len(prefix)] == prefix else []
            source = next((each for each in target.columns if rest and words(each.name) == rest), None)
            if source is None or source.name in target.key or column.name in way.columns:
                continue
            same = _same_kind(own.get(column.name), signs.get(target.name, {}).get(source.name))
            yield Suggestion(
                f"copies: {{{_name(column.name)}: {target.name}.{source.name} via {way.columns[0]}}}",
                "likely" if same else "unknown",
                "its name repeats both" + (f"; the values of both {same}" if same else ""),
            )


def _same_kind(one: Signs | None, other: Signs | None) -> str:
    from troth.rules.signs import CHECKED

    for kind, said in CHECKED.items():
        if one and other and min(one.share(kind), other.share(kind)) >= 0.8:
            return said
    return ""


def _attributes(
    table: CatalogueTable, ways: Collection[Way], people: Mapping[str, CatalogueTable], signs: TableSigns
) -> Iterator[Suggestion]:
    """A table of attributes, one to a row: what its value is depends on its name."""
    name = next((c for c in table.columns if words(c.name)[-1:] and words(c.name)[-1] in _NAMING), None)
    value = next((c for c in table.columns if words(c.name)[-1:] and words(c.name)[-1] in _VALUED), None)
    way = next((way for way in ways if way.kind == "belongs_to" and way.target in people), None)
    if (
        name is None
        or value is None
        or way is None
        or len(table.columns) > 8
        or value.shape not in ("text", "other")
    ):
        return
    named, seen = signs.get(name.name), signs.get(value.name)
    kinds = [kind for kind in _SUBJECT_KINDS if seen is not None and seen.kinds.get(kind)]
    for kind in kinds:
        told = seen.told(kind) if seen is not None else ""
        several = (
            f"; {named.distinct} different in `{name.name}`" if named is not None and named.filled else ""
        )
        yield Suggestion(
            f"in {way.target}: identifiers: {{{table.name}.{_name(value.name)}: {{kind: {kind}, one_person: ?, "
            f"via: {way.columns[0]}, when: {{{_name(name.name)}: ?}}}}}}",
            "unknown",
            f"a table of attributes: {told}{several}",
        )


def _addresses(
    table: CatalogueTable, ways: Collection[Way], people: Mapping[str, CatalogueTable], signs: TableSigns
) -> Iterator[Suggestion]:
    """A table of the addresses of people whose own table has none."""
    way = next((way for way in ways if way.kind == "belongs_to" and way.target in people), None)
    if way is None or any(_is_email(column.name) for column in people[way.target].columns):
        return
    column = next(
        (each for each in table.columns if _is_email(each.name) and each.shape in ("text", "other")), None
    )
    if column is None:
        return
    seen = signs.get(column.name)
    told = f"; {seen.told('email')}" if seen is not None and seen.tried else ""
    yield Suggestion(
        f"in {way.target}: identifiers: {{{table.name}.{_name(column.name)}: {{kind: email, one_person: ?, "
        f"via: {way.columns[0]}}}}}",
        "likely",
        f"people have no address in their own table{told}",
    )


def _is_email(name: str) -> bool:
    found = meaning(name)
    return found is not None and found.name == "email"


def _restriction(
    table: CatalogueTable, signs: TableSigns, categories: Mapping[str, str]
) -> Iterator[Suggestion]:
    """A column that may say that somebody's data is restricted."""
    for listed, active, lifted in ((_RESTRICTED, "true", "false"), (_ACTIVE, "false", "true")):
        for column in table.columns:
            said = " ".join(words(column.name))
            named = any(f" {word} " in f" {said} " for word in listed)
            seen = signs.get(column.name)
            two = column.shape == "boolean" or (
                column.shape == "number" and seen is not None and 0 < seen.distinct <= 2
            )
            if named and two:
                if column.shape == "number":
                    active, lifted = {"true": "1", "false": "0"}[active], {"true": "1", "false": "0"}[lifted]
                yield Suggestion(
                    f"restriction: {{flag: {_name(column.name)}, active: {active}, lifted: {lifted}}}",
                    "unknown",
                    "its name; see that whatever reads the row obeys it",
                )
                return
    aside = [
        column.name
        for column in table.columns
        if column.nullable and not column.generated and column.name not in (*table.key, *table.null_refused)
        and categories.get(column.name) in ("identity", "contact", "address", "payment")
    ]  # fmt: skip
    if aside:
        yield Suggestion(
            f"restriction: {{set_aside: [{', '.join(map(_name, aside))}]}}",
            "unknown",
            "no column looks like a flag of it; these may be null",
        )


def _retention(table: CatalogueTable, signs: TableSigns) -> Iterator[Suggestion]:
    """The column from which the time that a row is retained may count."""

    def rank(column: Column) -> tuple[int, bool, int]:
        said = words(column.name)
        first = min((number for number, word in enumerate(_ENDS) if word in said), default=len(_ENDS))
        return first, column.nullable, table.columns.index(column)

    dated = [
        column
        for column in table.columns
        if (column.shape in ("date", "moment") or _dates(signs.get(column.name)))
        and not _is_birth(column.name)
        and not {"update", "updated", "modified", "changed"} & set(words(column.name))
        and rank(column)[0] < len(_ENDS)
    ]
    if dated:
        best = min(dated, key=rank)
        null = "; it may be null, and then nothing ends" if best.nullable else ""
        yield Suggestion(
            f"retention: [{{promise: retention/?, trigger: {_name(best.name)}}}]",
            "unknown",
            f"its name, among {len(dated)} with a date{null}",
        )


def _dates(seen: Signs | None) -> bool:
    return seen is not None and seen.filled > 0 and seen.share("day") >= 0.8


def _is_birth(column: str) -> bool:
    found = meaning(column)
    return found is not None and found.name == "birth"


def _fits(one: Column, two: Column | None) -> bool:
    """Tell whether a column may link to a key: a text may be how a number is written."""
    return two is not None and (one.shape == two.shape or {one.shape, two.shape} == {"text", "number"})


def _name(name: str) -> str:
    """Write a name in a comment: on one line, whatever is in it."""
    plain = "".join(c if c.isprintable() else "�" for c in name)
    return plain if plain.replace("_", "").isalnum() else f'"{plain}"'
