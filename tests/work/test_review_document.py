"""A notice goes out as a Word document, is reviewed there, and comes back as proposals that nobody merged."""

import copy
import io
import json
import zipfile

import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from commanding import troth
from reviewed_documents import WHEN, WHO, change, opened_document, paragraph, run_of, saved, text_of, tracked
from troth.errors import NotAllowedError
from troth.outside import notice_word, word_review
from troth.policy import clause_text
from troth.policy.proposal import Remark
from troth.work import draft_policy, review_document


@pytest.fixture
def given(project):
    """The notice in English as it is given out."""
    return notice_word.notice(project.written, "en")


def only(found):
    (one,) = found.proposals
    return one


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_comes_back_untouched_proposes_nothing(project, language):
    found = review_document.review(project, notice_word.notice(project.written, language))
    assert (found.language, found.version, found.known, found.proposals) == (language, "0.1.0", True, ())


def test_the_document_has_a_bookmark_per_clause_and_locks_every_value(project, given):
    document = opened_document(given)
    names = [one.get(qn("w:name")) for one in document.element.body.iter(qn("w:bookmarkStart"))]
    assert names == [
        "clause_top",
        *(f"clause_{n.replace('.', '_')}" for n in project.written.document.by_number),
    ]
    for one in document.element.body.iter(qn("w:sdt")):
        about = one.find(qn("w:sdtPr"))
        assert [part.tag for part in about] == [qn(f"w:{kind}") for kind in ("alias", "tag", "id", "lock")]
        assert about.find(qn("w:lock")).get(qn("w:val")) == "sdtContentLocked"
    place = paragraph(document, "We answer without undue delay")
    tags = [one.get(qn("w:val")) for one in place.iter(qn("w:tag"))]
    assert tags == ["answer.within", "answer.extend_by", "answer.extension_told_within"]
    assert "one\xa0month" in text_of(place)
    assert document.core_properties.version == "0.1.0"
    assert document.core_properties.language == "en"
    assert [one.style.name for one in document.paragraphs if one.style.name.startswith("Heading")][:2] == [
        "Heading 1", "Heading 1",
    ]  # fmt: skip
    assert document.settings.element.find(qn("w:trackRevisions")) is not None
    ids = [one.get(qn("w:id")) for one in document.element.body.iter(qn("w:bookmarkStart"))]
    assert len(set(ids)) == len(ids)


def test_a_tracked_change_is_a_proposal_for_its_clause(project, given):
    document = opened_document(given)
    change(document, "as easily as you gave it", "as easily", "just as easily")
    one = only(review_document.review(project, saved(document)))
    assert (one.clause, one.what, one.who, one.when, one.tracked) == ("7", "words", WHO, WHEN, True)
    assert "any time, as easily as you gave it: by {{ consent.withdraw_by }}" in one.was
    assert one.becomes == one.was.replace("as easily", "just as easily", 1)


def test_what_was_changed_without_tracking_is_found_and_marked(project, given):
    document = opened_document(given)
    place = paragraph(document, "as easily as you gave it")
    run = next(one for one in place.iter(qn("w:t")) if "as easily" in one.text)
    run.text = run.text.replace("as easily", "at least as easily")
    one = only(review_document.review(project, saved(document)))
    assert (one.clause, one.tracked, one.who) == ("7", False, "")
    assert "at least as easily" in one.becomes


def test_paragraphs_come_and_go(project, given):
    document = opened_document(given)
    place = paragraph(document, "We hold the following categories")
    new = parse_xml(
        f"<w:p {nsdecls('w')}><w:pPr><w:rPr><w:ins w:id='1' w:author='{WHO}' w:date='{WHEN}'/></w:rPr></w:pPr></w:p>"
    )
    new.append(tracked("ins", run_of("Nothing "), run_of("else", b=True), run_of(".")))
    place.addnext(new)
    gone = paragraph(document, "Most of it comes from you")
    gone.getparent().remove(gone)
    added, removed = review_document.review(project, saved(document)).proposals
    assert (added.was, added.becomes, added.tracked) == ("", "Nothing **else**.", True)
    assert added.behind.startswith("We hold the following categories")
    assert (removed.was, removed.becomes, removed.tracked) == (
        "Most of it comes from you, by these channels:",
        "",
        False,
    )


def added(words):
    made = parse_xml(
        f"<w:p {nsdecls('w')}><w:pPr><w:rPr><w:ins w:id='1' w:author='{WHO}' w:date='{WHEN}'/></w:rPr></w:pPr></w:p>"
    )
    made.append(tracked("ins", run_of(words)))
    return made


def kept_of(project, document):
    draft = draft_policy.begin(project, "l.weiss", "spring")
    review_document.propose(project, draft, saved(document), "l.weiss")
    draft = draft_policy.opened(project, "spring")
    return draft, review_document.kept(project, draft)


def taken(project, draft, *names):
    for name in names:
        draft = review_document.take(project, draft, name, "l.weiss")
    return [one.strip() for one in clause_text.prose(draft.main, "7").split("\n\n")]


@pytest.mark.parametrize(
    ("order", "there"),
    [((0, 1, 2), ["New one", "New two"]), ((2, 1, 0), ["New one", "New two"]), ((0, 2), ["New two"]),
     ((2,), ["New two"]), ((1,), ["New one"])],
)  # fmt: skip
def test_new_paragraphs_are_taken_in_the_order_of_the_document(project, given, order, there):
    document = opened_document(given)
    change(document, "as easily as you gave it", "as easily", "just as easily")
    place = paragraph(document, "as easily as you gave it")
    place.addnext(added("New two"))
    place.addnext(added("New one"))
    draft, found = kept_of(project, document)
    assert len(found) == 3
    lines = taken(project, draft, *(found[number].name for number in order))
    at = next(number for number, one in enumerate(lines) if "as easily as you gave it" in one)
    assert [one for one in lines if one.startswith("New")] == there
    assert lines[at + 1 : at + 1 + len(there)] == there


def test_a_paragraph_put_in_the_place_of_another_is_taken_after_it(project, given):
    document = opened_document(given)
    place = paragraph(document, "as easily as you gave it")
    place.addnext(added("New one"))
    place.getparent().remove(place)
    draft, found = kept_of(project, document)
    before = taken(project, draft)
    at = next(number for number, one in enumerate(before) if "as easily as you gave it" in one)
    removal, new = sorted(found, key=lambda one: one.proposal.becomes)
    after = taken(project, draft, removal.name, new.name)
    assert after == [*before[:at], "New one", *before[at + 1 :]]


def test_a_clause_deleted_from_the_document_is_proposed_as_removed(project, given):
    document = opened_document(given)
    heading = paragraph(document, "9 Cookies")
    while heading is not None and "10 " not in text_of(heading)[:3]:
        following = heading.getnext()
        heading.getparent().remove(heading)
        heading = following
    found = review_document.review(project, saved(document)).proposals
    assert {one.clause for one in found} >= {"9"}
    assert all(one.becomes == "" and not one.tracked for one in found)
    draft, (first, *_) = kept_of(project, document)
    with pytest.raises(NotAllowedError, match="removed with its heading, by hand"):
        review_document.take(project, draft, first.name, "l.weiss")


def test_the_comment_of_a_heading_is_taken_with_its_change(project, given):
    document = opened_document(given)
    place = next(one for one in document.paragraphs if one.text.startswith("9 Cookies"))
    document.add_comment(place.runs, "And storage?", author=WHO)
    place._p.append(tracked("ins", run_of(" and storage")))
    draft, (one,) = kept_of(project, document)
    draft = review_document.take(project, draft, one.name, "l.weiss")
    assert draft.main.by_number["9"].title == "Cookies and storage"
    assert [comment["clause"] for comment in draft.state["comments"]] == ["9"]


def test_what_was_moved_goes_and_comes(project, given):
    document = opened_document(given)
    place = paragraph(document, "Most of it comes from you")
    twin = copy.deepcopy(place)
    for one, kind in ((place, "moveFrom"), (twin, "moveTo")):
        runs = list(one.iter(qn("w:r")))
        one.append(tracked(kind, *runs))
    paragraph(document, "Some comes from others").addnext(twin)
    found = review_document.review(project, saved(document)).proposals
    assert [(one.was, one.becomes) for one in found] == [
        ("Most of it comes from you, by these channels:", ""), ("", "Most of it comes from you, by these channels:"),
    ]  # fmt: skip


def test_a_change_inside_a_locked_value_is_about_its_promise(project, given):
    document = opened_document(given)
    place = paragraph(document, "We answer without undue delay")
    run = next(one for one in place.iter(qn("w:r")) if text_of(one) == "one\xa0month")
    run.addprevious(tracked("del", run_of("one\xa0month", "delText")))
    run.addprevious(tracked("ins", run_of("three weeks")))
    run.getparent().remove(run)
    one = only(review_document.review(project, saved(document)))
    assert (one.what, one.promise, one.was, one.becomes, one.who) == (
        "promise", "answer.within", "one\xa0month", "three weeks", WHO,
    )  # fmt: skip


def test_a_placeholder_too_long_for_a_tag_comes_back_whole(folder, request):
    path = folder / "policy.md"
    text = path.read_text("utf-8")
    path.write_text(text.replace("{{ table: ", "{{ table:" + " " * 80), "utf-8")
    project = request.getfixturevalue("project")
    content = notice_word.notice(project.written, "en")
    tags = [one.get(qn("w:val")) for one in opened_document(content).element.body.iter(qn("w:tag"))]
    cut = [one for one in tags if one.startswith("table:")]
    assert len(set(cut)) == len(cut) > 1
    assert all(len(one) <= notice_word.TAG_MAX for one in tags)
    found = review_document.review(project, content)
    assert (found.known, found.proposals) == (True, ())


def with_comments(document, words):
    """Put a comment on a paragraph, as Word does; python-docx writes the part."""
    place = next(one for one in document.paragraphs if words in one.text)
    document.add_comment(place.runs, "May we say when?", author=WHO)
    return saved(document)


def test_comments_and_their_answers_stay_with_their_clause(project, given):
    content = with_comments(opened_document(given), "Where we rely on your consent")
    one = only(review_document.review(project, content))
    assert (one.clause, one.what, one.remarks[0].who, one.remarks[0].text) == (
        "7",
        "comment",
        WHO,
        "May we say when?",
    )


def test_an_answer_to_a_comment_is_told_with_it(project, given):
    content = with_comments(opened_document(given), "Where we rely on your consent")
    out = io.BytesIO()
    w14 = "http://schemas.microsoft.com/office/word/2010/wordml"
    answer = (
        f'<w:comment w:id="77" w:author="Ada" w:date="{WHEN}" w:initials="A">'
        f'<w:p w14:paraId="0000002B"><w:r><w:t>We may.</w:t></w:r></w:p></w:comment></w:comments>'
    )
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            part = old.read(entry.filename)
            if entry.filename == "word/comments.xml":
                text = part.decode().replace("<w:p>", '<w:p w14:paraId="0000002A">', 1)
                text = (
                    text
                    if "xmlns:w14" in text
                    else text.replace("<w:comments ", f'<w:comments xmlns:w14="{w14}" ', 1)
                )
                part = text.replace("</w:comments>", answer).encode()
            new.writestr(entry.filename, part)
        new.writestr(
            "word/commentsExtended.xml",
            '<w15:commentsEx xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml">'
            '<w15:commentEx w15:paraId="0000002A" w15:done="0"/>'
            '<w15:commentEx w15:paraId="0000002B" w15:paraIdParent="0000002A" w15:done="0"/></w15:commentsEx>',
        )
    one = only(review_document.review(project, out.getvalue()))
    assert [remark.text for remark in one.remarks] == ["May we say when?", "We may."]
    assert one.remarks[1] == Remark("Ada", WHEN, "We may.")


def test_a_document_of_unknown_origin_tells_its_tracked_changes_alone(project, given):
    document = opened_document(given)
    document.core_properties.identifier = ""
    change(document, "as easily as you gave it", "as easily", "just as easily")
    found = review_document.review(project, saved(document))
    assert not found.known
    assert only(found).tracked


def zipped(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "not a Word document"),
        (zipped(other_xml="<x/>"), "no text in it"),
        (zipped(word__document_xml=ENTITIES), "declares entities"),
        (zipped(word__document_xml=ENTITIES.encode("utf-16")), "declares entities"),
        (zipped(word__document_xml=OUTSIDE), "declares entities"),
        (zipped(word__document_xml="<x>" * 5000), "not XML, or nested too deep"),
        (zipped(word__document_xml=b"<x>" + b" " * (word_review.PART_BYTES_MAX + 1)), "unpacks to more"),
        (b"P" * (word_review.FILE_BYTES_MAX + 1), "more than 20 MB"),
    ],
    ids=["text", "empty", "entities", "utf-16", "outside", "deep", "bomb", "huge"],
)
def test_a_hostile_file_is_refused_in_a_sentence(project, content, said):
    with pytest.raises(NotAllowedError, match=said):
        review_document.review(project, content)


def test_proposals_are_taken_one_by_one_or_declined_and_nothing_is_merged_by_itself(project, given):
    document = opened_document(given)
    change(document, "as easily as you gave it", "as easily", "just as easily")
    change(document, "We protect your data against", "We protect", "We guard")
    heading = paragraph(document, "9 Cookies")
    heading.append(tracked("ins", run_of(" and storage")))
    content = with_comments(document, "Where we rely on your consent")
    draft = draft_policy.begin(project, "l.weiss", "spring")
    review_document.propose(project, draft, content, "l.weiss")
    draft = draft_policy.opened(project, "spring")
    assert draft.changed == ()
    first, second, third = review_document.kept(project, draft)
    assert [one.proposal.clause for one in (first, second, third)] == ["7", "8", "9"]
    draft = review_document.take(project, draft, first.name, "l.weiss")
    assert "just as easily as you gave it" in clause_text.prose(draft.main, "7")
    assert [one["clause"] for one in draft.state["comments"]] == ["7"]
    draft = review_document.take(project, draft, third.name, "l.weiss")
    assert draft.main.by_number["9"].title == "Cookies and storage"
    draft = review_document.decline(project, draft, second.name, "l.weiss")
    assert [one.state for one in review_document.kept(project, draft)] == ["taken", "declined", "taken"]
    assert {one.clause for one in draft.changed} == {"7", "9"}
    with pytest.raises(NotAllowedError, match="taken already"):
        review_document.take(project, draft, first.name, "l.weiss")


def test_a_proposal_about_a_promise_is_for_its_form(project, given):
    document = opened_document(given)
    run = next(
        one for one in paragraph(document, "We answer without").iter(qn("w:t")) if one.text == "one\xa0month"
    )
    run.text = "a week"
    draft = draft_policy.begin(project, "l.weiss", "spring")
    review_document.propose(project, draft, saved(document), "l.weiss")
    draft = draft_policy.opened(project, "spring")
    (one,) = review_document.kept(project, draft)
    assert not one.proposal.tracked
    with pytest.raises(NotAllowedError, match=r"come from a promise \(`answer\.within`\)"):
        review_document.take(project, draft, one.name, "l.weiss")


def test_a_paragraph_that_changed_since_is_not_written_over(project, given):
    document = opened_document(given)
    change(document, "as easily as you gave it", "as easily", "just as easily")
    draft = draft_policy.begin(project, "l.weiss", "spring")
    draft = draft_policy.write_prose(project, draft, "policy.md", "7", "Otherwise now.", "l.weiss")
    review_document.propose(project, draft, saved(document), "l.weiss")
    draft = draft_policy.opened(project, "spring")
    (one,) = review_document.kept(project, draft)
    with pytest.raises(NotAllowedError, match="not in the draft as it was given out"):
        review_document.take(project, draft, one.name, "l.weiss")


def test_the_commands_give_out_and_take_back(folder):
    assert troth(folder, "notice", "--format", "docx", "-o", folder / "n.docx").code == 0
    document = opened_document((folder / "n.docx").read_bytes())
    change(document, "as easily as you gave it", "as easily", "just as easily")
    (folder / "back.docx").write_bytes(saved(document))
    shown = troth(folder, "review", folder / "back.docx")
    assert "1: clause 7, words, Camille Baron on 2026-11-20" in shown.out
    troth(folder, "policy", "draft", "begin", "--name", "spring", "--staff", "l.weiss")
    assert troth(folder, "review", folder / "back.docx", "--draft", "spring", "--staff", "l.weiss").code == 0
    (one,) = json.loads(troth(folder, "policy", "draft", "proposals", "spring", "--json").out)
    assert troth(folder, "policy", "draft", "take", "spring", one["name"], "--staff", "l.weiss").code == 0
    assert "just as easily" in troth(folder, "policy", "draft", "text", "spring", "7").out
    assert troth(folder, "policy", "draft", "decline", "spring", one["name"], "--staff", "l.weiss").code == 2
    assert "There is no file" in troth(folder, "review", folder / "none.docx").err
