"""One's own account: sessions, password, telephone, the provider one signs in by, and one's own absence."""

from __future__ import annotations

from typing import Any

from litestar import Response

from troth.errors import NotAllowedError
from troth.faces.console import square_code
from troth.faces.console.desk import SESSION, Desk, Visit
from troth.faces.console.settings_pages import record_absence, show_member
from troth.ledger import accounts
from troth.work import admit, sign_in


def account_pages(desk: Desk) -> None:
    """Register the pages of one's own account: for whoever is signed in."""

    @desk.page("/account", None)
    def account(visit: Visit) -> Response[str]:
        """GET /console/account: what is one's own."""
        project, handle = visit.project, visit.staff.handle
        held = accounts.read(project.ledger, handle)
        secret = sign_in.new_secret()
        address = sign_in.code_address(project, handle, secret)
        token = visit.request.cookies.get(SESSION, "")
        told = project.settings.sign_in
        return show_member(
            visit, handle, own=True, local=bool(held and held.password), secret=sign_in.written(secret),
            picture=square_code.path(address), address=address, least=sign_in.PASSWORD_MIN,
            sessions=accounts.sessions(project.ledger, handle, token, sign_in.IDLE, sign_in.LONGEST),
            provider=told.name if told else "", bound=accounts.is_bound(project.ledger, handle),
        )  # fmt: skip

    @desk.act("/account/password", None)
    def password(visit: Visit) -> Response[Any]:
        """POST /console/account/password: take another password."""
        session = sign_in.change_password(
            visit.project, visit.staff.handle, visit.given("old"), visit.given("code"), visit.given("new")
        )
        return _anew(visit, session, "told.account.password")

    @desk.act("/account/telephone", None)
    def telephone(visit: Visit) -> Response[Any]:
        """POST /console/account/telephone: take the codes of another telephone."""
        session = sign_in.change_telephone(
            visit.project, visit.staff.handle, visit.given("old"), visit.given("code"), _secret(visit),
            visit.given("new_code"),
        )  # fmt: skip
        return _anew(visit, session, "told.account.telephone")

    @desk.act("/account/unbind", None)
    def unbind(visit: Visit) -> Response[Any]:
        """POST /console/account/unbind: sign in by the provider no more."""
        session = sign_in.unbind(visit.project, visit.staff.handle, visit.given("old"), visit.given("code"))
        return _anew(visit, session, "told.account.unbound")

    @desk.act("/account/end", None)
    def end(visit: Visit) -> Response[Any]:
        """POST /console/account/end: end every session, this one too."""
        accounts.end_all(visit.project.ledger, visit.staff.handle)
        return desk.left()

    @desk.act("/account/away", None)
    def away(visit: Visit) -> Response[Any]:
        """POST /console/account/away: record one's own absence, and who stands in."""
        record_absence(visit, visit.staff.handle)
        return visit.to("/account", "told.settings.away")

    @desk.act("/account/back", None)
    def back(visit: Visit) -> Response[Any]:
        """POST /console/account/back: record that one is back."""
        admit.back(visit.project, visit.staff.handle, visit.staff.handle)
        return visit.to("/account", "told.settings.back")


def _anew(visit: Visit, session: str, told: str) -> Response[Any]:
    """Go on in the session that replaces every other."""
    onward = visit.to("/account", told)
    onward.set_cookie(visit.desk.session_cookie(session))
    return onward


def _secret(visit: Visit) -> bytes:
    """Return the key of the new telephone, which the form carried back."""
    found = sign_in.read_secret(visit.given("secret"))
    if found is None:
        raise NotAllowedError("Something was lost on the way. Please fill the form again.")
    return found
