"""What a form says of a clause is saved over what its writer saw, also where others write at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from shop_project import opened
from troth.errors import ConflictError
from troth.policy import clause_text
from troth.work import draft_policy, write_clause

CLAUSES = ("1", "6.3", "7")


def saved_at_once(folder, clock, jobs):
    """Save each text with a connection of its own, all at the same moment; return what became of each."""
    begun = draft_policy.begin(first := opened(folder, clock), "marie", "spring")
    first.close()
    first.ledger.close()
    start = Barrier(len(jobs))

    def save(job):
        clause, words = job
        project = opened(folder, clock)
        seen = write_clause.text_seen(begun, "policy.md", clause)
        start.wait(60)
        try:
            write_clause.save_text(project, "spring", "policy.md", clause, "", words, "marie", seen)
        except ConflictError:
            return ""
        finally:
            project.close()
            project.ledger.close()
        return words

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(save, jobs))


def test_three_clauses_that_are_saved_at_once_are_all_saved(folder, clock, project):
    jobs = [(clause, f"Words of {clause}.") for clause in CLAUSES]
    assert saved_at_once(folder, clock, jobs) == [words for _, words in jobs]
    main = draft_policy.opened(project, "spring").main
    assert [clause_text.prose(main, clause) for clause in CLAUSES] == [words for _, words in jobs]


def test_of_three_who_save_one_clause_at_once_one_saves_and_is_written_over_by_none(folder, clock, project):
    told = saved_at_once(folder, clock, [("7", f"Words of {who}.") for who in ("one", "two", "three")])
    (kept,) = filter(None, told)
    assert clause_text.prose(draft_policy.opened(project, "spring").main, "7") == kept


def test_a_promise_that_is_gone_is_removed_again_without_a_word(project):
    draft = draft_policy.begin(project, "marie", "spring")
    seen = write_clause.promise_seen(draft, "7", "consent", "")
    for _ in range(2):
        write_clause.save_promise(project, "spring", "7", ("consent", ""), None, "marie", seen)
    now = draft_policy.opened(project, "spring")
    assert clause_text.promise_value(now.main, "7", "consent", "") is None
    with pytest.raises(ConflictError, match="since you opened it"):
        write_clause.save_promise(
            project, "spring", "7", ("consent", ""), {"valid_for": "6 months"}, "marie", seen
        )
