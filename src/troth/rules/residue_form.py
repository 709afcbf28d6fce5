"""The forms in which an identifier may lie about in a store: what residue search looks for.

An e-mail address is copied into JSON, into URLs, into HTML, into base64, and hashed for
advertisers; a phone number is written with and without its country, in pairs or in threes.
Each way is a `Form`: bytes to look for.  A form that is too short to mean one subject is
left out, and an identifier shorter than `LENGTH_MIN` has none at all.

Law: GDPR Art. 17(1) with Art. 4(5): a hash of an address is still personal data.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, quote_plus

from troth.rules.identifier import exact

LENGTH_MIN = 5
"""The fewest characters (digits, for numbers) of an identifier that is searched."""

DIGITS_SURE = 8
"""A number of fewer digits may be any number: a hit of it is doubtful."""

_BASE64_MIN = 12
_SEPARATORS = b" .-()/"
_WIDE_BLANKS = ("\u00a0".encode(), "\u202f".encode(), "\u2009".encode())
_COUNTRY_1 = frozenset("17")
_COUNTRY_2 = frozenset(
    f"{tens}{unit}"
    for tens, units in {
        "2": "07", "3": "0123469", "4": "013456789", "5": "12345678", "6": "0123456", "8": "1246",
        "9": "01234589",
    }.items()
    for unit in units
)  # fmt: skip
_NUMBERED = frozenset({"phone", "iban", "card", "national_id"})

Edge = Literal["mailbox", "word", "phone", "hex", "base64", "none"]


@dataclass(frozen=True, slots=True)
class Form:
    """Bytes to look for, and how.

    `caseless` holds for ASCII letters only.  `compact` is looked for where separators were
    taken out (see `compacted`).  `edge` says what may not touch it on either side without
    making the hit doubtful.
    """

    name: str
    pattern: bytes
    caseless: bool
    compact: bool = False
    edge: Edge = "word"
    sure: bool = True


def forms(kind: str, value: str) -> tuple[Form, ...]:
    """Return every form of an identifier, longest first; none when it is too short to search.

    >>> [form.pattern for form in forms("email", "ada@example.org") if form.name == "url"]
    [b'ada%40example.org']
    >>> forms("id", "42")
    ()
    """
    value = unicodedata.normalize("NFC", value).strip().encode("utf-8", "replace").decode()
    if kind == "phone":
        found = _phone(value)
    elif kind in _NUMBERED:
        found = _number(kind, value)
    elif len(value) < LENGTH_MIN:
        return ()
    else:
        found = _text(value, kind)
    unique = {(form.pattern, form.compact): form for form in reversed(list(found))}
    return tuple(sorted(unique.values(), key=lambda form: (-len(form.pattern), form.name, form.pattern)))


def compacted(value: bytes) -> bytes:
    """Take out what people put between digits: blanks, dots, dashes, parentheses, slashes.

    >>> compacted(b"06 12.34-56 78")
    b'0612345678'
    """
    for blank in _WIDE_BLANKS:
        if blank in value:
            value = value.replace(blank, b"")
    return value.translate(None, _SEPARATORS)


def certain(form: Form, value: bytes, start: int, end: int) -> bool:
    """Say whether a form found in a value stands alone there, or inside something longer.

    >>> form = next(form for form in forms("email", "ada@example.org") if form.name == "plain")
    >>> certain(form, b"to: ada@example.org.", 4, 19), certain(form, b"wada@example.org", 1, 16)
    (True, False)
    """
    if not form.sure:
        return False
    before, after = value[max(0, start - 12) : start], value[end : end + 12]
    match form.edge:
        case "none":
            return True
        case "mailbox":
            return _ends(before, _MAILBOX_BEFORE) and not _DOMAIN_AFTER.match(after)
        case "word":
            return _ends(before, _WORD_BEFORE) and not _WORD_AFTER.match(after)
        case "hex":
            return not _HEX_BEFORE.search(before) and not _HEX_AFTER.match(after)
        case "base64":
            return not _BASE64_BEFORE.search(before) and not _BASE64_AFTER.match(after)
        case "phone":
            digits = re.search(rb"[0-9]*\Z", before)
            return not after[:1].isdigit() and _dialled(digits[0].decode() if digits else "")


_ESCAPE_BEFORE = re.compile(rb"(?:\\(?:[nrtbf]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})|%[0-9A-Fa-f]{2})\Z")
_MAILBOX_BEFORE = re.compile(rb"[A-Za-z0-9._%+\-\x80-\xff]\Z")
_DOMAIN_AFTER = re.compile(rb"[A-Za-z0-9\-_\x80-\xff]|\.[A-Za-z0-9]")
_WORD_BEFORE = re.compile(rb"[A-Za-z0-9_\x80-\xff]\Z")
_WORD_AFTER = re.compile(rb"[A-Za-z0-9_\x80-\xff]")
_HEX_BEFORE = re.compile(rb"(?<!\\)(?<!0)[0-9a-fA-F]\Z")
_HEX_AFTER = re.compile(rb"[0-9a-fA-F]")
_BASE64_BEFORE = re.compile(rb"[A-Za-z0-9+/_\-]\Z")
_BASE64_AFTER = re.compile(rb"[A-Za-z0-9+/_\-]")


def _ends(before: bytes, forbidden: re.Pattern[bytes]) -> bool:
    """Say that nothing forbidden stands directly before, unless it is the end of an escape."""
    return forbidden.search(before) is None or _ESCAPE_BEFORE.search(before) is not None


def _dialled(before: str) -> bool:
    """Say whether these digits may stand before a national number: a trunk zero, a country.

    >>> [_dialled(digits) for digits in ("", "0", "33", "0033", "330", "01133", "5", "1234")]
    [True, True, True, True, True, True, False, False]
    """
    for prefix in ("00", "011", ""):
        if before.startswith(prefix):
            rest = before[len(prefix) :]
            if rest in ("", "0") or _is_country(rest) or (rest.endswith("0") and _is_country(rest[:-1])):
                return True
    return False


def _is_country(digits: str) -> bool:
    """Say whether digits are a country's calling code (ITU-T E.164, by their length)."""
    if len(digits) == 1:
        return digits in _COUNTRY_1
    if len(digits) == 2:
        return digits in _COUNTRY_2
    return len(digits) == 3 and digits[0] in "2345689" and digits[:2] not in _COUNTRY_2


def _text(value: str, kind: str) -> Iterator[Form]:
    """Yield the forms of something written: an address, a name, a number of one's own."""
    edge: Edge = "mailbox" if kind == "email" else "word"
    sure = not (value.isdigit() and len(value) < DIGITS_SURE)
    values = _values(kind, value)
    for spelling in (*values, *_other_cases(values)):
        yield Form("plain", spelling.encode(), True, edge=edge, sure=sure)
    for spelling in values:
        for name, written in _escaped(spelling):
            yield Form(name, written.encode(), True, edge=edge, sure=sure)
        for encoding in ("utf-16-le", "utf-16-be", "latin-1"):
            with suppress(UnicodeEncodeError):
                yield Form(encoding, spelling.encode(encoding), True, edge="none", sure=sure)
        yield Form("hex", spelling.encode().hex().encode(), True, edge="none", sure=sure)
        yield from _base64(spelling.encode())
    for spelling in dict.fromkeys(each for value in values for each in (value.lower(), value)):
        yield from _hashes(spelling.encode())


def _values(kind: str, value: str) -> tuple[str, ...]:
    """Return what one value may be stored as: as it is, and with its domain in letters or in ASCII."""
    values = [value]
    if kind == "email":
        values.append(exact(kind, value))
        local, at, domain = value.rpartition("@")
        with suppress(UnicodeError):
            values.append(f"{local}{at}{domain.encode('ascii').decode('idna')}")
    by_case = {each.lower() if each.isascii() else each: each for each in reversed(values)}
    return tuple(reversed(by_case.values()))


def _other_cases(values: tuple[str, ...]) -> Iterator[str]:
    """Yield what a search that joins the cases of ASCII letters alone would miss."""
    for value in values:
        if not value.isascii():
            for case in (value, value.lower(), value.upper(), value.title()):
                yield case
                yield unicodedata.normalize("NFD", case)


def _escaped(value: str) -> Iterator[tuple[str, str]]:
    """Yield the ways of writing a value inside JSON, a URL, HTML or a mail."""
    in_json = json.dumps(value)[1:-1]
    every = "".join(c if c.isascii() and (c.isalnum() or c in "._-@ ") else _json_escape(c) for c in value)
    at_too = every.replace("@", "\\u0040")
    for written in dict.fromkeys((in_json, every, at_too)):
        if written != value:
            yield "json", written
            yield "json in json", written.replace("\\", "\\\\")
    for written in dict.fromkeys((quote(value, safe=""), quote(value, safe="@"), quote_plus(value))):
        if written != value:
            yield "url", written
    yield "url in url", quote(quote(value, safe=""), safe="")
    in_html = html.escape(value)
    for written in dict.fromkeys(in_html.replace("@", at) for at in ("@", "&#64;", "&#x40;", "&commat;")):
        for numbered in dict.fromkeys((written, written.encode("ascii", "xmlcharrefreplace").decode())):
            if numbered != value:
                yield "html", numbered
    if "'" in value:
        for name, quote_mark in (("sql", "''"), ("sql", "\\'"), ("html", "&#39;"), ("html", "&apos;")):
            yield name, value.replace("'", quote_mark)
    if not value.isascii():
        octets = (c if c.isascii() else "".join(f"={byte:02X}" for byte in c.encode()) for c in value)
        yield "quoted-printable", "".join(octets)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _base64(value: bytes) -> Iterator[Form]:
    """Yield what every base64 of a text with this value in it must contain, at each of three places."""
    for written in dict.fromkeys((value, value.lower())):
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + written)
            # the first and last characters also depend on what stands beside the value
            first = (offset * 8 + 5) // 6
            last = (offset + len(written)) * 8 // 6
            stable = encoded[first:last]
            if len(stable) >= _BASE64_MIN:
                for alphabet in dict.fromkeys((stable, stable.translate(bytes.maketrans(b"+/", b"-_")))):
                    yield Form("base64", alphabet, False, edge="none")


def _hashes(value: bytes) -> Iterator[Form]:
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, value, usedforsecurity=False).digest()
        yield Form(f"{name} hex", digest.hex().encode(), True, edge="hex")
        yield Form(f"{name} bytes", digest, False, edge="none")
        yield Form(f"{name} base64", base64.b64encode(digest).rstrip(b"="), False, edge="base64")


def _phone(value: str) -> Iterator[Form]:
    """Yield the national number, which every way of writing it ends with, and the hashes of both."""
    country, national = _national(exact("phone", value))
    if len(national) < LENGTH_MIN:
        return
    sure = len(national) >= DIGITS_SURE
    yield Form("digits", national.encode(), False, compact=True, edge="phone", sure=sure)
    if sure:
        yield from _base64(national.encode())
        for spelling in (f"+{country}{national}", f"{country}{national}") if country else (f"0{national}",):
            yield from _hashes(spelling.encode())


def _national(written: str) -> tuple[str, str]:
    """Split a number into its country, where it is known, and the rest without a trunk zero.

    >>> _national("+33612345678"), _national("0612345678"), _national("+15552368000")
    (('33', '612345678'), ('', '612345678'), ('1', '5552368000'))
    """
    if not written.startswith("+"):
        return "", written.lstrip("0")
    digits = written[1:]
    for length in (1, 2, 3):
        if _is_country(digits[:length]):
            return digits[:length], digits[length:].removeprefix("0")
    return "", digits


def _number(kind: str, value: str) -> Iterator[Form]:
    """Yield the forms of a number that is written in groups: an IBAN, a card, a national number."""
    written = compacted(exact(kind, value).encode())
    if len(written) < LENGTH_MIN:
        return
    sure = not written.isdigit() or len(written) >= DIGITS_SURE
    yield Form("grouped", written, True, compact=True, edge="word", sure=sure)
    if sure:
        yield from _base64(written)
        yield from _hashes(written)
