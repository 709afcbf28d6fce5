"""The gate answers what the ledger answers, from a copy that follows it."""

import random
import threading
import time
from dataclasses import replace

import pytest

import story
from shop_project import make, opened
from troth.errors import ConflictError, NotAllowedError
from troth.ledger import append, subjects
from troth.ledger.replica import Replica, Table
from troth.ledger.schema import open_ledger
from troth.rules import may as rules
from troth.rules.consent_form import Form
from troth.work import declare_refusals, record_form
from troth.work.gate import Gate
from troth.work.may import may
from troth.work.record_consent import Asked, Choice, draft, record_consent, state_purposes
from troth.work.record_objection import record_objection

FORM = Form("sign-up", "en", "a" * 64, {"newsletter": "b" * 64, "audience": "c" * 64})
WEB = Asked("web", "en", form=FORM.interface_sha256)
ADA = ("email", "ada@example.org")
_ODD = 0x9E3779B97F4A7C15


@pytest.fixture
def news(project):
    record_form.record_form(project, FORM)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    return project


@pytest.fixture
def gate(news, tmp_path):
    return Gate(news, tmp_path / "copy", follow=False)


def agreed(project, gate, who, purpose="newsletter", channel="email", until=None):
    """Ask both ways, see that they agree, and return the code."""
    exact = may(project, [who], purpose, channel=channel)
    found = gate.may_address(*who, purpose, channel)
    assert (bool(found), found.code) == (exact.allowed, exact.reason.code), who
    told = {**exact.reason.told, **({"until": until} if until else {})}
    assert found.reason == replace(exact.reason, told=told)
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


def test_of_what_was_said_at_one_moment_it_names_what_the_ledger_names(news, gate):
    told = [
        Choice("newsletter", "refused", "email"),
        Choice("newsletter", "withdrawn"),
        Choice("audience", "given"),
    ]
    record_consent(news, [ADA], told, WEB)
    record_objection(news, [ADA], purpose="audience")
    record_objection(news, [ADA], purpose="newsletter")
    gate.refresh()
    assert agreed(news, gate, ADA) == "objected_marketing"
    assert agreed(news, gate, ADA, "audience", None) == "objected"
    bob = ("email", "bob@example.org")
    record_consent(news, [bob], told, WEB)
    gate.refresh()
    assert agreed(news, gate, bob) == "refused"
    told = gate.may_address(*bob, "newsletter", "email")
    assert told.why("en")[1] == rules.sentence(told.reason, "en")
    assert told.why("fr")[1] == rules.sentence(told.reason, "fr")


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


def test_a_day_of_long_ago_or_far_ahead_stops_no_gate(news, tmp_path):
    subject = subjects.subject_for(news.ledger, *ADA)
    made = draft(news, subject, Choice("newsletter", "given", "email"), WEB, actor="subject")
    old = {**made.facts, "chosen_at": "1961-05-01T10:00:00+00:00", "valid_until": "1999-05-01"}
    more = draft(news, subject, Choice("audience", "given"), WEB, actor="subject")
    far = {**more.facts, "valid_until": "2999-05-01"}
    state_purposes(news, ["newsletter", "audience"])
    append.append(news.ledger, [replace(made, facts=facts) for facts in (old, far)])
    with Gate(news, tmp_path / "copy", follow=False) as gate:
        assert agreed(news, gate, ADA, "audience", None, until="2179-06-06") == "consented"
        assert gate.may(subject, "newsletter", "email").code == "expired"
        assert gate.may(subject, "newsletter", "email").reason.at.startswith("1961-05-01T10:00")


def test_who_comes_after_somebody_was_forgotten_is_not_missed(news, gate):
    record_consent(news, [ADA], [Choice("newsletter", "given", "email")], WEB)
    gate.refresh()
    subjects.forget_identifiers(news.ledger, subjects.find_subject(news.ledger, *ADA))
    bob = ("email", "bob@example.org")
    record_consent(news, [bob], [Choice("newsletter", "refused", "email")], WEB)
    gate.refresh()
    assert agreed(news, gate, bob) == "refused"


def test_a_ledger_whose_names_had_no_number_of_their_own_gets_them(news, tmp_path):
    subject = subjects.subject_for(news.ledger, *ADA)
    with news.ledger.writing() as connection:
        for statement in (
            "CREATE TABLE before AS SELECT domain, kind, form, key_version, mac, subject FROM fingerprints",
            "DROP TABLE fingerprints",
            "CREATE TABLE fingerprints (domain text, kind text, form text, key_version integer, mac blob, "
            "subject text NOT NULL, PRIMARY KEY (domain, kind, form, key_version, mac))",
            "INSERT INTO fingerprints (rowid, domain, kind, form, key_version, mac, subject) "
            "SELECT rowid + 7, domain, kind, form, key_version, mac, subject FROM before",
            "DROP TABLE before",
            "CREATE INDEX fingerprints_by_subject ON fingerprints (subject)",
        ):
            connection.exec_driver_sql(statement)
    again = open_ledger(
        str(news.ledger.engine.url), str(news.ledger.keys.url), news.ledger.master, news.ledger.clock
    )
    assert subjects.find_subject(again, *ADA) == subject
    with again.looking() as connection:
        numbers = connection.exec_driver_sql("SELECT number FROM fingerprints").scalars().all()
    subjects.forget_identifiers(again, subject)
    subjects.subject_for(again, "email", "bob@example.org")
    with again.looking() as connection:
        later = connection.exec_driver_sql("SELECT number FROM fingerprints").scalars().all()
        indexes = (
            connection.exec_driver_sql("SELECT name FROM pragma_index_list('fingerprints')").scalars().all()
        )
    again.close()
    assert numbers == [8]
    assert later == [9]
    assert "fingerprints_by_subject" in indexes


def test_a_company_that_the_policy_does_not_have_is_refused_by_the_gate_too(news, gate):
    for ask in (
        lambda: may(news, [ADA], "newsletter", channel="email", entity="nobody"),
        lambda: gate.may_address(*ADA, "newsletter", "email", "nobody"),
        lambda: gate.may("s", "newsletter", "email", "nobody"),
    ):
        with pytest.raises(NotAllowedError, match="no company 'nobody'"):
            ask()


def test_an_answer_worked_out_while_the_day_turned_is_not_kept(news, tmp_path):
    class Turning(Gate):
        def explain(self, told, question):
            found = super().explain(told, question)
            self._answers = {}  # as at midnight, in the thread that follows
            return found

    with Turning(news, tmp_path / "copy", follow=False) as gate:
        assert gate.may("s", "newsletter", "email").code == "no_consent"
        assert not any(gate._answers.values())


def test_a_table_that_grows_leads_nobody_to_another_record(tmp_path):
    table = Table(tmp_path / "table")
    for key in range(1, 40_000):
        table.put(key * _ODD % (1 << 64), key)
    looked, ended = [], threading.Event()

    def look():
        while not ended.is_set():
            looked.extend(key for key in range(1, 4_000, 7) if table.get(key * _ODD % (1 << 64)) != key)

    reader = threading.Thread(target=look)
    reader.start()
    for key in range(40_000, 100_000):
        table.put(key * _ODD % (1 << 64), key)
    ended.set()
    reader.join()
    assert looked == []
