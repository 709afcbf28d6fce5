"""How an identifier is written down so that two writings of one are the same.

The *exact* form finds and changes; the *wide* form (plus-tags, dots) only suppresses, since
it may join two people.  A change of these rules is a new version of the fingerprints.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

from troth.rules import name_form

VERSION = 1
_NOT_DIGITS = re.compile(r"[^0-9]")


def exact(kind: str, value: str) -> str:
    """Return the form in which two writings of one identifier are equal.

    >>> exact("email", " Ada@Bücher.Example ")
    'ada@xn--bcher-kva.example'
    >>> exact("phone", "+33 (0)1 23 45 67 89"), exact("phone", "0033 1 23 45 67 89")
    ('+33123456789', '+33123456789')
    """
    value = unicodedata.normalize("NFC", value).strip()
    match kind:
        case "email":
            return _email(value)
        case "phone":
            return _phone(value)
        case "iban" | "card" | "national_id":
            return unicodedata.normalize("NFC", re.sub(r"[\s.-]", "", value).upper())
        case name_form.FOLDED:
            return name_form.folded(value)
        case _:
            return value


def wide(kind: str, value: str) -> str:
    """Return the form that also joins the tags and dots some mail providers ignore.

    >>> wide("email", "A.da+shop@mail.example")
    'ada@mail.example'
    """
    written = exact(kind, value)
    if kind != "email":
        return written
    local, _, domain = written.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def _email(value: str) -> str:
    local, at, domain = unicodedata.normalize("NFC", value.lower()).rpartition("@")
    return f"{local}{at}{'.'.join(map(_label, domain.split('.')))}"


def _label(label: str) -> str:
    """Write a label of a domain as DNS has it.

    The letters that IDNA 2003 folds into others and IDNA 2008 keeps stand for domains of
    their own today: `ß` is not `ss`.
    """
    if label.isascii():
        return label
    if any(letter in label for letter in "\u00df\u03c2\u200c\u200d"):
        return f"xn--{label.encode('punycode').decode('ascii')}"
    with suppress(UnicodeError):
        return label.encode("idna").decode("ascii")
    return label


def _phone(value: str) -> str:
    national_zero = value.replace("(0)", "")
    digits = _NOT_DIGITS.sub("", national_zero)
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    return f"+{digits}" if national_zero.lstrip().startswith("+") else digits
