"""Sign staff in by an OpenID provider: whoever is bound to an account there, and whom the role mapping admits.

Who somebody is, is the provider's issuer and subject together, never an e-mail address: that may pass to another.
They are bound to an account when an invitation is taken up, or by whoever is signed in to that account; nobody
else gets in, unless a group of theirs has a role in `[sign_in]` of troth.toml.

What is begun is bound to the browser by a sealed cookie, ends after ten minutes, and works once.

Law: GDPR Art. 32(1)(b) and (4).  Source: OpenID Connect Core 1.0; RFC 9700, sections 2.1, 4.4, 4.5 and 4.7.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from troth.errors import NotAllowedError, NotFoundError
from troth.ledger import accounts, tries
from troth.ledger.accounts import Account
from troth.outside.openid import OpenId
from troth.rules import staff as rules
from troth.rules.staff import HANDLE_MAX, RESERVED, Grant
from troth.work import admit, sealed, sign_in
from troth.work.project import Project, SignIn

KIND = "sign_in_outside"
SECONDS = 600
BY = "sign_in"
"""Who gives and takes roles by the mapping, as it stands in the record."""
HANDLES_TRIED = 50
_AGAIN = "This sign-in is not the one that was begun in this browser, or it took too long. Begin again."
_USED = "outside "


@dataclass(frozen=True, slots=True)
class Begun:
    """Where somebody goes to sign in, and the cookie that binds it to their browser."""

    address: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entered:
    """A new session, and where somebody was going; no session where an account was bound to the one there is."""

    session: str = field(repr=False)
    to: str


def provider(project: Project) -> OpenId | None:
    """Return the provider that troth.toml names, or None; raises NotAllowedError where the extra is missing."""
    told = project.settings.sign_in
    if told is None:
        return None
    try:
        import joserfc  # noqa: F401
    except ImportError:
        raise NotAllowedError(
            "Signing in elsewhere needs what is not installed: pip install 'troth[oidc]'."
        ) from None
    return OpenId(told.issuer, told.client, told.secret, project.clock)


def back_to(project: Project) -> str:
    """Return the address that the provider sends people back to; it is registered there."""
    return f"{project.settings.public_url}/console/sign-in/outside/back"


def begin(project: Project, openid: OpenId, to: str, *, token: str = "", handle: str = "") -> Begun:
    """Begin a sign-in; with the `token` of an invitation, or the `handle` of an account to bind.

    Raises UnreachableError where the provider does not answer.
    """
    told = _told(project)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    now = int(project.clock().timestamp())
    cookie = sealed.seal(project, KIND, [state, nonce, verifier, to, token, handle, now])
    return Begun(openid.address(back_to(project), told.scope, state, nonce, verifier), cookie)


def finish(
    project: Project, openid: OpenId, cookie: str, answer: Mapping[str, str], signed_in: str = ""
) -> Entered:
    """Take the provider's answer and let whoever it is in; `signed_in` is whose session the browser has.

    Raises NotAllowedError for an answer that is not to what was begun here, for a token that is not
    believed, and for somebody who is not to get in; UnreachableError where the provider does not answer.
    """
    try:
        state, nonce, verifier, to, token, handle, begun = sealed.unseal(project, KIND, cookie)
    except (NotFoundError, ValueError):
        raise NotAllowedError(_AGAIN) from None
    given = answer.get("state", "")
    in_time = 0 <= int(project.clock().timestamp()) - begun <= SECONDS
    if not in_time or not secrets.compare_digest(given.encode(), state.encode()):
        raise NotAllowedError(_AGAIN)
    named = answer.get("iss", "" if openid.endpoints().names_itself else openid.issuer)
    if named != openid.issuer:
        raise NotAllowedError("Another provider answered than was asked. Begin again at the sign-in page.")
    tries.forget_old(project.ledger, _USED, SECONDS * 2)
    if tries.count(project.ledger, f"{_USED}{sha256(state.encode()).hexdigest()}", SECONDS * 2) > 1:
        raise NotAllowedError(_AGAIN)
    code = answer.get("code", "")
    if answer.get("error") or not code:
        raise NotAllowedError("The provider did not sign you in. Begin again, or ask whoever runs it.")
    claims = openid.exchange(code, back_to(project), verifier, nonce)
    _refuse_domain(_told(project), claims)
    if handle:
        return _bound(project, openid, claims, handle, signed_in)
    whom = _joined(project, openid, claims, token) if token else _known(project, openid, claims)
    _keep_roles(project, whom, claims)
    return Entered(accounts.begin(project.ledger, whom), to)


def _told(project: Project) -> SignIn:
    told = project.settings.sign_in
    if told is None:
        raise NotFoundError("Staff sign in with accounts of this console: troth.toml names no provider.")
    return told


def _refuse_domain(told: SignIn, claims: Mapping[str, Any]) -> None:
    domain = str(claims.get("email", "")).rpartition("@")[2].lower()
    if told.domains and (domain not in told.domains or claims.get("email_verified") is not True):
        raise NotAllowedError(
            "Your address is of no domain that is let in here. Take the account of your organisation, or ask an "
            "administrator."
        )


def _bound(
    project: Project, openid: OpenId, claims: Mapping[str, Any], handle: str, signed_in: str
) -> Entered:
    """Bind the account of whoever is signed in."""
    if handle != signed_in:
        raise NotAllowedError(_AGAIN)
    if not accounts.bind(project.ledger, handle, openid.issuer, str(claims["sub"])):
        raise NotAllowedError("That account there is bound to another one here, or yours is bound already.")
    admit.reset(project, handle)
    return Entered("", "/console/account")


def _joined(project: Project, openid: OpenId, claims: Mapping[str, Any], token: str) -> str:
    """Take an invitation up by the account at the provider."""
    invited = sign_in.invitation(project, token)
    if invited.role:
        raise NotAllowedError("The first administrator joins with an account of this console.")
    held, subject = accounts.read(project.ledger, invited.handle), str(claims["sub"])
    if accounts.bound(project.ledger, openid.issuer, subject) not in {None, invited.handle}:
        raise NotAllowedError("That account there is bound to another one here. Sign in with it instead.")
    if held is None or not accounts.use_up(project.ledger, token):
        raise NotFoundError("This link was used already, or is too old.")
    accounts.unbind(project.ledger, invited.handle)
    if not accounts.bind(project.ledger, invited.handle, openid.issuer, subject):
        raise NotAllowedError("That account there is bound to another one here. Sign in with it instead.")
    accounts.end_all(project.ledger, invited.handle)
    accounts.write(project.ledger, invited.handle, Account(held.name, held.email))
    admit.joined(project, invited.handle, "")
    return invited.handle


def _known(project: Project, openid: OpenId, claims: Mapping[str, Any]) -> str:
    """Return whose account is bound, or the new one of somebody whom the role mapping admits."""
    handle = accounts.bound(project.ledger, openid.issuer, str(claims["sub"]))
    if handle is None:
        return _admitted(project, openid, claims)
    found = admit.state(project, handle)
    if found is None or found["status"] != "active":
        raise NotAllowedError("Your account here is not open. Ask an administrator.")
    return handle


def _admitted(project: Project, openid: OpenId, claims: Mapping[str, Any]) -> str:
    if not _wanted(_told(project), claims):
        raise NotAllowedError(
            "You were not invited with this account. Open the link of your invitation and join with it, or ask an "
            "administrator for one."
        )
    handle = _free(project, claims)
    name, email = str(claims.get("name") or handle)[:200], str(claims.get("email", ""))
    wrong = [*admit.wrong_handle(handle), *admit.wrong_name(name, email)]
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    if not accounts.add(project.ledger, handle, Account(name, email)):
        raise NotAllowedError(_AGAIN)  # somebody else of that name was quicker
    if not accounts.bind(project.ledger, handle, openid.issuer, str(claims["sub"])):
        accounts.remove(project.ledger, handle)
        raise NotAllowedError(_AGAIN)  # the same person was quicker in another browser
    admit.joined(project, handle, "")
    return handle


def _free(project: Project, claims: Mapping[str, Any]) -> str:
    """Return a handle that nobody has or had, made of what the provider calls them."""
    email = str(claims.get("email", "")).partition("@")[0]
    called = str(claims.get("preferred_username") or email or claims.get("name") or "staff")
    plain = re.sub(r"[^a-z0-9._-]+", "-", called.partition("@")[0].lower()).lstrip("0123456789._-")
    stem = plain[: HANDLE_MAX - 3] if len(plain) > 1 else "staff"
    for number in range(1, HANDLES_TRIED):
        handle = stem if number == 1 else f"{stem}-{number}"
        if handle in RESERVED:
            continue
        if admit.state(project, handle) is None and accounts.read(project.ledger, handle) is None:
            return handle
    raise NotAllowedError("Everybody is called so here already. Ask an administrator to invite you.")


def _wanted(told: SignIn, claims: Mapping[str, Any]) -> set[Grant]:
    """Return the roles that the groups of somebody give them."""
    groups = claims.get(told.groups_claim)
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return {_grant(told.roles[one]) for one in listed if isinstance(one, str) and one in told.roles}


def _grant(given: tuple[str, str]) -> Grant:
    role, entity = given
    return next(Grant(one, entity) for one in rules.ROLES if one == role)


def _keep_roles(project: Project, handle: str, claims: Mapping[str, Any]) -> None:
    """Give and take the roles that the mapping names, as the groups are now; others are left as they are.

    What must stay apart is not given, and the last administrator remains one.
    """
    told = _told(project)
    if not told.roles:
        return
    named, wanted = {_grant(one) for one in told.roles.values()}, _wanted(told, claims)
    held = set(rules.grants(admit.known(project, handle)))
    for gone in sorted((held & named) - wanted, key=_in_order):
        _tried(admit.withdraw, project, handle, gone)
    for more in sorted(wanted - held, key=_in_order):
        _tried(admit.grant, project, handle, more)


def _in_order(grant: Grant) -> tuple[str, str]:
    return grant.role, grant.entity


def _tried(
    move: Callable[[Project, str, str, str, str], None], project: Project, handle: str, grant: Grant
) -> None:
    try:
        move(project, handle, grant.role, grant.entity, BY)
    except NotAllowedError:
        return
