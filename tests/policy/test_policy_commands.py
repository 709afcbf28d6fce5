"""The commands about a policy: what they write, what they refuse, and in which words."""

import json
import subprocess
import sys
import tomllib

import pytest
from jsonschema import Draft202012Validator

from troth.policy.loading import load


@pytest.fixture
def troth(tmp_path):
    """Run the command line in a folder of its own; give back exit code, output and errors."""

    def run(*arguments, binary=False):
        command = [sys.executable, "-m", "troth", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60)
        return done.returncode, done.stdout if binary else done.stdout.decode(), done.stderr.decode()

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Northwind", 'A "B" & <C>: #1 *d* \\e', "Société Générale d’Été"])
def test_init_writes_a_project_that_holds_together(troth, tmp_path, name):
    code, said, _ = troth("init", "here", "--name", name)
    assert (code, said.splitlines()[0]) == (0, "A project stands in here/, with 8 files.")
    folder = tmp_path / "here"
    assert tomllib.loads((folder / "troth.toml").read_text("utf-8"))["project"]["name"] == name
    files = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.glob("policy*.md")
    }
    policy, problems = load(files)
    assert problems == ()
    assert str(policy.group.title) == name
    assert ".troth/" in (folder / ".gitignore").read_text("utf-8")


@pytest.mark.slow
def test_init_writes_over_nothing(troth, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "policy.md").write_text("mine")
    code, _, said = troth("init", "here")
    assert code == 2
    assert (
        said
        == "Nothing was written: here/ already has policy.md. Name another folder, or move those files away.\n"
    )
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["policy.md"]


@pytest.mark.slow
def test_the_notice_is_written_in_every_form(troth, tmp_path):
    troth("init", "here", "--name", "Northwind")
    assert troth("notice", "here/policy.md")[1].startswith("<!doctype html>")
    assert troth("notice", "here/policy.md", "-f", "md", "-l", "fr")[1].startswith(
        "# Politique de confidentialité"
    )
    assert troth("notice", "here/policy.md", "-f", "pdf", binary=True)[1].startswith(b"%PDF")
    assert troth("notice", "here/policy.md", "-o", "n.html")[0] == 0
    assert (tmp_path / "n.html").read_text("utf-8").endswith("</html>\n")
    code, _, said = troth("notice", "here/policy.md", "-o", "n.html")
    assert (code, said) == (2, "n.html is there already. Name another, or add --force.\n")
    assert troth("notice", "here/policy.md", "-o", "n.html", "--force")[0] == 0
    assert troth("--project", "here", "notice", "-f", "md")[1].startswith("# Northwind")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"",
            "p.md:1:1: The policy is empty. Write a title and a first clause, or start with `troth init`.\n",
        ),
        (b"\x7fELF\x00\x01\xff\xfe", "p.md:1:1: It is not UTF-8 text. Save it as UTF-8 text.\n"),
        ("## 1 Été\n\nà\n".encode("latin-1"), "p.md:1:1: It is not UTF-8 text. Save it as UTF-8 text.\n"),
        (
            b"## 1 A\n\0",
            "p.md:1:1: It is not text: there are zero bytes in it. Name a text file, saved as UTF-8.\n",
        ),
        (
            b"## 1 A\n\n```promise\nanswer:\n\twithin: 1 month\n",
            "p.md:3:1: This promise block is never closed.",
        ),
        (
            b"## 1 A\n\n```promise\nanswer:\n\twithin: 1 month\n```\n",
            "p.md:5:1: The indentation has a tab in it.",
        ),
    ],
    ids=["empty", "binary", "another encoding", "zero bytes", "unclosed", "tab"],
)
def test_a_file_that_is_no_policy_gets_a_sentence(troth, tmp_path, content, said):
    (tmp_path / "p.md").write_bytes(content)
    code, out, err = troth("notice", "p.md")
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_file_that_is_not_there_gets_a_sentence(troth, tmp_path):
    assert troth("notice", "nope.md")[0::2] == (2, "There is no file nope.md.\n")
    (tmp_path / "d").mkdir()
    assert troth("notice", "d")[0::2] == (2, "d is a folder. Name the policy in it, such as d/policy.md.\n")
    assert troth("import", "nope.txt")[0::2] == (2, "There is no file nope.txt.\n")


@pytest.mark.slow
def test_the_schema_is_printed(troth):
    Draft202012Validator.check_schema(json.loads(troth("schema")[1]))
    assert troth("schema", "--format", "md")[1].startswith("## `group`")


@pytest.mark.slow
def test_a_version_is_published_once_and_another_text_needs_another_version(troth, tmp_path):
    troth("init", "here", "--name", "Northwind")
    code, said, err = troth("--project", "here", "publish", "--json")
    assert (code, err) == (0, "")
    first = json.loads(said)
    lock = json.loads((tmp_path / "here" / "policy.lock").read_text("utf-8"))
    assert first["sha256"] == lock["sha256"]
    assert json.loads(troth("--project", "here", "publish", "--json")[1])["event"] == first["event"]
    policy = tmp_path / "here" / "policy.md"
    policy.write_text(
        policy.read_text("utf-8").replace("valid_for: 24 months", "valid_for: 12 months"), "utf-8"
    )
    code, said, err = troth("--project", "here", "publish")
    assert (code, said) == (2, "")
    assert err == (
        "policy.md:1:1: Version 0.1.0 is published already, and this is not its text. "
        "Raise `version`, and say in `change` what changed.\n"
    )
    named = policy.read_text("utf-8").replace("\nchange:\n", '\nchange:\n  version: "0.1.0"\n')
    policy.write_text(named, "utf-8")
    assert "Raise the `version` that the promise `change` names" in troth("--project", "here", "publish")[2]


@pytest.mark.slow
def test_the_source_policy_is_brought_in_clause_by_clause(troth, tmp_path, samples):
    source = next((samples / "seeds").glob("*.txt"))
    code, _, said = troth("import", source, "-o", "policy.md")
    assert code == 0, said
    policy, problems = load({"policy.md": (tmp_path / "policy.md").read_text("utf-8")})
    assert problems == ()
    numbers = [clause.number for clause in policy.document.clauses]
    assert [number for number in numbers if "." not in number] == [str(n) for n in range(1, 10)]
    assert {"7.1", "7.7", "9.1", "9.2.1", "9.2.3", "9.5"} <= set(numbers)
    words = " ".join(source.read_text("utf-8").replace("\u00a0", " ").split())
    for clause in policy.document.clauses:
        assert " ".join(clause.title.split()) in words
    assert troth("notice", "policy.md", "-f", "md")[0] == 0
