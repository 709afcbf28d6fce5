"""How a map describes an HTTP API: who is asked, how rows are read there, and how one is erased or changed.

A *call* is a method and a path below the address of the store, such as `DELETE /people/{id}`; each name
in braces is a column, whose value is escaped and never empty, so that it cannot lead elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from troth.errors import Problem
from troth.policy.reading import Reading, shortened
from troth.policy.yaml_text import Node, Scalar, plain
from troth.rules.map import Blank, BlankLink, Delete, Map, MapTable, ReplaceOwner, Retain

SIGN_INS = ("bearer", "basic", "header", "oauth2", "none")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TRIES = 5
SECONDS = 20
PAGES_MAX = 10_000
WAIT_SECONDS = 600
IDEMPOTENCY = "Idempotency-Key"
_CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s#]*)", re.ASCII)
GAP = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """A method, a path with gaps, a body as JSON with gaps, and where the rows are in its answer."""

    method: str
    path: str
    body: object = None
    rows: str | None = None  # where the table says, unless the call says otherwise

    @property
    def gaps(self) -> frozenset[str]:
        """The columns it needs."""
        return frozenset(GAP.findall(self.path)) | frozenset(_gaps_in(self.body))

    def __str__(self) -> str:
        """Write it with its gaps, never with values."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is asked after an answer that only accepts: until a field says that it is done, or failed."""

    poll: Call  # `{location}` is the header, other gaps are fields of the answer
    until: tuple[str, tuple[str, ...]]
    failed: tuple[str, tuple[str, ...]] | None = None
    seconds: int = WAIT_SECONDS
    every: int = 5


@dataclass(frozen=True, slots=True)
class Change:
    """How a row is erased or changed; `whole` where a change sends every column, not those that are new."""

    call: Call
    wait: Waiting | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Pages:
    """How the next page is asked for.

    By the `link` header, by a `next` address in the answer, or by a parameter `name`: a `cursor` from
    the answer, or a `number` counted on from there while a page has rows.
    """

    how: str  # link, next, cursor or number
    where: str = ""
    name: str = ""
    first: int = 1
    step: int = 1


@dataclass(frozen=True, slots=True)
class Resource:
    """The rows of one table: how they are read, and how one is changed."""

    key: tuple[str, ...]
    list: Call | None
    look_up: Mapping[str, Call]
    rows: str = ""
    pages: Pages | None = None
    erase: Change | None = None
    update: Change | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """What the map of an API says that only this kind understands."""

    hosts: tuple[str, ...]
    sign_in: str
    header: str
    token: str
    scope: str
    tries: int
    seconds: int
    per_second: int
    pages_max: int
    idempotency: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Resource] = field(default_factory=dict)


def read(map_: Map) -> tuple[Api | None, tuple[Problem, ...]]:
    """Read what a map says of an API; None when there is any Problem."""
    reading = _Reading(map_.file)
    found = reading.api(map_)
    return (None if reading.problems else found), tuple(reading.problems)


def problems(map_: Map) -> tuple[Problem, ...]:
    """Return every mistake in what a map says of an API."""
    return read(map_)[1]


class _Reading(Reading):
    def api(self, map_: Map) -> Api | None:
        if map_.own is None:
            what = "Nothing is said of the API."
            self.problems.append(Problem(self.file, 1, 1, what, "Add `http: {hosts: [api.shop.example]}`."))
            return None
        known = ("hosts", "sign_in", "header", "token", "scope", "tries", "seconds", "per_second", "pages_max",
                 "idempotency", "headers")  # fmt: skip
        fields = self.fields(map_.own, "`http`", known, ("hosts",))
        hosts = self.texts(fields.get("hosts"), "`hosts`")
        for host in hosts:
            if not _HOST.fullmatch(host):
                self.problem(fields["hosts"], f"`{shortened(host)}` is no host.", "Write `api.shop.example`.")
        sign_in = self.choice(fields.get("sign_in"), "`sign_in`", SIGN_INS) or "bearer"
        header = self._header(fields.get("header"), "`header`")
        token = self.text(fields.get("token"), "`token`") or ""
        if sign_in == "header" and not header:
            self.problem(map_.own, "`sign_in: header` does not say which.", "Add `header: X-Api-Key`.")
        if sign_in == "oauth2" and not token.startswith(("/", "https://", "http://")):
            self.problem(
                map_.own, "`sign_in: oauth2` does not say where tokens are.", "Add `token: /oauth/token`."
            )
        idempotency = fields.get("idempotency")
        none = isinstance(idempotency, Scalar) and idempotency.value is False
        tables = {}
        for table in map_.tables.values():
            found = self.resource(map_, table)
            if found is not None:
                tables[table.name] = found
        return Api(
            hosts,
            sign_in,
            header,
            token,
            self.text(fields.get("scope"), "`scope`") or "",
            self.integer(fields.get("tries"), "`tries`", 1, 20) or TRIES,
            self.integer(fields.get("seconds"), "`seconds`", 1, 600) or SECONDS,
            self.integer(fields.get("per_second"), "`per_second`", 1, 10_000) or 0,
            self.integer(fields.get("pages_max"), "`pages_max`", 1) or PAGES_MAX,
            "" if none else self._header(idempotency, "`idempotency`") or IDEMPOTENCY,
            {
                key.text: self.text(value, f"The header `{shortened(key.text)}`") or ""
                for key, value in self.named(fields.get("headers"), "`headers`")
            },
            tables,
        )

    def resource(self, map_: Map, table: MapTable) -> Resource | None:
        if table.own is None:
            if table.impersonal is None:
                what = f"Nothing is said of how rows of `{shortened(table.name)}` are read."
                remedy = f"Add `http: {{list: GET /{shortened(table.name, 20)}}}`."
                self.problems.append(Problem(self.file, table.line, 1, what, remedy))
            return None
        known = ("key", "list", "look_up", "rows", "pages", "erase", "update")
        fields = self.fields(table.own, "`http`", known)
        look_up = {}
        for key, value in self.named(fields.get("look_up"), "`look_up`"):
            call = self.call(value, f"`{shortened(key.text)}`", ("GET", "POST"))
            if call is not None and key.text not in call.gaps:
                self.problem(
                    value,
                    f"`{call}` has no gap `{{{key.text}}}`.",
                    f"Write `GET /…?{key.text}={{{key.text}}}`.",
                )
            elif call is not None and len(call.gaps) > 1:
                self.problem(value, f"`{call}` has more than one gap.", "Rows are looked up by one column.")
            elif call is not None:
                look_up[key.text] = call
        listed = self.call(fields.get("list"), "`list`", ("GET", "POST"))
        if listed is not None and listed.gaps:
            self.problem(
                fields["list"], f"`{listed}` has a gap, and all rows are asked for.", "Use `look_up`."
            )
        if listed is None and not look_up:
            self.problem(
                table.own, f"Rows of `{table.name}` can neither be listed nor looked up.", "Add `list:`."
            )
        erase, update = (
            self.change(fields.get("erase"), "`erase`"),
            self.change(fields.get("update"), "`update`"),
        )
        for name, change in (("erase", erase), ("update", update)):
            for gap in sorted(change.call.gaps - set(table.columns)) if change is not None else ():
                what = f"`{name}` of `{table.name}` needs `{gap}`, which is none of its columns."
                self.problem(fields[name], what, "Add it to `columns`.")
        missing = [*_not_done(table, erase, update), *_not_restricted(table, update)]
        for name, what, remedy in missing:
            line, column = map_.place(table.name, name)
            self.problems.append(Problem(self.file, line, column, what, remedy))
        by_gaps = tuple(sorted(update.call.gaps if update else erase.call.gaps if erase else ()))
        of_subject = table.subject.key if table.subject is not None else ()
        key_columns = self.texts(fields.get("key"), "`key`") or of_subject or by_gaps
        return Resource(
            key_columns, listed, look_up, self.text(fields.get("rows"), "`rows`") or "",
            self.pages(fields.get("pages")), erase, update,
        )  # fmt: skip

    def call(self, node: Node | None, what: str, methods: tuple[str, ...] = METHODS) -> Call | None:
        if node is None:
            return None
        fields: Mapping[str, Node] = {}
        if not isinstance(node, Scalar):
            fields = self.fields(node, what, ("call", "body", "rows"), ("call",))
            written = self.text(fields.get("call"), "`call`")
        else:
            written = self.text(node, what)
        found = self.written_call(node, written, fields.get("body"), methods)
        rows = self.text(fields.get("rows"), "`rows`")
        return replace(found, rows=rows) if found is not None and rows else found

    def written_call(
        self, node: Node, written: str | None, body: Node | None, methods: tuple[str, ...] = METHODS
    ) -> Call | None:
        match = _CALL.fullmatch(written) if written is not None else None
        if written is not None and (match is None or match[1] not in methods):
            self.problem(
                node,
                "A call is a method and a path below the address of the store.",
                f"Write it as `{methods[0]} /people/{{id}}`; methods are: {', '.join(methods)}.",
            )
        if match is None or match[1] not in methods:
            return None
        return Call(match[1], match[2], plain(body) if body is not None else None)

    def change(self, node: Node | None, what: str) -> Change | None:
        if node is None:
            return None
        if isinstance(node, Scalar):
            call = self.call(node, what, METHODS[1:])
            return Change(call) if call is not None else None
        fields = self.fields(node, what, ("call", "body", "wait", "whole"), ("call",))
        written = self.text(fields.get("call"), "`call`")
        call = self.written_call(fields.get("call", node), written, fields.get("body"), METHODS[1:])
        wait = self.wait(fields.get("wait"))
        whole = self.boolean(fields.get("whole"), "`whole`") or False
        return Change(call, wait, whole) if call is not None else None

    def wait(self, node: Node | None) -> Waiting | None:
        if node is None:
            return None
        fields = self.fields(
            node, "`wait`", ("poll", "until", "failed", "seconds", "every"), ("poll", "until")
        )
        written = self.text(fields.get("poll"), "`poll`")
        poll = (
            Call("GET", "{location}")
            if written == "GET {location}"
            else self.call(fields.get("poll"), "`poll`", ("GET",))
        )
        until, failed = (
            self.state(fields.get("until"), "`until`"),
            self.state(fields.get("failed"), "`failed`"),
        )
        if poll is None or until is None:
            return None
        seconds = self.integer(fields.get("seconds"), "`seconds`", 1, 86_400) or WAIT_SECONDS
        return Waiting(
            poll, until, failed, seconds, self.integer(fields.get("every"), "`every`", 1, 3_600) or 5
        )

    def state(self, node: Node | None, what: str) -> tuple[str, tuple[str, ...]] | None:
        """Read the field that says how far it is, and what it says."""
        for key, value in self.named(node, what):
            return key.text, self.texts(value, what)
        return None

    def pages(self, node: Node | None) -> Pages | None:
        if node is None:
            return None
        if isinstance(node, Scalar):
            if node.text == "link":
                return Pages("link")
            self.problem(
                node, "`pages` is `link`, or says where the next page is told.", "Write `pages: link`."
            )
            return None
        fields = self.fields(node, "`pages`", ("next", "cursor", "number", "as", "first", "step"))
        how = [name for name in ("next", "cursor", "number") if name in fields]
        if len(how) != 1:
            self.problem(node, "`pages` says either `next`, `cursor` or `number`.", "Keep one of them.")
            return None
        where = self.text(fields[how[0]], f"`{how[0]}`") or ""
        name = self.text(fields.get("as"), "`as`") or ""
        if how[0] == "cursor" and not name:
            self.problem(node, "`cursor` does not say as which parameter it is sent.", "Add `as: after`.")
        first = self.integer(fields.get("first"), "`first`")
        return Pages(
            how[0], where, name or where, 1 if first is None else first,
            self.integer(fields.get("step"), "`step`", 1) or 1,
        )  # fmt: skip

    def _header(self, node: Node | None, what: str) -> str:
        found = self.text(node, what) or ""
        if found and not _HEADER.fullmatch(found):
            self.problem(node, f"{what} is the name of a header.", "Write it as `X-Api-Key`.")
            return ""
        return found


def amends(resource: Resource) -> bool:
    """Tell whether single values can be changed, and the row read again to see it."""
    own = resource.update is not None and resource.update.call.body is None
    return own and len(resource.key) == 1 and resource.key[0] in resource.look_up


def _not_restricted(table: MapTable, update: Change | None) -> Iterator[tuple[str, str, str]]:
    """Yield that values are to be flagged or set aside, and no call writes what it is told."""
    if table.restriction is not None and (update is None or update.call.body is not None):
        what = f"Rows of `{table.name}` are to be restricted, and no call is named that writes the values it is told."
        yield "restriction", what, "Add `update: PATCH /…/{id}` under `http:`, without `body`."


def _gaps_in(body: object) -> Iterator[str]:
    match body:
        case str():
            yield from GAP.findall(body)
        case dict():
            for value in body.values():
                yield from _gaps_in(value)
        case list():
            for value in body:
                yield from _gaps_in(value)


def _not_done(table: MapTable, erase: Change | None, update: Change | None) -> Iterator[tuple[str, str, str]]:
    """Yield what the map asks for and the API is not said to do."""
    deletes = writes = False
    match table.erase.do if table.erase is not None else None:
        case Delete():
            deletes = True
        case Blank() | ReplaceOwner():
            writes = True
        case Retain(blank=values, parts=parts, until=until, only_held=held):
            deletes, writes = (
                until is None or held,
                bool(values or parts),
            )  # a hold keeps, and deletes nothing
    for edge in table.edges:
        writes = writes or isinstance(edge.leaving, BlankLink | ReplaceOwner)
    if deletes and erase is None:
        what = f"Rows of `{table.name}` are to be deleted, and no call is named that does it."
        yield "erase", what, "Add `erase: DELETE /…/{id}` under `http:`."
    if writes and update is None:
        what = f"Rows of `{table.name}` are to be written, and no call is named that does it."
        yield "erase", what, "Add `update: PATCH /…/{id}` under `http:`."
