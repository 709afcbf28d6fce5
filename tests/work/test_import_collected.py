"""Lists of people come in by the channels of the policy, each row once, and whoever others named is owed a notice."""

import json
from datetime import date

import pytest

from commanding import troth
from naming import names
from troth.errors import NotAllowedError
from troth.ledger import read
from troth.ledger.rebuild import rebuild
from troth.outside import sheet
from troth.rules.collection import HandedIn, is_late
from troth.work import audit, import_collected, inform, review_channel

ON = date(2026, 11, 20)
STAND = HandedIn("web-form", "salon-lyon-2026", ON)
PEOPLE = "email,name,language,company\nlise@example.org,Lise,fr,Loriot\nnoor@example.org,Noor,,Finch\n"


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "stand.jpg"
    file.write_bytes(b"what people saw")
    return file


@pytest.fixture
def people(tmp_path):
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    return file


def reviewed(project, photo, channel="web-form", on=ON, notice=None):
    version = notice or project.policy.version
    return review_channel.review(
        project, channel, owner="Field team", notice=version, proof=photo, on=on, staff="marie"
    )


def others(project):
    """A source of the policy from which others' data comes, with its collection's name as channel."""
    each = next(one for one in project.policy.collections.values() if one.how == "indirect")
    return HandedIn(str(each.key), str(each.sources[0].key), ON, "", tuple(each.provider_duties), "Finch Ltd")


def taken(project, file, told=STAND, **more):
    rows = list(import_collected.listed(file, ""))
    return import_collected.take(project, file, told, rows, staff="marie", **more)


def collected(project):
    return list(read.events(project.ledger, kind="collected"))


def test_a_list_records_for_each_person_how_their_data_came_in(project, people, photo):
    reviewed(project, photo)
    done = taken(project, people)
    assert (done.taken, done.owed, done.unread) == (2, 0, ("company",))
    facts = [event.facts for event in collected(project)]
    assert {(one["channel"], one["source"], one["notice_version"], one["indirect"]) for one in facts} == {
        ("web-form", "salon-lyon-2026", project.policy.version, False)
    }
    assert list(inform.owed(project)) == list(inform.owed(project, every=True)) == []


def test_the_same_list_is_taken_once_and_a_dry_run_takes_nothing(project, people, photo):
    reviewed(project, photo)
    assert taken(project, people, dry_run=True).taken == 2
    assert collected(project) == list(read.events(project.ledger, kind="list_imported")) == []
    assert taken(project, people).taken == 2
    again = taken(project, people)
    assert (again.taken, again.known) == (0, 2)
    people.write_text(PEOPLE + "LISE@example.org,,,\nnew@example.org,New,,\n", encoding="utf-8")
    more = taken(project, people)
    assert (more.taken, more.known, more.twice) == (1, 2, 1)
    assert len(collected(project)) == 3


def test_an_import_cut_short_anywhere_is_finished_by_the_same_command(project, tmp_path, photo):
    reviewed(project, photo)
    file = tmp_path / "many.csv"
    file.write_text("email\n" + "".join(f"p{n}@example.org\n" for n in range(60)), encoding="utf-8")
    stopped = []

    def stop(_):
        stopped.append(len(collected(project)))
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            taken(project, file, advance=stop)
    assert stopped == [50, 50, 50]
    done = taken(project, file)
    assert (done.taken, done.known, len(collected(project))) == (10, 50, 60)
    assert len(list(read.events(project.ledger, kind="list_imported"))) == 1


def test_whoever_others_named_is_owed_the_notice_within_a_month(project, people, letters):
    done = taken(project, people, others(project))
    assert done.owed == 2
    first = next(iter(inform.owed(project)))
    assert (first.state["obtained"], first.state["due"] < "2026-12-21") == ("2026-11-20", True)
    for one in list(inform.owed(project)):
        inform.tell(project, one.ident)
    assert {to for to, _, _ in letters()} == {"lise@example.org", "noor@example.org"}
    assert list(inform.owed(project)) == []
    before = [state.body for state in read.states(project.ledger, "collection")]
    rebuild(project.ledger)
    assert [state.body for state in read.states(project.ledger, "collection")] == before


def test_a_person_added_by_hand_and_by_a_list_is_owed_one_notice(project, people):
    told = others(project)
    inform.record(project, "lise@example.org", told.source, ON, "marie")
    assert taken(project, people, told).known == 1
    inform.record(project, "noor@example.org", told.source, ON, "marie")
    assert len(collected(project)) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel": "word-of-mouth"}, "no channel 'word-of-mouth', and its list is closed"),
        ({"obtained_on": date(2027, 1, 1)}, "still to come"),
        ({"source": "Some List!"}, "names no source"),
        ({"source": ""}, "names no source"),
        ({"notice": "0.1"}, "No review of 'web-form' saw version '0.1'"),
        ({"channel": "order"}, "nobody answers for it yet"),
        ({"obtained_on": date(2026, 11, 1)}, "never reviewed"),
    ],
)
def test_a_list_that_does_not_say_how_it_came_in_is_refused(project, people, photo, change, said):
    reviewed(project, photo)
    told = {"channel": "web-form", "source": "salon", "obtained_on": ON, "notice": ""} | change
    with pytest.raises(NotAllowedError, match=said):
        taken(project, people, HandedIn(**told))
    assert collected(project) == []


def test_a_misspelt_source_of_the_policy_is_not_taken_for_a_list_of_our_own(project, people, photo):
    reviewed(project, photo)
    near = others(project).source[:-1] + "x"
    with pytest.raises(NotAllowedError, match="Did you mean"):
        taken(project, people, HandedIn("web-form", near, ON))


def test_an_indirect_channel_has_only_the_sources_of_the_policy(project, people):
    with pytest.raises(NotAllowedError, match="no source 'a-friend'"):
        taken(project, people, HandedIn(others(project).channel, "a-friend", ON))


def test_mistakes_are_told_by_line_and_cell_and_never_with_the_value(folder, photo):
    file = folder / "people.csv"
    file.write_text("email;name;language\ncanary;Canary;fr\nok@example.org;;de\n;Nobody;\n", encoding="utf-8")
    proof = ["--owner", "Field team", "--proof", photo, "--staff", "marie", "--on", "2026-11-01"]
    assert troth(folder, "channel", "review", "web-form", *proof).code == 0
    words = [
        "import",
        "collected",
        file,
        "--channel",
        "web-form",
        "--on",
        "2026-11-20",
        "--source",
        "salon-lyon",
    ]
    said = troth(folder, *words, "--staff", "marie")
    assert said.code == 1
    assert "line 2, cell A2: that is no e-mail address." in said.out
    assert "line 3, cell C3: notices are written in en or fr." in said.out
    assert "line 4, cell A4: the e-mail address is missing." in said.out
    assert not names(said.out + said.err, "canary")


def test_the_commands_take_a_list_in_and_the_channel_shows_its_owner(folder, people, photo):
    words = ["import", "collected", people, "--staff", "marie"]
    missing = troth(folder, *words)
    assert (missing.code, "add --channel, --on, --source" in missing.err) == (2, True)
    given = ["--channel", "web-form", "--on", "2026-11-20", "--source", "salon-lyon"]
    assert "nobody answers for it yet" in troth(folder, *words, *given).err
    assert "never" in troth(folder, "channel", "list").out
    proof = ["--owner", "Field team", "--proof", photo, "--staff", "marie", "--on", "2026-11-01"]
    troth(folder, "channel", "review", "web-form", *proof)
    (shown, _) = json.loads(troth(folder, "channel", "list", "--json").out)
    assert (shown["owner"], shown["on"]) == ("Field team", "2026-11-01")
    assert json.loads(troth(folder, *words, *given, "--json").out)["taken"] == 2
    assert troth(folder, "channel", "proof", "web-form", "-o", folder / "out.jpg").code == 0
    assert (folder / "out.jpg").read_bytes() == b"what people saw"
    assert troth(folder, "channel", "proof", "web-form", "-o", folder / "out.jpg").code == 2


def test_a_policy_is_still_imported_by_its_file_alone(folder):
    (folder / "old.txt").write_text(
        "1. Who we are\n\nWe are we, and you are you.\n\n2. What we do\n\nNothing much.\n", encoding="utf-8"
    )
    assert "Who we are" in troth(folder, "import", folder / "old.txt").out
    assert troth(folder, "import", "-o", folder / "new.md", folder / "old.txt").code == 0
    assert "Who we are" in troth(folder, "import", "policy", folder / "old.txt").out


def test_the_events_of_a_list_name_nobody(project, people, photo):
    reviewed(project, photo)
    taken(project, people)
    taken(project, people, others(project))
    written = repr([(event.stream, event.facts) for event in read.events(project.ledger)])
    assert not [one for one in ("Lise", "Noor", "example", "Finch", "Field") if names(written, one)]


def test_the_audit_asks_for_the_notice_at_each_channel_and_for_those_told_too_late(
    project, people, photo, clock
):
    def said(kind):
        return next(one for one in audit.audit(project) if one.promise.endswith(kind))

    assert said("collection/direct").broken_by[0].startswith("channel web-form: nobody saw version")
    for channel in ("web-form", "order"):
        reviewed(project, photo, channel)
    found = said("collection/direct")
    assert (found.word, len(found.evidence)) == ("kept", 2)
    told = others(project)
    taken(project, people, told)
    assert said(f"collection/{told.channel}").word == "kept"
    clock.forward(days=60)
    late = said(f"collection/{told.channel}")
    assert (late.word, len(late.broken_by)) == ("broken", 2)
    assert "not sent" in late.broken_by[0]
    assert is_late(next(iter(inform.owed(project))).state, clock().date())


class TestSheets:
    """Tables that people hand in."""

    def read(self, tmp_path, body, name="list.csv"):
        file = tmp_path / name
        file.write_bytes(body)
        return list(sheet.rows(file))

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_commas_semicolons_and_tabs_are_read_with_or_without_a_mark(self, tmp_path, separator):
        text = f"E-Mail{separator}First Name\n\na@example.org{separator}Ada\n"
        (row,) = self.read(tmp_path, b"\xef\xbb\xbf" + text.encode())
        assert dict(row.cells) == {"e_mail": "a@example.org", "first_name": "Ada"}
        assert row.place("first_name") == "line 3, cell B3"

    def test_a_workbook_is_read_like_the_list_it_shows(self, tmp_path):
        from openpyxl import Workbook

        book = Workbook()
        for cells in (["email", "since", "number"], ["a@example.org", date(2026, 1, 5), 7.0]):
            book.active.append(cells)
        book.save(tmp_path / "list.xlsx")
        (row,) = sheet.rows(tmp_path / "list.xlsx")
        assert dict(row.cells) == {"email": "a@example.org", "since": "2026-01-05", "number": "7"}

    @pytest.mark.parametrize(
        ("body", "name", "said"),
        [
            (b"", "list.csv", "is empty"),
            (b"email\n\xff\n", "list.csv", "not UTF-8"),
            (b'email\n"a', "list.csv", "no CSV"),
            (b"email,email\n", "list.csv", "two columns"),
            (b"email\na,b\n", "list.csv", "line 2: it has more cells"),
            (b"PK nothing", "list.xlsx", "no Excel workbook"),
        ],
    )
    def test_what_is_no_table_is_refused_in_words(self, tmp_path, body, name, said):
        with pytest.raises(NotAllowedError, match=said):
            self.read(tmp_path, body, name)
