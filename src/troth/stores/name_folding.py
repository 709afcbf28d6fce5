"""How engines fold names: the letters of `troth.rules.name_form`, in the words of each.

A name of plain letters, as most are, costs one look more; only one that holds other letters goes through the table.
"""

from __future__ import annotations

from itertools import groupby

from troth.rules.name_form import APART, LIGATURES, MARKS, marked_letters


def _as_it_is(letter: str) -> str:
    return "''" if letter == "'" else letter


def _by_number(letter: str) -> str:
    r"""Write a letter of a pattern of PostgreSQL so that a database of any encoding reads it."""
    return f"\\u{ord(letter):04x}"


_TABLE = {
    base: "".join(letter for letter, _ in letters)
    for base, letters in groupby(
        sorted((*marked_letters().items(), *LIGATURES.items()), key=lambda one: one[1]),
        key=lambda one: one[1],
    )
}


def postgresql(expression: str) -> str:
    """Write a name folded, for PostgreSQL."""
    text = f"({expression})::text"
    return _folded(text, f"{text} !~ '[^\\u0001-\\u007f]'", ", 'g'", by_number=True)


def duckdb(expression: str) -> str:
    """Write a name folded, for DuckDB."""
    text = f"({expression})::text"
    return _folded(text, f"strlen({text}) = length({text})", ", 'g'")


def mariadb(expression: str) -> str:
    """Write a name folded, for MariaDB."""
    text = f"CONVERT({expression} USING utf8mb4)"
    return _folded(text, f"LENGTH({text}) = CHAR_LENGTH({text})", "")


def _folded(text: str, plain: str, every: str, *, by_number: bool = False) -> str:
    letter = _by_number if by_number else _as_it_is
    first, last = map(letter, (MARKS[0], MARKS[-1]))
    whole = f"regexp_replace({text}, '[{first}-{last}]+', ''{every})"
    for base, letters in _TABLE.items():
        whole = f"regexp_replace({whole}, '[{''.join(map(letter, letters))}]', '{base}'{every})"
    apart = "".join(
        map(letter, sorted(APART, key=lambda one: one == "-"))
    )  # a hyphen that is last is no range
    lowered = f"lower(CASE WHEN {plain} THEN {text} ELSE {whole} END)"
    return f"trim(regexp_replace({lowered}, '[{apart}]+', ' '{every}))"
