"""The one place where real things are built, from the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from troth.errors import NotAllowedError, NotFoundError, Problem, WrongFileError
from troth.settings_file import find_folder, located, not_utf8, read_settings, resolve
from troth.work.project import Project, Settings

if TYPE_CHECKING:
    from troth.ledger.schema import Ledger
    from troth.outside.inbox import Inbox
    from troth.outside.mail import Mailer
    from troth.policy.policy import Policy
    from troth.rules.map import Map
    from troth.rules.task import Manual
    from troth.stores.contract import Store


def main() -> None:
    """Start the command line (the entry point `troth`)."""
    from troth.faces.cli import run

    run(open_project)


def open_project(folder: Path | None = None) -> Project:
    """Open the project in `folder`, or the nearest one from the current folder up."""
    settings = read_settings(find_folder(folder))
    return Project(
        settings=settings,
        clock=now,
        open_policy=_policy,
        open_ledger=_ledger,
        open_maps=_maps,
        open_store=_store,
        open_mailer=_mailer,
        open_manual=_manual,
        open_inbox=_inbox,
    )


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)


def _texts(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """Read files by their names below the folder; raises WrongFileError with each that is not UTF-8."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for path in sorted(files):
        name = path.relative_to(folder).as_posix()
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problems.append(not_utf8(name, error))
    if problems:
        raise WrongFileError(problems)
    return texts


def _policy(settings: Settings) -> Policy:
    from troth.policy.loading import load

    wanted = [*settings.folder.glob("policy*.md"), *settings.folder.glob("register/*.yaml")]
    if not wanted:
        raise NotFoundError(
            f"The project {settings.name!r} has no policy.md. Write one, or `troth import` one."
        )
    policy, problems = load(_texts(settings.folder, wanted))
    if policy is None or problems:
        raise WrongFileError(problems)
    return policy


def _ledger(settings: Settings, clock: Callable[[], datetime]) -> Ledger:
    from troth.ledger.keys import check_master
    from troth.ledger.master_key import master_key
    from troth.ledger.schema import open_ledger

    (settings.folder / ".troth").mkdir(mode=0o700, exist_ok=True)
    kind, _, name = settings.master_key.partition(":")
    file = settings.folder / name if kind == "file" else None
    new = file is not None and not file.exists()
    key = master_key(settings.master_key, settings.folder)
    ledger = open_ledger(settings.ledger_url, settings.keys_url, key, clock)
    try:
        check_master(ledger)
    except NotAllowedError:
        ledger.close()
        if file is not None and new:  # the one just made locks nothing
            file.unlink(missing_ok=True)
        raise
    return ledger


def _maps(settings: Settings) -> Mapping[str, Map]:
    from troth.stores.manual import is_manual
    from troth.stores.map_file import read

    maps: dict[str, Map] = {}
    problems: list[Problem] = []
    for name, text in _texts(settings.folder, settings.folder.glob("stores/*.yaml")).items():
        if is_manual(text):
            continue
        found, wrong = read(text, name)
        problems.extend(wrong)
        if found is not None:
            maps[found.store] = found
    if problems:
        raise WrongFileError(problems)
    return maps


def _manual(settings: Settings) -> Mapping[str, Manual]:
    from troth.stores.manual import is_manual, read

    stores: dict[str, Manual] = {}
    problems: list[Problem] = []
    for name, text in _texts(settings.folder, settings.folder.glob("stores/*.yaml")).items():
        if not is_manual(text):
            continue
        found, wrong = read(text, name)
        problems.extend(wrong)
        if found is not None and found.store in stores:
            what = f"Two manual stores are called `{found.store}`."
            problems.append(Problem(name, 1, 1, what, "Rename one."))
        elif found is not None:
            stores[found.store] = found
    if problems:
        raise WrongFileError(problems)
    return stores


def _store(settings: Settings, found: Map) -> Store:
    from troth.stores.connect import connect

    return connect(
        found,
        {
            use: located(reference, settings.folder, found.file or "its map")
            for use, reference in found.credentials.items()
        },
    )


def _mailer(settings: Settings) -> Mailer:
    from troth.outside.mail import mailer

    return mailer(settings.mail_to, settings.mail_from, settings.folder)


def _inbox(settings: Settings) -> Inbox | None:
    from troth.outside.inbox import inbox

    if not settings.mail_inbox:
        return None
    login = settings.mail_inbox_login
    if login not in {"password", "oauth2"}:
        raise NotAllowedError(f"[mail] inbox_login is password or oauth2, not {login[:20]!r}.")
    if settings.mail_inbox_token_url and login != "oauth2":
        raise NotAllowedError('[mail] inbox_token_url goes with inbox_login = "oauth2".')
    secret = _secret(settings, "inbox_secret", settings.mail_inbox_secret)
    if settings.mail_inbox_token_url:
        secret = _token(settings, secret)
    return inbox(settings.mail_inbox, secret, settings.folder, bearer=login == "oauth2")


def _secret(settings: Settings, key: str, reference: str) -> Callable[[], str] | None:
    """Return how a secret of the mailbox is looked up; None where none is set.  It is looked up once, to see."""
    if not reference:
        return None
    if not reference.startswith(("env:", "file:")):
        raise NotAllowedError(
            f"[mail] {key} is a reference, env:NAME or file:PATH, and never the secret itself."
        )
    resolve(reference, settings.folder)
    return lambda: resolve(reference, settings.folder)


def _token(settings: Settings, refresh: Callable[[], str] | None) -> Callable[[], str]:
    """Return the token of the mailbox, which renews itself: by a refresh token, or as the program itself."""
    from troth.outside.access_token import AccessToken, Grant

    client_secret = _secret(settings, "inbox_client_secret", settings.mail_inbox_client_secret)
    if not settings.mail_inbox_client or (refresh is None and client_secret is None):
        raise NotAllowedError(
            "[mail] inbox_token_url needs inbox_client, and inbox_secret (a refresh token) or inbox_client_secret."
        )
    grant = Grant(
        settings.mail_inbox_token_url, settings.mail_inbox_client, client_secret or str, refresh or str,
        settings.mail_inbox_scope,
    )  # fmt: skip
    return AccessToken(grant)
