"""The page about maps shows maps that can be read."""

import re
from pathlib import Path

from troth.stores.map_file import read

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "maps.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
WITH_EDGES = [block for block in BLOCKS if block.startswith("belongs_to:")][2:]
(ATTRIBUTES,) = [block for block in BLOCKS if "via:" in block]
CONTROLLERS = [block for block in BLOCKS if block.startswith("controller:")]
AROUND = """\
store: shop
kind: sqlite
credentials: {find: env:SHOP}
controller: us
tables:
  branch: {columns: {company_id: key, "no": key}}
  'Weird "Table"': {columns: {address: contact}}
  sales.account: {columns: {id: key}}
  visit:
    columns: {id: key}
"""


def test_the_whole_map_reads():
    found, problems = read(BLOCKS[0], "stores/shop.yaml")
    assert problems == ()
    assert list(found.tables) == ["customer", "address", "orders", "message", "product"]


def test_edges_of_several_columns_and_odd_names_read_in_both_writings():
    short, long = (
        read(AROUND + "".join(f"    {line}\n" for line in block.splitlines()), "stores/shop.yaml")
        for block in [block for block in BLOCKS if block.startswith("belongs_to:")][:2]
    )
    assert (short[1], long[1]) == ((), ())
    assert short[0].tables["visit"].edges[0] == long[0].tables["visit"].edges[0]
    assert short[0].tables["visit"].edges[1].target == 'Weird "Table"'
    assert short[0].tables["visit"].edges[2].target == "sales.account"


def test_links_of_other_shapes_read():
    around = AROUND.replace(
        "visit:\n    columns: {id: key}", "visit:\n    columns: {id: key, data: usage, member_ids: link}"
    )
    around += "".join(f"  {name}: {{columns: {{id: key}}}}\n" for name in ("customer", "agent"))
    around = around.replace("  visit:", "  VISIT:")
    visit = around[around.index("  VISIT:") : around.index("  customer:")]
    for block in WITH_EDGES:
        lines = "".join(f"    {line}\n" for line in block.splitlines())
        found, problems = read(around.replace(visit, visit + lines), "stores/shop.yaml")
        assert problems == ()
        assert len(found.tables["VISIT"].edges) == 3
    head = AROUND[: AROUND.index("tables:")]
    found, problems = read(head + ATTRIBUTES, "stores/shop.yaml")
    assert problems == ()
    assert found.tables["entity"].subject.identifiers[0].via.table == "attribute"


def test_controllers_of_rows_read():
    for block in CONTROLLERS:
        found, problems = read(AROUND.replace("controller: us\n", block), "stores/shop.yaml")
        assert problems == ()
        assert found.controllers.ours
    assert len(CONTROLLERS) == 2


def test_the_draft_on_the_page_reads_and_asks_its_questions():
    found, problems = read(BLOCKS[1], "stores/shop.yaml")
    assert problems == ()
    assert (found.controller, found.tables["customer"].columns["loyalty"]) == ("?", "?")


def test_every_key_of_a_map_is_on_the_page():
    for key in ("store", "kind", "credentials", "controller", "reviewed", "backups_expire", "placeholder", "tables",
                "columns", "impersonal", "subject", "belongs_to", "points_to", "mentions", "conceals", "leaving",
                "restriction", "retention", "copies", "delete", "blank", "replace_owner", "retain",
                "when", "via"):  # fmt: skip
        assert f"`{key}`" in PAGE
