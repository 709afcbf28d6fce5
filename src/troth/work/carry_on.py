"""Carry requests on: whatever needs no decision is done, by whichever worker takes it.

A worker claims a request by its lease, does the next steps that are due, and lets it go.
Work cut short is taken up by the next worker; a store that is away is tried again later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from troth.errors import ConflictError, NotAllowedError, TrothError, UnreachableError
from troth.ledger import lease, read, replay, seal
from troth.rules import request, request_guard
from troth.rules.claim import WAYS
from troth.rules.sweep import FAMILY as SWEEPS
from troth.work import (
    answer,
    await_answer,
    build_package,
    choose,
    close_request,
    destroy_file,
    destroy_mail,
    erase,
    inform,
    list_recipients,
    open_request,
    record_consent,
    release,
    remind_hold_owners,
    request_file,
    restrict_at_once,
    send_letter,
    show_document,
    sweep,
    take_instruction,
    task,
    tell_owners,
    tell_recipients,
)
from troth.work.establishment import day_here
from troth.work.keep_time import KeepTime
from troth.work.project import Project

LOG = logging.getLogger("troth.worker")
LEASE_SECONDS = 120
RENEWALS_MAX = 540  # six hours; a worker that hangs for longer is overtaken
ACKNOWLEDGED_WITHIN = timedelta(minutes=1)
IDLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of a worker did."""

    carried: int
    failed: int
    sealed: int


def carry_on(
    project: Project,
    number: str,
    *,
    stop_at: Callable[[str], object] = lambda _: None,
    lease_seconds: float = LEASE_SECONDS,
    answers: bool = True,
) -> bool:
    """Do what is due in one request and needs nobody's decision; say whether anything was done.

    False also when another worker has it.  Without `answers` all but the last letter: whoever has it carried on by
    a button looks at that first.
    """
    taken = lease.claim(project.ledger, f"request/{number}", lease_seconds)
    if taken is None:
        return False
    try:
        with _held(project, taken, lease_seconds):
            before = request_file.load(project, number).version
            _steps(project, number, taken, stop_at, answers)
            return request_file.load(project, number).version > before
    finally:
        lease.release(project.ledger, taken)


@contextmanager
def _held(project: Project, taken: lease.Lease, seconds: float) -> Iterator[None]:
    """Hold a lease for as long as its work goes on: a large store is searched for longer than one lasts."""
    done = threading.Event()

    def renewing() -> None:
        for _ in range(RENEWALS_MAX):
            if done.wait(seconds / 3):
                return
            with suppress(TrothError):
                lease.renew(project.ledger, taken, seconds)

    renewer = threading.Thread(target=renewing, name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join()


def _steps(
    project: Project, number: str, taken: lease.Lease, stop_at: Callable[[str], object], answers: bool
) -> None:
    send_letter.send_again(project, number)
    state = request_file.load(project, number).state
    silent = state["letters"] or state.get("imported")  # what was imported was acknowledged elsewhere, or not
    if request.is_open(state) and not silent and _left_unacknowledged(project, number):
        open_request.acknowledge(project, number)
    show_document.let_go(project, number)
    await_answer.await_answer(project, number)
    if request.is_open(state):
        choose.on_receipt(project, number)
        restrict_at_once.restrict_at_once(project, number, stop_at=stop_at)
        state = request_file.load(project, number).state
    for name, claim in state["claims"].items():
        if not request.is_open(state) or claim["outcome"] not in {"grant", "part"} or claim["done"]:
            continue
        match WAYS[claim["right"]]:
            case "copy" if task.give(project, number, name, lease=taken):
                stop_at("tasks given")  # the answer is built when they are back
            case "copy" if claim["package"] is None and not task.open_in(project, number, name):
                build_package.build_package(project, number, name)
                stop_at("package built")
            case "erasure" if not list(request_guard.why_not_act(state, name)):
                erase.erase(project, number, name, lease=taken, stop_at=stop_at)
            case "choice" if not request_guard.needs_review(claim):
                choose.choose(project, number, name, lease=taken)
                stop_at("chosen")
            case "list" if not request_guard.needs_review(claim):
                list_recipients.list_recipients(project, number, name)
                stop_at("listed")
            case "person" if not request_guard.needs_review(claim):
                if task.give(project, number, name, lease=taken):
                    stop_at("tasks given")
                elif claim["right"] == "restrict":
                    restrict_at_once.confirm(project, number, name)
            case _:
                pass
    for name, claim in state["claims"].items():
        if request.is_open(state) and claim.get("by") and not tell_recipients.all_told(project, number, name):
            tell_recipients.tell_recipients(project, number, name, lease=taken, stop_at=stop_at)
    task.write_letters(project, number, lease=taken)
    if answers and awaits_answer(request_file.load(project, number).state):
        answer.answer(project, number)
        stop_at("answered")
    take_instruction.report(project, number)
    state = request_file.load(project, number).state
    if state["status"] in {"responded", "refused", "withdrawn", "not_identifiable"}:
        until = request.answer_until(state)
        over = until is None or day_here(project) > until
        if over and not list(request_guard.why_not_close(state)):  # what was late waits to be explained
            close_request.close(project, number)


def awaits_answer(state: Mapping[str, Any]) -> bool:
    """Say whether everything is decided and carried out, and only the last letter has not left."""
    tried = any(told["kind"] in {"done", "refusal"} for told in state["letters"])  # then `send_again` goes on
    return request.is_open(state) and not tried and not list(request_guard.why_not_answer(state))


def _left_unacknowledged(project: Project, number: str) -> bool:
    """Tell whether whoever took the request in was stopped before its first letter, and is not at it now."""
    received = read.stream(project.ledger, f"request/{number}")[0]
    return project.clock() > received.at + ACKNOWLEDGED_WITHIN


def one_round(project: Project) -> Round:
    """Look at every request that has not closed, the most urgent first, and seal what was written."""
    carried = failed = 0
    for found in read.states(project.ledger, "request", other_than="closed"):
        try:
            carried += carry_on(project, found.stream.partition("/")[2])
        except (ConflictError, NotAllowedError, UnreachableError) as error:
            failed += 1
            LOG.warning("%s: %s", found.stream, error)
        except TrothError as error:
            failed += 1
            LOG.error("%s: %s", found.stream, error)
        except Exception as error:  # one request that cannot be carried on holds up no other
            failed += 1
            LOG.error("%s: it could not be carried on (%s).", found.stream, type(error).__name__)
    failed += not _released(project)
    tell_owners.tell(project)
    remind_hold_owners.remind_hold_owners(project)
    failed += _swept(project)
    tomorrow = (day_here(project) + timedelta(days=1)).isoformat()
    for found in read.states(project.ledger, "request", status="closed", due_before=tomorrow):
        number = found.stream.partition("/")[2]
        close_request.drop_answer(project, number)
        destroy_file.destroy_file(project, number, day_here(project))
    today = day_here(project)
    destroy_mail.old(project, today)
    inform.forget_old(project)
    if replay.expired(project.ledger, today):
        replay.expire(project.ledger, today)
    record_consent.expire(project)
    sealed = 0
    while (checkpoint := seal.seal(project.ledger)) is not None:
        sealed = checkpoint.size
    return Round(carried, failed, sealed)


def _released(project: Project) -> bool:
    """Erase what ended holds had kept back; say whether that went well."""
    try:
        release.release(project)
    except TrothError as error:
        LOG.warning("What a hold had kept back is not erased yet: %s", error)
        return False
    return True


def _swept(project: Project) -> int:
    """Carry out the marked sweeps whose grace is over; return how many could not be."""
    tomorrow = (day_here(project) + timedelta(days=1)).isoformat()
    if next(iter(read.states(project.ledger, SWEEPS, due_before=tomorrow)), None) is None:
        return 0
    wrong = [one for one in sweep.act(project) if isinstance(one, TrothError)]
    for error in wrong:
        LOG.warning("%s", error)
    return len(wrong)


def work(project: Project, go_on: Callable[[], bool]) -> None:
    """Carry on round after round while `go_on` says so; and what is done now and then when it is time."""
    timed = KeepTime(project)
    while go_on():
        try:
            one_round(project)
        except TrothError as error:
            LOG.error("%s", error)
        timed.look()
        time.sleep(IDLE_SECONDS)
