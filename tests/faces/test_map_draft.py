"""`troth map URL` drafts a map, and `--picture` draws one, on the command line."""

import json
import sqlite3
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from troth.errors import NotAllowedError, NotFoundError, UnreachableError
from troth.faces.cli import context, map_commands
from troth.stores.map_file import read
from troth.wiring import open_project

SCHEMA = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT UNIQUE, full_name TEXT, password TEXT);
CREATE TABLE letter (id INTEGER PRIMARY KEY, customer_id INT NOT NULL REFERENCES customer ON DELETE CASCADE, body TEXT);
CREATE TABLE colour (id INTEGER PRIMARY KEY, hex TEXT);
INSERT INTO customer VALUES (1, 'canary.ada@shop.example', 'Ada Canary', 'canary-secret');
INSERT INTO customer VALUES (2, 'canary.ben@shop.example', 'Ben Canary', 'canary-secret');
INSERT INTO letter VALUES (1, 1, 'the canary sings for many people here');
INSERT INTO colour VALUES (1, 'ff0000');
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(SCHEMA)
    connection.close()
    (tmp_path / "troth.toml").write_text('[project]\nname = "test"\n')
    context.set_up(open_project)
    context.look_in(tmp_path)
    monkeypatch.setenv("SHOP_FIND", f"sqlite:///{tmp_path}/shop.db")
    return tmp_path


def run(*words):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("map")(map_commands.app)
    app.command("stores")(map_commands.stores)
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


def test_a_draft_goes_to_standard_output_and_its_summary_to_standard_error(folder):
    done = run("map", f"sqlite:///{folder}/shop.db")
    found, problems = read(done.stdout, "stores/shop.yaml")
    assert (done.exit_code, problems) == (0, ())
    assert found.store == "shop"
    assert found.credentials == {"find": "env:SHOP_FIND"}
    assert done.stderr.startswith("shop: 3 tables; people in customer. Columns: ")
    assert "troth map --check" in done.stderr


def test_a_draft_by_reference_keeps_the_reference_and_fails_the_check_until_corrected(folder):
    file = folder / "stores" / "shop.yaml"
    assert run("map", "env:SHOP_FIND", "-o", file).exit_code == 0
    found, _ = read(file.read_text(), "stores/shop.yaml")
    assert found.credentials["find"] == "env:SHOP_FIND"
    done = run("map", "--check")
    assert done.exit_code == 1
    assert "Nobody has said yet who decides." in done.stdout
    file.write_text(
        file.read_text()
        .replace('controller: "?"', "controller: us")
        .replace('"?", because: "?"', "dpo, because: 7.4")
    )
    assert run("map", "--check").exit_code == 0


def test_the_url_may_stand_in_a_file(folder):
    (folder / "url").write_text(f"sqlite:///{folder}/shop.db\n")
    found, _ = read(run("map", f"file:{folder}/url", "--name", "shop").stdout, "stores/shop.yaml")
    assert found.credentials["find"] == f"file:{folder}/url"


def test_neither_the_url_nor_a_value_is_said(folder):
    url = f"sqlite:///{folder}/shop.db"
    for words in (
        (url,),
        (url, "--json"),
        (url, "-o", folder / "a.yaml"),
        (url, "-o", folder / "b.yaml", "--json"),
    ):
        done = run("map", *words)
        said = done.stdout + done.stderr + "".join(each.read_text() for each in folder.glob("*.yaml"))
        assert "canary" not in said.lower()
        assert "sqlite:///" not in said


def test_the_summary_for_machines(folder):
    told = json.loads(run("map", "env:SHOP_FIND", "-o", folder / "shop.yaml", "--json").stdout)
    assert told["columns"].keys() == {"sure", "likely", "unknown"}
    del told["columns"], told["file"]
    assert told == {
        "store": "shop", "kind": "sqlite", "tables": 3, "people": ["customer"], "questions": [],
        "impersonal": 1, "edges": 1,
    }  # fmt: skip
    assert "store: shop\n" in json.loads(run("map", "env:SHOP_FIND", "--json").stdout)["map"]


def test_a_file_that_is_there_is_never_overwritten(folder):
    (folder / "shop.yaml").write_text("corrected by hand")
    with pytest.raises(NotAllowedError) as raised:
        run("map", "env:SHOP_FIND", "-o", folder / "shop.yaml")
    assert str(raised.value) == (
        "There is already a file shop.yaml, which somebody may have corrected. Choose another name."
    )
    assert (folder / "shop.yaml").read_text() == "corrected by hand"


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("env:NO_SUCH_URL",), NotFoundError, "The environment has no variable `NO_SUCH_URL`"),
        (("file:nowhere/url",), NotFoundError, "cannot be read"),
        (
            ("oracle://a:hunter2@db/shop",),
            NotAllowedError,
            "begins with `sqlite:///`, `duckdb:///`, `postgresql://` or `mariadb://`",
        ),
        (("postgresql://a:hunter2@127.0.0.1:1",), UnreachableError, "The store `store` does not answer"),
        (("postgresql://a:hunter2@[::1/shop",), UnreachableError, "The store `store` does not answer"),
        (("env:SHOP_FIND", "--name", "two words"), NotAllowedError, "A store's name is made of letters"),
        (("env:SHOP_FIND", "--check"), NotAllowedError, "A URL is for drafting a map"),
        (("shop", "--name", "other"), NotAllowedError, "give a URL, too"),
        (("--check", "--picture"), NotAllowedError, "`--check` and `--picture` are two questions"),
        (("--check", "-o", "x"), NotAllowedError, "`-o` is for a draft"),
    ],
)
def test_wrong_use_is_told_in_a_sentence_without_the_url(folder, words, error, said):
    with pytest.raises(error) as raised:
        run("map", *words)
    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_the_picture_is_text_or_a_file(folder):
    run("map", "env:SHOP_FIND", "-o", folder / "stores" / "shop.yaml")
    assert run("map", "--picture").stdout.splitlines() == [
        "shop",
        "  customer",
        "  └─ letter (belongs to by customer_id)",
        "  (1 impersonal)",
    ]
    assert run("map", "--picture", "shop", "-o", folder / "shop.svg").stderr == "Drawn: shop.svg\n"
    assert ElementTree.fromstring((folder / "shop.svg").read_text()).tag.endswith("svg")
    assert json.loads(run("map", "--picture", "--json").stdout)["pictures"][0]["lines"][0] == "customer"
