"""The organisation's logo and colours stand on every page, where they can be read."""

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from litestar.testing import TestClient

from troth.errors import WrongFileError
from troth.faces.brand import GROUNDS, LOGO_BYTES_MAX, contrast
from troth.faces.portal.application import application
from troth.settings_file import read_settings
from troth.work.project import Brand

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'


def settings(folder, look):
    file = folder / "troth.toml"
    file.write_text(file.read_text("utf-8") + f"\n[look]\n{look}\n", "utf-8")
    return read_settings(folder)


def test_a_brand_is_served_as_a_sheet_of_its_own_and_nothing_inline(project, folder):
    (folder / "logo.svg").write_bytes(LOGO)
    brand = settings(folder, 'logo = "logo.svg"\naccent = "#7a1f5c"\naccent_dark = "#e9a6d3"').brand
    assert brand == Brand("logo.svg", "#7a1f5c", "#e9a6d3")
    branded = replace(project, settings=replace(project.settings, brand=brand))
    with TestClient(application(branded), base_url="http://127.0.0.1:8080") as client:
        page = client.get("/").text
        sheet = client.get(re.search(r'href="(/static/look\.css[^"]*)"', page)[1])
        assert sheet.headers["content-type"].startswith("text/css")
        assert "--accent: #7a1f5c" in sheet.text
        assert "--accent: #e9a6d3" in sheet.text
        logo = client.get(re.search(r'src="(/static/logo[^"]*)"', page)[1])
        assert (logo.content, logo.headers["content-type"]) == (LOGO, "image/svg+xml")
        assert (
            "default-src 'none'" in logo.headers["content-security-policy"]
        )  # opened alone, it runs nothing
        assert "style=" not in page
        assert "<style" not in page


def test_without_a_brand_a_page_asks_for_none(project):
    with TestClient(application(project), base_url="http://127.0.0.1:8080") as client:
        page = client.get("/").text
        assert "look.css" not in page
        assert "/static/logo" not in page
        assert client.get("/static/look.css").status_code == 404
        assert client.get("/static/logo").status_code == 404


@pytest.mark.parametrize(
    ("look", "says"),
    [
        ('accent = "#ffd400"', "cannot be read in the light scheme"),
        ('accent_dark = "#1d4f91"', "cannot be read in the dark scheme"),
        ('accent = "#777777"', "4.5:1 is needed"),  # 4.48 on white
        ('accent = "red"', "is no colour"),
        ('accent = "#1d4f91;}body{display:none"', "is no colour"),
        ('logo = "logo.txt"', "is no picture"),
        ('logo = "none.svg"', "names no file of the project"),
        ('logo = "../outside.svg"', "names no file of the project"),
        ('logo = "large.png"', "is larger than 60 KB"),
        ('colour = "#000000"', "no setting in [look]"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_sentence(folder, look, says):
    (folder / "large.png").write_bytes(bytes(LOGO_BYTES_MAX + 1))
    (folder.parent / "outside.svg").write_bytes(LOGO)
    with pytest.raises(WrongFileError) as refused:
        settings(folder, look)
    (problem,) = refused.value.problems
    assert says in problem.what
    assert problem.line > 1


def test_the_grounds_are_those_of_the_sheet_and_our_own_colours_can_be_read_on_them():
    sheet = files("troth.faces.portal").joinpath("static", "portal.css").read_text("utf-8")
    light, dark = re.findall(r"\{\s*(?:color-scheme[^;]*;)?\s*(--ink:[^}]*)\}", sheet)[:2]
    for key, told in (("accent", light), ("accent_dark", dark)):
        colours = dict(re.findall(r"--([\w-]+): (#\w{6})", told))
        assert GROUNDS[key] == (colours["paper"], colours["ground"])
        for name in ("ink", "soft", "accent", "good", "warn", "bad"):
            assert min(contrast(colours[name], ground) for ground in GROUNDS[key]) >= 4.5, (key, name)
        assert min(contrast(colours["edge"], ground) for ground in GROUNDS[key]) >= 3, key
        assert contrast(colours["accent"], colours["on-accent"]) >= 4.5


def test_the_example_has_a_look_of_its_own():
    assert read_settings(Path(__file__).parents[2] / "examples" / "group").brand.logo == "logo.svg"
