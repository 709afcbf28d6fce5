"""The notice says what the policy says, in every form and language, the same bytes each time."""

# ruff: noqa: E501  (whole lines stand here)

import hashlib
import re
from html.parser import HTMLParser

import pytest
from pypdf import PdfReader

from troth.errors import NotFoundError
from troth.outside import pdf
from troth.policy.notice import render
from troth.policy.notice_page import fragment
from troth.policy.notice_text import markdown, sha256
from writing_policies import first_project, read, with_promises

POLICY = read(first_project())


class Outline(HTMLParser):
    """What a reading machine sees: tags in order, ids, and whether every tag is closed."""

    VOID = {"meta", "br", "hr", "wbr"}

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.headings = [], [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module", params=["en", "fr"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def outline(language):
    return Outline(render(POLICY, language, "html"))


def test_every_clause_is_a_section_that_the_contents_lead_to(outline):
    clauses = [f"clause-{clause.number}" for clause in POLICY.document.clauses]
    assert [one for one in outline.ids if one.startswith("clause-")] == clauses
    led = [link[1:] for link in outline.links if link.startswith("#clause-")]
    assert (
        led == clauses + clauses
    )  # from the contents, and from its own heading, whose address can be passed on


def test_the_page_is_well_formed_and_its_ids_are_unique(outline, language):
    assert outline.open == []
    assert len(set(outline.ids)) == len(outline.ids)
    assert ("html", {"lang": language}) in outline.tags
    labels = {found["aria-labelledby"] for _, found in outline.tags if "aria-labelledby" in found}
    assert labels <= set(outline.ids)
    assert {link[1:] for link in outline.links if link.startswith("#")} <= set(outline.ids)


def test_headings_go_down_one_level_at_a_time(outline):
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(
        after <= before + 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False)
    )


def test_tables_name_their_columns_and_rows(outline):
    scopes = [found.get("scope") for tag, found in outline.tags if tag == "th"]
    assert {"col", "row"} == set(scopes)


def test_nothing_is_loaded_from_elsewhere(language):
    page = render(POLICY, language, "html")
    assert not re.search(r"<(script|img|iframe|link|object|embed)\b|url\(|@import|src=", page)


def test_every_form_carries_version_date_and_hash(language):
    page, text = render(POLICY, language, "html"), markdown(POLICY, language)
    hash_ = sha256(POLICY, language)
    assert f'<meta name="policy-sha256" content="{hash_}">' in page
    assert hash_ in text
    assert "0.1.0" in page
    day = {"en": "23\u00a0November\u00a02026", "fr": "23\u00a0novembre\u00a02026"}[language]
    assert day in page
    assert day in text


def test_the_hash_is_of_the_markdown_above_it(language):
    text = markdown(POLICY, language)
    above = text[: text.rindex("\n---\n")]
    assert hashlib.sha256(above.encode()).hexdigest() == sha256(POLICY, language)


def test_no_promise_block_and_no_hole_is_left(language):
    for text in (markdown(POLICY, language), render(POLICY, language, "html")):
        assert "```" not in text
        assert "{{" not in text
        assert "legal_basis" not in text


def test_the_same_policy_gives_the_same_bytes(language):
    again = read(first_project())
    assert render(again, language, "html") == render(POLICY, language, "html")
    assert markdown(again, language) == markdown(POLICY, language)
    assert pdf.notice(again, language) == pdf.notice(POLICY, language)


def test_the_pdf_is_tagged_and_says_the_same(language, tmp_path):
    path = tmp_path / "notice.pdf"
    path.write_bytes(pdf.notice(POLICY, language))
    reader = PdfReader(path)
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert bool(reader.trailer["/Root"]["/MarkInfo"]["/Marked"])
    assert reader.trailer["/Root"]["/Lang"] == language
    assert b"pdfuaid" in path.read_bytes() or "pdfuaid" in str(reader.xmp_metadata.rdf_root.toxml())
    assert sha256(POLICY, language) in text.replace(" ", "")
    for clause in POLICY.documents[language].clauses:
        assert clause.title.split()[0] in text


def test_french_is_set_as_french():
    page = render(POLICY, "fr", "html")
    assert "vérifiée par\nune machine\u00a0: ce" in page or "machine\u00a0: ce" in page
    assert "grounds" not in page
    assert " ;" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_what_somebody_wrote_is_never_run():
    policy = read({"policy.md": with_promises(
        "group: {title: '<script>alert(1)</script> #import \"x\" *y*', entities: {a: {name: '<b>&#x3c;', country: FR}}}",
        prose="Hello {{ group.title }} <script>alert(2)</script> [x](javascript:alert(3)) ![i](https://a.example/i.png)\n\n{{ table: entities }}",
    )})  # fmt: skip
    page = render(policy, "en", "html")
    assert "<script>" not in page
    assert "<b>" not in page
    assert "javascript:alert(3)</a>" not in page
    assert 'href="javascript' not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; #import “x” *y*" in page
    assert b"%PDF" in pdf.notice(policy, "en")


def test_a_character_no_font_has_is_no_reason_to_fail():
    policy = read({"policy.md": with_promises("answer: {within: 1 month}", prose="Privacy 私 🙂 \u202eabc")})
    assert pdf.notice(policy, "en").startswith(b"%PDF")


def test_a_language_the_policy_is_not_written_in_is_refused():
    policy = read({"policy.md": with_promises("answer: {within: 1 month}")})
    with pytest.raises(NotFoundError, match="The policy is not written in the language `fr`"):
        render(policy, "fr", "html")
    with pytest.raises(NotFoundError, match="There is no notice in the language `de`"):
        render(policy, "de", "md")


def test_a_link_to_a_clause_leads_to_its_section():
    policy = read({"policy.md": with_promises("answer: {within: 1 month}", prose="See [that clause](#7).")})
    assert '<a href="#clause-7">that clause</a>' in fragment(policy, "en")


def test_every_shape_of_prose_reaches_every_form():
    prose = (
        "Intro *em* **strong** `code` a\\\nbreak.\n\n1. one\n2. two\n\n   more\n\n- a\n  - b\n\n> quote\n\n"
        "    indented\n\n```text\nfenced\n```\n\n***\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n\n7. seven"
    )
    policy = read({"policy.md": with_promises("answer: {within: 1 month}", prose=prose)})
    page = fragment(policy, "en")
    for tag in (
        "<em>",
        "<strong>",
        "<code>",
        "<br>",
        "<ol>",
        "<ul>",
        "<blockquote>",
        "<pre>",
        "<hr>",
        "<table>",
    ):
        assert tag in page
    assert '<ol start="7">' in page
    assert pdf.notice(policy, "en").startswith(b"%PDF")
