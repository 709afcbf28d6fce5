"""A handler masks what owners handed in: whole files, or pages of a PDF, with a reason that the answer tells."""

import io
import zipfile

import pytest
from pypdf import PdfReader

import story
from naming import names
from outside.test_pdf_pages import a_pdf
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read, vault
from troth.rules.package import FileMask, Mask, read_mask
from troth.work import build_package, carry_on, decide, task

MAP = """
store: mail
kind: manual
what: {en: the mailboxes of sales, fr: les boîtes aux lettres des ventes}
owner: {name: Jo Doe, email: jo@company.example}
"""
FILES = [
    task.Upload("Carl #2.pdf", a_pdf("about Ada", "about Carl", "more about Ada")),
    task.Upload("a.txt", b"hello"),
]
COLLEAGUE = "names a colleague"


@pytest.fixture
def project(folder, clock):
    (folder / "stores" / "mail.yaml").write_text(MAP)
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


@pytest.fixture
def built(project):
    number = story.ask(project, "access")
    decide.decide(project, number, "c1", "grant", "marie")
    carry_on.carry_on(project, number)
    task.answer(project, task.by_id(project, f"{number}.c1.mail"), "done", "Jo Doe", files=FILES)
    carry_on.carry_on(project, number)
    return number


def files(project, number):
    data = b"".join(build_package.open_package(project, number, "c1", "marie"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_page_is_gone_from_the_file_and_the_answer_says_why(project, built):
    build_package.mask_package(
        project, built, "c1", [read_mask(f"attached/mail/Carl #2.pdf#2={COLLEAGUE}")], "marie"
    )
    told = files(project, built)
    pages = PdfReader(io.BytesIO(told["attached/mail/Carl #2.pdf"])).pages
    assert [page.extract_text().strip() for page in pages] == ["about Ada", "more about Ada"]
    page = told["index.html"].decode()
    assert "[page 2 masked: names a colleague]" in page
    assert 'href="attached/mail/Carl%20%232.pdf"' in page
    assert told["attached/mail/a.txt"] == b"hello"


def test_a_file_is_left_out_whole_and_its_event_has_no_name(project, built):
    event = build_package.mask_package(
        project, built, "c1", [FileMask("mail", "Carl #2.pdf", None, COLLEAGUE)], "marie"
    )
    told = files(project, built)
    assert "attached/mail/Carl #2.pdf" not in told
    page = told["index.html"].decode()
    assert "[masked: names a colleague]" in page
    assert 'href="attached/mail/Carl' not in page
    assert event.facts["masks"] == [["mail", "attached", None, 1]]
    assert not names(repr(event.facts), "Carl")
    assert vault.payload(project.ledger, event)["reasons"] == [COLLEAGUE]
    assert event.facts["sha256_before"] != event.facts["sha256_after"]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (
            "attached/mail/b.txt=x",
            r"No such file is in the answer to be masked. There are: attached/mail/Carl #2\.pdf",
        ),
        ("attached/mail/Carl #2.pdf#9=x", "The PDF has pages 1 to 3, and no page 9"),
        ("attached/mail/a.txt#1=x", "cannot be read as a PDF. Mask it whole"),
        ("attached/mail=x", "A mask of a file is written"),
        ("attached/mail/a.txt=  ", "A mask of a file is written"),
    ],
)
def test_what_cannot_be_masked_is_said_and_the_answer_stays(project, built, mask, said):
    before = story.state(project, built)["claims"]["c1"]["package"]["sha256"]
    with pytest.raises(NotAllowedError, match=said):
        build_package.mask_package(project, built, "c1", [read_mask(mask)], "marie")
    assert story.state(project, built)["claims"]["c1"]["package"]["sha256"] == before
    assert "attached/mail/a.txt" in files(project, built)


def test_nothing_at_all_is_no_answer(project, built):
    whole = [FileMask("mail", one.name, None, "x") for one in FILES]
    rows = [
        Mask(store, table, column, None, "x")
        for store, map_ in project.maps.items()
        for table, mapped in map_.tables.items()
        for column in mapped.columns
    ]
    with pytest.raises(NotAllowedError, match="Nothing of the answer would be left"):
        build_package.mask_package(project, built, "c1", [*rows, *whole], "marie")
    build_package.mask_package(project, built, "c1", [*rows, whole[0]], "marie")
    assert [one.kind for one in read.stream(project.ledger, f"request/{built}")].count("package_masked") == 1
