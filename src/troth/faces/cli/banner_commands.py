"""`troth banner`: the script that asks about cookies, for sites that are served elsewhere, and its picture."""

from __future__ import annotations

import hashlib
import html
import json as writing
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from troth.errors import NotFoundError, WrongFileError
from troth.faces.cli.console import as_json, err, out, progress
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.faces.banner.script import Script
    from troth.policy.policy import Policy

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("build")
def build_(
    out_: Path = typer.Option(..., "--out", metavar="DIR", help="The folder to write into; made if needed."),
    policy: Path | None = typer.Option(
        None, "--policy", metavar="FILE", help="The policy (default: the project's)."
    ),
    post: str = typer.Option(
        "/choices/record", "--post", metavar="URL", help="Where choices are recorded; empty for nowhere."
    ),
    notice: str = typer.Option(
        "", "--notice", metavar="URL", help="Where the notice stands; {language} in it is filled."
    ),
    json: bool = typer.Option(False, "--json", help="Print the hashes as JSON."),
) -> None:
    """Write the banner's script in each language of the policy, its hashes and gpc.json, for any web server.

    Example: troth banner build --policy policy.md --out public/choices
    """
    from troth.faces.banner.catalogue import own_sentences
    from troth.faces.banner.routes import gpc, hashes
    from troth.faces.banner.script import build, languages

    read = policy_in(policy)
    own = own_sentences((policy.parent if policy else project().settings.folder) / "locale")
    scripts = [
        build(read, language, post=post, notice=notice, own=own.get(language))
        for language in languages(read, own)
    ]
    told = {f"banner.{script.language}.js": hashes(script) for script in scripts}
    (out_ / ".well-known").mkdir(parents=True, exist_ok=True)
    for script in scripts:
        (out_ / f"banner.{script.language}.js").write_bytes(script.written)
    (out_ / "banner.json").write_text(writing.dumps(told, indent=2) + "\n", encoding="utf-8")
    (out_ / ".well-known" / "gpc.json").write_text(writing.dumps(gpc(read)) + "\n", encoding="utf-8")
    if json:
        as_json(told)
        return
    for script in scripts:
        out().print(tag(script), markup=False)
    err().print(f"Written to {out_}. Serve .well-known/gpc.json at the root of the site.", markup=False)


@app.command("picture")
def picture(
    out_: Path = typer.Option(..., "--out", metavar="DIR", help="The folder for the pictures."),
    json: bool = typer.Option(False, "--json", help="Print what was recorded as JSON."),
) -> None:
    """Take a picture of the banner in each language, and record it with the hashes of this version.

    Example: troth banner picture --out proof
    """
    from troth.faces.banner.catalogue import own_sentences
    from troth.faces.banner.script import build, languages
    from troth.outside.picture import photograph
    from troth.work.record_interface import record_interface

    opened = project()
    own = own_sentences(opened.settings.folder / "locale")
    spoken = languages(opened.policy, own)
    out_.mkdir(parents=True, exist_ok=True)
    recorded = {}
    with progress("Taking pictures", len(spoken)) as advance:
        for language in spoken:
            script = build(
                opened.policy, language, notice=f"{opened.settings.public_url}/notice/{{language}}",
                own=own.get(language),
            )  # fmt: skip
            with tempfile.TemporaryDirectory() as folder:
                page = Path(folder) / "page.html"
                page.write_text(page_of(opened.policy, script), encoding="utf-8")
                (Path(folder) / "banner.js").write_bytes(script.written)
                taken = photograph(page)
            (out_ / f"banner.{language}.png").write_bytes(taken)
            event = record_interface(
                opened, language, interface_sha256=script.sha256, text_sha256=script.text_sha256,
                table_sha256=script.table_sha256, picture_sha256=hashlib.sha256(taken).hexdigest(),
            )  # fmt: skip
            recorded[f"banner.{language}.png"] = {"event": event.id, **event.facts}
            advance()
    if json:
        as_json(recorded)
        return
    for name, facts in recorded.items():
        out().print(f"{name}  sha256 {facts['picture_sha256']}, event {facts['event']}", markup=False)


@app.command("nginx")
def nginx(
    out_: Path = typer.Option(..., "--out", metavar="FILE", help="The module to write, such as gate.js."),
    policy: Path | None = typer.Option(
        None, "--policy", metavar="FILE", help="The policy (default: the project's)."
    ),
    drop_unknown: bool = typer.Option(False, "--drop-unknown", help="Drop cookies that nobody declared."),
) -> None:
    """Write the gate in the headers as a module for nginx (njs).

    Example: troth banner nginx --policy policy.md --out /etc/nginx/gate.js
    """
    from troth.faces.banner.script import known_table
    from troth.faces.middleware.nginx import nginx_module

    written = nginx_module(known_table(policy_in(policy)), drop_unknown=drop_unknown)
    out_.write_text(written, encoding="utf-8")
    err().print(f"Written to {out_}.", markup=False)


def tag(script: Script, path: str = "/choices/") -> str:
    """Write the line that a page needs."""
    return (
        f'<script src="{path}banner.{script.language}.js" integrity="{script.integrity}" '
        f'crossorigin="anonymous"></script>'
    )


def page_of(policy: Policy, script: Script) -> str:
    """Write a page that holds nothing but the banner."""
    return (
        f'<!doctype html><html lang="{script.language}"><meta charset="utf-8"><title>'
        f"{html.escape(policy.title)}</title><main><h1>{html.escape(policy.title)}</h1></main>"
        f'<script src="banner.js"></script></html>'
    )


def policy_in(file: Path | None) -> Policy:
    """Read a policy with what stands beside it, or the project's; raises WrongFileError with its problems."""
    if file is None:
        return project().policy
    from troth.policy.loading import load

    if not file.is_file():
        raise NotFoundError(f"There is no policy {str(file)!r}. Name a file such as policy.md.")
    others = [*file.parent.glob(f"{file.stem}.*.md"), *file.parent.glob("register/*.yaml")]
    texts = {
        one.relative_to(file.parent).as_posix(): one.read_text(encoding="utf-8") for one in [file, *others]
    }
    read, problems = load(texts)
    if read is None or problems:
        raise WrongFileError(problems)
    return read
