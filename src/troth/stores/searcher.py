"""Looking for very many byte strings at once, at the speed of memory.

Hyperscan where it is installed, an Aho-Corasick automaton elsewhere: both find the same.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Literal

Engine = Literal["hyperscan", "ahocorasick"]
Match = tuple[int, int]
"""The number of a pattern, and where in the bytes it ends."""

_PER_DATABASE = 50_000
_CUT_MIN, _CUT_MAX = 8, 32
_TAIL = 8


def beginnings(patterns: Sequence[bytes]) -> list[bytes]:
    """Cut patterns to beginnings that are quick to look for; what is found must then be compared whole.

    A searcher looks at the last bytes of a pattern first.  Addresses of one provider all end
    alike, and so does half of what is searched, so each pattern is cut where its last bytes
    are the rarest among all patterns; the longest such beginning is taken.

    >>> beginnings([b"ada.martin@example.org", b"ben.martin@example.org"])
    [b'ada.martin', b'ben.martin']
    """
    tails: Counter[bytes] = Counter()
    for pattern in patterns:
        tails.update({pattern[end - _TAIL : end] for end in _cuts(pattern)})
    return [
        pattern[: min(_cuts(pattern), key=lambda end: (tails[pattern[end - _TAIL : end]], -end))]
        if len(pattern) > _CUT_MIN
        else pattern
        for pattern in patterns
    ]


def _cuts(pattern: bytes) -> range:
    return range(min(len(pattern), _CUT_MIN), min(len(pattern), _CUT_MAX) + 1)


class Searcher:
    """Patterns, each with whether the case of ASCII letters is ignored; made once, used on many bytes, by any thread.

    >>> searcher = Searcher([(b"ada", True), (b"Ada", False)])
    >>> sorted(searcher.find(b"ADA and Ada"))
    [(0, 3), (0, 11), (1, 11)]
    """

    def __init__(self, patterns: Sequence[tuple[bytes, bool]], engine: Engine | None = None) -> None:
        if any(not pattern for pattern, _ in patterns):
            raise ValueError("An empty pattern is everywhere: no pattern may be empty.")
        self.longest = max((len(pattern) for pattern, _ in patterns), default=0)
        chosen = engine or ("hyperscan" if find_spec("hyperscan") is not None else "ahocorasick")
        build = _hyperscan if chosen == "hyperscan" else _ahocorasick
        self._finders = [
            build(patterns[start : start + _PER_DATABASE], start)
            for start in range(0, len(patterns), _PER_DATABASE)
        ]

    def find(self, buffer: bytes) -> list[Match]:
        """Return every place of every pattern, overlapping ones too, in no order."""
        found: list[Match] = []
        for finder in self._finders:
            finder(buffer, found)
        return found

    def stream(self, chunks: Iterator[bytes]) -> Iterator[Match]:
        """Yield the matches in a text that comes in chunks, its ends counted from its beginning.

        The end of each chunk is looked at again with the next, so nothing is lost at a border.
        """
        kept, start = b"", 0
        for chunk in chunks:
            buffer = kept + chunk
            for pattern, end in self.find(buffer):
                if end > len(kept):
                    yield pattern, start + end
            keep = min(len(buffer), max(0, self.longest - 1))
            start += len(buffer) - keep
            kept = buffer[len(buffer) - keep :]


def _hyperscan(patterns: Sequence[tuple[bytes, bool]], first: int) -> Callable[[bytes, list[Match]], None]:
    import hyperscan

    databases = []
    for zero in (False, True):  # plain bytes compile twice as fast, and may not have a zero byte in them
        numbers = [number for number, (pattern, _) in enumerate(patterns) if (b"\0" in pattern) is zero]
        if not numbers:
            continue
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        texts = [patterns[number][0] for number in numbers]
        database.compile(
            expressions=[b"".join(b"\\x%02x" % byte for byte in text) for text in texts] if zero else texts,
            ids=[first + number for number in numbers],
            flags=[hyperscan.HS_FLAG_CASELESS if patterns[number][1] else 0 for number in numbers],
            literal=not zero,
        )
        databases.append(database)
    own = threading.local()  # a scratch is for one search at a time

    def find(buffer: bytes, found: list[Match]) -> None:
        def note(pattern: int, _start: int, end: int, _flags: int, _context: Any) -> None:
            found.append((pattern, end))

        if not hasattr(own, "scratches"):
            own.scratches = [hyperscan.Scratch(database) for database in databases]
        for database, scratch in zip(databases, own.scratches, strict=True):
            database.scan(buffer, match_event_handler=note, scratch=scratch)

    return find


def _ahocorasick(patterns: Sequence[tuple[bytes, bool]], first: int) -> Callable[[bytes, list[Match]], None]:
    import ahocorasick_rs

    automata = []
    for caseless in (True, False):
        numbers = [number for number, (_, ignored) in enumerate(patterns) if ignored is caseless]
        texts = [patterns[number][0].lower() if caseless else patterns[number][0] for number in numbers]
        if texts:
            automata.append((caseless, numbers, ahocorasick_rs.BytesAhoCorasick(texts)))

    def find(buffer: bytes, found: list[Match]) -> None:
        for caseless, numbers, automaton in automata:
            text = buffer.lower() if caseless else buffer
            for index, _start, end in automaton.find_matches_as_indexes(text, overlapping=True):
                found.append((first + numbers[index], end))

    return find
