"""A store is opened by its kind, and what is wrong is said without repeating a secret."""

import pytest

from troth.errors import NotAllowedError, NotFoundError
from troth.rules.map import Map
from troth.stores import connect as module
from troth.stores.connect import BUILT_IN, Kind, connect, kinds, limits, reference_problem


def shop(kind):
    return Map("shop", kind, "us", {"find": "env:SHOP"}, {}, {}, file="stores/shop.yaml")


def refused(kind, credentials, error=NotAllowedError):
    with pytest.raises(error) as raised:
        connect(shop(kind), credentials)
    return str(raised.value)


def test_sqlite_and_postgresql_are_built_in_and_say_what_they_can():
    assert {"sqlite", "postgresql"} <= set(kinds())
    for name in ("sqlite", "postgresql"):
        can = limits(BUILT_IN[name])
        assert can is not None
        assert can.atomic
        assert can.measured_by_rollback


def test_a_store_is_opened_by_its_kind(tmp_path):
    store = connect(shop("sqlite"), {"find": f"sqlite:///{tmp_path / 'shop.db'}"})
    assert store.name == "shop"
    assert str(tmp_path) not in repr(store)
    store.close()


def test_an_unknown_kind_is_named_with_the_nearest_known_one():
    assert refused("postgres", {"find": "postgres://x"}, NotFoundError) == (
        "The store `shop` (stores/shop.yaml) is of kind `postgres`, and no such kind is installed. "
        "Did you mean `postgresql`?"
    )


def test_a_store_without_credentials_to_find():
    assert refused("sqlite", {}) == (
        "The store `shop` (stores/shop.yaml) has no credentials to find with. "
        "Its map lacks `credentials: {find: …}`."
    )


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("postgresql://shop:hunter2@db/shop", "is a URL of `postgresql`"),
        ("hunter2", "is not a URL"),
        ("", "is empty"),
        ("env:SHOP_hunter2", "is a reference that was not followed"),
        ("hunter2 secret://x", "is not a URL"),
    ],
)
def test_a_url_of_another_kind_is_refused_and_not_repeated(url, what):
    said = refused("sqlite", {"find": "sqlite:///ok.db", "change": url})
    assert said == (
        f"The store `shop` (stores/shop.yaml) is of kind `sqlite`, and what its credentials `change` refer to "
        f"{what}. It must begin with `sqlite://`."
    )
    assert "hunter2" not in said


def test_a_kind_whose_part_is_not_installed_says_what_to_install():
    missing = Kind("lake", "Parquet files", "troth.stores.no_such_module", ("lake",), extra="lake")
    with pytest.raises(NotFoundError) as raised:
        module._opener(shop("lake"), missing)
    assert str(raised.value) == (
        "The store `shop` (stores/shop.yaml) is of kind `lake`, whose part `troth.stores.no_such_module` "
        "is not installed. Install it with: pip install 'troth[lake]'."
    )
    assert limits(missing) is None


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """A package of somebody else, installed as packages are: two kinds of store, one of them broken."""
    folder = tmp_path / "acme_troth-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-troth\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[troth.stores]\nacme = acme_troth:open_store\nbroken = acme_troth:nothing\nsqlite = acme_troth:open_store\n"
    )
    (tmp_path / "acme_troth.py").write_text(
        "def open_store(map, credentials):\n    return (map.store, dict(credentials))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_is_found_by_its_entry_point_and_never_takes_a_built_in_name():
    assert connect(shop("acme"), {"find": "acme:anything"}) == ("shop", {"find": "acme:anything"})
    assert kinds()["sqlite"] is BUILT_IN["sqlite"]
    assert limits(kinds()["acme"]) is None


@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_that_cannot_be_loaded_says_whose_it_is():
    assert refused("broken", {"find": "x"}, NotFoundError) == (
        "The store `shop` (stores/shop.yaml) is of kind `broken`, which the package acme-troth names and cannot "
        "load: AttributeError. Reinstall that package, or tell those who wrote it."
    )


@pytest.mark.parametrize(
    "written",
    [
        "env:SHOP_FIND",
        "file:/run/secrets/shop",
        "sqlite:///shop.db",
        "postgresql://db.internal/shop?sslmode=require",
        "postgresql://finder@db/shop",
    ],
)
def test_references_and_urls_without_secrets_may_stand_in_a_map(written):
    assert reference_problem(written) is None


@pytest.mark.parametrize("written", ["postgresql://finder:hunter2@db/shop", "postgresql://db/shop?password=hunter2",
                                     "finder:hunter2@db", "mysql://a:hunter2@b"])  # fmt: skip
def test_a_secret_may_not_and_is_not_repeated(written):
    what, remedy = reference_problem(written)
    assert what == "This looks like a secret, and maps are kept in version control."
    assert "hunter2" not in what + remedy


@pytest.mark.parametrize("written", ["SHOP_FIND", "env:", "env:1X", "file:", "shop.db"])
def test_anything_else_is_no_reference(written):
    what, remedy = reference_problem(written)
    assert what == "Credentials are a reference: `env:NAME`, `file:PATH`, or a URL without a secret."
    assert remedy == "Write for example `env:SHOP_FIND`, or `sqlite:///shop.db`."
