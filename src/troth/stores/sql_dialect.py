"""How each engine says what the others say differently, and how identifiers are compared.

A dialect is data.  What is exact: an e-mail address is the same whatever its case and the
blanks around it; a telephone number whatever stands between its digits; every other kind
is the same letter by letter once blanks around the given one are gone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from troth.rules.catalogue import Column
from troth.rules.identifier import exact
from troth.stores import name_folding, phone_form, sql_inside
from troth.stores.sql_inside import Insides


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine says what the others say differently."""

    name: str
    parameter: str
    differs: str  # two values, null counting as a value
    true: str
    false: str
    family: Callable[[str], str]
    email: str
    phone: str
    number: str
    folded: Callable[[str], str]  # a name, as `troth.rules.name_form` has it
    day: Callable[[Column, str], str]
    insides: Insides
    among: str  # a value, and a select of one column
    text: str = "TEXT"  # what a value is cast to, to be read as text
    one_set: bool = False  # a set of rows is one JSON parameter, whatever its key is
    as_text: tuple[str, ...] = ()  # types that the driver hands over as text only, though they are none


# Dialects


def _sqlite_family(declared: str) -> str:
    upper = declared.upper()
    if "INT" in upper:
        return "int"
    if any(mark in upper for mark in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if not upper or "BLOB" in upper:
        return "any"
    return "numeric"


_FAMILIES = {
    "smallint": "int",
    "integer": "int",
    "bigint": "int",
    "text": "text",
    "character varying": "text",
    "character": "text",
    "citext": "text",
    "name": "text",
}


def _postgresql_family(declared: str) -> str:
    bare = re.sub(r"\(.*?\)", "", declared).strip()
    return _FAMILIES.get(bare, bare)


def _sqlite_day(_column: Column, expression: str) -> str:
    return f"date({expression}, 'auto')"


def _postgresql_day(column: Column, expression: str) -> str:
    """Write the day as text of ten characters; null where there is none to be told."""
    if column.shape == "text":
        return f"CASE WHEN {expression} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}' THEN left({expression}, 10) END"
    at = f"{expression} AT TIME ZONE 'UTC'" if "with time zone" in column.type else expression
    return f"CASE WHEN isfinite({expression}) THEN to_char({at}, 'YYYY-MM-DD') END"


_BLANKS = "' ' || char(9) || char(10) || char(13)"
SQLITE = Dialect(
    name="sqlite",
    parameter="?{}",
    differs="{} IS NOT {}",
    true="1",
    false="0",
    family=_sqlite_family,
    email=f"lower(trim({{}}, {_BLANKS}))",
    phone="troth_phone({})",
    number="upper(replace(replace(replace({}, ' ', ''), '.', ''), '-', ''))",
    folded=lambda expression: f"troth_name({expression})",
    day=_sqlite_day,
    insides=sql_inside.SQLITE,
    among="{} IN ({})",
    one_set=True,
)
POSTGRESQL = Dialect(
    name="postgresql",
    parameter="${}",
    differs="{} IS DISTINCT FROM {}",
    true="TRUE",
    false="FALSE",
    family=_postgresql_family,
    email="lower(btrim({}, E' \\t\\n\\r'))",
    phone=(
        "regexp_replace(regexp_replace(replace({}, '(0)', ''), '[^0-9+]', '', 'g'), '^(00|[+]+)(.*)', '+\\2')"
    ),
    number="upper(regexp_replace({}, '[\\s.-]', '', 'g'))",
    folded=name_folding.postgresql,
    day=_postgresql_day,
    insides=sql_inside.POSTGRESQL,
    among="{} = ANY(ARRAY({}))",
)


# MariaDB: a collation may take é for e, A for a, and a blank at the end for nothing.  What must be
# the same letter by letter is therefore compared as bytes of UTF-8, beside a comparison in the
# column's own collation, which its index understands and which is never the narrower one.


_MARIADB_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json")
_MARIADB_INTS = ("tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit")
_MARIADB_NUMBERS = ("decimal", "float", "double")
_MARIADB_BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")


def mariadb_base(declared: str) -> str:
    """Return the bare name of a declared type.

    >>> mariadb_base("varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci")
    'varchar'
    """
    return re.split(r"[ (]", declared, maxsplit=1)[0].lower()


def mariadb_bytes(declared: str) -> bool:
    """Tell whether a declared type holds bytes.

    >>> mariadb_bytes("varbinary(16)"), mariadb_bytes("varchar(16)")
    (True, False)
    """
    return mariadb_base(declared) in _MARIADB_BYTES


def mariadb_integer(declared: str) -> bool:
    """Tell whether a declared type holds whole numbers.

    >>> mariadb_integer("bigint(20) unsigned"), mariadb_integer("decimal(9,0)")
    (True, False)
    """
    return mariadb_base(declared) in _MARIADB_INTS


def _mariadb_family(declared: str) -> str:
    base = mariadb_base(declared)
    if base in _MARIADB_TEXTS:
        return "text"
    if base in _MARIADB_INTS:
        return "int"
    if base in _MARIADB_NUMBERS:
        return "numeric"
    return "bytes" if base in _MARIADB_BYTES else base


def _mariadb_day(column: Column, expression: str) -> str:
    """Write the day as text of ten characters; null where there is none to be told."""
    if column.shape == "text":
        found = f"CASE WHEN {expression} REGEXP '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}' THEN left({expression}, 10) END"
    else:
        found = f"CASE WHEN year({expression}) > 0 THEN date_format({expression}, '%Y-%m-%d') END"
    return f"CONVERT({found} USING utf8mb4) COLLATE utf8mb4_bin"


_CHARSET = re.compile(r"CHARACTER SET (\w+) COLLATE (\w+)$")


def collation(declared: str) -> tuple[str, str] | None:
    """Return the character set and the collation of a declared type of MariaDB."""
    match = _CHARSET.search(declared)
    return (match[1], match[2]) if match is not None else None


def as_bytes(expression: str) -> str:
    """Write a text of MariaDB so that only what is the same letter by letter is equal."""
    return f"CAST(CONVERT({expression} USING utf8mb4) AS BINARY)"


def mariadb_key(declared: str) -> tuple[str, str, str]:
    """Say how a part of a key travels in JSON: how it is written, its type there, how it is read.

    >>> mariadb_key("binary(16)")
    ('HEX({})', 'varchar(6144) CHARACTER SET ascii', 'UNHEX({})')
    """
    base, charset = mariadb_base(declared), collation(declared)
    bare = re.sub(r" (zerofill|CHARACTER SET .*)$", "", declared)
    if base in ("enum", "set"):
        bare = "varchar(1000)"
    if base.endswith("text"):  # a set whose keys are long objects is joined wrongly in a DELETE
        bare = "varchar(8000)"
    if base in _MARIADB_TEXTS and charset is not None:
        typed = f"{bare} CHARACTER SET {charset[0]} COLLATE {charset[1]}"
        return "CONVERT({} USING utf8mb4)", typed, "{}"
    if base in _MARIADB_BYTES:
        return "HEX({})", "varchar(6144) CHARACTER SET ascii", "UNHEX({})"
    if base in ("bit", "year") or "zerofill" in declared:
        return "({} + 0)", "bigint unsigned", "{}"
    if base in _MARIADB_INTS:
        return "{}", "bigint unsigned" if "unsigned" in declared else "bigint", "{}"
    if base == "timestamp":
        return "CAST({} AS CHAR)", bare.replace("timestamp", "datetime"), "{}"
    if base in ("decimal", "date", "datetime", "time"):
        return "CAST({} AS CHAR)", bare, "{}"
    return "CAST({} AS CHAR)", "varchar(1000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "{}"


_TRIMMED = "regexp_replace({}, '^[ \\t\\n\\r]+|[ \\t\\n\\r]+\\z', '')"
MARIADB = Dialect(
    name="mariadb",
    parameter="@troth{}",
    differs="NOT ({} <=> {})",
    true="TRUE",
    false="FALSE",
    family=_mariadb_family,
    email=f"lower({_TRIMMED.replace('{}', 'CONVERT({} USING utf8mb4)')})",
    phone=("regexp_replace(regexp_replace(replace({}, '(0)', ''), '[^0-9+]', ''), '^(00|[+]+)(.*)', '+\\2')"),
    number="upper(regexp_replace({}, '[ \\t\\n\\r.-]', ''))",
    folded=name_folding.mariadb,
    day=_mariadb_day,
    insides=sql_inside.MARIADB,
    among="{} IN ({})",
    text="CHAR",
    one_set=True,
)


# DuckDB


def _duckdb_family(declared: str) -> str:
    upper = declared.upper()
    if upper.startswith(("VARCHAR", "ENUM")):
        return "text"
    if re.fullmatch(r"(TINY|SMALL|BIG|HUGE|U\w*)?INT(EGER)?", upper):
        return "int"
    return "numeric" if upper.startswith(("DECIMAL", "DOUBLE", "FLOAT")) else upper.lower()


def _duckdb_day(column: Column, expression: str) -> str:
    """Write the day as text of ten characters; null where there is none to be told."""
    if column.shape == "text":
        dated = f"regexp_matches({expression}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
        return f"CASE WHEN {dated} THEN left({expression}, 10) END"
    at = f"make_timestamp(epoch_us({expression}))" if "WITH TIME ZONE" in column.type else expression
    return f"CASE WHEN isfinite({expression}) THEN strftime({at}, '%Y-%m-%d') END"


_DUCKDB_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
DUCKDB = Dialect(
    name="duckdb",
    parameter="${}",
    differs="{} IS DISTINCT FROM {}",
    true="TRUE",
    false="FALSE",
    family=_duckdb_family,
    email=f"lower(trim({{}}::text, {_DUCKDB_BLANKS}))",
    phone=(
        "regexp_replace(regexp_replace(replace({}::text, '(0)', ''), '[^0-9+]', '', 'g'), "
        "'^(00|[+]+)(.*)', '+\\2')"
    ),
    number="upper(regexp_replace({}::text, '[\\s.-]', '', 'g'))",
    folded=name_folding.duckdb,
    day=_duckdb_day,
    insides=sql_inside.DUCKDB,
    among="{} IN ({})",
    one_set=True,
    as_text=("TIMESTAMP WITH TIME ZONE",),  # in UTC; for a moment of Python's the driver wants a package more
)


# Identifiers


def forms(kind: str, value: str, region: str = "") -> tuple[str, ...]:
    """Return every form that a given identifier is looked for in; none when it is empty.

    They are few, and compared with an expression that an index can hold.  `region` is whose
    national telephone numbers a store holds.

    >>> forms("email", " Ada@Shop.Example ")
    ('ada@shop.example',)
    """
    bare = value.strip()
    if not bare or "\0" in bare or _unwritable(bare):
        return ()
    written = exact(kind, bare)
    match kind:
        case "email":
            found = [written, bare.lower(), _ascii_lower(bare), *_unicode_domain(written)]
        case "phone":
            found = [written, written.lstrip("+"), *phone_form.spellings(bare, region)]
        case _:
            found = [written, bare]
    found += [
        unicodedata.normalize("NFD", form) for form in found
    ]  # as some file systems and keyboards write
    return tuple(dict.fromkeys(form for form in found if form))


def _unwritable(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


_LOWERED = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _ascii_lower(value: str) -> str:
    """Lower as a database does whose locale knows no other letters."""
    return value.translate(_LOWERED)


def _unicode_domain(email: str) -> Iterable[str]:
    local, at, domain = email.rpartition("@")
    if "xn--" in domain:
        try:
            yield f"{local}{at}{domain.encode('ascii').decode('idna')}"
        except UnicodeError:
            return


def quoted(name: str) -> str:
    """Write a name so that nothing in it can end it.

    >>> print(quoted('a"b c'))
    "a""b c"
    """
    return '"' + name.replace('"', '""') + '"'
