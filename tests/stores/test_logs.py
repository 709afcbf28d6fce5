"""Server logs: found, erased, searched, swept by age and truncated, and no line of anybody else's is touched."""

import bz2
import fcntl
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import story
from commanding import troth
from shop_project import opened
from troth.errors import ConflictError, NotAllowedError, UnreachableError
from troth.law.period import Period
from troth.rules.map_check import findings
from troth.stores import log_file, log_folder, log_line
from troth.stores.connect import connect
from troth.stores.contract import Who
from troth.stores.map_file import read
from troth.work import carry_on, decide, erase, lift, restrict, sweep_logs

TODAY = date(2026, 11, 23)
MAP = """
store: web-logs
kind: logs
credentials: {{find: "logs://{folder}", change: "logs://{folder}"}}
controller: main-entity
tables:
  access:
    subject:
      key: line
      identifiers: {{ip: {{kind: ip, one_person: false}}, user: {{kind: email, one_person: true}}}}
    columns: {{line: key, ip: usage, user: contact, time: usage, request: usage, referrer: usage, agent: usage}}
    retention: [{{promise: retention/logs, trigger: time}}]
    erase: {{do: {do}, by: dpo, because: no longer needed}}
  error: {{impersonal: "what the server says of itself"}}
"""
BLANK = "blank, set: {ip: truncated, user: null}"
ADA = [Who("s1", (("email", "Ada@example.org"), ("ip", "203.0.113.77")))]


def line(ip="198.51.100.9", user="-", day="20/Nov/2026", request="GET / HTTP/1.1"):
    return f'{ip} - {user} [{day}:10:00:00 +0000] "{request}" 200 512 "-" "Mozilla/5.0 (\\"x\\")"\n'.encode()


MINE = line("203.0.113.77", "ada@example.org")
OTHER = line("203.0.113.78", "bob@example.org")


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "access.log.1").write_bytes(OTHER + MINE + b"not a line of any format\n" + line())
    with gzip.open(folder / "access.log.2.gz", "wb") as packed:
        packed.write(line("2001:db8:1:2::5", day="01/Sep/2026") + OTHER + MINE)
    documents = [
        {"time": "2026-11-20T10:00:00Z", "ip": "203.0.113.77", "user": "ada@example.org", "n": 1.50},
        {"time": "2026-09-01T10:00:00Z", "ip": "::ffff:203.0.113.9", "user": None},
    ]
    (folder / "access.json").write_bytes(b"".join(json.dumps(each).encode() + b"\n" for each in documents))
    (folder / "error.log.1").write_bytes(b"ada@example.org is not in a log of this table\n")
    for file in folder.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
    return folder


def store(folder, do="delete", more=""):
    found, problems = read(MAP.format(folder=folder, do=do) + more, "web-logs.yaml")
    assert problems == ()
    return connect(found, {"find": f"logs://{folder}", "change": f"logs://{folder}"})


def strays(opened):
    return [found for found in findings(opened.map, opened.catalogue()) if found.rule == "stray"]


def whole(folder):
    unpacked = {True: gzip.open, False: open}
    found = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        with unpacked[path.suffix == ".gz"](path, "rb") as file:
            found[path.name] = file.read()
    return found


def test_lines_are_found_by_address_or_name_in_every_file_and_format(logs):
    rows = list(store(logs).find(ADA))
    assert [row.values["line"] for row in rows] == ["access.json:1", "access.log.1:2", "access.log.2.gz:3"]
    assert rows[1].values["request"] == "GET / HTTP/1.1"


def test_an_erasure_removes_their_lines_and_no_other_byte(logs):
    opened, before = store(logs), whole(logs)
    measured = opened.measure(ADA, TODAY)
    assert [(count.verb, count.rows) for count in measured.counts] == [("delete", 3)]
    assert whole(logs) == before
    done = opened.act("1/c1/web-logs", ADA, TODAY, measured)
    assert (done.certainty, done.counts[0].rows, opened.gone(ADA, TODAY)) == ("at_least_once", 3, 0)
    assert whole(logs) == {name: text.replace(MINE, b"") for name, text in before.items()} | {
        "access.json": before["access.json"].splitlines(keepends=True)[1]
    }
    assert opened.act("1/c1/web-logs", ADA, TODAY, measured).counts == ()


def test_an_erasure_may_truncate_instead(logs):
    opened = store(logs, BLANK)
    measured = opened.measure(ADA, TODAY)
    opened.act("s", ADA, TODAY, measured)
    after = whole(logs)
    assert after["access.log.1"] == OTHER + line("203.0.113.0", "-") + b"not a line of any format\n" + line()
    told = json.loads(after["access.json"].splitlines()[0])
    assert told == {"time": "2026-11-20T10:00:00Z", "ip": "203.0.113.0", "user": None, "n": 1.5}
    assert opened.gone(ADA, TODAY) == 0


def test_mode_owner_and_times_stay_and_a_gzip_file_stays_one(logs):
    file = logs / "access.log.2.gz"
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 33, 4)
    before = file.stat()
    opened = store(logs)
    opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
    after = file.stat()
    for name in ("st_mode", "st_uid", "st_gid", "st_mtime_ns"):
        assert getattr(after, name) == getattr(before, name)
    assert file.read_bytes()[:2] == b"\x1f\x8b"
    assert [path.name for path in logs.iterdir() if path.name.startswith(".troth")] == []


def test_more_lines_than_were_approved_stop_it(logs):
    opened = store(logs)
    measured = opened.measure(ADA, TODAY)
    with (logs / "access.log.1").open("ab") as file:
        file.write(MINE)
    before = whole(logs)
    with pytest.raises(ConflictError, match="1 lines more than were approved"):
        opened.act("s", ADA, TODAY, measured)
    assert whole(logs) == before


def test_a_file_that_a_program_writes_to_is_refused_and_left(logs):
    program = "import sys, time; f = open(sys.argv[1], 'ab'); print('open', flush=True); time.sleep(60)"
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(logs / "access.log.1")], stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout.readline() == b"open\n"
        before, opened = whole(logs), store(logs)
        with pytest.raises(NotAllowedError, match="open in the program that writes it"):
            opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
        assert whole(logs)["access.log.1"] == before["access.log.1"]
        swept = opened.sweep("access", datetime(2026, 11, 1, tzinfo=UTC), dry=False)
        assert len(swept.refused) == 1
        assert "access.log.1" in swept.refused[0]
    finally:
        writer.kill()
        writer.wait()


def test_a_line_that_comes_meanwhile_is_not_lost(logs):
    file = logs / "access.log.1"

    def decide(raw):
        if raw == MINE:
            with file.open("ab") as other:
                other.write(OTHER)
            return None
        return raw

    with pytest.raises(ConflictError, match="written to meanwhile"):
        log_file.rewrite(file, decide)
    assert file.read_bytes().count(OTHER) == 2
    assert MINE in file.read_bytes()


def test_links_are_never_followed(logs, tmp_path):
    (tmp_path / "passwords").write_bytes(MINE)
    link, opened = logs / "access.log.3", store(logs)
    measured = opened.measure(ADA, TODAY)
    link.symlink_to(tmp_path / "passwords")
    with pytest.raises(
        NotAllowedError, match=r"files or links that are of no log in its map: 1 \(access.log.3\)"
    ):
        opened.act("s", ADA, TODAY, measured)
    assert opened.scan(ADA, TODAY).unread == ("other files.line",)
    assert (tmp_path / "passwords").read_bytes() == MINE
    link.unlink()
    link.symlink_to("access.log.1")  # which is read itself
    opened.act("s", ADA, TODAY, measured)
    assert (opened.gone(ADA, TODAY), (tmp_path / "passwords").read_bytes()) == (0, MINE)


COPY = b'{"time": "2026-11-20T10:00:00Z", "email": "ada@example.org", "ip": "203.0.113.77"}\n'
COPIES = {
    "access.json.bak": bytes,
    "access.json.2.xz": lzma.compress,
    "access.log.2.bz2": bz2.compress,
    "plain.log": bytes,
    "nginx.txt": bytes,
    "other.log.old": bytes,
    "sub/access.log": bytes,
    "sub/deeper/.access.log.1.gz": gzip.compress,
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_in_a_file_of_no_log_stops_everything_and_is_told_by_the_check_and_by_the_search(logs, name):
    opened = store(logs)
    measured = opened.measure(ADA, TODAY)
    file = logs / name
    file.parent.mkdir(parents=True, exist_ok=True)
    copy = COPIES[name](COPY)
    file.write_bytes(copy)
    before, moment = whole(logs), datetime(2026, 10, 1, tzinfo=UTC)
    for verb in (
        lambda: list(opened.find(ADA)),
        lambda: opened.measure(ADA, TODAY),
        lambda: opened.act("s", ADA, TODAY, measured),
        lambda: opened.gone(ADA, TODAY),
        lambda: opened.sweep("access", moment, dry=False),
        lambda: opened.truncate("access", moment, dry=False),
    ):
        with pytest.raises(
            NotAllowedError, match=r"of no log in its map: 1 .* what is not read is not proven clean"
        ):
            verb()
    assert (whole(logs), file.read_bytes()) == (before, copy)
    (problem,) = strays(opened)
    assert (problem.level, "of no log in the map: 1 (" in problem.problem.what) == ("problem", True)
    scanned = opened.scan(ADA, TODAY)
    assert ("other files", "copy", 1) in [(hit.table, hit.verdict, hit.rows) for hit in scanned.hits]
    assert scanned.unread == ()
    named = name.partition("/")[0]
    opened = store(logs, more=f"  {named}: {{impersonal: kept for the court}}\n")
    told = [found.problem.what for found in findings(opened.map, opened.catalogue())]
    assert [what for what in told if named in what] == [
        f"`{named}` is called impersonal and has columns that look personal: `email`."
    ]
    assert strays(opened) == []
    opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
    assert (opened.gone(ADA, TODAY), file.read_bytes()) == (0, copy)
    assert (named, "copy", 1) in [(hit.table, hit.verdict, hit.rows) for hit in opened.scan(ADA, TODAY).hits]


def test_a_log_in_a_folder_is_mapped_by_its_path(logs):
    (logs / "sub").mkdir()
    with gzip.open(logs / "sub" / "access.log.2.gz", "wb") as packed:
        packed.write(OTHER + MINE)
    mapped = yaml.safe_load(MAP.format(folder=logs, do="delete"))["tables"]["access"]
    opened = store(logs, more=f"  sub/access: {json.dumps(mapped)}\n")
    rows = {(row.table, row.values["line"]) for row in opened.find(ADA)}
    assert ("sub/access", "access.log.2.gz:2") in rows
    opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
    assert opened.gone(ADA, TODAY) == 0
    assert gzip.decompress((logs / "sub" / "access.log.2.gz").read_bytes()) == OTHER


def test_a_file_that_cannot_be_read_as_lines_is_not_proven_clean(logs):
    (logs / "access.zst").write_bytes(b"(\xb5/\xfd" + MINE)
    (logs / "wide").write_bytes(MINE.decode().encode("utf-16"))
    assert store(logs).scan(ADA, TODAY).unread == ("other files.line",)
    for name in ("access.zst", "wide"):
        (logs / name).unlink()
    (logs / "access.log.3").write_bytes(b"(\xb5/\xfd" + MINE)
    opened = store(logs)
    for verb in (opened.measure, opened.gone, opened.scan):
        with pytest.raises(UnreachableError, match=r"access\.log\.3 is packed, and not with gzip"):
            verb(ADA, TODAY)
    (logs / "access.log.3").write_bytes(gzip.compress(MINE * 50)[:-20] + b"torn" * 20)
    with pytest.raises(UnreachableError, match="cannot be read to its end"):
        opened.measure(ADA, TODAY)


def test_empty_files_and_folders_and_pipes_say_nothing(logs):
    (logs / "plain.bak").touch()
    (logs / "sub" / "deeper").mkdir(parents=True)
    os.mkfifo(logs / "pipe")
    opened = store(logs)
    opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
    assert (opened.gone(ADA, TODAY), opened.catalogue().beside) == (0, ())


def test_names_of_files_that_may_be_somebodys_are_never_said(logs):
    opened = store(logs)
    for name in ("kanarie1@kanarie.example.2.log", "access-0612345678.json.bak", "access.log.bak"):
        (logs / name).write_bytes(MINE)
    (logs / "kanarie").symlink_to("kanarie1")
    with pytest.raises(NotAllowedError) as said:
        opened.measure(ADA, TODAY)
    for told in (str(said.value), strays(opened)[0].problem.what):
        assert "kanarie" not in told
        assert "0612345678" not in told
        assert "access.log.bak" in told
        for name in ("kanarie1@kanarie.example.2.log", "kanarie"):
            assert f"inode {(logs / name).lstat().st_ino}" in told


def test_what_a_rewriting_that_was_killed_left_is_removed_and_what_another_one_writes_stays(logs):
    left, other = logs / ".troth-abcd1234", logs / ".troth-efgh5678"
    for file in (left, other):
        file.write_bytes(MINE)
    opened = store(logs)
    assert ("other files", 2) in [(hit.table, hit.rows) for hit in opened.scan(ADA, TODAY).hits]
    with other.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
        assert (left.exists(), other.exists()) == (False, True)
    opened.sweep("access", datetime(2026, 10, 1, tzinfo=UTC), dry=False)
    assert not other.exists()


def test_a_new_file_is_locked_while_it_is_written(logs):
    found = []

    def decide(raw):
        opened = log_folder.lying(logs, store(logs).map)
        log_folder.remove_left(opened)
        found.extend(opened.left)
        return None if raw == MINE else raw

    log_file.rewrite(logs / "access.log.1", decide)
    assert found
    assert MINE not in (logs / "access.log.1").read_bytes()


def test_a_file_that_was_rotated_meanwhile_is_told(logs):
    (logs / "access.log.1").rename(logs / "access.log.9")
    with pytest.raises(UnreachableError, match="may have been rotated just now"):
        log_file.rewrite(logs / "access.log.1", lambda raw: raw)


def test_residue_is_found_anywhere_in_a_line(logs):
    with (logs / "access.log.1").open("ab") as file:
        file.write(
            line(request="GET /?mail=ada%40example.org HTTP/1.1") + b"stack trace of Ada@example.org\n"
        )
    opened = store(logs)
    opened.act("s", ADA, TODAY, opened.measure(ADA, TODAY))
    scanned = opened.scan(ADA, TODAY)
    assert [(hit.table, hit.verdict, hit.rows) for hit in scanned.hits] == [
        ("access", "copy", 2),
        ("error", "copy", 1),
    ]
    assert scanned.bytes > 0


def test_old_lines_are_swept_and_undated_ones_go_with_the_line_before(logs):
    (logs / "access.log.3").write_bytes(
        line(day="01/Aug/2026") + b"  at a stack trace\n" + line() + b"  newer\n"
    )
    os.utime(logs / "access.log.3", (1_700_000_000, 1_700_000_000))
    (logs / "access.log.4").write_bytes(line(day="01/Aug/2026"))
    opened, before = store(logs), whole(logs)
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    told = opened.sweep("access", moment, dry=True)
    assert (told.removed, told.undated, told.oldest) == (5, 3, date(2026, 8, 1))
    assert whole(logs) == before
    assert opened.sweep("access", moment, dry=False).removed == 5
    after = whole(logs)
    assert after["access.log.3"] == line() + b"  newer\n"
    assert "access.log.4" not in after
    assert after["access.log.2.gz"] == OTHER + MINE
    assert opened.sweep("access", moment, dry=False).removed == 0


def test_addresses_are_truncated_by_age_and_twice_is_once(logs):
    opened = store(logs)
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    assert opened.truncate("access", moment, dry=False).changed == 2
    after = whole(logs)
    assert after["access.log.2.gz"] == line("2001:db8:1::", day="01/Sep/2026") + OTHER + MINE
    assert json.loads(after["access.json"].splitlines()[1])["ip"] == "203.0.113.0"
    assert opened.truncate("access", moment, dry=False).changed == 0
    assert whole(logs) == after


@given(st.binary(max_size=200))
def test_no_line_is_too_odd(raw):
    found = log_line.read_line(raw)
    if found is not None and found.document is None:
        assert log_line.written_with(raw, found, {}) == raw


def promise_logs(folder, logs):
    """Bind the logs to a promise of the policy."""
    (folder / "stores" / "web-logs.yaml").write_text(MAP.format(folder=logs, do="delete"))
    policy = folder / "policy.md"
    rule = "retention:\n  logs: {period: 1 month, trigger: the request, categories: [contact]}\n"
    policy.write_text(f"{policy.read_text()}\n## 99 Logs\nServer logs go soon.\n\n```promise\n{rule}```\n")
    french = folder / "policy.fr.md"
    french.write_text(f"{french.read_text()}\n## 99 Journaux\nLes journaux partent vite.\n")


def test_the_commands_count_first_and_record_what_they_did(folder, logs, project):
    promise_logs(folder, logs)
    shown = troth(folder, "logs", "sweep", "web-logs")
    assert shown.code == 0, shown.err
    assert "Nothing was changed" in shown.out
    before = whole(logs)
    assert troth(folder, "logs", "sweep", "web-logs", "--yes").code == 0
    assert whole(logs) != before
    told = json.loads(
        troth(folder, "logs", "truncate", "web-logs", "--older-than", "2 days", "--yes", "--json").out
    )
    assert told["logs"][0]["changed"] > 0
    assert troth(folder, "logs", "sweep", "shop").code == 2
    assert troth(folder, "logs", "truncate", "web-logs", "--older-than", "soon").code == 2
    from troth.ledger import read as reading

    events = reading.stream(project.ledger, "logs/web-logs")
    assert [event.kind for event in events] == ["sweep_moved", "sweep_moved"]
    assert troth(folder, "map", "web-logs", "--check").code in (0, 1)


def test_lines_of_who_waits_for_an_answer_about_them_are_passed_by_until_it_is_given(folder, logs, clock):
    promise_logs(folder, logs)
    project = opened(folder, clock)
    ours = b"ada@example.org"

    def hers():
        return sum(text.count(ours) for name, text in whole(logs).items() if name.startswith("access"))

    clock.forward(days=100)
    before, number = hers(), story.ask(project, "access")
    shown = sweep_logs.truncate(project, "web-logs", Period(1, "days"), dry=True)
    done = sweep_logs.sweep(project, "web-logs", dry=False)
    assert (hers(), done[0].swept.kept_back, shown[0].swept.kept_back) == (before, before, before)
    assert done[0].swept.removed > 0
    decide.decide(project, number, "c1", "refuse", "marie", article="Art. 15(4)", reason="about others")
    decide.review(project, number, "c1", "paul")
    carry_on.carry_on(project, number)
    done = sweep_logs.sweep(project, "web-logs", dry=False)
    assert (hers(), done[0].swept.kept_back) == (0, 0)
    project.close()
    project.ledger.close()


def test_lines_of_who_had_their_data_restricted_are_passed_by_until_it_is_lifted(folder, logs, clock):
    promise_logs(folder, logs)
    path = folder / "stores" / "shop.yaml"
    columns = "    columns: {id: key, email: contact, name: identity, city: contact}\n"
    path.write_text(path.read_text().replace(columns, columns + "    restriction: {set_aside: [city]}\n"))
    project = opened(folder, clock)
    found = restrict.measure(project, [("email", "ada@example.org")], "accuracy")
    restrict.approve(project, found.name, found.state["plan"]["sha256"], "marie")
    restrict.restrict(project, found.name)
    clock.forward(days=100)
    done = sweep_logs.sweep(project, "web-logs", dry=False)
    assert done[0].swept.kept_back > 0
    lift.lift(project, found.name, clock.now.date() - timedelta(days=30), "marie")
    done = sweep_logs.sweep(project, "web-logs", dry=False)
    assert (done[0].swept.kept_back, done[0].swept.removed > 0) == (0, True)
    project.close()
    project.ledger.close()


class Killed(BaseException):
    """The process is gone."""


def test_an_erasure_killed_between_two_files_counts_the_lines_of_both(folder, logs, clock):
    (folder / "stores" / "web-logs.yaml").write_text(MAP.format(folder=logs, do=BLANK))
    project = opened(folder, clock)
    number = story.ask(project, "erase")
    plan = story.grant_erasure(project, number)
    whole_ = sum(rows for _, _, rows, *_ in plan.facts["stores"]["web-logs"]["counts"])
    rewrite, left = log_file.rewrite, [2]

    def dying(*given, dry=False):
        if not dry:
            left[0] -= 1
            if not left[0]:
                raise Killed
        return rewrite(*given, dry=dry)

    log_file.rewrite = dying
    try:
        with pytest.raises(Killed):
            erase.erase(project, number, "c1")
    finally:
        log_file.rewrite = rewrite
    erase.erase(project, number, "c1")
    store = story.state(project, number)["claims"]["c1"]["stores"]["web-logs"]
    assert whole_ > 1
    assert (sum(rows for _, _, rows, *_ in store["rows"]), store["certainty"]) == (whole_, "at_least_once")
    project.close()
    project.ledger.close()


def test_a_request_finds_and_erases_in_logs_as_in_any_store(folder, logs, clock, letters):
    (logs / "error.log.1").unlink()  # a copy, which would wait for somebody to look at it
    (folder / "stores" / "web-logs.yaml").write_text(MAP.format(folder=logs, do=BLANK))
    project = opened(folder, clock)
    number = story.ask(project, "access", "erase")
    answer = story.grant_access(project, number)
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        rows = json.loads(archive.read("data/web-logs/access.json"))
    assert [row["line"] for row in rows] == ["access.json:1", "access.log.1:2", "access.log.2.gz:3"]
    story.grant_erasure(project, number, "c2")
    carry_on.carry_on(project, number)
    claim = story.state(project, number)["claims"]["c2"]
    assert claim["done"]
    assert (claim["stores"]["web-logs"]["certainty"], claim["stores"]["web-logs"]["verified"]) == (
        "at_least_once",
        0,
    )
    assert b"ada@example.org" not in b"".join(
        text for name, text in whole(logs).items() if name.startswith("access")
    )
    assert "web-logs" in letters()[-1][2]
    project.close()
    project.ledger.close()
