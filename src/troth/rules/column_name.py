"""What the names of columns, tables and links say, as the lists beside this file have it.

A hint and no more.  It decides alone about one thing: a column that may hold a credential is
never asked for its values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from troth.rules.personal_name import words


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says, and the category that such a column would usually be given."""

    name: str
    category: str


@cache
def _lists() -> dict[str, Any]:
    return tomllib.loads(files("troth.rules").joinpath("column_name.toml").read_text(encoding="utf-8"))


@cache
def meaning(column: str) -> Meaning | None:
    """Say what a column's name says; None when it says nothing.

    >>> meaning("custEmail").name, meaning("mot_de_passe").name, meaning("ip_address").name
    ('email', 'credential', 'ip')
    >>> meaning("clé_api").name, meaning("jeton").name, meaning("session").name, meaning("session_date").name
    ('credential', 'credential', 'credential', 'usage')
    >>> meaning("genre") is None
    True
    """
    said = words(column)
    if " ".join(said) in _lists()["column"]["of_any"]:
        return Meaning("credential", "credential")
    about = len(said) > 1 and said[-1] in _lists()["column"]["about"]
    for entry in _lists()["meaning"]:
        if any(_beside(each, said) for each in entry["words"]):
            if about and entry["name"] != "credential":
                return None
            if entry["name"] == "email" and said[-1] in _lists()["column"]["written"]:
                continue
            return Meaning(entry["name"], entry["category"])
    return None


@cache
def names_party(column: str) -> bool:
    """Tell whether a name of several words says whom an invoice or an order is about.

    >>> names_party("invoice_to_name"), names_party("invoice_to"), names_party("order_total")
    (True, True, False)
    """
    said = words(column)
    return len(said) > 1 and said[-1] in _lists()["column"]["party"]


@cache
def is_credential(table: str, column: str) -> bool:
    """Tell whether the name alone forbids asking for values.

    >>> is_credential("auth_user", "password"), is_credential("payment_card", "code")
    (True, True)
    >>> is_credential("authtoken_token", "key"), is_credential("product", "code")
    (True, False)
    >>> is_credential("members", "hash"), is_credential("document", "hash")
    (True, False)
    """
    found = meaning(column)
    if found is not None and found.name == "credential":
        return True
    if any(word.endswith(("password", "passwd", "token", "secret")) for word in words(column)):
        return True
    if "_".join(words(column)) in _lists()["column"]["of_people"] and ends_with(table, "people"):
        return True
    on = words(table.rpartition(".")[2])[-1:]
    if on and singular(on[0]).endswith(("token", "secret", "apikey", "password")):
        return words(column)[-1:] != [] and words(column)[-1] in _lists()["column"]["of_credentials"]
    return words(column)[-1:] == ["code"] and bool({"card", "carte", "otp", "recovery"} & set(words(table)))


@cache
def ends_with(table: str, names: str) -> bool:
    """Tell whether a table's name ends with a word of this list, in the singular.

    >>> ends_with("auth_user", "people"), ends_with("Customers", "people"), ends_with("user_groups", "people")
    (True, True, False)
    """
    said = words(table.rpartition(".")[2])
    listed = {singular(word) for word in _lists()["table"][names]}
    return bool(said) and (
        singular(said[-1]) in listed
        or (names == "address" and any(singular(said[-1]).endswith(word) for word in listed))
    )


@cache
def has_word(table: str, names: str) -> bool:
    """Tell whether a table's name has a word of this list."""
    said = {singular(word) for word in words(table)}
    return bool(said & {singular(word) for word in _lists()["table"][names]})


@cache
def link_is(column: str, names: str) -> bool:
    """Tell whether a linking column has one of the words or pairs of this list.

    >>> link_is("support_rep_id", "acting"), link_is("SupportRepId", "acting"), link_is("user_id", "owning")
    (True, True, True)
    """
    return any(_beside(each, words(column)) for each in _lists()["link"][names])


@cache
def names_role(column: str) -> bool:
    """Tell whether a column's whole name, but for its ending, is that of a person's role.

    >>> names_role("owner_id"), names_role("created_by"), names_role("max_user_applications")
    (True, True, False)
    """
    said = linked_name(column) or tuple(words(column))
    roles = (*_lists()["link"]["owning"], *_lists()["link"]["acting"])
    return any(list(said[-len(role.split()) :]) == role.split() for role in roles)


@cache
def measures(column: str) -> bool:
    """Tell whether a name says that a column counts, measures or orders something.

    >>> measures("weight_kg"), measures("status_id"), measures("acheteur"), measures("type_owner_id")
    (True, True, False, False)
    """
    said = linked_name(column)[-1:] or words(column)
    return bool(set(said) & set(_lists()["column"]["measure"]))


@cache
def numbered_name(column: str) -> tuple[str, ...]:
    """Return the words of what a column's whole name may refer to, without `num` or `code` before it.

    >>> numbered_name("num_client"), numbered_name("num_clients"), numbered_name("adherent")
    (('client',), (), ('adherent',))
    """
    said = words(column)
    if len(said) > 1 and said[0] in _lists()["link"]["beginning"]:
        said = said[1:]
    return tuple(said) if said and said[-1] == singular(said[-1]) else ()


@cache
def linked_name(column: str) -> tuple[str, ...]:
    """Return the words of what a column's name refers to; empty when it does not look like a link.

    >>> linked_name("shipping_address_id"), linked_name("price")
    (('shipping', 'address'), ())
    """
    said = words(column)
    if len(said) > 1 and said[-1] in _lists()["link"]["ending"]:
        return tuple(said[:-1])
    if len(said) > 1 and said[0] == "id":
        return tuple(said[1:])
    return ()


def singular(word: str) -> str:
    """Return an English or French word without its plural.

    >>> singular("addresses"), singular("customers"), singular("categories"), singular("address")
    ('address', 'customer', 'category', 'address')
    """
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "xes", "ches")):
        return word[:-2]
    return (
        word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
    )


def _beside(entry: str, said: Sequence[str] | Collection[str]) -> bool:
    parts = entry.split()
    listed = list(said)
    return any(listed[at : at + len(parts)] == parts for at in range(len(listed) - len(parts) + 1))
