"""The script of the banner is small, the same each time, and true to the policy."""

import json
import shutil
from dataclasses import replace

import brotli
import pytest
from litestar.testing import TestClient

from commanding import troth
from troth.errors import NotAllowedError
from troth.faces.banner.script import build
from troth.faces.portal.application import application
from troth.law.period import Period
from troth.ledger import read
from troth.policy.notice_text import sha256
from troth.policy.promise import Cookie
from troth.rules.cookie import table
from versions import pending

BROTLI_MAX = 6_500


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_is_small_and_runs_no_words(project, language):
    script = build(project.policy, language)
    assert len(brotli.compress(script.written, quality=11)) <= BROTLI_MAX
    for forbidden in (b"eval(", b"new Function", b".style", b"innerHTML", b"document.write"):
        assert forbidden not in script.written
    assert build(project.policy, language) == script


def _with(policy, cookies):
    promises = {name: cookies if type(one) is type(cookies) else one for name, one in policy.promises.items()}
    return replace(policy, promises=promises)


def test_each_line_says_who_sets_it_how_long_it_lives_and_whether_others_read_it(project):
    rows = (
        *project.policy.cookies.table,
        Cookie(name="seen*", party="first", category="marketing", lifetime=Period(1, "years"), sliding=True,
               storage="local_storage", set_by="Sillagys", third_party_access=True),
    )  # fmt: skip
    policy = _with(project.policy, replace(project.policy.cookies, table=rows))
    said = {
        "en": "seen* (local storage): Sillagys (this site), one year, renewed at each visit; others can read it",
        "fr": "seen* (stockage local) : Sillagys (ce site), un an, prolongée à chaque visite ; des tiers y ont accès",
    }
    for language, line in said.items():
        told = build(policy, language).written.decode().replace("\xa0", " ").replace("\u202f", " ")
        assert line in told


GERMAN = """
"banner.title" = "Wir verwenden Cookies"
"banner.text" = "Einige brauchen Ihre Einwilligung. Für jeden dieser Zwecke entscheiden Sie:"
"banner.accept" = "Alle akzeptieren"
"banner.refuse" = "Alle ablehnen"
"banner.choose" = "Auswählen"
"banner.save" = "Auswahl speichern"
"banner.panel" = "Ihre Auswahl"
"banner.again" = "Cookie-Einstellungen"
"banner.notice" = "Alle Cookies und Ihre Rechte"
"banner.which" = "Welche: {title}"
"banner.gpc" = "Ihr Browser sendet Global Privacy Control."
"banner.receipt" = "Der Beleg Ihrer Auswahl"
"banner.held" = "Dieser Teil kommt von {host}."
"banner.load" = "Einmal laden"
"banner.preferences" = "Einstellungen merken"
"banner.analytics" = "Statistik"
"banner.marketing" = "Werbung"
"banner.necessary" = "nötig"
"banner.row" = "{name}: {who}, {lifetime}"
"banner.row.others" = "{row}; andere können es lesen"
"banner.row.purpose" = "{row}; {purpose}"
"banner.title.preferences" = "Einstellungen"
"banner.title.analytics" = "Statistik"
"banner.title.marketing" = "Marketing"
"banner.title.necessary" = "Nötig"
"banner.local_storage" = "lokaler Speicher"
"banner.session_storage" = "Sitzungsspeicher"
"banner.indexed_db" = "IndexedDB"
"banner.pixel" = "Pixel"
"banner.other" = "anderes"
"banner.session" = "bis der Browser schließt"
"banner.first_party" = "diese Site"
"banner.third_party" = "ein Dritter"
"banner.renewed" = "{period}, bei jedem Besuch erneuert"
"""


def test_a_project_adds_a_language_with_a_whole_catalogue_of_its_own(folder, project):
    file = folder / "locale" / "de.toml"
    file.parent.mkdir(exist_ok=True)
    (file.parent / "fr.toml").write_text('"banner.refuse" = "Non merci"\n', encoding="utf-8")
    file.write_text(GERMAN.replace('"banner.load"', '"banner.laden"'), encoding="utf-8")
    assert troth(folder, "banner", "build", "--out", str(folder / "out")).err == (
        "locale/de.toml lacks what the banner says: banner.load.\n"
    )
    file.write_text(GERMAN, encoding="utf-8")
    assert troth(folder, "banner", "build", "--out", str(folder / "out")).code == 0
    written = (folder / "out" / "banner.de.js").read_text(encoding="utf-8").replace("\xa0", " ")
    assert "visits: diese Site, 13 Monate; counts visits" in written
    assert "Non merci" in (folder / "out" / "banner.fr.js").read_text(encoding="utf-8")
    with TestClient(application(project)) as client:
        served = client.get("/choices/banner.de.js").text
        assert "Alle ablehnen" in served
        assert "/notice/en" in served  # there is no notice in German
        for language, recorded in (("de", "de"), ("<b>", "en")):
            told = choice(project, language=language, proof=f"0123456789abc{recorded}")
            assert client.post("/choices/record", json=told).status_code == 201
            assert (
                list(read.events(project.ledger, kind="consent_recorded"))[-1].facts["language"] == recorded
            )
    file.write_bytes(b"caf\xe9")
    assert (
        "locale/de.toml:1:1: It is not TOML in UTF-8"
        in troth(folder, "banner", "build", "--out", str(folder)).err
    )


def test_words_of_a_policy_cannot_end_the_script(project):
    rows = project.policy.cookies.table
    evil = replace(
        project.policy.cookies, table=(*rows, replace(rows[-1], name="</script><b>", set_by="</script>"))
    )
    promises = {k: evil if type(v) is type(evil) else v for k, v in project.policy.promises.items()}
    assert b"</script" not in build(replace(project.policy, promises=promises), "en").written


def test_a_table_without_the_cookie_of_the_choice_is_refused_with_a_sentence(project):
    other = replace(project.policy.cookies, choice_in="elsewhere")
    promises = {k: other if type(v) is type(other) else v for k, v in project.policy.promises.items()}
    with pytest.raises(NotAllowedError, match="does not declare the cookie `elsewhere`"):
        build(replace(project.policy, promises=promises), "en")


def test_the_build_writes_what_is_served(folder, project):
    said = troth(folder, "banner", "build", "--out", str(folder / "out"), "--json").out
    told = json.loads(said)
    with TestClient(application(project)) as client:
        names = client.get("/choices/banner.json").json()
        assert set(told) == set(names) == {"banner.en.js", "banner.fr.js"}
        assert told["banner.en.js"]["table_sha256"] == names["banner.en.js"]["table_sha256"]
        served = client.get("/choices/banner.fr.js")
        tag = served.headers["etag"]
        assert client.get("/choices/banner.fr.js", headers={"If-None-Match": tag}).status_code == 304
        assert client.get("/choices/banner.de.js").status_code == 404
    assert troth(folder, "banner", "nginx", "--out", str(folder / "gate.js")).code == 0
    assert '"name": "visits"' in (folder / "gate.js").read_text()
    assert (folder / "out" / "banner.en.js").read_bytes().startswith(b"(function (config)")
    assert json.loads((folder / "out" / ".well-known" / "gpc.json").read_text())["gpc"] is True


def choice(project, **more):
    told = {
        "how": "accept", "language": "en", "build": "x", "table": table(project.policy.cookies).sha256,
        "at": int(project.clock().timestamp()), "yes": "a", "proof": "0123456789abcdef", "was": "", "gpc": False,
    }  # fmt: skip
    return {**told, **more}


def test_a_choice_said_twice_is_recorded_once(project):
    with TestClient(application(project)) as client:
        answers = [client.post("/choices/record", json=choice(project)) for _ in range(2)]
        assert [one.status_code for one in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
        assert client.get(answers[0].json()["receipt"]).json()["format"] == "troth receipt 1"
    assert len(list(read.events(project.ledger, kind="consent_recorded"))) == 1


ADS = """      purpose: {en: counts visits, fr: compte les visites}
    - {name: "ads*", party: first, category: marketing, lifetime: 1 month}
"""


def test_the_banner_turns_with_the_version_and_a_choice_names_the_version_it_was_shown_in(folder, clock):
    made = pending(folder, clock, ("policy.md", ADS.partition("    -")[0], ADS))
    old, new = made.policy, made.written
    with TestClient(application(made)) as client:
        before = client.get("/choices/banner.json").json()["banner.en.js"]
        assert "ads*" not in client.get("/choices/banner.en.js").text
        clock.forward(days=50)
        after = client.get("/choices/banner.json").json()["banner.en.js"]
        assert "ads*" in client.get("/choices/banner.en.js").text
        for policy, shown, yes in ((old, before, "a"), (new, after, "am")):
            told = choice(
                made, build=shown["build"], table=shown["table_sha256"], yes=yes, proof=f"{yes:0>16}"
            )
            assert client.post("/choices/record", json=told).status_code == 201
            event = list(read.events(made.ledger, kind="consent_recorded"))[-1]
            named = ("purpose_version", "notice_sha256", "interface_sha256", "table_sha256")
            told = (policy.version, sha256(policy, "en"), shown["sha256"], table(policy.cookies).sha256)
            assert tuple(event.facts[one] for one in named) == told
            assert event.policy == policy.version


def test_before_its_day_nothing_of_the_next_banner_is_taken_for_shown(folder, clock):
    made = pending(folder, clock, ("policy.md", ADS.partition("    -")[0], ADS))
    with TestClient(application(made)) as client:
        notice = f"{made.settings.public_url}/notice/{{language}}"
        early = build(made.written, "en", notice=notice).build
        assert client.post("/choices/record", json=choice(made, build=early)).status_code == 201
    event = list(read.events(made.ledger, kind="consent_recorded"))[-1]
    assert (event.policy, event.facts.get("interface_sha256")) == ("0.1.0", None)


WRONG = (
    {"yes": "m"}, {"yes": "n"}, {"proof": ""}, {"proof": "ada@example.org"}, {"at": 0}, {"table": "x"},
    {"how": "other"}, {"more": 1}, {"at": "now"}, {"proof": "x" * 5000}, {"at": 10**18},
)  # fmt: skip


def test_what_is_no_choice_is_refused_and_not_recorded(project):
    with TestClient(application(project)) as client:
        for wrong in WRONG:
            assert client.post("/choices/record", json=choice(project, **wrong)).status_code == 422, wrong
        other = {"Sec-Fetch-Site": "cross-site"}
        assert client.post("/choices/record", json=choice(project), headers=other).status_code == 403
    assert list(read.events(project.ledger, kind="consent_recorded")) == []


def test_a_receipt_is_given_of_choices_only(project):
    from troth.work.open_request import open_request

    open_request(project, ["access"], "ada@example.org")
    other = next(iter(read.events(project.ledger)))
    with TestClient(application(project)) as client:
        assert client.get(f"/choices/receipt/{other.id}").status_code == 404
        assert client.get("/choices/receipt/none").status_code == 404


@pytest.mark.browser
@pytest.mark.slow
def test_a_picture_of_each_language_is_recorded_with_its_version(folder, project):
    if shutil.which("chromium") is None:
        pytest.skip("There is no Chromium here; as root, `make setup` installs it.")
    recorded = json.loads(troth(folder, "banner", "picture", "--out", str(folder / "proof"), "--json").out)
    shown = {event.facts["language"]: event for event in read.events(project.ledger, kind="interface_shown")}
    assert set(shown) == {"en", "fr"}
    for language, event in shown.items():
        assert (folder / "proof" / f"banner.{language}.png").read_bytes().startswith(b"\x89PNG")
        assert recorded[f"banner.{language}.png"]["picture_sha256"] == event.facts["picture_sha256"]
