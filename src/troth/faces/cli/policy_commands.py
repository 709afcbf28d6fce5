"""Commands about the policy document: start one, import one, show it, publish it."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError, NotFoundError, Problem, WrongFileError
from troth.faces.cli.console import as_json, err, out
from troth.faces.cli.taking import write

if TYPE_CHECKING:
    from troth.policy.policy import Policy
    from troth.work.weigh_change import Weighed

LENGTH_MAX = 8_000_000


class Format(StrEnum):
    """The forms of a notice."""

    html = "html"
    md = "md"
    pdf = "pdf"
    docx = "docx"


class SchemaFormat(StrEnum):
    """The forms of the grammar of promises."""

    json = "json"
    md = "md"


def init(
    folder: Path = typer.Argument(Path(), metavar="[DIR]", help="The folder; made where it is not there."),
    name: str = typer.Option("", "--name", help="What your organisation is called (default: the folder)."),
) -> None:
    """Start a project: troth.toml, a policy in English and French, a register, places for maps.

    Example: troth init privacy --name "Northwind"
    """
    from troth.policy.starting import project_files

    folder = folder.resolve()
    files = project_files(name or folder.name or "Our company", datetime.now(UTC).date())
    there = [path for path in files if (folder / path).exists() or (folder / path).is_symlink()]
    if there:
        raise NotAllowedError(
            f"Nothing was written: {folder.name}/ already has {', '.join(there[:5])}. "
            "Name another folder, or move those files away."
        )
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise NotAllowedError(f"The project cannot be written there: {error.strerror}.") from None
    console = out()
    console.print(f"A project stands in {folder.name}/, with {len(files)} files.", markup=False)
    console.print(
        "Next: make policy.md yours, then troth check policy.md, troth notice policy.md, troth publish."
    )


def import_policy(
    file: Path = typer.Argument(..., metavar="FILE", help="A policy as plain text, in UTF-8."),
    output: Path | None = typer.Option(
        None, "-o", "--output", metavar="OUT", help="Where to (default: show)."
    ),
    force: bool = typer.Option(False, "--force", help="Write over OUT."),
) -> None:
    """Turn a plain text policy into a Markdown policy, its clauses numbered by their full path.

    Example: troth import policy.txt -o policy.md, or troth import policy policy.txt
    """
    text = read_text(file)
    from troth.policy.import_text import markdown
    from troth.policy.plain import parse

    document = parse(text, file.name)
    if not document.clauses:
        raise WrongFileError(document.problems or [_nothing(file)])
    write(markdown(document).encode(), output, force=force)
    for problem in document.problems:
        err().print(str(problem), markup=False)
    if output is not None:
        said = f"{len(document.clauses)} clauses are in {output}; put a promise block under each."
        err().print(said, markup=False)


def notice(
    file: Path | None = typer.Argument(None, metavar="[FILE]", help="policy.md (default: the project's)."),
    format: Format = typer.Option(
        Format.html, "--format", "-f", help="html, md, pdf or docx (for review, values locked)."
    ),
    language: str = typer.Option(
        "", "--language", "-l", metavar="LANG", help="en or fr (default: the policy's)."
    ),
    output: Path | None = typer.Option(
        None, "-o", "--output", metavar="OUT", help="Where to (default: show)."
    ),
    as_of: datetime | None = typer.Option(
        None, "--as-of", formats=["%Y-%m-%d"], help="The version that was in force on this day."
    ),
    force: bool = typer.Option(False, "--force", help="Write over OUT."),
) -> None:
    """Render the notice that people read, its tables and values filled from the promises.

    Example: troth notice policy.md --format pdf --language fr -o notice.fr.pdf
    """
    from troth.policy.notice import render
    from troth.policy.publishing import untranslated

    policy = _policy(file) if as_of is None else _in_force(file, as_of.date())
    language = language or policy.language
    if format in (Format.pdf, Format.docx):
        if format is Format.pdf:
            from troth.outside.pdf import notice as typeset
        else:
            from troth.outside.notice_word import notice as typeset

        if output is None and sys.stdout.isatty():
            raise NotAllowedError(
                f"A {format.value} is not text. Say where to with -o notice.{format.value}."
            )
        written = typeset(policy, language)
    else:
        written = render(policy, language, "md" if format is Format.md else "html").encode()
    write(written, output, force=force)
    missing = untranslated(policy)
    if missing and language != policy.language:
        said = f"{len(missing)} words of promises are not translated; the first: {missing[0]}"
        err().print(said, markup=False)


def publish(
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask, though promises changed; for scripts."),
    announce: datetime | None = typer.Option(
        None,
        "--announce",
        formats=["%Y-%m-%d"],
        help="Let the worker write to people of it from this day on.",
    ),
    left_out: list[str] = typer.Option(
        [], "--left-out", help="With --announce: a store whose people are reached otherwise."
    ),
    json: bool = typer.Option(False, "--json", help="Report as JSON."),
) -> None:
    """Put this version of the policy in force on its day, if nothing is wrong with it.

    Problems, errors of `troth check`, stale clauses and missing translations stop it. Where promises changed
    since the last version, what follows is shown and you are asked.

    Example: troth publish
    """
    from troth.faces.cli.context import project
    from troth.policy.publishing import LOCK
    from troth.work.accept_draft import put_in_force, refuse_unpublishable
    from troth.work.establishment import day_here
    from troth.work.weigh_change import weigh

    here = project()
    today = day_here(here)
    refuse_unpublishable(here)
    weighed = weigh(here)
    if weighed is not None and weighed.asks and not yes:
        _confirmed(weighed)
    published = put_in_force(here)
    if announce is not None:
        from troth.work.announce_due import schedule

        try:
            schedule(here, announce.date(), published.lock.version, staff="troth", left_out=left_out)
        except NotAllowedError as error:
            said = f"Version {published.lock.version} is published, and nobody will be written to: {error}"
            raise NotAllowedError(said) from None
    if json:
        as_json(
            {
                "event": published.event.id,
                "version": published.lock.version,
                "effective": published.lock.effective,
                "sha256": dict(published.lock.sha256),
                "promises_changed": list(published.changed),
                "consequences": weighed.consequences if weighed else (),
                "too_soon": bool(weighed and weighed.too_soon),
            }
        )
        return
    console = out()
    coming = "in force from" if published.lock.effective <= today.isoformat() else "comes into force on"
    console.print(f"Version {published.lock.version} is published, {coming} {published.lock.effective}.")
    for language, sha256 in sorted(published.lock.sha256.items()):
        console.print(f"  {language}  {sha256}")
    changed = len(published.changed)
    console.print(
        f"{changed} {'promise' if changed == 1 else 'promises'} changed. Put {LOCK} into version control."
    )
    if announce is not None:
        console.print(f"The worker writes to people of it from {announce.date()} on.")
    elif weighed is not None and any(one.what == "announcement" for one in weighed.consequences):
        console.print("Announce it: troth policy announce; troth policy announced says how far that is.")


def _confirmed(weighed: Weighed) -> None:
    """Show what follows from a version and ask; raises NotAllowedError where the answer is no, or none comes."""
    from troth.faces.cli.change_commands import show

    show(weighed, err())
    if not sys.stdin.isatty():
        raise NotAllowedError("Promises changed: nothing was published. Look at the above, then say --yes.")
    if not typer.confirm(f"Publish version {weighed.becomes}?", err=True):
        raise NotAllowedError("Nothing was published.")


def schema(
    format: SchemaFormat = typer.Option(SchemaFormat.json, "--format", "-f", help="json, or md for people."),
    output: Path | None = typer.Option(
        None, "-o", "--output", metavar="OUT", help="Where to (default: show)."
    ),
    force: bool = typer.Option(False, "--force", help="Write over OUT."),
) -> None:
    """Print the JSON Schema of promise blocks and register files, for editors.

    Example: troth schema -o promises.schema.json
    """
    import json

    if format is SchemaFormat.md:
        from troth.policy.reference import markdown

        write(markdown().encode(), output, force=force)
        return
    from troth.policy.schema import schema as described

    write((json.dumps(described(), indent=2, ensure_ascii=False) + "\n").encode(), output, force=force)


def read_text(path: Path) -> str:
    """Read a file that somebody wrote; raises a sentence where it cannot be read as text."""
    try:
        if path.stat().st_size > LENGTH_MAX:
            raise NotAllowedError(f"{path.name} has more than {LENGTH_MAX // 1_000_000} MB. Name a policy.")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        remedy = "Save it as UTF-8 text."
        raise WrongFileError([Problem(path.name, line, 1, "It is not UTF-8 text.", remedy)]) from None
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {path}.") from None
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read: {error.strerror}.") from None


def _in_force(file: Path | None, day: date) -> Policy:
    """Return the policy that was in force on a day, as it was published."""
    from troth.faces.cli.context import project
    from troth.work.policy_as_of import as_of

    if file is not None:
        raise NotAllowedError("--as-of is about what was published; leave FILE out.")
    return as_of(project(), day).policy


def _policy(file: Path | None) -> Policy:
    """Load the policy whose main document is `file`, with its languages and its register."""
    from troth.policy.loading import load

    if file is None:
        from troth.faces.cli.context import project

        return project().written
    if file.is_dir():
        raise NotFoundError(f"{file} is a folder. Name the policy in it, such as {file / 'policy.md'}.")
    stem = file.name.split(".")[0]
    beside = sorted(file.parent.glob(f"{stem}.*.md")) + sorted(file.parent.glob("register/*.yaml"))
    names = {file.name: file}
    names.update({path.relative_to(file.parent).as_posix(): path for path in beside})
    policy, problems = load({name: read_text(path) for name, path in names.items()})
    if policy is None:
        raise WrongFileError(problems)
    return policy


def _nothing(file: Path) -> Problem:
    return Problem(file.name, 1, 1, "No clause was found.", "Number the headings, as in `1. Introduction`.")
