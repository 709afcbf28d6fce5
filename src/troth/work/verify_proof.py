"""Verify what somebody holds of the ledger: a receipt of one event, or the dossier of a request.

Nothing is read from this project's stores, and nothing is written; whose keys are believed is for the caller to say.

Law: GDPR Arts. 5(2), 7(1).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from troth.errors import NotAllowedError, TamperedError
from troth.ledger import receipt
from troth.ledger.note import Verifier
from troth.ledger.receipt import Received
from troth.work import dossier


@dataclass(frozen=True, slots=True)
class Dossier:
    """A dossier that is whole: its request, how many events it has, and how many of them are sealed."""

    request: str
    events: int
    sealed: int


def verify_proof(written: bytes, *trusted: Verifier) -> Received | Dossier:
    """Verify a receipt or a dossier; without `trusted` keys, those it names itself are believed.

    Raises TamperedError when anything does not fit, NotAllowedError when it is neither.
    """
    try:
        told = json.loads(written)
    except RecursionError:
        raise NotAllowedError("This is no receipt: it is nested too deeply to be one.") from None
    except ValueError:  # also what is no UTF-8
        raise NotAllowedError("This is no receipt: it is not JSON.") from None
    try:
        if dossier.is_dossier(told):
            sealed = dossier.verify(told, *trusted)
            return Dossier(str(told["request"]), len(told["events"]), sealed)
        return receipt.verify(written, *trusted)
    except (TypeError, AttributeError, KeyError, IndexError, ValueError, OverflowError):
        raise TamperedError("This is not in the form in which it was written: it was changed.") from None
