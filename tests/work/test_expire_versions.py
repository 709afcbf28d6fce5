"""An erasure in Delta tables, from the request to its letter, and old versions gone when the letter says so."""

import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import story
from commanding import troth
from shop_project import opened
from troth.work import answer, carry_on

MAP = """
store: news
kind: delta
credentials: {{find: "lake://{root}", change: "lake://{root}"}}
controller: main-entity
versions_expire: 30 days
tables:
  subscriber:
    subject: {{key: email, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{email: contact, since: not_personal}}
    erase: {{do: delete, by: dpo, because: no longer needed}}
"""


@pytest.fixture
def project(folder, clock):
    """The shop, whose newsletter is a Delta table."""
    lake = folder / "lake"
    rows = [{"email": f"{name}@example.org", "since": "2025-01-01"} for name in ("ada", "eve")]
    write_deltalake(lake / "subscriber", pa.Table.from_pylist(rows))
    (folder / "stores" / "news.yaml").write_text(MAP.format(root=lake))
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


@pytest.mark.slow
def test_what_the_letter_says_is_gone_by_a_day_goes_by_that_day(project, folder):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    claim = story.state(project, number)["claims"]["c1"]
    assert claim["stores"]["news"]["grade"] == "deleted_until_backups_expire"
    said = str(answer.said(project, number))
    assert (
        "Earlier versions in news, and copies of them in backups, expire by 23 December 2026."
        in said.replace("\\xa0", " ")
    )
    table = folder / "lake" / "subscriber"
    assert DeltaTable(table).to_pyarrow_table().column("email").to_pylist() == ["eve@example.org"]
    old = [path for path in table.glob("part-*.parquet") if "troth" not in path.name]
    assert troth(folder, "expire", "news").out == "news: files of old versions removed: 0.\n"
    assert old[0].exists()
    map_file = Path(folder / "stores" / "news.yaml")
    map_file.write_text(map_file.read_text().replace("30 days", "0 days"))
    DeltaTable(table).alter.set_table_properties({"delta.logRetentionDuration": "interval 0 days"})
    time.sleep(0.05)
    assert troth(folder, "expire").out == "news: files of old versions removed: 1.\n"
    assert not old[0].exists()
    assert b"ada@" not in b"".join(path.read_bytes() for path in (table / "_delta_log").iterdir())
    refused = troth(folder, "expire", "shop")
    assert (refused.code, "keeps no old versions" in refused.err) == (2, True)
    assert "There is no store called" in troth(folder, "expire", "nowhere").err
