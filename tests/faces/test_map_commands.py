"""The maps on the command line: checked, explained, listed."""

import json
import sqlite3
import subprocess
import sys
from importlib.util import find_spec

import pytest
import typer
from typer.testing import CliRunner

from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.faces.cli import context, map_commands
from troth.rules.catalogue import sha256
from troth.stores.catalogue import read_sqlite
from troth.wiring import open_project

SCHEMA = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT);
CREATE TABLE ticket (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer, body TEXT);
CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT);
"""
MAP = """\
store: shop
kind: sqlite
credentials: {find: "sqlite:///shop.db"}
controller: us
tables:
  customer:
    subject: {key: id, identifiers: {email: {kind: email, one_person: true}}}
    columns: {id: key, email: contact, name: identity}
    erase: {do: delete, by: dpo, because: clause 7.4}
  ticket:
    belongs_to: [{customer_id: customer.id, conceals: [body]}]
    columns: {id: key, customer_id: link, body: free_text}
    erase: {do: delete, by: dpo, because: clause 7.4}
  product: {impersonal: goods}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "troth.toml").write_text('[project]\nname = "test"\n')
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "shop.yaml").write_text(MAP)
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(SCHEMA)
    connection.close()
    context.set_up(open_project)
    context.look_in(tmp_path)
    return tmp_path


def run(*words):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("map")(map_commands.app)
    app.command("stores")(map_commands.stores)
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def write(folder, old, new):
    assert old in MAP
    (folder / "stores" / "shop.yaml").write_text(MAP.replace(old, new))


def test_a_good_map_passes_with_the_hash_to_write_down(folder):
    said = run("map", "--check")
    connection = sqlite3.connect(folder / "shop.db")
    now = sha256(read_sqlite(connection, "shop"))
    connection.close()
    assert said.exit_code == 0
    assert said.stdout == (
        f"shop: the map is true of its database, 3 tables, 0 remarks (catalogue sha256:{now[:16]}).\n"
    )


def test_a_problem_fails_the_gate_with_its_place(folder):
    write(folder, "body: free_text}", "bdy: free_text}")
    said = run("map", "--check")
    assert said.exit_code == 1
    assert (
        "stores/shop.yaml:12:43: The table `ticket` has no column `bdy`. Did you mean `body`?\n"
        in said.stdout
    )
    assert said.stdout.endswith("shop: 2 problems, 0 remarks.\n")


def test_a_remark_fails_the_gate_only_when_asked(folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, email TEXT)")
    connection.close()
    note = """\
  note:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: clause 7.4}
"""
    write(folder, "  product:", f"{note}  product:")
    said = run("map", "--check")
    assert said.exit_code == 0
    assert said.stdout.startswith(
        "stores/shop.yaml:14:3: remark: Every way from a subject to `note` is by columns "
    )
    assert run("map", "--check", "--strict").exit_code == 1


def test_a_map_that_cannot_be_read_fails_the_gate_too(folder):
    write(folder, "kind: sqlite\n", "")
    said = run("map", "--check")
    assert said.exit_code == 1
    assert said.stdout == (
        "stores/shop.yaml:1:1: A map lacks `kind`. Add a line `kind: …`.\n1 problem; no database was looked at.\n"
    )


def test_the_report_as_json(folder):
    write(folder, "body: free_text}", 'body: "?"}')
    said = run("map", "shop", "--check", "--json")
    assert said.exit_code == 1
    (store,) = json.loads(said.stdout)["stores"]
    assert (store["store"], store["file"], store["tables"], store["remarks"]) == (
        "shop",
        "stores/shop.yaml",
        3,
        [],
    )
    assert len(store["catalogue_sha256"]) == 64
    assert store["problems"] == [
        {
            "file": "stores/shop.yaml",
            "line": 12,
            "column": 43,
            "what": "Nobody has said yet what `ticket.body` is.",
            "remedy": "Look, and give it a category.",
            "rule": "unclassified",
        }
    ]


def test_a_name_of_a_database_stays_on_its_line(folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute('CREATE TABLE "a\n\x1b[31mb" (id INTEGER PRIMARY KEY)')
    connection.close()
    said = run("map", "--check")
    assert said.exit_code == 1
    assert "The table `a��[31mb` is in the database and not in the map." in said.stdout
    assert len(said.stdout.splitlines()) == 2


def test_the_report_as_sarif(folder):
    write(folder, "body: free_text}", 'body: "?"}')
    said = run("map", "--check", "--format", "sarif")
    assert said.exit_code == 1
    told = json.loads(said.stdout)
    (ran,) = told["runs"]
    assert told["version"] == "2.1.0"
    assert ran["tool"]["driver"]["rules"] == [
        {
            "id": "map/unclassified",
            "shortDescription": {"text": "A column has no category, or looks personal where none should be."},
        }
    ]
    (result,) = ran["results"]
    assert result["level"] == "error"
    assert result["message"]["text"] == (
        "Nobody has said yet what `ticket.body` is. Look, and give it a category."
    )
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "stores/shop.yaml"},
                "region": {"startLine": 12, "startColumn": 43},
            }
        }
    ]
    write(folder, "kind: sqlite\n", "")
    (ran,) = json.loads(run("map", "--check", "--format", "sarif").stdout)["runs"]
    assert ran["results"][0]["ruleId"] == "map/unreadable"


def test_what_to_write_after_a_review(folder):
    said = run("map", "--reviewed")
    assert said.exit_code == 0
    written = said.stdout
    assert written.startswith("reviewed:\n  date: 20")
    write(folder, "tables:\n", f"{written}tables:\n")
    assert run("map", "--check").exit_code == 0
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TRIGGER told AFTER DELETE ON ticket BEGIN SELECT 1; END")
    connection.close()
    said = run("map", "--check")
    assert said.exit_code == 1
    assert "`ticket` has other triggers" in said.stdout
    (told,) = json.loads(run("map", "shop", "--reviewed", "--json").stdout)["reviews"]
    assert set(told["tables"]) == {"customer", "ticket", "product"}


POLICY = """\
---
title: Privacy policy
language: en
version: "1"
date: 2026-11-01
---

# Privacy policy

## 1 What we collect

```promise
collection:
  all:
    categories: {identity: names, contact: addresses of mail, free_text: what people write}
    how: direct
purpose:
  selling:
    does: to sell
    legal_basis: contract
    categories: [identity, contact]
```
"""


def test_the_map_is_held_to_a_policy_purpose_by_purpose(folder):
    (folder / "privacy.md").write_text(POLICY)
    said = run("map", "--check", "--policy", str(folder / "privacy.md"))
    assert said.exit_code == 1
    assert said.stdout.startswith(
        "stores/shop.yaml:12:43: `ticket.body` is `free_text`, which no purpose of this store has (`selling`). "
    )
    good = POLICY.replace("[identity, contact]", "[identity, contact, free_text]")
    (folder / "privacy.md").write_text(good)
    assert run("map", "--check", "--policy", str(folder / "privacy.md")).exit_code == 0
    with pytest.raises(NotFoundError, match=r"There is no policy 'nowhere\.md' to compare with\."):
        run("map", "--check", "--policy", "nowhere.md")
    (folder / "privacy.md").write_bytes(b"\xff\xfe")
    with pytest.raises(NotAllowedError, match=r"privacy\.md cannot be read as UTF-8 text\."):
        run("map", "--check", "--policy", str(folder / "privacy.md"))
    with pytest.raises(NotAllowedError, match="are for `--check`"):
        run("map", "--policy", "policy.md")


def test_the_other_stores_are_checked_when_one_does_not_answer(folder):
    other = MAP.replace("store: shop", "store: far").replace("sqlite:///shop.db", "sqlite:///nowhere/far.db")
    (folder / "stores" / "far.yaml").write_text(other)
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("map")(map_commands.app)
    said = CliRunner().invoke(app, ["--check"])
    assert isinstance(said.exception, UnreachableError)
    assert said.stdout.startswith("shop: the map is true of its database, 3 tables")


def test_every_path_to_a_table_is_explained(folder):
    said = run("map", "--explain", "ticket")
    assert said.exit_code == 0
    assert said.stdout == (
        "shop.ticket (stores/shop.yaml:10)\n"
        "  deleted on erasure; decided by dpo, because clause 7.4\n"
        "  1. customer → ticket (belongs_to ticket.customer_id = customer.id)\n"
        "     a row of `ticket` belongs to the `customer` whose `id` is its `customer_id` (a foreign key, ON DELETE "
        "NO ACTION)\n"
        "     an answer conceals body\n"
    )
    assert run("map", "--explain", "product").stdout == (
        "shop.product (stores/shop.yaml:14)\n  impersonal: goods\n"
    )
    (told,) = json.loads(run("map", "--explain", "ticket", "--json").stdout)["tables"]
    assert told["paths"][0]["hops"] == [
        {
            "to": "ticket",
            "edge": "belongs_to ticket.customer_id = customer.id",
            "words": "a row of `ticket` belongs to the `customer` whose `id` is its `customer_id` "
            "(a foreign key, ON DELETE NO ACTION)",
        }
    ]
    assert told["paths"][0]["conceals"] == ["body"]


def test_a_path_by_the_map_alone_and_one_without_a_database_say_so(folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, email TEXT)")
    connection.close()
    note = """\
  note:
    belongs_to: [{email: customer.email}]
    columns: {id: key, email: contact}
    erase: {do: delete, by: dpo, because: clause 7.4}
"""
    write(folder, "  product:", f"{note}  product:")
    words = "a row of `note` belongs to the `customer` whose `email` is its `email`"
    assert (
        f"{words} (no foreign key: the map's word; it may be null)" in run("map", "--explain", "note").stdout
    )
    (folder / "shop.db").unlink()
    said = run("map", "--explain", "note")
    assert said.exit_code == 0
    assert f"     {words}\n" in said.stdout


def test_the_paths_of_a_draft_are_explained_with_their_evidence(folder):
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("CREATE TABLE login (id INTEGER PRIMARY KEY, customer_id INT NOT NULL)")
        connection.executemany(
            "INSERT INTO customer VALUES (?, ?, ?)", [(n, f"kanarie{n}@nest.example", "K") for n in range(5)]
        )
        connection.executemany("INSERT INTO login VALUES (?, ?)", [(n, n) for n in range(5)])
    connection.close()
    url = f"sqlite:///{folder / 'shop.db'}"
    said = run("map", url, "--explain", "login")
    assert said.exit_code == 0
    assert (
        "a row of `login` belongs to the `customer` whose `id` is its `customer_id` "
        "(likely: no foreign key; its name; 5 of 5 values are found there)" in said.stdout
    )
    assert "kanarie" not in said.stdout + said.stderr
    with pytest.raises(NotFoundError, match=r"The database has no table `lgin`\. Did you mean `login`\?"):
        run("map", url, "--explain", "lgin")


def test_an_explanation_of_what_is_not_there_names_the_nearest(folder):
    with pytest.raises(NotFoundError) as raised:
        run("map", "--explain", "tickets")
    assert str(raised.value) == "No map has a table `tickets`. Did you mean `ticket`?"
    with pytest.raises(NotFoundError, match=r"There is no store called 'shp'. Did you mean `shop`\?"):
        run("map", "shp", "--check")
    with pytest.raises(NotAllowedError, match="two questions"):
        run("map", "--check", "--explain", "ticket")


def test_a_database_that_does_not_answer_is_unreachable(folder):
    write(folder, "sqlite:///shop.db", "sqlite:///nowhere/shop.db")
    with pytest.raises(UnreachableError):
        run("map", "--check")


def test_the_maps_are_listed(folder):
    said = run("map", "--json")
    assert json.loads(said.stdout) == {
        "maps": [
            {"store": "shop", "kind": "sqlite", "file": "stores/shop.yaml", "tables": 3, "subjects": ["customer"],
             "impersonal": 1, "reviewed": None}
        ]
    }  # fmt: skip
    assert "never" in run("map").stdout


def test_the_kinds_of_store_are_listed():
    kinds = {each["kind"]: each for each in json.loads(run("stores", "--json").stdout)["kinds"]}
    assert set(kinds["lake"]["besides"]) == {"s3", "spark"}
    assert kinds["lake"]["besides"]["spark"] == (find_spec("pyspark") is not None)
    assert kinds["sqlite"]["besides"] == {}
    assert kinds["sqlite"]["ready"]
    assert kinds["postgresql"]["atomic"]
    http = kinds["http"]
    assert (http["amends"], http["replays"], http["remembers"]) == (True, True, False)
    assert http["replays_where"].startswith("where the map names a call that lists")
    assert (kinds["logs"]["amends"], kinds["logs"]["replays"]) == (False, False)
    assert "sqlite" in run("stores").stdout


@pytest.mark.slow
def test_the_gate_as_a_process(folder):
    command = [sys.executable, "-m", "troth", "--project", str(folder), "map", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout[:5]) == (0, "shop:")
    write(folder, "sqlite:///shop.db", "sqlite:///nowhere/shop.db")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
