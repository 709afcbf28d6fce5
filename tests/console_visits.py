"""A console with people in it: a project, staff in every role, and a client that is signed in as one of them."""

from contextlib import contextmanager
from datetime import UTC, datetime

from litestar.testing import TestClient

from shop_project import make, opened
from troth.faces.console.desk import SESSION
from troth.faces.portal.application import application
from troth.ledger import accounts
from troth.ledger.accounts import Account
from troth.rules.staff import ROLES
from troth.work import admit

PASSWORD = "four plain words here"
SAME_SITE = {"sec-fetch-site": "same-origin"}
START = datetime(2026, 12, 1, 9, tzinfo=UTC)


def admit_all(project):
    """Give the project one of the staff for each role, with the role's name as handle."""
    for role in ROLES:
        admit_one(project, role, role)


def admit_one(project, handle, *roles, entity=""):
    """Admit somebody without the link, with these roles."""
    accounts.write(project.ledger, handle, Account(f"{handle.title()} Example", f"{handle}@staff.example"))
    admit.record(project, handle, {"move": "invited"}, "root")
    admit.joined(project, handle, "")
    for role in roles:
        admit.grant(project, handle, role, entity, "root")


@contextmanager
def console_of(folder, clock=lambda: START):
    """The project that is made in a folder, with staff in every role, for many tests that share it."""
    make(folder)
    made = opened(folder, clock)
    admit_all(made)
    yield made
    made.close()
    made.ledger.close()


@contextmanager
def visiting(app, language="en"):
    """A client of an application, as a browser on its own pages."""
    with TestClient(app) as client:
        client.headers.update({"accept-language": language, **SAME_SITE})
        yield client


@contextmanager
def signed_in(project, handle, app=None, language="en"):
    """A client in the console of a project, signed in as somebody."""
    with visiting(app or application(project), language) as client:
        client.cookies.set(
            SESSION, accounts.begin(project.ledger, handle), domain="testserver.local", path="/console"
        )
        yield client
