"""Rows of another register as entries of ours: activities with their purposes, processors, documents.

What the policy knows is named, never written anew.  A purpose that it does not know becomes an internal
one, with what the row says of it; data and recipients that it does not know are faults, for
what they are nobody can guess.

Law: GDPR Arts. 5(2), 28(3), 30(1), 30(2).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from troth.law.period import Period
from troth.policy.policy import Policy
from troth.policy.reading import did_you_mean
from troth.policy.shape import Text
from troth.rules.import_sheet import Cells, Fault, folded

Fields = dict[str, object]
KEY_MAX = 48
_UNITS = {
    "an": "years", "ans": "years", "année": "years", "années": "years", "year": "years", "years": "years",
    "mois": "months", "month": "months", "months": "months", "jour": "days", "jours": "days", "day": "days",
    "days": "days", "semaine": "weeks", "semaines": "weeks", "week": "weeks", "weeks": "weeks",
}  # fmt: skip
_PERIOD = re.compile(
    r"(\d{1,4})\s+(\w+)\s+(?:from|after|since|à compter d(?:e la |e l[’']|u |es |e )|après )\s*(.+)",
    re.IGNORECASE,
)
ORDER = ("activity", "purpose", "retention", "recipient", "document")
_COLUMNS = {
    "activity": {"title": "name", "entities": "companies", "joint_with": "joint", "does": "purposes",
                 "controllers": "served"},
    "purpose": {"does": "purposes", "duty": "interest", "recipients": "external", "entities": "companies"},
    "retention": dict.fromkeys(("title", "period", "trigger", "criteria"), "retention"),
    "recipient": {"title": "name", "named": "country", "notify": "email"},
    "document": {"entities": "companies", "says": "covers", "recipients": "name"},
}  # fmt: skip
"""Which column a field of an entry is made of, where it has another name there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the register as it would be written, and the row it is from."""

    row: int
    kind: str
    key: str
    fields: Fields = field(repr=False)

    @property
    def name(self) -> str:
        """Its kind and its key, such as `activity/payroll`."""
        return f"{self.kind}/{self.key}"


@dataclass(slots=True)
class Drafting:
    """Entries that are drafted for a policy; `faults` fills up on the way."""

    policy: Policy
    language: str = ""
    faults: list[Fault] = field(default_factory=list)
    made: dict[str, Entry] = field(default_factory=dict)

    def text(self, words: str) -> object:
        """Return words as the register has them: of the policy's first language, or of another one."""
        return {self.language: words} if self.language else words

    def texts(self, words: Iterable[str]) -> list[object]:
        """Return several sayings."""
        return [self.text(one) for one in words]

    def find(self, one: Cells, column: str, known: Mapping[str, object], names: Iterable[str]) -> list[str]:
        """Return the keys of what is named by key or by its words; note those that nothing is called."""
        found = []
        by_words = {word: key for key, value in known.items() for word in called(str(key), value)}
        for name in names:
            key = by_words.get(folded(name))
            if key is None:
                near = did_you_mean(name, list(known)) if "@" not in name else ""
                self.faults.append(
                    one.fault(column, f"the policy has nothing of one of these names. {near} Or say under `values` "
                              "of a map which one is meant.".replace("  ", " "))
                )  # fmt: skip
            else:
                found.append(key)
        return list(dict.fromkeys(found))

    def add(self, entry: Entry) -> str:
        """Keep an entry once; return its key."""
        self.made.setdefault(entry.name, entry)
        return entry.key


def called(key: str, value: object) -> set[str]:
    """Return everything that something is called, folded: its key, its title, its short name, what it does."""
    names = {folded(key)}
    for attribute in ("title", "short", "does", "name"):
        said = getattr(value, attribute, None)
        if isinstance(said, Text):
            names |= {folded(words) for _, words in said.words}
        elif isinstance(said, str):
            names.add(folded(said))
    return names


def slug(words: str) -> str:
    """Return a key for words.

    >>> slug("Gestion de la paie (siège)"), slug("…")
    ('gestion-de-la-paie-siege', 'entry')
    """
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:KEY_MAX].strip("-")
    return key if key[:1].isalpha() else f"entry-{key}".strip("-")


def activities(drafting: Drafting, rows: Sequence[Cells]) -> None:
    """Draft the activities of a register, and the purposes that the policy does not know."""
    for one in rows:
        policy = drafting.policy
        role = one.text("role") or "controller"
        entities = drafting.find(one, "companies", _entities(policy), one.several("companies"))
        fields: Fields = {
            "title": drafting.text(one.text("name")), "role": role, "entities": entities,
            "joint_with": drafting.texts(one.several("joint")), "measures": drafting.texts(one.several("measures")),
            "stores": list(one.several("stores")), "created": one.day("created"), "updated": one.day("updated"),
            "reviewed": one.day("reviewed"),
            "owner": drafting.text(one.text("owner")) if one.text("owner") else None,
        }  # fmt: skip
        if role == "processor":
            fields["does"] = drafting.texts(one.several("purposes"))
            if one.text("served"):
                served = {"name": one.text("served"), "country": one.text("served_country").upper()}
                fields["controllers"] = {slug(one.text("served")): served}
        else:
            fields["subjects"] = drafting.texts(one.several("subjects"))
            fields["purposes"] = [_purpose(drafting, one, said, entities) for said in one.several("purposes")]
        drafting.add(Entry(one.row, "activity", _key(one, "name"), fields))


def _purpose(drafting: Drafting, one: Cells, said: str, entities: list[str]) -> str:
    """Return the key of a purpose: of the policy by its words, or of an internal one that is drafted."""
    policy = drafting.policy
    known = next(
        (str(key) for key, value in policy.purposes.items() if folded(said) in called(key, value)), None
    )
    if known is not None:
        return known
    basis = one.text("legal_basis")
    if not basis:
        drafting.faults.append(
            one.fault(
                "legal_basis", "the policy has no such purpose, and an internal one needs its legal basis."
            )
        )
    recipients = [
        key
        for column in ("internal", "external", "processors")
        for key in drafting.find(one, column, policy.recipients, one.several(column))
    ]
    categories = [
        key
        for column in ("categories", "special")
        for key in drafting.find(one, column, policy.categories, one.several(column))
    ]
    interest = drafting.text(one.text("interest")) if one.text("interest") else None
    fields: Fields = {
        "does": drafting.text(said), "legal_basis": basis,
        "interest": interest if basis == "legitimate_interests" else None,
        "duty": interest if basis == "legal_obligation" else None,
        "condition": drafting.text(one.text("condition")) if one.text("condition") else None,
        "categories": categories, "subjects": drafting.texts(one.several("subjects")),
        "recipients": list(dict.fromkeys(recipients)), "entities": entities,
        "retention": [_retention(drafting, one, words) for words in one.several("retention")],
    }  # fmt: skip
    return drafting.add(Entry(one.row, "purpose", slug(said), fields))


def _retention(drafting: Drafting, one: Cells, words: str) -> str:
    """Return the key of a retention promise: of the policy, or of one drafted from a period or from criteria."""
    known = drafting.policy.retention
    found = next((str(key) for key, value in known.items() if folded(words) in called(key, value)), None)
    if found is not None:
        return found
    matched = _PERIOD.fullmatch(words)
    unit = _UNITS.get(matched[2].casefold()) if matched else None
    period = Period.parse(f"{matched[1]} {unit}") if matched and unit else None
    fields: Fields = {"title": drafting.text(words)}
    if period is not None and matched is not None:
        fields |= {"period": f"{matched[1]} {unit}", "trigger": drafting.text(matched[3].strip())}
    else:
        fields |= {"criteria": drafting.text(words), "trigger": drafting.text(words)}
    return drafting.add(Entry(one.row, "retention", slug(words), fields))


def processors(drafting: Drafting, rows: Sequence[Cells]) -> None:
    """Draft processors and their contracts; of one that the policy knows, the contract alone."""
    policy = drafting.policy
    for one in rows:
        name, key = one.text("name"), _key(one, "name")
        known = next((found for found in policy.recipients.values() if _is(found, key, name)), None)
        if known is not None and known.role != "processor":
            drafting.faults.append(one.fault("name", "the policy knows it, and not as a processor."))
            continue
        if known is None:
            fields: Fields = {
                "title": drafting.text(name), "class": "processor", "role": "processor",
                "does": drafting.text(one.text("does")) if one.text("does") else None,
                "named": {slug(name): {"name": name, "country": one.text("country").upper()}},
                "categories": drafting.find(one, "categories", policy.categories, one.several("categories")),
                "requires": ["agreement"],
                "notify": {"by": "email", "address": one.text("email")} if one.text("email") else None,
            }  # fmt: skip
            drafting.add(Entry(one.row, "recipient", key, fields))
        contract = [
            column
            for column in ("contract", "until", "review_by", "covers", "location", "sha256")
            if column in one.values
        ]
        if one.day("signed") is None:
            if contract:
                drafting.faults.append(one.fault("signed", "a contract has the day it was signed."))
            continue
        paper: Fields = {
            "type": "processor_contract", "title": drafting.text(one.text("contract") or name),
            "dated": one.day("signed"), "recipients": [str(known.key) if known is not None else key],
            "says": list(one.several("covers")), **_paper(drafting, one),
        }  # fmt: skip
        drafting.add(Entry(one.row, "document", slug(f"contract-{key}"), paper))


def documents(drafting: Drafting, rows: Sequence[Cells]) -> None:
    """Draft the documents of the register."""
    policy = drafting.policy
    for one in rows:
        fields: Fields = {
            "type": one.text("type"), "title": drafting.text(one.text("title")), "dated": one.day("dated"),
            "from": one.day("from"), "clauses": list(one.several("clauses")), "stores": list(one.several("stores")),
            "entities": drafting.find(one, "companies", _entities(policy), one.several("companies")),
            "purposes": drafting.find(one, "purposes", policy.purposes, one.several("purposes")),
            "recipients": drafting.find(one, "recipients", policy.recipients, one.several("recipients")),
            "transfers": drafting.find(one, "transfers", policy.transfers, one.several("transfers")),
            "says": list(one.several("says")), "risk": one.text("risk") or None, "needed": one.values.get("needed"),
            "consulted": one.day("consulted"), "answer_by": one.day("answer_by"), "answered": one.day("answered"),
            "advice": drafting.text(one.text("advice")) if one.text("advice") else None, **_paper(drafting, one),
        }  # fmt: skip
        drafting.add(Entry(one.row, "document", _key(one, "title"), fields))


def _paper(drafting: Drafting, one: Cells) -> Fields:
    return {
        "until": one.day("until"), "review_by": one.day("review_by"), "location": one.text("location") or None,
        "sha256": one.text("sha256").lower() or None,
        "owner": drafting.text(one.text("owner")) if one.text("owner") else None,
    }  # fmt: skip


def _key(one: Cells, column: str) -> str:
    return slug(one.text("reference") or one.text(column))


def _is(found: object, key: str, name: str) -> bool:
    names = called(str(getattr(found, "key", "")), found)
    parties = {folded(party.name) for party in getattr(found, "named", ())}
    return folded(key) in names or folded(name) in names | parties


def _entities(policy: Policy) -> dict[str, object]:
    return {str(one.key): one for one in (policy.group.entities if policy.group else ())}


def written(entries: Sequence[Entry], head: str) -> tuple[str, dict[int, tuple[int, str, tuple[str, ...]]]]:
    """Write entries as a file of the register, and say for each of its lines which row, kind and columns it is from."""
    lines = [f"# {line}" for line in head.splitlines()]
    cells: dict[int, tuple[int, str, tuple[str, ...]]] = {}
    for kind in ORDER:
        mine = [one for one in entries if one.kind == kind]
        lines += [f"{kind}:"] if mine else []
        for one in mine:
            lines += [*([f"  # row {one.row}"] if one.row else []), f"  {one.key}:"]
            cells |= dict.fromkeys((len(lines) - 1, len(lines)), (one.row, kind, columns(kind, "title")))
            for name, line in _fields(one.fields):
                lines.append(line)
                cells[len(lines)] = one.row, kind, columns(kind, name)
    return "\n".join(lines) + "\n", cells


def columns(kind: str, name: str) -> tuple[str, ...]:
    """Return the columns that a field may be made of: by its name in the table, or by its own."""
    return tuple(dict.fromkeys((_COLUMNS.get(kind, {}).get(name, name), name)))


def _fields(fields: Fields) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if value is None or value in ("", [], {}):
            continue
        # JSON's quoting is that of double quotes in YAML; a day and a number are written bare.
        shown = value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)
        yield name, f"    {name}: {shown}"
