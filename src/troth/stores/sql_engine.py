"""What a kind of database does in its own way, for the store that every engine shares (`sql_store`).

What is said of an error here is in our own words and carries no value of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, Literal, Protocol, TypeVar

from troth.errors import TrothError, UnreachableError
from troth.rules.catalogue import Catalogue, CatalogueTable
from troth.stores.sql import Sql
from troth.stores.sql_dialect import Dialect
from troth.stores.sql_selection import Session

Connection = TypeVar("Connection")
Role = Literal["find", "change"]


class Engine(Protocol[Connection]):
    """What a kind of database does in its own way."""

    dialect: Dialect

    def connect(self, url: str, role: Role) -> Connection:
        """Open a connection; one to find with cannot change anything."""
        ...

    def close(self, connection: Connection) -> None:
        """Let go of a connection."""
        ...

    def catalogue(self, connection: Connection, store: str) -> Catalogue:
        """Read what is really there."""
        ...

    def plainly(self, connection: Connection) -> AbstractContextManager[Any]:
        """Lend the driver's connection as others know it."""
        ...

    def structure(self, connection: Connection, catalogue: Catalogue) -> object:
        """Return a value that is another one once tables have changed."""
        ...

    def rowids(self, connection: Connection, catalogue: Catalogue) -> Mapping[str, str]:
        """Return the name of the row id, for tables that have one."""
        ...

    def normal(self, connection: Connection, sql: Sql) -> frozenset[tuple[str, str]]:
        """Return the columns known to hold every identifier in its exact form."""
        ...

    def begin(self, connection: Connection, role: Role) -> None:
        """Begin a transaction that sees one state of the store."""
        ...

    def commit(self, connection: Connection) -> None:
        """Make it so."""
        ...

    def rollback(self, connection: Connection) -> None:
        """Undo everything since `begin`."""
        ...

    def session(self, connection: Connection, catalogue: Catalogue) -> Session:
        """Return a session for the open transaction."""
        ...

    def remember(self, connection: Connection) -> bool:
        """Make sure that there is a table of steps; False where none can be."""
        ...

    def take(self, connection: Connection, step: str, plan_sha256: str) -> tuple[str, str] | None:
        """Write the step, or return the plan and the rows it is remembered with."""
        ...

    def keep(self, connection: Connection, step: str, rows: str) -> None:
        """Fill in what the step did."""
        ...

    def said(self, error: Exception, store: str) -> TrothError | None:
        """Say an error of the driver in our own words, without a value; None when it is none."""
        ...

    def parts_of(
        self, connection: Connection, table: CatalogueTable, column: str
    ) -> Sequence[tuple[str, date]]:
        """Name the parts of a table that hold the days of a column before a day; none where it has no such parts."""
        ...

    def beyond(
        self, connection: Connection, table: CatalogueTable, readers: Sequence[str]
    ) -> tuple[str, ...] | None:
        """Name the roles that can read a table but for these and our own; None where that cannot be told."""
        ...

    def forbidden(self, error: Exception) -> bool:
        """Tell whether the role lacks a right."""
        ...

    def passing(self, error: Exception) -> bool:
        """Tell whether the same transaction may succeed when it is tried again at once."""
        ...


def unreachable(store: str) -> UnreachableError:
    """Say that a store does not answer."""
    return UnreachableError(
        f"The store `{store}` does not answer. Nothing was changed, or the step is remembered; try again."
    )
