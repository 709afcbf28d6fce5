"""Two searchers find the same, everywhere, and nothing is lost at a border."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.stores.searcher import Searcher

ENGINES = ["hyperscan", "ahocorasick"]


def plainly(patterns, text):
    """Find as slowly and as surely as can be."""
    found = []
    for number, (pattern, caseless) in enumerate(patterns):
        where, what = (text.lower(), pattern.lower()) if caseless else (text, pattern)
        found += [(number, start + len(what)) for start in range(len(where)) if where.startswith(what, start)]
    return sorted(found)


@pytest.fixture(params=ENGINES)
def engine(request):
    if request.param == "hyperscan":
        pytest.importorskip("hyperscan")
    return request.param


def test_overlapping_and_repeated_matches_are_all_found(engine):
    searcher = Searcher([(b"aa", False), (b"aaa", False), (b"aa", True)], engine)
    assert sorted(searcher.find(b"aAaaa")) == plainly(
        [(b"aa", False), (b"aaa", False), (b"aa", True)], b"aAaaa"
    )


def test_bytes_of_every_value_are_just_bytes(engine):
    patterns = [(bytes([byte, byte ^ 0x55]), False) for byte in range(256)] + [
        (b".*", False),
        (b"\\x41", True),
    ]
    text = b"".join(pattern for pattern, _ in patterns) + b"A anything"
    assert sorted(Searcher(patterns, engine).find(text)) == plainly(patterns, text)


def test_an_empty_pattern_is_refused(engine):
    with pytest.raises(ValueError, match="empty"):
        Searcher([(b"", False)], engine)


def test_no_patterns_find_nothing(engine):
    assert Searcher([], engine).find(b"anything") == []


def test_more_patterns_than_one_database_takes(engine):
    searcher = Searcher([(f"identifier-{number:06}".encode(), True) for number in range(60_000)], engine)
    assert sorted(searcher.find(b"x IDENTIFIER-000007 y identifier-059999 z")) == [(7, 19), (59_999, 39)]


def test_a_pattern_cut_at_any_place_is_found_once(engine):
    searcher = Searcher([(b"ada@example.org", True), (b"@", False)], engine)
    text = b"to Ada@Example.org now"
    for cut in range(len(text) + 1):
        assert sorted(searcher.stream(iter([text[:cut], text[cut:]]))) == [(0, 18), (1, 7)]
    assert sorted(searcher.stream(text[at : at + 1] for at in range(len(text)))) == [(0, 18), (1, 7)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=4), st.booleans()), min_size=1, max_size=8, unique=True
    ),
    st.lists(st.binary(max_size=12), max_size=6),
)
@pytest.mark.parametrize("name", ENGINES)
def test_chunks_are_searched_as_if_they_were_one(name, patterns, chunks):
    if name == "hyperscan":
        pytest.importorskip("hyperscan")
    searcher = Searcher(patterns, name)
    whole = plainly(patterns, b"".join(chunks))
    assert sorted(searcher.find(b"".join(chunks))) == whole
    assert sorted(searcher.stream(iter(chunks))) == whole
