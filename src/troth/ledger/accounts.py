"""Accounts of the staff, their invitations and their sessions: what a sign-in needs, and nothing of the record.

An account's name, address, password hash and code secret are one sealed body under a key of
Troth's own.  Of an invitation and a session only a keyed hash is kept, so that a copy of the
database opens nothing.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import text

from troth.ledger import keys, vault
from troth.ledger.append import microseconds
from troth.ledger.schema import Ledger

PURPOSE = "accounts"
TOKEN_BYTES = 24


class Account(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """What an account holds in secret; `used` is the last time step whose code was taken."""

    name: str
    email: str
    password: str = ""  # a PHC string of argon2id; empty where they sign in elsewhere
    code_secret: bytes = b""
    used: int = 0

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Account(…)"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a one-time link is for, and the role that comes with it, if any."""

    handle: str
    role: str


def read(ledger: Ledger, handle: str) -> Account | None:
    """Return an account, or None where there is none of that handle."""
    with ledger.looking() as connection:
        sealed = connection.execute(
            text("SELECT sealed FROM accounts WHERE handle = :h"), {"h": handle}
        ).scalar()
    return None if sealed is None else _opened(ledger, handle, bytes(sealed))


def every(ledger: Ledger) -> Iterator[tuple[str, Account]]:
    """Yield every account by its handle."""
    with ledger.looking() as connection:
        rows = connection.execute(text("SELECT handle, sealed FROM accounts ORDER BY handle")).all()
    for row in rows:
        yield row.handle, _opened(ledger, row.handle, bytes(row.sealed))


def exist(ledger: Ledger) -> bool:
    """Say whether there is any account."""
    with ledger.looking() as connection:
        return connection.execute(text("SELECT 1 FROM accounts LIMIT 1")).scalar() is not None


def write(ledger: Ledger, handle: str, account: Account) -> None:
    """Write an account; one of the same handle is replaced."""
    sealed = _sealed(keys.own_key(ledger, PURPOSE), handle, account)
    with ledger.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO accounts (handle, sealed) VALUES (:h, :s) "
                "ON CONFLICT (handle) DO UPDATE SET sealed = :s"
            ),
            {"h": handle, "s": sealed},
        )


def add(ledger: Ledger, handle: str, account: Account) -> bool:
    """Write the account of somebody new; False where there is one of that handle."""
    sealed = _sealed(keys.own_key(ledger, PURPOSE), handle, account)
    statement = text("INSERT INTO accounts (handle, sealed) VALUES (:h, :s) ON CONFLICT (handle) DO NOTHING")
    with ledger.writing() as connection:
        done = connection.execute(statement, {"h": handle, "s": sealed})
    return done.rowcount == 1


def take_step(ledger: Ledger, handle: str, verified: Account, step: int) -> bool:
    """Use up the code of a time step; False where that or a later one was taken before.

    `verified` is the account whose password and code were looked at; False too where it has others meanwhile.
    """
    return _changed(
        ledger, handle, verified,
        lambda held: msgspec.structs.replace(held, used=step) if held.used < step else None,
    )  # fmt: skip


def renew(ledger: Ledger, handle: str, verified: Account, account: Account) -> bool:
    """Write an account with another password or telephone; False where `verified` has others meanwhile."""
    return _changed(ledger, handle, verified, lambda _: account)


def _changed(
    ledger: Ledger, handle: str, verified: Account, change: Callable[[Account], Account | None]
) -> bool:
    """Change an account if its password and telephone are still those verified, all in one transaction."""
    key = keys.own_key(ledger, PURPOSE)
    with ledger.writing() as connection:
        sealed = connection.execute(
            text("SELECT sealed FROM accounts WHERE handle = :h"), {"h": handle}
        ).scalar()
        if sealed is None:
            return False
        held = _opened(ledger, handle, bytes(sealed))
        if (held.password, held.code_secret) != (verified.password, verified.code_secret):
            return False
        changed = change(held)
        if changed is None:
            return False
        connection.execute(
            text("UPDATE accounts SET sealed = :s WHERE handle = :h"),
            {"h": handle, "s": _sealed(key, handle, changed)},
        )
    return True


def _sealed(key: tuple[int, bytes], handle: str, account: Account) -> bytes:
    """Seal an account under a version of the key, which is named before it."""
    version, secret = key
    return version.to_bytes(4, "big") + vault.lock(secret, handle, msgspec.msgpack.encode(account))


def _opened(ledger: Ledger, handle: str, sealed: bytes) -> Account:
    _, key = keys.own_key(ledger, PURPOSE, int.from_bytes(sealed[:4], "big"))
    return msgspec.msgpack.decode(vault.unlock(key, handle, sealed[4:]), type=Account)


def remove(ledger: Ledger, handle: str) -> None:
    """Remove an account with its sessions and invitations; the record keeps the handle."""
    with ledger.writing() as connection:
        for table in ("accounts", "sessions", "invitations"):
            connection.execute(text(f"DELETE FROM {table} WHERE handle = :h"), {"h": handle})  # noqa: S608


def bind(ledger: Ledger, handle: str, issuer: str, subject: str) -> bool:
    """Say by whom a person of an identity provider signs in here; False where somebody else does already."""
    mac = _outside(ledger, issuer, subject)
    with ledger.writing() as connection:
        held = connection.execute(text("SELECT handle FROM accounts WHERE outside = :m"), {"m": mac}).scalar()
        if held is not None:
            return bool(held == handle)
        done = connection.execute(
            text("UPDATE accounts SET outside = :m WHERE handle = :h AND outside IS NULL"),
            {"m": mac, "h": handle},
        )
    return done.rowcount == 1


def unbind(ledger: Ledger, handle: str) -> None:
    """Let nobody of an identity provider sign in as somebody any more."""
    with ledger.writing() as connection:
        connection.execute(text("UPDATE accounts SET outside = NULL WHERE handle = :h"), {"h": handle})


def is_bound(ledger: Ledger, handle: str) -> bool:
    """Say whether somebody signs in by an identity provider, too."""
    statement = text("SELECT outside IS NOT NULL FROM accounts WHERE handle = :h")
    with ledger.looking() as connection:
        return bool(connection.execute(statement, {"h": handle}).scalar())


def bound(ledger: Ledger, issuer: str, subject: str) -> str | None:
    """Return the handle of a person of an identity provider, or None where nobody is bound to them."""
    with ledger.looking() as connection:
        found: str | None = connection.execute(
            text("SELECT handle FROM accounts WHERE outside = :m"), {"m": _outside(ledger, issuer, subject)}
        ).scalar()
    return found


def invite(ledger: Ledger, handle: str, role: str, lasts: timedelta) -> str:
    """Make a one-time link's token for somebody; one made before is worth nothing any more."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    until = microseconds(ledger.clock() + lasts)
    mac = _mac(ledger, "invitation", token)
    with ledger.writing() as connection:
        connection.execute(text("DELETE FROM invitations WHERE handle = :h"), {"h": handle})
        connection.execute(
            text("INSERT INTO invitations VALUES (:m, :h, :r, :u)"),
            {"m": mac, "h": handle, "r": role, "u": until},
        )
    return token


def invitation(ledger: Ledger, token: str) -> Invitation | None:
    """Return whom a token invites, or None where it is none, was used or is too old."""
    with ledger.looking() as connection:
        row = connection.execute(
            text("SELECT handle, role FROM invitations WHERE mac = :m AND until_us > :now"),
            {"m": _mac(ledger, "invitation", token), "now": microseconds(ledger.clock())},
        ).one_or_none()
    return None if row is None else Invitation(row.handle, row.role)


def use_up(ledger: Ledger, token: str) -> bool:
    """Use a token up; False where somebody else was quicker."""
    with ledger.writing() as connection:
        done = connection.execute(
            text("DELETE FROM invitations WHERE mac = :m"), {"m": _mac(ledger, "invitation", token)}
        )
    return done.rowcount == 1


def begin(ledger: Ledger, handle: str) -> str:
    """Begin a session and return its token, which is known to nobody else."""
    token, now = secrets.token_urlsafe(TOKEN_BYTES), microseconds(ledger.clock())
    mac = _mac(ledger, "session", token)
    with ledger.writing() as connection:
        connection.execute(
            text("INSERT INTO sessions VALUES (:m, :h, :n, :n)"), {"m": mac, "h": handle, "n": now}
        )
    return token


def session(ledger: Ledger, token: str, idle: timedelta, longest: timedelta, every: timedelta) -> str | None:
    """Return whose session a token is; None where it ended, rested longer than `idle` or began before `longest`.

    That it was used is written down every so often only.
    """
    now, mac = microseconds(ledger.clock()), _mac(ledger, "session", token)
    with ledger.looking() as connection:
        row = connection.execute(
            text("SELECT handle, begun_us, seen_us FROM sessions WHERE mac = :m"), {"m": mac}
        ).one_or_none()
    if row is None or now - row.seen_us > _us(idle) or now - row.begun_us > _us(longest):
        return None
    if now - row.seen_us > _us(every):
        with ledger.writing() as connection:
            connection.execute(text("UPDATE sessions SET seen_us = :n WHERE mac = :m"), {"n": now, "m": mac})
    return str(row.handle)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that may still be used: when it began, when it was used last, and whether it is the one that asks."""

    begun: datetime
    seen: datetime
    own: bool


def sessions(ledger: Ledger, handle: str, token: str, idle: timedelta, longest: timedelta) -> list[Session]:
    """Return the sessions of somebody that may still be used, the newest first; `token` is the one that asks."""
    now, own = microseconds(ledger.clock()), _mac(ledger, "session", token)
    statement = text(
        "SELECT mac, begun_us, seen_us FROM sessions WHERE handle = :h AND begun_us >= :start AND seen_us >= :seen "
        "ORDER BY begun_us DESC"
    )
    with ledger.looking() as connection:
        rows = connection.execute(
            statement, {"h": handle, "start": now - _us(longest), "seen": now - _us(idle)}
        ).all()
    return [
        Session(_moment(row.begun_us), _moment(row.seen_us), hmac.compare_digest(bytes(row.mac), own))
        for row in rows
    ]


def _moment(microseconds_since: int) -> datetime:
    return datetime.fromtimestamp(microseconds_since / 1_000_000, UTC)


def end(ledger: Ledger, token: str) -> None:
    """End a session."""
    with ledger.writing() as connection:
        connection.execute(text("DELETE FROM sessions WHERE mac = :m"), {"m": _mac(ledger, "session", token)})


def end_all(ledger: Ledger, handle: str) -> None:
    """End every session of somebody."""
    with ledger.writing() as connection:
        connection.execute(text("DELETE FROM sessions WHERE handle = :h"), {"h": handle})


def end_old(ledger: Ledger, idle: timedelta, longest: timedelta) -> int:
    """Remove sessions and invitations that are worth nothing any more; return how many sessions."""
    now = microseconds(ledger.clock())
    with ledger.writing() as connection:
        connection.execute(text("DELETE FROM invitations WHERE until_us <= :now"), {"now": now})
        done = connection.execute(
            text("DELETE FROM sessions WHERE begun_us < :start OR seen_us < :seen"),
            {"start": now - _us(longest), "seen": now - _us(idle)},
        )
    return int(done.rowcount)


def mark(ledger: Ledger, what: str) -> str:
    """Return a name for what somebody typed, which tells nobody what it was."""
    return _mac(ledger, "mark", what).hex()


def _us(span: timedelta) -> int:
    return int(span.total_seconds() * 1_000_000)


def _mac(ledger: Ledger, what: str, token: str) -> bytes:
    _, secret = keys.own_key(ledger, "sessions")
    return hmac.digest(secret, f"{what} {token}".encode(), "sha256")


def _outside(ledger: Ledger, issuer: str, subject: str) -> bytes:
    keys.own_key(ledger, "sessions")  # makes the first where there is none; whoever is bound is by the first
    _, secret = keys.own_key(ledger, "sessions", 1)
    return hmac.digest(secret, f"outside {issuer}\x00{subject}".encode(), "sha256")
