"""Which kinds of store there are, and opening one from its map.

A kind is a function `(map, credentials) -> Store`: ours are named below, others come from
packages that name theirs under the entry point `troth.stores`.  Credentials arrive here as
URLs whose references have been followed; no message repeats one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType

from troth.errors import NotAllowedError, NotFoundError, Problem
from troth.policy.reading import did_you_mean
from troth.rules.map import Map
from troth.stores.contract import Limits, Store

Open = Callable[[Map, Mapping[str, str]], Store]

GROUP = "troth.stores"
_ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FILE = re.compile(r"file:\S.*")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?P<user>[^@/?#]*@)?[^@]*", re.ASCII)
_SECRET = re.compile(r"(?i)[?&;](?:password|passwd|pwd|token|secret|sslpassword|key)=")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of store: what it is, where its code is, and the URLs it opens."""

    name: str
    what: str
    module: str
    schemes: tuple[str, ...]
    extra: str = ""  # the extra to install, for a kind that the default install cannot open
    besides: Mapping[str, str] = field(
        default_factory=dict
    )  # extras for more it can, and the module each brings
    own: str = ""  # the module that reads what a map says in words only this kind understands
    package: str = "troth"


BUILT_IN: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("duckdb", "DuckDB, a file", "troth.stores.duckdb", ("duckdb",), "duckdb"),
        Kind(
            "http",
            "an HTTP API that the map describes",
            "troth.stores.http_api",
            ("https", "http"),
            own="troth.stores.http_map",
        ),
        Kind(
            "delta",
            "Delta tables of a lake",
            "troth.stores.lake_delta",
            ("lake", "s3"),
            "delta",
            {"s3": "obstore"},
        ),
        Kind(
            "iceberg",
            "Iceberg tables of one namespace of a catalogue",
            "troth.stores.lake_iceberg",
            ("iceberg+sqlite", "iceberg+postgresql", "iceberg+https", "iceberg+http"),
            "iceberg",
        ),
        Kind(
            "lake",
            "a lake: Parquet, JSON lines, CSV",
            "troth.stores.lake",
            ("lake", "s3"),
            "lake",
            {"s3": "obstore", "spark": "pyspark"},
        ),
        Kind("logs", "server logs, a folder of files", "troth.stores.logs", ("logs",)),
        Kind("mariadb", "MariaDB, 10.6 or newer", "troth.stores.mariadb", ("mariadb", "mysql"), "mysql"),
        Kind("postgresql", "PostgreSQL, 13 or newer", "troth.stores.postgresql", ("postgresql", "postgres")),
        Kind(
            "redis",
            "Redis or Valkey, keys by templates",
            "troth.stores.redis",
            ("redis", "rediss", "valkey", "valkeys", "unix"),
            "redis",
            own="troth.stores.redis_keys",
        ),
        Kind("sqlite", "SQLite, a file", "troth.stores.sqlite", ("sqlite",)),
    )
}


def kinds() -> Mapping[str, Kind | EntryPoint]:
    """Return every kind of store by name: ours, and those of packages installed here."""
    return _kinds(tuple(sys.path))


@lru_cache(maxsize=2)
def _kinds(path: tuple[str, ...]) -> Mapping[str, Kind | EntryPoint]:  # noqa: ARG001  (looking reads what each package says)
    found: dict[str, Kind | EntryPoint] = dict(BUILT_IN)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found.setdefault(point.name, point)
    return MappingProxyType(found)


def connect(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open the store of a map; `credentials` has a URL for `find` and, to change rows, for `change`.

    Raises NotFoundError for a kind that is not installed and NotAllowedError for a URL of
    another kind; neither says what the URL is.
    """
    kind = kinds().get(map.kind)
    if kind is None:
        raise NotFoundError(
            f"{_where(map)} is of kind `{map.kind}`, and no such kind is installed. "
            f"{did_you_mean(map.kind, list(kinds()))}"
        )
    if "find" not in credentials:
        raise NotAllowedError(
            f"{_where(map)} has no credentials to find with. Its map lacks `credentials: {{find: …}}`."
        )
    if isinstance(kind, EntryPoint):
        return _loaded(map, kind)(map, credentials)
    for role, url in credentials.items():
        _check(map, kind, role, url)
    return _opener(map, kind)(map, credentials)


def limits(kind: Kind | EntryPoint) -> Limits | None:
    """Say what a kind can do, where its module says so and can be loaded here."""
    try:
        module = import_module(kind.module)
    except Exception:  # a package of somebody else may fail in any way
        return None
    found = getattr(module, "LIMITS", None)
    return found if isinstance(found, Limits) else None


def lacking(kind: Kind | EntryPoint) -> str | None:
    """Name the part for want of which a kind cannot be opened here; None where it can."""
    try:
        module = import_module(kind.module)
        for name in getattr(module, "NEEDS", ()):
            import_module(name)
        if isinstance(kind, EntryPoint):
            kind.load()
    except ImportError as error:
        return error.name or kind.module
    except Exception as error:  # a package of somebody else may fail in any way
        return f"{kind.module} ({type(error).__name__})"
    return None


def besides(kind: Kind | EntryPoint) -> dict[str, bool]:
    """Name the extras that let a kind do more, each with whether it is installed; a large one is not loaded for it."""
    if not isinstance(kind, Kind):
        return {}
    return {extra: find_spec(module) is not None for extra, module in kind.besides.items()}


def own_problems(map: Map) -> tuple[Problem, ...]:  # noqa: A002
    """Return every mistake in what a map says in words that only its kind of store understands."""
    kind = kinds().get(map.kind)
    said = [each for each in (map.own, *(table.own for table in map.tables.values())) if each is not None]
    read: Callable[[Map], tuple[Problem, ...]] | None = None
    if isinstance(kind, Kind):
        read = import_module(kind.own).problems if kind.own else None
    elif kind is not None:
        with suppress(ImportError):
            read = getattr(import_module(kind.module), "problems", None)
    if read is not None:
        return read(map)
    if said and isinstance(kind, Kind):
        first = min(said, key=lambda each: (each.line, each.column))
        what = f"A store of kind `{map.kind}` understands nothing under `{map.kind}`."
        return (Problem(map.file, first.line, first.column, what, "Remove it."),)
    return ()


def reference_problem(written: str) -> tuple[str, str] | None:
    """Say what is wrong with a reference to credentials, and the remedy; None when it is one.

    Neither sentence repeats what was written, which may be a secret.

    >>> reference_problem("env:SHOP_FIND"), reference_problem("sqlite:///shop.db")
    (None, None)
    >>> reference_problem("postgresql://find:hunter2@db/shop")[0]
    'This looks like a secret, and maps are kept in version control.'
    >>> reference_problem("https://t0ken@crm.example") is None, reference_problem("https://crm.example") is None
    (False, True)
    """
    if _ENVIRONMENT.fullmatch(written) or _FILE.fullmatch(written):
        return None
    match = _URL.fullmatch(written)
    token = (
        written.startswith(("http://", "https://")) and match is not None and match["user"]
    )  # stands before the @
    if match is not None and not token and ":" not in (match["user"] or "") and not _SECRET.search(written):
        return None
    if match is not None or "@" in written or _SECRET.search(written):
        return (
            "This looks like a secret, and maps are kept in version control.",
            "Write `env:NAME` or `file:PATH`, and put the URL there; then change the secret.",
        )
    return (
        "Credentials are a reference: `env:NAME`, `file:PATH`, or a URL without a secret.",
        "Write for example `env:SHOP_FIND`, or `sqlite:///shop.db`.",
    )


def _check(map: Map, kind: Kind, role: str, url: str) -> None:  # noqa: A002
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme in kind.schemes:
        return
    if url.startswith(("env:", "file:")):
        what = "is a reference that was not followed"
    elif not url:
        what = "is empty"
    elif re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", scheme):
        what = f"is a URL of `{scheme}`"
    else:
        what = "is not a URL"
    raise NotAllowedError(
        f"{_where(map)} is of kind `{kind.name}`, and what its credentials `{role}` refer to {what}. "
        f"It must begin with `{kind.schemes[0]}://`."
    )


def _opener(map: Map, kind: Kind) -> Open:  # noqa: A002
    try:
        module = import_module(kind.module)
    except ImportError as error:
        extra = f"troth[{kind.extra}]" if kind.extra else "troth"
        raise NotFoundError(
            f"{_where(map)} is of kind `{kind.name}`, whose part `{error.name}` is not installed. "
            f"Install it with: pip install '{extra}'."
        ) from None
    found: Open = module.open_store
    return found


def _loaded(map: Map, point: EntryPoint) -> Open:  # noqa: A002
    package = point.dist.name if point.dist is not None else point.module
    try:
        found: Open = point.load()
    except (ImportError, AttributeError) as error:
        raise NotFoundError(
            f"{_where(map)} is of kind `{point.name}`, which the package {package} names and cannot load: "
            f"{type(error).__name__}. Reinstall that package, or tell those who wrote it."
        ) from None
    return found


def _where(map: Map) -> str:  # noqa: A002
    return f"The store `{map.store}` ({map.file})" if map.file else f"The store `{map.store}`"
