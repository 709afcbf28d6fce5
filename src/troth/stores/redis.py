"""Personal data in Redis or Valkey, under keys that the map describes.

Keys are walked with SCAN, whose pattern is made of the map's literals alone; what an
identifier says is compared, never put into a pattern.  Where a key is told by one value
that is written in one way only, that key is read and nothing is walked.

Danger: `act` deletes and overwrites.  What prevents loss: every change is written down beside
the data before the first is made, each compares what it changes with what was read and changes
one key as a whole (`redis_change`), and whoever comes next finishes a step that was cut short.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

import redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from troth.errors import NotAllowedError, TrothError, UnreachableError, WrongFileError
from troth.rules.map import Blank, Map, MapTable
from troth.rules.name_form import FOLDED
from troth.stores import deed, redis_keys, sql_cells
from troth.stores.contract import Limits, Store
from troth.stores.deed import Deed, Remembered
from troth.stores.gather import Changed, Found, Wanted
from troth.stores.redis_change import KEPT, SCRIPT, arguments, calls
from troth.stores.redis_keys import ITEM, OTHER, Described, Keys, text
from troth.stores.staged import Staged

LIMITS = Limits(
    atomic=False,
    measured_by_rollback=False,
    rows_measured_max=0,
    replays=True,
    amends=True,
    sweep_rows_max=5_000,
    amends_where="in hashes",
)
STEP = b"troth:step:"
WAIT_SECONDS = 20.0
KEYS_AT_ONCE = 500
ITEMS_AT_ONCE = 1_000
_LETTER_BY_LETTER_NOT = frozenset({"email", "phone", "iban", "card", "national_id", FOLDED})


def open_store(map: Map, credentials: Mapping[str, str]) -> Store:  # noqa: A002
    """Open a Redis; nothing is touched before the first verb."""
    described, problems = redis_keys.read(map)
    if described is None:
        raise WrongFileError(problems)
    return Staged(map, Redis(map.store, described, credentials), may_change="change" in credentials)


class Redis:
    """The source of a Redis store."""

    limits = LIMITS
    remembers = True
    texts = True

    def __init__(self, store: str, described: Described, credentials: Mapping[str, str]) -> None:
        self._store = store
        self._described = described
        self._urls = dict(credentials)
        self._clients: dict[str, Any] = {}

    def key(self, table: MapTable) -> tuple[str, ...]:
        """Return the gaps of the key, and what tells one item of it from another."""
        keys = self._described.tables.get(table.name)
        if keys is None:
            return ()
        written = table.erase is not None and isinstance(table.erase.do, Blank)
        if written and keys.holds in ("set", "zset", "list"):
            return ()  # the item itself is written, and may then be like another
        return (*keys.template.gaps, *(ITEM[keys.holds][:1] if keys.holds != "string" else ()))

    def looks_up(self, table: MapTable, column: str, kind: str) -> bool:
        """Tell whether one value of this column is one key."""
        keys = self._described.tables[table.name]
        return keys.template.gaps == (column,) and (keys.exact or kind not in _LETTER_BY_LETTER_NOT)

    def writes(self, table: MapTable, column: str, *, empties: bool) -> bool:
        """Tell whether a column is a field of a hash, or the one value of a key; only a field can be taken away."""
        keys = self._described.tables.get(table.name)
        if keys is None or column in keys.template.gaps:
            return False
        return keys.holds == "hash" or (
            keys.holds in ("string", "fields") and column == "value" and not empties
        )

    def lists(self, table: MapTable) -> bool:
        """Say that keys that are described can be walked."""
        return table.name in self._described.tables

    def reads_again(self, table: MapTable) -> bool:
        """Say that a key is changed only while it holds what was read."""
        return table.name in self._described.tables

    def rows(self, table: MapTable, wanted: Wanted | None) -> Iterator[Found]:
        """Yield the rows of a table, each key with what it holds."""
        keys = self._described.tables[table.name]
        with self._said("find") as client:
            if wanted is not None:
                named: Iterator[bytes] = (keys.template.key(value) for value in wanted.values)
            else:
                named = self._walked(client, keys.template.pattern)
            found = (key for key in named if self._table(key) == table.name)
            yield from self._read(client, table.name, keys, found)

    def outside(self) -> Iterator[tuple[str, Found]]:
        """Yield what keys hold that no template fits, and what steps have written down that are not over."""
        with self._said("find") as client:
            for name in self._walked(client, STEP + b"*"):
                if client.type(name) == b"hash" and client.hget(name, "state") not in (b"done", b"partly"):
                    yield from self._written_down(client, name)
            others = (key for key in self._walked(client, b"*") if self._table(key) is None)
            while several := list(islice(others, KEYS_AT_ONCE)):
                kinds = self._together(client, [("type", key) for key in several])
                for key, kind in zip(several, kinds, strict=True):
                    for field, value in self._held(client, key, kind.decode()):
                        named = kind in (b"hash", b"stream")
                        row = {"key": text(key), "field": text(field) if named else None}
                        place = f"{key.hex()}.{field.hex()}"
                        yield OTHER, Found(place, {**row, "value": text(value if named else value or field)})

    def steps(self) -> Iterator[tuple[str, Remembered]]:
        """Yield every step that is remembered."""
        with self._said("find") as client:
            for name in self._walked(client, STEP + b"*"):
                if client.type(name) == b"hash":
                    known = _remembered(client, name)
                    if known is not None:
                        yield name.removeprefix(STEP).decode("utf-8", "surrogatepass"), known

    def done(self, step: str) -> Remembered | None:
        """Finish a step that was cut short, and return it where it is remembered."""
        with self._said("change") as client:
            name = STEP + step.encode("utf-8", "surrogatepass")
            state = client.hget(name, "state")
            if state in (b"begun", b"partly"):
                self._finish(client, name)
            elif state != b"done":
                client.delete(name)  # it was never written down whole, so nothing of it was done
            return _remembered(client, name)

    def carry_out(
        self, step: str, plan_sha256: str, rows: str, changes: Iterable[Changed]
    ) -> Iterator[Changed]:
        """Write the changes down, then make them, a key at a time; what went is told by the step itself."""
        with self._said("change") as client:
            name = STEP + step.encode("utf-8", "surrogatepass")
            client.hset(name, mapping={"state": "being written", "plan": plan_sha256, "rows": rows})
            number = 0
            for key, told, deeds in _by_key(self._described, changes, kept=sql_cells.is_amended(rows)):
                number += 1
                written = {
                    "key": key.hex(),
                    "told": [each.hex() for each in told],
                    "rows": deed.written(deeds),
                }
                client.hset(name, f"change:{number}", json.dumps(written))
            client.hset(name, mapping={"state": "begun", "changes": number})
            self._finish(client, name)
        return iter(())

    def close(self) -> None:
        """Let go of connections."""
        for client in self._clients.values():
            client.close()
        self._clients = {}

    # Changing

    def _written_down(self, client: Any, name: bytes) -> Iterator[tuple[str, Found]]:
        """Yield the values that a step keeps, to be changed or written."""
        for change, written in client.hscan_iter(name, match="change:*", count=ITEMS_AT_ONCE):
            try:
                read = json.loads(written)
                told = [bytes.fromhex(each) for each in (read["key"], *read["told"])]
            except (ValueError, TypeError, KeyError):
                told = [written]
            for number, value in enumerate(told):
                place = f"{name.hex()}.{change.hex()}.{number}"
                row = {"key": text(name), "field": text(change), "value": text(value.removeprefix(b"+"))}
                yield OTHER, Found(place, row)

    def _finish(self, client: Any, name: bytes) -> bool:
        """Make every change that is written down, and write down what was left alone; no value stays there.

        False where all was left alone: nothing was done, and no step is remembered.
        """
        state, changes, known, rows = client.hmget(name, ["state", "changes", "left", "rows"])
        left = deed.read(json.loads(known or b"[]"))
        fields = [f"change:{number}" for number in range(1, int(changes) + 1)]
        if state == b"begun":
            made = 0
            for number, field in enumerate(fields):
                written = client.hget(name, field)
                if written is not None:
                    read = json.loads(written)
                    told = (bytes.fromhex(each) for each in read["told"])
                    if not client.eval(SCRIPT, 1, bytes.fromhex(read["key"]), *told):
                        if sql_cells.is_amended(rows.decode()):  # values stand by themselves
                            left += deed.read(read["rows"])
                            continue
                        left = self._rows_of(client, name, fields[number:])
                        break  # what leads to it comes after it, and stays with it
                    client.hdel(name, field)
                made += 1
            if left and not made:
                client.delete(name)
                return False
        if left:
            client.hset(name, mapping={"state": "partly", "left": json.dumps(deed.written(left))})
            for start in range(0, len(fields), KEYS_AT_ONCE):
                client.hdel(name, *fields[start : start + KEYS_AT_ONCE])
        else:
            client.hset(name, "state", "done")
        return True

    def _rows_of(self, client: Any, name: bytes, fields: list[str]) -> Counter[Deed]:
        """Return what these changes would have done."""
        found = Counter[Deed]()
        for start in range(0, len(fields), KEYS_AT_ONCE):
            for written in client.hmget(name, fields[start : start + KEYS_AT_ONCE]):
                found += deed.read(json.loads(written)["rows"]) if written is not None else Counter()
        return found

    # Reading

    def _table(self, key: bytes) -> str | None:
        """Return the table a key belongs to: the first whose template fits."""
        if key.startswith(STEP):
            return ""
        return next((name for name, fit in self._fits.items() if fit(key) is not None), None)

    @cached_property
    def _fits(self) -> Mapping[str, Callable[[bytes], object]]:
        return {name: keys.template.read for name, keys in self._described.tables.items()}

    def _walked(self, client: Any, pattern: bytes) -> Iterator[bytes]:
        for number, key in enumerate(client.scan_iter(match=pattern, count=KEYS_AT_ONCE)):
            if number >= self._described.keys_max:
                raise NotAllowedError(
                    f"The store `{self._store}` has more than {self._described.keys_max:,} keys of one kind. Nothing "
                    "was changed. Raise `keys_max` in its map, or let the keys have the identifier in them."
                )
            yield key

    def _read(self, client: Any, table: str, keys: Keys, named: Iterator[bytes]) -> Iterator[Found]:
        try:
            if keys.holds in ("string", "hash"):
                command = "get" if keys.holds == "string" else "hgetall"
                while several := list(islice(named, KEYS_AT_ONCE)):
                    answers = self._together(client, [(command, key) for key in several])
                    for key, held in zip(several, answers, strict=True):
                        if held:
                            yield Found(key.hex(), self._row(keys, key, held))
                return
            for key in named:
                for field, value in self._items(client, keys.holds, key):
                    row = self._row(keys, key, (field, value))
                    yield Found(f"{key.hex()}.{field.hex()}", row)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            raise NotAllowedError(
                f"The store `{self._store}` has a key that fits `{keys.template.written}` and holds no {keys.holds}, "
                f"as its map says of `{table}`. Nothing was changed. Let the map say which keys are which."
            ) from None

    def _row(self, keys: Keys, key: bytes, held: Any) -> dict[str, object]:
        row: dict[str, object] = dict(keys.template.read(key) or {})
        match keys.holds:
            case "string":
                row["value"] = text(held)
            case "hash":
                fields = {str(text(name)): text(value) for name, value in held.items() if name != KEPT}
                row = {**fields, **row}
            case "fields":
                row |= {"field": text(held[0]), "value": text(held[1])}
            case "zset":
                row |= {"member": text(held[0]), "score": float(held[1])}
            case "stream":
                pairs = json.loads(held[1])
                told = {str(_read(name)): _read(value) for name, value in pairs}
                row = {**told, **row, "entry": held[0].decode()}
            case "set":
                row["member"] = text(held[0])
            case "list":
                row["element"] = text(held[0])
        return row

    def _items(self, client: Any, holds: str, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield what a key holds, item by item, in bounded memory."""
        match holds:
            case "fields" | "hash":
                yield from client.hscan_iter(key, count=ITEMS_AT_ONCE)
            case "set":
                yield from ((member, b"") for member in client.sscan_iter(key, count=ITEMS_AT_ONCE))
            case "zset":
                found = client.zscan_iter(key, count=ITEMS_AT_ONCE)
                yield from ((member, repr(score).encode()) for member, score in found)
            case "list":
                start = 0
                while several := client.lrange(key, start, start + ITEMS_AT_ONCE - 1):
                    yield from ((element, b"") for element in several)
                    start += len(several)
            case "stream":
                after = "-"
                while several := client.xrange(key, min=after, count=ITEMS_AT_ONCE):
                    for entry, pairs in several:
                        read = [[_plain(name), _plain(value)] for name, value in (pairs or {}).items()]
                        yield entry, json.dumps(read).encode()
                    after = f"({several[-1][0].decode()}"

    def _held(self, client: Any, key: bytes, kind: str) -> Iterator[tuple[bytes, bytes]]:
        match kind:
            case "string":
                yield b"", client.get(key) or b""
            case "hash" | "set" | "zset" | "list" | "stream":
                yield from self._items(client, kind, key)
            case "none":
                return
            case _:
                raise NotAllowedError(
                    f"The store `{self._store}` has keys of the type `{kind}`, which this kind of store does not read. "
                    "What is not read is not proven clean."
                )

    def _together(self, client: Any, commands: list[tuple[str, bytes]]) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        for name, key in commands:
            getattr(pipeline, name)(key)
        found: list[Any] = pipeline.execute()
        return found

    @contextmanager
    def _said(self, role: str) -> Iterator[Any]:
        """Lend a client; an error of the driver, which may repeat a key, is said anew."""
        said: TrothError
        try:
            if role not in self._clients:
                self._clients[role] = self._connected(self._urls[role])
            yield self._clients[role]
        except (NoPermissionError, AuthenticationError):
            said = NotAllowedError(
                f"The store `{self._store}` refuses what these credentials ask for. See which rights its page names."
            )
        except RedisError:
            said = UnreachableError(
                f"The store `{self._store}` does not answer. Nothing was changed, or the step is remembered; try again."
            )
        else:
            return
        raise said from None

    def _connected(self, url: str) -> Any:
        url = url.replace("valkeys://", "rediss://", 1).replace("valkey://", "redis://", 1)
        more = {"socket_timeout": WAIT_SECONDS, "socket_connect_timeout": WAIT_SECONDS}
        if self._described.cluster:
            return redis.RedisCluster.from_url(url, **more)
        return redis.Redis.from_url(url, **more)


def _by_key(
    described: Described, changes: Iterable[Changed], *, kept: bool
) -> Iterator[tuple[bytes, list[bytes], Counter[Deed]]]:
    """Yield each key with what the script is told and what that does, changes that follow one another together."""
    at: bytes | None = None
    told: list[bytes] = []
    deeds = Counter[Deed]()
    for changed in changes:
        key = bytes.fromhex(changed.place.partition(".")[0])
        if at is not None and (key != at or len(told) > ITEMS_AT_ONCE):
            yield at, told, deeds
            told, deeds = [], Counter()
        at = key
        told += arguments(list(calls(described.tables[changed.table], changed, kept=kept)))
        deeds.update(changed.deeds)
    if at is not None:
        yield at, told, deeds


def _remembered(client: Any, name: bytes) -> Remembered | None:
    """Return a step that is over, at least in part."""
    state, plan, rows, left = client.hmget(name, ["state", "plan", "rows", "left"])
    if state not in (b"done", b"partly"):
        return None
    return Remembered(plan.decode(), rows.decode(), deed.read(json.loads(left or b"[]")))


def _plain(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _read(written: str) -> str | bytes:
    """Return what `_plain` was told."""
    return text(written.encode("utf-8", "surrogateescape"))
