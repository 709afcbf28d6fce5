"""In every kind of store without transactions: erasures are repeated, values corrected, set aside and put back.

Who came back after an erasure is left alone; what somebody wrote meanwhile is never overwritten.
"""

import csv
import json
import uuid
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, date, datetime
from urllib.parse import quote

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis

import story
from api_server import api_server
from servers import valkey_server
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.rules.rectification import read as written
from troth.stores import lake_bucket
from troth.work import carry_on, lift, read_back, rectify, replay, restrict

pytestmark = pytest.mark.slow
BEFORE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ROWS = {
    "customer": [
        {"id": "1", "email": "ada@example.org", "name": "Ada"},
        {"id": "2", "email": "bob@example.org", "name": "Bob"},
    ],
    "visit": [
        {"id": "1", "customer_id": "1", "day": "2026-01-05", "place": "Lyon"},
        {"id": "2", "customer_id": "2", "day": "2026-01-06", "place": "Metz"},
    ],
    "ticket": [
        {"id": "t1", "email": "ADA@example.org", "opened": "2026-01-05", "body": "help", "held": "0"},
        {"id": "t2", "email": "bob@example.org", "opened": "2026-01-05", "body": "help", "held": "0"},
    ],
}
BACK = {
    "customer": {"id": "7", "email": "ada@example.org", "name": "Ada again"},
    "visit": {"id": "7", "customer_id": "7", "day": "2026-11-25", "place": "Nice"},
    "ticket": {
        "id": "t7",
        "email": "ada@example.org",
        "opened": "2026-11-25",
        "body": "hello again",
        "held": "0",
    },
}
MAP = """
store: shop
kind: {kind}
credentials: {{find: "{url}", change: "{url}"}}
controller: main-entity
backups_expire: 35 days
{whole}
tables:
  customer:
    {customer}
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact, name: identity}}
    restriction: {{set_aside: [name]}}
    erase: {{do: delete, by: dpo, because: no longer needed}}
  visit:
    {visit}
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link, day: usage, place: usage}}
    retention: [{{promise: retention/visits, trigger: day}}]
    erase: {{do: delete, by: dpo, because: no longer needed}}
  ticket:
    {ticket}
    belongs_to: [{{email: customer.email}}]
    columns: {{id: key, email: contact, opened: usage, body: free_text, held: flag}}
    restriction: {{flag: held, active: "1", lifted: "0"}}
    retention: [{{promise: retention/tickets, trigger: opened}}]
    erase: {{do: delete, by: dpo, because: no longer needed}}
"""


def mapped(kind, url, own=lambda _: "", whole=""):
    return MAP.format(kind=kind, url=url, whole=whole, **{table: own(table) for table in ROWS})


class Elsewhere:
    """The rows of a store of one kind, put there and looked at behind its back."""

    def __init__(self, map_, put, rows):
        self.map, self.put, self.rows = map_, put, rows

    def sorted(self):
        return {
            table: sorted(({n: v for n, v in row.items() if v not in (None, "")} for row in rows), key=str)
            for table, rows in self.rows().items()
        }

    def ids(self):
        return {table: sorted(row["id"] for row in self.rows()[table]) for table in ROWS}


@contextmanager
def in_redis(folder):
    (folder / "valkey").mkdir()
    with valkey_server(folder / "valkey") as url, redis.Redis.from_url(url) as client:

        def put(tables):
            client.flushall()
            for table, rows in tables.items():
                for row in rows:
                    held = {name: value for name, value in row.items() if name != "id" and value is not None}
                    client.hset(f"{table}:{row['id']}", mapping=held)

        def rows():
            return {
                table: [
                    {"id": key.decode().partition(":")[2]}
                    | {name.decode(): value.decode() for name, value in client.hgetall(key).items()}
                    for key in client.scan_iter(f"{table}:*")
                ]
                for table in ROWS
            }

        yield Elsewhere(
            mapped("redis", url, lambda table: f'redis: {{key: "{table}:{{id}}", holds: hash}}'), put, rows
        )


@contextmanager
def in_an_api(folder):
    with api_server() as api:

        def put(tables):
            api.tables = deepcopy(tables)

        host = api.url.rpartition("/")[2]
        yield Elsewhere(
            mapped(
                "http",
                f"{api.url}/api",
                lambda table: (
                    f'http: {{key: id, list: "GET /{table}?size=99", rows: rows, '
                    f'look_up: {{id: "GET /{table}/{{id}}"}}, erase: "DELETE /{table}/{{id}}", '
                    f'update: "PATCH /{table}/{{id}}"}}'
                ),
                f"http: {{hosts: ['{host}'], sign_in: none}}",
            ),
            put,
            lambda: api.tables,
        )


def lake(form):
    @contextmanager
    def in_a_lake(folder):
        root = folder / "lake"
        root.mkdir()

        def put(tables):
            for table, rows in tables.items():
                for number in range(0, len(rows), 2):
                    some, path = rows[number : number + 2], root / table / f"{number}.{form}"
                    path.parent.mkdir(exist_ok=True)
                    match form:
                        case "parquet":
                            pq.write_table(pa.Table.from_pylist(some), path)
                        case "jsonl":
                            path.write_text("".join(f"{json.dumps(row)}\n" for row in some))
                        case _:
                            lines = [
                                ",".join(some[0]),
                                *(",".join(v or "" for v in row.values()) for row in some),
                            ]
                            path.write_text("".join(f"{line}\n" for line in lines))

        def rows():
            found = {}
            for table in ROWS:
                found[table] = []
                for path in (root / table).glob(f"*.{form}"):
                    if form == "parquet":
                        found[table] += pq.read_table(path).to_pylist()
                    elif form == "jsonl":
                        found[table] += [json.loads(line) for line in path.open()]
                    else:
                        found[table] += list(csv.DictReader(path.open()))
            return found

        yield Elsewhere(mapped("lake", f"lake://{root}"), put, rows)

    in_a_lake.__name__ = f"in_a_lake_of_{form}"
    return in_a_lake


@contextmanager
def in_delta(folder):
    from deltalake import DeltaTable, write_deltalake

    root = folder / "lake"

    def put(tables):
        for table, rows in tables.items():
            write_deltalake(str(root / table), pa.Table.from_pylist(rows), mode="overwrite")

    def rows():
        return {table: DeltaTable(str(root / table)).to_pyarrow_table().to_pylist() for table in ROWS}

    root.mkdir()
    yield Elsewhere(mapped("delta", f"lake://{root}", whole="versions_expire: 30 days"), put, rows)


@contextmanager
def in_iceberg(folder):
    from pyiceberg.catalog import load_catalog

    root = folder / "lake"
    root.mkdir()
    catalogue = load_catalog(
        "made", type="sql", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}/warehouse"
    )
    catalogue.create_namespace("shop")
    for table, rows in ROWS.items():
        catalogue.create_table(f"shop.{table}", schema=pa.Table.from_pylist(rows).schema)

    def put(tables):
        for table, rows in tables.items():
            catalogue.load_table(f"shop.{table}").overwrite(pa.Table.from_pylist(rows))

    def rows():
        return {table: catalogue.load_table(f"shop.{table}").scan().to_arrow().to_pylist() for table in ROWS}

    url = f"iceberg+sqlite:///{root}/catalog.db?warehouse={root}/warehouse&namespace=shop&catalogue=made"
    yield Elsewhere(mapped("iceberg", url, whole="versions_expire: 30 days"), put, rows)


def in_a_bucket(endpoint):
    @contextmanager
    def made(folder):
        url = f"s3://key:secret@lake/{folder.name}-{uuid.uuid4().hex}?endpoint={quote(endpoint)}"
        bucket = lake_bucket.opened(url, "tested")

        def put(tables):
            for table, rows in tables.items():
                written = "".join(f"{json.dumps(row)}\n" for row in rows)
                obstore.put(bucket.objects, f"{table}/part-1.jsonl", written.encode())

        def rows():
            return {
                table: [
                    json.loads(line)
                    for name in bucket.files()
                    if name.startswith(f"{table}/")
                    for line in bucket.open(name).read().splitlines()
                ]
                for table in ROWS
            }

        (folder / "bucket.url").write_text(url)
        yield Elsewhere(mapped("lake", f"file:{folder / 'bucket.url'}"), put, rows)

    return made


KINDS = [in_redis, in_an_api, lake("parquet"), lake("jsonl"), lake("csv"), in_delta]


@pytest.fixture(params=KINDS)
def elsewhere(request, folder, clock):
    yield from kept(request.param, folder, clock)


@pytest.fixture(params=[*KINDS, in_iceberg, in_a_bucket])
def restored(request, folder, clock):
    """A store of any kind of which a backup can be put back."""
    bucket = request.param is in_a_bucket
    where = in_a_bucket(request.getfixturevalue("s3")) if bucket else request.param
    yield from kept(where, folder, clock)


def kept(where, folder, clock):
    with where(folder) as found:
        found.put(ROWS)
        (folder / "stores" / "shop.yaml").write_text(found.map)
        (folder / "stores" / "news.yaml").unlink()
        project = opened(folder, clock)
        yield project, found
        project.close()
        project.ledger.close()


def erased(project, email="ada@example.org"):
    number = story.ask(project, "erase", email=email)
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["done"]
    return number


def count(planned):
    return {(one.table, one.verb): one.rows for one in planned.counts}


def test_an_erasure_is_repeated_and_whoever_came_back_is_left_alone_and_listed(restored, clock):
    project, found = restored
    erased(project)
    assert found.ids() == {"customer": ["2"], "visit": ["2"], "ticket": ["t2"]}
    clock.forward(days=3)
    found.put({table: [*rows, BACK[table]] for table, rows in ROWS.items()})
    planned = replay.plan(project, "shop", BEFORE)
    assert count(planned) == {("customer", "delete"): 1, ("ticket", "delete"): 1, ("visit", "delete"): 1}
    assert planned.left == {"customer": 1, "ticket": 1, "visit": 1}
    assert (planned.erasures, planned.blocked, planned.unrecorded) == (1, (), ())
    done = replay.repeat(project, planned)
    assert (done.erasures, done.remaining) == (1, 0)
    assert found.ids() == {"customer": ["2", "7"], "visit": ["2", "7"], "ticket": ["t2", "t7"]}
    assert replay.plan(project, "shop", BEFORE).again == ()


def test_a_key_that_somebody_else_has_now_is_left_alone(restored, clock):
    project, found = restored
    erased(project)
    clock.forward(days=3)
    found.put({**ROWS, "customer": [{"id": "1", "email": "eve@example.org", "name": "Eve"}]})
    planned = replay.plan(project, "shop", BEFORE)
    assert planned.left == {"customer": 1}
    replay.repeat(project, planned)
    assert found.ids()["customer"] == ["1"]


def test_a_replay_that_was_cut_short_is_taken_up(restored):
    project, found = restored
    erased(project)
    found.put(ROWS)

    def stop(at):
        if at == "acted":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        replay.repeat(project, replay.plan(project, "shop", BEFORE), stop_at=stop)
    replay.repeat(project, replay.plan(project, "shop", BEFORE))
    assert found.ids() == {"customer": ["2"], "visit": ["2"], "ticket": ["t2"]}
    ended = [event for event in read.stream(project.ledger, "replay/shop") if event.kind == "act_ended"]
    told = {tuple(each[:2]): each[2] for event in ended for each in event.facts["rows"]}
    if project.stores["shop"].limits().remembers:
        assert told == {("customer", "delete"): 1, ("ticket", "delete"): 1, ("visit", "delete"): 1}
        assert read_back.read_back(project) == ()


def test_an_api_whose_people_cannot_be_listed_says_so(folder, clock):
    with in_an_api(folder) as found:
        found.put(ROWS)
        look = 'look_up: {id: "GET /customer/{id}", email: "GET /customer?email={email}"}'
        listed = 'list: "GET /customer?size=99", rows: rows, look_up: {id: "GET /customer/{id}"}'
        assert listed in found.map
        (folder / "stores" / "shop.yaml").write_text(found.map.replace(listed, f"rows: rows, {look}"))
        (folder / "stores" / "news.yaml").unlink()
        project = opened(folder, clock)
        erased(project)
        with pytest.raises(NotAllowedError, match=r"rows of `customer` name people and cannot be listed"):
            replay.plan(project, "shop", BEFORE)
        project.close()
        project.ledger.close()


def test_a_correction_reaches_what_links_by_value_and_nobody_else(elsewhere):
    project, found = elsewhere
    before = found.sorted()
    wanted = [written("customer.email=new@example.org"), written("customer.name=New")]
    made = rectify.measure(project, "shop", [("email", "Ada@example.org")], wanted)
    rectify.approve(project, made.name, made.state["plan"]["sha256"], "marie")
    assert found.sorted() == before
    done = rectify.rectify(project, made.name)
    assert done.state["stores"]["shop"]["remaining"] == 0
    changed = deepcopy(ROWS)
    changed["customer"][0] |= {"email": "new@example.org", "name": "New"}
    changed["ticket"][0]["email"] = "new@example.org"
    assert found.sorted() == {table: sorted(rows, key=str) for table, rows in changed.items()}


def test_a_restriction_sets_aside_and_flags_and_its_lifting_overwrites_nothing_newer(elsewhere):
    project, found = elsewhere
    more = {"id": "t9", "email": "ada@example.org", "opened": "2026-01-05", "body": "again", "held": "0"}
    found.put({**ROWS, "ticket": [*ROWS["ticket"], more]})
    before = found.sorted()
    made = restrict.measure(project, [("email", "ada@example.org")], "accuracy")
    restrict.approve(project, made.name, made.state["plan"]["sha256"], "marie")
    restrict.restrict(project, made.name)
    restricted = found.sorted()
    assert [row.get("name") for row in restricted["customer"]] == [None, "Bob"]
    assert {row["id"]: row["held"] for row in restricted["ticket"]} == {"t1": "1", "t2": "0", "t9": "1"}
    assert restricted["visit"] == before["visit"]
    found.put(with_held(restricted, "t9", "7"))
    lifted = lift.lift(project, made.name, date(2026, 11, 2), "marie")
    assert lift.conflicts(lifted) == [("shop", "ticket", "held", "changed", 1)]
    assert found.sorted() == {
        **before,
        "ticket": sorted(with_held(before, "t9", "7")["ticket"], key=str),
    }


def with_held(tables, id_, held):
    """The same rows, in which somebody wrote meanwhile."""
    names = {table: list(rows[0]) for table, rows in ROWS.items()}
    return {
        table: [
            {name: row.get(name) for name in names[table]} | ({"held": held} if row["id"] == id_ else {})
            for row in rows
        ]
        for table, rows in tables.items()
    }
