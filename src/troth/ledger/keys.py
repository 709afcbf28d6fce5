"""Keys: one for each (owner, file), wrapped by the master key.

An owner is a subject's random id (or the stream, where no subject is); a file is what the
key serves, such as `request/7Q2M`.  Troth's own keys (seals, fingerprints, sessions) are
here too, by purpose and version.

Law: GDPR Art. 32(1)(a).  Source: AES-GCM (NIST SP 800-38D), key wrap by AES-GCM
with the key's id as associated data.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from sqlalchemy import Connection, text

from troth.errors import KeyDestroyedError, NotAllowedError, NotFoundError
from troth.ledger.master_key import KEY_BYTES, MasterKey
from troth.ledger.schema import Ledger, guarded

_BY_OWNER = text("SELECT id, master, wrapped, destroyed_at FROM keys WHERE owner = :owner AND file = :file")
_BY_ID = text("SELECT id, master, wrapped, destroyed_at FROM keys WHERE id = :id")
_LIVING = text(
    "SELECT id, owner, file FROM keys WHERE id > :after AND substr(file, 1, :length) = :begins "
    "AND destroyed_at IS NULL ORDER BY id LIMIT :page"
)
_OWN = text("SELECT version, master, wrapped FROM own_keys WHERE purpose = :p ORDER BY version")
_MASTERS = text(
    "SELECT DISTINCT master FROM own_keys UNION SELECT DISTINCT master FROM keys WHERE master IS NOT NULL"
)
INSERT = text(
    "INSERT INTO keys (id, owner, file, master, wrapped) SELECT :id, :owner, :file, :master, :wrapped "
    "WHERE NOT EXISTS (SELECT 1 FROM own_keys WHERE master <> :master) ON CONFLICT (owner, file) DO NOTHING"
)
_ALONE = text("LOCK TABLE keys, own_keys IN SHARE ROW EXCLUSIVE MODE")


def key_for(ledger: Ledger, owner: str, file: str) -> tuple[str, bytes]:
    """Return the key of (owner, file), made where there is none; raises KeyDestroyedError after an erasure."""
    bound = {"owner": owner, "file": file}
    with ledger.looking_at_keys() as connection:  # most are there, and need no writer's lock
        row = connection.execute(_BY_OWNER, bound).one_or_none()
    if row is None:
        made = {"id": secrets.token_hex(12), "master": ledger.master.id}
        made["wrapped"] = ledger.master.wrap(made["id"], secrets.token_bytes(KEY_BYTES))  # type: ignore[assignment]
        with guarded("keys"), ledger.keys.begin() as connection:
            connection.execute(INSERT, bound | made)
            row = connection.execute(_BY_OWNER, bound).one_or_none()
    if row is None:  # the master key was rotated while this process ran with the old one
        check_master(ledger)
        raise NotAllowedError("No key could be made. Try again.")
    return row.id, opened(ledger, row.id, row.master, row.wrapped)


def files_of(ledger: Ledger, owner: str, begins: str) -> tuple[str, ...]:
    """Return the files of an owner whose names begin so, and whose keys were not destroyed."""
    statement = text(
        "SELECT file FROM keys WHERE owner = :owner AND substr(file, 1, :length) = :begins AND destroyed_at IS NULL"
    )
    with ledger.looking_at_keys() as connection:
        bound = {"owner": owner, "length": len(begins), "begins": begins}
        return tuple(str(row.file) for row in connection.execute(statement, bound))


def living(ledger: Ledger, begins: str, page: int) -> Iterator[tuple[str, str]]:
    """Yield owner and file of every key whose file begins so and that was not destroyed, page by page."""
    after = ""
    while True:
        with ledger.looking_at_keys() as connection:
            bound = {"after": after, "length": len(begins), "begins": begins, "page": page}
            rows = connection.execute(_LIVING, bound).all()
        for row in rows:
            yield str(row.owner), str(row.file)
        if len(rows) < page:
            return
        after = rows[-1].id


def open_key(ledger: Ledger, key: str) -> bytes:
    """Return a key by its id; raises KeyDestroyedError when it was destroyed, NotFoundError when it is lost."""
    with ledger.looking_at_keys() as connection:
        row = connection.execute(_BY_ID, {"id": key}).one_or_none()
    if row is None:
        raise NotFoundError("The key of this payload is not in the keys database: it was lost, not erased.")
    return opened(ledger, row.id, row.master, row.wrapped)


def opened(ledger: Ledger, key: str, master: str | None, wrapped: bytes | None) -> bytes:
    """Unwrap a key that was read; raises KeyDestroyedError where it was destroyed."""
    if wrapped is None or master is None:
        raise KeyDestroyedError("This was erased on purpose: its key was destroyed.")
    return ledger.master.unwrap(key, master, bytes(wrapped))


def rotate_master(ledger: Ledger, new: MasterKey) -> int:
    """Wrap every key anew under another master key, in one transaction; return how many.

    The ledger must be opened with the new one from then on.  Nobody makes or destroys a key
    meanwhile: one destroyed between reading and writing would come back.
    """
    with guarded("keys"), ledger.keys.begin() as connection:
        if ledger.keys.dialect.name == "postgresql":  # on SQLite there is one writer
            connection.execute(_ALONE)
        rows = connection.execute(
            text("SELECT id, master, wrapped FROM keys WHERE wrapped IS NOT NULL")
        ).all()
        for row in rows:
            secret = ledger.master.unwrap(row.id, row.master, bytes(row.wrapped))
            bound = {"id": row.id, "master": new.id, "wrapped": new.wrap(row.id, secret)}
            connection.execute(
                text(
                    "UPDATE keys SET master = :master, wrapped = :wrapped WHERE id = :id AND wrapped IS NOT NULL"
                ),
                bound,
            )
        own = connection.execute(text("SELECT purpose, version, master, wrapped FROM own_keys")).all()
        for row in own:
            name = f"{row.purpose}/{row.version}"
            secret = ledger.master.unwrap(name, row.master, bytes(row.wrapped))
            bound = {"p": row.purpose, "v": row.version, "master": new.id, "wrapped": new.wrap(name, secret)}
            connection.execute(
                text(
                    "UPDATE own_keys SET master = :master, wrapped = :wrapped WHERE purpose = :p AND version = :v"
                ),
                bound,
            )
    return len(rows) + len(own)


def check_master(ledger: Ledger) -> None:
    """See that the master key in use is the one that everything is locked under.

    Raises NotAllowedError where it is another: what is written under a second master key
    would be lost with it.
    """
    with ledger.looking_at_keys() as connection:
        masters = set(connection.execute(_MASTERS).scalars())
    others = sorted(masters - {ledger.master.id})
    if others:
        raise NotAllowedError(
            f"The keys of this ledger are locked under the master key {others[0]}, and the one in use is "
            f"{ledger.master.id}. Put the right one back (docs/drills.md); without it no payload can be read again."
        )


def own_key(ledger: Ledger, purpose: str, version: int | None = None) -> tuple[int, bytes]:
    """Return one of Troth's own keys (seals, fingerprints, sessions), made where there is none.

    Without `version` it is the newest.
    """
    with ledger.looking_at_keys() as connection:
        found = _own(ledger, connection, purpose, version)
    if found is not None:
        return found
    if version is not None:
        raise NotFoundError(f"There is no version {version} of the key for {purpose}.")
    with guarded("keys"), ledger.keys.begin() as connection:
        _make_own(ledger, connection, purpose, 1)
    return own_key(ledger, purpose)


def _own(
    ledger: Ledger, connection: Connection, purpose: str, version: int | None
) -> tuple[int, bytes] | None:
    rows = connection.execute(_OWN, {"p": purpose}).all()
    chosen = [row for row in rows if version is None or row.version == version]
    if not chosen:
        return None
    row = chosen[-1]
    return row.version, ledger.master.unwrap(f"{purpose}/{row.version}", row.master, bytes(row.wrapped))


def rotate_own(ledger: Ledger, purpose: str) -> int:
    """Make a new version of one of Troth's own keys; old ones stay for what they signed."""
    version, _ = own_key(ledger, purpose)
    with guarded("keys"), ledger.keys.begin() as connection:
        _make_own(ledger, connection, purpose, version + 1)
    return version + 1


def _make_own(ledger: Ledger, connection: Connection, purpose: str, version: int) -> None:
    """Make a key, unless somebody else has just made it."""
    wrapped = ledger.master.wrap(f"{purpose}/{version}", secrets.token_bytes(KEY_BYTES))
    bound = {"p": purpose, "v": version, "m": ledger.master.id, "w": wrapped}
    connection.execute(text("INSERT INTO own_keys VALUES (:p, :v, :m, :w) ON CONFLICT DO NOTHING"), bound)


def versions(ledger: Ledger, purpose: str) -> Iterator[tuple[int, bytes]]:
    """Yield every version of one of Troth's own keys, the oldest first."""
    newest, _ = own_key(ledger, purpose)
    for version in range(1, newest + 1):
        yield own_key(ledger, purpose, version)
