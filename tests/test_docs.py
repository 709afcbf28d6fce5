"""The documentation is held to the code: commands and settings have headings, links lead somewhere."""

import re
from pathlib import Path

import pytest
import typer

from troth.faces.cli import COMMANDS, app
from troth.rules.question import every
from troth.settings_file import KNOWN

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
SETTINGS = [(section, key) for section, keys in KNOWN.items() for key in keys]


@pytest.mark.parametrize(("section", "key"), SETTINGS)
def test_every_setting_has_its_heading(section, key):
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    part = page.split(f"## [{section}]\n", 1)[1].split("\n## ", 1)[0]
    assert f"### `{key}`" in part


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_heading(name):
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"## troth {name}\n" in page


@pytest.mark.parametrize("question", every(), ids=lambda one: one.name)
def test_every_question_has_its_heading_and_its_words(question):
    page = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    part = page.split(f"### {question.name}\n", 1)[1].split("\n### ", 1)[0]
    assert question.said["en"] in part
    assert question.said["fr"] in part


def every_command():
    """Yield each command and sub-command with what `--help` knows of it."""
    table = typer.main.get_group(app)
    for name in COMMANDS:
        command = table.get_command(None, name)
        yield name, command
        for sub, inner in getattr(command, "commands", {}).items():
            yield f"{name} {sub}", inner


def test_whoever_gives_a_command_may_be_named_once_for_all():
    """A shell says who somebody is in TROTH_STAFF, and no command asks again."""
    deaf = [
        name
        for name, command in every_command()
        for option in command.params
        if "--staff" in option.opts and option.envvar != "TROTH_STAFF"
    ]
    assert deaf == []


def test_every_option_is_told():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    parts = {part.split("\n", 1)[0]: part for part in re.split(r"\n###? (?=troth )", page)}
    missing = [
        f"{name}: {max(option.opts, key=len)}"
        for name, command in every_command()
        for option in command.params
        if option.param_type_name == "option" and option.name != "help"
        if f"`{max(option.opts, key=len)}`" not in parts.get(f"troth {name}", "")
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_between_pages_leads_somewhere(page):
    text = re.sub(r"(```|~~~).*?\1", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_no_page_names_a_path_of_one_machine():
    paths = re.compile(r"(?<![\w./~-])/(?:home|root|work|tmp|Users)/\w")
    assert [page.name for page in PAGES if paths.search(page.read_text(encoding="utf-8"))] == []
