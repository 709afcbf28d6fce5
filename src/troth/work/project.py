"""A project: one organisation's settings, policy, ledger and stores, as work gets them.

`troth.wiring` builds it, once a process, from `troth.toml`; tests build it by hand.
Each part is opened when first asked for, so `troth clock` opens no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from troth.errors import WrongFileError

if TYPE_CHECKING:
    from troth.law.period import Period
    from troth.ledger.schema import Ledger
    from troth.outside.inbox import Inbox
    from troth.outside.mail import Mailer
    from troth.policy.policy import Policy
    from troth.policy.publishing import Lock
    from troth.rules.map import Map
    from troth.rules.task import Manual
    from troth.stores.contract import Store


RECIPIENT_TYPES = ("rectification", "restriction", "objection", "withdrawal")
"""What a recipient may take by message beside an erasure, for which alone its format has a word."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A recipient with an API: the token it gave us, the certificate it signs with, and what it takes.

    Token and certificate are read when needed; `types` is what it takes by message beside an erasure.
    """

    token: Callable[[], str] = field(repr=False)
    certificate: Callable[[], bytes] = field(repr=False)
    seconds: float = 20
    types: tuple[str, ...] = ()


PER_MINUTE = 3_000_000
"""Calls a minute on the two routes that are asked thousands of times a second: 50,000 a second."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What another system shows to open requests or to follow them; `scope` is what it may do.

    `per_minute` is how often it may report choices, and ask `may`, of one server process.
    """

    secret: Callable[[], str] = field(repr=False)
    scope: tuple[str, ...]
    per_minute: int = PER_MINUTE


@dataclass(frozen=True, slots=True)
class Webhook:
    """Another system that is told of choices by signed messages: where, of which, and whether by whom."""

    url: str = field(repr=False)
    secret: Callable[[], str] = field(repr=False)
    events: tuple[str, ...]
    identifiers: bool = False
    seconds: float = 10


@dataclass(frozen=True, slots=True)
class SuppressionTable:
    """A table of another tool's database that Troth keeps filled with whom that tool must leave out."""

    url: Callable[[], str] = field(repr=False)
    table: str
    purpose: str
    channel: str = ""
    kind: str = "email"
    hashed: bool = False
    entity: str = ""


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller whose processor we are, and who tells us of requests by messages.

    `rows` is what its rows or stores are marked with in the maps; `callbacks` are the
    beginnings of the addresses at which it may be told how far a request is.
    """

    token: Callable[[], str] = field(repr=False)
    email: str = field(repr=False)
    agreement: str
    rows: str
    callbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A web site that is served beside the portal, under a host of its own and behind the gate."""

    host: str
    application: str  # FILE.py:NAME, below the project's folder
    gate: Literal["report", "enforce"] = "report"
    unknown: Literal["report", "drop"] = "report"  # cookies that nobody declared


@dataclass(frozen=True, slots=True)
class Brand:
    """How the organisation's pages look: its logo, a file of the project, and its colour in light and in dark."""

    logo: str = ""
    accent: str = ""
    accent_dark: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """An OpenID provider by which staff sign in: who it is, and whom it lets in with which roles.

    `roles` are the role and the entity (empty for the group) that a group at the provider gives;
    `domains` are those of whose e-mail addresses alone somebody is let in, everybody's where empty.
    """

    issuer: str
    client: str
    secret: Callable[[], str] = field(repr=False)
    name: str
    domains: tuple[str, ...] = ()
    scope: str = "openid profile email"
    groups_claim: str = "groups"
    roles: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scan:
    """A site that the worker scans by itself, every so often; `allow_private` are hosts of our own network."""

    url: str
    every: Period
    pages: int = 20
    allow_private: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What `troth.toml` and the environment say, read once; secrets are never shown."""

    name: str
    folder: Path
    ledger_url: str
    keys_url: str
    master_key: str = field(repr=False)  # a reference: file:PATH or env:NAME
    web_host: str
    web_port: int
    public_url: str
    mail_to: str  # smtp://host:port, smtps://…, or folder:PATH where letters are dropped
    mail_from: str
    mail_inbox: str = ""  # folder:PATH or imaps://USER@HOST/MAILBOX; none where empty
    mail_inbox_secret: str = field(default="", repr=False)  # a reference: env:NAME or file:PATH
    mail_inbox_login: str = "password"  # or oauth2
    mail_inbox_token_url: str = ""  # where tokens are given; without it the secret is a token itself
    mail_inbox_client: str = ""
    mail_inbox_client_secret: str = field(default="", repr=False)  # a reference
    mail_inbox_scope: str = ""
    peers: Mapping[str, Peer] = field(
        default_factory=dict, repr=False
    )  # by the recipient's name in the policy
    controllers: Mapping[str, Controller] = field(default_factory=dict, repr=False)
    own_certificate: Callable[[], bytes] = field(default=bytes, repr=False)  # PEM; empty where none is set
    own_key: Callable[[], bytes] = field(default=bytes, repr=False)
    suppressions: Mapping[str, SuppressionTable] = field(default_factory=dict)  # by the name of the tool
    api: Mapping[str, ApiKey] = field(default_factory=dict, repr=False)  # by the name of the system
    webhooks: Mapping[str, Webhook] = field(default_factory=dict, repr=False)  # by the name of the receiver
    scans: Mapping[str, Scan] = field(default_factory=dict)  # by the name of the scan
    site: Site | None = None
    brand: Brand = Brand()
    owners: Mapping[str, str] = field(default_factory=dict, repr=False)  # e-mail address by `by` of the maps
    sign_in: SignIn | None = None

    @property
    def is_encrypted(self) -> bool:
        """Say whether people reach the server by an encrypted address, so that its cookies are for such alone."""
        return self.public_url.startswith("https://")


@dataclass(frozen=True)
class Project:
    """The parts that work needs, opened when first asked for."""

    settings: Settings
    clock: Callable[[], datetime]
    open_policy: Callable[[Settings], Policy]
    open_ledger: Callable[[Settings, Callable[[], datetime]], Ledger]
    open_maps: Callable[[Settings], Mapping[str, Map]]
    open_store: Callable[[Settings, Map], Store]
    open_mailer: Callable[[Settings], Mailer]
    open_inbox: Callable[[Settings], Inbox | None] = lambda _: None
    open_manual: Callable[[Settings], Mapping[str, Manual]] = lambda _: {}

    @cached_property
    def written(self) -> Policy:
        """The policy as its files stand now; raises WrongFileError with every problem."""
        return self.open_policy(self.settings)

    @property
    def policy(self) -> Policy:
        """The policy that is in force: its files as they stand, unless they are for a later day.

        Files that name a later day are what is coming; until then what was published before them holds.
        So it is with a version that `policy.lock` does not name yet: raised in the files, and not published.
        It is read from the ledger once, and the same object until another version takes effect.
        Raises WrongFileError with every problem of the files.
        """
        written = self.written
        if not self.awaits_publication and (
            written.effective is None or written.effective < self.clock().date()
        ):
            return written  # the day has come, also west of UTC
        from troth.work.policy_as_of import before_the_coming  # here: most projects never need it

        return before_the_coming(self)

    def last_published(self) -> Lock | None:
        """Read `policy.lock`; None where nothing was published yet.  Raises WrongFileError where it cannot be read."""
        from troth.policy.publishing import LOCK, read_lock

        path = self.settings.folder / LOCK
        last, wrong = read_lock(path.read_text(encoding="utf-8")) if path.exists() else (None, ())
        if wrong:
            raise WrongFileError(wrong)
        return last

    @property
    def awaits_publication(self) -> bool:
        """Say whether the files name another version than was published last; where none was, they do not.

        It is looked up until it is published, as another process may do that.
        """
        version = self.written.version
        if version in self._published:
            return False
        try:
            last = self.last_published()
        except (WrongFileError, OSError, UnicodeDecodeError):
            last = None  # one that cannot be read is told of when it is needed
        if last is None or version in {"", last.version}:
            self._published.add(version)
            return False
        return True

    @cached_property
    def _published(self) -> set[str]:
        """Versions of the files that were found published, or to hold without."""
        return set()

    def reread(self) -> None:
        """Read the files of the policy again when they are next asked for: somebody wrote or published them."""
        self.__dict__.pop("written", None)
        self.__dict__.pop("_published", None)

    @cached_property
    def earlier(self) -> dict[tuple[date, date | None], Policy]:
        """Versions published before the files as they stand, by the day each holds from and the day it ends."""
        return {}

    @cached_property
    def ledger(self) -> Ledger:
        """The one memory."""
        return self.open_ledger(self.settings, self.clock)

    @cached_property
    def maps(self) -> Mapping[str, Map]:
        """Every store map, by store name; raises WrongFileError with every problem."""
        return self.open_maps(self.settings)

    @cached_property
    def manual(self) -> Mapping[str, Manual]:
        """Every store that only people reach, by name; raises WrongFileError with every problem."""
        return self.open_manual(self.settings)

    @cached_property
    def stores(self) -> Mapping[str, Store]:
        """Every store, by name, each with its connections."""
        return {name: self.open_store(self.settings, found) for name, found in self.maps.items()}

    @cached_property
    def mailer(self) -> Mailer:
        """The way letters leave."""
        return self.open_mailer(self.settings)

    @cached_property
    def inbox(self) -> Inbox | None:
        """Where mail comes in, if anywhere."""
        return self.open_inbox(self.settings)

    @cached_property
    def stores_otherwise(self) -> dict[str, Store]:
        """Every store that was opened by another map than its own, by that map's text."""
        return {}

    def store_by(self, map_: Map) -> Store:
        """Return a store opened by another map than its own, such as one that leaves more alone."""
        found = self.stores_otherwise.get(map_.written)
        return found or self.stores_otherwise.setdefault(map_.written, self.open_store(self.settings, map_))

    def with_maps_of_now(self) -> Project:
        """Return the same project with the maps as their files stand now; whoever asks closes it.

        Raises WrongFileError with every problem of the files.
        """
        anew = replace(self)
        for name in ("written", "earlier", "ledger", "mailer"):
            anew.__dict__[name] = getattr(self, name)
        anew.__dict__["maps"] = self.open_maps(self.settings)
        return anew

    def close(self) -> None:
        """Let go of every store that was opened."""
        for store in (*self.__dict__.get("stores", {}).values(), *self.stores_otherwise.values()):
            store.close()
