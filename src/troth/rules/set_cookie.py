"""What the gate does to cookies in headers, on their raw bytes: pass, cap, drop or delete.

Python's own cookie parser loses whole headers (`Partitioned`, JSON in a value), so nothing is
parsed that need not be: a value is never touched, an attribute only where it must be.  Like
browsers, a header is cut at its first semicolon, whatever quotes say.

A cookie that the table does not renew (`sliding: false`) is not set again while the browser
still has it with the same value; with another value it ends no later than its lifetime after
the visitor's yes, or else with the session, for nobody can know when it was first set.

Source: RFC 6265 sections 4.1.1, 5.1.1, 5.2, 5.4; the cookie prefixes and `Partitioned` of
RFC 6265bis and CHIPS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from troth.rules.cookie import Choice, Line, Table, accepted, holds, match, must_ask, read_choice

Did = Literal["passed", "undeclared", "dropped", "capped", "not_renewed", "deleted", "stripped"]

_PASSED: Did = "passed"
CHOICES_KNOWN_MAX = 4096
NAMES_KNOWN_MAX = 4096
ATTRIBUTES_KNOWN_MAX = 1024
_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}
_WHOLE = re.compile(rb"[+-]?\d+", re.ASCII)
_DIGITS_MAX = 18
_LIFETIME = re.compile(rb"(?:\A|;)[ \t]*(max-age|expires)[ \t]*(?:=([^;]*))?(?=;|\Z)", re.IGNORECASE)
_DELIMITER = re.compile(rb"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_CLOCK = re.compile(rb"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?", re.ASCII)
_DAY = re.compile(rb"(\d{1,2})(?:\D.*)?", re.ASCII)
_YEAR = re.compile(rb"(\d{2,5})(?:\D.*)?", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
_LONG_AGO = b"; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
_LABELS_MAX = 6
_USUAL = len(b"Thu, 01 Jan 1970 00:00:00 GMT")


class Deed(NamedTuple):
    """What was done, or would have been, to one cookie: its name and never its value."""

    name: str
    did: Did
    because: str


class Passed(NamedTuple):
    """What goes on to the browser: the Set-Cookie values, and what was done on the way."""

    set_cookies: tuple[bytes, ...]
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A choice as a request brings it, with what it allows from one moment to another, and why no more."""

    choice: Choice | None
    allowed: frozenset[str]
    why: str
    begins: int
    ends: int


_NONE: frozenset[str] = frozenset()
_NOTHING = _Chosen(None, _NONE, "not_asked", 0, 0)


@dataclass
class Gate:
    """The table as it is asked for each response; `drop_unknown` drops what nobody declared."""

    table: Table
    drop_unknown: bool = False
    _names: dict[bytes, Line | None] = field(default_factory=dict, repr=False)
    _choices: dict[bytes, _Chosen] = field(default_factory=dict, repr=False)

    @cached_property
    def choice_name(self) -> bytes:
        """The name of the cookie that remembers the choice, as it stands in headers."""
        return self.table.choice_in.encode()

    def line(self, name: bytes) -> Line | None:
        """Return the line that declares a cookie of this site's own, or None."""
        try:
            return self._names[name]
        except KeyError:
            pass
        if len(self._names) >= NAMES_KNOWN_MAX:
            self._names.clear()
        found = match(self.table, name.decode("utf-8", "replace"))
        self._names[name] = found
        return found

    def chosen(self, brought: Mapping[bytes, bytes], now: int) -> tuple[Choice | None, frozenset[str], str]:
        """Return the choice that a request brings, the categories it allows now, and why no others."""
        written = brought.get(self.choice_name)
        if written is None:
            return None, _NONE, "not_asked"
        known = self._choices.get(written)
        if known is None:
            if len(self._choices) >= CHOICES_KNOWN_MAX:
                self._choices.clear()
            known = self._choices[written] = self._read(written)
        if known.choice is None or known.begins <= now < known.ends:
            return known.choice, known.allowed, known.why
        return known.choice, _NONE, "asked_again"

    def _read(self, written: bytes) -> _Chosen:
        choice = read_choice(written.decode("latin-1"))
        if choice is None:
            return _NOTHING
        why = "asked_again" if must_ask(self.table, choice, choice.at) else "refused"
        return _Chosen(choice, accepted(self.table, choice, choice.at), why, *holds(self.table, choice))


def brought(cookie_headers: Sequence[bytes]) -> dict[bytes, bytes]:
    """Read the cookies of a request; of two with one name the first stands, as it is the nearest."""
    found: dict[bytes, bytes] = {}
    for header in cookie_headers:
        for part in header.split(b";"):
            name, sign, value = part.partition(b"=")
            name = name.strip()
            if sign and name not in found:
                found[name] = value.strip()
    return found


def filtered(
    gate: Gate,
    set_cookies: Sequence[bytes],
    cookies: Mapping[bytes, bytes],
    now: int,
    *,
    host: str = "",
    secure: bool = True,
) -> Passed:
    """Return what goes on of a response's Set-Cookie values, and the deletions of what is not allowed.

    `cookies` is what the request brought; `host` its host, whose parent domains are deleted from too.
    """
    if not set_cookies and not cookies:
        return Passed((), ())
    choice, allowed, why = gate.chosen(cookies, now)
    passed: list[bytes] = []
    deeds: list[Deed] = []
    written: list[bytes] = []
    for raw in set_cookies:
        pair, _, attributes = raw.partition(b";")
        name, _, value = pair.partition(b"=")
        name = name.strip()
        if not name:  # without a name, what the browser sends back is the value alone, and begins with one
            name, _, value = value.strip().partition(b"=")
        kept, did, because = _one(gate, raw, (name, value, attributes), cookies, choice, allowed, why, now)
        if kept is not None:
            passed.append(kept)
            written.append(name)
        if did is not _PASSED:
            deeds.append(_deed(name, did, because))
    for name in cookies:
        line = gate.line(name)
        if line is None or line.exempt or line.row.category in allowed or name in written:
            continue
        passed.extend(deletions(name, line.row.path, host, secure=secure))
        deeds.append(_deed(name, "deleted", why))
    return Passed(tuple(passed), tuple(deeds))


def _one(
    gate: Gate,
    raw: bytes,
    cut: tuple[bytes, bytes, bytes],
    cookies: Mapping[bytes, bytes],
    choice: Choice | None,
    allowed: frozenset[str],
    why: str,
    now: int,
) -> tuple[bytes | None, Did, str]:
    """Rule on one Set-Cookie, which is cut into name, value and attributes."""
    name, value, attributes = cut
    line = gate.line(name)
    age, until = _lifetime(attributes)
    asked = age if age is not None or until is None else max(until - now, 0)
    if asked is not None and asked <= 0:
        return raw, _PASSED, ""  # a deletion
    if line is None:
        return (None, "dropped", "undeclared") if gate.drop_unknown else (raw, "undeclared", "undeclared")
    if not line.exempt and line.row.category not in allowed:
        return None, "dropped", why
    if asked is None:
        return raw, _PASSED, ""
    most = line.seconds_least
    if most is None:
        return _lasting(raw, None), "capped", "it is declared to end with the session"
    if name in cookies and not line.row.sliding and name != gate.choice_name:
        if cookies[name] == value.strip():
            return None, "not_renewed", "the browser has it"
        left = choice.since + most - now if choice is not None and choice.since and not line.exempt else 0
        if left <= 0:
            return _lasting(raw, None), "not_renewed", "it now ends with the session"
        if asked > left:
            return _lasting(raw, left), "not_renewed", "it ends when it would have ended"
    if asked > most:
        return _lasting(raw, most), "capped", "it asks for longer than declared"
    return raw, _PASSED, ""


@lru_cache(maxsize=NAMES_KNOWN_MAX)
def _deed(name: bytes, did: Did, because: str) -> Deed:
    return Deed(name.decode("utf-8", "replace")[:80], did, because)


def asked_seconds(raw: bytes, now: int) -> int | None:
    """Return for how long a Set-Cookie asks, in seconds from now; None until the session ends.

    Of several attributes of one name the last holds, and Max-Age before Expires.

    >>> asked_seconds(b"a=1; Max-Age=60; Path=/", 0), asked_seconds(b"a=1; Path=/", 0)
    (60, None)
    >>> asked_seconds(b"a=1; expires=Thu, 01-Jan-1970 00:01:00 GMT", 0)
    60
    """
    age, until = _lifetime(raw.partition(b";")[2])
    if age is not None:
        return age
    return None if until is None else max(until - now, 0)


@lru_cache(maxsize=ATTRIBUTES_KNOWN_MAX)
def _lifetime(attributes: bytes) -> tuple[int | None, int | None]:
    """Read Max-Age, in seconds, and Expires, since 1970, from what stands after a value: it is often the same."""
    age: int | None = None
    until: int | None = None
    for key, value in _LIFETIME.findall(attributes):
        if key[:1] in b"mM":
            value = value.strip()
            age = _seconds(value) if _WHOLE.fullmatch(value) else age
        else:
            read = _moment(value.strip())
            until = read if read is not None else until
    return age, until


def _seconds(written: bytes) -> int:
    """Read a number of seconds, none below zero; one that is longer than all time is as long as browsers take it."""
    if written[:1] == b"-":
        return 0
    return int(written) if len(written) <= _DIGITS_MAX else 10**_DIGITS_MAX


def _moment(written: bytes) -> int | None:
    """Read a date as browsers do (RFC 6265 section 5.1.1), in seconds since 1970."""
    if len(written) == _USUAL and written[-4:] == b" GMT" and written[19:20] == written[22:23] == b":":
        try:
            day = _days(written[5:16])
            hour, minute, second = int(written[17:19]), int(written[20:22]), int(written[23:25])
        except (KeyError, ValueError):
            return _odd_moment(written)
        if hour <= 23 and minute <= 59 and second <= 59:
            return day * 86_400 + hour * 3600 + minute * 60 + second
    return _odd_moment(written)


@lru_cache(maxsize=1024)
def _days(written: bytes) -> int:
    """Read a day such as 31 Dec 2027, in days since 1970."""
    if written[2:3] not in b" -" or written[6:7] not in b" -" or not written[7:].isdigit():
        raise ValueError
    return date(int(written[7:]), _MONTHS[written[3:6].lower()], int(written[:2])).toordinal() - _EPOCH


def _odd_moment(written: bytes) -> int | None:
    clock = day = month = year = None
    for part in _DELIMITER.split(written):
        if clock is None and (found := _CLOCK.fullmatch(part)):
            clock = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
            if int(found[1]) > 23 or int(found[2]) > 59 or int(found[3]) > 59:
                return None
        elif day is None and (found := _DAY.fullmatch(part)):
            day = int(found[1])
        elif month is None and part[:3].lower() in _MONTHS:
            month = _MONTHS[part[:3].lower()]
        elif year is None and (found := _YEAR.fullmatch(part)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    try:
        known = date(min(year, date.max.year), month, day)
        return (known.toordinal() - _EPOCH) * 86_400 + clock if year >= 1601 else None
    except ValueError:
        return None


def _lasting(raw: bytes, seconds: int | None) -> bytes:
    """Return the header with a lifetime of so many seconds, or of the session; all else as it stands."""
    pair, _, attributes = raw.partition(b";")
    return pair + _with_lifetime(attributes, seconds)


@lru_cache(maxsize=ATTRIBUTES_KNOWN_MAX)
def _with_lifetime(attributes: bytes, seconds: int | None) -> bytes:
    """Return the attributes with this lifetime and no other, each with the semicolon before it."""
    others = _LIFETIME.sub(b"", b";" + attributes) if attributes else b""
    return others + (b"" if seconds is None else b"; Max-Age=%d" % seconds)


def deletions(name: bytes, path: str, host: str, *, secure: bool = True) -> Iterator[bytes]:
    """Yield the Set-Cookie values that delete a cookie wherever this host could have set it.

    Browsers drop those that do not fit (a domain that is a public suffix, a prefix that wants
    otherwise).  A partitioned cookie is another cookie of that name, and is deleted apart.
    """
    paths = [b"/"] if path == "/" or name.lower().startswith(b"__host-") else [path.encode(), b"/"]
    domains = [b""] if name.lower().startswith(b"__host-") else [b"", *parents(host)]
    for one in paths:
        for domain in domains:
            told = name + b"=; Path=" + one + (b"; Domain=" + domain if domain else b"") + _LONG_AGO
            yield told + (b"; Secure" if secure else b"")
        if secure:
            yield name + b"=; Path=" + one + _LONG_AGO + b"; Secure; SameSite=None; Partitioned"


def elsewhere(
    gate: Gate, cookies: Mapping[bytes, bytes], now: int, *, host: str = "", secure: bool = True
) -> Iterator[bytes]:
    """Yield the deletions of declared cookies that may not be there and that no request to this path brings.

    What has a star in its name is deleted when it is brought to a path of its own.
    """
    _, allowed, _ = gate.chosen(cookies, now)
    for line in gate.table.lines:
        row = line.row
        ours = row.storage == "cookie" and row.party == "first" and row.path != "/" and "*" not in row.name
        if ours and not line.exempt and row.category not in allowed:
            yield from deletions(row.name.encode(), row.path, host, secure=secure)


def parents(host: str) -> list[bytes]:
    """Return a host and the domains above it, down to two labels; none for an address or one label.

    >>> parents("www.shop.example"), parents("127.0.0.1"), parents("localhost:80")
    ([b'www.shop.example', b'shop.example'], [], [])
    """
    name = host.rpartition("]")[2].partition(":")[0].lower().rstrip(".")
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(labels) or not name.isascii():
        return []
    labels = labels[-_LABELS_MAX:]
    return [".".join(labels[at:]).encode() for at in range(len(labels) - 1)]


def stripped(
    gate: Gate, cookie_headers: Sequence[bytes], now: int
) -> tuple[tuple[bytes, ...], tuple[Deed, ...]]:
    """Return a request's Cookie headers without the cookies that the choice does not allow."""
    cookies = brought(cookie_headers)
    _, allowed, why = gate.chosen(cookies, now)
    deeds: list[Deed] = []
    headers: list[bytes] = []
    for header in cookie_headers:
        kept: list[bytes] = []
        for part in header.split(b";"):
            name = part.partition(b"=")[0].strip()
            line = gate.line(name)
            refused = line is not None and not line.exempt and line.row.category not in allowed
            if refused or (line is None and gate.drop_unknown and name):
                deeds.append(_deed(name, "stripped", why if refused else "undeclared"))
            else:
                kept.append(part.strip())
        if kept:
            headers.append(b"; ".join(kept))
    return tuple(headers), tuple(deeds)
