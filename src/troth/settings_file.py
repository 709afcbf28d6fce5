"""What `troth.toml` and the environment say, read here, once, into a frozen `Settings`; nothing else reads either.

Secrets stand in `troth.toml` only as references (`env:NAME`, `file:PATH`).  Every mistake is told at once, with its
place.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from troth.errors import NotFoundError, Problem, WrongFileError
from troth.law.period import Period
from troth.work.project import (
    PER_MINUTE,
    RECIPIENT_TYPES,
    ApiKey,
    Brand,
    Controller,
    Peer,
    Scan,
    Settings,
    SignIn,
    Site,
    SuppressionTable,
    Webhook,
)

KNOWN: Mapping[str, Mapping[str, type]] = {
    "project": {"name": str},
    "ledger": {"url": str, "keys": str, "master_key": str},
    "web": {"host": str, "port": int, "public_url": str},
    "site": {"host": str, "application": str, "gate": str, "unknown": str},
    "look": {"logo": str, "accent": str, "accent_dark": str},
    "opendsr": {"certificate": str, "key": str},
    "mail": {
        "to": str,
        "from": str,
        "inbox": str,
        "inbox_secret": str,
        "inbox_login": str,
        "inbox_token_url": str,
        "inbox_client": str,
        "inbox_client_secret": str,
        "inbox_scope": str,
    },
}
WEBHOOK_EVENTS = ("consent", "withdrawal", "objection")
API_SCOPES = ("open", "follow", "choices", "may", "messages", "preferences", "disclosures", "incidents")


def find_folder(folder: Path | None) -> Path:
    """Return the folder of the project; raises NotFoundError where there is none."""
    start = (folder or Path.cwd()).resolve()
    for place in [start] if folder else [start, *start.parents]:
        if (place / "troth.toml").is_file():
            return place
    raise NotFoundError(
        f"There is no project in {str(folder)!r}: it has no troth.toml."
        if folder
        else "There is no project here: no troth.toml in this folder or above it. "
        "Go to one, name one with --project, or start one with `troth init`."
    )


def read_settings(folder: Path) -> Settings:
    """Read `troth.toml` in `folder`; raises WrongFileError with every mistake in it."""
    file = folder / "troth.toml"
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise WrongFileError(
            [Problem("troth.toml", 1, 1, f"It is not TOML: {error}.", "Mend that line.")]
        ) from None
    except UnicodeDecodeError as error:
        raise WrongFileError([not_utf8("troth.toml", error)]) from None
    problems = list(_problems(told, file))
    if problems:
        raise WrongFileError(problems)

    def said(section: str, key: str, default: Any) -> Any:
        return told.get(section, {}).get(key, default)

    host, port = said("web", "host", "127.0.0.1"), said("web", "port", 8080)
    return Settings(
        name=said("project", "name", folder.name),
        folder=folder,
        ledger_url=located(said("ledger", "url", "sqlite:///.troth/ledger.db"), folder),
        keys_url=located(said("ledger", "keys", "sqlite:///.troth/keys.db"), folder),
        master_key=said("ledger", "master_key", "file:.troth/master.key"),
        web_host=host,
        web_port=port,
        public_url=said("web", "public_url", f"http://{host}:{port}").rstrip("/"),
        mail_to=said("mail", "to", "folder:.troth/outbox"),
        mail_from=said("mail", "from", "privacy@localhost"),
        mail_inbox=said("mail", "inbox", ""),
        mail_inbox_secret=said("mail", "inbox_secret", ""),
        mail_inbox_login=said("mail", "inbox_login", "password"),
        mail_inbox_token_url=said("mail", "inbox_token_url", ""),
        mail_inbox_client=said("mail", "inbox_client", ""),
        mail_inbox_client_secret=said("mail", "inbox_client_secret", ""),
        mail_inbox_scope=said("mail", "inbox_scope", ""),
        peers={name: _peer(values, folder) for name, values in told.get("recipient", {}).items()},
        controllers={
            name: _controller(name, one, folder) for name, one in told.get("controller", {}).items()
        },
        own_certificate=lambda: resolve(said("opendsr", "certificate", ""), folder).encode(),
        own_key=lambda: resolve(said("opendsr", "key", ""), folder).encode(),
        api={name: _api_key(values, folder) for name, values in told.get("api", {}).items()},
        suppressions={name: _suppression(one, folder) for name, one in told.get("suppression", {}).items()},
        webhooks={name: _webhook(values, folder) for name, values in told.get("webhook", {}).items()},
        scans={name: _scan(values) for name, values in told.get("scan", {}).items()},
        site=Site(**told["site"]) if "site" in told else None,
        brand=Brand(**told.get("look", {})),
        owners={name: values["email"] for name, values in told.get("owner", {}).items()},
        sign_in=_sign_in(told["sign_in"], folder) if "sign_in" in told else None,
    )


def _sign_in(values: Mapping[str, Any], folder: Path) -> SignIn:
    """Return the OpenID provider by which staff sign in; its secret is followed when it is needed."""
    roles = {group: given.partition(":")[::2] for group, given in values.get("roles", {}).items()}
    more = {key: values[key] for key in ("scope", "groups_claim") if key in values}
    return SignIn(
        values["issuer"], values["client_id"], lambda: resolve(values["client_secret"], folder),
        values.get("name", "OpenID"), tuple(one.lower() for one in values.get("domains", ())), roles=roles, **more,
    )  # fmt: skip


def _scan(values: Mapping[str, Any]) -> Scan:
    """Return a site that is scanned by itself."""
    every = Period.parse(values["every"])
    assert every is not None  # looked at before
    return Scan(values["url"], every, values.get("pages", 20), tuple(values.get("allow_private", ())))


def _controller(name: str, values: Mapping[str, Any], folder: Path) -> Controller:
    """Return a controller whose processor we are; its token is followed when it is needed."""
    return Controller(
        lambda: resolve(values["token"], folder),
        values["email"],
        values["agreement"],
        values.get("rows", name),
        tuple(values.get("callbacks", ())),
    )


def _api_key(values: Mapping[str, Any], folder: Path) -> ApiKey:
    """Return the key of another system; its secret is followed when it is needed."""
    secret, scope = (lambda: resolve(values["secret"], folder)), tuple(values["scope"])
    return ApiKey(secret, scope, int(values.get("per_minute", PER_MINUTE)))


def _suppression(values: Mapping[str, Any], folder: Path) -> SuppressionTable:
    """Return a tool's table of whom it must leave out; its address is followed when it is needed."""
    more = {name: values[name] for name in ("channel", "kind", "hashed", "entity") if name in values}
    table = values.get("table", "troth_suppression")
    return SuppressionTable(lambda: located(values["url"], folder), table, values["purpose"], **more)


def _webhook(values: Mapping[str, Any], folder: Path) -> Webhook:
    """Return another system that is told of choices; its secret is followed when it is needed."""
    return Webhook(
        values["url"],
        lambda: resolve(values["secret"], folder),
        tuple(values.get("events", WEBHOOK_EVENTS)),
        values.get("identifiers", False),
    )


def _peer(values: Mapping[str, Any], folder: Path) -> Peer:
    """Return how a recipient's API is spoken to; secrets are followed when they are needed."""

    def followed(key: str) -> str:
        return resolve(values[key], folder) if values.get(key) else ""

    types = tuple(values.get("types", ()))
    return Peer(lambda: followed("token"), lambda: followed("certificate").encode(), types=types)


def _problems(told: Mapping[str, Any], file: Path) -> list[Problem]:
    lines = file.read_text(encoding="utf-8").splitlines()
    problems = []
    for section, values in told.items():
        if section == "recipient" and isinstance(values, dict):
            problems += list(_peer_problems(values, lines))
            continue
        if section == "controller" and isinstance(values, dict):
            problems += list(_controller_problems(values, lines))
            continue
        if section == "api" and isinstance(values, dict):
            problems += list(_api_problems(values, lines))
            continue
        if section == "suppression" and isinstance(values, dict):
            problems += list(_suppression_problems(values, lines))
            continue
        if section == "scan" and isinstance(values, dict):
            problems += list(_scan_problems(values, lines))
            continue
        if section == "owner" and isinstance(values, dict):
            problems += list(_owner_problems(values, lines))
            continue
        if section == "sign_in" and isinstance(values, dict):
            problems += list(_sign_in_problems(values, lines))
            continue
        if section == "webhook" and isinstance(values, dict):
            problems += list(_webhook_problems(values, lines))
            continue
        known = KNOWN.get(section)
        if known is None or not isinstance(values, dict):
            problems.append(_unknown("section", section, KNOWN, lines, f"[{section}"))
            continue
        for key, value in values.items():
            if key not in known:
                problems.append(_unknown(f"setting in [{section}]", key, known, lines, key))
            elif not isinstance(value, known[key]) or isinstance(value, bool):
                wanted = "a number" if known[key] is int else "text in quotes"
                line, column = _place(lines, key)
                what = f"`{key}` in [{section}] must be {wanted}."
                problems.append(Problem(file.name, line, column, what, "Write it so."))
        if section == "site":
            problems += list(_site_problems(values, lines))
        if section == "look":
            problems += list(_look_problems(values, lines, file.parent))
    return problems


def _api_problems(keys: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [api.NAME]: a secret, as a reference, and what it is good for."""
    for name, values in keys.items():
        place = _place(lines, f"[api.{name}")
        if not isinstance(values, dict) or set(values) - {"per_minute"} != {"secret", "scope"}:
            what = f"[api.{name}] has a `secret` and a `scope`, may have `per_minute`, and nothing else."
            remedy = 'Write secret = "env:NAME" and scope = ["open", "follow"].'
            yield Problem("troth.toml", *place, what, remedy)
            continue
        secret, scope = values["secret"], values["scope"]
        if not isinstance(secret, str) or secret.partition(":")[0] not in {"env", "file"}:
            what = f"`secret` in [api.{name}] is no reference."
            yield Problem("troth.toml", *place, what, "Write env:NAME or file:PATH, never the secret itself.")
        if not isinstance(scope, list) or not scope or any(one not in API_SCOPES for one in scope):
            what = f"`scope` in [api.{name}] is not a list of what the key is good for."
            yield Problem("troth.toml", *place, what, f"There are: {', '.join(API_SCOPES)}.")
        often = values.get("per_minute", PER_MINUTE)
        if type(often) is not int or often < 1:
            what = f"`per_minute` in [api.{name}] is no whole number of calls."
            yield Problem(
                "troth.toml", *place, what, "Write how often it may call in a minute, such as 60000."
            )


def _suppression_problems(tools: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [suppression.NAME]: where the table is, and for what it leaves people out."""
    known = {"url", "table", "purpose", "channel", "kind", "entity", "hashed"}
    for name, values in tools.items():
        place = _place(lines, f"[suppression.{name}")
        if not isinstance(values, dict) or set(values) - known or {"url", "purpose"} - set(values):
            more = ", ".join(sorted(known - {"url", "purpose"}))
            what = f"[suppression.{name}] has a `url` and a `purpose`, and may have {more}."
            yield Problem("troth.toml", *place, what, "Write these, and nothing else.")
            continue
        texts = [values[key] for key in known - {"hashed"} if key in values]
        if not all(isinstance(one, str) for one in texts) or not isinstance(
            values.get("hashed", False), bool
        ):
            what = (
                f"In [suppression.{name}] `hashed` is true or false, and everything else is text in quotes."
            )
            yield Problem("troth.toml", *place, what, "Write it so.")
            continue
        if not values["url"].startswith(("env:", "file:", "sqlite:///")):
            what = f"`url` in [suppression.{name}] is no reference."
            yield Problem("troth.toml", *place, what, "Write env:NAME or file:PATH, or sqlite:///FILE.")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", values.get("table", "t"), re.ASCII):
            what = f"`table` in [suppression.{name}] is no name of a table."
            yield Problem("troth.toml", *place, what, "Take letters, digits and underscores.")


def _owner_problems(owners: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [owner.NAME]: an address, and nothing else."""
    for name, values in owners.items():
        email = values.get("email") if isinstance(values, dict) and set(values) == {"email"} else None
        if not isinstance(email, str) or "@" not in email:
            place = _place(lines, "[owner.")
            what = f"[owner.{name}] has an `email`, and nothing else."
            yield Problem("troth.toml", *place, what, 'Write email = "head-of-support@company.example".')


def _webhook_problems(receivers: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [webhook.NAME]: an address, a secret as a reference, and what it is told of."""
    needed, known = {"url", "secret"}, {"url", "secret", "events", "identifiers"}
    for name, values in receivers.items():
        place = _place(lines, f"[webhook.{name}")
        if not isinstance(values, dict) or set(values) - known or needed - set(values):
            what = f"[webhook.{name}] has a `url` and a `secret`, and may have `events` and `identifiers`."
            yield Problem("troth.toml", *place, what, "Write these, and nothing else.")
            continue
        url, secret, events = values["url"], values["secret"], values.get("events", list(WEBHOOK_EVENTS))
        if not isinstance(url, str) or not url.startswith(
            ("https://", "http://127.0.0.1:", "http://localhost:")
        ):
            what = f"`url` in [webhook.{name}] is no encrypted address."
            yield Problem("troth.toml", *place, what, "Write https://…; http:// only to this machine itself.")
        if not isinstance(secret, str) or secret.partition(":")[0] not in {"env", "file"}:
            what = f"`secret` in [webhook.{name}] is no reference."
            yield Problem("troth.toml", *place, what, "Write env:NAME or file:PATH, never the secret itself.")
        if not isinstance(events, list) or not events or any(one not in WEBHOOK_EVENTS for one in events):
            what = f"`events` in [webhook.{name}] is not a list of what the receiver is told of."
            yield Problem("troth.toml", *place, what, f"There are: {', '.join(WEBHOOK_EVENTS)}.")
        if not isinstance(values.get("identifiers", False), bool):
            what = f"`identifiers` in [webhook.{name}] is neither true nor false."
            yield Problem("troth.toml", *place, what, "Write one of them.")


def _sign_in_problems(values: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [sign_in]: the provider, the secret as a reference, and which groups have which roles."""
    from troth.rules.staff import ROLES

    needed = {"issuer", "client_id", "client_secret"}
    known = needed | {"name", "scope", "domains", "groups_claim", "roles"}
    if set(values) - known or needed - set(values):
        what = "[sign_in] has `issuer`, `client_id` and `client_secret`, and may have " + (
            ", ".join(sorted(known - needed)) + "."
        )
        yield Problem("troth.toml", *_place(lines, "[sign_in"), what, "Write these, and nothing else.")
        return
    for key in known - {"domains", "roles"}:
        if key in values and (not isinstance(values[key], str) or not values[key]):
            yield Problem(
                "troth.toml", *_place(lines, key), f"`{key}` in [sign_in] is no text.", "Write it in quotes."
            )
            return
    if not values["issuer"].startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        what = "`issuer` in [sign_in] is no encrypted address."
        remedy = "Write https://…, as the provider names itself."
        yield Problem("troth.toml", *_place(lines, "issuer"), what, remedy)
    if values["client_secret"].partition(":")[0] not in {"env", "file"}:
        what = "`client_secret` in [sign_in] is no reference."
        remedy = "Write env:NAME or file:PATH, never the secret itself."
        yield Problem("troth.toml", *_place(lines, "client_secret"), what, remedy)
    if "openid" not in values.get("scope", "openid").split():
        what = "`scope` in [sign_in] lacks openid."
        remedy = 'Write scope = "openid profile email groups".'
        yield Problem("troth.toml", *_place(lines, "scope"), what, remedy)
    domains = values.get("domains", [])
    if not isinstance(domains, list) or not all(isinstance(one, str) and "@" not in one for one in domains):
        what = "`domains` in [sign_in] is no list of domains."
        remedy = 'Write domains = ["company.example"].'
        yield Problem("troth.toml", *_place(lines, "domains"), what, remedy)
    roles = values.get("roles", {})
    if not isinstance(roles, dict) or not all(
        isinstance(one, str) and one.partition(":")[0] in ROLES for one in roles.values()
    ):
        what = "`roles` in [sign_in] does not give each group a role."
        remedy = f'Write "GROUP" = "ROLE" or "GROUP" = "ROLE:ENTITY". There are: {", ".join(ROLES)}.'
        yield Problem("troth.toml", *_place(lines, "[sign_in.roles"), what, remedy)


def _controller_problems(controllers: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [controller.NAME]: whose processor we are, under which agreement."""
    needed, known = {"token", "email", "agreement"}, {"token", "email", "agreement", "rows", "callbacks"}
    for name, values in controllers.items():
        place = _place(lines, f"[controller.{name}")
        if not isinstance(values, dict) or set(values) - known or needed - set(values):
            what = f"[controller.{name}] has `token`, `email` and `agreement`, and may have `rows` and `callbacks`."
            yield Problem("troth.toml", *place, what, "Write these, and nothing else.")
            continue
        callbacks = values.get("callbacks", [])
        if not isinstance(callbacks, list) or not all(_is_beginning(one) for one in callbacks):
            what = f"`callbacks` in [controller.{name}] is no list of beginnings of addresses, each ending in a slash."
            yield Problem("troth.toml", *place, what, 'Write callbacks = ["https://controller.example/"].')
        if any(not isinstance(values[key], str) for key in known - {"callbacks"} if key in values):
            what = f"`token`, `email`, `agreement` and `rows` in [controller.{name}] are texts in quotes."
            yield Problem("troth.toml", *place, what, "Write them so.")
        elif values["token"].partition(":")[0] not in {"env", "file"}:
            what = f"`token` in [controller.{name}] is no reference."
            yield Problem("troth.toml", *place, what, "Write env:NAME or file:PATH, never the secret itself.")


def _is_beginning(address: object) -> bool:
    """Tell whether an address can be told apart from all that are not below it."""
    return (
        isinstance(address, str) and address.startswith(("https://", "http://127.0.0.1:")) and address.endswith("/")
        and address.count("/") > 2
    )  # fmt: skip


def _scan_problems(scans: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [scan.NAME]: where, how often, how far."""
    needed, known = {"url", "every"}, {"url", "every", "pages", "allow_private"}
    for name, values in scans.items():
        place = _place(lines, f"[scan.{name}")
        if not isinstance(values, dict) or set(values) - known or needed - set(values):
            what = f"[scan.{name}] has a `url` and an `every`, and may have `pages` and `allow_private`."
            yield Problem(
                "troth.toml", *place, what, 'Write url = "https://shop.example" and every = "1 day".'
            )
            continue
        if not isinstance(values["url"], str) or not values["url"].startswith(("https://", "http://")):
            yield Problem(
                "troth.toml", *place, f"`url` in [scan.{name}] is no address.", 'Write url = "https://…".'
            )
        every = Period.parse(values["every"]) if isinstance(values["every"], str) else None
        if every is None or every.number == 0:
            what = f"`every` in [scan.{name}] is no period."
            yield Problem("troth.toml", *place, what, 'Write every = "1 day", or "12 hours".')
        pages = values.get("pages", 20)
        if not isinstance(pages, int) or isinstance(pages, bool) or not 1 <= pages <= 2000:
            what = f"`pages` in [scan.{name}] is no number from 1 to 2000."
            yield Problem("troth.toml", *place, what, "Write pages = 20.")
        hosts = values.get("allow_private", [])
        if not isinstance(hosts, list) or not all(isinstance(one, str) for one in hosts):
            what = f"`allow_private` in [scan.{name}] is no list of hosts."
            yield Problem("troth.toml", *place, what, 'Write allow_private = ["staging.shop.example"].')


def _site_problems(site: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [site]: where it is, and what the gate does."""
    if {"host", "application"} - set(site):
        what = "[site] has a `host` and an `application`."
        remedy = 'Write host = "www.company.example" and application = "site/shop.py:application".'
        yield Problem("troth.toml", *_place(lines, "[site"), what, remedy)
        return
    for key, known in (("gate", ("report", "enforce")), ("unknown", ("report", "drop"))):
        if site.get(key, known[0]) not in known:
            what = f"`{key}` in [site] is {site[key]!r}."
            yield Problem("troth.toml", *_place(lines, key), what, f"There are: {', '.join(known)}.")
    if not re.fullmatch(r"[^/:]+\.py:[A-Za-z_]\w*", str(site["application"]).rpartition("/")[2]):
        what = "`application` in [site] does not name a Python file and what to take from it."
        yield Problem(
            "troth.toml", *_place(lines, "application"), what, "Write it so: site/shop.py:application."
        )


def _look_problems(values: Mapping[str, Any], lines: list[str], folder: Path) -> Iterable[Problem]:
    """Say what is wrong with [look]: a logo that is not there, a colour that cannot be read."""
    from troth.faces import brand

    for key, what, remedy in brand.wrong({k: v for k, v in values.items() if isinstance(v, str)}, folder):
        yield Problem("troth.toml", *_place(lines, key), what, remedy)


def _peer_problems(peers: Mapping[str, Any], lines: list[str]) -> Iterable[Problem]:
    """Say what is wrong with [recipient.NAME]: its token and certificate are references, its types known."""
    for name, values in peers.items():
        place = _place(lines, f"[recipient.{name}")
        if (
            not isinstance(values, dict)
            or set(values) - {"token", "certificate", "types"}
            or "certificate" not in values
        ):
            what = (
                f"[recipient.{name}] has a `certificate`, may have a `token` and `types`, and nothing else."
            )
            remedy = "Write the first two as references, env:NAME or file:PATH, and `types` as a list."
            yield Problem("troth.toml", *place, what, remedy)
            continue
        types = values.get("types", [])
        if not isinstance(types, list) or not set(map(str, types)) <= set(RECIPIENT_TYPES):
            what = f"`types` in [recipient.{name}] is no list of what a recipient may take beside an erasure."
            yield Problem("troth.toml", *place, what, f"There are: {', '.join(RECIPIENT_TYPES)}.")
        for key, value in values.items():
            if key == "types":
                continue
            if not isinstance(value, str) or value.partition(":")[0] not in {"env", "file"}:
                what = f"`{key}` in [recipient.{name}] is no reference."
                yield Problem(
                    "troth.toml", *place, what, "Write env:NAME or file:PATH, never the secret itself."
                )


def _unknown(what: str, name: str, known: Mapping[str, object], lines: list[str], text: str) -> Problem:
    near = get_close_matches(name, known, 1)
    remedy = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(known)}."
    return Problem("troth.toml", *_place(lines, text), f"There is no {what} called `{name}`.", remedy)


def _place(lines: list[str], text: str) -> tuple[int, int]:
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(text):
            return number, line.index(text) + 1
    return 1, 1


def located(url: str, folder: Path, named_in: str = "troth.toml") -> str:
    """Make a relative SQLite file or lake relative to the project, and resolve a reference."""
    url = resolve(url, folder, named_in)
    if url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
        return f"sqlite:///{folder / url.removeprefix('sqlite:///')}"
    if url.startswith("lake://") and not url.startswith("lake:///"):
        return f"lake://{folder / url.removeprefix('lake://')}"
    return url


def resolve(reference: str, folder: Path, named_in: str = "troth.toml") -> str:
    """Follow `env:NAME` or `file:PATH`; any other text stands for itself.

    Raises NotFoundError naming the reference, never what it holds.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise NotFoundError(f"The environment variable {name} is not set, and {named_in} refers to it.")
        return os.environ[name]
    if kind == "file":
        try:
            return (folder / name).read_text(encoding="utf-8").strip()
        except OSError:
            raise NotFoundError(f"The file {name}, which {named_in} refers to, cannot be read.") from None
    return reference


def not_utf8(name: str, error: UnicodeDecodeError) -> Problem:
    """Say where a file stops being UTF-8."""
    before = error.object[: error.start]
    line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode()) + 1
    return Problem(name, line, column, "It is not UTF-8 text.", "Save it as UTF-8.")
