"""The policy as the machine knows it: documents by language, promises by id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from troth.policy.document import Document
from troth.policy.promise import (
    Answer,
    Category,
    Change,
    Collection,
    Consent,
    Cookies,
    FirstCommunication,
    Group,
    NotifyRecipients,
    Promise,
    Purpose,
    Recipient,
    RetentionRule,
    Right,
    Security,
    Transfer,
)
from troth.policy.register import Activity, RegisterDocument

Kind = TypeVar("Kind", bound=Promise)


@dataclass(frozen=True)
class Policy:
    """A policy without mistakes.

    `promises` has every promise by its id, in the order of the files.  A kind that
    stands once may be said in several clauses: each is a promise of its own (`said`
    names its fields) and carries the values of the whole.
    """

    documents: Mapping[str, Document]
    promises: Mapping[str, Promise]
    files: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)  # as they were read

    @cached_property
    def document(self) -> Document:
        """The document that carries the promises."""
        return next(iter(self.documents.values()))

    @property
    def language(self) -> str:
        """The language of the document that carries the promises."""
        return self.document.language

    @property
    def title(self) -> str:
        """What the policy is called."""
        return self.document.title

    @cached_property
    def version(self) -> str:
        """The version: of the promise `change`, else at the top of the file, else empty."""
        return (self.change.version if self.change else None) or self.document.front.version or ""

    @cached_property
    def updated(self) -> date | None:
        """The day of the last change."""
        return (self.change.updated if self.change else None) or self.document.front.date

    @cached_property
    def effective(self) -> date | None:
        """The day from which it is in force; the day of the last change where none is given."""
        return (self.change.effective if self.change else None) or self.updated

    @cached_property
    def group(self) -> Group | None:
        """Who is bound and how they are reached."""
        return self._one(Group)

    @cached_property
    def answer(self) -> Answer | None:
        """How requests are answered."""
        return self._one(Answer)

    @cached_property
    def notify_recipients(self) -> NotifyRecipients | None:
        """That recipients are told of changes."""
        return self._one(NotifyRecipients)

    @cached_property
    def first_communication(self) -> FirstCommunication | None:
        """That the right to object is presented at first communication."""
        return self._one(FirstCommunication)

    @cached_property
    def security(self) -> Security | None:
        """How data is protected."""
        return self._one(Security)

    @cached_property
    def consent(self) -> Consent | None:
        """How consent is asked and taken back."""
        return self._one(Consent)

    @cached_property
    def cookies(self) -> Cookies | None:
        """What is stored on devices."""
        return self._one(Cookies)

    @cached_property
    def change(self) -> Change | None:
        """Which version this is."""
        return self._one(Change)

    @cached_property
    def collections(self) -> Mapping[str, Collection]:
        """What is collected, by name."""
        return self._by_name(Collection)

    @cached_property
    def purposes(self) -> Mapping[str, Purpose]:
        """Why data is processed, by name; those of the register too."""
        return self._by_name(Purpose)

    @cached_property
    def recipients(self) -> Mapping[str, Recipient]:
        """Who receives data, by name; those of the register too."""
        return self._by_name(Recipient)

    @cached_property
    def rights(self) -> Mapping[str, Right]:
        """The rights promised, by name."""
        return self._by_name(Right)

    @cached_property
    def retention(self) -> Mapping[str, RetentionRule]:
        """How long data is retained, by name; what the register says too."""
        return self._by_name(RetentionRule)

    @cached_property
    def transfers(self) -> Mapping[str, Transfer]:
        """Where data goes outside the EEA, by name; what the register says too."""
        return self._by_name(Transfer)

    @cached_property
    def activities(self) -> Mapping[str, Activity]:
        """The processing activities of the register, by name."""
        return self._by_name(Activity)

    @cached_property
    def register_documents(self) -> Mapping[str, RegisterDocument]:
        """The documents of the register, by name: contracts, assessments, letters."""
        return self._by_name(RegisterDocument)

    @cached_property
    def categories(self) -> Mapping[str, Category]:
        """Every category of data that may be held, by name."""
        return MappingProxyType(
            {one.key: one for each in self.collections.values() for one in each.categories}
        )

    def received_by(self, recipient: Recipient) -> frozenset[str]:
        """Return the categories a recipient receives: its own list, else those of the purposes that name it.

        A recipient of the register receives what only the register collects: payroll data of
        employees, say, and not the name of a customer, although both are called identity.
        """
        own = set(recipient.categories) or {
            category
            for purpose in self.purposes.values()
            if str(recipient.key) in map(str, purpose.recipients)
            for category in purpose.categories
        }
        if not recipient.public:
            own -= {one.key for each in self.collections.values() if each.public for one in each.categories}
        return frozenset(own)

    def of_clause(self, number: str) -> tuple[Promise, ...]:
        """Return the promises that stand under a clause."""
        return tuple(one for one in self.promises.values() if one.clause == number and one.public)

    def find(self, name: str) -> Promise | None:
        """Return a promise by id, or by kind and name without its clause (`retention/prospects`)."""
        if name in self.promises:
            return self.promises[name]
        kind, _, rest = name.partition("/")
        for one in self.promises.values():
            if one.kind == kind and one.name == (rest or kind):
                return one
        return None

    def _one(self, kind: type[Kind]) -> Kind | None:
        return next((one for one in self.promises.values() if type(one) is kind), None)

    def _by_name(self, kind: type[Kind]) -> Mapping[str, Kind]:
        return MappingProxyType({one.name: one for one in self.promises.values() if type(one) is kind})
