"""On its effective day, counted where the company is, a version holds for all that is answered and proven."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import looping
from troth.errors import UnreachableError
from troth.ledger import read
from troth.ledger.ingest import Ingest
from troth.policy.notice_text import sha256
from troth.rules.consent_form import Form
from troth.work import record_form
from troth.work.filter_audience import Audience, through
from troth.work.gate import Gate
from troth.work.may import may
from troth.work.record_consent import Asked, Choice, record_consent, subject_of
from troth.work.take_choices import Taking
from versions import pending

FORM = Form("sign-up", "en", "a" * 64, {"audience": "c" * 64})
ADA, BOB = ("email", "ada@example.org"), ("email", "bob@example.org")
WIDER = (
    "policy.md",
    "    legal_basis: consent\n    categories: [usage]",
    "    legal_basis: consent\n    categories: [usage, contact]",
)
STRICTER = (
    "policy.md",
    "retention: [customers]\n    on_doubt: allow",
    "retention: [customers]\n    on_doubt: refuse",
)


@pytest.fixture
def coming(folder, clock):
    """A version in force, and one that comes on 5 January, under which `audience` is wider and `orders` stricter."""
    made = pending(folder, clock, WIDER, STRICTER)
    yield made
    made.close()
    made.ledger.close()


@contextmanager
def away(project):
    """Let the file of the ledger be somewhere else: nothing can be read of it until the block ends."""
    file = Path(project.settings.ledger_url.removeprefix("sqlite:///"))
    project.ledger.close()
    kept = file.rename(file.with_name("away"))
    file.mkdir()
    try:
        yield
    finally:
        file.rmdir()
        kept.rename(file)


def test_the_gate_turns_to_the_new_version_on_its_day_though_nothing_was_written(coming, tmp_path, clock):
    record_form.record_form(coming, FORM)
    asked = Asked("web", "en", form=FORM.interface_sha256)
    record_consent(coming, [ADA], [Choice("audience", "given")], asked)
    clock.forward(seconds=2)
    with Gate(coming, tmp_path / "copy", follow=False) as gate:
        assert gate.may_address(*ADA, "audience").code == "consented"
        clock.now = datetime(2027, 1, 4, 23, 30, tzinfo=UTC)  # the fifth in Paris
        assert gate.refresh() == 0
        assert gate.may_address(*ADA, "audience").code == "grown"
        assert may(coming, [ADA], "audience").reason.code == "grown"


def test_while_the_ledger_is_away_and_a_version_is_pending_the_gate_answers_without_it(
    coming, tmp_path, clock
):
    stale = Gate(coming, tmp_path / "stale", follow=False, allowed_seconds=0.0)
    with Gate(coming, tmp_path / "copy", follow=False, allowed_seconds=60) as gate, stale, away(coming):
        with pytest.raises(UnreachableError):
            stale.refresh()
        assert gate.may("somebody", "orders").code == "contract"
        assert through(gate, Audience("orders"), b"ada@example.org\n")[0] == b"ada@example.org\n"
        assert stale.may("somebody", "orders").code == "in_doubt"
        assert stale.may_address(*ADA, "orders").code == "in_doubt"
        clock.forward(days=50)
        with pytest.raises(UnreachableError):
            stale.refresh()
        assert stale.may("somebody", "orders").code == "stale"  # the new version lets it not go on in doubt


def test_what_is_in_force_is_read_once_until_another_version_takes_effect(coming, clock):
    held = coming.policy
    assert held.version == "0.1.0"
    with away(coming):
        clock.forward(days=1)
        assert coming.policy is held
        clock.forward(days=50)
        assert coming.policy is coming.written


def test_a_choice_said_again_after_local_midnight_is_proven_by_the_version_of_its_day(coming, clock):
    people = [subject_of(coming, [one]) for one in (ADA, BOB)]
    old, new = coming.policy, coming.written
    clock.now = datetime(2027, 1, 4, 22, 50, tzinfo=UTC)
    ingest = Ingest(coming.ledger)
    taking = Taking(coming, ingest)
    try:
        for subject, policy in zip(people, (old, new), strict=True):
            told = {
                "choices": [{"said": "refused", "purpose": "audience"}],
                "method": "web",
                "subject": subject,
            }
            taken = looping.run(taking.take(json.dumps(told).encode(), None))
            event = read.event(coming.ledger, taken.events[0][0])
            assert (event.policy, event.facts["purpose_version"]) == (policy.version, policy.version)
            assert event.facts["notice_sha256"] == sha256(policy, "en")
            clock.forward(minutes=20)  # still the fourth by UTC, the fifth in Paris
    finally:
        ingest.close()


def test_west_of_utc_a_version_waits_for_its_day_there(folder, clock):
    file = folder / "policy.md"
    text = file.read_text("utf-8")
    assert "Europe/Paris" in text
    file.write_text(text.replace("Europe/Paris", "America/Martinique"), "utf-8")
    made = pending(folder, clock)
    clock.now = datetime(2027, 1, 5, 3, 59, tzinfo=UTC)  # a minute to midnight in Fort-de-France
    assert made.policy.version == "0.1.0"
    clock.forward(minutes=1)
    assert made.policy.version == "0.2.0"
