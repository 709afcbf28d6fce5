"""The tour tells the whole story, with real commands, and leaves nothing running."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from group_tour import port, website
from group_tour.telling import Teller

import every_page
import office_walk
from serving import settle
from shop_project import make
from sites.serving import Answer
from sites.serving import serving as site_serving
from troth import wiring
from troth.work import audit_trend

TOUR = Path(__file__).resolve().parents[2] / "examples" / "group" / "tour.py"
MAELLE = "maelle.trevalenne@ateliers-loriots.example"
SECONDS_MAX = 480

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOUR, "--folder", folder, *arguments],
        check=False, capture_output=True, text=True, timeout=SECONDS_MAX, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, TOUR, "--folder", folder, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        start_new_session=True,
        # a job that a shell began in the background ignores Ctrl-C, and so would whatever it begins
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def end(told: subprocess.Popen[str], folder: Path) -> tuple[str, str]:
    """Press Ctrl-C, as a terminal does: everything in its foreground hears it."""
    os.killpg(told.pid, signal.SIGINT)
    said = told.communicate(timeout=60)
    until = time.monotonic() + 20
    while running(folder) and time.monotonic() < until:  # what it had begun hears Ctrl-C by itself
        time.sleep(0.1)
    assert not running(folder)
    return said


def running(folder: Path) -> list[str]:
    """The commands that are still running and have to do with this folder or its PostgreSQL server."""
    url = re.search(r"host=(\S+?)'", (folder / "environment.sh").read_text(encoding="utf-8"))
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text(encoding="utf-8").replace("\0", " ")
            inside = os.readlink(process / "cwd")
        except OSError:
            continue
        if inside.startswith(str(folder)) or (url is not None and url[1] in command):
            found.append(command)
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told(request, tmp_path_factory):
    """The story told once to its end: what was said, the folder, and where `crm` was.

    On SQLite it scans the web site, and goes on to serve the portal, whose first page is opened before Ctrl-C.
    """
    folder = tmp_path_factory.mktemp("tour") / "demo"
    if request.param == "sqlite":
        said = served(folder)
    else:
        ran = run(folder, "--no-browser")
        assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr
        assert ran.stderr == ""
        said = ran.stdout
    if request.param == "postgresql" and "without PostgreSQL" in said:
        pytest.skip(re.search(r"without PostgreSQL: (.*?)\.\)", said, re.DOTALL)[1])
    kind = "PostgreSQL" if request.param == "postgresql" else "SQLite"
    assert re.search(rf"^    crm +{kind} ", said, re.MULTILINE)
    return said, folder


def served(folder: Path) -> str:
    """Tell the story, open the portal it serves, press Ctrl-C; what was said."""
    serving = begin(folder, "--serve", "--sqlite")
    address, said = None, []
    try:
        for line in serving.stdout:
            said.append(line)
            if found := re.search(r"^Serving .* at (http://\S+/)", line):
                address = found[1]
                break
        assert address is not None, "".join(said[-20:])
        time.sleep(1)
        with urlopen(address, timeout=20) as answered:
            assert answered.status == 200
        links = office_walk.office("".join(said))
        visitors = {role: office_walk.enter(link) for role, link in links.items()}
        if not website.why_no_scan():
            with office_walk.chromium() as browser:
                inside = {role: (links[role], jar) for role, (_, _, jar) in visitors.items()}
                assert all(one.stat().st_size > 10_000 for one in office_walk.pictures(browser, inside))
                walked = every_page.walk(folder / "project", address.rstrip("/"), browser)
            (folder / "walked.json").write_text(json.dumps(walked), encoding="utf-8")
    finally:
        _, complaint = end(serving, folder)
    assert set(visitors) == {"handler", "reviewer", "dpo", "counsel", "intake", "auditor", "admin"}
    assert all("Today" in first for _, first, _ in visitors.values())
    assert (serving.returncode, complaint) == (0, "")
    assert any(address.rstrip("/") in line for line in said[-20:-1])
    return "".join(said)


def part(said: str, title: str) -> str:
    """Return one chapter."""
    return said.partition(f". {title} ─")[2].partition("\n──")[0]


@pytest.mark.parametrize("told", ["sqlite"], indirect=True)  # where the story goes on to serve
def test_every_page_has_an_example_and_can_be_read_by_everybody(told):
    _, folder = told
    if not (folder / "walked.json").exists():
        pytest.skip("There was no browser to look at what was served.")
    walked = json.loads((folder / "walked.json").read_text(encoding="utf-8"))
    assert walked["without an example"] == []
    assert walked["wrong"] == []
    assert walked["pages"] > 100


def test_each_command_is_shown_and_nothing_ends_as_a_traceback(told):
    said, _ = told
    commands = re.findall(r"^\$ troth (?!serve)(\w+)", said, re.MULTILINE)
    always = {"check", "map", "publish", "notice", "request", "find", "sweep", "audit", "ledger", "verify"}
    assert set(commands) - {"scan", "policy"} == always  # both need a browser: what is mended is the site
    assert f"That was the whole story: {len(commands)} commands" in said
    assert "Traceback" not in said


def test_the_half_year_before_is_audited_month_by_month_so_that_promises_have_a_curve(told):
    _, folder = told
    project = wiring.open_project(folder / "project")
    days = audit_trend.trend(project)
    project.close()
    project.ledger.close()
    assert len(days) >= 8  # seven months before the story, and the story
    assert 27 < (days[1].on - days[0].on).days < 33
    assert days[0].kept < days[-1].kept  # what the register shows by then, and then what was answered
    assert days[0].broken > days[-1].broken
    for name in ("policy.md", "policy.fr.md"):
        assert (
            'version: "1.0"' not in (folder / "project" / name).read_text(encoding="utf-8").partition("# ")[0]
        )


def test_both_requests_are_closed(told):
    said, folder = told
    for number, title in (("2026", "Maëlle asks what is known of her"), ("2026", "Maëlle asks to be erased")):
        assert re.search(rf"^    {number[:2]}\d\d-\d{{4}}  closed  ", part(said, title), re.MULTILINE)
    with sqlite3.connect(folder / "project" / ".troth" / "ledger.db") as ledger:
        states = dict(ledger.execute("SELECT stream, status FROM state WHERE family = 'request'"))
    numbers = set(re.findall(r"^\$ troth request decide (\S+)", said, re.MULTILINE))
    assert len(numbers) == 2
    assert {states[f"request/{number}"] for number in numbers} == {"closed"}


def test_she_is_gone_from_the_databases_and_what_was_kept_is_said(told):
    said, folder = told
    with sqlite3.connect(folder / "billing.db") as billing:
        assert billing.execute("SELECT count(*) FROM customer WHERE email = ?", [MAELLE]).fetchone() == (0,)
        assert billing.execute("SELECT count(*) FROM invoice").fetchone()[0] > 7
    with sqlite3.connect(folder / "support.db") as support:
        for table, column in (("account", "email"), ("newsletter", "email"), ("ticket", "requester_email")):
            statement = f"SELECT count(*) FROM {table} WHERE {column} = ?"
            assert support.execute(statement, [MAELLE]).fetchone() == (0,), table
    erased = part(said, "Maëlle asks to be erased")
    assert "Nobody goes by that in crm." in erased
    assert "Nobody goes by that in billing." in erased
    if (folder / "crm.db").exists():
        with sqlite3.connect(folder / "crm.db") as crm:
            assert crm.execute("SELECT count(*) FROM contact WHERE email = ?", [MAELLE]).fetchone() == (0,)
    letter = " ".join(" ".join(re.findall(r"│ (.*)", erased)).split())  # some of its spaces do not break
    assert (
        "23 records in billing are archived until 31 December 2035, because of C. com. art. L123-22" in letter
    )
    assert "found 4 other places; they stay because: Other people wrote it" in letter
    assert "Processors that work for us: told on" in letter


def test_contracts_that_ended_are_marked_for_the_archive_and_counsel_is_told(told):
    said, folder = told
    marked = part(said, "Contracts that ended")
    assert "crm.contract.contracts: 14 rows are marked (14 archive in contract)" in " ".join(marked.split())
    assert "crm.contract_archive.contracts: 3 rows are marked" in " ".join(marked.split())
    assert len(re.findall(r"counsel +by mail", marked)) == 2
    letters = (folder / "project" / "letters").glob("*.eml")
    assert sum("To: counsel@vaubrelle.example" in one.read_text(encoding="utf-8") for one in letters) == 1


def test_the_audit_says_what_is_kept_broken_and_unproven(told):
    said, folder = told
    promises = json.loads((folder / "project" / "audit.json").read_text(encoding="utf-8"))["promises"]
    word = {one["promise"]: one["word"] for one in promises}
    assert word["7.1/answer"] == word["7.2.2/right/access"] == word["7.4/right/erase"] == "kept"
    assert word["10/change"] == "kept"
    assert word["9.5/cookies"] == "broken"  # on purpose
    broken = {one["promise"] for one in promises if one["word"] == "broken" and one["promise"][0].isdigit()}
    assert {one.partition(".")[0] for one in broken} == {"9"}
    assert word["register/activities/activity/premises"] == "broken"  # its review is overdue, on purpose
    assert word["register/documents/document/contract-kornblume"] == "broken"  # it lacks the audits of (h)
    counts = [sum(each == one for each in word.values()) for one in ("kept", "broken", "unproven")]
    assert f"{counts[0]} kept, {counts[1]} broken, {counts[2]} unproven." in part(
        said, "Was every promise kept?"
    )
    assert counts[0] >= 10


def test_the_web_site_breaks_clause_9_and_keeps_it_once_mended(told):
    said, folder = told
    found = part(said, "Does the web site keep to it?")
    if why_not := re.search(
        r"\(Nobody looks: (.*?)\. With one, `troth scan` visits", " ".join(found.split())
    ):
        assert "Clause 9 is mended" not in said
        if why_not[1] != "it was not wanted":
            pytest.skip(f"No scan: {why_not[1]}.")
        return
    assert {"mrv_id_0", "slg_visitor_44", "spring_offer"} == set(re.findall(r"(?m)^    (\w+_\w+) ", found))
    assert re.search(r"spring_offer +undeclared$", found, re.MULTILINE)
    exported = (folder / "project" / "ledger.jsonl").read_text(encoding="utf-8")
    assert exported.count(r"\"scan\":\"website\"") == 2  # so that the worker makes the next in a week
    mended = part(said, "Clause 9 is mended")
    assert 'gate = "report"          →  gate = "enforce"' in mended
    assert "0 against the policy" in mended
    words = []
    for name in ("audit.json", "audit-mended.json"):
        promises = json.loads((folder / "project" / name).read_text(encoding="utf-8"))["promises"]
        words.append({one["promise"]: one["word"] for one in promises if one["clause"].startswith("9")})
    assert [each["9.5/cookies"] for each in words] == ["broken", "kept"]
    assert "broken" not in words[1].values()
    project = folder / "project"
    for file in ("policy.md", "policy.fr.md"):
        assert 'version: "2.1"' in (project / file).read_text(encoding="utf-8")


def test_the_ledger_is_whole_here_and_from_its_export(told):
    said, _ = told
    proof = part(said, "Proof")
    assert "Everything is as it was written." in proof
    (sealed,) = re.findall(r"(\d+) events sealed;", proof)
    assert f"Whole: {sealed} events" in proof
    assert int(sealed) > 100


def test_the_access_answer_and_the_letters_can_be_looked_at(told):
    _, folder = told
    project = folder / "project"
    assert (project / "answer.zip").stat().st_size > 5_000
    assert len(list((project / "letters").glob("*.eml"))) >= 10
    assert "Maëlle" not in (project / "audit.html").read_text(encoding="utf-8")
    assert "<h1" in (project / "notice.html").read_text(encoding="utf-8")


def test_nothing_is_left_running(told):
    _, folder = told
    assert not running(folder)


def test_a_folder_that_no_tour_made_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep me", encoding="utf-8")
    ran = run(tmp_path)
    assert ran.returncode == 2
    assert "is there and was not made by a tour. Name another with --folder." in ran.stderr
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "keep me"


def test_without_a_chromium_the_tour_knows_why_it_cannot_scan(tmp_path):
    asked = "from group_tour import website; print(website.why_no_scan())"
    environment = {**os.environ, "PATH": "", "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", asked], cwd=TOUR.parent, env=environment, capture_output=True,
                         text=True, check=True, timeout=60)  # fmt: skip
    assert ran.stdout == "there is no Chromium\n"


def test_the_tour_takes_no_other_server_for_its_own(tmp_path):
    make(tmp_path)
    with site_serving(another={"/health": lambda _: Answer("ok")}) as others:
        taken = urlsplit(others["another"].url).port
        settle(tmp_path, taken)
        teller = Teller(tmp_path, {"PATH": os.environ["PATH"]})
        with website.served(teller):
            ours = port.named(tmp_path)
            assert ours != taken
            with urlopen(f"http://127.0.0.1:{ours}/ask", timeout=20) as answered:
                assert "Report a hacked account" in answered.read().decode()
        with pytest.raises(OSError, match="refused"):
            urlopen(f"http://127.0.0.1:{ours}/health", timeout=20)


def test_a_second_tour_at_once_is_refused_and_ctrl_c_ends_the_first(tmp_path):
    folder = tmp_path / "demo"
    first = begin(folder)
    try:
        for line in first.stdout:
            if line.startswith("$ troth publish"):
                break
        first.send_signal(signal.SIGSTOP)  # so that it is not over before the second has begun
        second = run(folder)
        assert second.returncode == 2
        assert "Another tour is using" in second.stderr
    finally:
        first.send_signal(signal.SIGCONT)
        _, complaint = end(first, folder)
    assert first.returncode == 130
    assert complaint == "\nStopped.\n"
