"""What stands in a placeholder comes from its promise, and a placeholder that names nothing is told."""

# ruff: noqa: E501  (whole sentences stand in these tables)
import pytest

from troth.policy.placeholder import filled
from troth.policy.words import NO_BREAK, words
from writing_policies import first_project, read, told, with_promises

POLICY = read(first_project())


@pytest.mark.parametrize(
    ("placeholder", "english", "french"),
    [
        ("answer.within", "one month", "un mois"),
        ("cookies.lifetime_max", "13 months", "13 mois"),
        ("retention.invoices.period", "one year", "un an"),
        ("notify_recipients.within", "one week", "une semaine"),
        ("security.breach.authority_within", "72 hours", "72 heures"),
        ("effective", "23 November 2026", "23 novembre 2026"),
        ("version", "0.1.0", "0.1.0"),
        ("group.dpo.email", "<dpo@company.example>", "<dpo@company.example>"),
        ("group.dpo", "<dpo@company.example>", "<dpo@company.example>"),
        ("group.entities.main-entity.country", "France", "France"),
        ("group.lead_authority", "Commission nationale de l’informatique et des libertés (CNIL), <https://www.cnil.fr>", "Commission nationale de l’informatique et des libertés (CNIL), <https://www.cnil.fr>"),
        ("group.languages", "English and French", "anglais et français"),
        ("purpose.orders.does", "deliver what you order and answer you", "livrer vos commandes et vous répondre"),
        ("purpose.orders.legal_basis", "contract", "contrat"),
        ("purpose.accounts.recipients", "Hosting and Tax office", "Hébergeur et Administration fiscale"),
        ("answer.free_of_charge", "yes", "oui"),
        ("retention.customers.then", "erased", "effacées"),
        ("right.restrict.grounds", None, None),
        ("collection.indirect.sources.employer", "your employer, when it orders for you", "votre employeur, lorsqu’il commande pour vous"),
        ("right.post_mortem.article", "Loi n° 78-17, art. 85", "Loi n° 78-17, art. 85"),
        ("cookies.table", "session, choice and visits", "session, choice et visits"),
    ],
)  # fmt: skip
def test_a_value_is_said_in_words(placeholder, english, french):
    said = [
        filled(f"{{{{ {placeholder} }}}}", POLICY, words(one)).replace(NO_BREAK, " ") for one in ("en", "fr")
    ]
    if english is not None:
        assert said == [english, french]
    assert "{{" not in "".join(said)


def test_the_letters_of_an_article_are_said_in_words():
    listed = filled("{{ list: right.restrict.grounds }}", POLICY, words("fr")).split("\n")
    assert len(listed) == 4
    assert listed[1] == "- le traitement est illicite et vous préférez la limitation à l’effacement"


def test_names_are_shown_as_they_are_written():
    policy = read({"policy.md": with_promises(
        "cookies: {table: [{name: '_ga*|<b>', party: first, category: analytics, lifetime: 1 day}]}",
        prose="{{ table: cookies }}",
    )})  # fmt: skip
    table = filled("{{ table: cookies }}", policy, words("en"))
    assert "| \\_ga\\*\\|\\<b\\> |" in table


def test_a_column_that_is_empty_everywhere_is_left_out():
    header = filled("{{ table: cookies }}", POLICY, words("en")).split("\n")[0]
    assert (
        header
        == "| Name | Set by | Kind | Purpose | Stays on the device | Data retained | Why without consent |"
    )


def test_what_is_in_the_register_is_never_shown():
    for name in ("purposes", "retention"):
        for what in ("table", "list"):
            assert "Pa" not in filled(f"{{{{ {what}: {name} }}}}", POLICY, words("fr"))
    assert told(
        first_project() | {"policy.fr.md": first_project()["policy.fr.md"] + "\n{{ purpose.payroll.does }}\n"}
    )[0].endswith("There is no purpose called `payroll`. There are: orders, accounts, newsletter, audience.")


@pytest.mark.parametrize(
    ("prose", "said"),
    [
        ("In {{ answer.withn }}.", "5:4 `answer` has no field `withn`. Did you mean `within`?"),
        ("In {{ answr.within }}.", "5:4 There is nothing called `answr`. Did you mean `answer`?"),
        ("In {{ answer.extend_by }}.", "5:4 `answer.extend_by` is not said in any promise. Add `extend_by:` to that promise."),
        ("In {{ answer.within.number }}.", "5:4 `answer.within` is one value and has no `number`. Leave that out."),
        ("In {{ answer }}.", "5:4 `answer` is more than one value. Name one field of it."),
        ("In {{ cookies.lifetime_max }}.", "5:4 No clause has a promise `cookies`. Write that promise, or the words by hand."),
        ("In {{ right.erase }} and {{ right.port }}.", "5:26 There is no right called `port`. There are: erase."),
        ("In {{ right }}.", "5:4 There is no right: the name is missing. There are: erase."),
        ("In {{ version }}.", "5:4 The policy has no version. Say it at the top of the file, or in `change`."),
        ("{{ table: cookis }}", "5:1 There is no table called `cookis`. Did you mean `cookies`?"),
        ("{{ table: cookies }}", "5:1 There are no cookies to show. Write such promises, or remove the placeholder."),
        ("{{ chart: cookies }}", "5:1 There is no placeholder `chart:`. Write `table:` or `list:`."),
        ("{{ list: answer.within }}", "5:1 `answer.within` is no list. Write `answer.within` without `list:`."),
        ("See {{ list: right.erase.grounds }}", "5:5 A table or a list must stand on a line of its own. Put it on its own line, with an empty line before and after."),
        ("In {{ answer.within", "5:4 A placeholder is not closed. Write `}}`."),
        ("In {{ }}.", "5:4 There is nothing called ``. There are: title, version, date, effective, group, collection, purpose, recipient, answer, right, notify_recipients, first_communication, retention, security, consent, cookies, transfer, change."),
        ("See [that](#7.8).", "5:10 There is no clause 7.8 to link to. Mend the number."),
    ],
)  # fmt: skip
def test_a_placeholder_that_names_nothing_is_told_in_its_place(prose, said):
    yaml = "answer: {within: 1 month}\nright: {erase: {grounds: [a]}}"
    assert told(with_promises(yaml, prose=prose)) == [said]


def test_a_placeholder_in_another_language_is_told_in_that_file():
    files = {"policy.md": "## 1 A\n", "policy.fr.md": "## 1 A\n\nDans {{ answer.within }}.\n"}
    assert told(files) == ["3:6 No clause has a promise `answer`. Write that promise, or the words by hand."]


@pytest.mark.parametrize("prose", ["<!-- {{ nothing.here }} -->", "\\{{ not one", "See [that](#7)."])
def test_what_is_no_placeholder_is_left_alone(prose):
    assert told(with_promises("answer: {within: 1 month}", prose=prose)) == []
