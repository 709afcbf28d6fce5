"""The register's evidence: a contract, an assessment or a review is put on record, as the audit asks for it.

Law: GDPR Arts. 5(2), 24(1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from litestar import Response

from troth.errors import NotAllowedError, NotFoundError, WrongFileError
from troth.faces.console.desk import Desk, Visit
from troth.faces.console.promise_form import drawn
from troth.faces.words import NAMES
from troth.ledger import accounts
from troth.policy import form
from troth.policy.register import DocumentType
from troth.policy.words import words as policy_words
from troth.rules import control_evidence
from troth.rules.control_evidence import Missing
from troth.rules.register import Source
from troth.rules.remedy import free_name
from troth.work.establishment import day_here
from troth.work.record_document import about_fields, document_form, from_form, record_document

PREFIX = "document:"


def document_pages(desk: Desk) -> None:
    """Register the page that puts a document on record; the register is of the whole group."""

    @desk.page("/registers/record", "write_registers")
    def blank(visit: Visit) -> Response[Any]:
        """GET /console/registers/record: the form of a type, filled with what a promise needs."""
        visit.must("write_registers", "")
        promise, type_ = visit.asked("promise"), visit.asked("type")
        about: tuple[str, ...] = ()
        if promise:
            found = missing(visit).get(promise)
            if found is None:
                raise NotFoundError("This promise needs no document that is not on record.")
            type_, about = found.type, found.about
        if not type_:
            return visit.show(
                "register_record.html", visit.words("registers.record"), type="", types=_types(visit)
            )
        inputs = {"dated": [day_here(visit.project).isoformat()], **about_fields(visit.project, type_, about)}
        name = free_name(type_, about, visit.project.written)  # type: ignore[arg-type]
        return _page(visit, type_, name, promise, inputs)

    @desk.act("/registers/record", "write_registers")
    def record(visit: Visit) -> Response[Any]:
        """POST /console/registers/record: write it into the register, or say what is wrong with it."""
        visit.must("write_registers", "")
        type_, name, promise = visit.given("type"), visit.given("name"), visit.given("promise")
        fields = document_form(visit.project, type_, visit.words.language)
        posted = {
            one.removeprefix(PREFIX): [value for value in values if isinstance(value, str)]
            for one, values in visit.form.items()
            if one.startswith(PREFIX)
        }
        value, wrong = form.read(fields, posted, visit.words.language)
        if wrong:
            return _page(visit, type_, name, promise, posted, wrong)
        said = from_form(fields, value)
        account = accounts.read(visit.project.ledger, visit.staff.handle)
        try:
            record_document(
                visit.project, name, type_, (), said, str(said.pop("location", "")), visit.staff.handle,
                f"{account.name} <{account.email}>" if account else "",
            )  # fmt: skip
        except WrongFileError as error:
            refused = [f"{one.what} {one.remedy}" for one in error.problems]
            return _page(visit, type_, name, promise, posted, refused=refused)
        except NotAllowedError as error:
            return _page(visit, type_, name, promise, posted, refused=[str(error)])
        return visit.to("/audit" if promise else "/registers/documents", "told.registers.recorded")


def missing(visit: Visit) -> Mapping[str, Missing]:
    """Return what is not on record, by the promise that needs it."""
    return dict(_missing(visit))


def _missing(visit: Visit) -> Iterator[tuple[str, Missing]]:
    project = visit.project
    source = Source(project.policy, project.maps, day_here(project))
    for promise in project.policy.promises.values():
        mend = control_evidence.beside(promise, source).mend
        if isinstance(mend, Missing):
            yield promise.id, mend


def _types(visit: Visit) -> list[tuple[str, str]]:
    said = policy_words(visit.words.language)
    return [(one, said.word(one)) for one in get_args(DocumentType)]


def _page(
    visit: Visit, type_: str, name: str, promise: str, inputs: Mapping[str, Sequence[str]],
    wrong: Sequence[form.Wrong] = (), refused: Sequence[str] = (),
) -> Response[Any]:  # fmt: skip
    fields = document_form(visit.project, type_, visit.words.language)
    return visit.show(
        "register_record.html", visit.words("registers.record"), type=type_,
        type_said=dict(_types(visit))[type_], name=name,
        promise=promise, refused=refused,
        wrong=len(wrong), inputs=drawn(fields, inputs, wrong, visit.words("policy.row.key"), NAMES, PREFIX),
    )  # fmt: skip
