"""A site beside the portal: its own host, its cookies through the gate, its mistakes in sentences."""

import httpx
import pytest

import looping
from commanding import troth
from troth.errors import NotFoundError, WrongFileError
from troth.faces.portal.application import application
from troth.faces.site import beside, load
from troth.work.project import Site
from versions import pending

APPLICATION = """
async def shop(scope, receive, send):
    cookies = (b"visits=1; Path=/; Max-Age=60", b"nobody=1; Path=/", b"session=1; Path=/")
    headers = [(b"content-type", b"text/plain"), *((b"set-cookie", one) for one in cookies)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"the shop at " + scope["path"].encode()})
"""


@pytest.fixture
def shop(folder):
    (folder / "shop.py").write_text(APPLICATION)
    return folder


@pytest.fixture
def ask(shop, project):
    def ask(url, **settings):
        return answer(served(project, **settings), url)

    return ask


def served(project, **settings):
    return beside(application(project), project, Site("www.shop.example", "shop.py:shop", **settings))


def answer(application, url):
    async def once():
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get(url)

    return looping.run(once())


def set_by(answer):
    return [one.split("=")[0] for one in answer.headers.get_list("set-cookie")]


def test_each_host_has_its_own_and_the_site_has_banner_and_notice_at_its_own_address(ask, project):
    assert ask("http://www.shop.example/things").text == "the shop at /things"
    assert ask("http://WWW.shop.example:8080/").text == "the shop at /"
    assert "the shop" not in ask("http://privacy.shop.example/").text
    for path in ("/choices/banner.en.js", "/.well-known/gpc.json"):
        assert ask(f"http://www.shop.example{path}").status_code == 200
    assert "<h1" in ask("http://privacy.shop.example/").text


def test_the_gate_reports_until_it_is_told_to_enforce(ask):
    url = "http://www.shop.example/"
    assert set_by(ask(url)) == ["visits", "nobody", "session"]
    assert set_by(ask(url, gate="enforce")) == ["nobody", "session"]
    assert set_by(ask(url, gate="enforce", unknown="drop")) == ["session"]


NOBODY = """    - name: nobody
      party: first
      category: necessary
      lifetime: session
      purpose: {en: remembers your basket, fr: retient votre panier}
      exempt_because: {en: asked for by filling it, fr: demandé en le remplissant}
"""


def test_the_gate_holds_to_the_table_of_the_next_version_from_its_day_on(shop, clock):
    made = pending(shop, clock, ("policy.md", "    - name: visits\n", f"{NOBODY}    - name: visits\n"))
    site, url = served(made, gate="enforce", unknown="drop"), "http://www.shop.example/"
    assert set_by(answer(site, url)) == ["session"]
    clock.forward(days=50)
    assert set_by(answer(site, url)) == ["nobody", "session"]


def test_an_application_that_is_not_there_or_cannot_be_run_is_said(shop):
    (shop / "wrong.py").write_text("import nothing_of_this_name")
    with pytest.raises(NotFoundError, match=r"There is no Python file 'site.py' in the project"):
        load(shop, "site.py:shop")
    with pytest.raises(NotFoundError, match=r"shop.py has no application called 'store'"):
        load(shop, "shop.py:store")
    with pytest.raises(
        WrongFileError, match=r"wrong.py:1:1: The application of \[site\] cannot be loaded: ModuleNotF"
    ):
        load(shop, "wrong.py:shop")


def test_every_mistake_in_the_settings_of_a_site_is_told_at_once(shop):
    file = shop / "troth.toml"
    text = file.read_text()
    file.write_text(
        f'{text}\n[site]\nhost = "a.example"\napplication = "shop"\ngate = "on"\nunknown = "keep"\n'
    )
    said = troth(shop, "audit").err
    assert "`gate` in [site] is 'on'. There are: report, enforce." in said
    assert "`unknown` in [site] is 'keep'. There are: report, drop." in said
    assert "`application` in [site] does not name a Python file and what to take from it." in said
    file.write_text(f'{text}\n[site]\ngate = "report"\n')
    assert "[site] has a `host` and an `application`." in troth(shop, "audit").err
