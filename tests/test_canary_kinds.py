"""No command says a canary of a store, whatever kind it is; and nobody is shown a credential.

The same people, in each kind of store: a name, an address and a secret that may be said nowhere.
"""

import gzip
import json
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import redis

from api_server import api_server
from servers import valkey_server
from test_canary import ADDRESS, ODD, WORD, Heard, canaries

pytestmark = pytest.mark.slow
SECRET = "geheimnis-4711"
ROW = {"id": "1", "email": ADDRESS, "name": f"{WORD} {ODD}", "api_token": SECRET, "notes": f"{WORD} said so"}
OTHER = {"id": "2", "email": "other@example.org", "name": "Other", "api_token": "x", "notes": ""}
MAP = """
store: hotel
kind: {kind}
credentials: {{find: "{url}", change: "{url}"}}
controller: main-entity
{whole}
tables:
  guest:
    {own}
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact, name: identity, api_token: credential, notes: free_text}}
    erase: {{do: {do}, by: dpo, because: no longer needed}}
"""
DELETE = "delete"
BLANK = "blank, set: {email: null, name: null, notes: null}"


@contextmanager
def in_redis(folder):
    (folder / "valkey").mkdir()
    with valkey_server(folder / "valkey") as url, redis.Redis.from_url(url) as client:
        for row in (ROW, OTHER):
            client.hset(
                f"guest:{row['id']}", mapping={name: value for name, value in row.items() if name != "id"}
            )

        def broken():
            client.rpush("guest:3", ADDRESS)

        yield (
            {"kind": "redis", "url": url, "own": 'redis: {key: "guest:{id}", holds: hash}', "do": DELETE},
            broken,
        )
        client.delete("guest:3")


@contextmanager
def in_an_api(folder):
    with api_server() as api:
        api.tables["guest"] = [dict(ROW), dict(OTHER)]
        host = api.url.rpartition("/")[2]

        def broken():
            api.behave["refuses"] = {"GET": 422}

        own = (
            'http: {list: GET /guest, rows: rows, look_up: {id: "GET /guest/{id}", email: "GET /guest?email={email}"}, '
            'update: "PATCH /guest/{id}"}'
        )
        whole = f"http: {{hosts: ['{host}'], sign_in: none}}"
        yield {"kind": "http", "url": f"{api.url}/api", "own": own, "whole": whole, "do": BLANK}, broken


@contextmanager
def in_a_lake(folder):
    lake = folder / "lake"
    (lake / "guest").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([ROW, OTHER]), lake / "guest" / "part-0.parquet")
    torn, mixed = f"PAR1 {ADDRESS}".encode(), b'{"a": 1}\n{"a": "x"}\n'
    broken = [
        foreign(lake / name, content)
        for name, content in {
            "torn.parquet": torn,
            f"{ADDRESS}.parquet": torn,
            f"{ADDRESS}.jsonl": mixed,
            f"{WORD}.csv": b"",
            f"{WORD}.pdf": b"%PDF",
            f"{WORD}/part-1.parquet": torn,
            f"{WORD}/part-1.pdf": b"%PDF",
            f"guest/{ADDRESS}.2.parquet": torn,
            f"guest/{ADDRESS}.pdf": b"%PDF",
            f"guest/day={WORD}/part-1.parquet": torn,
            f"guest/{WORD}": folder / "elsewhere",
            f"{ADDRESS}.json": folder / f"{WORD}.json",
        }.items()
    ]
    yield {"kind": "lake", "url": f"lake://{lake}", "do": DELETE}, *broken


def foreign(path, content):
    """Return what puts a file there, or a link, and returns what takes it away."""

    def broken():
        made = not path.parent.exists()
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.symlink_to(content)

        def mended():
            path.unlink()
            if made:
                path.parent.rmdir()

        return mended

    return broken


@contextmanager
def in_duckdb(folder):
    with duckdb.connect(str(folder / "hotel.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE guest (id text PRIMARY KEY, email text, name text, api_token text, notes text)"
        )
        for row in (ROW, OTHER):
            connection.execute("INSERT INTO guest VALUES (?, ?, ?, ?, ?)", list(row.values()))

    def broken():
        with duckdb.connect(str(folder / "hotel.duckdb")) as connection:
            connection.execute("DROP TABLE guest")

    yield {"kind": "duckdb", "url": f"duckdb:///{folder}/hotel.duckdb", "do": DELETE}, broken


@contextmanager
def in_logs(folder):
    (folder / "logs").mkdir()
    (folder / "logs" / "guest.json.1").write_text("".join(f"{json.dumps(row)}\n" for row in (ROW, OTHER)))

    broken = [
        foreign(folder / "logs" / name, content)
        for name, content in {
            "guest.json.2": folder / f"{WORD}.json",
            f"{WORD}.json": folder / "logs" / "nowhere",
            f"{ADDRESS}.json.2": json.dumps(ROW).encode(),
            f"guest-{WORD}.json.bak": json.dumps(ROW).encode(),
            f"{ADDRESS}/guest.json": json.dumps(ROW).encode(),
            "guest.json.3.gz": gzip.compress(json.dumps(ROW).encode())[:-9],
        }.items()
    ]
    yield {"kind": "logs", "url": f"logs://{folder}/logs", "do": DELETE}, *broken


@pytest.mark.parametrize("kind", [in_redis, in_an_api, in_a_lake, in_duckdb, in_logs])
def test_no_command_prints_a_canary_of_a_store_of_any_kind(folder, kind):
    with kind(folder) as (told, *breaking):
        (folder / "stores" / "hotel.yaml").write_text(MAP.format(**{"own": "", "whole": "", **told}))
        say, who = Heard(folder), ("--email", ADDRESS)
        assert say("map", "--check", "hotel", "--json").code in (0, 1)
        say("map", "--explain", "guest", "hotel")
        say("map", "--picture", "hotel", "-o", folder / "hotel.svg", files=["hotel.svg"])
        assert json.loads(say("find", "hotel", *who, "--json").out)["rows"] == 1
        shown = Heard(folder)("find", "hotel", *who, "--show", "--json", "--staff", "marie")
        assert canaries(shown.out)  # whoever asks for values gets them
        assert SECRET not in shown.out + shown.err  # but no credential
        plan = json.loads(say("plan", "hotel", *who, "--json").out)
        say("plan", "hotel", *who)
        say("act", "hotel", *who, "--approve", "00000000", "--yes")
        acted = say("act", "hotel", *who, "--approve", plan["plan_sha256"], "--yes", "--json")
        assert acted.code == 0, acted.err
        for broken in breaking:
            mended = broken()
            for command in ("find", "plan"):
                say(command, "hotel", *who, "--json")
            assert say("map", "--check", "hotel").code in (0, 1, 2, 3)
            if mended is not None:
                mended()
        assert say.leaks() == {}
        assert not any(
            SECRET.encode() in (said if isinstance(said, bytes) else said.encode()) for _, said in say.said
        )
