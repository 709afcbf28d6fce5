"""Coming from elsewhere: each kind is taken over once, whole or not at all, and is told as imported."""

import json
import uuid
from datetime import date

import psycopg
import pytest
from openpyxl import Workbook, load_workbook

from commanding import troth
from shop_project import opened
from troth.errors import NotAllowedError
from troth.ledger import read, subjects, vault
from troth.ledger.rebuild import rebuild
from troth.rules import import_sheet
from troth.rules.import_sheet import KINDS, ColumnMap
from troth.rules.statistics import cells, tuples
from troth.work import (
    answer_question,
    audit,
    carry_on,
    disclose,
    dossier,
    import_register,
    import_table,
    incident,
    letter_paper,
    may,
    remind,
    request_file,
)
from troth.work.breach_register import register
from troth.work.import_table import column_map, look, take

REQUESTS = """Reference,Received on,Rights,Status,Name,E-mail,Acknowledged on,Acknowledgement (file),Extended on,\
Extended for,Outcome,Decided on,Answered on,Answer (file),Reasons
R-1,2026-11-10,access;erase,open,Ada Example,ada@example.org,2026-11-11,,,,,,,,
R-2,2025-03-01,access,answered,Bob,bob@example.org,2025-03-02,letters/ack.txt,2025-03-20,number,grant,2025-04-10,\
2025-04-20,letters/answer.pdf,
R-3,2025-05-05,erase,refused,Eve,eve@example.org,,,,,refuse,2025-05-20,2025-05-21,,we must keep it
R-4,2026-11-01,object_marketing,open,Zoe,zoe@example.org,,,,,,,,,
"""
NOW = "2026-11-23"


@pytest.fixture
def table(tmp_path):
    """A folder with a table of requests and two letters beside it."""
    folder = tmp_path / "elsewhere"
    (folder / "letters").mkdir(parents=True)
    (folder / "letters" / "ack.txt").write_text("We received your request.", encoding="utf-8")
    (folder / "letters" / "answer.pdf").write_bytes(b"%PDF-1.7 the answer")
    file = folder / "requests.csv"
    file.write_text(REQUESTS, encoding="utf-8")
    return file


def imported(project, file, kind="requests", named="", **more):
    columns = column_map(named, kind)
    looked = look(project, file, columns)
    assert [str(one) for one in looked.faults] == []
    return take(project, file, columns, looked, staff="marie", **more)


def by_reference(project):
    found = {}
    for state in read.states(project.ledger, "request"):
        found[request_file.requester(project, state.body["id"])["reference"]] = state.body
    return found


def test_open_requests_keep_the_day_they_were_received_and_closed_ones_their_own_course(project, table):
    done = imported(project, table)
    assert (done.taken, done.known) == (4, 0)
    found = by_reference(project)
    one = found["R-1"]
    assert (one["id"], one["received"], one["status"], one["legal_due"]) == (
        "2026-0002" if found["R-4"]["id"] == "2026-0001" else "2026-0001", "2026-11-10", "received", "2026-12-10",
    )  # fmt: skip
    two = found["R-2"]
    assert (two["status"], two["received"], two["answered_on"], two["ended_on"]) == (
        "closed", "2025-03-01", "2025-04-20", "2025-04-20",
    )  # fmt: skip
    assert two["extension"] == {"reason": "number", "on": "2025-03-20"}
    assert [(told["kind"], told["on"]) for told in two["letters"]] == [
        ("acknowledgement", "2025-03-02"), ("extension", "2025-03-20"), ("done", "2025-04-20"),
    ]  # fmt: skip
    assert two["imported"]["by"] == "marie"
    assert (two["imported"]["on"], two["imported"]["ended"]) == (NOW, True)
    assert not one["imported"]["ended"]
    assert found["R-3"]["claims"]["c1"]["outcome"] == "refuse"
    assert found["R-3"]["claims"]["c1"]["decided_on"] == "2025-05-20"
    # What takes effect on receipt did, and nobody was written to.
    assert (
        may.may(project, [("email", "zoe@example.org")], "newsletter", channel="email").reason.code
        == "objected_marketing"
    )
    rebuilt = {state.stream: state.body for state in read.states(project.ledger, "request")}
    rebuild(project.ledger)
    assert {state.stream: state.body for state in read.states(project.ledger, "request")} == rebuilt


def test_no_letter_leaves_because_of_an_import_and_the_clock_presses(project, table, clock, letters):
    imported(project, table)
    assert letters() == []
    clock.forward(days=20)
    alerts = {one.number: one.stage for one in remind.pressing(project)}
    number = by_reference(project)["R-1"]["id"]
    assert alerts[number] == "overdue"
    carry_on.carry_on(project, number)
    assert [text for _, _, text in letters() if "received" in text] == []  # it was acknowledged elsewhere


def test_twice_is_once_and_what_changed_since_is_told_and_not_taken(project, table):
    imported(project, table)
    events = sum(1 for _ in read.events(project.ledger))
    again = imported(project, table)
    assert (again.taken, again.known, again.differs) == (0, 4, [])
    assert sum(1 for _ in read.events(project.ledger)) == events
    # One row said otherwise and one more: the other tool went on.
    text = REQUESTS.replace("Bob", "Robert") + "R-5,2026-11-20,port,open,Kim,kim@example.org,,,,,,,,,\n"
    table.write_text(text, encoding="utf-8")
    third = imported(project, table)
    assert (third.taken, third.known, third.differs) == (1, 3, [3])


def test_killed_halfway_and_run_again_equals_once(project, table):
    columns = ColumnMap("requests")
    looked = look(project, table, columns)

    for step in range(1, 4):
        count = 0

        def stop(_, step=step):
            nonlocal count
            count += 1
            if count == step:
                raise Killed

        with pytest.raises(Killed):
            take(project, table, columns, looked, staff="marie", advance=stop, at_once=1)
    done = take(project, table, columns, looked, staff="marie")
    assert (done.taken + done.known, len(by_reference(project))) == (4, 4)
    assert sorted(one["id"] for one in by_reference(project).values()) == [
        "2025-0001", "2025-0002", "2026-0001", "2026-0002",
    ]  # fmt: skip


class Killed(BaseException):
    """What a process meets that is killed; nothing of ours catches it."""


class Dying:
    """A clock of a process that is killed when it was asked for the hour so many times."""

    def __init__(self, clock, left):
        self.clock, self.left = clock, left

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            raise Killed
        return self.clock()


@pytest.mark.parametrize("asked", [9, 14, 20, 26])
def test_killed_in_the_middle_of_a_portion_nothing_of_it_is_there(folder, clock, table, asked):
    dying = Dying(clock, 10_000)
    first = opened(folder, dying)
    columns = ColumnMap("requests")
    looked = look(first, table, columns)
    dying.left = asked
    with pytest.raises(Killed):
        take(first, table, columns, looked, staff="marie")
    assert len(by_reference(first)) in (0, 4)
    dying.left = 10_000
    done = take(first, table, columns, looked, staff="marie")
    found = by_reference(first)
    assert (done.taken + done.known, sorted(found)) == (4, ["R-1", "R-2", "R-3", "R-4"])
    kinds = [event.kind for event in read.events(first.ledger)]
    assert kinds.count("request_received") == 4
    assert kinds.count("objection_recorded") == 1
    assert kinds.count("table_imported") == 1
    first.close()
    first.ledger.close()


def test_a_register_that_was_written_and_not_recorded_is_recorded_by_the_next_go(folder, project, tmp_path):
    file = tmp_path / "evidence.csv"
    file.write_text("Type,Document,Dated\ntraining,Training of 2026,2026-03-01\n", encoding="utf-8")
    columns = ColumnMap("evidence")
    looked = look(project, file, columns)
    rows = [one for one, _ in import_table.rows_of(project, file, columns)]
    import_register.write(project, import_register.draw(project, "evidence", rows, "marie", looked.digest))
    assert list(read.events(project.ledger, kind="table_imported")) == []
    made = opened(folder, project.clock)
    done = take(made, file, columns, look(made, file, columns), staff="marie")
    assert (done.taken, done.known) == (0, 1)
    (event,) = read.events(made.ledger, kind="table_imported")
    assert event.facts["entries"][0][:2] == [2, "document/training-of-2026"]
    made.close()
    made.ledger.close()


def test_every_wrong_cell_is_told_at_once_by_row_and_column_and_nothing_is_recorded(project, table):
    canary = "kanarie@"
    table.write_text(
        "Reference,Received on,Rights,Status,E-mail,Answered on,Answer (file),Company,Decided by\n"
        f"A,2026-13-01,access,open,{canary},,,,\n"
        "B,2026-11-01,fly,open,b@example.org,,,,\n"
        "B,2026-11-01,access,open,b@example.org,2026-11-05,,,\n"
        "C,2027-01-01,access,answered,c@example.org,2026-11-05,,,\n"
        "D,2026-01-01,access,answered,d@example.org,2025-11-05,../secret.txt,nobody,d@example.org\n"
        "E,2017-01-01,access,answered,e@example.org,2018-02-01,,,\n"
        ",2026-01-01,access,open,,,,,\n",
        encoding="utf-8",
    )
    looked = look(project, table, ColumnMap("requests"))
    said = [str(one) for one in looked.faults]
    assert (
        "row 2, column Received on: that is no day and no moment. Write it as yyyy-mm-dd, or as " in said[0]
    )
    assert said[1] == "row 2, column E-mail: that is no e-mail address."
    assert said[2].startswith(
        "row 3, column Rights: one of them is none of: access (accès), list_recipients ("
    )
    assert "row 4, column Reference: it stands in row 3 too." in said
    assert "row 4, column Answered on: the request is open: it is decided and answered here." in said
    assert "row 5, column Received on: that is still to come." in said
    assert any(one.startswith("row 6, column Company: the policy has no such company") for one in said)
    assert "row 8, column Reference: nothing stands there, and it is needed." in said
    assert canary not in "".join(said)
    with pytest.raises(NotAllowedError, match="Nothing was recorded"):
        take(project, table, ColumnMap("requests"), looked, staff="marie")
    assert list(read.events(project.ledger)) == []


def test_a_heading_that_lacks_is_no_row_with_a_mistake(folder, project, table):
    table.write_text("Received on,Rights,Status\n2026-11-01,access,open\n", encoding="utf-8")
    said = troth(folder, "import", "requests", table, "--dry-run")
    assert said.code == 1
    assert "The headings are wrong, so no row was read. Nothing was recorded." in " ".join(said.out.split())
    assert "-1" not in said.out
    told = json.loads(troth(folder, "import", "requests", table, "--dry-run", "--json").out)
    assert (told["rows"], told["faulty_rows"]) == (0, 0)
    assert {one["row"] for one in told["faults"]} == {0}


def test_what_is_not_kept_any_more_is_not_taken_and_letters_stay_below_the_folder(project, table):
    (table.parent.parent / "secret.txt").write_text("secret")
    table.write_text(
        "Reference,Received on,Rights,Status,E-mail,Answered on,Answer (file),Acknowledgement (file)\n"
        "E,2019-01-01,access,answered,e@example.org,2019-01-20,,\n"
        "F,2025-01-01,access,answered,f@example.org,2025-01-20,../secret.txt,letters/ack.txt\n",
        encoding="utf-8",
    )
    said = [str(one) for one in look(project, table, ColumnMap("requests")).faults]
    assert "row 2, column Ended on: the time of its file ended on 2024-01-20" in said[0]
    assert "row 3, column Acknowledgement (file): the day it went out is missing (acknowledged_on)." in said
    assert "row 3, column Answer (file): there is no such file below the folder of the table." in said


def test_free_text_never_reaches_the_facts_that_nobody_can_erase(project, table):
    def said(staff, article):
        head = "Reference,Received on,Rights,Status,E-mail,Answered on,Decided by,Article of a refusal"
        row = f'R-9,2025-05-05,erase,refused,eve@example.org,2025-05-21,"{staff}","{article}"'
        table.write_text(f"{head}\n{row}\n", encoding="utf-8")
        return [str(one) for one in look(project, table, ColumnMap("requests")).faults]

    assert said("Marie Bernard", "Art. 17(3)(b), § 2 and L. 123-22") == []
    for free in ("Eve asked for it because of her illness", "17; see Eve", "Art. 17 " + "b" * 60):
        (one,) = said("marie", free)
        assert "column Article of a refusal" in one
        assert "Write it under reasons." in one
        assert free not in one
    for free in ("Marie " * 11, "Marie\nEve called twice"):
        (one,) = said(free, "")
        assert "column Decided by" in one
        assert "under reasons" in one
    assert "without an e-mail address" in said("marie@example.org", "")[0]


def test_faulty_rows_are_skipped_where_that_is_said(project, table):
    table.write_text(REQUESTS.replace("R-3,2025-05-05", "R-3,yesterday"), encoding="utf-8")
    columns = ColumnMap("requests")
    looked = look(project, table, columns)
    assert [one.row for one in looked.faults] == [4]
    done = take(project, table, columns, looked, staff="marie", skip_faulty=True)
    assert done.taken == 3
    (event,) = read.events(project.ledger, kind="table_imported")
    assert (event.facts["rows"], event.facts["skipped"], event.actor) == (4, 1, "marie")


def test_letters_come_with_their_hash_and_can_be_read_again(folder, project, table):
    imported(project, table)
    number = by_reference(project)["R-2"]["id"]
    told = request_file.load(project, number).state["letters"]
    answer = read.event(project.ledger, told[-1]["event"])
    kept = vault.payload(project.ledger, answer)
    assert kept["name"] == "answer.pdf"
    said = troth(folder, "request", "letter", number, "done", "--to", folder / "back.pdf", "--staff", "marie")
    assert said.code == 0, said.err
    assert (folder / "back.pdf").read_bytes() == b"%PDF-1.7 the answer"
    said = troth(
        folder, "request", "letter", number, "acknowledgement", "--to", folder / "a.txt", "--staff", "marie"
    )
    assert said.code == 0, said.err
    assert "We received your request." in (folder / "a.txt").read_text()
    ending, on, written = letter_paper.as_sent(project, number, answer.id)
    assert (ending, on.isoformat(), written) == (".pdf", str(answer.facts["on"]), b"%PDF-1.7 the answer")
    first = read.event(project.ledger, told[0]["event"])
    assert b"We received your request." in letter_paper.as_sent(project, number, first.id)[2]


def test_dossier_audit_and_statistics_say_imported_and_claim_no_proof(project, table):
    imported(project, table)
    number = by_reference(project)["R-2"]["id"]
    told = dossier.dossier(project, number, "dana")
    assert told["imported"]["from"] == NOW
    assert "nothing that is told of before that day is proven" in told["imported"]["says"]
    assert dossier.verify(json.loads(dossier.as_json(told))) == 0
    assert dossier.as_pdf(project, told).startswith(b"%PDF")
    verdicts = {one.promise: one for one in audit.audit(project, record=False)}
    answer = next(one for name, one in verdicts.items() if name.endswith("/answer"))
    assert answer.word == "unproven"
    assert "2 ended before they were imported and are not counted" in answer.figure
    assert answer.evidence == ()
    found = cells(tuples(one for one in by_reference(project).values()), least=1)
    assert sum(one.imported or 0 for one in found) == 2


def test_breaches_keep_their_moments_and_their_hours(project, tmp_path, clock):
    file = tmp_path / "breaches.csv"
    file.write_text(
        "Reference;Reported on;What happened;Status;Certain since;Risk;Why that risk;Types;People;Authority told on;"
        "Reasons for the delay;People told;Lessons;Ended on\n"
        "V-1;2025-02-01;a laptop was lost;closed;2025-02-01T10:00+01:00;high;names of many;confidentiality;120;"
        "2025-02-06;nobody was there;118;encrypt them;2025-04-01\n"
        "V-2;2026-11-22;a list went to the wrong house;open;2026-11-22T09:00+01:00;;;;;;;;;\n"
        "V-3;2025-03-01;a false alarm;dismissed;;;;;;;;;;2025-03-02\n",
        encoding="utf-8",
    )
    done = imported(project, file, "breaches")
    assert done.taken == 3
    states = {one["number"]: one for one in incident.every(project)}
    closed = states["I-2025-001"]
    assert (closed["status"], closed["reported_at"][:10], closed["ended_on"]) == (
        "closed",
        "2025-02-01",
        "2025-04-01",
    )
    assert (closed["people_told"], closed["authority"][0]["late"]) == (118, True)
    running = states["I-2026-001"]
    assert running["due"] == "2026-11-25T08:00:00+00:00"
    assert incident.words(project, "I-2026-001")["what"] == "a list went to the wrong house"
    said = next(
        one
        for one in audit.audit(project, record=False)
        if "imported" in one.figure and "security" in one.promise
    )
    assert "1 ended before it was imported and is not counted" in said.figure
    assert said.word == "unproven"
    assert imported(project, file, "breaches").known == 3
    clock.forward(days=4)
    verdict = next(one for one in audit.audit(project, record=False) if one.promise == said.promise)
    assert verdict.word == "broken"
    rows = list(register(project))
    assert {row["number"]: row["imported"] for row in rows} == {"I-2025-001": NOW, "I-2026-001": NOW}
    before = {one.stream: one.body for one in read.states(project.ledger, "incident")}
    rebuild(project.ledger)
    assert {one.stream: one.body for one in read.states(project.ledger, "incident")} == before


def test_disclosures_are_taken_once_by_whichever_command(folder, project, tmp_path):
    file = tmp_path / "made.csv"
    key = next(str(one) for one in project.policy.recipients)
    purpose = next(str(one) for one in project.policy.purposes)
    category = next(str(one) for one in project.policy.categories)
    heading = "kind,identifier,recipient,categories,purpose,on\n"
    file.write_text(
        f"{heading}email,ada@example.org,{key},{category},{purpose},2025-06-01\n", encoding="utf-8"
    )
    done = imported(project, file, "disclosures")
    assert (done.taken, done.known) == (1, 0)
    (event,) = disclose.disclosed(project, [("email", "ada@example.org")])
    assert event.facts["imported"]["row"] == 2
    assert imported(project, file, "disclosures").known == 1
    said = json.loads(troth(folder, "disclosure", "import", file, "--staff", "marie", "--json").out)
    assert (said["taken"], said["known"]) == (0, 1)
    verdict = next(
        one for one in audit.audit(project, record=False) if one.promise.endswith(f"recipient/{key}")
    )
    assert "1 disclosure recorded" in verdict.figure
    assert "1 imported" in verdict.figure
    assert verdict.word != "kept"


def test_a_register_becomes_a_file_that_holds_together_with_the_policy(folder, project, tmp_path):
    purpose = next(iter(project.policy.purposes.values()))
    category = next(str(one) for one in project.policy.categories)
    file = tmp_path / "registre.csv"
    file.write_text(
        "Nom de l'activité;Objectifs poursuivis;Base légale;Catégories de personnes concernées;"
        "Catégories de données collectées;Durées de conservation des catégories de données;Mesures de sécurité;"
        "Date de création de la fiche;Logo\n"
        f"Ventes;{purpose.does};;Clients;;;Chiffrement;05/03/2024;x\n"
        f"Paie;Payer les salariés;Contrat;Salariés;{category};5 ans à compter du bulletin;Coffre;01/01/2020;x\n",
        encoding="utf-8",
    )
    columns = column_map("cnil", "register")
    looked = look(project, file, columns)
    assert [str(one) for one in looked.faults] == []
    assert looked.unread == ("Logo",)
    done = take(project, file, columns, looked, staff="marie")
    assert (done.taken, done.written[:26]) == (2, "register/imported-register")
    text = (folder / done.written).read_text(encoding="utf-8")
    assert f"Imported on {NOW} by marie from a table of SHA-256 {looked.digest}" in text
    assert "# row 3" in text
    made = opened(folder, project.clock)
    activity = made.policy.activities["paie"]
    (key,) = activity.purposes
    assert made.policy.purposes[key].legal_basis == "contract"
    assert activity.created == date(2020, 1, 1)
    rule = made.policy.retention[made.policy.purposes[key].retention[0]]
    assert (str(rule.period), str(rule.trigger)) == ("5 years", "bulletin")
    again = look(made, file, columns)
    assert take(made, file, columns, again, staff="marie").known == 2
    assert len(list((folder / "register").glob("imported-*"))) == 1
    verdict = next(one for one in audit.audit(made, record=False) if one.promise.endswith("activity/paie"))
    assert f"imported on {NOW}" in verdict.figure
    made.close()
    made.ledger.close()


def test_a_register_that_the_policy_does_not_know_is_told_by_cell(project, tmp_path):
    file = tmp_path / "register.csv"
    file.write_text(
        "Activity,Purposes,Data,External recipients,Companies\n"
        "Sales,to fly to the moon,moon dust,the moon,Moon SA\n",
        encoding="utf-8",
    )
    said = [str(one) for one in look(project, file, ColumnMap("register")).faults]
    assert [one.split(":")[0] for one in said] == [
        "row 2, column Companies", "row 2, column Legal basis", "row 2, column External recipients",
        "row 2, column Data",
    ]  # fmt: skip


def test_what_a_row_lacks_for_the_promise_it_makes_is_told_by_its_column(project, tmp_path):
    category = next(str(one) for one in project.policy.categories)
    file = tmp_path / "register.csv"
    file.write_text(
        "Activity,Purposes,Legal basis,Data,Retention\n"
        f"Payroll,to pay staff,legitimate interests,{category},5 years from the last payslip\n",
        encoding="utf-8",
    )
    (said,) = map(str, look(project, file, ColumnMap("register")).faults)
    assert said.startswith("row 2, column Legitimate interest")
    assert "interest: …" not in said


def test_processors_and_documents_come_with_their_contracts_and_hashes(folder, project, tmp_path):
    (folder / "contracts").mkdir()
    (folder / "contracts" / "a.pdf").write_bytes(b"%PDF a")
    file = tmp_path / "processors.csv"
    file.write_text(
        "Processor,Country,What it does,E-mail for notices of changes,Signed,Until,Art. 28(3) covered,Where it lies\n"
        "Hébergeur du Nord SAS,FR,hosting,dpo@nord.example,2024-01-05,2027-01-05,"
        '"a;b;c;d;e;f;g;h",contracts/a.pdf\n',
        encoding="utf-8",
    )
    done = imported(project, file, "processors")
    made = opened(folder, project.clock)
    found = made.policy.recipients["hebergeur-du-nord-sas"]
    assert (found.role, found.named[0].country, done.taken) == ("processor", "FR", 1)
    paper = made.policy.register_documents["contract-hebergeur-du-nord-sas"]
    assert (paper.location, len(paper.says), len(paper.sha256)) == ("contracts/a.pdf", 8, 64)
    evidence = tmp_path / "evidence.csv"
    evidence.write_text(
        "Type,Document,Dated,Review by,Owner\ntraining,Training of 2026,2026-03-01,2027-03-01,HR\n"
        "training,Training of 2025,2025-03-01,,\nflying,Other,2025-03-01,,\n",
        encoding="utf-8",
    )
    looked = look(made, evidence, ColumnMap("evidence"))
    assert [one.row for one in looked.faults] == [4]
    assert take(made, evidence, ColumnMap("evidence"), looked, staff="m", skip_faulty=True).taken == 2
    last = opened(folder, project.clock)
    assert last.policy.register_documents["training-of-2026"].review_by == date(2027, 3, 1)
    for one in (made, last):
        one.close()
        one.ledger.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_an_empty_workbook_has_every_heading_and_says_what_stands_in_each(folder, tmp_path, kind, language):
    file = tmp_path / f"{kind}.xlsx"
    said = troth(folder, "import", kind, "--template", file, "--language", language)
    assert said.code == 0, said.err
    book = load_workbook(file)
    headings = [cell.value for cell in book.worksheets[0][1]]
    table = import_sheet.table(kind)
    assert headings == [one.title[language] for one in table.columns]
    matched, faults, unread = import_sheet.headings(ColumnMap(kind), headings)
    assert (sorted(matched), faults, unread) == (sorted(one.name for one in table.columns), [], [])
    told = {row[0]: row for row in book.worksheets[1].iter_rows(min_row=2, values_only=True)}
    assert set(told) == {one.title["en"] for one in table.columns}
    assert all(len({one.title[name] for one in table.columns}) == len(table.columns) for name in ("en", "fr"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_may_be_said_in_french_and_means_one_thing_in_its_column(kind):
    for column in import_sheet.table(kind).columns:
        french = [one.partition(" (")[2].removesuffix(")") for one in column.sayings]
        assert len(set(french)) == len(french) or not any(french), column.name
        for word, said in zip(column.words, french, strict=True):
            if said:
                assert import_sheet.meant(column, said.upper()) == word


def test_a_filled_workbook_is_read_like_the_table(folder, project, tmp_path):
    file = tmp_path / "requests.xlsx"
    troth(folder, "import", "requests", "--template", file, "--language", "fr")
    book = load_workbook(file)
    sheet = book.worksheets[0]
    at = {cell.value: cell.column for cell in sheet[1]}
    for heading, value in {
        "Référence": "R-9", "Reçue le": date(2026, 11, 12), "Droits": "access", "État": "open",
        "Adresse électronique": "ada@example.org",
    }.items():  # fmt: skip
        sheet.cell(row=2, column=at[heading], value=value)
    book.save(file)
    said = troth(folder, "import", "requests", file, "--staff", "marie")
    assert said.code == 0, said.out + said.err
    assert "Rows recorded: 1; known already: 0" in said.out
    assert by_reference(project)["R-9"]["received"] == "2026-11-12"
    said = troth(folder, "import", "requests", file, "--staff", "marie", "--dry-run")
    assert "Nothing was recorded" in said.out


@pytest.mark.parametrize("name", import_sheet.shipped())
def test_the_maps_that_come_with_troth_hold(name):
    text = import_sheet.shipped_text(name)
    kind = next(one for one in KINDS if f"for: {one}" in text)
    found, problems = import_sheet.read_map(text, name, kind)
    assert problems == ()
    table = {one.name: one for one in import_sheet.table(kind).columns}
    needed = {one.name for one in table.values() if one.required}
    assert needed <= set(found.columns) | set(found.constants)
    for column, known in found.values.items():
        if table[column].words:
            assert set(known.values()) <= {*table[column].words, ""}


def test_an_export_of_another_tool_is_read_by_its_map(folder, project, tmp_path):
    file = tmp_path / "download.csv"
    file.write_text(
        "Status,Request Type,Time Received,Deadline,Reviewed By,Request ID,Time Approved/Denied,Denial Reason,"
        "Last Updated,Completed On,email\n"
        "complete,access+erasure,2026-01-05 10:22:33.123456+00:00,,root,pri_1,2026-01-06 09:00:00+00:00,,,"
        "2026-01-07 09:00:00+00:00,ada@example.org\n"
        "denied,erasure,2026-02-05 23:30:00+00:00,,root,pri_2,2026-02-08 09:00:00+00:00,we keep it,,,b@example.org\n"
        "pending,access,2026-11-05 10:00:00+00:00,,,pri_3,,,,,c@example.org\n",
        encoding="utf-8",
    )
    assert imported(project, file, named="fides").taken == 3
    found = by_reference(project)
    assert [one["right"] for one in found["pri_1"]["claims"].values()] == ["access", "erase"]
    assert found["pri_1"]["answered_on"] == "2026-01-07"
    assert (found["pri_2"]["received"], found["pri_2"]["answered_on"]) == ("2026-02-06", "2026-02-08")
    assert found["pri_3"]["status"] == "received"


def test_lines_of_json_may_each_have_columns_of_their_own(project, tmp_path):
    file = tmp_path / "requests.jsonl"
    rows = [
        {"reference": "J-1", "received": "2026-11-12", "rights": "access", "status": "open", "email": "a@example.org"},
        {"Reference": "J-2", "Received on": "2026-11-12", "Status": "open", "identifier": "7", "colour": "red"},
        {"reference": "J-3", "received": "2026-11-13", "rights": "erase", "status": "open",
         "identifier_kind": "member", "identifier": "7"},
    ]  # fmt: skip
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    looked = look(project, file, ColumnMap("requests"))
    assert [str(one) for one in looked.faults] == [
        "row 2, column Rights: there is no such column, and every row needs it."
    ]
    assert looked.unread == ("colour",)
    done = take(project, file, ColumnMap("requests"), looked, staff="marie", skip_faulty=True)
    assert done.taken == 2
    assert subjects.find_subject(project.ledger, "member", "7")


def test_a_template_with_its_headings_further_down_is_read(project, tmp_path):
    purpose = next(iter(project.policy.purposes.values()))
    book = Workbook()
    sheet = book.active
    sheet.append(["Controller", "Name and contact details"])
    for _ in range(7):
        sheet.append([None])
    sheet.append(["Business function", "Purpose of processing", "Categories of individuals"])
    sheet.append(["Sales", str(purpose.does), "customers"])
    file = tmp_path / "ico.xlsx"
    book.save(file)
    looked = look(project, file, column_map("ico", "register"))
    assert (looked.rows, [str(one) for one in looked.faults]) == (1, [])


def test_the_csv_of_madis_is_read_several_of_its_columns_as_one_of_ours(folder, project, tmp_path):
    category = next(str(one) for one in project.policy.categories)
    secure = "Mesures de sécurité et confidentialité"
    cells = {
        "Nom": "État civil",
        "Structure - Nom": "Commune",
        "En tant que": "Responsable de traitement",
        "Finalités": "Tenir les actes - Délivrer des copies",
        "Base légale": "L'obligation légale",
        "Catégorie de données": f"{category} - {category}",
        "Détails - Délai de conservation - Durée": "",
        f"{secure} - Contrôle d'accès - Commentaire": "mot de passe",
        f"{secure} - Traçabilité": "Oui",
        f"{secure} - Traçabilité - Commentaire": "journal",
        f"{secure} - Sauvegarde - Commentaire": "",
        "Historique - Date de création": "05/03/2024 à 10:30",
        "Historique - Date de modification": "01/12/2025 à 09:00",
    }
    file = tmp_path / "madis.csv"

    def write():
        lines = [";".join(f'"{one}"' for one in each) for each in (cells, cells.values())]
        file.write_text("\n".join(lines), encoding="utf-8-sig")

    write()
    columns = column_map("madis", "register")
    looked = look(project, file, columns)
    assert ["a legal obligation and does not name it" in str(one) for one in looked.faults] == [True, True]
    cells["Justification de la base légale"] = "Code civil, art. 34"
    write()
    looked = look(project, file, columns)
    assert [str(one) for one in looked.faults] == []
    assert looked.unread == ("Structure - Nom", f"{secure} - Traçabilité")
    take(project, file, columns, looked, staff="marie")
    made = opened(folder, project.clock)
    activity = made.policy.activities["etat-civil"]
    assert [str(one) for one in activity.measures] == ["mot de passe", "journal"]
    assert (activity.created, activity.updated) == (date(2024, 3, 5), date(2025, 12, 1))
    assert [made.policy.purposes[key].legal_basis for key in activity.purposes] == ["legal_obligation"] * 2
    made.close()
    made.ledger.close()


def test_each_sheet_of_the_simplified_register_of_the_cnil_is_a_treatment(folder, project, tmp_path):
    purpose = next(iter(project.policy.purposes.values()))
    book = Workbook()
    listed = book.active
    listed.append(["Nom / sigle", "N° / REF", "Finalité principale"])
    listed.append(["Ventes", "ref-001", str(purpose.does)])
    for lines in (
        [("Nom du traitement", "Ventes"), ("N° / RÉF", "ref-001"), ("Date de création du traitement", "08/03/2024"),
         ("Responsable du traitement", "Nous", "1 rue", "Paris"), ("Finalité principale", str(purpose.does)),
         ("Catégorie 1", "Clients", "professionnels"), ("Mesure 1", "Sauvegarde des données", "chaque nuit"),
         ("Mesure 2", "Chiffrement des données")],
        [("Nom du traitement", "Jardin"), ("Finalité principale", "arroser"), ("Sous-finalité 1", str(purpose.does))],
    ):  # fmt: skip
        sheet = book.create_sheet()
        for line in lines:
            sheet.append(line)
    file = tmp_path / "registre.xlsx"
    book.save(file)
    columns = column_map("cnil-fiches", "register")
    looked = look(project, file, columns)
    assert looked.rows == 2
    assert [str(one) for one in looked.faults] == [
        "row 3, column Legal basis: the policy has no such purpose, and an internal one needs its legal basis."
    ]
    assert looked.unread == ("Responsable du traitement",)
    take(project, file, columns, looked, staff="marie", skip_faulty=True)
    made = opened(folder, project.clock)
    activity = made.policy.activities["ref-001"]
    assert [str(one) for one in activity.measures] == [
        "Sauvegarde des données: chaque nuit",
        "Chiffrement des données",
    ]
    assert ([str(one) for one in activity.subjects], activity.created) == (
        ["Clients: professionnels"],
        date(2024, 3, 8),
    )
    made.close()
    made.ledger.close()
    book.remove(book.worksheets[1])
    book.remove(book.worksheets[1])
    book.save(file)
    assert [str(one) for one in look(project, file, columns).faults] == [
        "the headings, column Finalité principale: there is no such column, and every row needs it."
    ]
    (tmp_path / "registre.csv").write_text("a;b\n")
    with pytest.raises(NotAllowedError, match="is no workbook"):
        look(project, tmp_path / "registre.csv", columns)


def test_a_map_with_mistakes_is_told_with_its_lines(tmp_path, folder):
    file = tmp_path / "columns.yaml"
    file.write_text("for: breaches\ncolumns: {recieved: Date}\ndates: yesterday\nheading_row: 0\nfoo: 1\n")
    said = troth(folder, "import", "requests", folder / "policy.md", "--map", file, "--dry-run")
    assert said.code == 2
    for part in ("columns.yaml:1", "`recieved`", "Days are not written so", "number from 1 on", "`foo`"):
        assert part in said.err
    file.write_text("for: requests\ncolumns:\n  status: {Done: answered}\n  rights: []\n")
    said = troth(folder, "import", "requests", folder / "policy.md", "--map", file, "--dry-run")
    assert (said.code, said.err.count("names no column")) == (2, 2)
    file.write_text("for: requests\nlayout: heap\n")
    said = troth(folder, "import", "requests", folder / "policy.md", "--map", file, "--dry-run")
    assert (said.code, "There is no such layout" in said.err) == (2, True)
    said = troth(folder, "import", "requests", folder / "policy.md", "--map", "nothing", "--dry-run")
    assert "with Troth come cnil" in said.err


@pytest.mark.slow
def test_the_same_on_postgresql(postgresql_cluster, folder, clock, table):
    base, urls = postgresql_cluster.rsplit("/", 1)[0], []
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        for _ in range(2):
            urls.append(f"import_{uuid.uuid4().hex[:10]}")
            connection.execute(f"CREATE DATABASE {urls[-1]}")
    made = opened(folder, clock, [f"{base}/{name}" for name in urls])
    done = imported(made, table)
    again = imported(made, table)
    assert (done.taken, again.known) == (4, 4)
    assert by_reference(made)["R-2"]["answered_on"] == "2025-04-20"
    assert subjects.find_subject(made.ledger, "email", "bob@example.org")
    made.close()
    made.ledger.close()


def test_many_rows_are_judged_in_bounded_memory(project, tmp_path):
    import tracemalloc

    peaks = []
    for rows in (400, 4_000):
        file = tmp_path / f"{rows}.csv"
        with file.open("w", encoding="utf-8") as written:
            written.write("Reference,Received on,Rights,Status,E-mail,What was asked,Answered on\n")
            for number in range(rows):
                written.write(
                    f"R-{number},2026-01-05,access,answered,p{number}@example.org,{'x' * 1000},2026-01-20\n"
                )
        look(project, tmp_path / "400.csv", ColumnMap("requests"))  # what is loaded once is loaded
        tracemalloc.start()
        assert look(project, file, ColumnMap("requests")).rows == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (
        peaks[1] - peaks[0] < 1_500_000
    )  # the marks of the references; ten times the rows, four megabytes of text


def test_a_regulator_is_told_which_late_answers_were_imported(project, table):
    table.write_text(REQUESTS.replace("2025-04-20", "2025-09-20"), encoding="utf-8")
    imported(project, table)
    found = answer_question.answer(project, "overdue")
    assert [row["status"] for row in found.answer.rows] == [
        "closed, imported on 23 November 2026, not proven before"
    ]


def test_our_own_export_is_read_by_its_own_words_and_its_rows_as_a_spreadsheet_numbers_them(
    folder, project, tmp_path
):
    file = tmp_path / "register.csv"
    purpose = next(iter(project.policy.purposes.values()))
    file.write_text(
        "Nom de l’activité,Finalités,Base légale,Mesures de sécurité\n"
        f'Un,{purpose.does},Intérêt légitime,"chiffrement\nsauvegardes"\n'
        f"Deux,{purpose.does},intérêt du roi,\n",
        encoding="utf-8",
    )
    looked = look(project, file, ColumnMap("register"))
    assert [(one.row, one.column) for one in looked.faults] == [(3, "Base légale")]
    take(project, file, ColumnMap("register"), looked, staff="marie", skip_faulty=True)
    made = opened(folder, project.clock)
    assert [str(one) for one in made.policy.activities["un"].measures] == ["chiffrement", "sauvegardes"]
    made.close()
    made.ledger.close()
