"""How a story ends: the audit judges the promise of the clause, and the proof holds without us."""

import json

from troth.ledger import read, seal
from troth.ledger.verify import verify
from troth.work import audit, dossier

MAELLE = "maelle.trevalenne@ateliers-loriots.example"
SEVERIN = "severin.obrannagh@ateliers-loriots.example"


def verdict(company, promise):
    """Return what the audit says of a promise."""
    return next(one for one in audit.audit(company) if one.promise == promise)


def proven(company, number):
    """Seal the ledger, verify it whole, and verify the request's dossier by the ledger's keys alone."""
    seal.seal_all(company.ledger)
    assert verify(company.ledger).whole
    told = json.loads(dossier.as_json(dossier.dossier(company, number, "dana")))
    assert dossier.verify(told, *seal.verifiers(company.ledger)) > 0
    return told


def kept(company, promise, number):
    """Say whether a promise is kept, with evidence of this request alone."""
    found = verdict(company, promise)
    assert found.word == "kept", found
    assert found.evidence
    return {read.event(company.ledger, event).request for event in found.evidence} == {number}
