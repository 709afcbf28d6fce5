"""The story of the example company, told with the commands one would type.

    python examples/group/tour.py            tell it
    python examples/group/tour.py --serve    tell it, then serve the portal until Ctrl-C

Everything is made in `demo/` beside this program's repository, which is emptied first; another
folder is named with `--folder`.  Nothing is reached over a network, and nothing is sent: letters
are files in `demo/project/letters/`.
"""

# ruff: noqa: S603  (our own programs, and never a shell)

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import databases
from group_tour import letters, port, website
from group_tour.server import NoServerError, postgresql
from group_tour.telling import StoppedError, Teller

ROOT = databases.HERE.parent.parent
MARK = ".made-by-the-tour"
MAELLE = "maelle.trevalenne@ateliers-loriots.example"
DEFECT = "N01"
STAYS = "Other people wrote it in their own words, or it is a line of a log that ends with the log."


class FolderError(Exception):
    """The folder cannot be used; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Tell the story; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the example company and tell its story.")
    parser.add_argument("--serve", action="store_true", help="then serve the portal until Ctrl-C")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "demo", help="where everything goes (default: demo)"
    )
    parser.add_argument("--sqlite", action="store_true", help="no PostgreSQL, even where there is one")
    parser.add_argument(
        "--no-browser", action="store_true", help="no scan of the web site, even where there is one"
    )
    told = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _emptied(told.folder.resolve()) as folder, ExitStack() as until_the_end:
            teller = tell(folder, until_the_end, sqlite=told.sqlite, browser=not told.no_browser)
            if told.serve:
                serve(teller)
            else:
                teller.say("`make run` tells it again and then serves the portal, for you to try.")
    except (FolderError, StoppedError) as error:
        print(f"\n{error}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, FolderError) else 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)  # noqa: T201
        return 130
    except BrokenPipeError:  # whoever read along has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def tell(folder: Path, until_the_end: ExitStack, *, sqlite: bool, browser: bool) -> Teller:
    """Make the company and tell its story from the policy to the proof."""
    teller = company(folder, until_the_end, sqlite=sqlite)
    before(teller)
    policy(teller)
    access(teller)
    erasure(teller)
    scanned = site(teller, "it was not wanted" if not browser else website.why_no_scan())
    archive(teller)
    audit(teller)
    if scanned:
        mended(teller)
    teller.troth("audit", "--format", "html", "-o", "audit.html", codes=(0, 1))
    proof(teller)
    teller.chapter("The end")
    teller.say(
        f"That was the whole story: {teller.commands} commands in {teller.seconds():.0f} seconds, three databases, "
        "no network. What it made is in the folder:"
    )
    for name, what in (
        ("notice.html", "the notice that people read"),
        ("answer.zip", "what Maëlle was given"),
        ("audit.html", "the audit, promise by promise"),
        ("letters/", "every letter, as .eml"),
    ):
        teller.line(f"    {_shown(teller.folder / name):<34}  {what}")
    return teller


# The chapters


def company(folder: Path, until_the_end: ExitStack, *, sqlite: bool) -> Teller:
    """Make the databases and the project; the teller's commands run in it."""
    project = folder / "project"
    teller = Teller(project, os.environ)
    teller.chapter("The company")
    teller.say(
        "The Vaubrelle group sells software. It does not exist; its people, their addresses and its suppliers are "
        "invented. It has promised a lot in its privacy policy, and keeps personal data in three databases."
    )
    url, why_not = None, "it was not wanted"
    if not sqlite:
        try:
            url = until_the_end.enter_context(postgresql())
        except NoServerError as error:
            why_not = str(error)
    urls = databases.create(folder, url)
    databases.project(project, urls)
    environment = databases.environment(urls)
    _settle(project)
    website.at_home(project)
    _keep(folder / "environment.sh", environment)
    teller.environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TROTH_")},
        **environment,
        "TROTH_STAFF": "marie",
        "PYTHONUTF8": "1",
    }
    counted = {
        store: sum(len(rows) for _, rows in tables.values()) for store, tables in databases.rows().items()
    }
    teller.line()
    for store, what in (
        ("crm", "contacts, prospects, a forum"),
        ("billing", "customers and invoices that the law keeps ten years"),
        ("support", "tickets, newsletter, page views; linked by e-mail addresses alone"),
    ):
        kind = "PostgreSQL" if url and store == "crm" else "SQLite"
        teller.line(f"    {store:<8} {kind:<11} {counted[store]:>6,} rows   {what}")
    if url is None:
        teller.say(f"(`crm` is on SQLite too, without PostgreSQL: {why_not}.)")
    return teller


def before(teller: Teller) -> None:
    """Let the company have had an earlier version of the policy for half a year, audited every month."""
    teller.say(
        "An earlier version of the policy has been in force for half a year, and was audited once a month: the console "
        "draws from it how many promises were kept."
    )
    _made_by(teller, "history.py", "The months before could not be told")


def policy(teller: Teller) -> None:
    """Check the policy and the maps, publish, and render the notice."""
    teller.chapter("The policy checks itself")
    teller.say(
        "The policy is a text for people; under its clauses stand the promises, for the machine. `check` reads both: "
        "what is missing, contradictory or against the law."
    )
    _first(f"({DEFECT}) is silenced", teller.troth("check", "policy.md"))
    teller.say(
        "One error was left in on purpose: what the audience tool collects is kept 50 months, and the French authority "
        "allows 25. Unsilenced it would stop the publication. We will meet it again: the audit cannot be silenced."
    )
    teller.say(
        "A map says where personal data is in a database, and what an erasure does there. It is held to the "
        "live tables:"
    )
    teller.troth("map", "--check", show=_without_remarks)
    teller.say("This version goes into force; its hash and its promises are in the ledger from now on.")
    teller.troth("publish")
    teller.troth("notice", "policy.md", "--format", "html", "-o", "notice.html")


def access(teller: Teller) -> None:
    """Answer an access request from receipt to close."""
    teller.chapter("Maëlle asks what is known of her")
    teller.say(
        "Maëlle Trévalenne buys for a customer. She writes an e-mail; Marie, who handles requests, takes it in. "
        "The clock runs from that day."
    )
    wording = "What do you hold about me, and who has it?"
    number = _opened(
        teller.troth("request", "open", "--right", "access", "--email", MAELLE, "--wording", wording)
    )
    _prove(teller, number)
    teller.say(
        "Marie grants it. `fulfil` finds her rows in the three databases and packs the answer: a page to read, JSON "
        "and CSV, other people's names concealed."
    )
    teller.troth("request", "decide", number, "grant")
    teller.troth("request", "fulfil", number)
    teller.say("Nothing leaves before somebody has looked through it.")
    teller.troth("request", "package", number, "--to", "answer.zip")
    teller.line()
    for name, size in _zipped(teller.folder / "answer.zip"):
        teller.line(f"    {size:>9,} bytes  {name}")
    teller.troth("request", "release", number, show=_next)
    teller.troth("request", "fulfil", number, "--yes", show=_next)
    _answered(teller, number)


def erasure(teller: Teller) -> None:
    """Carry an erasure out: decide, review, plan, approve, act, search, tell, answer, close."""
    teller.chapter("Maëlle asks to be erased")
    wording = "Thank you. Please erase what you have about me."
    number = _opened(
        teller.troth("request", "open", "--right", "erase", "--email", MAELLE, "--wording", wording)
    )
    _prove(teller, number)
    teller.say(
        "An erasure is decided on a ground of Art. 17(1) GDPR – here (a), no longer needed – and a second person "
        "confirms it."
    )
    teller.troth("request", "decide", number, "grant", "--ground", "a", show=_next)
    teller.troth("request", "review", number, "--staff", "paul", show=_next)
    teller.say(
        "The plan is measured, not guessed: every statement is run and rolled back. What the law keeps says so, "
        "and until when."
    )
    planned = teller.troth("request", "plan", number)
    sha = _first(r"Plan ([0-9a-f]{12})", planned)
    teller.say("Paul approves exactly that. If one row more would go by then, nothing would be done.")
    teller.troth("request", "approve", number, sha, "--staff", "paul", show=_next)
    teller.say(
        "Each database changes in one transaction; then it is verified that her identifiers lead nowhere, every "
        "text of every table is searched for what is left, and the recipients of her data are told (Art. 19)."
    )
    teller.troth("request", "fulfil", number, "--yes")
    teller.say("Is she still found anywhere?")
    for store in databases.STORES:
        teller.troth("find", store, "--email", MAELLE)
    teller.say("The search also reads what no link leads to, such as free text:")
    teller.troth("request", "residue", number, show=_table)
    teller.say(
        "`expected` is a row of somebody else that names her. The copies need a person: Marie removes them, or says "
        "why they stay; the answer tells Maëlle."
    )
    teller.troth("request", "residue", number, "--accept", STAYS, show=_next)
    told = [
        letter
        for letter in letters.arrived(_letters(teller))
        if number in letter.subject and letter.to != MAELLE
    ]
    teller.say(f"{len(told)} recipients had a letter, the first of them:")
    if told:
        teller.quote([f"To: {told[0].to}", f"Subject: {told[0].subject}", *_paragraphs(told[0].lines, 4)])
    teller.troth("request", "fulfil", number, "--yes", show=_next)
    _answered(teller, number, whole=True)


def site(teller: Teller, why_not: str) -> bool:
    """Scan the company's web site; returns whether there was a browser to do it with."""
    teller.chapter("Does the web site keep to it?")
    teller.say(
        "The policy has a table of cookies. The same table makes the banner of the web site, which asks before "
        "anything is set. Behind its back the software of the site sets three cookies more."
    )
    if why_not:
        teller.say(
            f"(Nobody looks: {why_not}. With one, `troth scan` visits the site as several visitors would, and clause 9 "
            "is audited by what it saw. `[scan.website]` is taken out of troth.toml: the worker would try hourly.)"
        )
        website.unscanned(teller.folder)
        return False
    teller.say(
        "`troth scan` visits it with a browser: before a choice, accepted, a second time, withdrawn, refused, with "
        "Global Privacy Control. Exit 1: the site is against the policy."
    )
    with website.served(teller):
        _scan(teller, "scan.json", code=1)
    return True


def archive(teller: Teller) -> None:
    """Mark the contracts that ended for the archive, and those from which no claim can be made any more."""
    teller.chapter("Contracts that ended")
    teller.say(
        "A contract is in use until it ends. Then it is kept for five years more, in case somebody makes a claim, in "
        "an archive that only counsel may read; then it goes. The map says so, and `sweep` counts what is due today:"
    )
    contracts = ("crm.contract.contracts", "crm.contract_archive.contracts")
    teller.troth("sweep", "look", *contracts, codes=(1,))
    teller.say(
        "Nothing goes at once. What is marked waits for a week, in which it can be stopped; whoever decided in the map "
        "gets a letter. Then the worker moves the rows, each batch in one transaction."
    )
    teller.troth("sweep", "mark", *contracts, "--staff", "marie")
    teller.troth("sweep", "owners")


def mended(teller: Teller) -> None:
    """Mend what breaks clause 9, and scan and audit again."""
    teller.chapter("Clause 9 is mended")
    teller.say(
        "Two settings let the gate act on the headers of the site, and the audience tool is set to 25 months:"
    )
    teller.line()
    for name, before, after in website.MENDED:
        teller.line(f"    {name:<12} {before.strip():<24} →  {after.strip()}")
    here = datetime.now(ZoneInfo("Europe/Paris")).date()  # a version takes effect by the days of the company
    website.mend(teller.folder, here.isoformat())
    teller.say(
        "What the new version promises otherwise, and what follows from it, is shown before it is published."
    )
    teller.troth("policy", "diff")
    teller.troth("publish", "--yes", show=_first_line)
    with website.served(teller):
        _scan(teller, "scan-mended.json", code=0)
    told = json.loads(teller.troth("audit", "--json", codes=(0, 1), into="audit-mended.json"))["promises"]
    for one in told:
        if one["clause"].startswith("9") and one["word"] != "unproven":
            teller.line(f"    {one['word']:<9}{one['promise']:<38}  {one['figure']}")


def audit(teller: Teller) -> None:
    """Audit every promise, and show the verdicts that are worth a look."""
    teller.chapter("Was every promise kept?")
    teller.say(
        "The audit goes through the promises, clause by clause. What nothing can prove yet is called unproven, "
        "never kept."
    )
    told = json.loads(teller.troth("audit", "--json", codes=(0, 1), into="audit.json"))["promises"]
    counts = Counter(one["word"] for one in told)
    teller.line(f"    {counts['kept']} kept, {counts['broken']} broken, {counts['unproven']} unproven.")
    teller.line()
    for word, clauses, promise, figure, reasons in _gathered(told):
        where = promise if len(clauses) == 1 else f"{promise} and {len(clauses) - 1} more"
        teller.line(f"    {word:<9}{where:<38}  {figure}")
        for reason in reasons[:4]:
            teller.line(f"    {'':<9}  – {reason}")
        if len(reasons) > 4:
            teller.line(f"    {'':<9}  … and {len(reasons) - 4} more")


def proof(teller: Teller) -> None:
    """Seal and verify the ledger, here and from an export alone."""
    teller.chapter("Proof")
    teller.say(
        "Whatever happened is in the ledger: events that are only added, sealed into a tree of hashes, with a signed "
        "checkpoint."
    )
    teller.troth("ledger", "seal")
    teller.troth("ledger", "verify")
    teller.say(
        "Who trusts nobody takes the export and the public key away and verifies it elsewhere, without the databases."
    )
    teller.troth("ledger", "export", "ledger.jsonl")
    teller.troth("ledger", "key", into="keys.txt")
    teller.troth("verify", "ledger.jsonl", "--key", "keys.txt")


def serve(teller: Teller) -> None:
    """Serve the portal until Ctrl-C."""
    at = port.settle(teller.folder)  # somebody may have taken it meanwhile
    office = staffed(teller, f"http://127.0.0.1:{at}")
    teller.chapter("Now you")
    teller.say(
        "The console is where the staff of the company work. Each link signs one of them in, once, within a day; "
        "`troth staff enter HANDLE` makes another:"
    )
    teller.line()
    for one in office:
        teller.line(f"    {one['name']:<18} {one['role']:<9} {one['link']}")
    teller.say(
        f"The portal is at http://127.0.0.1:{at}/ – ask as somebody else, such as Ilse Vantrooyen "
        "(ilse.vantrooyen@kortebeek-atelier.example). The code and every letter arrive as files in "
        f"{_shown(_letters(teller))}/; the newest is last."
    )
    teller.say(
        f"Its web site is at {website.address(teller.folder)} – look at its cookies with and without your consent, and "
        "switch the gate in troth.toml."
    )
    teller.say("As Marie, in another terminal, handle what was asked:")
    environment = shlex.quote(_shown(teller.folder.parent / "environment.sh"))
    teller.line(f"    . {environment} && troth request list")
    teller.line()
    teller.line(f"$ troth serve --port {at}")
    served = subprocess.Popen(
        [sys.executable, "-m", "troth", "serve", "--port", str(at)],
        cwd=teller.folder,
        env=dict(teller.environment),
    )
    try:
        code = served.wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave a server behind
        teller.line("\nStopping …")
        served.terminate()
        try:
            served.wait(timeout=30)
        except subprocess.TimeoutExpired:
            served.kill()
            served.wait()
        return
    if code not in (0, -signal.SIGINT, -signal.SIGTERM):
        raise StoppedError(f"`troth serve` ended with {code}. What it says stands above.")


def staffed(teller: Teller, address: str) -> list[dict[str, str]]:
    """Give the company an office with work in every state; return who works there, with a link for each."""
    teller.chapter("The office")
    teller.say(
        "Seven people handle what is asked. So that the console has something to show, it is given a year of closed "
        "requests, a dozen open ones, three incidents, a hold, a marked sweep, consents and disclosures, and an "
        "authority that inspects."
    )
    said = _made_by(teller, "office.py", "The office could not be filled", address)
    made: list[dict[str, str]] = json.loads(said)
    return made


def _made_by(teller: Teller, program: str, why_not: str, *arguments: str) -> str:
    """Run a program of the tour that fills the ledger, in the story's environment; return what it prints."""
    path = Path(__file__).with_name("group_tour") / program
    ran = subprocess.run(
        [sys.executable, str(path), str(teller.folder), *arguments], check=False, text=True,
        env={**teller.environment, "PYTHONPATH": str(databases.HERE)}, capture_output=True,
    )  # fmt: skip
    if ran.returncode != 0:
        raise StoppedError(f"{why_not}. It said: {ran.stderr.strip().splitlines()[-1:]}")
    return ran.stdout


# What happens in more than one chapter


def _scan(teller: Teller, into: str, *, code: int) -> None:
    """Scan the site and show, by cookie, what breaks the policy."""
    told = json.loads(teller.troth("scan", "website", "--format", "json", codes=(code,), into=into))
    for name, what in website.by_name(told["findings"]):
        teller.say_indented(name, what)
    teller.line(
        f"    {sum(one['breaks'] for one in told['findings'])} against the policy; {len(told['seen'])} things seen in "
        f"{told['visits']} visits."
    )


def _prove(teller: Teller, number: str) -> None:
    teller.say("A one-time code shows that the address is hers. The clock does not wait for it.")
    teller.troth("request", "code", number)
    teller.troth("request", "prove", number, letters.last_code(_letters(teller), MAELLE), show=_next)


def _answered(teller: Teller, number: str, *, whole: bool = False) -> None:
    """Show the answer that went out, and close the request."""
    answer = [one for one in letters.arrived(_letters(teller)) if one.to == MAELLE and number in one.subject][
        -1
    ]
    teller.say("The answer has gone out:" if whole else "The answer has gone out; it begins:")
    lines = [line for line in answer.lines if line.strip()]
    teller.quote([f"Subject: {answer.subject}", *(lines if whole else lines[:6])])
    teller.troth("request", "close", number)


def _opened(said: str) -> str:
    return _first(r"Request (\S+) is taken in", said)


def _letters(teller: Teller) -> Path:
    return teller.folder / "letters"


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise StoppedError("What the last command said is not what the story needs; it stands above.")
    return found[1]


# What is shown of a command


def _next(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if line.startswith("Next:"))


def _first_line(said: str) -> str:
    return said.partition("\n")[0]


def _table(said: str) -> str:
    """Keep the table, not where the request stands after it."""
    return re.split(r"(?m)^\d{4}-\d{4} ", said, maxsplit=1)[0]


def _without_remarks(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if " remark: " not in line)


def _paragraphs(lines: tuple[str, ...], count: int) -> list[str]:
    parts = [part for part in "\n".join(lines).split("\n\n") if part.strip()]
    return [line for part in parts[:count] for line in part.strip().splitlines()]


def _gathered(told: list[Mapping[str, object]]) -> list[tuple[str, list[str], str, str, list[str]]]:
    """Gather equal verdicts: those broken first, then those kept; unproven ones only by number."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for one in told:
        if one["word"] != "unproven":
            reasons = tuple(str(reason) for reason in one["broken_by"])  # type: ignore[attr-defined]
            groups.setdefault((str(one["word"]), str(one["figure"]), reasons), []).append(str(one["promise"]))
    ordered = sorted(groups.items(), key=lambda item: item[0][0])
    return [(word, names, names[0], figure, list(why)) for (word, figure, why), names in ordered]


def _zipped(file: Path) -> list[tuple[str, int]]:
    import zipfile

    with zipfile.ZipFile(file) as opened:
        return [(each.filename, each.file_size) for each in opened.infolist()][:8]


def _shown(path: Path) -> str:
    """Write a path as one would type it from here."""
    near = os.path.relpath(path)
    return near if not near.startswith("..") else str(path)


# The folder


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """Hold the folder for one tour alone, and empty it; refuses one that no tour made."""
    mark = folder / MARK
    try:
        if folder.exists() and not mark.exists() and any(folder.iterdir()):
            raise FolderError(
                f"{_shown(folder)} is there and was not made by a tour. Name another with --folder."
            )
        folder.mkdir(parents=True, exist_ok=True)
        with mark.open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderError(
                    f"Another tour is using {_shown(folder)}. End it, or name another folder with --folder."
                ) from None
            for each in folder.iterdir():
                if each.is_dir() and not each.is_symlink():
                    shutil.rmtree(each)
                elif each != mark:
                    each.unlink()
            yield folder
    except (PermissionError, NotADirectoryError) as error:
        raise FolderError(
            f"{_shown(folder)} cannot be written: {error.strerror}. Name another with --folder."
        ) from None


def _settle(project: Path) -> None:
    """Let the project's letters go to a folder one sees, and its portal to a free port."""
    file = project / "troth.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(?m)^to = .*$", 'to = "folder:letters"', text), encoding="utf-8")
    port.settle(project, port.WANTED)


def _keep(file: Path, environment: Mapping[str, str]) -> None:
    """Write down what a shell needs to go on with the project."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines += [
        "export TROTH_STAFF=marie",
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
    ]
    lines += [f"cd {shlex.quote(str(file.parent / 'project'))}"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file.chmod(0o600)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
