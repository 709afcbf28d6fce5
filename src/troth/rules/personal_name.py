"""Whether a column's name looks as if people were in it: English and French, no values read.

Names are a hint and no more: what they find, a person must look at and say.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Literal

Look = Literal["plain", "likely", "no"]

_PLAIN = (
    {"email", "mail", "courriel", "phone", "telephone", "tel", "mobile", "fax"}
    | {"firstname", "lastname", "surname", "forename", "fullname", "prenom", "patronyme", "nickname", "pseudo"}
    | {"birthday", "birthdate", "dob", "naissance", "ssn", "passport", "passeport", "iban", "ccn"}
    | {"gender", "sexe", "religion", "ethnicity", "nationality", "nationalite", "salary", "salaire"}
    | {"username", "ipaddress", "msisdn", "imei", "siblings", "spouse", "conjoint"}
)  # fmt: skip
_PAIRS = frozenset(
    {"first name", "last name", "full name", "family name", "given name", "middle name", "maiden name"}
    | {"e mail", "birth date", "date birth", "ip address", "ip addr", "remote ip", "client ip", "card number"}
    | {"national id", "tax id", "home address", "postal address", "user name", "nom famille", "birth place"}
)
_LIKELY = (
    {"name", "nom", "address", "adresse", "street", "rue", "city", "ville", "zip", "postcode", "postal"}
    | {"user", "customer", "client", "person", "employee", "patient", "member", "contact", "owner", "author"}
    | {"login", "account", "ip", "note", "notes", "comment", "comments", "message", "photo", "avatar", "signature"}
    | {"latitude", "longitude", "location", "age", "birth"}
)  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def look(column: str) -> Look:
    """Say how much a column's name looks personal.

    >>> look("custEmail"), look("date_de_naissance"), look("first_name")
    ('plain', 'plain', 'plain')
    >>> look("street"), look("price"), look("genre_id")
    ('likely', 'no', 'no')
    """
    said = words(column)
    if not said or (said[-1] in ("id", "no", "count", "total", "template", "subject") and len(said) > 1):
        return "likely" if set(said) & _LIKELY else "no"
    pairs = {f"{first} {second}" for first, second in pairwise(said)}
    if set(said) & _PLAIN or pairs & _PAIRS:
        return "plain"
    return "likely" if set(said) & _LIKELY else "no"


def words(name: str) -> list[str]:
    """Cut a name into its words, small and without accents.

    >>> words("custEMail2"), words("prénom_usuel")
    (['cust', 'e', 'mail', '2'], ['prenom', 'usuel'])
    """
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) not in ("Mn",))
    return [word.lower() for word in _WORD.findall(plain)]
