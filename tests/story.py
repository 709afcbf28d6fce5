"""What staff do with a request, in short: used by the tests of work."""

from troth.ledger import read
from troth.work import (
    build_package,
    carry_on,
    decide,
    extend,
    open_request,
    plan_erasure,
    prove_address,
    request_file,
)


def ask(project, *rights, email="ada@example.org", **more):
    return open_request.open_request(project, rights, email, **more).number


def prove(project, number, code):
    prove_address.send_code(project, number)
    assert prove_address.take_code(project, number, code())


def grant_erasure(project, number, claim="c1", exemptions=()):
    """Grant an erasure, or a part of it where something is exempt."""
    outcome, reason = ("part", "The law asks for it.") if exemptions else ("grant", "")
    decide.decide(project, number, claim, outcome, "marie", ground="a", exemptions=exemptions, reason=reason)
    decide.review(project, number, claim, "paul")
    plan = plan_erasure.measure(project, number, claim, staff="marie")
    plan_erasure.approve(project, number, claim, plan.facts["plan_sha256"], "paul")
    return plan


def grant_access(project, number, claim="c1"):
    decide.decide(project, number, claim, "grant", "marie")
    carry_on.carry_on(project, number)
    opened = b"".join(build_package.open_package(project, number, claim, "marie"))
    build_package.release(project, number, claim, staff="marie")
    return opened


def take_longer(project, number, reason="complexity", reasons="Nine archives.", posted=""):
    """Let one person propose to extend, where nobody did, and another confirm it."""
    if not state(project, number).get("extension_proposed"):
        extend.propose(project, number, reason, "marie", reasons=reasons)
    return extend.confirm(project, number, "paul", posted=posted)


def state(project, number):
    return request_file.load(project, number).state


def kinds(project, number):
    return [event.kind for event in read.stream(project.ledger, f"request/{number}")]
