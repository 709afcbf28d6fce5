"""How a store map writes a column, a place inside one, and what a link refers to.

Columns that a link is made of are written `customer_id`, or `company_id + branch_no` for
several; what they refer to is `table.column`, or `branch.company_id + no`.  A link inside a
JSON document is `data.buyer.id`, one in a list `member_ids.*` or `data.watchers.*.id`.  A
name with a dot, a plus, a quote or a blank in it, and a star, stands in double quotes:
`"Odd.Table"."e-mail"`.
"""

from __future__ import annotations

import re

from troth.rules.map import Columns, InDocument, InList, Inside

_NAME = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\s."+](?:[^."+]*[^\s."+])?))\s*')


def columns_of(written: str) -> Columns | None:
    """Read the columns of a link; None when they are not written as such.

    >>> columns_of("company_id + branch_no"), columns_of('"e-mail"'), columns_of("a.b")
    (('company_id', 'branch_no'), ('e-mail',), None)
    """
    parts = _parts(written)
    return parts[0][0] if parts is not None and len(parts) == 1 and not parts[0][1] else None


def link_of(written: str) -> tuple[Columns, Inside | None] | None:
    """Read where a link or a value stands: columns, or a place inside one; None when not written as such.

    >>> link_of("company + no"), link_of("data.buyer.id")
    ((('company', 'no'), None), (('data',), InDocument(path=('buyer', 'id'))))
    >>> link_of("ids.*"), link_of("data.watchers.*.id")
    ((('ids',), InList(path=(), below=())), (('data',), InList(path=('watchers',), below=('id',))))
    """
    parts = _parts(written)
    if parts is None or (len(parts) > 1 and any(len(names) > 1 for names, _ in parts)):
        return None
    stars = [number for number, (_, star) in enumerate(parts) if star]
    keys = tuple(names[0] for names, _ in parts)
    if not stars:
        return parts[0][0], InDocument(keys[1:]) if len(keys) > 1 else None
    if len(stars) > 1 or stars[0] == 0:
        return None
    return keys[:1], InList(keys[1 : stars[0]], keys[stars[0] + 1 :])


def target_of(written: str) -> tuple[str, Columns] | None:
    """Read what a link refers to: a table and its columns; None when not written as such.

    >>> target_of("branch.company_id + no")
    ('branch', ('company_id', 'no'))
    >>> target_of('sales."Odd.Table".id')
    ('sales.Odd.Table', ('id',))
    """
    parts = _parts(written)
    if parts is None or len(parts) < 2 or any(len(names) > 1 for names, _ in parts[:-1]):
        return None
    if any(star for _, star in parts):
        return None
    return ".".join(names[0] for names, _ in parts[:-1]), parts[-1][0]


def _parts(written: str) -> tuple[tuple[Columns, bool], ...] | None:
    """Split at dots, and each part at pluses; names may be quoted; tell which part is a bare star."""
    parts: list[tuple[list[str], bool]] = [([], False)]
    position = 0
    while True:
        match = _NAME.match(written, position)
        if match is None:
            return None
        names = parts[-1][0]
        names.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        if match[2] == "*":
            parts[-1] = (names, True)
        position = match.end()
        if position == len(written):
            return tuple((tuple(each), star) for each, star in parts)
        if written[position] == ".":
            parts.append(([], False))
        elif written[position] != "+":
            return None
        position += 1
