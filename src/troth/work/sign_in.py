"""Sign staff in: by password and a code of their telephone, with sessions that end.

A password is kept as an argon2id hash (RFC 9106, the second recommended setting), the code is a TOTP (RFC 6238)
that works once, and whoever tries too often waits.  A wrong handle, password or code are told alike.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.ledger import accounts, append, tries
from troth.ledger.accounts import Account, Invitation
from troth.rules.event import Draft
from troth.rules.staff import FAMILY
from troth.work import admit
from troth.work.project import Project

IDLE = timedelta(minutes=45)
LONGEST = timedelta(hours=10)
SEEN_EVERY = timedelta(minutes=1)
TRIES_MAX = 8
TRIES_OF_ALL_MAX = 40
"""For one handle from every address together: more, so that a stranger does not soon lock somebody out."""
_TRIED = "sign in "
_CHANGED = "change "
LOCKED_SECONDS = 900
PASSWORD_MIN, PASSWORD_MAX = 12, 200
STEP_SECONDS = 30
SECRET_BYTES = 20
LANES, ITERATIONS, MEMORY_KIB = 4, 3, 64 * 1024
"""RFC 9106, section 4, the second recommended option: 3 passes over 64 MiB by 4 lanes."""
HASHES_AT_ONCE, HASH_WAIT_SECONDS = 2, 10.0
_HASHES = threading.BoundedSemaphore(HASHES_AT_ONCE)
ENTER = "enter"
ENTER_MINUTES, ENTER_MINUTES_MAX = 15, 24 * 60
_USED = "This link was used already, or is too old."
_WRONG = "The handle, the password or the code is not right. A code works once; wait for the next one."


class TooManyTriesError(NotAllowedError):
    """Somebody tried too often, and waits."""

    def __init__(self) -> None:
        super().__init__(f"There were too many tries. Wait {LOCKED_SECONDS // 60} minutes, and try again.")


def new_secret() -> bytes:
    """Return a secret for the codes of a telephone."""
    return secrets.token_bytes(SECRET_BYTES)


def code_address(project: Project, handle: str, secret: bytes) -> str:
    """Return the address that an app for codes reads, as text or picture."""
    issuer = quote(project.settings.name)
    return f"otpauth://totp/{issuer}:{quote(handle)}?secret={written(secret)}&issuer={issuer}"


def written(secret: bytes) -> str:
    """Write a secret as people type it into an app."""
    return base64.b32encode(secret).decode()


def read_secret(typed: str) -> bytes | None:
    """Read a secret that was written; None where it is none."""
    try:
        found = base64.b32decode(typed)
    except ValueError:
        return None
    return found if len(found) == SECRET_BYTES else None


def join(
    project: Project, token: str, handle: str, name: str, email: str, password: str, secret: bytes, code: str
) -> str:
    """Take an invitation up and sign in; return the session's token.

    The first administrator chooses a handle; everybody else has the one they were invited by.
    Raises NotFoundError for a token that is none, NotAllowedError for a password or code that will not do.
    """
    invited = invitation(project, token)
    taken = handle if invited.role else invited.handle
    wrong = [
        *admit.wrong_handle(taken),
        *admit.wrong_name(name, email),
        *_wrong_password(password, taken),
    ]
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    step = _step(project, secret, code)
    if step is None:
        raise NotAllowedError(
            "That is not the code. See that the clock of the telephone is right, and take the next one."
        )
    if invited.role and admit.state(project, taken) is not None:
        raise NotAllowedError(f"{taken} is in the record already. Choose another handle.")
    if not accounts.use_up(project.ledger, token):
        raise NotFoundError(_USED)
    accounts.end_all(project.ledger, taken)
    accounts.unbind(project.ledger, taken)  # whoever begins anew signs in by nothing else any more
    accounts.write(
        project.ledger, taken, Account(name.strip(), email.strip(), _hashed(password), secret, step)
    )
    admit.joined(project, taken, invited.role)
    return accounts.begin(project.ledger, taken)


def invitation(project: Project, token: str) -> Invitation:
    """Return whom a link invites; raises NotFoundError where it does nobody (any more)."""
    found = accounts.invitation(project.ledger, token)
    if found is None or found.role == ENTER or (found.role and accounts.exist(project.ledger)):
        raise NotFoundError(_USED)
    return found


def enter_link(
    project: Project, handle: str, staff: str, minutes: int = ENTER_MINUTES, served_at: str = ""
) -> str:
    """Return a link that signs somebody in once, without password and code; the record says who made it.

    It is for whoever runs the server: after the loss of the last telephone, or to show the console around.
    Raises NotFoundError for a handle that is none, NotAllowedError for somebody who left.
    """
    if admit.known(project, handle)["status"] == "closed":
        raise NotAllowedError(f"{handle} has left; nobody who left signs in.")
    if not 1 <= minutes <= ENTER_MINUTES_MAX:
        raise NotAllowedError(f"A link that signs in lasts from 1 to {ENTER_MINUTES_MAX} minutes.")
    admit.record(project, handle, {"move": "enter_link"}, staff)
    token = accounts.invite(project.ledger, handle, ENTER, timedelta(minutes=minutes))
    return f"{served_at or project.settings.public_url}/console/enter/{token}"


def enters(project: Project, token: str) -> str:
    """Return whom a link signs in; raises NotFoundError where it does nobody (any more)."""
    found = accounts.invitation(project.ledger, token)
    if found is None or found.role != ENTER or not _here(project, found.handle):
        raise NotFoundError(_USED)
    return found.handle


def enter(project: Project, token: str) -> str:
    """Use a link up and return a new session's token; raises NotFoundError where somebody was quicker."""
    handle = enters(project, token)
    if not accounts.use_up(project.ledger, token):
        raise NotFoundError(_USED)
    return accounts.begin(project.ledger, handle)


def sign_in(project: Project, handle: str, password: str, code: str, address: str = "") -> str:
    """Return a new session's token; raises NotAllowedError where that is not the person, or they tried too often.

    Tries are counted by handle and network `address`, and by handle alone up to more; neither is kept in clear.
    """
    of_all = _counted(project, _TRIED, handle)
    counted = _counted(project, _TRIED, handle, address)
    of_every_address = tries.count(project.ledger, of_all, LOCKED_SECONDS)
    tried = tries.count(project.ledger, counted, LOCKED_SECONDS)
    if tried > TRIES_MAX or of_every_address > TRIES_OF_ALL_MAX:
        first = tried == TRIES_MAX + 1 or of_every_address == TRIES_OF_ALL_MAX + 1
        if first and of_every_address <= TRIES_OF_ALL_MAX + 1 and admit.state(project, handle) is not None:
            facts = {"staff": handle, "move": "locked"}
            append.append(project.ledger, [Draft("staff_moved", f"{FAMILY}/{handle}", facts)])
        raise TooManyTriesError
    account = accounts.read(project.ledger, handle)
    right = _is_password(password, account.password if account else "")  # as long for nobody as for somebody
    step = _step(project, account.code_secret, code) if account and account.code_secret else None
    if account is None or not right or step is None or not _here(project, handle):
        raise NotAllowedError(_WRONG)
    if not accounts.take_step(project.ledger, handle, account, step):
        raise NotAllowedError(_WRONG)
    tries.forget(project.ledger, counted)
    tries.forget(project.ledger, of_all)
    return accounts.begin(project.ledger, handle)


def _counted(project: Project, what: str, *typed: str) -> str:
    return what + accounts.mark(project.ledger, "\x00".join((what, *(one[:60] for one in typed))))


def forget_old(project: Project) -> None:
    """Remove sessions and links that are worth nothing any more, and forget what was tried long ago."""
    accounts.end_old(project.ledger, IDLE, LONGEST)
    for what in (_TRIED, _CHANGED):
        tries.forget_old(project.ledger, what, LOCKED_SECONDS)


def _here(project: Project, handle: str) -> bool:
    found = admit.state(project, handle)
    return found is not None and found["status"] == "active"


def who(project: Project, token: str) -> str | None:
    """Return whose session a token is, or None where it is nobody's."""
    found = accounts.session(project.ledger, token, IDLE, LONGEST, SEEN_EVERY)
    return found if found is not None and _here(project, found) else None


def sign_out(project: Project, token: str) -> None:
    """End a session."""
    accounts.end(project.ledger, token)


def change_password(project: Project, handle: str, password: str, code: str, new: str) -> str:
    """Take another password; every session ends, and a new one's token is returned.

    Raises NotAllowedError for a password or code that is not theirs, and for a new one that will not do.
    """
    wrong = _wrong_password(new, handle)
    if wrong:
        raise NotAllowedError(" ".join(wrong))
    account = _again(project, handle, password, code)
    _renew(project, handle, account, msgspec.structs.replace(account, password=_hashed(new)))
    return _anew(project, handle)


def change_telephone(
    project: Project, handle: str, password: str, code: str, secret: bytes, new_code: str
) -> str:
    """Take the codes of another telephone, whose `new_code` shows that it is bound; as `change_password` else."""
    step = _step(project, secret, new_code)
    if step is None:
        raise NotAllowedError(
            "That is not the code of the new telephone. See that its clock is right, and take the next one."
        )
    account = _again(project, handle, password, code)
    _renew(project, handle, account, msgspec.structs.replace(account, code_secret=secret, used=step))
    return _anew(project, handle)


def unbind(project: Project, handle: str, password: str, code: str) -> str:
    """Let the provider's account sign them in no more; as `change_password` else."""
    _again(project, handle, password, code)
    return _anew(project, handle)


def show_again(project: Project, handle: str, password: str, code: str) -> None:
    """Have somebody show password and code once more, before another way in is bound to their account.

    Raises NotAllowedError for a password or code that is not theirs.
    """
    _again(project, handle, password, code)


def _renew(project: Project, handle: str, verified: Account, account: Account) -> None:
    if not accounts.renew(project.ledger, handle, verified, account):
        raise NotAllowedError("Your account was changed meanwhile. Sign in again, and look at it.")


def _again(project: Project, handle: str, password: str, code: str) -> Account:
    """Return the account of whoever shows password and code once more, with that code used up."""
    counted = _counted(project, _CHANGED, handle)
    if tries.count(project.ledger, counted, LOCKED_SECONDS) > TRIES_MAX:
        raise TooManyTriesError
    account = accounts.read(project.ledger, handle)
    if account is None or not account.password:
        raise NotAllowedError("You sign in elsewhere: change password and telephone there.")
    step = _step(project, account.code_secret, code)
    right = _is_password(password, account.password)
    if not right or step is None or not accounts.take_step(project.ledger, handle, account, step):
        raise NotAllowedError(
            "The password you have, or the code, is not right. A code works once; wait for the next one."
        )
    tries.forget(project.ledger, counted)
    return msgspec.structs.replace(account, used=step)


def _anew(project: Project, handle: str) -> str:
    """End every session and every other way in, and begin a session."""
    admit.reset(project, handle)
    accounts.unbind(project.ledger, handle)  # whoever took a way in for themselves has it no more
    accounts.end_all(project.ledger, handle)
    return accounts.begin(project.ledger, handle)


def _wrong_password(password: str, handle: str) -> list[str]:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        return [
            f"A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters. Four words in a row make a good one."
        ]
    if handle in password.lower() or len(set(password)) < PASSWORD_MIN // 3:
        return ["This password is too easy to guess. Four words in a row make a good one."]
    return []


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    kdf = Argon2id(salt=salt, length=32, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
    with _one_of_few():
        return kdf.derive_phc_encoded(password.encode())


@contextmanager
def _one_of_few() -> Iterator[None]:
    """Hold memory for few passwords at once; raises UnreachableError where the wait is too long."""
    if not _HASHES.acquire(timeout=HASH_WAIT_SECONDS):
        raise UnreachableError("Too many people sign in at this moment. Wait a minute, and try again.")
    try:
        yield
    finally:
        _HASHES.release()


def _is_password(password: str, phc: str) -> bool:
    if len(password) > PASSWORD_MAX or not phc:
        _hashed(password[:PASSWORD_MAX])
        return False
    try:
        with _one_of_few():
            Argon2id.verify_phc_encoded(password.encode(), phc)
    except InvalidKey:
        return False
    return True


def code_now(project: Project, secret: bytes) -> str:
    """Return the code that an app shows now (for the demo, which has no telephone)."""
    return _totp(secret).generate(int(project.clock().timestamp())).decode()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, 6, SHA1(), STEP_SECONDS)  # noqa: S303  # what every app for codes knows (RFC 6238)


def _step(project: Project, secret: bytes, code: str) -> int | None:
    """Return the time step a code is of: this one, or one before or after (RFC 6238, section 5.2)."""
    given = "".join(code.split())
    now = int(project.clock().timestamp())
    for moved in (0, -STEP_SECONDS, STEP_SECONDS):
        if given.isascii() and secrets.compare_digest(_totp(secret).generate(now + moved).decode(), given):
            return (now + moved) // STEP_SECONDS
    return None
