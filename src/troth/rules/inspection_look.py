"""What an inspection may look into live, and what of a row it is shown.

Law: GDPR Art. 58(1)(e); Art. 5(1)(c).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from troth.rules.map import Map
from troth.rules.package import CREDENTIAL, WITHHELD, plain

SAMPLE_MAX = 50
"""How many rows a look shows at most: an inspection looks at examples, and takes extracts for the rest."""
SHOWN_MAX = 60


def within(scope: Sequence[str], map_: Map, table: str, theirs: Collection[str]) -> bool:
    """Say whether a table is in a scope: by its store, by its name, or by a category that one of its columns holds.

    `theirs` are the stores of the company that is inspected: no table of another store is in it.
    """
    if map_.store not in theirs:
        return False
    told = map_.tables.get(table)
    categories = set(map(str, told.columns.values())) if told is not None else set()
    return bool({map_.store, f"{map_.store}.{table}", *categories} & set(scope))


def shown(
    row: Mapping[str, object], categories: Mapping[str, str], *, masked: bool, language: str
) -> dict[str, str]:
    """Return a row as it may be shown: credentials never, and where it is masked only the shape of each value.

    >>> shown({"id": 7, "name": "Ada B."}, {"name": "identity"}, masked=True, language="en")
    {'id': '9', 'name': 'xxx x.'}
    """
    out = {}
    for column, value in row.items():
        if value is None:
            out[column] = ""
        elif categories.get(column) == CREDENTIAL:
            out[column] = WITHHELD[language]
        else:
            written = str(plain(value))[:SHOWN_MAX]
            out[column] = shape(written) if masked else written
    return out


def shape(written: str) -> str:
    """Return the shape of a value: every digit a 9, every other letter an x.

    >>> shape("ada.b-3@example.org")
    'xxx.x-9@xxxxxxx.xxx'
    """
    return "".join("9" if one.isdigit() else "x" if one.isalnum() else one for one in written)
