"""The web site of the example company: whole in both languages, and wrong where it is meant to be."""

import re

import httpx
import pytest

import looping
from troth.faces.middleware.asgi import CookieGate
from troth.faces.site import load
from troth.rules.cookie import accept, table, write_choice
from troth.rules.set_cookie import Gate

NOW = 1_800_000_000


@pytest.fixture(scope="module")
def site(group):
    return load(group, "site/vaubrelle.py:application")


def ask(application, *paths, method="GET", **headers):
    async def all_of_them():
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return [await client.request(method, path, headers=headers) for path in paths]

    return looping.run(all_of_them())


def pages(site):
    (sitemap,) = ask(site, "/sitemap.xml")
    return re.findall(r"<loc>http://localhost(.*?)</loc>", sitemap.text)


def test_every_page_is_there_in_both_languages_with_its_banner_policy_and_way_back(site):
    paths = pages(site)
    assert [sum(path.startswith(f"/{language}/") for path in paths) for language in ("en", "fr")] == [3, 3]
    for path, answer in zip(paths, ask(site, *paths), strict=True):
        language = path[1:3]
        assert (answer.status_code, path) == (200, path)
        assert f'<html lang="{language}">' in answer.text
        for part in (
            f"/choices/banner.{language}.js",
            "data-troth-open",
            f'href="/notice/{language}"',
            "aria-current",
        ):
            assert part in answer.text
        assert "{" not in re.sub(r"<(style|script).*?</\1>", "", answer.text, flags=re.DOTALL)


def test_every_link_leads_to_a_page_a_file_or_what_troth_serves(site):
    linked = {
        link
        for answer in ask(site, *pages(site))
        for link in re.findall(r'(?:href|src)="(/[^"]*)"', answer.text)
    }
    ours = {link for link in linked if link.startswith(("/choices/", "/notice/"))}
    assert len(ours) == 4
    others = sorted(linked - ours)
    assert {(link, answer.status_code) for link, answer in zip(others, ask(site, *others), strict=True)} == {
        (link, 200) for link in others
    }
    assert ask(site, "/")[0].headers["location"] == "/en/"
    assert ask(site, "/", **{"accept-language": "fr-FR,fr;q=0.9"})[0].headers["location"] == "/fr/"
    assert ask(site, "/nothing")[0].status_code == 404
    assert "Merci" in ask(site, "/fr/contact", method="POST")[0].text


def test_its_software_sets_what_the_policy_forbids_and_the_gate_mends_all_of_it(site, policy):
    known = table(policy.cookies)

    def names(application, **headers):
        answers = ask(application, *pages(site), **headers)
        return {one for answer in answers for one in answer.headers.get_list("set-cookie")}

    def set_by(cookies):
        return {one.split("=")[0] for one in cookies}

    gate = CookieGate(site, Gate(known, drop_unknown=True), mode="enforce", now=lambda: NOW)
    assert set_by(names(site)) == {"vb_session", "vb_node", "mrv_id_0", "slg_visitor_44", "spring_offer"}
    assert set_by(names(gate)) == {"vb_session", "vb_node"}
    yes = write_choice(accept(known, frozenset(known.categories), NOW, None, "0123456789abcdef"))
    allowed = names(gate, cookie=f"vb_choice={yes}")
    assert set_by(allowed) == {"vb_session", "vb_node", "mrv_id_0", "slg_visitor_44"}
    days = {
        one.split("=")[0]: int(re.search(r"Max-Age=(\d+)", one)[1]) / 86_400
        for one in allowed
        if "Max-Age" in one
    }
    assert days == {"mrv_id_0": 393, "slg_visitor_44": 390}
