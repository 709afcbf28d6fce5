"""One line of a server log: the common and combined formats of Apache and nginx, and JSON lines.

A line that is none of these is no error: it is kept as it is, and counted.

Source: Apache HTTP Server 2.4, mod_log_config (common and combined log format); nginx,
ngx_http_log_module (`combined`).  Truncating an address to its first 24 bits (IPv4) or 48
bits (IPv6) is how Google Analytics described its IP masking (last octet; last 80 bits); it
makes an address coarser and does not by itself make the line anonymous (WP29 Opinion
05/2014, WP216; GDPR Recital 26).
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from troth.rules.map import Value

V4_BITS, V6_BITS = 24, 48
TRUNCATED = "truncated"
"""What a map sets an address to, to have it truncated."""
COLUMNS = ("line", "ip", "ident", "user", "time", "request", "status", "bytes", "referrer", "agent")
"""The columns of the common and combined formats; `line` is the number of the line in its file."""

_COMBINED = re.compile(
    rb'(?P<ip>\S+) (?P<ident>\S+) (?P<user>.+?) \[(?P<time>[^\]]{1,40})\] "(?P<request>(?:[^"\\]|\\.)*)" '
    rb'(?P<status>\d{3}|-) (?P<bytes>\d+|-)(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?.*',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that was understood: its columns, and where each stands in its bytes (JSON: the document)."""

    columns: Mapping[str, str] = field(repr=False)
    spans: Mapping[str, tuple[int, int]] = field(repr=False)
    document: dict[str, object] | None = field(default=None, repr=False)


def read_line(raw: bytes) -> Line | None:
    """Read a line; None where it is of no known format."""
    bare = raw.rstrip(b"\r\n")
    if bare[:1] == b"{":
        try:
            document = json.loads(bare)
        except (ValueError, RecursionError):
            return None
        return Line(dict(_flat(document)), {}, document) if isinstance(document, dict) else None
    match = _COMBINED.fullmatch(bare)
    if match is None:
        return None
    spans = {name: match.span(name) for name in match.groupdict() if match.group(name) is not None}
    columns = {name: bare[start:end].decode("utf-8", "replace") for name, (start, end) in spans.items()}
    return Line(columns, spans)


def _flat(document: Mapping[str, object], before: str = "") -> list[tuple[str, str]]:
    """Return the values of a document by their path, with dots."""
    found: list[tuple[str, str]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            found += _flat(value, f"{before}{name}.") if before.count(".") < 8 else []
        elif value is not None:
            found.append((f"{before}{name}", value if isinstance(value, str) else json.dumps(value)))
    return found


def moment(written: str) -> datetime | None:
    """Read the time of a line: as Apache and nginx write it, ISO 8601, or seconds since 1970.

    >>> moment("10/Oct/2025:13:55:36 +0200").isoformat()
    '2025-10-10T13:55:36+02:00'
    """
    try:
        return datetime.strptime(written, "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(written)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        seconds = float(written)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def truncated(written: str) -> str | None:
    """Return an address with all but its first bits zero; None when it is no address.

    >>> truncated("203.0.113.77"), truncated("2001:db8:1:2::5"), truncated("shop.example")
    ('203.0.113.0', '2001:db8:1::', None)
    >>> truncated("::ffff:203.0.113.77")
    '203.0.113.0'
    """
    try:
        found = ipaddress.ip_address(written.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = V4_BITS if found.version == 4 else V6_BITS
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False).network_address)


def written_with(raw: bytes, line: Line, values: Mapping[str, Value]) -> bytes:
    """Return a line with new values in some columns; the rest stays byte for byte (JSON: value for value)."""
    bare = raw.rstrip(b"\r\n")
    ending = raw[len(bare) :]
    if line.document is not None:
        document = json.loads(bare)
        for name, value in values.items():
            _set(document, name.split("."), value, line.columns.get(name))
        tight = (",", ":") if b'": ' not in bare and b'", ' not in bare else (", ", ": ")
        return json.dumps(document, ensure_ascii=bare.isascii(), separators=tight).encode() + ending
    parts, at = [], 0
    for name, (start, end) in sorted(line.spans.items(), key=lambda each: each[1]):
        if name in values:
            parts += [bare[at:start], _plain(values[name], line.columns[name]).encode()]
            at = end
    return b"".join([*parts, bare[at:]]) + ending


def _plain(value: Value, before: str) -> str:
    if value == TRUNCATED:
        return truncated(before) or "-"
    return "-" if value is None else str(value)


def _set(document: object, path: list[str], value: Value, before: str | None) -> None:
    """Set what stands at a path; names that hold dots themselves are tried whole first."""
    if not isinstance(document, dict):
        return
    whole = ".".join(path)
    if whole in document:
        document[whole] = (
            truncated(str(before)) if value == TRUNCATED and document[whole] is not None else value
        )
    elif len(path) > 1:
        _set(document.get(path[0]), path[1:], value, before)


def changes(line: Line, values: Mapping[str, Value]) -> bool:
    """Tell whether setting these values would change anything."""
    for name, value in values.items():
        before = line.columns.get(name)
        if before is None:
            continue
        after = truncated(before) if value == TRUNCATED else (None if value is None else str(value))
        if before != (after if after is not None else ("-" if line.document is None else before + "\0")):
            return True
    return False
