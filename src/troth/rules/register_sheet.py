"""The sheet of one processing activity: field by field, in the order in which the French authority has them.

What a table of all activities says in one cell stands here in lines: each category of data with what
is in it and how long it is retained, each recipient with its class, each transfer with its safeguard.

Law: GDPR Art. 30(1); the sheet per activity of the CNIL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from troth.policy.promise import Purpose, Recipient, Transfer
from troth.policy.register import Activity
from troth.rules.register import Line, Register, Source
from troth.rules.register_activity import INTERNAL, how_long, purposes_of, recipients_of, transfers_of

Row: TypeAlias = tuple[str, str, str, str]
_BEFORE = ("name", "reference", "created", "updated", "controller", "dpo", "representative", "joint")
_AFTER = (
    "sources",
    "decisions",
    "rights",
    "assessment",
    "stores",
    "clauses",
    "owner",
    "reviewed",
    "review_due",
    "lacks",
)


def headings(source: Source) -> Row:
    """Return what heads the four columns of a sheet."""
    field, said, detail, more = (source.heading(one, "sheet") for one in ("field", "said", "detail", "more"))
    return field, said, detail, more


def sheets(source: Source, register: Register) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """Yield the sheet of each line of the register of processing, with its name."""
    for line in register.lines:
        key = line["reference"][0]
        one = source.policy.activities.get(key)
        alone = source.policy.purposes.get(key)
        purposes = purposes_of(one, source) if one else (alone,) if alone else ()
        yield line["name"][0], tuple(_rows(source, line, one, purposes))


def _rows(source: Source, line: Line, one: Activity | None, purposes: tuple[Purpose, ...]) -> Iterator[Row]:
    yield from _as_in_the_table(source, line, _BEFORE)
    for number, purpose in enumerate(purposes):
        which = source.heading("further_purpose" if number else "main_purpose", "sheet")
        yield which, source.text(purpose.does), "", ""
    yield from _as_in_the_table(source, line, ("legal_basis", "interest", "measures"))
    yield from _data(source, purposes)
    yield from _as_in_the_table(source, line, ("subjects",))
    recipients = recipients_of(source, one, purposes)
    yield from (_recipient(source, each) for each in recipients)
    going = {each.key: each for each in transfers_of(source, one, purposes, recipients)}
    yield from (_transfer(source, each) for each in going.values())
    yield from _as_in_the_table(source, line, _AFTER)


def _as_in_the_table(source: Source, line: Line, codes: tuple[str, ...]) -> Iterator[Row]:
    for code in codes:
        for said in line.get(code, ()):
            yield source.heading(code), said, "", ""


def _data(source: Source, purposes: tuple[Purpose, ...]) -> Iterator[Row]:
    """Yield each category of data with what is in it and how long it is retained; special ones last."""
    names = dict.fromkeys(str(name) for each in purposes for name in each.categories)
    known = [source.policy.categories[name] for name in names if name in source.policy.categories]
    ending = dict.fromkeys(str(name) for each in purposes for name in each.retention)
    rules = [source.policy.retention[name] for name in ending if name in source.policy.retention]
    for category in sorted(known, key=lambda each: each.special):
        kept = [
            how_long(source, rule)
            for rule in rules
            if not rule.categories or str(category.key) in map(str, rule.categories)
        ]
        heading = source.heading("special" if category.special else "categories")
        yield heading, source.title(category), ", ".join(source.texts(category.fields)), "\n".join(kept)


def _recipient(source: Source, one: Recipient) -> Row:
    inside = one.class_ in INTERNAL
    code = "internal" if inside else "processors" if one.role == "processor" else "external"
    named = ", ".join(
        source.phrase("of", name=party.name, what=source.words.country(party.country)) for party in one.named
    )
    said = "; ".join(filter(None, (source.word(one.class_, "recipient.class"), named)))
    return source.heading(code), source.text(one.title), said, ""


def _transfer(source: Source, one: Transfer) -> Row:
    recipient = source.policy.recipients.get(str(one.recipient)) if one.recipient else None
    who = one.importer or (source.text(recipient.title) if recipient else "")
    safeguard = "; ".join(filter(None, (source.mechanism(one), source.text(one.copy_from))))
    return source.heading("transfers"), who, source.words.country(one.country), safeguard
