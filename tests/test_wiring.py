"""Files that cannot be read get a sentence each, with the place where they stop being text."""

import pytest

from commanding import troth
from shop_project import make

LATIN_1 = "# Politique\n\nVie privée\n".encode("latin-1")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("troth.toml", ("find", "shop", "--email", "ada@example.org")),
        ("policy.md", ("audit",)),
        ("register/internal.yaml", ("audit",)),
        ("stores/shop.yaml", ("find", "shop", "--email", "ada@example.org")),
    ],
)
def test_a_file_of_the_project_that_is_not_utf8_is_said_with_its_place(tmp_path, name, command):
    make(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(LATIN_1)
    said = troth(tmp_path, *command)
    assert (said.code, said.err) == (2, f"{name}:3:9: It is not UTF-8 text. Save it as UTF-8.\n")


def test_every_map_that_is_not_utf8_is_said_at_once(tmp_path):
    make(tmp_path)
    for name in ("shop", "news"):
        (tmp_path / "stores" / f"{name}.yaml").write_bytes(LATIN_1)
    said = troth(tmp_path, "find", "shop", "--email", "ada@example.org")
    assert [line.partition(":")[0] for line in said.err.splitlines()] == [
        "stores/news.yaml",
        "stores/shop.yaml",
    ]
