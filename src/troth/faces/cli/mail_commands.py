"""`troth mail`: mail that came in, and what a person makes of it."""

from __future__ import annotations

from pathlib import Path

import typer

from troth.errors import NotFoundError
from troth.faces.cli.console import as_json, err, out, table
from troth.faces.cli.context import project
from troth.faces.cli.staff import STAFF

app = typer.Typer(
    no_args_is_help=True, help="Take mail in, and sort what waits: a request, part of one, or none."
)

IDENT = typer.Argument(..., help="The mail, as `troth mail list` shows it; its first letters are enough.")
JSON = typer.Option(False, "--json", help="Write the result as JSON.")


@app.command()
def fetch(
    files: list[Path] = typer.Argument(
        None, help="Mails as files (.eml); without any, the inbox of troth.toml."
    ),
    json: bool = JSON,
) -> None:
    """Take mail in: from the inbox in troth.toml, or from files; each once, kept whole and encrypted.

    Example: troth mail fetch
    """
    from troth.work import take_mail

    opened = project()
    new = known = 0
    if files:
        for file in files:
            if not file.is_file():
                raise NotFoundError(f"There is no file {str(file)!r}.")
        for file in files:
            taken = take_mail.take(opened, file.read_bytes())
            new, known = new + (taken is not None), known + (taken is None)
    elif opened.inbox is None:
        raise NotFoundError("No inbox is set. Name one in troth.toml, as inbox under [mail], or name files.")
    else:
        new = take_mail.fetch(opened)
    if json:
        as_json({"new": new, "known": known})
    else:
        out().print(f"New: {new}; known already: {known}. `troth mail list` shows what waits.")


@app.command()
def listen(
    address: list[str] = typer.Option(
        [],
        "--address",
        "-a",
        help="An address whose mail is taken; may be repeated. Without: `from` under [mail].",
    ),
    host: str = typer.Option("127.0.0.1", help="Where to listen."),
    port: int = typer.Option(2525, help="The port; 0 for a free one."),
    certificate: Path = typer.Option(None, help="A certificate (PEM) for STARTTLS."),
    key: Path = typer.Option(None, help="Its key (PEM), where it is not in the same file."),
) -> None:
    """Take mail in as a mail server, until Ctrl-C: each is kept before it is acknowledged; nothing is relayed.

    Example: troth mail listen --host 0.0.0.0 --port 25 --address privacy@example.org --certificate mx.pem
    """
    import signal

    from troth.outside.mail_server import MailServer
    from troth.work import take_mail

    opened = project()
    server = MailServer(
        lambda raw, at: take_mail.take(opened, raw, at),
        address or [opened.settings.mail_from],
        opened.clock,
        host=host,
        port=port,
        certificate=certificate,
        key=key,
    )
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    signal.signal(signal.SIGINT, lambda *_: server.stop())
    out().print(f"Taking mail at {host}:{server.port}; Ctrl-C ends it.")
    server.run()


@app.command("list")
def list_(
    status: str = typer.Option("waiting", help="waiting, request, reply, not_a_request, automatic; or all."),
    json: bool = JSON,
) -> None:
    """List the mails that wait to be sorted, the oldest first; no word of them is shown.

    Example: troth mail list
    """
    from troth.ledger import read

    found = [
        one.body for one in read.states(project().ledger, "mail", status=None if status == "all" else status)
    ]
    found.sort(key=lambda one: one["arrived_at"])
    if json:
        as_json(found)
        return
    if not found:
        out().print("No mail waits." if status == "waiting" else "There is none.")
        return
    rows = [
        [one["id"][:8], str(one["arrived_at"])[:16].replace("T", " "), ", ".join(one["guess"]) or "–",
         one["status"].replace("_", " "), one["request"] or "–"]
        for one in found
    ]  # fmt: skip
    out().print(table("", ["mail", "arrived (UTC)", "seems to ask for", "state", "request"], rows))


@app.command()
def show(
    ident: str = IDENT,
    to: Path | None = typer.Option(None, "--to", help="Also write the whole mail into a file (.eml)."),
    staff: str = STAFF,
) -> None:
    """Show a mail; that you read it is recorded.

    Example: troth mail show 3fa2b1c0 --staff marie
    """
    from troth.work import take_mail

    opened = project()
    mail, raw = take_mail.opened(opened, take_mail.find(opened, ident), staff)
    console = out()
    console.print(f"From: {mail.name} <{mail.sender}>", markup=False)
    console.print(f"Subject: {mail.subject}", markup=False)
    for name, size in mail.attachments:
        console.print(f"Attached: {name} ({size} bytes)", markup=False)
    console.print()
    console.print(_printable(mail.text), markup=False)
    if to is not None:
        to.touch(mode=0o600)
        to.write_bytes(raw)
        err().print(f"Written to {to}. It holds personal data: delete it once you have looked.")


def _printable(text: str) -> str:
    """Leave out what would move the cursor or colour the screen."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


@app.command("open")
def open_(
    ident: str = IDENT,
    right: list[str] = typer.Option(..., "--right", "-r", help="What it asks for. May be repeated."),
    email: str = typer.Option("", help="Where answers go, if not to the sender."),
    language: str = typer.Option("en", help="en or fr."),
    staff: str = STAFF,
    json: bool = JSON,
) -> None:
    """Open a request from a mail; its clock runs from the day our server took the mail.

    Example: troth mail open 3fa2b1c0 --right access --language fr --staff marie
    """
    from troth.work import sort_mail, take_mail

    opened = project()
    number = sort_mail.open_from(
        opened, take_mail.find(opened, ident), right, staff, email=email, language=language
    )
    if json:
        as_json({"number": number})
    else:
        out().print(f"Request {number} is taken in. `troth request show {number}` says what comes next.")


@app.command()
def attach(
    ident: str = IDENT,
    number: str = typer.Argument(..., help="The open request it belongs to."),
    staff: str = STAFF,
) -> None:
    """Let a mail belong to an open request that it did not answer by itself.

    Example: troth mail attach 3fa2b1c0 2026-0001 --staff marie
    """
    from troth.work import sort_mail, take_mail

    opened = project()
    sort_mail.attach(opened, take_mail.find(opened, ident), number, staff)
    out().print(f"It belongs to request {number} now.")


@app.command("not-a-request")
def not_a_request(
    ident: str = IDENT,
    reason: str = typer.Option(..., help="Why it is none; goes to the vault."),
    staff: str = STAFF,
) -> None:
    """Put a mail aside that asks for no right, with the reason.

    Example: troth mail not-a-request 3fa2b1c0 --reason "an offer of office chairs" --staff marie
    """
    from troth.work import sort_mail, take_mail

    opened = project()
    sort_mail.put_aside(opened, take_mail.find(opened, ident), staff, reason)
    out().print("It is put aside.")
