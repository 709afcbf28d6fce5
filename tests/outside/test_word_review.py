"""What cannot be read in a reviewed document is told, never lost; and a hostile one costs little."""

import io
import time
import zipfile

import pytest
from docx.oxml.ns import nsdecls

from reviewed_documents import WHEN, WHO
from troth.errors import NotAllowedError
from troth.outside import word_review
from troth.policy.proposal import UNREAD, GivenOut, proposals

W = nsdecls("w")
MARK = f'w:id="1" w:author="{WHO}" w:date="{WHEN}"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def body(*inner):
    """A document of some blocks of XML."""
    return packed(f"<w:document {W} {MC}><w:body>{''.join(inner)}</w:body></w:document>")


def packed(document, method=zipfile.ZIP_DEFLATED, **parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        made.writestr("word/document.xml", document)
        for name, content in parts.items():
            made.writestr(f"word/{name}.xml", content)
    return out.getvalue()


def text(words, kind="t"):
    return f'<w:r><w:{kind} xml:space="preserve">{words}</w:{kind}></w:r>'


def line(inner, end=""):
    marks = f"<w:pPr><w:rPr><w:{end} {MARK}/></w:rPr></w:pPr>" if end else ""
    return f"<w:p>{marks}{inner}</w:p>"


def ins(inner):
    return f"<w:ins {MARK}>{inner}</w:ins>"


def gone(words):
    return f"<w:del {MARK}>{text(words, 'delText')}</w:del>"


def found(content):
    return [one for of_clause in word_review.read(content).clauses.values() for one in of_clause]


@pytest.mark.parametrize(
    ("lines", "unread"),
    [
        ([line(text("A"), "del"), line(text("B"))], [True, False]),
        ([line(text("A"), "del"), line(gone("N"), "del"), line(text("B"))], [True, False, False]),
        ([line(text("A"), "del"), line(gone("N")), line(text("B"))], [False, False, False]),
        ([line(text("A"), "ins"), line(text("B"))], [True, False]),
        ([line(text("A"), "ins"), line(ins(text("N"))), line(text("B"))], [False, False, False]),
        ([line(text("A"), "ins"), line(""), line(text("B"))], [False, False]),
        ([line(text("A")), line(ins(text("N")), "ins"), line(gone("B"), "del")], [False, False, False]),
    ],
    ids=["joined", "joined-over", "removed-behind", "split", "added-behind", "blank", "whole"],
)
def test_paragraphs_joined_or_split_are_told_and_whole_ones_are_not(lines, unread):
    assert [one.unread for one in found(body(*lines))] == unread


UNREADABLE = {
    "footnote": ins('<w:r><w:footnoteReference w:id="2"/></w:r>'),
    "symbol": ins('<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'),
    "text box": f"<w:r><w:pict><w:txbxContent>{line(ins(text('new')))}</w:txbxContent></w:pict></w:r>",
    "formula": ins('<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"/>'),
}


@pytest.mark.parametrize("inner", UNREADABLE.values(), ids=UNREADABLE)
def test_what_was_put_in_and_has_no_words_is_proposed_as_a_comment(inner):
    came = word_review.read(body(line(text("A") + inner)))
    (one,) = proposals({"front": ()}, came)[1:]
    assert (one.what, one.clause, one.remarks[0].text) == ("comment", "front", UNREAD)


def test_what_is_there_twice_for_older_programs_is_read_once():
    choice = f"<mc:Choice Requires='w'>{text(' B')}</mc:Choice><mc:Fallback>{text(' B')}</mc:Fallback>"
    (one,) = found(body(line(f"{text('A')}<mc:AlternateContent>{choice}</mc:AlternateContent>")))
    assert (one.before, one.after) == ("A B", "A B")


def test_a_row_and_a_block_that_were_removed_or_added_are_so():
    def row(words, mark=""):
        return f"<w:tr><w:trPr>{mark}</w:trPr><w:tc>{line(text(words))}</w:tc></w:tr>"

    table = f"<w:tbl>{row('A')}{row('B', f'<w:del {MARK}/>')}{row('C', f'<w:ins {MARK}/>')}</w:tbl>"
    (one,) = found(body(table))
    assert (one.before, one.after, one.who, one.when) == ("A\tB", "A\tC", WHO, WHEN)
    locked = '<w:sdt><w:sdtPr><w:tag w:val="table: x"/></w:sdtPr><w:sdtContent>'
    (one,) = found(body(f"{locked}{table}</w:sdtContent></w:sdt>"))
    assert one.values == (("table: x", "AB", "AC"),)
    removed, added = found(body(f"<w:del {MARK}>{line(text('A'))}</w:del>", ins(line(text("B")))))
    assert (removed.before, removed.after, added.before, added.after) == ("A", None, None, "B")
    assert removed.who == added.who == WHO


def commented(count, block):
    comments = "".join(
        f'<w:comment w:id="{n}" w:author="A" w:date="{WHEN}"><w:p w14:paraId="{n:08X}">'
        f"<w:r><w:t>Why {n}?</w:t></w:r></w:p></w:comment>"
        for n in range(count)
    )
    extended = "".join(
        f'<w15:commentEx w15:paraId="{n:08X}" w15:paraIdParent="00000000"/>' for n in range(1, count)
    )
    w14 = 'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
    w15 = 'xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml"'
    return packed(
        f"<w:document {W}><w:body>{block}</w:body></w:document>",
        comments=f"<w:comments {W} {w14}>{comments}</w:comments>",
        commentsExtended=f"<w15:commentsEx {w15}>{extended}</w15:commentsEx>",
    )


@pytest.mark.parametrize(
    "block", [line('<w:commentRangeStart w:id="0"/>'), ""], ids=["on an empty paragraph", "nowhere"]
)
def test_a_comment_is_told_wherever_it_stands_and_once(block):
    (one,) = found(commented(1, block * 2))
    assert [remark.text for thread in one.remarks for remark in thread] == ["Why 0?"]


def test_many_comments_and_paragraphs_are_read_in_little_time_and_more_are_refused():
    began = time.process_time()
    (one,) = found(commented(word_review.COMMENTS_MAX, line('<w:commentRangeStart w:id="0"/>')))
    assert len(one.remarks[0]) == word_review.COMMENTS_MAX
    alike = word_review.read(body(line(text("A")) * word_review.PARAGRAPHS_MAX))
    as_given = [GivenOut("A")] * word_review.PARAGRAPHS_MAX
    assert proposals({"front": as_given}, alike) == ()
    assert time.process_time() - began < 4
    with pytest.raises(NotAllowedError, match="more than 2000 comments"):
        word_review.read(commented(word_review.COMMENTS_MAX + 1, ""))
    with pytest.raises(NotAllowedError, match="more than 5000 paragraphs"):
        word_review.read(body("<w:p/>" * (word_review.PARAGRAPHS_MAX + 1)))
    with pytest.raises(NotAllowedError, match="unpacks to more"):
        word_review.read(body("<w:a/>" * word_review.TAGS_MAX))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], ids=["lzma", "bzip2"])
def test_what_no_word_processor_packs_is_refused(method):
    content = bytearray(packed(f"<w:document {W}/>" + " " * 500, method))
    content[60:70] = b"\xff" * 10
    with pytest.raises(NotAllowedError, match="packed as no word processor does"):
        word_review.read(bytes(content))
