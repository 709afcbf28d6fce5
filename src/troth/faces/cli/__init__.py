"""The command line: a table of commands, each loaded when it is called.

Exit codes: 0 kept or done, 1 broken or findings, 2 wrong use, 3 something did not
answer, 4 a record was tampered with.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from troth import errors
from troth.faces.cli import context


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: the module and the function (or Typer app) behind it, its group and its line of help."""

    module: str
    name: str
    group: str
    help: str


COMMANDS: dict[str, Entry] = {
    "init": Entry("policy_commands", "init", "Policy", "Start a project: a folder with a policy of its own."),
    "import": Entry(
        "import_commands",
        "app",
        "Policy",
        "Come from elsewhere: a plain text policy, lists of people, registers, requests, breaches.",
    ),
    "check": Entry(
        "check_commands", "check", "Policy", "Find what is wrong, missing or contradictory in a policy."
    ),
    "notice": Entry("policy_commands", "notice", "Policy", "Render the notice that people read."),
    "publish": Entry("policy_commands", "publish", "Policy", "Put this version of the policy in force."),
    "policy": Entry(
        "change_commands",
        "app",
        "Policy",
        "Compare versions by what they promise; announce a change to people.",
    ),
    "review": Entry(
        "review_commands", "review", "Policy", "Say what a reviewed Word document proposes, by clause."
    ),
    "versions": Entry(
        "register_commands", "versions", "Policy", "List the versions of the policy and who adopted them."
    ),
    "adopt": Entry("register_commands", "adopt", "Policy", "Record that a company adopted the policy."),
    "register": Entry(
        "register_commands",
        "register",
        "Policy",
        "Draw the registers: processing, recipients, processors, transfers, documents.",
    ),
    "document": Entry(
        "document_commands", "document", "Policy", "Put a contract, an assessment or a review on record."
    ),
    "schema": Entry(
        "policy_commands", "schema", "Policy", "Print the JSON Schema of promise blocks, for editors."
    ),
    "banner": Entry(
        "banner_commands", "app", "Policy", "Build the banner that asks about cookies, and take its picture."
    ),
    "channel": Entry(
        "channel_commands",
        "app",
        "Policy",
        "Say who answers for each way data comes in, and what people meet there.",
    ),
    "scan": Entry(
        "scan_commands", "scan", "Policy", "Hold a site's cookies, storage and requests against the table."
    ),
    "clock": Entry("law_commands", "clock", "Law", "Explain a deadline, day by day."),
    "authority": Entry("law_commands", "authority", "Law", "Name the supervisory authority of a country."),
    "law": Entry("law_commands", "law", "Law", "List the places whose law is known."),
    "map": Entry(
        "map_commands", "app", "Stores", "Draft, check, explain and draw the maps of where personal data is."
    ),
    "stores": Entry("map_commands", "stores", "Stores", "List the kinds of store and what each can do."),
    "find": Entry("store_commands", "find", "Stores", "Find every row about a person in a store."),
    "plan": Entry(
        "store_commands", "plan", "Stores", "Measure what erasing a person would do; change nothing."
    ),
    "act": Entry("store_commands", "act", "Stores", "Carry out a measured and approved plan."),
    "replay": Entry(
        "replay_commands", "replay", "Stores", "Erase again what a restored backup of a store brought back."
    ),
    "sweep": Entry(
        "sweep_commands",
        "app",
        "Stores",
        "Let go of what has outlived its retention: count, mark, wait, act.",
    ),
    "expire": Entry(
        "expire_commands", "expire", "Stores", "Remove old versions of tables once their time is over."
    ),
    "logs": Entry(
        "log_commands", "app", "Stores", "Sweep server logs by age, and truncate the addresses in them."
    ),
    "rectify": Entry(
        "amend_commands", "rectify", "Stores", "Correct a subject's values, and the copies of them."
    ),
    "restrict": Entry(
        "amend_commands", "restrict", "Stores", "Restrict a subject's data: flag it, or set it aside."
    ),
    "lift": Entry("amend_commands", "lift", "Stores", "Lift a restriction, and put back what was set aside."),
    "request": Entry(
        "request_commands", "app", "Requests", "Receive, follow, decide and answer people's requests."
    ),
    "mail": Entry("mail_commands", "app", "Requests", "Take mail in, and sort what waits."),
    "inform": Entry(
        "inform_commands", "app", "Requests", "Inform people whose data came from somebody else."
    ),
    "consent": Entry(
        "consent_commands", "app", "Requests", "Record consents and prove them; import, list and export them."
    ),
    "objection": Entry(
        "objection_commands",
        "app",
        "Requests",
        "Record objections; import refusal lists, or say there are none.",
    ),
    "may": Entry(
        "may_commands", "app", "Requests", "Say what may be done with somebody, and why; filter lists."
    ),
    "suppression": Entry(
        "suppression_commands", "app", "Requests", "Give tools that cannot ask whom they must leave out."
    ),
    "communication": Entry(
        "communication_commands",
        "app",
        "Requests",
        "Ask before a first message what it must carry; record that it went.",
    ),
    "disclosure": Entry(
        "disclosure_commands", "app", "Requests", "Record and list what was disclosed to whom."
    ),
    "task": Entry(
        "task_commands", "app", "Requests", "Ask the owners of manual stores, and record what they attest."
    ),
    "staff": Entry(
        "member_commands", "app", "Requests", "Admit staff to the console, give roles, record absences."
    ),
    "hold": Entry(
        "hold_commands", "app", "Requests", "Keep data from erasures while a legal matter goes on."
    ),
    "incident": Entry(
        "incident_commands",
        "app",
        "Requests",
        "Handle a personal data breach, with its 72 hours and its register.",
    ),
    "worker": Entry("worker_commands", "worker", "Requests", "Carry requests on, as one of many workers."),
    "controls": Entry(
        "control_commands", "controls", "Proof", "List every promise with the control that checks it."
    ),
    "audit": Entry("audit_commands", "audit", "Proof", "Say of every promise: kept, broken or unproven."),
    "action": Entry(
        "action_commands", "app", "Proof", "Have what an audit or a check found mended, by whom and by when."
    ),
    "ask": Entry(
        "ask_commands", "ask", "Proof", "Answer the thirty questions of a regulator from what is on record."
    ),
    "inspection": Entry(
        "inspection_commands",
        "app",
        "Proof",
        "Freeze a moment for an authority, and hand over what it is shown.",
    ),
    "report": Entry(
        "report_commands", "app", "Proof", "Draw up the yearly report of the data protection officer."
    ),
    "reply": Entry(
        "audit_commands", "reply", "Proof", "Record what the owner of a promise says to its verdict."
    ),
    "ledger": Entry("ledger_commands", "app", "Proof", "Verify, seal, rebuild and export the ledger."),
    "verify": Entry(
        "ledger_commands", "verify_file", "Proof", "Verify a receipt or an export, without network."
    ),
    "webhook": Entry(
        "webhook_commands", "app", "Run", "See how far each receiver of messages is; test, retry, resume."
    ),
    "serve": Entry("serve_commands", "serve", "Run", "Serve the portal, the notice and the worker."),
}


class Table(TyperGroup):
    """The commands by name; nothing is imported before its command is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return every name, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Load the command called `cmd_name`, or return None."""
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else _load(cmd_name, entry)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """List the commands by group, from the table alone."""
        from troth.faces.cli.console import out

        console = out()
        console.print("\nTroth runs a privacy policy: the document checks itself, answers people's requests")
        console.print("across real databases, and proves clause by clause what was kept.\n")
        console.print("Usage: troth [--project DIR] COMMAND …   (troth COMMAND --help says more)")
        for group in dict.fromkeys(entry.group for entry in COMMANDS.values()):
            console.print(f"\n[bold]{group}[/bold]")
            for name, entry in COMMANDS.items():
                if entry.group == group:
                    console.print(f"  {name:<13} {entry.help}")
        console.print()


def _load(name: str, entry: Entry) -> Any:
    module = importlib.import_module(f"troth.faces.cli.{entry.module}")
    found = getattr(module, entry.name)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name, group.help = name, group.help or entry.help
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(found)
    return typer.main.get_command(single)


app = typer.Typer(cls=Table, add_completion=True, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def troth(
    ctx: typer.Context,
    project: Path | None = typer.Option(
        None, "--project", help="The project's folder (default: found from here up)."
    ),
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    """Troth runs a privacy policy."""
    context.look_in(project)
    if version:
        from importlib.metadata import version as installed

        sys.stdout.write(f"troth {installed('troth')}\n")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.get_help()
        raise typer.Exit


EXIT: tuple[tuple[type[errors.TrothError], int], ...] = (
    (errors.TamperedError, 4),
    (errors.UnreachableError, 3),
    (errors.TrothError, 2),
)


def run(open_project: context.Open) -> None:
    """Run the command line; every error of ours ends as a sentence and an exit code."""
    context.set_up(open_project)
    sys.exit(guarded(lambda: app(standalone_mode=True)))


def guarded(call: Callable[[], object]) -> int:
    """Run `call`; say an error of ours in its own words and return its exit code."""
    try:
        call()
    except errors.TrothError as error:
        sys.stderr.write(f"{error}\n")
        return next(code for kind, code in EXIT if isinstance(error, kind))
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"{error.filename} cannot be used: {error.strerror}.\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
