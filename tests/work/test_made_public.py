"""What anybody could read has been copied: staff ask the others, and the answer says so (GDPR Art. 17(2))."""

import pytest

import story
from shop_project import opened
from troth.errors import NotFoundError
from troth.work import answer, audit, carry_on, request_file, settle_recipient

FORUM = "our forum, which anybody can read"


@pytest.fixture
def project(folder, clock):
    """The shop, whose messages anybody can read."""
    file = folder / "stores" / "shop.yaml"
    text = file.read_text()
    columns = "    columns: {id: key, customer_id: link, author: identity, body: contact}\n"
    assert columns in text
    file.write_text(text.replace(columns, f"{columns}    made_public: {FORUM}\n"))
    made = opened(folder, clock)
    yield made
    made.close()
    made.ledger.close()


def test_an_erasure_gives_staff_the_task_once_and_the_answer_tells_what_was_done(project, letters):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    recipients = story.state(project, number)["claims"]["c1"]["recipients"]
    assert recipients["shop.message"] == "task"
    broken = next(one for one in audit.audit(project) if one.promise.endswith("/notify_recipients"))
    assert any("shop.message is not told yet" in place for place in broken.broken_by)
    settle_recipient.told(
        project, number, "c1", "shop.message", "marie", "asked two search engines to drop it"
    )
    carry_on.carry_on(project, number)
    assert story.state(project, number)["claims"]["c1"]["recipients"]["shop.message"] == "told"


def test_the_answer_names_the_place_and_not_the_table(project):
    number = story.ask(project, "erase")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    settle_recipient.told(
        project, number, "c1", "shop.message", "marie", "asked two search engines to drop it"
    )
    told = answer.said(project, number)[1]["recipients"]
    assert f"Others who may have copies of what could be read in {FORUM}: told on 23 November 2026" in [
        line.replace("\xa0", " ") for line in told
    ]


def test_where_nothing_of_it_went_nobody_is_asked(project):
    number = story.ask(project, "erase", email="eve@example.org")
    story.grant_erasure(project, number)
    carry_on.carry_on(project, number)
    assert "shop.message" not in story.state(project, number)["claims"]["c1"]["recipients"]


def test_a_number_without_its_zeros_is_understood_in_the_sentence(project):
    number = story.ask(project, "access")
    assert number == "2026-0001"
    for written in ("2026-1", "2026-001", "20260001", " 2026/1"):
        with pytest.raises(NotFoundError, match=r"Did you mean 2026-0001\?"):
            request_file.load(project, written)
    with pytest.raises(NotFoundError) as told:
        request_file.load(project, "2026-2")
    assert "mean" not in str(told.value)


def test_numbers_go_on_after_the_last(project):
    assert [story.ask(project, "access") for _ in range(3)] == ["2026-0001", "2026-0002", "2026-0003"]
