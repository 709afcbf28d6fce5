"""Cookies in the console: the table, scans with their pictures and differences, and a scan that is run from there."""

import csv
import io
import threading
from dataclasses import replace

import pytest

from console_visits import signed_in
from reports import reported
from sites.serving import Answer, serving
from troth.faces.portal.application import application
from troth.law.period import Period
from troth.ledger import lease
from troth.work import record_scan
from troth.work.project import Scan

JPEG, SMALL = b"\xff\xd8\xff picture", b"\xff\xd8\xff small"
pytestmark = pytest.mark.usefixtures("staffed")


@pytest.fixture
def scanned(project, clock):
    """Two scans of one site: the first saw `visits`, the second `stranger`, with pictures."""
    first = record_scan.record(project, reported(project, "visits"))
    clock.forward(hours=1)
    second = reported(project, "stranger")
    pictures = {"stranger.jpg": JPEG, "before-1.jpg": JPEG, "refused-7.jpg": JPEG, "accepted-12.jpg": JPEG}
    second = replace(second, pictures=pictures, thumbnails={"before-1.jpg": SMALL, "refused-7.jpg": b""})
    return first, record_scan.record(project, second, staff="handler")


def test_the_table_and_the_last_scan_of_each_site_are_shown(project, scanned):
    with signed_in(project, "auditor") as client:
        page = client.get("/console/cookies").text
        assert "company.example" in page
        assert "1 against the policy" in page
        assert scanned[1].id in page
        sheet = client.get("/console/cookies?format=csv").text.lstrip("\ufeff")
        names = [row["name"] for row in csv.DictReader(io.StringIO(sheet))]
        assert names == [one.name for one in project.policy.cookies.table]


def test_a_scan_shows_findings_with_remedy_pictures_and_what_changed_in_both_languages(project, scanned):
    _, event = scanned
    here = f"/console/cookies/scans/{event.id}"
    with signed_in(project, "auditor") as client:
        page = client.get(here).text
        assert "Since the scan before" in page
        came, mended = page.partition("New findings")[2].split("Mended", 1)
        assert "Undeclared</span> <code>stranger</code>" in came
        assert "Before consent</span> <code>visits</code>" in mended
        assert "`" not in page.partition("<main")[2]  # a name stands as code
        assert "Before and after the choice" in page
        for name in ("stranger.jpg", "before-1.jpg", "refused-7.jpg", "accepted-12.jpg"):
            assert f"{here}/pictures/{name}" in page
            shot = client.get(f"{here}/pictures/{name}")
            assert (shot.content, shot.headers["content-type"]) == (JPEG, "image/jpeg")
            drawn = client.get(f"{here}/pictures/{name}?small=yes")  # the picture itself where none was made
            assert drawn.content == (SMALL if name == "before-1.jpg" else JPEG)
            assert page.count(f'src="{here}/pictures/{name}?small=yes"') == 1
        page = client.get(f"{here}?lang=fr").text
        assert "Non déclaré" in page
        assert "Nouveaux constats" in page
        sheet = client.get(f"{here}?format=csv&lang=en").text
        assert "undeclared" in sheet


@pytest.mark.parametrize("name", ["..%2f..%2fmaster.key", "other.jpg", "%2e%2e", "stranger.jpg%00"])
def test_nothing_is_served_but_the_pictures_of_the_evidence(project, scanned, name):
    with signed_in(project, "auditor") as client:
        assert client.get(f"/console/cookies/scans/{scanned[1].id}/pictures/{name}").status_code == 404


def test_pictures_are_for_who_is_signed_in_and_no_other_event_is_a_scan(project, scanned):
    here = f"/console/cookies/scans/{scanned[1].id}"
    app = application(project)
    with signed_in(project, "admin", app) as client:
        assert client.get("/console/cookies").status_code == 403
        assert client.get(f"{here}/pictures/stranger.jpg").status_code == 403
        client.cookies.clear()
        assert client.get(f"{here}/pictures/stranger.jpg", follow_redirects=False).status_code == 303
    with signed_in(project, "auditor", app) as client:
        assert client.get("/console/cookies/scans/01ABC").status_code == 404
        assert client.post("/console/cookies/scans", data={"name": "x"}).status_code == 403


def test_evidence_that_was_changed_is_said_to_be_gone(project, folder, scanned):
    _, event = scanned
    file = folder / ".troth" / "scans" / f"{event.facts['evidence_sha256']}.json"
    file.write_bytes(file.read_bytes() + b" ")
    with signed_in(project, "auditor") as client:
        page = client.get(f"/console/cookies/scans/{event.id}")
        assert "is not what it was" in page.text
        assert client.get(f"/console/cookies/scans/{event.id}/pictures/stranger.jpg").status_code == 404


def with_scan(project, url, *private):
    return replace(
        project, settings=replace(project.settings, scans={"shop": Scan(url, Period(1, "days"), 1, private)})
    )


def test_a_scan_that_cannot_be_made_says_why(project):
    with signed_in(with_scan(project, "http://127.0.0.1:9/"), "handler") as client:
        page = client.post("/console/cookies/scans", data={"name": "shop"}).text
        assert "You may leave this page" in page
        assert "event: end" in client.get("/console/cookies/live").text
        page = client.get("/console/cookies").text
        assert "The last scan could not be made." in page
        assert "has a private address" in page
        assert client.post("/console/cookies/scans", data={"name": "other"}).status_code == 404
    assert lease.claim(project.ledger, "scan/shop", 1) is not None


@pytest.mark.browser
@pytest.mark.slow
def test_a_real_site_is_scanned_alone_followed_and_found_again_with_its_pictures(project):
    begun, go_on = threading.Event(), threading.Event()

    def home(_):
        begun.set()
        go_on.wait(20)
        return Answer(
            "<title>Shop</title><script>document.cookie='stranger=1;max-age=99'</script><h1>Shop</h1>"
        )

    with (
        serving(first={"/": home}) as sites,
        signed_in(with_scan(project, f"{sites['first'].url}/", "localhost", "127.0.0.1"), "dpo") as client,
    ):
        client.post("/console/cookies/scans", data={"name": "shop"})
        assert begun.wait(30)
        assert 'data-live="/console/cookies/live"' in client.get("/console/cookies").text
        assert lease.claim(project.ledger, "scan/shop", 1) is None
        assert client.post("/console/cookies/scans", data={"name": "shop"}).status_code == 409
        go_on.set()
        told = client.get("/console/cookies/live").text
        assert "visits so far; the last" in told
        assert told.rstrip().endswith("event: end\ndata: {}")
        page = client.get("/console/cookies").text
        where = page.split("See what it found", 1)[0].rsplit('href="', 1)[1].split('"')[0]
        found = client.get(where).text
        assert "stranger" in found
        shot = found.split("/pictures/before-", 1)[1].split('"')[0]
        small, whole = (
            client.get(f"{where}/pictures/before-{shot.partition('?')[0]}{more}").content
            for more in ("?small=yes", "")
        )
        assert small[:3] == whole[:3] == b"\xff\xd8\xff"
        assert len(small) < len(whole)
