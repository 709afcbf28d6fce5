"""The tables and lists of the notice, from the promises that are public.

A column that is empty in every row is left out.  Cells are Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from troth.law.period import Period
from troth.policy.promise import Cookie, Entity, Purpose, Recipient, RetentionRule, Transfer
from troth.policy.saying import bullets, escaped, link, title_of
from troth.policy.shape import Text
from troth.policy.soundness import ARTICLES
from troth.policy.words import Words

if TYPE_CHECKING:
    from troth.policy.policy import Policy

Row = Mapping[str, str]


class _Cells:
    """Says the values of one policy in one language."""

    def __init__(self, policy: Policy, words: Words) -> None:
        self.policy = policy
        self.words = words

    def public(self, promises: Mapping[str, Any]) -> list[Any]:
        return [one for one in promises.values() if one.public]

    def text(self, text: Text | None) -> str:
        return escaped(text.said(self.words.language)) if text else ""

    def titles(self, kind: str, names: Iterable[str]) -> str:
        return "; ".join(title_of(self.policy, kind, name, self.words) for name in names)

    def title(self, part: Any) -> str:
        return self.text(part.title) or escaped(part.key.replace("_", " ").replace("-", " "))

    # One method for each table: its rows, by the key of the column's heading.

    def entities(self) -> list[Row]:
        return [
            {
                "company": escaped(one.name),
                "country": self.words.country(one.country),
                "registration": escaped(one.registration or ""),
                "address": escaped(one.address or ""),
                "contact": ", ".join(self._ways(one)),
                "role": self.words.word(one.role),
            }
            for one in (self.policy.group.entities if self.policy.group else ())
        ]

    def _ways(self, entity: Entity) -> Iterator[str]:
        if entity.email:
            yield link(entity.email)
        if entity.phone:
            yield escaped(entity.phone)
        if entity.website:
            yield link(entity.website)

    def categories(self) -> list[Row]:
        return [
            {
                "category": self.words.phrase("special", title=self.title(one))
                if one.special
                else self.title(one),
                "fields": ", ".join(self.text(field) for field in one.fields),
            }
            for each in self.public(self.policy.collections)
            for one in each.categories
        ]

    def channels(self) -> list[Row]:
        return [
            {"channel": self.title(one), "how": self.words.word(one.notice) if one.notice else ""}
            for each in self.public(self.policy.collections)
            for one in each.channels
        ]

    def sources(self) -> list[Row]:
        return [
            {"source": self.title(one)}
            for each in self.public(self.policy.collections)
            for one in each.sources
        ]

    def purposes(self) -> list[Row]:
        return [
            {
                "purpose": self.text(one.does),
                "basis": self._basis(one),
                "data": self.titles("category", one.categories),
                "subjects": "; ".join(self.text(each) for each in one.subjects),
                "recipients": self.titles("recipient", one.recipients),
                "retained": self._retained(one),
            }
            for one in self.public(self.policy.purposes)
        ]

    def _basis(self, purpose: Purpose) -> str:
        basis = self.words.word(purpose.legal_basis)
        why = purpose.interest if purpose.legal_basis == "legitimate_interests" else purpose.duty
        if why is not None:
            basis = self.words.phrase("interest", basis=basis, interest=self.text(why))
        if purpose.other_basis and purpose.other_basis_for:
            other = self.words.word(purpose.other_basis)
            if purpose.other_basis == "legitimate_interests" and purpose.interest:
                other = self.words.phrase("interest", basis=other, interest=self.text(purpose.interest))
            basis = self.words.phrase(
                "other_basis", basis=basis, whom=self.text(purpose.other_basis_for), other=other
            )
        return basis

    def recipients(self) -> list[Row]:
        return [
            {
                "recipient": self.text(one.title),
                "who": self._who(one),
                "role": self.words.word(one.role),
                "what_for": self.text(one.does),
                "when": self.text(one.condition),
                "data": self.titles("category", one.categories),
                "transfer": "; ".join(
                    dict.fromkeys(
                        self._safeguard(self.policy.transfers[name], with_country=True)
                        for name in one.transfers
                    )
                ),
            }
            for one in self.public(self.policy.recipients)
        ]

    def _who(self, recipient: Recipient) -> str:
        """Say who they are by name and where, or only where."""
        if not recipient.named:
            return self.words.country(recipient.country) if recipient.country else ""
        return "; ".join(
            self.words.phrase("to_party", name=escaped(party.name), country=self.words.country(party.country))
            for party in recipient.named
        )

    def retention(self) -> list[Row]:
        return [
            {
                "what": self.title(one),
                "data": self.titles("category", one.categories),
                "period": self.words.period(one.period) if one.period else self.text(one.criteria),
                "trigger": self.text(one.trigger),
                "then": self._then(one),
            }
            for one in self.public(self.policy.retention)
        ]

    def _retained(self, purpose: Purpose) -> str:
        """Say the periods; with the name of each where there are several."""
        rules = [self.policy.retention[name] for name in purpose.retention]
        if len({self._period(rule) for rule in rules}) <= 1:
            return self._period(rules[0]) if rules else ""
        return "; ".join(
            self.words.phrase("interest", basis=self.title(rule), interest=self._period(rule))
            for rule in rules
        )

    def _period(self, rule: RetentionRule) -> str:
        return self.words.period(rule.period) if rule.period else self.text(rule.criteria)

    def _then(self, rule: RetentionRule) -> str:
        if rule.archive is None:
            return self.words.word(rule.then, "retention.then")
        return self.words.phrase(
            "archived", period=self.words.period(rule.archive.period), legal=self.text(rule.archive.legal)
        )

    def cookies(self) -> list[Row]:
        return [
            {
                "cookie": escaped(one.name),
                "storage": self.words.word(one.storage) if self._mixed() else "",
                "set_by": self._set_by(one),
                "host": escaped(one.host or ""),
                "kind": self.words.word(one.category),
                "purpose": self.text(one.purpose),
                "lifetime": self._lifetime(one),
                "data_kept": self.words.period(one.data_kept) if one.data_kept else "",
                "access": self.words.yes_no(one.third_party_access)
                if one.third_party_access is not None
                else "",
                "who_receives": self.titles("recipient", [one.recipient]) if one.recipient else "",
                "exempt": self.text(one.exempt_because),
            }
            for one in (self.policy.cookies.table if self.policy.cookies else ())
        ]

    def _mixed(self) -> bool:
        return self.policy.cookies is not None and any(
            one.storage != "cookie" for one in self.policy.cookies.table
        )

    def _set_by(self, cookie: Cookie) -> str:
        party = self.words.phrase("first_party" if cookie.party == "first" else "third_party")
        return f"{escaped(cookie.set_by)} ({party})" if cookie.set_by else party

    def _lifetime(self, cookie: Cookie) -> str:
        if not isinstance(cookie.lifetime, Period):
            return self.words.word(cookie.lifetime)
        period = self.words.period(cookie.lifetime)
        return self.words.phrase("renewed", period=period) if cookie.sliding else period

    def transfers(self) -> list[Row]:
        return [
            {
                "country": self.words.country(one.country),
                "importer": escaped(one.importer or "")
                or (title_of(self.policy, "recipient", one.recipient, self.words) if one.recipient else ""),
                "safeguard": self._safeguard(one),
                "data": self.titles("category", one.categories),
                "copy": self.text(one.copy_from),
            }
            for one in self.public(self.policy.transfers)
        ]

    def _safeguard(self, transfer: Transfer, with_country: bool = False) -> str:
        said = self.words.word(transfer.mechanism)
        if transfer.module:
            said = self.words.phrase("module", mechanism=said, module=self.words.word(transfer.module))
        if transfer.decision:
            said = self.words.phrase(
                "decision", mechanism=said, decision=escaped(self.words.decision(transfer.decision))
            )
        if with_country:
            return self.words.phrase("interest", basis=self.words.country(transfer.country), interest=said)
        return said

    def rights(self) -> list[Row]:
        return [
            {
                "right": self.words.word(one.key),
                "article": self._article(one.key, one.article),
                "how": self.text(one.how),
                "effect": self.words.word(one.takes_effect) if "takes_effect" in one.said else "",
            }
            for one in self.public(self.policy.rights)
        ]

    def _article(self, key: str, written: str | None) -> str:
        if written:
            return escaped(written)
        return self.words.article(ARTICLES[key]) if key in ARTICLES else ""

    def versions(self) -> list[Row]:
        return [
            {
                "version": escaped(one.version),
                "date": self.words.date(one.dated),
                "what": self.text(one.what),
            }
            for one in (self.policy.change.history if self.policy.change else ())
        ]

    # One line for each list that is not a table of one column.

    def line(self, name: str, row: Row, at: int) -> str:
        if name == "recipients":
            recipient: Recipient = self.public(self.policy.recipients)[at]
            named = f" ({row['who']})" if row["who"] else ""
            condition = self.words.table["grammar"]["colon"] + row["when"] if recipient.condition else ""
            return f"{row['recipient']}{named}{condition}"
        first, *rest = [cell for cell in row.values() if cell]
        if name in ("purposes", "cookies", "entities", "channels"):
            return first
        return first + (self.words.table["grammar"]["colon"] + ", ".join(rest) if rest else "")


TABLES: Mapping[str, Callable[[_Cells], list[Row]]] = {
    "entities": _Cells.entities,
    "categories": _Cells.categories,
    "channels": _Cells.channels,
    "sources": _Cells.sources,
    "purposes": _Cells.purposes,
    "recipients": _Cells.recipients,
    "retention": _Cells.retention,
    "cookies": _Cells.cookies,
    "transfers": _Cells.transfers,
    "rights": _Cells.rights,
    "versions": _Cells.versions,
}
"""What `{{ table: … }}` and `{{ list: … }}` may name."""


def table(name: str, policy: Policy, words: Words) -> str:
    """Write a table as Markdown; without rows it is empty."""
    rows = TABLES[name](_Cells(policy, words))
    columns = [key for key in (rows[0] if rows else {}) if any(row[key] for row in rows)]
    if not columns:
        return ""
    lines = [[words.heading(column) for column in columns], ["---"] * len(columns)]
    lines.extend(
        [row[column] if column in AS_WRITTEN else _capital(row[column]) for column in columns] for row in rows
    )
    return "\n".join(_line(cells) for cells in lines)


def rows(name: str, policy: Policy, words: Words) -> Sequence[Row]:
    """Return the rows of a table, by the keys of its columns; cells are Markdown."""
    return TABLES[name](_Cells(policy, words))


def bullet_list(name: str, policy: Policy, words: Words) -> str:
    """Write a list as Markdown; without items it is empty."""
    cells = _Cells(policy, words)
    return bullets(cells.line(name, row, at) for at, row in enumerate(TABLES[name](cells)))


def is_empty(name: str, policy: Policy) -> bool:
    """Say whether there is nothing to show."""
    found: Mapping[str, Sequence[Any] | Mapping[str, Any]] = {
        "entities": policy.group.entities if policy.group else (),
        "categories": policy.categories,
        "channels": [one for each in policy.collections.values() for one in each.channels],
        "sources": [one for each in policy.collections.values() for one in each.sources],
        "purposes": policy.purposes,
        "recipients": policy.recipients,
        "retention": policy.retention,
        "cookies": policy.cookies.table if policy.cookies else (),
        "transfers": policy.transfers,
        "rights": policy.rights,
        "versions": policy.change.history if policy.change else (),
    }
    things = found[name]
    if isinstance(things, Mapping):
        things = list(things.values())
    return not any(getattr(one, "public", True) for one in things)


def _capital(cell: str) -> str:
    """Begin a cell with a capital.

    >>> _capital("to answer you"), _capital("<dpo@northwind.example>")
    ('To answer you', '<dpo@northwind.example>')
    """
    return cell[:1].upper() + cell[1:]


AS_WRITTEN = frozenset({"cookie", "host", "set_by", "importer", "company"})
"""The columns of names, which begin as they are written."""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
