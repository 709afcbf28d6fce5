"""Finding a person by name and one thing more: a map that is asked by names, and which of what it finds may be meant.

A name is no identifier: it is looked for whole, and by each of its words, and what is found is somebody only
where every word of the name and the other value stand in one row.

Law: GDPR Art. 5(1)(c), Art. 32(4).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from troth.rules import name_form
from troth.rules.map import Identifier, Map, MapTable, Subject

NAME = name_form.FOLDED
WORDS_MAX = 4
RUNS_MAX = 8
"""So many words of a name are looked for: up to four in any order, more as they follow each other."""
_NAMED = re.compile(r"(^|_)(name|surname|firstname|lastname|fullname|nom|prenom)(_|$)|name$")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_THING = (
    "(article|bank|banque|brand|business|campaign|city|commune|company|country|court|department|device|document|"
    "domain|employer|employeur|enseigne|entreprise|event|fichier|file|firm|folder|group|groupe|host|hotel|image|list|"
    "marque|organisation|organization|path|pays|plan|product|produit|project|projet|role|rue|school|server|service|"
    "shop|site|societe|society|store|street|table|tag|team|town|trade|venue|ville)"
)
_OF_A_THING = re.compile(rf"(^|_){_THING}(_?(name|nom))?$|(^|_)nom_((de|du|des|d|la|l)_)*{_THING}(_|$)")
"""What a column is called that names no person: `company_name`, `filename`, `nom_societe`."""
_BESIDE = frozenset(
    {"birth", "birthday", "birthdate", "born", "civilite", "civility", "dob", "gender", "genre", "naissance"}
    | {"nationalite", "nationality", "number", "numero", "passport", "photo", "sex", "sexe"}
)
"""What else is said of who somebody is: known beside the name, and no part of it."""


def by_name(map_: Map) -> Map | None:
    """Return the map that finds people by the columns that hold names, and erases nothing; None where it has none."""
    tables = {
        name: found for name, table in map_.tables.items() if (found := _asked_by_name(table)) is not None
    }
    if not tables:
        return None
    return replace(map_, tables=tables, finds_only=True, written=f"{map_.written.rstrip()}\n# by name\n")


def _asked_by_name(table: MapTable) -> MapTable | None:
    columns = name_columns(table)
    if table.subject is None or not columns:
        return None
    named = tuple(Identifier(column, NAME, one_person=False) for column in columns)
    return replace(table, subject=Subject(table.subject.key, named), edges=())


def name_columns(table: MapTable) -> tuple[str, ...]:
    """Return the columns of a table of people that hold a name."""
    if table.subject is None:
        return ()
    return tuple(
        column
        for column, category in table.columns.items()
        if column not in table.subject.key and _names_people(column, category)
    )


def _names_people(column: str, category: str) -> bool:
    said = unicodedata.normalize("NFKD", _HUMP.sub("_", column)).encode("ascii", "ignore").decode().casefold()
    if _OF_A_THING.search(said):
        return False
    return bool(_NAMED.search(said)) or (category == "identity" and _BESIDE.isdisjoint(said.split("_")))


def asked(name: str) -> tuple[str, ...]:
    """Return the writings of a name by which rows are looked for: in any order, with capitals, and each of its words.

    Those without accents and hyphens come last: each is some of its words, as a column of several may hold them.

    >>> asked("example ADA")[:4]
    ('example ADA', 'Example Ada', 'EXAMPLE ADA', 'ADA example')
    >>> asked("D\u00fcr Jean-Luc")[-4:]
    ('jean dur luc', 'jean luc dur', 'luc dur jean', 'luc jean dur')
    """
    words = name.split()[:WORDS_MAX]
    whole = [" ".join(order) for order in permutations(words)]
    cased = [one for said in [*whole, *words] for one in (said, said.title(), said.upper())]
    return tuple(dict.fromkeys([*cased, *_parts(name_form.folded(name).split()[:RUNS_MAX])]))


def _parts(words: Sequence[str]) -> Iterator[str]:
    """Yield some words of a name at a time: in any order, or as they follow each other where they are many."""
    sizes = range(1, len(words) + 1)
    if len(words) <= WORDS_MAX:
        yield from (" ".join(some) for size in sizes for some in permutations(words, size))
    else:
        around = [*words, *words]
        yield from (" ".join(around[at : at + size]) for size in sizes for at in range(len(words)))


def meant(row: Mapping[str, object], names: tuple[str, ...], name: str, value: str) -> bool:
    """Say whether a row is somebody of this name of whom this other value stands in it.

    >>> meant({"name": "Ada Example", "city": "Lyon"}, ("name",), "example ada", " LYON")
    True
    >>> meant({"name": "Ma\u00eblle Tr\u00e9valenne", "city": "Lyon"}, ("name",), "TREVALENNE maelle", "Lyon")
    True
    >>> meant({"name": "Ada Example", "city": "Lyon"}, ("name",), "Ada Example", "Ada Example")
    False
    """
    held = {word for column in names for word in _plain(row.get(column)).split()}
    wanted = set(_plain(name).split())
    others = {_plain(found) for column, found in row.items() if column not in names}
    return bool(wanted) and wanted <= held and _plain(value) in others - {""}


def _plain(value: object) -> str:
    return name_form.folded("" if value is None else str(value))
