"""A visitor sees and changes a choice about cookies by one click each, without JavaScript."""

import re
from datetime import timedelta

import pytest

from conftest import SetClock
from faces.banner_site import MORE, TABLE
from faces.portal_client import MORNING, portal
from troth.ledger import read
from troth.rules.cookie import read_choice


def wider(folder):
    """Let the table ask for two kinds."""
    file = folder / "policy.md"
    file.write_text(file.read_text("utf-8").replace(TABLE, TABLE + MORE), "utf-8")


@pytest.fixture(scope="module")
def clock():
    return SetClock(MORNING)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, clock):
    with portal(tmp_path_factory.mktemp("shop"), prepare=wider, clock=clock) as found:
        yield found


@pytest.fixture
def visit(shop, clock):
    clock.now = MORNING
    shop[1].cookies.clear()
    return shop[1]


def say(client, what, **more):
    return client.post("/choices/say", data={"say": what}, follow_redirects=False, **more)


def choice(client, name="choice"):
    return read_choice(client.cookies[name])


def last(project):
    return list(read.events(project.ledger, kind="consent_recorded"))[-1]


def test_a_yes_and_a_no_take_one_click_each_and_both_are_recorded(visit, shop):
    project = shop[0]
    assert "You were not asked yet" in visit.get("/choices/mine").text
    assert say(visit, "give analytics").status_code == 303
    given = choice(visit)
    assert given.accepted == {"analytics"}
    page = visit.get("/choices/mine").text
    assert "You said yes on 23 November 2026" in page
    assert 'value="stop analytics"' in page
    assert 'value="give marketing"' in page
    recorded = last(project)
    assert recorded.stream == f"cookies/{given.proof}"
    assert dict(recorded.facts["choices"]) == {"analytics": "given", "marketing": "refused"}
    assert recorded.facts["method"] == "page of choices"
    assert re.fullmatch(r"[0-9a-f]{64}", recorded.facts["interface_sha256"])

    assert say(visit, "stop analytics").headers["location"] == "/choices/mine?told=stopped"
    assert choice(visit).accepted == frozenset()
    assert choice(visit).proof == ""  # a no names nobody
    withdrawn = last(project)
    assert withdrawn.stream == recorded.stream
    assert (withdrawn.facts["given"], withdrawn.facts["choices"]["analytics"]) == ("withdrawn", "withdrawn")
    assert "You said no." in visit.get("/choices/mine").text


def test_preferences_and_the_table_of_cookies_are_one_click_from_a_choice(visit, shop):
    for path in ("/preferences", "/cookies"):
        page = visit.get(path).text
        form = page.partition('<form method="post" action="/choices/say"')[2].partition("</form>")[0]
        assert re.findall(r'class="([^"]*)" name="say" value="([^"]*)"', form) == [
            ("quiet", "stop all"), ("quiet", "give all"),
        ]  # fmt: skip
    sites = shop[0].policy.cookies.sites
    assert all(f'href="https://{one}/choices/mine"' in page for one in sites)


def test_what_was_refused_goes_from_the_browser_in_the_same_breath(visit):
    def gone(what):
        say(visit, what)
        brought = f"choice={visit.cookies['choice']}; hidden_1=1; ads_x=1; session=1"
        answer = visit.get("/choices/mine", headers={"Cookie": brought})
        return {one.split("=")[0] for one in answer.headers.get_list("set-cookie") if "Max-Age=0" in one}

    assert gone("give all") == set()
    assert gone("stop marketing") == {"ads_x"}
    assert gone("stop all") == {"ads_x", "hidden_1", "basket"}  # of another path, and so not brought


def test_a_yes_ends_after_its_time_and_is_asked_for_again(visit, clock):
    say(visit, "give all")
    clock.now = MORNING + timedelta(days=300)
    page = visit.get("/choices/mine").text
    assert "has changed or is over" in page
    assert 'value="give analytics"' in page


def test_a_second_yes_goes_on_under_the_name_of_the_first(visit, shop):
    say(visit, "give analytics")
    first = choice(visit).proof
    say(visit, "give marketing")
    assert choice(visit).proof == first
    assert choice(visit).accepted == {"analytics", "marketing"}
    assert f'href="/choices/receipt/{first}"' in visit.get("/choices/mine").text
    assert visit.get(f"/choices/receipt/{first}").status_code == 200


def test_the_signal_of_a_browser_is_told(visit):
    assert "Global Privacy Control" in visit.get("/choices/mine", headers={"Sec-GPC": "1"}).text


@pytest.mark.parametrize(
    "what", ["", "give", "give necessary", "stop everything", "give analytics marketing", "\0"]
)
def test_anything_else_is_no_choice(visit, shop, what):
    before = len(list(read.events(shop[0].ledger, kind="consent_recorded")))
    assert say(visit, what).status_code == 404
    assert len(list(read.events(shop[0].ledger, kind="consent_recorded"))) == before


def test_another_site_chooses_nothing_for_a_visitor(visit):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert say(visit, "give all", headers=headers).status_code == 403
        assert "choice" not in visit.cookies


@pytest.mark.parametrize("garbage", ["1.x", "1.zzzzzzzz.1.a.", "9" * 4000, '"><script>'])
def test_a_cookie_that_somebody_made_up_is_no_choice(visit, garbage):
    page = visit.get("/choices/mine", headers={"Cookie": f"choice={garbage}"})
    assert page.status_code == 200
    assert "You were not asked yet" in page.text


def test_at_the_address_of_a_site_the_page_loads_from_its_own_path_and_leads_to_the_portal(visit, shop):
    host = shop[0].policy.cookies.sites[0]
    text = visit.get("/choices/mine", headers={"Host": host}).text
    assert 'href="/choices/page/portal.css' in text
    assert f'href="{shop[0].settings.public_url}/ask' in text
    assert visit.get("/choices/page/portal.css").status_code == 200
    assert visit.get("/choices/page/portal.py").status_code == 404
    assert host in text
    below = say(visit, "give all", headers={"Host": f"privacy.{host}"})
    assert f"Domain={host}" in " ".join(below.headers.get_list("set-cookie"))


def test_nobody_else_says_that_something_was_chosen_on_the_page(visit):
    told = {"how": "page", "language": "en", "build": "x", "table": "0" * 64, "at": int(MORNING.timestamp()), "yes": "",
            "proof": "", "was": "", "gpc": False}  # fmt: skip
    assert visit.post("/choices/record", json=told).status_code == 422
    assert visit.post("/choices/record", json={**told, "how": "refuse"}).status_code == 201
