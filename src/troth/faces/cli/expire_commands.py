"""`troth expire`: old versions of tables, proofs of consents and own records, removed once their time is over."""

from __future__ import annotations

import typer

from troth.faces.cli.console import as_json, out
from troth.faces.cli.context import project


def expire(
    stores: list[str] = typer.Argument(
        None, help="Stores by their names; left out, all that keep versions.", metavar="[STORE]..."
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Remove what is older than it may be: old versions of tables, as `versions_expire` of a map says, and proofs.

    Where no store is named the proofs of consents go too that ended longer ago than `proof_retained` of the
    policy says, and Troth's own records of five years ago. The worker does that by itself.

    Example: troth expire events
    """
    from troth.work import destroy_proof, destroy_records, expire_versions

    opened = project()
    done = expire_versions.expire(opened, stores or [])
    gone = None if stores else destroy_proof.destroy_due(opened)
    records = 0 if stores else destroy_records.destroy_due(opened)
    if json:
        told = {"proofs": gone.proofs, "tellings": gone.tellings, "records": records} if gone else {}
        as_json({"files": done, **told})
        return
    for name, files in done.items():
        out().print(f"{name}: files of old versions removed: {files}.")
    if not done:
        out().print("No map says `versions_expire`, so no store keeps old versions that Troth should remove.")
    if gone is not None and (gone.proofs or gone.tellings):
        out().print(
            f"Proofs of consents destroyed: {gone.proofs}; of what recipients were told: {gone.tellings}."
        )
    if records:
        out().print(f"Own records destroyed: {records}.")
