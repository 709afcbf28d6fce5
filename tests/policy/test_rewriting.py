"""One value of a promise is written otherwise, and every other byte stays."""

import pytest

from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.policy.rewriting import rewritten
from writing_policies import first_project, read


def changed(promise, path, value):
    files = first_project()
    file, text = rewritten(read(files), promise, path, value)
    before, after = files[file].split("\n"), text.split("\n")
    return [(was, now) for was, now in zip(before, after, strict=False) if was != now], len(after) - len(
        before
    )


def test_a_value_of_a_block_a_table_and_a_mapping_on_one_line():
    assert changed("7/consent", "valid_for", "12 months") == (
        [("  valid_for: 24 months", "  valid_for: 12 months")],
        0,
    )
    assert changed("9/cookies", "table.visits.data_kept", "6 months")[0] == [
        ("      data_kept: 13 months", "      data_kept: 6 months")
    ]
    ((_, now),), _ = changed("8/security", "breach.authority_within", "24 hours")
    assert now == "  breach: {authority_within: 24 hours, subjects_when_high_risk: true}"


def test_a_list_is_written_whole():
    ((_, now),), _ = changed("10/change", "announced_by", "[portal, email]")
    assert now == "  announced_by: [portal, email]"


def test_what_is_not_written_yet_becomes_a_line_of_its_own():
    files = first_project()
    file, text = rewritten(read(files), "10/change", "announced_unless", "[promises_more]")
    assert "  announced_unless: [promises_more]\n  announced_by:" in text
    assert read({**files, file: text}).change.announced_unless == ("promises_more",)


def test_a_value_that_would_make_the_file_wrong_is_refused_with_its_place():
    with pytest.raises(WrongFileError, match="valid_for"):
        changed("7/consent", "valid_for", "12")
    with pytest.raises(WrongFileError, match="no field called"):
        changed("7/consent", "valid_form", "12 months")


def test_what_is_not_there_is_said():
    with pytest.raises(NotFoundError, match="no promise 'nothing'"):
        changed("nothing", "a", "b")
    with pytest.raises(NotFoundError, match="has no value called"):
        changed("9/cookies", "table.other.lifetime", "1 month")
    with pytest.raises(NotAllowedError, match="on one line"):
        changed("7/consent", "valid_for", "1\nmonth")
