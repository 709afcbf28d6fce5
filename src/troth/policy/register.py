"""What stands in the register alone: processing activities, and the documents that show a duty was met.

Nothing of it is ever rendered in a notice.  An activity names its purposes, which are
promises of a clause or of the register; what it collects, who receives it and how long it
is retained follow from them, so that the register cannot say otherwise than the policy.

Law: GDPR Arts. 5(2), 24, 26, 28(3), 30, 35, 36.
"""

# ruff: noqa: RUF009  (`told` declares a field, as `dataclasses.field` does)
from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, TypeAlias

from troth.law.period import Period
from troth.policy.promise import Contact, Letter, Promise
from troth.policy.shape import (
    Country,
    DocumentName,
    EntityName,
    Named,
    PurposeName,
    RecipientName,
    Text,
    TransferName,
    told,
)

DocumentType: TypeAlias = Literal[
    "processor_contract",
    "joint_arrangement",
    "dpia",
    "interest_assessment",
    "transfer_assessment",
    "measure",
    "access_review",
    "training",
    "dpo_designation",
    "dpo_advice",
    "authority_letter",
]

Criterion: TypeAlias = Literal[
    "scoring",
    "automated_decision",
    "systematic_monitoring",
    "sensitive_data",
    "large_scale",
    "matching",
    "vulnerable_subjects",
    "innovative_use",
    "blocks_a_right",
]
"""The nine criteria of WP248 rev.01; two of them call for an impact assessment as a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedController:
    """A controller for whom we process."""

    key: Named
    name: str = told("its name as registered", required=True)
    country: Country = told("where it is established", required=True)
    contact: Contact | None = told("how it is reached", law="GDPR Art. 30(2)(a)")
    representative: Contact | None = told("its representative", law="GDPR Art. 30(2)(a)")
    dpo: Contact | None = told("its data protection officer", law="GDPR Art. 30(2)(a)")
    agreement: DocumentName | None = told("the contract with it, by its name", law="GDPR Art. 28(3)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Promise):
    """A processing activity of the register; it stands in register/ alone."""

    kind: ClassVar[str] = "activity"
    many: ClassVar[bool] = True

    key: Named
    title: Text = told("what the register calls it", required=True)
    role: Literal["controller", "joint_controller", "processor"] = told(
        "what we are for it", law="GDPR Art. 30(1), 30(2)", default="controller"
    )
    entities: tuple[EntityName, ...] = told("the companies that do it; all if absent", default=())
    joint_with: tuple[Text, ...] = told(
        "the other controllers, where it is joint", law="GDPR Art. 26", default=()
    )
    purposes: tuple[PurposeName, ...] = told(
        "its purposes, of clauses or of the register", law="GDPR Art. 30(1)(b)", default=()
    )
    subjects: tuple[Text, ...] = told(
        "whose data it is; those of its purposes if absent", law="GDPR Art. 30(1)(c)", default=()
    )
    controllers: tuple[ServedController, ...] = told(
        "the controllers for whom we process, one by one", law="GDPR Art. 30(2)(a)", default=()
    )
    does: tuple[Text, ...] = told("what is done for them, as processor", law="GDPR Art. 30(2)(b)", default=())
    recipients: tuple[RecipientName, ...] = told(
        "who receives data besides those of its purposes; as processor, the sub-processors", default=()
    )
    transfers: tuple[TransferName, ...] = told(
        "its transfers besides those of its recipients", law="GDPR Art. 30(1)(e)", default=()
    )
    stores: tuple[str, ...] = told(
        "the stores it uses; those whose maps name its purposes if absent", default=()
    )
    measures: tuple[Text, ...] = told(
        "its own measures; those of `security` if absent", law="GDPR Art. 30(1)(g)", default=()
    )
    documents: tuple[DocumentName, ...] = told("what shows that its duties were met", default=())
    owner: Text | None = told("who answers for it, by function", law="GDPR Art. 24")
    created: date | None = told("the day it began")
    updated: date | None = told("the day its entry was last changed")
    reviewed: date | None = told("the day somebody last looked whether the entry is true")
    review_every: Period = told("how often that is done", default=Period(1, "years"))

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDocument(Promise):
    """A document of the register, such as a contract or an assessment; it stands in register/ alone."""

    kind: ClassVar[str] = "document"
    many: ClassVar[bool] = True

    key: Named
    type: DocumentType = told("what it is", required=True)
    title: Text = told("what it is called", required=True)
    dated: date = told("the day it was made or signed", required=True)
    entities: tuple[EntityName, ...] = told("the companies it is about; all if absent", default=())
    clauses: tuple[str, ...] = told("the clauses of the policy it bears out", default=())
    purposes: tuple[PurposeName, ...] = told("the purposes it is about", default=())
    recipients: tuple[RecipientName, ...] = told("the recipients it is about", default=())
    transfers: tuple[TransferName, ...] = told("the transfers it is about", default=())
    stores: tuple[str, ...] = told("the stores it is about", default=())
    location: str | None = told("where it lies; a file below the project is compared with `sha256`")
    sha256: str | None = told("the SHA-256 of the file, in 64 letters and digits")
    owner: Text | None = told("who looks after it, by function")
    from_: date | None = told("the day from which it holds; `dated` if absent")
    until: date | None = told("the last day on which it holds")
    review_by: date | None = told("the day by which it is looked at again")
    remind: Period = told("how long before either day its owner is reminded", default=Period(1, "months"))
    says: tuple[Letter, ...] = told(
        "which letters it covers: of Art. 28(3) in a contract, of Art. 35(7) in an impact assessment",
        law="GDPR Arts. 28(3), 35(7)",
        default=(),
    )
    criteria: tuple[Criterion, ...] = told(
        "which criteria were met when the need of an impact assessment was examined",
        law="GDPR Art. 35(1); WP248 rev.01",
        default=(),
    )
    needed: bool | None = told(
        "whether an impact assessment is needed, as that examination concluded", law="GDPR Art. 35(1)"
    )
    risk: Literal["low", "medium", "high"] | None = told(
        "the risk that remains with the measures", law="GDPR Art. 36(1)"
    )
    consulted: date | None = told(
        "the day the authority was consulted, where the risk stays high", law="GDPR Art. 36(1)"
    )
    advice: Text | None = told("what the data protection officer advised", law="GDPR Art. 35(2), 39(1)(c)")
    answer_by: date | None = told("the day by which a letter of an authority is answered")
    answered: date | None = told("the day it was answered")

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key

    @property
    def holds_from(self) -> date:
        """The day from which it holds."""
        return self.from_ or self.dated
