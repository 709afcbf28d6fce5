"""Personal data behind an HTTP API that the map describes: looked up, listed, erased and changed by calls.

Danger: `act` makes calls that erase.  What prevents loss: what a call is for is decided from rows
that were read and compared with the identifiers here, whatever the API says to have found; each
row is read again, where it can be looked up, and left alone if it changed; and a value that is
empty is never put into a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from troth.errors import NotAllowedError, UnreachableError, WrongFileError
from troth.rules.map import Blank, Map, MapTable, Retain
from troth.stores import http_map, sql_cells
from troth.stores.contract import Limits, Store, whole_of
from troth.stores.deed import Remembered
from troth.stores.gather import Changed, Found, Wanted, is_text, same, unmarked
from troth.stores.http_call import Answer, Asker, Pace
from troth.stores.http_map import Api, Call, Change, Pages, Resource, Waiting
from troth.stores.staged import Staged

LIMITS = Limits(
    atomic=False,
    measured_by_rollback=False,
    rows_measured_max=0,
    amends=True,
    replays=True,
    remembers=False,
    sweep_rows_max=200,
    amends_where="where the map names `update`, without a `body`, and a call that looks rows up by their key",
    replays_where="where the map names a call that lists the rows of each table that names people",
)
VERIFY_PAUSES = (1.0, 3.0, 10.0)


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open an API; nobody is asked before the first verb."""
    return opened(map, credentials, Pace())


def opened(map_: Map, credentials: Mapping[str, str], pace: Pace) -> Staged:
    """Open an API whose pauses are waited by this clock."""
    api, problems = http_map.read(map_)
    if api is None:
        raise WrongFileError(problems)
    return Staged(
        map_, HttpApi(map_, api, credentials, pace), may_change="change" in credentials, now=pace.now
    )


class HttpApi:
    """The source of an API."""

    limits = LIMITS
    remembers = False
    texts = False

    def __init__(self, map_: Map, api: Api, credentials: Mapping[str, str], pace: Pace) -> None:
        self._map, self._store, self._api, self._pace = map_, map_.store, api, pace
        self._urls = dict(credentials)
        self._askers: dict[str, Asker] = {}

    def key(self, table: MapTable) -> tuple[str, ...]:
        """Return what the map says tells a row from others."""
        found = self._api.tables.get(table.name)
        return found.key if found is not None else ()

    def looks_up(self, table: MapTable, column: str, kind: str) -> bool:
        """Tell whether a call looks rows up by this column."""
        del kind
        found = self._api.tables.get(table.name)
        return found is not None and column in found.look_up

    def writes(self, table: MapTable, column: str, *, empties: bool) -> bool:
        """Tell whether a call changes what the plan says, of a row that another reads again by its key."""
        del empties
        found = self._api.tables.get(table.name)
        return found is not None and column not in found.key and http_map.amends(found)

    def lists(self, table: MapTable) -> bool:
        """Tell whether a call lists all rows."""
        found = self._api.tables.get(table.name)
        return found is not None and found.list is not None

    def reads_again(self, table: MapTable) -> bool:
        """Tell whether a call looks rows up by their key; of a table that no call changes none is needed."""
        found = self._api.tables.get(table.name)
        return found is None or (found.erase is None and found.update is None) or _by_key(found)

    def rows(self, table: MapTable, wanted: Wanted | None) -> Iterator[Found]:
        """Yield the rows that calls give, page after page."""
        resource = self._api.tables[table.name]
        if wanted is None:
            assert resource.list is not None
            yield from self._paged(table.name, resource, resource.list, {})
            return
        call = resource.look_up[wanted.column]
        for value in wanted.values:
            if value.strip() not in ("", ".", "..") and is_text(value):
                yield from self._paged(table.name, resource, call, {wanted.column: value})

    def outside(self) -> Iterator[tuple[str, Found]]:
        """Say that nothing is known of what calls do not give."""
        return iter(())

    def steps(self) -> Iterator[tuple[str, Remembered]]:
        """Say that an API remembers no step."""
        return iter(())

    def done(self, step: str) -> Remembered | None:
        """Say that an API remembers no step: what is done is found gone by the next."""
        del step
        return None

    def carry_out(
        self, step: str, plan_sha256: str, rows: str, changes: Iterable[Changed]
    ) -> Iterator[Changed]:
        """Make the calls, one row after another."""
        del plan_sha256
        alone = sql_cells.is_amended(rows)  # values that are amended stand by themselves
        for changed in changes:
            if self._made(step, changed):
                yield changed
            elif not alone:
                return

    def close(self) -> None:
        """Let go of connections."""
        for asker in self._askers.values():
            asker.close()
        self._askers = {}

    # Reading

    def _asker(self, role: str) -> Asker:
        if role not in self._askers:
            self._askers[role] = Asker(self._store, self._api, self._urls[role], self._pace)
        return self._askers[role]

    def _paged(
        self, table: str, resource: Resource, call: Call, values: Mapping[str, object]
    ) -> Iterator[Found]:
        asker = self._asker("find")
        answer = asker.ask(call, values)
        seen: set[str] = set()
        known: set[str] = set()
        for number in range(self._api.pages_max):
            if answer.status in (404, 410, 412):
                counted = resource.pages is not None and resource.pages.how == "number"
                if answer.status == 412 or (number and not (counted and answer.status == 404)):
                    raise NotAllowedError(
                        f"The store `{self._store}` answers `{call}` with {answer.status} in the midst of its pages, "
                        "so that not all rows were seen. Nothing was changed. Try again."
                    )
                return
            rows, listed = _rows(answer.said, call.rows or resource.rows)
            if rows is None:
                raise NotAllowedError(
                    f"The store `{self._store}` answers `{call}` without rows where its map says they are."
                )
            found = [self._found(table, resource, row, values) for row in rows]
            if rows and known.issuperset(each.place for each in found):
                break
            known.update(each.place for each in found)
            yield from found
            following = _next(resource.pages, answer, number, rows=len(rows)) if listed else None
            if following is None:
                return
            if following in seen:
                break
            seen.add(following)
            answer = asker.follow(call, answer, following)
        raise NotAllowedError(
            f"The store `{self._store}` answers `{call}` with pages that come again, or never end. Nothing was "
            "changed. See `pages` in its map."
        )

    def _found(
        self, table: str, resource: Resource, row: Mapping[str, Any], values: Mapping[str, object]
    ) -> Found:
        told = {**values, **row}
        if any(told.get(name) in (None, "") for name in resource.key):
            raise NotAllowedError(
                f"The store `{self._store}` gives a row of `{table}` without its key ({', '.join(resource.key)}). "
                "Nothing was changed."
            )
        key = {name: told[name] for name in resource.key} or told
        return Found(json.dumps(key, sort_keys=True, default=str), told)

    # Changing

    def _seen(self, resource: Resource, changed: Changed) -> tuple[Mapping[str, Any] | None, str]:
        """Read a row again where its key can be looked up, with its mark; None where it is gone."""
        if not _by_key(resource):
            return {}, ""
        (column,) = resource.key
        key, call = changed.before[column], resource.look_up[column]
        answer = self._asker("change").ask(call, {column: key})
        rows = _rows(answer.said, call.rows or resource.rows)[0] or []
        if answer.status in (404, 410):
            return None, ""
        same = next((row for row in rows if str(row.get(column, key)) == str(key)), None)
        mark = answer.headers.get("etag", "")
        return same, "" if mark.startswith("W/") else mark

    def _made(self, step: str, changed: Changed) -> bool:
        """Make the call for one row and see that it was done; False where the row is not as it was read."""
        resource = self._api.tables[changed.table]
        change = resource.erase if changed.after is None else resource.update
        if change is None:
            raise NotAllowedError(
                f"No call of the store `{self._store}` does what the plan needs in `{changed.table}`. Let its map name "
                "one, `erase` or `update`."
            )
        row, mark = self._seen(resource, changed)
        if row is None:  # somebody was quicker, or this step itself before it was cut short
            return changed.after is None
        if not all(same(row[name], changed, name) for name in changed.before if name in row):
            return False
        if not self._changed(step, changed, change, row, mark):
            return False
        self._verify(resource, changed, change)
        return True

    def _verify(self, resource: Resource, changed: Changed, change: Change) -> None:
        """See that a row is gone, or holds none of its old values; an API may take a moment."""
        old: list[str] = []
        for pause in (*VERIFY_PAUSES, None):
            row, _ = self._seen(resource, changed)
            if not row:
                return
            old = [name for name in changed.after or () if name in row and same(row[name], changed, name)]
            if changed.after is not None and not old:
                return
            if pause is not None:
                self._pace.pause(pause)
        still = "the row is still there" if changed.after is None else f"`{old[0]}` is still what it was"
        raise NotAllowedError(
            f"The store `{self._store}` says that it did `{change.call}`, and {still}. Nothing more was asked of it. "
            "See there why, and act again."
        )

    def _changed(
        self, step: str, changed: Changed, change: Change, row: Mapping[str, Any], mark: str
    ) -> bool:
        headers = {"If-Match": mark} if mark else {}
        if self._api.idempotency:
            said = f"{whole_of(step)}\n{changed.table}\n{changed.place}\n{change.call}"
            headers[self._api.idempotency] = sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        body = None
        if changed.after is not None and change.call.body is None:
            new = {
                name: value if name in changed.exact else self._written(changed.table, name, value)
                for name, value in changed.after.items()
            }
            old = {
                name: row.get(name, _document(unmarked(value) if name in changed.exact else value))
                for name, value in changed.before.items()
            }
            body = {**old, **new} if change.whole else new
        answer = self._asker("change").ask(change.call, {**changed.before}, body=body, headers=headers)
        if answer.status == 412:
            return False
        if change.wait is not None and answer.status not in (404, 410):
            self._wait(change.call, change.wait, answer)
        return True

    def _written(self, table: str, column: str, value: object) -> object:
        """Return a value as JSON has it: true and false where the map says so, documents as such."""
        match self._map.tables[table].erase:
            case None:
                constants: dict[str, object] = {}
            case erase:
                constants = dict(erase.do.values) if isinstance(erase.do, Blank) else {}
                constants |= dict(erase.do.blank) if isinstance(erase.do, Retain) else {}
        said = constants.get(column)
        return said if isinstance(said, bool) and int(said) == value else _document(value)

    def _wait(self, call: Call, wait: Waiting, answer: Answer) -> None:
        """Ask until what was accepted is done; raises where it failed or takes too long."""
        asker, begun = self._asker("change"), self._pace.now()
        told = dict(answer.said) if isinstance(answer.said, dict) else {}
        location = answer.headers.get("location", "")
        if answer.status != 202 and _at(answer.said, wait.until[0]) is None:
            return  # it was done at once
        while True:
            state = _at(answer.said, wait.until[0])
            if str(state) in wait.until[1]:
                return
            if wait.failed is not None and str(_at(answer.said, wait.failed[0])) in wait.failed[1]:
                raise NotAllowedError(
                    f"The store `{self._store}` took `{call}` on and says that it failed. See there why, and act again."
                )
            if self._pace.now() - begun > wait.seconds:
                raise UnreachableError(
                    f"The store `{self._store}` took `{call}` on and had not done it after {wait.seconds} seconds. Act "
                    "again later: what is done by then is found done."
                )
            self._pace.pause(wait.every)
            if wait.poll.path == "{location}":
                if not location:
                    raise NotAllowedError(
                        f"The store `{self._store}` took `{call}` on and does not say where to ask."
                    )
                answer = asker.follow(call, answer, location)
                location = answer.headers.get("location", location)
            else:
                answer = asker.ask(wait.poll, told)
            if answer.status in (404, 410):
                raise NotAllowedError(
                    f"The store `{self._store}` took `{call}` on and no longer knows of it. Act again to see what is "
                    "left."
                )


def _by_key(resource: Resource) -> bool:
    """Tell whether a call looks a row up by its key."""
    return len(resource.key) == 1 and resource.key[0] in resource.look_up


def _rows(said: object, where: str) -> tuple[list[dict[str, Any]] | None, bool]:
    """Return the rows in an answer, and whether they are a list; None where there are none to be had."""
    found = _at(said, where) if where else said
    listed = not isinstance(found, dict)
    if isinstance(found, dict):
        found = [found]
    if found is None and where and isinstance(said, dict) and where.partition(".")[0] in said:
        found = []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        return None, listed
    return found, listed


def _at(said: object, where: str) -> object:
    """Return what stands below these keys."""
    for name in where.split("."):
        if isinstance(said, list) and name.isdecimal():
            said = said[int(name)] if int(name) < len(said) else None
        else:
            said = said.get(name) if isinstance(said, dict) else None
    return said


def _next(pages: Pages | None, answer: Answer, number: int, *, rows: int) -> str | None:
    """Return the address of the next page; None where there is none."""
    if pages is None:
        return None
    match pages.how:
        case "link":
            return _link(answer.headers.get("link", ""))
        case "next":
            found = _at(answer.said, pages.where)
            return found if isinstance(found, str) and found else None
        case "cursor":
            found = _at(answer.said, pages.where)
            return _with(answer.address, pages.name, found) if found not in (None, "", False) else None
        case _:
            return (
                _with(answer.address, pages.name, pages.first + (number + 1) * pages.step) if rows else None
            )


def _with(address: str, name: str, value: object) -> str:
    parts = urlsplit(address)
    told = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    return parts._replace(query=urlencode([*told, (name, str(value))])).geturl()


def _link(header: str) -> str | None:
    """Return the target of `rel="next"` (RFC 8288)."""
    for part in re.split(r",\s*<", header):
        target, _, rest = part.strip().lstrip("<").partition(">")
        for told in rest.split(";"):
            name, _, value = told.strip().partition("=")
            if name.strip().lower() == "rel" and "next" in value.strip().strip('"').lower().split():
                return target
    return None


def _document(value: object) -> object:
    """Return a document or a list as such, any other value as it stands."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogatepass")
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            found = json.loads(value)
        except ValueError:
            return value
        return found if isinstance(found, dict | list) else value
    return value
