"""`troth scan`: what a site stores on its visitors' devices, held against the cookie table."""

from __future__ import annotations

import json as writing
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.cli.console import err, progress
from troth.faces.cli.context import project
from troth.faces.cli.own_site import mended, served

if TYPE_CHECKING:
    from troth.policy.policy import Policy
    from troth.rules.scan_report import Report
    from troth.work.project import Project
    from troth.work.scan_site import Wish


class Format(StrEnum):
    """The forms of a report."""

    text = "text"
    json = "json"
    sarif = "sarif"
    html = "html"


def scan(
    url: str | None = typer.Argument(
        None,
        metavar="[URL]",
        help="The site, or the name of a [scan.NAME] in the settings (default: the project's own site, served for it).",
    ),
    policy: Path | None = typer.Option(
        None,
        "--policy",
        metavar="FILE",
        help="The policy whose table it is held to (default: the project's).",
    ),
    format: Format = typer.Option(Format.text, "--format", "-f", help="text, json, sarif or html."),
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
    output: Path | None = typer.Option(None, "--output", "-o", metavar="FILE", help="Write to this file."),
    pages: int = typer.Option(20, "--pages", min=1, max=2000, help="How many pages at most."),
    rate: float = typer.Option(8.0, "--rate", min=0.05, max=50, help="How many pages in a second at most."),
    minutes: float = typer.Option(15.0, "--minutes", min=0.1, max=600, help="How long at most."),
    allow_private: list[str] = typer.Option(
        [],
        "--allow-private",
        metavar="HOST",
        help="A host that may have a private address; may be said again.",
    ),
    ignore_robots: bool = typer.Option(
        False, "--ignore-robots", help="Visit what robots.txt leaves out: your own site."
    ),
    language: str = typer.Option(
        "en", "--language", "-l", metavar="LANG", help="en or fr: of the visitor and of the words."
    ),
    pictures: Path | None = typer.Option(
        None, "--pictures", metavar="DIR", help="Write a picture of what was seen, state by state."
    ),
    draft: bool = typer.Option(
        False, "--draft", help="Propose a table from what was seen, as a promise block."
    ),
    mend: bool = typer.Option(
        False,
        "--mend",
        help="Before it, bring declared periods under their limits, and let the gate of the own site act.",
    ),
    strict: bool = typer.Option(
        False,
        "--strict",
        help="Exit 1 also for lines that were never seen, and where a state was not reached.",
    ),
) -> None:
    """Visit a site as several visitors would, and hold what it stores and whom it asks against the table.

    States: before a choice, accepted, at a second visit, withdrawn, refused, with Global Privacy
    Control. Exit 1 when something is against the policy. In a project the result is recorded.

    Example: troth scan https://shop.example --policy policy.md

    Example: troth scan --mend

    Example: troth scan https://shop.example --draft > table.yaml

    Example: troth scan http://localhost:8000 --format sarif -o scan.sarif
    """
    from troth.rules.scan import held_to
    from troth.work.scan_site import scan as scanning

    shape = Format.json if json else format
    if language not in {"en", "fr"}:
        raise NotFoundError(f"There are no words in `{language[:20]}`. Choose en or fr.")
    opened = _project(policy)
    if mend:
        if opened is None:
            raise NotFoundError(
                "--mend writes into a project: there is none here, or --policy names another."
            )
        opened = mended(opened)
    held = None if draft and opened is None and policy is None else _policy(policy, opened)
    at = opened.clock() if opened is not None else datetime.now(UTC)
    expected = held_to(held, at) if held is not None else None
    if expected is None and not draft:
        raise NotFoundError(
            "The policy says nothing of cookies, so there is no table to hold the site to. "
            "Propose one with `troth scan URL --draft`."
        )
    with _served(url, opened) as where:
        name = where if opened is not None and where in opened.settings.scans else ""  # of the settings
        wish = _wish(
            where, opened, pages=pages, rate=rate, minutes=minutes, language=language, ignore_robots=ignore_robots,
            private=tuple(allow_private), pictures=pictures is not None or bool(name) or shape is Format.html,
        )  # fmt: skip
        with progress(f"Visiting {wish.url}") as advance:
            report = scanning(wish, expected, clock=lambda: at, on_visit=lambda *_: advance())
    if held is not None:
        report = replace(report, policy=held.title, version=held.version or "")
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        for name, taken in report.pictures.items():
            (pictures / name).write_bytes(taken)
    if opened is not None and expected is not None and not draft:
        from troth.work.record_scan import record

        record(opened, report, scan=name)
    if draft:
        from troth.rules.cookie_draft import drafted

        _put(drafted(report.seen, report.site), output)
        return
    if shape is Format.text and output is None:
        from troth.faces.cli.scan_shown import show

        show(report, language)
    else:
        _put(_written(shape, report, held, policy, language), output)
    if report.breaks or (strict and (report.findings or not report.complete)):
        raise typer.Exit(1)


@contextmanager
def _served(url: str | None, opened: Project | None) -> Iterator[str]:
    """Yield the address to visit: the one that was named, or the project's own site, served meanwhile."""
    if url is not None:
        yield url
        return
    if opened is None:
        raise NotFoundError("Name the site to scan: there is no project here that serves one.")
    with served(opened) as where:
        yield where


def _written(shape: Format, report: Report, held: Policy | None, file: Path | None, language: str) -> str:
    from troth.faces.cli import scan_shown
    from troth.rules.scan_report import as_json

    match shape:
        case Format.json:
            return writing.dumps(as_json(report, language), indent=2, ensure_ascii=False) + "\n"
        case Format.sarif:
            return (
                writing.dumps(scan_shown.in_sarif(report, held, file, language), indent=2, ensure_ascii=False)
                + "\n"
            )
        case Format.html:
            return scan_shown.page(report, language)
        case Format.text:
            return scan_shown.plain(report, language)


def _project(policy: Path | None) -> Project | None:
    """Return the project, where there is one and the policy asked about is its own."""
    try:
        opened = project()
    except NotFoundError:
        return None
    own = opened.settings.folder / "policy.md"
    return opened if policy is None or policy.resolve() == own.resolve() else None


def _policy(file: Path | None, opened: Project | None) -> Policy:
    from troth.faces.cli.banner_commands import policy_in

    if file is None and opened is None:
        raise NotFoundError(
            "Which policy? Name one with --policy FILE, or go into a project. `--draft` needs none."
        )
    return policy_in(file) if opened is None else opened.policy


def _wish(url: str, opened: Project | None, **told: Any) -> Wish:
    """Put together what is wanted; a host that is named on the command line may be private."""
    from troth.rules.trace import host_of
    from troth.work.scan_site import Wish

    scans = opened.settings.scans if opened is not None else {}
    if url in scans:
        asked = scans[url]
        return Wish(
            asked.url, **{**told, "private": (*told["private"], *asked.allow_private), "pages": asked.pages}
        )
    if "://" not in url:
        if "." not in url and ":" not in url:
            known = f" There are: {', '.join(scans)}." if scans else ""
            raise NotAllowedError(
                f"{url[:60]!r} is neither an address, such as https://shop.example, nor a [scan.NAME].{known}"
            )
        url = f"https://{url}"
    return Wish(url, **{**told, "private": (*told["private"], host_of(url))})


def _put(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    output.write_text(text, encoding="utf-8")
    err().print(f"Written to {output}.", markup=False)
