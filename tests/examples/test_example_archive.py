"""The example's contracts move to an archive when they end, few may read it there, and the last stage lets them go."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager

import pytest

from troth import wiring
from troth.stores.contract import Who
from troth.work import publish_policy, sweep, tell_owners
from troth.work.audit import judge_one
from troth.work.project import Project

NAMES = ("crm.contract.contracts", "crm.contract_archive.contracts")
PROMISE = "7.2.5/retention/contracts"


@contextmanager
def company(folder, urls, clock, monkeypatch):
    import databases

    for name, value in databases.environment(urls).items():
        monkeypatch.setenv(name, value)
    made = wiring.open_project(databases.project(folder / "project", urls))
    project = Project(
        made.settings,
        clock,
        made.open_policy,
        made.open_ledger,
        made.open_maps,
        made.open_store,
        made.open_mailer,
    )
    publish_policy.publish_policy(project.ledger, project.policy, None, clock.now.date())
    yield project
    project.close()
    project.ledger.close()


def moved(project, clock):
    """Mark both stages, wait for the grace, and let the worker act; return how many rows went of each."""
    found = sweep.mark(project, NAMES, staff="marie")
    assert [(one.bound.name, one.rows) for one in found] == [(NAMES[0], 14), (NAMES[1], 3)]
    clock.forward(days=8)
    return {one.bound.name: one.rows for one in sweep.act(project)}


def test_on_sqlite_they_move_and_go_and_nobody_can_say_who_reads_them(tmp_path, clock, monkeypatch):
    import databases

    urls = databases.create(tmp_path / "demo")
    with company(tmp_path, urls, clock, monkeypatch) as project:
        assert moved(project, clock) == {NAMES[0]: 14, NAMES[1]: 3}
        with closing(sqlite3.connect(tmp_path / "demo" / "crm.db")) as crm:
            assert crm.execute("SELECT count(*) FROM contract").fetchone() == (22,)
            assert crm.execute("SELECT count(*) FROM contract_archive").fetchone() == (19,)
            email = crm.execute(
                "SELECT signatory_email FROM contract_archive WHERE put_by LIKE 'sweep/%' AND signatory_email <> ''"
            ).fetchone()[0]
        found = project.stores["crm"].find([Who("one", (("email", email),))])
        assert any(one.table == "contract_archive" for one in found), "who asks is answered from it too"
        sweep.look(project, NAMES)
        assert judge_one(project, PROMISE, record=False)[0].word == "unproven"


@pytest.mark.slow
def test_on_postgresql_the_audit_sees_who_else_can_read_the_archive(tmp_path, clock, monkeypatch, postgresql):
    import databases
    import psycopg

    urls = databases.create(tmp_path / "demo", postgresql)
    with company(tmp_path, urls, clock, monkeypatch) as project:
        sweep.look(project, NAMES)
        before, _ = judge_one(project, PROMISE, record=False)
        assert (before.word, before.remedy) == ("broken", f"troth sweep mark {' '.join(NAMES)} --staff WHO")
        assert moved(project, clock) == {NAMES[0]: 14, NAMES[1]: 3}
        sweep.look(project, NAMES)
        assert judge_one(project, PROMISE, record=False)[0].word == "kept"
        with psycopg.connect(postgresql, autocommit=True) as connection:
            connection.execute("CREATE ROLE example_campaigns LOGIN")
            try:
                connection.execute("GRANT SELECT ON contract_archive TO example_campaigns")
                (_, archive) = sweep.look(project, NAMES)
                assert archive.beyond == ("example_campaigns",)
                assert judge_one(project, PROMISE, record=False)[0].word == "broken"
                connection.execute("REVOKE SELECT ON contract_archive FROM example_campaigns")
                sweep.look(project, NAMES)
                assert judge_one(project, PROMISE, record=False)[0].word == "kept"
            finally:
                connection.execute("REVOKE ALL ON contract_archive FROM example_campaigns")
                connection.execute("DROP ROLE example_campaigns")


def test_counsel_is_told_that_contracts_move_to_an_archive_and_not_that_they_go(tmp_path, clock, monkeypatch):
    import databases

    urls = databases.create(tmp_path / "demo")
    with company(tmp_path, urls, clock, monkeypatch) as project:
        sweep.mark(project, NAMES, staff="marie")
        moving, going = (tell_owners.said(one, "en") for one in tell_owners.owners(project))
        assert "14 rows of crm.contract are in use no more" in moving
        assert "They move to their archive from" in moving
        assert "3 rows of crm.contract_archive have outlived" in going
