"""An OpenID provider: what it says of itself, where it is asked, and an id token verified before it is believed.

The issuer is the one that is set and no other; a token is signed by a key that the provider publishes, with an
algorithm of this list (never `none`, never a shared secret), for us, now, and for this very sign-in.

Source: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; Discovery 1.0, section 4; RP-Initiated Logout 1.0;
RFC 7636 (PKCE); RFC 9207 (who answered); RFC 9700 (what is attacked).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from troth.errors import NotAllowedError, UnreachableError
from troth.outside.post import get, post

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
)  # fmt: skip
"""Signatures by a key that only the provider has."""
_KINDS = frozenset({"RSA", "EC", "OKP"})
DISCOVERED_SECONDS = 3600.0
KEYS_SECONDS_MIN = 60.0
"""Keys are fetched anew for a signature that none of them made, this often at most."""
LEEWAY_SECONDS = 60
SUBJECT_MAX = 255


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked; `logout` is empty where it offers none."""

    authorization: str
    token: str
    keys: str
    logout: str
    names_itself: bool  # whether its answers carry `iss` (RFC 9207)


@dataclass(slots=True)
class OpenId:
    """One provider as it is set, and what it said of itself within the hour."""

    issuer: str
    client: str
    secret: Callable[[], str] = field(repr=False)
    clock: Callable[[], datetime]
    _found: Endpoints | None = None
    _found_at: float = 0.0
    _keys: KeySet | None = field(default=None, repr=False)
    _keys_at: float = 0.0

    def endpoints(self) -> Endpoints:
        """Return where the provider is asked; raises UnreachableError where it does not say so, as the one it is."""
        now = time.monotonic()
        if self._found is None or now - self._found_at > DISCOVERED_SECONDS:
            self._found, self._found_at = self._discovered(), now
        return self._found

    def _discovered(self) -> Endpoints:
        told = self._fetched(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if told.get("issuer") != self.issuer:
            raise UnreachableError(
                "The OpenID provider names another issuer than [sign_in] in troth.toml. Write its issuer exactly as it "
                "names it, or sign in with an account of this console."
            )
        found = [told.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(isinstance(one, str) and _is_safe(one) for one in found):
            raise UnreachableError(
                "The OpenID provider does not say where it is asked over an encrypted connection."
            )
        authorization, token, keys = (str(one) for one in found)
        logout = told.get("end_session_endpoint")
        return Endpoints(
            authorization,
            token,
            keys,
            logout if isinstance(logout, str) and _is_safe(logout) else "",
            told.get("authorization_response_iss_parameter_supported") is True,
        )

    def address(self, back: str, scope: str, state: str, nonce: str, verifier: str) -> str:
        """Return the address at which somebody signs in there and is sent back to `back`."""
        challenge = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code", "client_id": self.client, "redirect_uri": back, "scope": scope, "state": state,
            "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return _with(self.endpoints().authorization, asked)

    def logout(self, back: str) -> str:
        """Return the address at which somebody signs out there; empty where the provider offers none."""
        found = self.endpoints().logout
        return _with(found, {"client_id": self.client, "post_logout_redirect_uri": back}) if found else ""

    def exchange(self, code: str, back: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """Exchange a code for the claims of an id token that is verified.

        Raises NotAllowedError where the provider refuses the code or its token is not to be believed,
        UnreachableError where it does not answer.
        """
        asked = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier,
        }  # fmt: skip
        named = f"{quote(self.client, safe='')}:{quote(self.secret(), safe='')}"  # RFC 6749, section 2.3.1
        headers = {
            "Authorization": f"Basic {base64.b64encode(named.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
        }  # fmt: skip
        answered = post(self.endpoints().token, urlencode(asked).encode(), headers)
        if not answered.status or answered.status >= 500:
            raise UnreachableError("The OpenID provider does not answer. Try again in a while.")
        token = _object(answered.body).get("id_token") if answered.status == 200 else None
        if not isinstance(token, str):
            raise _refused("the provider does not take its code (any more)")
        return self._verified(token, nonce)

    def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        claims, now = self._signed(token), self.clock().timestamp()
        audience = claims.get("aud")
        for_whom = [audience] if isinstance(audience, str) else audience
        wrong = None
        if claims.get("iss") != self.issuer:
            wrong = "its token is of another issuer"
        elif not isinstance(for_whom, list) or self.client not in for_whom:
            wrong = "its token is for another client"
        elif (len(for_whom) > 1 or "azp" in claims) and claims.get("azp") != self.client:
            wrong = "its token was given to another client"
        elif not _is_number(claims.get("exp")) or claims["exp"] + LEEWAY_SECONDS <= now:
            wrong = "its token has ended"
        elif not _is_number(claims.get("iat")) or claims["iat"] - LEEWAY_SECONDS > now:
            wrong = "its token is of a moment still to come; look at the clocks"
        elif claims.get("nonce") != nonce:
            wrong = "its token is of another sign-in"
        elif not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= SUBJECT_MAX:
            wrong = "its token is of nobody"
        if wrong is not None:
            raise _refused(wrong)
        return claims

    def _signed(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that one of the provider's keys signed."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        for again in (False, True):
            if self._keys is None or (again and time.monotonic() - self._keys_at > KEYS_SECONDS_MIN):
                self._keys, self._keys_at = self._published(), time.monotonic()
            elif again:
                break
            try:
                claims: Mapping[str, Any] = jwt.decode(token, self._keys, algorithms=list(ALGORITHMS)).claims
                return claims
            except (JoseError, ValueError):
                continue
        raise _refused("its token is not signed by a key of the provider")

    def _published(self) -> KeySet:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        listed = self._fetched(self.endpoints().keys).get("keys")
        usable: Sequence[Any] = [
            one
            for one in (listed if isinstance(listed, list) else [])
            if isinstance(one, dict) and one.get("kty") in _KINDS and one.get("use", "sig") == "sig"
        ]
        try:
            return KeySet.import_key_set({"keys": list(usable)})
        except (JoseError, ValueError, KeyError, TypeError):
            raise UnreachableError("The OpenID provider publishes no keys that can be read.") from None

    def _fetched(self, url: str) -> Mapping[str, Any]:
        answered = get(url, {"Accept": "application/json"})
        if answered.status != 200:
            raise UnreachableError("The OpenID provider does not answer. Try again in a while.")
        return _object(answered.body)


def _with(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def _is_safe(address: str) -> bool:
    return address.isprintable() and address.startswith(
        ("https://", "http://127.0.0.1:", "http://localhost:")
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _refused(why: str) -> NotAllowedError:
    return NotAllowedError(f"The sign-in was not believed: {why}. Begin again at the sign-in page.")
