"""What a person can take elsewhere, and the form it has.

What they provided or we observed, never what we inferred, used for a purpose that rests on
consent or a contract.  Rows are JSON and CSV; `portable.json` says which files there are and
what each column is, after the schema that comes with it.

Law: GDPR Art. 20(1) and (4); WP242 rev.01.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from troth.policy.policy import Policy
from troth.rules.claim import purposes

FORMAT = "troth-portable/1"
HOLDING = frozenset({"key", "link"})
"""Categories of columns that hold rows together: they come along where their row does."""


@dataclass(frozen=True, slots=True)
class Portable:
    """A table of the data to take along: its files, its columns with their categories, its rows."""

    store: str
    table: str
    json: str
    csv: str
    columns: Mapping[str, str]
    rows: int


def categories(policy: Policy, place: str, on: date) -> frozenset[str]:
    """Return the categories a person may take elsewhere."""
    used = {name for key in purposes(policy, "port", place, on) for name in policy.purposes[key].categories}
    given = {
        name
        for each in policy.collections.values()
        if each.how in {"direct", "observed"}
        for name in (*each.collects, *(one.key for one in each.categories))
    }
    return frozenset(used & given)


def columns(mapped: Mapping[str, str], allowed: Collection[str]) -> tuple[str, ...]:
    """Return the columns of a table to take along; none where nothing in it is portable.

    >>> columns({"id": "key", "email": "contact", "score": "profile"}, {"contact"})
    ('id', 'email')
    >>> columns({"id": "key", "score": "profile"}, {"contact"})
    ()
    """
    if not any(category in allowed for category in mapped.values()):
        return ()
    return tuple(name for name, category in mapped.items() if category in allowed or category in HOLDING)


def is_mention(path: Sequence[str]) -> bool:
    """Say whether a row was reached as a mention: it is somebody else's, and stays with them."""
    return bool(path) and path[-1].startswith("mentions ")


def manifest(number: str, made: date, tables: Iterable[Portable]) -> Iterator[str]:
    """Write `portable.json`: what is in the package, and what each column is."""
    told = {
        "format": FORMAT,
        "request": number,
        "made": made.isoformat(),
        "tables": [
            {
                "store": one.store,
                "table": one.table,
                "json": one.json,
                "csv": one.csv,
                "rows": one.rows,
                "columns": [{"name": name, "category": category} for name, category in one.columns.items()],
            }
            for one in tables
        ],
    }
    yield json.dumps(told, ensure_ascii=False, indent=2) + "\n"


def schema() -> str:
    """Return the JSON Schema of `portable.json`."""
    return (files("troth.rules") / "portable.schema.json").read_text(encoding="utf-8")
