"""How a file is told in a message: by its own name where that can name nobody, else by its number on the disk.

A folder's name and a file's may be somebody's (`ada@example.org.parquet`).  Said are names made of
numbers, days, hexadecimal ids, single letters, words of formats, and names of tables that the map has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"[^.\-_=]+")
_ID = re.compile(r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER = re.compile(r"[0-9]{1,6}|(?:19|20)[0-9]{6}")  # a telephone number is longer
_HEX = re.compile(r"(?i)(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}|c[0-9]{3}")
_WORDS = re.compile(
    r"(?i)[a-z]|part|data|tid|snappy|parquet|orc|avro|csv|tsv|json|jsonl|ndjson|log|txt|gz|zst|xz|bz2|zip|bak|old|orig|tmp|swp|"
    r"save|copy|crc|metadata|success"
)


def is_plain(name: str, known: Iterable[str] = ()) -> bool:
    """Tell whether a file's own name can name nobody; `known` are names that may be said.

    >>> [is_plain(name, ["guest"]) for name in ("part-00001.snappy.parquet", "guest.json.2.xz", "2026-11-23.csv")]
    [True, True, True]
    >>> [is_plain(name, ["guest"]) for name in ("ada@example.org.parquet", "guest-0612345678.json", "ada.old", "")]
    [False, False, False, False]
    """
    said = {part for each in known for part in _PART.findall(each.rpartition("/")[2])}
    parts = _PART.findall(_ID.sub("0", name))
    return bool(parts) and all(
        part in said or _WORDS.fullmatch(part) or _NUMBER.fullmatch(part) or _HEX.fullmatch(part)
        for part in parts
    )


def told(name: str, number: object, known: Iterable[str] = ()) -> str:
    """Return a file's own name, or `inode` and its number, by which `find -inum` finds it.

    >>> told("part-1.csv", 7), told("ada.csv", 7)
    ('part-1.csv', 'inode 7')
    """
    return name if is_plain(name, known) else f"inode {number}"
