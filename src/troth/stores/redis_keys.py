"""Which keys of Redis or Valkey a table of the map has, and what a row of it is.

A template such as `cart:{email}` has *gaps*: each is a column, whose value stands in the key.
A gap takes anything but a colon; `{email*}` takes colons too; `{{` and `}}` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from troth.errors import Problem
from troth.policy.reading import Reading, shortened
from troth.rules.map import Blank, BlankLink, Map, MapTable, ReplaceOwner, Retain

Holds = Literal["string", "hash", "fields", "set", "list", "zset", "stream"]
HOLDS: tuple[Holds, ...] = get_args(Holds)
ITEM: Mapping[Holds, tuple[str, ...]] = {
    "string": ("value",),
    "hash": (),
    "fields": ("field", "value"),
    "set": ("member",),
    "list": ("element",),
    "zset": ("member", "score"),
    "stream": ("entry",),
}
"""The columns of a row besides those of its key; a hash and a stream have their fields too."""
_WRITTEN: Mapping[Holds, tuple[str, ...]] = {
    "string": ("value",),
    "fields": ("value",),
    "set": ("member",),
    "list": ("element",),
    "zset": ("member",),
    "stream": (),
}
KEYS_MAX = 100_000_000
OTHER = "other keys"
"""What the keys that no template fits are called, as if they were a table."""
_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)(\*?)\}|[^{}]+", re.ASCII)
_GLOB = re.compile(rb"([*?\[\]\\^])")


@dataclass(frozen=True)
class Template:
    """What keys look like: literal bytes, and gaps by name (`True` where one takes colons)."""

    written: str
    parts: tuple[bytes | tuple[str, bool], ...]

    @property
    def gaps(self) -> tuple[str, ...]:
        """The names of the gaps, in order."""
        return tuple(part[0] for part in self.parts if isinstance(part, tuple))

    @cached_property
    def pattern(self) -> bytes:
        """The glob for SCAN; literals are escaped in it, and no value is ever in it."""
        return b"".join(b"*" if isinstance(part, tuple) else _GLOB.sub(rb"\\\1", part) for part in self.parts)

    @cached_property
    def _expression(self) -> re.Pattern[bytes]:
        found = (
            (b"(.+)" if part[1] else b"([^:]+)") if isinstance(part, tuple) else re.escape(part)
            for part in self.parts
        )
        return re.compile(b"".join(found), re.DOTALL)

    def read(self, key: bytes) -> dict[str, str | bytes] | None:
        """Return what stands in the gaps of a key; None when it is none of these.

        >>> template("cart:{email}").read(b"cart:ada@shop.example")
        {'email': 'ada@shop.example'}
        >>> template("cart:{email}").read(b"cart:7:items")
        """
        match = self._expression.fullmatch(key)
        return dict(zip(self.gaps, map(text, match.groups()), strict=True)) if match is not None else None

    def key(self, value: str) -> bytes:
        """Return the key with this value in its only gap."""
        filled = value.encode("utf-8", "surrogatepass")
        return b"".join(filled if isinstance(part, tuple) else part for part in self.parts)


def template(written: str) -> Template | None:
    r"""Read a template; None when it is none.

    >>> template("{user}:{id}").pattern, template("a{b}{c}"), template("a[1]*:{id}").pattern
    (b'*:*', None, b'a\\[1\\]\\*:*')
    """
    parts: list[bytes | tuple[str, bool]] = []
    at = 0
    for match in _PART.finditer(written):
        if match.start() != at:
            return None
        at = match.end()
        if match[1]:
            if parts and isinstance(parts[-1], tuple):
                return None  # where one ends and the other begins could not be told
            parts.append((match[1], bool(match[2])))
            continue
        literal = match[0].replace("{{", "{").replace("}}", "}").encode()
        last = parts.pop() if parts and isinstance(parts[-1], bytes) else b""
        parts.append(last + literal if isinstance(last, bytes) else literal)
    found = Template(written, tuple(parts))
    names = found.gaps
    return found if at == len(written) and parts and len(set(names)) == len(names) else None


def text(raw: bytes) -> str | bytes:
    """Return bytes as text; as they are where they are none."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one table: `exact` where values in them are written in their exact form."""

    template: Template
    holds: Holds
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Described:
    """What the map of a Redis says that only this kind understands."""

    cluster: bool
    keys_max: int
    tables: Mapping[str, Keys]


def read(map_: Map) -> tuple[Described | None, tuple[Problem, ...]]:
    """Read what a map says of keys; None when there is any Problem."""
    reading = _Reading(map_.file)
    found = reading.described(map_)
    return (None if reading.problems else found), tuple(reading.problems)


def problems(map_: Map) -> tuple[Problem, ...]:
    """Return every mistake in what a map says of keys."""
    return read(map_)[1]


class _Reading(Reading):
    def described(self, map_: Map) -> Described:
        fields = self.fields(map_.own, "`redis`", ("cluster", "keys_max"))
        tables = {}
        for table in map_.tables.values():
            keys = self.keys(table)
            if keys is not None:
                tables[table.name] = keys
                told = [("erase", *each) for each in _not_done(table, keys)]
                if table.restriction is not None and keys.holds != "hash":
                    what = f"`{table.name}` is to be restricted, and only fields of a hash are flagged or set aside."
                    told.append(
                        ("restriction", what, "Take `restriction` out, or keep these values in a hash.")
                    )
                for part, what, remedy in told:
                    line, column = map_.place(table.name, part)
                    self.problems.append(Problem(self.file, line, column, what, remedy))
        return Described(
            self.boolean(fields.get("cluster"), "`cluster`") or False,
            self.integer(fields.get("keys_max"), "`keys_max`", at_least=1) or KEYS_MAX,
            tables,
        )

    def keys(self, table: MapTable) -> Keys | None:
        if table.own is None and table.impersonal is not None and table.name == OTHER:
            return None
        if table.own is None:
            what = f"Nothing is said of the keys of `{shortened(table.name)}`."
            remedy = f"Add `redis: {{key: '{shortened(table.name, 20)}:{{id}}', holds: hash}}`."
            self.problems.append(Problem(self.file, table.line, 1, what, remedy))
            return None
        fields = self.fields(table.own, "`redis`", ("key", "holds", "exact"), ("key", "holds"))
        holds = self.choice(fields.get("holds"), "`holds`", HOLDS)
        written = self.text(fields.get("key"), "`key`")
        found = template(written) if written is not None else None
        if written is not None and found is None:
            self.problem(
                fields["key"],
                "`key` is no template of keys.",
                "Write `cart:{email}`: names in braces, something between two of them, and none twice.",
            )
        exact = self.boolean(fields.get("exact"), "`exact`") or False
        if found is None or holds is None:
            return None
        twice = [name for name in found.gaps if name in ITEM[holds]]
        if twice:
            what = f"`{twice[0]}` is a column of every {holds}, and a gap in its key too."
            self.problem(fields["key"], what, "Give the gap another name.")
        for column in table.columns:
            if holds not in ("hash", "stream") and column not in (*found.gaps, *ITEM[holds]):
                what = f"A {holds} at `{shortened(written or '')}` has no column `{shortened(column)}`."
                self.problem(table.own, what, f"It has: {', '.join((*found.gaps, *ITEM[holds]))}.")
        return Keys(found, holds, exact)


def _not_done(table: MapTable, keys: Keys) -> Iterator[tuple[str, str]]:
    """Yield what the map asks for and cannot be done with such keys, and what to do instead."""
    written: list[tuple[str, object]] = []
    match table.erase.do if table.erase is not None else None:
        case Blank(values, parts):
            written += [*values, *((part.column, "") for part in parts)]
        case Retain(blank=values, parts=parts):
            written += [*values, *((part.column, "") for part in parts)]
        case ReplaceOwner():
            written += [(edge.columns[0], "") for edge in table.edges if edge.kind == "belongs_to"]
        case _:
            pass
    for edge in table.edges:
        match edge.leaving:
            case BlankLink(values, parts):
                written += [*values, *((part.column, "") for part in parts)]
            case ReplaceOwner():
                written.append((edge.columns[0], ""))
    allowed = _WRITTEN.get(keys.holds)
    for column, value in dict(written).items():
        if column in keys.template.gaps:
            yield (
                f"`{table.name}.{column}` stands in the key, and a key is not written anew.",
                "Write `do: delete`.",
            )
        elif allowed is not None and column not in allowed:
            yield (
                f"`{table.name}.{column}` cannot be written: of a {keys.holds} it is "
                f"{', '.join(f'`{each}`' for each in allowed) or 'nothing at all'}.",
                "Write `do: delete`.",
            )
        elif allowed is not None and value is None:
            yield (
                f"`{table.name}.{column}` cannot be null in a {keys.holds}.",
                "Write a constant, or `do: delete`.",
            )
