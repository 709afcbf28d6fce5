"""What people call what a policy names by a key: a purpose, a category, a company, a recipient, a promise.

A key that the policy does not know, such as one of an older version, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from troth.policy import form
from troth.policy.policy import Policy
from troth.policy.promise import Promise, Transfer
from troth.policy.shape import Text
from troth.policy.words import words


class _Titled(Protocol):
    @property
    def title(self) -> Text | None: ...


@dataclass(frozen=True, slots=True)
class Called:
    """The names of a policy in one language."""

    policy: Policy = field(repr=False)
    language: str

    def purpose(self, key: str) -> str:
        """Return what is done for a purpose, begun as a title is."""
        found = self.policy.purposes.get(key)
        return _capital(found.does.said(self.language)) if found else key

    def category(self, key: str) -> str:
        """Return the title of a category of data; that of a register's key, which is no category, too."""
        return self._titled(self.policy.categories.get(key), key)

    def company(self, key: str) -> str:
        """Return the name of a company of the group, as it is registered."""
        group = self.policy.group
        return next((one.name for one in group.entities if str(one.key) == key), key) if group else key

    def recipient(self, key: str) -> str:
        """Return the title of a recipient."""
        return self._titled(self.policy.recipients.get(key), key)

    def channel(self, key: str) -> str:
        """Return the title of a channel by which data comes in."""
        known = (one for each in self.policy.collections.values() for one in each.channels)
        found = next((one for one in known if str(one.key) == key), None)
        return self._titled(found, key)

    def document(self, key: str) -> str:
        """Return the title of a document of the register."""
        return self._titled(self.policy.register_documents.get(key), key)

    def activity(self, key: str) -> str:
        """Return the title of an activity of the register."""
        return self._titled(self.policy.activities.get(key), key)

    def rule(self, key: str) -> str:
        """Return the title of a retention rule."""
        return self._titled(self.policy.retention.get(key), key)

    def transfer(self, key: str) -> str:
        """Return to which country a transfer goes, with to whom where that is known."""
        found = self.policy.transfers.get(key)
        if found is None:
            return key
        to = self.recipient(str(found.recipient)) if found.recipient else found.importer
        country = words(self.language).country(found.country)
        return f"{country} ({to})" if to else country

    def choices(self, names: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, str]]]:
        """Return what references of a form may name, by kind: each name with what it is called."""
        how = {
            "purpose": self.purpose, "recipient": self.recipient, "retention": self.rule, "transfer": self.transfer,
            "category": self.category, "document": self.document, "entity": self.company,
        }  # fmt: skip
        return {kind: [(name, how[kind](name)) for name in every] for kind, every in names.items()}

    def figure(self, text: str) -> str:
        """Return the figure or the finding of a verdict with activities called by their titles."""
        text = _REGISTERED.sub(lambda one: one[1] + ", ".join(map(self.activity, one[2].split(", "))), text)
        key, colon, rest = text.partition(": ")
        return f"{self.activity(key)}{colon}{rest}" if colon else text

    def own(self, promise: Promise) -> str:
        """Return what a promise is called among those of its kind; empty where there is one of the kind."""
        if not promise.many:
            return ""
        if isinstance(promise, Transfer):
            return words(self.language).country(promise.country)
        title = getattr(promise, "title", None) or getattr(promise, "does", None)
        if isinstance(title, Text):
            return title.said(self.language)
        return words(self.language).word(promise.name, promise.kind)

    def named(self, kind: str, name: str, value: Mapping[str, Any] | None = None) -> str:
        """Return the same by kind and name: as the `value` of a draft says, or else the policy; a new one's name."""
        title = (value or {}).get("title") or (value or {}).get("does")
        if isinstance(title, Mapping):
            title = title.get(self.language) or next(iter(title.values()), None)
        if title:
            return str(title)
        found = self.policy.promises.get(f"{kind}/{name}")
        return (found and self.own(found)) or name

    def promise(self, key: str) -> str:
        """Return what a promise is called, by its id: its kind, and its own title or how its name is said."""
        found = self.policy.promises.get(key)
        if found is None:
            return key
        kind, own = form.kind_said(found.kind, self.language), self.own(found)
        colon = " :" if self.language == "fr" else ":"
        return f"{kind}{colon} {own}" if own else kind

    def clause_of(self, promise: str) -> str:
        """Return the clause that a promise stands under, by the promise's id; empty where none does."""
        found = self.policy.promises.get(promise)
        return (
            self.clause(found.clause) if found and "/" not in found.clause else ""
        )  # the register is no clause

    def clause(self, number: str) -> str:
        """Return the number of a clause with its title."""
        documents = self.policy.documents
        document = documents.get(self.language) or next(iter(documents.values()), None)
        found = document.by_number.get(number) if document else None
        return f"{number} {found.title}" if found and found.title else number

    def _titled(self, found: _Titled | None, key: str) -> str:
        return found.title.said(self.language) if found and found.title else key


_REGISTERED = re.compile(r"(in the register with )([\w-]+(?:, [\w-]+)*)")
"""How a verdict names the activities of a purpose."""


def _capital(text: str) -> str:
    """Begin a text as a title begins.

    >>> _capital("send news"), _capital("")
    ('Send news', '')
    """
    return text[:1].upper() + text[1:]
