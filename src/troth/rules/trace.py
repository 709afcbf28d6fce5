"""What a scan saw of one thing that a site stores on a device, reads from it, or tells somebody else.

Values are never kept: of a value stays its shape, of an address its path, of a name what is no
e-mail address.  How long something was *asked* to live is read from what was asked, because
browsers cut every cookie at 400 days and so hide what a site wants.

Source: RFC 6265 and its revision (the limit of 400 days); cookies.md, traps 1, 2 and 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from troth.rules.set_cookie import asked_seconds

State = Literal["before", "accepted", "second", "withdrawn", "refused", "gpc"]
Kind = Literal["cookie", "local_storage", "session_storage", "indexed_db", "pixel", "other"]
How = Literal["header", "script", "device", "request"]
Party = Literal["first", "third"]

STATES: tuple[State, ...] = ("before", "accepted", "second", "withdrawn", "refused", "gpc")
_DAY = 86_400
BROWSER_MAX = 400 * _DAY
NAME_MAX, LINE_MAX, PLACE_MAX = 120, 300, 300
NEVER_STORED = frozenset(
    {
        "SecureOnly", "InvalidDomain", "InvalidPrefix", "NameValuePairExceedsMaxSize", "OverwriteSecure",
        "SyntaxError", "DisallowedCharacter", "NoCookieContent", "InvalidPartitionedCookie", "SchemefulMismatch",
        "UnknownError",
    }
)  # fmt: skip
"""Why any browser refuses a cookie; other reasons are those of one browser's settings."""
_ADDRESS = re.compile(r"[^@\s=;,]{1,64}(?:@|%40)[^@\s=;,]{1,190}", re.IGNORECASE)
_KNOWN_ATTRIBUTES = frozenset(
    {"max-age", "expires", "path", "domain", "secure", "httponly", "samesite", "partitioned", "priority"}
)
_SHAPES = (
    ("empty", re.compile(r"")),
    ("digits", re.compile(r"[0-9]+")),
    ("hexadecimal", re.compile(r"[0-9a-fA-F]+")),
    ("UUID", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("letters and digits", re.compile(r"[0-9A-Za-z]+")),
    ("base64", re.compile(r"[0-9A-Za-z+/_=-]+")),
)


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing seen once: written by a header or a script, found on the device, or requested.

    `seconds` is how long it was asked to live (None: until the session ends, or what has no
    lifetime); `asked_at` is the clock of whoever asked, in seconds since 1970, `order` a number
    that grows with time.  `why_not` says why the browser kept it not.
    """

    kind: Kind
    name: str
    host: str
    party: Party
    state: State
    how: How
    page: str
    wrote: str = ""
    seconds: float | None = None
    asked_at: float = 0.0
    order: int = 0
    line: str = ""
    stack: tuple[str, ...] = ()
    path: str = "/"
    partitioned: bool = False
    why_not: tuple[str, ...] = ()
    picture: str = ""

    @property
    def never_stored(self) -> bool:
        """Say whether no browser stores it."""
        return bool(NEVER_STORED.intersection(self.why_not))

    @property
    def kept_by_default(self) -> bool:
        """Say whether a browser that blocks third-party cookies, as most do by default, would keep it."""
        if self.kind == "pixel" or self.why_not:
            return False
        return self.party == "first" or self.partitioned or self.kind != "cookie"


def shape(value: str) -> str:
    """Say what a value looks like, without it.

    >>> shape("GA1.2.77.1234"), shape("0f3a"), shape("")
    ('text, 13', 'hexadecimal, 4', 'empty')
    """
    for name, pattern in _SHAPES:
        if pattern.fullmatch(value):
            return name if name in {"empty", "UUID"} else f"{name}, {len(value)}"
    return f"text, {len(value)}"


def name_of(written: str) -> str:
    """Return a name as it may be shown: no e-mail address in it, and not too long.

    >>> name_of("cart_ada@example.org")
    '‹address›'
    >>> name_of("_ga")
    '_ga'
    """
    shown = "".join(letter for letter in written if letter.isprintable())
    return _ADDRESS.sub("‹address›", shown)[:NAME_MAX]


def place_of(url: str) -> str:
    """Return where a page or a script is, without what a query or a fragment says.

    >>> place_of("https://u:p@shop.example/a?id=7#x")
    'https://shop.example/a?…'
    """
    try:
        read = urlsplit(url)
        host = read.hostname or ""
        port = f":{read.port}" if read.port else ""
    except ValueError:
        return ""
    if read.scheme not in {"http", "https", "ws", "wss"}:
        return f"{read.scheme}:" if read.scheme else ""
    more = "?…" if read.query else ""
    shown = f"[{host}]" if ":" in host else host
    return _ADDRESS.sub("‹address›", f"{read.scheme}://{shown}{port}{read.path}")[:PLACE_MAX] + more


def host_of(url: str) -> str:
    """Return the host of a URL, or nothing."""
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def party_of(host: str, site: str) -> Party:
    """Say whose a host is, seen from a site (a registrable domain).

    >>> party_of(".static.shop.example", "shop.example"), party_of("ads.example", "shop.example")
    ('first', 'third')
    """
    host = host.lower().strip(".")
    return "first" if host == site or host.endswith("." + site) else "third"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a Set-Cookie line, or a script's, asks for; its value as a shape."""

    name: str
    domain: str
    path: str
    seconds: int | None
    line: str
    partitioned: bool


def read_line(written: str, now: float) -> Asked | None:
    """Read what a line asks for; None where it has neither name nor value.

    >>> read_line("_ga=GA1.2; Domain=.Shop.example; Max-Age=60; Odd=x", 0).line
    '_ga=‹text, 5›; Domain=.Shop.example; Max-Age=60; …'
    """
    pair, _, attributes = written.partition(";")
    name, sign, value = pair.partition("=")
    if not sign:
        name, value = "", pair
    name, value = name.strip(), value.strip()
    if not name and not value:
        return None
    told: dict[str, str] = {}
    shown = [f"{name_of(name)}=‹{shape(value)}›"]
    for part in attributes.split(";") if attributes else ():
        key, _, said = part.strip().partition("=")
        if key.lower() in _KNOWN_ATTRIBUTES:
            told[key.lower()] = said.strip()
            shown.append(_ADDRESS.sub("‹address›", part.strip()))
        elif key:
            shown.append("…")
    path = told.get("path", "")
    return Asked(
        name=name_of(name),
        domain=told.get("domain", "").lower().strip("."),
        path=path[:PLACE_MAX] if path.startswith("/") else "/",
        seconds=asked_seconds(written.encode("utf-8", "replace"), int(now)),
        line="; ".join(shown)[:LINE_MAX],
        partitioned="partitioned" in told,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One cookie or storage key, with all that was seen of it."""

    kind: Kind
    name: str
    host: str
    party: Party
    traces: tuple[Trace, ...]

    @property
    def states(self) -> tuple[State, ...]:
        """The states it was seen in, in the order of a visit."""
        there = {one.state for one in self.traces}
        return tuple(state for state in STATES if state in there)

    @property
    def asked(self) -> tuple[Trace, ...]:
        """The traces in which somebody asked for it, and so for a lifetime."""
        return tuple(one for one in self.traces if one.how in {"header", "script"})

    @property
    def seconds(self) -> float | None:
        """The longest that was asked for; None until the session ends, or where nothing has a lifetime."""
        told = [one.seconds for one in self.asked or self.traces if one.seconds is not None]
        return max(told, default=None)

    @property
    def wrote(self) -> tuple[str, ...]:
        """Who wrote it: the addresses of responses and scripts."""
        return tuple(dict.fromkeys(one.wrote for one in self.traces if one.wrote))

    @property
    def kept_by_default(self) -> bool:
        """Say whether a browser that blocks third-party cookies would have kept it."""
        return any(one.kept_by_default for one in self.traces)


def gathered(traces: Iterable[Trace]) -> tuple[Seen, ...]:
    """Put together what was seen of each thing, by kind, name and host; what was never stored stays out."""
    found: dict[tuple[str, str, str], list[Trace]] = {}
    for one in traces:
        found.setdefault((one.kind, one.name, one.host), []).append(one)
    return tuple(_seen(some) for _, some in sorted(found.items()))


def _seen(some: list[Trace]) -> Seen:
    first = some[0]
    return Seen(
        first.kind, first.name, first.host, first.party, tuple(sorted(some, key=lambda one: one.order))
    )


def listed(seen: Iterable[Seen], declared: Mapping[tuple[str, str, str], str]) -> Iterator[dict[str, object]]:
    """Yield what was seen as a report lists it; `declared` gives the line of the table that fits."""
    for one in seen:
        asked = one.seconds
        days = None if asked is None else round(asked / _DAY, 2)
        yield {
            "name": one.name, "host": one.host, "kind": one.kind, "party": one.party, "states": list(one.states),
            "lifetime_days": days, "set_by": list(one.wrote),
            "how": sorted({trace.how for trace in one.traces}),
            "declared_as": declared.get((one.kind, one.name, one.host)),
            "partitioned": any(trace.partitioned for trace in one.traces),
            "default_browser_keeps": one.kept_by_default,
            "default_browser_days": None if days is None or not one.kept_by_default else min(days, BROWSER_MAX / _DAY),
            "refused_by_browser": sorted({why for trace in one.traces for why in trace.why_not}),
        }  # fmt: skip
