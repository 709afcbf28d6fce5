"""Finding a person: by an exact identifier, or by name and one thing more for a request, with the reason."""

from __future__ import annotations

from typing import Any

from litestar import Response

from troth.errors import NotAllowedError, NotFoundError
from troth.faces.console.desk import Desk, Visit
from troth.work import find_people


def people_pages(desk: Desk) -> None:
    """Register the search."""

    @desk.page("/people", "find_people")
    def ask(visit: Visit) -> Response[Any]:
        """GET /console/people: the two ways to look for somebody."""
        return draw(visit)

    @desk.act("/people", "find_people")
    def find(visit: Visit) -> Response[Any]:
        """POST /console/people: look, once that is recorded; nothing of it stands in an address."""
        try:
            if visit.given("by") == "name":
                found = find_people.by_name_and(
                    visit.project, visit.given("name"), visit.given("other"), visit.given("number"),
                    visit.given("reason"), visit.staff, language=visit.words.language,
                )  # fmt: skip
                return draw(visit, candidates=found)
            return draw(
                visit,
                found=find_people.by_identifier(
                    visit.project, visit.given("kind"), visit.given("value"), visit.staff
                ),
            )
        except (NotAllowedError, NotFoundError) as error:
            return draw(visit, wrong=str(error))

    def draw(visit: Visit, *, found: Any = None, candidates: Any = None, wrong: str = "") -> Response[str]:
        form = {name: visit.given(name) for name in ("kind", "name", "other", "number", "reason")}
        return visit.show(
            "people.html", visit.words("nav.people"), 422 if wrong else 200, kinds=find_people.kinds(visit.project),
            found=found, candidates=candidates, wrong=wrong, form=form, most=find_people.CANDIDATES_MAX,
            number=form["number"] or visit.asked("number"),
        )  # fmt: skip
