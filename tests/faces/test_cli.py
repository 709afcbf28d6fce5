"""The command line finds its commands and says errors in sentences."""

import importlib
import subprocess
import sys

import pytest
import typer

from troth import errors
from troth.faces.cli import COMMANDS, guarded


def troth(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "troth", *words], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name):
    entry = COMMANDS[name]
    found = getattr(importlib.import_module(f"troth.faces.cli.{entry.module}"), entry.name)
    assert isinstance(found, typer.Typer) or found.__doc__


def test_without_a_word_it_says_what_there_is():
    said = troth()
    assert said.returncode == 0
    assert all(name in said.stdout for name in COMMANDS)


def test_a_command_that_is_not_one_is_wrong_use():
    said = troth("chck")
    assert said.returncode == 2
    assert "chck" in said.stderr


def test_a_command_that_needs_a_project_says_so_where_there_is_none(tmp_path):
    said = troth("audit", cwd=tmp_path)
    assert said.returncode == 2
    assert "There is no project here" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFoundError("x"), 2),
        (errors.NotAllowedError("x"), 2),
        (errors.ConflictError("x"), 2),
        (errors.UnreachableError("x"), 3),
        (errors.TamperedError("x"), 4),
    ],
)
def test_an_error_ends_as_its_sentence_and_its_code(error, code, capsys):
    def fail():
        raise error

    assert guarded(fail) == code
    assert capsys.readouterr().err == "x\n"


def test_a_file_that_cannot_be_written_is_said_in_a_sentence(tmp_path, capsys):
    def fail():
        (tmp_path / "no" / "such" / "folder").write_text("x")

    assert guarded(fail) == 2
    assert capsys.readouterr().err.endswith("cannot be used: No such file or directory.\n")
