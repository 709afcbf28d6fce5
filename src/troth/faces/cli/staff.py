"""Who gives a command, where the record must name them."""

from __future__ import annotations

import typer

from troth.errors import NotAllowedError


def refuse_nobody(staff: str) -> None:
    """Raise NotAllowedError where the record would name nobody."""
    if not staff.strip():
        raise NotAllowedError(
            "Nobody is named, and the record says who did this. Add --staff NAME, or set TROTH_STAFF."
        )


def _named(context: typer.Context, staff: str) -> str:
    """Refuse a command that nobody gave; while a shell completes words, nothing is asked."""
    if not context.resilient_parsing:
        refuse_nobody(staff)
    return staff


STAFF = typer.Option(
    "",
    "--staff",
    "-s",
    help="Who you are, as it stands in the record; required.",
    envvar="TROTH_STAFF",
    callback=_named,
    show_default=False,
)
