"""`troth ledger` and `troth verify`: what the ledger proves, to whoever asks."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError, NotFoundError, TamperedError
from troth.faces.cli.console import as_json, err, out, progress
from troth.faces.cli.context import project

if TYPE_CHECKING:
    from troth.ledger.receipt import Received
    from troth.work.verify_proof import Dossier

app = typer.Typer(no_args_is_help=True, help="Verify, seal, rebuild and export the ledger.")


@app.command()
def verify(
    checkpoint: Path | None = typer.Option(None, help="A checkpoint kept elsewhere, to compare with."),
    seals: bool = typer.Option(
        False, "--seals", help="Look at sealed events and checkpoints alone: many times faster."
    ),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """Verify every sealed event, checkpoint, payload and state; exit 4 when anything was changed.

    Example: troth ledger verify --checkpoint last-month.txt
    """
    from troth.ledger.verify import verify as verified
    from troth.ledger.verify_seals import verify_seals

    if seals and checkpoint:
        raise NotAllowedError(
            "--seals compares with the ledger's own checkpoints: leave --checkpoint out, or --seals."
        )
    outside = _text(checkpoint) if checkpoint else None
    ledger = project().ledger
    with progress("Verifying") as advance:
        found = verify_seals(ledger, advance) if seals else verified(ledger, outside=outside, told=advance)
    if json:
        as_json(
            {
                "whole": found.whole,
                "sealed": found.sealed,
                "unsealed": found.unsealed,
                "unsealed_seconds": round(found.unsealed_seconds, 3),
                "checkpoints": found.checkpoints,
                "root": found.root.hex(),
                "payloads": found.ciphertexts,
                "wrong": [{"event": wrong.event, "what": wrong.what} for wrong in found.wrong],
            }
        )
    else:
        waiting = f", {found.unsealed} waiting for {found.unsealed_seconds:.0f} s" if found.unsealed else ""
        out().print(
            f"{found.sealed} events sealed{waiting}; {found.checkpoints} checkpoint"
            f"{'' if found.checkpoints == 1 else 's'}; root {found.root.hex()}"
        )
        for wrong in found.wrong:
            out().print(f"  {wrong.event or 'ledger'}: {wrong.what}", style="red")
        out().print("Everything is as it was written." if found.whole else "The ledger was changed.")
    if not found.whole:
        raise typer.Exit(4)


@app.command()
def seal() -> None:
    """Seal what is not sealed yet, and print the signed checkpoint.

    Example: troth ledger seal > checkpoint.txt
    """
    from troth.ledger.seal import seal_all

    checkpoint = seal_all(project().ledger)
    if checkpoint is None:
        raise NotFoundError("There is nothing to seal: this ledger has no event yet.")
    sys.stdout.write(checkpoint.note)


@app.command()
def rebuild() -> None:
    """Fold all state anew from the events.

    Example: troth ledger rebuild
    """
    from troth.ledger.rebuild import rebuild as rebuilt

    with progress("Folding") as advance:
        streams = rebuilt(project().ledger, advance)
    out().print(f"The state of {streams} streams was folded anew.")


@app.command()
def export(
    file: Path = typer.Argument(..., help="Where to write; - for standard output."),
) -> None:
    """Write the sealed events, the checkpoint and the keys to verify them with; no payload is in it.

    Example: troth ledger export ledger.jsonl && troth verify ledger.jsonl
    """
    from troth.ledger.export import export as exported
    from troth.ledger.seal import seal_all

    ledger = project().ledger
    seal_all(ledger)
    if str(file) == "-":
        for line in exported(ledger):
            sys.stdout.buffer.write(line)
        return
    with file.open("wb") as opened:
        opened.writelines(exported(ledger))
    err().print(f"Written to {file}. `troth verify {file}` verifies it anywhere.")


@app.command()
def key() -> None:
    """Print the public keys that verify this ledger's checkpoints and receipts, the newest first.

    Example: troth ledger key > vkey.txt
    """
    from troth.ledger.seal import verifiers

    for one in verifiers(project().ledger):
        out().print(str(one))


@app.command()
def receipt(event: str = typer.Argument(..., help="The id of an event.")) -> None:
    """Print the receipt of an event, which `troth verify` verifies offline.

    Example: troth ledger receipt 01M83Y90JY… > receipt.json
    """
    from troth.ledger.receipt import receipt as received

    sys.stdout.buffer.write(received(project().ledger, event))


@app.command("rotate-master")
def rotate_master(
    to: str = typer.Option(
        ..., help="The new master key: env:NAME or file:PATH (made where it is not there)."
    ),
) -> None:
    """Wrap every key anew under another master key; then name it in troth.toml.

    Example: troth ledger rotate-master --to file:.troth/master-2.key
    """
    from troth.ledger.keys import rotate_master as rotated
    from troth.ledger.master_key import master_key

    opened = project()
    new = master_key(to, opened.settings.folder)
    if new.id == opened.ledger.master.id:
        raise NotAllowedError("That is the master key in use already. Name another.")
    count = rotated(opened.ledger, new)
    out().print(
        f'{count} keys were wrapped anew. Now write master_key = "{to}" in troth.toml, under \\[ledger].'
    )


@app.command("rotate-seal")
def rotate_seal() -> None:
    """Sign with a new key from now on; the old ones still verify what they signed.

    Example: troth ledger rotate-seal
    """
    from troth.ledger.keys import rotate_own
    from troth.ledger.seal import PURPOSE

    out().print(f"Version {rotate_own(project().ledger, PURPOSE)} of the signing key is in use.")


@app.command()
def destroyed() -> None:
    """Print the ids of every destroyed key as a signed note; keep it wherever you keep checkpoints.

    Example: troth ledger destroyed > destroyed.txt
    """
    from troth.ledger.destroy import destroyed_note

    sys.stdout.write(destroyed_note(project().ledger))


@app.command()
def settle(
    destroyed: Path | None = typer.Option(
        None, help="The newest list of destroyed keys, as `troth ledger destroyed` prints it."
    ),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """After a restore: destroy again the keys that were destroyed, and read back from the stores what was forgotten.

    Example: troth ledger settle --destroyed destroyed.txt
    """
    from troth.ledger.destroy import destroy_again
    from troth.ledger.destroy import settle as settled
    from troth.work.read_back import read_back

    opened = project()
    listed = destroy_again(opened.ledger, _text(destroyed)) if destroyed else 0
    recorded, again = settled(opened.ledger)
    forgotten = read_back(opened)
    opened.close()
    if json:
        steps = [{"store": one.store, "step": one.step, "request": one.request} for one in forgotten]
        as_json({"destroyed_again": listed + again, "recorded": recorded, "forgotten": steps})
        return
    out().print(f"{listed + again} keys were destroyed again, {recorded} destructions were recorded.")
    if not forgotten:
        out().print("The stores remember no step that this ledger has forgotten.")
        return
    out().print(f"{len(forgotten)} steps that this ledger had forgotten were read back from the stores:")
    for one in forgotten:
        of = f" (request {one.request})" if one.request else ""
        out().print(f"  {one.store}: {one.step}{of}", markup=False)
    out().print("Enter those requests anew from the letters and the mail they came by, if they are not here.")


def verify_file(
    file: Path = typer.Argument(
        ...,
        help="A receipt, a dossier, a bundle of an inspection, or a ledger written by `troth ledger export`.",
    ),
    key: Path | None = typer.Option(
        None, help="A file of public keys to trust, as `troth ledger key` prints them."
    ),
    json: bool = typer.Option(False, "--json", help="Write the result as JSON."),
) -> None:
    """Verify a receipt, dossier, bundle or exported ledger without network or database; exit 4 when it was changed.

    Without --key the keys in the file itself are believed: that shows it whole, not whose it is.

    Example: troth verify receipt.json --key vkey.txt
    """
    from troth.ledger import export
    from troth.ledger.note import Verifier
    from troth.ledger.verify import verify_export
    from troth.work import inspection_bundle
    from troth.work.verify_proof import verify_proof

    trusted = tuple(Verifier.read(line) for line in _text(key).splitlines() if line.strip()) if key else ()
    if not file.is_file():
        raise NotFoundError(f"There is no file {str(file)!r}.")
    with file.open("rb") as opened:
        first = opened.readline(1 << 20)
        opened.seek(0)
        if first.startswith(b"PK"):
            bundle = inspection_bundle.verify(opened, *trusted)
            told: dict[str, object] = {"whole": True, **asdict(bundle)}
            items = "1 item" if bundle.items == 1 else f"{bundle.items} items"
            sentence = (
                f"Genuine: inspection {bundle.inspection}, {items}, none changed or missing, frozen at "
                f"{bundle.size} events."
            )
        elif export.FORMAT.encode() in first:
            found = verify_export(iter(opened), *trusted)
            if found.wrong:
                raise TamperedError(" ".join(wrong.what for wrong in found.wrong))
            told = {"whole": True, "events": found.sealed, "root": found.root.hex()}
            sentence = f"Whole: {found.sealed} events, root {found.root.hex()}."
        else:
            told, sentence = _proven(verify_proof(opened.read(), *trusted))
    if json:
        as_json(told | {"key_given": bool(trusted)})
        return
    out().print(sentence)
    if not trusted:
        err().print("The keys in the file were believed; with --key you also learn whose it is.")


def _proven(found: Received | Dossier) -> tuple[dict[str, object], str]:
    """Return what a receipt or a dossier says, as values and as a sentence."""
    from troth.ledger.receipt import Received

    if isinstance(found, Received):
        event = found.event
        place = f"proven in a tree of {found.size} events" if found.sealed else "promised, not sealed yet"
        told = {"whole": True, "event": event.id, "kind": event.kind, "at": event.at, "sealed": found.sealed}
        return told, f"Genuine: {event.kind} of {event.at:%Y-%m-%d %H:%M:%S} UTC, {place}, by {found.signer}."
    return (
        {"whole": True, "request": found.request, "events": found.events, "sealed": found.sealed},
        f"Genuine: request {found.request}, {found.events} events in order, none missing, {found.sealed} sealed.",
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise NotFoundError(f"The file {str(file)!r} cannot be read.") from None
