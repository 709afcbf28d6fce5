"""The gate answers what the ledger answers, from a copy that follows it."""

import random
import time

import pytest

import story
from shop_project import make, opened
from troth.errors import ConflictError
from troth.ledger import subjects
from troth.ledger.replica import Replica, Table
from troth.rules.consent_form import Form
from troth.work import declare_refusals, record_form
from troth.work.gate import Gate
from troth.work.may import may
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_objection import record_objection

FORM = Form("sign-up", "en", "a" * 64, {"newsletter": "b" * 64, "audience": "c" * 64})
WEB = Asked("web", "en", form=FORM.interface_sha256)
ADA = ("email", "ada@example.org")


@pytest.fixture
def news(project):
    record_form.record_form(project, FORM)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    return project


@pytest.fixture
def gate(news, tmp_path):
    return Gate(news, tmp_path / "copy", follow=False)


def agreed(project, gate, who, purpose="newsletter", channel="email"):
    """Ask both ways, see that they agree, and return the code."""
    exact = may(project, [who], purpose, channel=channel)
    found = gate.may_address(*who, purpose, channel)
    assert (bool(found), found.code) == (exact.allowed, exact.reason.code), who
    assert found.reason == exact.reason
    return found.code


def test_it_answers_with_the_reason_and_sees_what_is_new(news, gate, clock):
    assert agreed(news, gate, ADA) == "no_consent"
    event = record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)[0]
    gate.refresh()
    assert agreed(news, gate, ADA) == "consented"
    by_subject = gate.may(event.subject, "newsletter", "email")
    assert by_subject
    assert by_subject.reason.event == event.id
    clock.forward(seconds=3)
    record_consent(news, [ADA], [Choice("newsletter", "withdrawn")], Asked("link", "en"))
    gate.refresh()
    assert agreed(news, gate, ADA) == "withdrawn"


def test_it_agrees_with_the_ledger_whatever_was_said(news, gate, clock):
    drawn = random.Random(7)
    people = [("email", f"p{number}@example.org") for number in range(6)]
    for _ in range(45):
        who = drawn.choice(people)
        said = drawn.choice(["given", "refused", "withdrawn", "object", "object all"])
        channel = drawn.choice(["email", "*"])
        if said.startswith("object"):
            purpose = "" if said.endswith("all") else "newsletter"
            record_objection(news, [who], purpose=purpose, channel=channel)
        else:
            how = drawn.choice([WEB, Asked("web", "en")])
            record_consent(
                news, [who], [Choice(drawn.choice(["newsletter", "audience"]), said, channel)], how
            )
        clock.forward(seconds=drawn.choice([0, 0.4, 2]))
    gate.refresh()
    seen = set()
    for who in [*people, ("email", "p1+tag@example.org"), ("email", "nobody@example.org")]:
        for purpose in ("newsletter", "audience", "orders", "nonsense"):
            seen.add(agreed(news, gate, who, purpose, "email" if purpose == "newsletter" else None))
    assert len(seen) > 4


def test_restriction_erasure_and_forgetting_reach_it(news, gate, clock):
    record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)
    clock.forward(days=1)
    story.ask(news, "restrict", because="accuracy")
    gate.refresh()
    assert agreed(news, gate, ADA) == "restricted"
    subjects.forget_identifiers(news.ledger, subjects.find_subject(news.ledger, *ADA))
    gate.refresh()
    assert agreed(news, gate, ADA) == "no_consent"


def test_a_withdrawal_is_seen_within_a_second(news, tmp_path, clock):
    subject = record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)[0].subject
    clock.forward(seconds=2)
    with Gate(news, tmp_path / "copy") as gate:
        assert gate.may(subject, "newsletter", "email")
        began = time.monotonic()
        record_consent(news, [ADA], [Choice("newsletter", "withdrawn")], Asked("link", "en"))
        while gate.may(subject, "newsletter", "email") and time.monotonic() - began < 20:
            time.sleep(0.01)
        assert not gate.may(subject, "newsletter", "email")
        assert gate.fresh_seconds < 20


def test_when_the_ledger_is_not_read_consent_is_refused_and_what_may_wait_for_nothing_goes_on(
    news, tmp_path, caplog
):
    subject = record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)[0].subject
    with Gate(news, tmp_path / "copy", follow=False, allowed_seconds=0.0) as gate:
        time.sleep(0.002)
        assert not gate.may(subject, "newsletter", "email")
        assert gate.may(subject, "newsletter", "email").code == "stale"
        assert gate.may_address(*ADA, "newsletter", "email").code == "stale"
        assert gate.may(subject, "accounts")
        assert "Allowed in doubt: accounts" in caplog.text
        assert "ada@" not in caplog.text


def test_a_copy_goes_on_where_it_was_cut_short(news, tmp_path, clock):
    folder = tmp_path / "copy"
    record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)
    first = Gate(news, folder, follow=False)
    clock.forward(seconds=2)
    record_consent(news, [ADA], [Choice("newsletter", "withdrawn")], Asked("link", "en"))
    first.refresh()  # and nothing is saved: as if killed here
    first.replica.close()
    with Gate(news, folder, follow=False) as again:
        assert agreed(news, again, ADA) == "withdrawn"
        assert again.refresh() == 0


def test_a_folder_has_one_writer_and_a_copy_of_another_ledger_is_made_anew(news, gate, tmp_path, clock):
    with pytest.raises(ConflictError, match="folder of its own"):
        Replica(tmp_path / "copy", "x")
    record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)
    gate.refresh()
    gate.replica.close()
    (tmp_path / "other").mkdir()
    make(tmp_path / "other")
    other = opened(tmp_path / "other", clock)
    record_consent(other, [ADA], [Choice("audience", "refused")], Asked("link", "en"))
    with Gate(other, tmp_path / "copy", follow=False) as found:
        assert agreed(other, found, ADA, "audience", None) == "refused"
        assert found.may_address(*ADA, "newsletter", "email").code != "consented"


def test_nothing_in_the_copy_names_anybody(news, gate, tmp_path):
    record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)
    record_objection(news, [ADA])
    gate.refresh()
    gate._following.save()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "copy").iterdir())
    assert b"ada" not in kept.lower()


def test_a_table_holds_what_was_put_however_it_grew(tmp_path):
    import numpy

    drawn = random.Random(3)
    table, known = Table(tmp_path / "table", 1 << 16), {}
    for _ in range(300):
        key = drawn.randrange(1, 1 << 64)
        known[key] = drawn.randrange(1 << 63)
        table.put(key, known[key])
    many = dict.fromkeys(known, 0) | {drawn.randrange(1, 1 << 64): number for number in range(50_000)}
    table.put_all(list(many), list(many.values()))
    known |= many
    assert table.room > 1 << 16
    assert table.count == len(known)
    assert all(table.get(key) == value for key, value in known.items())
    values, found = table.find(numpy.array([*known, 12345], dtype="<u8"))
    assert found.tolist() == [True] * len(known) + [False]
    assert values[:-1].tolist() == list(known.values())


@pytest.mark.slow
def test_what_commits_late_on_postgresql_is_not_missed(postgresql_cluster, tmp_path, clock):
    import uuid

    import psycopg

    urls = []
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        for _ in range(2):
            name = f"gate_{uuid.uuid4().hex[:10]}"
            connection.execute(f"CREATE DATABASE {name}")
            urls.append(postgresql_cluster.rsplit("/", 1)[0] + "/" + name)
    make(tmp_path)
    project = opened(tmp_path, clock, urls)
    record_form.record_form(project, FORM)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    subject = record_consent(project, [ADA], [Choice("newsletter", "given", "email")], WEB)[0].subject
    clock.forward(seconds=5)
    with Gate(project, tmp_path / "copy", follow=False) as gate:
        from troth.ledger import append
        from troth.work.record_consent import draft

        late = draft(
            project, subject, Choice("newsletter", "withdrawn"), Asked("link", "en"), actor="subject"
        )
        with project.ledger.writing() as connection:
            append.append_within(connection, project.ledger, [late], [None])  # its number is drawn here
            record_consent(
                project, [("email", "bob@example.org")], [Choice("newsletter", "given", "email")], WEB
            )
            for _ in range(3):
                gate.refresh()
            assert gate.may(subject, "newsletter", "email")
            assert gate.may_address("email", "bob@example.org", "newsletter", "email")
        gate.refresh()
        assert gate.may(subject, "newsletter", "email").code == "withdrawn"
    project.ledger.close()
