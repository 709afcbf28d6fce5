"""The kinds of promise that a policy can make, as frozen values.

What each field means stands beside it; `docs/promises.md` and the JSON Schema are
written from here.  A kind either stands once in a policy (its fields may be said in
several clauses, each once) or is a list of named promises.

Law: GDPR Arts. 12 to 22, 26, 28, 30, 32 to 34, 44 to 49; Directive 2002/58/EC Art. 5(3).
"""

# ruff: noqa: RUF009  (`told` declares a field, as `dataclasses.field` does)
from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, TypeAlias, get_args

from troth.law.period import Period
from troth.policy.shape import (
    AuthorityOf,
    CategoryName,
    Country,
    Email,
    EntityName,
    Jurisdiction,
    Language,
    Named,
    PurposeName,
    RecipientName,
    RetentionName,
    Text,
    TimeZone,
    TransferName,
    Url,
    told,
)

LegalBasis: TypeAlias = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]
"""The six legal bases of GDPR Art. 6(1)(a) to (f)."""

RecipientClass: TypeAlias = Literal[
    "staff",
    "group_company",
    "processor",
    "payment",
    "marketing",
    "authority",
    "police",
    "legal_proceedings",
    "auditor",
    "assignee",
    "public_body",
    "other",
]

RightName: TypeAlias = Literal[
    "inform",
    "access",
    "list_recipients",
    "rectify",
    "complete",
    "erase",
    "restrict",
    "port",
    "object",
    "object_marketing",
    "withdraw",
    "review_decision",
    "post_mortem",
    "complain",
    "complain_to_authority",
]
"""What a person can ask for; the claims of a request carry the same names."""

CookieCategory: TypeAlias = Literal["necessary", "preferences", "analytics", "marketing"]
Storage: TypeAlias = Literal["cookie", "local_storage", "session_storage", "indexed_db", "pixel", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a clause says, in a form that can be checked."""

    kind: ClassVar[str] = ""
    many: ClassVar[bool] = False
    names: ClassVar[tuple[str, ...]] = ()  # where only these names will do

    id: str
    clause: str
    file: str
    line: int
    said: frozenset[str] = frozenset()

    @property
    def public(self) -> bool:
        """Say whether it stands in the policy (the register is not published)."""
        return not self.file.startswith("register/")

    @property
    def name(self) -> str:
        """The name its writer gave it, or its kind where it stands once."""
        return self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How somebody can be reached: at least one way."""

    name: Text | None = told("who answers there")
    email: Email | None = told("e-mail address")
    phone: str | None = told("telephone number")
    address: str | None = told("postal address")
    form: Url | None = told("web form")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A company of the group."""

    key: Named
    name: str = told("its name as registered", required=True)
    country: Country = told("where it is established", required=True)
    role: Literal["controller", "joint_controller", "processor"] = told(
        "what it is for the data this policy is about", law="GDPR Art. 4(7), 4(8), 26", default="controller"
    )
    registration: str | None = told("its number in the register of companies")
    address: str | None = told("postal address")
    email: Email | None = told("e-mail address")
    phone: str | None = told("telephone number")
    website: Url | None = told("web site")
    timezone: TimeZone | None = told("the time zone in which its days are counted")
    jurisdiction: Jurisdiction | None = told(
        "whose rules and holidays its clocks follow; its country if absent"
    )
    representative: Contact | None = told(
        "its representative in the Union or the United Kingdom, where it has no establishment there",
        law="GDPR Art. 27",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Promise):
    """Who is bound by the policy and how they are reached."""

    kind: ClassVar[str] = "group"

    title: Text = told("what the organisation is called in the notice", required=True)
    entities: tuple[Entity, ...] = told(
        "the companies bound by the policy", law="GDPR Art. 13(1)(a)", required=True
    )
    main: EntityName | None = told("the company that answers where none is named; the first if absent")
    joint_arrangement: Text | None = told(
        "the essence of the arrangement between joint controllers", law="GDPR Art. 26(2)"
    )
    dpo: Contact | None = told("the data protection officer", law="GDPR Art. 13(1)(b)")
    requests: Contact | None = told("where people send their requests", law="GDPR Art. 12(2)")
    lead_authority: AuthorityOf | None = told("whose authority leads for the group", law="GDPR Art. 56")
    languages: tuple[Language, ...] = told(
        "the languages in which the notice is published and requests are answered",
        law="GDPR Art. 12(1)",
        default=(),
    )

    def entity(self, key: str) -> Entity:
        """Return an entity by its key; raises KeyError where there is none."""
        for one in self.entities:
            if one.key == key:
                return one
        raise KeyError(key)

    @property
    def main_entity(self) -> Entity:
        """The company that answers where none is named."""
        return self.entity(self.main) if self.main else self.entities[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category of personal data: the closed list of what may be held."""

    key: Named
    title: Text | None = told("what people call it; its name if absent")
    fields: tuple[Text, ...] = told("what is in it, one by one", default=())
    special: bool = told("whether it is a special category", law="GDPR Art. 9(1)", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way by which data comes in."""

    key: Named
    title: Text | None = told("what people call it; its name if absent")
    notice: Literal["shown", "linked", "said", "sent"] | None = told(
        "how the notice reaches people there", law="GDPR Art. 13(1)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Somebody other than the subject who gives us data."""

    key: Named
    title: Text | None = told("what people call it; its name if absent")
    publicly_accessible: bool = told(
        "whether anybody can look there", law="GDPR Art. 14(2)(f)", default=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection(Promise):
    """What is collected, by which ways and from whom."""

    kind: ClassVar[str] = "collection"
    many: ClassVar[bool] = True

    key: Named
    how: Literal["direct", "indirect", "observed", "inferred"] = told(
        "from the subject, from somebody else, by observing, or by concluding",
        law="GDPR Arts. 13, 14",
        required=True,
    )
    does: Text | None = told("what happens, in a few words")
    categories: tuple[Category, ...] = told(
        "categories defined here, each with what is in it", law="GDPR Art. 14(1)(d)", default=()
    )
    collects: tuple[CategoryName, ...] = told("categories defined in another collection", default=())
    channels: tuple[Channel, ...] = told("the only ways by which this is collected", default=())
    sources: tuple[Source, ...] = told("the only sources", law="GDPR Art. 14(2)(f)", default=())
    needed: Literal["by_law", "for_the_contract", "no"] | None = told(
        "whether people must provide it", law="GDPR Art. 13(2)(e)"
    )
    if_not_given: Text | None = told("what follows when it is not provided", law="GDPR Art. 13(2)(e)")
    told_within: Period | None = told(
        "how soon after obtaining the data the subject is informed", law="GDPR Art. 14(3)(a)"
    )
    told_at_latest: tuple[Literal["first_communication", "first_disclosure"], ...] = told(
        "the events that bring that forward", law="GDPR Art. 14(3)(b), (c)", default=()
    )
    provider_duties: tuple[Literal["inform", "legal_basis", "refer_to_policy"], ...] = told(
        "what whoever gives us data about somebody else must do; our own duty to inform stays", default=()
    )

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedDecision:
    """A decision made without a person."""

    logic: Text = told("how it is made", required=True)
    consequences: Text = told("what it means for the subject", required=True)
    exception: Literal["contract", "law", "explicit_consent"] = told(
        "why it is allowed", law="GDPR Art. 22(2)", required=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose(Promise):
    """Why data is processed, and on which legal basis."""

    kind: ClassVar[str] = "purpose"
    many: ClassVar[bool] = True

    key: Named
    does: Text = told("what is done, in a few words", law="GDPR Art. 13(1)(c)", required=True)
    legal_basis: LegalBasis = told("the legal basis", law="GDPR Art. 6(1)", required=True)
    interest: Text | None = told(
        "the legitimate interest; required with `legitimate_interests`", law="GDPR Art. 13(1)(d)"
    )
    duty: Text | None = told("the law that obliges; required with `legal_obligation`", law="GDPR Art. 6(3)")
    other_basis: LegalBasis | None = told("the legal basis for some of the subjects, where it differs")
    other_basis_for: Text | None = told("those subjects; required with `other_basis`")
    condition: Text | None = told("the ground for special categories", law="GDPR Art. 9(2)")
    categories: tuple[CategoryName, ...] = told("the categories used", default=())
    subjects: tuple[Text, ...] = told("whose data it is", law="GDPR Art. 30(1)(c)", default=())
    recipients: tuple[RecipientName, ...] = told(
        "who receives data for it", law="GDPR Art. 13(1)(e)", default=()
    )
    retention: tuple[RetentionName, ...] = told(
        "the retention promises that end it", law="GDPR Art. 13(2)(a)", default=()
    )
    entities: tuple[EntityName, ...] = told("the companies that do it; all if absent", default=())
    broader: PurposeName | None = told("the purpose it is a part of; a no to that one is a no to it")
    marketing: bool = told("whether it is direct marketing", law="GDPR Art. 21(2)", default=False)
    channels: tuple[Literal["email", "sms", "phone", "post", "banner", "app"], ...] = told(
        "by which channels marketing goes out", law="Directive 2002/58/EC Art. 13", default=()
    )
    profiling: bool = told("whether people are profiled", law="GDPR Art. 4(4)", default=False)
    decides: AutomatedDecision | None = told(
        "a decision made without a person", law="GDPR Arts. 13(2)(f), 22"
    )
    on_doubt: Literal["allow", "refuse"] = told(
        "what holds while the ledger cannot be reached; consent, marketing, profiling and disclosure to others must "
        "refuse",
        default="refuse",
    )

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A recipient that is named."""

    key: Named
    name: str = told("its name as registered", required=True)
    country: Country = told("where it is", required=True)
    address: str | None = told("postal address")
    does: Text | None = told("what it does with the data")
    website: Url | None = told("its own notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """How a recipient is told of a rectification, an erasure or a restriction."""

    by: Literal["email", "api", "post", "phone", "itself", "nothing"] = told(
        "the way; `itself` where it reads our data, `nothing` with a reason", required=True
    )
    address: str | None = told("where to; required for email, api, post and phone")
    within: Period | None = told("how soon")
    because: Text | None = told("why it is not told; required with `nothing`", law="GDPR Art. 19")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient(Promise):
    """A class of recipients: the list is closed, any other disclosure breaks the promise."""

    kind: ClassVar[str] = "recipient"
    many: ClassVar[bool] = True

    key: Named
    title: Text = told("how the notice names them", law="GDPR Art. 13(1)(e)", required=True)
    short: Text | None = told("a short name, for the other tables")
    class_: RecipientClass = told("which class they are", required=True)
    role: Literal["processor", "controller", "joint_controller", "not_a_recipient"] = told(
        "what they are for this data; authorities in one inquiry are no recipients",
        law="GDPR Art. 4(8), 4(9), 28",
        required=True,
    )
    does: Text | None = told("what they receive data for")
    named: tuple[Party, ...] = told("those known by name", law="Case C-154/21", default=())
    country: Country | None = told("where they are, if none is named")
    categories: tuple[CategoryName, ...] = told("what they receive; any category if absent", default=())
    condition: Text | None = told("when data may go to them")
    requires: tuple[
        Literal[
            "agreement",
            "consent",
            "legal_reference",
            "requisition",
            "proceeding",
            "hold",
            "confidentiality",
            "assignment",
            "two_approvals",
        ],
        ...,
    ] = told("what must be on record before a disclosure", default=())
    transfers: tuple[TransferName, ...] = told(
        "the transfers that cover them, where they are outside the EEA", law="GDPR Art. 13(1)(f)", default=()
    )
    notify: Notify | None = told("how they are told of changes", law="GDPR Art. 19")

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What may be asked for a request that is manifestly unfounded or excessive."""

    basis: Literal["administrative_cost"] = told("what it covers", default="administrative_cost")
    amount_max: int | None = told("the most that is asked")
    currency: str | None = told("its currency, in three letters (ISO 4217)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a refusal is told."""

    within: Period = told("how soon after receipt", law="GDPR Art. 12(4)", required=True)
    says: tuple[Literal["reasons", "complaint", "judicial_remedy"], ...] = told(
        "what it must say", law="GDPR Art. 12(4)", default=("reasons", "complaint", "judicial_remedy")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Promise):
    """How soon and how requests are answered."""

    kind: ClassVar[str] = "answer"

    within: Period = told(
        "how long an answer takes at most, from receipt", law="GDPR Art. 12(3)", required=True
    )
    extend_by: Period | None = told("how much longer where needed", law="GDPR Art. 12(3)")
    extend_for: tuple[Literal["complexity", "number"], ...] = told(
        "the only reasons to extend", law="GDPR Art. 12(3)", default=()
    )
    extension_told_within: Period | None = told(
        "how soon the extension and its reasons are told, from receipt", law="GDPR Art. 12(3)"
    )
    free_of_charge: bool | None = told("whether answers and actions cost nothing", law="GDPR Art. 12(5)")
    when_unfounded_or_excessive: tuple[Literal["fee", "refuse"], ...] = told(
        "what may be done about such a request", law="GDPR Art. 12(5)", default=()
    )
    fee: Fee | None = told("the fee, where one may be asked", law="GDPR Art. 12(5)(a)")
    we_prove_it: bool | None = told(
        "whether it is for us to show that a request is unfounded or excessive", law="GDPR Art. 12(5)"
    )
    refusal: Refusal | None = told("how a refusal is told", law="GDPR Art. 12(4)")
    in_writing: bool | None = told("whether answers are given in writing", law="GDPR Art. 12(1)")
    electronic_when_asked_electronically: bool | None = told(
        "whether an electronic request gets an electronic answer, unless asked otherwise",
        law="GDPR Art. 12(3)",
    )
    oral: Literal["never", "when_asked_and_identity_proven"] | None = told(
        "when an answer may be spoken", law="GDPR Art. 12(1)"
    )
    identity: Literal["on_reasonable_doubt"] | None = told(
        "when more is asked to confirm identity", law="GDPR Art. 12(6)"
    )
    identity_by: tuple[Literal["one_time_code", "account", "questions", "document_seen", "video"], ...] = (
        told("how identity is confirmed", default=())
    )
    channels: tuple[Literal["form", "email", "post", "phone", "in_person", "account"], ...] = told(
        "where requests are received", law="GDPR Art. 12(2)", default=()
    )
    further_copies: Literal["free", "administrative_cost"] | None = told(
        "what more than one copy costs", law="GDPR Art. 15(3)"
    )


Letter: TypeAlias = Literal["a", "b", "c", "d", "e", "f", "g", "h"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Right(Promise):
    """A right, with its grounds and exemptions; its name is one of the rights there are."""

    kind: ClassVar[str] = "right"
    many: ClassVar[bool] = True
    names: ClassVar[tuple[str, ...]] = get_args(RightName)

    key: Named
    article: str | None = told("where it stands; by default where the GDPR has it")
    grounds: tuple[Letter, ...] = told(
        "on which grounds, by the letters of its article", law="GDPR Arts. 17(1), 18(1)", default=()
    )
    exemptions: tuple[Letter, ...] = told(
        "what is exempt, by the letters of its article", law="GDPR Art. 17(3)", default=()
    )
    contents: tuple[Letter, ...] = told(
        "what the answer contains, by the letters of the article", law="GDPR Art. 15(1)", default=()
    )
    how: Text | None = told("how it is used, in a few words")
    takes_effect: Literal["at_once", "without_undue_delay", "with_the_answer"] = told(
        "when it takes effect", law="GDPR Arts. 16, 17, 21(3)", default="without_undue_delay"
    )
    within: Period | None = told("at most how long until it takes effect")
    purposes: tuple[PurposeName, ...] = told("the purposes it is about; all that fit if absent", default=())
    copy: bool | None = told("whether a copy of the data is given", law="GDPR Art. 15(3)")
    formats: tuple[Literal["html", "json", "csv", "xml", "xlsx", "pdf"], ...] = told(
        "in which formats data is given", law="GDPR Art. 20(1)", default=()
    )
    direct_transmission: bool | None = told(
        "whether data goes straight to another controller on request", law="GDPR Art. 20(2)"
    )
    supplementary_statement: bool | None = told("whether the subject may add a statement", law="GDPR Art. 16")
    told_before_lifting: bool | None = told(
        "whether the subject is told before a restriction ends", law="GDPR Art. 18(3)"
    )
    other_controllers_told: bool | None = told(
        "whether controllers that process published data are told", law="GDPR Art. 17(2)"
    )
    where: tuple[Literal["residence", "work", "infringement"], ...] = told(
        "where a complaint may be lodged", law="GDPR Art. 77(1)", default=()
    )
    jurisdictions: tuple[Jurisdiction, ...] = told("where it exists, if not everywhere", default=())

    @property
    def name(self) -> str:
        """Which right it is."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyRecipients(Promise):
    """That recipients are told of what changed."""

    kind: ClassVar[str] = "notify_recipients"

    of: tuple[Literal["rectification", "erasure", "restriction"], ...] = told(
        "what they are told of", law="GDPR Art. 19", required=True
    )
    unless: tuple[Literal["impossible", "disproportionate_effort"], ...] = told(
        "the only reasons not to", law="GDPR Art. 19", default=()
    )
    within: Period | None = told("how soon after the change")
    subject_told_on_request: bool | None = told(
        "whether the subject is told who they are", law="GDPR Art. 19; Case C-154/21"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCommunication(Promise):
    """That the right to object is presented by the first communication at the latest."""

    kind: ClassVar[str] = "first_communication"

    presents: tuple[Literal["object", "object_marketing"], ...] = told(
        "the rights presented", law="GDPR Art. 21(4)", required=True
    )
    separately: bool = told(
        "whether clearly and apart from anything else", law="GDPR Art. 21(4)", default=True
    )
    explicitly: bool = told("whether in so many words", law="GDPR Art. 21(4)", default=True)
    purposes: tuple[PurposeName, ...] = told("the purposes it is about; all marketing if absent", default=())
    notice: Text | None = told("the words of that separate notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Data that stays for a legal reason, apart from daily use."""

    period: Period = told("how long", required=True)
    legal: Text = told("the law that asks for it", required=True)
    trigger: Text | None = told("what starts the period; the end of the first one if absent")
    categories: tuple[CategoryName, ...] = told("what is archived; all of it if absent", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule(Promise):
    """How long data is retained, from which event, and what happens then."""

    kind: ClassVar[str] = "retention"
    many: ClassVar[bool] = True

    key: Named
    title: Text | None = told("what the notice calls it; its name if absent")
    categories: tuple[CategoryName, ...] = told("what it is about; every category if absent", default=())
    purposes: tuple[PurposeName, ...] = told("the purposes it ends", default=())
    period: Period | None = told("how long; or `criteria`", law="GDPR Art. 13(2)(a)")
    criteria: Text | None = told(
        "how it is determined, where no period can be given", law="GDPR Art. 13(2)(a)"
    )
    trigger: Text = told("the event from which it runs", required=True)
    then: Literal["erase", "anonymise"] = told(
        "what happens at its end", law="GDPR Art. 5(1)(e)", default="erase"
    )
    archive: Archive | None = told("a longer stay for a legal reason")
    exceptions: tuple[Text, ...] = told("when data stays longer", default=())
    grace: Period | None = told("how long a sweep waits between marking and erasing")

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """What follows a personal data breach."""

    authority_within: Period = told("how soon the authority is told", law="GDPR Art. 33(1)", required=True)
    subjects_when_high_risk: bool = told(
        "whether subjects are told when the risk to them is high", law="GDPR Art. 34", required=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Security(Promise):
    """How data is protected, and what follows when it was not."""

    kind: ClassVar[str] = "security"

    against: tuple[
        Literal["unlawful_processing", "unauthorised_processing", "accidental_loss", "destruction", "damage"],
        ...,
    ] = told("what the measures are against", law="GDPR Arts. 5(1)(f), 32", default=())
    incident_contact: Contact | None = told("whom people tell of a hacked account or a leak")
    breach: Breach | None = told("what follows a breach", law="GDPR Arts. 33, 34")
    passwords_disclosed: bool | None = told("whether passwords are ever shown or shared (say `false`)")
    measures: tuple[Text, ...] = told(
        "the measures, one by one; only in the register", law="GDPR Art. 32", default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Promise):
    """How consent is asked, proven and taken back."""

    kind: ClassVar[str] = "consent"

    withdrawal: Literal["at_once"] | None = told("when a withdrawal takes effect", law="GDPR Art. 7(3)")
    as_easy_as_giving: bool | None = told("whether taking back is as easy as giving", law="GDPR Art. 7(3)")
    withdraw_by: tuple[Literal["link_in_message", "preferences_page", "account", "email", "banner"], ...] = (
        told("how it is taken back", law="GDPR Art. 7(3)", default=())
    )
    asked_apart: bool | None = told("whether each purpose is asked for apart", law="GDPR Art. 7(2)")
    proven: bool | None = told("whether each consent can be shown", law="GDPR Art. 7(1)")
    valid_for: Period | None = told("after how long it is asked again")
    proof_retained: Period | None = told("how long proof stays after consent ends", law="GDPR Art. 17(3)(e)")
    minimum_age: int | None = told("below which age a guardian consents", law="GDPR Art. 8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceKept:
    """How long a choice about cookies stays before it is asked again."""

    given: Period = told("when the visitor said yes", required=True, short=True)
    refused: Period = told("when the visitor said no", required=True, short=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A cookie, or anything else that is stored on or read from a device."""

    name: str = told("its name; `*` stands for any characters", required=True)
    party: Literal["first", "third"] = told("whose it is, seen from the site", required=True)
    category: CookieCategory = told("what it is for", required=True)
    lifetime: Period | Literal["session"] = told(
        "how long it lives on the device; `session` until the browser closes",
        law="Case C-673/17",
        required=True,
    )
    purpose: Text | None = told("what it does, in a few words", law="Case C-673/17")
    set_by: str | None = told("which tool sets it")
    recipient: RecipientName | None = told("which recipient receives what it says")
    third_party_access: bool | None = told("whether others can read it", law="Case C-673/17")
    host: str | None = told("the host it is for; the site itself if absent")
    path: str = told("the path it is for", default="/")
    storage: Storage = told("where it is stored", default="cookie")
    sliding: bool = told("whether each visit renews it", default=False)
    data_kept: Period | None = told("how long what it collected stays on servers")
    exempt_because: Text | None = told("why no consent is needed", law="Directive 2002/58/EC Art. 5(3)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookies(Promise):
    """What is stored on and read from devices, and for how long."""

    kind: ClassVar[str] = "cookies"

    lifetime_max: Period | None = told("no cookie lives longer")
    choice_kept: ChoiceKept | None = told(
        "how long a yes and a no are remembered; one period stands for both"
    )
    choice_in: str = told(
        "the cookie that remembers the choice; the table declares it", default="troth_choice"
    )
    asked_by: Literal["banner"] | None = told("how consent is asked", law="GDPR Art. 4(11); Case C-673/17")
    withdraw_by: tuple[Literal["link_on_every_page", "banner", "preferences_page"], ...] = told(
        "how a choice is changed", law="GDPR Art. 7(3)", default=()
    )
    before_consent: tuple[CookieCategory, ...] = told(
        "the only categories set before a choice",
        law="Directive 2002/58/EC Art. 5(3)",
        default=("necessary",),
    )
    session_only_identifiers: bool | None = told(
        "whether session cookies carry nothing but random session identifiers"
    )
    signals: tuple[Literal["gpc", "dnt"], ...] = told(
        "browser signals taken as a no", law="GDPR Art. 21(5)", default=()
    )
    data_kept_max: Period | None = told("nothing they collect stays longer on servers")
    sites: tuple[str, ...] = told("the sites it is about, by host", default=())
    table: tuple[Cookie, ...] = told("every cookie, one by one", law="Case C-673/17", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Promise):
    """Data going to a country outside the EEA, and what protects it there."""

    kind: ClassVar[str] = "transfer"
    many: ClassVar[bool] = True

    key: Named
    country: Country = told("where the data goes", law="GDPR Art. 13(1)(f)", required=True)
    mechanism: Literal[
        "adequacy", "standard_clauses", "binding_rules", "code", "certification", "own_clauses", "derogation"
    ] = told("what makes it lawful", law="GDPR Arts. 45 to 49", required=True)
    exporter: EntityName | None = told("the company that sends; every company if absent")
    importer: str | None = told("who receives, by name")
    recipient: RecipientName | None = told("who receives, as a recipient of this policy")
    module: Literal["1", "2", "3", "4"] | None = told(
        "the module; required with `standard_clauses`", law="Decision (EU) 2021/914"
    )
    decision: str | None = told("the decision relied on, such as (EU) 2021/914")
    letter: Letter | None = told("the letter; required with `derogation`", law="GDPR Art. 49(1)")
    signed: date | None = told("when the clauses were signed")
    assessed: date | None = told("when the law of the country was last assessed", law="Case C-311/18")
    measures: tuple[Text, ...] = told("what protects it besides", default=())
    copy_from: Text | None = told("how people get a copy of the safeguards", law="GDPR Art. 13(1)(f)")
    categories: tuple[CategoryName, ...] = told("what goes; every category if absent", default=())
    purposes: tuple[PurposeName, ...] = told("for which purposes", default=())
    onward: tuple[RecipientName, ...] = told("to whom it passes the data on", law="GDPR Art. 44", default=())

    @property
    def means(self) -> str | None:
        """The code of the mechanism in the tables of the law; None for adequacy and derogations."""
        codes = {
            "binding_rules": "bcr",
            "code": "code",
            "certification": "certification",
            "own_clauses": "ad-hoc",
        }
        return f"scc-{self.module}" if self.mechanism == "standard_clauses" else codes.get(self.mechanism)

    @property
    def name(self) -> str:
        """The name its writer gave it."""
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the policy, in the list of changes."""

    version: str = told("its version", required=True)
    dated: date = told("the day it took effect", required=True)
    what: Text = told("what changed", required=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Promise):
    """Which version this is, and how people learn of the next one."""

    kind: ClassVar[str] = "change"

    version: str | None = told("the version; the one at the top of the file if absent")
    updated: date | None = told("the day of the last change")
    effective: date | None = told("the day from which it is in force")
    announced_by: tuple[Literal["site", "email", "portal", "post"], ...] = told(
        "how changes are announced", law="GDPR Art. 12(1)", default=()
    )
    announced_before: Period | None = told("how long before a change takes effect")
    announced_unless: tuple[Literal["promises_more"], ...] = told(
        "which changes are not announced ahead: one that only promises people more, such as a shorter period",
        default=(),
    )
    history: tuple[Version, ...] = told("what changed in each version", default=())
