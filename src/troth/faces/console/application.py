"""The console put together: its door, and every part.

A part is a module `…_pages.py` with one function that takes the desk and registers its pages on it.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar

from troth.faces.brand import drawn
from troth.faces.console.account_pages import account_pages
from troth.faces.console.audit_pages import audit_pages
from troth.faces.console.channel_pages import channel_pages
from troth.faces.console.consent_pages import consent_pages
from troth.faces.console.cookie_pages import cookie_pages
from troth.faces.console.desk import FILE_ROWS_MAX, ROOT, Desk
from troth.faces.console.door import door
from troth.faces.console.incident_pages import incident_pages
from troth.faces.console.inspection_pages import inspection_pages
from troth.faces.console.kept import kept_pages
from troth.faces.console.ledger_pages import ledger_pages
from troth.faces.console.outside_door import outside_door
from troth.faces.console.people_pages import people_pages
from troth.faces.console.policy_pages import policy_pages
from troth.faces.console.policy_read_pages import policy_read_pages
from troth.faces.console.recipient_pages import recipient_pages
from troth.faces.console.register_pages import register_pages
from troth.faces.console.request_file_pages import request_file_pages
from troth.faces.console.request_pages import request_pages
from troth.faces.console.requests_pages import requests_pages
from troth.faces.console.restriction_pages import restriction_pages
from troth.faces.console.settings_pages import settings_pages
from troth.faces.console.store_pages import store_pages
from troth.faces.console.sweep_pages import sweep_pages
from troth.faces.console.today_pages import today_pages
from troth.faces.head import Application
from troth.faces.portal.limits import Limit
from troth.faces.portal.pages import FORM_BYTES_MAX
from troth.faces.routes import Routes
from troth.faces.web import explain, look, served, with_headers
from troth.faces.words import catalogues
from troth.policy.shape import Text
from troth.work.project import Project

SIGN_INS_PER_HOUR = 200
"""From one address: a whole office may sit behind one; each account is locked much sooner."""


PARTS = (
    today_pages,
    requests_pages,
    request_pages,
    request_file_pages,
    restriction_pages,
    people_pages,
    account_pages,
    audit_pages,
    channel_pages,
    consent_pages,
    cookie_pages,
    incident_pages,
    inspection_pages,
    kept_pages,
    ledger_pages,
    policy_pages,
    policy_read_pages,
    recipient_pages,
    register_pages,
    settings_pages,
    store_pages,
    sweep_pages,
)


def console(desk: Desk) -> list[Any]:
    """Return the routes of the console on a desk."""
    for part in PARTS:
        part(desk)
    limit = Limit(SIGN_INS_PER_HOUR, 3600)
    return [*desk.routes, *door(desk, limit), *outside_door(desk, limit), served(f"{ROOT}/static", desk.look)]


def console_application(project: Project, file_rows_max: int = FILE_ROWS_MAX) -> Litestar:
    """Build the console over one project, as an application of its own."""
    desk = make_desk(project, file_rows_max)
    return Application(
        [Routes(console(desk))],
        exception_handlers=dict(explain(desk)),
        after_request=with_headers,
        request_max_body_size=FORM_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )


def make_desk(project: Project, file_rows_max: int = FILE_ROWS_MAX) -> Desk:
    """Make the desk of a project, on which no page is yet."""
    folder, group = project.settings.folder, project.policy.group
    shown = look(
        group.title if group else Text(((project.policy.language, project.settings.name),)),
        catalogues(folder / "locale", "console"),
        folder / "templates" / "console",
        brand=drawn(project.settings.brand, folder),
        face="console",
    )
    return Desk(project, shown, file_rows_max)
