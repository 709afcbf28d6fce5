"""What kind of personal data a column's values are: values go in, counts come out.

Checksums decide where there are any (IBAN, card, national numbers); phone numbers and e-mail
addresses are judged by libraries that know the rules of each country and of the mail RFCs.
The libraries come with the extra `troth[detect]`.

Rule: no value leaves this module, in a result, a message or an exception.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import import_module
from typing import Any

from troth.errors import NotFoundError
from troth.rules.signs import Kind, Signs

TRIED_MAX = 100
"""The most distinct values of a column that are looked at closely."""

REGIONS = ("FR", "BE", "CH", "LU", "DE", "GB", "ES", "IT", "NL", "US")
"""Where a phone number without its country may be from."""

_NATIONAL = (
    "fr.nir", "be.nn", "ch.ssn", "de.idnr", "es.dni", "es.nie", "it.codicefiscale", "pl.pesel", "ro.cnp",
    "fi.hetu", "se.personnummer", "pt.cc", "bg.egn", "hr.oib", "lt.asmens",
)  # fmt: skip
_PHONE = re.compile(r"(?:\+|00)?[0-9 ().\-/]{6,24}", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?: .*)?", re.ASCII)
_AS_KEY = re.compile(r"-?[0-9]{1,18}|[\w.:/+-]{2,64}", re.ASCII)
_INSIDE = re.compile(r"[^\s<>\"'(),;:]{1,64}@[^\s<>\"'(),;:@]{1,190}\.[A-Za-z]{2,24}")
_NAME_WORD = re.compile(r"[^\W\d_][^\W\d_.'’-]*(?:[.'’-][^\W\d_]*)*")
_SECRET = re.compile(
    r"\$(?:2[abxy]|argon2(?:i|d|id)|scrypt|pbkdf2[\w-]*|[156y]|7|P|H|S|apr1)\$.{8,}"  # crypt and its kin
    r"|(?:pbkdf2_\w+|bcrypt(?:_\w+)?|argon2|scrypt|md5|sha1|unsalted_\w+|pbkdf2:\w+(?::\d+)?|scrypt:[\d:]+)\$.{8,}"
    r"|\{(?:S?SHA\d*|S?MD5|CRYPT|ARGON2)\}.{8,}"  # LDAP
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON web token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
    r"|(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_|sk_test_|rk_live_|sk-)[\w-]{16,}|AKIA[0-9A-Z]{16}",
    re.DOTALL,
)
_DIGEST = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{56}|(?:[0-9a-fA-F]{32}){2,4})")
_RANDOM_UUID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}")  # one digest in 64 looks like it
_NOT_DIGIT = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True)
class Libraries:
    """The libraries of the extra `detect`, loaded."""

    phonenumbers: Any
    email_validator: Any
    iban: Any
    luhn: Any
    national: tuple[Any, ...]


@cache
def libraries(load: Callable[[str], Any] = import_module) -> Libraries:
    """Load what the detectors need; raises NotFoundError, saying what to install."""
    try:
        return Libraries(
            load("phonenumbers"),
            load("email_validator"),
            load("stdnum.iban"),
            load("stdnum.luhn"),
            tuple(load(f"stdnum.{name}") for name in _NATIONAL),
        )
    except ImportError as error:
        raise NotFoundError(
            f"Drafting a map looks at a sample of values, and `{error.name}` is not installed to judge them. "
            "Install it with: pip install 'troth[detect]'."
        ) from None


def detect(values: Sequence[str | None], *, today: date, phones: bool = False) -> Signs:
    """Count what the values of one column are.

    `phones` says that the column's name is a phone's, so that bare digits may be one.
    `today` bounds the days on which somebody alive may be born.
    """
    filled = [value.strip() for value in values if value is not None and value.strip()]
    distinct = list(dict.fromkeys(filled))
    tried = distinct[:TRIED_MAX]
    kinds: Counter[Kind] = Counter()
    for value in tried:
        kinds.update(_kinds(value, today, phones=phones))
    return Signs(
        rows=len(values),
        filled=len(filled),
        distinct=len(distinct),
        tried=len(tried),
        kinds=dict(sorted(kinds.items())),
        keys=sum(_AS_KEY.fullmatch(value) is not None for value in tried),
    )


def _kinds(value: str, today: date, *, phones: bool) -> Iterable[Kind]:
    if _SECRET.fullmatch(value):
        return ("secret",)
    if _DIGEST.fullmatch(value) and not value.isdigit() and not _RANDOM_UUID.fullmatch(value):
        return ("digest",)
    if "@" in value:
        if is_email(value):
            return ("email",)
        if _INSIDE.search(value):
            return ("holds_email", *_prose(value))
    match = _DAY.fullmatch(value)
    if match is not None:
        return _day(match, today)
    match = _DAY_FIRST.fullmatch(value)
    if match is not None and (born := _born(match, today)) is not None:
        return ("birth_day",) if born else ()
    found: list[Kind] = []
    compact = value.replace(" ", "").replace("-", "").replace(".", "")
    digits = _NOT_DIGIT.sub("", value)
    if ("." in value or ":" in value) and _is_ip(value):
        found.append("ip")
    elif compact[:2].isalpha() and 15 <= len(compact) <= 34 and _holds(libraries().iban, compact):
        found.append("iban")
    elif is_card(compact):
        found.append("card")
    if (
        "ip" not in found
        and 9 <= len(compact) <= 16
        and len(digits) >= 5
        and compact.isalnum()
        and is_national(compact)
    ):
        found.append("national_id")
    if not found and _PHONE.fullmatch(value) and 7 <= len(digits) <= 15 and is_phone(value, bare=phones):
        found.append("phone")
    if not digits and _like_a_name(value):
        found.append("name_like")
        if 2 <= len(value.split()) <= 3:
            found.append("full_name_like")
    return (*found, *_prose(value))


def is_email(value: str) -> bool:
    """Tell whether this is one e-mail address and nothing else; no network is asked.

    >>> is_email("ada@shop.example"), is_email("ada at shop")
    (True, False)
    """
    library = libraries().email_validator
    if len(value) > 254 or "." not in value.rpartition("@")[2]:
        return False
    try:
        library.validate_email(value, check_deliverability=False, globally_deliverable=False)
    except library.EmailNotValidError:
        return False
    return True


def is_phone(value: str, *, bare: bool) -> bool:
    """Tell whether this is a number some country has given out; `bare` allows digits alone.

    >>> is_phone("+33 1 42 68 53 00", bare=False), is_phone("+33 1", bare=False)
    (True, False)
    >>> is_phone("0142685300", bare=False), is_phone("0142685300", bare=True)
    (False, True)
    """
    library = libraries().phonenumbers
    international = value.startswith("+")
    grouped = any(mark in value for mark in " -.()/")
    if not international and not bare and not (grouped and value.startswith(("0", "("))):
        return False
    regions: tuple[str | None, ...] = (None,) if international else REGIONS
    for region in regions:
        with suppress(library.NumberParseException):
            if library.is_valid_number(library.parse(value, region)):
                return True
    return False


def is_card(digits: str) -> bool:
    """Tell whether this has the length, the first digit and the check digit of a payment card.

    >>> is_card("4111111111111111"), is_card("4111111111111112")
    (True, False)
    """
    return (
        digits.isascii()
        and digits.isdigit()
        and 13 <= len(digits) <= 19
        and digits[0] in "23456"
        and len(set(digits)) > 1
        and _holds(libraries().luhn, digits)
    )


def is_national(compact: str) -> bool:
    """Tell whether some country's check digits make this one of its identity numbers.

    >>> is_national("295117823456784"), is_national("295117823456785")
    (True, False)
    """
    return any(_holds(library, compact) for library in libraries().national)


def _holds(library: Any, value: str) -> bool:
    try:
        return bool(library.is_valid(value))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        return False  # its message might repeat the value


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return True


def _day(match: re.Match[str], today: date) -> tuple[Kind, ...]:
    try:
        day = date(*map(int, match.groups()))
    except ValueError:
        return ()
    return _day_of(day, today)


def _day_of(day: date, today: date) -> tuple[Kind, ...]:
    return ("day", "birth_day") if 0 <= today.year - day.year <= 115 and day <= today else ("day",)


def _born(match: re.Match[str], today: date) -> bool | None:
    """Tell whether a day written with its year last is one of a birth; None where it is no day.

    Such a text is no `day`: nothing can be counted from it by the database.
    """
    one, _, two, year = match.groups()
    for day, month in ((one, two), (two, one)):
        with suppress(ValueError):
            return "birth_day" in _day_of(date(int(year), int(month), int(day)), today)
    return None


def _like_a_name(value: str) -> bool:
    words = value.split()
    return (
        1 <= len(words) <= 4
        and len(value) <= 60
        and value[:1].isupper()
        and all(_NAME_WORD.fullmatch(word) for word in words)
    )


def _prose(value: str) -> tuple[Kind, ...]:
    return ("prose",) if value.count(" ") >= 5 else ()


def signs_of(
    columns: Mapping[str, Sequence[str | None]], *, today: date, phones: frozenset[str]
) -> Mapping[str, Signs]:
    """Judge each column of a sample."""
    return {name: detect(values, today=today, phones=name in phones) for name, values in columns.items()}
