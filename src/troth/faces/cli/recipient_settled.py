"""What staff say of a recipient on the command line: told by what proof, not to be told, or confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from troth.errors import NotAllowedError

if TYPE_CHECKING:
    from troth.work.project import Project

PROOF = typer.Option("", help="By what they were told: a register number, a mail, a call with whom.")
UNLESS = typer.Option(
    "", help="Instead: impossible or disproportionate_effort (GDPR Art. 19); a second person says the same."
)
REASON = typer.Option("", help="Why it is impossible or disproportionate, with the facts.")
CONFIRMED = typer.Option("", metavar="PROOF", help="By what they confirmed having done the same.")


def settle(
    project: Project, number: str, claim: str, recipient: str, staff: str, *, proof: str, unless: str,
    reason: str, confirmed: str,
) -> None:  # fmt: skip
    """Record one of the three; `claim` is empty where `number` is a choice that came without a request."""
    from troth.work import settle_recipient

    if sum(bool(one) for one in (proof, unless, confirmed)) != 1:
        raise NotAllowedError("Say one thing: --proof, --unless or --confirmed.")
    if unless not in {"", "impossible", "disproportionate_effort"}:
        raise NotAllowedError(
            "A recipient is told unless that is impossible or disproportionate_effort (GDPR Art. 19)."
        )
    if proof:
        settle_recipient.told(project, number, claim, recipient, staff, proof)
    elif confirmed:
        settle_recipient.confirmed(project, number, claim, recipient, staff, confirmed)
    else:
        settle_recipient.excuse(project, number, claim, recipient, staff, unless, reason)  # type: ignore[arg-type]
