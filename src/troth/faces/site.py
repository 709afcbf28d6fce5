"""A web site beside the portal: an ASGI application of the project, behind the gate, under a host of its own.

One setting, `gate`, decides whether its cookies are reported or held to the table.  The banner, the
notice and what is said of signals are answered by the portal, so that the site has them at its own address.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from troth.errors import NotFoundError, Problem, WrongFileError
from troth.faces.banner.script import known_table
from troth.faces.middleware import Seen
from troth.faces.middleware.asgi import App, CookieGate, Receive, Scope, Send
from troth.policy.policy import Policy
from troth.rules.set_cookie import Gate
from troth.work.project import Project, Site

OURS = ("/choices/", "/notice/", "/.well-known/gpc.json")


def beside(portal: App, project: Project, site: Site) -> App:
    """Return an application that answers requests for the site's host with the site, all others with the portal.

    The gate holds to the table of the policy in force, and to the next one from its day on.
    """
    application, told = load(project.settings.folder, site.application), Seen()
    gated: list[tuple[Policy, CookieGate]] = []

    def gate_of(policy: Policy) -> CookieGate:
        for known, found in gated:
            if known is policy:
                return found
        gate = Gate(known_table(policy), drop_unknown=site.unknown == "drop")
        made = CookieGate(application, gate, mode=site.gate, told=told,
                          now=lambda: int(project.clock().timestamp()))  # fmt: skip
        gated.append((policy, made))
        return made

    for policy in (project.policy, project.written):  # the table to come too: its mistakes are told now
        gate_of(policy)

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            asked = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rpartition("@")[2]
            if asked.partition(":")[0].lower() == site.host and not scope["path"].startswith(OURS):
                await gate_of(project.policy)(scope, receive, send)
                return
        await portal(scope, receive, send)

    return either


def load(folder: Path, reference: str) -> Any:
    """Load the application that `FILE.py:NAME` says; raises NotFoundError or WrongFileError where it cannot be."""
    name, _, wanted = reference.partition(":")
    file = folder / name
    spec = importlib.util.spec_from_file_location(file.stem, file) if file.is_file() else None
    if spec is None or spec.loader is None:
        raise NotFoundError(
            f"There is no Python file {name!r} in the project, which `application` in [site] names."
        )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        what = f"The application of [site] cannot be loaded: {type(error).__name__}."
        raise WrongFileError([Problem(name, 1, 1, what, f"Run `python {name}` to see why.")]) from error
    found = getattr(module, wanted, None)
    if not callable(found):
        raise NotFoundError(
            f"{name} has no application called {wanted!r}, which `application` in [site] names."
        )
    return found
