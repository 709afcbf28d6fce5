"""An incident from its report to the register: the hours, the authority, the people, nothing edited, nothing twice."""

import csv
import io
import json
from datetime import datetime, timedelta

import pytest
from litestar.testing import TestClient
from pypdf import PdfReader

from commanding import troth
from naming import names
from shop_project import opened
from troth.errors import NotAllowedError, NotFoundError
from troth.faces.portal.application import application
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.outside.mail import Sent
from troth.work import audit, breach_notice, incident, remind
from troth.work.addresses import addresses_in, between_days
from troth.work.breach_register import cell, register

SAID = {
    "nature": "Somebody read the list of customers.", "consequences": "You may get mail that pretends to be from us.",
    "measures": "We closed the hole.", "advice": "Do not open attachments.",
}  # fmt: skip
FACTS = "canary-facts: the log shows it"


REVIEWED = """
document:
  access-review:
    type: access_review
    title: Who may read the shop and the newsletter
    dated: 2026-11-01
    stores: [shop, news]
    review_by: 2027-11-01
"""


@pytest.fixture
def number(project):
    return incident.report(
        project, "canary-what: a laptop was stolen", "marie", contact="jo@x.example"
    ).number


@pytest.fixture
def breach(project, number):
    incident.certain(project, number, "canary-by Dana Doe", project.clock(), FACTS, "marie")
    return number


def assess(project, number, risk="high", **more):
    return incident.assess(
        project, number, risk, "many people", "marie", types=["confidentiality"], categories=["contact"], people=2,
        records=4, told={"nature": "The list was read.", "consequences": "Spam.", "measures": "Closed.",
              "subjects": "customers"},
        **more,
    )  # fmt: skip


def test_the_hours_run_from_certainty_and_not_from_the_report(project, clock, number):
    clock.forward(days=3)
    assert incident.hours(project, incident.load(project, number).state) is None
    at = datetime.fromisoformat("2026-11-26T08:00:00+01:00")
    found = incident.certain(project, number, "Dana Doe", at, FACTS, "marie")
    end = incident.hours(project, found.state)
    assert (end.due.isoformat(), end.hours) == (
        "2026-11-29T08:00:00+01:00",
        72,
    )  # a Sunday: it does not roll over
    with pytest.raises(NotAllowedError, match="never edited"):
        incident.certain(project, number, "Dana Doe", at + timedelta(hours=1), FACTS, "marie")


def test_a_high_risk_of_which_nobody_was_told_yet_is_not_kept(project, breach):
    assess(project, breach)
    incident.told_authority(project, breach, project.clock(), "CNIL 4711", "marie")
    found = next(one for one in audit.audit(project) if one.promise.endswith("/security"))
    assert (found.word, found.broken_by[0]) == (
        "unproven", f"{breach}: the risk is high, and nobody it is about was told yet",
    )  # fmt: skip


def test_its_whole_way_to_the_register(project, letters, breach):
    with pytest.raises(NotAllowedError, match="Its risk to people was not assessed"):
        incident.close(project, breach, "locks", "marie")
    assess(project, breach)
    with pytest.raises(NotAllowedError, match=r"authority was not told.*people it is about were not told"):
        incident.close(project, breach, "locks", "marie")
    told = breach_notice.notice(project, breach)
    assert told["to"]["authority"].startswith("Commission nationale")
    assert (told["phase"], told["people"], told["follows_later"]) == ("initial", 2, [])
    incident.told_authority(project, breach, project.clock(), "CNIL 4711", "marie")
    assert breach_notice.notice(project, breach)["phase"] == "complementary"
    done = incident.tell_people(
        project, breach, ["ada@example.org", "no address", "eve@example.org"], SAID, "marie"
    )
    assert (done.sent, done.known, done.failed, done.unreadable) == (2, 0, 0, 1)
    assert incident.tell_people(project, breach, ["ADA@example.org"], SAID, "marie").known == 1
    ((_, subject, text),) = [one for one in letters() if one[0] == "ada@example.org"]
    assert subject == "Your personal data: what happened, and what you can do"
    assert all(said in text for said in SAID.values())
    incident.close(project, breach, "disks are encrypted now", "marie")
    (line,) = register(project)
    assert (line["risk"], line["people_told"], line["late"], line["lessons"]) == (
        "high", 2, False, "disks are encrypted now",
    )  # fmt: skip
    with pytest.raises(NotAllowedError, match="It ended on 2026-11-23"):
        assess(project, breach)
    before = incident.load(project, breach)
    rebuild(project.ledger)
    assert incident.load(project, breach) == before
    clear = repr([dict(event.facts) for event in read.events(project.ledger)])
    assert not any(
        names(clear, word)
        for word in ("canary-what", "canary-facts", "Dana", "jo@x.example", "ada@example.org")
    )


def test_the_notice_names_the_controller_in_full_and_a_late_one_its_reasons(project, clock, breach):
    assess(project, breach, "risk")
    told = breach_notice.notice(project, breach, "fr")
    name, address = told["controller"]["name"], "1 Example Street, 75001 Paris, France"
    assert (name, told["controller"]["address"]) == (project.policy.group.main_entity.name, address)
    assert (told["controller"]["registration"], told["controller"]["country"]) == (
        "Paris 000 000 000",
        "France",
    )
    assert told["contact"] == {"email": "dpo@company.example"}
    assert (told["late"], told["follows_later"]) == (False, [])
    clock.forward(hours=73)
    late = breach_notice.notice(project, breach)
    assert (late["late"], late["follows_later"]) == (True, ["late_because"])
    assert breach_notice.lacking(late, "fr") == "les motifs du retard (33(1))"
    assert breach_notice.notice(project, breach, because="the log came late")["follows_later"] == []
    incident.told_authority(project, breach, clock(), "CNIL 1", "marie", because="the log came late")
    after = breach_notice.notice(project, breach)
    assert (after["phase"], after["late_because"], after["earlier_reference"], len(after["earlier"])) == (
        "complementary", "the log came late", "CNIL 1", 1,
    )  # fmt: skip
    for language, said in (("en", "a risk"), ("fr", "un risque")):
        paper = breach_notice.pdf(project, breach_notice.notice(project, breach, language), language)
        text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(paper)).pages)
        for one in (
            name,
            address,
            "Paris 000 000 000",
            "dpo@company.example",
            "the log came late",
            "CNIL 1",
            said,
        ):
            assert one in text, one
    with pytest.raises(NotAllowedError, match="written in en or fr, not in"):
        breach_notice.language_of(project, "de")


def test_a_late_notice_needs_its_reasons_and_breaks_the_promise(project, clock, breach):
    assess(project, breach, "risk")
    clock.forward(hours=73)
    assert word(project) == "broken"
    with pytest.raises(NotAllowedError, match="say the reasons for the delay"):
        incident.told_authority(project, breach, clock(), "CNIL 1", "marie")
    found = incident.told_authority(project, breach, clock(), "CNIL 1", "marie", because="the log came late")
    assert found.state["authority"][0]["late"] is True
    assert word(project) == "broken"


def test_in_time_it_is_kept_and_without_a_breach_unproven(project, folder, clock, number):
    (folder / "register" / "documents.yaml").write_text(REVIEWED, "utf-8")
    project = opened(folder, clock)
    assert word(project) == "unproven"
    incident.certain(project, number, "Dana Doe", clock(), FACTS, "marie")
    assess(project, number, "risk")
    assert word(project) == "unproven"  # the hours still run
    clock.forward(hours=71)
    incident.told_authority(project, number, clock(), "CNIL 1", "marie")
    assert word(project) == "kept"


def word(project):
    return next(one.word for one in audit.audit(project, record=False) if one.promise.endswith("/security"))


def test_people_are_found_in_a_store_and_a_mail_server_that_fails_is_asked_again(project, breach):
    assert sorted(addresses_in(project, "shop", "customer")) == [
        "ada@example.org",
        "bob@example.org",
    ]
    with pytest.raises(NotFoundError, match="has no table 'nothing'"):
        list(addresses_in(project, "shop", "nothing"))

    assert list(addresses_in(project, "shop", "orders")) == ["ada@example.org", "bob@example.org"]
    first = between_days("placed", "", "2026-01-05")
    assert list(addresses_in(project, "shop", "message")) == list(addresses_in(project, "shop", "orders"))
    assert list(addresses_in(project, "shop", "orders", first)) == ["ada@example.org"]
    with pytest.raises(NotAllowedError, match="no way leads from `log`"):
        list(addresses_in(project, "shop", "log"))
    with pytest.raises(NotAllowedError, match="Days narrow the rows of one table"):
        list(addresses_in(project, "shop", "", first))
    for wrong in (("placed", "", ""), ("", "2026-01-05", ""), ("placed", "5 May", ""),
                  ("placed", "2026-01-05", "2026-01-04")):  # fmt: skip
        with pytest.raises(NotAllowedError):
            between_days(*wrong)

    class Failing:
        def __init__(self, mailer):
            self.mailer, self.down = mailer, True

        def send(self, letter):
            return (
                Sent("failed", "smtp 451") if self.down and "bob" in letter.to else self.mailer.send(letter)
            )

    failing = project.__dict__["mailer"] = Failing(project.mailer)
    people = list(addresses_in(project, "shop"))
    first = incident.tell_people(project, breach, people, SAID, "marie")
    assert (first.sent, first.failed) == (1, 1)
    failing.down = False
    again = incident.tell_people(project, breach, people, SAID, "marie")
    assert (again.sent, again.known, again.failed) == (1, 1, 0)
    assert incident.load(project, breach).state["people_told"] == 2


def test_a_store_that_cannot_be_asked_whose_rows_they_are_says_so(folder, project, clock):
    (folder / "lake").mkdir()
    (folder / "lake" / "customer.csv").write_text("id,email\n1,ada@example.org\n2,Ada@example.org\n")
    (folder / "lake" / "click.csv").write_text("id,customer_id\n1,1\n")
    (folder / "stores" / "lake.yaml").write_text(f"""
store: lake
kind: lake
credentials: {{find: "lake://{folder}/lake", change: "lake://{folder}/lake"}}
controller: main-entity
tables:
  customer:
    subject: {{key: id, identifiers: {{email: {{kind: email, one_person: true}}}}}}
    columns: {{id: key, email: contact}}
    csv: {{delimiter: ","}}
    erase: {{do: delete, by: dpo, because: a test}}
  click:
    belongs_to: [{{customer_id: customer.id}}]
    columns: {{id: key, customer_id: link}}
    csv: {{delimiter: ","}}
    erase: {{do: delete, by: dpo, because: a test}}
""")
    made = opened(folder, clock)
    assert list(addresses_in(made, "lake", "customer")) == ["ada@example.org"]  # once, whatever the case
    with pytest.raises(
        NotAllowedError, match="`click` holds no e-mail addresses itself, and a store of kind lake"
    ):
        list(addresses_in(made, "lake", "click"))
    with pytest.raises(NotAllowedError, match="In a store of kind lake, rows cannot be narrowed to days"):
        list(addresses_in(made, "lake", "customer", between_days("id", "2026-01-01", "")))


def test_what_is_missing_is_said_whole(project, number, clock):
    with pytest.raises(NotAllowedError, match="Say what happened"):
        incident.report(project, " ", "marie")
    with pytest.raises(NotAllowedError, match=r"Name the person.*Say by which facts"):
        incident.certain(project, number, "", clock(), "", "marie")
    with pytest.raises(NotAllowedError, match="certain in the future"):
        incident.certain(project, number, "D", clock() + timedelta(hours=1), "f", "marie")
    with pytest.raises(NotAllowedError, match="Say first since when"):
        assess(project, number)
    with pytest.raises(NotAllowedError, match="nothing to tell the authority"):
        breach_notice.notice(project, number)
    incident.certain(project, number, "D", clock(), "f", "marie")
    with pytest.raises(NotAllowedError, match=r"The risk is one of.*no category 'x'"):
        incident.assess(project, number, "some", "why", "marie", types=["integrity"], categories=["x"])
    assert breach_notice.notice(project, number)["follows_later"][:2] == ["nature", "subjects"]
    with pytest.raises(NotAllowedError, match="consequences, measures, advice is missing"):
        incident.tell_people(project, number, ["a@b.example"], {"nature": "x"}, "marie")
    with pytest.raises(NotAllowedError, match="a breach is closed"):
        incident.dismiss(project, number, "none", "marie")
    with pytest.raises(NotAllowedError, match="The ground is one of"):
        incident.exempt(project, number, "luck", "x", "marie")
    with pytest.raises(NotFoundError, match="There is no incident"):
        incident.load(project, "I-2026-999")


def test_one_that_was_none_is_dismissed_and_is_in_no_register(project, number):
    incident.dismiss(project, number, "it was found again, locked", "marie")
    assert list(register(project)) == []
    assert "no breach" not in word(project)


def test_high_risk_may_be_told_otherwise_and_a_controller_is_told(project, breach):
    assess(project, breach)
    incident.told_authority(project, breach, project.clock(), "CNIL 1", "marie")
    incident.exempt(project, breach, "unintelligible", "AES-256", "marie")
    incident.told_controller(project, breach, "Acme", "our mail of today", "marie")
    incident.close(project, breach, "none", "marie")
    (line,) = register(project)
    assert (line["people_not_told_because"], line["controllers_told"]) == ("GDPR Art. 34(3)(a)", 1)
    assert line["why"] == "many people"  # and not the reason of the exemption


def test_the_register_has_every_notice_and_the_moment_at_which_each_controller_was_told(
    project, breach, clock
):
    assess(project, breach, risk="risk")
    aware = clock()
    clock.forward(hours=80)
    late = aware + timedelta(hours=75)
    incident.told_authority(project, breach, late, "CNIL 1", "marie", because="the log came late")
    incident.told_authority(project, breach, clock(), "CNIL 1-bis", "marie", because="more was read")
    by_day = aware + timedelta(hours=2)
    incident.told_controller(project, breach, "Acme", "by telephone", "marie", at=by_day)
    incident.told_controller(project, breach, "Bertin", "our letter", "marie")
    (line,) = register(project)
    said = {name: line[name] for name in ("authority_told_at", "authority_reference", "late", "late_because")}
    assert list(said.values()) == [late.isoformat(timespec="seconds"), "CNIL 1", True, "the log came late"]
    assert line["authority_last_reference"] == "CNIL 1-bis"
    assert line["authority_last_told_at"] == clock().isoformat(timespec="seconds")
    phases = [
        (one["phase"], one["reference"], one["late"], one["because"]) for one in line["authority_phases"]
    ]
    assert phases == [
        ("initial", "CNIL 1", True, "the log came late"),
        ("complementary", "CNIL 1-bis", False, "more was read"),
    ]
    told = [(one["controller"], one["at"]) for one in line["controllers"]]
    assert told == [
        ("Acme", by_day.isoformat(timespec="seconds")),
        ("Bertin", clock().isoformat(timespec="seconds")),
    ]
    assert "initial, CNIL 1, late, the log came late; " in cell(line["authority_phases"])


def test_nobody_is_told_of_a_breach_before_it_is_certain(project, breach, clock):
    assess(project, breach, risk="risk")
    early = clock() - timedelta(minutes=1)
    for told in (
        lambda: incident.told_authority(project, breach, early, "CNIL 1", "marie"),
        lambda: incident.told_controller(project, breach, "Acme", "by telephone", "marie", at=early),
    ):
        with pytest.raises(NotAllowedError, match=r"It is certain since .*before it is certain"):
            told()
    state = incident.load(project, breach).state
    assert (state["authority"], state["controllers"]) == ([], 0)


def test_a_visitor_reports_once_and_the_officer_is_reminded(project, letters, clock):
    with TestClient(application(project), base_url="http://127.0.0.1:8080") as client:
        page = client.get("/report?lang=fr").text
        assert "Signaler un compte piraté" in page
        assert 'href="/report' in client.get("/").text
        form = {"what": "canary-what: somebody signed in as me", "contact": "", "once": "a" * 32}
        assert "Thank you" in client.post("/report", data=form).text
        client.post("/report", data=form)
        assert client.post("/report", data={**form, "what": " "}).status_code == 422
        assert client.post("/report", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    (one,) = incident.every(project)
    assert (one["channel"], one["status"], one["reported_by"]) == ("portal", "reported", "visitor")
    assert remind.remind(project)
    assert f"Incident {one['number']}: nobody has said yet" in letters()[-1][2]
    incident.certain(project, one["number"], "Dana Doe", clock(), FACTS, "marie")
    clock.forward(days=1)
    assert remind.remind(project)
    assert f"Breach {one['number']}: the authority must know by 26 November 2026" in letters()[-1][2]


def test_the_commands_from_report_to_register(folder, project, tmp_path):
    who = ("--staff", "marie")
    assert "nobody has said" in troth(folder, "incident", "report", "--what", "=cmd|stolen", *who).out.lower()
    number = json.loads(troth(folder, "incident", "list", "--json").out)[0]["number"]
    said = troth(folder, "incident", "certain", number, "--by", "Dana", "--facts", "the log", *who)
    assert "The authority must know by" in said.out
    ran = troth(folder, "incident", "assess", number, "--risk", "high", "--why", "w", "--of", "integrity",
                "--people", "3", "--nature", "=1+1", *who)  # fmt: skip
    assert ran.code == 0, ran.err
    assert "hours left" in troth(folder, "incident", "list").out
    pdf = tmp_path / "notice.pdf"
    written = troth(folder, "incident", "notice", number, "-o", str(pdf), *who)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert "likely consequences" in written.err
    paper = pdf.read_bytes()
    refused = troth(folder, "incident", "notice", number, "-o", str(pdf), *who)
    assert (refused.code, pdf.read_bytes()) == (2, paper)
    assert "is there already. Name another, or add --force." in " ".join(refused.err.split())
    assert troth(folder, "incident", "notice", number, "-o", str(pdf), "--force", "-l", "fr", *who).code == 0
    assert pdf.read_bytes() != paper
    other = troth(folder, "incident", "notice", number, "-o", str(tmp_path / "notice.docx"), *who)
    assert (other.code, "There is no format 'docx'. There are: json, pdf." in other.err) == (2, True)
    assert not (tmp_path / "notice.docx").exists()
    for words in ((), ("--json",), ("-f", "json"), ("-o", "-")):
        assert json.loads(troth(folder, "incident", "notice", number, *words, *who).out)["people"] == 3
    assert troth(folder, "incident", "notified", number, "--reference", "CNIL 1", *who).code == 0
    file = tmp_path / "people.txt"
    file.write_text("ada@example.org\nnobody\n")
    ran = troth(folder, "incident", "people", number, "--list", str(file), "--nature", "n", "--consequences", "c",
                "--measures", "m", "--advice", "a", "--yes", *who)  # fmt: skip
    assert (ran.code, "Written to 1" in ran.out, "no address: 1" in " ".join(ran.out.split())) == (
        1,
        True,
        True,
    )
    assert "one of the two" in troth(folder, "incident", "people", number, "--nature", "n", "--consequences", "c",
                                     "--measures", "m", "--advice", "a", *who).err  # fmt: skip
    assert "nature: =1+1" in troth(folder, "incident", "show", number, *who).out
    assert "closed" in troth(folder, "incident", "close", number, "--lessons", "l", *who).out
    out = tmp_path / "register.csv"
    troth(folder, "incident", "register", "-o", str(out), *who)
    (line,) = csv.DictReader(io.StringIO(out.read_text()))
    assert (line["nature"], line["risk"]) == ("'=1+1", "high")
    (same,) = csv.DictReader(io.StringIO(troth(folder, "incident", "register", *who).out))
    assert same == line
    (told,) = json.loads(troth(folder, "incident", "register", "--json", *who).out)
    assert told["nature"] == "=1+1"
    before = out.read_text()
    assert troth(folder, "incident", "register", "-o", str(out), *who).code == 2
    assert out.read_text() == before
    assert troth(folder, "incident", "register", "-o", str(out), "--force", "-f", "json", *who).code == 0
    assert json.loads(out.read_text())[0] == told
    said = troth(folder, "incident", "register", "-o", str(tmp_path / "breaches.xlsx"), *who)
    assert "There is no format 'xlsx'. There are: csv, json." in said.err


def test_how_many_are_written_to_is_shown_and_asked(folder, project, breach, letters, monkeypatch):
    words = ("incident", "people", breach, "--nature", "n", "--consequences", "c", "--measures", "m", "--advice", "a",
             "--staff", "marie", "--from", "shop.orders", "--dated", "placed", "--since", "2026-01-06")  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("n\ny\n"))
    asked = troth(folder, *words)
    assert (asked.code, letters()) == (2, [])
    assert "Write to 1 address?" in asked.err
    assert "Written to 1;" in troth(folder, *words).out
    assert [to for to, *_ in letters()] == ["bob@example.org"]
    assert "Written to 1; to 1 before" in troth(folder, *words[:-4], "--yes").out
    later = troth(folder, *words[:-1], "2030-01-01")
    assert "Nobody is named there: nothing was sent." in later.err
    assert "A list is not narrowed" in troth(folder, *words[:-6], "--list", "x", *words[-4:]).err
