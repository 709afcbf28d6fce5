"""The two routes that are asked thousands of times a second, as bare ASGI: choices, and `may`.

They stand before the other pages of the server and know HTTP alone.  A choice is answered
once it is on the disk, together with those that came at the same moment; `may` is answered
from the gate of this process.

Source: RFC 9457 (problem details), RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal, TypeAlias

import msgspec

from troth.errors import ConflictError, NotAllowedError, NotFoundError, TrothError
from troth.faces.api_keys import Keys
from troth.faces.portal.limits import Pace
from troth.work.gate import Gate
from troth.work.take_choices import Taken, Taking, mistake

LOG = logging.getLogger("troth.hot")
BODY_BYTES_MAX = 100_000
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_NO_STORE = (b"cache-control", b"no-store")


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """A question to `may`."""

    purpose: str
    subject: str = ""
    who: dict[str, str] = {}
    channel: str | None = None
    entity: str | None = None
    addressee: Literal["consumer", "customer", "professional"] = "consumer"
    other_basis: bool = False
    language: str = "en"
    why: bool = True


class Hot:
    """The routes `/api/choices` and `/api/may`; everything else goes on to the other application."""

    def __init__(
        self, keys: Keys, rest: App, taking: Taking | None, gate: Callable[[], Gate], pace: Pace
    ) -> None:
        self._keys, self._rest, self._taking, self._gate = keys, rest, taking, gate
        self._pace = pace
        self._ask = msgspec.json.Decoder(Ask)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a message of one of the two routes, or hand it on."""
        path = scope.get("path")
        if scope["type"] != "http" or path not in {"/api/may", "/api/choices"}:
            await self._rest(scope, receive, send)
            return
        try:
            if scope["method"] != "POST":
                await _answer(
                    send, 405, _problem(405, "This is asked by POST."), _PROBLEM, (b"allow", b"POST")
                )
                return
            key, once = self._shown(scope, "may" if path == "/api/may" else "choices")
            body = await _body(receive)
            if path == "/api/may":
                await _answer(send, 200, self._may(body), _JSON)
            else:
                if self._taking is None:
                    raise Refused(403, "No key has the scope 'choices'. It is set in troth.toml.")
                taken = await self._taking.take(body, f"choices {key} {once}" if once else None)
                await _answer(send, 201, _written(taken), _JSON)
        except Refused as error:
            more = ((b"www-authenticate", b"Bearer"),) if error.status == 401 else ()
            if error.wait_seconds:
                more = ((b"retry-after", str(error.wait_seconds).encode()),)
            await _answer(send, error.status, _problem(error.status, str(error)), _PROBLEM, *more)
        except TrothError as error:
            status = _STATUS.get(type(error), 503)
            if status == 503:
                LOG.error("%s at %s", type(error).__name__, path)
            await _answer(send, status, _problem(status, str(error)), _PROBLEM)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            LOG.error("%s at %s", type(error).__name__, path)
            await _answer(send, 500, _problem(500, "An error of ours: tell who runs this."), _PROBLEM)

    def _shown(self, scope: Message, needed: str) -> tuple[str, str]:
        """Return the name of the key that was shown and the idempotency key; raises Refused."""
        shown, once = b"", ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                shown = value
            elif name == b"idempotency-key":
                once = value.decode("latin-1")
        found = self._keys.of(shown)
        if found is None:
            raise Refused(401, "No key that is known was shown. Send `Authorization: Bearer KEY`.")
        if wait := self._pace.wait_seconds(found[0]):
            raise Refused(429, "This key was used too often. Try again later.", wait)
        if needed not in found[1]:
            raise Refused(403, f"This key has no scope {needed!r}. It is set in troth.toml.")
        if once and not (8 <= len(once) <= 128 and once.isprintable()):
            raise Refused(422, "An Idempotency-Key has 8 to 128 visible letters.")
        return found[0], once

    def _may(self, body: bytes) -> bytes:
        asked = self._read(body)
        gate = self._gate()
        if asked.subject:
            told: Any = gate.may(
                asked.subject, asked.purpose, asked.channel, asked.entity, addressee=asked.addressee,
                other_basis=asked.other_basis,
            )  # fmt: skip
        else:
            kind, value = next(iter(asked.who.items()))
            told = gate.may_address(
                kind, value, asked.purpose, asked.channel, asked.entity, addressee=asked.addressee,
                other_basis=asked.other_basis,
            )  # fmt: skip
        fresh = round(gate.fresh_seconds, 2)
        if not asked.why:
            allowed = "true" if told.allowed else "false"
            return f'{{"may":{allowed},"code":"{told.code}","fresh_seconds":{fresh}}}'.encode()
        event, at, why = told.said(asked.language)
        reason = told.shared
        return msgspec.json.encode(
            {"may": told.allowed, "code": told.code, "why": why, "clause": reason.clause, "promise": reason.promise,
             "event": event, "at": at, "fresh_seconds": fresh}
        )  # fmt: skip

    def _read(self, body: bytes) -> Ask:
        try:
            asked = self._ask.decode(body)
        except msgspec.DecodeError as error:
            raise NotAllowedError(f"The body is no question in JSON: {mistake(error)}.") from None
        except UnicodeDecodeError:
            raise NotAllowedError("The body is no question in JSON: it is not UTF-8.") from None
        if bool(asked.subject) == (len(asked.who) == 1):
            raise NotAllowedError('Name one person: "subject": ID, or "who": {"email": "ada@example.org"}.')
        return asked


class Refused(Exception):  # noqa: N818
    """What HTTP refuses, with its status, and how long to wait where that helps."""

    def __init__(self, status: int, sentence: str, wait_seconds: int = 0) -> None:
        super().__init__(sentence)
        self.status, self.wait_seconds = status, wait_seconds


_STATUS: dict[type[Exception], int] = {NotAllowedError: 422, NotFoundError: 404, ConflictError: 409}


def _written(taken: Taken) -> bytes:
    proofs = [(event, "true" if proven else "false") for event, proven in taken.events]
    events = ",".join(f'{{"event":"{event}","proven":{proven}}}' for event, proven in proofs)
    return f'{{"subject":"{taken.subject}","at":"{taken.at}","choices":[{events}]}}'.encode()


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            break
    if len(body) > BODY_BYTES_MAX:
        raise Refused(413, f"The body is larger than {BODY_BYTES_MAX} bytes.")
    return body


def _problem(status: int, detail: str) -> bytes:
    return json.dumps(
        {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}, ensure_ascii=False
    ).encode()


async def _answer(
    send: Send, status: int, body: bytes, kind: tuple[bytes, bytes], *more: tuple[bytes, bytes]
) -> None:
    headers = [kind, _NO_STORE, (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
