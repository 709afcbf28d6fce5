"""Answers to questions: at once from a small ledger, and beside the page where many events must be read first.

An answer that somebody waited for is kept for some minutes, so that the page and its files show the same; whoever asks
again gets a new one.  It says itself from which checkpoint it is.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from troth.errors import ConflictError, NotAllowedError, TrothError
from troth.faces.console.progress import Works
from troth.ledger import read
from troth.rules.question import Reader
from troth.work import answer_question
from troth.work.answer_question import Given, Narrowed

AT_ONCE = 3_000
"""How many events a ledger has at most so that an answer is looked up while the page is drawn."""
WAITS_SECONDS = 0.15
"""How long a page waits for an answer before it is drawn without: most look at few events, whatever there are."""
KEPT = timedelta(minutes=10)
KEPT_MAX = 20


@dataclass(frozen=True, slots=True)
class Sought:
    """A question that is about nobody, as it is asked: narrowed to what, in which language, for which reader."""

    question: str
    narrowed: Narrowed
    language: str
    reader: Reader

    @property
    def name(self) -> str:
        """Name the work of answering it, the same for the same question."""
        return f"answer/{self.question}/{sha256(repr(self).encode()).hexdigest()}"


@dataclass(slots=True)
class Beside:
    """The answers of one server that are looked up beside their pages, and those kept that somebody waited for."""

    works: Works
    _awaited: dict[str, None] = field(default_factory=dict, repr=False)

    def now(self, sought: Sought, staff: str) -> Given:
        """Look the answer up now, however long that takes."""
        return answer_question.answer(
            self.works.project, sought.question, sought.narrowed, language=sought.language, reader=sought.reader,
            staff=staff,
        )  # fmt: skip

    def answer(self, sought: Sought, staff: str) -> Given | None:
        """Return the answer, or None while it is looked up: then ask again once that has ended.

        Raises what the question raises, for whoever waited too.
        """
        if not read.has_more_than(self.works.project.ledger, AT_ONCE):
            return self.now(sought, staff)
        if (found := self.kept(sought)) is not None:
            return found
        run = self.works.last(sought.name)
        if run is None or run.ended is not None:
            self._begin(sought, staff)
            self.works.wait(sought.name, WAITS_SECONDS)
            run = self.works.last(sought.name)
        if run is None or run.ended is None:
            self._awaited[sought.name] = None
            return None
        return self._ended(run.failed, run.result)

    def kept(self, sought: Sought) -> Given | None:
        """Return the answer that was waited for, while it is kept; None where there is none."""
        run = self.works.last(sought.name)
        if sought.name not in self._awaited or run is None or run.ended is None:
            return None
        if run.failed or isinstance(run.result, TrothError):
            self.forget(sought)
            return self._ended(run.failed, run.result)
        return run.result if self.works.project.clock() - run.ended < KEPT else None

    def forget(self, sought: Sought) -> None:
        """Let a kept answer go: whoever asks next gets a new one."""
        self._awaited.pop(sought.name, None)

    def _begin(self, sought: Sought, staff: str) -> None:
        def work(_: object) -> Given | TrothError:
            try:
                return self.now(sought, staff)
            except TrothError as error:  # whoever asked is told it with its kind
                return error

        self.works.let_go("answer/", KEPT_MAX, KEPT)
        known = [one for one in list(self._awaited) if self.works.last(one) and one != sought.name]
        self._awaited = dict.fromkeys(known)
        with suppress(ConflictError):  # somebody else asked at the same moment
            self.works.begin(sought.name, staff, work, leased=None)

    @staticmethod
    def _ended(failed: str, result: Given | TrothError) -> Given:
        if failed:
            raise NotAllowedError(failed)
        if isinstance(result, TrothError):
            raise result
        return result
