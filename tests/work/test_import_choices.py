"""Taking over what other tools recorded, filtering lists, and filling the tables of tools that cannot ask."""

import json
import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

import story
from commanding import troth
from troth.errors import NotAllowedError
from troth.ledger import read, subjects, suppression
from troth.rules.consent_form import Form
from troth.work import declare_refusals, import_choices, record_form, sync_suppression
from troth.work.filter_audience import Audience, filter_file, filter_through
from troth.work.gate import Gate
from troth.work.may import may
from troth.work.project import SuppressionTable
from troth.work.record_consent import Asked, Choice, record_consent
from troth.work.record_objection import record_objection

HEADING = "email,purpose,said,on,method,text,evidence,channel\n"
PROVEN = "ada@example.org,newsletter,given,2026-01-05,import,Send me news,crm-17,email\n"
FORM = Form("sign-up", "en", "a" * 64, {"newsletter": "b" * 64, "audience": "c" * 64})
ADA = ("email", "ada@example.org")
WEB = Asked("web", "en", form=FORM.interface_sha256)


@pytest.fixture
def news(project):
    record_form.record_form(project, FORM)
    declare_refusals.declare_refusals(project, "main-entity", "email", staff="marie")
    return project


def code(project, email, channel="email"):
    return may(project, [("email", email)], "newsletter", channel=channel).reason.code


def taken(project, file, *, same_scope=True, **more):
    lines = list(import_choices.consents(project, file, same_scope=same_scope))
    return lines, import_choices.take_consents(project, lines, staff="marie", **more)


def test_what_is_proven_counts_and_what_is_not_does_not(news, tmp_path):
    file = tmp_path / "old.csv"
    file.write_text(
        HEADING + PROVEN + "bob@example.org,newsletter,given,2026-01-05,import,Send me news,,email\n"
        "eve@example.org,newsletter,given,,import,Send me news,crm-19,email\n"
        "zoe@example.org,newsletter,refused,2026-01-05,import,,,email\n"
    )
    _, dry = taken(news, file, dry_run=True)
    assert (dry.taken, dry.proven, dry.unproven) == (4, 1, 2)
    assert subjects.find_subject(news.ledger, "email", "ada@example.org") is None
    _, done = taken(news, file)
    assert (done.taken, done.proven, done.unproven) == (4, 1, 2)
    assert code(news, "ada@example.org") == "consented"
    assert code(news, "bob@example.org") == "unproven"
    assert code(news, "eve@example.org") == "unproven"
    assert code(news, "zoe@example.org") == "refused"
    _, again = taken(news, file)
    assert (again.taken, again.known) == (0, 4)


def test_without_somebody_who_vouches_for_the_scope_nothing_is_proven(news, tmp_path):
    file = tmp_path / "old.csv"
    file.write_text(HEADING + PROVEN)
    lines, done = taken(news, file, same_scope=False)
    assert lines[0].lacks == ("scope",)
    assert (done.proven, done.unproven) == (0, 1)
    assert code(news, "ada@example.org") == "unproven"


def test_json_lines_are_read_and_mistakes_are_told_with_their_line_and_without_the_text(news, tmp_path):
    file = tmp_path / "old.jsonl"
    row = {"email": "canary", "purpose": "newsletter"}
    other = {"email": "ada@example.org", "purpose": "nonsense", "on": "yesterday"}
    file.write_text(f"{json.dumps(row)}\n{json.dumps(other)}\n")
    lines, done = taken(news, file)
    told = " ".join(sentence for line in lines for sentence in line.wrong)
    assert done.taken == 0
    assert "line 1: that is no e-mail address" in told
    assert "no purpose 'nonsense'" in told
    assert "canary" not in told
    file.write_text('{"emial": "ada@example.org"}\n')
    with pytest.raises(NotAllowedError, match="no column 'emial'"):
        taken(news, file)


def test_an_old_consent_does_not_overtake_a_later_no(news, tmp_path):
    record_consent(
        news, [("email", "ada@example.org")], [Choice("newsletter", "withdrawn")], Asked("link", "en")
    )
    file = tmp_path / "old.csv"
    file.write_text(HEADING + PROVEN)
    taken(news, file)
    assert code(news, "ada@example.org") == "withdrawn"


def refuse(project, file, **more):
    rows = list(import_choices.refusals(project, file, "email"))
    told = {"controller": "main-entity", "channel": "email", "source": "mailer", "staff": "marie"} | more
    return import_choices.take_refusals(project, file, rows, **told)


def test_a_refusal_counts_at_once_needs_no_proof_and_makes_the_list_known(project, tmp_path):
    record_form.record_form(project, FORM)
    record_consent(project, [("email", "ada@example.org")], [Choice("newsletter", "given", "email")], WEB)
    assert code(project, "ada@example.org") == "refusals_unknown"
    file = tmp_path / "unsubscribed.csv"
    file.write_text("email\nbob@example.org\nBOB@example.org\nnobody\neve@example.org\n")
    dry = refuse(project, file, dry_run=True)
    assert (dry.taken, dry.known) == (2, 1)
    assert code(project, "ada@example.org") == "refusals_unknown"
    assert refuse(project, file).taken == 2
    assert code(project, "ada@example.org") == "consented"
    assert code(project, "b.o.b+x@example.org") == "suppressed"
    assert subjects.find_subject(project.ledger, "email", "bob@example.org") is None
    again = refuse(project, file)
    assert (again.taken, again.known) == (0, 3)
    assert len(list(read.events(project.ledger, kind="refusals_known"))) == 1


def test_an_import_cut_short_goes_on_where_it_was(project, tmp_path, monkeypatch):
    file = tmp_path / "unsubscribed.csv"
    file.write_text("email\n" + "".join(f"p{number}@example.org\n" for number in range(450)))
    rows = list(import_choices.refusals(project, file, "email"))

    def stopping(steps, seen=[0]):  # noqa: B006
        seen[0] += steps
        if seen[0] > 300:
            raise KeyboardInterrupt

    told = {"controller": "main-entity", "channel": "email", "source": "mailer", "staff": "marie"}
    with pytest.raises(KeyboardInterrupt):
        import_choices.take_refusals(project, file, rows, **told, advance=stopping)
    assert declare_refusals.known(project) == frozenset()
    done = import_choices.take_refusals(project, file, rows, **told)
    assert (done.taken, done.known) == (250, 200)
    assert len(list(read.events(project.ledger, kind="objection_recorded"))) == 450
    assert all(
        suppression.is_suppressed(project.ledger, "email", f"p{number}@example.org") for number in (0, 449)
    )


def test_a_list_is_filtered_as_each_would_be_answered(news, tmp_path, clock):
    for number in range(12):
        who = [("email", f"p{number}@example.org")]
        if number % 3 == 0:
            record_consent(news, who, [Choice("newsletter", "given", "email")], WEB)
        if number % 4 == 0:
            clock.forward(seconds=2)
            record_consent(
                news, who, [Choice("audience", "given"), Choice("newsletter", "withdrawn", "sms")], WEB
            )
        if number % 5 == 0:
            clock.forward(seconds=2)
            record_objection(news, who, channel="email")
    record_objection(news, [("email", "gone@example.org")])
    addresses = [*(f"P{number}@example.org" for number in range(14)), "g.one+x@example.org", "É@exämple.org"]
    file, out = tmp_path / "audience.txt", tmp_path / "allowed.txt"
    file.write_text("\r\n".join([*addresses, "", ""]), encoding="utf-8")
    done = filter_file(news, file, out, Audience("newsletter", "email"), folder=tmp_path / "copy")
    exact = {one: may(news, [("email", one)], "newsletter", channel="email") for one in addresses}
    assert out.read_text().split() == [one for one, found in exact.items() if found.allowed]
    assert done.reasons == Counter(found.reason.code for found in exact.values())
    assert (done.allowed, done.stopped) == (3, 13)


def test_processes_share_the_work_and_keep_the_order(news, tmp_path, monkeypatch):
    from troth.work import filter_audience

    record_consent(news, [("email", "p7@example.org")], [Choice("newsletter", "given", "email")], WEB)
    record_consent(news, [("email", "p170@example.org")], [Choice("newsletter", "given", "email")], WEB)
    file, out = tmp_path / "audience.txt", tmp_path / "allowed.txt"
    file.write_text("".join(f"p{number}@example.org\n" for number in range(200)))
    gate = Gate(news, tmp_path / "copy", follow=False)
    done = filter_through(gate, file, out, Audience("newsletter", "email"), processes=2, portion=500)
    gate.close()
    assert filter_audience.PORTION_BYTES > 500
    assert out.read_text() == "p7@example.org\np170@example.org\n"
    assert (done.allowed, done.stopped) == (2, 198)
    assert not out.with_name("allowed.txt.part").exists()


def test_a_tools_table_holds_whom_it_must_leave_out_and_takes_back_who_said_yes_again(news, tmp_path, clock):
    for name in ("ada", "bob"):
        record_objection(news, [("email", f"{name}@example.org")])
        record_consent(
            news, [("email", f"{name}@example.org")], [Choice("audience", "refused")], Asked("link", "en")
        )
    record_consent(news, [("email", "eve@example.org")], [Choice("newsletter", "given", "email")], WEB)
    url = f"sqlite:///{tmp_path}/tool.db"
    tool = SuppressionTable(lambda: url, "left_out", "newsletter", "email")
    project = replace(news, settings=replace(news.settings, suppressions={"mailer": tool}))
    done = sync_suppression.sync(project, "mailer")

    def held():
        return {
            row[0] for row in sqlite3.connect(tmp_path / "tool.db").execute("SELECT address FROM left_out")
        }

    assert held() == {"ada@example.org", "bob@example.org"}
    assert (done.held, done.added, done.removed) == (2, 2, 0)
    clock.forward(seconds=5)
    record_consent(news, [("email", "ada@example.org")], [Choice("newsletter", "given", "email")], WEB)
    done = sync_suppression.sync(project, "mailer")
    assert held() == {"bob@example.org"}
    assert (done.held, done.added, done.removed) == (1, 0, 1)
    out = tmp_path / "left.csv"
    found = list(sync_suppression.left_out(project, "newsletter", "email", hashed=True))
    sync_suppression.to_file(found, out)
    assert "bob" not in out.read_text()
    assert len(out.read_text().splitlines()) == 2


def test_the_commands_tell_the_whole_story(news, tmp_path):
    folder = news.settings.folder
    page = tmp_path / "form.html"
    page.write_text("<input type=checkbox> Send me the newsletter")
    said = troth(folder, "consent", "form", page, "--name", "footer", "--asks", "newsletter=Send me the newsletter",
                 "--json")  # fmt: skip
    form = json.loads(said.out)["form"]
    who = ("--about", "email=ada@example.org")
    for channel in ("email",):
        troth(folder, "objection", "none", "--channel", channel, "--staff", "marie")
    given = troth(folder, "consent", "record", *who, "--purpose", "newsletter", "--said", "given", "--method", "web",
                  "--form", form, "--channel", "email", "--staff", "marie", "--json")  # fmt: skip
    event = json.loads(given.out)[0]["event"]
    asked = ("may", *who, "--purpose", "newsletter", "--channel", "email")
    yes = troth(folder, *asked)
    assert yes.code == 0
    assert yes.out.startswith("Yes: they consented on")
    record = json.loads(troth(folder, "consent", "export", *who).out)
    assert record["schema_version"] == "ISO/IEC TS 27560:2023"
    assert record["event"][0]["event_type"] == "dpv:ConsentGiven"
    assert "ada@" not in json.dumps(record)
    troth(folder, "ledger", "seal")
    receipt = tmp_path / "receipt.json"
    receipt.write_text(troth(folder, "consent", "receipt", event).out)
    assert troth(folder, "verify", receipt).code == 0
    receipt.write_text(receipt.read_text().replace("newsletter", "newsletteR"))
    assert troth(folder, "verify", receipt).code == 4
    assert "given" in troth(folder, "consent", "list", *who).out
    troth(folder, "objection", "record", *who, "--channel", "email", "--staff", "marie")
    no = troth(folder, *asked, "--language", "fr")
    assert no.code == 1
    assert no.out.startswith("Non : opposition à la prospection depuis le")
    audience = tmp_path / "audience.txt"
    audience.write_text("ada@example.org\nbob@example.org\n")
    filtered = troth(folder, "may", "filter", audience, "--purpose", "newsletter", "--channel", "email", "-o",
                     tmp_path / "out.txt", "--json")  # fmt: skip
    assert json.loads(filtered.out)["stopped"] == 2
    left = troth(folder, "suppression", "sync", "--out", tmp_path / "left.csv", "--purpose", "newsletter", "--channel",
                 "email")  # fmt: skip
    assert left.code == 0
    assert "ada@example.org" in (tmp_path / "left.csv").read_text()
    assert troth(folder, "may", "--purpose", "newsletter").code == 2
    asked = ("may", "--about", "email=nobody@example.org", "--purpose", "orders")
    told = troth(folder, *asked)
    assert told.code == 0
    assert "nobody said from which day customers runs for them. Give it with --since customers=" in told.err
    assert (
        '"retention_not_judged": []' in troth(folder, *asked, "--since", "customers=2026-11-01", "--json").out
    )
    evidence = tmp_path / "shown.html"
    troth(folder, "consent", "evidence", form, "--out", evidence)
    assert evidence.read_bytes() == page.read_bytes()


def test_a_table_names_whoever_is_restricted_and_never_chose_anything(news):
    story.ask(news, "restrict", email="bob@example.org", because="accuracy")
    assert code(news, "bob@example.org") == "restricted"
    left = {one.address: one.code for one in sync_suppression.left_out(news, "newsletter", "email")}
    assert left == {"bob@example.org": "restricted"}


def test_a_refusal_after_a_renewed_yes_is_taken_and_one_before_it_is_known(news, tmp_path, clock):
    file = tmp_path / "no.csv"
    record_objection(news, (ADA,))
    clock.forward(days=2)
    record_consent(news, (ADA,), (Choice("newsletter", "given", "email"),), WEB)
    between = (clock.now - timedelta(days=1)).isoformat()
    clock.forward(days=2)
    for on, kept in (
        (between, "consented"),
        ((clock.now - timedelta(days=1)).isoformat(), "objected_marketing"),
    ):
        file.write_text(f"email,on\n{ADA[1]},{on}\n")
        rows = list(import_choices.refusals(news, file, "email"))
        import_choices.take_refusals(
            news, file, rows, controller="main-entity", channel="email", source="", staff="marie"
        )
        assert code(news, ADA[1]) == kept
    known = suppression.of(news.ledger, *ADA)
    assert suppression.since(known, ["newsletter"], "main-entity", "email") is not None
    file.write_text(f"email,on\n{ADA[1]},2036-01-01\n")
    assert "still to come" in next(import_choices.refusals(news, file, "email")).wrong[0]


def test_a_row_that_was_mended_is_taken_again(news, tmp_path):
    file = tmp_path / "old.csv"
    row = PROVEN.replace("Send me news,crm-17", f"{'d' * 64},").replace(",import,", ",web,")
    file.write_text(HEADING.replace("text", "form") + row)
    assert taken(news, file)[1].unproven == 1
    record_form.record_form(news, replace(FORM, interface_sha256="d" * 64))
    assert taken(news, file)[1].proven == 1
    assert code(news, ADA[1]) == "consented"
    assert taken(news, file)[1].known == 1


@pytest.mark.parametrize("age", ["²", "twelve", "1" * 5000])
def test_an_age_that_is_no_number_is_told(news, tmp_path, age):
    file = tmp_path / "old.csv"
    file.write_text(f"{HEADING.strip()},age\n{PROVEN.strip()},{age}\n", encoding="utf-8")
    lines, done = taken(news, file)
    assert "the age is no whole number" in lines[0].wrong[0]
    assert done.taken == 0


def test_a_list_is_answered_as_of_one_moment_and_is_for_whoever_asked_alone(news, tmp_path, clock):
    record_objection(news, (ADA,), channel="phone")
    clock.forward(seconds=2)
    record_consent(news, (ADA,), (Choice("newsletter", "given", "email"),), WEB)
    file, out = tmp_path / "list", tmp_path / "allowed"
    file.write_text(f"{ADA[1]}\n")
    with Gate(news, tmp_path / "copy", follow=False, allowed_seconds=0.0) as gate:
        done = filter_through(gate, file, out, Audience("newsletter", "email"))
    assert done.reasons == Counter({"consented": 1})
    assert out.stat().st_mode & 0o777 == 0o600
