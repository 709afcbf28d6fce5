"""The ledger on the command line: sealed, verified, exported, its keys rotated."""

import json
import re
import sqlite3

import pytest

from commanding import troth
from naming import names


@pytest.fixture
def asked(folder):
    """A project in which one request was taken in, and everything is sealed."""
    assert troth(folder, "request", "open", "--right", "access", "--email", "ada@example.org").code == 0
    assert troth(folder, "ledger", "seal").code == 0
    return folder


def some_event(folder):
    said = troth(folder, "request", "timeline", "2026-0001", "--json")
    return json.loads(said.out)[0]["id"]


def spoil(folder):
    """Change one byte of a sealed event."""
    connection = sqlite3.connect(folder / ".troth" / "ledger.db")
    seq, body = connection.execute("SELECT seq, body FROM events ORDER BY seq LIMIT 1").fetchone()
    changed = bytes(body[:-2]) + bytes([body[-2] ^ 1]) + bytes(body[-1:])
    connection.execute("UPDATE events SET body = ? WHERE seq = ?", (changed, seq))
    connection.commit()
    connection.close()


def test_a_seal_prints_a_checkpoint_that_verify_goes_on_from(asked, tmp_path):
    checkpoint = tmp_path / "checkpoint.txt"
    checkpoint.write_text(troth(asked, "ledger", "seal").out, encoding="utf-8")
    assert checkpoint.read_text(encoding="utf-8").startswith("troth.ledger/")
    troth(asked, "request", "open", "--right", "erase", "--email", "bob@example.org")
    troth(asked, "ledger", "seal")
    said = troth(asked, "ledger", "verify", "--checkpoint", checkpoint)
    assert said.code == 0
    assert "Everything is as it was written." in said.out


def test_verify_says_in_json_what_it_looked_at(asked):
    told = json.loads(troth(asked, "ledger", "verify", "--json").out)
    assert told["whole"] is True
    assert told["wrong"] == []
    assert told["sealed"] > 2


def test_a_changed_byte_is_named_and_ends_with_code_four(asked):
    event = None
    connection = sqlite3.connect(asked / ".troth" / "ledger.db")
    event = connection.execute("SELECT id FROM events ORDER BY seq LIMIT 1").fetchone()[0]
    connection.close()
    spoil(asked)
    said = troth(asked, "ledger", "verify")
    assert said.code == 4
    assert f"{event}: Its bytes are not those that were sealed." in said.out
    assert not names(said.out + said.err, "ada")


def test_a_rebuild_gives_the_same_state(asked):
    before = troth(asked, "request", "show", "2026-0001", "--json").out
    said = troth(asked, "ledger", "rebuild")
    assert said.code == 0
    assert troth(asked, "request", "show", "2026-0001", "--json").out == before


def test_a_receipt_verifies_offline_and_with_the_right_key_only(asked, tmp_path):
    receipt, keys = tmp_path / "receipt.json", tmp_path / "keys.txt"
    receipt.write_text(troth(asked, "ledger", "receipt", some_event(asked)).out, encoding="utf-8")
    keys.write_text(troth(asked, "ledger", "key").out, encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert troth(elsewhere, "verify", receipt, "--key", keys).code == 0
    assert "ada@example.org" not in receipt.read_text(encoding="utf-8")
    changed = re.sub(r"2026-0001", "2026-0002", receipt.read_text(encoding="utf-8"))
    receipt.write_text(changed, encoding="utf-8")
    assert troth(elsewhere, "verify", receipt, "--key", keys).code in (2, 4)


def test_an_export_verifies_offline_and_any_change_in_it_is_found(asked, tmp_path):
    export = tmp_path / "ledger.jsonl"
    assert troth(asked, "ledger", "export", export).code == 0
    assert troth(tmp_path, "verify", export).code == 0
    text = export.read_text(encoding="utf-8")
    assert "ada@example.org" not in text
    export.write_text(text.replace("request_received", "request_forgotten", 1), encoding="utf-8")
    assert troth(tmp_path, "verify", export).code == 4


def test_keys_are_rotated_and_everything_still_opens(asked):
    said = troth(asked, "ledger", "rotate-master", "--to", "file:.troth/master-2.key")
    assert said.code == 0
    refused = troth(asked, "request", "list")
    assert refused.code == 2
    assert "Put the right one back" in refused.err
    settings = asked / "troth.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace(".troth/master.key", ".troth/master-2.key"),
        encoding="utf-8",
    )
    assert troth(asked, "request", "list").code == 0
    assert troth(asked, "ledger", "rotate-seal").code == 0
    assert len(troth(asked, "ledger", "key").out.split()) == 2
    assert troth(asked, "ledger", "verify").code == 0
    assert troth(asked, "ledger", "settle").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("ledger", "receipt", "01NOSUCHEVENT"), 2),
        (("ledger", "rotate-master", "--to", "somewhere"), 2),
        (("ledger", "rotate-master", "--to", "env:TROTH_NO_SUCH_KEY"), 2),
        (("ledger", "verify", "--checkpoint", "no-such-file.txt"), 2),
        (("verify", "no-such-file.json"), 2),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(asked, words, code):
    said = troth(asked, *words)
    assert said.code == code
    assert said.err.strip()
    assert "Traceback" not in said.err


def test_a_file_of_something_else_is_not_verified(asked, tmp_path):
    other = tmp_path / "other.json"
    other.write_text("[]", encoding="utf-8")
    said = troth(asked, "verify", other)
    assert said.code in (2, 4)
    assert said.err.strip()
