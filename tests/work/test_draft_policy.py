"""A policy is drafted clause by clause, advised on, approved by somebody else, accepted and published."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from commanding import troth
from shop_project import opened
from troth.errors import ConflictError, NotAllowedError, WrongFileError
from troth.ledger import rebuild
from troth.policy import clause_text
from troth.work import accept_draft, draft_policy

WRITER, COUNSEL, OFFICER = "l.weiss", "c.baron", "dpo.lenoir"
WORDS = "We ask again after {{ consent.valid_for }}, and never sooner."


@pytest.fixture
def git(folder):
    """The project's folder, kept in git."""
    for words in (
        ["init", "-q"], ["config", "user.name", "Registry"], ["config", "user.email", "registry@company.example"],
        ["add", "."], ["commit", "-q", "-m", "First"],
    ):  # fmt: skip
        subprocess.run(["git", "-C", folder, *words], check=True)
    return folder


def log(folder, form="%an <%ae>%n%B"):
    return subprocess.run(
        ["git", "-C", folder, "log", "-1", f"--format={form}"], check=True, capture_output=True, text=True
    ).stdout


def begun(made, name="spring"):
    return draft_policy.begin(made, WRITER, name)


def in_both(made, draft):
    """Write the clause on consent in both languages."""
    draft = draft_policy.write_prose(made, draft, "policy.md", "7", WORDS, WRITER)
    french = clause_text.prose(draft.documents["policy.fr.md"], "7") + "\n\nJamais plus tôt."
    return draft_policy.write_prose(made, draft, "policy.fr.md", "7", french, WRITER)


def shorter(made, draft):
    value = clause_text.promise_value(draft.main, "6.3", "notify_recipients", "")
    return draft_policy.write_promise(
        made, draft, "6.3", "notify_recipients", "", {**value, "within": "3 days"}, WRITER
    )


def approved(made, draft):
    return draft_policy.approve(made, draft, COUNSEL)


def test_the_file_stays_as_it_is_while_a_draft_is_written_and_nothing_of_the_draft_is_lost(
    folder, clock, project
):
    before = (folder / "policy.md").read_bytes()
    draft = shorter(project, in_both(project, begun(project)))
    assert (folder / "policy.md").read_bytes() == before
    again = draft_policy.opened(opened(folder, clock), "spring")
    assert again.files == draft.files
    assert clause_text.prose(again.main, "7") == WORDS
    assert [(one.file, one.clause) for one in again.changed] == [
        ("policy.md", "6.3"), ("policy.md", "7"), ("policy.fr.md", "7"),
    ]  # fmt: skip
    expected = before.decode().replace("within: 1 week", "within: 3 days")
    assert draft.files["policy.md"].replace(WORDS, "") == expected.replace(
        clause_text.prose(draft_policy.parse(before.decode(), "policy.md"), "7"), ""
    )


def test_its_state_is_folded_from_events_alone(project):
    draft = in_both(project, begun(project))
    draft_policy.comment(project, draft, "7", "Is that so?", OFFICER)
    before = draft_policy.every(project)
    rebuild.rebuild(project.ledger)
    assert draft_policy.every(project) == before
    assert "Is that so?" not in json.dumps(before)


def test_a_clause_changed_in_one_language_is_stale_in_the_other(project):
    draft = draft_policy.write_prose(project, begun(project), "policy.md", "7", WORDS, WRITER)
    assert draft_policy.stale_clauses(draft) == {"7": ("policy.fr.md",)}
    assert draft_policy.stale_clauses(in_both(project, draft)) == {}


def test_findings_live_on_the_draft(project):
    draft = begun(project)
    assert [one for one in draft_policy.findings(project, draft) if one.severity == "error"] == []
    draft = draft_policy.write_prose(
        project, draft, "policy.md", "6.2", "Within {{ answer.soon }}, in 3 weeks.", WRITER
    )
    errors = [one for one in draft_policy.findings(project, draft) if one.severity == "error"]
    assert {one.clause for one in errors if "soon" in one.says} == {"6.2"}
    with pytest.raises(NotAllowedError, match=r"mistakes are left in the draft; the first: policy\.md"):
        approved(project, draft)


def test_who_wrote_does_not_approve_alone(project):
    draft = in_both(project, begun(project))
    draft = draft_policy.approve(project, draft, WRITER)
    with pytest.raises(NotAllowedError, match="Who wrote does not approve alone"):
        accept_draft.accept(project, draft, WRITER)
    assert accept_draft.accept(project, approved(project, draft), COUNSEL).number


def test_the_officer_advises_and_never_approves(project):
    draft = in_both(project, begun(project))
    draft_policy.advise(project, draft, "agrees", "The term can be kept.", OFFICER)
    draft = draft_policy.opened(project, "spring")
    with pytest.raises(NotAllowedError, match="does not approve it"):
        draft_policy.approve(project, draft, OFFICER)
    with pytest.raises(NotAllowedError, match="Nobody approved it yet"):
        accept_draft.accept(project, draft, OFFICER)


def test_who_approved_does_not_advise_as_officer_afterwards(project):
    draft = approved(project, in_both(project, begun(project)))
    with pytest.raises(NotAllowedError, match="approved a draft does not advise on it"):
        draft_policy.advise(project, draft, "agrees", "Fine.", COUNSEL)
    draft_policy.advise(project, draft, "agrees", "Fine.", OFFICER)


def test_a_language_that_was_deleted_meanwhile_is_there_again_where_yours_is_kept(folder, project):
    draft = in_both(project, begun(project))
    (folder / "policy.fr.md").unlink()
    renewed = draft_policy.renew(project, draft, {("policy.fr.md", "7"): "yours"}, WRITER)
    assert renewed.files == draft.files
    accept_draft.accept(project, approved(project, renewed), COUNSEL)
    assert draft_policy.written_files(project) == draft.files
    accept_draft.undo(project, draft_policy.opened(project, "spring"), COUNSEL)
    assert not (folder / "policy.fr.md").exists()


def test_a_change_after_the_approval_is_approved_anew(project):
    draft = shorter(project, approved(project, in_both(project, begun(project))))
    with pytest.raises(NotAllowedError, match="changed after it was approved"):
        accept_draft.accept(project, draft, COUNSEL)


def test_two_who_write_at_once_do_not_overwrite_each_other(project):
    draft = begun(project)
    in_both(project, draft)
    with pytest.raises(ConflictError):
        draft_policy.write_prose(project, draft, "policy.md", "8", "Otherwise.", COUNSEL)


def test_comments_are_answered_and_settled_and_lie_in_the_vault(project):
    draft = begun(project)
    first = draft_policy.comment(project, draft, "7", "Why never sooner?", OFFICER)
    answer = draft_policy.comment(
        project, draft_policy.opened(project, "spring"), "7", "The law.", WRITER, first.id
    )
    draft_policy.settle(project, draft_policy.opened(project, "spring"), first.id, OFFICER)
    draft = draft_policy.opened(project, "spring")
    assert draft.state["settled"] == [first.id]
    assert draft_policy.texts(project, draft, draft.state["comments"]) == {
        first.id: "Why never sooner?", answer.id: "The law.",
    }  # fmt: skip


def test_a_commit_is_written_where_there_is_git(git, clock):
    made = opened(git, clock)
    draft = approved(made, shorter(made, in_both(made, begun(made))))
    done = accept_draft.accept(made, draft, COUNSEL, "Camille Baron <c.baron@company.example>")
    assert log(git) == (
        "Camille Baron <c.baron@company.example>\nChange clauses 6.3, 7 of the policy\n\n"
        "- policy.md, 6.3: Telling those who received your data\n- policy.md, 7: Consent\n"
        "- policy.fr.md, 7: Consentement\n\n"
        "Draft: spring\nWritten by: l.weiss\nApproved by: c.baron\nAccepted by: c.baron\n\n"
    )
    assert log(git, "%H").strip() == done.commit
    assert (git / "policy.md").read_text("utf-8") == draft.files["policy.md"]
    assert str(made.written.notify_recipients.within) == "3 days"
    assert draft_policy.opened(made, "spring").state["status"] == "accepted"


def test_an_acceptance_cut_short_between_the_files_is_carried_on(git, clock):
    made = opened(git, clock)
    draft = approved(made, in_both(made, begun(made)))
    (git / "policy.md").write_text(draft.files["policy.md"], "utf-8")
    accept_draft.accept(made, draft, COUNSEL)
    assert draft_policy.written_files(made) == draft.files
    commit = draft_policy.opened(made, "spring").state["commit"]
    assert commit == log(git, "%H").strip()


def test_an_acceptance_cut_short_before_its_event_finds_its_commit(git, clock):
    made = opened(git, clock)
    draft = approved(made, in_both(made, begun(made)))
    for file, text in draft.files.items():
        (git / file).write_text(text, "utf-8")
    subprocess.run(["git", "-C", git, "commit", "-qam", "As it was before the crash"], check=True)
    assert accept_draft.accept(made, draft, COUNSEL).commit == log(git, "%H").strip()
    assert log(git, "%s").strip() == "As it was before the crash"


def test_a_hook_that_refuses_leaves_the_files_as_they_were_and_says_why(git, clock):
    hook = git / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'Legal has not signed.' >&2\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    made = opened(git, clock)
    draft = approved(made, in_both(made, begun(made)))
    with pytest.raises(NotAllowedError, match=r"git commit was refused.*It said: Legal has not signed\."):
        accept_draft.accept(made, draft, COUNSEL)
    assert draft_policy.written_files(made) == draft.base
    status = subprocess.run(
        ["git", "-C", git, "status", "--porcelain", "policy.md"], check=True, capture_output=True
    )
    assert status.stdout == b""
    hook.unlink()
    assert accept_draft.accept(made, draft, COUNSEL).commit


def hooked(git, name, script):
    """Give the repository a hook."""
    hook = git / ".git" / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    hook.chmod(0o755)
    return hook


def ready(made):
    return approved(made, in_both(made, begun(made)))


def test_an_acceptance_while_another_runs_is_refused_and_harms_nothing(git, clock, tmp_path):
    reached, goes_on = tmp_path / "reached", tmp_path / "goes-on"
    os.mkfifo(reached)
    os.mkfifo(goes_on)
    hooked(git, "pre-commit", f"echo >{reached}; read go <{goes_on}")
    made, beside = opened(git, clock), opened(git, clock)
    draft = ready(made)
    seen = draft_policy.opened(beside, "spring")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(accept_draft.accept, made, draft, COUNSEL)
        reached.read_text()
        try:
            with pytest.raises(ConflictError, match="right now"):
                accept_draft.accept(beside, seen, COUNSEL)
            with pytest.raises(ConflictError, match="right now"):
                accept_draft.put_in_force(beside)
        finally:
            goes_on.write_text("on\n")
        assert first.result(30).commit == log(git, "%H").strip()
    with pytest.raises(NotAllowedError, match="is accepted already"):
        accept_draft.accept(beside, seen, COUNSEL)
    assert draft_policy.written_files(made) == draft.files


def test_a_draft_that_changed_since_it_was_looked_at_is_not_accepted(project):
    seen = ready(project)
    approved(project, shorter(project, seen))
    with pytest.raises(ConflictError, match="changed since you opened it"):
        accept_draft.accept(project, seen, COUNSEL)


def test_a_commit_stands_though_a_hook_behind_it_does_not_end(git, clock, monkeypatch):
    monkeypatch.setattr("troth.outside.git.SECONDS", 2)
    hooked(git, "post-commit", "sleep 30")
    made = opened(git, clock)
    draft = ready(made)
    assert accept_draft.accept(made, draft, COUNSEL).commit == log(git, "%H").strip()
    assert draft_policy.written_files(made) == draft.files
    assert draft_policy.opened(made, "spring").state["status"] == "accepted"


def test_a_hook_before_the_commit_that_does_not_end_leaves_no_lock_behind(git, clock, monkeypatch):
    monkeypatch.setattr("troth.outside.git.SECONDS", 2)
    hook = hooked(git, "pre-commit", "sleep 30")
    made = opened(git, clock)
    draft = ready(made)
    with pytest.raises(NotAllowedError, match=r"did not end within 2 seconds\. Nothing is committed\."):
        accept_draft.accept(made, draft, COUNSEL)
    assert draft_policy.written_files(made) == draft.base
    hook.unlink()
    assert accept_draft.accept(made, draft, COUNSEL).commit


def test_a_hook_that_writes_another_text_does_not_get_it_accepted(git, clock):
    hook = hooked(git, "pre-commit", "echo '<!-- mine -->' >>policy.md; git add policy.md")
    made = opened(git, clock)
    draft, before = ready(made), log(git, "%H")
    with pytest.raises(NotAllowedError, match=r"would keep of policy\.md is not the text"):
        accept_draft.accept(made, draft, COUNSEL)
    assert log(git, "%H") == before
    assert draft_policy.written_files(made) == draft.base
    assert draft_policy.opened(made, "spring").state["status"] == "open"
    status = subprocess.run(
        ["git", "-C", git, "status", "--porcelain", "policy.md", "policy.fr.md"],
        check=True,
        capture_output=True,
    )
    assert status.stdout == b""
    hook.unlink()
    assert accept_draft.accept(made, draft, COUNSEL).commit


def test_lines_that_git_keeps_otherwise_are_the_same_text(git, clock):
    subprocess.run(["git", "-C", git, "config", "core.autocrlf", "input"], check=True)
    for file in ("policy.md", "policy.fr.md"):
        text = (git / file).read_bytes()
        (git / file).write_bytes(text.replace(b"\n", b"\r\n"))
    subprocess.run(["git", "-C", git, "add", "."], check=True, capture_output=True)
    made = opened(git, clock)
    draft = ready(made)
    assert accept_draft.accept(made, draft, COUNSEL).commit
    assert draft_policy.written_files(made) == draft.files


def test_what_was_never_committed_is_not_committed_with_a_draft(git, clock):
    (git / "policy.md").write_text((git / "policy.md").read_text("utf-8") + "\n<!-- mine -->\n", "utf-8")
    made = opened(git, clock)
    draft = approved(made, in_both(made, begun(made)))
    with pytest.raises(NotAllowedError, match=r"policy\.md has changes that were never committed"):
        accept_draft.accept(made, draft, COUNSEL)


def test_a_stale_draft_is_refused_both_are_shown_and_it_is_renewed(folder, project):
    draft = approved(project, in_both(project, begun(project)))
    path = folder / "policy.md"
    path.write_text(
        path.read_text("utf-8").replace("as easily as you gave it", "as easily as you said yes"), "utf-8"
    )
    theirs = path.read_bytes()
    with pytest.raises(
        ConflictError, match=r"The policy changed since the draft began: clause 7 of policy\.md\."
    ):
        accept_draft.accept(project, draft, COUNSEL)
    assert path.read_bytes() == theirs
    (one,) = [one for one in draft_policy.three_ways(project, draft) if one.disagree]
    assert ("gave it" in one.base, "said yes" in one.theirs, "never sooner" in one.yours) == (
        True,
        True,
        True,
    )
    with pytest.raises(ConflictError, match="Both sides changed clause 7"):
        draft_policy.renew(project, draft, {}, WRITER)
    draft = draft_policy.renew(project, draft, {("policy.md", "7"): "yours"}, WRITER)
    assert not any(one.moved for one in draft_policy.three_ways(project, draft))
    assert clause_text.prose(draft.main, "7") == WORDS
    assert accept_draft.accept(project, approved(project, draft), COUNSEL).files == (
        "policy.md",
        "policy.fr.md",
    )


def test_numbered_versions_are_kept_beside_and_undone(folder, project):
    before = draft_policy.written_files(project)
    draft = approved(project, in_both(project, begun(project)))
    assert accept_draft.accept(project, draft, COUNSEL).number == 2
    kept = sorted(path.relative_to(folder).as_posix() for path in folder.glob("policy.versions/*/*"))
    assert kept == [
        f"policy.versions/000{n}/{file}" for n in (1, 2) for file in ("policy.fr.md", "policy.md")
    ]
    assert accept_draft.undo(project, draft_policy.opened(project, "spring"), COUNSEL) == 3
    assert draft_policy.written_files(project) == before


def test_a_draft_is_dated_published_for_a_later_day_and_holds_from_it(project, clock):
    draft = in_both(project, begun(project))
    draft = draft_policy.set_date(project, draft, "0.2.0", date(2027, 1, 15), WRITER)
    accept_draft.accept(project, approved(project, draft), COUNSEL)
    accept_draft.put_in_force(project)
    assert (project.written.version, project.written.effective) == ("0.2.0", date(2027, 1, 15))


def test_a_published_draft_comes_into_force_on_its_day(git, clock):
    made = opened(git, clock)
    accept_draft.put_in_force(made)
    subprocess.run(["git", "-C", git, "add", "policy.lock"], check=True)
    subprocess.run(["git", "-C", git, "commit", "-qm", "Lock"], check=True)
    draft = draft_policy.set_date(made, in_both(made, begun(made)), "0.2.0", date(2027, 1, 15), WRITER)
    accept_draft.accept(made, approved(made, draft), COUNSEL)
    accept_draft.publish(made, draft_policy.opened(made, "spring"), COUNSEL)
    assert draft_policy.opened(made, "spring").state["status"] == "published"
    assert log(git, "%s").strip() == "Publish version 0.2.0 of the policy"
    assert made.policy.version == "0.1.0"
    clock.forward(days=60)
    assert made.policy.version == "0.2.0"


def test_a_draft_is_published_though_git_does_not_take_the_lock(git, clock):
    hooked(git, "pre-commit", "git diff --cached --quiet -- policy.lock || { echo 'No locks.' >&2; exit 1; }")
    made = opened(git, clock)
    draft = draft_policy.set_date(made, in_both(made, begun(made)), "0.2.0", date(2027, 1, 15), WRITER)
    accept_draft.accept(made, approved(made, draft), COUNSEL)
    with pytest.raises(
        NotAllowedError, match=r"^Version 0\.2\.0 is published, in force.*It said: No locks\."
    ):
        accept_draft.publish(made, draft_policy.opened(made, "spring"), COUNSEL)
    assert draft_policy.opened(made, "spring").state["status"] == "published"
    assert made.last_published().version == "0.2.0"


def test_a_text_that_was_published_is_not_taken_back(project):
    draft = in_both(project, begun(project))
    draft = draft_policy.set_date(project, draft, "0.2.0", date(2027, 1, 15), WRITER)
    accept_draft.accept(project, approved(project, draft), COUNSEL)
    accept_draft.put_in_force(project)
    with pytest.raises(NotAllowedError, match=r"is published, as version 0\.2\.0"):
        accept_draft.undo(project, draft_policy.opened(project, "spring"), COUNSEL)
    assert draft_policy.written_files(project) == draft.files


def test_a_text_of_old_accepted_again_is_a_version_of_its_own_and_undone_to_the_one_before(folder, project):
    accept_draft.accept(project, ready(project), COUNSEL)
    accept_draft.undo(project, draft_policy.opened(project, "spring"), COUNSEL)
    path = folder / "policy.md"
    old = path.read_bytes()
    mine = old.replace(b"as easily as you gave it", b"as easily as you said yes")
    path.write_bytes(mine)
    words = clause_text.prose(draft_policy.parse(old.decode(), "policy.md"), "7")
    draft = draft_policy.write_prose(project, begun(project, "back"), "policy.md", "7", words, WRITER)
    assert draft.files["policy.md"].encode() == old
    assert accept_draft.accept(project, approved(project, draft), COUNSEL).number == 5
    accept_draft.undo(project, draft_policy.opened(project, "back"), COUNSEL)
    assert path.read_bytes() == mine


def test_a_draft_with_mistakes_gets_no_date(project):
    draft = draft_policy.write_prose(project, begun(project), "policy.md", "7", "{{ nothing }}", WRITER)
    with pytest.raises(WrongFileError):
        draft_policy.set_date(project, draft, "0.2.0", date(2027, 1, 15), WRITER)


def test_every_command_of_a_draft(folder, clock):
    def said(*words, code=0):
        found = troth(folder, "policy", "draft", *words)
        assert found.code == code, found
        return found.out

    assert "begun by l.weiss" in said("begin", "--name", "spring", "--staff", WRITER)
    (folder / "clause.md").write_text(WORDS, "utf-8")
    shown = said("text", "spring", "7")
    assert "as easily as you gave it" in shown
    said("text", "spring", "7", "--file", folder / "clause.md", "--staff", WRITER)
    assert "Clause 7 is stale: policy.fr.md" in said("show", "spring")
    said("text", "spring", "7", "--language", "fr", "--file", folder / "clause.md", "--staff", WRITER)
    assert "within.number" in said("promise", "spring", "6.3", "notify_recipients")
    said("promise", "spring", "6.3", "notify_recipients", "--field", "within.number=3", "--field", "within.unit=days",
         "--staff", WRITER)  # fmt: skip
    wrong = troth(folder, "policy", "draft", "promise", "spring", "6.3", "notify_recipients", "--field",
                  "within.unit=moons", "--staff", WRITER)  # fmt: skip
    assert (wrong.code, wrong.err) == (2, "within.number: Write a number and choose its unit.\n")
    event = json.loads(said("comment", "spring", "7", "Why?", "--staff", OFFICER, "--json"))["event"]
    said("comment", "spring", "7", "Because.", "--about", event, "--settle", "--staff", WRITER)
    said("advise", "spring", "agrees", "Fine.", "--staff", OFFICER)
    assert "3 days" in said("diff", "spring")
    assert json.loads(said("diff", "spring", "--json"))["weighed"]["differences"][0]["becomes"] == "3 days"
    said("date", "spring", "--version", "0.2.0", "--effective", "2099-01-15", "--staff", WRITER)
    assert "The files say what they said" in said("conflicts", "spring")
    said("renew", "spring", "--staff", WRITER)
    assert "Approved by c.baron" in said("approve", "spring", "--staff", COUNSEL)
    assert "policy.versions/" in said("accept", "spring", "--staff", COUNSEL)
    assert "Version 0.2.0 is published" in said("publish", "spring", "--staff", COUNSEL)
    said("begin", "--name", "other", "--staff", WRITER)
    said("drop", "other", "--staff", WRITER)
    rows = json.loads(said("list", "--json"))
    assert {one["name"]: one["status"] for one in rows} == {"spring": "published", "other": "dropped"}
    assert "no draft 'none'" in troth(folder, "policy", "draft", "show", "none").err


def test_what_could_not_be_published_is_not_accepted_and_the_text_in_force_stays(project):
    accept_draft.put_in_force(project)
    before, draft = draft_policy.written_files(project), ready(project)
    with pytest.raises(WrongFileError, match=r"Version 0\.1\.0 is published already"):
        accept_draft.accept(project, draft, COUNSEL)
    other = draft_policy.write_prose(project, begun(project, "autumn"), "policy.md", "7", WORDS, WRITER)
    one_language = draft_policy.set_date(project, other, "0.2.0", date(2027, 1, 15), WRITER)
    with pytest.raises(WrongFileError, match="is stale"):
        accept_draft.accept(project, approved(project, one_language), COUNSEL)
    assert draft_policy.written_files(project) == before
    assert draft_policy.opened(project, "spring").state["status"] == "open"


def test_an_accepted_draft_is_not_in_force_before_it_is_published(folder, project, clock):
    accept_draft.put_in_force(project)
    before, today = project.policy.files["policy.md"], clock.now.date()
    draft = draft_policy.set_date(project, in_both(project, begun(project)), "0.2.0", today, WRITER)
    accept_draft.accept(project, approved(project, draft), COUNSEL)
    other = opened(folder, clock)
    assert [one.policy.version for one in (project, other)] == ["0.1.0", "0.1.0"]
    assert project.policy.files["policy.md"] == other.policy.files["policy.md"] == before
    accept_draft.publish(project, draft_policy.opened(project, "spring"), COUNSEL)
    assert [one.policy.version for one in (project, opened(folder, clock))] == ["0.2.0", "0.2.0"]
