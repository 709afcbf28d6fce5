"""The same shop in Litestar, which waits for nothing: sign up, ask, hear of withdrawals.

TROTH_URL=http://127.0.0.1:8080 TROTH_KEY=… TROTH_HOOK_SECRET=… TROTH_FORM=… \
      litestar --app-dir examples/sending --app litestar_shop:app run --port 8000
"""

import os
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.params import FromQuery, JSONBody

from troth.client import AsyncClient, NotGenuine, Refused, Said, Unreachable, choices, event_of, may

PURPOSE = "newsletter"
STOPPED: set[str] = set()


@dataclass
class SignUp:
    """What the form says."""

    email: str
    newsletter: bool


def troth() -> AsyncClient:
    """Open a client; a real shop keeps one for each process."""
    return AsyncClient(os.environ["TROTH_URL"], os.environ["TROTH_KEY"])


@post("/sign-up")
async def sign_up(data: JSONBody[SignUp]) -> Response[dict[str, Any]]:
    """Record what a visitor said: a yes with the form they saw, and a no as well."""
    said = Said("given" if data.newsletter else "refused", PURPOSE, "email")
    call = choices([said], "web", email=data.email, form=os.environ["TROTH_FORM"], language="en")
    try:
        async with troth() as client:
            taken = await client.send(call)
    except Refused as error:
        return Response({"detail": error.detail}, status_code=422)
    except Unreachable:
        return Response({"detail": "Please try again in a moment."}, status_code=503)
    return Response({"proven": taken.choices[0].proven}, status_code=201)


@get("/may")
async def may_we(email: FromQuery[str]) -> dict[str, Any]:
    """Say whether a newsletter may be sent now; in doubt it may not."""
    try:
        async with troth() as client:
            answer = await client.send(may(PURPOSE, email=email, channel="email"))
    except Unreachable:
        return {"may": False, "why": "Nobody could be asked."}
    return {"may": answer.allowed and email not in STOPPED, "why": answer.why}


@post("/hooks/privacy")
async def hook(request: Request[Any, Any, Any]) -> Response[None]:
    """Hear of a withdrawal or an objection, once its signature is checked."""
    try:
        event = event_of(await request.body(), dict(request.headers), os.environ["TROTH_HOOK_SECRET"])
    except NotGenuine:
        return Response(None, status_code=400)
    if event.type in {"consent.withdrawn", "consent.expired", "objection.recorded"}:
        STOPPED.update(event.emails)
    return Response(None, status_code=204)


app = Litestar([sign_up, may_we, hook])
