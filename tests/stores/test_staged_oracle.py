"""Whatever the map and the rows are: keys of Redis and rows behind an API are left as the rules say, row by row."""

import json
from dataclasses import replace

import pytest
import redis

from api_server import api_server
from servers import valkey_server
from stores.test_oracle import TODAY, compared, drawn, found_again, stored
from troth.errors import WrongFileError
from troth.stores.connect import connect
from troth.testing import described

pytestmark = pytest.mark.slow
NUMBERS = ("id", "to", "of")


class Planned:
    """A store that says at once whether its map has a plan, and what it measured as if it had been tried out."""

    def __init__(self, store, state):
        self.store, self.state, self.steps = store, state, {}

    def __getattr__(self, name):
        return getattr(self.store, name)

    def plan(self):
        self.store.gone([], TODAY)

    def find(self, who):
        return (
            replace(row, values={**row.values, "id": int(row.values["id"])}) for row in self.store.find(who)
        )

    def limits(self):
        return replace(self.store.limits(), rows_measured_max=1)

    def measure(self, who, today):
        return replace(self.store.measure(who, today), how="measured")

    def act(self, step, who, today, approved):
        before = self.state()
        made = self.store.act(step, who, today, approved)
        if self.store.limits().remembers:
            return made
        if step not in self.steps:
            self.steps[step] = made
            return made
        assert self.state() == before  # nothing is left to do, where no step is remembered
        assert not [count for count in made.counts if count.verb != "retain"]
        return replace(self.steps[step], resumed=True)


def plannable(case, kind, own, whole=""):
    map_ = described(replace(case.map, kind=kind), {name: own(name) for name in case.map.tables}, whole)
    return replace(case, map=map_, links=())


def checked(case, store, state, first, second):
    try:
        store.gone([], TODAY)
        return compared(case, Planned(store, state), state, first, second)
    except WrongFileError:
        return False
    finally:
        store.close()


def many(check, seeds, least):
    planned = 0
    for seed in seeds:
        try:
            planned += check(seed)
        except AssertionError as error:
            raise AssertionError(f"case {seed}") from error
    assert planned >= least


def text(column, value):
    """Write a value as an application writes it into a field."""
    written = stored(column, value, "sqlite")
    return written if isinstance(written, str) else json.dumps(written)


def test_keys_of_redis_are_left_as_the_rules_say(tmp_path):
    with valkey_server(tmp_path) as url, redis.Redis.from_url(url) as client:

        def check(seed):
            case, first, second = drawn(seed, "sqlite")
            case = plannable(case, "redis", lambda name: f"{{key: '{name}:{{id}}', holds: hash}}")
            client.flushall()
            for name, rows in case.data.items():
                for id_, row in rows.items():
                    held = {
                        column: text(column, value)
                        for column, value in row.items()
                        if value is not None and column != "id"
                    }
                    client.hset(f"{name}:{id_}", mapping={**held, "marked": "1"})

            def state():
                found = {}
                for name, table in case.map.tables.items():
                    found[name] = {}
                    for key in client.scan_iter(f"{name}:*"):
                        held = {at.decode(): value.decode() for at, value in client.hgetall(key).items()}
                        held["id"] = key.decode().partition(":")[2]
                        found[name][int(held["id"])] = {
                            column: value_of(case, name, column, held.get(column)) for column in table.columns
                        }
                return {name: dict(sorted(rows.items())) for name, rows in found.items()}

            return checked(case, connect(case.map, {"find": url, "change": url}), state, first, second)

        many(check, range(30_000, 30_012), 6)


def value_of(case, table, column, written):
    """Return a field as the case has it."""
    if written is None:
        return None
    if column.partition("_")[0] in NUMBERS:
        return int(written)
    found = found_again(written)
    drawn_ = {text(column, row[column]): row[column] for row in case.data[table].values()}
    return drawn_.get(written, found)


def test_rows_behind_an_api_are_left_as_the_rules_say():
    with api_server() as api:
        host = api.url.rpartition("/")[2]

        def check(seed):
            case, first, second = drawn(seed, "sqlite")
            case = plannable(
                case,
                "http",
                lambda name: (
                    f'{{key: id, list: "GET /{name}?size=999", rows: rows, look_up: {{id: "GET /{name}/{{id}}"}}, '
                    f'erase: "DELETE /{name}/{{id}}", update: "PATCH /{name}/{{id}}"}}'
                ),
                f"{{hosts: ['{host}'], sign_in: none}}",
            )
            api.tables = {name: [dict(row) for row in rows.values()] for name, rows in case.data.items()}

            def state():
                return {
                    name: {
                        row["id"]: {column: found_again(value) for column, value in row.items()}
                        for row in sorted(rows, key=lambda row: row["id"])
                    }
                    for name, rows in api.tables.items()
                }

            url = f"{api.url}/api"
            return checked(case, connect(case.map, {"find": url, "change": url}), state, first, second)

        many(check, range(40_000, 40_006), 3)
