"""One request: where it stands, why its dates are those, its claims and plans, its course, and what staff do to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response

from troth.errors import NotAllowedError, NotFoundError, TrothError
from troth.faces.console import request_shown as shown
from troth.faces.console import since
from troth.faces.console.acts import Act, Sight, every, nothing
from troth.faces.console.acts_claims import ANSWERS, CLAIMS
from troth.faces.console.acts_course import COURSE
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.progress import Step, Works, live
from troth.faces.in_turn import in_turn
from troth.ledger import lease, read
from troth.rules import claim as claim_rules
from troth.rules.letter import Written
from troth.rules.staff import Duty
from troth.work import carry_on, request_file
from troth.work.open_request import Opened

ACTS: Mapping[str, Act] = every(COURSE, CLAIMS, ANSWERS)
TIMELINE_MAX = 200


def request_pages(desk: Desk) -> None:
    """Register the page of a request, its forms, and how far it is carried out."""
    works = Works(desk.project)

    @desk.page("/requests/{number:str}", "read_requests")
    def one(visit: Visit) -> Response[Any]:
        """GET /console/requests/NUMBER: everything about it that names nobody."""
        sight = seen(visit)
        state, words, due = sight.state, visit.words, shown.deadline(sight)
        events = read.stream(visit.project.ledger, sight.file.stream)
        going, run = goes_on(sight), works.last(_name(sight.number))
        done, of = shown.far(state)
        return visit.show(
            "request.html", sight.number, state=state, due=due, explained=shown.explained(due, words),
            flags=shown.flags(due, words), holds=shown.holds(sight), next=shown.next_steps(sight, ACTS),
            claims=shown.claims(sight, CLAIMS), course=shown.offered(sight, COURSE),
            answers=shown.offered(sight, ANSWERS), events=shown.timeline(events[-TIMELINE_MAX:], words), going=going,
            failed=run.failed if run is not None and not going else "", done=done, of=of,
            said=shown.sentence(events[-1], words), day=shown.as_day, handles=visit.may("handle", _entity(sight)),
            documents=[name for name, told in (state.get("documents") or {}).items() if not told["gone"]],
            person=visit.may("find_people", _entity(sight)),
        )  # fmt: skip

    def goes_on(sight: Sight) -> bool:
        """Say whether this server, or a worker, is at the request now."""
        leased = lease.goes_on(sight.project.ledger, sight.file.stream)
        return leased or works.going(_name(sight.number))

    @desk.page("/requests/{number:str}/progress", "read_requests")
    def progress(visit: Visit) -> Response[Any]:
        """GET /console/requests/NUMBER/progress: how far it is, as server-sent events, until nobody is at it."""
        sight = seen(visit)

        def poll() -> Step | None:
            if not goes_on(sight):
                return None
            state = request_file.load(sight.project, sight.number).state
            events = read.stream(sight.project.ledger, sight.file.stream)
            return Step(*shown.far(state), shown.sentence(events[-1], visit.words))

        return live(visit, poll)

    @desk.act("/requests/{number:str}/carry", "handle")
    def carry(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/carry: do whatever is decided and approved; the answer is looked at first."""
        sight = seen(visit, "handle")
        project, number, name = visit.project, sight.number, _name(sight.number)
        if not goes_on(sight):
            works.begin(name, sight.staff, lambda _: carry_on.carry_on(project, number, answers=False))
            works.wait(name)
        run = works.last(name)
        if run is not None and run.failed:
            raise NotAllowedError(run.failed)
        if carry_on.awaits_answer(request_file.load(project, number).state):
            return visit.to(f"/requests/{number}/do/answer", "told.carried.answer")
        return visit.to(f"/requests/{number}", "told.carried")

    @desk.page("/requests/{number:str}/do/{act:str}", "read_requests")
    def form(visit: Visit) -> Response[Any]:
        """GET /console/requests/NUMBER/do/ACT: the form of an act, with what must be known to fill it."""
        act, sight = _act(visit)
        return draw(act, sight)

    @desk.act("/requests/{number:str}/do/{act:str}", "read_requests", files=True)
    def do(visit: Visit) -> Response[Any]:
        """POST /console/requests/NUMBER/do/ACT: show the letter that would go out, or do it."""
        with in_turn(visit.project, f"request/{visit.path['number']}"):
            return done_now(visit)

    def done_now(visit: Visit) -> Response[Any]:
        act, sight = _act(visit)
        moved = since.moved(sight, act.name)
        if moved:
            return draw(act, sight, moved=moved)
        if not act.when(sight):
            raise NotAllowedError("This does not come into question any more. Look at the request again.")
        try:
            request_file.refuse_unless(act.why_not(sight))
            if act.letter is not None and visit.given("step") != "send":
                request_file.record_reading(visit.project, sight.number, sight.staff, act.name)
                found = act.letter(sight)
                letters = found if isinstance(found, tuple) else (found,)
                if letters:
                    return draw(act, sight, letters=letters)
            became = act.do(sight)
        except TrothError as error:
            if isinstance(error, NotFoundError):
                raise
            return draw(act, sight, wrong=str(error))
        to = became.number if isinstance(became, Opened) else sight.number
        return visit.to(f"/requests/{to}", "told.act_done")

    def draw(
        act: Act, sight: Sight, *, wrong: str = "", moved: str = "", letters: tuple[Written, ...] = ()
    ) -> Response[str]:
        visit = sight.visit
        known: list[tuple[str, str]] = []
        why_not = list(act.why_not(sight)) if act.when(sight) else [visit.words("act.not_now")]
        if (act.reads is not nothing or act.foresee is not None) and act.when(sight):
            if not letters:
                request_file.record_reading(visit.project, sight.number, sight.staff, act.name)
            known = list(act.reads(sight))
        right = str(sight.told["right"]) if sight.claim else ""
        matrix = (
            claim_rules.matrix(visit.project.policy, right, str(sight.state["jurisdiction"]), sight.today)
            if act.name == "decide" else ()
        )  # fmt: skip
        plan = sight.told["plan"] if act.name in {"approve", "review"} and sight.claim else None
        return visit.show(
            "request_act.html", visit.words(f"act.{act.name}"), 409 if moved else 422 if wrong else 200, act=act,
            number=sight.number, moved=moved, seen=since.mark(sight, act.name),
            claim=sight.claim, right=right, wrong=wrong, letters=letters, fields=list(act.fields(sight)), known=known,
            why_not=why_not, foreseen=act.foresee(sight) if act.foresee is not None and not why_not else None,
            plan=shown.plan(plan["stores"]) if plan else None, sha=plan["sha256"][:12] if plan else "", matrix=matrix,
            given=visit.form, day=shown.as_day,
        )  # fmt: skip


def seen(visit: Visit, duty: Duty = "read_requests") -> Sight:
    """Return the request an address names, for whoever has a duty for its company."""
    file = request_file.load(visit.project, str(visit.path["number"]))
    visit.must(duty, str(file.state["entity"]))
    return Sight(visit, file)


def _act(visit: Visit) -> tuple[Act, Sight]:
    sight = seen(visit)
    act = ACTS.get(str(visit.path["act"]))
    if act is None:
        raise NotFoundError("There is no such act.")
    visit.must(act.duty, _entity(sight))
    claim = (visit.given("claim") or visit.asked("claim")) if act.of_claim else ""
    sight = Sight(visit, sight.file, claim)
    if act.of_claim:
        sight.file.claim(claim)
    return act, sight


def _entity(sight: Sight) -> str:
    return str(sight.state["entity"])


def _name(number: str) -> str:
    return f"request/{number}/carry"
