"""A Redis or Valkey keeps the store's promises, on a real server: every type of key, cut short, in a cluster."""

import json
import re
import tempfile
from datetime import date
from pathlib import Path

import pytest
import redis

from servers import valkey_server
from troth.errors import NotAllowedError, UnreachableError, WrongFileError
from troth.rules.map_check import check
from troth.stores import gather
from troth.stores.amend import Amendment, Cell
from troth.stores.connect import connect
from troth.stores.contract import Batch, PartlyDoneError, Who, WrittenMeanwhileError
from troth.stores.map_file import read
from troth.stores.redis_change import SCRIPT
from troth.stores.redis_keys import template
from troth.testing import (
    COLUMNS,
    DUE,
    ROWS,
    TODAY,
    AmendingTests,
    StoreTests,
    SweepingTests,
    described,
    map_of,
)

pytestmark = pytest.mark.slow
NUMBERS = {name for columns in COLUMNS.values() for name, kind in columns.items() if kind == "integer"}
TESTED = described(
    map_of("redis"), {table: f"{{key: 'app:{table}:{{id}}', holds: hash}}" for table in COLUMNS}
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def client(server):
    with redis.Redis.from_url(server) as found:
        found.flushall()
        yield found


class RedisWorld:
    """The tables of `troth.testing`, a hash for each row."""

    def __init__(self, client, url):
        self.client = client
        for table, rows in ROWS.items():
            for row in rows:
                self.add(table, row)
        self.store = connect(TESTED, {"find": url, "change": url})

    def rows(self, table):
        found = []
        for key in self.client.scan_iter(match=f"app:{table}:*"):
            held = {name.decode(): value.decode() for name, value in self.client.hgetall(key).items()}
            row = {"id": key.decode().rsplit(":", 1)[1], **held}
            found.append(
                {
                    name: int(row[name]) if name in NUMBERS and name in row else row.get(name)
                    for name in COLUMNS[table]
                }
            )
        return sorted(found, key=lambda row: row["id"])

    def add(self, table, row):
        fields = {name: value for name, value in row.items() if value is not None and name != "id"}
        # a hash is never without fields: one that has nothing else is marked
        self.client.hset(f"app:{table}:{row['id']}", mapping=fields or {"marked": "1"})


class TestRedis(StoreTests, AmendingTests, SweepingTests):
    @pytest.fixture
    def world(self, client, server):
        made = RedisWorld(client, server)
        yield made
        made.store.close()


MAP = """
store: cache
kind: redis
credentials: {find: env:FIND, change: env:CHANGE}
controller: main-entity
backups_expire: 7 days
tables:
  account:
    redis: {key: "account:{id}", holds: hash}
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity, plan: usage}
    erase: {do: blank, set: {email: null, name: gone}, by: dpo, because: a test}
  session:
    redis: {key: "session:{token}", holds: string}
    belongs_to: [{value.account.id: account.id}]
    columns: {token: key, value: usage}
    erase: {do: delete, by: dpo, because: a test}
  note:
    redis: {key: "note:{id}", holds: string}
    belongs_to: [{value.author: account.id}]
    columns: {id: key, value: free_text}
    erase: {do: blank, set: {value.author: null, value.signed: null}, by: dpo, because: a test}
  cart:
    redis: {key: "cart:{email}", holds: fields}
    belongs_to: [{email: account.email}]
    columns: {email: contact, field: usage, value: usage}
    erase: {do: delete, by: dpo, because: a test}
  favourite:
    redis: {key: "fav:{account}", holds: set}
    belongs_to: [{account: account.id}]
    columns: {account: link, member: usage}
    erase: {do: delete, by: dpo, because: a test}
  online:
    redis: {key: online, holds: zset}
    belongs_to: [{member: account.id}]
    columns: {member: link, score: usage}
    erase: {do: delete, by: dpo, because: a test}
  team:
    redis: {key: "team:{name}", holds: set}
    belongs_to: [{member: account.email}]
    columns: {name: usage, member: contact}
    erase: {do: delete, by: dpo, because: a test}
  queue:
    redis: {key: "{{mail}}:queue", holds: list}
    belongs_to: [{element: account.email}]
    columns: {element: contact}
    erase: {do: blank, set: {element: nobody}, by: dpo, because: a test}
  seen:
    redis: {key: "seen:{day}", holds: stream}
    belongs_to: [{account: account.id}]
    columns: {day: usage, entry: key, account: link, page: usage}
    erase: {do: delete, by: dpo, because: a test}
  setting:
    impersonal: flags of the application
    redis: {key: "setting:{name}", holds: string}
    columns: {name: usage, value: usage}
"""
ONE = [Who("ada", (("email", "Ada@shop.example"),))]


def a_map(text=MAP):
    found, problems = read(text, "cache.yaml")
    assert found is not None, [str(problem) for problem in problems]
    return found


def fill(client):
    client.hset("account:1", mapping={"email": "ada@shop.example", "name": "Ada", "plan": "gold"})
    client.hset("account:2", mapping={"email": "ben@shop.example", "name": "Ben", "plan": "gold"})
    client.set("session:a", json.dumps({"account": {"id": "1"}, "ip": "192.0.2.7"}), ex=5000)
    client.set("session:b", json.dumps({"account": {"id": "2"}}), ex=5000)
    client.set("note:1", json.dumps({"author": "1", "signed": "Ada", "text": "hello"}), ex=6000)
    client.set("note:2", json.dumps({"author": "2", "signed": "Ben", "text": "hello"}))
    client.hset("cart:ADA@shop.example", mapping={"tea": "2", "cup": "1"})
    client.hset("cart:ben@shop.example", mapping={"tea": "7"})
    client.sadd("fav:1", "tea", "cup")
    client.sadd("fav:2", "tea")
    client.zadd("online", {"1": 10, "2": 20})
    client.sadd("team:blue", "ada@shop.example", "ben@shop.example")
    client.expire("team:blue", 7000)
    client.rpush(
        "{mail}:queue", "ben@shop.example", "ada@shop.example", "ben@shop.example", "ada@shop.example"
    )
    client.xadd("seen:1", {"account": "1", "page": "/"}, id="1-1")
    client.xadd("seen:1", {"account": "2", "page": "/"}, id="1-2")
    client.set("setting:colour", "blue")


def held(client):
    """Return everything that is there but the steps."""
    read_ = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"stream": client.xrange,
    }
    return {
        key.decode(): read_[client.type(key)](key)
        for key in client.scan_iter()
        if not key.startswith(b"troth:")
    }


def written(found):
    """Write what is held so that it can be compared, whatever the order of keys."""
    return sorted((key, str(value)) for key, value in found.items())


@pytest.fixture
def cache(client, server):
    fill(client)
    store = connect(a_map(), {"find": server, "change": server})
    yield store
    store.close()


def erase(store, who=ONE, step="one"):
    return store.act(step, who, TODAY, store.measure(who, TODAY))


def test_every_type_of_key_is_erased_and_everybody_else_is_left(cache, client):
    before = held(client)
    acted = erase(cache)
    assert {(count.table, count.verb, count.rows) for count in acted.counts} == {
        ("account", "blank", 1),
        ("session", "delete", 1),
        ("note", "blank", 1),
        ("cart", "delete", 2),
        ("favourite", "delete", 2),
        ("online", "delete", 1),
        ("team", "delete", 1),
        ("queue", "blank", 1),
        ("seen", "delete", 1),
    }
    assert (acted.certainty, acted.grade) == ("exactly_once", "blanked")
    after = held(client)
    expected = {key: value for key, value in before.items() if key not in
                ("session:a", "cart:ADA@shop.example", "fav:1")}  # fmt: skip
    expected |= {
        "account:1": {b"name": b"gone", b"plan": b"gold"},
        "note:1": b'{"author":null,"signed":null,"text":"hello"}',
        "online": [type(before["online"][0])((b"2", 20.0))],
        "team:blue": {b"ben@shop.example"},
        "{mail}:queue": [b"ben@shop.example", b"nobody", b"ben@shop.example", b"nobody"],
        "seen:1": [(b"1-2", {b"account": b"2", b"page": b"/"})],
    }
    assert {key: value for key, value in after.items() if key != "seen:1"} == {
        key: value for key, value in expected.items() if key != "seen:1"
    }
    assert [entry for entry, _ in after["seen:1"]] == [b"1-2"]
    assert cache.gone(ONE, TODAY) == 0
    assert cache.scan(ONE, TODAY).hits == ()


def test_expiry_stays_as_it_was(cache, client):
    erase(cache)
    assert 5900 < client.ttl("note:1") <= 6000
    assert 6900 < client.ttl("team:blue") <= 7000
    assert client.ttl("account:1") == -1


def test_the_expiry_of_a_field_stays_as_it_was(cache, client):
    client.execute_command("HEXPIRE", "account:1", 500, "FIELDS", 1, "name")
    erase(cache)
    assert client.hget("account:1", "name") == b"gone"
    assert 400 < client.execute_command("HTTL", "account:1", "FIELDS", 1, "name")[0] <= 500


@pytest.mark.parametrize(
    "written", ["*", "[a]da@shop.example", "?da@shop.example", "a*", "\\*", "{id}", "ada@shop.exampl[e]"]
)
def test_an_identifier_with_the_marks_of_globs_finds_only_itself(cache, client, written):
    assert not list(cache.find([Who("x", (("email", written),))]))
    client.hset(f"cart:{written}", mapping={"tea": "1"})
    client.hset("account:9", mapping={"email": written})
    found = {row.table for row in cache.find([Who("x", (("email", written),))])}
    assert found == {"account", "cart"}
    before = held(client)
    erase(cache, [Who("x", (("email", written),))])
    assert set(before) - set(held(client)) == {f"cart:{written}", "account:9"}


def test_a_key_told_by_one_value_is_read_without_walking(client, server):
    """`CONFIG RESETSTAT` counts the commands: one subject among many costs no SCAN."""
    text = """
    store: cache
    kind: redis
    credentials: {find: env:FIND}
    controller: main-entity
    tables:
      account:
        redis: {key: "account:{email}", holds: hash, exact: true}
        subject: {key: email, identifiers: {email: {kind: email, one_person: true}}}
        columns: {email: contact, name: identity}
        erase: {do: delete, by: dpo, because: a test}
      fav:
        redis: {key: "fav:{email}", holds: set, exact: true}
        belongs_to: [{email: account.email}]
        columns: {email: contact, member: usage}
        erase: {do: delete, by: dpo, because: a test}
    """
    client.hset("account:ada@shop.example", mapping={"name": "Ada"})
    client.sadd("fav:ada@shop.example", "tea")
    store = connect(a_map(text), {"find": server})
    client.config_resetstat()
    assert {row.table for row in store.find(ONE)} == {"account", "fav"}
    assert "scan" not in {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    store.close()


def test_no_command_that_blocks_the_server_is_ever_sent(cache, client):
    client.config_resetstat()
    erase(cache)
    cache.scan(ONE, TODAY)
    cache.catalogue()
    sent = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    assert "scan" in sent
    assert not sent & {"keys", "flushall", "flushdb", "smembers", "dump"}


def test_more_keys_than_the_map_allows_are_not_walked(client, server):
    fill(client)
    store = connect(a_map(MAP.replace("controller:", "redis: {keys_max: 1}\ncontroller:")), {"find": server})
    with pytest.raises(NotAllowedError, match="more than 1 keys"):
        list(store.find(ONE))


def test_a_key_that_holds_something_else_than_its_map_says_stops_everything(cache, client):
    approved = cache.measure(ONE, TODAY)
    client.rpush("account:3", "ada@shop.example")
    before = held(client)
    for verb in (lambda: list(cache.find(ONE)), lambda: cache.act("one", ONE, TODAY, approved)):
        with pytest.raises(NotAllowedError, match=r"fits `account:\{id\}` and holds no hash"):
            verb()
    assert held(client) == before


def test_the_search_for_residue_reads_keys_that_no_template_fits(cache, client):
    client.set("log:ada@shop.example", "x")
    client.rpush("jobs", json.dumps({"to": "ADA@shop.example"}))
    client.hset("setting2", mapping={"x": "ada@shop.example"})
    erase(cache)
    hits = {(hit.table, hit.column, hit.rows, hit.verdict) for hit in cache.scan(ONE, TODAY).hits}
    assert hits == {("other keys", "key", 1, "copy"), ("other keys", "value", 2, "copy")}


def test_keys_that_no_template_fits_and_fields_nobody_described_are_in_the_catalogue(cache, client):
    client.hset("account:1", "nickname", "A")
    client.set("log:1", "x")
    seen = {table.name: [column.name for column in table.columns] for table in cache.catalogue().tables}
    assert "nickname" in seen["account"]
    assert seen["other keys"] == ["key", "field", "value"]


def test_texts_that_are_no_unicode_are_kept_as_they_are(cache, client):
    client.hset("account:1", "plan", b"\xff\xfe")
    client.sadd("fav:2", b"\xff")
    client.xadd("seen:1", {"account": b"\xfe", "page": b"\xff"}, id="1-3")
    erase(cache)
    assert client.hget("account:1", "plan") == b"\xff\xfe"
    assert b"\xff" in client.smembers("fav:2")
    assert [entry for entry, _ in client.xrange("seen:1")] == [b"1-2", b"1-3"]


# Cut short


@pytest.mark.parametrize("made", [0, 3, 7])
def test_a_step_that_was_cut_short_is_finished_by_the_next_and_counted_once(client, server, made):
    """The state a process leaves behind that was killed after so many changes, built from its own pieces."""
    fill(client)
    store = connect(a_map(), {"find": server, "change": server})
    approved = store.measure(ONE, TODAY)
    whole = erase(store)
    expected = held(client)
    client.flushall()
    fill(client)
    source = store._source
    finish = source._finish

    def killed(*_):
        raise KeyboardInterrupt

    source._finish = killed
    with pytest.raises(KeyboardInterrupt):
        store.act("one", ONE, TODAY, approved)
    source._finish = finish
    name = b"troth:step:one"
    for number in range(1, made + 1):
        told = client.hget(name, f"change:{number}")
        if told is not None:
            read_ = json.loads(told)
            key, parts = bytes.fromhex(read_["key"]), [bytes.fromhex(each) for each in read_["told"]]
            assert client.eval(SCRIPT, 1, key, *parts) == 1
            if number % 4:  # killed between the change and its being struck off, too
                client.hdel(name, f"change:{number}")
    opened = connect(a_map(), {"find": server, "change": server})
    again = opened.act("one", ONE, TODAY, approved)
    assert (again.resumed, again.counts) == (True, whole.counts)
    assert written(held(client)) == written(expected)
    assert set(client.hkeys(name)) == {b"state", b"plan", b"rows", b"changes"}
    opened.close()
    store.close()


def test_a_step_that_was_never_written_down_whole_is_begun_anew(cache, client):
    client.hset(
        "troth:step:one", mapping={"state": "being written", "plan": "x", "rows": "y", "change:1": "z"}
    )
    acted = erase(cache)
    assert not acted.resumed
    assert cache.gone(ONE, TODAY) == 0


def test_what_a_step_keeps_that_was_never_over_is_searched_for_residue(cache, client):
    told = [each.hex() for each in (b"field", b"+ADA@shop.example", b"-")]
    kept = json.dumps({"key": b"account:1".hex(), "told": told, "rows": []})
    client.hset("troth:step:old", mapping={"state": "being written", "change:1": kept, "change:2": "torn"})
    erase(cache)
    found = {(hit.table, hit.column, hit.rows, hit.verdict) for hit in cache.scan(ONE, TODAY).hits}
    assert found == {("other keys", "value", 1, "copy")}
    client.hset("troth:step:old", "state", "done")
    assert cache.scan(ONE, TODAY).hits == ()


def test_what_changed_since_it_was_read_is_left_alone_and_said(cache, client):
    source = cache._source
    finish = source._finish

    def meanwhile(*given):
        client.hset("account:1", "name", "Ada King")
        return finish(*given)

    source._finish = meanwhile
    whole = cache.measure(ONE, TODAY)
    with pytest.raises(
        PartlyDoneError, match=r"rows changed since they were read.*, 1 rows in all"
    ) as caught:
        erase(cache)
    source._finish = finish
    went = {(count.table, count.verb): count.rows for count in caught.value.acted.counts}
    assert went == {(c.table, c.verb): c.rows for c in whole.counts if c.table != "account"}
    assert client.hget("account:1", "name") == b"Ada King"
    assert not client.exists("session:a")
    assert set(client.hkeys("troth:step:one")) == {b"state", b"plan", b"rows", b"changes", b"left"}
    with pytest.raises(PartlyDoneError) as again:  # said again, the step tells the same
        cache.act("one", ONE, TODAY, whole)
    assert (again.value.acted.counts, again.value.acted.resumed) == (caught.value.acted.counts, True)
    acted = erase(cache, step="two")
    assert {(count.table, count.verb, count.rows) for count in acted.counts} == {("account", "blank", 1)}
    assert cache.gone(ONE, TODAY) == 0
    assert cache.scan(ONE, TODAY).hits == ()


def test_a_sweep_of_which_nothing_went_as_somebody_wrote_may_be_tried_again(client, server):
    world = RedisWorld(client, server)
    source = world.store._source
    finish = source._finish

    def meanwhile(*given):
        client.hset("app:invoices:2", "gift", "tulips")
        return finish(*given)

    def sweep():
        return world.store.sweep("sweep/1/1", DUE, (), TODAY, Batch(100, 0, {("invoices", "delete")}))

    source._finish = meanwhile
    with pytest.raises(WrittenMeanwhileError, match="Nothing of it went"):
        sweep()
    assert client.exists("app:invoices:2")
    source._finish = finish
    assert sweep().looked == 1
    assert not client.exists("app:invoices:2")
    world.store.close()


def test_what_was_left_alone_is_said_by_whoever_finishes_a_cut_step(client, server):
    """A change that met another value stays written down, until the step is over."""
    fill(client)
    store = connect(a_map(), {"find": server, "change": server})
    approved = store.measure(ONE, TODAY)
    source = store._source
    finish = source._finish

    def killed(*_):
        raise KeyboardInterrupt

    source._finish = killed
    with pytest.raises(KeyboardInterrupt):
        store.act("one", ONE, TODAY, approved)
    source._finish = finish
    client.hset("account:1", "name", "Ada King")

    class Killed(redis.Redis):
        def hset(self, *given, **more):
            raise KeyboardInterrupt(given)

    with Killed.from_url(server) as dying, pytest.raises(KeyboardInterrupt):
        finish(dying, b"troth:step:one")
    with pytest.raises(
        PartlyDoneError, match=r"rows changed since they were read.*, 1 rows in all"
    ) as caught:
        store.act("one", ONE, TODAY, approved)
    assert sum(count.rows for count in caught.value.acted.counts) == 10
    assert client.hget("account:1", "name") == b"Ada King"
    store.close()


def emptied(store, columns):
    return [
        Amendment(
            each.table, each.key, tuple(Cell(n, v, None) for n, v in each.values.items() if v), each.witness
        )
        for each in store.standing(ONE, columns, copies=False)
    ]


def backwards(amendments):
    return [
        Amendment(
            each.table, each.key, tuple(Cell(c.column, c.after, c.before) for c in each.cells), each.witness
        )
        for each in amendments
    ]


def test_a_hash_whose_fields_are_all_set_aside_stays_with_its_expiry_until_they_are_back(cache, client):
    client.expire("account:1", 5000)
    before = held(client)
    aside = emptied(cache, {"account": ("email", "name", "plan")})
    cache.amend("aside", "plan", aside, on_conflict="stop")
    assert client.hgetall("account:1") == {b"troth:kept": b"1"}
    assert 4900 < client.ttl("account:1") <= 5000
    cache.amend("back", "plan", backwards(aside), on_conflict="leave")
    assert written(held(client)) == written(before)
    assert 4900 < client.ttl("account:1") <= 5000


@pytest.mark.parametrize("made", [0, 1])
def test_values_set_aside_by_a_step_that_was_cut_short_are_set_aside_by_the_next(cache, client, made):
    client.hset("account:3", mapping={"email": "ADA@shop.example", "name": "Ada too"})
    aside = emptied(cache, {"account": ("name",)})
    source = cache._source
    finish = source._finish

    def killed(reached, name):
        for number in range(1, made + 1):
            read_ = json.loads(reached.hget(name, f"change:{number}"))
            told = [bytes.fromhex(each) for each in read_["told"]]
            assert reached.eval(SCRIPT, 1, bytes.fromhex(read_["key"]), *told) == 1
        raise KeyboardInterrupt

    source._finish = killed
    with pytest.raises(KeyboardInterrupt):
        cache.amend("aside", "plan", aside, on_conflict="stop")
    source._finish = finish
    again = cache.amend("aside", "plan", aside, on_conflict="stop")
    assert again.resumed
    assert [(each.column, each.rows) for each in again.counts] == [("name", 2)]
    assert [client.hget(f"account:{n}", "name") for n in (1, 2, 3)] == [None, b"Ben", None]


def test_a_value_that_changes_while_others_are_set_aside_is_left_and_told(cache, client):
    client.hset("account:3", mapping={"email": "ADA@shop.example", "name": "Ada too"})
    aside = emptied(cache, {"account": ("name",)})
    source = cache._source
    finish = source._finish

    def meanwhile(*given):
        client.hset("account:1", "name", "Ada King")
        return finish(*given)

    source._finish = meanwhile
    done = cache.amend("aside", "plan", aside, on_conflict="stop")
    source._finish = finish
    assert [(each.column, each.reason, each.rows) for each in done.conflicts] == [("name", "changed", 1)]
    assert [(each.column, each.rows) for each in done.counts] == [("name", 1)]
    assert client.hget("account:1", "name") == b"Ada King"
    back = cache.amend("back", "plan", backwards(aside), on_conflict="leave")
    assert [(each.column, each.reason) for each in back.conflicts] == [("name", "changed")]
    assert [client.hget(f"account:{n}", "name") for n in (1, 3)] == [b"Ada King", b"Ada too"]


def test_nothing_gathered_stays_when_a_verb_has_ended(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f"{gather.PREFIX}left-by-a-killed-process"
    left.mkdir()
    erase(cache)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_shows_no_value_and_no_password(client):
    url = "redis://:hunter2@127.0.0.1:1/0"
    store = connect(a_map(), {"find": url, "change": url})
    with pytest.raises(UnreachableError) as caught:
        list(store.find(ONE))
    assert str(caught.value).startswith("The store `cache` does not answer.")
    assert "hunter2" not in repr(store) + str(caught.value)


def test_a_role_that_may_not_read_is_told_so(client, server, cache):
    client.execute_command("ACL", "SETUSER", "poor", "on", ">pw", "~*", "+ping")
    poor = server.replace("redis://", "redis://poor:pw@")
    store = connect(a_map(), {"find": poor, "change": poor})
    with pytest.raises(NotAllowedError, match="refuses what these credentials ask for"):
        list(store.find(ONE))
    store.close()


def test_the_rights_of_the_page_are_enough(client, server, cache):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "redis.md").read_text("utf-8")
    for line in re.findall(r"^ACL SETUSER (.*)$", page, re.MULTILINE):
        client.execute_command("ACL", "SETUSER", *line.split())
    find, change = (
        server.replace("redis://", f"redis://{name}:secret@") for name in ("troth_find", "troth_change")
    )
    store = connect(a_map(), {"find": find, "change": change})
    erase(store)
    assert store.gone(ONE, TODAY) == 0
    assert store.scan(ONE, TODAY).hits == ()
    store.close()
    reading = redis.Redis.from_url(find)
    with pytest.raises(redis.exceptions.NoPermissionError):
        reading.delete("account:2")
    reading.close()


def test_the_worked_map_of_the_page_erases_as_it_says(client, server):
    page = (Path(__file__).resolve().parents[2] / "docs" / "stores" / "redis.md").read_text("utf-8")
    client.hset("account:1", mapping={"email": "ada@shop.example", "name": "Ada"})
    client.set("session:x", json.dumps({"account": "1"}), ex=5000)
    client.sadd("favourites:1", "tea", "cup")
    client.set("setting:colour", "blue")
    store = connect(
        a_map(re.search(r"~~~yaml\n(.*?)~~~", page, re.DOTALL)[1]), {"find": server, "change": server}
    )
    assert not {table.name for table in store.catalogue().tables} - {
        "account",
        "session",
        "favourite",
        "setting",
    }
    acted = erase(store)
    assert {(count.table, count.verb, count.rows) for count in acted.counts} == {
        ("account", "blank", 1), ("session", "delete", 1), ("favourite", "delete", 2)
    }  # fmt: skip
    assert set(held(client)) == {"setting:colour"}
    store.close()


def test_it_works_in_a_cluster(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    with valkey_server(folder, cluster=True) as url, redis.RedisCluster.from_url(url) as nodes:
        fill(nodes)
        text = MAP.replace("controller:", "redis: {cluster: true}\ncontroller:")
        store = connect(a_map(text), {"find": url, "change": url})
        acted = erase(store)
        assert len(acted.counts) == 9
        assert store.gone(ONE, date(2026, 11, 23)) == 0
        assert erase(store).resumed
        assert nodes.hget("account:2", "name") == b"Ben"
        store.close()


# The map


def test_the_check_of_a_map_finds_what_nobody_described_and_nothing_else(cache, client):
    assert [str(problem) for problem in check(a_map(), cache.catalogue())] == []
    client.hset("account:1", "nickname", "A")
    client.set("lock:1", "x")
    told = [problem.what for problem in check(a_map(), cache.catalogue())]
    assert told == [
        "The table `other keys` is in the database and not in the map.",
        "`account` has columns without a category: `nickname`.",
    ]


def test_other_keys_may_be_called_impersonal_and_are_searched_all_the_same(client, server):
    fill(client)
    client.set("lock:ada@shop.example", "x")
    text = MAP + "  other keys: {impersonal: locks and counters}\n"
    store = connect(a_map(text), {"find": server, "change": server})
    assert [str(problem) for problem in check(a_map(text), store.catalogue())] == []
    erase(store)
    assert {hit.table for hit in store.scan(ONE, TODAY).hits} == {"other keys"}
    store.close()


def problems_of(text):
    _, problems = read(text, "cache.yaml")
    return [problem.what for problem in problems]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('{key: "account:{id}", holds: hash}', '{key: "account:{id}{x}", holds: hash}', "is no template of keys"),
        ('{key: "account:{id}", holds: hash}', '{key: "account:{id}", holds: has}', "cannot be `has`"),
        ('{key: "account:{id}", holds: hash}', '{key: "account:{id}"}', "lacks `holds`"),
        ('    redis: {key: "account:{id}", holds: hash}\n', "", "Nothing is said of the keys of `account`"),
        ("set: {element: nobody}", "set: {element: null}", "cannot be null in a list"),
        ("columns: {name: usage, member: contact}", "columns: {name: usage, membr: contact}", "has no column `membr`"),
        ('"fav:{account}"', '"fav:{member}"', "a gap in its key too"),
        ("controller:", "redis: {claster: true}\ncontroller:", "has no field called `claster`"),
        ("set: {email: null, name: gone}", "set: {id: null}", "stands in the key"),
        ("columns: {account: link, member: usage}", "columns: {account: link, member: usage}\n    restriction: "
         "{set_aside: [member]}", "only fields of a hash are flagged or set aside"),
    ],
)  # fmt: skip
def test_each_mistake_in_what_is_said_of_keys_is_told_with_its_line(old, new, said):
    assert old in MAP
    assert any(said in what for what in problems_of(MAP.replace(old, new, 1)))


def test_other_kinds_understand_no_keys():
    text = MAP.replace("kind: redis", "kind: sqlite")
    assert any("has no field called `redis`" in what for what in problems_of(text))


def test_a_store_is_not_opened_with_a_map_that_says_nothing_of_keys():
    with pytest.raises(WrongFileError):
        connect(map_of("redis"), {"find": "redis://127.0.0.1:1/0"})


def test_a_template_takes_no_more_than_its_gap():
    assert template("a:{id}").read(b"a:1:b") is None
    assert template("a:{id*}").read(b"a:1:b") == {"id": "1:b"}
    assert template("a:{{{id}}}:b").read(b"a:{7}:b") == {"id": "7"}
    assert template("a:{id}").read(b"a:\xff") == {"id": b"\xff"}
